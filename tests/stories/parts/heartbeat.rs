//! The heartbeat says of everything written before it where it should have led: a client that adds up
//! its own heads gets the same digits, or knows that something is missing.

use hallway_protocol::digest::digest;
use hallway_protocol::frames::ServerFrame;
use hallway_protocol::ids::{RoomId, Seq};
use hallway_tests::wire::Socket;
use hallway_tests::{Engine, Hand, House, Setup};
use std::collections::BTreeMap;
use std::time::Duration;

on_both!(its_digest_is_what_a_client_adds_up);

async fn its_digest_is_what_a_client_adds_up(engine: Engine) {
    let hand = Hand::new();
    let house = House::with(Setup::new(engine).unlimited().clock(&hand)).await;
    let (ada, lin) = (house.owner.clone(), house.person("lin").await);
    let rooms = [ada.creates("kitchen").await, ada.creates("hall").await];
    for room in rooms {
        lin.joins(room).await;
    }
    let mut socket = Socket::open(&lin).await;
    let mut heads: BTreeMap<RoomId, Seq> =
        socket.welcome.rooms.iter().map(|room| (room.room, room.head)).collect();
    let mut own = socket.welcome.own_head;
    let mut seen = Vec::new();
    for beat in 0..3 {
        for (n, room) in rooms.iter().enumerate() {
            for _ in 0..=n + beat {
                ada.says(*room, "tick").await;
            }
        }
        socket.is_heard().await;
        hand.turn(Duration::from_secs(25));
        let told = hallway_tests::soon("a heartbeat", async {
            loop {
                match socket.next().await.expect("the socket is open") {
                    ServerFrame::Event { room, seq, .. } => {
                        heads.insert(room, seq);
                    }
                    ServerFrame::Own(frame) => own = frame.to,
                    ServerFrame::Heartbeat { digest, .. } => return digest,
                    _ => {}
                }
            }
        })
        .await;
        let ours = digest(heads.iter().map(|(room, head)| (*room, *head)), own);
        assert_eq!(told, ours, "{heads:?} {own}");
        seen.push(told);
    }
    seen.dedup();
    assert_eq!(seen.len(), 3, "it changes with what is said");
}
