//! A person's private values: JSON texts that nobody else reads.

use super::{Me, Once, Read, Result, StoreError, Tx, ops};
use crate::params;
use hallway_protocol::ids::Key;
use hallway_protocol::limits::STORAGE_KEYS;

/// One value.
pub fn show(read: &mut Read<'_>, me: &Me, name: &str) -> Result<String> {
    read.one(
        "select value from storage where person = $1 and name = $2",
        params![me.user, name],
        |row| row.get(0),
    )?
    .ok_or(StoreError::NotFound("value"))
}

/// The names of all values.
pub fn list(read: &mut Read<'_>, me: &Me) -> Result<Vec<String>> {
    read.all("select name from storage where person = $1 order by name", params![me.user], |row| {
        row.get(0)
    })
}

/// Keeps a value; `value` is JSON within its limit.
pub fn put(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    name: &str,
    value: &str,
) -> Result<Once<()>> {
    tx.hold_people(&[me.user])?;
    if ops::first(tx, me, key, "storage", name)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    let others = "select count(*) from storage where person = $1 and name <> $2";
    if tx.number(others, params![me.user, name])? >= STORAGE_KEYS as i64 {
        return Err(StoreError::Conflict("there is no room for another value"));
    }
    tx.exec(
        "insert into storage (person, name, value) values ($1, $2, $3)
         on conflict (person, name) do update set value = excluded.value",
        params![me.user, name, value],
    )?;
    ops::keep(tx, me, key, "storage", name, None)?;
    Ok(Once { again: false, answer: () })
}

/// Forgets a value; one that is not there is forgotten.
pub fn destroy(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, name: &str) -> Result<Once<()>> {
    let again = ops::first(tx, me, key, "storage-delete", name)?.is_some();
    if !again {
        let gone = params![me.user, name];
        tx.exec("delete from storage where person = $1 and name = $2", gone)?;
        ops::keep(tx, me, key, "storage-delete", name, None)?;
    }
    Ok(Once { again, answer: () })
}
