//! The same table as the server's: what is said, what is asked, what is found.

use crate::apply::Write;
use crate::notify::News;
use crate::store::Store;
use hallway_protocol::ids::UserId;
use hallway_protocol::rows::Row;
use hallway_protocol::search::Query;
use serde_json::{Value, json};

/// Ada; Lin is 4.
const ME: UserId = UserId(3);

#[derive(serde::Deserialize)]
struct Table {
    texts: Vec<String>,
    /// A search, and which texts it finds, newest first.
    asked: Vec<(String, Vec<usize>)>,
}

fn table(name: &str) -> Table {
    let tables: Value =
        serde_json::from_str(include_str!("../../../protocol/tests/search.json")).unwrap();
    serde_json::from_value(tables[name].clone()).unwrap()
}

fn store(rows: &[Value]) -> Store {
    let mut store = Store::memory(ME).unwrap();
    let person = |id: i64, name: &str| json!({"t": "user", "user": id, "name": name, "rev": 1});
    let mut all = vec![person(3, "ada"), person(4, "lin")];
    for (room, name) in [(7, "kitchen"), (8, "Große Halle")] {
        all.push(json!({"t": "mine", "room": room, "state": "joined", "rev": 1}));
        all.push(json!({"t": "room", "room": room, "kind": "group", "name": name,
            "visibility": "private", "history": "all", "rev": 1}));
    }
    all.extend_from_slice(rows);
    put(&mut store, &all);
    store
}

fn put(store: &mut Store, rows: &[Value]) {
    let rows: Vec<Row> =
        rows.iter().map(|row| serde_json::from_value(row.clone()).unwrap()).collect();
    store.commit(&[Write::Rows { rows, news: News::Quiet }], 0).unwrap();
}

fn said(seq: i64, text: &str) -> Value {
    json!({"t": "message", "room": 7, "seq": seq, "rev": seq, "n": seq, "sender": 3,
        "at": 1_700_000_000_000_i64 + seq * 60_000, "kind": "text", "text": text})
}

fn found(store: &Store, q: &str) -> Vec<String> {
    let query = Query::parse(q).unwrap_or_else(|wrong| panic!("{q:?}: {wrong}"));
    let found = super::find(store.connection(), ME, &query, None, 100).unwrap();
    assert!(!found.more, "{q}");
    found.items.into_iter().map(|hit| hit.message.text).collect()
}

fn holds(store: &Store, table: &Table) {
    for (q, which) in &table.asked {
        let expected: Vec<&str> = which.iter().map(|i| table.texts[*i].as_str()).collect();
        assert_eq!(found(store, q), expected, "{q}");
    }
}

fn count(store: &Store, table: &str) -> i64 {
    let sql = format!("select count(*) from {table}");
    store.connection().query_row(&sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn words_of_many_languages_are_found_as_the_server_finds_them() {
    let table = table("languages");
    let rows: Vec<Value> = (2..).zip(&table.texts).map(|(seq, text)| said(seq, text)).collect();
    let mut store = store(&rows);
    holds(&store, &table);
    let long = "ab".repeat(1_500);
    put(&mut store, &[said(90, &long)]);
    assert_eq!(found(&store, &long[..400]), [long.as_str()], "a word longer than is looked up");
    assert_eq!(found(&store, &format!("{}x", &long[..300])), Vec::<String>::new());
    let ranges = |q| {
        let query = Query::parse(q).unwrap();
        super::find(store.connection(), ME, &query, None, 1).unwrap().items[0].ranges.clone()
    };
    assert_eq!(ranges("京都"), [(1, 3)]);
}

#[test]
fn operators_narrow_what_is_found_as_they_do_on_the_server() {
    let table = table("operators");
    let mut rows: Vec<Value> = (2..).zip(&table.texts).map(|(seq, text)| said(seq, text)).collect();
    rows[1]["mentions"] = json!([4]);
    (rows[2]["room"], rows[2]["sender"], rows[2]["pinned"]) = (json!(8), json!(4), json!(true));
    (rows[3]["sender"], rows[3]["everyone"]) = (json!(4), json!(true));
    rows[4]["thread"] = json!(2);
    let react = |seq: i64, user: i64, on: bool| {
        json!({"t": "reaction", "room": 7, "seq": seq, "user": user, "emoji": "👍", "on": on,
            "rev": 20 + seq})
    };
    rows.extend([react(5, 3, true), react(2, 4, false)]);
    let store = store(&rows);
    holds(&store, &table);
    assert_eq!(found(&store, "in:8 tea"), [table.texts[2].as_str()]);
    assert_eq!(found(&store, "from:4 four"), [table.texts[3].as_str()]);
    for q in ["tea from:nobody", "tea in:nowhere", "mentions:nobody", "in:4711"] {
        assert_eq!(found(&store, q), Vec::<String>::new(), "{q}");
    }
    assert_eq!(found(&store, "tea -from:nobody").len(), 5);
}

#[test]
fn files_are_found_by_what_they_are_and_without_a_word() {
    let file = |kind: &str| json!([{"id": "f", "name": "a", "type": kind, "size": 1}]);
    let (mut picture, mut paper) = (said(2, ""), said(3, "the paper"));
    (picture["files"], paper["files"]) = (file("image/png"), file("application/pdf"));
    let store = store(&[picture, paper, said(4, "nothing with it")]);
    assert_eq!(found(&store, "has:file"), ["the paper", ""]);
    assert_eq!(found(&store, "has:image"), [""]);
    assert_eq!(found(&store, "has:file -has:image"), ["the paper"]);
    assert_eq!(found(&store, "paper has:file"), ["the paper"]);
    assert_eq!(found(&store, "nothing has:file"), Vec::<String>::new());
}

#[test]
fn a_word_leaves_with_the_last_message_that_has_it() {
    let mut store = store(&[said(2, "platypus platypus"), said(3, "a platypus")]);
    assert_eq!(found(&store, "*latypu").len(), 2);
    let tomb = |seq: i64| {
        json!({"t": "message", "room": 7, "seq": seq, "rev": 10 + seq, "n": seq, "sender": 3,
            "at": 1, "kind": "text", "deleted": true})
    };
    put(&mut store, &[tomb(2)]);
    assert_eq!(found(&store, "*latypu"), ["a platypus"]);
    assert_eq!(count(&store, "search_words"), 1);
    put(&mut store, &[tomb(3)]);
    let left = ["search_words", "search_parts", "temp.search_doubted"].map(|t| count(&store, t));
    assert_eq!(left, [0, 0, 0]);
}

#[test]
fn an_index_of_other_rules_is_made_anew() {
    let mut store = store(&[said(2, "Apfelkuchen"), said(3, "more of it")]);
    let docs = "select group_concat(doc) from (select doc from messages order by seq)";
    let numbers = |store: &Store| {
        store.connection().query_row(docs, [], |row| row.get::<_, Option<String>>(0)).unwrap()
    };
    let before = numbers(&store);
    store
        .connection()
        .execute_batch(
            "update sync set v = '1' where k = 'words'; update messages set doc = seq;
             delete from search_words; delete from search_parts;",
        )
        .unwrap();
    super::rebuild_if_old(store.connection_mut()).unwrap();
    assert_eq!(numbers(&store), before);
    assert_eq!(found(&store, "*kuchen"), ["Apfelkuchen"]);
    assert_eq!(found(&store, "more"), ["more of it"]);
}
