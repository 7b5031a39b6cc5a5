//! Invites: codes that let people make an account. Only the hash of a code is kept.

use super::audit::{self, Note};
use super::engine::{Outcome, Record};
use super::ops::Done;
use super::{Me, Once, Read, Result, StoreError, Tx, ops, pages, rooms};
use crate::access::{self, Act, TenantAct};
use crate::params;
use hallway_protocol::ids::{Key, Millis, RoomId, TenantId, UserId};
use hallway_protocol::rest::{Invite, Items};

/// An invite to be made. Its code is the server's affair: it derives it from the key, so that a
/// repeated call can show the same one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewCode {
    /// Random, for lists.
    pub id: String,
    /// SHA-256 of the code.
    pub hash: [u8; 32],
    /// How often it opens.
    pub uses: i64,
    /// When it stops.
    pub expires_at: Option<Millis>,
    /// The room it leads into.
    pub room: Option<RoomId>,
}

/// Makes an invite.
pub fn create(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, new: &NewCode) -> Result<Once<Invite>> {
    if let Some(done) = ops::first(tx, me, key, "invite", "")? {
        return Ok(Once { again: true, answer: by_id(tx, me, &done.answer)? });
    }
    access::may_in_tenant(me, TenantAct::Invite)?;
    if let Some(room) = new.room {
        let facts = rooms::facts(tx, room)?.ok_or(StoreError::NotFound("room"))?;
        access::may(tx, me, Act::Add, &facts)?;
    }
    let now = tx.now();
    tx.exec(
        "insert into invites (id, tenant, hash, made_by, room, uses_left, expires_at, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![&new.id, me.tenant, &new.hash, me.user, new.room, new.uses, new.expires_at, now],
    )?;
    let note = Note::by(me, "invite_made").on(format_args!("invite:{}", new.id));
    let note = note.with("uses", new.uses).with("expires_at", new.expires_at);
    audit::note(tx, &note.with("room", new.room.map(|room| room.0)))?;
    ops::keep(tx, me, key, "invite", "", Some(Done::made(&new.id)))?;
    Ok(Once { again: false, answer: by_id(tx, me, &new.id)? })
}

/// The tenant's invites that still open something, newest first.
pub fn list(
    read: &mut Read<'_>,
    me: &Me,
    next: Option<&str>,
    limit: usize,
) -> Result<Items<Invite>> {
    access::may_in_tenant(me, TenantAct::Invite)?;
    let now = read.now();
    let (at, id) = pages::pair(next)?.unwrap_or((Millis::MAX, ""));
    let found = read.all(
        "select id, uses_left, expires_at, room, created_at from invites
         where tenant = $1 and uses_left > 0 and (expires_at is null or expires_at > $2)
            and (created_at, id) < ($3, $4)
         order by created_at desc, id desc limit $5",
        params![me.tenant, now, at, id, pages::beyond(limit)],
        |found| Ok((row(found)?, found.get::<Millis>(4)?)),
    )?;
    let (found, next) = pages::cut(found, limit, |(last, at)| format!("{at}:{}", last.id));
    Ok(Items { items: found.into_iter().map(|(invite, _)| invite).collect(), next })
}

/// Ends an invite; one that is gone already is gone.
pub fn destroy(tx: &mut Tx<'_>, me: &Me, id: &str) -> Result<()> {
    access::may_in_tenant(me, TenantAct::Invite)?;
    let gone = params![me.tenant, id];
    match tx.exec("delete from invites where tenant = $1 and id = $2", gone)? {
        0 => Err(StoreError::NotFound("invite")),
        _ => audit::note(tx, &Note::by(me, "invite_removed").on(format_args!("invite:{id}"))),
    }
}

/// What a code opens.
pub(super) struct Opened {
    pub id: String,
    pub made_by: UserId,
    pub room: Option<RoomId>,
}

/// What this code would open now.
pub(super) fn open(
    read: &mut Read<'_>,
    tenant: TenantId,
    hash: &[u8; 32],
) -> Result<Option<Opened>> {
    let now = read.now();
    read.one(
        "select id, made_by, room from invites where tenant = $1 and hash = $2 and uses_left > 0
            and (expires_at is null or expires_at > $3)",
        params![tenant, hash, now],
        |row| Ok(Opened { id: row.get(0)?, made_by: row.get(1)?, room: row.get(2)? }),
    )
}

/// Uses an invite once; false when others used it up.
pub(super) fn spend(tx: &mut Tx<'_>, id: &str) -> Result<bool> {
    let sql = "update invites set uses_left = uses_left - 1 where id = $1 and uses_left > 0";
    Ok(tx.exec(sql, params![id])? == 1)
}

fn by_id(read: &mut Read<'_>, me: &Me, id: &str) -> Result<Invite> {
    read.one(
        "select id, uses_left, expires_at, room from invites where tenant = $1 and id = $2",
        params![me.tenant, id],
        row,
    )?
    .ok_or(StoreError::NotFound("invite"))
}

fn row(row: &Record<'_>) -> Outcome<Invite> {
    Ok(Invite {
        id: row.get(0)?,
        code: None,
        link: None,
        uses_left: row.get(1)?,
        expires_at: row.get(2)?,
        room: row.get(3)?,
    })
}
