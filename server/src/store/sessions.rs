//! Sessions: a device that is signed in. Refresh tokens are derived from the family and a
//! generation, so a successor whose answer was lost can be given again; only hashes are kept.

use super::audit::{self, Actor, Note};
use super::engine::{Outcome, Record};
use super::totp::Proof;
use super::{Event, Me, Read, Result, StoreError, Tx, bans, chores, endpoints, own, pages, users};
use crate::params;
use hallway_protocol::ids::{Millis, TenantId, UserId};
use hallway_protocol::rest::Rows;
use hallway_protocol::rows::{Row, SessionRow};
use std::net::IpAddr;

/// A session unused for so long ends, in hours the server runs: no clock set wrong ends one.
pub const UNUSED: i64 = 90 * 24;
/// The time of last use is written at most so often: it is for display.
const SEEN: Millis = 10 * 60_000;

/// A session to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewSession {
    /// Its id, random.
    pub id: String,
    /// Label of the device.
    pub device: String,
    /// What its refresh tokens are derived from.
    pub family: String,
    /// SHA-256 of the refresh token of generation 0.
    pub hash: [u8; 32],
    /// From where, for the record.
    pub address: Option<IpAddr>,
}

/// Who a session speaks for; what a cache may hold until an event names the person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Whois {
    /// Who.
    pub me: Me,
    /// The generation last proven used: an access token of the next one proves the next.
    pub generation: i64,
}

/// A refresh token as it was presented.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Presented {
    /// The session it names.
    pub session: String,
    /// The generation it names.
    pub generation: i64,
    /// SHA-256 of it.
    pub hash: [u8; 32],
    /// From where, for the record.
    pub address: Option<IpAddr>,
}

/// Answer to a refresh.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refresh {
    /// The token of this generation is to be given, the same whenever it is asked for.
    Given {
        /// Whose session.
        me: Me,
        /// What its tokens are derived from.
        family: String,
        /// Which token to give.
        generation: i64,
    },
    /// A token that was left behind came back: the session is ended now.
    Reused {
        /// Whose.
        user: UserId,
    },
}

/// What lets somebody have a session; there is no other way to one, and so none past a second factor.
#[derive(Debug)]
pub enum Door {
    /// They are new: no account of theirs can have a second factor.
    New,
    /// They gave their second factor, or have none.
    Proven(Proof),
    /// Their tenant's backend, which acts for them anyway, vouches for them.
    Vouched,
}

/// Makes a session of a person: whichever way they signed in, the record says so here.
pub fn create(tx: &mut Tx<'_>, user: UserId, new: &NewSession, _: Door) -> Result<()> {
    bans::admit(tx, user, new.address)?;
    let rev = own::next(tx, user)?;
    let (now, hour) = (tx.now(), chores::hours(tx)?);
    tx.exec(
        "insert into sessions (id, person, device, family, generation, hash, next_hash, created_at,
            seen_at, used_hour, ended_at, rev)
         values ($1, $2, $3, $4, 0, $5, null, $6, $6, $7, null, $8)",
        params![&new.id, user, &new.device, &new.family, &new.hash, now, hour, rev],
    )?;
    let tenant = tenant(tx, user)?;
    let signed_in = Note::of(tenant, Actor::Person(user), "sign_in");
    let signed_in = signed_in.on(format_args!("session:{}", new.id)).from(new.address);
    audit::note(tx, &signed_in.with("device", new.device.as_str()))?;
    publish(tx, user, &new.id)
}

/// Who a session speaks for; nobody once it ended, or its account or tenant is off.
pub fn whois(read: &mut Read<'_>, session: &str) -> Result<Option<Whois>> {
    read.one(
        "select s.id, s.person, s.generation, u.tenant, u.role, u.guest
         from sessions s join users u on u.id = s.person join tenants t on t.id = u.tenant
         where s.id = $1 and s.ended_at is null and u.deleted_at is null and u.disabled_at is null
            and t.suspended = 0",
        params![session],
        |row| {
            let me = Me {
                tenant: row.get::<TenantId>(3)?,
                user: row.get(1)?,
                role: users::role(row.get(4)?),
                guest: row.get(5)?,
                session: row.get(0)?,
            };
            Ok(Whois { me, generation: row.get(2)? })
        },
    )
}

/// Gives the successor of a refresh token. `derive` answers the hash of the token of a family and
/// generation.
pub fn refresh(
    tx: &mut Tx<'_>,
    presented: &Presented,
    derive: &dyn Fn(&str, i64) -> [u8; 32],
) -> Result<Refresh> {
    let who = whois(tx, &presented.session)?.ok_or(StoreError::SignedOut)?;
    tx.hold_people(&[who.me.user])?;
    // Asked again under the lock: a refresh on another lane may have come first.
    let who = whois(tx, &presented.session)?.ok_or(StoreError::SignedOut)?;
    let (family, hash) = tx
        .one(
            "select family, hash from sessions where id = $1",
            params![&presented.session],
            |row| Ok((row.get::<String>(0)?, row.get::<[u8; 32]>(1)?)),
        )?
        .ok_or(StoreError::SignedOut)?;
    let at = who.generation;
    let current = presented.generation == at && presented.hash == hash;
    // Further ahead it was given out before a backup was restored: nobody else can derive one.
    let ahead =
        presented.generation > at && presented.hash == derive(&family, presented.generation);
    if current || ahead {
        bans::admit(tx, who.me.user, presented.address)?;
        let at = presented.generation;
        let hash = presented.hash;
        let (now, hour) = (tx.now(), chores::hours(tx)?);
        tx.exec(
            "update sessions set generation = $1, hash = $2, next_hash = $3, seen_at = $4,
                used_hour = $5 where id = $6",
            params![at, &hash, &derive(&family, at + 1), now, hour, &presented.session],
        )?;
        return Ok(Refresh::Given { me: who.me, family, generation: at + 1 });
    }
    let old = presented.generation < at && presented.generation >= 0;
    if old && presented.hash == derive(&family, presented.generation) {
        let user = who.me.user;
        end_all(tx, user, std::slice::from_ref(&presented.session), false)?;
        let reused = Note::by(&who.me, "refresh_reused").from(presented.address);
        audit::note(tx, &reused.on(format_args!("session:{}", presented.session)))?;
        return Ok(Refresh::Reused { user });
    }
    Err(StoreError::SignedOut)
}

/// An access token of the next generation was seen: the refresh token before it is spent.
pub fn used(
    tx: &mut Tx<'_>,
    me: &Me,
    generation: i64,
    derive: &dyn Fn(&str, i64) -> [u8; 32],
) -> Result<()> {
    tx.hold_people(&[me.user])?;
    let family = tx.one(
        "select family from sessions where id = $1 and ended_at is null",
        params![&me.session],
        |row| row.get::<String>(0),
    )?;
    let family = family.ok_or(StoreError::SignedOut)?;
    tx.exec(
        "update sessions set generation = $1, hash = $2, next_hash = null
         where id = $3 and generation = $1 - 1 and next_hash is not null",
        params![generation, &derive(&family, generation), &me.session],
    )?;
    Ok(())
}

/// The session is in use: moves the time of last use, now and then.
pub fn seen(tx: &mut Tx<'_>, me: &Me) -> Result<()> {
    let (now, hour) = (tx.now(), chores::hours(tx)?);
    // A time in the future was written by a clock that was wrong.
    tx.exec(
        "update sessions set seen_at = $1, used_hour = $2
         where id = $3 and (seen_at < $4 or seen_at > $1)",
        params![now, hour, &me.session, now - SEEN],
    )?;
    Ok(())
}

/// My devices, signed in.
pub fn list(read: &mut Read<'_>, me: &Me, next: Option<&str>, limit: usize) -> Result<Rows> {
    let (at, id) = pages::pair(next)?.unwrap_or((Millis::MIN, ""));
    let found = read.all(
        "select id, device, seen_at, ended_at, rev, created_at from sessions
         where person = $1 and ended_at is null and (created_at, id) > ($2, $3)
         order by created_at, id limit $4",
        params![me.user, at, id, pages::beyond(limit)],
        |found| {
            let session = row(found)?;
            let current = session.id == me.session;
            Ok((SessionRow { current, ..session }, found.get::<Millis>(5)?))
        },
    )?;
    let (found, next) = pages::cut(found, limit, |(last, at)| format!("{at}:{}", last.id));
    Ok(Rows { rows: found.into_iter().map(|(row, _)| Row::Session(row)).collect(), next })
}

/// How many there are, of everybody.
pub fn open(read: &mut Read<'_>) -> Result<i64> {
    read.number("select count(*) from sessions where ended_at is null", &[])
}

/// Ends one of my sessions: the present one (signing out), or another (throwing a device out).
pub fn end(tx: &mut Tx<'_>, me: &Me, session: &str) -> Result<()> {
    tx.hold_people(&[me.user])?;
    let mine = tx.number(
        "select count(*) from sessions where id = $1 and person = $2 and ended_at is null",
        params![session, me.user],
    )?;
    if mine == 0 {
        return Err(StoreError::NotFound("session"));
    }
    end_all(tx, me.user, &[session.to_owned()], session != me.session)
}

fn tenant(read: &mut Read<'_>, user: UserId) -> Result<Option<TenantId>> {
    read.one("select tenant from users where id = $1", params![user], |row| row.get(0))
}

/// Ends every session of mine but the present one.
pub fn end_others(tx: &mut Tx<'_>, me: &Me) -> Result<()> {
    tx.hold_people(&[me.user])?;
    let others = tx.all(
        "select id from sessions where person = $1 and ended_at is null and id <> $2",
        params![me.user, &me.session],
        |row| row.get::<String>(0),
    )?;
    end_all(tx, me.user, &others, true)
}

/// Ends every session of somebody who is to be gone; their devices delete what they hold.
pub(super) fn end_every(tx: &mut Tx<'_>, user: UserId) -> Result<()> {
    let all = tx.all(
        "select id from sessions where person = $1 and ended_at is null",
        params![user],
        |row| row.get::<String>(0),
    )?;
    end_all(tx, user, &all, true)
}

/// Ends sessions of one person; `thrown`: their devices delete what they hold.
pub(super) fn end_all(
    tx: &mut Tx<'_>,
    user: UserId,
    sessions: &[String],
    thrown: bool,
) -> Result<()> {
    for session in sessions {
        let (rev, now) = (own::next(tx, user)?, tx.now());
        tx.exec(
            "update sessions set ended_at = $1, next_hash = null, rev = $2 where id = $3",
            params![now, rev, session],
        )?;
        endpoints::end(tx, user, session)?;
        publish(tx, user, session)?;
    }
    if !sessions.is_empty() {
        tx.emit(Event::Ended { user, sessions: sessions.to_vec(), thrown });
    }
    Ok(())
}

/// Ends sessions that nobody used for [`UNUSED`], a few at once; true: there may be more.
pub(super) fn end_unused(tx: &mut Tx<'_>) -> Result<bool> {
    let (before, most) = (chores::hours(tx)? - UNUSED, 100);
    let found = tx.all(
        "select person, id from sessions where ended_at is null and used_hour < $1
         order by used_hour limit $2",
        params![before, most],
        |row| Ok((row.get::<UserId>(0)?, row.get::<String>(1)?)),
    )?;
    let people: Vec<UserId> = found.iter().map(|(person, _)| *person).collect();
    tx.hold_people(&people)?;
    for (person, session) in &found {
        end_all(tx, *person, std::slice::from_ref(session), false)?;
    }
    Ok(found.len() as i64 == most)
}

fn publish(tx: &mut Tx<'_>, user: UserId, session: &str) -> Result<()> {
    let found = tx.one(
        "select id, device, seen_at, ended_at, rev from sessions where id = $1",
        params![session],
        row,
    )?;
    if let Some(row) = found {
        own::publish(tx, user, row.rev, Row::Session(row));
    }
    Ok(())
}

/// Reads the columns in the order in which every query of sessions names them.
pub(super) fn row(row: &Record<'_>) -> Outcome<SessionRow> {
    Ok(SessionRow {
        id: row.get(0)?,
        device: row.get(1)?,
        current: false,
        last_seen_at: row.get(2)?,
        ended: row.get::<Option<Millis>>(3)?.is_some(),
        rev: row.get(4)?,
    })
}
