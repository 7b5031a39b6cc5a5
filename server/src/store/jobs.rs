//! What must happen later and surely. A job is a row, inserted in the transaction of its cause;
//! it holds ids, never text. Attempts grow before the attempt, so poison cannot loop. A lease is
//! (job, node, attempt): who lost it to another can neither finish nor fail the job any more.

use super::engine::{Outcome, Record};
use super::{Event, Result, StoreError, Tx};
use crate::params;
use hallway_protocol::ids::{Millis, TenantId};
use std::time::Duration;

/// A lease: whoever died with a job gives it back after this.
pub const LEASE: Millis = 30_000;
/// First wait after a failure; doubled each time.
const WAIT: Millis = 30_000;
/// Longest wait between two attempts.
const LONGEST: Millis = 6 * 3_600_000;
/// A job that lies farther ahead than this was put there by a clock that was wrong.
const FARTHEST: Millis = 2 * LONGEST;
/// After so many attempts (about four days) a job is a dead letter.
const ATTEMPTS: i64 = 24;
/// Dead letters are kept so long.
pub(super) const DEAD: Millis = 30 * 24 * 3_600_000;

/// An attempt outside the store may take so long, under its lease: [`LEASE`] less some slack.
const BUDGET: Duration = Duration::from_secs(25);
/// The same for work that goes through very much.
const LONG_BUDGET: Duration = Duration::from_secs(900);
/// What an error says is kept up to here.
const ERROR_MAX: usize = 500;

/// Where the work of a job happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// In the store: a step is one transaction together with its bookkeeping.
    Inside,
    /// In the world: mail, calls to others. It may happen twice when a node dies in between.
    Outside,
}

/// The kinds of work there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Takes a closed account (target: the person) out of its rooms.
    LeaveRooms,
    /// Erases a deleted room (target: the room).
    EraseRoom,
    /// Erases a tenant that was deleted (target: the tenant).
    EraseTenant,
    /// Forgets what has had its time: keys, sessions, invites, dead letters.
    CleanUp,
    /// Sends a mail (target: the row of `mails` that says which).
    Mail,
    /// Calls a webhook (target: the delivery).
    Webhook,
    /// Deletes what is older than a room (target) keeps.
    Expire,
    /// Sees to it that the rooms of a tenant (target) that keeps nothing for ever are looked after.
    Retain,
    /// Deletes an ephemeral room (target) once it was left alone.
    Vacate,
    /// Says a message (target: its row in `scheduled`) whose time has come.
    Say,
    /// Makes the thumbnail of a picture (target: the file).
    Thumbnail,
    /// Deletes the objects below a place (target) of the files.
    Discard,
    /// Looks for objects that no file knows.
    Reconcile,
    /// Ends files that nothing refers to and whose time has come.
    Sweep,
    /// Makes a message (target: its row in `reminders`) whose time has come a notice.
    Remind,
    /// Writes the notices of a message (target: room, seq, after whom) to all of a large room.
    Everyone,
    /// Mails somebody (target) what is unread after a while away.
    Digest,
    /// Tells the browsers of somebody (target: person and room, or a notice) that there is something.
    Push,
    /// Asks a slash command (target: its row in `asks`).
    Ask,
}

impl Kind {
    /// Each of them: the word it is stored as, where it is done, and how long one attempt may take
    /// (outside a lease is renewed as long as it does).
    const ALL: &[(Kind, &str, Side, Duration)] = &[
        (Kind::LeaveRooms, "leave-rooms", Side::Inside, BUDGET),
        (Kind::EraseRoom, "erase-room", Side::Inside, BUDGET),
        (Kind::EraseTenant, "erase-tenant", Side::Inside, BUDGET),
        (Kind::CleanUp, "clean-up", Side::Inside, BUDGET),
        (Kind::Mail, "mail", Side::Outside, BUDGET),
        (Kind::Webhook, "webhook", Side::Outside, BUDGET),
        (Kind::Expire, "expire", Side::Inside, BUDGET),
        (Kind::Retain, "retain", Side::Inside, BUDGET),
        (Kind::Vacate, "vacate", Side::Inside, BUDGET),
        (Kind::Say, "say", Side::Inside, BUDGET),
        (Kind::Thumbnail, "thumbnail", Side::Outside, BUDGET),
        // Of a tenant that is erased it is all that its people ever uploaded.
        (Kind::Discard, "discard", Side::Outside, LONG_BUDGET),
        (Kind::Reconcile, "reconcile", Side::Outside, LONG_BUDGET),
        (Kind::Sweep, "sweep", Side::Inside, BUDGET),
        (Kind::Remind, "remind", Side::Inside, BUDGET),
        (Kind::Everyone, "everyone", Side::Inside, BUDGET),
        (Kind::Digest, "digest", Side::Inside, BUDGET),
        (Kind::Push, "push", Side::Outside, BUDGET),
        (Kind::Ask, "ask", Side::Outside, BUDGET),
    ];

    fn facts(self) -> &'static (Kind, &'static str, Side, Duration) {
        // A kind without its line is found by the first test that makes such a job.
        let known = Kind::ALL.iter().find(|(kind, ..)| *kind == self);
        known.expect("every kind has its line")
    }

    /// Where it is done.
    pub fn side(self) -> Side {
        self.facts().2
    }

    /// How long one attempt outside may take.
    pub fn budget(self) -> Duration {
        self.facts().3
    }

    pub(super) fn text(self) -> &'static str {
        self.facts().1
    }

    fn of(stored: &str) -> Option<Kind> {
        Kind::ALL.iter().find(|(_, text, ..)| *text == stored).map(|(kind, ..)| *kind)
    }

    /// The words of the kinds outside, each between commas, for `like`.
    fn outside() -> String {
        let outside = Kind::ALL.iter().filter(|(_, _, side, _)| *side == Side::Outside);
        outside.map(|(_, text, ..)| format!(",{text},")).collect()
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
    /// To whom it is lent.
    pub node: String,
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

/// When a job for `at` is woken next: one for next month on the way, to ask for the rest.
fn look(now: Millis, at: Millis) -> Millis {
    at.min(now + LONGEST)
}

/// The same for later, however far ahead.
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
        params![&id, tenant, kind.text(), target, once.as_deref(), look(now, at), now],
    )?;
    tx.emit(Event::Jobs);
    Ok(())
}

/// Adds a job for now; one that waits for later comes forward. One of a kind for each target.
pub fn hurry(tx: &mut Tx<'_>, tenant: Option<TenantId>, kind: Kind, target: &str) -> Result<()> {
    enqueue(tx, tenant, kind, target, Some(target))?;
    let (once, now) = (format!("{}:{target}", kind.text()), tx.now());
    tx.exec(
        "update jobs set next_at = $1 where once = $2 and state = 'pending' and next_at > $1",
        params![now, &once],
    )?;
    Ok(())
}

/// Adds a job for `at`; one that waits, or was given up, is for then instead. One that is being done
/// asks for itself.
pub(super) fn put_off(
    tx: &mut Tx<'_>,
    tenant: Option<TenantId>,
    kind: Kind,
    target: &str,
    at: Millis,
) -> Result<()> {
    enqueue_at(tx, tenant, kind, target, Some(target), at)?;
    let (once, at) = (format!("{}:{target}", kind.text()), look(tx.now(), at));
    tx.exec(
        "update jobs set state = 'pending', attempts = 0, next_at = $1, dead_at = null
         where once = $2 and state <> 'leased'",
        params![at, &once],
    )?;
    Ok(())
}

/// One that waits is not needed any more; one that is being done ends by itself.
pub(super) fn withdraw(tx: &mut Tx<'_>, kind: Kind, target: &str) -> Result<()> {
    let once = format!("{}:{target}", kind.text());
    tx.exec("delete from jobs where once = $1 and state = 'pending'", params![&once])?;
    Ok(())
}

/// Lends up to `most` jobs of a side that are due to `node`.
pub fn lease(tx: &mut Tx<'_>, node: &str, side: Side, most: usize) -> Result<Vec<Job>> {
    let (now, most) = (tx.now(), i64::try_from(most).unwrap_or(i64::MAX));
    let due = tx.all(
        "select id, tenant, kind, target, attempts + 1 from jobs
         where state <> 'dead' and (next_at <= $1 or next_at > $2)
            and (leased_until is null or leased_until <= $1 or leased_until > $3)
            and (case when $4 like '%,' || kind || ',%' then 1 else 0 end) = $5
         order by next_at, id limit $6",
        params![now, now + FARTHEST, now + LEASE, &Kind::outside(), outside(side), most],
        job,
    )?;
    let mut lent = Vec::new();
    for job in due {
        let done = tx.exec(
            "update jobs set state = 'leased', attempts = attempts + 1, leased_by = $1,
                leased_until = $2
             where id = $3 and attempts = $4
                and (leased_until is null or leased_until <= $5 or leased_until > $2)",
            params![node, now + LEASE, &job.id, job.attempts - 1, now],
        )?;
        if done == 1 {
            lent.push(Job { node: node.to_owned(), ..job });
        }
    }
    Ok(lent)
}

/// Whether a failure of this attempt is the end.
pub fn is_last(job: &Job) -> bool {
    job.attempts >= ATTEMPTS
}

/// How many jobs there are, by state and kind.
pub fn census(read: &mut super::Read<'_>) -> Result<Vec<(String, String, i64)>> {
    read.all(
        "select state, kind, count(*) from jobs group by state, kind order by state, kind",
        &[],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}

/// When the next job of a side is due, if any waits.
pub fn next_due(read: &mut super::Read<'_>, side: Side) -> Result<Option<Millis>> {
    read.one(
        "select min(case when leased_until > next_at then leased_until else next_at end)
         from jobs where state <> 'dead'
            and (case when $1 like '%,' || kind || ',%' then 1 else 0 end) = $2",
        params![&Kind::outside(), outside(side)],
        |row| row.get::<Option<Millis>>(0),
    )
    .map(Option::flatten)
}

fn outside(side: Side) -> i64 {
    i64::from(side == Side::Outside)
}

/// The work takes longer: the lease begins anew.
pub fn renew(tx: &mut Tx<'_>, job: &Job) -> Result<()> {
    let until = tx.now() + LEASE;
    let done = tx.exec(
        "update jobs set leased_until = $1
         where id = $2 and leased_by = $3 and attempts = $4 and state = 'leased'",
        params![until, &job.id, &job.node, job.attempts],
    )?;
    still_ours(done)
}

/// The job is done.
pub fn finish(tx: &mut Tx<'_>, job: &Job) -> Result<()> {
    let done = tx.exec(
        "delete from jobs
         where id = $1 and leased_by = $2 and attempts = $3 and state = 'leased'",
        params![&job.id, &job.node, job.attempts],
    )?;
    still_ours(done)
}

/// There is more of the same to do: the job goes to the end of the line, its attempts begin anew.
pub fn go_on(tx: &mut Tx<'_>, job: &Job) -> Result<()> {
    tx.emit(Event::Jobs);
    let now = tx.now();
    later(tx, job, now)
}

/// The same job again at that time, however far ahead, its attempts anew.
pub fn later(tx: &mut Tx<'_>, job: &Job, at: Millis) -> Result<()> {
    let at = look(tx.now(), at);
    let done = tx.exec(
        "update jobs set state = 'pending', attempts = 0, next_at = $1, leased_by = null,
            leased_until = null
         where id = $2 and leased_by = $3 and attempts = $4 and state = 'leased'",
        params![at, &job.id, &job.node, job.attempts],
    )?;
    still_ours(done)
}

/// Gives back a job that was not ended, as it is: whoever comes first takes it.
pub fn give_back(tx: &mut Tx<'_>, job: &Job) -> Result<()> {
    let done = tx.exec(
        "update jobs set state = 'pending', leased_by = null, leased_until = null
         where id = $1 and leased_by = $2 and attempts = $3 and state = 'leased'",
        params![&job.id, &job.node, job.attempts],
    )?;
    tx.emit(Event::Jobs);
    still_ours(done)
}

/// At the start of the only process there can be: whoever had leased something is dead.
pub fn orphaned(tx: &mut Tx<'_>) -> Result<()> {
    let sql = "update jobs set state = 'pending', leased_by = null, leased_until = null
               where state = 'leased'";
    tx.exec(sql, &[])?;
    Ok(())
}

/// The attempt failed: the job waits longer each time, and at last is a dead letter.
pub fn fail(tx: &mut Tx<'_>, job: &Job, why: &str) -> Result<()> {
    if is_last(job) {
        return give_up(tx, job, why);
    }
    let doubled = WAIT.saturating_mul(1i64 << job.attempts.clamp(0, 16)).min(LONGEST);
    // Spread by a fifth each way, so that what failed together does not come back together.
    let wait = doubled / 5 * 4 + rand::random_range(0..=doubled / 5 * 2);
    let at = tx.now() + wait;
    let done = tx.exec(
        "update jobs set state = 'pending', next_at = $1, leased_by = null, leased_until = null,
            last_error = $2
         where id = $3 and leased_by = $4 and attempts = $5 and state = 'leased'",
        params![at, &short(why), &job.id, &job.node, job.attempts],
    )?;
    still_ours(done)
}

/// No attempt would ever succeed: the job is a dead letter now.
pub fn give_up(tx: &mut Tx<'_>, job: &Job, why: &str) -> Result<()> {
    let now = tx.now();
    let done = tx.exec(
        "update jobs set state = 'dead', leased_by = null, leased_until = null, once = null,
            last_error = $1, dead_at = $2
         where id = $3 and leased_by = $4 and attempts = $5 and state = 'leased'",
        params![&short(why), now, &job.id, &job.node, job.attempts],
    )?;
    still_ours(done)
}

/// Whether the statement found the lease. Otherwise the job is another's by now, and whatever this
/// transaction did for it is undone.
fn still_ours(touched: u64) -> Result<()> {
    if touched == 1 { Ok(()) } else { Err(StoreError::Conflict("this job is another's by now")) }
}

/// The beginning of an error, and no more of it than a list can show.
fn short(why: &str) -> String {
    why.chars().take(ERROR_MAX).collect()
}

fn job(row: &Record<'_>) -> Outcome<Job> {
    Ok(Job {
        id: row.get(0)?,
        tenant: row.get(1)?,
        kind: Kind::of(&row.get::<String>(2)?),
        target: row.get(3)?,
        attempts: row.get(4)?,
        node: String::new(),
    })
}
