//! One person, two devices: what is done on one shows on the other, and both count alike (P8).

use hallway_tests::cast::agree;
use hallway_tests::{House, Person};
use serde_json::json;

fn unread(person: &Person, room: hallway_protocol::ids::RoomId) -> serde_json::Value {
    person.screen.now().room(room)["unread"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_devices_one_person() {
    let house = House::open().await;
    house.person("lin").await;
    let ada = house.core("ada").await;
    let laptop = house.core("lin").await;
    let kitchen = ada.creates("kitchen").await;
    laptop.joins(kitchen).await;
    let phone = house.core("lin").await;
    phone.screen.shows("the room is there too", |s| s.rooms().contains(&kitchen)).await;
    phone.opens(kitchen).await;

    // Said on one, seen on the other as one's own.
    laptop.says("from the laptop").await;
    phone.says("from the phone").await;
    laptop.hears("from the phone").await;
    phone.hears("from the laptop").await;
    agree(&[&laptop, &phone, &ada], kitchen).await;
    assert_eq!((unread(&laptop, kitchen), unread(&phone, kitchen)), (json!(0), json!(0)));

    // Read on one, read on the other; a later device with an older mark moves nothing back.
    for n in 0..7 {
        ada.says(&format!("news {n}")).await;
    }
    let fifth = phone.hears("news 4").await["seq"].as_i64().expect("confirmed");
    laptop.hears("news 6").await;
    phone.hears("news 6").await;
    for device in [&laptop, &phone] {
        device.screen.shows("seven unread", |s| s.room(kitchen)["unread"] == json!(7)).await;
    }
    phone.core.read(kitchen, Some(fifth)).await.expect("taken");
    for device in [&laptop, &phone] {
        device.screen.shows("two unread", |s| s.room(kitchen)["unread"] == json!(2)).await;
    }
    laptop.core.read(kitchen, Some(fifth - 3)).await.expect("taken");
    laptop.settles().await;
    assert_eq!(laptop.screen.now().room(kitchen)["read"], json!(fifth));
    phone.core.read(kitchen, Some(fifth + 2)).await.expect("taken");
    for device in [&laptop, &phone] {
        device.screen.shows("nothing unread", |s| s.room(kitchen)["unread"] == json!(0)).await;
    }

    // A text begun on one is gone on with on the other.
    laptop.core.draft(kitchen, "I was going to s".into()).await.expect("taken");
    phone
        .screen
        .shows("the draft", |s| s.room(kitchen)["draft"] == json!("I was going to s"))
        .await;
    phone.says("I was going to say this").await;
    agree(&[&laptop, &phone, &ada], kitchen).await;

    // Left on one is left on the other.
    phone.core.leave(kitchen).await.expect("taken");
    laptop.screen.shows("the room is left", |s| s.gone.contains_key(&kitchen.0)).await;
    assert_eq!(laptop.screen.now().gone[&kitchen.0], "left");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_write_offline_and_meet_again() {
    let house = House::open().await;
    let laptop = house.core("ada").await;
    let kitchen = laptop.creates("kitchen").await;
    laptop.says("to be edited by both").await;
    let phone = house.core("ada").await;
    phone.screen.shows("the room", |s| s.rooms().contains(&kitchen)).await;
    phone.opens(kitchen).await;
    phone.hears("to be edited by both").await;
    for device in [&laptop, &phone] {
        device.online(false).await;
        device.is("offline").await;
    }
    for n in 0..5 {
        laptop.says(&format!("laptop {n}")).await;
        phone.says(&format!("phone {n}")).await;
    }
    laptop.edits(kitchen, "to be edited by both", "the laptop's word").await;
    phone.edits(kitchen, "to be edited by both", "the phone's word").await;
    phone.online(true).await;
    phone.settles().await;
    laptop.online(true).await;
    let shown = agree(&[&laptop, &phone], kitchen).await;
    // The last to arrive has the last word, and both say so; each device kept its own order.
    assert_eq!(shown[0].text, "the laptop's word");
    let texts: Vec<_> = shown[1..].iter().map(|line| line.text.clone()).collect();
    let meant = |who: &str| (0..5).map(|n| format!("{who} {n}")).collect::<Vec<_>>();
    assert_eq!(texts, [meant("phone"), meant("laptop")].concat());
}
