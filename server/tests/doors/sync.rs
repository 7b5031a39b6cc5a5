//! `POST /sync`: the long poll of who has no socket.

use crate::house::{House, key};
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn it_answers_at_once_when_something_is_behind_and_waits_when_nothing_is() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.invited(&ada, "lin").await;
    let room = ada.room("kitchen", &[&lin]).await;
    let first = lin.post("/sync", json!({"own": 0, "rooms": [], "wait_ms": 20_000})).await.ok(200);
    let (own, head) = (first["own"]["to"].clone(), first["rooms"][0]["head"].clone());
    let epoch = first["epoch"].clone();
    let caught_up = json!({"epoch": epoch, "own": own, "rooms": [[room, head]], "wait_ms": 20_000});
    let began = Instant::now();
    let (woken, seq) = tokio::join!(lin.post("/sync", caught_up.clone()), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        ada.says(room, "tea?").await
    });
    let woken = woken.ok(200);
    assert!(began.elapsed() >= Duration::from_millis(300), "{:?}", began.elapsed());
    assert_eq!(
        (&woken["deltas"][0]["to"], &woken["deltas"][0]["done"]),
        (&json!(seq), &json!(true))
    );
    assert_eq!(woken["deltas"][0]["rows"][0]["text"], "tea?");

    let short = json!({"epoch": epoch, "own": own, "rooms": [[room, seq]], "wait_ms": 400});
    let began = Instant::now();
    let nothing = lin.post("/sync", short).await.ok(200);
    assert!(began.elapsed() >= Duration::from_millis(400));
    assert_eq!((&nothing["deltas"], &nothing["rooms"]), (&json!([]), &json!([])));

    let gone = json!({"own": own, "rooms": [[room, seq], [room + 1, 3]]});
    assert_eq!(lin.post("/sync", gone).await.ok(200)["gone"], json!([room + 1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_calls_of_a_session_are_held_and_no_third() {
    let house = House::open().await;
    let ada = house.ada().await;
    let first = ada.post("/sync", json!({"own": 0, "rooms": []})).await.ok(200);
    let wait =
        json!({"epoch": first["epoch"], "own": first["own"]["to"], "rooms": [], "wait_ms": 1_500});
    let third = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        ada.post("/sync", wait.clone()).await
    };
    let (one, two, three) =
        tokio::join!(ada.post("/sync", wait.clone()), ada.post("/sync", wait.clone()), third);
    one.ok(200);
    two.ok(200);
    assert_eq!(three.refused(), "rate_limited");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poller_is_there_for_the_others() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.invited(&ada, "lin").await;
    let room = ada.room("kitchen", &[&lin]).await;
    let (mut ear, _) = crate::socket::Ear::hello(&house, &ada).await;
    ear.say(json!({"type": "watch", "users": [lin.id]})).await;
    assert_eq!(ear.hear("presence").await["users"], json!([[lin.id, "offline"]]));
    let first = lin.post("/sync", json!({"own": 0, "rooms": []})).await.ok(200);
    assert_eq!(ear.hear("presence").await["users"], json!([[lin.id, "online"]]));
    // What is said by REST is heard on the socket, and typing is heard by who polls.
    let wait = json!({
        "epoch": first["epoch"], "own": first["own"]["to"], "wait_ms": 20_000,
        "rooms": [[room, first["rooms"][0]["head"]]],
    });
    let (polled, ()) = tokio::join!(lin.post("/sync", wait), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        ear.say(json!({"type": "typing", "room": room})).await;
    });
    assert_eq!(
        polled.ok(200)["ephemeral"],
        json!([{"type": "typing", "room": room, "user": ada.id}])
    );
    let body = json!({"key": key(), "text": "hello"});
    lin.post(&format!("/rooms/{room}/messages"), body).await.ok(201);
    assert_eq!(ear.hear("event").await["rows"][0]["text"], "hello");
}
