//! What is refused, and how: one object everywhere (`Answer::refused` looks at all of it), whoever
//! makes it: a handler, the router, the reader of bodies. And nothing half done.

use crate::house::{Call, House, int, key, list};
use serde_json::{Value, json};

/// Method, path, body, status, code, the field named (or "").
type Case = (&'static str, String, Value, u16, &'static str, &'static str);

/// Paths that lead nowhere, and queries that ask for nothing.
fn astray(room: i64, hidden: i64) -> Vec<Case> {
    let absent = |path: String| ("GET", path, Value::Null, 404, "not_found", "");
    let asked = |path: String, field| ("GET", path, Value::Null, 422, "invalid", field);
    let method = |method, path: &str| (method, path.into(), Value::Null, 405, "unsupported", "");
    let one = format!("/rooms/{room}/messages/9999");
    vec![
        absent("/nowhere".into()),
        absent("/rooms/7".into()),
        absent("/rooms/seven".into()),
        absent("/rooms/not-a-number".into()),
        absent("/rooms/99999999999999999999".into()),
        absent(format!("/rooms/{hidden}")),
        absent("/users/7".into()),
        absent("/users/1".into()),
        ("PATCH", one, json!({"key": key(), "text": "a"}), 404, "not_found", ""),
        ("POST", "/rooms/join".into(), json!({"code": "ZZZZ-ZZZZ"}), 404, "not_found", ""),
        ("POST", "/rooms/join".into(), json!({"code": "?"}), 404, "not_found", ""),
        method("DELETE", "/server"),
        method("PATCH", "/server"),
        method("GET", "/auth/login"),
        asked("/rooms?limit=many".into(), "limit"),
        asked("/rooms/7/messages?before=1&after=2".into(), ""),
        asked(format!("/rooms/{room}/messages?before=x"), "before"),
        asked("/users?ids=1,two".into(), "ids"),
    ]
}

/// Messages and marks that are none.
fn wrong_messages(room: i64, seq: i64) -> Vec<Case> {
    let messages = format!("/rooms/{room}/messages");
    let one = format!("/rooms/{room}/messages/{seq}");
    let post = |body: Value, field| ("POST", messages.clone(), body, 422, "invalid", field);
    let text = |text: &str| json!({"key": key(), "text": text});
    let with = |field: &str, value: Value| {
        let mut body = text("x");
        body[field] = value;
        body
    };
    let emoji = format!("{one}/reactions/{}", "x".repeat(65));
    let mark = format!("/rooms/{room}/read-mark");
    vec![
        post(text(""), "text"),
        post(text(" "), "text"),
        post(text(&"x".repeat(4001)), "text"),
        post(text("a\u{0}b"), "text"),
        post(json!({"key": key(), "text": 7}), "text"),
        post(json!({"text": "no key"}), "key"),
        post(json!({"key": "x", "text": "a"}), "key"),
        post(json!({"key": "7", "text": "a"}), "key"),
        post(with("files", json!(["7"])), "files"),
        post(with("meta", json!({"m": "x".repeat(5000)})), "meta"),
        post(with("reply", json!(9999)), "reply"),
        ("PATCH", one, text(""), 422, "invalid", "text"),
        ("PUT", emoji, Value::Null, 422, "invalid", "emoji"),
        ("PUT", mark, json!({"seq": -1}), 422, "invalid", "seq"),
    ]
}

/// Rooms, people and the rest that are none.
fn wrong_others() -> Vec<Case> {
    let post = |path: &str, body: Value, field| ("POST", path.into(), body, 422, "invalid", field);
    let room = |with: Value| {
        let mut body = json!({"kind": "group", "name": "x"});
        for (field, value) in with.as_object().expect("fields") {
            body[field] = value.clone();
        }
        body
    };
    let storage = format!("/users/me/storage/{}", "k".repeat(300));
    vec![
        post("/rooms", room(json!({"kind": "club"})), "kind"),
        post("/rooms", room(json!({"kind": "direct"})), "kind"),
        post("/rooms", json!({"kind": "group"}), "name"),
        post("/rooms", room(json!({"name": ""})), "name"),
        post("/rooms", room(json!({"name": "n".repeat(81)})), "name"),
        post("/rooms", room(json!({"topic": "t".repeat(251)})), "topic"),
        post("/rooms", room(json!({"members": ["lin"]})), "members"),
        post("/rooms", room(json!({"members": [123]})), "members"),
        post("/rooms/direct", json!({"users": []}), "users"),
        post("/rooms/direct", json!({"users": [1, 2]}), "users"),
        post("/invites", json!({"uses": 0}), "uses"),
        post("/invites", json!({"uses": 1001}), "uses"),
        post("/sync", json!({"rooms": []}), "own"),
        ("PATCH", "/users/me".into(), json!({"display_name": ""}), 422, "invalid", "display_name"),
        ("PUT", storage, json!(1), 422, "invalid", "key"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_the_same_object_and_changes_nothing() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let (room, hidden) = (ada.group("kitchen", &[]).await, lin.group("attic", &[]).await);
    let seq = int(&ada.says(room, "tea?").await["seq"]);
    let before = ada.get(&format!("/rooms/{room}/messages")).await.ok(200);
    let cases = [astray(room, hidden), wrong_messages(room, seq), wrong_others()];
    for (method, path, body, status, code, field) in cases.into_iter().flatten() {
        let said = ada.call(method, &path, body.clone()).await;
        let what = format!("{method} {path} {body}: {}", said.body);
        assert_eq!(said.refused(), (status, code), "{what}");
        assert!(field.is_empty() || said.blames(field), "{what}");
    }
    let outside = Call::at("GET", "/nowhere").to(house.address).await;
    assert_eq!(outside.refused(), (404, "not_found"));
    let after = ada.get(&format!("/rooms/{room}/messages")).await.ok(200);
    assert_eq!(before, after, "a refusal changes nothing");
    assert_eq!(list(&ada.get("/rooms").await.ok(200)["rows"]).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_and_media_types_have_their_bounds() {
    let house = House::open().await;
    let ada = house.ada().await;
    let post =
        |kind: &str, body: Vec<u8>| ada.begins("POST", "/rooms").raw(kind, body).to(house.address);
    let kind = "application/json";
    let huge = format!(r#"{{"kind":"group","name":"{}"}}"#, "x".repeat(9 << 20));
    for large in [vec![b' '; 1024 * 1024 + 1], huge.into_bytes()] {
        assert_eq!(post(kind, large).await.refused(), (413, "too_large"));
    }
    for (other, body) in [
        ("application/x-www-form-urlencoded", "kind=group"),
        ("text/plain", r#"{"kind":"group","name":"x"}"#),
    ] {
        assert_eq!(post(other, body.into()).await.refused(), (415, "unsupported"), "{other}");
    }
    let second_value = br#"{"kind":"group","name":"x"} x"#;
    let marked = "\u{feff}".as_bytes();
    for raw in [&b"tea?"[..], b"", b"{", b"[]", b"\xff\xfe", marked, second_value] {
        assert_eq!(post(kind, raw.to_vec()).await.refused(), (422, "invalid"), "{raw:?}");
    }
    let deep = "[".repeat(100_000).into_bytes();
    assert_eq!(post(kind, deep).await.refused(), (422, "invalid"));
    let call = ada.begins("POST", "/rooms").header("idempotency-key", "7");
    let said = call.body(json!({"kind": "group", "name": "x"})).to(house.address).await;
    assert_eq!((said.refused(), said.blames("Idempotency-Key")), ((422, "invalid"), true));
    assert_eq!(ada.get("/rooms").await.ok(200)["rows"], json!([]), "nothing was stored");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_nothing_is_said_of_anybody() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let paths = ["/users/me".into(), "/rooms".into(), format!("/rooms/{room}"), "/rooms/1".into()];
    for path in &paths {
        for token in [None, Some("x"), Some("eyJhbGciOiJub25lIn0.e30.")] {
            let call = Call::new("GET", path);
            let call = match token {
                Some(token) => call.token(token),
                None => call,
            };
            let said = call.to(house.address).await;
            assert_eq!(said.refused(), (401, "signed_out"), "{path} {token:?}");
        }
    }
}
