//! What each reader gets, and what not.

use super::*;
use crate::hub::line::Next;
use crate::store::ephemeral::ALONE;
use hallway_protocol::ids::TenantId;
use hallway_protocol::rows::Notify;
use hallway_protocol::rows::{Message, MessageKind};

const ROOM: RoomId = RoomId(7);

fn hub() -> Hub {
    Hub::new(Clock::system())
}

fn comes(hub: &Hub, user: i64, min_seq: Seq) -> Arc<Line> {
    let line = hub.arrive(&Me::test(user, &format!("s{user}")));
    hub.seat(&line, &[(ROOM, min_seq)]);
    line
}

fn message(seq: Seq, rev: Seq) -> Row {
    Row::Message(Message {
        room: ROOM,
        seq,
        rev,
        n: seq,
        sender: UserId(1),
        at: 0,
        key: None,
        kind: MessageKind::Text,
        text: "tea?".into(),
        reply: None,
        thread: None,
        files: Vec::new(),
        mentions: Vec::new(),
        everyone: false,
        meta: serde_json::Map::new(),
        edited_at: None,
        pinned: false,
        deleted: false,
    })
}

fn event(seq: Seq) -> Event {
    of(seq, vec![message(seq, seq)], vec![], vec![])
}

fn of(seq: Seq, rows: Vec<Row>, enter: Vec<(UserId, Seq)>, leave: Vec<UserId>) -> Event {
    let (tenant, room) = (TenantId(1), ROOM);
    let (concerns, floor, size) = (Vec::new(), None, 2);
    let closed = false;
    Event::Room {
        tenant,
        room,
        seq,
        last_n: seq,
        rows,
        enter,
        leave,
        closed,
        concerns,
        floor,
        size,
    }
}

/// The numbers of the events that wait on a line; `-` marks one without rows.
fn heard(line: &Line) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(Next::Frame(text, _)) = line.next() {
        let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
        let bare = frame["rows"].as_array().is_some_and(Vec::is_empty);
        all.push(format!("{}{}", frame["seq"], if bare { "-" } else { "" }));
    }
    all
}

#[test]
fn everyone_in_the_room_hears_everything_once_and_in_order() {
    let hub = hub();
    let (ada, lin) = (comes(&hub, 1, 1), comes(&hub, 2, 1));
    hub.dispatch(vec![event(1), event(2)]);
    hub.dispatch(vec![event(3)]);
    assert_eq!(heard(&ada), ["1", "2", "3"]);
    assert_eq!(heard(&lin), ["1", "2", "3"]);
    assert_eq!(hub.figures(), (2, 6));
}

#[test]
fn who_enters_hears_the_event_that_brings_them_and_who_leaves_the_one_that_takes_them() {
    let hub = hub();
    let ada = comes(&hub, 1, 1);
    let lin = hub.arrive(&Me::test(2, "s2"));
    hub.seat(&lin, &[]);
    let enter = of(2, vec![message(2, 2)], vec![(UserId(2), 1)], vec![]);
    let leave = of(4, vec![message(4, 4)], vec![], vec![UserId(2)]);
    hub.dispatch(vec![event(1), enter, event(3), leave, event(5)]);
    assert_eq!(heard(&lin), ["2", "3", "4"]);
    assert_eq!(heard(&ada), ["1", "2", "3", "4", "5"]);
}

#[test]
fn what_lies_below_ones_joining_comes_without_rows() {
    let hub = hub();
    let (ada, lin) = (comes(&hub, 1, 1), comes(&hub, 2, 10));
    let edit = of(11, vec![message(3, 11)], vec![], vec![]);
    hub.dispatch(vec![edit, event(12)]);
    assert_eq!(heard(&ada), ["11", "12"]);
    assert_eq!(heard(&lin), ["11-", "12"]);
}

#[test]
fn who_left_while_arriving_is_not_seated_by_the_older_list() {
    let hub = hub();
    let ada = comes(&hub, 1, 1);
    let lin = hub.arrive(&Me::test(2, "s2"));
    hub.dispatch(vec![of(5, vec![message(5, 5)], vec![], vec![UserId(2)])]);
    hub.seat(&lin, &[(ROOM, 1)]);
    hub.dispatch(vec![event(6)]);
    assert!(heard(&lin).is_empty());
    assert_eq!(heard(&ada), ["5", "6"]);
}

#[test]
fn who_entered_while_arriving_keeps_what_entering_said() {
    let hub = hub();
    let lin = hub.arrive(&Me::test(2, "s2"));
    hub.dispatch(vec![of(5, vec![message(5, 5)], vec![(UserId(2), 5)], vec![])]);
    hub.seat(&lin, &[(ROOM, 1)]);
    hub.dispatch(vec![of(6, vec![message(2, 6)], vec![], vec![])]);
    assert_eq!(heard(&lin), ["5", "6-"]);
}

#[test]
fn a_closed_room_and_a_departed_line_are_silent() {
    let hub = hub();
    let (ada, lin) = (comes(&hub, 1, 1), comes(&hub, 2, 1));
    hub.depart(&lin);
    let (tenant, room) = (TenantId(1), ROOM);
    let rows = vec![message(1, 1)];
    let (enter, leave) = (Vec::new(), Vec::new());
    let (concerns, floor, size) = (Vec::new(), None, 2);
    let last = Event::Room {
        tenant,
        room,
        seq: 1,
        last_n: 1,
        rows,
        enter,
        leave,
        closed: true,
        concerns,
        floor,
        size,
    };
    hub.dispatch(vec![last, event(2)]);
    assert_eq!(heard(&ada), ["1"]);
    assert!(heard(&lin).is_empty());
    assert!(hub.present(ROOM).is_empty());
    assert_eq!(hub.figures().0, 1);
}

#[test]
fn typing_reaches_the_others_and_marks_reach_who_looks() {
    let hub = hub();
    let (ada, lin, eve) = (comes(&hub, 1, 1), comes(&hub, 2, 1), comes(&hub, 3, 1));
    assert!(hub.may_type(&ada, ROOM));
    hub.typing(&ada, ROOM);
    assert!(ada.signs().is_empty());
    assert_eq!(lin.signs(), [ServerFrame::Typing { room: ROOM, user: UserId(1) }]);
    eve.signs();
    hub.focus(&lin, vec![ROOM]);
    let mark = |read| Event::Marks { room: ROOM, user: UserId(1), read, delivered: read };
    hub.dispatch(vec![mark(3), mark(4)]);
    hub.hand_out_marks();
    let marks = vec![(UserId(1), 4, 4)];
    assert_eq!(lin.signs(), [ServerFrame::Read { room: ROOM, marks }]);
    assert!(eve.signs().is_empty());
    let stranger = hub.arrive(&Me::test(9, "s9"));
    assert!(!hub.may_type(&stranger, ROOM));
    hub.typing(&stranger, ROOM);
    // Who has said it by the time it is clear that they may does not type any more.
    assert!(!hub.may_type(&ada, ROOM), "a moment ago");
    assert!(hub.may_type(&lin, ROOM));
    lin.says(ROOM);
    hub.typing(&lin, ROOM);
    assert!(ada.signs().is_empty() && eve.signs().is_empty());
    assert!(lin.signs().is_empty());
}

#[test]
fn only_the_ended_session_is_closed() {
    let hub = hub();
    let (phone, laptop) = (comes(&hub, 1, 1), hub.arrive(&Me::test(1, "other")));
    hub.end_sessions(UserId(1), &["s1".into()], 4001);
    assert_eq!((phone.ended(), laptop.ended()), (Some(4001), None));
}

/// A change of a room of many.
fn large(seq: Seq, concerns: Vec<UserId>) -> Event {
    match event(seq) {
        Event::Room { tenant, room, seq, last_n, rows, enter, leave, closed, floor, .. } => {
            let size = BUMP_ABOVE + 1;
            Event::Room {
                tenant,
                room,
                seq,
                last_n,
                rows,
                enter,
                leave,
                closed,
                concerns,
                floor,
                size,
            }
        }
        other => other,
    }
}

#[test]
fn who_is_quiet_in_a_room_of_many_is_bumped_unless_it_concerns_them() {
    let hub = hub();
    let (lin, bob) = (comes(&hub, 2, 1), comes(&hub, 3, 1));
    hub.quiet(UserId(2), ROOM, Notify::Mentions, None);
    hub.quiet(UserId(3), ROOM, Notify::All, None);
    hub.dispatch(vec![large(1, vec![]), large(2, vec![UserId(2)]), large(3, vec![])]);
    assert_eq!(heard(&lin), ["2"]);
    assert_eq!((lin.take_bumps(), lin.has_bumps()), (vec![ROOM], false));
    assert_eq!(heard(&bob), ["1", "2", "3"]);
    assert!(!bob.has_bumps());
    // A mute that is over is none, one that lasts is one; what is on screen is heard.
    let now = hub.clock.now();
    hub.quiet(UserId(2), ROOM, Notify::All, Some(now - 1));
    hub.quiet(UserId(3), ROOM, Notify::All, Some(now + 60_000));
    hub.dispatch(vec![large(4, vec![])]);
    assert_eq!((heard(&lin), heard(&bob)), (vec!["4".to_owned()], vec![]));
    hub.focus(&bob, vec![ROOM]);
    hub.dispatch(vec![large(5, vec![]), event(6)]);
    assert_eq!(heard(&bob), ["5", "6"]);
}

#[test]
fn a_floor_that_rises_hides_what_is_below_from_everyone() {
    let hub = hub();
    let (ada, lin) = (comes(&hub, 1, 1), comes(&hub, 2, 9));
    let mut expiry = of(10, vec![], vec![], vec![]);
    if let Event::Room { floor, .. } = &mut expiry {
        *floor = Some(5);
    }
    let edit = |seq, of_seq| of(seq, vec![message(of_seq, seq)], vec![], vec![]);
    hub.dispatch(vec![edit(8, 2), expiry, edit(11, 4), edit(12, 5), edit(13, 9)]);
    assert_eq!(heard(&ada), ["8", "10-", "11-", "12", "13"]);
    assert_eq!(heard(&lin), ["8-", "10-", "11-", "12-", "13"]);
}

#[test]
fn how_long_a_room_was_alone_counts_from_the_last_to_leave_or_the_start() {
    let hub = hub();
    let turn = |seconds| hub.clock.turn(std::time::Duration::from_secs(seconds));
    turn(100);
    assert!((100_000..110_000).contains(&hub.alone(ROOM)), "nobody came since the start");
    let (ada, lin) = (comes(&hub, 1, 1), comes(&hub, 2, 1));
    assert_eq!(hub.alone(ROOM), 0);
    hub.depart(&ada);
    assert_eq!(hub.alone(ROOM), 0);
    hub.depart(&lin);
    turn(30);
    hub.sweep();
    assert!((30_000..40_000).contains(&hub.alone(ROOM)));
    turn(600);
    hub.sweep();
    assert!(hub.alone(ROOM) >= ALONE);
}
