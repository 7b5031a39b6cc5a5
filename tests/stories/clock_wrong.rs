//! A machine whose clock is a year off works like any other: first the app's, then the server's.
//! Sign-in lasts, nothing fails, and everybody sees the same order.

use hallway_protocol::ids::RoomId;
use hallway_tests::{Chat, Device, House, hand};
use serde_json::{Value, json};

/// The environment of a program whose wall clock is off by `offset`. The monotonic clock is left
/// alone: that is what being wrong about the date means.
fn clock(offset: &str) -> Vec<(String, String)> {
    [("LD_PRELOAD", hand::library()), ("FAKETIME", offset), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

/// Says `text`; waits until all hear it confirmed.
async fn talk(speaker: &mut Chat, hearers: &[&Chat], room: RoomId, text: &str) {
    speaker.does("send", json!({"room": room, "text": text})).await;
    let confirmed = |row: Value| row["seq"].is_i64();
    for chat in hearers {
        chat.screen.shows(text, |s| s.finds(room, text).is_some_and(confirmed)).await;
    }
    speaker.screen.shows(text, |s| s.finds(room, text).is_some_and(confirmed)).await;
}

/// What the device's timeline says, in its order.
async fn order(chat: &mut Chat, room: RoomId) -> Vec<(Value, Value)> {
    let page = chat.does("timeline", json!({"room": room, "limit": 100, "before": null})).await;
    let rows = page["rows"].as_array().expect("rows").iter();
    rows.filter(|row| row["kind"] != "system")
        .map(|row| (row["seq"].clone(), row["text"].clone()))
        .collect()
}

async fn enter(chat: &mut Chat, room: RoomId) {
    chat.is_live().await;
    chat.does("join", json!({"room": room})).await;
    chat.screen.shows("the room", |s| s.rooms().contains(&room)).await;
}

/// How each device's clock is, and then how the server's is, one after the other.
async fn everyone_agrees(devices: [&str; 2], server: &[&str]) {
    let mut house = House::open().await;
    house.person("lin").await;
    let kitchen = house.owner.creates("kitchen").await;
    let url = house.url();
    let (mut one, mut two) = (Device::new(&url, "ada"), Device::new(&url, "lin"));
    for (device, offset) in [&mut one, &mut two].into_iter().zip(devices) {
        if offset != "+0" {
            device.env = clock(offset);
        }
    }
    let (mut ada, mut lin) = (one.start(), two.start());
    ada.is_live().await;
    enter(&mut lin, kitchen).await;
    let mut said = 0;
    let mut meant = Vec::new();
    let mut round = async |ada: &mut Chat, lin: &mut Chat, meant: &mut Vec<String>| {
        for _ in 0..3 {
            said += 2;
            let (one, two) = (format!("ada {said}"), format!("lin {said}"));
            talk(ada, &[lin], kitchen, &one).await;
            talk(lin, &[ada], kitchen, &two).await;
            meant.extend([one, two]);
        }
    };
    round(&mut ada, &mut lin, &mut meant).await;

    // The sign-in lasts over a restart of the app: no password is given a second time.
    drop((ada, lin));
    for device in [&one, &two] {
        std::fs::write(device.password_file(), "not the password").expect("writable");
    }
    let (mut ada, mut lin) = (one.start(), two.start());
    round(&mut ada, &mut lin, &mut meant).await;

    for offset in server {
        house.end().await;
        house.setup().env.retain(|(name, _)| !name.contains("FAKE") && name != "LD_PRELOAD");
        if *offset != "+0" {
            house.setup().env.extend(clock(offset));
        }
        house.up().await.expect("it starts");
        for chat in [&ada, &lin] {
            chat.is_live().await;
        }
        round(&mut ada, &mut lin, &mut meant).await;
    }

    let (hers, his) = (order(&mut ada, kitchen).await, order(&mut lin, kitchen).await);
    assert_eq!(hers, his);
    let texts: Vec<_> = hers.iter().map(|(_, text)| text.as_str().expect("text")).collect();
    assert_eq!(texts, meant);
    for chat in [ada, lin] {
        let shown = chat.screen.now();
        assert!(["", "open"].contains(&shown.account.as_str()), "{}", shown.account);
        assert_eq!(shown.problems, Vec::<String>::new());
        assert_eq!(shown.outbox["failed"].as_u64().unwrap_or(0), 0);
        chat.quit();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_apps_clocks_are_years_off() {
    everyone_agrees(["+1y", "-1y"], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_clock_jumps_a_year_and_back() {
    everyone_agrees(["+0", "+0"], &["+1y", "+0", "-1y", "+0"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_are_wrong_in_different_ways() {
    everyone_agrees(["-1y", "+1y"], &["+1y", "-1y"]).await;
}
