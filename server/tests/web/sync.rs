//! The long poll: everything a socket gives, without one.

use crate::house::{House, Person, of_kind};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Everything somebody has, as cursors of a poll.
async fn caught_up(person: &Person) -> Value {
    let first = person.post("/sync", json!({"own": 0, "rooms": []})).await.ok(200);
    let rooms = first["rooms"].as_array().expect("rooms").iter();
    let rooms: Vec<_> = rooms.map(|room| json!([room["room"], room["head"]])).collect();
    json!({"epoch": first["epoch"], "own": first["own"]["to"], "rooms": rooms})
}

fn waiting(ask: &Value, ms: i64) -> Value {
    let mut ask = ask.clone();
    ask["wait_ms"] = json!(ms);
    ask
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_brings_what_is_behind_at_once() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let said = ada.says(room, "tea?").await;
    let began = Instant::now();
    let ask = json!({"own": 0, "rooms": [], "wait_ms": 20_000});
    let first = lin.post("/sync", ask).await.ok(200);
    let head = &first["rooms"][0];
    assert_eq!((&head["room"], &head["unread"]), (&json!(room), &json!(1)));
    assert_eq!(of_kind(&first["own"]["rows"], "mine")[0]["room"], room);
    let own = &first["own"]["to"];
    let rooms = json!([{"room": room, "since": 0, "latest": 10}]);
    let ask = json!({"epoch": first["epoch"], "own": own, "rooms": rooms, "wait_ms": 20_000});
    let second = lin.post("/sync", ask).await.ok(200);
    let delta = &second["deltas"][0];
    assert!(of_kind(&delta["rows"], "message").iter().any(|row| row["text"] == "tea?"));
    assert_eq!(delta["to"], said["seq"]);
    let gone = json!({"own": own, "rooms": [[room, said["seq"]], [room + 1, 3]]});
    assert_eq!(lin.post("/sync", waiting(&gone, 20_000)).await.ok(200)["gone"], json!([room + 1]));
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_waits_when_nothing_is_behind_and_wakes_with_the_next_event() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let ask = caught_up(&lin).await;
    let short = Duration::from_millis(400);
    let began = Instant::now();
    let (woken, said) = tokio::join!(lin.post("/sync", waiting(&ask, 20_000)), async {
        let nothing = lin.post("/sync", waiting(&ask, 400)).await.ok(200);
        assert!(began.elapsed() >= short, "{:?}", began.elapsed());
        assert_eq!((&nothing["deltas"], &nothing["rooms"]), (&json!([]), &json!([])));
        ada.says(room, "milk?").await
    });
    let woken = woken.ok(200);
    assert!(began.elapsed() >= short, "{:?}", began.elapsed());
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let delta = &woken["deltas"][0];
    assert_eq!((&delta["to"], &delta["done"]), (&said["seq"], &json!(true)), "{woken}");
    assert_eq!(delta["rows"][0]["text"], "milk?", "{woken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_calls_of_a_session_are_held_and_no_third() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let ask = waiting(&caught_up(&lin).await, 20_000);
    let mut calls: FuturesUnordered<_> = (0..3).map(|_| lin.post("/sync", ask.clone())).collect();
    let third = calls.next().await.expect("one answers first");
    assert_eq!(third.refused(), (429, "rate_limited"));
    let (rest, _) = tokio::join!(calls.collect::<Vec<_>>(), ada.says(room, "tea?"));
    let statuses: Vec<_> = rest.iter().map(|said| said.status).collect();
    assert_eq!(statuses, [200, 200]);
}
