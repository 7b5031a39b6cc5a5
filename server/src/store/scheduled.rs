//! Messages that are said later. Until then the text lies here, and nobody but its author reads it;
//! when its time comes it is said by the same path as any other, under the key it was given, in the
//! transaction that takes it from here: once, whoever dies. What its author may not say any more
//! stays in the list with the code of the refusal.

use super::append::{self, Draft};
use super::engine::{Outcome, Record};
use super::jobs::{self, Job, Kind};
use super::ops::Done;
use super::pages::{count, pair};
use super::saved::{answer, made};
use super::{Me, Once, Read, Result, StoreError, Tx, bans, notices, ops, rooms, users};
use crate::access::{self, Act};
use crate::params;
use hallway_protocol::error::Code;
use hallway_protocol::ids::{Key, Millis, RoomId, UserId};
use hallway_protocol::limits::{LATER_MAX, LATER_MS};
use hallway_protocol::rest::{Items, NewScheduled, Scheduled};
use serde_json::json;

/// A job waits at most so long before it looks at the clock again: one that lies farther ahead would
/// be taken for the work of a wrong clock.
const LOOK: Millis = 6 * 3_600_000;
/// What could not be said is kept so long.
const KEPT: Millis = 30 * 24 * 3_600_000;

/// Refuses a time that is past, or too far ahead.
pub(super) fn ahead(now: Millis, at: Millis) -> Result<()> {
    match at - now {
        ahead if ahead <= 0 => Err(StoreError::Invalid("at", "is past".into())),
        ahead if ahead > LATER_MS => {
            Err(StoreError::Invalid("at", "is more than a year ahead".into()))
        }
        _ => Ok(()),
    }
}

/// When a job for `at` looks next.
pub(super) fn look(now: Millis, at: Millis) -> Millis {
    at.min(now + LOOK)
}

/// Puts a message down to be said later.
pub fn create(tx: &mut Tx<'_>, me: &Me, new: &NewScheduled) -> Result<Once<Scheduled>> {
    tx.hold_people(&[me.user])?;
    let target = new.room.to_string();
    if let Some(done) = ops::first(tx, me, Some(&new.key), "scheduled", &target)? {
        let (id, at) = made(&done.answer);
        let answer = match find(tx, me, &id)? {
            Some(waiting) => waiting,
            None => {
                let (key, text) = (new.key.clone(), String::new());
                Scheduled { id, key, room: new.room, text, at, error: None }
            }
        };
        return Ok(Once { again: true, answer });
    }
    if let Some(answer) = by_key(tx, me, &new.key)? {
        return Ok(Once { again: true, answer });
    }
    let facts = rooms::facts(tx, new.room)?.ok_or(StoreError::NotFound("room"))?;
    access::may(tx, me, Act::Post, &facts)?;
    let now = tx.now();
    ahead(now, new.at)?;
    let waiting = "select count(*) from scheduled where person = $1";
    if tx.number(waiting, params![me.user])? >= LATER_MAX {
        return Err(StoreError::Conflict("there are too many that wait"));
    }
    let id = format!("{:032x}", rand::random::<u128>());
    tx.exec(
        "insert into scheduled (id, person, room, key, text, at, error, made_at)
         values ($1, $2, $3, $4, $5, $6, null, $7)",
        params![&id, me.user, new.room, &new.key.to_bytes(), &new.text, new.at, now],
    )?;
    jobs::enqueue_at(tx, Some(me.tenant), Kind::Say, &id, Some(&id), look(now, new.at))?;
    let kept = Done::made(answer(&id, new.at));
    ops::keep(tx, me, Some(&new.key), "scheduled", &target, Some(kept))?;
    let answer = find(tx, me, &id)?.ok_or(StoreError::NotFound("scheduled message"))?;
    Ok(Once { again: false, answer })
}

fn find(read: &mut Read<'_>, me: &Me, id: &str) -> Result<Option<Scheduled>> {
    read.one(
        "select id, key, room, text, at, error from scheduled where person = $1 and id = $2",
        params![me.user, id],
        row,
    )
}

fn by_key(read: &mut Read<'_>, me: &Me, key: &Key) -> Result<Option<Scheduled>> {
    read.one(
        "select id, key, room, text, at, error from scheduled where person = $1 and key = $2",
        params![me.user, &key.to_bytes()],
        row,
    )
}

/// What I have waiting, the next first.
pub fn list(
    read: &mut Read<'_>,
    me: &Me,
    next: Option<&str>,
    limit: usize,
) -> Result<Items<Scheduled>> {
    let (at, id) = pair(next)?.unwrap_or((Millis::MIN, ""));
    let items = read.all(
        "select id, key, room, text, at, error from scheduled
         where person = $1 and (at, id) > ($2, $3) order by at, id limit $4",
        params![me.user, at, id, count(limit)],
        row,
    )?;
    let last = items.last().filter(|_| items.len() == limit);
    let next = last.map(|last| format!("{}:{}", last.at, last.id));
    Ok(Items { items, next })
}

/// Takes one back. One that was said by then is not there any more.
pub fn destroy(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, id: &str) -> Result<Once<()>> {
    tx.hold_people(&[me.user])?;
    if ops::first(tx, me, key, "scheduled-end", id)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    let gone =
        tx.exec("delete from scheduled where person = $1 and id = $2", params![me.user, id])?;
    if gone == 0 {
        return Err(StoreError::NotFound("scheduled message"));
    }
    ops::keep(tx, me, key, "scheduled-end", id, None)?;
    Ok(Once { again: false, answer: () })
}

/// One as it waits.
struct Waiting {
    person: UserId,
    room: RoomId,
    key: Key,
    text: String,
    at: Millis,
    failed: bool,
}

/// Says what the job is for, if it is time; looks again later if not.
pub(super) fn run(tx: &mut Tx<'_>, job: &Job) -> Result<()> {
    let Some(waiting) = waiting(tx, &job.target)?.filter(|waiting| !waiting.failed) else {
        return jobs::finish(tx, job);
    };
    tx.hold_people(&[waiting.person])?;
    tx.hold_room(waiting.room)?;
    let now = tx.now();
    if waiting.at > now {
        return jobs::later(tx, job, look(now, waiting.at));
    }
    match say(tx, &waiting) {
        Ok(()) => {
            tx.exec("delete from scheduled where id = $1", params![&job.target])?;
        }
        // Slow mode: it is said as soon as the room takes it.
        Err(StoreError::RateLimited(wait)) => return jobs::later(tx, job, now + wait),
        Err(refused) => {
            let code = code(&refused).ok_or(refused)?;
            tx.exec(
                "update scheduled set error = $1 where id = $2",
                params![code.as_str(), &job.target],
            )?;
            // Its author thinks it was said: they are told, by id.
            let payload = json!({"scheduled": job.target, "error": code}).to_string();
            notices::put(tx, waiting.person, "scheduled", None, &payload)?;
        }
    }
    jobs::finish(tx, job)
}

fn waiting(read: &mut Read<'_>, id: &str) -> Result<Option<Waiting>> {
    read.one(
        "select person, room, key, text, at, error from scheduled where id = $1",
        params![id],
        |row| {
            Ok(Waiting {
                person: row.get(0)?,
                room: row.get(1)?,
                key: row.get(2)?,
                text: row.get(3)?,
                at: row.get(4)?,
                failed: row.get::<Option<String>>(5)?.is_some(),
            })
        },
    )
}

fn say(tx: &mut Tx<'_>, waiting: &Waiting) -> Result<()> {
    let me = users::acting(tx, waiting.person)?.ok_or(StoreError::NotFound("person"))?;
    bans::admit(tx, me.user, None)?;
    let draft = Draft {
        key: waiting.key.clone(),
        text: waiting.text.clone(),
        reply: None,
        thread: None,
        files: Vec::new(),
        meta: serde_json::Map::new(),
        clears_draft: false,
    };
    append::post(tx, &me, waiting.room, &draft).map(|_| ())
}

/// The code of a refusal that no later attempt would change.
fn code(refused: &StoreError) -> Option<Code> {
    match refused {
        StoreError::NotFound(_) => Some(Code::NotFound),
        StoreError::Forbidden(_) => Some(Code::Forbidden),
        StoreError::Conflict(_) => Some(Code::Conflict),
        StoreError::Invalid(..) => Some(Code::Invalid),
        StoreError::Gone => Some(Code::Gone),
        StoreError::Taken(_)
        | StoreError::NotYet(_)
        | StoreError::Full(_)
        | StoreError::RateLimited(_)
        | StoreError::WrongCredentials
        | StoreError::Unverified
        | StoreError::SignedOut
        | StoreError::Busy
        | StoreError::Lost
        | StoreError::Broken(_) => None,
    }
}

/// Forgets what could not be said long ago.
pub(super) fn forget(tx: &mut Tx<'_>, most: i64) -> Result<u64> {
    let before = tx.now() - KEPT;
    tx.exec(
        "delete from scheduled where id in (select id from scheduled
            where error is not null and at < $1 order by at limit $2)",
        params![before, most],
    )
}

fn row(row: &Record<'_>) -> Outcome<Scheduled> {
    Ok(Scheduled {
        id: row.get(0)?,
        key: row.get(1)?,
        room: row.get(2)?,
        text: row.get(3)?,
        at: row.get(4)?,
        error: row.get(5)?,
    })
}
