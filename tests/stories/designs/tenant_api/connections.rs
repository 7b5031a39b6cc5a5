//! Connections: many of one person, each starting where the person's devices stopped; what was not
//! delivered is what lies past the last ack; a grace before somebody counts as gone.

use hallway_protocol::frames::{Acked, ClientFrame, Cursors, Presence, ServerFrame};
use hallway_protocol::ids::{RoomId, Seq};
use hallway_tests::wire::{Socket, hello, key, messages};
use hallway_tests::{Engine, Hand, House, Rest, Setup};
use serde_json::json;
use std::time::Duration;

on_both!(
    what_is_not_acked_is_undelivered_and_a_connection_starts_there,
    each_connection_of_a_person_hears_everything,
    somebody_counts_as_gone_after_a_grace_and_not_before,
);

/// How far the devices of somebody have stored a room, as another member sees it.
async fn delivered(who: &Rest, room: RoomId, to: &Rest) -> Option<Seq> {
    let receipts = who.get(&format!("/rooms/{room}/receipts")).await.good();
    let mut items = receipts["items"].as_array().expect("items").iter();
    items.find(|one| one["user"] == json!(to.user))?["delivered"].as_i64()
}

async fn what_is_not_acked_is_undelivered_and_a_connection_starts_there(engine: Engine) {
    let house = House::on(engine).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let (kitchen, hall) = (ada.creates("kitchen").await, ada.creates("hall").await);
    lin.joins(kitchen).await;
    lin.joins(hall).await;
    let one = ada.says(kitchen, "one").await;
    let quiet = ada.says(hall, "only this").await;
    let mut his = Socket::open(&lin).await;
    let ack = ClientFrame::Ack { rooms: vec![(kitchen, one.seq), (hall, quiet.seq)], own: None };
    his.send(&ack).await.expect("open");
    // A command after it is answered after it was taken.
    let id = his.says(kitchen, key(), "two").await.expect("open");
    his.answer(id).await.expect("taken");
    his.ends_now().await;
    for n in 0..5 {
        ada.says(kitchen, &format!("while he was away {n}")).await;
    }
    assert_eq!(delivered(&ada, kitchen, &lin).await, Some(one.seq), "the rest waits for him");
    // An ack goes forward alone, and another device's does not undo it.
    let mut acked = hello(&lin);
    acked.rooms = Cursors::Word(Acked::Acked);
    let mut his = Socket::tries(&lin, acked).await.expect("a socket");
    let behind: Vec<_> = his.welcome.rooms.iter().map(|head| head.room).collect();
    assert_eq!(behind, [kitchen], "where nothing waits nothing is told");
    let id = his.id();
    let pull = ClientFrame::Pull { id, room: kitchen, since: one.seq, floor: None, latest: None };
    his.send(&pull).await.expect("open");
    let rows = his
        .until("the delta", |frame| match frame {
            ServerFrame::Delta(delta) if delta.id == Some(id) && delta.done => {
                Some(delta.rows.clone())
            }
            _ => None,
        })
        .await;
    let texts: Vec<_> = messages(&rows).into_iter().map(|row| row.text).collect();
    assert_eq!(texts.len(), 6, "{texts:?}");
    assert_eq!((texts[0].as_str(), texts[5].as_str()), ("two", "while he was away 4"));
    let head = his.welcome.rooms[0].head;
    for seq in [head, one.seq] {
        let ack = ClientFrame::Ack { rooms: vec![(kitchen, seq)], own: None };
        his.send(&ack).await.expect("open");
    }
    let id = his.says(hall, key(), "got it").await.expect("open");
    his.answer(id).await.expect("taken");
    assert_eq!(delivered(&ada, kitchen, &lin).await, Some(head));
}

async fn each_connection_of_a_person_hears_everything(engine: Engine) {
    let house = House::on(engine).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let kitchen = ada.creates("kitchen").await;
    lin.joins(kitchen).await;
    let elsewhere = Rest::sign_in(&house.url(), "lin").await;
    let mut devices = Vec::new();
    for _ in 0..4 {
        devices.push(Socket::open(&lin).await);
        devices.push(Socket::open(&elsewhere).await);
    }
    let said = ada.says(kitchen, "to all of you").await;
    for device in &mut devices {
        assert_eq!(messages(&device.event(kitchen, said.seq).await)[0].text, "to all of you");
    }
    // What one of them says the others hear, itself included.
    let id = devices[0].says(kitchen, key(), "I am here").await.expect("open");
    let seq = devices[0].answer(id).await.expect("taken").seq.expect("a number");
    for device in &mut devices {
        device.event(kitchen, seq).await;
    }
    // Signing one device out leaves the others.
    elsewhere.post("/auth/logout", json!({})).await.good();
    for (n, device) in devices.into_iter().enumerate() {
        if n % 2 == 1 {
            assert_eq!(device.ends().await.0, Some(4001));
        }
    }
    lin.get("/users/me").await.good();
}

async fn somebody_counts_as_gone_after_a_grace_and_not_before(engine: Engine) {
    let hand = Hand::new();
    let house = House::with(Setup::new(engine).clock(&hand)).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let kitchen = ada.creates("kitchen").await;
    lin.joins(kitchen).await;
    let (laptop, phone) = (Socket::open(&lin).await, Socket::open(&lin).await);
    let mut hers = Socket::open(&ada).await;
    hers.send(&ClientFrame::Watch { users: vec![lin.user], room: None }).await.expect("open");
    let is = |lin: &Rest, wanted: Presence| {
        let user = lin.user;
        move |frame: &ServerFrame| match frame {
            ServerFrame::Presence { users } => users.contains(&(user, wanted)).then_some(()),
            _ => None,
        }
    };
    hers.until("she is there", is(&lin, Presence::Online)).await;
    // One device of two goes, then the other; she comes back before the grace is over.
    laptop.ends_now().await;
    phone.ends_now().await;
    hand.turn(Duration::from_secs(15));
    let tablet = Socket::open(&lin).await;
    hand.turn(Duration::from_secs(15));
    hers.send(&ClientFrame::Watch { users: vec![lin.user], room: None }).await.expect("open");
    hers.until("she is still there", is(&lin, Presence::Online)).await;
    // Gone for longer, she is gone.
    tablet.ends_now().await;
    hers.send(&ClientFrame::Watch { users: vec![lin.user], room: None }).await.expect("open");
    hers.until("within the grace", is(&lin, Presence::Online)).await;
    hand.turn(Duration::from_secs(21));
    hers.until("she is gone", is(&lin, Presence::Offline)).await;
}
