//! What goes into the index and what leaves it, in the transaction that changes the text. Messages
//! are numbered by time, so that the newest are found first.

use crate::store::{Sql, fact, set};
use hallway_protocol::ids::{Millis, RoomId, Seq};
use hallway_protocol::rows::{Message, MessageKind};
use hallway_protocol::search::{LONG, PART_MIN, looked_up, parts};
use hallway_protocol::words;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeSet;

/// Version of what is kept here, beside that of the words.
const VERSION: u32 = 2;
/// Bits of a number below its second: which message of that second.
const LOW: u32 = 12;
/// Seconds that can be numbered.
const SECONDS: i64 = (1 << 50) - 2;
/// Words a part may stand in; a search that asks for a syllable is no search.
const MANY: usize = 500;

/// The least number of a message of that time.
pub(super) fn since(at: Millis) -> i64 {
    (at / 1_000).clamp(0, SECONDS) << LOW
}

/// Whether a message is found at all: notices of the room and tombstones are not.
pub(crate) fn is_found(message: &Message) -> bool {
    message.kind == MessageKind::Text && !message.deleted
}

/// A number for a message that is not in the index.
pub(crate) fn number(tx: &Connection, at: Millis, room: RoomId, seq: Seq) -> Sql<i64> {
    let spread = room.0.wrapping_mul(31).wrapping_add(seq) & ((1 << LOW) - 1);
    let mut number = since(at) | spread;
    let mut taken = tx.prepare_cached("select 1 from messages where doc = ?1")?;
    while taken.exists([number])? {
        number += 1;
    }
    Ok(number)
}

/// Puts a text into the index as `doc`.
pub(crate) fn add(tx: &Connection, doc: i64, text: &str) -> Sql<()> {
    let said = words(text);
    tx.prepare_cached("insert into messages_fts (rowid, words) values (?1, ?2)")?
        .execute(params![doc, said.join(" ")])?;
    for word in long(&said) {
        if id(tx, word)?.is_some() {
            continue;
        }
        let new: i64 = tx
            .prepare_cached("insert into search_words (hash, word) values (?1, ?2) returning id")?
            .query_row(params![hash(word), word], |row| row.get(0))?;
        for part in parts(word) {
            tx.prepare_cached("insert into search_parts (part, word) values (?1, ?2)")?
                .execute(params![part, new])?;
        }
    }
    Ok(())
}

/// Which word it is.
fn id(tx: &Connection, word: &str) -> Sql<Option<i64>> {
    tx.prepare_cached("select id from search_words where hash = ?1 and word = ?2")?
        .query_row(params![hash(word), word], |row| row.get(0))
        .optional()
}

/// FNV-1a of 64 bits (RFC 9923): the same on every machine and in every version.
fn hash(word: &str) -> i64 {
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    word.bytes().fold(0xcbf2_9ce4_8422_2325, mix).cast_signed()
}

/// Takes the text of `doc` out again: it must be the one that was put in. Its words go with
/// [`settle`], should no other message have them.
pub(crate) fn remove(tx: &Connection, doc: i64, text: &str) -> Sql<()> {
    let said = words(text);
    tx.prepare_cached(
        "insert into messages_fts (messages_fts, rowid, words) values ('delete', ?1, ?2)",
    )?
    .execute(params![doc, said.join(" ")])?;
    for word in long(&said) {
        tx.prepare_cached("insert or ignore into temp.search_doubted (word) values (?1)")?
            .execute([word])?;
    }
    Ok(())
}

/// Where words that may have gone are noted until the end of a transaction.
pub(crate) fn prepare(conn: &Connection) -> Sql<()> {
    conn.execute_batch(
        "create temp table if not exists search_doubted (word text primary key not null)
             strict, without rowid",
    )
}

/// Forgets the words that no message has any more; the last thing of a transaction.
pub(crate) fn settle(tx: &Connection) -> Sql<()> {
    let doubted: Vec<String> = tx
        .prepare_cached("select word from temp.search_doubted")?
        .query_map([], |row| row.get(0))?
        .collect::<Sql<_>>()?;
    if doubted.is_empty() {
        return Ok(());
    }
    for word in &doubted {
        let Some(gone) = id(tx, word)? else { continue };
        if is_said(tx, word)? {
            continue;
        }
        tx.prepare_cached("delete from search_words where id = ?1")?.execute([gone])?;
        for part in parts(word) {
            tx.prepare_cached("delete from search_parts where part = ?1 and word = ?2")?
                .execute(params![part, gone])?;
        }
    }
    tx.prepare_cached("delete from temp.search_doubted")?.execute([]).map(drop)
}

fn is_said(tx: &Connection, word: &str) -> Sql<bool> {
    tx.prepare_cached("select rowid from messages_fts where messages_fts match ?1 limit 1")?
        .exists([token(word, false)])
}

/// A word as FTS5 is asked for it; one that is cut stands for all that begin so.
pub(super) fn token(word: &str, prefix: bool) -> String {
    let open = prefix || word.chars().count() >= LONG;
    format!("\"{}\"{}", looked_up(word).replace('"', "\"\""), if open { "*" } else { "" })
}

/// The words in which `part` stands: the first ones in order when they are very many.
pub(super) fn inside(conn: &Connection, part: &str) -> Sql<Vec<String>> {
    let keys = parts(part);
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Ok(Vec::new()) };
    let mut found: Vec<String> = conn
        .prepare_cached(
            "select w.word from search_parts a
                 join search_parts b on b.part = ?1 and b.word = a.word
                 join search_words w on w.id = a.word
             where a.part = ?2 order by w.word",
        )?
        .query_map([last, first], |row| row.get(0))?
        .collect::<Sql<_>>()?;
    found.retain(|word| word.contains(part));
    found.truncate(MANY);
    Ok(found)
}

/// An index made by other rules finds wrongly: it is made anew.
pub(crate) fn rebuild_if_old(conn: &mut Connection) -> Sql<()> {
    let version = format!("{}/{VERSION}", words::VERSION);
    let fed = fact(conn, "words")?;
    if fed.as_deref() == Some(version.as_str()) {
        return Ok(());
    }
    let tx = conn.transaction()?;
    if fed.is_some() {
        tx.execute_batch(
            "insert into messages_fts (messages_fts) values ('delete-all');
             delete from search_words; delete from search_parts;
             update messages set doc = null where doc is not null;",
        )?;
        let mut after = Some((i64::MIN, i64::MIN));
        while let Some(place) = after {
            after = feed(&tx, place)?;
        }
    }
    set(&tx, "words", &version)?;
    tx.commit()
}

/// Puts the next messages behind a place into an emptied index; none: there are no more.
fn feed(tx: &Connection, after: (i64, Seq)) -> Sql<Option<(i64, Seq)>> {
    let mut next = tx.prepare_cached(
        "select room, seq, at, text from messages
         where (room, seq) > (?1, ?2) and kind = 'text' and deleted = 0
         order by room, seq limit 500",
    )?;
    let some: Vec<(i64, Seq, Millis, String)> = next
        .query_map(params![after.0, after.1], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<Sql<_>>()?;
    for (room, seq, at, text) in &some {
        let doc = number(tx, *at, RoomId(*room), *seq)?;
        tx.prepare_cached("update messages set doc = ?1 where room = ?2 and seq = ?3")?
            .execute(params![doc, room, seq])?;
        add(tx, doc, text)?;
    }
    Ok(some.last().map(|(room, seq, ..)| (*room, *seq)))
}

fn words(text: &str) -> Vec<String> {
    words::words(text).into_iter().map(|word| word.text).collect()
}

/// Words that have parts, each once, as far as they are looked up.
fn long(said: &[String]) -> BTreeSet<&str> {
    let cut = said.iter().map(|word| looked_up(word));
    cut.filter(|word| word.chars().count() > PART_MIN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_cut_is_asked_for_by_its_beginning() {
        let (long, longer) = ("a".repeat(64), "a".repeat(65));
        assert_eq!(token("tea", false), "\"tea\"");
        assert_eq!(token("tea", true), "\"tea\"*");
        assert_eq!(token(&longer, false), format!("\"{long}\"*"));
        assert_eq!(token(&long, false), format!("\"{long}\"*"));
    }
}
