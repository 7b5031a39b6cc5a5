//! The machine against a server that is spoken by hand.

use super::*;
use crate::feed::LinkState;
use crate::op::State;
use crate::store::views;
use crate::world::Refresh;
use hallway_protocol::frames::{ClientFrame, ServerFrame};
use hallway_protocol::ids::{Key, RoomId, Seq, UserId};
use hallway_protocol::rows::Row;
use hallway_protocol::search::Query;
use serde_json::{Value, json};

mod drafts;
mod failing;
mod rules;

const ME: UserId = UserId(3);
const ROOM: RoomId = RoomId(7);
const DAY: i64 = 24 * 3_600_000;
/// The server's time when a test begins.
const EPOCH: i64 = 1_795_000_000_000;

fn key(n: u8) -> Key {
    Key::from_bytes([1, 2, 3, 4, 5, 6, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, n])
}

/// A machine with a server that is spoken by hand.
struct Desk {
    machine: Machine,
    now: i64,
    link: u64,
    asked: u64,
    effects: Vec<Effect>,
}

impl Desk {
    fn new() -> Desk {
        Desk::over(Store::memory(ME).unwrap())
    }

    fn over(store: Store) -> Desk {
        let (machine, effects) = Machine::open(store, 1).unwrap();
        Desk { machine, now: 0, link: 0, asked: 0, effects }
    }

    fn step(&mut self, input: Input) {
        self.now += 1;
        let effects = self.machine.step(self.now, input);
        self.effects.extend(effects);
    }

    fn at(&mut self, now: i64) {
        self.now = now;
        self.step(Input::Tick);
    }

    /// The frames said since the last look.
    fn said(&mut self) -> Vec<ClientFrame> {
        let effects = std::mem::take(&mut self.effects);
        let frame = |effect| match effect {
            Effect::Send { frame, .. } => Some(frame),
            _ => None,
        };
        effects.into_iter().filter_map(frame).collect()
    }

    fn changes(&self) -> impl Iterator<Item = &Change> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::Change(change) => Some(change),
            _ => None,
        })
    }

    fn notices(&mut self) -> Vec<(Seq, bool, i64)> {
        let all = self.changes().filter_map(|change| match change {
            Change::Notice(notice) => Some((notice.seq, notice.summary, notice.count)),
            _ => None,
        });
        let all = all.collect();
        self.effects.clear();
        all
    }

    fn frame(&mut self, frame: Value) {
        let frame: ServerFrame = serde_json::from_value(frame).unwrap();
        self.step(Input::Frame { link: self.link, frame });
    }

    fn act(&mut self, intent: Intent) -> Result<(), Fault> {
        self.asked += 1;
        let id = self.asked;
        self.step(Input::Intent { id, intent });
        let answer = self.effects.iter().find_map(|effect| match effect {
            Effect::Answer { id: of, result } if *of == id => Some(result.clone()),
            _ => None,
        });
        answer.expect("every intent is answered")
    }

    fn send(&mut self, n: u8, text: &str) {
        let (key, text) = (key(n), text.to_owned());
        self.act(Intent::Send { room: ROOM, key, at: 5, text, reply: None, thread: None }).unwrap();
    }

    /// Opens the link and is welcomed; `own` is the own log's head.
    fn welcome(&mut self, own: Seq, more: Value) {
        let connect = |effect: &Effect| match effect {
            Effect::Connect { link } => Some(*link),
            _ => None,
        };
        if let Some(link) = self.effects.iter().rev().find_map(connect) {
            self.link = link;
        }
        self.step(Input::Opened { link: self.link });
        let mut welcome = json!({"type": "welcome", "v": 1, "connection": "c", "epoch": "e1",
            "now": EPOCH + self.now, "heartbeat_ms": 25_000, "own_head": own, "rooms": [],
            "gone": [], "limits": {}});
        for (name, value) in more.as_object().into_iter().flatten() {
            welcome[name] = value.clone();
        }
        self.frame(welcome);
    }

    /// In the room, with what was said so far.
    fn settle(&mut self, rows: &Value, head: Seq) {
        self.welcome(1, json!({}));
        let own = self.id(|frame| matches!(frame, ClientFrame::Own { .. }));
        let mine = json!([{"t": "mine", "room": ROOM, "state": "joined", "head": head, "rev": 1}]);
        self.frame(
            json!({"type": "own", "id": own, "since": 0, "to": 1, "done": true, "rows": mine}),
        );
        let pull = self.id(|frame| matches!(frame, ClientFrame::Pull { .. }));
        self.frame(delta(pull, "window", 0, head, rows));
        assert_eq!(self.machine.engine().link_state(), LinkState::Live);
        self.effects.clear();
    }

    /// The number of the last frame of a kind.
    fn id(&mut self, kind: impl Fn(&ClientFrame) -> bool) -> u64 {
        let found = self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Send { frame, .. } if kind(frame) => Some(json!(frame)["id"].as_u64().unwrap()),
            _ => None,
        });
        found.expect("it was said")
    }

    fn event(&mut self, seq: Seq, rows: &Value) {
        self.frame(json!({"type": "event", "room": ROOM, "seq": seq, "rows": rows}));
    }

    fn cut(&mut self) {
        self.step(Input::Closed { link: self.link, code: None });
    }

    /// Cut, waited for, and opened again.
    fn again(&mut self) {
        self.cut();
        self.at(self.now + 31_000);
    }

    fn shown(&self) -> Vec<(String, Option<Seq>, bool)> {
        let store = self.machine.store();
        let conn = store.connection();
        let mut rows = views::part(conn, ME, ROOM, views::Part::Below(Seq::MAX, 100)).unwrap();
        rows.extend(views::pending(conn, ME, ROOM).unwrap());
        rows.into_iter().map(|row| (row.text, row.seq, row.state.is_some())).collect()
    }

    fn count(&self, sql: &str) -> i64 {
        self.machine.store().connection().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn room(&self) -> Option<crate::feed::RoomView> {
        views::rooms(self.machine.store().connection(), ME, Some(ROOM)).unwrap().pop()
    }
}

fn message(seq: Seq, sender: i64, n: u8, text: &str) -> Value {
    json!({"t": "message", "room": ROOM, "seq": seq, "rev": seq, "n": seq, "sender": sender,
        "at": EPOCH, "key": key(n), "kind": "text", "text": text})
}

fn delta(id: u64, kind: &str, since: Seq, to: Seq, rows: &Value) -> Value {
    json!({"type": "delta", "id": id, "room": ROOM, "since": since, "to": to, "kind": kind,
        "floor": 1, "first": 1, "done": true, "rows": rows, "hole": null, "min_seq": 1, "head": to,
        "last_n": to, "unread": 0, "mentions": 0})
}

#[test]
fn a_message_is_shown_pending_and_becomes_sent_under_the_same_key() {
    let mut desk = Desk::new();
    desk.settle(&json!([message(1, 9, 1, "tea?")]), 1);
    desk.send(2, "yes");
    let drawn = desk.changes().find_map(|change| match change {
        Change::Messages { rows, .. } => Some(rows[0].clone()),
        _ => None,
    });
    let drawn = drawn.unwrap();
    assert_eq!((drawn.key, drawn.seq, drawn.text), (key(2).to_string(), None, "yes".to_owned()));
    let id = desk.id(|frame| matches!(frame, ClientFrame::Send(_)));
    assert_eq!(desk.count("select attempts from outbox"), 1, "on disk before it was said");
    desk.effects.clear();
    let row = message(2, 3, 2, "yes");
    desk.frame(json!({"type": "ok", "id": id, "room": ROOM, "seq": 2, "again": false, "row": row}));
    assert!(
        desk.changes().any(|change| matches!(change, Change::Messages { rows, .. }
        if rows[0].key == key(2).to_string() && rows[0].seq == Some(2) && rows[0].state.is_none()))
    );
    assert!(!desk.changes().any(|change| matches!(change, Change::MessageGone { .. })));
    assert!(desk.said().is_empty(), "an ok before its event asks for nothing");
    desk.event(2, &json!([row]));
    assert_eq!(desk.machine.engine().room(ROOM).unwrap().cursor(), 2);
    assert_eq!(desk.shown(), [("tea?".into(), Some(1), false), ("yes".into(), Some(2), false)]);
    assert_eq!(desk.count("select count(*) from outbox"), 0);
}

#[test]
fn what_was_written_offline_goes_after_a_crash_with_the_same_key() {
    let mut desk = Desk::new();
    desk.settle(&json!([]), 1);
    desk.cut();
    desk.send(2, "later");
    let mut desk = Desk::over(desk.machine.into_store());
    desk.welcome(1, json!({}));
    let said = desk.said();
    assert!(said.iter().any(|frame| matches!(frame, ClientFrame::Send(send)
        if send.key == key(2) && send.text == "later")));
    desk.again();
    desk.welcome(1, json!({}));
    let again = desk.said();
    assert!(
        again.iter().any(|frame| matches!(frame, ClientFrame::Send(send) if send.key == key(2)))
    );
    assert_eq!(desk.count("select attempts from outbox"), 2);
}

#[test]
fn the_event_alone_confirms_a_message_whose_ok_was_lost() {
    let mut desk = Desk::new();
    desk.settle(&json!([]), 1);
    desk.send(2, "x");
    desk.act(Intent::Edit {
        room: ROOM,
        key: key(3),
        target: Target::Key(key(2)),
        text: "y".into(),
    })
    .unwrap();
    assert_eq!(desk.shown(), [("y".into(), None, true)]);
    desk.effects.clear();
    desk.event(2, &json!([message(2, 3, 2, "x")]));
    assert!(desk.said().iter().any(|frame| matches!(frame,
        ClientFrame::Edit { seq: 2, text, .. } if text == "y")));
    assert_eq!(desk.shown(), [("y".into(), Some(2), false)]);
}

#[test]
fn after_a_tombstone_its_text_is_nowhere() {
    let mut desk = Desk::new();
    let reply = json!({"t": "message", "room": ROOM, "seq": 2, "rev": 2, "n": 2, "sender": 9,
        "at": 1, "key": key(8), "kind": "text", "text": "indeed", "reply": 1});
    desk.settle(&json!([message(1, 9, 1, "platypus"), reply]), 2);
    let find = |desk: &Desk| {
        let conn = desk.machine.store().connection();
        crate::search::find(conn, ME, &Query::parse("platyp").unwrap(), None, 10)
            .unwrap()
            .items
            .len()
    };
    assert_eq!(find(&desk), 1);
    let target = Target::Seq(1);
    desk.act(Intent::React { room: ROOM, key: key(4), target, emoji: "👍".into(), on: true })
        .unwrap();
    desk.effects.clear();
    let tomb = json!({"t": "message", "room": ROOM, "seq": 1, "rev": 3, "n": 1, "sender": 9,
        "at": 1, "key": key(1), "kind": "text", "deleted": true});
    desk.event(3, &json!([tomb]));
    assert_eq!(find(&desk), 0);
    assert_eq!(desk.count("select count(*) from outbox"), 0);
    let redrawn: Vec<Option<Seq>> = desk
        .changes()
        .filter_map(|change| match change {
            Change::Messages { rows, .. } => Some(rows.iter().map(|row| row.seq)),
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(redrawn, [Some(1), Some(2)], "its quote is drawn again");
    let conn = desk.machine.store().connection();
    conn.execute_batch("create virtual table temp.v using fts5vocab(main, messages_fts, 'row')")
        .unwrap();
    assert_eq!(desk.count("select count(*) from temp.v where term like '%platyp%'"), 0);
    assert_eq!(desk.count("select count(*) from temp.v where term like '%indeed%'"), 1);
    let mut copy = rusqlite::Connection::open_in_memory().unwrap();
    rusqlite::backup::Backup::new(conn, &mut copy).unwrap().step(-1).unwrap();
    let pages = copy.serialize("main").unwrap();
    let found = pages.windows(8).any(|window| window == b"platypus");
    assert!(!found, "not in a free page either");
}

#[test]
fn a_removed_member_keeps_only_the_texts_that_never_left() {
    let mut desk = Desk::new();
    desk.settle(&json!([message(1, 9, 1, "secret")]), 1);
    desk.cut();
    desk.send(2, "unsent");
    desk.act(Intent::Read { room: ROOM, key: key(5), seq: 1 }).unwrap();
    desk.at(40_000);
    desk.welcome(2, json!({"gone": [ROOM]}));
    assert_eq!(desk.shown(), [("unsent".into(), None, true)]);
    assert_eq!(desk.count("select count(*) from messages"), 0);
    let room = desk.room().unwrap();
    assert_eq!((room.failed, room.gone.as_deref()), (1, Some("removed")));
    desk.effects.clear();
    desk.act(Intent::Discard { key: key(2) }).unwrap();
    assert!(desk.room().is_none());
    assert!(desk.changes().any(|change| matches!(change, Change::RoomGone { .. })));
}

#[test]
fn a_message_calls_once_and_old_ones_are_summed_up() {
    let mut desk = Desk::new();
    desk.settle(&json!([message(1, 9, 1, "old")]), 1);
    assert_eq!(desk.notices(), [], "a first look is quiet");
    desk.event(2, &json!([message(2, 9, 2, "new")]));
    assert_eq!(desk.notices(), [(2, false, 1)]);
    desk.event(2, &json!([message(2, 9, 2, "new")]));
    desk.event(3, &json!([message(3, 3, 3, "mine")]));
    assert_eq!(desk.notices(), []);
    let store = desk.machine.into_store();
    let mut desk = Desk::over(store);
    desk.now = 3_600_000;
    let head = json!([{"room": ROOM, "head": 6, "base": 0, "last_n": 6, "read": 0, "unread": 5,
        "mentions": 0}]);
    desk.welcome(1, json!({"rooms": head}));
    let pull = desk.id(|frame| matches!(frame, ClientFrame::Pull { .. }));
    let mut young = message(6, 9, 6, "young");
    young["at"] = json!(EPOCH + desk.now);
    let rows = json!([message(4, 9, 4, "late"), message(5, 9, 5, "late"), young]);
    desk.frame(delta(pull, "replay", 3, 6, &rows));
    assert_eq!(desk.notices(), [(6, false, 1), (5, true, 2)]);
}

#[test]
fn unread_follows_the_servers_count_and_what_came_since() {
    let mut desk = Desk::new();
    desk.settle(&json!([message(1, 9, 1, "a")]), 1);
    let unread = |desk: &Desk| desk.room().map(|room| (room.unread, room.mentions)).unwrap();
    assert_eq!(unread(&desk), (0, 0));
    desk.event(2, &json!([message(2, 9, 2, "b")]));
    let mut named = message(3, 9, 3, "c");
    named["mentions"] = json!([3]);
    desk.event(3, &json!([named]));
    desk.event(4, &json!([message(4, 3, 4, "mine")]));
    assert_eq!(unread(&desk), (2, 1));
    let bump = json!({"room": ROOM, "head": 4, "last_n": 4, "unread": 2, "mentions": 1});
    desk.frame(json!({"type": "bump", "rooms": [bump]}));
    let tomb = json!({"t": "message", "room": ROOM, "seq": 3, "rev": 5, "n": 3, "sender": 9,
        "at": 1, "key": key(3), "kind": "text", "deleted": true});
    desk.event(5, &json!([tomb]));
    assert_eq!(unread(&desk), (1, 0), "a tombstone is taken off what the server counted");
    desk.act(Intent::Read { room: ROOM, key: key(9), seq: 5 }).unwrap();
    assert_eq!(unread(&desk), (0, 0));
    assert_eq!(desk.room().unwrap().read, 5);
    assert_eq!(desk.count("select read from rooms"), 0, "confirmed rows are not touched");
    let id = desk.id(|frame| matches!(frame, ClientFrame::Read { .. }));
    desk.frame(json!({"type": "ok", "id": id, "own": 2, "again": false, "row": null}));
    assert_eq!(desk.count("select read from rooms"), 5);
    assert_eq!(unread(&desk), (0, 0));
}

#[test]
fn another_epoch_heals_the_lost_tail() {
    let mut desk = Desk::new();
    let mut edited = message(2, 9, 2, "kept, edited in the tail");
    edited["rev"] = json!(5);
    let rows = json!([
        message(1, 9, 1, "kept"),
        edited,
        message(3, 3, 3, "mine, lost"),
        message(4, 9, 4, "theirs, lost")
    ]);
    desk.settle(&rows, 5);
    desk.again();
    let head = json!([{"room": ROOM, "head": 2, "base": 2, "last_n": 2, "read": 0, "unread": 0,
        "mentions": 0}]);
    desk.welcome(1, json!({"epoch": "e2", "rooms": head}));
    assert_eq!(desk.shown(), [("kept".into(), Some(1), false), ("mine, lost".into(), None, true)]);
    let room = desk.machine.engine().room(ROOM).unwrap();
    assert_eq!((room.cursor(), room.covered().ranges()), (0, &[][..]), "all is looked at anew");
    assert!(desk.said().iter().any(|frame| matches!(frame, ClientFrame::Send(send)
        if send.key == key(3))));
}

#[test]
fn after_a_week_away_the_person_is_asked_once() {
    let mut desk = Desk::new();
    desk.settle(&json!([]), 1);
    desk.cut();
    desk.send(2, "from before the holiday");
    let mut desk = Desk::over(desk.machine.into_store());
    desk.now = 8 * DAY;
    desk.welcome(1, json!({}));
    assert!(desk.changes().any(|change| matches!(change, Change::Outbox { ask: true, .. })));
    assert!(!desk.said().iter().any(|frame| matches!(frame, ClientFrame::Send(_))));
    let mut desk = Desk::over(desk.machine.into_store());
    desk.now = 8 * DAY;
    desk.welcome(1, json!({}));
    assert!(!desk.said().iter().any(|frame| matches!(frame, ClientFrame::Send(_))), "still asked");
    desk.act(Intent::SendAnyway).unwrap();
    assert!(desk.said().iter().any(|frame| matches!(frame, ClientFrame::Send(_))));
}

#[test]
fn a_clock_that_leapt_makes_nothing_old() {
    for (server, wall, asked) in
        [(8, 8, true), (365, 1, false), (1, 365, false), (365, -365, false)]
    {
        let mut desk = Desk::new();
        desk.step(Input::Wall(EPOCH));
        desk.settle(&json!([message(1, 9, 1, "a")]), 1);
        desk.cut();
        desk.send(2, "unsent");
        let target = Target::Seq(1);
        desk.act(Intent::Delete { room: ROOM, key: key(3), target }).unwrap();
        let mut desk = Desk::over(desk.machine.into_store());
        desk.step(Input::Wall(EPOCH + wall * DAY));
        desk.welcome(1, json!({"now": EPOCH + server * DAY}));
        let ask = |change: &Change| matches!(change, Change::Outbox { ask: true, .. });
        assert_eq!(desk.changes().any(ask), asked, "{server} {wall}");
        assert_eq!(desk.machine.engine().outbox().counts().1, 0, "nothing failed");
    }
}

#[test]
fn a_session_that_ended_is_refreshed_once_and_then_asks() {
    let mut desk = Desk::new();
    desk.settle(&json!([]), 1);
    desk.step(Input::Closed { link: desk.link, code: Some(4001) });
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::Refresh)));
    desk.step(Input::Refreshed(Refresh::Renewed));
    let link = desk.link + 1;
    desk.step(Input::Opened { link });
    desk.effects.clear();
    desk.step(Input::Closed { link, code: Some(4001) });
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::SignedOut)));
    desk.send(2, "still taken");
    desk.effects.clear();
    desk.act(Intent::SignedIn).unwrap();
    assert!(desk.effects.iter().any(|effect| matches!(effect, Effect::Connect { .. })));
}

#[test]
fn a_refusal_for_now_waits_and_a_discard_tells_the_server() {
    let mut desk = Desk::new();
    desk.settle(&json!([]), 1);
    desk.send(2, "x");
    let id = desk.id(|frame| matches!(frame, ClientFrame::Send(_)));
    desk.frame(json!({"type": "error", "id": id, "code": "busy", "message": "busy",
        "retry": "later", "after_ms": 2_000}));
    desk.send(4, "behind");
    desk.effects.clear();
    desk.at(desk.now + 1_000);
    assert!(desk.said().is_empty());
    desk.act(Intent::Discard { key: key(2) }).unwrap();
    let said = desk.said();
    assert!(matches!(&said[..], [ClientFrame::Forget { .. }, ClientFrame::Send(send)]
        | [ClientFrame::Send(send), ClientFrame::Forget { .. }] if send.key == key(4)));
    let op = desk.machine.engine().outbox().by_key(&key(4)).unwrap();
    assert_eq!(op.state, State::Sending);
}

#[test]
fn a_refused_change_shows_on_its_message_and_is_given_up_by_its_key() {
    let mut desk = Desk::new();
    desk.settle(&json!([message(1, 9, 1, "theirs")]), 1);
    let target = Target::Seq(1);
    desk.act(Intent::Edit { room: ROOM, key: key(2), target, text: "mine".into() }).unwrap();
    desk.act(Intent::Read { room: ROOM, key: key(4), seq: 1 }).unwrap();
    for kind in ["edit", "read"] {
        let id = desk.id(|frame| json!(frame)["type"] == kind);
        desk.frame(json!({"type": "error", "id": id, "code": "forbidden", "message": "no",
            "retry": "never"}));
    }
    assert_eq!(desk.machine.engine().outbox().counts(), (0, 1));
    let store = desk.machine.store();
    let row = views::messages(store.connection(), ME, ROOM, &[1]).unwrap().pop().unwrap();
    assert_eq!((row.text.as_str(), row.error.unwrap().code.as_str()), ("theirs", "forbidden"));
    desk.act(Intent::Discard { key: key(1) }).unwrap();
    assert_eq!(desk.machine.engine().outbox().counts(), (0, 0));
}

#[test]
fn a_gap_is_pulled_and_silence_is_death() {
    let mut desk = Desk::new();
    desk.settle(&json!([]), 1);
    desk.event(3, &json!([message(3, 9, 3, "c")]));
    let pull = desk.id(|frame| matches!(frame, ClientFrame::Pull { since: 1, .. }));
    desk.event(4, &json!([message(4, 9, 4, "d")]));
    desk.frame(delta(pull, "replay", 1, 3, &json!([message(2, 9, 2, "b"), message(3, 9, 3, "c")])));
    let room = desk.machine.engine().room(ROOM).unwrap();
    assert_eq!((room.cursor(), room.covered().ranges()), (4, &[(1, 4)][..]));
    for _ in 0..7 {
        desk.at(desk.now + 10_000);
    }
    assert_eq!(desk.machine.engine().link_state(), LinkState::Offline);
}

#[test]
fn a_page_fills_a_hole_and_one_from_before_the_window_is_asked_again() {
    let mut desk = Desk::new();
    desk.settle(&json!([message(1, 9, 1, "a")]), 1);
    desk.again();
    let head = json!([{"room": ROOM, "head": 9_000, "base": 0, "last_n": 9_000, "read": 0,
        "unread": 100, "mentions": 0}]);
    desk.welcome(1, json!({"rooms": head}));
    let pull = desk.id(|frame| matches!(frame, ClientFrame::Pull { .. }));
    let mut window = delta(pull, "window", 1, 9_000, &json!([message(9_000, 9, 9, "z")]));
    window["first"] = json!(9_000);
    desk.frame(window);
    let place = crate::world::Place::Before(9_000);
    let request = crate::world::PageRequest { room: ROOM, place, limit: 50, fresh: 0 };
    desk.asked += 1;
    desk.step(Input::Intent { id: desk.asked, intent: Intent::Fill(request) });
    let page = |as_of: Seq| hallway_protocol::rest::Page {
        lo: 8_999,
        hi: 8_999,
        rows: vec![serde_json::from_value::<Row>(message(8_999, 9, 8, "y")).unwrap()],
        as_of,
        min_seq: 1,
    };
    for as_of in [8_990, 9_000] {
        let fetch = desk.effects.iter().rev().find_map(|effect| match effect {
            Effect::Fetch { id, request } => Some((*id, request.fresh)),
            _ => None,
        });
        let (id, fresh) = fetch.unwrap();
        assert_eq!(fresh, 9_000);
        desk.step(Input::Fetched { id, page: Ok(page(as_of)) });
    }
    let room = desk.machine.engine().room(ROOM).unwrap();
    assert_eq!(room.covered().ranges(), [(1, 1), (8_999, 9_000)]);
}

#[test]
fn a_full_disk_answers_so_and_loses_nothing() {
    let mut desk = Desk::new();
    desk.settle(&json!([]), 1);
    desk.send(2, "fits");
    let conn = desk.machine.store().connection();
    conn.execute_batch("pragma max_page_count = 1").unwrap();
    let long = "long ".repeat(700);
    let mut fault = None;
    for n in 10..60 {
        let (key, text) = (key(n), long.clone());
        let send = Intent::Send { room: ROOM, key, at: 5, text, reply: None, thread: None };
        if let Err(refused) = desk.act(send) {
            fault = Some((n, refused));
            break;
        }
    }
    let (n, fault) = fault.expect("the disk fills up");
    assert_eq!(fault.what(), "disk_full");
    let kept = i64::from(n) - 10 + 1;
    assert_eq!(desk.count("select count(*) from outbox"), kept, "what was answered is there");
    desk.machine.store().connection().execute_batch("pragma max_page_count = 100000").unwrap();
    desk.effects.clear();
    desk.at(desk.now + 6_000);
    desk.welcome(1, json!({}));
    let sent = desk.said();
    assert!(
        sent.iter().any(|frame| matches!(frame, ClientFrame::Send(send) if send.key == key(2)))
    );
}
