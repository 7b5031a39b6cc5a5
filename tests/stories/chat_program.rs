//! The chat example shows that the core needs no window: JSON lines in and out, at once, with no
//! network too; killed at any moment it has lost nothing that it answered.

use hallway_tests::{Device, House, Link};
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;

/// Lives of the program.
const LIVES: usize = 12;
/// Messages given to each life.
const LINES: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn what_it_answered_is_never_lost() {
    let house = House::open().await;
    let kitchen = house.owner.creates("kitchen").await;
    let link = Link::to(house.address()).await;
    let device = Device::new(&link.url(), "ada");
    let mut random = rand::rngs::StdRng::seed_from_u64(11);
    let mut answered: BTreeMap<String, String> = BTreeMap::new();
    let mut given = Vec::new();
    // One life to sign in: the others use the stored session.
    let mut chat = device.start();
    chat.is_live().await;
    for life in 0..LIVES {
        if life % 3 == 2 {
            link.cut();
        } else {
            link.mend();
        }
        let mut waiting = Vec::new();
        for n in 0..LINES {
            let text = format!("life {life} line {n}");
            waiting.push((chat.tell("send", json!({"room": kitchen, "text": text})), text.clone()));
            given.push(text);
        }
        // Somewhere in the middle of its answers it dies.
        let stop = random.random_range(0..LINES);
        let mut after = Vec::new();
        for (n, (answer, text)) in waiting.into_iter().enumerate() {
            if n >= stop {
                after.push((answer, text));
                continue;
            }
            let told = hallway_tests::soon("an answer", answer).await.expect("it lives");
            answered.insert(key(&told.expect("taken")), text);
        }
        chat.kill();
        // What it had answered without our reading it counts all the same.
        for (answer, text) in after {
            if let Ok(told) = answer.await {
                answered.insert(key(&told.expect("taken")), text);
            }
        }
        chat = device.start();
    }
    link.mend();
    chat.does("online", json!({"on": false})).await;
    chat.does("online", json!({"on": true})).await;
    chat.is_live().await;
    chat.screen.shows("all is sent", |s| s.outbox["waiting"] == json!(0)).await;

    let history = house.owner.history(kitchen).await;
    let there: Vec<_> =
        history.iter().filter_map(|row| row.key.as_ref().map(|k| (k, row))).collect();
    let by_key: BTreeMap<_, _> =
        there.iter().map(|(key, row)| (key.to_string(), row.text.clone())).collect();
    assert_eq!(by_key.len(), there.len(), "a key is there twice");
    for (key, text) in &answered {
        assert_eq!(by_key.get(key), Some(text), "{key} was answered and is not there");
    }
    // What is there was given, once, and in the order in which it was given.
    let places: Vec<_> = there
        .iter()
        .map(|(_, row)| given.iter().position(|text| *text == row.text).expect("given"))
        .collect();
    assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{places:?}");
    println!("{} given, {} answered, {} there", given.len(), answered.len(), there.len());
    assert!(answered.len() > LIVES && answered.len() < given.len());
    chat.quit();
}

fn key(told: &Value) -> String {
    told["key"].as_str().expect("an answered send has a key").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_all_that_it_is_asked() {
    let house = House::open().await;
    let lin = house.person("lin").await;
    let link = Link::to(house.address()).await;
    let device = Device::new(&link.url(), "ada");

    // A first start without a network says so, and reads its input all the same.
    link.cut();
    let mut chat = device.start();
    assert_eq!(chat.ask("rooms", json!({})).await.expect_err("nobody is there")["code"], "offline");
    drop(chat);
    link.mend();

    let mut chat = device.start();
    chat.is_live().await;
    let mode = std::fs::metadata(device.key_file()).expect("a key file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let made = chat.does("create", json!({"kind": "channel", "name": "kitchen"})).await;
    let room = made["room"]["room"].as_i64().or(made["room"].as_i64()).expect("a room");
    let room = hallway_protocol::ids::RoomId(room);
    lin.joins(room).await;
    let hers = lin.says(room, "tea?").await;
    chat.screen.shows("tea?", |s| s.finds(room, "tea?").is_some()).await;
    chat.does("react", json!({"room": room, "seq": hers.seq, "emoji": "👍", "on": true})).await;
    chat.does("read", json!({"room": room, "seq": hers.seq})).await;
    chat.does("send", json!({"room": room, "text": "with mlik"})).await;
    chat.screen
        .shows("sent", |s| s.finds(room, "with mlik").is_some_and(|row| row["seq"].is_i64()))
        .await;
    let seq = chat.screen.now().finds(room, "with mlik").expect("it")["seq"].clone();
    chat.does("edit", json!({"room": room, "seq": seq, "text": "with milk"})).await;
    chat.screen
        .shows("edited", |s| {
            let row = s.finds(room, "with milk");
            row.is_some_and(|row| row["pending_edit"] == json!(false))
        })
        .await;

    // Offline: taken at once, shown last, without a number.
    chat.does("online", json!({"on": false})).await;
    chat.screen.shows("offline", |s| s.connection == "offline").await;
    chat.does("send", json!({"room": room, "text": "offline now"})).await;
    let dropped = chat.does("send", json!({"room": room, "text": "better not"})).await;
    chat.does("discard", json!({"key": dropped["key"]})).await;
    let page = chat.does("timeline", json!({"room": room, "limit": 50, "before": null})).await;
    let rows: Vec<_> = page["rows"].as_array().expect("rows").clone();
    let texts: Vec<_> =
        rows.iter().filter(|row| row["kind"] != "system").map(|row| &row["text"]).collect();
    assert_eq!(texts, [&json!("tea?"), &json!("with milk"), &json!("offline now")]);
    let last = rows.last().expect("the pending one");
    assert!(last["seq"].is_null() && last["state"].is_string(), "{last}");
    let found = chat.does("search", json!({"query": "milk"})).await;
    assert!(found.to_string().contains("with milk"), "{found}");
    chat.does("online", json!({"on": true})).await;
    chat.screen.shows("sent", |s| s.outbox["waiting"] == json!(0)).await;
    chat.does("delete", json!({"room": room, "seq": seq})).await;
    chat.screen.shows("gone", |s| s.finds(room, "with milk").is_none()).await;

    // Refusals are the same object as everywhere; a line that is none is answered too.
    let unknown = chat.ask("dance", json!({})).await.expect_err("nobody can");
    assert!(unknown["code"].is_string() && unknown["message"].is_string(), "{unknown}");
    chat.quit();

    // It remembers who it is, and what it sent, with no server to be had.
    link.cut();
    let mut chat = device.start();
    let rooms = chat.does("rooms", json!({})).await;
    assert!(rooms.to_string().contains("kitchen"), "{rooms}");
    let page = chat.does("timeline", json!({"room": room, "limit": 50, "before": null})).await;
    assert!(page.to_string().contains("offline now"), "{page}");
    let stored = house.owner.history(room).await;
    let hers = stored.iter().find(|row| row.text == "offline now").expect("it arrived");
    assert!(hers.key.is_some());
    chat.quit();
}
