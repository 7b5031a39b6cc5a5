//! Notices, with a real notification daemon: a message is shown outside the window as text, a click
//! opens its room, and reading it takes it back.

use crate::app::{App, Seat};
use hallway_tests::{Engine, House, Setup, wait};
use std::process::Command;
use std::time::Duration;

/// The daemon's own client.
fn daemon(args: &[&str]) -> String {
    let said = Command::new("dunstctl").args(args).output().expect("dunstctl is installed");
    assert!(said.status.success(), "dunstctl {args:?}: {}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8_lossy(&said.stdout).trim().to_owned()
}

/// How many notices are on the screen.
fn shown() -> u32 {
    daemon(&["count", "displayed"]).parse().expect("a number")
}

/// What the daemon was given so far, as it prints it.
fn given() -> String {
    let home = std::env::var("HALLWAY_TEST_HOME").expect("session.sh names its home");
    std::fs::read_to_string(format!("{home}/dunst.log")).expect("the daemon's words")
}

async fn until_shown(what: &str, is: impl Fn(u32) -> bool + Send + Sync) {
    wait::soon(what, async {
        while !is(shown()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_text_and_a_click_opens_its_room() {
    let house = House::alone(Setup::new(Engine::Sqlite)).await;
    let lin_rest = house.person("lin").await;
    let kitchen = house.owner.creates("kitchen").await;
    let garden = house.owner.creates("garden").await;
    lin_rest.joins(kitchen).await;
    lin_rest.joins(garden).await;
    daemon(&["close-all"]);
    let lin = App::start(Seat::new("lin")).await;
    lin.sign_in(&house.url(), "lin").await;
    lin.open("garden").await;
    lin.link("Lin is there", str::is_empty).await;

    house.owner.says(garden, "you read this as it comes").await;
    lin.sees("you read this as it comes").await;
    house.owner.says(kitchen, "<b>cake</b> & tea for @lin").await;
    until_shown("the notice", |shown| shown == 1).await;
    let said = given();
    assert!(said.contains("&lt;b&gt;cake&lt;/b&gt; &amp; tea"), "text, not markup: {said}");
    assert!(said.contains("kitchen"), "it names the room: {said}");
    assert!(!said.contains("as it comes"), "the room in front of one is no news: {said}");

    daemon(&["action", "0"]);
    let head = "return document.querySelector('room-head h1')?.textContent ?? ''";
    lin.until("the room of the notice", head, |head| head == "# kitchen").await;
    lin.sees("<b>cake</b> & tea for @lin").await;
    until_shown("the notice is gone", |shown| shown == 0).await;
    lin.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_goes_when_its_message_is_read_elsewhere() {
    let house = House::alone(Setup::new(Engine::Sqlite)).await;
    let lin_rest = house.person("lin").await;
    let (kitchen, garden) =
        (house.owner.creates("kitchen").await, house.owner.creates("garden").await);
    lin_rest.joins(kitchen).await;
    lin_rest.joins(garden).await;
    daemon(&["close-all"]);
    let lin = App::start(Seat::new("lin")).await;
    lin.sign_in(&house.url(), "lin").await;
    lin.open("garden").await;
    lin.link("Lin is there", str::is_empty).await;
    let said = house.owner.says(kitchen, "for @lin, wherever").await;
    until_shown("the notice", |shown| shown == 1).await;
    let path = format!("/rooms/{kitchen}/read-mark");
    lin_rest.put(&path, serde_json::json!({ "seq": said.seq })).await.good();
    until_shown("the notice is taken back", |shown| shown == 0).await;
    lin.close().await;
}
