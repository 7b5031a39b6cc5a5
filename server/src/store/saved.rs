//! Messages that somebody put aside for themselves. A row names its message; whether it is still
//! theirs to see is asked each time the list is read.

use super::engine::{Outcome, Record};
use super::ops::Done;
use super::pages::{beyond, cut, pair};
use super::{Me, Once, Read, Result, StoreError, Tx, messages, ops, rooms};
use crate::access::{self, Act};
use crate::params;
use hallway_protocol::ids::{Key, Millis, RoomId, Seq, UserId};
use hallway_protocol::limits::SAVED_MAX;
use hallway_protocol::rest::{Items, NewSaved, Saved};
use std::collections::HashMap;

/// From where on somebody sees each room they asked about; none: nothing of it.
#[derive(Default)]
pub(super) struct Sight(HashMap<RoomId, Option<Seq>>);

impl Sight {
    /// Whether the message is there, and theirs to see.
    pub fn sees(&mut self, read: &mut Read<'_>, me: &Me, room: RoomId, seq: Seq) -> Result<bool> {
        let from = match self.0.get(&room) {
            Some(from) => *from,
            None => {
                let from = match rooms::facts(read, room)? {
                    Some(facts) => access::sees(read, me, &facts)?,
                    None => None,
                };
                *self.0.entry(room).or_insert(from)
            }
        };
        if from.is_none_or(|from| seq < from) {
            return Ok(false);
        }
        Ok(messages::find(read, room, seq)?.is_some_and(|message| !message.deleted))
    }
}

/// A message that I see and that is not deleted, or a refusal.
pub(super) fn there(read: &mut Read<'_>, me: &Me, room: RoomId, seq: Seq) -> Result<()> {
    let facts = rooms::facts(read, room)?.ok_or(StoreError::NotFound("room"))?;
    let standing = access::may(read, me, Act::See, &facts)?;
    if messages::visible(read, room, seq, standing.min_seq)?.deleted {
        return Err(StoreError::Conflict("the message is deleted"));
    }
    Ok(())
}

/// Puts a message aside. The same message again is the same row.
pub fn create(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, new: &NewSaved) -> Result<Once<Saved>> {
    tx.hold_people(&[me.user])?;
    let target = messages::target(new.room, new.seq);
    if let Some(done) = ops::first(tx, me, key, "saved", &target)? {
        let (id, at) = made(&done.answer);
        return Ok(Once { again: true, answer: Saved { id, room: new.room, seq: new.seq, at } });
    }
    there(tx, me, new.room, new.seq)?;
    if let Some(answer) = of_message(tx, me, new)? {
        return Ok(Once { again: true, answer });
    }
    if tx.number("select count(*) from saved where person = $1", params![me.user])? >= SAVED_MAX {
        return Err(StoreError::Conflict("there is no room for another one"));
    }
    let (id, at) = (format!("{:032x}", rand::random::<u128>()), tx.now());
    tx.exec(
        "insert into saved (id, person, room, seq, at) values ($1, $2, $3, $4, $5)",
        params![&id, me.user, new.room, new.seq, at],
    )?;
    ops::keep(tx, me, key, "saved", &target, Some(Done::made(answer(&id, at))))?;
    Ok(Once { again: false, answer: Saved { id, room: new.room, seq: new.seq, at } })
}

fn of_message(read: &mut Read<'_>, me: &Me, new: &NewSaved) -> Result<Option<Saved>> {
    read.one(
        "select id, room, seq, at from saved where person = $1 and room = $2 and seq = $3",
        params![me.user, new.room, new.seq],
        row,
    )
}

/// What I put aside, latest first; without what is not mine to see any more.
pub fn list(
    read: &mut Read<'_>,
    me: &Me,
    next: Option<&str>,
    limit: usize,
) -> Result<Items<Saved>> {
    let (at, id) = pair(next)?.unwrap_or((Millis::MAX, ""));
    let found = read.all(
        "select id, room, seq, at from saved where person = $1 and (at, id) < ($2, $3)
         order by at desc, id desc limit $4",
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

/// Takes it from the list.
pub fn destroy(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, id: &str) -> Result<Once<()>> {
    tx.hold_people(&[me.user])?;
    if ops::first(tx, me, key, "saved-end", id)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    let gone = tx.exec("delete from saved where person = $1 and id = $2", params![me.user, id])?;
    if gone == 0 {
        return Err(StoreError::NotFound("saved message"));
    }
    ops::keep(tx, me, key, "saved-end", id, None)?;
    Ok(Once { again: false, answer: () })
}

/// Forgets some of what a closed account put aside; true: there may be more.
pub(super) fn forget(tx: &mut Tx<'_>, user: UserId, most: i64) -> Result<bool> {
    let gone = tx.exec(
        "delete from saved where id in (select id from saved where person = $1 limit $2)",
        params![user, most],
    )?;
    Ok(gone > 0)
}

/// Id and time of what was made, as kept beside its key.
pub(super) fn answer(id: &str, at: Millis) -> String {
    format!("{id}:{at}")
}

/// The same, read.
pub(super) fn made(kept: &str) -> (String, Millis) {
    let (id, at) = kept.split_once(':').unwrap_or((kept, ""));
    (id.to_owned(), at.parse().unwrap_or_default())
}

fn row(row: &Record<'_>) -> Outcome<Saved> {
    Ok(Saved { id: row.get(0)?, room: row.get(1)?, seq: row.get(2)?, at: row.get(3)? })
}
