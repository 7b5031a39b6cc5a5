//! The digest of the heartbeat as a client reckons it: from the frames alone, and right whatever
//! happened before it. An event that was lost on the way shows, and asking for the heads mends it.

use crate::house::{House, Person, Socket, int, list};
use hallway_protocol::digest::digest;
use hallway_protocol::ids::RoomId;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::timeout;

/// Long enough that a client under load still answers its pings.
const HEARTBEAT: Duration = Duration::from_millis(400);

/// What a client knows of heads.
#[derive(Debug, Default)]
struct Heads {
    rooms: BTreeMap<i64, i64>,
    /// Heard of before the own log said that they are joined.
    early: BTreeMap<i64, i64>,
    own: i64,
    cursor: i64,
    beats: usize,
}

impl Heads {
    /// As the welcome says it to a device that holds nothing.
    fn of(welcome: &Value) -> Heads {
        let own = int(&welcome["own_head"]);
        let rooms = list(&welcome["rooms"]).iter();
        let rooms = rooms.map(|head| (int(&head["room"]), int(&head["head"]))).collect();
        Heads { rooms, own, ..Heads::default() }
    }

    fn head(&mut self, room: &Value, head: &Value) {
        let (room, head) = (int(room), int(head));
        let known = match self.rooms.get_mut(&room) {
            Some(known) => known,
            None => self.early.entry(room).or_default(),
        };
        *known = head.max(*known);
    }

    fn hears(&mut self, frame: &Value) {
        match frame["type"].as_str().expect("a type") {
            "event" => self.head(&frame["room"], &frame["seq"]),
            "delta" => self.head(&frame["room"], &frame["head"]),
            "bump" => {
                list(&frame["rooms"])
                    .iter()
                    .for_each(|bump| self.head(&bump["room"], &bump["head"]));
            }
            "own" => self.hears_own(frame),
            "heartbeat" => self.beats += 1,
            _ => {}
        }
    }

    fn hears_own(&mut self, frame: &Value) {
        self.own = self.own.max(int(&frame["to"]));
        if int(&frame["since"]) > self.cursor {
            return;
        }
        let new = |row: &&Value| row["t"] == "mine" && int(&row["rev"]) > self.cursor;
        let rows: Vec<_> = list(&frame["rows"]).iter().filter(new).cloned().collect();
        for row in rows {
            let room = int(&row["room"]);
            if row["state"] == "joined" {
                let head = self.early.remove(&room).unwrap_or(0).max(int(&row["head"]));
                let known = self.rooms.entry(room).or_default();
                *known = head.max(*known);
            } else {
                self.rooms.remove(&room);
            }
        }
        self.cursor = self.cursor.max(int(&frame["to"]));
    }

    fn agrees(&self, heartbeat: &Value) -> bool {
        let rooms = self.rooms.iter().map(|(room, head)| (RoomId(*room), *head));
        heartbeat["digest"] == digest(rooms, self.own)
    }
}

/// Who changes things, where, and how often they did.
struct Bustle {
    ada: Person,
    lin: Person,
    rooms: Vec<i64>,
    random: u64,
}

impl Bustle {
    fn draw(&mut self, below: usize) -> usize {
        self.random = self.random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (self.random >> 33) as usize % below
    }

    /// One change, of the room, of Ada in it, or of her own log. It may be refused: she may be out.
    async fn goes_on(&mut self) {
        let at = self.draw(self.rooms.len());
        let room = self.rooms[at];
        let (ada, lin) = (self.ada.clone(), self.lin.clone());
        let member = format!("/rooms/{room}/members/{}", ada.user);
        match self.draw(10) {
            0..=3 => drop(lin.says(room, "tea?").await),
            4 => drop(lin.put(&member, json!({})).await.ok(200)),
            5 => drop(lin.delete(&member).await),
            6 => drop(ada.post(&format!("/rooms/{room}/leave"), json!({})).await),
            7 => drop(ada.put(&format!("/rooms/{room}/read-mark"), json!({"seq": 1})).await),
            8 => {
                let patch = json!({"favourite": self.draw(2) == 0});
                drop(ada.patch(&format!("/rooms/{room}/mine"), patch).await);
            }
            _ => {
                let topic = json!({"topic": format!("{}", self.random)});
                drop(lin.patch(&format!("/rooms/{room}"), topic).await.ok(200));
            }
        }
    }
}

/// Hears until a heartbeat came after everything was done.
async fn listens(socket: &mut Socket, heads: &mut Heads, asks: &mut u64) {
    let frame = timeout(Duration::from_secs(20), socket.frame()).await.expect("a frame in time");
    let frame = frame.expect("it stays open");
    heads.hears(&frame);
    if frame["type"] == "heartbeat" {
        assert!(heads.agrees(&frame), "{heads:#?} {frame}");
    }
    // Answers overtake what waits: now and then one is asked for.
    if frame["type"] == "event" && int(&frame["seq"]) % 7 == 0 {
        *asks += 1;
        let since = heads.cursor;
        let ask = match *asks % 3 {
            0 => json!({"type": "heads"}),
            1 => json!({"type": "own", "since": since}),
            _ => json!({"type": "pull", "room": frame["room"], "since": 0, "latest": 5}),
        };
        socket.asks(ask).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reckons_from_frames_agrees_with_every_heartbeat() {
    let house = House::with(|config| config.heartbeat = HEARTBEAT).await;
    let lin = house.ada().await;
    let ada = house.newcomer(&lin, "eve").await;
    let mut rooms = Vec::new();
    for name in ["kitchen", "attic", "cellar", "garden"] {
        let members: &[&Person] = if name < "d" { &[&ada] } else { &[] };
        rooms.push(lin.group(name, members).await);
    }
    let (mut socket, welcome) = ada.socket().await;
    let mut heads = Heads::of(&welcome);
    socket.asks(json!({"type": "own", "since": 0})).await;
    let mut bustle = Bustle { ada, lin, rooms, random: 0x9e37_79b9_7f4a_7c15 };
    let (mut steps, mut asks) = (0, 0);
    let mut going = Box::pin(async {
        while steps < 1_500 {
            bustle.goes_on().await;
            steps += 1;
        }
    });
    loop {
        tokio::select! {
            () = &mut going => break,
            () = listens(&mut socket, &mut heads, &mut asks) => {}
        }
    }
    let enough = heads.beats + 2;
    while heads.beats < enough {
        listens(&mut socket, &mut heads, &mut asks).await;
    }
    assert!(asks > 10, "hardly anything was asked: {asks}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_was_lost_is_made_good_within_two_heartbeats() {
    let house = House::with(|config| config.heartbeat = HEARTBEAT).await;
    let ada = house.ada().await;
    let lin = house.newcomer(&ada, "lin").await;
    let room = ada.group("kitchen", &[&lin]).await;
    let (mut socket, welcome) = lin.socket().await;
    let mut heads = Heads::of(&welcome);
    ada.says(room, "tea?").await;
    let lost = socket.hears("event").await;
    let (mut wrong, mut beats) = (0, 0);
    while wrong < 2 {
        let heartbeat = socket.hears("heartbeat").await;
        (wrong, beats) = (wrong + usize::from(!heads.agrees(&heartbeat)), beats + 1);
    }
    assert_eq!(beats, 2, "a heartbeat agreed though an event was lost");
    socket.asks(json!({"type": "heads"})).await;
    let bump = socket.hears("bump").await;
    let kitchen = list(&bump["rooms"]).iter().find(|bump| bump["room"] == room);
    let kitchen = kitchen.expect("the room");
    assert_eq!((kitchen["head"].clone(), int(&kitchen["unread"])), (lost["seq"].clone(), 1));
    heads.hears(&bump);
    let heartbeat = socket.hears("heartbeat").await;
    assert!(heads.agrees(&heartbeat), "{heads:#?} {heartbeat}");
    // What a client does with the bump: it pulls, and the message is there.
    let since = int(&lost["seq"]) - 1;
    let pull = json!({"type": "pull", "room": room, "since": since});
    let delta = socket.told(pull).await;
    assert_eq!(list(&delta["rows"])[0]["text"], "tea?");
}
