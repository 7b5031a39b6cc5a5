//! Every refusal has one shape, whoever makes it: a handler, the router, the reader of bodies.

use crate::house::{Call, House, key};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_and_what_is_not_supported() {
    let house = House::open().await;
    let ada = house.ada().await;
    for (method, path, status, code) in [
        ("GET", "/nowhere", 404, "not_found"),
        ("GET", "/rooms/7", 404, "not_found"),
        ("GET", "/rooms/seven", 404, "not_found"),
        ("GET", "/rooms/99999999999999999999", 404, "not_found"),
        ("GET", "/users/7", 404, "not_found"),
        ("PATCH", "/server", 405, "unsupported"),
        ("GET", "/auth/login", 405, "unsupported"),
        ("GET", "/rooms?limit=many", 422, "invalid"),
        ("GET", "/rooms/7/messages?before=1&after=2", 422, "invalid"),
        ("GET", "/users?ids=1,two", 422, "invalid"),
    ] {
        let answer = ada.get_by(method, path).await;
        assert_eq!((answer.status, answer.refused()), (status, code), "{method} {path}");
    }
    let outside = Call::at("GET", "/nowhere").to(house.address).await;
    assert_eq!((outside.status, outside.refused()), (404, "not_found"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_not_what_they_should_be_name_the_field() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.room("kitchen", &[]).await;
    let messages = format!("/rooms/{room}/messages");
    for (path, body, field) in [
        ("/rooms", json!({"kind": "club", "name": "x"}), "kind"),
        ("/rooms", json!({"kind": "group"}), "name"),
        ("/rooms", json!({"kind": "group", "name": ""}), "name"),
        ("/rooms", json!({"kind": "group", "name": "x".repeat(81)}), "name"),
        ("/rooms", json!({"kind": "group", "name": "x", "topic": "y".repeat(251)}), "topic"),
        ("/rooms", json!({"kind": "group", "name": "x", "members": ["lin"]}), "members[0]"),
        ("/rooms", json!({"kind": "group", "name": "x", "members": [123]}), "members"),
        ("/rooms/direct", json!({"users": []}), "users"),
        ("/invites", json!({"uses": 0}), "uses"),
        ("/invites", json!({"uses": 1001}), "uses"),
        ("/auth/register", json!({"name": "a b", "password": "a tea pot at nine"}), "name"),
        ("/auth/register", json!({"name": "bob", "password": "short"}), "password"),
        ("/auth/register", json!({"name": "bob", "password": "PassWord1"}), "password"),
        (&messages, json!({"key": key(), "text": " "}), "text"),
        (&messages, json!({"key": key(), "text": "x".repeat(4_001)}), "text"),
        (&messages, json!({"key": key(), "text": "a\0b"}), "text"),
        (&messages, json!({"key": "7", "text": "x"}), "key"),
        (&messages, json!({"key": key(), "text": "x", "files": ["7"]}), "files"),
        (&messages, json!({"key": key(), "text": "x", "meta": {"x": "y".repeat(5_000)}}), "meta"),
    ] {
        let answer = ada.post(path, body.clone()).await;
        assert_eq!((answer.status, answer.refused()), (422, "invalid"), "{path} {body}");
        assert!(answer.body["fields"][field].is_string(), "{path} {body}: {}", answer.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_and_media_types_have_their_bounds() {
    let house = House::open().await;
    let ada = house.ada().await;
    let post = |kind: &str, body: Vec<u8>| {
        Call::new("POST", "/rooms").token(&ada.token).raw(kind, body).to(house.address)
    };
    let large = post("application/json", vec![b' '; 1024 * 1024 + 1]).await;
    assert_eq!((large.status, large.refused()), (413, "too_large"));
    let form = post("application/x-www-form-urlencoded", b"kind=group".to_vec()).await;
    assert_eq!((form.status, form.refused()), (415, "unsupported"));
    for raw in [&b"tea?"[..], b"", b"\xff\xfe", b"{\"kind\":\"group\",\"name\":\"x\"} x", b"[]"] {
        let answer = post("application/json", raw.to_vec()).await;
        assert_eq!((answer.status, answer.refused()), (422, "invalid"), "{raw:?}");
    }
    let deep = "[".repeat(100_000).into_bytes();
    assert_eq!(post("application/json", deep).await.refused(), "invalid");
    let call = Call::new("POST", "/rooms").token(&ada.token).header("idempotency-key", "7");
    let answer = call.body(json!({"kind": "group", "name": "x"})).to(house.address).await;
    assert_eq!(
        (answer.refused(), answer.body["fields"]["Idempotency-Key"].is_string()),
        ("invalid", true)
    );
    assert_eq!(ada.get("/rooms").await.ok(200)["rows"], json!([]), "nothing was stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_somebodys_is_not_kept_by_anybody_between() {
    let house = House::open().await;
    let ada = house.ada().await;
    for path in ["/users/me", "/server", "/nowhere"] {
        let headers = ada.get(path).await.headers;
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert!(headers["content-security-policy"].contains("default-src 'none'"));
        assert!(!headers.contains_key("access-control-allow-origin"));
        assert_eq!(headers["x-request-id"].len(), 36);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_and_the_health_are_there_for_whom_they_are() {
    let house = House::open().await;
    let at = |path: &str| Call::at("GET", path).to(house.address);
    assert_eq!(at("/health").await.ok(200)["status"], "ok");
    assert_eq!(at("/health/ready").await.ok(200)["status"], "ready");
    let figures = at("/metrics").await.ok(200);
    assert!(figures.as_str().unwrap().contains("hallway_connections 0"), "{figures}");
    let forwarded = Call::at("GET", "/metrics").header("x-forwarded-for", "10.1.2.3");
    assert_eq!(forwarded.to(house.address).await.refused(), "not_found");
    let info = house.call("GET", "/server", Value::Null).await.ok(200);
    assert_eq!((&info["registration"], &info["mail"]), (&json!("invite"), &json!(false)));
}
