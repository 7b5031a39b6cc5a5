//! Tenants: whose server it is, and who may come in.

use super::engine::{Outcome, Record};
use super::{Read, Result, StoreError, Tx};
use crate::params;
use hallway_protocol::ids::{ID_BITS, TenantId};
use hallway_protocol::rest::Registration;
use hallway_protocol::text::folded;

/// The tenant meant when none is named.
pub const DEFAULT: &str = "default";

/// A tenant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// What a person types at sign-in.
    pub name: String,
    /// Shown to people.
    pub title: String,
    /// Who may make an account; none: as the server is configured.
    pub registration: Option<Registration>,
    /// Nobody of it may sign in.
    pub suspended: bool,
}

/// The tenant of that name, or the default one.
pub fn by_name(read: &mut Read<'_>, name: Option<&str>) -> Result<Tenant> {
    read.one(
        "select id, name, title, registration, suspended from tenants where name = $1",
        params![&folded(name.unwrap_or(DEFAULT))],
        tenant,
    )?
    .ok_or(StoreError::NotFound("tenant"))
}

/// A tenant by id.
pub fn by_id(read: &mut Read<'_>, id: TenantId) -> Result<Tenant> {
    read.one(
        "select id, name, title, registration, suspended from tenants where id = $1",
        params![id],
        tenant,
    )?
    .ok_or(StoreError::NotFound("tenant"))
}

/// Makes a tenant; only an operator's call or a test leads here.
pub fn create(tx: &mut Tx<'_>, name: &str, title: &str) -> Result<Tenant> {
    let name = folded(name);
    let known = "select count(*) from tenants where name = $1";
    if tx.number(known, params![&name])? > 0 {
        return Err(StoreError::Taken("name"));
    }
    let id = TenantId(free(tx, "select count(*) from tenants where id = $1")?);
    let now = tx.now();
    tx.exec(
        "insert into tenants (id, name, title, registration, owner_hash, suspended, created_at)
         values ($1, $2, $3, null, null, 0, $4)",
        params![id, &name, title, now],
    )?;
    by_id(tx, id)
}

/// How many own the tenant.
pub fn owners(read: &mut Read<'_>, tenant: TenantId) -> Result<i64> {
    let sql = "select count(*) from users where tenant = $1 and role = 2 and deleted_at is null";
    read.number(sql, params![tenant])
}

/// Keeps the hash of a new owner token; the one before it opens nothing any more.
pub fn set_owner_token(tx: &mut Tx<'_>, tenant: TenantId, hash: &[u8; 32]) -> Result<()> {
    tx.exec("update tenants set owner_hash = $1 where id = $2", params![hash, tenant])?;
    Ok(())
}

/// Whether this owner token still makes an owner.
pub fn is_owner_token(read: &mut Read<'_>, tenant: TenantId, hash: &[u8; 32]) -> Result<bool> {
    let sql = "select count(*) from tenants where id = $1 and owner_hash = $2";
    Ok(read.number(sql, params![tenant, hash])? > 0)
}

/// Spends the owner token; false when somebody else was first.
pub fn spend_owner_token(tx: &mut Tx<'_>, tenant: TenantId, hash: &[u8; 32]) -> Result<bool> {
    let done = tx.exec(
        "update tenants set owner_hash = null where id = $1 and owner_hash = $2",
        params![tenant, hash],
    )?;
    Ok(done == 1)
}

/// Draws an id until it is free; `taken` counts the rows that have it.
pub(super) fn free(read: &mut Read<'_>, taken: &'static str) -> Result<i64> {
    loop {
        let id = rand::random_range(1..1i64 << ID_BITS);
        if read.number(taken, params![id])? == 0 {
            return Ok(id);
        }
    }
}

fn tenant(row: &Record<'_>) -> Outcome<Tenant> {
    let registration = row.get::<Option<String>>(3)?;
    Ok(Tenant {
        id: row.get(0)?,
        name: row.get(1)?,
        title: row.get(2)?,
        registration: registration.as_deref().and_then(|stored| match stored {
            "open" => Some(Registration::Open),
            "invite" => Some(Registration::Invite),
            "closed" => Some(Registration::Closed),
            _ => None,
        }),
        suspended: row.get(4)?,
    })
}
