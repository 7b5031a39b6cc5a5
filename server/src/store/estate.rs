//! Rooms as the operator of the server sees them, whosever they are: what they are and who owns
//! them, never what is said in them.

use super::audit::{self, Note};
use super::change::Change;
use super::engine::{Outcome, Record};
use super::rooms::{self, Facts};
use super::users::escaped;
use super::{Once, Read, Result, StoreError, Tx, deeds, members, settings};
use crate::access::{self, Admin, AdminAct};
use crate::params;
use hallway_protocol::ids::{Key, Millis, RoomId, TenantId, UserId};
use hallway_protocol::rest::{RoomChange, RoomInfo};
use hallway_protocol::rows::{Role, RoomKind, Row};
use hallway_protocol::text::folded;

/// Which rooms.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Find {
    /// Of this tenant; none: of all.
    pub tenant: Option<TenantId>,
    /// Part of the name.
    pub query: String,
    /// After this one.
    pub after: RoomId,
    /// How many.
    pub limit: usize,
}

/// Rooms that are there, by id.
pub fn list(read: &mut Read<'_>, admin: &Admin, find: &Find) -> Result<Vec<RoomInfo>> {
    access::may_run(admin, AdminAct::Rooms, find.tenant)?;
    let like = format!("%{}%", escaped(&folded(&find.query)));
    let limit = i64::try_from(find.limit).unwrap_or(i64::MAX);
    let mut found = read.all(
        "select id, tenant, kind, name, visibility, archived_at, size, last_n, head, created_at
         from rooms
         where id > $1 and deleted_at is null and (cast($2 as bigint) is null or tenant = $2)
            and name_folded like $3 escape '\\'
         order by id limit $4",
        params![find.after, find.tenant, &like, limit],
        info,
    )?;
    for room in &mut found {
        room.owners = owners(read, room.room)?;
    }
    Ok(found)
}

/// One of them.
pub fn show(read: &mut Read<'_>, admin: &Admin, room: RoomId) -> Result<RoomInfo> {
    access::may_run(admin, AdminAct::Rooms, None)?;
    let found = read.one(
        "select id, tenant, kind, name, visibility, archived_at, size, last_n, head, created_at
         from rooms where id = $1 and deleted_at is null",
        params![room],
        info,
    )?;
    let found = found.ok_or(StoreError::NotFound("room"))?;
    Ok(RoomInfo { owners: owners(read, room)?, ..found })
}

/// Puts a room away or brings it back; gives it an owner.
pub fn change(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    room: RoomId,
    patch: &RoomChange,
) -> Result<Once<RoomInfo>> {
    access::may_run(admin, AdminAct::Rooms, None)?;
    let (facts, target) = (rooms::lock(tx, room)?, room.to_string());
    if deeds::first(tx, admin, key, "estate-change", &target)?.is_some() {
        return Ok(Once { again: true, answer: show(tx, admin, room)? });
    }
    if facts.deleted {
        return Err(StoreError::NotFound("room"));
    }
    if patch.archived == Some(false) {
        archive(tx, admin, &facts, false)?;
    }
    if let Some(owner) = patch.owner {
        entrust(tx, admin, room, owner)?;
    }
    if patch.archived == Some(true) {
        let facts = rooms::lock(tx, room)?;
        archive(tx, admin, &facts, true)?;
    }
    deeds::keep(tx, admin, key, "estate-change", &target, "")?;
    Ok(Once { again: false, answer: show(tx, admin, room)? })
}

fn archive(tx: &mut Tx<'_>, admin: &Admin, facts: &Facts, to: bool) -> Result<()> {
    if facts.kind == RoomKind::Direct {
        return Err(StoreError::Conflict("a direct room is not put away"));
    }
    if facts.archived != to {
        settings::put_away(tx, facts, to)?;
        let act = if to { "room_archived" } else { "room_unarchived" };
        audit::note(tx, &noted(admin, facts, act))?;
    }
    Ok(())
}

/// Makes somebody of the tenant an owner of the room; who is not in it is from now on.
fn entrust(tx: &mut Tx<'_>, admin: &Admin, room: RoomId, user: UserId) -> Result<()> {
    let facts = rooms::lock(tx, room)?;
    if facts.kind == RoomKind::Direct {
        return Err(StoreError::Conflict("a direct room has no owner"));
    }
    let known = "select count(*) from users
         where tenant = $1 and id = $2 and deleted_at is null and guest = 0";
    if tx.number(known, params![facts.tenant, user])? == 0 {
        return Err(StoreError::Invalid("owner", "names somebody who is not here".into()));
    }
    tx.hold_people(&[user])?;
    let role = members::role(tx, room, user)?;
    if role == Some(Role::Owner) {
        return Ok(());
    }
    if role.is_none() {
        members::enter(tx, &facts, user, None)?;
    }
    let facts = rooms::lock(tx, room)?;
    let mut change = Change::begin(tx, &facts)?;
    tx.exec(
        "update members set role = 2, rev = $1 where room = $2 and person = $3",
        params![change.seq, room, user],
    )?;
    change.rows(members::row(tx, room, user)?.map(Row::Member));
    change.finish(tx)?;
    audit::note(tx, &noted(admin, &facts, "room_owner_given").with("user", user.0))
}

/// Deletes a room.
pub fn destroy(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    room: RoomId,
) -> Result<Once<()>> {
    access::may_run(admin, AdminAct::Rooms, None)?;
    let (facts, target) = (rooms::lock(tx, room)?, room.to_string());
    if deeds::first(tx, admin, key, "estate-end", &target)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    if facts.deleted {
        return Err(StoreError::NotFound("room"));
    }
    rooms::end(tx, &facts)?;
    audit::note(tx, &noted(admin, &facts, "room_deleted"))?;
    deeds::keep(tx, admin, key, "estate-end", &target, "")?;
    Ok(Once { again: false, answer: () })
}

fn noted(admin: &Admin, facts: &Facts, act: &'static str) -> Note {
    let note = Note::of(Some(facts.tenant), admin.actor.clone(), act).from(admin.address);
    note.on(format_args!("room:{}", facts.id))
}

fn owners(read: &mut Read<'_>, room: RoomId) -> Result<Vec<UserId>> {
    read.all(
        "select person from members
         where room = $1 and role = 2 and left_seq is null order by joined_seq, person limit 20",
        params![room],
        |row| row.get(0),
    )
}

fn info(row: &Record<'_>) -> Outcome<RoomInfo> {
    Ok(RoomInfo {
        room: row.get(0)?,
        tenant: row.get(1)?,
        kind: rooms::kind(&row.get::<String>(2)?),
        name: row.get(3)?,
        visibility: rooms::visibility(&row.get::<String>(4)?),
        archived: row.get::<Option<Millis>>(5)?.is_some(),
        members: row.get(6)?,
        owners: Vec::new(),
        messages: row.get(7)?,
        head: row.get(8)?,
        created_at: row.get(9)?,
    })
}
