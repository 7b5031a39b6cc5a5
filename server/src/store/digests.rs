//! Digests: who has been away for a while and has unread notices gets one mail that says how many
//! are waiting, and where; never what was said. One for each period, and each notice in one alone.
//! Whether somebody is connected is known in memory alone, so the worker says.

use super::jobs::{self, Job, Kind};
use super::saved::Sight;
use super::{Read, Result, StoreError, Tx, alerts, mails, users};
use crate::params;
use hallway_protocol::ids::{Millis, RoomId, Seq, TenantId, UserId};
use hallway_protocol::rows::RoomKind;

/// Notices that one mail counts.
const COUNTED: i64 = 500;
/// People of a direct room that are named.
const NAMED: i64 = 3;

/// Somebody has a new notice: if they want mail, a job looks after it.
pub(super) fn of_notice(tx: &mut Tx<'_>, person: UserId) -> Result<()> {
    let wanted = tx.one(
        "select u.tenant, a.digest_minutes from alerts a join users u on u.id = a.person
         where a.person = $1 and a.digest_minutes > 0 and u.email is not null",
        params![person],
        |row| Ok((row.get::<TenantId>(0)?, row.get::<i64>(1)?)),
    )?;
    let Some((tenant, minutes)) = wanted else { return Ok(()) };
    let (target, now) = (person.to_string(), tx.now());
    let at = now + minutes * 60_000;
    jobs::enqueue_at(tx, Some(tenant), Kind::Digest, &target, Some(&target), at)
}

/// What is unread of somebody, nowhere stored and in no mail yet.
struct Unread {
    /// The latest of them.
    last: i64,
    /// When the oldest was made.
    since: Millis,
}

/// Writes the mail down if it is time; `away` says whether somebody is not connected.
pub fn run(tx: &mut Tx<'_>, job: &Job, away: &dyn Fn(UserId) -> bool) -> Result<()> {
    let person = job.target.parse().map(UserId);
    let person = person.map_err(|_| StoreError::Conflict("a job without a target"))?;
    tx.hold_people(&[person])?;
    let (alerts, mailed_at) = (alerts::of(tx, person)?, mailed_at(tx, person)?);
    let period = alerts.digest_minutes * 60_000;
    let me = users::acting(tx, person)?;
    let reader = mails::reader(tx, person)?;
    let (Some(me), Some(reader)) = (me, reader) else { return jobs::finish(tx, job) };
    let (Some(address), Some(unread)) = (reader.email.clone(), unread(tx, person)?) else {
        return jobs::finish(tx, job);
    };
    if period == 0 {
        return jobs::finish(tx, job);
    }
    let (now, ready) = (tx.now(), (unread.since + period).max(mailed_at + period));
    if ready > now {
        return jobs::later(tx, job, ready);
    }
    let quiet = alerts.hours.as_ref().and_then(|hours| hours.end(&alerts.zone, now));
    if let Some(end) = quiet {
        return jobs::later(tx, job, end);
    }
    if !away(person) {
        return jobs::later(tx, job, now + period);
    }
    mails::notice(tx, me.tenant, &reader, mails::Kind::Digest, &address)?;
    tx.exec(
        "update alerts set digest_n = $1, digest_at = $2 where person = $3",
        params![unread.last, now, person],
    )?;
    jobs::finish(tx, job)
}

fn mailed_at(read: &mut Read<'_>, person: UserId) -> Result<Millis> {
    read.number("select digest_at from alerts where person = $1", params![person])
}

fn unread(read: &mut Read<'_>, person: UserId) -> Result<Option<Unread>> {
    let found = read.one(
        "select max(n.n), min(n.at) from notices n
            left join alerts a on a.person = n.person
            left join mine i on i.person = n.person and i.room = n.room
         where n.person = $1 and n.n > coalesce(a.read_n, 0) and n.n > coalesce(a.digest_n, 0)
            and (n.marked = 0 or (n.seq > i.seen and n.seq > i.delivered))",
        params![person],
        |row| Ok((row.get::<Option<i64>>(0)?, row.get::<Option<Millis>>(1)?)),
    )?;
    let found = found.and_then(|(last, since)| last.zip(since));
    Ok(found.map(|(last, since)| Unread { last, since }))
}

/// What a mail says when it is sent: where something unread is waiting that may still be seen, and
/// how much. Nothing: it was read in between.
pub fn contents(read: &mut Read<'_>, person: UserId) -> Result<Vec<(String, i64)>> {
    let Some(me) = users::acting(read, person)? else { return Ok(Vec::new()) };
    let found = read.all(
        "select n.room, n.seq, n.topic from notices n
            left join alerts a on a.person = n.person
            left join mine i on i.person = n.person and i.room = n.room
         where n.person = $1 and n.n > coalesce(a.read_n, 0)
            and (n.marked = 0 or (n.seq > i.seen and n.seq > i.delivered))
         order by n.n desc limit $2",
        params![person, COUNTED],
        |row| {
            let (room, seq) = (row.get::<Option<RoomId>>(0)?, row.get::<Option<Seq>>(1)?);
            Ok((room, seq, row.get::<String>(2)?))
        },
    )?;
    let mut sight = Sight::default();
    let mut places: Vec<(Option<RoomId>, String, i64)> = Vec::new();
    for (room, seq, topic) in found {
        if let Some((room, seq)) = room.zip(seq)
            && !sight.sees(read, &me, room, seq)?
        {
            continue;
        }
        let topic = if room.is_some() { String::new() } else { topic };
        match places.iter_mut().find(|(known, of, _)| *known == room && *of == topic) {
            Some((_, _, count)) => *count += 1,
            None => places.push((room, topic, 1)),
        }
    }
    let mut named = Vec::new();
    for (room, topic, count) in places {
        let name = match room {
            Some(room) => name(read, room, person)?,
            None => topic,
        };
        named.push((name, count));
    }
    Ok(named)
}

/// What a room is called: a direct one after its other people.
fn name(read: &mut Read<'_>, room: RoomId, person: UserId) -> Result<String> {
    let found = super::rooms::any(read, room)?;
    if let Some(found) = found.filter(|found| found.kind != RoomKind::Direct) {
        return Ok(found.name);
    }
    let people = read.all(
        "select u.display_name from members m join users u on u.id = m.person
         where m.room = $1 and m.person <> $2 and m.left_seq is null order by u.id limit $3",
        params![room, person, NAMED],
        |row| row.get::<String>(0),
    )?;
    Ok(people.join(", "))
}
