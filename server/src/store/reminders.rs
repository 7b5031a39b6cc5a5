//! Reminders: somebody wants to hear of a message again, later. When it is time the row becomes a
//! notice, in the transaction that takes it from here: once, whoever dies.

use super::engine::{Outcome, Record};
use super::jobs::{self, Job, Kind};
use super::ops::Done;
use super::pages::{beyond, cut, pair};
use super::saved::{Sight, answer, made, there};
use super::scheduled::ahead;
use super::{Me, Once, Read, Result, StoreError, Tx, messages, notices, ops, users};
use crate::params;
use hallway_protocol::ids::{Key, Millis, UserId};
use hallway_protocol::limits::LATER_MAX;
use hallway_protocol::rest::{Items, NewReminder, Reminder};

/// Asks to be reminded of a message I see.
pub fn create(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    new: &NewReminder,
) -> Result<Once<Reminder>> {
    tx.hold_people(&[me.user])?;
    let (room, seq, target) = (new.room, new.seq, messages::target(new.room, new.seq));
    if let Some(done) = ops::first(tx, me, key, "reminder", &target)? {
        let (id, at) = made(&done.answer);
        return Ok(Once { again: true, answer: Reminder { id, room, seq, at } });
    }
    there(tx, me, room, seq)?;
    let at = new.at;
    ahead(tx.now(), at)?;
    let waiting = "select count(*) from reminders where person = $1";
    if tx.number(waiting, params![me.user])? >= LATER_MAX {
        return Err(StoreError::Conflict("there are too many that wait"));
    }
    let id = format!("{:032x}", rand::random::<u128>());
    tx.exec(
        "insert into reminders (id, person, room, seq, at) values ($1, $2, $3, $4, $5)",
        params![&id, me.user, room, seq, at],
    )?;
    jobs::enqueue_at(tx, Some(me.tenant), Kind::Remind, &id, Some(&id), at)?;
    ops::keep(tx, me, key, "reminder", &target, Some(Done::made(answer(&id, at))))?;
    Ok(Once { again: false, answer: Reminder { id, room, seq, at } })
}

/// What I want to be reminded of, the next first; without what is not mine to see any more.
pub fn list(
    read: &mut Read<'_>,
    me: &Me,
    next: Option<&str>,
    limit: usize,
) -> Result<Items<Reminder>> {
    let (at, id) = pair(next)?.unwrap_or((Millis::MIN, ""));
    let found = read.all(
        "select id, room, seq, at from reminders where person = $1 and (at, id) > ($2, $3)
         order by at, id limit $4",
        params![me.user, at, id, beyond(limit)],
        row,
    )?;
    let (found, next) = cut(found, limit, |last| format!("{}:{}", last.at, last.id));
    let mut sight = Sight::default();
    let mut items = Vec::new();
    for item in found {
        if sight.sees(read, me, item.room, item.seq)? {
            items.push(item);
        }
    }
    Ok(Items { items, next })
}

/// Takes one back.
pub fn destroy(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, id: &str) -> Result<Once<()>> {
    tx.hold_people(&[me.user])?;
    if ops::first(tx, me, key, "reminder-end", id)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    let gone =
        tx.exec("delete from reminders where person = $1 and id = $2", params![me.user, id])?;
    if gone == 0 {
        return Err(StoreError::NotFound("reminder"));
    }
    ops::keep(tx, me, key, "reminder-end", id, None)?;
    Ok(Once { again: false, answer: () })
}

/// Reminds of what the job is for, if it is time; looks again later if not.
pub(super) fn run(tx: &mut Tx<'_>, job: &Job) -> Result<()> {
    let found = tx.one(
        "select id, room, seq, at, person from reminders where id = $1",
        params![&job.target],
        |record| Ok((row(record)?, record.get::<UserId>(4)?)),
    )?;
    let Some((reminder, person)) = found else { return jobs::finish(tx, job) };
    tx.hold_people(&[person])?;
    if reminder.at > tx.now() {
        return jobs::later(tx, job, reminder.at);
    }
    tx.exec("delete from reminders where id = $1", params![&job.target])?;
    if let Some(me) = users::acting(tx, person)?
        && Sight::default().sees(tx, &me, reminder.room, reminder.seq)?
    {
        notices::put(tx, person, "reminder", Some((reminder.room, reminder.seq)), "")?;
    }
    jobs::finish(tx, job)
}

fn row(row: &Record<'_>) -> Outcome<Reminder> {
    Ok(Reminder { id: row.get(0)?, room: row.get(1)?, seq: row.get(2)?, at: row.get(3)? })
}
