//! The link is cut: write, close the app, open it with no network, read, search, write; when the
//! link is back, all of it arrives once and in order, on both screens.

use crate::app::{App, Line, Seat, enter};
use crate::two_people::{texts, told};
use hallway_tests::{Engine, House, Link, Setup};

const BEFORE: usize = 12;

#[tokio::test(flavor = "multi_thread")]
async fn written_offline_over_a_restart_all_arrives_once_and_in_order() {
    let house = House::alone(Setup::new(Engine::Sqlite)).await;
    let lin_rest = house.person("lin").await;
    let room = house.owner.creates("kitchen").await;
    lin_rest.joins(room).await;
    for n in 0..BEFORE {
        house.owner.says(room, &format!("before the cut, number {n}")).await;
    }
    let link = Link::to(house.address()).await;
    let (ada, lin) = tokio::join!(App::start(Seat::new("ada")), App::start(Seat::new("lin")));
    ada.sign_in(&house.url(), "ada").await;
    lin.sign_in(&link.url(), "lin").await;
    ada.open("kitchen").await;
    lin.open("kitchen").await;
    lin.sees(&format!("before the cut, number {}", BEFORE - 1)).await;

    link.cut();
    lin.link("Lin hears that the link is gone", |said| !said.is_empty()).await;
    lin.say("first without a link").await;
    lin.say("second without a link").await;
    let waiting = |n: usize| move |lines: &[Line]| lines.iter().filter(|l| l.pending).count() == n;
    lin.lines_are("two that wait", waiting(2)).await;
    let lin = App::start(lin.close().await).await;

    lin.open("kitchen").await;
    let lines = lin.lines_are("all of it from the store", |lines| lines.len() == BEFORE + 2).await;
    assert_eq!(lines.iter().filter(|line| line.pending).count(), 2, "{lines:#?}");
    lin.click("room-head .search").await;
    lin.fill("search-panel [type=search]", "cut number 7").await;
    let hits = "return [...document.querySelectorAll('search-hit')].map((hit) => hit.textContent)";
    lin.until("the hit", hits, |hits| {
        hits.as_array().is_some_and(|hits| hits.len() == 1)
            && hits[0].to_string().contains("number 7")
    })
    .await;
    lin.click("room-head .search").await;
    lin.say("third, after a restart").await;
    lin.lines_are("three that wait", waiting(3)).await;

    ada.say("meanwhile, from Ada").await;
    ada.sees("meanwhile, from Ada").await;
    link.mend();
    lin.sees("third, after a restart").await;
    lin.sees("meanwhile, from Ada").await;
    ada.sees("third, after a restart").await;
    lin.link("all is well", str::is_empty).await;

    let here = ada.lines_are("all of it", |lines| lines.len() == BEFORE + 4).await;
    let there = lin.lines_are("the same on both screens", |lines| told(lines) == told(&here)).await;
    let tail = [
        "meanwhile, from Ada",
        "first without a link",
        "second without a link",
        "third, after a restart",
    ];
    assert_eq!(texts(&there)[BEFORE..], tail);
    ada.close().await;
    lin.close().await;
}

/// What was begun and not sent is there after a restart, and goes when it is asked to.
#[tokio::test(flavor = "multi_thread")]
async fn a_draft_outlives_the_window() {
    let house = House::alone(Setup::new(Engine::Sqlite)).await;
    house.owner.creates("kitchen").await;
    let ada = App::start(Seat::new("ada")).await;
    ada.sign_in(&house.url(), "ada").await;
    ada.open("kitchen").await;
    ada.fill("message-composer textarea", "half a thou").await;
    let drafted = "return document.querySelector('room-row')?.textContent ?? ''";
    ada.press("Find a room").await; // leaving the room keeps what was begun
    ada.until("the row", drafted, |text| text.as_str().is_some_and(|t| !t.is_empty())).await;
    let ada = App::start(ada.close().await).await;
    ada.open("kitchen").await;
    let typed = "return document.querySelector('message-composer textarea').value";
    ada.until("the draft", typed, |text| text == "half a thou").await;
    ada.click("message-composer textarea").await;
    ada.keys(&format!("ght{}", enter())).await;
    ada.sees("half a thought").await;
    ada.until("an empty box", typed, |text| text == "").await;
    ada.close().await;
}
