//! A lost device is thrown out from another one: within a second its socket is closed, and what
//! lay on it is deleted, store and key. Others of the same person go on.

use hallway_tests::files::files;
use hallway_tests::wait::within;
use hallway_tests::wire::{Ended, PASSWORD, Socket};
use hallway_tests::{House, Rest};
use serde_json::json;
use std::time::Duration;

async fn others(rest: &Rest) -> Vec<String> {
    let sessions = rest.get("/auth/sessions").await.good();
    let rows = sessions["rows"].as_array().or(sessions["items"].as_array()).expect("a list");
    let others = rows.iter().filter(|row| row["current"] != json!(true));
    others.map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn thrown_out() {
    let house = House::open().await;
    let kitchen = house.owner.creates("kitchen").await;
    let lin = house.person("lin").await;
    lin.joins(kitchen).await;
    let phone = house.core("lin").await;
    phone.opens(kitchen).await;
    house.owner.says(kitchen, "for Lin alone").await;
    phone.hears("for Lin alone").await;
    let mut socket = Socket::open(&lin).await;

    let ids = others(&lin).await;
    assert_eq!(ids.len(), 1, "{ids:?}");
    lin.delete(&format!("/auth/sessions/{}", ids[0])).await.good();
    phone.screen.shows("it is thrown out", |s| s.account == "thrown_out").await;
    let disk = phone.closes().await;
    let left = files(&disk.dir());
    assert!(
        left.iter().all(|file| !std::fs::read(file).unwrap_or_default().starts_with(b"SQLite")
            && std::fs::metadata(file).map_or(0, |data| data.len()) < 4_096),
        "a store is left: {left:?}"
    );
    let keys = std::fs::read_to_string(disk.key_file()).unwrap_or_default();
    assert!(!keys.contains("refresh"), "a token is left: {keys}");

    // The session that did it goes on.
    let id = socket.says(kitchen, hallway_tests::wire::key(), "still here").await.expect("open");
    socket.answer(id).await.expect("taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_reaches_an_open_socket_within_a_second() {
    let house = House::open().await;
    let (one, two) = (house.person("lin").await, Rest::sign_in(&house.url(), "lin").await);
    let (mut mine, theirs) = (Socket::open(&one).await, Socket::open(&two).await);
    let ids = others(&one).await;
    let closes = within(Duration::from_secs(1), "the close", theirs.ends());
    let throw = async { one.delete(&format!("/auth/sessions/{}", ids[0])).await.good() };
    let (ended, _) = tokio::join!(closes, throw);
    assert_eq!(ended, Ended(Some(4003)));
    assert_eq!(two.get("/users/me").await.refused(), (401, "signed_out"));
    let refresh = json!({"refresh_token": two.refresh_token});
    assert_eq!(two.post("/auth/refresh", refresh).await.refused(), (401, "signed_out"));

    // A new password ends every other session; the one that set it stays.
    let three = Rest::sign_in(&house.url(), "lin").await;
    let theirs = Socket::open(&three).await;
    let change = json!({"old": PASSWORD, "new": "a wholly different one"});
    let closes = within(Duration::from_secs(1), "the close", theirs.ends());
    let (ended, changed) = tokio::join!(closes, one.put("/users/me/password", change));
    changed.good();
    assert!(matches!(ended, Ended(Some(4001 | 4003))), "{ended:?}");
    let id = mine.id();
    mine.send(&hallway_protocol::frames::ClientFrame::Own { id, since: 0 }).await.expect("open");
    one.get("/users/me").await.good();

    // Signing out is the same for the one who does it.
    let gone = Socket::open(&one).await;
    one.post("/auth/logout", json!({})).await.good();
    assert!(matches!(gone.ends().await, Ended(Some(4001 | 4003))));
    assert_eq!(one.get("/users/me").await.refused(), (401, "signed_out"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_signed_out_keeps_what_was_not_sent() {
    let house = House::open().await;
    let kitchen = house.owner.creates("kitchen").await;
    let lin = house.person("lin").await;
    lin.joins(kitchen).await;
    let phone = house.core("lin").await;
    phone.opens(kitchen).await;
    phone.online(false).await;
    phone.says("written before the password changed").await;
    let change = json!({"old": PASSWORD, "new": "a wholly different one"});
    lin.put("/users/me/password", change).await.good();

    // Not thrown out, only signed out: the text waits for the new password.
    phone.online(true).await;
    phone.screen.shows("the password is asked", |s| s.account == "signed_out").await;
    assert!(phone.screen.now().finds(kitchen, "written before the password changed").is_some());
    let again = phone.accounts().sign_in_again(phone.account(), "a wholly different one").await;
    again.expect("that is the password");
    phone.hears("written before the password changed").await;
    let history = house.owner.history(kitchen).await;
    let arrived = history.iter().filter(|row| row.text.starts_with("written before"));
    assert_eq!(arrived.count(), 1);
}
