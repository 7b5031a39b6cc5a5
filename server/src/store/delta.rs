//! Deltas of a room. Replay carries every row changed since the cursor, cut between changes;
//! a window carries what changed in what is held, and the latest messages; a reset the latest alone.

use super::engine::{Outcome, Record};
use super::messages::select_messages;
use super::rooms::Facts;
use super::{Me, Read, Result, StoreError, members, messages, own, pages, reactions, rooms, users};
use crate::access::{self, Act, Standing};
use crate::params;
use hallway_protocol::frames::{Delta, DeltaKind};
use hallway_protocol::ids::{RoomId, Seq, UserId};
use hallway_protocol::limits::{DELTA_BYTES, DELTA_ROWS, PAGE, REPLAY_MAX, WINDOW_ROWS};
use hallway_protocol::rows::{RoomKind, Row};

/// Messages of a window, in bytes: what else is in it finds room in the same frame of 1 MiB.
const WINDOW_BYTES: usize = 640 * 1024;
/// The same of the older messages in it that changed.
const CHANGED_BYTES: usize = 256 * 1024;

/// What a client holds of a room, and how much it wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pull {
    /// The room.
    pub room: RoomId,
    /// The cursor: everything up to here is held.
    pub since: Seq,
    /// Nothing below it is held.
    pub floor: Option<Seq>,
    /// How many of the latest messages a window carries.
    pub latest: Option<usize>,
    /// This goes on with a replay that was not done: it stays one, however far the head has moved.
    pub going: bool,
}

/// The next part of what a client is behind with. While it is not `done`, ask again with
/// `since: to` and `going`.
pub fn pull(read: &mut Read<'_>, me: &Me, asked: &Pull) -> Result<Delta> {
    let facts = rooms::facts(read, asked.room)?.ok_or(StoreError::NotFound("room"))?;
    let standing = access::may(read, me, Act::See, &facts)?;
    let far = facts.head.saturating_sub(asked.since) > REPLAY_MAX && !asked.going;
    let mut delta = if asked.since > facts.head {
        fresh(read, &facts, standing, asked, DeltaKind::Reset)?
    } else if asked.since <= 0 {
        fresh(read, &facts, standing, asked, DeltaKind::Window)?
    } else if far {
        window(read, &facts, standing, asked)?
    } else {
        replay(read, &facts, standing, asked)?
    };
    if standing.role.is_some() {
        let direct = facts.kind == RoomKind::Direct;
        delta.read = own::seen(read, me.user, facts.id)?;
        (delta.unread, delta.mentions) =
            own::counts(read, me.user, facts.id, direct, delta.read, standing.min_seq)?;
    }
    Ok(delta)
}

fn empty(facts: &Facts, standing: Standing, asked: &Pull, kind: DeltaKind) -> Delta {
    Delta {
        id: None,
        room: facts.id,
        since: asked.since,
        to: facts.head,
        kind,
        floor: asked.floor.unwrap_or(1),
        first: asked.since.saturating_add(1),
        done: true,
        rows: Vec::new(),
        hole: None,
        min_seq: standing.min_seq,
        head: facts.head,
        last_n: facts.last_n,
        read: 0,
        unread: 0,
        mentions: 0,
    }
}

/// The latest messages, the room and its members: for who holds nothing, or nothing that is sure.
fn fresh(
    read: &mut Read<'_>,
    facts: &Facts,
    standing: Standing,
    asked: &Pull,
    kind: DeltaKind,
) -> Result<Delta> {
    let mut delta = empty(facts, standing, asked, kind);
    latest(read, facts, standing, asked, &mut delta)?;
    about(read, facts, 0, &mut delta)?;
    if delta.first > standing.min_seq {
        delta.hole = Some((standing.min_seq, delta.first - 1));
    }
    Ok(delta)
}

fn window(read: &mut Read<'_>, facts: &Facts, standing: Standing, asked: &Pull) -> Result<Delta> {
    let mut delta = empty(facts, standing, asked, DeltaKind::Window);
    let from = delta.floor.max(standing.min_seq);
    let most = WINDOW_ROWS as i64 + 1;
    let range = params![facts.id, asked.since, from, most];
    let changed = read.all(
        select_messages!(
            "where room = $1 and rev <> seq and rev > $2 and seq >= $3 and seq <= $2
         order by rev limit $4"
        ),
        range,
        messages::row,
    )?;
    let reacted = read.all(
        "select room, seq, person, emoji, active, rev from reactions
         where room = $1 and rev > $2 and seq >= $3 and seq <= $2 order by rev limit $4",
        range,
        reactions::row,
    )?;
    let mut people = pages::named(&changed);
    people.extend(reacted.iter().map(|reaction| reaction.user));
    let (changes, reacted) = (changed.len() + reacted.len(), reacted.into_iter());
    let changed: Vec<Row> = changed.into_iter().map(Row::Message).collect();
    if changes > WINDOW_ROWS || bytes(&changed) > CHANGED_BYTES {
        return fresh(read, facts, standing, asked, DeltaKind::Reset);
    }
    latest(read, facts, standing, asked, &mut delta)?;
    // What lies among the latest is there already, in the same version.
    let first = delta.first;
    let old = changed.into_iter().chain(reacted.map(Row::Reaction));
    let old: Vec<Row> = old.filter(|row| !is_from(row, first)).collect();
    delta.rows.extend(old);
    delta.rows.extend(users::rows(read, people)?);
    about(read, facts, asked.since, &mut delta)?;
    let hole = asked.since.max(standing.min_seq - 1) + 1;
    if delta.first > hole {
        delta.hole = Some((hole, delta.first - 1));
    }
    Ok(delta)
}

/// Whether a row that is on belongs to a message from `first` on.
fn is_from(row: &Row, first: Seq) -> bool {
    match row {
        Row::Message(message) => message.seq >= first,
        Row::Reaction(reaction) => reaction.seq >= first && reaction.on,
        _ => false,
    }
}

fn latest(
    read: &mut Read<'_>,
    facts: &Facts,
    standing: Standing,
    asked: &Pull,
    delta: &mut Delta,
) -> Result<()> {
    let mut limit = asked.latest.unwrap_or(PAGE.0).clamp(1, PAGE.1);
    loop {
        let (found, first) = pages::latest(read, facts, standing.min_seq, limit)?;
        delta.first = first;
        delta.rows = pages::dressed(read, facts.id, standing.min_seq, found)?;
        if limit == 1 || bytes(&delta.rows) <= WINDOW_BYTES {
            return Ok(());
        }
        // What is left out is part of the hole, like all that is older.
        limit /= 2;
    }
}

/// The room, and memberships that changed since.
fn about(read: &mut Read<'_>, facts: &Facts, since: Seq, delta: &mut Delta) -> Result<()> {
    let found = read.all(
        "select room, person, role, joined_seq, left_seq, muted_until, rev from members
         where room = $1 and rev > $2 order by rev, person",
        params![facts.id, since],
        members::member,
    )?;
    let people: Vec<UserId> = found.iter().map(|member| member.user).collect();
    delta.rows.extend(rooms::any(read, facts.id)?.map(Row::Room));
    delta.rows.extend(found.into_iter().map(Row::Member));
    delta.rows.extend(users::rows(read, people)?);
    dedup_people(&mut delta.rows);
    Ok(())
}

fn dedup_people(rows: &mut Vec<Row>) {
    let mut seen = std::collections::HashSet::new();
    rows.retain(|row| match row {
        Row::User(user) => seen.insert(user.user),
        _ => true,
    });
}

fn replay(read: &mut Read<'_>, facts: &Facts, standing: Standing, asked: &Pull) -> Result<Delta> {
    let mut delta = empty(facts, standing, asked, DeltaKind::Replay);
    let (since, from) = (asked.since, standing.min_seq);
    let range = params![facts.id, since, from, MOST];
    let mut rows = read.all(
        select_messages!(
            "where room = $1 and seq > $2 and seq >= $3 and rev = seq
         order by seq limit $4"
        ),
        range,
        |row| messages::row(row).map(Row::Message),
    )?;
    rows.extend(read.all(
        select_messages!(
            "where room = $1 and rev <> seq and rev > $2 and seq >= $3
         order by rev limit $4"
        ),
        range,
        |row| messages::row(row).map(Row::Message),
    )?);
    rows.extend(read.all(
        "select room, seq, person, emoji, active, rev from reactions
         where room = $1 and rev > $2 and seq >= $3 order by rev limit $4",
        range,
        |row| reactions::row(row).map(Row::Reaction),
    )?);
    rows.extend(read.all(
        "select room, person, role, joined_seq, left_seq, muted_until, rev from members
         where room = $1 and rev > $2 order by rev, person limit $3",
        params![facts.id, since, MOST],
        member,
    )?);
    rows.extend(rooms::any(read, facts.id)?.filter(|room| room.rev > since).map(Row::Room));
    let (rows, to) = cut(rows, facts.head);
    (delta.to, delta.done) = (to, to == facts.head);
    delta.rows = rows;
    let people = users::rows(read, people(&delta.rows))?;
    delta.rows.extend(people);
    Ok(delta)
}

/// Rows of one kind that one frame can need: one more, to know that there are more.
const MOST: i64 = DELTA_ROWS as i64 + 1;

fn member(row: &Record<'_>) -> Outcome<Row> {
    members::member(row).map(Row::Member)
}

/// The rows of one frame in order of their changes, and the last change that is in it whole. Each
/// kind was read one row further than a frame holds, so what was not read lies behind the cut.
fn cut(mut rows: Vec<Row>, head: Seq) -> (Vec<Row>, Seq) {
    rows.sort_by_key(Row::rev);
    let (mut size, mut end, mut to) = (0, 0, head);
    for change in rows.chunk_by(|a, b| a.rev() == b.rev()) {
        size += bytes(change);
        // The first change goes whole, whatever its size.
        if end > 0 && (end + change.len() > DELTA_ROWS || size > DELTA_BYTES) {
            to = change.first().map_or(to, |row| row.rev() - 1);
            break;
        }
        end += change.len();
    }
    rows.truncate(end);
    (rows, to)
}

/// How long rows are on the wire.
pub fn bytes(rows: &[Row]) -> usize {
    let mut counter = Counter(0);
    for row in rows {
        // A row is plain data: it has no key that is not a string, so this cannot fail.
        let _ = serde_json::to_writer(&mut counter, row);
    }
    counter.0 + rows.len()
}

struct Counter(usize);

impl std::io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everyone these rows name.
pub(super) fn people(rows: &[Row]) -> Vec<UserId> {
    let mut people = Vec::new();
    for row in rows {
        match row {
            Row::Message(message) => people.extend(pages::named(std::slice::from_ref(message))),
            Row::Reaction(reaction) => people.push(reaction.user),
            Row::Member(member) => people.push(member.user),
            _ => {}
        }
    }
    people
}
