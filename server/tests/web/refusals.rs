//! What is refused, and how: one object everywhere, and nothing half done.

use crate::house::{House, PASSWORD, key};
use reqwest::Method;
use serde_json::{Value, json};

/// Method, path, body, status, code, the field named (or "").
type Case = (Method, String, Value, u16, &'static str, &'static str);

fn cases(room: i64, seq: i64, stranger: i64) -> Vec<Case> {
    let (post, put, patch, get) = (Method::POST, Method::PUT, Method::PATCH, Method::GET);
    let messages = format!("/rooms/{room}/messages");
    let one = format!("/rooms/{room}/messages/{seq}");
    let text = |text: &str| json!({"key": key(), "text": text});
    vec![
        (get.clone(), "/nowhere".into(), Value::Null, 404, "not_found", ""),
        (Method::DELETE, "/server".into(), Value::Null, 405, "unsupported", ""),
        (post.clone(), messages.clone(), text(&"x".repeat(4001)), 422, "invalid", "text"),
        (post.clone(), messages.clone(), text(""), 422, "invalid", "text"),
        (post.clone(), messages.clone(), text("a\u{0}b"), 422, "invalid", "text"),
        (post.clone(), messages.clone(), json!({"text": "no key"}), 422, "invalid", "key"),
        (post.clone(), messages.clone(), json!({"key": "x", "text": "a"}), 422, "invalid", "key"),
        (post.clone(), messages.clone(), json!({"key": key(), "text": 7}), 422, "invalid", "text"),
        (
            post.clone(),
            messages.clone(),
            json!({"key": key(), "text": "a", "meta": {"m": "x".repeat(5000)}}),
            422,
            "invalid",
            "meta",
        ),
        (
            post.clone(),
            messages.clone(),
            json!({"key": key(), "text": "a", "reply": 9999}),
            422,
            "invalid",
            "reply",
        ),
        (patch.clone(), one.clone(), text(""), 422, "invalid", "text"),
        (patch.clone(), format!("{messages}/9999"), text("a"), 404, "not_found", ""),
        (
            put.clone(),
            format!("{one}/reactions/{}", "x".repeat(65)),
            Value::Null,
            422,
            "invalid",
            "emoji",
        ),
        (
            put.clone(),
            format!("/rooms/{room}/read-mark"),
            json!({"seq": -1}),
            422,
            "invalid",
            "seq",
        ),
        (
            post.clone(),
            "/rooms".into(),
            json!({"kind": "group", "name": ""}),
            422,
            "invalid",
            "name",
        ),
        (
            post.clone(),
            "/rooms".into(),
            json!({"kind": "group", "name": "n".repeat(81)}),
            422,
            "invalid",
            "name",
        ),
        (
            post.clone(),
            "/rooms".into(),
            json!({"kind": "direct", "name": "x"}),
            422,
            "invalid",
            "kind",
        ),
        (
            post.clone(),
            "/rooms".into(),
            json!({"kind": "group", "name": "x", "topic": "t".repeat(251)}),
            422,
            "invalid",
            "topic",
        ),
        (post.clone(), "/rooms/direct".into(), json!({"users": []}), 422, "invalid", "users"),
        (post.clone(), "/rooms/direct".into(), json!({"users": [1, 2]}), 422, "invalid", "users"),
        (post.clone(), "/rooms/join".into(), json!({"code": "ZZZZ-ZZZZ"}), 404, "not_found", ""),
        (post.clone(), "/rooms/join".into(), json!({"code": "?"}), 404, "not_found", ""),
        (get.clone(), format!("/rooms/{stranger}"), Value::Null, 404, "not_found", ""),
        (get.clone(), "/rooms/77".into(), Value::Null, 404, "not_found", ""),
        (get.clone(), "/rooms/not-a-number".into(), Value::Null, 404, "not_found", ""),
        (get.clone(), format!("{messages}?before=x"), Value::Null, 422, "invalid", "before"),
        (get, "/users/1".into(), Value::Null, 404, "not_found", ""),
        (patch, "/users/me".into(), json!({"display_name": ""}), 422, "invalid", "display_name"),
        (post, "/sync".into(), json!({"rooms": []}), 422, "invalid", "own"),
        (put, format!("/users/me/storage/{}", "k".repeat(300)), json!(1), 422, "invalid", "key"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_the_same_object() {
    let house = House::open();
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let (room, foreign) = (ada.group("kitchen", &[]).await, lin.group("attic", &[]).await);
    let seq = ada.says(room, "tea?").await["seq"].as_i64().expect("seq");
    let before = ada.get(&format!("/rooms/{room}/messages")).await.ok(200);
    for (method, path, body, status, code, field) in cases(room, seq, foreign) {
        let body = (!body.is_null()).then_some(body);
        let said = ada.call(method.clone(), &path, body.clone()).await;
        let what = format!("{method} {path} {body:?}: {}", said.body);
        assert_eq!((said.status, said.code()), (status, code), "{what}");
        assert!(!said.body["message"].as_str().expect("a sentence").is_empty(), "{what}");
        assert_eq!(said.body["retry"], "never", "{what}");
        assert!(said.body["after_ms"].is_null() && said.body["fields"].is_object(), "{what}");
        assert!(field.is_empty() || said.body["fields"][field].is_string(), "{what}");
        assert_eq!(said.headers["content-type"], "application/problem+json", "{what}");
        assert!(said.headers.contains_key("x-request-id"), "{what}");
    }
    let after = ada.get(&format!("/rooms/{room}/messages")).await.ok(200);
    assert_eq!(before, after, "a refusal changes nothing");
    assert_eq!(ada.get("/rooms").await.ok(200)["rows"].as_array().expect("rows").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_json_is_told_so() {
    let house = House::open();
    let ada = house.ada().await;
    for (kind, body, status, code) in [
        ("application/json", "{", 422, "invalid"),
        ("application/json", "[]", 422, "invalid"),
        ("application/json", "\u{feff}", 422, "invalid"),
        ("text/plain", r#"{"kind":"group","name":"x"}"#, 415, "unsupported"),
    ] {
        let said = house.raw(Some(&ada.token), "/rooms", kind, body.into()).await;
        assert_eq!((said.status, said.code()), (status, code), "{kind} {body}: {}", said.body);
    }
    let huge = format!(r#"{{"kind":"group","name":"{}"}}"#, "x".repeat(9 << 20));
    let said = house.raw(Some(&ada.token), "/rooms", "application/json", huge).await;
    assert_eq!((said.status, said.code()), (413, "too_large"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_nothing_is_said_of_anybody() {
    let house = House::open();
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let paths = ["/users/me".into(), "/rooms".into(), format!("/rooms/{room}"), "/rooms/1".into()];
    for path in &paths {
        for token in [None, Some("x"), Some("eyJhbGciOiJub25lIn0.e30.")] {
            let said = house.call(token, Method::GET, path, None, &[]).await;
            assert_eq!((said.status, said.code()), (401, "signed_out"), "{path} {token:?}");
            assert_eq!(said.body["retry"], "sign_in");
        }
    }
    let said = ada.get("/rooms").await;
    assert_eq!(said.headers["cache-control"], "no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_passwords_is_slowed_down() {
    let house = House::with(&[]);
    let body = json!({"login": "ada", "password": "guess-guess"});
    for attempt in 0..200 {
        let said = house.call(None, Method::POST, "/auth/login", Some(body.clone()), &[]).await;
        if said.status == 429 {
            assert_eq!(said.code(), "rate_limited");
            assert_eq!(said.body["retry"], "later");
            assert!(said.body["after_ms"].as_i64().expect("a wait") > 0);
            assert!(attempt >= 3, "people mistype");
            return;
        }
        assert_eq!(said.status, 401);
    }
    panic!("200 guesses were answered; {PASSWORD} would be found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_may_not_connect() {
    let house = House::with(&[("HALLWAY_ORIGINS", "https://chat.example.org")]);
    for (origin, status) in [("https://evil.example.org", 403), ("https://chat.example.org", 101)] {
        let headers = [
            ("origin", origin),
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        let mut request = reqwest::Client::new().get(house.url("/socket"));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let said = request.send().await.expect("an answer");
        assert_eq!(said.status().as_u16(), status, "{origin}");
    }
}
