//! Once: the same key again is the first answer with status 200, whatever the body says.

use crate::house::{House, Person, key};
use reqwest::Method;
use serde_json::{Value, json};

/// Every changing call that takes a key by header: method, path, body, a second body.
fn calls(room: i64, seq: i64, other: i64) -> Vec<(Method, String, Value, Value)> {
    let (post, put, patch, delete) = (Method::POST, Method::PUT, Method::PATCH, Method::DELETE);
    let of = |rest: &str| format!("/rooms/{room}{rest}");
    let one = |rest: &str| format!("/rooms/{room}/messages/{seq}{rest}");
    vec![
        (
            post.clone(),
            "/rooms".into(),
            json!({"kind": "group", "name": "a"}),
            json!({"kind": "channel", "name": "b"}),
        ),
        (
            post.clone(),
            "/rooms/direct".into(),
            json!({"users": [other]}),
            json!({"users": [other]}),
        ),
        (post.clone(), "/invites".into(), json!({"uses": 3}), json!({"uses": 4})),
        (patch.clone(), of(""), json!({"topic": "one"}), json!({"topic": "two"})),
        (post.clone(), of("/code"), Value::Null, Value::Null),
        (
            put.clone(),
            of(&format!("/members/{other}")),
            json!({"role": "admin"}),
            json!({"role": "member"}),
        ),
        (patch.clone(), of("/mine"), json!({"favourite": true}), json!({"favourite": false})),
        (put.clone(), of("/read-mark"), json!({"seq": 1}), json!({"seq": 2})),
        (patch.clone(), one(""), json!({"text": "coffee?"}), json!({"text": "soup?"})),
        (put.clone(), one("/reactions/👍"), Value::Null, Value::Null),
        (delete.clone(), one("/reactions/👍"), Value::Null, Value::Null),
        (put.clone(), one("/pin"), Value::Null, Value::Null),
        (delete.clone(), one("/pin"), Value::Null, Value::Null),
        (delete.clone(), one(""), Value::Null, Value::Null),
        (patch, "/users/me".into(), json!({"status": "tea"}), json!({"status": "soup"})),
        (put, "/users/me/storage/colour".into(), json!("red"), json!("blue")),
        (delete.clone(), "/users/me/storage/colour".into(), Value::Null, Value::Null),
        (delete.clone(), of(&format!("/members/{other}")), Value::Null, Value::Null),
        (delete.clone(), of("/code"), Value::Null, Value::Null),
        (post, of("/leave"), Value::Null, Value::Null),
    ]
}

async fn with_key(
    ada: &Person<'_>,
    method: Method,
    path: &str,
    body: Value,
    key: &str,
) -> (u16, Value) {
    let body = (!body.is_null()).then_some(body);
    let headers = [("idempotency-key", key)];
    let said = ada.house.call(Some(&ada.token), method, path, body, &headers).await;
    (said.status, said.body)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_changing_call_is_done_once() {
    let house = House::open();
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let seq = ada.says(room, "tea?").await["seq"].as_i64().expect("seq");
    for (method, path, first, second) in calls(room, seq, lin.user) {
        let key = key();
        let (status, said) = with_key(&ada, method.clone(), &path, first, &key).await;
        assert!(matches!(status, 200 | 201 | 204), "{method} {path}: {status} {said}");
        let head = |rooms: &Value| rooms["rows"].to_string();
        let before = head(&ada.get("/rooms").await.ok(200));
        let (again, repeated) = with_key(&ada, method.clone(), &path, second, &key).await;
        assert_eq!((again, &repeated), (200, &said), "{method} {path}, the second time");
        assert_eq!(before, head(&ada.get("/rooms").await.ok(200)), "{method} {path} did something");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_once_by_its_key_on_rest_and_socket() {
    let house = House::open();
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let (mut socket, _) = ada.socket().await;
    let key = key();
    let path = format!("/rooms/{room}/messages");
    let first = ada.post(&path, json!({"key": key, "text": "tea?"})).await.ok(201);
    let again = ada.post(&path, json!({"key": key, "text": "soup?"})).await.ok(200);
    assert_eq!(first, again);
    let frame = json!({"type": "send", "room": room, "key": key, "text": "milk?"});
    let ok = socket.told(frame.clone()).await;
    assert_eq!(
        (&ok["type"], &ok["again"], &ok["seq"]),
        (&json!("ok"), &json!(true), &first["seq"])
    );
    assert_eq!(ok["row"], first);
    // The same key of another person is another message.
    let hers = lin.post(&path, json!({"key": key, "text": "tea!"})).await.ok(201);
    assert_ne!(hers["seq"], first["seq"]);
    // A key already done is answered even to someone since removed.
    let his = crate::house::key();
    let frame = json!({"type": "send", "room": room, "key": his, "text": "last words"});
    let (mut hers, _) = lin.socket().await;
    let said = hers.told(frame.clone()).await;
    ada.delete(&format!("/rooms/{room}/members/{}", lin.user)).await.ok(204);
    let after = hers.told(frame).await;
    assert_eq!((&after["again"], &after["seq"]), (&json!(true), &said["seq"]), "{after}");
    let new = json!({"type": "send", "room": room, "key": crate::house::key(), "text": "more"});
    assert_eq!(hers.told(new).await["code"], "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_used_for_something_else_is_a_conflict() {
    let house = House::open();
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let seq = ada.says(room, "tea?").await["seq"].as_i64().expect("seq");
    let (mut socket, _) = ada.socket().await;
    let key = key();
    let react =
        json!({"type": "react", "room": room, "key": key, "seq": seq, "emoji": "👍", "on": true});
    assert_eq!(socket.told(react.clone()).await["again"], false);
    assert_eq!(socket.told(react).await["again"], true);
    let edit = json!({"type": "edit", "room": room, "key": key, "seq": seq, "text": "soup"});
    assert_eq!(socket.told(edit).await["code"], "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_changes_nothing_takes_no_number() {
    let house = House::open();
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let seq = ada.says(room, "tea?").await["seq"].as_i64().expect("seq");
    let one = format!("/rooms/{room}/messages/{seq}");
    let head = || async {
        let rooms = ada.post("/sync", json!({"own": 0, "rooms": [[room, 0]]})).await.ok(200);
        rooms["deltas"][0]["head"].as_i64().expect("a head")
    };
    for (method, path, body) in [
        (Method::PUT, format!("{one}/reactions/👍"), Value::Null),
        (Method::PUT, format!("{one}/pin"), Value::Null),
        (Method::PATCH, one.clone(), json!({"text": "soup?"})),
        (Method::PATCH, format!("/rooms/{room}"), json!({"topic": "t"})),
        (Method::POST, format!("/rooms/{room}/join"), Value::Null),
        (Method::DELETE, one.clone(), Value::Null),
    ] {
        let body = (!body.is_null()).then_some(body);
        for turn in 0..2 {
            let before = head().await;
            let said = ada.call(method.clone(), &path, body.clone()).await;
            assert!(said.status < 300, "{method} {path}: {}", said.body);
            assert!(turn == 0 || head().await == before, "{method} {path} took a number twice");
        }
    }
}
