//! What people write is text: markup, script, control characters and endless words in every field
//! that is drawn stand there as they were written and do nothing.

use crate::app::{App, Seat};
use hallway_tests::{Engine, House, Rest, Setup};
use serde_json::{Value, json};

/// Each of them would act somewhere if a string ever became markup.
const MARKUP: &str = "<img src=x onerror='window.hit=1'><script>window.hit=1</script>";
const SHORT: &str = "<b onclick=x>Lin</b><svg onload='window.hit=1'>";
const QUOTES: &str = "\" onfocus=\"window.hit=1\" autofocus ' ${hit} {{hit}} &lt;i&gt;";

async fn a_room_full_of_it(house: &House) -> Rest {
    let lin = house.person("lin").await;
    lin.patch("/users/me", json!({ "display_name": SHORT, "status": MARKUP })).await.good();
    let new = json!({ "kind": "channel", "name": SHORT, "topic": MARKUP });
    let room = house.owner.post("/rooms", new).await.good();
    let room = hallway_protocol::ids::RoomId(room["room"].as_i64().expect("a room"));
    lin.joins(room).await;
    let first = house.owner.says(room, MARKUP).await;
    let path = format!("/rooms/{room}/messages");
    for text in
        [QUOTES, "[x](javascript:window.hit=1) javascript:window.hit=1", "&amp; **<u>x</u>**"]
    {
        let key = hallway_tests::wire::key();
        lin.post(&path, json!({ "key": key, "text": text, "reply": first.seq })).await.good();
    }
    let direct = lin.post("/rooms/direct", json!({ "users": [house.owner.user] })).await.good();
    let direct = hallway_protocol::ids::RoomId(direct["room"].as_i64().expect("a room"));
    lin.says(direct, &format!("{SHORT} {}", "endless".repeat(200))).await;
    lin
}

/// Nothing ran, nothing was made, nothing was fetched.
async fn is_harmless(app: &App, place: &str) {
    let script = "return {
      hit: window.hit ?? null,
      made: document.querySelectorAll('img, iframe, object, embed, body script, svg[onload], [onclick], [onerror], [onload], [onfocus], [autofocus], a[href^=javascript]').length,
    }";
    let seen = app.run(script, vec![]).await;
    assert_eq!(seen, json!({ "hit": null, "made": 0 }), "{place}");
}

async fn stands(app: &App, place: &str, css: &str, text: &str) {
    let script = format!(
        "return [...document.querySelectorAll({})].map((e) => e.matches('input, textarea') ? e.value : e.textContent)",
        json!(css)
    );
    let has = |all: &Value| {
        let all = all.as_array().into_iter().flatten();
        all.filter_map(Value::as_str).any(|shown| shown.contains(text))
    };
    app.until(&format!("{place}: {text} as text"), &script, has).await;
    is_harmless(app, place).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_is_text_wherever_it_is_drawn() {
    let house = House::alone(Setup::new(Engine::Sqlite)).await;
    a_room_full_of_it(&house).await;
    let ada = App::start(Seat::new("ada")).await;
    ada.sign_in(&house.url(), "ada").await;

    stands(&ada, "the list of rooms", "room-row", SHORT).await;
    ada.open(SHORT).await;
    stands(&ada, "the room's head", "room-head h1", SHORT).await;
    stands(&ada, "the topic", "room-head .topic", MARKUP).await;
    stands(&ada, "a message", "message-text", MARKUP).await;
    stands(&ada, "quotes", "message-text", QUOTES).await;
    stands(&ada, "a link that is none", "message-text", "javascript:window.hit=1").await;
    stands(&ada, "an answer's quote", "message-item .quote", "<img src=x").await;
    stands(&ada, "an author", "message-item .author", SHORT).await;

    ada.click("room-head .members").await;
    stands(&ada, "the members", "member-row", SHORT).await;
    ada.click("room-head .details").await;
    stands(&ada, "the details", "room-details input, room-details textarea, room-details", MARKUP)
        .await;
    ada.click("room-head .search").await;
    ada.fill("search-panel [type=search]", "onerror").await;
    stands(&ada, "a search hit", "search-hit", "onerror='window.hit=1'").await;
    ada.click("room-head .search").await;

    ada.fill("message-composer textarea", MARKUP).await;
    stands(&ada, "a draft in its box", "message-composer textarea", MARKUP).await;
    ada.press("Find a room").await;
    stands(&ada, "the directory", "join-room li", SHORT).await;
    ada.press("Write to someone").await;
    ada.fill("people-finder [type=search]", "lin").await;
    stands(&ada, "the people", "people-list", SHORT).await;
    ada.close().await;
}
