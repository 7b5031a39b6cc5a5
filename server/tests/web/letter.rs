//! What stands in the protocol in one word each, held to that word.

use crate::house::{Call, House, Socket, int, key, of_kind};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn text_is_composed_and_names_are_what_they_are() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let apart = "cafe\u{301}";
    let messages = format!("/rooms/{room}/messages");
    let said = ada.post(&messages, json!({"key": key(), "text": apart})).await;
    assert!(said.refused() == (422, "invalid") && said.blames("text"), "{said:?}");
    let emoji = format!("{messages}/1/reactions/e%CC%81");
    assert!(ada.put(&emoji, Value::Null).await.blames("emoji"));
    assert!(ada.patch(&format!("/rooms/{room}"), json!({"name": apart})).await.blames("name"));
    for name in [" lin", "lin\n", "li\u{202e}n", apart] {
        let named = ada.patch("/users/me", json!({"name": name})).await;
        assert!(named.refused() == (422, "invalid") && named.blames("name"), "{named:?}");
    }
    ada.patch("/users/me", json!({"name": "caf\u{e9}"})).await.ok(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_and_keys_have_their_form() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let muted = ada.patch(&format!("/rooms/{room}/mine"), json!({"muted_until": -5})).await;
    assert!(muted.refused() == (422, "invalid") && muted.blames("muted_until"), "{muted:?}");
    for never in [0, -1, i64::MAX] {
        let made = ada.post("/invites", json!({"expires_in_ms": never})).await;
        assert!(made.refused() == (422, "invalid") && made.blames("expires_in_ms"), "{made:?}");
    }
    // A UUID of version 7 and another variant.
    let mut odd = key();
    odd.replace_range(19..20, "0");
    let made = ada.post("/rooms", json!({"key": odd, "kind": "group", "name": "x"})).await;
    assert!(made.refused() == (422, "invalid") && made.blames("key"), "{made:?}");
    let (mut socket, _) = ada.socket().await;
    let told = socket.told(json!({"type": "mine", "room": room, "notify": "loudly"})).await;
    assert!(told["fields"]["notify"].is_string(), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_speaks_of_nothing_after_the_head() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let head = int(&ada.says(room, "tea?").await["seq"]);
    let (after, max) = (head + 1, (1i64 << 53) - 1);
    for (part, range) in [
        (format!("around={head}&limit=1"), (head, head)),
        ("around=99999&limit=1".to_owned(), (after, head)),
        (format!("around={after}&limit=4"), (1, head)),
        (format!("after={max}"), (after, head)),
        (format!("before={max}"), (1, head)),
    ] {
        let page = ada.get(&format!("/rooms/{room}/messages?{part}")).await.ok(200);
        assert_eq!((int(&page["lo"]), int(&page["hi"])), range, "{part}: {page}");
        assert_eq!(page["as_of"], head, "{part}: {page}");
    }
    for part in ["after=9223372036854775807", "before=-1", "around=9007199254740992"] {
        let page = ada.get(&format!("/rooms/{room}/messages?{part}")).await;
        assert_eq!(page.refused(), (422, "invalid"), "{part}: {page:?}");
    }
    let all = ada.post("/sync", json!({"own": 0, "rooms": [[room, max]]})).await.ok(200);
    assert_eq!(all["deltas"][0]["to"], head, "{all}");
    for since in [i64::MAX, i64::MIN] {
        let said = ada.post("/sync", json!({"own": 0, "rooms": [[room, since]]})).await;
        assert!(said.refused() == (422, "invalid") && said.blames("rooms"), "{since}: {said:?}");
    }
}

/// PostgreSQL takes no U+0000 in a text: it may not get that far.
#[tokio::test(flavor = "multi_thread")]
async fn a_zero_in_a_name_or_a_code_opens_nothing() {
    let house = House::open().await;
    let ada = house.ada().await;
    let login = json!({"login": "ada\0", "password": "kettle on the top shelf"});
    assert_eq!(
        house.call("POST", "/auth/login", login).await.refused(),
        (401, "wrong_credentials")
    );
    let code = ada.post("/rooms/join", json!({"code": "a\0"})).await;
    assert_eq!(code.refused(), (404, "not_found"));
    for path in ["/users?query=a%00", "/rooms/directory?query=a%00"] {
        let said = ada.get(path).await;
        assert!(said.refused() == (422, "invalid") && said.blames("query"), "{path}: {said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_removed_is_told_what_was_done_and_nothing_newer() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    ada.put(&format!("/rooms/{room}/members/{}", lin.user), json!({"role": "admin"})).await.ok(200);
    let said = int(&ada.says(room, "tea?").await["seq"]);
    let (pins, renames) = (key(), key());
    let (mut socket, _) = lin.socket().await;
    let pin = json!({"type": "pin", "room": room, "key": pins, "seq": said, "on": true});
    let first = socket.told(pin.clone()).await;
    let renamed = json!({"topic": "cake"});
    let rename =
        || lin.begins("PATCH", &format!("/rooms/{room}")).header("idempotency-key", &renames);
    rename().body(renamed.clone()).to(lin.address).await.ok(200);
    ada.removes(room, &lin).await;
    ada.patch(&format!("/rooms/{room}/messages/{said}"), json!({"text": "secret"})).await.ok(200);
    ada.patch(&format!("/rooms/{room}"), json!({"name": "secret"})).await.ok(200);
    let again = socket.told(pin).await;
    assert_eq!(
        (&again["type"], &again["seq"], &again["again"]),
        (&json!("ok"), &first["seq"], &json!(true))
    );
    assert!(!again.to_string().contains("secret"), "{again}");
    let again = rename().body(renamed).to(lin.address).await.ok(200);
    assert!(again["room"] == room && !again.to_string().contains("secret"), "{again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_good_for_one_emoji_and_for_one_call() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let said = int(&ada.says(room, "tea?").await["seq"]);
    let once = key();
    let react = |emoji: &str| {
        let path = format!("/rooms/{room}/messages/{said}/reactions/{emoji}");
        ada.begins("PUT", &path).header("idempotency-key", &once).to(ada.address)
    };
    react("%F0%9F%91%8D").await.ok(204);
    assert_eq!(react("%F0%9F%8E%89").await.refused(), (409, "conflict"));
    let (mut socket, _) = ada.socket().await;
    let call = json!({"type": "call", "method": "POST", "path": "/rooms", "key": key(),
        "body": {"kind": "group", "name": "once"}});
    let (first, again) = (socket.told(call.clone()).await, socket.told(call).await);
    assert_eq!((&first["status"], &again["status"]), (&json!(201), &json!(200)));
    assert_eq!(first["body"]["room"], again["body"]["room"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_owner_sees_the_receipts_of_a_public_room() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let bob = house.newcomer(&ada, "bob").await;
    let made = lin.post("/rooms", json!({"kind": "channel", "name": "hall"})).await.ok(201);
    let receipts = format!("/rooms/{}/receipts", made["room"]);
    assert_eq!(ada.get(&receipts).await.ok(200)["items"][0]["user"], lin.user);
    assert_eq!(bob.get(&receipts).await.refused(), (403, "forbidden"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_brings_whole_frames_and_typing_is_told_once() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    ada.says(room, "tea?").await;
    let asked = json!({"own": 0, "rooms": [{"room": room, "since": 0, "latest": 5}]});
    let all = lin.post("/sync", asked).await.ok(200);
    assert_eq!((&all["own"]["type"], &all["deltas"][0]["type"]), (&json!("own"), &json!("delta")));

    let (mut types, _) = ada.socket().await;
    let (mut hears, _): (Socket, Value) = lin.socket().await;
    for _ in 0..3 {
        types.say(json!({"type": "typing", "room": room})).await;
    }
    let done =
        types.told(json!({"type": "send", "room": room, "key": key(), "text": "cake!"})).await;
    let mut heard = 0;
    loop {
        let frame =
            hears.until(|frame| frame["type"] == "typing" || frame["type"] == "event").await;
        match frame["type"] == "typing" {
            true => heard += 1,
            false if frame["seq"] == done["seq"] => break,
            false => {}
        }
    }
    // Signs leave after events: one may still follow, and no second one.
    hears.say(json!({"type": "heads", "id": 1})).await;
    heard += usize::from(
        hears.until(|f| f["type"] == "typing" || f["type"] == "bump").await["type"] == "typing",
    );
    assert!(heard <= 1, "{heard} signs of typing");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_closed_without_a_body_and_a_wrong_password_closes_none() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let wrong = lin.call("DELETE", "/users/me", json!({"password": "not the kettle"})).await;
    assert_eq!(wrong.refused(), (401, "wrong_credentials"));
    lin.delete("/users/me").await.ok(204);
    let me = Call::new("GET", "/users/me").token(&lin.token).to(lin.address).await;
    assert_eq!(me.refused(), (401, "signed_out"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_is_one_frame_however_long_the_messages_are() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let long = "\u{1f375}".repeat(4_000);
    for _ in 0..80 {
        ada.says(room, &long).await;
    }
    let (mut socket, _) = ada.socket().await;
    let asked = json!({"type": "pull", "room": room, "since": 0, "latest": 100});
    socket.asks(asked).await;
    let window = socket.hears("delta").await;
    assert!(window.to_string().len() < 1024 * 1024, "{} bytes", window.to_string().len());
    let (first, to) = (int(&window["first"]), int(&window["to"]));
    let seqs = |rows: &Value| -> Vec<i64> {
        of_kind(rows, "message").iter().map(|row| int(&row["seq"])).collect()
    };
    assert_eq!(seqs(&window["rows"]), (first..=to).collect::<Vec<_>>(), "nothing is missing in it");
    assert!(to - first > 20, "{first}..{to}");
    assert_eq!(window["hole"], json!([1, first - 1]));
    let page = ada.get(&format!("/rooms/{room}/messages?before={first}&limit=100")).await.ok(200);
    assert_eq!((int(&page["lo"]), int(&page["hi"])), (1, first - 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ok_has_every_field() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let seq = ada.says(room, "tea?").await["seq"].clone();
    let (mut socket, _) = ada.socket().await;
    for (frame, own) in [
        (json!({"type": "send", "room": room, "key": key(), "text": "coffee?"}), false),
        (json!({"type": "delete", "room": room, "key": key(), "seq": seq}), false),
        (json!({"type": "read", "room": room, "seq": seq}), true),
        (json!({"type": "mine", "room": room, "favourite": true}), true),
        (json!({"type": "forget", "room": room, "key": key()}), false),
    ] {
        let said = socket.told(frame).await;
        assert_eq!(said["type"], "ok", "{said}");
        let names: Vec<_> = said.as_object().expect("a frame").keys().collect();
        for name in ["id", "room", "seq", "again", "row"] {
            assert!(said.get(name).is_some(), "no {name}: {names:?}");
        }
        assert_eq!(said["room"], room);
        assert_eq!(said.get("own").is_some(), own, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_next_that_no_list_said_is_refused() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let seq = int(&ada.says(room, "tea?").await["seq"]);
    for path in [
        "/rooms".to_owned(),
        "/rooms/directory".to_owned(),
        "/users/me/messages".to_owned(),
        format!("/rooms/{room}/members"),
        format!("/rooms/{room}/pins"),
        format!("/rooms/{room}/messages/{seq}/thread"),
    ] {
        ada.get(&path).await.ok(200);
        let said = ada.get(&format!("{path}?next=garbage")).await;
        assert!(said.refused() == (422, "invalid") && said.blames("next"), "{path}: {said:?}");
    }
}
