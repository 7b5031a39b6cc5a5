//! Search in what is held, with no server: an FTS5 index fed with the words of
//! `hallway_protocol::words`, asked what `hallway_protocol::search` reads, as the server's is, so
//! both find the same. The index keeps no text; a word that is deleted leaves it at once.

mod ask;
mod index;

pub(crate) use index::{add, is_found, number, prepare, rebuild_if_old, remove, settle};

use crate::feed::{Found, Hit};
use crate::store::{Sql, views};
use ask::Asked;
use hallway_protocol::ids::{RoomId, Seq, UserId};
use hallway_protocol::search::Query;
use rusqlite::Connection;
use std::cmp::Reverse;
use std::collections::HashSet;

/// Most hits of one answer.
const LIMIT: usize = 100;
/// Messages looked at for one answer.
const LOOKED_AT: usize = 4_000;
/// Messages fetched at once: at first, at most.
const FETCHED: (usize, usize) = (128, 1_024);

/// Messages that answer a search: first what is not sent yet, then newest first.
pub(crate) fn find(
    conn: &Connection,
    me: UserId,
    query: &Query,
    room: Option<RoomId>,
    limit: usize,
) -> Sql<Found> {
    if query.is_empty() {
        return Ok(Found { items: Vec::new(), more: false });
    }
    let (limit, asked) = (limit.clamp(1, LIMIT), Asked::new(conn, me, query, room)?);
    let pending = match room {
        Some(room) => views::pending(conn, me, room)?,
        None => views::all_pending(conn, me)?,
    };
    let mut items: Vec<Hit> =
        pending.into_iter().rev().filter_map(|message| asked.hit(message)).collect();
    let (mut hits, more) = confirmed(conn, me, &asked, room, limit + 1)?;
    hits.sort_by_key(|hit| (Reverse(hit.message.at), hit.message.room, Reverse(hit.message.seq)));
    items.extend(hits);
    let more = more || items.len() > limit;
    items.truncate(limit);
    Ok(Found { items, more })
}

/// The newest confirmed messages that answer, as many as wanted or some more; whether there may be
/// others.
fn confirmed(
    conn: &Connection,
    me: UserId,
    asked: &Asked<'_>,
    room: Option<RoomId>,
    want: usize,
) -> Sql<(Vec<Hit>, bool)> {
    let mut hits = Vec::new();
    // What is being changed is found by what it will be, not by what the index still has.
    let changed = changed(conn, room)?;
    for (room, seq) in &changed {
        let found = views::messages(conn, me, *room, &[*seq])?;
        hits.extend(found.into_iter().filter_map(|message| asked.hit(message)));
    }
    let (want, mut to, mut looked, mut size) = (want + hits.len(), i64::MAX, 0, FETCHED.0);
    loop {
        let places = asked.next(conn, to, size)?;
        for (doc, room, seq) in &places {
            to = *doc;
            if changed.contains(&(*room, *seq)) {
                continue;
            }
            let found = views::messages(conn, me, *room, &[*seq])?;
            hits.extend(found.into_iter().filter_map(|message| asked.hit(message)));
            if hits.len() >= want {
                return Ok((hits, true));
            }
        }
        looked += places.len();
        if places.len() < size {
            return Ok((hits, false));
        }
        if looked >= LOOKED_AT {
            return Ok((hits, true));
        }
        size = (size * 2).min(FETCHED.1);
    }
}

/// Confirmed messages with a change on the way.
fn changed(conn: &Connection, room: Option<RoomId>) -> Sql<HashSet<(RoomId, Seq)>> {
    conn.prepare_cached(
        "select room, target_seq from outbox
         where kind in ('edit', 'delete', 'react', 'pin') and target_seq is not null
             and (?1 is null or room = ?1)",
    )?
    .query_map([room.map(|room| room.0)], |row| Ok((RoomId(row.get(0)?), row.get(1)?)))?
    .collect()
}

#[cfg(test)]
mod tests;
