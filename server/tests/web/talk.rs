//! What is said over a socket: commands and their answers, what the others hear and in which order,
//! and what who enters or is removed hears.

use crate::house::{House, int, key, list};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn what_one_says_the_other_hears() {
    let house = House::open().await;
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
    let once = key();
    let ok = hers.told(json!({"type": "send", "room": room, "key": once, "text": "tea?"})).await;
    assert_eq!((&ok["type"], &ok["again"]), (&json!("ok"), &json!(false)));
    assert_eq!((&ok["room"], &ok["row"]["key"]), (&json!(room), &json!(once)));
    assert_eq!((&ok["row"]["text"], &ok["row"]["sender"]), (&json!("tea?"), &json!(ada.user)));
    let event = his.hears("event").await;
    assert_eq!((&event["room"], &event["seq"]), (&json!(room), &ok["seq"]));
    assert_eq!(event["rows"][0], ok["row"], "the sender's own copy is the same row");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_hear_in_order_and_the_sender_too() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let (mut hers, welcome) = ada.socket().await;
    let (mut his, _) = lin.socket().await;
    for text in ["tea?", "coffee?"] {
        hers.asks(json!({"type": "send", "room": room, "key": key(), "text": text})).await;
    }
    let head = int(&welcome["rooms"][0]["head"]);
    for seq in [head + 1, head + 2] {
        let event = his.hears("event").await;
        assert_eq!((&event["seq"], &event["rows"][0]["sender"]), (&json!(seq), &json!(ada.user)));
    }
    let mut kinds = Vec::new();
    for _ in 0..4 {
        let frame = hers.next().await.expect("open");
        kinds.push(frame["type"].as_str().expect("a type").to_owned());
    }
    kinds.sort();
    assert_eq!(kinds, ["event", "event", "ok", "ok"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_is_answered_with_the_row_as_it_is_now() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let (mut socket, _) = ada.socket().await;
    let send = json!({"type": "send", "room": room, "key": key(), "text": "tea?"});
    let ok = socket.told(send.clone()).await;
    assert_eq!(ok["row"]["text"], "tea?");
    let again = socket.told(send).await;
    assert_eq!((&again["seq"], &again["again"]), (&ok["seq"], &json!(true)));
    let seq = &ok["seq"];
    let command = |with: Value| {
        let mut frame = json!({"room": room, "key": key(), "seq": seq});
        for (field, value) in with.as_object().expect("fields") {
            frame[field] = value.clone();
        }
        frame
    };
    let edited = socket.told(command(json!({"type": "edit", "text": "coffee?"}))).await;
    assert_eq!(edited["row"]["text"], "coffee?");
    let reacted = socket.told(command(json!({"type": "react", "emoji": "👍", "on": true}))).await;
    assert_eq!(reacted["row"]["emoji"], "👍");
    let pinned = socket.told(command(json!({"type": "pin", "on": true}))).await;
    assert_eq!(pinned["row"]["pinned"], true);
    let read = socket.told(json!({"type": "read", "room": room, "seq": seq})).await;
    assert_eq!((&read["type"], read["own"].is_i64()), (&json!("ok"), true));
    assert_eq!(read["room"], room);
    let gone = socket.told(command(json!({"type": "delete"}))).await;
    assert_eq!((&gone["row"]["deleted"], gone["row"].get("text")), (&json!(true), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_by_its_frame() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let (mut socket, _) = ada.socket().await;
    let path = format!("/rooms/{room}");
    let answer = socket.told(json!({"type": "call", "method": "GET", "path": path})).await;
    assert_eq!((&answer["type"], &answer["status"]), (&json!("answer"), &json!(200)));
    assert_eq!(answer["body"]["name"], "kitchen");
    let delta = socket.told(json!({"type": "pull", "room": room, "since": 0})).await;
    assert_eq!((&delta["type"], &delta["done"]), (&json!("delta"), &json!(true)));
    socket.asks(json!({"type": "heads"})).await;
    assert_eq!(socket.hears("bump").await["rooms"][0]["room"], room);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permanent_refusal_holds_back_nothing() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let (mut socket, _) = ada.socket().await;
    let bad = socket.asks(json!({"type": "send", "room": room, "key": key(), "text": ""})).await;
    let good = socket.asks(json!({"type": "send", "room": room, "key": key(), "text": "x"})).await;
    assert_eq!(socket.until(|said| said["id"] == bad).await["code"], "invalid");
    assert_eq!(socket.until(|said| said["id"] == good).await["type"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_removed_hear_their_removal_last() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let (mut hers, _) = lin.socket().await;
    ada.says(room, "before").await;
    assert_eq!(hers.hears("event").await["rows"][0]["text"], "before");
    ada.removes(room, &lin).await;
    ada.says(room, "is she gone?").await;
    let removal = hers.hears("event").await;
    assert!(list(&removal["rows"]).iter().any(|row| row["left_seq"].is_i64()), "{removal}");
    // An answer shows that everything before it was written: nothing more of the room was.
    let asked = hers.asks(json!({"type": "own", "since": 0})).await;
    let silent = |frame: &Value| {
        assert!(frame["type"] != "event" && !frame.to_string().contains("gone?"), "{frame}");
        true
    };
    let own = hers.until(|frame| silent(frame) && frame["type"] == "own").await;
    assert_eq!((&own["id"], &own["rows"][0]["state"]), (&Value::Null, &json!("removed")), "{own}");
    hers.until(|frame| silent(frame) && frame["id"] == asked).await;
    let send = json!({"type": "send", "room": room, "key": key(), "text": "hello?"});
    assert_eq!(hers.told(send).await["code"], "not_found");
    let (_, welcome) = lin.socket_from(0, json!([[room, 1]])).await;
    assert_eq!((&welcome["gone"], &welcome["rooms"]), (&json!([room]), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_enters_while_connected_hears_the_room_from_its_head() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[]).await;
    let (mut hers, _) = lin.socket().await;
    ada.adds(room, &lin).await;
    let entry = hers.hears("event").await;
    let own = hers.hears("own").await;
    let mine = &own["rows"][0];
    assert_eq!((&mine["room"], &mine["state"]), (&json!(room), &json!("joined")));
    assert!(own["id"].is_null(), "nobody asked for it: {own}");
    let said = ada.says(room, "welcome").await;
    assert_eq!(int(&said["seq"]), int(&entry["seq"]) + 1);
    let event = hers.hears("event").await;
    assert_eq!((&event["seq"], &event["rows"][0]["text"]), (&said["seq"], &json!("welcome")));
}
