//! What a device holds in memory is bounded, whatever the other end says (P11). How much it holds
//! is told by how much there is to print of it.

use hallway_core::world::Input;
use hallway_core::{Machine, Store};
use hallway_protocol::frames::*;
use hallway_protocol::ids::{RoomId, UserId};
use hallway_protocol::limits::Limits;
use hallway_protocol::rows::{Mine, MineState, Notify, Row};

const ME: UserId = UserId(2);
const ROOM: RoomId = RoomId(7);

/// A device that is welcomed and knows one room, caught up.
fn live() -> Machine {
    let store = Store::memory(ME).expect("a store in memory opens");
    let (mut machine, _) = Machine::open(store, 1).expect("the store is sound");
    machine.step(1, Input::Opened { link: 1 });
    let welcome = Welcome {
        v: 1,
        connection: "flood".into(),
        epoch: "e".into(),
        now: 1_700_000_000_000,
        heartbeat_ms: 25_000,
        own_head: 1,
        rooms: Vec::new(),
        gone: Vec::new(),
        limits: Limits::default(),
    };
    say(&mut machine, ServerFrame::Welcome(welcome));
    let mine = Mine {
        room: ROOM,
        state: MineState::Joined,
        head: 5,
        read: 0,
        unread: 0,
        mentions: 0,
        unread_mark: false,
        notify: Notify::All,
        muted_until: None,
        favourite: false,
        draft: None,
        min_seq: 1,
        rev: 1,
    };
    let own = OwnFrame { id: None, since: 0, to: 1, done: true, rows: vec![Row::Mine(mine)] };
    say(&mut machine, ServerFrame::Own(own));
    machine
}

fn say(machine: &mut Machine, frame: ServerFrame) {
    machine.step(2, Input::Frame { link: 1, frame });
}

/// Says `frame(0..)` and compares what is held after a few with what is held after many.
fn bounded(name: &str, frame: impl Fn(i64) -> ServerFrame) {
    let mut machine = live();
    assert_eq!(machine.engine().rooms().count(), 1, "{name}: the room is known");
    (0..2_000).for_each(|n| say(&mut machine, frame(n)));
    let few = format!("{:?}", machine.engine()).len();
    (2_000..12_000).for_each(|n| say(&mut machine, frame(n)));
    let many = format!("{:?}", machine.engine()).len();
    assert!(many < few + few / 4 + 2_000, "{name}: {few} characters to print, then {many}");
}

#[test]
fn events_with_gaps() {
    bounded("gaps", |n| ServerFrame::Event { room: ROOM, seq: 10 + 2 * n, rows: Vec::new() });
}

#[test]
fn events_and_heads_of_strangers() {
    bounded("events", |n| ServerFrame::Event { room: RoomId(1_000 + n), seq: 1, rows: Vec::new() });
    let bump =
        |n| Bump { room: RoomId(1_000 + n), head: n, last_n: n, read: 0, unread: 1, mentions: 1 };
    bounded("bumps", |n| ServerFrame::Bump { rooms: vec![bump(n)] });
    bounded("lags", |n| ServerFrame::Lag { rooms: vec![(RoomId(1_000 + n), n)], own: 1 });
}

#[test]
fn answers_nobody_asked_for() {
    let done = |id| Done { id, room: Some(ROOM), seq: None, own: None, again: false, row: None };
    bounded("ok", |n| ServerFrame::Ok(done(100_000 + n.unsigned_abs())));
    bounded("own", |n| {
        ServerFrame::Own(OwnFrame {
            id: Some(9),
            since: n + 5,
            to: n + 6,
            done: false,
            rows: Vec::new(),
        })
    });
    bounded("answer", |n| ServerFrame::Answer {
        id: 100_000 + n.unsigned_abs(),
        status: 200,
        body: serde_json::Value::Null,
    });
}

#[test]
fn crowds_that_type_and_read() {
    bounded("typing", |n| ServerFrame::Typing { room: ROOM, user: UserId(100 + n) });
    bounded("typing elsewhere", |n| ServerFrame::Typing { room: RoomId(100 + n), user: UserId(5) });
    bounded("marks", |n| ServerFrame::Read { room: ROOM, marks: vec![(UserId(100 + n), n, n)] });
    bounded("presence", |n| ServerFrame::Presence {
        users: vec![(UserId(100 + n), Presence::Online)],
    });
    bounded("life", |n| ServerFrame::Heartbeat { now: n, digest: format!("{n:016x}") });
}
