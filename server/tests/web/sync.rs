//! The long poll: everything a socket gives, without one.

use crate::house::{House, of_kind};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_brings_what_is_behind_and_waits_when_nothing_is() {
    let house = House::open();
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let said = ada.says(room, "tea?").await;
    let first = lin.post("/sync", json!({"own": 0, "rooms": []})).await.ok(200);
    assert_eq!(
        (&first["rooms"][0]["room"], &first["rooms"][0]["unread"]),
        (&json!(room), &json!(1))
    );
    assert_eq!(of_kind(&first["own"]["rows"], "mine")[0]["room"], room);
    let own = first["own"]["to"].clone();
    let ask = json!({"epoch": first["epoch"], "own": own, "rooms": [{"room": room, "since": 0, "latest": 10}]});
    let second = lin.post("/sync", ask).await.ok(200);
    let delta = &second["deltas"][0];
    assert!(of_kind(&delta["rows"], "message").iter().any(|row| row["text"] == "tea?"));
    assert_eq!(delta["to"], said["seq"]);
    // Nothing is behind: it waits, and wakes with the next event.
    let ask = json!({"own": own, "rooms": [[room, said["seq"]]], "wait_ms": 20_000});
    let asked = Instant::now();
    let (woken, _) = tokio::join!(lin.post("/sync", ask), async {
        // The answer to a second poll shows that the first one is being held.
        let quick = json!({"own": own, "rooms": [[room, said["seq"]]], "wait_ms": 50});
        lin.post("/sync", quick).await.ok(200);
        ada.says(room, "milk?").await;
    });
    let woken = woken.ok(200);
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    let rows = &woken["deltas"][0]["rows"];
    assert!(of_kind(rows, "message").iter().any(|row| row["text"] == "milk?"), "{woken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poller_is_seen_and_may_hold_two_calls() {
    let house = House::open();
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    ada.group("kitchen", &[&lin]).await;
    let first = lin.post("/sync", json!({"own": 0, "rooms": []})).await.ok(200);
    let rooms: Vec<_> = first["rooms"]
        .as_array()
        .expect("rooms")
        .iter()
        .map(|room| json!([room["room"], room["head"]]))
        .collect();
    let held = json!({"own": first["own"]["to"], "rooms": rooms, "wait_ms": 3_000});
    let (one, two, three) = tokio::join!(
        lin.post("/sync", held.clone()),
        lin.post("/sync", held.clone()),
        lin.post("/sync", held.clone())
    );
    let mut statuses = [one.status, two.status, three.status];
    statuses.sort_unstable();
    assert_eq!(statuses[..2], [200, 200]);
    assert!(matches!(statuses[2], 429 | 503), "the third is turned away: {statuses:?}");
    let (mut socket, _) = ada.socket().await;
    socket.say(json!({"type": "watch", "users": [lin.user]})).await;
    let seen = socket.hears("presence").await;
    assert_eq!(seen["users"], json!([[lin.user, "online"]]));
}
