//! Bans: a person who may not sign in, or an address from where nobody may. A banned person stays a
//! member of their rooms, so that lifting the ban gives everything back; who is to be gone from a
//! room is removed from it. Whoever owns the tenant is never kept out.

use super::engine::{Outcome, Record};
use super::{Event, Me, Once, Read, Result, StoreError, Tx, audit, ops, pages, sessions, users};
use crate::access::{self, TenantAct};
use crate::limits::network;
use crate::params;
use audit::Note;
use hallway_protocol::ids::{Key, Millis, TenantId, UserId};
use hallway_protocol::rest::Ban;
use hallway_protocol::rows::TenantRole;
use std::net::IpAddr;

/// Whom a ban keeps out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whom {
    /// One person.
    Person(UserId),
    /// Everybody at this address, or in its network of IPv6.
    Address(IpAddr),
}

/// A ban in the making.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewBan {
    /// Random.
    pub id: String,
    /// Whom.
    pub whom: Whom,
    /// Until when; none: until it is lifted.
    pub until: Option<Millis>,
    /// Why.
    pub reason: String,
    /// From where the one who bans asks.
    pub from: Option<IpAddr>,
}

/// Keeps somebody out from now on: sessions end, sockets close. A ban of the same one is replaced.
pub fn create(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, new: &NewBan) -> Result<Once<Ban>> {
    if let Some(done) = ops::first(tx, me, key, "ban", "")? {
        let answer = find(tx, me, &done.answer)?.ok_or(StoreError::NotFound("ban"))?;
        return Ok(Once { again: true, answer });
    }
    access::may_in_tenant(me, TenantAct::Moderate)?;
    let now = tx.now();
    if new.until.is_some_and(|until| until <= now) {
        return Err(StoreError::Invalid("until", "is past".into()));
    }
    let (person, address) = match new.whom {
        Whom::Person(user) => (Some(bannable(tx, me, user)?), None),
        Whom::Address(address) => (None, Some(network(address))),
    };
    let text = address.map(|address| address.to_string());
    tx.exec(
        "delete from bans where tenant = $1 and (person = $2 or address = $3)",
        params![me.tenant, person, text.as_deref()],
    )?;
    tx.exec(
        "insert into bans (id, tenant, person, address, until, reason, made_by, at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![&new.id, me.tenant, person, text.as_deref(), new.until, &new.reason, me.user, now],
    )?;
    if let Some(user) = person {
        sessions::end_every(tx, user)?;
        tx.emit(Event::Changed { user });
        tx.emit(Event::Shut { user });
    }
    if let Some(network) = address {
        let until = Some(new.until.unwrap_or(Millis::MAX));
        tx.emit(Event::Barred { tenant: me.tenant, network, until });
    }
    let note = Note::by(me, if person.is_some() { "person_banned" } else { "address_banned" });
    let note = match new.whom {
        Whom::Person(user) => note.on(format_args!("user:{user}")),
        Whom::Address(_) => note.on(format_args!("address:{}", text.unwrap_or_default())),
    };
    let note = note.from(new.from).with("reason", new.reason.as_str()).with("until", new.until);
    audit::note(tx, &note.with("ban", new.id.as_str()))?;
    ops::keep(tx, me, key, "ban", "", Some(ops::Done::made(&new.id)))?;
    let answer = find(tx, me, &new.id)?.ok_or(StoreError::NotFound("ban"))?;
    Ok(Once { again: false, answer })
}

/// Somebody who may be banned by me: not myself, nobody who owns the tenant, and no admin unless I do.
fn bannable(tx: &mut Tx<'_>, me: &Me, user: UserId) -> Result<UserId> {
    let found = tx.one(
        "select role from users where tenant = $1 and id = $2 and deleted_at is null",
        params![me.tenant, user],
        |row| row.get(0).map(users::role),
    )?;
    let Some(role) = found else {
        return Err(StoreError::Invalid("user", "names somebody who is not here".into()));
    };
    if user == me.user || role >= me.role || role == TenantRole::Owner {
        return Err(StoreError::Forbidden("you may not ban them"));
    }
    tx.hold_people(&[user])?;
    Ok(user)
}

/// The bans that hold, newest first.
pub fn list(
    read: &mut Read<'_>,
    me: &Me,
    next: Option<&str>,
    limit: usize,
) -> Result<hallway_protocol::rest::Items<Ban>> {
    access::may_in_tenant(me, TenantAct::Moderate)?;
    let now = read.now();
    let (at, id) = pages::pair(next)?.unwrap_or((Millis::MAX, ""));
    let found = read.all(
        "select id, person, address, until, reason, made_by, at from bans
         where tenant = $1 and (until is null or until > $2) and (at, id) < ($3, $4)
         order by at desc, id desc limit $5",
        params![me.tenant, now, at, id, pages::beyond(limit)],
        row,
    )?;
    let (items, next) = pages::cut(found, limit, |last| format!("{}:{}", last.at, last.id));
    Ok(hallway_protocol::rest::Items { items, next })
}

/// Lifts a ban.
pub fn destroy(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    id: &str,
    from: Option<IpAddr>,
) -> Result<Once<()>> {
    if ops::first(tx, me, key, "ban-lift", id)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    access::may_in_tenant(me, TenantAct::Moderate)?;
    let ban = find(tx, me, id)?.ok_or(StoreError::NotFound("ban"))?;
    tx.exec("delete from bans where tenant = $1 and id = $2", params![me.tenant, id])?;
    if let Some(network) = ban.address.as_deref().and_then(|text| text.parse().ok()) {
        tx.emit(Event::Barred { tenant: me.tenant, network, until: None });
    }
    let note = Note::by(me, "ban_lifted").from(from);
    let note = match (ban.user, ban.address) {
        (Some(user), _) => note.on(format_args!("user:{user}")),
        (None, address) => note.on(format_args!("address:{}", address.unwrap_or_default())),
    };
    audit::note(tx, &note.with("ban", id))?;
    ops::keep(tx, me, key, "ban-lift", id, None)?;
    Ok(Once { again: false, answer: () })
}

/// Refuses whoever is disabled or banned, or comes from where nobody may; asked by whatever makes a
/// session or gives one on. Whoever owns the tenant comes in from everywhere.
pub fn admit(read: &mut Read<'_>, user: UserId, from: Option<IpAddr>) -> Result<()> {
    let disabled = "select count(*) from users where id = $1 and disabled_at is not null";
    if read.number(disabled, params![user])? > 0 {
        return Err(StoreError::Forbidden("this account is disabled"));
    }
    let now = read.now();
    let network = from.map(|from| network(from).to_string());
    let found = read.one(
        "select b.person from bans b join users u on u.tenant = b.tenant
         where u.id = $1 and u.role < 2 and (b.person = u.id or b.address = $2)
            and (b.until is null or b.until > $3)
         order by b.person limit 1",
        params![user, network.as_deref(), now],
        |row| row.get::<Option<UserId>>(0),
    )?;
    match found {
        None => Ok(()),
        Some(Some(_)) => Err(StoreError::Forbidden("this account is banned")),
        Some(None) => Err(StoreError::Forbidden("this address is banned")),
    }
}

/// The addresses that are barred now, for the door to remember.
pub fn addresses(read: &mut Read<'_>) -> Result<Vec<(TenantId, IpAddr, Millis)>> {
    let now = read.now();
    let found = read.all(
        "select tenant, address, until from bans
         where address is not null and (until is null or until > $1)",
        params![now],
        |row| {
            let until = row.get::<Option<Millis>>(2)?.unwrap_or(Millis::MAX);
            Ok((row.get(0)?, row.get::<String>(1)?, until))
        },
    )?;
    let known = |(tenant, text, until): (TenantId, String, Millis)| {
        Some((tenant, text.parse().ok()?, until))
    };
    Ok(found.into_iter().filter_map(known).collect())
}

fn find(read: &mut Read<'_>, me: &Me, id: &str) -> Result<Option<Ban>> {
    read.one(
        "select id, person, address, until, reason, made_by, at from bans
         where tenant = $1 and id = $2",
        params![me.tenant, id],
        row,
    )
}

fn row(row: &Record<'_>) -> Outcome<Ban> {
    Ok(Ban {
        id: row.get(0)?,
        user: row.get(1)?,
        address: row.get(2)?,
        until: row.get(3)?,
        reason: row.get(4)?,
        by: row.get(5)?,
        at: row.get(6)?,
    })
}
