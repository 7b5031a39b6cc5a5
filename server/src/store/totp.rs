//! The second factor of an account: a code by time, each good once on whichever node it comes to, or
//! one of the codes on paper. A session of somebody who has one is made with a [`Proof`] alone, and
//! only [`check`] gives it (see [`super::sessions::Door`]).
//!
//! Wrong codes are counted in the row: after a few in a row no code by time is looked at for a while,
//! and the answer stays that of a wrong one. A code on paper cannot be guessed and opens meanwhile.

use super::audit::{self, Actor, Note};
use super::{Me, Once, Read, Result, StoreError, Tx, mails, ops, users};
use crate::access::{self, TenantAct};
use crate::params;
use hallway_protocol::ids::{Key, Millis, TenantId, UserId};
use hallway_protocol::rows::TenantRole;
use std::net::IpAddr;
use std::sync::Arc;

/// So many wrong codes in a row cost nothing: people mistype, and clocks are off.
const FREE: i64 = 5;
/// The first wait after them; each further wrong code doubles it.
const WAIT: Millis = 60_000;
/// The longest wait: a code is guessed in a century of them.
const LONGEST: Millis = 3_600_000;

/// Which step, later than the last one taken, a code belongs to: of whom, with which sealed secret,
/// at what time, after which step, the code.
pub type Steps =
    dyn Fn(UserId, &str, Millis, i64, &str) -> Result<Option<i64>> + Send + Sync + 'static;

/// A second factor as somebody gives it.
#[derive(Clone)]
pub struct Given {
    /// What they typed.
    pub code: Option<String>,
    /// SHA-256 of it, as a code on paper.
    pub hash: [u8; 32],
    /// How a code by time is read.
    pub steps: Arc<Steps>,
    /// Write to them when a code on paper was used.
    pub mail: bool,
    /// From where, for the record.
    pub address: Option<IpAddr>,
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Given")
    }
}

/// Somebody gave the second factor of their account, or it has none.
#[derive(Debug)]
pub struct Proof(());

/// What is wrong with the second factor that was given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// There is none, and the account has one.
    Missing,
    /// It is not the one, was used, or too many before it were wrong.
    Code,
}

struct Held {
    secret: String,
    on: bool,
    last_step: i64,
    wrong: i64,
    wait_until: Millis,
}

/// Whether the account asks for a second factor.
pub fn is_on(read: &mut Read<'_>, user: UserId) -> Result<bool> {
    let sql = "select count(*) from totp where person = $1 and on_at is not null";
    Ok(read.number(sql, params![user])? > 0)
}

/// Checks the second factor of somebody, under the lock of their row. A wrong one is an answer, not
/// an error: that it was tried must be committed.
pub fn check(
    tx: &mut Tx<'_>,
    user: UserId,
    given: &Given,
) -> Result<std::result::Result<Proof, Wrong>> {
    tx.hold_people(&[user])?;
    let Some(held) = held(tx, user)?.filter(|held| held.on) else { return Ok(Ok(Proof(()))) };
    let Some(code) = given.code.as_deref() else { return Ok(Err(Wrong::Missing)) };
    if on_paper(tx, user, given)? || by_time(tx, user, &held, given, code)? {
        return Ok(Ok(Proof(())));
    }
    Ok(Err(Wrong::Code))
}

/// Takes one of the codes on paper, where this is one.
fn on_paper(tx: &mut Tx<'_>, user: UserId, given: &Given) -> Result<bool> {
    let sql = "delete from recovery where person = $1 and hash = $2";
    if tx.exec(sql, params![user, &given.hash])? == 0 {
        return Ok(false);
    }
    tx.exec("update totp set wrong = 0, wait_until = 0 where person = $1", params![user])?;
    let me = whom(tx, user)?;
    let left = tx.number("select count(*) from recovery where person = $1", params![user])?;
    audit::note(tx, &Note::by(&me, "recovery_used").from(given.address).with("left", left))?;
    if given.mail {
        mails::tell(tx, &me, mails::Kind::Recovery)?;
    }
    Ok(true)
}

/// Takes a code by time, where this is one; else it counts as wrong.
fn by_time(tx: &mut Tx<'_>, user: UserId, held: &Held, given: &Given, code: &str) -> Result<bool> {
    let now = tx.now();
    // A wait longer than any was written by a clock that was wrong.
    let waits = held.wait_until > now && held.wait_until <= now + LONGEST;
    let step = match waits {
        true => None,
        false => (given.steps)(user, &held.secret, now, held.last_step, code)?,
    };
    if let Some(step) = step {
        tx.exec(
            "update totp set last_step = $1, wrong = 0, wait_until = 0 where person = $2",
            params![step, user],
        )?;
        return Ok(true);
    }
    if !waits {
        let wrong = held.wrong + 1;
        let wait_until = now + wait(wrong);
        tx.exec(
            "update totp set wrong = $1, wait_until = $2 where person = $3",
            params![wrong, wait_until, user],
        )?;
    }
    let me = whom(tx, user)?;
    let failed = Note::of(Some(me.tenant), Actor::Nobody, "second_factor_failed");
    let failed = failed.on(format_args!("user:{user}")).from(given.address);
    audit::note(tx, &failed.with("waits", waits))?;
    Ok(false)
}

/// How long no code is looked at after so many wrong ones in a row.
fn wait(wrong: i64) -> Millis {
    match wrong - FREE {
        ..0 => 0,
        over => (WAIT << over.min(16)).min(LONGEST),
    }
}

/// Offers me a secret; nothing is asked for before I have shown that I can read codes off it.
pub fn offer(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, sealed: &str) -> Result<Once<()>> {
    tx.hold_people(&[me.user])?;
    if ops::first(tx, me, key, "totp-offer", "")?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    access::may_in_tenant(me, TenantAct::Account)?;
    if is_on(tx, me.user)? {
        return Err(StoreError::Conflict("the second factor is on; turn it off first"));
    }
    tx.exec(
        "insert into totp (person, secret, on_at, last_step, wrong, wait_until)
         values ($1, $2, null, 0, 0, 0)
         on conflict (person) do update set secret = excluded.secret, wrong = 0, wait_until = 0",
        params![me.user, sealed],
    )?;
    ops::keep(tx, me, key, "totp-offer", "", None)?;
    Ok(Once { again: false, answer: () })
}

/// Turns my second factor on with a code made of the secret offered, or, where it is on, gives me new
/// codes on paper for one.
pub fn confirm(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    given: &Given,
    paper: &[[u8; 32]],
) -> Result<std::result::Result<Once<()>, Wrong>> {
    tx.hold_people(&[me.user])?;
    if ops::first(tx, me, key, "totp", "")?.is_some() {
        return Ok(Ok(Once { again: true, answer: () }));
    }
    access::may_in_tenant(me, TenantAct::Account)?;
    let held = held(tx, me.user)?;
    let held = held.ok_or(StoreError::Conflict("there is no secret yet; ask for one first"))?;
    let code = given.code.as_deref().unwrap_or_default();
    if !by_time(tx, me.user, &held, given, code)? {
        return Ok(Err(Wrong::Code));
    }
    tx.exec("delete from recovery where person = $1", params![me.user])?;
    for hash in paper {
        let sql = "insert into recovery (person, hash) values ($1, $2)";
        tx.exec(sql, params![me.user, hash])?;
    }
    let act = if held.on { "recovery_renewed" } else { "second_factor_on" };
    if !held.on {
        let now = tx.now();
        tx.exec("update totp set on_at = $1 where person = $2", params![now, me.user])?;
        users::door_changed(tx, me, given.mail.then_some(mails::Kind::FactorOn))?;
    }
    audit::note(tx, &Note::by(me, act).from(given.address))?;
    ops::keep(tx, me, key, "totp", "", None)?;
    Ok(Ok(Once { again: false, answer: () }))
}

/// Turns my second factor off. The password was compared before; `seen` is the hash it was compared
/// with, and where the account has none the factor itself is asked for. Off already, it is as it
/// should be.
pub fn destroy(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    seen: Option<&str>,
    given: &Given,
) -> Result<std::result::Result<Once<()>, Wrong>> {
    tx.hold_people(&[me.user])?;
    if ops::first(tx, me, key, "totp-off", "")?.is_some() {
        return Ok(Ok(Once { again: true, answer: () }));
    }
    let sql = "select password from users where id = $1";
    let now = tx.one(sql, params![me.user], |row| row.get::<Option<String>>(0))?;
    if now.ok_or(StoreError::SignedOut)?.as_deref() != seen {
        return Err(StoreError::WrongCredentials);
    }
    if seen.is_none()
        && let Err(wrong) = check(tx, me.user, given)?
    {
        return Ok(Err(wrong));
    }
    off(tx, me, Note::by(me, "second_factor_off").from(given.address), given.mail)?;
    ops::keep(tx, me, key, "totp-off", "", None)?;
    Ok(Ok(Once { again: false, answer: () }))
}

/// Turns the second factor of somebody off who lost it: an operator's way out. Whether it was on.
pub fn remove(tx: &mut Tx<'_>, actor: Actor, user: UserId, mail: bool) -> Result<bool> {
    tx.hold_people(&[user])?;
    let me = whom(tx, user)?;
    let note = Note::of(Some(me.tenant), actor, "second_factor_off");
    off(tx, &me, note.on(format_args!("user:{user}")), mail)
}

fn off(tx: &mut Tx<'_>, me: &Me, note: Note, mail: bool) -> Result<bool> {
    let on = is_on(tx, me.user)?;
    forget_of(tx, me.user)?;
    if on {
        audit::note(tx, &note)?;
        users::door_changed(tx, me, mail.then_some(mails::Kind::FactorOff))?;
    }
    Ok(on)
}

/// Nothing of it stays: the account is closed, or it is off.
pub(super) fn forget_of(tx: &mut Tx<'_>, user: UserId) -> Result<()> {
    tx.exec("delete from totp where person = $1", params![user])?;
    tx.exec("delete from recovery where person = $1", params![user])?;
    Ok(())
}

fn held(read: &mut Read<'_>, user: UserId) -> Result<Option<Held>> {
    read.one(
        "select secret, on_at, last_step, wrong, wait_until from totp where person = $1",
        params![user],
        |row| {
            Ok(Held {
                secret: row.get(0)?,
                on: row.get::<Option<Millis>>(1)?.is_some(),
                last_step: row.get(2)?,
                wrong: row.get(3)?,
                wait_until: row.get(4)?,
            })
        },
    )
}

/// Somebody whose account is open, as one who acts.
fn whom(read: &mut Read<'_>, user: UserId) -> Result<Me> {
    let sql = "select tenant from users where id = $1 and deleted_at is null";
    let tenant: Option<TenantId> = read.one(sql, params![user], |row| row.get(0))?;
    let tenant = tenant.ok_or(StoreError::NotFound("person"))?;
    let (role, session) = (TenantRole::Member, String::new());
    Ok(Me { tenant, user, role, guest: false, session })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_to_an_hour_and_no_further() {
        assert_eq!((wait(1), wait(4), wait(5), wait(6)), (0, 0, WAIT, 2 * WAIT));
        assert_eq!((wait(12), wait(i64::MAX)), (LONGEST, LONGEST));
    }
}
