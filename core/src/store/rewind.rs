//! Another data set: what is past each room's `base` was never said there. Own messages return to the
//! outbox under their keys, so their senders heal the lost tail.

use super::{Sql, load, rooms, set};
use crate::apply::Touched;
use crate::coverage::Coverage;
use crate::op::{Act, Draft, Op, State};
use crate::room::Mark;
use hallway_protocol::ids::{Key, Millis, RoomId, Seq, UserId};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

/// Goes back to where each room's log stood. A room that the server does not name is not known to be
/// the server's at all.
pub(crate) fn rewind(
    tx: &Connection,
    me: UserId,
    epoch: &str,
    heads: &[(RoomId, Seq)],
    touched: &mut Touched,
) -> Sql<()> {
    touched.all_unsent = true;
    for (room, base) in heads {
        resend(tx, me, *room, *base)?;
        remark(tx, *room)?;
        back(tx, *room, *base, touched)?;
    }
    for room in unnamed(tx, heads)? {
        rooms::distrust(tx, room, 0)?;
        if let Some(mark) = load::mark(tx, room)? {
            let mark = Mark { min_seq: mark.min_seq, ..Mark::default() };
            rooms::mark(tx, room, &mark, Some(Coverage::default().ranges()))?;
        }
    }
    tx.execute("update rooms set mine_rev = 0", [])?;
    // People's versions are of their own logs, which fell back too; nothing says how far.
    tx.execute("update users set rev = 0", [])?;
    // What waited for the old log's number would wait for ever; it may be lost, so it goes again.
    tx.execute("update outbox set state = 'queued', settle = null where state = 'settled'", [])?;
    set(tx, "epoch", epoch)?;
    set(tx, "own", "0")
}

fn unnamed(tx: &Connection, heads: &[(RoomId, Seq)]) -> Sql<Vec<RoomId>> {
    let mut statement = tx.prepare("select room from rooms where state = 'joined'")?;
    let held: Vec<RoomId> =
        statement.query_map([], |row| Ok(RoomId(row.get(0)?)))?.collect::<Sql<_>>()?;
    let named = |room: &RoomId| heads.iter().any(|(other, _)| other == room);
    Ok(held.into_iter().filter(|room| !named(room)).collect())
}

/// Takes one room back: rows past `base` go, and with them what they say about older ones.
fn back(tx: &Connection, room: RoomId, base: Seq, touched: &mut Touched) -> Sql<()> {
    let mut statement = tx.prepare_cached(
        "select seq from messages where room = ?1 and (seq > ?2 or rev > ?2 and rev > seq)
         union select seq from reactions where room = ?1 and rev > ?2",
    )?;
    let lost: Vec<Seq> =
        statement.query_map([room.0, base], |row| row.get(0))?.collect::<Sql<_>>()?;
    for seq in lost {
        rooms::remove(tx, room, seq, seq, touched)?;
    }
    tx.prepare_cached("delete from members where room = ?1 and rev > ?2")?
        .execute([room.0, base])?;
    tx.prepare_cached("update rooms set rev = 0 where room = ?1 and rev > ?2")?
        .execute([room.0, base])?;
    // Some of what was lost has no row to fall back to: settings, memberships, a reaction that was
    // taken back before it was ever fetched here. Where anything past `base` was seen, what is held
    // stays to be read, and all of it is looked at anew.
    let ahead = load::mark(tx, room)?.is_some_and(|mark| mark.cursor.max(mark.head) > base);
    tx.prepare_cached(
        "update rooms set cursor = case when ?3 then 0 else cursor end,
             head = min(head, ?2), win = min(win, ?2),
             catch_from = case when ?3 then null else catch_from end,
             counted = 0, notified = min(notified, ?2), mine_rev = 0
         where room = ?1",
    )?
    .execute(params![room.0, base, ahead])?;
    if let Some(mark) = load::mark(tx, room)? {
        let covered = if ahead { Coverage::default() } else { load::covered(tx, room)? };
        rooms::mark(tx, room, &mark, Some(covered.ranges()))?;
    }
    touched.rooms.insert(room);
    Ok(())
}

/// A lost message of mine.
struct Lost {
    seq: Seq,
    key: Key,
    text: String,
    reply: Option<Seq>,
    thread: Option<Seq>,
    at: Millis,
}

/// Lost messages go again before all that waits, for they were written before it, and in the order in
/// which they stood; one that answers another of them waits for it.
fn resend(tx: &Connection, me: UserId, room: RoomId, base: Seq) -> Sql<()> {
    let lost = lost(tx, me, room, base)?;
    let lowest: i64 =
        tx.query_row("select coalesce(min(op), 1) from outbox", [], |row| row.get(0))?;
    let first = lowest.min(1) - super::views::count_of(lost.len());
    let keys: BTreeMap<Seq, Key> = lost.iter().map(|one| (one.seq, one.key.clone())).collect();
    let within = |seq: &Seq| *seq <= base;
    for (op, one) in (first..).zip(lost) {
        let needs = one.reply.and_then(|seq| keys.get(&seq).cloned());
        let act = Act::Send {
            text: one.text,
            reply: one.reply.filter(within),
            thread: one.thread.filter(within),
            // It took its draft along when it was first said.
            draft: Draft::Kept,
        };
        let state = if needs.is_some() { State::Blocked } else { State::Queued };
        let again = again(op, room, one.key, act, one.at);
        super::put_op(tx, &Op { attempts: 1, needs, state, ..again })?;
    }
    Ok(())
}

fn lost(tx: &Connection, me: UserId, room: RoomId, base: Seq) -> Sql<Vec<Lost>> {
    let mut statement = tx.prepare_cached(
        "select seq, key, text, reply, thread, at from messages
         where room = ?1 and seq > ?2 and sender = ?3 and kind = 'text' and deleted = 0
             and key is not null and not exists (select 1 from outbox where outbox.key = messages.key)
         order by seq",
    )?;
    let mut rows = statement.query([room.0, base, me.0])?;
    let mut lost = Vec::new();
    while let Some(row) = rows.next()? {
        let key: String = row.get(1)?;
        let Ok(key) = key.parse() else { continue };
        lost.push(Lost {
            seq: row.get(0)?,
            key,
            text: row.get(2)?,
            reply: row.get(3)?,
            thread: row.get(4)?,
            at: row.get(5)?,
        });
    }
    Ok(lost)
}

/// The read mark may be lost too: it is said again, so that all devices agree on it (P8). The key
/// follows from the mark, for the wire has none for it.
fn remark(tx: &Connection, room: RoomId) -> Sql<()> {
    let seq: Seq = tx
        .prepare_cached("select read from rooms where room = ?1 and state = 'joined'")?
        .query_row([room.0], |row| row.get(0))
        .optional()?
        .unwrap_or_default();
    let mut bytes = (i128::from(room.0) << 64 | i128::from(seq)).to_be_bytes();
    (bytes[6], bytes[8]) = (bytes[6] & 0x0f | 0x70, bytes[8] & 0x3f | 0x80);
    let key = Key::from_bytes(bytes);
    let waits: bool = tx
        .prepare_cached("select exists (select 1 from outbox where key = ?1)")?
        .query_row([key.as_str()], |row| row.get(0))?;
    if seq > 0 && !waits {
        let last: i64 =
            tx.query_row("select coalesce(max(op), 0) from outbox", [], |row| row.get(0))?;
        super::put_op(tx, &again(last.max(0) + 1, room, key, Act::Read { seq }, 0))?;
    }
    Ok(())
}

/// An operation that goes once more, in this place.
fn again(op: i64, room: RoomId, key: Key, act: Act, at: Millis) -> Op {
    Op {
        op,
        key,
        room,
        act,
        target: None,
        needs: None,
        state: State::Queued,
        attempts: 0,
        error: None,
        at,
        born: None,
        settle: None,
        not_before: 0,
    }
}
