//! Where WebSockets are blocked, `POST /sync` carries a conversation: it waits when nothing is
//! behind, wakes on the next event, and a cursor is all a client needs to lose nothing.

use hallway_protocol::frames::DeltaKind;
use hallway_protocol::ids::{RoomId, Seq};
use hallway_protocol::rest::Synced;
use hallway_protocol::rows::{MineState, Row};
use hallway_tests::wire::messages;
use hallway_tests::{Engine, House, Link, Rest, soon};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A client whose whole memory is its cursors and what it was given.
struct Poller {
    rest: Rest,
    own: Seq,
    cursors: BTreeMap<RoomId, Seq>,
    texts: BTreeMap<(RoomId, Seq), String>,
}

impl Poller {
    fn new(rest: Rest) -> Poller {
        Poller { rest, own: 0, cursors: BTreeMap::new(), texts: BTreeMap::new() }
    }

    async fn sync(&mut self, wait_ms: i64) -> Synced {
        self.tries(wait_ms).await.expect("the call is answered")
    }

    async fn tries(&mut self, wait_ms: i64) -> anyhow::Result<Synced> {
        let rooms: Vec<_> = self.cursors.iter().collect();
        let body = json!({"own": self.own, "rooms": rooms, "wait_ms": wait_ms});
        let answer: Synced = self.rest.tries("POST", "/sync", Some(body)).await?.read();
        for row in &answer.own.rows {
            if let Row::Mine(mine) = row {
                match mine.state {
                    MineState::Joined => drop(self.cursors.entry(mine.room).or_insert(0)),
                    _ => drop(self.cursors.remove(&mine.room)),
                }
            }
        }
        self.own = answer.own.to;
        for delta in &answer.deltas {
            assert_eq!(delta.since, self.cursors[&delta.room], "a delta starts at the cursor");
            for message in messages(&delta.rows) {
                self.texts.insert((delta.room, message.seq), message.text);
            }
            self.cursors.insert(delta.room, delta.to);
        }
        Ok(answer)
    }

    fn texts(&self, room: RoomId) -> Vec<&str> {
        let said = self.texts.iter().filter(|((r, _), text)| *r == room && !text.is_empty());
        said.map(|(_, text)| text.as_str()).collect()
    }
}

async fn a_held_call_wakes_on_what_it_waits_for(engine: Engine) {
    let house = House::on(engine).await;
    let ada = house.owner.clone();
    let kitchen = ada.creates("kitchen").await;
    let mut lin = Poller::new(house.person("lin").await);

    // With nothing in hand there is something behind, so nothing waits.
    let began = Instant::now();
    lin.sync(30_000).await;
    assert!(began.elapsed() < Duration::from_secs(10), "it waited though it was behind");
    assert!(lin.cursors.is_empty());

    // Her own log wakes it: she joins on another device.
    let other = Rest::sign_in(&house.url(), "lin").await;
    let (_, ()) = tokio::join!(
        soon("the join", async {
            while !lin.cursors.contains_key(&kitchen) {
                lin.sync(30_000).await;
            }
        }),
        other.joins(kitchen)
    );
    lin.sync(0).await;

    // A message wakes it, once and with the row.
    for text in ["tea?", "coffee?", "cake!"] {
        soon(text, async {
            let (_, _) = tokio::join!(lin.sync(30_000), ada.says(kitchen, text));
            while !lin.texts(kitchen).contains(&text) {
                lin.sync(30_000).await;
            }
        })
        .await;
    }
    assert_eq!(lin.texts(kitchen), ["tea?", "coffee?", "cake!"]);

    // Nothing behind and nobody speaks: it waits as long as it was told to, and is empty then.
    let began = Instant::now();
    let quiet = lin.sync(700).await;
    assert!(began.elapsed() >= Duration::from_millis(700));
    assert!(quiet.deltas.is_empty() && quiet.own.rows.is_empty(), "{quiet:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_call_wakes_on_what_it_waits_for_on_sqlite() {
    a_held_call_wakes_on_what_it_waits_for(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_call_wakes_on_what_it_waits_for_on_postgres() {
    a_held_call_wakes_on_what_it_waits_for(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poller_on_a_bad_link_loses_nothing() {
    let house = House::open().await;
    let ada = house.owner.clone();
    let kitchen = ada.creates("kitchen").await;
    let link = Link::to(house.address()).await;
    let lin = house.person("lin").await;
    lin.joins(kitchen).await;
    let mut lin = Poller::new(lin.via(&link.url()));
    lin.sync(0).await;

    let said: Vec<_> = (0..60).map(|n| format!("line {n}")).collect();
    let speak = async {
        for (n, text) in said.iter().enumerate() {
            if n % 10 == 5 {
                link.cut();
            }
            ada.says(kitchen, text).await;
            if n % 10 == 8 {
                link.mend();
            }
        }
    };
    let listen = soon("all that was said", async {
        while lin.texts(kitchen).len() < said.len() {
            if lin.tries(5_000).await.is_err() {
                tokio::task::yield_now().await;
            }
        }
    });
    tokio::join!(speak, listen);
    assert_eq!(lin.texts(kitchen), said);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_has_a_size_and_the_rest_is_named() {
    let house = House::with(hallway_tests::Setup::new(Engine::Sqlite).unlimited()).await;
    let ada = house.owner.clone();
    let mut rooms = Vec::new();
    for n in 0..4 {
        let room = ada.creates(&format!("room {n}")).await;
        rooms.push(room);
        for _ in 0..90 {
            ada.says(room, &"x".repeat(3_900)).await;
        }
    }
    // 1.4 MiB are behind: more than one answer holds, and what is not in it stands in `rooms`.
    let mut lin = Poller::new(ada);
    for room in &rooms {
        lin.cursors.insert(*room, 1);
    }
    let first = lin.sync(30_000).await;
    let bytes = serde_json::to_string(&first).expect("frames are JSON").len();
    assert!(bytes < 1_300_000, "{bytes} bytes in one answer");
    assert!(first.deltas.iter().all(|delta| delta.kind == DeltaKind::Replay));
    let told: Vec<_> = first.rooms.iter().map(|head| head.room).collect();
    for (room, cursor) in &lin.cursors {
        assert!(*cursor > 1 || told.contains(room), "room {room} is behind and not named");
    }
    soon("the rest", async {
        while rooms.iter().any(|room| lin.texts(*room).len() < 90) {
            lin.sync(30_000).await;
        }
    })
    .await;
}
