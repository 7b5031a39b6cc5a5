//! One room against deltas, pages and events by hand.

use super::*;

fn room(cursor: Seq, covered: &[(Seq, Seq)]) -> Room {
    let mark = Mark { cursor, head: cursor, ..Mark::default() };
    Room::new(RoomId(7), mark, Coverage::new(covered.iter().copied()))
}

fn delta(id: u64, kind: DeltaKind, since: Seq, to: Seq, done: bool) -> Delta {
    Delta {
        id: Some(id),
        room: RoomId(7),
        since,
        to,
        kind,
        floor: 1,
        first: to,
        done,
        rows: Vec::new(),
        hole: None,
        min_seq: 1,
        head: to,
        last_n: 0,
        read: 0,
        unread: 0,
        mentions: 0,
    }
}

fn stands(room: &Room) -> (Seq, Vec<(Seq, Seq)>) {
    (room.cursor(), room.covered().ranges().to_vec())
}

#[test]
fn a_contiguous_event_moves_the_cursor_and_a_gap_does_not() {
    let mut room = room(10, &[(1, 10)]);
    room.event(11);
    assert_eq!(stands(&room), (11, vec![(1, 11)]));
    room.event(13);
    assert_eq!(stands(&room), (11, vec![(1, 11)]));
    assert!(room.wants_slot(0));
    room.event(12);
    assert_eq!(stands(&room), (13, vec![(1, 13)]), "the missing one came after all");
    assert!(!room.is_behind());
}

#[test]
fn an_ok_covers_its_message_and_leaves_the_cursor() {
    let mut room = room(10, &[(1, 10)]);
    room.ok(14);
    assert_eq!(stands(&room), (10, vec![(1, 10), (14, 14)]));
    assert!(!room.is_behind());
}

#[test]
fn coverage_is_claimed_when_the_replay_is_done() {
    let mut room = room(10, &[(5, 10)]);
    room.hint(30, true);
    assert_eq!(room.pull(1, 0), (10, Some(5)));
    assert_eq!(room.delta(&delta(1, DeltaKind::Replay, 10, 20, false), 0), Taken::Part);
    assert_eq!(stands(&room), (20, vec![(5, 10)]));
    room.event(31);
    assert_eq!(room.delta(&delta(1, DeltaKind::Replay, 20, 30, true), 0), Taken::Whole);
    assert_eq!(stands(&room), (31, vec![(5, 31)]), "and what was seen meanwhile follows");
}

#[test]
fn a_window_keeps_only_what_its_query_looked_at() {
    let mut room = room(100, &[(20, 40), (60, 100), (130, 131)]);
    room.hint(5_000, true);
    assert_eq!(room.pull(1, 0), (100, Some(20)));
    // A page arrives below the floor that was asked for while the window is on its way.
    let page = Page { lo: 1, hi: 19, rows: Vec::new(), as_of: 4_000, min_seq: 1 };
    assert_eq!(room.page(&page), PageVerdict::Apply);
    let window = Delta { floor: 20, first: 4_950, ..delta(1, DeltaKind::Window, 100, 5_000, true) };
    assert_eq!(room.delta(&window, 0), Taken::Whole);
    assert_eq!(stands(&room), (5_000, vec![(20, 40), (60, 100), (4_950, 5_000)]));
    assert_eq!(room.page(&Page { as_of: 4_999, ..page.clone() }), PageVerdict::Again);
    room.ok(4_000);
    assert_eq!(stands(&room).1, [(20, 40), (60, 100), (4_950, 5_000)], "a late ok covers nothing");
    assert_eq!(room.page(&Page { as_of: 5_000, ..page }), PageVerdict::Apply);
}

#[test]
fn a_window_ends_an_interrupted_replay() {
    let mut room = room(10, &[(1, 10)]);
    room.hint(30, true);
    room.pull(1, 0);
    room.delta(&delta(1, DeltaKind::Replay, 10, 20, false), 0);
    room.cut();
    room.pull(2, 0);
    let window = Delta { first: 9_000, ..delta(2, DeltaKind::Window, 20, 9_050, true) };
    room.delta(&window, 0);
    assert_eq!(room.mark().catch_from, None);
    assert_eq!(stands(&room), (9_050, vec![(1, 10), (9_000, 9_050)]));
}

#[test]
fn a_reset_trusts_nothing_that_was_held() {
    let mut room = room(900, &[(1, 900)]);
    room.pull(1, 0);
    let reset = Delta { first: 650, ..delta(1, DeltaKind::Reset, 900, 700, true) };
    assert_eq!(room.delta(&reset, 0), Taken::Reset);
    assert_eq!(stands(&room), (700, vec![(650, 700)]));
    assert!(!room.is_behind());
}

#[test]
fn old_generations_and_deltas_from_elsewhere_are_dropped() {
    let mut room = room(10, &[(1, 10)]);
    room.hint(20, true);
    room.pull(1, 0);
    room.cut();
    room.pull(2, 0);
    assert_eq!(room.delta(&delta(1, DeltaKind::Replay, 10, 20, true), 0), Taken::Stale);
    assert_eq!(room.delta(&delta(2, DeltaKind::Replay, 9, 20, true), 0), Taken::Stale);
    assert_eq!(stands(&room), (10, vec![(1, 10)]));
}

#[test]
fn what_is_seen_is_bounded_and_the_next_delta_covers_it() {
    let mut room = room(10, &[(1, 10)]);
    room.hint(11, true);
    room.pull(1, 0);
    for seq in 12..5_000 {
        room.event(seq);
        assert!(room.seen.len() <= SEEN_MAX);
    }
    assert_eq!(room.delta(&delta(1, DeltaKind::Replay, 10, 11, true), 0), Taken::Whole);
    assert!(room.is_behind());
    room.pull(2, 0);
    room.delta(&delta(2, DeltaKind::Replay, 11, 4_999, true), 0);
    assert_eq!(stands(&room), (4_999, vec![(1, 4_999)]));
}

#[test]
fn a_pull_without_answer_waits_longer_each_time() {
    let mut room = room(10, &[(1, 10)]);
    room.hint(20, true);
    room.pull(1, 0);
    assert_eq!(room.due(), Some(PULL_TIMEOUT));
    room.tick(PULL_TIMEOUT);
    assert_eq!(room.due(), Some(PULL_TIMEOUT + 500));
    room.pull(2, 20_000);
    room.refused(2, 20_000, 4_000);
    assert!(!room.wants_slot(23_999));
    assert!(room.wants_slot(24_000));
}

#[test]
fn a_bump_of_a_quiet_room_is_a_badge_until_somebody_looks() {
    let mut room = room(10, &[(1, 10)]);
    room.wanted = false;
    room.hint(20, false);
    assert!(room.is_behind() && !room.wants_slot(0));
    room.hint(20, true);
    assert!(room.wants_slot(0));
}
