//! Search in what is held, with no server: an FTS5 index fed with the words of
//! `hallway_protocol::words`, the same that the server and the highlights use. The index keeps no
//! text; a word that is deleted leaves it at once.

use crate::feed::{Found, Hit, MessageView};
use crate::store::{Sql, fact, set, views};
use hallway_protocol::ids::{RoomId, Seq, UserId};
use hallway_protocol::words::{self, Term};
use rusqlite::{Connection, params};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// Most hits of one answer.
const LIMIT: usize = 100;

fn joined(text: &str) -> String {
    let words: Vec<String> = words::words(text).into_iter().map(|word| word.text).collect();
    words.join(" ")
}

/// Puts a text into the index as `doc`.
pub(crate) fn add(tx: &Connection, doc: i64, text: &str) -> Sql<()> {
    tx.prepare_cached("insert into messages_fts (rowid, words) values (?1, ?2)")?
        .execute(params![doc, joined(text)])
        .map(drop)
}

/// Takes the text of `doc` out again: it must be the one that was put in.
pub(crate) fn remove(tx: &Connection, doc: i64, text: &str) -> Sql<()> {
    tx.prepare_cached(
        "insert into messages_fts (messages_fts, rowid, words) values ('delete', ?1, ?2)",
    )?
    .execute(params![doc, joined(text)])
    .map(drop)
}

/// An index made by other rules of words finds wrongly: it is made anew.
pub(crate) fn rebuild_if_old(conn: &mut Connection) -> Sql<()> {
    let version = words::VERSION.to_string();
    let fed = fact(conn, "words")?;
    if fed.as_deref() == Some(version.as_str()) {
        return Ok(());
    }
    let tx = conn.transaction()?;
    if fed.is_some() {
        tx.execute("insert into messages_fts (messages_fts) values ('delete-all')", [])?;
        let mut statement = tx.prepare("select doc, text from messages where doc is not null")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            add(&tx, row.get(0)?, row.get_ref(1)?.as_str()?)?;
        }
    }
    set(&tx, "words", &version)?;
    tx.commit()
}

/// The FTS5 expression of a query; none when it has no word.
fn expression(terms: &[Term]) -> Option<String> {
    let quoted = terms.iter().map(|term| {
        let star = if term.prefix { "*" } else { "" };
        format!("\"{}\"{star}", term.text.replace('"', "\"\""))
    });
    let all: Vec<String> = quoted.collect();
    (!all.is_empty()).then(|| all.join(" "))
}

/// What is not sent yet and has every term, newest first; few enough to be looked through.
fn unsent(conn: &Connection, me: UserId, terms: &[Term], room: Option<RoomId>) -> Sql<Vec<Hit>> {
    let mut rows = match room {
        Some(room) => views::pending(conn, me, room)?,
        None => views::all_pending(conn, me)?,
    };
    rows.retain(|row| words::has_all(&row.text, terms));
    let hit = |message: MessageView| Hit { ranges: words::ranges(&message.text, terms), message };
    Ok(rows.into_iter().rev().map(hit).collect())
}

/// Messages that have every word of `query`: first what is not sent yet, then newest first.
pub(crate) fn find(
    conn: &Connection,
    me: UserId,
    query: &str,
    room: Option<RoomId>,
    limit: usize,
) -> Sql<Found> {
    let terms = words::query(query);
    let Some(expression) = expression(&terms) else {
        return Ok(Found { items: Vec::new(), more: false });
    };
    let limit = limit.clamp(1, LIMIT);
    let mut items = unsent(conn, me, &terms, room)?;
    // What is being changed is found by its new text, not by the one the index still has.
    let changed = changed(conn, room)?;
    let mut places = indexed(conn, &expression, room, limit + 1 + changed.len())?;
    places.extend(changed);
    let mut hits = Vec::new();
    for (room, seq) in places.into_iter().collect::<BTreeSet<_>>() {
        let found = views::messages(conn, me, room, &[seq])?;
        hits.extend(found.into_iter().filter(|row| words::has_all(&row.text, &terms)));
    }
    hits.sort_by_key(|row| (Reverse(row.at), row.room, Reverse(row.seq)));
    let hit = |message: MessageView| Hit { ranges: words::ranges(&message.text, &terms), message };
    items.extend(hits.into_iter().map(hit));
    let more = items.len() > limit;
    items.truncate(limit);
    Ok(Found { items, more })
}

/// Confirmed messages whose text the index knows, newest first.
fn indexed(
    conn: &Connection,
    expression: &str,
    room: Option<RoomId>,
    limit: usize,
) -> Sql<Vec<(RoomId, Seq)>> {
    conn.prepare_cached(
        "select m.room, m.seq from messages_fts f join messages m on m.doc = f.rowid
         where messages_fts match ?1 and (?2 is null or m.room = ?2) and m.deleted = 0
         order by m.at desc, m.room, m.seq desc limit ?3",
    )?
    .query_map(params![expression, room.map(|room| room.0), views::count_of(limit)], place)?
    .collect()
}

/// Confirmed messages with an edit or deletion on the way.
fn changed(conn: &Connection, room: Option<RoomId>) -> Sql<Vec<(RoomId, Seq)>> {
    conn.prepare_cached(
        "select room, target_seq from outbox
         where kind in ('edit', 'delete') and target_seq is not null and (?1 is null or room = ?1)",
    )?
    .query_map([room.map(|room| room.0)], place)?
    .collect()
}

fn place(row: &rusqlite::Row<'_>) -> Sql<(RoomId, Seq)> {
    Ok((RoomId(row.get(0)?), row.get(1)?))
}
