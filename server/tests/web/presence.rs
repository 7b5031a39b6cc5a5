//! Signs of the moment: who is there, who types, who has read, who has another name. None is stored.

use crate::house::{House, int, list};
use serde_json::json;
use std::time::Duration;

/// Who has gone counts as there for so long; a little more than the server's twenty seconds.
const GRACE: Duration = Duration::from_secs(21);

#[tokio::test(flavor = "multi_thread")]
async fn signs_of_the_moment_reach_those_they_concern() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let seq = int(&ada.says(room, "tea?").await["seq"]);
    let (mut hers, _) = ada.socket().await;
    hers.say(json!({"type": "focus", "rooms": [room]})).await;
    hers.say(json!({"type": "watch", "users": [lin.user]})).await;
    assert_eq!(hers.hears("presence").await["users"], json!([[lin.user, "offline"]]));
    let (mut his, _) = lin.socket().await;
    assert_eq!(hers.hears("presence").await["users"], json!([[lin.user, "online"]]));
    his.say(json!({"type": "presence", "state": "away"})).await;
    assert_eq!(hers.hears("presence").await["users"], json!([[lin.user, "away"]]));
    his.say(json!({"type": "typing", "room": room})).await;
    let typing = hers.hears("typing").await;
    assert_eq!((&typing["room"], &typing["user"]), (&json!(room), &json!(lin.user)));
    his.told(json!({"type": "read", "room": room, "seq": seq})).await;
    let read = hers.hears("read").await;
    assert_eq!((&read["marks"][0][0], &read["marks"][0][1]), (&json!(lin.user), &json!(seq)));
    lin.patch("/users/me", json!({"display_name": "Lin"})).await.ok(200);
    assert_eq!(hers.hears("users").await["rows"][0]["display_name"], "Lin");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shares_no_room_is_never_there() {
    let house = House::open().await;
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
    let mut told = list(&all["users"]).to_vec();
    asked.sort_by_key(|entry| entry[0].as_i64());
    told.sort_by_key(|entry| entry[0].as_i64());
    assert_eq!(told, asked);
    // Lin is told of, and she alone.
    let (_seen, _) = lin.socket().await;
    assert_eq!(socket.hears("presence").await["users"], json!([[lin.user, "online"]]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poller_is_there_for_the_others() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let (mut socket, _) = ada.socket().await;
    let watch = json!({"type": "watch", "users": [lin.user]});
    let lin_is = |state: &str| json!([[lin.user, state]]);
    socket.say(watch.clone()).await;
    assert_eq!(socket.hears("presence").await["users"], lin_is("offline"));
    let first = lin.post("/sync", json!({"own": 0, "rooms": []})).await.ok(200);
    assert_eq!(socket.hears("presence").await["users"], lin_is("online"));
    socket.say(watch).await;
    assert_eq!(socket.hears("presence").await["users"], lin_is("online"), "also between calls");
    house.clock.turn(GRACE);
    assert_eq!(socket.hears("presence").await["users"], lin_is("offline"));
    // What is said for a moment is heard by who polls in that moment: she is, once she is seen.
    let wait = json!({
        "epoch": first["epoch"], "own": first["own"]["to"], "wait_ms": 20_000,
        "rooms": [[room, first["rooms"][0]["head"]]],
    });
    let (polled, ()) = tokio::join!(lin.post("/sync", wait), async {
        assert_eq!(socket.hears("presence").await["users"], lin_is("online"));
        socket.say(json!({"type": "typing", "room": room})).await;
    });
    let typing = json!([{"type": "typing", "room": room, "user": ada.user}]);
    assert_eq!(polled.ok(200)["ephemeral"], typing);
    // And what she says by REST is heard on the socket.
    lin.says(room, "hello").await;
    assert_eq!(socket.hears("event").await["rows"][0]["text"], "hello");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_speak_does_not_type() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let other = ada.group("garden", &[&lin]).await;
    let (mut hers, _) = ada.socket().await;
    let (mut his, _) = lin.socket().await;
    let member = format!("/rooms/{room}/members/{}", lin.user);
    let until = house.clock.now() + 3_600_000;
    ada.put(&member, json!({"muted_until": until})).await.fine();
    // One after the other: what is heard of the second was not heard of the first.
    his.told_after(json!({"type": "typing", "room": room})).await;
    his.told_after(json!({"type": "typing", "room": other})).await;
    assert_eq!(hers.hears("typing").await["room"], other);
    // In a room where admins alone post he is silent too, and may again when he may speak.
    ada.put(&member, json!({"muted_until": null})).await.fine();
    ada.patch(&format!("/rooms/{other}"), json!({"announce": true})).await.ok(200);
    house.clock.turn(Duration::from_secs(4));
    his.told_after(json!({"type": "typing", "room": other})).await;
    his.told_after(json!({"type": "typing", "room": room})).await;
    assert_eq!(hers.hears("typing").await["room"], room);
}
