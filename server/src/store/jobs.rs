//! What must happen later and surely. A job is a row, inserted in the transaction of its cause;
//! it holds ids, never text. Attempts grow before the attempt, so poison cannot loop.

use super::engine::{Outcome, Record};
use super::{Event, Result, Tx};
use crate::params;
use hallway_protocol::ids::{Millis, TenantId};

/// A lease: whoever died with a job gives it back after this.
pub const LEASE: Millis = 30_000;
/// First wait after a failure; doubled each time.
const WAIT: Millis = 30_000;
/// Longest wait between two attempts.
const LONGEST: Millis = 6 * 3_600_000;
/// No job is put off farther than this: one that is was put off by a clock that was wrong.
const FARTHEST: Millis = 2 * LONGEST;
/// After so many attempts (about four days) a job is a dead letter.
const ATTEMPTS: i64 = 24;
/// Dead letters are kept so long.
pub(super) const DEAD: Millis = 30 * 24 * 3_600_000;

/// The kinds of work there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Takes a closed account (target: the person) out of its rooms.
    LeaveRooms,
    /// Erases a deleted room (target: the room).
    EraseRoom,
    /// Forgets what has had its time: keys, sessions, invites, dead letters.
    CleanUp,
}

impl Kind {
    fn text(self) -> &'static str {
        match self {
            Kind::LeaveRooms => "leave-rooms",
            Kind::EraseRoom => "erase-room",
            Kind::CleanUp => "clean-up",
        }
    }

    fn of(stored: &str) -> Option<Kind> {
        [Kind::LeaveRooms, Kind::EraseRoom, Kind::CleanUp]
            .into_iter()
            .find(|kind| kind.text() == stored)
    }
}

/// A job on loan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    /// Random.
    pub id: String,
    /// Whose; none: the server's own.
    pub tenant: Option<TenantId>,
    /// What to do; none: a kind of a later version.
    pub kind: Option<Kind>,
    /// With what.
    pub target: String,
    /// How often it was tried, this time included.
    pub attempts: i64,
}

/// Adds a job and wakes the worker. With `once`, one that waits already is enough.
pub fn enqueue(
    tx: &mut Tx<'_>,
    tenant: Option<TenantId>,
    kind: Kind,
    target: &str,
    once: Option<&str>,
) -> Result<()> {
    let now = tx.now();
    enqueue_at(tx, tenant, kind, target, once, now)
}

/// The same for later.
pub fn enqueue_at(
    tx: &mut Tx<'_>,
    tenant: Option<TenantId>,
    kind: Kind,
    target: &str,
    once: Option<&str>,
    at: Millis,
) -> Result<()> {
    let once = once.map(|once| format!("{}:{once}", kind.text()));
    let (id, now) = (format!("{:032x}", rand::random::<u128>()), tx.now());
    tx.exec(
        "insert into jobs (id, tenant, kind, target, once, state, attempts, next_at, leased_by,
            leased_until, last_error, created_at, dead_at)
         values ($1, $2, $3, $4, $5, 'pending', 0, $6, null, null, null, $7, null)
         on conflict (once) do nothing",
        params![&id, tenant, kind.text(), target, once.as_deref(), at, now],
    )?;
    tx.emit(Event::Jobs);
    Ok(())
}

/// Lends up to `most` jobs that are due to `node`.
pub fn lease(tx: &mut Tx<'_>, node: &str, most: i64) -> Result<Vec<Job>> {
    let now = tx.now();
    let due = tx.all(
        "select id, tenant, kind, target, attempts + 1 from jobs
         where state <> 'dead' and (next_at <= $1 or next_at > $2)
            and (leased_until is null or leased_until <= $1 or leased_until > $3)
         order by next_at, id limit $4",
        params![now, now + FARTHEST, now + LEASE, most],
        job,
    )?;
    let mut lent = Vec::new();
    for job in due {
        let done = tx.exec(
            "update jobs set state = 'leased', attempts = attempts + 1, leased_by = $1,
                leased_until = $2
             where id = $3
                and (leased_until is null or leased_until <= $4 or leased_until > $2)",
            params![node, now + LEASE, &job.id, now],
        )?;
        if done == 1 {
            lent.push(job);
        }
    }
    Ok(lent)
}

/// When the next job is due, if any waits.
pub fn next_due(read: &mut super::Read<'_>) -> Result<Option<Millis>> {
    read.one(
        "select min(case when leased_until > next_at then leased_until else next_at end)
         from jobs where state <> 'dead'",
        &[],
        |row| row.get::<Option<Millis>>(0),
    )
    .map(Option::flatten)
}

/// The job is done.
pub fn finish(tx: &mut Tx<'_>, job: &Job) -> Result<()> {
    tx.exec("delete from jobs where id = $1", params![&job.id])?;
    Ok(())
}

/// There is more of the same to do: the job goes to the end of the line, its attempts begin anew.
pub fn go_on(tx: &mut Tx<'_>, job: &Job) -> Result<()> {
    let now = tx.now();
    later(tx, job, now)?;
    tx.emit(Event::Jobs);
    Ok(())
}

/// The same job again at that time, its attempts anew.
pub fn later(tx: &mut Tx<'_>, job: &Job, at: Millis) -> Result<()> {
    tx.exec(
        "update jobs set state = 'pending', attempts = 0, next_at = $1, leased_by = null,
            leased_until = null where id = $2",
        params![at, &job.id],
    )?;
    Ok(())
}

/// The attempt failed: the job waits longer each time, and at last is a dead letter.
pub fn fail(tx: &mut Tx<'_>, job: &Job, why: &str) -> Result<()> {
    let now = tx.now();
    if job.attempts >= ATTEMPTS {
        tx.exec(
            "update jobs set state = 'dead', leased_by = null, leased_until = null, once = null,
                last_error = $1, dead_at = $2 where id = $3",
            params![why, now, &job.id],
        )?;
        return Ok(());
    }
    let doubled = WAIT.saturating_mul(1i64 << job.attempts.clamp(0, 16)).min(LONGEST);
    // Spread by a fifth each way, so that what failed together does not come back together.
    let wait = doubled / 5 * 4 + rand::random_range(0..=doubled / 5 * 2);
    tx.exec(
        "update jobs set state = 'pending', next_at = $1, leased_by = null, leased_until = null,
            last_error = $2 where id = $3",
        params![now + wait, why, &job.id],
    )?;
    Ok(())
}

fn job(row: &Record<'_>) -> Outcome<Job> {
    Ok(Job {
        id: row.get(0)?,
        tenant: row.get(1)?,
        kind: Kind::of(&row.get::<String>(2)?),
        target: row.get(3)?,
        attempts: row.get(4)?,
    })
}
