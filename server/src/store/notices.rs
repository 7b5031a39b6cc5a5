//! Notices: whom a message is for beside its room, and what a tenant's backend tells people. They are
//! rows of ids, written with the message they are of: at most one for each person and message, under
//! an id that is the hash of both, so that no channel can show it twice. Read is what stands under
//! the room's mark or the person's own; what is not to be seen any more is not in the list.

use super::engine::{Outcome, Record};
use super::pages::{beyond, count, cut, number};
use super::rooms::Facts;
use super::saved::Sight;
use super::{
    Event, Me, Once, Read, Result, StoreError, Tx, deeds, digests, jobs, keywords, members, pushes,
};
use crate::access::Admin;
use crate::params;
use hallway_protocol::ids::{Key, Millis, RoomId, Seq, UserId};
use hallway_protocol::rest::{Items, NewNotice, Notice, NoticesRead};
use hallway_protocol::rows::{Message, RoomKind};
use sha2::{Digest, Sha256};

/// Members of whom everyone is told at once; more are a job.
const AT_ONCE: i64 = 50;
/// People one step of that job tells.
const STEP: usize = 200;
/// People who wrote in a thread and are told of the next answer.
const THREAD: i64 = 50;
/// Missed notices that somebody who comes is told at once, and how many of all are looked at for them.
const MISSED: i64 = 50;
const LOOKED_AT: i64 = 500;
/// Notices are kept so long.
const KEPT: Millis = 90 * 24 * 3_600_000;

/// The id of the notice of a message to a person.
pub fn id(person: UserId, room: RoomId, seq: Seq) -> String {
    let hash = Sha256::digest(format!("notice:{person}:{room}:{seq}"));
    hex::encode(&hash[..16])
}

/// Writes the notices of a new message: whom it names, answers, or speaks to by a word of theirs
/// (asked of no tenant in which nobody has one).
pub(super) fn of_message(
    tx: &mut Tx<'_>,
    room: &Facts,
    message: &Message,
    answered: Option<UserId>,
    heeded: bool,
) -> Result<()> {
    let people = people(tx, room, message, answered, heeded)?;
    write(tx, room, message, &people)
}

/// The same after an edit: one who has a notice of it keeps that, one who is not concerned any more
/// has none.
pub(super) fn of_edit(
    tx: &mut Tx<'_>,
    room: &Facts,
    message: &Message,
    answered: Option<UserId>,
) -> Result<()> {
    let heeded = keywords::any(tx, room.tenant)?;
    let people = people(tx, room, message, answered, heeded)?;
    if !message.everyone {
        let still: Vec<i64> = people.iter().map(|(person, _)| person.0).collect();
        tx.exec(
            "delete from notices where room = $1 and seq = $2 and marked = 1
                and person not in (select value from rarray($3))",
            params![message.room, message.seq, &still],
        )?;
    }
    write(tx, room, message, &people)
}

fn write(
    tx: &mut Tx<'_>,
    room: &Facts,
    message: &Message,
    people: &[(UserId, &'static str)],
) -> Result<()> {
    for (person, topic) in people.iter().filter(|(person, _)| *person != message.sender) {
        tell(tx, room, *person, topic, message.seq)?;
    }
    if message.everyone && room.kind != RoomKind::Direct && room.size > AT_ONCE {
        later(tx, room, message.seq, UserId(0))?;
    }
    Ok(())
}

/// Whom a message concerns, and how.
fn people(
    read: &mut Read<'_>,
    room: &Facts,
    message: &Message,
    answered: Option<UserId>,
    heeded: bool,
) -> Result<Vec<(UserId, &'static str)>> {
    let mut people = whom(read, room, message, answered)?;
    if heeded && room.kind != RoomKind::Direct {
        let heard = keywords::heard(read, room, &message.text)?;
        people.extend(heard.into_iter().map(|person| (person, "keyword")));
    }
    Ok(people)
}

/// Whom a message concerns without a word of theirs, and how; the first that is said of one counts.
fn whom(
    read: &mut Read<'_>,
    room: &Facts,
    message: &Message,
    answered: Option<UserId>,
) -> Result<Vec<(UserId, &'static str)>> {
    if room.kind == RoomKind::Direct {
        let people = members::people(read, room.id)?;
        return Ok(people.into_iter().map(|person| (person, "direct")).collect());
    }
    let mut told: Vec<_> = message.mentions.iter().map(|person| (*person, "mention")).collect();
    if message.everyone && room.size <= AT_ONCE {
        let people = members::people(read, room.id)?;
        told.extend(people.into_iter().map(|person| (person, "mention")));
    }
    told.extend(answered.map(|person| (person, "reply")));
    if let Some(thread) = message.thread {
        let wrote = read.all(
            "select sender from messages
             where room = $1 and (thread = $2 or seq = $2) and kind = 0 and deleted_at is null
             group by sender order by max(seq) desc limit $3",
            params![room.id, thread, THREAD],
            |row| row.get::<UserId>(0),
        )?;
        told.extend(wrote.into_iter().map(|person| (person, "reply")));
    }
    Ok(told)
}

/// One notice, unless they have it, are not in the room, or want none of it.
fn tell(
    tx: &mut Tx<'_>,
    room: &Facts,
    person: UserId,
    topic: &'static str,
    seq: Seq,
) -> Result<()> {
    let now = tx.now();
    let new = tx.exec(
        "insert into notices (id, person, topic, room, seq, payload, marked, at)
         select cast($1 as text), m.person, cast($2 as text), m.room, cast($3 as bigint), '', 1,
            cast($4 as bigint)
         from members m left join mine i on i.person = m.person and i.room = m.room
         where m.room = $5 and m.person = $6 and m.left_seq is null
            and (i.notify is null or i.notify <> 'none')
            and (i.muted_until is null or i.muted_until <= $4)
         on conflict (id) do nothing",
        params![&id(person, room.id, seq), topic, seq, now, room.id, person],
    )?;
    if new == 1 {
        pushes::of_message(tx, room.tenant, person, room.id)?;
        digests::of_notice(tx, person)?;
    }
    Ok(())
}

/// Everyone of a large room is told by a job, some at a time: its target names the last.
fn later(tx: &mut Tx<'_>, room: &Facts, seq: Seq, after: UserId) -> Result<()> {
    let target = format!("{}:{seq}:{after}", room.id);
    jobs::enqueue(tx, Some(room.tenant), jobs::Kind::Everyone, &target, Some(&target))
}

/// One step of that job.
pub(super) fn run(tx: &mut Tx<'_>, job: &jobs::Job) -> Result<()> {
    let mut parts = job.target.split(':').map(str::parse::<i64>);
    let (Some(Ok(room)), Some(Ok(seq)), Some(Ok(after))) =
        (parts.next(), parts.next(), parts.next())
    else {
        return Err(StoreError::Conflict("a job without a target"));
    };
    let facts = super::rooms::lock(tx, RoomId(room))?;
    let message = super::messages::find(tx, facts.id, seq)?;
    let Some(message) = message.filter(|message| message.everyone && !facts.deleted) else {
        return jobs::finish(tx, job);
    };
    let people = tx.all(
        "select person from members where room = $1 and left_seq is null and person > $2
         order by person limit $3",
        params![room, after, count(STEP)],
        |row| row.get::<UserId>(0),
    )?;
    for person in people.iter().filter(|person| **person != message.sender) {
        tell(tx, &facts, *person, "mention", seq)?;
    }
    if let Some(last) = people.last().filter(|_| people.len() == STEP) {
        later(tx, &facts, seq, *last)?;
    }
    jobs::finish(tx, job)
}

/// Forgets the notices of a message.
pub(super) fn forget(tx: &mut Tx<'_>, room: RoomId, seq: Seq) -> Result<()> {
    tx.exec("delete from notices where room = $1 and seq = $2", params![room, seq])?;
    Ok(())
}

/// Forgets some of those that are old.
pub(super) fn forget_old(tx: &mut Tx<'_>, most: i64) -> Result<u64> {
    let before = tx.now() - KEPT;
    let shown = pushes::forget(tx, most)?;
    let gone = tx.exec(
        "delete from notices where n in (select n from notices where at < $1 order by at limit $2)",
        params![before, most],
    )?;
    Ok(gone.max(shown))
}

/// Forgets some of a closed account's; true: there may be more.
pub(super) fn forget_of(tx: &mut Tx<'_>, person: UserId, most: i64) -> Result<bool> {
    let gone = tx.exec(
        "delete from notices where n in (select n from notices where person = $1 limit $2)",
        params![person, most],
    )?;
    Ok(gone > 0)
}

/// A notice that is of no unread message: it is read by itself. Their connections hear of it.
pub(super) fn put(
    tx: &mut Tx<'_>,
    person: UserId,
    topic: &str,
    about: Option<(RoomId, Seq)>,
    payload: &str,
) -> Result<()> {
    let (id, at) = (format!("{:032x}", rand::random::<u128>()), tx.now());
    let (room, seq) = about.unzip();
    tx.exec(
        "insert into notices (id, person, topic, room, seq, payload, marked, at)
         values ($1, $2, $3, $4, $5, $6, 0, $7)",
        params![&id, person, topic, room, seq, payload, at],
    )?;
    pushes::of_notice(tx, person, &id)?;
    digests::of_notice(tx, person)?;
    let (topic, payload) = (topic.to_owned(), value(payload));
    let notice = Notice { id, topic, room, seq, payload, read: false, at };
    tx.emit(Event::Notice { user: person, notice: Box::new(notice) });
    Ok(())
}

/// A tenant's backend tells some of its people something.
pub fn create(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    new: &NewNotice,
) -> Result<Once<()>> {
    let tenant = admin.tenant.ok_or(StoreError::NotFound("tenant"))?;
    if deeds::first(tx, admin, key, "notice", "")?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    let mut people: Vec<i64> = new.users.iter().map(|user| user.0).collect();
    people.sort_unstable();
    people.dedup();
    let known = tx.number(
        "select count(*) from users
         where tenant = $1 and id in (select value from rarray($2)) and deleted_at is null",
        params![tenant, &people],
    )?;
    if usize::try_from(known) != Ok(people.len()) {
        return Err(StoreError::Invalid("users", "names somebody who is not here".into()));
    }
    let payload = if new.payload.is_null() { String::new() } else { new.payload.to_string() };
    for person in people {
        put(tx, UserId(person), &new.topic, None, &payload)?;
    }
    deeds::keep(tx, admin, key, "notice", "", "")?;
    Ok(Once { again: false, answer: () })
}

/// A query of notices with whether they are read, by [`row`]; what follows `where` is its argument.
macro_rules! select_notices {
    ($rest:literal) => {
        concat!(
            "select n.n, n.id, n.topic, n.room, n.seq, n.payload, n.at,
                case when n.n <= coalesce(a.read_n, 0) or (n.marked = 1 and n.seq <= i.seen)
                    then 1 else 0 end
             from notices n left join alerts a on a.person = n.person
                left join mine i on i.person = n.person and i.room = n.room where ",
            $rest
        )
    };
}

/// My notices, latest first, without those of what is not mine to see any more.
pub fn list(
    read: &mut Read<'_>,
    me: &Me,
    next: Option<&str>,
    limit: usize,
) -> Result<Items<Notice>> {
    let before = number(next)?.unwrap_or(i64::MAX);
    let found = read.all(
        select_notices!("n.person = $1 and n.n < $2 order by n.n desc limit $3"),
        params![me.user, before, beyond(limit)],
        row,
    )?;
    let (found, next) = cut(found, limit, |(n, _)| n.to_string());
    Ok(Items { items: visible(read, me, found)?, next })
}

/// Those of what is still mine to see.
fn visible(read: &mut Read<'_>, me: &Me, found: Vec<(i64, Notice)>) -> Result<Vec<Notice>> {
    let mut sight = Sight::default();
    let mut notices = Vec::new();
    for (_, notice) in found {
        let seen = match notice.room.zip(notice.seq) {
            Some((room, seq)) => sight.sees(read, me, room, seq)?,
            None => true,
        };
        if seen {
            notices.push(notice);
        }
    }
    Ok(notices)
}

/// Marks a notice of mine and all before it as read; the mark never moves back.
pub fn mark(tx: &mut Tx<'_>, me: &Me, read: &NoticesRead) -> Result<()> {
    tx.hold_people(&[me.user])?;
    let found = tx.one(
        "select n from notices where id = $1 and person = $2",
        params![&read.up_to, me.user],
        |row| row.get::<i64>(0),
    )?;
    let n = found.ok_or(StoreError::Invalid("up_to", "is no notice of yours".into()))?;
    super::alerts::have(tx, me.user)?;
    let before = tx.number("select read_n from alerts where person = $1", params![me.user])?;
    if before >= n {
        return Ok(());
    }
    tx.exec("update alerts set read_n = $1 where person = $2", params![n, me.user])?;
    pushes::read(tx, me, before, n)
}

/// Notices of no unread message that somebody missed: unread ones behind the last they have, oldest
/// first. Of very many the latest; the list has them all.
pub fn missed(read: &mut Read<'_>, me: &Me, last: Option<&str>) -> Result<Vec<Notice>> {
    let known = read.one(
        "select n from notices where id = $1 and person = $2",
        params![last.unwrap_or_default(), me.user],
        |row| row.get::<i64>(0),
    )?;
    let found = read.all(
        select_notices!(
            "n.n in (select l.n from notices l where l.person = $1 and l.n > $2
                order by l.n desc limit $3)
             and n.marked = 0 and n.n > coalesce(a.read_n, 0) order by n.n desc limit $4"
        ),
        params![me.user, known.unwrap_or(0), LOOKED_AT, MISSED],
        row,
    )?;
    let mut missed = visible(read, me, found)?;
    missed.reverse();
    Ok(missed)
}

fn row(row: &Record<'_>) -> Outcome<(i64, Notice)> {
    let notice = Notice {
        id: row.get(1)?,
        topic: row.get(2)?,
        room: row.get(3)?,
        seq: row.get(4)?,
        payload: value(&row.get::<String>(5)?),
        at: row.get(6)?,
        read: row.get(7)?,
    };
    Ok((row.get(0)?, notice))
}

/// What was given with a notice; only JSON is ever stored here.
fn value(stored: &str) -> serde_json::Value {
    serde_json::from_str(stored).unwrap_or_default()
}
