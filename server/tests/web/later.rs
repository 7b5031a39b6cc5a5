//! What somebody keeps for later, as the wire has it: saved messages, scheduled ones.

use crate::house::{House, int, key, list};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_names_its_field_and_nothing_is_stored() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let soon = house.clock.now() + 60_000;
    for (path, field, body) in [
        ("/saved", "room", json!({"seq": 1})),
        ("/saved", "seq", json!({"room": room})),
        ("/saved", "seq", json!({"room": room, "seq": "one"})),
        ("/scheduled", "key", json!({"room": room, "text": "tea?", "at": soon})),
        ("/scheduled", "key", json!({"key": "x", "room": room, "text": "tea?", "at": soon})),
        ("/scheduled", "text", json!({"key": key(), "room": room, "text": " ", "at": soon})),
        ("/scheduled", "text", json!({"key": key(), "room": room, "at": soon})),
        (
            "/scheduled",
            "text",
            json!({"key": key(), "room": room, "text": "x".repeat(4_001), "at": soon}),
        ),
        ("/scheduled", "at", json!({"key": key(), "room": room, "text": "tea?", "at": 1})),
        ("/scheduled", "at", json!({"key": key(), "room": room, "text": "tea?", "at": 1e15})),
        ("/scheduled", "at", json!({"key": key(), "room": room, "text": "tea?"})),
        (
            "/scheduled",
            "files",
            json!({"key": key(), "room": room, "files": ["a", "a"], "at": soon}),
        ),
        ("/scheduled", "files", json!({"key": key(), "room": room, "files": ["a"], "at": soon})),
        (
            "/scheduled",
            "reply",
            json!({"key": key(), "room": room, "text": "tea?", "reply": 4711, "at": soon}),
        ),
        (
            "/scheduled",
            "thread",
            json!({"key": key(), "room": room, "text": "tea?", "thread": 4711, "at": soon}),
        ),
    ] {
        let refused = ada.post(path, body.clone()).await;
        assert_eq!(refused.refused(), (422, "invalid"), "{path} {body}");
        assert!(refused.blames(field), "{field}: {refused:?}");
    }
    for path in ["/saved", "/scheduled"] {
        assert_eq!(ada.get(path).await.ok(200), json!({"items": []}));
        let refused = ada.get(&format!("{path}?next=x")).await;
        assert!(refused.blames("next"), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_message_comes_to_everyone_when_it_is_time() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let (mut socket, _) = lin.socket().await;
    let (at, once) = (house.clock.now() + 3_600_000, key());
    let new = json!({"key": once, "room": room, "text": "tea?", "at": at});
    let made = ada.post("/scheduled", new).await.ok(201);
    assert_eq!(
        (&made["room"], &made["text"], &made["at"], &made["error"]),
        (&json!(room), &json!("tea?"), &json!(at), &json!(null))
    );
    assert_eq!(ada.get("/scheduled").await.ok(200)["items"], json!([made]));
    assert_eq!(lin.get("/scheduled").await.ok(200)["items"], json!([]));
    house.clock.turn(Duration::from_secs(3_601));
    house.app.jobs.ring();
    let said = loop {
        let event = socket.hears("event").await;
        if let Some(row) = list(&event["rows"]).iter().find(|row| row["text"] == "tea?") {
            break row.clone();
        }
    };
    assert_eq!((&said["sender"], &said["key"]), (&json!(ada.user), &json!(once)));
    let ada = house.login("ada").await;
    assert_eq!(ada.get("/scheduled").await.ok(200)["items"], json!([]));
    // The same key again is the first answer, whatever the body says and became of the message.
    let other = json!({"key": once, "room": room, "text": "soup?", "reply": 1, "at": at + 1});
    assert_eq!(ada.post("/scheduled", other.clone()).await.ok(200), made);
    let path = format!("/rooms/{room}/messages/{}", said["seq"]);
    ada.patch(&path, json!({"key": key(), "text": "coffee?"})).await.ok(200);
    assert_eq!(ada.post("/scheduled", other.clone()).await.ok(200), made);
    // Deleted text does not come back by it.
    ada.delete(&path).await.fine();
    let bare = ada.post("/scheduled", other).await.ok(200);
    assert_eq!((&bare["id"], &bare["text"]), (&made["id"], &json!("")));
    let id = made["id"].as_str().expect("an id");
    let gone = ada.delete(&format!("/scheduled/{id}")).await;
    assert_eq!(gone.refused(), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_aside_is_ones_own() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let seq = int(&ada.says(room, "tea?").await["seq"]);
    let made = lin.post("/saved", json!({"room": room, "seq": seq})).await.ok(201);
    assert_eq!((&made["room"], &made["seq"]), (&json!(room), &json!(seq)));
    // Put aside again it is the same, without a key too.
    let again = lin.post("/saved", json!({"room": room, "seq": seq})).await.ok(200);
    assert_eq!(again, made);
    assert_eq!(lin.get("/saved").await.ok(200), json!({"items": [made]}));
    assert_eq!(ada.get("/saved").await.ok(200)["items"], json!([]));
    let path = format!("/saved/{}", made["id"].as_str().expect("an id"));
    assert_eq!(ada.delete(&path).await.refused(), (404, "not_found"));
    lin.delete(&path).await.ok(204);
    assert_eq!(lin.get("/saved").await.ok(200)["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_can_be_changed_and_carries_files() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let asked = int(&lin.says(room, "a list?").await["seq"]);
    let file = ada.uploads("a list.txt", "text/plain", b"milk, bread").await["id"].clone();
    let (at, once) = (house.clock.now() + 30 * 3_600_000, key());
    let new = json!({"key": once, "room": room, "files": [file], "reply": asked, "at": at});
    let made = ada.post("/scheduled", new).await.ok(201);
    assert_eq!((&made["reply"], &made["thread"]), (&json!(asked), &json!(null)));
    assert_eq!((&made["files"][0]["id"], &made["text"]), (&file, &json!("")));
    let path = format!("/scheduled/{}", made["id"].as_str().expect("an id"));
    let soon = house.clock.now() + 3_600_000;
    for (field, body) in [
        ("text", json!({"files": []})),
        ("text", json!({"text": "x".repeat(4_001)})),
        ("at", json!({"text": "tea?", "at": 1})),
        ("files", json!({"files": ["nothing"]})),
    ] {
        let refused = ada.patch(&path, body.clone()).await;
        assert_eq!((refused.refused(), refused.blames(field)), ((422, "invalid"), true), "{body}");
    }
    assert_eq!(ada.get("/scheduled").await.ok(200)["items"], json!([made]), "as it was");
    assert_eq!(lin.patch(&path, json!({"text": "x"})).await.refused(), (404, "not_found"));
    let changed = ada.patch(&path, json!({"text": "here", "at": soon})).await.ok(200);
    assert_eq!((&changed["text"], &changed["at"]), (&json!("here"), &json!(soon)));
    let (mut socket, _) = lin.socket().await;
    house.clock.turn(Duration::from_secs(3_601));
    house.app.jobs.ring();
    let said = loop {
        let event = socket.hears("event").await;
        if let Some(row) = list(&event["rows"]).iter().find(|row| row["text"] == "here") {
            break row.clone();
        }
    };
    assert_eq!((&said["reply"], &said["files"][0]["id"]), (&json!(asked), &file));
    let lin = house.login("lin").await;
    let content = format!("/media/{}/content", file.as_str().expect("an id"));
    assert_eq!(lin.get(&content).await.bytes, b"milk, bread");
    let ada = house.login("ada").await;
    assert_eq!(ada.patch(&path, json!({"text": "x"})).await.refused(), (404, "not_found"));
}
