//! Previews of links, against somebody who really serves a page, serves too much of it, or leads
//! astray.

use crate::house::{House, Person, int, key};
use crate::pictures;
use hallway_outside::{Listener, Reply};
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
    let (house, receiver) = (house().await, Listener::open().await);
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
    let (house, receiver) = (house.await, Listener::open().await);
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
    let (house, receiver) = (house().await, Listener::open().await);
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
    let (house, receiver) = (house().await, Listener::open().await);
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

/// A page with a picture, and the picture.
fn pictured(heard: &hallway_outside::Heard) -> Reply {
    match heard.path.as_str() {
        "/cup.jpg" => Reply::Bytes("image/png", pictures::from_a_phone(1200, 600)),
        "/noise" => Reply::Bytes("image/png", b"\x89PNG\r\n\x1a\nno picture".to_vec()),
        "/large" => Reply::Bytes("image/png", [pictures::png(4, 4), vec![0; 1 << 20]].concat()),
        "/wide" => Reply::Bytes("image/png", hallway_outside::pictures::hollow(100_000, 100_000)),
        "/drawn" => Reply::Say(200, "image/svg+xml", "<svg onload=alert(1)/>".into()),
        "/away" => Reply::Lead(302, "http://169.254.169.254/x.png".into()),
        page => Reply::Say(
            200,
            "text/html",
            format!(
                "<title>Tea</title><meta property=og:image content='{}'>",
                page.strip_prefix("/of").unwrap_or("/cup.jpg")
            ),
        ),
    }
}

/// Waits until a file cannot be had any more, and nothing of it lies in the folder.
async fn gone(house: &House, person: &Person, image: &Value) {
    let path = format!("/media/{}/content", image.as_str().expect("an id"));
    assert_eq!(person.get(&path).await.refused(), (404, "not_found"));
    let swept = async {
        while pictures::left_over(house) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(crate::house::PATIENCE, swept).await.expect("its bytes go too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_ours_small_and_says_nothing_of_its_camera() {
    let (house, receiver) = (house().await, Listener::open().await);
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let (_, eve) = house.founds("other", json!({})).await;
    receiver.answers(pictured);
    let url = receiver.url("/tea");
    let said = preview(&ada, &url).await;
    assert_eq!(preview(&lin, &url).await, said, "one for all");
    let heard: Vec<_> = receiver.rest().into_iter().map(|heard| heard.path).collect();
    assert_eq!(heard, ["/tea", "/cup.jpg"]);
    let path = format!("/media/{}", said["image"].as_str().expect("an id"));
    for person in [&ada, &lin] {
        let out = pictures::content(person, &said["image"]).await;
        assert!(!out.windows(4).any(|four| four == b"Exif" || four == b"GPS:"));
        let shown = pictures::decoded(&out);
        assert_eq!((shown.width(), shown.height()), (240, 480), "small, and upright");
        let told = person.get(&path).await.ok(200);
        assert_eq!((&told["type"], int(&told["width"])), (&json!("image/jpeg"), 240));
        let small = person.awaits(&format!("{path}/thumbnail")).await;
        assert_eq!(small.status, 200);
    }
    // It is nobody's: neither another tenant's nor hers who asked first.
    assert_eq!(eve.get(&format!("{path}/content")).await.refused(), (404, "not_found"));
    let portrait = ada.put("/users/me/avatar", json!({"media": said["image"]})).await;
    assert_eq!(portrait.refused(), (404, "not_found"));
    // Who wants no previews is shown no picture of one.
    lin.put("/users/me/storage/previews", json!(false)).await.ok(204);
    assert_eq!(lin.get(&format!("{path}/content")).await.refused(), (404, "not_found"));
    // It goes with the preview.
    let room = ada.group("kitchen", &[]).await;
    let body = json!({"key": key(), "text": format!("see {url}")});
    let message = ada.post(&format!("/rooms/{room}/messages"), body).await.ok(201);
    ada.delete(&format!("/rooms/{room}/messages/{}", message["seq"])).await.fine();
    gone(&house, &ada, &said["image"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_is_one_without_its_picture_too() {
    let (house, receiver) = (house().await, Listener::open().await);
    let ada = house.ada().await;
    receiver.answers(pictured);
    for path in ["/noise", "/large", "/wide", "/drawn", "/away", "http://10.0.0.1/x.png", "::"] {
        let said = preview(&ada, &receiver.url(&format!("/of{path}"))).await;
        assert_eq!((&said["title"], &said["image"]), (&json!("Tea"), &Value::Null), "{path}");
    }
    // A tenant that keeps no more keeps no picture.
    let (_, eve) = house.founds("full", json!({"quota_bytes": 10})).await;
    let said = preview(&eve, &receiver.url("/tea")).await;
    assert_eq!((&said["title"], &said["image"]), (&json!("Tea"), &Value::Null));
    assert_eq!(pictures::left_over(&house), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_names_any_more_is_forgotten_at_once() {
    let (house, receiver) = (house().await, Listener::open().await);
    let ada = house.ada().await;
    receiver.answers(pictured);
    let room = ada.group("kitchen", &[]).await;
    let (tea, cake) = (receiver.url("/tea"), receiver.url("/cake"));
    let body = json!({"key": key(), "text": format!("{tea} and {cake}")});
    let message = ada.post(&format!("/rooms/{room}/messages"), body).await.ok(201);
    let first = preview(&ada, &tea).await;
    let kept = preview(&ada, &cake).await;
    receiver.rest();
    // The one link is written out of the message, the other stays.
    let path = format!("/rooms/{room}/messages/{}", message["seq"]);
    ada.patch(&path, json!({"key": key(), "text": format!("only {cake}")})).await.ok(200);
    let image = format!("/media/{}/content", first["image"].as_str().expect("an id"));
    assert_eq!(ada.get(&image).await.refused(), (404, "not_found"));
    assert_eq!(preview(&ada, &cake).await, kept);
    assert!(receiver.rest().is_empty(), "that is still known");
    // With the room goes all that was named in it.
    ada.delete(&format!("/rooms/{room}")).await.fine();
    gone_when_erased(&house, &ada, &kept["image"]).await;
    preview(&ada, &cake).await;
    assert_eq!(receiver.next().await.path, "/cake", "asked anew");
}

/// The room is erased step by step: waits for the picture to go, then looks.
async fn gone_when_erased(house: &House, person: &Person, image: &Value) {
    let path = format!("/media/{}/content", image.as_str().expect("an id"));
    let there = async {
        while person.get(&path).await.status == 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(crate::house::PATIENCE, there).await.expect("it goes with the room");
    gone(house, person, image).await;
}
