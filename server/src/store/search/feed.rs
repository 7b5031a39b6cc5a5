//! What goes into the index, and what leaves it. Messages enter in chunks after they were said,
//! under the lock of their room: a room remembers between which numbers everything is in, and fills
//! upwards first, so what is new is found first, then downwards. An edit or a deletion between those
//! numbers changes the index in its own transaction; outside of them there is nothing to change.

use super::super::engine::{Conn, Outcome, Record, Value};
use super::super::mentions::list;
use super::super::messages::files;
use super::super::{Read, Result, Tx, rooms};
use super::dialect::{self, Token};
use super::parts::{self, Known, Met};
use crate::params;
use hallway_protocol::ids::{Millis, RoomId, Seq, TenantId, UserId};
use hallway_protocol::search::{PART_MIN, has_link, looked_up};
use hallway_protocol::words::{VERSION, words};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Instant;

/// Begins the tokens of our own: no letter of any script.
const OWN: char = '\u{e000}';
/// Bits of a document's number below its time: five of the room, fifteen of `seq`.
const LOW: u32 = 20;
const SEQ_BITS: u32 = 15;
/// Times that can be numbered, until the year 2248.
const TIMES: i64 = (1 << 43) - 2;

/// A message on its way into the index.
struct Doc {
    number: i64,
    tenant: TenantId,
    room: RoomId,
    seq: Seq,
    /// Each once.
    words: Vec<String>,
    /// Tokens of our own, each behind a space.
    own: String,
}

impl Doc {
    fn tokens(&self) -> String {
        self.words.join(" ") + &self.own
    }

    /// Words that have parts.
    fn long_words(&self) -> impl Iterator<Item = &String> {
        self.words.iter().filter(|word| word.chars().count() > PART_MIN)
    }
}

/// The token of everything of a tenant.
pub fn tenant_token(tenant: TenantId) -> Token {
    own('t', tenant.0)
}

/// The token of a room, a sender, somebody named, a link, a thread.
pub fn own(of: char, id: i64) -> Token {
    Token { text: format!("{OWN}{of}{id}"), prefix: false }
}

/// The least number of a document of that time.
pub fn number(at: Millis) -> i64 {
    at.clamp(0, TIMES) << LOW
}

pub fn number_of(at: Millis, room: RoomId, seq: Seq) -> i64 {
    let spread = (room.0.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 59).cast_signed();
    number(at) | spread << SEQ_BITS | seq & ((1 << SEQ_BITS) - 1)
}

/// Puts into the index what is missing of these rooms, as much as one step holds. Answers which of
/// them are still behind, and what is to be remembered once this is committed.
pub fn feed(tx: &mut Tx<'_>, behind: &[RoomId], known: &Known) -> Result<(Vec<RoomId>, Met)> {
    let (began, index) = (Instant::now(), dialect::of(tx.is_postgres()));
    index.turn(tx)?;
    let (mut docs, mut left) = (Vec::new(), known.step());
    let rest = gather(tx, behind, &mut left, &mut docs, true)?;
    let rest = gather(tx, &rest, &mut left, &mut docs, false)?;
    // One after the other, as the index likes them.
    docs.sort_by_key(|doc| doc.number);
    for doc in &docs {
        let tokens = doc.tokens();
        let mut number = doc.number;
        while !index.add(tx, number, doc.room, doc.seq, &tokens)? {
            number += 1;
        }
    }
    let words = docs.iter().flat_map(|doc| doc.long_words().map(|word| (doc.tenant, &**word)));
    let mut met = known.meet(tx, words)?;
    met.took(began.elapsed(), docs.len(), tx.is_postgres());
    Ok((rest, met))
}

/// Takes what is missing of rooms, each its share; those that are still behind. What is new comes
/// before what is old.
fn gather(
    tx: &mut Tx<'_>,
    rooms: &[RoomId],
    left: &mut i64,
    docs: &mut Vec<Doc>,
    new: bool,
) -> Result<Vec<RoomId>> {
    let mut behind = Vec::new();
    for (i, room) in rooms.iter().enumerate() {
        let others = i64::try_from(rooms.len() - i).unwrap_or(i64::MAX);
        let share = (*left / others).max(i64::from(*left > 0));
        let before = docs.len();
        if share == 0 || !fill(tx, *room, share, docs, new)? {
            behind.push(*room);
        }
        *left -= i64::try_from(docs.len() - before).unwrap_or(0);
    }
    Ok(behind)
}

/// Takes what is missing of a room, upwards or downwards; true: nothing more is, in either.
fn fill(tx: &mut Tx<'_>, room: RoomId, share: i64, docs: &mut Vec<Doc>, new: bool) -> Result<bool> {
    tx.hold_room(room)?;
    let Some(facts) = rooms::facts(tx, room)?.filter(|facts| !facts.deleted) else {
        return Ok(true);
    };
    if !lives(tx, facts.tenant)? {
        return Ok(true);
    }
    let before = extent(tx, room)?;
    let (mut low, mut high) = before.unwrap_or((facts.head + 1, facts.head));
    if new && high < facts.head {
        let from = high.max(facts.kept_from - 1);
        high = filled(docs, share, above(tx, room, from, share)?, facts.head);
    } else if !new && low > facts.kept_from {
        let found = below(tx, room, low, facts.kept_from, share)?;
        low = filled(docs, share, found, facts.kept_from);
    }
    if before != Some((low, high)) {
        tx.exec(
            "insert into search_rooms (room, low, high) values ($1, $2, $3)
             on conflict (room) do update set low = excluded.low, high = excluded.high",
            params![room, low, high],
        )?;
    }
    Ok(high == facts.head && low <= facts.kept_from)
}

/// Whether a tenant is not being erased.
fn lives(read: &mut Read<'_>, tenant: TenantId) -> Result<bool> {
    let lives = "select count(*) from tenants where id = $1 and erased_at is null";
    Ok(read.number(lives, params![tenant])? > 0)
}

/// Adds what was found; how far that is filled: to the end, where less was found than asked for.
fn filled(docs: &mut Vec<Doc>, share: i64, found: Vec<Doc>, end: Seq) -> Seq {
    let full = i64::try_from(found.len()) == Ok(share);
    let to = found.last().filter(|_| full).map_or(end, |doc| doc.seq);
    docs.extend(found);
    to
}

macro_rules! select_said {
    ($rest:literal) => {
        concat!(
            "select m.room, m.seq, m.at, m.sender, m.text, m.mentions, m.everyone, m.thread,
                r.tenant, m.files from messages m join rooms r on r.id = m.room
             where m.room = $1 and m.kind = 0 and m.deleted_at is null and ",
            $rest
        )
    };
}

fn above(tx: &mut Tx<'_>, room: RoomId, high: Seq, limit: i64) -> Result<Vec<Doc>> {
    tx.all(select_said!("m.seq > $2 order by m.seq limit $3"), params![room, high, limit], said)
}

fn below(tx: &mut Tx<'_>, room: RoomId, low: Seq, floor: Seq, limit: i64) -> Result<Vec<Doc>> {
    tx.all(
        select_said!("m.seq < $2 and m.seq >= $3 order by m.seq desc limit $4"),
        params![room, low, floor, limit],
        said,
    )
}

fn said(row: &Record<'_>) -> Outcome<Doc> {
    let (room, seq, at): (RoomId, Seq, Millis) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let (sender, text): (UserId, String) = (row.get(3)?, row.get(4)?);
    let tenant: TenantId = row.get(8)?;
    let mut own = String::new();
    let mut has = |of: char, id: i64| {
        // Writing to a String cannot fail.
        let _ = write!(own, " {OWN}{of}{id}");
    };
    has('t', tenant.0);
    has('r', room.0);
    has('s', sender.0);
    let everyone = row.get::<bool>(6)?.then_some(UserId(0));
    let named = list(&row.get::<String>(5)?).into_iter().chain(everyone);
    named.for_each(|person| has('m', person.0));
    let files = files(&row.get::<String>(9)?);
    let picture = files.iter().any(|file| file.kind.starts_with("image/"));
    let thread = row.get::<Option<Seq>>(7)?.is_some();
    let flags = [('l', has_link(&text)), ('f', !files.is_empty()), ('i', picture), ('h', thread)];
    flags.into_iter().filter(|(_, is)| *is).for_each(|(of, _)| has(of, 0));
    let mut words: Vec<String> = words(&text).into_iter().map(|word| cut(word.text)).collect();
    words.sort_unstable();
    words.dedup();
    Ok(Doc { number: number_of(at, room, seq), tenant, room, seq, words, own })
}

fn cut(mut word: String) -> String {
    word.truncate(looked_up(&word).len());
    word
}

/// From where to where the messages of a room are in the index.
fn extent(read: &mut Read<'_>, room: RoomId) -> Result<Option<(Seq, Seq)>> {
    read.one("select low, high from search_rooms where room = $1", params![room], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

/// Takes a message out before its text changes or goes; true: it was in. The caller holds the room.
pub fn take(tx: &mut Tx<'_>, room: RoomId, seq: Seq) -> Result<bool> {
    let inside = extent(tx, room)?.is_some_and(|(low, high)| (low..=high).contains(&seq));
    if !inside {
        return Ok(false);
    }
    let found = tx.all(select_said!("m.seq = $2"), params![room, seq], said)?;
    take_all(tx, found, true)?;
    Ok(true)
}

/// Takes out what is in of a room that is gone, a step at a time; true: there may be more.
pub fn take_room(tx: &mut Tx<'_>, room: RoomId, limit: i64, forget: bool) -> Result<bool> {
    let Some((low, high)) = extent(tx, room)? else { return Ok(false) };
    let found = tx.all(
        select_said!("m.seq >= $2 and m.seq <= $3 order by m.seq limit $4"),
        params![room, low, high, limit],
        said,
    )?;
    let last = found.last().filter(|_| i64::try_from(found.len()) == Ok(limit)).map(|doc| doc.seq);
    take_all(tx, found, forget)?;
    match last {
        Some(last) => {
            tx.exec("update search_rooms set low = $1 where room = $2", params![last + 1, room])?
        }
        None => tx.exec("delete from search_rooms where room = $1", params![room])?,
    };
    Ok(last.is_some())
}

/// The same of a tenant that is erased: its words go by themselves.
pub fn take_tenant(tx: &mut Tx<'_>, tenant: TenantId, limit: i64) -> Result<bool> {
    let room = tx.one(
        "select s.room from rooms r join search_rooms s on s.room = r.id
         where r.tenant = $1 order by s.room limit 1",
        params![tenant],
        |row| row.get::<RoomId>(0),
    )?;
    match room {
        Some(room) => take_room(tx, room, limit, false).map(|_| true),
        None => Ok(false),
    }
}

fn take_all(tx: &mut Tx<'_>, found: Vec<Doc>, forget: bool) -> Result<()> {
    let index = dialect::of(tx.is_postgres());
    index.turn(tx)?;
    let mut words = BTreeSet::new();
    let mut tenant = None;
    for doc in found {
        let number = tx.one(
            "select doc from search_docs where doc >= $1 and doc < $2 and room = $3 and seq = $4
             order by doc limit 1",
            params![doc.number, doc.number + (1 << LOW), doc.room, doc.seq],
            |row| row.get::<i64>(0),
        )?;
        if let Some(number) = number {
            index.take(tx, number, &doc.tokens())?;
            tenant = Some(doc.tenant);
            words.extend(doc.long_words().cloned());
        }
    }
    match tenant.filter(|_| forget) {
        Some(tenant) => parts::forget(tx, tenant, &words),
        None => Ok(()),
    }
}

/// Puts a message back in whose text has changed.
pub fn put(tx: &mut Tx<'_>, room: RoomId, seq: Seq) -> Result<()> {
    let index = dialect::of(tx.is_postgres());
    for doc in tx.all(select_said!("m.seq = $2"), params![room, seq], said)? {
        let tokens = doc.tokens();
        let mut number = doc.number;
        while !index.add(tx, number, room, seq, &tokens)? {
            number += 1;
        }
        for word in doc.long_words() {
            parts::insert(tx, doc.tenant, word)?;
        }
    }
    Ok(())
}

/// An index that was fed with other rules of words would find wrongly, and could not be emptied
/// message by message: it is made anew.
pub fn prepare(conn: &mut dyn Conn) -> Outcome<()> {
    let (major, minor, _) = char::UNICODE_VERSION;
    let now = format!("{VERSION}/{major}.{minor}");
    let mut fed = None;
    conn.rows("select value from meta where name = 'search'", &[], &mut |row| {
        fed = Some(row.get::<String>(0)?);
        Ok(())
    })?;
    if fed.as_deref() == Some(now.as_str()) {
        return Ok(());
    }
    dialect::of(conn.is_postgres()).clear(conn)?;
    conn.exec(
        "insert into meta (name, value) values ('search', $1)
         on conflict (name) do update set value = excluded.value",
        &[Value::Text(&now)],
    )?;
    Ok(())
}
