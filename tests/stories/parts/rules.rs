//! What a room asks of its people: who posts, how fast, whether it is still in use, how long its words
//! are kept, and from when on a newcomer sees them.

use hallway_protocol::ids::RoomId;
use hallway_tests::wire::key;
use hallway_tests::{Answer, Engine, Hand, House, Rest, Setup, until};
use serde_json::{Value, json};
use std::time::Duration;

on_both!(
    a_room_says_who_posts_and_how_fast,
    a_newcomer_sees_what_the_room_lets_them_see,
    words_are_kept_as_long_as_the_room_says,
);

async fn tries(who: &Rest, room: RoomId, text: &str) -> Answer {
    who.post(&format!("/rooms/{room}/messages"), json!({"key": key(), "text": text})).await
}

async fn set(who: &Rest, room: RoomId, what: Value) -> Answer {
    who.patch(&format!("/rooms/{room}"), what).await
}

async fn a_room_says_who_posts_and_how_fast(engine: Engine) {
    let hand = Hand::of_dates();
    let house = House::with(Setup::new(engine).clock(&hand)).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let room = ada.groups("news", &[&lin]).await;
    assert_eq!(set(&lin, room, json!({"announce": true})).await.refused(), (403, "forbidden"));
    set(&ada, room, json!({"announce": true})).await.good();
    let news = ada.says(room, "the kettle is mended").await;
    assert_eq!(tries(&lin, room, "hooray").await.refused(), (403, "forbidden"));
    let cheers = format!("/rooms/{room}/messages/{}/reactions/🎉", news.seq);
    lin.put(&cheers, json!({})).await.good();
    set(&ada, room, json!({"announce": false, "slow_seconds": 60})).await.good();
    lin.says(room, "hooray").await;
    let fast = tries(&lin, room, "hooray again").await;
    assert_eq!(fast.refused(), (429, "rate_limited"));
    let wait = fast.body["after_ms"].as_i64().expect("a time");
    assert!((1..=60_000).contains(&wait), "{wait}");
    ada.says(room, "admins do not wait").await;
    ada.says(room, "not at all").await;
    hand.turn(Duration::from_secs(61));
    lin.says(room, "hooray again").await;
    // Put away it is read, and nothing else.
    set(&ada, room, json!({"archived": true})).await.good();
    assert_eq!(tries(&ada, room, "one more").await.refused(), (409, "conflict"));
    assert_eq!(lin.get("/rooms").await.good()["rows"], json!([]));
    assert!(lin.history(room).await.iter().any(|row| row.text == "hooray"));
    set(&ada, room, json!({"archived": false})).await.good();
    hand.turn(Duration::from_secs(61));
    lin.says(room, "and back").await;
}

async fn a_newcomer_sees_what_the_room_lets_them_see(engine: Engine) {
    let house = House::on(engine).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    for (history, sees) in [("all", true), ("joined", false)] {
        let new = json!({"kind": "group", "name": history, "history": history});
        let made = ada.post("/rooms", new).await.good();
        let room = RoomId(made["room"].as_i64().expect("a room row"));
        let early = ada.says(room, "an early secret").await;
        let member = format!("/rooms/{room}/members/{}", lin.user);
        ada.put(&member, json!({})).await.good();
        let late = ada.says(room, "welcome").await;
        let seen: Vec<_> = lin.history(room).await.into_iter().map(|row| row.text).collect();
        assert!(seen.contains(&"welcome".to_owned()), "{seen:?}");
        assert_eq!(seen.contains(&"an early secret".to_owned()), sees, "{history}: {seen:?}");
        let one = lin.get(&format!("/rooms/{room}/messages/{}", early.seq)).await;
        assert_eq!(one.status, if sees { 200 } else { 404 });
        let quoted = json!({"key": key(), "text": "as I said", "reply": early.seq});
        let quoted = ada.post(&format!("/rooms/{room}/messages"), quoted).await.good();
        let seq = quoted["seq"].as_i64().expect("a number");
        let page = lin.get(&format!("/rooms/{room}/messages?around={seq}")).await.good();
        assert_eq!(page.to_string().contains("an early secret"), sees, "not by a quote either");
        assert!(page.to_string().contains(&late.text));
    }
    let hits = lin.get("/search?q=early").await.good();
    assert_eq!(hits["items"].as_array().map(Vec::len), Some(1), "{hits}");
}

async fn words_are_kept_as_long_as_the_room_says(engine: Engine) {
    let hand = Hand::new();
    let house = House::with(Setup::new(engine).unlimited().clock(&hand)).await;
    let (mut ada, mut lin) = (house.owner.clone(), house.person("lin").await);
    let (room, other) = (ada.groups("talk", &[&lin]).await, ada.groups("archive", &[&lin]).await);
    let old = ada.says(room, "an old word").await;
    ada.says(other, "an old word that stays").await;
    hand.turn(Duration::from_secs(36 * 3_600));
    ada.renew().await;
    lin.renew().await;
    ada.says(room, "a young word").await;
    set(&ada, room, json!({"retention_days": 1})).await.good();
    let texts = async |who: &Rest, room| {
        let rows = who.history(room).await;
        rows.into_iter().map(|row| row.text).filter(|text| !text.is_empty()).collect::<Vec<_>>()
    };
    until("the old word is gone", async || {
        (texts(&lin, room).await == ["a young word"]).then_some(())
    })
    .await;
    let path = format!("/rooms/{room}/messages/{}", old.seq);
    assert_eq!(lin.get(&path).await.refused(), (404, "not_found"));
    assert_eq!(texts(&lin, other).await, ["an old word that stays"]);
    let hits = lin.get("/search?q=old").await.good();
    assert_eq!(hits["items"].as_array().map(Vec::len), Some(1), "{hits}");
    // By itself, a day later.
    hand.turn(Duration::from_secs(36 * 3_600));
    lin.renew().await;
    until("the young word is gone", async || texts(&lin, room).await.is_empty().then_some(()))
        .await;
}
