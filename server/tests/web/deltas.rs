//! Catching up: replay, window, hole, pages, the own log.

use crate::house::{House, Person, Socket, int, key, list, of_kind};
use serde_json::{Value, json};

async fn pull(socket: &mut Socket, room: i64, since: i64, floor: i64, latest: i64) -> Vec<Value> {
    let ask =
        json!({"type": "pull", "room": room, "since": since, "floor": floor, "latest": latest});
    let mut frames = vec![socket.told(ask).await];
    while frames.last().expect("one")["done"] == false {
        let id = frames[0]["id"].clone();
        frames.push(socket.until(|f| f["type"] == "delta" && f["id"] == id).await);
    }
    frames
}

/// Fills a room quickly through one socket.
async fn fill(person: &Person, room: i64, count: usize) {
    let (mut socket, _) = person.socket().await;
    for chunk in (0..count).collect::<Vec<_>>().chunks(200) {
        let mut last = 0;
        for i in chunk {
            let send = json!({"type": "send", "room": room, "key": key(), "text": format!("m{i}")});
            last = socket.asks(send).await;
        }
        socket.until(|f| f["id"] == last).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_carries_every_row_once_in_order_of_change() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    fill(&ada, room, 1200).await;
    let one = format!("/rooms/{room}/messages/5");
    ada.patch(&one, json!({"key": key(), "text": "edited"})).await.fine();
    ada.put(&format!("{one}/reactions/👍"), Value::Null).await.fine();
    let (mut socket, welcome) = ada.socket().await;
    let head = int(&welcome["rooms"][0]["head"]);
    let frames = pull(&mut socket, room, 3, 1, 50).await;
    assert!(frames.len() > 2, "frames of at most 500 rows");
    let (mut since, mut revs) = (3, Vec::new());
    for frame in &frames {
        assert_eq!((&frame["kind"], &frame["since"]), (&json!("replay"), &json!(since)));
        let rows = list(&frame["rows"]);
        assert!(rows.len() <= 501 && frame.to_string().len() <= 300_000);
        since = int(&frame["to"]);
        for row in rows.iter().filter(|row| row["t"] != "user") {
            let rev = int(&row["rev"]);
            assert!(rev <= since, "a row past the frame's end");
            revs.push(rev);
        }
    }
    assert_eq!(since, head);
    let mut sorted = revs.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), revs.len(), "no row twice");
    // Message 5's first version is not sent: its row stands at the edit.
    let all: Vec<i64> = (4..=head).filter(|rev| *rev != 5).collect();
    assert_eq!(sorted, all);
}

/// The messages from `first` up to `end`, fetched newest page first as a hole is filled.
async fn by_pages(person: &Person, room: i64, first: i64, end: i64, head: &Value) -> Vec<i64> {
    let (mut before, mut seen) = (end, Vec::new());
    while before > first {
        let path = format!("/rooms/{room}/messages?before={before}&limit=100");
        let page = person.get(&path).await.ok(200);
        assert!(page["as_of"].as_i64() >= head.as_i64());
        assert_eq!(page["hi"], before - 1);
        before = int(&page["lo"]);
        let rows = of_kind(&page["rows"], "message");
        seen.extend(rows.iter().filter_map(|row| row["seq"].as_i64()).filter(|seq| *seq >= first));
    }
    seen.sort_unstable();
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn far_behind_is_a_window_with_a_hole_that_pages_fill() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    fill(&ada, room, 2600).await;
    let one = format!("/rooms/{room}/messages/90");
    ada.patch(&one, json!({"key": key(), "text": "edited meanwhile"})).await.fine();
    let (mut socket, welcome) = ada.socket().await;
    let head = welcome["rooms"][0]["head"].clone();
    let frames = pull(&mut socket, room, 100, 80, 50).await;
    let window = &frames[0];
    assert_eq!((frames.len(), &window["kind"]), (1, &json!("window")), "{window}");
    assert_eq!((&window["to"], &window["floor"], &window["head"]), (&head, &json!(80), &head));
    let first = int(&window["first"]);
    assert_eq!(window["hole"], json!([101, first - 1]));
    let messages = of_kind(&window["rows"], "message");
    let latest = messages.iter().filter(|row| row["seq"].as_i64() >= Some(first)).count();
    assert_eq!(latest, 50);
    assert!(messages.iter().any(|row| row["seq"] == 90 && row["text"] == "edited meanwhile"));
    assert_eq!(by_pages(&ada, room, 101, first, &head).await, (101..first).collect::<Vec<_>>());
    // From nothing it is a window too; past the head it is a reset.
    let fresh = &pull(&mut socket, room, 0, 1, 20).await[0];
    assert_eq!((&fresh["kind"], &fresh["to"]), (&json!("window"), &head));
    assert!(
        !of_kind(&fresh["rows"], "room").is_empty()
            && !of_kind(&fresh["rows"], "member").is_empty()
    );
    assert!(!of_kind(&fresh["rows"], "user").is_empty());
    let past = &pull(&mut socket, room, 99_999, 1, 20).await[0];
    assert_eq!(past["kind"], "reset");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_go_both_ways_and_around() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    fill(&ada, room, 120).await;
    let path = format!("/rooms/{room}/messages");
    let newest = ada.get(&format!("{path}?limit=10")).await.ok(200);
    let seqs = |page: &Value| -> Vec<i64> {
        of_kind(&page["rows"], "message").iter().filter_map(|row| row["seq"].as_i64()).collect()
    };
    let found = seqs(&newest);
    assert!(found.is_sorted() && found.len() == 10, "{found:?}");
    assert_eq!(newest["hi"], newest["as_of"]);
    let after = ada.get(&format!("{path}?after=50&limit=10")).await.ok(200);
    assert_eq!((seqs(&after), &after["lo"]), ((51..=60).collect(), &json!(51)));
    let around = ada.get(&format!("{path}?around=60&limit=11")).await.ok(200);
    assert!(seqs(&around).contains(&60) && seqs(&around).len() <= 12, "{around}");
    let first = ada.get(&format!("{path}?before=4&limit=100")).await.ok(200);
    assert_eq!(first["lo"], 1, "nothing is missing below the first");
    let many = ada.get(&format!("{path}?limit=5000")).await.ok(200);
    assert_eq!(seqs(&many).len(), 100, "more than 100 means 100");
}
