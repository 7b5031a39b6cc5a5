//! The store on disk: keys, damage, durability, plans.

use super::*;
use crate::op::{Act, Draft, Op, State};
use hallway_protocol::ids::{Key, RoomId};
use std::fs;
use std::path::PathBuf;

const KEY: StoreKey = StoreKey([7; 32]);
const ME: UserId = UserId(3);

fn op(n: i64) -> Op {
    let bytes = [1, 2, 3, 4, 5, 6, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, u8::try_from(n).unwrap()];
    Op {
        op: n,
        key: Key::from_bytes(bytes),
        room: RoomId(7),
        act: Act::Send {
            text: format!("unsent {n}"),
            reply: None,
            thread: None,
            draft: Draft::Kept,
        },
        target: None,
        needs: None,
        state: State::Queued,
        attempts: 0,
        error: None,
        at: 5,
        born: None,
        settle: None,
        not_before: 0,
    }
}

/// A store with three unsent messages and many pages of others.
fn filled(folder: &Path) -> PathBuf {
    let path = folder.join("store.db");
    let mut store = Store::open(&path, &KEY, "a", Some(ME)).unwrap();
    let tx = store.conn.transaction().unwrap();
    tx.execute("insert into rooms (room, cursor, head) values (7, 3000, 3000)", []).unwrap();
    for seq in 1..=3_000 {
        tx.execute(
            "insert into messages (room, seq, n, sender, at, kind, text, deleted, pinned, everyone,
                 mentions, meta, files, rev)
             values (7, ?1, ?1, 9, 1, 'text', 'words of somebody else', 0, 0, 0, '[]', '{}', '[]', ?1)",
            [seq],
        )
        .unwrap();
    }
    tx.commit().unwrap();
    let puts: Vec<Write> = (1..=3).map(|n| Write::Put(op(n))).collect();
    store.commit(&puts, 0).unwrap();
    store.tidy().unwrap();
    path
}

fn ops(store: &Store) -> Vec<Op> {
    store.load().unwrap().ops
}

#[test]
fn what_was_written_is_there_again_under_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let store = Store::open(&path, &KEY, "a", None).unwrap();
    assert_eq!(store.me(), ME);
    assert_eq!(ops(&store), [op(1), op(2), op(3)]);
    assert_eq!(store.load().unwrap().last_op, 3);
    let file = fs::read(&path).unwrap();
    assert!(!file.windows(6).any(|window| window == b"unsent"), "and cannot be read without it");
    assert!(!file.starts_with(b"SQLite format"));
}

#[test]
fn another_key_is_refused_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let before = fs::read(&path).unwrap();
    let error = Store::open(&path, &StoreKey([8; 32]), "a", None).unwrap_err();
    assert!(is_damage(&error), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn the_outbox_of_a_damaged_store_is_carried_over() {
    // The outbox stands in the first pages, the messages behind it.
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let mut file = fs::read(&path).unwrap();
    let at = file.len() / 2;
    for place in 0..20 {
        file[at + place * 4_096..][..64].iter_mut().for_each(|byte| *byte ^= 0xff);
    }
    fs::write(&path, file).unwrap();
    let store = Store::open(&path, &KEY, "a", None).unwrap();
    let count = |sql| store.connection().query_row(sql, [], |row| row.get::<_, i64>(0));
    let error = count("select count(*) from messages where text <> ''").unwrap_err();
    assert!(is_damage(&error), "{error}");
    drop(store);
    let saved = salvage(&path, &KEY).unwrap();
    assert_eq!(saved.ops, [op(1), op(2), op(3)]);
    let aside = set_aside(&path, 1).unwrap();
    assert!(aside.join("1-store.db").exists() && !path.exists());
    let mut store = Store::open(&path, &KEY, "a", Some(ME)).unwrap();
    store.restore(&saved).unwrap();
    assert_eq!(ops(&store), [op(1), op(2), op(3)]);
    assert_eq!(store.load().unwrap().last_op, 3);
}

#[test]
fn a_halved_store_gives_what_it_still_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = filled(folder.path());
    let file = fs::read(&path).unwrap();
    fs::write(&path, &file[..file.len() / 2]).unwrap();
    assert_eq!(salvage(&path, &KEY).unwrap().ops, [op(1), op(2), op(3)]);
    fs::write(&path, b"").unwrap();
    assert_eq!(salvage(&path, &KEY).unwrap().ops, []);
    fs::write(&path, vec![0x55; 40_000]).unwrap();
    assert_eq!(salvage(&path, &KEY).unwrap().ops, []);
    assert!(is_damage(&Store::open(&path, &KEY, "a", Some(ME)).unwrap_err()));
}

#[test]
fn promises_are_written_through_and_server_data_is_not() {
    let mut store = Store::memory(ME).unwrap();
    let level = |store: &Store| {
        store.connection().query_row("pragma synchronous", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    store.commit(&[Write::Put(op(1))], 0).unwrap();
    assert_eq!(level(&store), 2);
    store.commit(&[Write::Set("own", "5".into())], 0).unwrap();
    assert_eq!(level(&store), 1);
}

#[test]
fn the_first_screen_reads_no_table_from_end_to_end() {
    let store = Store::memory(ME).unwrap();
    for sql in [
        "select m.* from messages m where m.room = 1 and m.seq < 5 order by m.seq desc limit 50",
        "select seq from messages where room = 1 and reply = 2",
        "select seq from messages where key = 'x' and room = 1",
        "select 1 from messages where doc = 5",
        "select count(*) from messages where room = 1 and rev > 5 and rev > seq and deleted = 1",
        "select at from messages where room = 1 order by seq desc limit 1",
        &room_views::ONE.replace("?1", "1"),
    ] {
        let plan: Vec<String> = store
            .connection()
            .prepare(&format!("explain query plan {sql}"))
            .unwrap()
            .query_map([], |row| row.get(3))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert!(plan.iter().all(|line| line.starts_with("SEARCH")), "{sql}: {plan:?}");
    }
}

#[test]
fn a_kept_statement_is_not_planned_again_for_other_values() {
    let store = Store::memory(UserId(3)).unwrap();
    let mut count = store.connection().prepare(unread::LIVE).unwrap();
    for room in 1..9 {
        count.query_row([room, 10 * room, 20 * room, 3, 100 + room], |_| Ok(())).unwrap();
    }
    assert_eq!(count.get_status(rusqlite::StatementStatus::RePrepare), 0);
}
