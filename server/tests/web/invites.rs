//! Invites: who may make them, how often they open, where they lead.

use crate::house::{House, PASSWORD, key};
use hallway_protocol::rest::Registration;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_invite_opens_as_often_as_it_says() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let once = key();
    let invite = || {
        let call = ada.begins("POST", "/invites").header("idempotency-key", &once);
        call.body(json!({"uses": 2, "room": room})).to(house.address)
    };
    let (first, again) = (invite().await.ok(201), invite().await.ok(200));
    assert_eq!(first, again, "the same call shows the same code");
    assert_eq!(first["uses_left"], 2);
    let code = first["code"].as_str().expect("a code");
    assert!(first["link"].as_str().expect("a link").ends_with(&format!("/invite/{code}")));
    let lin = house.register("lin", Some(&code.to_lowercase())).await;
    let rooms = lin.get("/rooms").await.ok(200);
    assert_eq!(rooms["rows"][0]["room"], room, "the newcomer is a member of the invite's room");
    assert_eq!(lin.get(&format!("/rooms/{room}")).await.ok(200)["name"], "kitchen");
    house.register("eve", Some(&code.replace('-', ""))).await;
    let body = json!({"name": "bob", "password": PASSWORD, "invite": code});
    let spent = house.call("POST", "/auth/register", body).await;
    assert_eq!(spent.refused(), (422, "invalid"));
    let list = ada.get("/invites").await.ok(200);
    assert!(!list.to_string().contains(code), "the code is shown once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_invite_opens_nothing() {
    let house = House::open().await;
    let ada = house.ada().await;
    let invite = ada.post("/invites", json!({"expires_in_ms": 60_000})).await.ok(201);
    assert!(invite["expires_at"].is_i64());
    let path = format!("/invites/{}", invite["id"].as_str().expect("an id"));
    ada.delete(&path).await.ok(204);
    assert_eq!(ada.delete(&path).await.refused(), (404, "not_found"));
    let body = json!({"name": "bob", "password": PASSWORD, "invite": invite["code"]});
    let said = house.call("POST", "/auth/register", body).await;
    assert_eq!(said.refused(), (422, "invalid"));
}

#[tokio::test(flavor = "multi_thread")]
async fn members_invite_nobody_and_numbers_have_bounds() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    assert_eq!(lin.post("/invites", json!({})).await.refused(), (403, "forbidden"));
    assert_eq!(lin.get("/invites").await.refused(), (403, "forbidden"));
    for uses in [0, -1, 1001] {
        let said = ada.post("/invites", json!({"uses": uses})).await;
        assert_eq!((said.refused(), said.blames("uses")), ((422, "invalid"), true), "{uses}");
    }
    let nowhere = ada.post("/invites", json!({"room": 12345})).await;
    assert_eq!(nowhere.refused(), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_anybody_may_come_in_nobody_needs_one() {
    let house = House::with(|config| config.registration = Registration::Open).await;
    house.ada().await;
    house.register("anyone", None).await;
    let said = house.call("GET", "/server", json!(null)).await.ok(200);
    assert_eq!(said["registration"], "open");
}
