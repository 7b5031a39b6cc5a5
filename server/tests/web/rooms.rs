//! Rooms: making, joining by code, vanishing, and what a newcomer sees of the time before.

use crate::house::{House, int, key, of_kind};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_room_has_the_defaults_of_its_kind() {
    let house = House::open().await;
    let ada = house.ada().await;
    let group = ada.post("/rooms", json!({"kind": "group", "name": " a "})).await.ok(201);
    assert_eq!((&group["t"], &group["name"]), (&json!("room"), &json!("a")));
    assert_eq!((&group["visibility"], &group["history"]), (&json!("private"), &json!("all")));
    let channel = ada.post("/rooms", json!({"kind": "channel", "name": "b"})).await.ok(201);
    assert_eq!(channel["visibility"], "public");
    let page = ada.get(&format!("/rooms/{}/messages", group["room"])).await.ok(200);
    let first = &page["rows"][0];
    assert_eq!((&first["kind"], &first["meta"]["what"]), (&json!("system"), &json!("created")));
    assert!(first["key"].is_null() && first["n"].is_null() && first["text"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_opens_its_room_however_it_is_written() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[]).await;
    let said = ada.post(&format!("/rooms/{room}/code"), Value::Null).await.ok(200);
    let code = said["code"].as_str().expect("a code");
    assert_eq!(code.len(), 8);
    assert!(!code.contains(['0', 'O', '1', 'I', 'L']), "look-alikes in {code}");
    let join = async |code: &str| lin.post("/rooms/join", json!({"code": code})).await;
    for wrong in ["", "ABCDEFGH", "no such code at all", "👍"] {
        assert_eq!(join(wrong).await.refused(), (404, "not_found"), "{wrong}");
    }
    let sloppy = format!("{}-{}", &code[..4].to_lowercase(), &code[4..]);
    let joined = join(&sloppy).await.ok(200);
    assert_eq!((&joined["t"], &joined["room"]), (&json!("room"), &json!(room)));
    assert_eq!(joined["name"], "kitchen");
    join(code).await.ok(200);
    ada.delete(&format!("/rooms/{room}/code")).await.ok(204);
    assert_eq!(join(code).await.refused(), (404, "not_found"));
    let eve = house.newcomer(&ada, "eve").await;
    let late = eve.post("/rooms/join", json!({"code": code})).await;
    assert_eq!(late.refused(), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_room_tells_everyone_and_closes() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let (mut socket, _) = lin.socket().await;
    ada.delete(&format!("/rooms/{room}")).await.ok(204);
    let own = socket.hears("own").await;
    let mine = of_kind(&own["rows"], "mine")[0];
    assert_eq!(mine["state"], "deleted");
    assert_eq!(lin.get(&format!("/rooms/{room}/messages")).await.refused(), (404, "not_found"));
    assert_eq!(lin.get("/rooms").await.ok(200)["rows"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn history_from_joining_hides_what_was_before() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let body = json!({"kind": "group", "name": "secret", "history": "joined"});
    let room = ada.post("/rooms", body).await.ok(201)["room"].clone();
    let room = int(&room);
    let old = ada.says(room, "before her time").await;
    ada.adds(room, &lin).await;
    let new = ada.says(room, "welcome").await;
    let page = lin.get(&format!("/rooms/{room}/messages")).await.ok(200);
    assert!(!page.to_string().contains("before her time"), "{page}");
    assert!(page.to_string().contains("welcome"));
    assert!(page["min_seq"].as_i64() > old["seq"].as_i64());
    let before = format!("/rooms/{room}/messages/{}", old["seq"]);
    assert_eq!(lin.get(&before).await.refused(), (404, "not_found"));
    // A change of what she cannot see brings her its number, and no row.
    let (mut socket, _) = lin.socket().await;
    let edit = json!({"key": key(), "text": "before her time, still"});
    ada.patch(&before, edit).await.ok(200);
    let event = socket.hears("event").await;
    assert_eq!(event["rows"], json!([]), "{event}");
    let sync = lin.post("/sync", json!({"own": 0, "rooms": [[room, 0]]})).await.ok(200);
    assert!(!sync.to_string().contains("before her time"));
    let replay = json!({"own": 0, "rooms": [[room, new["seq"]]]});
    assert!(!lin.post("/sync", replay).await.ok(200).to_string().contains("before her time"));
}
