//! A part of a room's history: from the store, and online from the server for what is not covered.
//! Offline it is whatever is held, holes and all.

use crate::account::Core;
use crate::error::Result;
use crate::feed::{LinkState, MessageView, Timeline};
use crate::store::{Sql, views};
use crate::world::{Intent, PageRequest, Place};
use hallway_protocol::ids::{RoomId, Seq, UserId};
use hallway_protocol::limits::PAGE;
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeSet;

/// Most messages of one answer.
const LIMIT: usize = 5_000;
/// Pages asked for one answer beyond those its messages fill: holes may lie in a row.
const PAGES: usize = 6;

/// What is asked for; without a place, the newest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ask {
    /// Below this number.
    pub before: Option<Seq>,
    /// Above this number.
    pub after: Option<Seq>,
    /// On both sides of this number, and itself.
    pub around: Option<Seq>,
    /// How many messages.
    pub limit: usize,
}

/// What the store has, and the page that would make it whole.
struct Local {
    timeline: Timeline,
    missing: Option<Place>,
    /// Nothing of the room was ever fetched.
    cold: bool,
}

impl Core {
    /// A part of a room's history, oldest first; pending messages last where the newest is shown.
    pub async fn timeline(&self, room: RoomId, ask: Ask) -> Result<Timeline> {
        let ask = Ask { limit: ask.limit.clamp(1, LIMIT), ..ask };
        let me = self.me();
        if self.online() && self.room(room).await?.is_some_and(|view| view.gone.is_none()) {
            // A room just entered is being fetched: its first screen is worth the wait.
            let cold = self.inner().reader.read(move |conn| local(conn, me, room, ask)).await?.cold;
            if cold {
                let _ = self.arrived(room).await;
            }
        }
        for _ in 0..PAGES + ask.limit / PAGE.1 {
            let local = self.inner().reader.read(move |conn| local(conn, me, room, ask)).await?;
            let (Some(place), true) = (local.missing, self.online()) else {
                return Ok(local.timeline);
            };
            let limit = ask.limit.min(PAGE.1);
            let request = PageRequest { room, place, limit, fresh: 0 };
            if self.act(Intent::Fill(request)).await.is_err() {
                return Ok(local.timeline);
            }
        }
        let local = self.inner().reader.read(move |conn| local(conn, me, room, ask)).await?;
        Ok(local.timeline)
    }

    fn online(&self) -> bool {
        matches!(self.link(), LinkState::Live | LinkState::CatchingUp)
    }
}

/// Where the room stands.
pub(crate) struct Room {
    min_seq: Seq,
    head: Seq,
    pub read: Seq,
    cursor: Seq,
}

pub(crate) fn facts(conn: &Connection, room: RoomId) -> Sql<Option<Room>> {
    conn.prepare_cached("select min_seq, head, read, cursor from rooms where room = ?1")?
        .query_row([room.0], |row| {
            Ok(Room {
                min_seq: row.get(0)?,
                head: row.get(1)?,
                read: row.get(2)?,
                cursor: row.get(3)?,
            })
        })
        .optional()
}

/// The covered range that holds `seq`.
fn range(conn: &Connection, room: RoomId, seq: Seq) -> Sql<Option<(Seq, Seq)>> {
    conn.prepare_cached(
        "select lo, hi from covered where room = ?1 and lo <= ?2 order by lo desc limit 1",
    )?
    .query_row([room.0, seq], |row| Ok((row.get(0)?, row.get(1)?)))
    .optional()
    .map(|range| range.filter(|(_, hi): &(Seq, Seq)| *hi >= seq))
}

fn local(conn: &Connection, me: UserId, id: RoomId, ask: Ask) -> Sql<Local> {
    let Some(room) = facts(conn, id)? else {
        let rows = views::pending(conn, me, id)?;
        let timeline =
            Timeline { rows, people: Vec::new(), more_before: false, more_after: false, read: 0 };
        return Ok(Local { timeline, missing: None, cold: false });
    };
    let mut part = match (ask.before, ask.after, ask.around) {
        (Some(before), _, _) => below(conn, me, id, &room, before, ask.limit)?,
        (None, Some(after), _) => above(conn, me, id, &room, after + 1, ask.limit)?,
        (None, None, Some(around)) => {
            // There is nothing below the first message I may see.
            let around = around.max(room.min_seq).max(1);
            let half = ask.limit / 2;
            let mut older = below(conn, me, id, &room, around, ask.limit - half - 1)?;
            let newer = above(conn, me, id, &room, around, half + 1)?;
            older.rows.extend(newer.rows);
            let middle = range(conn, id, around)?.is_none();
            Part {
                rows: older.rows,
                more_before: older.more_before,
                more_after: newer.more_after,
                missing: if middle && around <= room.head {
                    Some(Place::Around(around))
                } else {
                    older.missing.or(newer.missing)
                },
            }
        }
        _ => below(conn, me, id, &room, Seq::MAX, ask.limit)?,
    };
    if !part.more_after && ask.before.is_none() {
        part.rows.extend(views::pending(conn, me, id)?);
    }
    let named: BTreeSet<UserId> = part.rows.iter().flat_map(named).collect();
    let timeline = Timeline {
        people: views::people(conn, named)?,
        rows: part.rows.into_iter().map(MessageView::drawn).collect(),
        more_before: part.more_before,
        more_after: part.more_after,
        read: room.read,
    };
    Ok(Local { timeline, missing: part.missing, cold: room.cursor == 0 })
}

pub(crate) fn named(row: &MessageView) -> impl Iterator<Item = UserId> {
    let reply = row.reply.as_ref().map(|reply| reply.sender);
    let reactions = row.reactions.iter().flat_map(|reaction| reaction.users.iter().copied());
    let mentions = row.mentions.iter().copied();
    std::iter::once(row.sender)
        .chain(reply)
        .chain(reactions)
        .chain(mentions)
        .collect::<Vec<_>>()
        .into_iter()
}

struct Part {
    rows: Vec<MessageView>,
    more_before: bool,
    more_after: bool,
    missing: Option<Place>,
}

fn below(
    conn: &Connection,
    me: UserId,
    id: RoomId,
    room: &Room,
    before: Seq,
    limit: usize,
) -> Sql<Part> {
    let rows = views::part(conn, me, id, views::Part::Below(before, limit + 1))?;
    let more = rows.len() > limit;
    let rows: Vec<_> = rows.into_iter().skip(usize::from(more)).collect();
    // The newest is what the cursor says; what lies beyond it arrives by itself.
    let top = (before - 1).min(room.cursor.max(room.min_seq - 1));
    let wanted = match rows.first().and_then(|row| row.seq) {
        Some(lowest) if rows.len() >= limit => lowest,
        _ => room.min_seq.max(1),
    };
    let missing = if limit == 0 { None } else { missing_below(conn, id, top, wanted)? };
    let more_after = before <= room.head && {
        let newest = rows.last().and_then(|row| row.seq).unwrap_or(before);
        has_newer(conn, id, newest.max(before - 1))?
    };
    Ok(Part { more_before: more || missing.is_some(), more_after, rows, missing })
}

/// The highest gap in `[wanted, top]`, as the page that ends just below what follows it.
fn missing_below(conn: &Connection, id: RoomId, top: Seq, wanted: Seq) -> Sql<Option<Place>> {
    if top < wanted {
        return Ok(None);
    }
    Ok(match range(conn, id, top)? {
        None => Some(Place::Before(top + 1)),
        Some((lo, _)) if lo <= wanted => None,
        Some((lo, _)) => Some(Place::Before(lo)),
    })
}

fn has_newer(conn: &Connection, id: RoomId, seq: Seq) -> Sql<bool> {
    conn.prepare_cached("select exists (select 1 from messages where room = ?1 and seq > ?2)")?
        .query_row([id.0, seq], |row| row.get(0))
}

fn above(
    conn: &Connection,
    me: UserId,
    id: RoomId,
    room: &Room,
    from: Seq,
    limit: usize,
) -> Sql<Part> {
    let from = from.max(room.min_seq);
    let rows = views::part(conn, me, id, views::Part::From(from, limit + 1))?;
    let more = rows.len() > limit;
    let rows: Vec<_> = rows.into_iter().take(limit).collect();
    let wanted = match rows.last().and_then(|row| row.seq) {
        Some(highest) if rows.len() >= limit => highest,
        _ => room.cursor,
    };
    let missing = if from > wanted {
        None
    } else {
        match range(conn, id, from)? {
            None => Some(Place::After(from - 1)),
            Some((_, hi)) if hi >= wanted => None,
            Some((_, hi)) => Some(Place::After(hi)),
        }
    };
    let more_before = from > room.min_seq.max(1);
    Ok(Part { more_before, more_after: more || missing.is_some(), rows, missing })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    const ROOM: RoomId = RoomId(7);

    /// A room of sixty messages, all of them held.
    fn held(min_seq: Seq) -> Store {
        let store = Store::memory(UserId(3)).unwrap();
        let conn = store.connection();
        let room = "insert into rooms (room, cursor, head, min_seq) values (7, 60, 60, ?1)";
        conn.execute(room, [min_seq]).unwrap();
        conn.execute("insert into covered (room, lo, hi) values (7, ?1, 60)", [min_seq]).unwrap();
        for seq in min_seq..=60 {
            conn.execute(
                "insert into messages (room, seq, n, sender, at, kind, text, deleted, pinned,
                     everyone, mentions, meta, files, rev)
                 values (7, ?1, ?1, 9, 1, 'text', 'tea', 0, 0, 0, '[]', '{}', '[]', ?1)",
                [seq],
            )
            .unwrap();
        }
        store
    }

    fn around(store: &Store, around: Seq, limit: usize) -> Local {
        let ask = Ask { around: Some(around), limit, ..Ask::default() };
        local(store.connection(), UserId(3), ROOM, ask).unwrap()
    }

    #[test]
    fn a_place_before_the_first_message_is_the_first_message() {
        for (min_seq, place) in [(1, 0), (20, 0), (20, 5)] {
            let store = held(min_seq);
            let local = around(&store, place, 10);
            assert_eq!(local.missing, None, "around {place} of {min_seq}");
            assert_eq!(local.timeline.rows.first().and_then(|row| row.seq), Some(min_seq));
        }
    }

    #[test]
    fn where_nothing_is_wanted_nothing_is_missing() {
        let store = held(1);
        store.connection().execute("update covered set lo = 30", []).unwrap();
        assert_eq!(around(&store, 30, 1).missing, None);
    }
}
