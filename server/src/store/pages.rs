//! Messages in lists: pages of a room's history, threads, pins, all that somebody wrote. Each list
//! carries what its messages need to be drawn: reactions, quoted messages, people.

use super::messages::select_messages;
use super::rooms::Facts;
use super::{Me, Read, Result, StoreError, messages, reactions, rooms, users};
use crate::access::{self, Act};
use crate::params;
use hallway_protocol::ids::{RoomId, Seq, UserId};
use hallway_protocol::rest::{Page, Rows};
use hallway_protocol::rows::{Message, MessageKind, Row};

/// Which part of a history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The latest.
    Latest,
    /// Those before this one.
    Before(Seq),
    /// Those after this one.
    After(Seq),
    /// Those on both sides of this one, and itself.
    Around(Seq),
}

/// A page of a room's history. `limit` counts messages.
pub fn page(read: &mut Read<'_>, me: &Me, room: RoomId, part: Part, limit: usize) -> Result<Page> {
    let facts = rooms::facts(read, room)?.ok_or(StoreError::NotFound("room"))?;
    let min_seq = access::may(read, me, Act::See, &facts)?.min_seq;
    let (found, lo, hi) = match part {
        Part::Latest => before(read, &facts, min_seq, facts.head + 1, limit)?,
        Part::Before(seq) => before(read, &facts, min_seq, seq.min(facts.head + 1), limit)?,
        Part::After(seq) => after(read, &facts, min_seq, seq, limit)?,
        Part::Around(seq) => {
            let half = limit / 2;
            let seq = seq.min(facts.head + 1);
            let (mut found, lo, _) = before(read, &facts, min_seq, seq, half)?;
            let (rest, _, hi) = after(read, &facts, min_seq, seq - 1, limit - half)?;
            found.extend(rest);
            (found, lo, hi)
        }
    };
    let rows = dressed(read, room, min_seq, found)?;
    Ok(Page { lo, hi, rows, as_of: facts.head, min_seq })
}

/// Refuses who holds more of a room than there is. Numbers follow commits and a reader sees them all,
/// so they either hold what a restore took back, and have to sync before they ask again, or made the
/// number up.
pub fn reaches(read: &mut Read<'_>, room: RoomId, head: Seq, fresh: Option<Seq>) -> Result<()> {
    if fresh.is_none_or(|fresh| fresh <= head) {
        return Ok(());
    }
    let epochs = "select count(*) from bases where room = $1";
    match read.number(epochs, params![room])? {
        0 => Err(StoreError::Invalid("fresh", format!("is ahead of the room ({head})"))),
        _ => Err(StoreError::Conflict("the room was put back to an earlier state: sync first")),
    }
}

/// The messages of a page, oldest first, and the range in which nothing is missing.
type Found = (Vec<Message>, Seq, Seq);

fn before(
    read: &mut Read<'_>,
    room: &Facts,
    min_seq: Seq,
    seq: Seq,
    limit: usize,
) -> Result<Found> {
    let mut found = read.all(
        select_messages!("where room = $1 and seq < $2 and seq >= $3 order by seq desc limit $4"),
        params![room.id, seq, min_seq, count(limit)],
        messages::row,
    )?;
    found.reverse();
    let full = found.len() == limit;
    let lo = match found.first() {
        Some(first) if full => first.seq,
        None if full => seq.max(min_seq), // nothing was asked for
        _ => min_seq,
    };
    Ok((found, lo, (seq - 1).max(min_seq - 1)))
}

fn after(read: &mut Read<'_>, room: &Facts, min_seq: Seq, seq: Seq, limit: usize) -> Result<Found> {
    let from = seq.min(room.head).max(min_seq - 1);
    let found = read.all(
        select_messages!("where room = $1 and seq > $2 order by seq limit $3"),
        params![room.id, from, count(limit)],
        messages::row,
    )?;
    let full = found.len() == limit;
    let hi = found.last().filter(|_| full).map_or(room.head.max(from), |last| last.seq);
    Ok((found, from + 1, hi))
}

/// The latest messages a member may see, oldest first, and from where nothing is missing.
pub(super) fn latest(
    read: &mut Read<'_>,
    room: &Facts,
    min_seq: Seq,
    limit: usize,
) -> Result<(Vec<Message>, Seq)> {
    let (found, lo, _) = before(read, room, min_seq, room.head + 1, limit)?;
    Ok((found, lo.min(room.head + 1)))
}

/// A thread: its first message and the replies, oldest first.
pub fn thread(
    read: &mut Read<'_>,
    me: &Me,
    room: RoomId,
    seq: Seq,
    next: Option<&str>,
    limit: usize,
) -> Result<Rows> {
    let facts = rooms::facts(read, room)?.ok_or(StoreError::NotFound("room"))?;
    let min_seq = access::may(read, me, Act::See, &facts)?.min_seq;
    let first = messages::visible(read, room, seq, min_seq)?;
    let from = number(next)?.unwrap_or(seq);
    let found = read.all(
        select_messages!(
            "where room = $1 and thread = $2 and seq > $3 and seq >= $4
         order by seq limit $5"
        ),
        params![room, seq, from, min_seq, beyond(limit)],
        messages::row,
    )?;
    let (mut found, next) = cut(found, limit, |last| last.seq.to_string());
    if from == seq {
        found.insert(0, first);
    }
    Ok(Rows { rows: dressed(read, room, min_seq, found)?, next })
}

/// The pinned messages of a room, latest first.
pub fn pins(
    read: &mut Read<'_>,
    me: &Me,
    room: RoomId,
    next: Option<&str>,
    limit: usize,
) -> Result<Rows> {
    let facts = rooms::facts(read, room)?.ok_or(StoreError::NotFound("room"))?;
    let min_seq = access::may(read, me, Act::See, &facts)?.min_seq;
    let below = number(next)?.unwrap_or(facts.head + 1);
    let found = read.all(
        select_messages!(
            "where room = $1 and pinned = 1 and seq < $2 and seq >= $3
         order by seq desc limit $4"
        ),
        params![room, below, min_seq, beyond(limit)],
        messages::row,
    )?;
    let (found, next) = cut(found, limit, |last| last.seq.to_string());
    Ok(Rows { rows: dressed(read, room, min_seq, found)?, next })
}

/// All I wrote, room by room, in the rooms I am in.
pub fn written(read: &mut Read<'_>, me: &Me, next: Option<&str>, limit: usize) -> Result<Rows> {
    let (room, seq) = match pair(next)? {
        Some((room, seq)) => (room, number(Some(seq))?.unwrap_or(0)),
        None => (0, 0),
    };
    let found = read.all(
        "select m.room, m.seq, m.rev, m.n, m.kind, m.sender, m.at, m.key, m.text, m.reply, m.thread,
            m.mentions, m.everyone, m.meta, m.edited_at, m.pinned, m.deleted_at, m.files
         from messages m join rooms r on r.id = m.room
            join members b on b.room = m.room and b.person = m.sender and b.left_seq is null
         where m.sender = $1 and (m.room, m.seq) > ($2, $3) and m.kind = 0
            and m.deleted_at is null and r.deleted_at is null
            and (r.history = 'all' or m.seq >= b.joined_seq) and m.seq >= r.kept_from
         order by m.room, m.seq limit $4",
        params![me.user, room, seq, beyond(limit)],
        messages::row,
    )?;
    let (found, next) = cut(found, limit, |last| messages::target(last.room, last.seq));
    let people = users::rows(read, named(&found))?;
    Ok(Rows { rows: found.into_iter().map(Row::Message).chain(people).collect(), next })
}

/// Messages with what they need to be drawn: reactions that are on, messages they quote (as they
/// are now, and only what the reader may see), people they name.
pub(super) fn dressed(
    read: &mut Read<'_>,
    room: RoomId,
    min_seq: Seq,
    found: Vec<Message>,
) -> Result<Vec<Row>> {
    let seqs: Vec<i64> = found.iter().map(|message| message.seq).collect();
    let reactions = reactions::on(read, room, &seqs)?;
    let mut quoted: Vec<i64> = found.iter().filter_map(|message| message.reply).collect();
    quoted.retain(|seq| *seq >= min_seq && !seqs.contains(seq));
    quoted.sort_unstable();
    quoted.dedup();
    let quoted = these(read, room, &quoted)?;
    let mut people = named(&found);
    people.extend(named(&quoted));
    people.extend(reactions.iter().map(|reaction| reaction.user));
    let people = users::rows(read, people)?;
    let rows = found.into_iter().chain(quoted).map(Row::Message);
    Ok(rows.chain(reactions.into_iter().map(Row::Reaction)).chain(people).collect())
}

fn these(read: &mut Read<'_>, room: RoomId, seqs: &Vec<i64>) -> Result<Vec<Message>> {
    if seqs.is_empty() {
        return Ok(Vec::new());
    }
    read.all(
        select_messages!("where room = $1 and seq in (select value from rarray($2)) order by seq"),
        params![room, seqs],
        messages::row,
    )
}

/// Everyone these messages name: senders, mentions, whom a notice is about.
pub(super) fn named(found: &[Message]) -> Vec<UserId> {
    let mut people = Vec::new();
    for message in found {
        people.push(message.sender);
        people.extend(&message.mentions);
        if message.kind == MessageKind::System {
            let about = ["user", "by"].into_iter().filter_map(|field| message.meta.get(field));
            people.extend(about.filter_map(serde_json::Value::as_i64).map(UserId));
        }
    }
    people.sort_unstable();
    people.dedup();
    people
}

/// How many to look for: one beyond what is shown says that the list goes on.
pub fn beyond(limit: usize) -> i64 {
    count(limit).saturating_add(1)
}

/// What is shown of what was found, and the place of the last one where the list goes on.
pub fn cut<T>(
    mut found: Vec<T>,
    limit: usize,
    place: impl FnOnce(&T) -> String,
) -> (Vec<T>, Option<String>) {
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(place);
    (found, next)
}

/// Where a list goes on, as our own `next` said.
pub(super) fn number(next: Option<&str>) -> Result<Option<i64>> {
    next.map(|next| next.parse().map_err(|_| not_ours())).transpose()
}

/// The same of two parts: a number, and what follows the colon.
pub(super) fn pair(next: Option<&str>) -> Result<Option<(i64, &str)>> {
    let Some(next) = next else { return Ok(None) };
    let (number, rest) = next.split_once(':').ok_or_else(not_ours)?;
    Ok(Some((number.parse().map_err(|_| not_ours())?, rest)))
}

pub(super) fn not_ours() -> StoreError {
    StoreError::Invalid("next", "is not what a list said".into())
}

pub(super) fn count(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
