//! Retention: what is older than its room keeps, or its tenant, is deleted: the shorter of the two. However much it is, it takes one number
//! of the room's log: the change moves `kept_from`, and from then on nothing below is there, for
//! nobody, just as nothing is below a newcomer's `min_seq`. What it said is erased behind that line
//! a hundred messages at a time. The keys stay, so an old outbox still learns that it was heard.

use super::change::Change;
use super::jobs::{self, Job, Kind};
use super::rooms::{self, Facts};
use super::{Read, Result, StoreError, Tx, messages, tenants};
use crate::params;
use hallway_protocol::ids::{Millis, RoomId, Seq, TenantId};
use hallway_protocol::rows::Row;

/// Messages erased in one step: each is a handful of rows.
const STEP: i64 = 100;
/// How often a room is looked at.
const EVERY: Millis = 3_600_000;
/// A day, as rooms count them.
const DAY: Millis = 24 * 3_600_000;

/// Sees to it that somebody looks after the room, and soon.
pub(super) fn keep(tx: &mut Tx<'_>, room: &Facts) -> Result<()> {
    let target = room.id.to_string();
    jobs::hurry(tx, Some(room.tenant), Kind::Expire, &target)
}

/// One step of a leased job: erases what has expired, or lets more expire, or comes again later.
pub(super) fn run(tx: &mut Tx<'_>, job: &Job) -> Result<()> {
    let room = job.target.parse().map(RoomId);
    let room = room.map_err(|_| StoreError::Conflict("a job without a target"))?;
    let facts = rooms::lock(tx, room)?;
    if facts.deleted {
        // Everything of it is erased by another job.
        return jobs::finish(tx, job);
    }
    if erase(tx, &facts)? {
        return jobs::go_on(tx, job);
    }
    let Some(days) = days(tx, &facts)? else { return jobs::finish(tx, job) };
    let before = tx.now() - days * DAY;
    if let Some(last) = last_before(tx, &facts, before)? {
        expire(tx, &facts, last + 1)?;
        return jobs::go_on(tx, job);
    }
    let at = tx.now() + EVERY;
    jobs::later(tx, job, at)
}

/// One step of a leased job: rooms of the tenant that nobody looks after yet are looked after; comes
/// again, for rooms are made every day.
pub(super) fn look_over(tx: &mut Tx<'_>, job: &Job) -> Result<()> {
    let tenant = job.target.parse().map(TenantId);
    let tenant = tenant.map_err(|_| StoreError::Conflict("a job without a target"))?;
    let known = tenants::by_id(tx, tenant).ok();
    if known.is_none_or(|tenant| tenant.config.retention_days.is_none()) {
        return jobs::finish(tx, job);
    }
    let found = tx.all(
        "select id from rooms where tenant = $1 and deleted_at is null and not exists
            (select 1 from jobs where once = 'expire:' || rooms.id) order by id limit $2",
        params![tenant, STEP],
        |row| row.get::<RoomId>(0),
    )?;
    for room in &found {
        jobs::hurry(tx, Some(tenant), Kind::Expire, &room.to_string())?;
    }
    if found.len() as i64 == STEP {
        return jobs::go_on(tx, job);
    }
    let at = tx.now() + EVERY;
    jobs::later(tx, job, at)
}

/// How many days the room keeps what was said: its own rule or its tenant's, whichever is shorter.
fn days(read: &mut Read<'_>, room: &Facts) -> Result<Option<i64>> {
    let sql = "select retention_days from rooms where id = $1";
    let own = read.one(sql, params![room.id], |row| row.get::<Option<i64>>(0))?.flatten();
    let all = tenants::by_id(read, room.tenant)?.config.retention_days;
    Ok(own.into_iter().chain(all).min())
}

/// Erases what lies behind the line, a step at a time; true: there is more.
fn erase(tx: &mut Tx<'_>, room: &Facts) -> Result<bool> {
    let from = tx.number("select erased_to from rooms where id = $1", params![room.id])?;
    let found = tx.all(
        "select seq, rev, case when kind = 0 and deleted_at is null then 1 else 0 end from messages
         where room = $1 and seq >= $2 and seq < $3 order by seq limit $4",
        params![room.id, from, room.kept_from, STEP],
        |row| Ok((row.get::<Seq>(0)?, row.get::<Seq>(1)?, row.get::<bool>(2)?)),
    )?;
    for (seq, rev, said) in &found {
        if *said {
            messages::erase(tx, room.id, *seq, *rev)?;
        }
    }
    let more = found.len() as i64 == STEP;
    let to = found.last().filter(|_| more).map_or(room.kept_from, |(seq, ..)| seq + 1);
    if to > from {
        tx.exec("update rooms set erased_to = $1 where id = $2", params![to, room.id])?;
    }
    Ok(more)
}

/// The last message from before that time, if there is one. The log is in order of time, so it is
/// found by halves; where a clock was wrong, whatever lies under an old message is older.
fn last_before(read: &mut Read<'_>, room: &Facts, before: Millis) -> Result<Option<Seq>> {
    let (mut low, mut high, mut last) = (room.kept_from, room.head, None);
    while low <= high {
        let middle = low + (high - low) / 2;
        let next = read.one(
            "select seq, at from messages where room = $1 and seq >= $2 order by seq limit 1",
            params![room.id, middle],
            |row| Ok((row.get::<Seq>(0)?, row.get::<Millis>(1)?)),
        )?;
        match next {
            Some((seq, at)) if seq <= high && at < before => {
                last = Some(seq);
                low = seq + 1;
            }
            _ => high = middle - 1,
        }
    }
    Ok(last)
}

fn expire(tx: &mut Tx<'_>, room: &Facts, kept_from: Seq) -> Result<()> {
    let mut change = Change::begin(tx, room)?;
    tx.exec(
        "update rooms set kept_from = $1, rev = $2 where id = $3",
        params![kept_from, change.seq, room.id],
    )?;
    change.rows(rooms::any(tx, room.id)?.map(Row::Room));
    change.expires(kept_from);
    change.finish(tx)?;
    Ok(())
}
