//! P12: nothing from a member is committed after their removal, nothing of the room reaches them
//! after it, and what they see of the room from then on is what a stranger sees.

use hallway_protocol::frames::ServerFrame;
use hallway_protocol::ids::{Key, RoomId, Seq};
use hallway_protocol::rows::{MineState, Row};
use hallway_tests::wire::{Socket, key};
use hallway_tests::{Engine, House, Rest, Setup, soon};
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};

/// Sends under way when the removal comes.
const IN_FLIGHT: usize = 200;
/// Sends after which a flood gives up waiting for its end.
const MOST: usize = 50_000;

/// Eve's flood: what was accepted by key, what was refused. As many as that are under way at any
/// time, until the first is refused; it ends when all are answered.
async fn flood(eve: &mut Socket, room: RoomId) -> (BTreeMap<Key, Seq>, Vec<String>) {
    let (mut done, mut refused) = (BTreeMap::new(), Vec::new());
    let mut asked = VecDeque::new();
    for _ in 0..IN_FLIGHT {
        asked.push_back(word(eve, room).await);
    }
    while let Some((id, key)) = asked.pop_front() {
        match eve.answer(id).await {
            Ok(ok) => drop(done.insert(key, ok.seq.expect("a send has a number"))),
            Err(error) => refused.push(error.code.as_str().to_owned()),
        }
        assert!(done.len() < MOST, "nobody removes her");
        if refused.is_empty() {
            asked.push_back(word(eve, room).await);
        }
    }
    (done, refused)
}

async fn word(eve: &mut Socket, room: RoomId) -> (u64, Key) {
    let key = key();
    (eve.says(room, key.clone(), "me again").await.expect("the socket is open"), key)
}

/// The `seq` of Eve's leaving, as the room's members list tells those who may see it.
async fn removed_at(ada: &Rest, room: RoomId, eve: &Rest) -> Seq {
    let history = ada.history(room).await;
    let notice = history.iter().find(|row| {
        row.meta.get("what") == Some(&json!("removed")) && row.meta["user"] == json!(eve.user)
    });
    notice.expect("a removal is told in the room").seq
}

async fn nothing_comes_from_or_to_somebody_removed(engine: Engine) {
    let house = House::with(Setup::new(engine).unlimited()).await;
    let ada = house.owner.clone();
    let eve = house.person("eve").await;
    let group = json!({"kind": "group", "name": "kitchen", "members": [eve.user]});
    let room = ada.post("/rooms", group).await.good();
    let room = RoomId(room["room"].as_i64().expect("a room row"));
    let other = ada.creates("hall").await;
    eve.joins(other).await;
    let mut speaks = Socket::open(&eve).await;
    let mut hears = Socket::open(&eve).await;

    let remove = async {
        // In the middle of the flood: some of hers are in, most are under way.
        hears
            .until("her own words", |frame| match frame {
                ServerFrame::Event { room: r, seq, .. } if *r == room && *seq > 10 => Some(()),
                _ => None,
            })
            .await;
        ada.delete(&format!("/rooms/{room}/members/{}", eve.user)).await.good();
    };
    let ((done, refused), ()) = tokio::join!(flood(&mut speaks, room), remove);

    let removed = removed_at(&ada, room, &eve).await;
    assert!(done.values().all(|seq| *seq < removed), "a word after the removal at {removed}");
    // All that was under way behind the first refusal is refused as well.
    assert_eq!(refused, vec!["not_found"; IN_FLIGHT]);
    let history = ada.history(room).await;
    let hers: BTreeMap<_, _> = history
        .iter()
        .filter(|row| row.sender == eve.user)
        .filter_map(|row| Some((row.key.clone()?, row.seq)))
        .collect();
    assert_eq!(hers, done, "what she was told is what is there");

    // The event of her removal is the last she gets of the room, then her own log says so.
    ada.says(room, "is she gone?").await;
    let last = ada.says(other, "she is here still").await;
    let mut seen = 0;
    let mut told = false;
    soon("the other room's word", async {
        loop {
            match hears.next().await.expect("her other rooms go on") {
                ServerFrame::Event { room: r, seq, .. } if r == room => seen = seen.max(seq),
                ServerFrame::Event { room: r, seq, .. } if r == other && seq == last.seq => break,
                ServerFrame::Own(own) => told |= own.rows.iter().any(|row| {
                    matches!(row, Row::Mine(m) if m.room == room && m.state == MineState::Removed)
                }),
                _ => {}
            }
        }
    })
    .await;
    assert!(seen <= removed, "event {seen} came after the removal at {removed}");
    assert!(told, "her own log does not say it");

    // A key done before is answered still; anything new is not found, the same as for a stranger.
    let bob = house.person("bob").await;
    let (first, seq) = done.iter().next().expect("some of hers were in");
    let id = speaks.says(room, first.clone(), "me again").await.expect("open");
    let again = speaks.answer(id).await.expect("answered though she is out");
    assert_eq!((again.seq, again.again), (Some(*seq), true));
    for path in ["", "/messages", "/members", "/pins", "/receipts"] {
        let (hers, his) = (
            eve.get(&format!("/rooms/{room}{path}")).await,
            bob.get(&format!("/rooms/{room}{path}")).await,
        );
        assert_eq!(hers.refused(), (404, "not_found"), "{path}");
        assert_eq!(hers.body["message"], his.body["message"], "{path}");
    }
    let shown = bob.get("/rooms/directory?query=kitchen").await.good();
    assert!(!shown.to_string().contains("kitchen"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_from_or_to_somebody_removed_on_sqlite() {
    nothing_comes_from_or_to_somebody_removed(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_from_or_to_somebody_removed_on_postgres() {
    nothing_comes_from_or_to_somebody_removed(Engine::Postgres).await;
}
