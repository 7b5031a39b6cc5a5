//! Search: the index proposes, newest first; who asks is asked of `access` for each room, and every
//! message is held against the question as it is now. So an index that knows too much shows nothing
//! too much, and both engines answer alike.
//!
//! Ranked means: of the newest [`WINDOW`] that answer, the best first; then the best of the next. The
//! rank of a message depends on nothing but the message and the question, never on how often a word
//! is said where one may not look, and pages stay as they are while messages arrive.

mod ask;
mod dialect;
mod feed;
mod parts;

pub use feed::feed;
pub(super) use feed::{prepare, put, take, take_room, take_tenant};
pub use parts::{Known, Met};

use super::rooms::{Facts, facts_row};
use super::{Me, Read, Result, StoreError, pages, rooms};
use crate::access::{self, Act, Seat};
use crate::params;
use ask::Asked;
use dialect::Span;
use hallway_protocol::ids::{Millis, RoomId, Seq, UserId};
use hallway_protocol::rest::{Hit, Hits};
use hallway_protocol::rows::{Message, Row};
use hallway_protocol::search::{Query, Trait};
use std::collections::{BTreeMap, HashSet};

/// Messages ranked together.
const WINDOW: usize = 400;
/// Messages looked at for one page; a page may be short, and says where it goes on.
const LOOKED_AT: usize = 4_000;
/// Messages fetched at once: at first, at most.
const FETCHED: (usize, usize) = (128, 1_024);

/// In which order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Order {
    /// Best first.
    #[default]
    Rank,
    /// Newest first.
    Time,
}

/// A search as it is asked.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Search {
    /// What was typed.
    pub query: Query,
    /// In this room alone.
    pub room: Option<RoomId>,
    /// Of this sender.
    pub from: Option<UserId>,
    /// Said after then.
    pub after: Option<Millis>,
    /// Said before then.
    pub before: Option<Millis>,
    /// Best or newest first.
    pub order: Order,
    /// Where the last page ended.
    pub next: Option<String>,
    /// Messages of a page.
    pub limit: usize,
}

/// A room somebody sees.
struct Place {
    facts: Facts,
    min_seq: Seq,
    name: String,
    behind: Option<Behind>,
}

/// What of a room is not in the index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Behind {
    /// What was said lately.
    New,
    /// What was said before there was an index.
    Old,
}

/// A message that answers.
struct Scored {
    doc: i64,
    score: u32,
    message: Message,
    ranges: Vec<(usize, usize)>,
}

/// A page of what answers.
pub fn find(read: &mut Read<'_>, me: &Me, search: &Search) -> Result<Hits> {
    let places = places(read, me, search.room)?;
    let begin = Begin::parse(search)?;
    let Some(asked) = ask::resolve(read, me, search, &places)? else {
        return Ok(Hits { items: Vec::new(), rows: Vec::new(), next: None });
    };
    let want = if search.order == Order::Rank { WINDOW } else { search.limit };
    let (mut found, further) = collect(read, search, &asked, &places, begin.to, want)?;
    let top = found.first().map_or(begin.to, |newest| begin.to.min(newest.doc + 1));
    let mut next = further.map(|to| Begin { to, behind: None });
    if search.order == Order::Rank {
        found.sort_by_key(|hit| std::cmp::Reverse((hit.score, hit.doc)));
        if let Some(last) = begin.behind {
            found.retain(|hit| (hit.score, hit.doc) < last);
        }
        if found.len() > search.limit {
            found.truncate(search.limit);
            let last = found.last().map(|hit| (hit.score, hit.doc));
            next = Some(Begin { to: top, behind: last });
        }
    }
    let next = next.map(|next| next.text(search.order));
    let rows = rows(read, &found, &places)?;
    let hit = |hit: Scored| Hit { message: Row::Message(hit.message), ranges: hit.ranges };
    Ok(Hits { items: found.into_iter().map(hit).collect(), rows, next })
}

/// Rooms of this search whose messages are not all in the index, those with new ones first.
pub fn behind(read: &mut Read<'_>, me: &Me, room: Option<RoomId>) -> Result<Vec<RoomId>> {
    let mut places = places(read, me, room)?;
    places.retain(|_, place| place.behind.is_some());
    let mut rooms: Vec<_> = places.into_values().collect();
    rooms.sort_by_key(|place| place.behind);
    Ok(rooms.into_iter().map(|place| place.facts.id).collect())
}

/// Rooms of the whole server that are behind, a part at a time; asked once at start.
pub fn all_behind(read: &mut Read<'_>, from: RoomId, limit: usize) -> Result<Vec<RoomId>> {
    read.all(
        "select r.id from rooms r join tenants t on t.id = r.tenant
            left join search_rooms s on s.room = r.id
         where r.id > $1 and r.deleted_at is null and t.erased_at is null
            and (s.room is null or s.high < r.head or s.low > r.kept_from)
         order by r.id limit $2",
        params![from, pages::count(limit)],
        |row| row.get(0),
    )
}

/// Where somebody may look: the one room they named, or all they see.
fn places(read: &mut Read<'_>, me: &Me, room: Option<RoomId>) -> Result<BTreeMap<RoomId, Place>> {
    if let Some(room) = room {
        let facts = rooms::facts(read, room)?.ok_or(StoreError::NotFound("room"))?;
        access::may(read, me, Act::See, &facts)?;
    }
    let mut found = read.all(
        "select r.id, r.tenant, r.kind, r.visibility, r.history, r.head, r.last_n, r.hidden,
            r.deleted_at, r.announce, r.slow_seconds, r.archived_at, r.kept_from, r.size,
            r.name_folded, s.low, s.high, b.role, b.joined_seq
         from members b join rooms r on r.id = b.room left join search_rooms s on s.room = r.id
         where b.person = $1 and b.left_seq is null and (r.id = $2 or $2 = 0)",
        params![me.user, room.unwrap_or(RoomId(0))],
        |row| Ok((place(row)?, Some((access::role(row.get(17)?), row.get(18)?)))),
    )?;
    // A guest sees no public room that they are not in: `decide` would drop them all.
    if !me.guest {
        let public = read.all(
            "select r.id, r.tenant, r.kind, r.visibility, r.history, r.head, r.last_n, r.hidden,
                r.deleted_at, r.announce, r.slow_seconds, r.archived_at, r.kept_from, r.size,
                r.name_folded, s.low, s.high
             from rooms r left join search_rooms s on s.room = r.id
                left join members b on b.room = r.id and b.person = $1 and b.left_seq is null
             where r.tenant = $2 and r.visibility = 'public' and r.deleted_at is null
                and b.person is null and (r.id = $3 or $3 = 0)",
            params![me.user, me.tenant, room.unwrap_or(RoomId(0))],
            |row| Ok((place(row)?, None)),
        )?;
        found.extend(public);
    }
    let mut places = BTreeMap::new();
    for (mut place, member) in found {
        let seat = member.map(|(role, _)| Seat { role, muted: false });
        if access::decide(me, seat, Act::See, &place.facts).is_ok() {
            place.min_seq = access::standing(member, &place.facts).min_seq;
            places.insert(place.facts.id, place);
        }
    }
    Ok(places)
}

fn place(row: &super::engine::Record<'_>) -> super::engine::Outcome<Place> {
    let facts = facts_row(row)?;
    let (low, high): (Option<Seq>, Option<Seq>) = (row.get(15)?, row.get(16)?);
    let behind = match (low, high) {
        (Some(_), Some(high)) if high < facts.head => Some(Behind::New),
        (Some(low), Some(_)) if low <= facts.kept_from => None,
        _ => Some(Behind::Old),
    };
    Ok(Place { facts, min_seq: Seq::MAX, name: row.get(14)?, behind })
}

/// The newest that answer below a document, newest first: `want` of them, and where to go on.
fn collect(
    read: &mut Read<'_>,
    search: &Search,
    asked: &Asked,
    places: &BTreeMap<RoomId, Place>,
    to: i64,
    want: usize,
) -> Result<(Vec<Scored>, Option<i64>)> {
    let mut found: Vec<Scored> = Vec::new();
    let (mut to, mut looked, mut size) = (to.min(asked.to), 0, FETCHED.0);
    loop {
        let limit = pages::count(size);
        let span = Span { rooms: asked.rooms.clone(), from: asked.from, to, limit };
        let docs = asked.source(read, &span)?;
        let end = docs.len() < size;
        looked += docs.len();
        for (doc, message) in docs {
            let Some(scored) = answers(read, search, asked, places, doc, message)? else {
                to = doc;
                continue;
            };
            if found.len() == want {
                // One more than asked for: there is a next page, and it begins with this one.
                return Ok((found, Some(doc + 1)));
            }
            to = doc;
            found.push(scored);
        }
        if end {
            return Ok((found, None));
        }
        if looked >= LOOKED_AT {
            return Ok((found, Some(to)));
        }
        size = (size * 2).min(FETCHED.1);
    }
}

/// Holds a message against the question, as it is now.
fn answers(
    read: &mut Read<'_>,
    search: &Search,
    asked: &Asked,
    places: &BTreeMap<RoomId, Place>,
    doc: i64,
    message: Message,
) -> Result<Option<Scored>> {
    let seen = places.get(&message.room).is_some_and(|place| message.seq >= place.min_seq);
    if !seen || message.deleted || !asked.takes(&message) {
        return Ok(None);
    }
    for mark in &search.query.marks {
        let has = match mark.of {
            Trait::Link => hallway_protocol::search::has_link(&message.text),
            Trait::File => !message.files.is_empty(),
            Trait::Image => message.files.iter().any(|file| file.kind.starts_with("image/")),
            Trait::Pinned => message.pinned,
            Trait::Thread => message.thread.is_some(),
            Trait::Reaction => has_reaction(read, &message)?,
        };
        if has == mark.not {
            return Ok(None);
        }
    }
    let Some(found) = search.query.find(&message.text) else { return Ok(None) };
    Ok(Some(Scored { doc, score: found.score, message, ranges: found.ranges }))
}

fn has_reaction(read: &mut Read<'_>, message: &Message) -> Result<bool> {
    let found = read.one(
        "select person from reactions where room = $1 and seq = $2 and active = 1 limit 1",
        params![message.room, message.seq],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// What is needed to show the messages: reactions, quoted messages, people; each once.
fn rows(
    read: &mut Read<'_>,
    found: &[Scored],
    places: &BTreeMap<RoomId, Place>,
) -> Result<Vec<Row>> {
    let mut by_room: BTreeMap<RoomId, Vec<Message>> = BTreeMap::new();
    for hit in found {
        by_room.entry(hit.message.room).or_default().push(hit.message.clone());
    }
    let hits: HashSet<(RoomId, Seq)> =
        found.iter().map(|hit| (hit.message.room, hit.message.seq)).collect();
    let (mut rows, mut people) = (Vec::new(), HashSet::new());
    for (room, messages) in by_room {
        let min_seq = places.get(&room).map_or(Seq::MAX, |place| place.min_seq);
        let mut dressed = pages::dressed(read, room, min_seq, messages)?;
        dressed.retain(|row| match row {
            Row::Message(message) => !hits.contains(&(message.room, message.seq)),
            Row::User(user) => people.insert(user.user),
            _ => true,
        });
        rows.extend(dressed);
    }
    Ok(rows)
}

/// Where a page begins: below a document, and in a ranked window behind a message.
struct Begin {
    to: i64,
    behind: Option<(u32, i64)>,
}

impl Begin {
    fn parse(search: &Search) -> Result<Begin> {
        let Some(next) = &search.next else { return Ok(Begin { to: i64::MAX, behind: None }) };
        let read = || {
            let (order, rest) = next.split_at_checked(1)?;
            let mut parts = rest.split('.');
            let to = parts.next()?.parse().ok()?;
            let behind = match (parts.next(), parts.next(), parts.next()) {
                (None, ..) => None,
                (Some(score), Some(doc), None) => Some((score.parse().ok()?, doc.parse().ok()?)),
                _ => return None,
            };
            (order == letter(search.order)).then_some(Begin { to, behind })
        };
        read().ok_or_else(|| StoreError::Invalid("next", "is not what this search said".into()))
    }

    fn text(&self, order: Order) -> String {
        let behind = self.behind.map(|(score, doc)| format!(".{score}.{doc}")).unwrap_or_default();
        format!("{}{}{behind}", letter(order), self.to)
    }
}

fn letter(order: Order) -> &'static str {
    match order {
        Order::Rank => "r",
        Order::Time => "t",
    }
}
