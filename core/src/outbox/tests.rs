//! The outbox: order, what may be rewritten, what blocks what.

use super::ends::TOO_OLD;
use super::*;
use crate::feed::FaultView;
use crate::op::State::{Blocked, Failed, Queued, Sending, Settled, Waiting};
use hallway_protocol::error::{Code, Refused};

const ROOM: RoomId = RoomId(7);

fn key(n: u8) -> Key {
    Key::from_bytes([1, 2, 3, 4, 5, 6, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, n])
}

fn send(outbox: &mut Outbox, n: u8, text: &str) {
    let act = Act::Send { text: text.into(), reply: None, thread: None, draft: Draft::Kept };
    outbox.add(ROOM, key(n), act, 0, None);
}

fn states(outbox: &Outbox) -> Vec<State> {
    outbox.ops().map(|op| op.state).collect()
}

/// Says what may be said; answers the keys.
fn pump(outbox: &mut Outbox, now: i64) -> Vec<Key> {
    let ready = outbox.sendable(now, UNANSWERED);
    ready
        .into_iter()
        .map(|op| {
            outbox.attempt(op, 0, None);
            outbox.get(op).unwrap().key.clone()
        })
        .collect()
}

fn why(code: Code) -> FaultView {
    FaultView { code: code.as_str().into(), message: "no".into() }
}

fn text(outbox: &Outbox, n: u8) -> String {
    match &outbox.by_key(&key(n)).unwrap().act {
        Act::Send { text, .. } | Act::Edit { text } => text.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn messages_go_in_order_and_sixteen_at_a_time() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    for n in 0..20 {
        send(&mut outbox, n, "x");
    }
    assert_eq!(pump(&mut outbox, 0), (0..16).map(key).collect::<Vec<_>>());
    assert!(pump(&mut outbox, 0).is_empty());
    assert!(outbox.confirmed(&key(0), Some(1)));
    assert_eq!(pump(&mut outbox, 0), [key(16)]);
    outbox.cut();
    assert_eq!(pump(&mut outbox, 0)[0], key(1), "after a cut they go again, in their places");
}

#[test]
fn what_was_never_said_is_rewritten_and_what_was_gets_an_edit_behind_it() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    send(&mut outbox, 1, "tee?");
    outbox.edit(ROOM, key(2), Target::Key(key(1)), "tea?".into(), 0);
    assert_eq!((outbox.ops().count(), text(&outbox, 1)), (1, "tea?".to_owned()));
    pump(&mut outbox, 0);
    let said = outbox.by_key(&key(1)).unwrap().frame(9);
    outbox.edit(ROOM, key(3), Target::Key(key(1)), "coffee?".into(), 0);
    outbox.edit(ROOM, key(4), Target::Key(key(1)), "cocoa?".into(), 0);
    assert_eq!(states(&outbox), [Sending, Blocked], "two edits of one message are one");
    assert_eq!(text(&outbox, 3), "cocoa?");
    outbox.cut();
    pump(&mut outbox, 0);
    assert_eq!(outbox.by_key(&key(1)).unwrap().frame(9), said, "the same bytes");
    outbox.confirmed(&key(1), Some(12));
    assert_eq!(outbox.by_key(&key(3)).unwrap().target, Some(12));
    assert_eq!(pump(&mut outbox, 0), [key(3)]);
}

#[test]
fn one_failed_operation_blocks_only_what_needs_it() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    send(&mut outbox, 1, "a");
    pump(&mut outbox, 0);
    outbox.edit(ROOM, key(2), Target::Key(key(1)), "b".into(), 0);
    send(&mut outbox, 3, "c");
    outbox.failed(1, why(Code::Forbidden));
    assert_eq!(pump(&mut outbox, 0), [key(3)]);
    assert_eq!(states(&outbox), [Failed, Blocked, Sending]);
    assert!(outbox.retry(&key(1)));
    assert!(!outbox.retry(&key(3)));
    assert_eq!(pump(&mut outbox, 0), [key(1)]);
}

#[test]
fn a_refused_message_that_is_edited_goes_under_a_new_key() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    send(&mut outbox, 1, "a");
    pump(&mut outbox, 0);
    outbox.failed(1, why(Code::Invalid));
    outbox.edit(ROOM, key(2), Target::Key(key(1)), "b".into(), 0);
    assert!(outbox.by_key(&key(1)).is_none());
    assert!(outbox.retry(&key(1)), "it goes already");
    assert_eq!(pump(&mut outbox, 0), [key(2)]);
}

#[test]
fn later_holds_the_room_until_the_refused_one_has_gone() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    (1..4).for_each(|n| send(&mut outbox, n, "x"));
    pump(&mut outbox, 0);
    let busy = Refused { after_ms: Some(800), ..Refused::new(Code::Busy, "busy") };
    (1..4).for_each(|op| outbox.later(op, &busy, 0));
    assert_eq!(states(&outbox), [Waiting, Queued, Queued]);
    assert_eq!(outbox.due(), Some(800));
    assert!(pump(&mut outbox, 799).is_empty());
    assert_eq!(pump(&mut outbox, 800), [key(1), key(2), key(3)]);
    (1..4).for_each(|op| outbox.later(op, &busy, 800));
    assert_eq!(outbox.due(), Some(1_800), "each refusal waits longer");
}

#[test]
fn an_answer_waits_for_its_message_and_nothing_overtakes_it() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    send(&mut outbox, 1, "a");
    let reply = Act::Send { text: "b".into(), reply: None, thread: None, draft: Draft::Kept };
    outbox.add(ROOM, key(2), reply, 0, Some(Target::Key(key(1))));
    send(&mut outbox, 3, "c");
    assert_eq!(pump(&mut outbox, 0), [key(1)]);
    outbox.confirmed(&key(1), Some(5));
    assert_eq!(pump(&mut outbox, 0), [key(2), key(3)]);
    let reply = &outbox.by_key(&key(2)).unwrap().act;
    assert_eq!(
        *reply,
        Act::Send { text: "b".into(), reply: Some(5), thread: None, draft: Draft::Kept }
    );
}

#[test]
fn a_line_that_was_a_command_takes_with_it_what_was_to_be_done_to_it() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    send(&mut outbox, 1, "/tea");
    assert_eq!(pump(&mut outbox, 0), [key(1)]);
    let (on, of) = (true, || Some(Target::Key(key(1))));
    outbox.add(ROOM, key(2), Act::React { emoji: "👍".into(), on }, 0, of());
    let reply = Act::Send { text: "hot".into(), reply: None, thread: None, draft: Draft::Kept };
    outbox.add(ROOM, key(3), reply.clone(), 0, of());
    assert!(outbox.confirmed(&key(1), None));
    assert_eq!(pump(&mut outbox, 0), [key(3)], "what else was said goes on");
    assert_eq!(outbox.by_key(&key(3)).unwrap().act, reply);
    assert!(outbox.by_key(&key(2)).is_none());
}

#[test]
fn read_marks_merge_by_max_and_drafts_by_the_last_word() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    outbox.read(ROOM, key(1), 5, 0);
    outbox.read(ROOM, key(2), 3, 0);
    assert_eq!(outbox.by_key(&key(1)).unwrap().act, Act::Read { seq: 5 });
    let draft = |text: &str| MinePatch { draft: Some(Some(text.into())), ..MinePatch::default() };
    outbox.mine(ROOM, key(3), draft("a"), 0);
    outbox.mine(ROOM, key(4), draft("ab"), 0);
    send(&mut outbox, 5, "ab");
    outbox.mine(ROOM, key(6), draft("c"), 0);
    assert_eq!(outbox.ops().count(), 4, "a draft behind a message is another one");
    assert_eq!(outbox.by_key(&key(3)).unwrap().act, Act::Mine { patch: draft("ab") });
}

#[test]
fn deleting_what_was_never_said_leaves_nothing() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    send(&mut outbox, 1, "a");
    outbox.delete(ROOM, key(2), Target::Key(key(1)), 0);
    assert_eq!(outbox.ops().count(), 0);
    outbox.edit(ROOM, key(3), Target::Seq(9), "b".into(), 0);
    outbox.delete(ROOM, key(4), Target::Seq(9), 0);
    assert_eq!(outbox.ops().map(|op| op.key.clone()).collect::<Vec<_>>(), [key(4)]);
}

#[test]
fn whatever_follows_a_join_waits_for_it() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    outbox.add(ROOM, key(1), Act::Join, 0, None);
    send(&mut outbox, 2, "hello");
    assert_eq!(pump(&mut outbox, 0), [key(1)]);
    outbox.confirmed(&key(1), None);
    assert_eq!(pump(&mut outbox, 0), [key(2)]);
    outbox.add(ROOM, key(3), Act::Leave, 0, None);
    assert!(pump(&mut outbox, 0).is_empty(), "one leaves after one has spoken");
    outbox.confirmed(&key(2), Some(4));
    assert_eq!(pump(&mut outbox, 0), [key(3)]);
}

#[test]
fn sends_never_grow_too_old_and_other_things_do() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    send(&mut outbox, 1, "a");
    outbox.delete(ROOM, key(2), Target::Seq(4), 0);
    outbox.aged(1_000, &why(Code::TooOld));
    outbox.aged(1_000 + TOO_OLD, &why(Code::TooOld));
    assert_eq!(states(&outbox), [Queued, Queued]);
    outbox.aged(1_001 + TOO_OLD, &why(Code::TooOld));
    assert_eq!(states(&outbox), [Queued, Failed]);
}

#[test]
fn what_is_held_waits_for_the_person() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    send(&mut outbox, 1, "a");
    outbox.hold(true);
    send(&mut outbox, 2, "b");
    assert_eq!(outbox.held(), 1);
    outbox.delete(ROOM, key(3), Target::Seq(4), 0);
    assert_eq!(pump(&mut outbox, 0), [key(3)], "b would overtake a");
    outbox.hold(false);
    assert_eq!(pump(&mut outbox, 0), [key(1), key(2)]);
}

#[test]
fn a_settled_one_stays_until_its_log_is_here() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    outbox.mine(ROOM, key(1), MinePatch::default(), 0);
    pump(&mut outbox, 0);
    outbox.settled(1, 9);
    outbox.own_reached(8);
    assert_eq!(states(&outbox), [Settled]);
    outbox.own_reached(9);
    assert_eq!(outbox.ops().count(), 0);
}

#[test]
fn a_refused_key_whose_row_came_by_another_way_is_forgotten() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    (1..3).for_each(|n| send(&mut outbox, n, "x"));
    pump(&mut outbox, 0);
    let busy = Refused::new(Code::Busy, "busy");
    (1..3).for_each(|op| outbox.later(op, &busy, 0));
    assert!(outbox.take_moot().is_empty());
    outbox.confirmed(&key(1), Some(5));
    assert_eq!(outbox.take_moot(), [(ROOM, key(1))]);
    assert_eq!(pump(&mut outbox, 0), [key(2)]);
}

#[test]
fn the_one_that_stopped_the_room_goes_before_older_ones() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    send(&mut outbox, 1, "a");
    outbox.add(ROOM, key(2), Act::Delete, 0, Some(Target::Key(key(1))));
    outbox.add(ROOM, key(3), Act::Delete, 0, Some(Target::Seq(4)));
    assert_eq!(pump(&mut outbox, 0), [key(1), key(3)]);
    let busy = Refused::new(Code::Busy, "busy");
    outbox.confirmed(&key(1), Some(5));
    assert_eq!(pump(&mut outbox, 0), [key(2)]);
    outbox.later(3, &busy, 0);
    outbox.later(2, &busy, 0);
    assert_eq!(pump(&mut outbox, 5_000), [key(3), key(2)]);
}

#[test]
fn a_refused_message_that_goes_anew_is_not_held_back_by_its_answers() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    send(&mut outbox, 1, "a");
    pump(&mut outbox, 0);
    let answer = Act::Send { text: "b".into(), reply: None, thread: None, draft: Draft::Kept };
    outbox.add(ROOM, key(2), answer, 0, Some(Target::Key(key(1))));
    outbox.failed(1, why(Code::Invalid));
    send(&mut outbox, 3, "c");
    outbox.edit(ROOM, key(4), Target::Key(key(1)), "again".into(), 0);
    assert_eq!(pump(&mut outbox, 0), [key(4)]);
    outbox.confirmed(&key(4), Some(5));
    assert_eq!(pump(&mut outbox, 0), [key(2), key(3)]);
}

#[test]
fn nothing_new_slips_in_before_an_echo_that_is_still_on_its_way() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    (1..3).for_each(|n| send(&mut outbox, n, "x"));
    pump(&mut outbox, 0);
    let busy = Refused::new(Code::Busy, "busy");
    outbox.later(1, &busy, 0);
    outbox.confirmed(&key(1), Some(5));
    send(&mut outbox, 3, "y");
    assert!(outbox.take_moot().is_empty(), "the second one's echo is on its way");
    assert!(pump(&mut outbox, 9_000).is_empty());
    outbox.later(2, &busy, 0);
    assert_eq!(outbox.take_moot(), [(ROOM, key(1))]);
    assert_eq!(pump(&mut outbox, 9_000), [key(2), key(3)]);
}

#[test]
fn an_edit_in_one_room_leaves_the_other_rooms_edit_alone() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    outbox.edit(ROOM, key(1), Target::Seq(5), "for here".into(), 0);
    outbox.edit(RoomId(8), key(2), Target::Seq(5), "for there".into(), 0);
    assert_eq!((text(&outbox, 1), text(&outbox, 2)), ("for here".into(), "for there".into()));
    outbox.failed(1, why(Code::TooOld));
    outbox.edit(ROOM, key(3), Target::Seq(5), "again".into(), 0);
    assert_eq!((text(&outbox, 1), text(&outbox, 3)), ("for here".into(), "again".into()));
}

#[test]
fn entering_again_takes_a_leave_back_or_follows_it() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    outbox.add(ROOM, key(1), Act::Leave, 0, None);
    outbox.join(ROOM, key(2), 0, true);
    assert_eq!(outbox.ops().count(), 0, "it was never said");
    outbox.add(ROOM, key(3), Act::Leave, 0, None);
    assert_eq!(pump(&mut outbox, 0), [key(3)]);
    outbox.join(ROOM, key(4), 0, true);
    outbox.join(ROOM, key(5), 0, true);
    assert!(pump(&mut outbox, 0).is_empty(), "one enters once, and after one has left");
    outbox.left(ROOM, &why(Code::NotFound));
    assert_eq!(pump(&mut outbox, 0), [key(4)]);
    outbox.confirmed(&key(4), None);
    outbox.join(ROOM, key(6), 0, true);
    assert_eq!(outbox.ops().count(), 0, "one is in already");
}

#[test]
fn no_refusal_asks_for_more_than_a_minute() {
    let mut outbox = Outbox::new(Vec::new(), 0, 0);
    send(&mut outbox, 1, "x");
    pump(&mut outbox, 0);
    outbox.later(1, &Refused { after_ms: Some(i64::MAX), ..Refused::new(Code::Busy, "no") }, 5);
    assert_eq!(outbox.due(), Some(5 + PATIENCE));
}
