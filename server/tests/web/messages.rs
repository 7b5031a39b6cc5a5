//! Messages: replies, threads, edits, reactions, pins, mentions, tombstones, marks.

use crate::house::{House, int, key, list, of_kind};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_lives_and_leaves_a_tombstone() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let said = ada.says(room, "tea?").await;
    let seq = int(&said["seq"]);
    assert_eq!(
        (&said["rev"], &said["n"], &said["kind"]),
        (&said["seq"], &json!(1), &json!("text"))
    );
    let one = format!("/rooms/{room}/messages/{seq}");
    let edited = ada.patch(&one, json!({"key": key(), "text": "coffee?"})).await.ok(200);
    assert_eq!((&edited["seq"], &edited["text"]), (&said["seq"], &json!("coffee?")));
    assert!(edited["edited_at"].is_i64() && edited["rev"].as_i64() > said["rev"].as_i64());
    let edits = lin.get(&format!("{one}/edits")).await.ok(200);
    assert_eq!(edits["items"][0]["text"], "tea?");
    ada.put(&format!("{one}/reactions/👍"), Value::Null).await.ok(204);
    ada.put(&format!("{one}/pin"), Value::Null).await.ok(204);
    ada.delete(&one).await.ok(204);
    let tombstone = lin.get(&one).await.ok(200);
    assert_eq!((&tombstone["deleted"], tombstone.get("text")), (&json!(true), None));
    for kept in ["seq", "n", "sender", "at", "key", "kind"] {
        assert_eq!(tombstone[kept], said[kept], "{kept}");
    }
    assert_eq!(lin.get(&format!("{one}/edits")).await.ok(200)["items"], json!([]));
    assert_eq!(
        of_kind(&ada.get(&format!("/rooms/{room}/pins")).await.ok(200)["rows"], "message").len(),
        0
    );
    let page = ada.get(&format!("/rooms/{room}/messages")).await.ok(200);
    assert!(!page.to_string().contains("coffee"), "{page}");
    assert_eq!(of_kind(&page["rows"], "reaction").len(), 0);
    let edit = ada.patch(&one, json!({"key": key(), "text": "back"})).await;
    assert_eq!(edit.refused(), (409, "conflict"));
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_threads_and_mentions() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let root = ada.says(room, "who wants tea?").await;
    let path = format!("/rooms/{room}/messages");
    let reply = json!({"key": key(), "text": "@ada me, @everyone else too? mail@lin.example",
        "reply": root["seq"], "thread": root["seq"], "meta": {"mood": "good"}});
    let reply = lin.post(&path, reply).await.ok(201);
    assert_eq!((&reply["reply"], &reply["thread"]), (&root["seq"], &root["seq"]));
    assert_eq!((&reply["mentions"], &reply["everyone"]), (&json!([ada.user]), &json!(true)));
    assert_eq!(reply["meta"], json!({"mood": "good"}));
    let thread = ada.get(&format!("{path}/{}/thread", root["seq"])).await.ok(200);
    let rows = of_kind(&thread["rows"], "message");
    assert!(rows.iter().any(|row| row["seq"] == reply["seq"]), "{thread}");
    // A page of one brings the message it quotes, and its people.
    let page = ada.get(&format!("{path}?limit=1")).await.ok(200);
    assert_eq!(page["lo"], page["hi"].clone(), "one message: {page}");
    let seqs: Vec<_> =
        of_kind(&page["rows"], "message").iter().map(|row| row["seq"].clone()).collect();
    assert!(seqs.contains(&root["seq"]) && seqs.contains(&reply["seq"]), "{page}");
    assert!(of_kind(&page["rows"], "user").iter().any(|row| row["user"] == lin.user));
}

/// What the messages among these rows say.
fn texts(page: &Value) -> Vec<&str> {
    let messages = of_kind(&page["rows"], "message").into_iter();
    messages.map(|row| row["text"].as_str().unwrap_or_default()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn history_comes_in_pages_and_keeps_threads_pins_and_whose_they_are() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let first = ada.says(room, "tea?").await["seq"].clone();
    let path = format!("/rooms/{room}/messages");
    let reply = json!({"key": key(), "text": "yes", "reply": first, "thread": first});
    lin.post(&path, reply).await.ok(201);
    for n in 0..5 {
        ada.says(room, &format!("cup {n}")).await;
    }
    let page = ada.get(&format!("{path}?limit=3")).await.ok(200);
    assert_eq!(texts(&page), ["cup 2", "cup 3", "cup 4"]);
    let before = ada.get(&format!("{path}?limit=2&before={}", page["lo"])).await.ok(200);
    assert_eq!(texts(&before), ["cup 0", "cup 1"]);
    let thread = ada.get(&format!("{path}/{first}/thread")).await.ok(200);
    assert_eq!(texts(&thread), ["tea?", "yes"]);
    ada.patch(&format!("{path}/{first}"), json!({"text": "coffee?"})).await.ok(200);
    ada.put(&format!("{path}/{first}/pin"), Value::Null).await.ok(204);
    let pins = lin.get(&format!("/rooms/{room}/pins")).await.ok(200);
    assert_eq!(texts(&pins), ["coffee?"]);
    assert_eq!(texts(&lin.get("/users/me/messages").await.ok(200)), ["yes"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn unread_is_one_number_everywhere() {
    let house = House::open().await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let hers = lin.says(room, "mine").await;
    let (mut socket, _) = lin.socket().await;
    let path = format!("/rooms/{room}/messages");
    ada.says(room, "one").await;
    ada.says(room, "two for @LIN").await;
    ada.post(&path, json!({"key": key(), "text": "three", "reply": hers["seq"]})).await.ok(201);
    let four = ada.says(room, "four").await;
    ada.delete(&format!("{path}/{}", four["seq"])).await.ok(204);
    socket.asks(json!({"type": "heads"})).await;
    let heads = socket.hears("bump").await;
    let bump = &heads["rooms"][0];
    assert_eq!((&bump["unread"], &bump["mentions"]), (&json!(3), &json!(2)), "{heads}");
    let read = socket.told(json!({"type": "read", "room": room, "seq": four["seq"]})).await;
    assert_eq!(read["type"], "ok");
    assert!(read["own"].is_i64());
    let (_, welcome) = lin.socket().await;
    let head = &welcome["rooms"][0];
    assert_eq!((&head["read"], &head["unread"]), (&four["seq"], &json!(0)), "{welcome}");
    // It never moves back, and a joiner starts with nothing unread.
    let mark = format!("/rooms/{room}/read-mark");
    lin.put(&mark, json!({"seq": 1})).await.ok(204);
    ada.put(&mark, json!({"seq": four["seq"]})).await.ok(204);
    let eve = house.newcomer(&ada, "eve").await;
    ada.adds(room, &eve).await;
    let (_, welcome) = eve.socket().await;
    assert_eq!(welcome["rooms"][0]["unread"], 0, "{welcome}");
    let receipts = ada.get(&format!("/rooms/{room}/receipts")).await.ok(200);
    let items = list(&receipts["items"]);
    for reader in [&lin, &ada] {
        let item = items.iter().find(|item| item["user"] == reader.user).expect("a receipt");
        assert_eq!(item["read"], four["seq"], "{receipts}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reactions_have_limits() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let seq = ada.says(room, "tea?").await["seq"].clone();
    for i in 0..20u32 {
        let emoji = char::from_u32(0x1F400 + i).expect("an emoji");
        let path = format!("/rooms/{room}/messages/{seq}/reactions/{emoji}");
        ada.put(&path, Value::Null).await.ok(204);
    }
    let path = format!("/rooms/{room}/messages/{seq}/reactions/🫖");
    let over = ada.put(&path, Value::Null).await;
    assert_eq!(over.refused(), (422, "invalid"));
    let page = ada.get(&format!("/rooms/{room}/messages")).await.ok(200);
    assert_eq!(of_kind(&page["rows"], "reaction").len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_i_keep_about_a_room_reaches_my_other_devices() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let (mut one, welcome) = ada.socket().await;
    let (mut two, _) = ada.socket().await;
    let frame = json!({"type": "mine", "room": room, "favourite": true, "draft": "half a th"});
    let ok = one.told(frame).await;
    assert_eq!(ok["type"], "ok", "{ok}");
    let own = two.hears("own").await;
    assert_eq!((&own["to"], &own["done"]), (&ok["own"], &json!(true)));
    let mine = &of_kind(&own["rows"], "mine")[0];
    assert_eq!((&mine["favourite"], &mine["draft"]), (&json!(true), &json!("half a th")));
    // `clears_draft` ends the draft with the send.
    let send = json!({"type": "send", "room": room, "key": key(), "text": "half a thought",
        "clears_draft": true});
    one.told(send).await;
    let cleared = two.until(|f| f["type"] == "own" && f["to"].as_i64() > own["to"].as_i64()).await;
    assert!(of_kind(&cleared["rows"], "mine")[0]["draft"].is_null());
    // The own log is pulled like a room's.
    let since = welcome["own_head"].clone();
    let pulled = one.told(json!({"type": "own", "since": since})).await;
    assert_eq!(
        (&pulled["type"], &pulled["since"], &pulled["done"]),
        (&json!("own"), &since, &json!(true))
    );
    assert_eq!(of_kind(&pulled["rows"], "mine")[0]["favourite"], true);
    let rest = json!({"notify": "mentions", "favourite": true, "draft": "almost"});
    let rest = ada.patch(&format!("/rooms/{room}/mine"), rest).await.ok(200);
    assert_eq!((&rest["notify"], &rest["draft"]), (&json!("mentions"), &json!("almost")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_to_know_of_more_than_there_is_is_refused() {
    let house = House::open().await;
    let ada = house.ada().await;
    let room = ada.group("kitchen", &[]).await;
    let head = int(&ada.says(room, "tea?").await["seq"]);
    let path = |fresh: i64| format!("/rooms/{room}/messages?fresh={fresh}");
    assert_eq!(ada.get(&path(head)).await.ok(200)["as_of"], head);
    let said = ada.get(&path(head + 1)).await;
    assert_eq!((said.refused(), said.blames("fresh")), ((422, "invalid"), true));
}
