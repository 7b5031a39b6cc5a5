//! The socket's rules: what is read when, what closes it, how commands keep their order.

use crate::house::{House, Socket, key};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn what_one_says_the_other_hears() {
    let house = House::open();
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let (mut hers, welcome) = ada.socket().await;
    for field in ["connection", "epoch"] {
        assert!(!welcome[field].as_str().expect(field).is_empty());
    }
    assert_eq!((&welcome["v"], &welcome["gone"]), (&json!(1), &json!([])));
    assert_eq!(welcome["limits"]["text"], 4000);
    assert_eq!(welcome["rooms"][0]["room"], room);
    let (mut his, _) = lin.socket().await;
    let key = key();
    let ok = hers.told(json!({"type": "send", "room": room, "key": key, "text": "tea?"})).await;
    assert_eq!(
        (&ok["type"], &ok["again"], &ok["room"]),
        (&json!("ok"), &json!(false), &json!(room))
    );
    assert_eq!(ok["row"]["key"], key.as_str());
    let event = his.hears("event").await;
    assert_eq!((&event["room"], &event["seq"]), (&json!(room), &ok["seq"]));
    assert_eq!(event["rows"][0], ok["row"], "the sender's own copy is the same row");
    his.say(json!({"type": "typing", "room": room})).await;
    let typing = hers.hears("typing").await;
    assert_eq!((&typing["room"], &typing["user"]), (&json!(room), &json!(lin.user)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_ends_by_its_codes() {
    let house = House::open();
    let ada = house.ada().await;
    let mut old = Socket::dial(&house).await;
    old.say(json!({"type": "hello", "v": 99, "token": ada.token, "own": 0, "rooms": []})).await;
    assert_eq!(old.hears("error").await["code"], "unsupported");
    assert_eq!(old.closed().await, Some(4011));
    let (mut big, _) = ada.socket().await;
    big.raw("x".repeat((1 << 20) + 1)).await;
    assert_eq!(big.closed().await, Some(1009));
    let (mut garbled, _) = ada.socket().await;
    let mut slips = 0;
    let code = loop {
        garbled.raw("{".into()).await;
        match garbled.answer().await {
            Ok(error) => {
                assert_eq!((&error["code"], &error["id"]), (&json!("invalid"), &json!(null)));
                slips += 1;
            }
            Err(code) => break code,
        }
    };
    assert_eq!(code, Some(4010));
    assert!((3..100).contains(&slips), "a slip does not close, a hundred do: {slips}");
    let mut silent = Socket::dial(&house).await;
    assert_eq!(silent.closed().await, Some(4009), "no hello in ten seconds");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_later_version_says_is_passed_over() {
    let house = House::open();
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let (mut socket, _) = ada.socket().await;
    socket.say(json!({"type": "telepathy", "room": room, "id": 99})).await;
    let send = json!({"type": "send", "room": room, "key": key(), "text": "hi", "colour": "red"});
    assert_eq!(socket.told(send).await["type"], "ok");
    let bad = json!({"type": "send", "room": room, "key": "nonsense", "text": "hi"});
    let error = socket.told(bad).await;
    assert_eq!((&error["code"], &error["retry"]), (&json!("invalid"), &json!("never")));
    assert!(error["fields"]["key"].is_string(), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_command_holds_back_the_rooms_later_ones() {
    let house = House::with(&[]);
    let ada = house.ada().await;
    let (room, other) = (ada.group("kitchen", &[]).await, ada.group("attic", &[]).await);
    let (mut socket, _) = ada.socket().await;
    let keys: Vec<String> = (0..60).map(|_| key()).collect();
    let send =
        |i: usize| json!({"type": "send", "room": room, "key": keys[i], "text": i.to_string()});
    let mut ids = Vec::new();
    for i in 0..keys.len() {
        ids.push(socket.asks(send(i)).await);
    }
    let mut refused = Vec::new();
    for _ in &ids {
        // Refusals may come before the commits of what stood ahead of them.
        let said = socket.until(|f| f["type"] == "ok" || f["type"] == "error").await;
        if said["type"] == "error" {
            assert_eq!((&said["code"], &said["retry"]), (&json!("rate_limited"), &json!("later")));
            refused.push(ids.iter().position(|id| said["id"] == *id).expect("one of ours"));
        }
    }
    // Sixteen may be unanswered; whether the server keeps up decides how many went through.
    let Some(first) = refused.first().copied() else { return };
    assert_eq!(refused, (first..keys.len()).collect::<Vec<_>>(), "none overtook the refused one");
    let later = json!({"type": "send", "room": room, "key": key(), "text": "overtakes"});
    assert_eq!(socket.told(later).await["code"], "rate_limited", "it still waits for that key");
    let elsewhere = json!({"type": "send", "room": other, "key": key(), "text": "free"});
    let mut said = socket.told(elsewhere.clone()).await;
    while said["code"] == "rate_limited" {
        tokio::time::sleep_until(tokio::time::Instant::now() + wait(&said)).await;
        said = socket.told(elsewhere.clone()).await;
    }
    assert_eq!(said["type"], "ok");
    let mut last = 0;
    for i in refused {
        let mut said = socket.told(send(i)).await;
        while said["type"] == "error" {
            tokio::time::sleep_until(tokio::time::Instant::now() + wait(&said)).await;
            said = socket.told(send(i)).await;
        }
        let seq = said["seq"].as_i64().expect("seq");
        assert!(seq > last, "order of acts is order of numbers");
        last = seq;
    }
}

fn wait(error: &serde_json::Value) -> std::time::Duration {
    let ms = error["after_ms"].as_u64().expect("how long to wait");
    std::time::Duration::from_millis(ms)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permanent_refusal_holds_back_nothing() {
    let house = House::open();
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let (mut socket, _) = ada.socket().await;
    let bad = socket.asks(json!({"type": "send", "room": room, "key": key(), "text": ""})).await;
    let good = socket.asks(json!({"type": "send", "room": room, "key": key(), "text": "x"})).await;
    assert_eq!(socket.until(|f| f["id"] == bad).await["code"], "invalid");
    assert_eq!(socket.until(|f| f["id"] == good).await["type"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_ones_removal_nothing_more_comes() {
    let house = House::open();
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let (mut hers, _) = lin.socket().await;
    ada.says(room, "before").await;
    ada.delete(&format!("/rooms/{room}/members/{}", lin.user)).await.ok(204);
    ada.says(room, "after").await;
    let own = hers
        .until(|frame| {
            assert!(!frame.to_string().contains("after"), "{frame}");
            frame["type"] == "own"
        })
        .await;
    assert_eq!(own["rows"][0]["state"], "removed", "{own}");
    // An answer shows that everything before it was written.
    hers.told(json!({"type": "own", "since": 0})).await;
    let (_, welcome) = lin.socket_from(0, json!([[room, 1]])).await;
    assert_eq!((&welcome["gone"], &welcome["rooms"]), (&json!([room]), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_enters_while_connected_hears_the_room_from_its_head() {
    let house = House::open();
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[]).await;
    let (mut hers, _) = lin.socket().await;
    ada.put(&format!("/rooms/{room}/members/{}", lin.user), json!({})).await.fine();
    let own = hers.until(|f| f["type"] == "own" || f["type"] == "event").await;
    let own = if own["type"] == "own" { own } else { hers.hears("own").await };
    let mine = &own["rows"][0];
    assert_eq!((&mine["room"], &mine["state"]), (&json!(room), &json!("joined")));
    let said = ada.says(room, "welcome").await;
    let event = hers.until(|f| f["type"] == "event" && f["seq"] == said["seq"]).await;
    assert_eq!(event["rows"][0]["text"], "welcome");
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_is_told_to_those_who_watch() {
    let house = House::open();
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let eve = house.newcomer(&ada, "eve").await;
    ada.group("kitchen", &[&lin]).await;
    let (mut socket, _) = ada.socket().await;
    let (_unseen, _) = eve.socket().await;
    socket.say(json!({"type": "watch", "users": [lin.user, eve.user]})).await;
    let all = socket.hears("presence").await;
    // Eve is connected, but shares no room with Ada.
    let mut asked = [lin.user, eve.user].map(|user| json!([user, "offline"]));
    let mut told = all["users"].as_array().expect("users").clone();
    asked.sort_by_key(|entry| entry[0].as_i64());
    told.sort_by_key(|entry| entry[0].as_i64());
    assert_eq!(told, asked);
    let (mut hers, _) = lin.socket().await;
    let said = socket.hears("presence").await;
    assert_eq!(said["users"], json!([[lin.user, "online"]]));
    hers.say(json!({"type": "presence", "state": "away"})).await;
    assert_eq!(socket.hears("presence").await["users"], json!([[lin.user, "away"]]));
}
