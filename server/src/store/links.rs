//! The links in mails. A token has one purpose, is good once and for an hour; the store knows its
//! hash alone.

use super::audit::{self, Note};
use super::mails::{self, Kind, Slip};
use super::{Me, Once, Read, Result, StoreError, Tx, ops, sessions};
use crate::params;
use hallway_protocol::ids::{Key, Millis, TenantId, UserId};
use hallway_protocol::rows::TenantRole;
use std::net::IpAddr;

/// Whether this token still opens what it was made for.
pub fn opens(read: &mut Read<'_>, kind: Kind, hash: &[u8; 32]) -> Result<()> {
    find(read, kind, hash)?.filter(|found| !found.spent).map(|_| ()).ok_or_else(no_token)
}

/// The address of a link is its reader's from now on.
pub fn verify(
    tx: &mut Tx<'_>,
    key: Option<&Key>,
    hash: &[u8; 32],
    from: Option<IpAddr>,
) -> Result<Once<()>> {
    let found = find(tx, Kind::Verify, hash)?.ok_or_else(no_token)?;
    let me = found.me();
    if ops::first(tx, &me, key, "verify-email", &found.id)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    tx.hold_people(&[me.user])?;
    let found = find(tx, Kind::Verify, hash)?.filter(|found| !found.spent).ok_or_else(no_token)?;
    let reader = mails::reader(tx, me.user)?.ok_or_else(no_token)?;
    // An address named since makes the link to an earlier one worthless.
    if reader.email_next.as_deref() != Some(&found.address) {
        return Err(no_token());
    }
    mails::set_address(tx, me.tenant, me.user, &found.address)?;
    let act = if reader.email.is_some() { "address_changed" } else { "address_verified" };
    if let Some(old) = &reader.email {
        mails::notice(tx, me.tenant, &reader, Kind::Address, old)?;
        mails::notice(tx, me.tenant, &reader, Kind::Address, &found.address)?;
    }
    spend(tx, Kind::Verify, me.user)?;
    audit::note(tx, &Note::by(&me, act).from(from))?;
    ops::keep(tx, &me, key, "verify-email", &found.id, None)?;
    Ok(Once { again: false, answer: () })
}

/// Sets a new password by the token of a link, and ends every session of the account.
pub fn reset(
    tx: &mut Tx<'_>,
    key: Option<&Key>,
    hash: &[u8; 32],
    password: &str,
    from: Option<IpAddr>,
) -> Result<Once<()>> {
    let found = find(tx, Kind::Reset, hash)?.ok_or_else(no_token)?;
    let me = found.me();
    if ops::first(tx, &me, key, "reset-password", &found.id)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    tx.hold_people(&[me.user])?;
    let found = find(tx, Kind::Reset, hash)?.filter(|found| !found.spent).ok_or_else(no_token)?;
    let reader = mails::reader(tx, me.user)?.ok_or_else(no_token)?;
    // The mail went to an address that is not theirs any more; one that was handed over went to none.
    let by_hand = found.address.is_empty();
    if !by_hand && reader.email.as_deref() != Some(&found.address) {
        return Err(no_token());
    }
    tx.exec("update users set password = $1 where id = $2", params![password, me.user])?;
    sessions::end_others(tx, &me)?;
    spend(tx, Kind::Reset, me.user)?;
    audit::note(tx, &Note::by(&me, "password_reset").from(from))?;
    if let Some(address) = &reader.email {
        mails::notice(tx, me.tenant, &reader, Kind::Password, address)?;
    }
    ops::keep(tx, &me, key, "reset-password", &found.id, None)?;
    Ok(Once { again: false, answer: () })
}

/// A link to a new password that the operator hands over: it is not sent.
pub(super) fn hand(tx: &mut Tx<'_>, tenant: TenantId, user: UserId, slip: &Slip) -> Result<()> {
    let now = tx.now();
    tx.exec(
        "insert into mails (id, tenant, person, kind, address, language, hash, made_at, expires_at,
            used_at)
         values ($1, $2, $3, $4, '', 'en', $5, $6, $7, null)",
        params![&slip.id, tenant, user, Kind::Reset.text(), &slip.hash, now, now + mails::LINK],
    )?;
    Ok(())
}

/// Until when a link is good.
pub(super) fn until(read: &mut Read<'_>, id: &str) -> Result<Millis> {
    read.number("select expires_at from mails where id = $1", params![id])
}

/// What a token names.
struct Found {
    id: String,
    tenant: TenantId,
    user: UserId,
    address: String,
    /// Used, or too old.
    spent: bool,
}

impl Found {
    fn me(&self) -> Me {
        let (role, session) = (TenantRole::Member, String::new());
        Me { tenant: self.tenant, user: self.user, role, guest: false, session }
    }
}

fn find(read: &mut Read<'_>, kind: Kind, hash: &[u8; 32]) -> Result<Option<Found>> {
    let now = read.now();
    read.one(
        "select m.id, m.tenant, m.person, m.address, m.expires_at, m.used_at
         from mails m join users u on u.id = m.person join tenants t on t.id = m.tenant
         where m.hash = $1 and m.kind = $2 and u.deleted_at is null and t.suspended = 0",
        params![hash, kind.text()],
        |row| {
            let used = row.get::<Option<Millis>>(5)?.is_some();
            Ok(Found {
                id: row.get(0)?,
                tenant: row.get(1)?,
                user: row.get(2)?,
                address: row.get(3)?,
                spent: used || row.get::<Millis>(4)? <= now,
            })
        },
    )
}

/// All links of this kind to this person are used up with one of them.
fn spend(tx: &mut Tx<'_>, kind: Kind, user: UserId) -> Result<()> {
    let now = tx.now();
    tx.exec(
        "update mails set used_at = $1 where person = $2 and kind = $3 and used_at is null",
        params![now, user, kind.text()],
    )?;
    Ok(())
}

fn no_token() -> StoreError {
    StoreError::Invalid("token", "opens nothing (any more)".into())
}
