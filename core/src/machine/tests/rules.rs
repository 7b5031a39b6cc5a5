//! The rules of the engine that only a whole machine shows.

use super::*;
use crate::world::{PageRequest, Place};

/// Answers the machine's question for its own log with this row about the room.
fn own(desk: &mut Desk, id: u64, rev: Seq, state: &str) {
    let rows = json!([{"t": "mine", "room": ROOM, "state": state, "head": 1, "rev": rev}]);
    desk.frame(json!({"type": "own", "id": id, "since": rev - 1, "to": rev, "done": true,
        "rows": rows}));
}

#[test]
fn the_answer_to_a_leave_may_come_after_the_room_is_gone() {
    let mut desk = Desk::new();
    desk.settle(&json!([]), 1);
    desk.act(Intent::Leave { room: ROOM, key: key(2) }).unwrap();
    let call = desk.id(|frame| matches!(frame, ClientFrame::Call { .. }));
    let gone = json!([{"t": "mine", "room": ROOM, "state": "left", "rev": 2}]);
    desk.frame(json!({"type": "own", "since": 1, "to": 2, "done": true, "rows": gone}));
    desk.frame(json!({"type": "answer", "id": call, "status": 204, "body": null}));
    desk.effects.clear();
    for _ in 0..4 {
        desk.step(Input::Heard { link: desk.link });
        desk.at(desk.now + 10_000);
    }
    assert_eq!(desk.machine.engine().link_state(), LinkState::Live);
}

#[test]
fn what_concerns_a_message_that_is_nowhere_is_refused_at_once() {
    let mut desk = Desk::new();
    desk.settle(&json!([message(1, 9, 1, "theirs")]), 1);
    for target in [Target::Key(key(7)), Target::Key(key(1))] {
        let react = |target| Intent::React {
            room: ROOM,
            key: key(4),
            target,
            emoji: "👍".into(),
            on: true,
        };
        assert_eq!(desk.act(react(target.clone())).unwrap_err().what(), "not_found");
        let delete = Intent::Delete { room: ROOM, key: key(5), target };
        assert_eq!(desk.act(delete).unwrap_err().what(), "not_found");
    }
    desk.send(2, "refused");
    let id = desk.id(|frame| matches!(frame, ClientFrame::Send(_)));
    desk.frame(json!({"type": "error", "id": id, "code": "invalid", "message": "no",
        "retry": "never"}));
    let edit = |n: u8, text: &str| Intent::Edit {
        room: ROOM,
        key: key(n),
        target: Target::Key(key(2)),
        text: text.into(),
    };
    desk.act(edit(3, "goes anew")).unwrap();
    desk.act(edit(6, "by its old key")).unwrap();
    assert_eq!(desk.shown()[1], ("by its old key".into(), None, true));
    assert_eq!(desk.machine.engine().outbox().counts(), (2, 0));
}

#[test]
fn each_loss_of_the_network_is_worth_a_refresh_again() {
    let mut desk = Desk::new();
    desk.settle(&json!([]), 1);
    let refreshes = |desk: &mut Desk, link| {
        desk.step(Input::Opened { link });
        desk.effects.clear();
        desk.step(Input::Closed { link, code: Some(4001) });
        desk.effects.iter().any(|effect| matches!(effect, Effect::Refresh))
    };
    let link = desk.link;
    desk.step(Input::Closed { link, code: Some(4001) });
    desk.step(Input::Refreshed(Refresh::Renewed));
    desk.step(Input::Closed { link: link + 1, code: None });
    desk.at(desk.now + 31_000);
    assert!(refreshes(&mut desk, link + 2), "the new token is old by now");
    desk.step(Input::Refreshed(Refresh::Renewed));
    assert!(!refreshes(&mut desk, link + 3), "but one that was not used is no good");
}

#[test]
fn what_nobody_asked_for_covers_nothing() {
    let mut desk = Desk::new();
    desk.settle(&json!([]), 1);
    for seq in [50, 52, 54] {
        let row = message(seq, 3, 2, "x");
        desk.frame(json!({"type": "ok", "id": 0, "room": ROOM, "seq": seq, "again": false,
            "row": row}));
    }
    let room = desk.machine.engine().room(ROOM).unwrap();
    assert_eq!(room.covered().ranges(), [(1, 1)]);
}

#[test]
fn a_page_of_another_room_is_no_answer() {
    let mut desk = Desk::new();
    desk.settle(&json!([message(1, 9, 1, "a")]), 1);
    let request = PageRequest { room: ROOM, place: Place::Before(9), limit: 50, fresh: 0 };
    desk.asked += 1;
    desk.step(Input::Intent { id: desk.asked, intent: Intent::Fill(request) });
    let fetch = |effect: &Effect| match effect {
        Effect::Fetch { id, .. } => Some(*id),
        _ => None,
    };
    let id = desk.effects.iter().rev().find_map(fetch).unwrap();
    let mut row = message(4, 9, 4, "elsewhere");
    row["room"] = json!(8);
    let rows = vec![serde_json::from_value(row).unwrap()];
    let page = hallway_protocol::rest::Page { lo: 1, hi: 8, rows, as_of: 9, min_seq: 1 };
    desk.step(Input::Fetched { id, page: Ok(page) });
    assert_eq!(desk.shown(), [("a".into(), Some(1), false)]);
    assert_eq!(desk.machine.engine().room(ROOM).unwrap().covered().ranges(), [(1, 1)]);
}

#[test]
fn a_machine_that_begins_later_asks_by_other_numbers() {
    let pull = |now: i64| {
        let (machine, effects) = Machine::open_at(Store::memory(ME).unwrap(), 1, now).unwrap();
        let mut desk = Desk { machine, now, link: 0, asked: 0, effects };
        desk.welcome(1, json!({}));
        desk.id(|frame| matches!(frame, ClientFrame::Own { .. }))
    };
    assert!(pull(9) > pull(8) + 1_000);
}

#[test]
fn a_head_told_while_the_own_log_is_asked_for_is_not_forgotten() {
    let mut desk = Desk::new();
    desk.welcome(1, json!({}));
    let asked = desk.id(|frame| matches!(frame, ClientFrame::Own { .. }));
    desk.frame(json!({"type": "lag", "rooms": [], "own": 3}));
    desk.effects.clear();
    own(&mut desk, asked, 1, "joined");
    let again = desk.said().into_iter().any(|f| matches!(f, ClientFrame::Own { since: 1, .. }));
    assert!(again, "what the lag named came after the answer was read");
}

#[test]
fn rooms_that_wait_for_a_slot_cost_no_ticks() {
    let mut desk = Desk::new();
    desk.welcome(1, json!({}));
    let asked = desk.id(|frame| matches!(frame, ClientFrame::Own { .. }));
    let rows: Vec<Value> = (1..=6)
        .map(|n| json!({"t": "mine", "room": n, "state": "joined", "head": 1, "rev": n}))
        .collect();
    desk.frame(json!({"type": "own", "id": asked, "since": 0, "to": 6, "done": true,
        "rows": rows}));
    let pulls = desk
        .effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Send { frame: ClientFrame::Pull { .. }, .. }));
    assert_eq!(pulls.count(), 4);
    let wake = desk.effects.iter().rev().find_map(|effect| match effect {
        Effect::Wake { at } => Some(*at),
        _ => None,
    });
    assert!(wake.unwrap() >= desk.now + 1_000, "{wake:?} at {}", desk.now);
}

#[test]
fn a_room_left_and_entered_again_is_listed() {
    let mut desk = Desk::new();
    desk.settle(&json!([]), 1);
    desk.act(Intent::Leave { room: ROOM, key: key(2) }).unwrap();
    assert!(desk.room().is_none());
    desk.act(Intent::Join { room: ROOM, key: key(3) }).unwrap();
    assert!(desk.room().is_some());
}

/// Welcomed under another epoch, with these rooms.
fn begins_anew(desk: &mut Desk, rooms: Value) {
    desk.again();
    desk.welcome(1, json!({"epoch": "e2", "rooms": rooms}));
}

fn head(head: Seq, base: Seq) -> Value {
    json!([{"room": ROOM, "head": head, "base": base, "last_n": head, "read": 0, "unread": 0,
        "mentions": 0}])
}

#[test]
fn a_room_that_a_new_epoch_does_not_name_is_not_trusted() {
    let mut desk = Desk::new();
    desk.settle(&json!([message(1, 9, 1, "a"), message(2, 9, 2, "lost")]), 2);
    begins_anew(&mut desk, json!([]));
    let room = desk.machine.engine().room(ROOM).unwrap();
    assert_eq!((room.cursor(), room.covered().ranges()), (0, &[][..]));
    let pull = desk.id(|frame| matches!(frame, ClientFrame::Pull { since: 0, .. }));
    let rows = json!([message(1, 9, 1, "a"), message(2, 9, 3, "said instead")]);
    desk.frame(delta(pull, "window", 0, 2, &rows));
    assert_eq!(desk.shown()[1], ("said instead".into(), Some(2), false));
}

#[test]
fn lost_messages_go_before_what_was_written_after_them() {
    let mut desk = Desk::new();
    let mut answer = message(4, 3, 4, "an answer to it");
    answer["reply"] = json!(3);
    desk.settle(&json!([message(1, 9, 1, "kept"), message(3, 3, 3, "lost"), answer]), 4);
    desk.cut();
    desk.send(7, "written offline");
    desk.at(desk.now + 31_000);
    desk.welcome(1, json!({"epoch": "e2", "rooms": head(2, 2)}));
    let texts: Vec<String> = desk.shown().into_iter().map(|row| row.0).collect();
    assert_eq!(texts, ["kept", "lost", "an answer to it", "written offline"]);
    let said = |desk: &mut Desk| -> Vec<(Key, Option<Seq>)> {
        let sends = desk.said().into_iter().filter_map(|frame| match frame {
            ClientFrame::Send(send) => Some((send.key, send.reply)),
            _ => None,
        });
        sends.collect()
    };
    assert_eq!(said(&mut desk), [(key(3), None)], "its answer waits, and all behind it");
    desk.event(3, &json!([message(3, 3, 3, "lost")]));
    assert_eq!(said(&mut desk), [(key(4), Some(3)), (key(7), None)]);
}

#[test]
fn people_are_known_anew_in_a_new_epoch() {
    let mut desk = Desk::new();
    desk.settle(&json!([]), 1);
    let user = |name: &str, rev: Seq| {
        json!({"type": "users", "rows": [{"t": "user", "user": 9, "name": "lin",
            "display_name": name, "rev": rev}]})
    };
    desk.frame(user("Lin, lost", 8));
    begins_anew(&mut desk, head(1, 1));
    desk.frame(user("Lin", 5));
    assert_eq!(desk.count("select display_name = 'Lin' from users where user = 9"), 1);
}

#[test]
fn a_count_that_comes_late_is_one_of_its_own_read_mark() {
    let mut desk = Desk::new();
    desk.settle(&json!([message(1, 9, 1, "a")]), 1);
    desk.event(3, &json!([message(3, 9, 3, "c")]));
    let pull = desk.id(|frame| matches!(frame, ClientFrame::Pull { .. }));
    desk.act(Intent::Read { room: ROOM, key: key(9), seq: 3 }).unwrap();
    let read = desk.id(|frame| matches!(frame, ClientFrame::Read { .. }));
    let mine = json!([{"t": "mine", "room": ROOM, "state": "joined", "head": 3, "read": 3,
        "rev": 2}]);
    desk.frame(json!({"type": "own", "since": 1, "to": 2, "done": true, "rows": mine}));
    desk.frame(json!({"type": "ok", "id": read, "own": 2, "again": false, "row": null}));
    // It was read before the mark was, and is said after it.
    let rows = json!([message(2, 9, 2, "b"), message(3, 9, 3, "c")]);
    let mut late = delta(pull, "replay", 1, 3, &rows);
    (late["unread"], late["read"]) = (json!(2), json!(1));
    desk.frame(late);
    let bump = json!({"room": ROOM, "head": 3, "last_n": 3, "read": 1, "unread": 2, "mentions": 0});
    desk.frame(json!({"type": "bump", "rooms": [bump]}));
    let room = desk.room().unwrap();
    assert_eq!((room.read, room.unread), (3, 0));
}

#[test]
fn anothers_message_under_my_key_is_another_message() {
    let mut desk = Desk::new();
    desk.settle(&json!([message(1, 3, 2, "mine")]), 1);
    desk.event(2, &json!([message(2, 9, 2, "not hers")]));
    let conn = desk.machine.store().connection();
    let rows = views::part(conn, ME, ROOM, views::Part::Below(Seq::MAX, 9)).unwrap();
    let keys: Vec<String> = rows.into_iter().map(|row| row.id).collect();
    assert_eq!(keys, [key(2).to_string(), format!("{ROOM}:2")]);
    let target = Target::Key(key(2));
    desk.act(Intent::Delete { room: ROOM, key: key(5), target }).unwrap();
    assert!(desk.said().iter().any(|frame| matches!(frame, ClientFrame::Delete { seq: 1, .. })));
    desk.effects.clear();
    desk.frame(json!({"type": "own", "since": 1, "to": 2, "done": true, "rows": [{"t": "mine",
        "room": ROOM, "state": "joined", "head": 2, "min_seq": 3, "rev": 2}]}));
    let gone: Vec<String> = desk
        .changes()
        .filter_map(|change| match change {
            Change::MessageGone { key, .. } => Some(key.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(gone, [key(2).to_string(), format!("{ROOM}:2")]);
}

#[test]
fn what_failed_on_anothers_message_is_given_up_by_its_own_key() {
    let mut desk = Desk::new();
    desk.settle(&json!([message(1, 9, 1, "theirs")]), 1);
    let target = Target::Seq(1);
    desk.act(Intent::Delete { room: ROOM, key: key(4), target }).unwrap();
    let id = desk.id(|frame| matches!(frame, ClientFrame::Delete { .. }));
    desk.frame(json!({"type": "error", "id": id, "code": "forbidden", "message": "no",
        "retry": "never"}));
    let conn = desk.machine.store().connection();
    let row = views::messages(conn, ME, ROOM, &[1]).unwrap().pop().unwrap();
    assert_eq!(row.change, Some(key(4).to_string()));
    desk.act(Intent::Discard { key: key(4) }).unwrap();
    assert_eq!(desk.machine.engine().outbox().counts(), (0, 0));
}

#[test]
fn notices_of_what_was_read_offline_or_left_are_taken_back() {
    let mut desk = Desk::new();
    desk.settle(&json!([message(1, 9, 1, "a")]), 1);
    desk.event(2, &json!([message(2, 9, 2, "b")]));
    desk.cut();
    let gone = |desk: &Desk| {
        let gone = desk.changes().filter_map(|change| match change {
            Change::NoticeGone { up_to, .. } => Some(*up_to),
            _ => None,
        });
        gone.collect::<Vec<Seq>>()
    };
    desk.effects.clear();
    desk.act(Intent::Read { room: ROOM, key: key(5), seq: 1 }).unwrap();
    assert_eq!(gone(&desk), [1]);
    desk.at(desk.now + 31_000);
    desk.welcome(1, json!({"gone": [ROOM]}));
    assert!(gone(&desk).contains(&2), "{:?}", gone(&desk));
}

#[test]
fn search_sees_what_is_being_changed() {
    let mut desk = Desk::new();
    desk.settle(&json!([message(1, 3, 1, "tee at noon"), message(2, 3, 2, "tee at five")]), 2);
    desk.cut();
    let (target, text) = (Target::Seq(1), "tea at noon".to_owned());
    desk.act(Intent::Edit { room: ROOM, key: key(4), target, text }).unwrap();
    desk.act(Intent::Delete { room: ROOM, key: key(5), target: Target::Seq(2) }).unwrap();
    let find = |query: &str| {
        let conn = desk.machine.store().connection();
        let found = crate::search::find(conn, ME, &Query::parse(query).unwrap(), None, 10).unwrap();
        assert!(!found.more);
        found.items.into_iter().map(|hit| hit.message.text).collect::<Vec<_>>()
    };
    assert_eq!(find("tea"), ["tea at noon"]);
    assert!(find("tee").is_empty());
    assert_eq!(find("noon"), ["tea at noon"]);
}

#[test]
fn the_notice_of_a_message_that_is_deleted_or_out_of_sight_is_taken_back() {
    let over = |desk: &mut Desk| {
        let seqs = desk.changes().filter_map(|change| match change {
            Change::NoticeOver { seq, .. } => Some(*seq),
            _ => None,
        });
        let seqs: Vec<Seq> = seqs.collect();
        desk.effects.clear();
        seqs
    };
    let mut desk = Desk::new();
    desk.settle(&json!([message(1, 9, 1, "a")]), 1);
    for seq in 2..5 {
        desk.event(seq, &json!([message(seq, 9, 2, "news")]));
    }
    assert_eq!(desk.notices(), [(2, false, 1), (3, false, 1), (4, false, 1)]);
    let tomb = json!({"t": "message", "room": ROOM, "seq": 3, "rev": 5, "n": 3, "sender": 9,
        "at": 1, "key": key(2), "kind": "text", "deleted": true});
    desk.event(5, &json!([tomb]));
    assert_eq!(over(&mut desk), [3]);
    let from = json!([{"t": "mine", "room": ROOM, "state": "joined", "head": 5, "rev": 2,
        "min_seq": 3}]);
    desk.frame(json!({"type": "own", "since": 1, "to": 2, "done": true, "rows": from}));
    assert_eq!(over(&mut desk), [1, 2], "what came before I was let in again");
    assert!(over(&mut desk).is_empty());
}

#[test]
fn a_room_that_does_not_let_one_in_is_told_and_keeps_the_texts_written_for_it() {
    for written in [false, true] {
        let mut desk = Desk::new();
        desk.welcome(0, json!({}));
        desk.cut();
        desk.act(Intent::Join { room: ROOM, key: key(2) }).unwrap();
        if written {
            desk.send(3, "may I?");
            let (target, text) = (Target::Key(key(3)), "may I come in?".to_owned());
            desk.act(Intent::Edit { room: ROOM, key: key(4), target, text }).unwrap();
            desk.act(Intent::Read { room: ROOM, key: key(5), seq: 1 }).unwrap();
        }
        desk.at(desk.now + 31_000);
        desk.welcome(0, json!({}));
        let id = desk.id(|frame| matches!(frame, ClientFrame::Call { .. }));
        desk.effects.clear();
        let body = json!({"code": "not_found", "message": "there is no such room",
            "retry": "never"});
        desk.frame(json!({"type": "answer", "id": id, "status": 404, "body": body}));
        let told = |effect: &Effect| {
            matches!(effect, Effect::Refused { key: of, joins: true, why }
                if *of == key(2) && why.code == "not_found")
        };
        assert_eq!(desk.effects.iter().filter(|effect| told(effect)).count(), 1);
        let counts = desk.machine.engine().outbox().counts();
        if !written {
            assert_eq!((counts, desk.room()), ((0, 0), None));
            continue;
        }
        assert_eq!(counts, (0, 1), "the text alone is left");
        let room = desk.room().unwrap();
        assert_eq!((room.failed, room.gone.as_deref()), (1, Some("removed")));
        assert_eq!(desk.shown(), [("may I come in?".into(), None, true)]);
        assert!(desk.changes().any(|change| matches!(change, Change::Room { .. })));
        desk.effects.clear();
        desk.act(Intent::Discard { key: key(3) }).unwrap();
        assert!(desk.changes().any(|change| matches!(change, Change::RoomGone { .. })));
        assert_eq!(desk.room(), None);
    }
}

#[test]
fn a_replay_that_was_cut_goes_on_in_an_epoch_that_lost_nothing() {
    let mut desk = Desk::new();
    desk.settle(&json!([message(1, 9, 1, "a"), message(2, 9, 2, "b")]), 2);
    desk.again();
    let head = json!([{"room": ROOM, "head": 9, "base": 0, "last_n": 9, "read": 0, "unread": 0,
        "mentions": 0}]);
    desk.welcome(1, json!({"rooms": head}));
    let pull = desk.id(|frame| matches!(frame, ClientFrame::Pull { .. }));
    // The first message was edited as 3, and again as 8: it stands in a later part alone.
    let mut part = delta(pull, "replay", 2, 5, &json!([message(4, 9, 4, "d")]));
    part["done"] = json!(false);
    desk.frame(part);
    desk.again();
    let head = json!([{"room": ROOM, "head": 9, "base": 9, "last_n": 9, "read": 0, "unread": 0,
        "mentions": 0}]);
    desk.welcome(1, json!({"epoch": "e2", "rooms": head}));
    let mark = desk.machine.engine().room(ROOM).unwrap().mark().clone();
    assert_eq!((mark.cursor, mark.catch_from), (5, Some(2)), "what it holds is not whole yet");
}

/// What has expired is gone from who was connected when it did, and from the search.
#[test]
fn what_a_room_no_longer_keeps_leaves_the_store() {
    let mut desk = Desk::new();
    desk.settle(&json!([message(1, 9, 1, "old tea"), message(2, 9, 2, "young tea")]), 2);
    desk.event(
        3,
        &json!([{"t": "room", "room": ROOM, "kind": "group", "name": "kitchen",
        "visibility": "private", "history": "all", "retention_days": 1, "kept_from": 2, "rev": 3}]),
    );
    desk.event(4, &json!([message(4, 9, 4, "new tea")]));
    let conn = desk.machine.store().connection();
    let rows = views::part(conn, ME, ROOM, views::Part::Below(Seq::MAX, 9)).unwrap();
    let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
    assert_eq!(texts, ["young tea", "new tea"]);
    let found = crate::search::find(conn, ME, &Query::parse("tea").unwrap(), None, 10).unwrap();
    assert_eq!(found.items.len(), 2);
    let kept = "select min_seq from rooms where room = ?1";
    let kept: i64 = conn.query_row(kept, [ROOM.0], |row| row.get(0)).unwrap();
    assert_eq!(kept, 2);
}
