//! What the engine is told when it starts: where each room stands, what is covered, what waits.

use super::{Sql, fact, outbox};
use crate::coverage::Coverage;
use crate::engine::Contact;
use crate::op::Op;
use crate::room::{Mark, Room};
use hallway_protocol::ids::{RoomId, Seq, UserId};
use rusqlite::{Connection, OptionalExtension};
use std::collections::BTreeMap;

/// The engine's memory, as the store kept it.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The account's id on this device.
    pub account: String,
    /// Who I am.
    pub me: UserId,
    /// The data set the cursors belong to.
    pub epoch: Option<String>,
    /// Cursor of my own log.
    pub own: Seq,
    /// The server's last word about time.
    pub contact: Option<Contact>,
    /// This device once had everything its account is in: what comes now may call.
    pub looked: bool,
    /// Sends up to this place wait for the person's word.
    pub held: i64,
    /// The rooms I am in.
    pub rooms: Vec<Room>,
    /// Which of them are direct.
    pub direct: Vec<RoomId>,
    /// Their drafts, where they have one.
    pub drafts: Vec<(RoomId, String)>,
    /// What waits.
    pub ops: Vec<Op>,
    /// How many rows of the outbox are no operations.
    pub unreadable: usize,
    /// The highest place ever given in the outbox.
    pub last_op: i64,
}

/// The ranges of one room.
pub(super) fn covered(conn: &Connection, room: RoomId) -> Sql<Coverage> {
    let mut statement = conn.prepare_cached("select lo, hi from covered where room = ?1")?;
    let ranges = statement.query_map([room.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Coverage::new(ranges.collect::<Sql<Vec<_>>>()?))
}

/// Where one room stands.
pub(super) fn mark(conn: &Connection, room: RoomId) -> Sql<Option<Mark>> {
    conn.prepare_cached("select cursor, head, win, catch_from, min_seq from rooms where room = ?1")?
        .query_row([room.0], |row| {
            Ok(Mark {
                cursor: row.get(0)?,
                head: row.get(1)?,
                win: row.get(2)?,
                catch_from: row.get(3)?,
                min_seq: row.get(4)?,
            })
        })
        .optional()
}

pub(super) fn load(conn: &Connection) -> Sql<Loaded> {
    let number = |name: &str| -> Sql<Option<i64>> {
        Ok(fact(conn, name)?.and_then(|value| value.parse().ok()))
    };
    let mut covered: BTreeMap<RoomId, Vec<(Seq, Seq)>> = BTreeMap::new();
    let mut ranges = conn.prepare("select room, lo, hi from covered")?;
    for range in ranges.query_map([], |row| Ok((RoomId(row.get(0)?), row.get(1)?, row.get(2)?)))? {
        let (room, lo, hi) = range?;
        covered.entry(room).or_default().push((lo, hi));
    }
    let (mut direct, mut drafts) = (Vec::new(), Vec::new());
    let mut rooms = Vec::new();
    let mut statement = conn.prepare(
        "select room, cursor, head, win, catch_from, min_seq, kind, draft from rooms
         where state = 'joined' order by room",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = RoomId(row.get(0)?);
        let mark = Mark {
            cursor: row.get(1)?,
            head: row.get(2)?,
            win: row.get(3)?,
            catch_from: row.get(4)?,
            min_seq: row.get(5)?,
        };
        if row.get_ref(6)?.as_str()? == "direct" {
            direct.push(id);
        }
        drafts.extend(row.get::<_, Option<String>>(7)?.map(|draft| (id, draft)));
        rooms.push(Room::new(id, mark, Coverage::new(covered.remove(&id).unwrap_or_default())));
    }
    let mut statement = conn.prepare(&outbox::from_end(false))?;
    let stored: Vec<Sql<Op>> = statement.query_map([], outbox::read)?.collect();
    let rows = stored.len();
    let ops = stored.into_iter().filter_map(outbox::readable).collect::<Sql<Vec<_>>>()?;
    Ok(Loaded {
        account: String::new(),
        me: UserId(number("user")?.unwrap_or_default()),
        epoch: fact(conn, "epoch")?,
        own: number("own")?.unwrap_or_default(),
        contact: fact(conn, "contact")?.as_deref().and_then(Contact::read),
        looked: fact(conn, "looked")?.is_some(),
        held: number("held")?.unwrap_or_default(),
        rooms,
        direct,
        drafts,
        unreadable: rows - ops.len(),
        ops,
        last_op: outbox::last(conn)?,
    })
}
