//! Rooms on disk: where they stand, what is mine about them, and what becomes of all they hold
//! when one is left, cut or distrusted.

use super::Sql;
use crate::apply::Touched;
use crate::planted::{Bug, planted};
use crate::room::Mark;
use crate::search;
use hallway_protocol::frames::Head;
use hallway_protocol::ids::{RoomId, Seq, UserId};
use hallway_protocol::rows::Mine;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use std::collections::BTreeSet;

/// What every row of a room asks first.
pub(crate) struct Place {
    pub direct: bool,
    pub min_seq: Seq,
}

/// The room, if I am in it.
pub(crate) fn place(tx: &Connection, room: RoomId) -> Sql<Option<Place>> {
    tx.prepare_cached(
        "select kind = 'direct', min_seq from rooms where room = ?1 and state = 'joined'",
    )?
    .query_row([room.0], |row| Ok(Place { direct: row.get(0)?, min_seq: row.get(1)? }))
    .optional()
}

/// The wire's word for a value.
pub(crate) fn word<T: Serialize>(value: &T) -> Sql<String> {
    let value = serde_json::to_value(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    Ok(value.as_str().unwrap_or_default().to_owned())
}

pub(crate) fn mark(
    tx: &Connection,
    room: RoomId,
    mark: &Mark,
    covered: Option<&[(Seq, Seq)]>,
) -> Sql<()> {
    tx.prepare_cached(
        "update rooms set cursor = ?2, head = ?3, win = ?4, catch_from = ?5, min_seq = ?6
         where room = ?1",
    )?
    .execute(params![
        room.0,
        mark.cursor,
        mark.head,
        mark.win,
        mark.catch_from,
        mark.min_seq
    ])?;
    let Some(covered) = covered else { return Ok(()) };
    tx.prepare_cached("delete from covered where room = ?1")?.execute([room.0])?;
    let mut insert = tx.prepare_cached("insert into covered (room, lo, hi) values (?1, ?2, ?3)")?;
    for (lo, hi) in covered {
        insert.execute([room.0, *lo, *hi])?;
    }
    Ok(())
}

/// The server's numbers win, unless they are older than the ones held: counted at a lower head, or
/// from a read mark that has risen since.
pub(crate) fn counted(tx: &Connection, head: &Head, touched: &mut Touched) -> Sql<()> {
    read_mark(tx, head.room, head.read, touched)?;
    tx.prepare_cached(
        "update rooms set counted = ?2, counted_read = case when ?7 then read else ?3 end,
             unread = ?4, mentions = ?5, last_n = max(last_n, ?6)
         where room = ?1 and (counted < ?2 or counted = ?2 and (counted_read <= ?3 or ?7))",
    )?
    .execute(params![
        head.room.0,
        head.head,
        head.read,
        head.unread,
        head.mentions,
        head.last_n,
        planted(Bug::CountedFromHere)
    ])
    .map(drop)
}

/// Read marks never fall (P8).
pub(crate) fn read_mark(tx: &Connection, room: RoomId, seq: Seq, touched: &mut Touched) -> Sql<()> {
    let rose = tx
        .prepare_cached("update rooms set read = ?2 where room = ?1 and read < ?2")?
        .execute([room.0, seq])?;
    if rose > 0 {
        touched.rooms.insert(room);
        touched.read.insert(room, seq);
    }
    Ok(())
}

pub(crate) fn receipts(tx: &Connection, room: RoomId, marks: &[(UserId, Seq, Seq)]) -> Sql<()> {
    let mut statement = tx.prepare_cached(
        "insert into receipts (room, user, read, delivered) values (?1, ?2, ?3, ?4)
         on conflict (room, user) do update set read = max(read, ?3),
             delivered = max(delivered, ?4)",
    )?;
    for (user, read, delivered) in marks {
        statement.execute([room.0, user.0, *read, *delivered])?;
    }
    Ok(())
}

/// My row about a room I am in.
pub(crate) fn keep(tx: &Connection, m: &Mine, touched: &mut Touched) -> Sql<()> {
    tx.prepare_cached(
        "insert into rooms (room, state, head, notified) values (?1, 'joined', ?2, ?3)
         on conflict (room) do update set state = 'joined', head = max(head, ?2)",
    )?
    .execute([m.room.0, m.head, m.read])?;
    let changed = tx
        .prepare_cached(
            "update rooms set unread_mark = ?2, notify = ?3, muted_until = ?4, favourite = ?5,
                 draft = ?6, mine_rev = ?7 where room = ?1 and mine_rev < ?7",
        )?
        .execute(params![
            m.room.0,
            m.unread_mark,
            word(&m.notify)?,
            m.muted_until,
            m.favourite,
            m.draft,
            m.rev
        ])?;
    touched.rooms.insert(m.room);
    if changed > 0 {
        let (room, head, read) = (m.room, m.head, m.read);
        let (unread, mentions) = (m.unread, m.mentions);
        counted(tx, &Head { room, head, base: 0, last_n: 0, read, unread, mentions }, touched)?;
        cut(tx, m.room, m.min_seq, touched)?;
    }
    Ok(())
}

/// Removes the messages between two numbers, their words and reactions.
pub(super) fn remove(
    tx: &Connection,
    room: RoomId,
    lo: Seq,
    hi: Seq,
    touched: &mut Touched,
) -> Sql<()> {
    let mut statement = tx.prepare_cached(
        "select seq, case when sender = (select cast(v as integer) from sync where k = 'user')
             then key end, doc, text
         from messages where room = ?1 and seq between ?2 and ?3",
    )?;
    let mut rows = statement.query([room.0, lo, hi])?;
    while let Some(row) = rows.next()? {
        let (seq, key): (Seq, Option<String>) = (row.get(0)?, row.get(1)?);
        if let Some(doc) = row.get(2)? {
            search::remove(tx, doc, row.get_ref(3)?.as_str()?)?;
        }
        if key.is_none() {
            touched.over.insert((room, seq));
        }
        touched.hidden.push((room, key.unwrap_or_else(|| format!("{room}:{seq}"))));
    }
    for sql in [
        "delete from messages where room = ?1 and seq between ?2 and ?3",
        "delete from reactions where room = ?1 and seq between ?2 and ?3",
    ] {
        tx.prepare_cached(sql)?.execute([room.0, lo, hi])?;
    }
    Ok(())
}

/// Nothing below `min_seq` is mine to see.
pub(crate) fn cut(tx: &Connection, room: RoomId, min_seq: Seq, touched: &mut Touched) -> Sql<()> {
    let raised = tx
        .prepare_cached("update rooms set min_seq = ?2 where room = ?1 and min_seq < ?2")?
        .execute([room.0, min_seq])?;
    let any: bool = tx
        .prepare_cached("select exists (select 1 from messages where room = ?1 and seq < ?2)")?
        .query_row([room.0, min_seq], |row| row.get(0))?;
    if raised > 0 || any {
        remove(tx, room, 0, min_seq - 1, touched)?;
    }
    Ok(())
}

/// I am not in the room any more: what it held goes; it stays listed while unsent texts do.
pub(crate) fn leave(
    tx: &Connection,
    room: RoomId,
    why: &'static str,
    touched: &mut Touched,
) -> Sql<()> {
    let told: Option<Seq> = tx
        .prepare_cached("select max(head, notified) from rooms where room = ?1")?
        .query_row([room.0], |row| row.get(0))
        .optional()?;
    let known = tx
        .prepare_cached(
            "update rooms set state = ?2, cursor = 0, head = 0, win = 0, catch_from = null,
                 read = 0, counted = 0, counted_read = 0, unread = 0, mentions = 0, draft = null,
                 mine_rev = 0, notified = 0, min_seq = 1
             where room = ?1 and state = 'joined'",
        )?
        .execute(params![room.0, why])?;
    if known == 0 {
        return Ok(());
    }
    remove(tx, room, 0, Seq::MAX, &mut Touched::default())?;
    for sql in [
        "delete from members where room = ?1",
        "delete from covered where room = ?1",
        "delete from receipts where room = ?1",
    ] {
        tx.prepare_cached(sql)?.execute([room.0])?;
    }
    // What was told of it is not for the screen any more.
    touched.read.extend(told.map(|told| (room, told)));
    touched.messages.remove(&room);
    touched.fresh.retain(|fresh| fresh.room != room);
    touched.rooms.insert(room);
    Ok(())
}

/// A room I was not let into, with unsent texts in it: listed while they are. Nothing is known of it.
pub(crate) fn outside(tx: &Connection, room: RoomId, touched: &mut Touched) -> Sql<()> {
    tx.prepare_cached(
        "insert into rooms (room, state, name) values (?1, 'removed', ?1)
         on conflict (room) do nothing",
    )?
    .execute([room.0])?;
    touched.rooms.insert(room);
    Ok(())
}

/// Rooms I left whose last unsent text is gone leave the store.
pub(crate) fn sweep(tx: &Connection, touched: &mut Touched) -> Sql<()> {
    let mut statement = tx.prepare_cached(
        "delete from rooms where state <> 'joined'
             and not exists (select 1 from outbox where outbox.room = rooms.room)
         returning room, state",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let why = match row.get_ref(1)?.as_str()? {
            "left" => "left",
            "deleted" => "deleted",
            _ => "removed",
        };
        let room = RoomId(row.get(0)?);
        touched.rooms.remove(&room);
        touched.gone.push((room, why));
    }
    Ok(())
}

/// In a range that was read whole, what was not read is not there.
pub(crate) fn whole(
    tx: &Connection,
    (room, lo, hi, as_of): (RoomId, Seq, Seq, Seq),
    messages: &BTreeSet<Seq>,
    reactions: &BTreeSet<(Seq, UserId, String)>,
    touched: &mut Touched,
) -> Sql<()> {
    let mut statement = tx.prepare_cached(
        "select seq from messages where room = ?1 and seq between ?2 and ?3 and rev <= ?4",
    )?;
    let held: Vec<Seq> =
        statement.query_map([room.0, lo, hi, as_of], |row| row.get(0))?.collect::<Sql<_>>()?;
    for seq in held.into_iter().filter(|seq| !messages.contains(seq)) {
        remove(tx, room, seq, seq, touched)?;
    }
    tx.prepare_cached(
        "update messages set verified = 1 where room = ?1 and seq between ?2 and ?3 and verified = 0",
    )?
    .execute([room.0, lo, hi])?;
    let mut statement = tx.prepare_cached(
        "select seq, user, emoji from reactions
         where room = ?1 and seq between ?2 and ?3 and rev <= ?4 and held = 1",
    )?;
    let held: Vec<(Seq, UserId, String)> = statement
        .query_map([room.0, lo, hi, as_of], |row| {
            Ok((row.get(0)?, UserId(row.get(1)?), row.get(2)?))
        })?
        .collect::<Sql<_>>()?;
    for reaction in held.into_iter().filter(|reaction| !reactions.contains(reaction)) {
        let (seq, user, emoji) = reaction;
        tx.prepare_cached(
            "delete from reactions where room = ?1 and seq = ?2 and user = ?3 and emoji = ?4",
        )?
        .execute(params![room.0, seq, user.0, emoji])?;
        touched.message(room, seq);
    }
    Ok(())
}

/// A reset: rows stay on screen, but any row of the server's replaces those it never had.
pub(crate) fn distrust(tx: &Connection, room: RoomId, to: Seq) -> Sql<()> {
    tx.prepare_cached("update messages set verified = 0 where room = ?1")?.execute([room.0])?;
    for sql in [
        "update messages set rev = 0 where room = ?1 and rev > ?2",
        "update reactions set rev = 0 where room = ?1 and rev > ?2",
        "update members set rev = 0 where room = ?1 and rev > ?2",
        "update rooms set rev = 0 where room = ?1 and rev > ?2",
        "update rooms set counted = 0 where room = ?1 and counted > ?2",
    ] {
        tx.prepare_cached(sql)?.execute([room.0, to])?;
    }
    Ok(())
}

/// Rooms whose name is made of this person's.
pub(crate) fn of_person(tx: &Connection, user: UserId, touched: &mut Touched) -> Sql<()> {
    let mut statement = tx.prepare_cached(
        "select rooms.room from rooms join members using (room)
         where rooms.kind = 'direct' and members.user = ?1",
    )?;
    for room in statement.query_map([user.0], |row| row.get(0))? {
        touched.rooms.insert(RoomId(room?));
    }
    Ok(())
}
