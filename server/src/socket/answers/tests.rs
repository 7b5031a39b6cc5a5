//! A client that sums up what it hears agrees with every heartbeat, whatever was said, dropped or
//! overtaken before it.

use super::*;
use crate::hub::Hub;
use crate::store::{Event, Me};
use hallway_kit::Clock;
use hallway_protocol::frames::{Bump, OwnFrame};
use hallway_protocol::ids::{RoomId, Seq, TenantId, UserId};
use hallway_protocol::rows::{Mine, Row};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

const ADA: UserId = UserId(1);

/// What the client of another author does with frames, by the words of the protocol alone.
#[derive(Default)]
struct Client {
    rooms: BTreeMap<i64, i64>,
    early: BTreeMap<i64, i64>,
    own: i64,
    cursor: i64,
    beats: usize,
}

fn int(value: &Value) -> i64 {
    value.as_i64().expect("a number")
}

fn mix(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Client {
    fn head(&mut self, room: i64, head: i64) {
        let known = match self.rooms.get_mut(&room) {
            Some(known) => known,
            None => self.early.entry(room).or_default(),
        };
        *known = head.max(*known);
    }

    fn hears(&mut self, frame: &Value) {
        match frame["type"].as_str().expect("a type") {
            "event" => self.head(int(&frame["room"]), int(&frame["seq"])),
            "delta" => self.head(int(&frame["room"]), int(&frame["head"])),
            "bump" => {
                for bump in frame["rooms"].as_array().expect("rooms") {
                    self.head(int(&bump["room"]), int(&bump["head"]));
                }
            }
            "lag" => {
                for pair in frame["rooms"].as_array().expect("rooms") {
                    self.head(int(&pair[0]), int(&pair[1]));
                }
                self.own = self.own.max(int(&frame["own"]));
            }
            "own" => self.hears_own(frame),
            "heartbeat" => {
                self.beats += 1;
                assert_eq!(frame["digest"], self.digest(), "{:?} {}", self.rooms, self.own);
            }
            other => panic!("nobody said {other}"),
        }
    }

    fn hears_own(&mut self, frame: &Value) {
        let (since, to) = (int(&frame["since"]), int(&frame["to"]));
        self.own = self.own.max(to);
        if since > self.cursor {
            return;
        }
        for row in frame["rows"].as_array().expect("rows") {
            if int(&row["rev"]) <= self.cursor {
                continue;
            }
            let room = int(&row["room"]);
            if row["state"] == "joined" {
                let early = self.early.remove(&room).unwrap_or(0);
                let known = self.rooms.entry(room).or_default();
                *known = early.max(int(&row["head"])).max(*known);
            } else {
                self.rooms.remove(&room);
            }
        }
        self.cursor = self.cursor.max(to);
    }

    fn digest(&self) -> String {
        let word = |(room, head): (&i64, &i64)| {
            mix(room.cast_unsigned() ^ (head.cast_unsigned() << 32 | head.cast_unsigned() >> 32))
        };
        let sum = self.rooms.iter().map(word).fold(0, u64::wrapping_add);
        format!("{:016x}", sum.wrapping_add(mix(self.own.cast_unsigned())))
    }
}

/// The truth, the connection, and who listens at its other end.
struct Scene {
    hub: Hub,
    line: Arc<Line>,
    answers: Answers,
    client: Client,
    /// Head of each room, and whether Ada is in it.
    rooms: [(Seq, bool); 6],
    /// Her rows, by room.
    mines: BTreeMap<usize, Value>,
    own: Seq,
}

impl Scene {
    /// Welcomed with half the rooms joined; the welcome's heads may be ahead of what the hub has
    /// handed out, and she may be behind with her own log.
    fn set(ahead: i64, behind: bool) -> Scene {
        let hub = Hub::new(Clock::system());
        let line = hub.arrive(&Me::test(ADA.0, "s"));
        let rooms: [_; 6] = std::array::from_fn(|at| (at as i64 + 1, at % 2 == 0));
        let joined = rooms.iter().enumerate().filter(|(_, (_, joined))| *joined);
        let joined: Vec<_> = joined.map(|(at, (head, _))| (id(at), head + ahead)).collect();
        hub.seat(&line, &joined.iter().map(|(room, _)| (*room, 1)).collect::<Vec<_>>());
        let (own, cursor) = (9, if behind { 4 } else { 9 });
        let rooms_known = joined.iter().map(|(room, head)| (room.0, *head)).collect();
        let client = Client { rooms: rooms_known, own, cursor, ..Client::default() };
        let answers = Answers::new(Told::new(joined, own, cursor));
        Scene { hub, line, answers, client, rooms, mines: BTreeMap::new(), own }
    }

    fn mine(&mut self, at: usize) -> Row {
        self.own += 1;
        let (head, joined) = self.rooms[at];
        let state = if joined { "joined" } else { "removed" };
        let head = if joined { head } else { 0 };
        let mine = json!({"t": "mine", "room": id(at), "state": state, "head": head,
            "rev": self.own});
        self.mines.insert(at, mine.clone());
        Row::Mine(serde_json::from_value::<Mine>(mine).expect("a row"))
    }

    fn pushed(&mut self, at: usize) -> Event {
        let rows = vec![self.mine(at)];
        Event::Own { user: ADA, since: self.own - 1, to: self.own, rows }
    }

    fn event(&mut self, at: usize, enter: Vec<(UserId, Seq)>, leave: Vec<UserId>) -> Event {
        self.rooms[at].0 += 1;
        let seq = self.rooms[at].0;
        let (tenant, room, rows) = (TenantId(1), id(at), Vec::new());
        Event::Room {
            tenant,
            room,
            seq,
            last_n: seq,
            rows,
            enter,
            leave,
            closed: false,
            concerns: Vec::new(),
            floor: None,
            size: 2,
        }
    }

    /// She enters or is taken out: the room's change, then her own log's.
    fn moves(&mut self, at: usize) {
        let joined = !self.rooms[at].1;
        self.rooms[at].1 = joined;
        let (enter, leave) = if joined { (vec![(ADA, 1)], vec![]) } else { (vec![], vec![ADA]) };
        let events = vec![self.event(at, enter, leave), self.pushed(at)];
        self.hub.dispatch(events);
    }

    fn says_own(&mut self) {
        let since = self.client.cursor;
        let rows = self.mines.values().filter(|mine| int(&mine["rev"]) > since);
        let rows = rows.map(|mine| Row::Mine(serde_json::from_value(mine.clone()).expect("a row")));
        let rows = rows.collect();
        let own = OwnFrame { id: Some(1), since, to: self.own, done: true, rows };
        self.answers.say(&ServerFrame::Own(own));
    }

    fn says_heads(&mut self) {
        let joined = self.rooms.iter().enumerate().filter(|(_, (_, joined))| *joined);
        let bump = |(at, (head, _)): (usize, &(Seq, bool))| Bump {
            room: id(at),
            head: *head,
            last_n: 0,
            read: 0,
            unread: 0,
            mentions: 0,
        };
        let rooms = joined.map(bump).collect();
        self.answers.say(&ServerFrame::Bump { rooms });
    }

    fn says_delta(&mut self, at: usize) {
        let delta = json!({"type": "delta", "id": 1, "room": id(at), "since": 0, "to": 0,
            "kind": "replay", "floor": 0, "first": 0, "done": true, "rows": [], "hole": null,
            "min_seq": 1, "head": self.rooms[at].0, "last_n": 0, "unread": 0, "mentions": 0});
        self.answers.say(&serde_json::from_value(delta).expect("a frame"));
    }

    fn writes(&mut self, most: usize) {
        for _ in 0..most {
            match self.answers.next(&self.line) {
                Some(Ok(Message::Text(text))) => {
                    self.client.hears(&serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(_)) => {}
                Some(Err(code)) => panic!("closed with {code}"),
                None => break,
            }
        }
    }

    fn step(&mut self, what: u8, at: usize) {
        match what {
            0..=5 => {
                let event = self.event(at, vec![], vec![]);
                self.hub.dispatch(vec![event]);
            }
            6 | 7 => self.moves(at),
            8 if self.rooms[at].1 => {
                let own = self.pushed(at);
                self.hub.dispatch(vec![own]);
            }
            9 => self.says_own(),
            10 => self.says_heads(),
            11 => self.says_delta(at),
            // More than a connection keeps: it collapses to a lag.
            12 => {
                let burst = (0..520).map(|_| self.event(at, vec![], vec![])).collect();
                self.hub.dispatch(burst);
            }
            13..=19 => {
                self.writes(usize::from(what) - 12);
                self.answers.beat(0);
                self.writes(at);
            }
            _ => self.answers.beat(0),
        }
    }
}

fn id(at: usize) -> RoomId {
    RoomId(700 + at as i64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_client_that_sums_up_what_it_hears_agrees(
        (ahead, behind) in (0..3_i64, any::<bool>()),
        steps in prop::collection::vec((0..22_u8, 0..6_usize), 50..200),
    ) {
        let mut scene = Scene::set(ahead, behind);
        for (what, at) in steps {
            scene.step(what, at);
        }
        scene.answers.beat(0);
        scene.writes(usize::MAX);
        prop_assert!(scene.client.beats > 0);
    }
}

/// An event that only waits is not spoken of; once written it is.
#[test]
fn what_waits_is_not_spoken_of() {
    let mut scene = Scene::set(0, false);
    let digests = |scene: &mut Scene| {
        scene.answers.beat(0);
        let said = [(); 2].map(|()| scene.answers.next(&scene.line));
        match said {
            [Some(Ok(Message::Text(text))), Some(Ok(Message::Ping(_)))] => {
                serde_json::from_str::<Value>(&text).expect("JSON")["digest"].clone()
            }
            other => panic!("{other:?}"),
        }
    };
    let before = digests(&mut scene);
    scene.step(0, 0);
    assert_eq!(digests(&mut scene), before);
    scene.writes(usize::MAX);
    assert_ne!(digests(&mut scene), before);
}
