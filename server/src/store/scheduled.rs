//! Messages that are said later. Until then the text lies here, and nobody but its author reads it;
//! when its time comes it is said by the same path as any other, under the key it was given, in the
//! transaction that takes it from here: once, whoever dies. What its author may not say any more
//! stays in the list with the code of the refusal.

use super::append::{self, Draft};
use super::engine::{Outcome, Record};
use super::jobs::{self, Job, Kind};
use super::ops::Done;
use super::pages::{beyond, cut, pair};
use super::saved::{answer, made};
use super::{
    Me, Once, Read, Result, StoreError, Tx, attachments, bans, messages, notices, ops, rooms, users,
};
use crate::access::{self, Act, Standing};
use crate::params;
use hallway_protocol::error::Code;
use hallway_protocol::ids::{Key, Millis, RoomId, Seq, UserId};
use hallway_protocol::limits::{LATER_MAX, LATER_MS};
use hallway_protocol::rest::{Items, NewScheduled, Scheduled, ScheduledPatch};
use hallway_protocol::rows::File;
use serde_json::json;

/// What could not be said is kept so long.
const KEPT: Millis = 30 * 24 * 3_600_000;

const NONE: StoreError = StoreError::NotFound("scheduled message");

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

/// Puts a message down to be said later.
pub fn create(tx: &mut Tx<'_>, me: &Me, new: &NewScheduled) -> Result<Once<Scheduled>> {
    tx.hold_people(&[me.user])?;
    let target = new.room.to_string();
    if let Some(done) = ops::first(tx, me, Some(&new.key), "scheduled", &target)? {
        let (id, at) = made(&done.answer);
        let answer = match find(tx, me, &id)? {
            Some(waiting) => waiting,
            None => over(tx, me, new, (id, at))?,
        };
        return Ok(Once { again: true, answer });
    }
    if let Some(answer) = by_key(tx, me, &new.key)? {
        return Ok(Once { again: true, answer });
    }
    let standing = may_say(tx, me, new.room)?;
    for (field, seq) in [("reply", new.reply), ("thread", new.thread)] {
        if let Some(seq) = seq {
            messages::root(tx, new.room, seq, standing, field)?;
        }
    }
    let now = tx.now();
    ahead(now, new.at)?;
    let waiting = "select count(*) from scheduled where person = $1";
    if tx.number(waiting, params![me.user])? >= LATER_MAX {
        return Err(StoreError::Conflict("there are too many that wait"));
    }
    let id = format!("{:032x}", rand::random::<u128>());
    tx.exec(
        "insert into scheduled (id, person, room, key, text, at, error, made_at, reply, thread)
         values ($1, $2, $3, $4, $5, $6, null, $7, $8, $9)",
        params![
            &id,
            me.user,
            new.room,
            &new.key.to_bytes(),
            &new.text,
            new.at,
            now,
            new.reply,
            new.thread
        ],
    )?;
    carry(tx, me, &id, &new.files)?;
    jobs::enqueue_at(tx, Some(me.tenant), Kind::Say, &id, Some(&id), new.at)?;
    let kept = Done::made(answer(&id, new.at));
    ops::keep(tx, me, Some(&new.key), "scheduled", &target, Some(kept))?;
    let answer = find(tx, me, &id)?.ok_or(NONE)?;
    Ok(Once { again: false, answer })
}

/// Says something else, or at another time. One that was refused waits again when it is given one.
pub fn update(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    id: &str,
    patch: &ScheduledPatch,
) -> Result<Once<Scheduled>> {
    tx.hold_people(&[me.user])?;
    let again = ops::first(tx, me, key, "scheduled-change", id)?.is_some();
    let known = find(tx, me, id)?.ok_or(NONE)?;
    if again {
        return Ok(Once { again, answer: known });
    }
    let text = patch.text.as_ref().unwrap_or(&known.text);
    let silent = text.trim().is_empty();
    if silent && patch.files.as_ref().map_or(known.files.is_empty(), Vec::is_empty) {
        return Err(StoreError::Invalid("text", "is empty".into()));
    }
    tx.exec("update scheduled set text = $1 where id = $2", params![text, id])?;
    if let Some(files) = &patch.files {
        let old = carried(tx, id)?;
        tx.exec("delete from scheduled_files where scheduled = $1", params![id])?;
        carry(tx, me, id, files)?;
        for file in old {
            attachments::loosen(tx, &file.id)?;
        }
    }
    if let Some(at) = patch.at.filter(|at| *at != known.at || known.error.is_some()) {
        may_say(tx, me, known.room)?;
        let now = tx.now();
        ahead(now, at)?;
        tx.exec("update scheduled set at = $1, error = null where id = $2", params![at, id])?;
        jobs::put_off(tx, Some(me.tenant), Kind::Say, id, at)?;
    }
    ops::keep(tx, me, key, "scheduled-change", id, None)?;
    Ok(Once { again, answer: find(tx, me, id)?.ok_or(NONE)? })
}

/// Whether I may say something there now.
fn may_say(read: &mut Read<'_>, me: &Me, room: RoomId) -> Result<Standing> {
    let facts = rooms::facts(read, room)?.ok_or(StoreError::NotFound("room"))?;
    access::may(read, me, Act::Post, &facts)
}

/// It will carry these uploads of mine: from here on they stay.
fn carry(tx: &mut Tx<'_>, me: &Me, id: &str, files: &[String]) -> Result<()> {
    for (place, file) in (0_i64..).zip(attachments::named(tx, me, files)?) {
        attachments::refer(tx, &file.id)?;
        tx.exec(
            "insert into scheduled_files (scheduled, place, media) values ($1, $2, $3)",
            params![id, place, &file.id],
        )?;
    }
    Ok(())
}

/// What it will carry.
fn carried(read: &mut Read<'_>, id: &str) -> Result<Vec<File>> {
    read.all(
        "select m.id, m.name, m.type, m.size, m.width, m.height from scheduled_files s
            join media m on m.id = s.media where s.scheduled = $1 order by s.place",
        params![id],
        |row| {
            Ok(File {
                id: row.get(0)?,
                name: row.get(1)?,
                kind: row.get(2)?,
                size: row.get(3)?,
                width: row.get(4)?,
                height: row.get(5)?,
            })
        },
    )
}

/// One that was said or taken back, as it is told to who asks again. What it was is read from the
/// message it became; where that is deleted, or never was, nothing of it is left to tell.
fn over(
    read: &mut Read<'_>,
    me: &Me,
    new: &NewScheduled,
    (id, at): (String, Millis),
) -> Result<Scheduled> {
    let (key, room, error) = (new.key.clone(), new.room, None);
    let said = messages::by_key(read, me, room, &key)?.filter(|said| !said.deleted);
    let (text, reply, thread, files) = match said {
        Some(said) => (messages::first_text(read, &said)?, said.reply, said.thread, said.files),
        None => (String::new(), None, None, Vec::new()),
    };
    Ok(Scheduled { id, key, room, text, at, reply, thread, files, error })
}

fn find(read: &mut Read<'_>, me: &Me, id: &str) -> Result<Option<Scheduled>> {
    let found = read.one(
        "select id, key, room, text, at, reply, thread, error from scheduled
         where person = $1 and id = $2",
        params![me.user, id],
        row,
    )?;
    found.map(|found| whole(read, found)).transpose()
}

fn by_key(read: &mut Read<'_>, me: &Me, key: &Key) -> Result<Option<Scheduled>> {
    let sql = "select id from scheduled where person = $1 and key = $2";
    let id = read.one(sql, params![me.user, &key.to_bytes()], |row| row.get::<String>(0))?;
    Ok(id.map(|id| find(read, me, &id)).transpose()?.flatten())
}

fn whole(read: &mut Read<'_>, found: Scheduled) -> Result<Scheduled> {
    let files = carried(read, &found.id)?;
    Ok(Scheduled { files, ..found })
}

/// What I have waiting, the next first.
pub fn list(
    read: &mut Read<'_>,
    me: &Me,
    next: Option<&str>,
    limit: usize,
) -> Result<Items<Scheduled>> {
    let (at, id) = pair(next)?.unwrap_or((Millis::MIN, ""));
    let found = read.all(
        "select id, key, room, text, at, reply, thread, error from scheduled
         where person = $1 and (at, id) > ($2, $3) order by at, id limit $4",
        params![me.user, at, id, beyond(limit)],
        row,
    )?;
    let (found, next) = cut(found, limit, |last| format!("{}:{}", last.at, last.id));
    let items = found.into_iter().map(|one| whole(read, one)).collect::<Result<Vec<_>>>()?;
    Ok(Items { items, next })
}

/// Takes one back. One that was said by then is not there any more.
pub fn destroy(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, id: &str) -> Result<Once<()>> {
    tx.hold_people(&[me.user])?;
    if ops::first(tx, me, key, "scheduled-end", id)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    find(tx, me, id)?.ok_or(NONE)?;
    end(tx, id)?;
    ops::keep(tx, me, key, "scheduled-end", id, None)?;
    Ok(Once { again: false, answer: () })
}

/// One is said, taken back or forgotten, and what it would have carried with it.
fn end(tx: &mut Tx<'_>, id: &str) -> Result<()> {
    let files = carried(tx, id)?;
    tx.exec("delete from scheduled_files where scheduled = $1", params![id])?;
    tx.exec("delete from scheduled where id = $1", params![id])?;
    files.iter().try_for_each(|file| attachments::loosen(tx, &file.id))
}

/// A person is not here any more: nothing is said in their name.
pub(super) fn forget_of(tx: &mut Tx<'_>, person: UserId) -> Result<()> {
    let sql = "select id from scheduled where person = $1 order by id";
    for id in tx.all(sql, params![person], |row| row.get::<String>(0))? {
        end(tx, &id)?;
    }
    Ok(())
}

/// One as it waits.
struct Waiting {
    person: UserId,
    room: RoomId,
    key: Key,
    text: String,
    at: Millis,
    reply: Option<Seq>,
    thread: Option<Seq>,
    failed: bool,
}

/// Says what the job is for, if it is time; looks again later if not.
pub(super) fn run(tx: &mut Tx<'_>, job: &Job) -> Result<()> {
    let Some(seen) = waiting(tx, &job.target)? else { return jobs::finish(tx, job) };
    tx.hold_people(&[seen.person])?;
    tx.hold_room(seen.room)?;
    // Only now nobody takes it back or changes it any more.
    let Some(waiting) = waiting(tx, &job.target)?.filter(|waiting| !waiting.failed) else {
        return jobs::finish(tx, job);
    };
    let now = tx.now();
    if waiting.at > now {
        return jobs::later(tx, job, waiting.at);
    }
    match say(tx, &job.target, &waiting) {
        Ok(()) => end(tx, &job.target)?,
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
        "select person, room, key, text, at, reply, thread, error from scheduled where id = $1",
        params![id],
        |row| {
            Ok(Waiting {
                person: row.get(0)?,
                room: row.get(1)?,
                key: row.get(2)?,
                text: row.get(3)?,
                at: row.get(4)?,
                reply: row.get(5)?,
                thread: row.get(6)?,
                failed: row.get::<Option<String>>(7)?.is_some(),
            })
        },
    )
}

fn say(tx: &mut Tx<'_>, id: &str, waiting: &Waiting) -> Result<()> {
    let me = users::acting(tx, waiting.person)?.ok_or(StoreError::NotFound("person"))?;
    bans::admit(tx, me.user, None)?;
    let draft = Draft {
        key: waiting.key.clone(),
        text: waiting.text.clone(),
        reply: waiting.reply,
        thread: waiting.thread,
        files: carried(tx, id)?.into_iter().map(|file| file.id).collect(),
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
    let old = tx.all(
        "select id from scheduled where error is not null and at < $1 order by at limit $2",
        params![before, most],
        |row| row.get::<String>(0),
    )?;
    for id in &old {
        end(tx, id)?;
    }
    Ok(old.len() as u64)
}

fn row(row: &Record<'_>) -> Outcome<Scheduled> {
    Ok(Scheduled {
        id: row.get(0)?,
        key: row.get(1)?,
        room: row.get(2)?,
        text: row.get(3)?,
        at: row.get(4)?,
        reply: row.get(5)?,
        thread: row.get(6)?,
        files: Vec::new(),
        error: row.get(7)?,
    })
}
