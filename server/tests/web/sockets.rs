//! A socket's beginning and its end: what is read before `hello`, what closes it and with which code,
//! how it is kept alive.

use crate::house::{House, Socket, int, key, of_kind};
use hallway_protocol::digest::digest;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_hello_is_heard_before_hello() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let mut socket = Socket::dial(house.address).await;
    let send = json!({"type": "send", "id": 1, "room": room, "key": key(), "text": "x"});
    socket.say(send).await;
    assert_eq!(socket.hears("error").await["code"], "invalid");
    socket.raw("tea?".into()).await;
    assert_eq!(socket.hears("error").await["code"], "invalid");
    socket.say(json!({"type": "hello", "v": "one"})).await;
    assert_eq!(socket.closed().await, Some(4010));
    let page = ada.get(&format!("/rooms/{room}/messages")).await.ok(200);
    let kinds = of_kind(&page["rows"], "message").into_iter().map(|row| row["kind"].clone());
    assert!(kinds.into_iter().all(|kind| kind == "system"), "nothing was said: {page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hello_that_cannot_be_answered_is_told_why() {
    let house = House::open().await;
    let ada = house.ada().await;
    let rooms: Vec<_> = (0..20_000).map(|room| [room, 1]).collect();
    for (hello, code, why) in [
        (json!({"v": 2, "ticket": 7}), 4011, "unsupported"),
        (json!({"v": 99, "token": ada.token, "own": 0, "rooms": []}), 4011, "unsupported"),
        (json!({"v": 1, "token": ""}), 4001, "signed_out"),
        (json!({"v": 1, "token": "x.y.z"}), 4001, "signed_out"),
        (json!({"v": 1, "token": "forged", "own": 0, "rooms": []}), 4001, "signed_out"),
        (json!({"v": 1, "token": ada.token, "rooms": rooms}), 1009, "too_large"),
    ] {
        let mut frame = json!({"type": "hello"});
        for (field, value) in hello.as_object().expect("fields") {
            frame[field] = value.clone();
        }
        let mut socket = Socket::dial(house.address).await;
        socket.say(frame).await;
        let (closed, said) = socket.last_words().await;
        assert_eq!((closed, &said[0]["code"]), (Some(code), &json!(why)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_no_hello_is_let_go_after_ten_seconds() {
    let house = House::open().await;
    let mut socket = Socket::dial(house.address).await;
    let began = Instant::now();
    assert_eq!(socket.closed().await, Some(4009));
    assert!(began.elapsed() >= Duration::from_secs(9), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slip_is_answered_ten_a_minute_end_it() {
    let house = House::open().await;
    let ada = house.ada().await;
    let (mut socket, _) = ada.socket().await;
    let slip = json!({"type": "send", "id": 3, "room": 1, "key": "no key", "text": "x"});
    socket.say(slip).await;
    let error = socket.next().await.expect("open");
    assert_eq!((&error["id"], &error["code"]), (&json!(3), &json!("invalid")));
    for garbled in ["[", "{", "[", "{", "[", "{", "[", "{", "["] {
        socket.raw(garbled.into()).await;
        let error = socket.next().await.expect("a slip does not close");
        assert_eq!((&error["code"], &error["id"]), (&json!("invalid"), &Value::Null));
    }
    socket.raw("{}".into()).await;
    assert_eq!(socket.closed().await, Some(4010));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_is_too_large_ends_it() {
    let house = House::open().await;
    let ada = house.ada().await;
    let (mut socket, _) = ada.socket().await;
    socket.raw("x".repeat((1 << 20) + 1)).await;
    assert_eq!(socket.closed().await, Some(1009));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_later_version_says_is_passed_over() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let (mut socket, _) = ada.socket().await;
    socket.say(json!({"type": "telepathy", "room": room, "id": 99})).await;
    socket.say(json!({"type": "heads", "id": 2, "field of a later version": []})).await;
    assert_eq!(socket.next().await.expect("open")["type"], "bump");
    let send = json!({"type": "send", "room": room, "key": key(), "text": "hi", "colour": "red"});
    assert_eq!(socket.told(send).await["type"], "ok");
    let bad = json!({"type": "send", "room": room, "key": "nonsense", "text": "hi"});
    let error = socket.told(bad).await;
    assert_eq!((&error["code"], &error["retry"]), (&json!("invalid"), &json!("never")));
    assert!(error["fields"]["key"].is_string(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_come_and_a_dead_peer_is_let_go() {
    let house = House::with(|config| config.heartbeat = Duration::from_millis(200)).await;
    let ada = house.ada().await;
    let (mut socket, welcome) = ada.socket().await;
    assert_eq!(welcome["heartbeat_ms"], 200);
    // Reading answers the pings: it lives on, three times longer than the dead do.
    let known = digest([], int(&welcome["own_head"]));
    for _ in 0..8 {
        assert_eq!(socket.hears("heartbeat").await["digest"], known);
    }
    assert_eq!(house.app.hub.figures().0, 1);
    socket.plays_dead().await;
    assert_eq!(house.app.hub.figures().0, 0, "still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_says_so_and_comes_to_an_end() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let (mut socket, _) = ada.socket().await;
    let send = json!({"type": "send", "room": room, "key": key(), "text": "last words"});
    assert_eq!(socket.told(send).await["type"], "ok");
    let began = Instant::now();
    let (stopped, (code, said)) = tokio::join!(house.stop(), socket.last_words());
    assert!(stopped && began.elapsed() < Duration::from_secs(10));
    assert_eq!(code, Some(1012));
    let goaway = said.iter().find(|frame| frame["type"] == "goaway").expect("a goaway");
    assert!((500..5_000).contains(&int(&goaway["after_ms"])));
}
