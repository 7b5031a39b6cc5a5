//! What was done under the idempotency keys of those who run a server or a tenant, and need not be
//! persons: the counterpart of `ops`, kept as long.

use super::{Read, Result, StoreError, Tx, chores};
use crate::access::Admin;
use crate::params;
use hallway_protocol::ids::Key;

/// The answer's id of the first call with this key. A key used for something else is refused.
pub fn first(
    read: &mut Read<'_>,
    admin: &Admin,
    key: Option<&Key>,
    kind: &str,
    target: &str,
) -> Result<Option<String>> {
    let Some(key) = key else { return Ok(None) };
    let found = read.one(
        "select kind, target, answer from deeds where actor = $1 and key = $2",
        params![&admin.name(), &key.to_bytes()],
        |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?, row.get::<String>(2)?)),
    )?;
    match found {
        None => Ok(None),
        Some((k, t, answer)) if k == kind && t == target => Ok(Some(answer)),
        Some(_) => Err(StoreError::Conflict("this key was used for something else")),
    }
}

/// Remembers what was done.
pub fn keep(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    kind: &str,
    target: &str,
    answer: &str,
) -> Result<()> {
    let Some(key) = key else { return Ok(()) };
    let hour = chores::hours(tx)?;
    tx.exec(
        "insert into deeds (actor, key, kind, target, answer, made_hour)
         values ($1, $2, $3, $4, $5, $6)",
        params![&admin.name(), &key.to_bytes(), kind, target, answer, hour],
    )?;
    Ok(())
}
