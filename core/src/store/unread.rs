//! Unread and mentions of a room. The server's numbers hold at the head where it counted; beyond
//! it the local rows are added, and tombstones that came later are subtracted. Everything follows
//! from rows, so it is the same however often it is asked.

use super::Sql;
use hallway_protocol::ids::{RoomId, Seq, UserId};
use hallway_protocol::limits::UNREAD_MAX;
use rusqlite::{Connection, params};

/// The server's count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub head: Seq,
    pub read: Seq,
    pub unread: i64,
    pub mentions: i64,
}

/// `(unread, mentions)` with the read mark at `read`, which may be ahead of what the server knows.
pub(super) fn unread(
    conn: &Connection,
    me: UserId,
    room: RoomId,
    counted: Counted,
    read: Seq,
) -> Sql<(i64, i64)> {
    let beyond = live(conn, me, room, read.max(counted.head), Seq::MAX)?;
    let within = if read > counted.read {
        let local = live(conn, me, room, read, counted.head)?;
        (local.0.min(counted.unread), local.1.min(counted.mentions))
    } else {
        let gone = buried(conn, me, room, counted)?;
        (counted.unread - gone.0, counted.mentions - gone.1)
    };
    let sum = |a: i64, b: i64| (a.max(0) + b).min(UNREAD_MAX);
    Ok((sum(within.0, beyond.0), sum(within.1, beyond.1)))
}

/// See [`live`].
pub(super) const LIVE: &str = "select count(*), coalesce(sum(concerns), 0) from (
         select concerns from messages
         where room = ?1 and seq > ?2 and seq <= ?3 and kind = 'text' and deleted = 0
             and sender <> ?4
         limit ?5)";

/// Countable messages of others in `(after, to]`, to a hundred, and how many concern me.
fn live(conn: &Connection, me: UserId, room: RoomId, after: Seq, to: Seq) -> Sql<(i64, i64)> {
    conn.prepare_cached(LIVE)?.query_row(params![room.0, after, to, me.0, UNREAD_MAX], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

/// Messages the server counted that were deleted since.
fn buried(conn: &Connection, me: UserId, room: RoomId, counted: Counted) -> Sql<(i64, i64)> {
    conn.prepare_cached(
        "select count(*), coalesce(sum(concerns), 0) from messages
         where room = ?1 and rev > ?2 and rev > seq and deleted = 1 and kind = 'text'
             and seq > ?3 and seq <= ?2 and sender <> ?4",
    )?
    .query_row(params![room.0, counted.head, counted.read, me.0], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}
