//! Previews of links, against somebody who really serves a page, serves too much of it, or leads
//! astray.

use crate::house::receiver::{Receiver, Reply};
use crate::house::{House, Person, int, key};
use serde_json::{Value, json};
use std::time::Duration;

const PAGE: &str = "<title>Tea</title><meta name=description content='All about tea.'>";

async fn house() -> House {
    House::with(|config| {
        config.outbound_allow = vec!["127.0.0.1/32".parse().expect("a network")];
    })
    .await
}

fn page() -> Reply {
    Reply::Say(200, "text/html; charset=utf-8", PAGE.into())
}

async fn preview(person: &Person, url: &str) -> Value {
    person.get(&format!("/previews?url={url}")).await.ok(200)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_asked_once_however_many_look() {
    let (house, receiver) = (house().await, Receiver::open().await);
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    receiver.answers(|_| page());
    let url = receiver.url("/tea");
    let looks = (0..8).map(|n| {
        let (who, url) = (if n % 2 == 0 { ada.clone() } else { lin.clone() }, url.clone());
        async move { preview(&who, &url).await }
    });
    for said in futures_util::future::join_all(looks).await {
        assert_eq!(
            said,
            json!({"url": url, "title": "Tea", "description": "All about tea.",
            "image": null})
        );
    }
    let heard = receiver.next().await;
    assert!(!heard.headers.contains_key("authorization"), "{heard:?}");
    assert!(receiver.rest().is_empty(), "once");
    // After a day it is asked anew.
    house.clock.turn(Duration::from_secs(24 * 3600 + 1));
    let ada = house.login("ada").await;
    preview(&ada, &url).await;
    receiver.next().await;
    // Another tenant does not profit from what this one looked at.
    let (_, eve) = house.founds("other", json!({})).await;
    preview(&eve, &url).await;
    receiver.next().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_shown_is_nothing_and_told_alike() {
    let house = House::with(|config| {
        config.outbound_allow = vec!["127.0.0.1/32".parse().expect("a network")];
        config.outbound_patience = Duration::from_millis(400);
    });
    let (house, receiver) = (house.await, Receiver::open().await);
    let ada = house.ada().await;
    receiver.answers(|heard| match heard.path.as_str() {
        "/gone" => Reply::status(404),
        "/picture" => Reply::Say(200, "image/png", "<title>x</title>".into()),
        "/metadata" => Reply::Lead(302, "http://169.254.169.254/".into()),
        "/silent" => Reply::Silence,
        "/endless" => Reply::Flood,
        _ => Reply::HangUp,
    });
    let mut urls: Vec<_> = ["/gone", "/picture", "/metadata", "/silent", "/endless", "/broken"]
        .iter()
        .map(|path| receiver.url(path))
        .collect();
    urls.extend(["http://[::1]/".into(), "http://10.0.0.1/".into()]);
    for url in urls {
        let said = preview(&ada, &url).await;
        let nothing = json!({"url": url, "title": null, "description": null, "image": null});
        assert_eq!(said, nothing);
        let before = receiver.connections();
        preview(&ada, &url).await;
        assert_eq!(receiver.connections(), before, "{url} is not asked again at once");
    }
    for url in ["ftp://a.example/", "nowhere", "http://ada:tea@a.example/", ""] {
        let said = ada.get(&format!("/previews?url={url}")).await;
        assert!(said.status == 422 && said.blames("url"), "{url}: {said:?}");
    }
    assert!(ada.get("/previews").await.blames("url") || ada.get("/previews").await.status == 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_off_where_the_tenant_or_the_person_says_so() {
    let (house, receiver) = (house().await, Receiver::open().await);
    receiver.answers(|_| page());
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let path = format!("/previews?url={}", receiver.url("/"));
    lin.put("/users/me/storage/previews", json!(false)).await.ok(204);
    assert_eq!(lin.get(&path).await.refused(), (403, "forbidden"));
    ada.get(&path).await.ok(200);
    lin.put("/users/me/storage/previews", json!(true)).await.ok(204);
    lin.get(&path).await.ok(200);
    let tenant = int(&ada.get("/admin/tenants").await.ok(200)["items"][0]["tenant"]);
    let off = json!({"config": {"previews": false}});
    ada.patch(&format!("/admin/tenants/{tenant}"), off).await.ok(200);
    assert_eq!(ada.get(&path).await.refused(), (403, "forbidden"));
    assert_eq!(receiver.rest().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_deleted_message_named_is_forgotten() {
    let (house, receiver) = (house().await, Receiver::open().await);
    receiver.answers(|_| page());
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let url = receiver.url("/tea");
    let body = json!({"key": key(), "text": format!("see [here]({url}), it is good")});
    let said = ada.post(&format!("/rooms/{room}/messages"), body).await.ok(201);
    preview(&ada, &url).await;
    receiver.next().await;
    ada.delete(&format!("/rooms/{room}/messages/{}", said["seq"])).await.fine();
    preview(&ada, &url).await;
    receiver.next().await;
}
