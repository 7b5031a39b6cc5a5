//! Lists of a room, out of a store that was filled by hand.

use super::*;
use crate::apply::Write;
use crate::op::{Act, Draft, Op, State};
use crate::store::Store;
use hallway_protocol::ids::Key;

const ME: UserId = UserId(3);
const ROOM: RoomId = RoomId(7);

/// A room of nine messages; the fifth and the eighth answer in the thread of the second, the third
/// is pinned.
fn kept() -> Store {
    let store = Store::memory(ME).unwrap();
    let conn = store.connection();
    conn.execute("insert into rooms (room, cursor, head, read) values (7, 9, 9, 6)", []).unwrap();
    for seq in 1..=9_i64 {
        let thread = matches!(seq, 5 | 8).then_some(2);
        conn.execute(
            "insert into messages (room, seq, n, sender, at, kind, text, thread, deleted, pinned,
                 everyone, mentions, meta, files, rev)
             values (7, ?1, ?1, 9, ?1, 'text', '**tea**', ?2, 0, ?3, 0, '[]', '{}', '[]', ?1)",
            (seq, thread, seq == 3),
        )
        .unwrap();
    }
    store
}

fn op(n: i64, act: Act, target: Option<Seq>) -> Write {
    let bytes = [1, 2, 3, 4, 5, 6, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, u8::try_from(n).unwrap()];
    Write::Put(Op {
        op: n,
        key: Key::from_bytes(bytes),
        room: ROOM,
        act,
        target,
        needs: None,
        state: State::Queued,
        attempts: 0,
        error: None,
        at: 5,
        born: None,
        settle: None,
        not_before: 0,
    })
}

fn shown(store: &Store, list: List) -> Vec<Option<Seq>> {
    let timeline = held(store.connection(), ME, ROOM, list).unwrap();
    assert!(timeline.rows.iter().all(|row| !row.body.is_empty()), "they are drawn");
    timeline.rows.iter().map(|row| row.seq).collect()
}

#[test]
fn a_thread_is_its_first_message_and_what_answers_it_unsent_ones_last() {
    let mut store = kept();
    assert_eq!(shown(&store, List::Thread(2)), [Some(2), Some(5), Some(8)]);
    let say = |thread| Act::Send { text: "cake".into(), reply: None, thread, draft: Draft::Kept };
    store.commit(&[op(1, say(Some(2)), None), op(2, say(None), None)], 0).unwrap();
    assert_eq!(shown(&store, List::Thread(2)), [Some(2), Some(5), Some(8), None]);
    assert_eq!(shown(&store, List::Thread(9)), [Some(9)]);
}

#[test]
fn pins_are_what_is_pinned_under_what_is_on_its_way() {
    let mut store = kept();
    assert_eq!(shown(&store, List::Pins), [Some(3)]);
    let pin = |on| Act::Pin { on };
    store.commit(&[op(1, pin(true), Some(6)), op(2, pin(false), Some(3))], 0).unwrap();
    assert_eq!(shown(&store, List::Pins), [Some(6)]);
}

#[test]
fn what_is_not_held_is_known_to_be_missing() {
    let store = kept();
    let wanted = BTreeSet::from([2, 9, 30]);
    assert_eq!(missing(store.connection(), ROOM, wanted).unwrap(), BTreeSet::from([30]));
}

#[test]
fn a_message_says_how_its_thread_stands() {
    let store = kept();
    let rows = views::messages(store.connection(), ME, ROOM, &[2, 3]).unwrap();
    let thread = rows[0].replies.clone().unwrap();
    assert_eq!((thread.count, thread.last, thread.at), (2, 8, 8));
    assert_eq!(thread.last_sender, UserId(9));
    assert_eq!(rows[1].replies, None);
    store.connection().execute("update messages set deleted = 1 where thread = 2", []).unwrap();
    let rows = views::messages(store.connection(), ME, ROOM, &[2]).unwrap();
    assert_eq!(rows[0].replies, None, "tombstones are not counted");
}

/// A room of a hundred thousand messages is not read for a thread of three.
#[test]
fn a_thread_is_found_by_its_index() {
    let store = kept();
    let plan: Vec<String> = store
        .connection()
        .prepare(&format!("explain query plan {}", views::THREAD))
        .unwrap()
        .query_map([7, 2], |row| row.get(3))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    assert!(plan.iter().all(|line| line.contains("messages_thread")), "{plan:?}");
}
