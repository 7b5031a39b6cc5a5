//! `call`: any REST method over the socket, by the same routes, with the same answers and refusals.

use crate::house::{House, Person, Socket, key};
use serde_json::{Value, json};

async fn calls(socket: &mut Socket, method: &str, path: &str, body: Value) -> (u16, Value) {
    let call = json!({"type": "call", "method": method, "path": path, "body": body});
    let said = socket.told(call).await;
    assert_eq!(said["type"], "answer", "{method} {path}: {said}");
    let status = said["status"].as_u64().and_then(|status| u16::try_from(status).ok());
    (status.expect("a status"), said["body"].clone())
}

async fn scene() -> (House, Person, i64, Socket) {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    ada.says(room, "tea?").await;
    let (socket, _) = ada.socket().await;
    (house, ada, room, socket)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_answered_as_the_same_request_is() {
    let (_house, ada, room, mut socket) = scene().await;
    let paths = [
        "/server".to_owned(),
        "/openapi.json".into(),
        "/docs".into(),
        "/users/me".into(),
        "/users?query=ad&limit=1".into(),
        "/users?ids=x".into(),
        "/rooms?limit=1".into(),
        "/rooms/directory?query=%C3%A4".into(),
        format!("/rooms/{room}/messages?after=0&limit=1"),
        format!("/rooms/{room}/messages?after=-1"),
        format!("/rooms/{room}/messages/99"),
        "/rooms/4711".into(),
        "/rooms/x".into(),
        "/nowhere".into(),
        "/users/me/storage/none".into(),
        "/admin/tenants".into(),
    ];
    for path in paths {
        let rest = ada.get(&path).await;
        assert_eq!(calls(&mut socket, "GET", &path, json!(null)).await, (rest.status, rest.body));
    }
    let rest = ada.put("/server", json!({})).await;
    let called = calls(&mut socket, "PUT", "/server", json!({})).await;
    assert_eq!((called, rest.status), ((rest.status, rest.body), 405));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_changes_once_and_says_nothing_where_nothing_is_said() {
    let (_house, ada, room, mut socket) = scene().await;
    let mark = format!("/rooms/{room}/read-mark");
    let done = calls(&mut socket, "PUT", &mark, json!({"seq": 1})).await;
    assert_eq!(done, (204, Value::Null));
    let new = json!({"kind": "group", "name": "attic", "key": key()});
    let (first, made) = calls(&mut socket, "POST", "/rooms", new.clone()).await;
    let (again, same) = calls(&mut socket, "POST", "/rooms", new.clone()).await;
    assert_eq!((first, again, &made), (201, 200, &same));
    assert_eq!(ada.post("/rooms", new).await.ok(200), made);
    let wrong = calls(&mut socket, "POST", "/rooms", json!({"kind": "group", "name": ""})).await;
    assert_eq!((wrong.0, &wrong.1["code"]), (422, &json!("invalid")));
    assert!(wrong.1["fields"]["name"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_socket_is_opened_within_a_socket() {
    let (_house, _ada, _room, mut socket) = scene().await;
    for path in ["/socket", "/sync", "/sync?x", "/auth/login", "/auth/refresh", "/auth/logout"] {
        let call = json!({"type": "call", "method": "POST", "path": path, "body": {}});
        let said = socket.told(call).await;
        assert_eq!((&said["type"], &said["code"]), (&json!("error"), &json!("conflict")), "{path}");
    }
    let call = json!({"type": "call", "method": "GET", "path": "/rooms with a blank"});
    assert_eq!(socket.told(call).await["code"], "invalid");
    // The connection has taken no harm.
    assert_eq!(calls(&mut socket, "GET", "/users/me", json!(null)).await.0, 200);
}
