//! What people write and how it stands: Markdown as nodes, hidden parts, names and emoji completed.

use crate::app::{App, Seat, enter};
use hallway_tests::{Engine, House, Setup};
use serde_json::json;

const RECIPE: &str = "# Descaling\n\nTwo parts, **not** *three*:\n\n- vinegar\n- water, see https://example.org/a_b\n\n> it does not scream\n\n```rust\nlet tea = \"Assam\"; // 3 minutes\n```\n||it was Bob||";

/// How a message with all of it is made: the tags below its text, in order, and what each says.
const MADE: &str = "const text = [...document.querySelectorAll('message-text')].find((t) => t.textContent.includes('Descaling'));
  return text && [...text.querySelectorAll('[role=heading], strong, em, li, a, blockquote, pre, pre span, .spoiler')]
    .map((e) => [e.getAttribute('role') === 'heading' ? 'heading' : e.className || e.localName, e.textContent])";

#[tokio::test(flavor = "multi_thread")]
async fn markdown_is_drawn_as_nodes_and_what_is_hidden_waits() {
    let house = House::alone(Setup::new(Engine::Sqlite)).await;
    let lin = house.person("lin").await;
    let room = house.owner.creates("kitchen").await;
    lin.joins(room).await;
    lin.says(room, RECIPE).await;
    let ada = App::start(Seat::new("ada")).await;
    ada.sign_in(&house.url(), "ada").await;
    ada.open("kitchen").await;
    let made = ada.until("the message", MADE, |made| !made.is_null()).await;
    assert_eq!(
        made,
        json!([
            ["heading", "Descaling"],
            ["strong", "not"],
            ["em", "three"],
            ["li", "vinegar"],
            ["li", "water, see https://example.org/a_b"],
            ["a", "https://example.org/a_b"],
            ["blockquote", "it does not scream"],
            ["pre", "let tea = \"Assam\"; // 3 minutes"],
            ["keyword", "let"],
            ["string", "\"Assam\""],
            ["comment", "// 3 minutes"],
            ["spoiler", "it was Bob"],
        ])
    );
    let hidden = "const spoiler = document.querySelector('message-text .spoiler');
      return [spoiler.getAttribute('role'), spoiler.firstChild.inert, getComputedStyle(spoiler.firstChild).opacity]";
    assert_eq!(ada.run(hidden, vec![]).await, json!(["button", true, "0"]));
    ada.run("document.querySelector('message-text .spoiler').focus()", vec![]).await;
    ada.keys(&enter()).await;
    ada.until("it is shown", hidden, |seen| *seen == json!([null, false, "1"])).await;
    ada.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_emoji_are_completed_while_one_types() {
    let house = House::alone(Setup::new(Engine::Sqlite)).await;
    let lin = house.person("lin").await;
    let room = house.owner.creates("kitchen").await;
    lin.joins(room).await;
    lin.says(room, "who wants some?").await;
    let ada = App::start(Seat::new("ada")).await;
    ada.sign_in(&house.url(), "ada").await;
    ada.open("kitchen").await;
    ada.sees("who wants some?").await;
    let offered = "return [...document.querySelectorAll('completion-list [role=option] .name')].map((e) => e.textContent)";
    let has = |name: &'static str| {
        move |seen: &serde_json::Value| {
            seen.as_array().is_some_and(|all| all.contains(&json!(name)))
        }
    };
    ada.click("message-composer textarea").await;
    ada.keys("@li").await;
    ada.until("Lin is offered", offered, has("@lin")).await;
    ada.keys(&enter()).await;
    ada.keys(":teap").await;
    ada.until("a teapot is offered", offered, has(":teapot:")).await;
    ada.keys(&enter()).await;
    ada.keys("and :tada:").await;
    let text = "return document.querySelector('message-composer textarea').value";
    ada.until("a whole name becomes its emoji", text, |text| *text == "@lin 🫖 and 🎉 ").await;
    ada.keys("@every").await;
    ada.until("everybody is offered", offered, has("@everyone")).await;
    ada.keys(&enter()).await;
    ada.keys(&enter()).await;
    ada.sees("@lin 🫖 and 🎉 @everyone").await;
    let named =
        "return [...document.querySelectorAll('message-text .mention')].map((e) => e.textContent)";
    ada.until("both are mentions", named, |all| *all == json!(["@lin", "@everyone"])).await;
    ada.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_emoji_is_found_by_its_name() {
    let house = House::alone(Setup::new(Engine::Sqlite)).await;
    let room = house.owner.creates("kitchen").await;
    house.owner.says(room, "tea?").await;
    let ada = App::start(Seat::new("ada")).await;
    ada.sign_in(&house.url(), "ada").await;
    ada.open("kitchen").await;
    ada.sees("tea?").await;
    ada.act("tea?", ".react").await;
    ada.shown("emoji-palette .groups button").await;
    ada.fill("emoji-palette input", "teapot").await;
    ada.shown("emoji-palette button[value='🫖']").await;
    ada.keys(&enter()).await;
    ada.lines_are("the reaction", |lines| lines[0].reactions.iter().any(|r| r.contains("🫖")))
        .await;
    ada.act("tea?", ".react").await;
    let first = "return document.querySelector('emoji-palette .signs button')?.value";
    ada.until("what was chosen comes first", first, |sign| sign == "🫖").await;
    ada.close().await;
}
