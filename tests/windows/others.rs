//! What one sees of others: who has read, how they are, and the days before.

use crate::app::{App, Seat};
use crate::two_people::at_the_table;
use hallway_tests::{Engine, Hand, House, Rest, Setup};
use serde_json::json;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn who_has_read_my_last_message_is_said_below_it() {
    let house = House::alone(Setup::new(Engine::Sqlite)).await;
    let (ada, lin) = at_the_table(&house, "kitchen").await;
    lin.press("Create a room").await;
    lin.shown("create-room").await;
    ada.say("tea?").await;
    ada.sees("tea?").await;
    let said = "return document.querySelector('read-line p').textContent";
    ada.until("Lin has it", said, |said| said == "Delivered").await;
    lin.open("kitchen").await;
    lin.sees("tea?").await;
    ada.until("Lin read it", said, |said| said == "Read by Lin").await;
    ada.say("or coffee?").await;
    ada.until("and the next", said, |said| said == "Read by Lin").await;
    lin.say("tea").await;
    ada.until("an answer says as much", said, |said| said == "").await;
    ada.close().await;
    lin.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_is_seen_where_its_person_stands() {
    let house = House::alone(Setup::new(Engine::Sqlite)).await;
    let (ada, lin) = at_the_table(&house, "kitchen").await;
    ada.click("account-menu .me").await;
    ada.fill("account-menu [name=status]", "making tea").await;
    ada.click("account-menu .status button").await;
    lin.click("room-head .members").await;
    let about =
        "return [...document.querySelectorAll('member-row .about')].map((e) => e.textContent)";
    let says = |seen: &serde_json::Value| {
        let all = seen.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str);
        all.into_iter().any(|about| about.starts_with("@ada") && about.ends_with("making tea"))
    };
    lin.until("it stands with her", about, says).await;
    ada.close().await;
    lin.close().await;
}

const DAY_MS: i64 = 24 * 3_600_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_before_is_found_again() {
    let hand = Hand::of_dates();
    // At noon no message of a day slips into the next, wherever the window thinks it is.
    let noon = DAY_MS + DAY_MS / 2 - hand.now() % DAY_MS;
    hand.turn(Duration::from_millis(noon.unsigned_abs()));
    let house = House::alone(Setup::new(Engine::Sqlite).unlimited().clock(&hand)).await;
    let room = house.owner.creates("kitchen").await;
    for day in 0..3 {
        let owner = Rest::sign_in(&house.url(), "ada").await;
        for n in 0..60 {
            owner.says(room, &format!("day {day}, message {n}")).await;
        }
        if day < 2 {
            hand.turn(Duration::from_millis(DAY_MS.unsigned_abs()));
        }
    }
    let ada = App::start(Seat::new("ada")).await;
    // The window's own today would hide the days that the server is ahead.
    ada.run(
        "const now = Date.now.bind(Date), ahead = arguments[0] - now(); Date.now = () => now() + ahead",
        vec![json!(hand.now())],
    )
    .await;
    ada.sign_in(&house.url(), "ada").await;
    ada.open("kitchen").await;
    ada.sees("day 2, message 59").await;
    ada.click("room-head .details").await;
    ada.click("room-details .day").await;
    ada.shown("date-box [aria-current]").await;
    let back = String::from(char::from(fantoccini::key::Key::Left));
    ada.keys(&back).await;
    ada.keys(&crate::app::enter()).await;
    let shown =
        "return document.querySelector('message-item[shown] message-text')?.textContent ?? ''";
    ada.until("the first message of that day", shown, |text| text == "day 1, message 0").await;
    ada.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_unread_message_is_one_press_away() {
    let house = House::alone(Setup::new(Engine::Sqlite).unlimited()).await;
    let lin = house.person("lin").await;
    let room = house.owner.creates("kitchen").await;
    lin.joins(room).await;
    for n in 0..90 {
        house.owner.says(room, &format!("old {n}")).await;
    }
    let ada = App::start(Seat::new("ada")).await;
    ada.sign_in(&house.url(), "ada").await;
    ada.open("kitchen").await;
    ada.sees("old 89").await;
    ada.press("Create a room").await;
    ada.shown("create-room").await;
    for n in 0..90 {
        lin.says(room, &format!("news {n}")).await;
    }
    let counted =
        "return [...document.querySelectorAll('room-row button')].map((b) => b.textContent).join()";
    ada.until("they are counted", counted, |text| text.as_str().is_some_and(|t| t.contains("90")))
        .await;
    ada.open("kitchen").await;
    ada.sees("news 0").await;
    let hidden = "return document.querySelector('time-pills .first').hidden";
    ada.until("the line is in sight", hidden, |hidden| *hidden == true).await;
    ada.click("time-pills .last").await;
    ada.sees("news 89").await;
    ada.click("time-pills .first").await;
    let seen = "const [line, log] = ['day-line[what=new]', 'time-line .scroll'].map((css) => document.querySelector(css)?.getBoundingClientRect());
      return Boolean(line && line.top > log.top && line.bottom < log.bottom)";
    ada.until("the line is in sight again", seen, |seen| *seen == true).await;
    ada.until("and needs no way to it", hidden, |hidden| *hidden == true).await;
    ada.close().await;
}
