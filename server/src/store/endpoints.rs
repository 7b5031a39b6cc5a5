//! Browsers that want to hear when they are not open. Address and keys lie sealed: who knows them may
//! write to the browser. One belongs to the session that registered it and ends with it.

use super::engine::{Outcome, Record};
use super::ops::Done;
use super::{Me, Once, Read, Result, StoreError, Tx, ops, pages};
use crate::params;
use hallway_protocol::ids::{Key, Millis, UserId};
use hallway_protocol::limits::ENDPOINTS_MAX;
use hallway_protocol::rest::{Endpoint, Items};

/// A browser that wants to hear.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewEndpoint {
    /// Random.
    pub id: String,
    /// SHA-256 of its address.
    pub hash: [u8; 32],
    /// The push service, for the list.
    pub host: String,
    /// Address and keys.
    pub sealed: String,
}

/// One as it is written to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sealed {
    /// Its id.
    pub id: String,
    /// Address and keys.
    pub sealed: String,
}

/// Registers a browser; the same address again is the same one, with the keys of now.
pub fn create(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    new: &NewEndpoint,
) -> Result<Once<String>> {
    tx.hold_people(&[me.user])?;
    if let Some(done) = ops::first(tx, me, key, "endpoint", "")? {
        return Ok(Once { again: true, answer: done.answer });
    }
    let known = tx.put(
        "update endpoints set sealed = $1, session = $2 where person = $3 and hash = $4
         returning id",
        params![&new.sealed, &me.session, me.user, &new.hash],
        |row| row.get::<String>(0),
    )?;
    if let Some(id) = known {
        return Ok(Once { again: true, answer: id });
    }
    if of(tx, me.user)?.len() >= ENDPOINTS_MAX {
        return Err(StoreError::Conflict("there is no room for another one"));
    }
    let now = tx.now();
    tx.exec(
        "insert into endpoints (id, person, session, hash, host, sealed, at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        params![&new.id, me.user, &me.session, &new.hash, &new.host, &new.sealed, now],
    )?;
    ops::keep(tx, me, key, "endpoint", "", Some(Done::made(&new.id)))?;
    Ok(Once { again: false, answer: new.id.clone() })
}

/// My browsers, latest first.
pub fn list(
    read: &mut Read<'_>,
    me: &Me,
    next: Option<&str>,
    limit: usize,
) -> Result<Items<Endpoint>> {
    let current = me.session.clone();
    let (at, id) = pages::pair(next)?.unwrap_or((Millis::MAX, ""));
    let found = read.all(
        "select id, host, at, session from endpoints where person = $1 and (at, id) < ($2, $3)
         order by at desc, id desc limit $4",
        params![me.user, at, id, pages::beyond(limit)],
        |row| endpoint(row, &current),
    )?;
    let (items, next) = pages::cut(found, limit, |last| format!("{}:{}", last.at, last.id));
    Ok(Items { items, next })
}

fn endpoint(row: &Record<'_>, current: &str) -> Outcome<Endpoint> {
    let (id, host, at) = (row.get(0)?, row.get(1)?, row.get(2)?);
    Ok(Endpoint { id, host, at, current: row.get::<String>(3)? == current })
}

/// It hears nothing more.
pub fn destroy(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, id: &str) -> Result<Once<()>> {
    tx.hold_people(&[me.user])?;
    if ops::first(tx, me, key, "endpoint-end", id)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    let gone =
        tx.exec("delete from endpoints where person = $1 and id = $2", params![me.user, id])?;
    if gone == 0 {
        return Err(StoreError::NotFound("endpoint"));
    }
    ops::keep(tx, me, key, "endpoint-end", id, None)?;
    Ok(Once { again: false, answer: () })
}

/// The push service knows it no more.
pub fn gone(tx: &mut Tx<'_>, id: &str) -> Result<()> {
    tx.exec("delete from endpoints where id = $1", params![id])?;
    Ok(())
}

/// A session is over, and its browser with it.
pub(super) fn end(tx: &mut Tx<'_>, person: UserId, session: &str) -> Result<()> {
    let of = params![person, session];
    tx.exec("delete from endpoints where person = $1 and session = $2", of)?;
    Ok(())
}

/// Where a person's browsers are.
pub(super) fn of(read: &mut Read<'_>, person: UserId) -> Result<Vec<Sealed>> {
    let sql = "select id, sealed from endpoints where person = $1 order by id";
    read.all(sql, params![person], |row| Ok(Sealed { id: row.get(0)?, sealed: row.get(1)? }))
}

/// The sealed key for push services: that of this data set, or `new` where there is none.
pub fn vapid(tx: &mut Tx<'_>, new: &str) -> Result<String> {
    tx.exec(
        "insert into meta (name, value) values ('vapid', $1) on conflict (name) do nothing",
        params![new],
    )?;
    let sql = "select value from meta where name = 'vapid'";
    tx.one(sql, &[], |row| row.get(0))?.ok_or(StoreError::Lost)
}
