//! Invites: who may make them, how often they open, where they lead.

use crate::house::{House, PASSWORD};
use reqwest::Method;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_opens_as_often_as_it_says() {
    let house = House::open();
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let invite = ada.post("/invites", json!({"uses": 2, "room": room})).await.ok(201);
    let code = invite["code"].as_str().expect("a code");
    assert_eq!(invite["uses_left"], 2);
    assert!(invite["link"].as_str().expect("a link").ends_with(&format!("/invite/{code}")));
    let lin = house.register("lin", Some(code)).await;
    let rooms = lin.get("/rooms").await.ok(200);
    assert_eq!(rooms["rows"][0]["room"], room, "the newcomer is a member of the invite's room");
    house.register("eve", Some(code)).await;
    let body = json!({"name": "bob", "password": PASSWORD, "invite": code});
    let spent = house.call(None, Method::POST, "/auth/register", Some(body), &[]).await;
    assert_eq!((spent.status, spent.code()), (422, "invalid"));
    let list = ada.get("/invites").await.ok(200);
    assert!(!list.to_string().contains(code), "the code is shown once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_invite_opens_nothing() {
    let house = House::open();
    let ada = house.ada().await;
    let invite = ada.post("/invites", json!({"expires_in_ms": 60_000})).await.ok(201);
    assert!(invite["expires_at"].is_i64());
    let id = invite["id"].as_str().expect("an id");
    ada.delete(&format!("/invites/{id}")).await.ok(204);
    assert_eq!(ada.delete(&format!("/invites/{id}")).await.status, 404);
    let body = json!({"name": "bob", "password": PASSWORD, "invite": invite["code"]});
    assert_eq!(house.call(None, Method::POST, "/auth/register", Some(body), &[]).await.status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_invite_nobody_and_numbers_have_bounds() {
    let house = House::open();
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let said = lin.post("/invites", json!({})).await;
    assert_eq!((said.status, said.code()), (403, "forbidden"));
    assert_eq!(lin.get("/invites").await.status, 403);
    for uses in [0, -1, 1001] {
        let said = ada.post("/invites", json!({"uses": uses})).await;
        assert_eq!((said.status, said.code()), (422, "invalid"), "{uses}");
        assert!(said.body["fields"]["uses"].is_string());
    }
    assert_eq!(ada.post("/invites", json!({"room": 12345})).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_says_what_it_is() {
    let house = House::with(&[("HALLWAY_REGISTRATION", "open")]);
    let said = house.call(None, Method::GET, "/server", None, &[]).await.ok(200);
    assert_eq!(said["registration"], "open");
    for field in ["name", "version", "epoch"] {
        assert!(!said[field].as_str().expect(field).is_empty());
    }
    assert_eq!((&said["mail"], &said["guests"]), (&json!(false), &json!(false)));
    house.ada().await;
    house.register("anyone", None).await;
    house.call(None, Method::GET, "/health", None, &[]).await.ok(200);
    house.call(None, Method::GET, "/health/ready", None, &[]).await.ok(200);
    let metrics = house.call(None, Method::GET, "/metrics", None, &[]).await.ok(200);
    assert!(metrics.as_str().expect("text").contains("hallway_"));
}
