//! The work of the store's own jobs, in steps of at most 500 rows, each a transaction with its
//! bookkeeping: what is left undone stays a job.

use super::jobs::{self, DEAD, Job, Kind};
use super::{Me, Read, Result, StoreError, Tx};
use super::{
    accounts, attachments, audit, commands, deliveries, erase, expiry, guests, mails, members,
    notices, oidc, ops, own, previews, reminders, rooms, saved, scheduled, search, sessions,
};
use crate::params;
use hallway_protocol::ids::{Millis, RoomId, TenantId, UserId};
use hallway_protocol::rows::{MineState, TenantRole};

/// Rows of one kind that one step touches.
const CHUNK: i64 = 500;
/// People whose lists one step changes: three rows each.
const PEOPLE: i64 = 150;
/// Messages that one step takes out of the index: a handful of words each.
const WORDS: i64 = 100;
/// Accounts that one step closes.
const ACCOUNTS: i64 = 20;
/// Messages of a room whose files one step lets go, and files one step sweeps: each is some rows.
const CARRIED: i64 = 50;
/// How often the clean-up runs.
const CLEAN_UP: Millis = 3_600_000;
/// Every so many clean-ups all files are looked at: a bucket may hold very many.
const RECONCILED: i64 = 6;

/// How many hours the server has run, as the clean-up counts them. What ages over weeks ages by
/// this, so that a clock set a year off, or a year spent switched off, ends nothing.
pub fn hours(read: &mut Read<'_>) -> Result<i64> {
    let hours =
        read.one("select value from meta where name = 'hours'", &[], |row| row.get::<String>(0))?;
    Ok(hours.and_then(|hours| hours.parse().ok()).unwrap_or(0))
}

fn count_hour(tx: &mut Tx<'_>) -> Result<()> {
    let next = hours(tx)? + 1;
    tx.exec(
        "insert into meta (name, value) values ('hours', $1)
         on conflict (name) do update set value = excluded.value",
        params![&next.to_string()],
    )?;
    Ok(())
}

/// Sees to it that the clean-up is among the jobs; asked once at start.
pub fn begin(tx: &mut Tx<'_>) -> Result<()> {
    jobs::enqueue(tx, None, Kind::CleanUp, "", Some(""))
}

/// Does one step of a leased job, and puts it back, later, or away. When it refuses, nothing is
/// done and the worker says so to [`jobs::fail`].
pub fn run(tx: &mut Tx<'_>, job: &Job) -> Result<()> {
    let more = match job.kind {
        Some(Kind::LeaveRooms) => leave_rooms(tx, job)?,
        Some(Kind::EraseRoom) => erase_room(tx, job)?,
        Some(Kind::EraseTenant) => erase::step(tx, TenantId(number(job)?))?,
        Some(Kind::CleanUp) => clean_up(tx)?,
        Some(Kind::Sweep) => attachments::sweep(tx, CARRIED)?,
        Some(
            Kind::Mail
            | Kind::Webhook
            | Kind::Thumbnail
            | Kind::Discard
            | Kind::Reconcile
            | Kind::Push
            | Kind::Ask,
        ) => return Err(StoreError::Conflict("this is no work of the store")),
        Some(Kind::Expire) => return expiry::run(tx, job),
        Some(Kind::Say) => return scheduled::run(tx, job),
        Some(Kind::Retain) => return expiry::look_over(tx, job),
        Some(Kind::Remind) => return reminders::run(tx, job),
        Some(Kind::Everyone) => return notices::run(tx, job),
        // Who is connected is not the store's to know: the worker asks with it.
        Some(Kind::Vacate | Kind::Digest) => {
            return Err(StoreError::Conflict("a job for the worker"));
        }
        None => return Err(StoreError::Conflict("a kind of job this version does not know")),
    };
    if more {
        return jobs::go_on(tx, job);
    }
    if job.kind == Some(Kind::CleanUp) {
        if hours(tx)? % RECONCILED == RECONCILED - 1 {
            jobs::enqueue(tx, None, Kind::Reconcile, "", Some(""))?;
        }
        count_hour(tx)?;
        let at = tx.now() + CLEAN_UP;
        return jobs::later(tx, job, at);
    }
    jobs::finish(tx, job)
}

/// Takes a closed account out of one room. Direct rooms keep their people for ever.
fn leave_rooms(tx: &mut Tx<'_>, job: &Job) -> Result<bool> {
    let user = UserId(number(job)?);
    if saved::forget(tx, user, CHUNK)? || notices::forget_of(tx, user, CHUNK)? {
        return Ok(true);
    }
    let next = tx.one(
        "select m.room from members m join rooms r on r.id = m.room
         where m.person = $1 and m.left_seq is null and r.kind <> 'direct'
            and r.deleted_at is null order by m.room limit 1",
        params![user],
        |row| row.get::<RoomId>(0),
    )?;
    let Some(room) = next else { return Ok(false) };
    let facts = rooms::lock(tx, room)?;
    tx.hold_people(&[user])?;
    members::depart(tx, &facts, user, user)?;
    Ok(true)
}

/// Takes a deleted room out of its members' lists, then erases what was said in it.
fn erase_room(tx: &mut Tx<'_>, job: &Job) -> Result<bool> {
    let room = RoomId(number(job)?);
    let facts = rooms::lock(tx, room)?;
    let people = tx.all(
        "select i.person from members m join mine i on i.person = m.person and i.room = m.room
         where m.room = $1 and m.left_seq is null and i.state = 'joined' order by i.person limit $2",
        params![room, PEOPLE],
        |row| row.get::<UserId>(0),
    )?;
    if !people.is_empty() {
        tx.hold_people(&people)?;
        for person in people {
            own::stand(tx, person, room, MineState::Deleted, 0)?;
        }
        return Ok(true);
    }
    if search::take_room(tx, room, WORDS, true)? {
        return Ok(true);
    }
    if blank(tx, facts.tenant, room)? {
        return Ok(true);
    }
    let mut most = tx.exec(
        "delete from edits where room = $1 and (seq, rev) in
            (select seq, rev from edits where room = $1 limit $2)",
        params![room, CHUNK],
    )?;
    most = most.max(tx.exec(
        "delete from reactions where room = $1 and (seq, person, emoji) in
            (select seq, person, emoji from reactions where room = $1 limit $2)",
        params![room, CHUNK],
    )?);
    most = most.max(tx.exec(
        "delete from mentions where room = $1 and (person, seq) in
            (select person, seq from mentions where room = $1 limit $2)",
        params![room, CHUNK],
    )?);
    most = most.max(tx.exec(
        "delete from deletions where room = $1 and seq in
            (select seq from deletions where room = $1 limit $2)",
        params![room, CHUNK],
    )?);
    most = most.max(tx.exec(
        "delete from notices where n in (select n from notices where room = $1 limit $2)",
        params![room, CHUNK],
    )?);
    let carried = attachments::release_some(tx, room, CARRIED)?;
    if carried == CARRIED.cast_unsigned() {
        return Ok(true);
    }
    Ok(is_full(most))
}

/// Some messages of a room say nothing any more, and what they named is forgotten; true: there are
/// more that say something.
fn blank(tx: &mut Tx<'_>, tenant: TenantId, room: RoomId) -> Result<bool> {
    let Some(last) = previews::forget_in(tx, tenant, room, CHUNK)? else { return Ok(false) };
    let now = tx.now();
    tx.exec(
        "update messages set text = '', reply = null, mentions = '', everyone = 0, meta = '',
            edited_at = null, pinned = 0, deleted_at = $1, files = ''
         where room = $2 and seq <= $3 and deleted_at is null",
        params![now, room, last],
    )?;
    Ok(true)
}

/// Forgets what has had its time: keys, ended sessions, spent invites, dead letters; ends sessions
/// that nobody used.
fn clean_up(tx: &mut Tx<'_>) -> Result<bool> {
    let (now, hour) = (tx.now(), hours(tx)?);
    let unused =
        sessions::end_unused(tx)? | close_unverified(tx)? | guests::show_out(tx, ACCOUNTS)?;
    let gone = mails::forget(tx, CHUNK)?.max(deliveries::forget(tx, CHUNK)?);
    let gone = gone.max(oidc::forget(tx, CHUNK)?);
    let mut most = tx.exec(
        "delete from ops where (person, key) in
            (select person, key from ops where made_hour < $1 order by made_hour limit $2)",
        params![hour - ops::KEPT, CHUNK],
    )?;
    most = most.max(tx.exec(
        "delete from sessions where id in
            (select id from sessions where ended_at is not null and used_hour < $1
             order by used_hour limit $2)",
        params![hour - 2 * sessions::UNUSED, CHUNK],
    )?);
    most = most.max(tx.exec(
        "delete from invites where id in
            (select id from invites where uses_left <= 0 or expires_at < $1 limit $2)",
        params![now, CHUNK],
    )?);
    most = most.max(tx.exec(
        "delete from jobs where id in
            (select id from jobs where state = 'dead' and dead_at < $1 limit $2)",
        params![now - DEAD, CHUNK],
    )?);
    most = most.max(tx.exec(
        "delete from deeds where (actor, key) in
            (select actor, key from deeds where made_hour < $1 order by made_hour limit $2)",
        params![hour - ops::KEPT, CHUNK],
    )?);
    most = most.max(audit::forget(tx, hour, CHUNK)?);
    most = most.max(scheduled::forget(tx, CHUNK)?).max(notices::forget_old(tx, CHUNK)?);
    most = most.max(commands::forget(tx, CHUNK)?);
    let swept = previews::forget(tx, CARRIED)? | attachments::sweep(tx, CARRIED)?;
    Ok(is_full(most.max(gone)) || unused || swept)
}

/// Closes accounts whose address nobody verified, so that their names are free again; true: there
/// may be more.
fn close_unverified(tx: &mut Tx<'_>) -> Result<bool> {
    let late = mails::unverified(tx, ACCOUNTS)?;
    tx.hold_people(&late.iter().map(|(_, user)| *user).collect::<Vec<_>>())?;
    for (tenant, user) in &late {
        let (tenant, user, role, session) = (*tenant, *user, TenantRole::Member, String::new());
        accounts::shut(tx, &Me { tenant, user, role, guest: false, session })?;
    }
    Ok(late.len() as i64 == ACCOUNTS)
}

fn is_full(touched: u64) -> bool {
    touched >= CHUNK.cast_unsigned()
}

fn number(job: &Job) -> Result<i64> {
    job.target.parse().map_err(|_| StoreError::Conflict("a job without a target"))
}
