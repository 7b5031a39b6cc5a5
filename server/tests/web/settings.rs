//! What a room asks of its members, on REST and socket the same; what quiet members of large rooms
//! are told; rooms that vanish when they are left alone.

use crate::house::{House, Person, int, key, of_kind};
use hallway_protocol::ids::RoomId;
use hallway_server::params;
use hallway_server::store::Needs;
use serde_json::{Value, json};
use std::time::Duration;

/// As if the room had so many members.
async fn grows(house: &House, room: i64, size: i64) {
    let grown = house.app.store.write(Needs::room(RoomId(room)), move |tx| {
        tx.exec("update rooms set size = $1 where id = $2", params![size, room])
    });
    grown.await.expect("a larger room");
}

async fn three() -> (House, [Person; 3], i64) {
    let house = House::open().await;
    let ada = house.ada().await;
    let (lin, bob) = (house.newcomer(&ada, "lin").await, house.newcomer(&ada, "bob").await);
    let room = ada.group("kitchen", &[&lin, &bob]).await;
    (house, [ada, lin, bob], room)
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_settings_name_their_field_and_nothing_is_stored() {
    let (_house, [ada, ..], room) = three().await;
    let path = format!("/rooms/{room}");
    let before = ada.get(&path).await.ok(200);
    for (field, wrong) in [
        ("slow_seconds", json!(-1)),
        ("slow_seconds", json!(21_601)),
        ("slow_seconds", json!("30")),
        ("retention_days", json!(0)),
        ("retention_days", json!(36_501)),
        ("announce", json!("yes")),
        ("archived", json!(1)),
    ] {
        let body = json!({"topic": "new", field: wrong});
        let refused = ada.patch(&path, body).await;
        assert_eq!(refused.refused(), (422, "invalid"), "{field} {wrong}");
        assert!(refused.blames(field), "{refused:?}");
    }
    assert_eq!(ada.get(&path).await.ok(200), before);
    let member = format!("/rooms/{room}/members/{}", ada.user);
    let refused = ada.put(&member, json!({"muted_until": -1})).await;
    assert!(refused.blames("muted_until"), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_mode_says_how_long_to_wait_on_every_way_in() {
    let (house, [ada, lin, _], room) = three().await;
    ada.patch(&format!("/rooms/{room}"), json!({"slow_seconds": 60})).await.ok(200);
    let (mut socket, _) = lin.socket().await;
    let (mut other, _) = lin.socket().await;
    let once = key();
    let send = |key: &str| json!({"type": "send", "room": room, "key": key, "text": "tea?"});
    let ok = socket.told(send(&once)).await;
    assert_eq!(ok["type"], "ok", "{ok}");
    let next = key();
    let refused = other.told(send(&next)).await;
    assert_eq!((&refused["code"], &refused["retry"]), (&json!("rate_limited"), &json!("later")));
    let wait = int(&refused["after_ms"]);
    assert!((1..=60_000).contains(&wait), "{wait}");
    let path = format!("/rooms/{room}/messages");
    let rest = lin.post(&path, json!({"key": next, "text": "x"})).await;
    assert_eq!(rest.refused(), (429, "rate_limited"));
    assert!(int(&rest.body["after_ms"]) > 0);
    assert_eq!(socket.told(send(&once)).await["again"], true);
    house.clock.turn(Duration::from_millis(u64::try_from(wait).expect("a wait") + 1));
    assert_eq!(other.told(send(&next)).await["type"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_state_of_a_room_forbids_it_forbids_everywhere() {
    let (_house, [ada, lin, _], room) = three().await;
    let seq = int(&lin.says(room, "before").await["seq"]);
    let (mut socket, _) = lin.socket().await;
    let path = format!("/rooms/{room}");
    for (patch, code, status, reacts) in [
        (json!({"announce": true}), "forbidden", 403, true),
        (json!({"announce": false, "archived": true}), "conflict", 409, false),
    ] {
        ada.patch(&path, patch).await.ok(200);
        for mut frame in [
            json!({"type": "send", "text": "more"}),
            json!({"type": "edit", "seq": seq, "text": "more"}),
        ] {
            (frame["room"], frame["key"]) = (json!(room), json!(key()));
            assert_eq!(socket.told(frame).await["code"], code);
        }
        let messages = format!("{path}/messages");
        let said = lin.post(&messages, json!({"key": key(), "text": "more"})).await;
        assert_eq!(said.refused(), (status, code));
        let changed = lin.patch(&format!("{messages}/{seq}"), json!({"text": "more"})).await;
        assert_eq!(changed.refused(), (status, code));
        let react = json!({"type": "react", "room": room, "key": key(), "seq": seq, "emoji": "👍",
            "on": true});
        assert_eq!(socket.told(react).await["type"] == "ok", reacts);
    }
    assert_eq!(lin.get("/rooms").await.ok(200)["rows"], json!([]));
    let away = lin.get("/rooms?archived=true").await.ok(200);
    assert_eq!(
        (&away["rows"][0]["room"], &away["rows"][0]["archived"]),
        (&json!(room), &json!(true))
    );
    let row = ada.patch(&path, json!({"archived": false})).await.ok(200);
    assert!(row["archived"].is_null(), "a row leaves it out");
    lin.says(room, "back").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mute_is_seen_by_everyone_and_ends_by_itself() {
    let (house, [ada, lin, bob], room) = three().await;
    let (mut socket, _) = lin.socket().await;
    let until = house.clock.now() + 60_000;
    let member = format!("/rooms/{room}/members/{}", lin.user);
    let by_bob = bob.put(&member, json!({"muted_until": until})).await;
    assert_eq!(by_bob.refused(), (403, "forbidden"));
    let eve = house.newcomer(&ada, "eve").await;
    let stranger = format!("/rooms/{room}/members/{}", eve.user);
    let nobody = ada.put(&stranger, json!({"muted_until": until})).await;
    assert_eq!(nobody.refused(), (404, "not_found"), "a mute brings nobody in");
    let row = ada.put(&member, json!({"muted_until": until})).await.ok(200);
    assert_eq!((&row["t"], &row["muted_until"]), (&json!("member"), &json!(until)));
    let event = socket.until(|frame| frame["rows"][0]["muted_until"] == json!(until)).await;
    assert_eq!(event["type"], "event");
    let send = json!({"type": "send", "room": room, "key": key(), "text": "but"});
    assert_eq!(socket.told(send.clone()).await["code"], "forbidden");
    house.clock.turn(Duration::from_secs(61));
    assert_eq!(socket.told(send).await["type"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_wants_no_notice_of_a_large_room_is_told_where_it_stands() {
    let (house, [ada, lin, bob], room) = three().await;
    grows(&house, room, 201).await;
    let mine = format!("/rooms/{room}/mine");
    let (mut loud, _) = bob.socket().await;
    let (mut quiet, _) = lin.socket().await;
    lin.patch(&mine, json!({"notify": "mentions"})).await.ok(200);
    quiet.hears("own").await;
    let (mut late, _) = lin.socket().await;
    let said = ada.says(room, "tea?").await;
    assert_eq!(loud.hears("event").await["seq"], said["seq"], "who wants each gets each");
    for socket in [&mut quiet, &mut late] {
        let frame = socket.next().await.expect("a frame");
        assert_eq!(frame["type"], "bump", "{frame}");
        let at = &frame["rooms"][0];
        assert_eq!((&at["room"], &at["head"]), (&json!(room), &said["seq"]));
        assert_eq!((&at["unread"], &at["mentions"]), (&json!(1), &json!(0)));
    }
    // What concerns her comes whole: her name, an answer, what she says herself.
    let named = ada.says(room, "@lin, tea?").await;
    assert_eq!(quiet.hears("event").await["seq"], named["seq"]);
    let hers = lin.says(room, "yes").await;
    assert_eq!(quiet.hears("event").await["seq"], hers["seq"]);
    let answer = json!({"key": key(), "text": "milk?", "reply": hers["seq"]});
    let answer = bob.post(&format!("/rooms/{room}/messages"), answer).await.ok(201);
    assert_eq!(quiet.hears("event").await["seq"], answer["seq"]);
    // What she looks at comes whole as well; so does everything once she asks for each.
    quiet.say(json!({"type": "focus", "rooms": [room]})).await;
    quiet.say(json!({"type": "own", "id": 900, "since": 0})).await;
    quiet.until(|frame| frame["id"] == 900).await;
    let seen = ada.says(room, "biscuits").await;
    assert_eq!(quiet.hears("event").await["seq"], seen["seq"]);
    lin.patch(&mine, json!({"notify": "all"})).await.ok(200);
    let all = ada.says(room, "cake").await;
    let event = late.until(|frame| frame["seq"] == all["seq"]).await;
    assert_eq!(event["type"], "event");
    // In a room of a few everyone hears everything.
    grows(&house, room, 200).await;
    lin.patch(&mine, json!({"notify": "none"})).await.ok(200);
    let few = ada.says(room, "just us").await;
    let event = late.until(|frame| frame["seq"] == few["seq"]).await;
    assert_eq!(event["type"], "event");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expired_is_not_shown_to_who_is_connected_either() {
    let (house, [ada, lin, _], room) = three().await;
    let old = ada.says(room, "old words").await;
    house.clock.turn(Duration::from_secs(2 * 24 * 3_600));
    let (ada, lin) =
        (house.login("ada").await, Person { token: house.login("lin").await.token, ..lin });
    let young = ada.says(room, "young words").await;
    let (mut socket, _) = lin.socket_from(0, json!([[room, young["seq"]]])).await;
    ada.patch(&format!("/rooms/{room}"), json!({"retention_days": 1})).await.ok(200);
    let event = socket.until(|frame| !of(frame)["kept_from"].is_null()).await;
    assert_eq!(of(&event)["kept_from"], young["seq"]);
    let page = lin.get(&format!("/rooms/{room}/messages")).await.ok(200);
    assert_eq!(page["min_seq"], young["seq"]);
    assert!(!page.to_string().contains("old words"), "{page}");
    let gone = lin.get(&format!("/rooms/{room}/messages/{}", old["seq"])).await;
    assert_eq!(gone.refused(), (404, "not_found"));
    let pull = json!({"type": "pull", "room": room, "since": young["seq"]});
    assert_eq!(socket.told(pull).await["min_seq"], young["seq"]);
}

/// The room row of an event, if it has one.
fn of(frame: &Value) -> Value {
    let rows = frame.get("rows").cloned().unwrap_or(json!([]));
    of_kind(&rows, "room").first().map_or(Value::Null, |row| (*row).clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ephemeral_room_waits_for_ten_minutes_without_anybody() {
    let house = House::open().await;
    let ada = house.ada().await;
    let body = json!({"kind": "group", "name": "walk in", "ephemeral": true});
    let room = int(&ada.post("/rooms", body).await.ok(201)["room"]);
    let (mut socket, _) = ada.socket().await;
    house.clock.turn(Duration::from_secs(601));
    house.app.jobs.ring();
    // Somebody is connected: it stays, however long nobody says anything.
    let pull = json!({"type": "pull", "room": room, "since": 0});
    assert_eq!(socket.told(pull).await["type"], "delta");
    let ada = house.login("ada").await;
    ada.get(&format!("/rooms/{room}")).await.ok(200);
    drop(socket);
    let (mut again, _) = ada.socket().await;
    // Until the server noticed that the first line is gone, nobody has left.
    let there = async || house.app.hub.lines(hallway_protocol::ids::UserId(ada.user)).len();
    while there().await > 1 {
        again.told(json!({"type": "heads"})).await;
    }
    drop(again);
    while there().await > 0 {
        tokio::task::yield_now().await;
    }
    assert!(house.app.hub.alone(RoomId(room)) < 600_000);
    house.clock.turn(Duration::from_secs(1_202));
    let ada = house.login("ada").await;
    loop {
        house.app.jobs.ring();
        let said = ada.get(&format!("/rooms/{room}")).await;
        if said.status == 404 {
            break;
        }
    }
    assert_eq!(ada.get("/rooms").await.ok(200)["rows"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn why_this_badge_names_the_messages_it_counts() {
    let (_house, [ada, lin, bob], room) = three().await;
    let hers = int(&lin.says(room, "who has milk?").await["seq"]);
    let seqs = async |body: Value| {
        int(&ada.post(&format!("/rooms/{room}/messages"), body).await.ok(201)["seq"])
    };
    let plain = seqs(json!({"key": key(), "text": "tea?"})).await;
    let named = seqs(json!({"key": key(), "text": "@lin, tea?"})).await;
    let answer = seqs(json!({"key": key(), "text": "I have", "reply": hers})).await;
    let gone = seqs(json!({"key": key(), "text": "@lin, oops"})).await;
    ada.delete(&format!("/rooms/{room}/messages/{gone}")).await.ok(204);
    let path = format!("/rooms/{room}/why");
    let why = lin.get(&path).await.ok(200);
    assert_eq!(why["unread"], json!([plain, named, answer]));
    assert_eq!(why["mentions"], json!([named, answer]));
    let sync = lin.post("/sync", json!({"own": 0, "rooms": []})).await.ok(200);
    let at = &sync["rooms"][0];
    assert_eq!((&at["unread"], &at["mentions"]), (&json!(3), &json!(2)), "the same count");
    lin.put(&format!("/rooms/{room}/read-mark"), json!({"seq": named})).await.ok(204);
    let why = lin.get(&path).await.ok(200);
    assert_eq!(why, json!({"read": named, "unread": [answer], "mentions": [answer]}));
    let mentions = bob.get(&path).await.ok(200)["mentions"].clone();
    assert_eq!(mentions, json!([]));
}
