//! What can be done with a message beside answering it: its thread, pinning it, its earlier texts,
//! a link to it, passing it on.

use crate::app::{App, enter};
use crate::two_people::at_the_table;
use hallway_tests::{Engine, House, Setup};
use serde_json::json;

/// Chooses an entry of the menu of the message with this text.
async fn choose(app: &App, text: &str, entry: &str) {
    app.act(text, ".more").await;
    app.click(&format!("message-actions .menu {entry}:not([hidden])")).await;
}

/// The texts in what is open at the side.
const ASIDE: &str = "return [...document.querySelectorAll('aside message-item message-text')].map((m) => m.textContent)";

#[tokio::test(flavor = "multi_thread")]
async fn a_thread_is_read_and_answered_beside_its_room() {
    let mut house = House::alone(Setup::new(Engine::Sqlite)).await;
    let (ada, lin) = at_the_table(&house, "kitchen").await;
    ada.say("who broke the kettle?").await;
    lin.sees("who broke the kettle?").await;
    lin.act("who broke the kettle?", ".thread").await;
    lin.until("the thread", ASIDE, |seen| *seen == json!(["who broke the kettle?"])).await;
    lin.fill("thread-panel textarea", "not me").await;
    lin.keys(&enter()).await;
    lin.until("my answer", ASIDE, |seen| *seen == json!(["who broke the kettle?", "not me"])).await;

    let line =
        "return document.querySelector('main thread-line:not([within]) .words')?.textContent ?? ''";
    ada.until("Ada sees that it has an answer", line, |said| said == "1 reply").await;
    ada.click("main thread-line:not([within]) button").await;
    ada.until("the same there", ASIDE, |seen| *seen == json!(["who broke the kettle?", "not me"]))
        .await;

    house.kill();
    ada.link("Ada hears that it is gone", |said| !said.is_empty()).await;
    ada.fill("thread-panel textarea", "it was Bob").await;
    ada.keys(&enter()).await;
    let three = json!(["who broke the kettle?", "not me", "it was Bob"]);
    ada.until("it waits in the thread", ASIDE, |seen| *seen == three).await;
    house.up().await.expect("the server starts again");
    lin.until("and arrives in it", ASIDE, |seen| *seen == three).await;
    ada.until("two answers", line, |said| said == "2 replies").await;
    ada.close().await;
    lin.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pinned_message_is_found_by_all_and_unpinned_again() {
    let house = House::alone(Setup::new(Engine::Sqlite)).await;
    let (ada, lin) = at_the_table(&house, "kitchen").await;
    ada.say("the manual is in the drawer").await;
    lin.sees("the manual is in the drawer").await;
    lin.click("room-head .pins").await;
    let said = "return document.querySelector('pins-panel .wrong').textContent";
    lin.until("nothing is pinned", said, |said| said.as_str().is_some_and(|s| !s.is_empty())).await;
    choose(&ada, "the manual is in the drawer", ".pin").await;
    lin.until("it is pinned", ASIDE, |seen| *seen == json!(["the manual is in the drawer"])).await;
    lin.shown("time-line message-item .pinned").await;
    lin.act("the manual is in the drawer", ".more").await;
    let may = "return document.querySelector('message-actions .unpin').hidden";
    assert_eq!(lin.run(may, vec![]).await, true, "Lin does not keep order here");
    choose(&ada, "the manual is in the drawer", ".unpin").await;
    lin.until("it is not any more", ASIDE, |seen| *seen == json!([])).await;
    ada.close().await;
    lin.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn earlier_texts_are_shown_and_a_message_is_passed_on_with_the_way_to_it() {
    let house = House::alone(Setup::new(Engine::Sqlite)).await;
    let (ada, lin) = at_the_table(&house, "kitchen").await;
    let room = house.owner.creates("books").await;
    ada.say("at seven").await;
    ada.sees("at seven").await;
    ada.act("at seven", ".edit").await;
    ada.fill("message-composer textarea", "at eight").await;
    ada.press("Save").await;
    lin.sees("at eight (edited)").await;
    choose(&lin, "at eight (edited)", ".history").await;
    let texts =
        "return [...document.querySelectorAll('edit-history li p')].map((p) => p.textContent)";
    lin.until("both texts", texts, |seen| *seen == json!(["at seven", "at eight"])).await;
    lin.press("Close").await;

    ada.sees("at eight (edited)").await;
    choose(&ada, "at eight (edited)", ".forward").await;
    ada.fill("jump-box input", "books").await;
    ada.keys(&enter()).await;
    ada.open("books").await;
    let quote = "return document.querySelector('main blockquote')?.textContent ?? ''";
    ada.until("it is quoted there", quote, |said| said == "at eight").await;
    ada.click("main message-text a").await;
    let shown = "return [document.querySelector('room-head h1').textContent, document.querySelector('message-item[shown] message-text')?.textContent]";
    ada.until("the link leads to it", shown, |seen| {
        *seen == json!(["# kitchen", "at eight (edited)"])
    })
    .await;
    let _ = room;
    ada.close().await;
    lin.close().await;
}
