//! Sign-in with a provider, as far as it is remembered: a sign-in that was begun, the code that ends
//! it, and who somebody is by what the provider says. States and codes are known by their hashes, are
//! good once and for a while. People are told apart by issuer and subject alone: an address that a
//! provider vouches for makes nobody the holder of an account that is there.

use super::accounts::Arrival;
use super::audit::{self, Actor, Note};
use super::sessions::{self, Door, NewSession};
use super::totp::{self, Wrong};
use super::{Me, Once, Read, Result, StoreError, Tx, accounts, mails, ops, users};
use crate::params;
use hallway_protocol::ids::{Key, Millis, TenantId, UserId};
use hallway_protocol::rows::User;
use std::net::IpAddr;

/// A person takes no longer at the provider.
pub const STATE: Millis = 600_000;
/// An app takes no longer to exchange its code.
pub const CODE: Millis = 60_000;

/// A sign-in that begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Begun {
    /// SHA-256 of the state.
    pub hash: [u8; 32],
    /// SHA-256 of the browser's cookie.
    pub browser: [u8; 32],
    /// Label of the device.
    pub device: String,
    /// SHA-256 of the app's verifier, where it has one.
    pub challenge: Option<[u8; 32]>,
}

/// Somebody whom the provider vouches for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Come {
    /// Who vouches.
    pub issuer: String,
    /// Its name for them.
    pub subject: String,
    /// An address it has verified.
    pub email: Option<String>,
    /// As they are called there.
    pub name: Option<String>,
    /// The user name they have there.
    pub wanted: Option<String>,
    /// Label of the device.
    pub device: String,
    /// SHA-256 of the app's verifier, where it has one.
    pub challenge: Option<[u8; 32]>,
}

/// A code as an app presents it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Presented {
    /// SHA-256 of the code.
    pub hash: [u8; 32],
    /// SHA-256 of the verifier.
    pub verifier: Option<[u8; 32]>,
}

/// Somebody who has just shown that it is they.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proven {
    /// The hash that their password was compared with.
    pub seen: String,
    /// From where they ask.
    pub from: IpAddr,
    /// There is mail, so that they can be told.
    pub mail: bool,
}

impl Proven {
    fn told(&self, kind: mails::Kind) -> Option<mails::Kind> {
        self.mail.then_some(kind)
    }
}

/// Writes down that somebody went to the provider.
pub fn begin(tx: &mut Tx<'_>, tenant: TenantId, begun: &Begun) -> Result<()> {
    let expires_at = tx.now() + STATE;
    tx.exec(
        "insert into oidc_states (tenant, hash, browser, device, challenge, expires_at)
         values ($1, $2, $3, $4, $5, $6)",
        params![
            tenant,
            &begun.hash,
            &begun.browser,
            &begun.device,
            begun.challenge.as_ref().map(|hash| &hash[..]),
            expires_at
        ],
    )?;
    Ok(())
}

/// They came back, in the browser in which they went: the state is spent. None: it was, it is too
/// old, was never given out, or came in another browser, which leaves it to the right one.
pub fn returned(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    hash: [u8; 32],
    browser: [u8; 32],
) -> Result<Option<Begun>> {
    let now = tx.now();
    tx.one(
        "delete from oidc_states
         where tenant = $1 and hash = $2 and browser = $3 and expires_at > $4
            and expires_at <= $5
         returning device, challenge",
        params![tenant, &hash, &browser, now, now + STATE],
        |row| Ok(Begun { hash, browser, device: row.get(0)?, challenge: row.get(1)? }),
    )
}

/// Keeps what the provider said until the app asks for it.
pub fn keep(tx: &mut Tx<'_>, tenant: TenantId, hash: &[u8; 32], come: &Come) -> Result<()> {
    let expires_at = tx.now() + CODE;
    tx.exec(
        "insert into oidc_codes (tenant, hash, issuer, subject, email, name, wanted, device,
            challenge, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        params![
            tenant,
            hash,
            &come.issuer,
            &come.subject,
            come.email.as_deref(),
            come.name.as_deref(),
            come.wanted.as_deref(),
            &come.device,
            come.challenge.as_ref().map(|hash| &hash[..]),
            expires_at
        ],
    )?;
    Ok(())
}

/// It came to nothing; the record says so.
pub fn failed(tx: &mut Tx<'_>, tenant: TenantId, from: IpAddr) -> Result<()> {
    let note = Note::of(Some(tenant), Actor::Nobody, "sign_in_failed").from(from);
    audit::note(tx, &note.with("by", "oidc"))
}

/// Who may have an account though nobody here knows them, and how it is made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// Strangers get one.
    pub registers: bool,
    /// Language of mails to them.
    pub language: String,
    /// Addresses have to be verified here.
    pub mail: bool,
}

/// Signs in whom a code speaks of. A second factor that lacks or is wrong is an answer, and leaves
/// the code to the next try.
pub fn session(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    presented: &Presented,
    terms: &Terms,
    new: &NewSession,
    factor: &totp::Given,
) -> Result<std::result::Result<User, Wrong>> {
    let come = presented_by(tx, tenant, presented)?;
    let new = NewSession { device: come.device.clone(), ..new.clone() };
    let Some(user) = person(tx, tenant, &come)? else {
        let user = register(tx, tenant, &come, terms, new.address)?;
        spend(tx, tenant, presented)?;
        sessions::create(tx, user, &new, Door::New)?;
        return users::own_row(tx, user).map(Ok);
    };
    tx.hold_people(&[user])?;
    let sql = "select count(*) from users where id = $1 and deleted_at is null";
    if tx.number(sql, params![user])? == 0 {
        return Err(StoreError::Forbidden("this account is closed"));
    }
    if terms.mail && mails::waits(tx, user)? {
        return Err(StoreError::Unverified);
    }
    let proof = match totp::check(tx, user, factor)? {
        Ok(proof) => proof,
        Err(wrong) => return Ok(Err(wrong)),
    };
    spend(tx, tenant, presented)?;
    sessions::create(tx, user, &new, Door::Proven(proof))?;
    users::own_row(tx, user).map(Ok)
}

/// Makes the account of somebody nobody here knows, with the name they have there where it is free.
fn register(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    come: &Come,
    terms: &Terms,
    from: Option<IpAddr>,
) -> Result<UserId> {
    if !terms.registers {
        return Err(StoreError::Forbidden(
            "nobody here is linked to this account of the provider; sign in, and link it",
        ));
    }
    let email = come.email.as_deref();
    if let Some(email) = email
        && accounts::has_address(tx, tenant, email)?
    {
        return Err(StoreError::Conflict(
            "an account here has this mail address already; sign in to it, and link the two",
        ));
    }
    let local = email.and_then(|email| email.split('@').next());
    let wanted = come.wanted.as_deref().or(local).or(come.name.as_deref()).unwrap_or_default();
    let arrival = Arrival { wanted, name: come.name.as_deref(), email, language: &terms.language };
    let user = accounts::arrive(tx, tenant, &arrival)?;
    if !link_to(tx, tenant, come, user)? {
        // On another node they came at the same moment; asked again they are known.
        return Err(StoreError::Busy);
    }
    let note = Note::of(Some(tenant), Actor::Person(user), "registered").from(from);
    audit::note(tx, &note.with("by", "oidc"))?;
    Ok(user)
}

/// The account I have with the provider opens mine here from now on.
pub fn link(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    presented: &Presented,
    by: &Proven,
) -> Result<Once<()>> {
    tx.hold_people(&[me.user])?;
    if ops::first(tx, me, key, "oidc-link", "")?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    accounts::still(tx, me, &by.seen)?;
    let come = presented_by(tx, me.tenant, presented)?;
    match person(tx, me.tenant, &come)? {
        Some(user) if user == me.user => {}
        Some(_) => return Err(StoreError::Conflict("this account of the provider is linked")),
        None => {
            let sql = "select count(*) from identities where person = $1 and issuer = $2";
            if tx.number(sql, params![me.user, &come.issuer])? > 0 {
                return Err(StoreError::Conflict("you have linked another; unlink it first"));
            }
            if !link_to(tx, me.tenant, &come, me.user)? {
                return Err(StoreError::Busy);
            }
            audit::note(tx, &Note::by(me, "identity_linked").from(by.from))?;
            users::door_changed(tx, me, by.told(mails::Kind::OidcOn))?;
        }
    }
    spend(tx, me.tenant, presented)?;
    ops::keep(tx, me, key, "oidc-link", "", None)?;
    Ok(Once { again: false, answer: () })
}

/// No account with a provider opens mine any more; the password does.
pub fn unlink(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, by: &Proven) -> Result<Once<()>> {
    tx.hold_people(&[me.user])?;
    if ops::first(tx, me, key, "oidc-unlink", "")?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    accounts::still(tx, me, &by.seen)?;
    if tx.exec("delete from identities where person = $1", params![me.user])? > 0 {
        audit::note(tx, &Note::by(me, "identity_unlinked").from(by.from))?;
        users::door_changed(tx, me, by.told(mails::Kind::OidcOff))?;
    }
    ops::keep(tx, me, key, "oidc-unlink", "", None)?;
    Ok(Once { again: false, answer: () })
}

/// Forgets what nobody came back for; how many.
pub(super) fn forget(tx: &mut Tx<'_>, most: i64) -> Result<u64> {
    let now = tx.now();
    let states = tx.exec(
        "delete from oidc_states where (tenant, hash) in
            (select tenant, hash from oidc_states where expires_at < $1
             order by expires_at limit $2)",
        params![now, most],
    )?;
    let codes = tx.exec(
        "delete from oidc_codes where (tenant, hash) in
            (select tenant, hash from oidc_codes where expires_at < $1
             order by expires_at limit $2)",
        params![now, most],
    )?;
    Ok(states.max(codes))
}

/// Whom a code speaks of; a code of an app with a verifier is worth nothing without it.
fn presented_by(read: &mut Read<'_>, tenant: TenantId, presented: &Presented) -> Result<Come> {
    let nothing = || StoreError::Invalid("code", "opens nothing (any more)".into());
    let now = read.now();
    let come = read.one(
        "select issuer, subject, email, name, wanted, device, challenge from oidc_codes
         where tenant = $1 and hash = $2 and expires_at > $3 and expires_at <= $4",
        params![tenant, &presented.hash, now, now + CODE],
        |row| {
            Ok(Come {
                issuer: row.get(0)?,
                subject: row.get(1)?,
                email: row.get(2)?,
                name: row.get(3)?,
                wanted: row.get(4)?,
                device: row.get(5)?,
                challenge: row.get(6)?,
            })
        },
    )?;
    let come = come.ok_or_else(nothing)?;
    match come.challenge {
        Some(_) if come.challenge != presented.verifier => Err(nothing()),
        _ => Ok(come),
    }
}

fn spend(tx: &mut Tx<'_>, tenant: TenantId, presented: &Presented) -> Result<()> {
    let sql = "delete from oidc_codes where tenant = $1 and hash = $2";
    match tx.exec(sql, params![tenant, &presented.hash])? {
        0 => Err(StoreError::Invalid("code", "opens nothing (any more)".into())),
        _ => Ok(()),
    }
}

/// Who somebody is here.
fn person(read: &mut Read<'_>, tenant: TenantId, come: &Come) -> Result<Option<UserId>> {
    read.one(
        "select person from identities where tenant = $1 and issuer = $2 and subject = $3",
        params![tenant, &come.issuer, &come.subject],
        |row| row.get(0),
    )
}

/// Whether they are now: nobody else was meanwhile.
fn link_to(tx: &mut Tx<'_>, tenant: TenantId, come: &Come, user: UserId) -> Result<bool> {
    let now = tx.now();
    let linked = tx.exec(
        "insert into identities (tenant, issuer, subject, person, linked_at)
         values ($1, $2, $3, $4, $5) on conflict (tenant, issuer, subject) do nothing",
        params![tenant, &come.issuer, &come.subject, user, now],
    )?;
    Ok(linked > 0)
}
