//! Rows in any order, and what they leave behind.

use super::*;
use crate::store::Store;
use hallway_protocol::search::Query;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

const ME: UserId = UserId(3);

/// Every row of a random history of one room, in all its versions.
fn history(random: &mut StdRng) -> Vec<Row> {
    let mut rows = vec![json!({"t": "room", "room": 7, "kind": "group", "name": "a",
        "visibility": "private", "history": "all", "rev": 1})];
    let mut said: Vec<(i64, bool)> = Vec::new();
    for rev in 2..40 {
        let at = random.random_range(0..said.len().max(1));
        let row = match random.random_range(0..8) {
            4 if !said.is_empty() && !said[at].1 => message(said[at].0, rev, "edited"),
            5 if !said.is_empty() && !said[at].1 => {
                said[at].1 = true;
                let mut tomb = message(said[at].0, rev, "");
                tomb["deleted"] = json!(true);
                tomb
            }
            6 if !said.is_empty() && !said[at].1 => json!({"t": "reaction", "room": 7,
                "seq": said[at].0, "user": random.random_range(1..4), "emoji": "👍",
                "on": random.random::<bool>(), "rev": rev}),
            7 => json!({"t": "member", "room": 7, "user": random.random_range(1..4),
                "role": "member", "joined_seq": rev, "rev": rev}),
            _ => {
                said.push((rev, false));
                message(rev, rev, "said")
            }
        };
        rows.push(row);
    }
    rows.into_iter().map(|row| serde_json::from_value(row).unwrap()).collect()
}

fn message(seq: i64, rev: i64, text: &str) -> Value {
    json!({"t": "message", "room": 7, "seq": seq, "rev": rev, "n": seq, "sender": 1 + seq % 3,
        "at": seq, "kind": "text", "text": format!("{text} at {rev}")})
}

fn store() -> Store {
    let mut store = Store::memory(ME).unwrap();
    let mine = json!({"t": "mine", "room": 7, "state": "joined", "rev": 1});
    let rows = vec![serde_json::from_value(mine).unwrap()];
    store.commit(&[Write::Rows { rows, news: News::Quiet }], 0).unwrap();
    store
}

/// All that a person could see of it.
fn seen(store: &Store) -> Vec<String> {
    let mut out = Vec::new();
    for sql in [
        "select seq || ' ' || rev || ' ' || text || ' ' || deleted from messages order by seq",
        "select seq || ' ' || user || ' ' || emoji from reactions where held = 1 order by 1",
        "select user || ' ' || joined_seq || ' ' || rev from members order by 1",
        "select name || ' ' || rev from rooms",
    ] {
        let mut statement = store.connection().prepare(sql).unwrap();
        out.extend(statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap));
    }
    out
}

#[test]
fn any_order_and_any_repetition_of_rows_gives_the_same_store() {
    for seed in 0..60 {
        let mut random = StdRng::seed_from_u64(seed);
        let rows = history(&mut random);
        let mut straight = store();
        straight.commit(&[Write::Rows { rows: rows.clone(), news: News::Live }], 0).unwrap();
        let mut shuffled = rows.clone();
        shuffled.extend(rows.into_iter().filter(|_| random.random_range(0..3) == 0));
        shuffled.shuffle(&mut random);
        let mut other = store();
        for row in shuffled {
            other.commit(&[Write::Rows { rows: vec![row], news: News::Live }], 0).unwrap();
        }
        // A reaction that was set before its message was deleted may be held or not: nobody sees it.
        assert_eq!(seen(&straight), seen(&other), "seed {seed}");
    }
}

#[test]
fn the_index_holds_what_the_messages_say_and_nothing_else() {
    for seed in 0..20 {
        let mut random = StdRng::seed_from_u64(seed);
        let mut store = store();
        for row in history(&mut random) {
            store.commit(&[Write::Rows { rows: vec![row], news: News::Quiet }], 0).unwrap();
        }
        let conn = store.connection();
        let live: i64 = conn
            .query_row("select count(*) from messages where text like 'edited%'", [], |row| {
                row.get(0)
            })
            .unwrap();
        let found =
            crate::search::find(conn, ME, &Query::parse("edited").unwrap(), None, 100).unwrap();
        assert_eq!(i64::try_from(found.items.len()).unwrap(), live);
        conn.execute("insert into messages_fts (messages_fts) values ('integrity-check')", [])
            .unwrap();
    }
}

#[test]
fn rows_of_rooms_i_am_not_in_are_not_kept() {
    let mut store = Store::memory(ME).unwrap();
    let rows: Vec<Row> = vec![serde_json::from_value(message(4, 4, "x")).unwrap()];
    let touched = store.commit(&[Write::Rows { rows, news: News::Live }], 0).unwrap();
    assert!(touched.messages.is_empty() && touched.notices.is_empty());
    assert!(seen(&store).is_empty());
}

#[test]
fn history_below_ones_joining_goes() {
    let mut store = store();
    let rows = (1..6).map(|seq| serde_json::from_value(message(seq, seq, "x")).unwrap()).collect();
    store.commit(&[Write::Rows { rows, news: News::Quiet }], 0).unwrap();
    store.commit(&[Write::Cut { room: RoomId(7), min_seq: 4 }], 0).unwrap();
    let late = vec![serde_json::from_value(message(2, 2, "x")).unwrap()];
    store.commit(&[Write::Rows { rows: late, news: News::Quiet }], 0).unwrap();
    assert_eq!(seen(&store).iter().filter(|line| line.contains("x at")).count(), 2);
}
