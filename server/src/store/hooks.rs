//! Addresses by which others speak into a room. Each speaks as a bot of its own, which is a member
//! of the room: shown out, it is silent. Only the hash of an address's token is kept.

use super::audit::{self, Note};
use super::engine::{Outcome, Record};
use super::ops::Done;
use super::{Me, Once, Read, Result, StoreError, Tx, bots, members, ops, pages, rooms};
use crate::access::{self, Act};
use crate::params;
use hallway_protocol::ids::{Key, Millis, RoomId, TenantId, UserId};
use hallway_protocol::rest::{Hook, Items};
use hallway_protocol::rows::TenantRole;

/// Of one room.
const MOST: i64 = 50;

/// One to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewHook {
    /// Random.
    pub id: String,
    /// What it is for, checked.
    pub name: String,
    /// SHA-256 of its token.
    pub hash: [u8; 32],
}

/// Makes one.
pub fn create(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    room: RoomId,
    new: &NewHook,
) -> Result<Once<Hook>> {
    let facts = rooms::lock(tx, room)?;
    let target = room.to_string();
    if let Some(done) = ops::first(tx, me, key, "hook", &target)? {
        return Ok(Once { again: true, answer: by_id(tx, room, &done.answer)? });
    }
    access::may(tx, me, Act::Add, &facts)?;
    if tx.number("select count(*) from hooks where room = $1", params![room])? >= MOST {
        return Err(StoreError::Conflict("the room has as many hooks as it may"));
    }
    let bot = bots::make(tx, me.tenant, &format!("hook-{}", new.id), &new.name)?;
    members::enter(tx, &facts, bot, Some(me.user))?;
    let now = tx.now();
    tx.exec(
        "insert into hooks (id, tenant, room, person, name, hash, made_by, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![&new.id, me.tenant, room, bot, &new.name, &new.hash, me.user, now],
    )?;
    audit::note(tx, &noted(me, "hook_made", room, &new.id))?;
    ops::keep(tx, me, key, "hook", &target, Some(Done::made(&new.id)))?;
    Ok(Once { again: false, answer: by_id(tx, room, &new.id)? })
}

/// Those of a room.
pub fn list(
    read: &mut Read<'_>,
    me: &Me,
    room: RoomId,
    next: Option<&str>,
    limit: usize,
) -> Result<Items<Hook>> {
    let facts = rooms::facts(read, room)?.ok_or(StoreError::NotFound("room"))?;
    access::may(read, me, Act::Add, &facts)?;
    let (at, id) = pages::pair(next)?.unwrap_or((Millis::MIN, ""));
    let found = read.all(
        "select id, name, person, made_by, created_at from hooks
         where room = $1 and (created_at, id) > ($2, $3) order by created_at, id limit $4",
        params![room, at, id, pages::beyond(limit)],
        hook,
    )?;
    let place = |last: &Hook| format!("{}:{}", last.created_at, last.id);
    let (items, next) = pages::cut(found, limit, place);
    Ok(Items { items, next })
}

/// Takes one away: nobody speaks by it any more. What it said stays.
pub fn destroy(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    room: RoomId,
    id: &str,
) -> Result<Once<()>> {
    let facts = rooms::lock(tx, room)?;
    let target = format!("{room}/{id}");
    if ops::first(tx, me, key, "hook-end", &target)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    access::may(tx, me, Act::Add, &facts)?;
    let hook = by_id(tx, room, id)?;
    tx.hold_people(&[hook.user])?;
    tx.exec("delete from hooks where id = $1", params![id])?;
    if members::role(tx, room, hook.user)?.is_some() {
        members::depart(tx, &facts, hook.user, me.user)?;
    }
    audit::note(tx, &noted(me, "hook_removed", room, id))?;
    ops::keep(tx, me, key, "hook-end", &target, None)?;
    Ok(Once { again: false, answer: () })
}

/// As whom, and into which room, the one with this token speaks.
pub fn opened(read: &mut Read<'_>, hash: &[u8; 32]) -> Result<Option<(Me, RoomId)>> {
    read.one(
        "select h.id, h.tenant, h.person, h.room from hooks h join users u on u.id = h.person
         where h.hash = $1 and u.deleted_at is null",
        params![hash],
        |row| {
            let (tenant, user): (TenantId, UserId) = (row.get(1)?, row.get(2)?);
            let session = format!("hook:{}", row.get::<String>(0)?);
            let me = Me { tenant, user, role: TenantRole::Member, guest: false, session };
            Ok((me, row.get(3)?))
        },
    )
}

/// A line of the record about one of a room.
fn noted(me: &Me, act: &'static str, room: RoomId, id: &str) -> Note {
    Note::by(me, act).on(format_args!("hook:{id}")).with("room", room.0)
}

fn by_id(read: &mut Read<'_>, room: RoomId, id: &str) -> Result<Hook> {
    let found = read.one(
        "select id, name, person, made_by, created_at from hooks where room = $1 and id = $2",
        params![room, id],
        hook,
    )?;
    found.ok_or(StoreError::NotFound("hook"))
}

fn hook(row: &Record<'_>) -> Outcome<Hook> {
    Ok(Hook {
        id: row.get(0)?,
        name: row.get(1)?,
        url: None,
        user: row.get(2)?,
        by: row.get(3)?,
        created_at: row.get(4)?,
    })
}
