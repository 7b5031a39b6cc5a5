//! Accounts: making one, its password, closing it.

use super::audit::{self, Actor, Note};
use super::mails::{self, Slip};
use super::sessions::{self, Door as By, NewSession};
use super::{Event, Me, Read, Result, StoreError, Tx};
use super::{attachments, chores, invites, jobs, members, own, scheduled, tenants, totp, users};
use crate::params;
use hallway_protocol::ids::{TenantId, UserId};
use hallway_protocol::limits::{DISPLAY_NAME_MAX, NAME_MAX};
use hallway_protocol::rest::Registration;
use hallway_protocol::rows::{TenantRole, User};
use hallway_protocol::text::{self, folded};
use std::net::IpAddr;

/// Somebody who wants an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Newcomer {
    /// User name, checked.
    pub name: String,
    /// As others see them.
    pub display_name: String,
    /// Mail address.
    pub email: Option<String>,
    /// Language of mails to them.
    pub language: String,
    /// Mail is on: the address is theirs once it is verified, by the link of this.
    pub slip: Option<Slip>,
    /// Argon2 hash.
    pub password: String,
    /// SHA-256 of an invite's code or of the owner token.
    pub invite: Option<[u8; 32]>,
    /// Their first device.
    pub session: NewSession,
}

/// What lets somebody in.
pub(super) enum Door {
    Open,
    Owner([u8; 32]),
    Invite(invites::Opened),
}

/// Makes an account and its first session, which waits where an address is to be verified first. The
/// owner token, or one use of the invite, is spent in the same transaction. The owner waits for no
/// mail: who runs the server must be able to mend it.
pub fn register(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    registration: Registration,
    new: &Newcomer,
) -> Result<User> {
    let door = door(tx, tenant, registration, new)?;
    let owner = matches!(door, Door::Owner(_));
    free_name(tx, tenant, new, owner)?;
    if let Door::Invite(opened) = &door
        && let Some(room) = opened.room
    {
        tx.hold_room(room)?;
    }
    let spent = match &door {
        Door::Open => true,
        Door::Owner(hash) => tenants::spend_owner_token(tx, tenant, hash)?,
        Door::Invite(opened) => invites::spend(tx, &opened.id)?,
    };
    if !spent {
        return Err(wrong_invite());
    }
    let user = insert(tx, tenant, owner, new)?;
    let note = Note::of(Some(tenant), Actor::Person(user), "registered");
    audit::note(tx, &note.from(new.session.address).with("owner", owner))?;
    if let Some(slip) = &new.slip {
        mails::welcome(tx, tenant, user, slip)?;
    }
    if owner || new.slip.is_none() {
        sessions::create(tx, user, &new.session, By::New)?;
    }
    if let Door::Invite(invites::Opened { room: Some(room), made_by, .. }) = door {
        members::bring(tx, room, user, made_by)?;
    }
    users::own_row(tx, user)
}

/// Refuses a name, or where no mail tells whose it is an address, that somebody has; and nobody but
/// the owner comes without an address where one is to be verified.
pub(super) fn free_name(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    new: &Newcomer,
    owner: bool,
) -> Result<()> {
    let taken = "select count(*) from users where tenant = $1 and name_folded = $2";
    if tx.number(taken, params![tenant, &folded(&new.name)])? > 0 {
        return Err(StoreError::Taken("name"));
    }
    if new.slip.is_some() {
        if new.email.is_none() && !owner {
            return Err(StoreError::Invalid("email", "is needed".into()));
        }
    } else if let Some(email) = new.email.as_deref() {
        let taken = "select count(*) from users where tenant = $1 and email_folded = $2";
        if tx.number(taken, params![tenant, &folded(email)])? > 0 {
            return Err(StoreError::Taken("email"));
        }
    }
    Ok(())
}

/// What lets this one in.
pub(super) fn door(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    registration: Registration,
    new: &Newcomer,
) -> Result<Door> {
    let Some(hash) = new.invite else {
        return match registration {
            Registration::Open => Ok(Door::Open),
            Registration::Invite => Err(StoreError::Invalid("invite", "is needed".into())),
            Registration::Closed => Err(StoreError::Forbidden("registration is closed")),
        };
    };
    if tenants::is_owner_token(tx, tenant, &hash)? {
        return Ok(Door::Owner(hash));
    }
    match invites::open(tx, tenant, &hash)? {
        Some(_) if registration == Registration::Closed => {
            Err(StoreError::Forbidden("registration is closed"))
        }
        Some(opened) => Ok(Door::Invite(opened)),
        None => Err(wrong_invite()),
    }
}

/// A code, or a token, that lets nobody in.
pub(super) fn wrong_invite() -> StoreError {
    StoreError::Invalid("invite", "opens nothing (any more)".into())
}

fn insert(tx: &mut Tx<'_>, tenant: TenantId, owner: bool, new: &Newcomer) -> Result<UserId> {
    let user = UserId(tenants::free(tx, "select count(*) from users where id = $1")?);
    let (now, hour, role) = (tx.now(), chores::hours(tx)?, if owner { 2i64 } else { 0 });
    let waits = new.slip.is_some();
    let (email, next) =
        if waits { (None, new.email.as_deref()) } else { (new.email.as_deref(), None) };
    let (email_folded, next_folded) = (email.map(folded), next.map(folded));
    tx.exec(
        "insert into users (id, tenant, name, name_folded, display_name, display_folded, email,
            email_folded, avatar, status, role, bot, guest, password, head, rev, created_at,
            deleted_at, email_next, email_next_folded, unverified_hour, language)
         values ($1, $2, $3, $4, $5, $6, $7, $8, null, '', $9, 0, 0, $10, 1, 1, $11, null, $12, $13,
            $14, $15)",
        params![
            user,
            tenant,
            &new.name,
            &folded(&new.name),
            &new.display_name,
            &folded(&new.display_name),
            email,
            email_folded.as_deref(),
            role,
            &new.password,
            now,
            next,
            next_folded.as_deref(),
            Some(hour).filter(|_| waits && !owner),
            &new.language
        ],
    )?;
    tx.made(user);
    Ok(user)
}

/// Somebody whom another vouches for, a tenant's backend or a provider.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Arrival<'a> {
    /// What to make a user name of; what cannot stand in one is left out.
    pub wanted: &'a str,
    /// As others are to see them.
    pub name: Option<&'a str>,
    /// An address that is theirs.
    pub email: Option<&'a str>,
    /// Language of mails to them.
    pub language: &'a str,
}

/// Makes an account without a password, under a name that nobody has.
pub(super) fn arrive(tx: &mut Tx<'_>, tenant: TenantId, who: &Arrival<'_>) -> Result<UserId> {
    let fits = |c: &char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    let plain: String = who.wanted.chars().filter(fits).take(NAME_MAX - 8).collect();
    let plain = text::name(&plain).unwrap_or_else(|_| "person".into());
    let mut name = plain.clone();
    let taken = "select count(*) from users where tenant = $1 and name_folded = $2";
    while tx.number(taken, params![tenant, &folded(&name)])? > 0 {
        name = format!("{plain}-{}", rand::random_range(100_000..1_000_000));
    }
    let shown: String = who.name.unwrap_or(&name).chars().take(DISPLAY_NAME_MAX).collect();
    let shown = text::label(&shown, DISPLAY_NAME_MAX).unwrap_or_else(|_| name.clone());
    let user = UserId(tenants::free(tx, "select count(*) from users where id = $1")?);
    let (now, email_folded) = (tx.now(), who.email.map(folded));
    tx.exec(
        "insert into users (id, tenant, name, name_folded, display_name, display_folded, email,
            email_folded, avatar, status, role, bot, guest, password, head, rev, created_at,
            deleted_at, language)
         values ($1, $2, $3, $4, $5, $6, $7, $8, null, '', 0, 0, 0, null, 1, 1, $9, null, $10)",
        params![
            user,
            tenant,
            &name,
            &folded(&name),
            &shown,
            &folded(&shown),
            who.email,
            email_folded.as_deref(),
            now,
            who.language
        ],
    )?;
    tx.made(user);
    Ok(user)
}

/// Whether an open account has this address.
pub(super) fn has_address(read: &mut Read<'_>, tenant: TenantId, email: &str) -> Result<bool> {
    let sql = "select count(*) from users where tenant = $1 and email_folded = $2";
    Ok(read.number(sql, params![tenant, &folded(email)])? > 0)
}

/// Refuses where my password is not any more the one that was compared.
pub(super) fn still(read: &mut Read<'_>, me: &Me, seen: &str) -> Result<()> {
    let sql = "select count(*) from users where id = $1 and password = $2 and deleted_at is null";
    match read.number(sql, params![me.user, seen])? {
        0 => Err(StoreError::WrongCredentials),
        _ => Ok(()),
    }
}

/// What signing in compares with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credentials {
    /// Whose.
    pub user: UserId,
    /// Argon2 hash; none: this account has no password.
    pub password: Option<String>,
}

/// The account of a login: a user name or a mail address, and last of all one that waits to be
/// verified, so that its owner is told so.
pub fn credentials(
    read: &mut Read<'_>,
    tenant: TenantId,
    login: &str,
) -> Result<Option<Credentials>> {
    read.one(
        "select u.id, u.password from users u join tenants t on t.id = u.tenant
         where u.tenant = $1 and (u.name_folded = $2 or u.email_folded = $2
               or (u.email_next_folded = $2 and u.unverified_hour is not null))
            and u.deleted_at is null and t.suspended = 0
         order by case when u.name_folded = $2 then 0 when u.email_folded = $2 then 1 else 2 end,
            u.created_at desc, u.id",
        params![tenant, &folded(login)],
        |row| Ok(Credentials { user: row.get(0)?, password: row.get(1)? }),
    )
}

/// The same for the one who asks.
pub fn own_credentials(read: &mut Read<'_>, me: &Me) -> Result<Credentials> {
    read.one(
        "select id, password from users where id = $1 and tenant = $2 and deleted_at is null",
        params![me.user, me.tenant],
        |row| Ok(Credentials { user: row.get(0)?, password: row.get(1)? }),
    )?
    .ok_or(StoreError::SignedOut)
}

/// Signs a device in. The password was compared before; `seen` is the hash it was compared with,
/// so that a password changed in between lets nobody in, and `rehashed` replaces it. What is wrong
/// with the second factor is an answer: that it was tried has to be committed.
pub fn sign_in(
    tx: &mut Tx<'_>,
    user: UserId,
    seen: &str,
    rehashed: Option<&str>,
    session: &NewSession,
    factor: &totp::Given,
) -> Result<std::result::Result<User, totp::Wrong>> {
    tx.hold_people(&[user])?;
    let sql = "select count(*) from users where id = $1 and password = $2 and deleted_at is null";
    if tx.number(sql, params![user, seen])? == 0 {
        return Err(StoreError::WrongCredentials);
    }
    if let Some(hash) = rehashed {
        tx.exec("update users set password = $1 where id = $2", params![hash, user])?;
    }
    let proof = match totp::check(tx, user, factor)? {
        Ok(proof) => proof,
        Err(wrong) => return Ok(Err(wrong)),
    };
    sessions::create(tx, user, session, By::Proven(proof))?;
    users::own_row(tx, user).map(Ok)
}

/// Somebody did not get in. What they typed may be a password in the wrong place: of it only the
/// account stands in the record, where there is one.
pub fn sign_in_failed(
    tx: &mut Tx<'_>,
    tenant: Option<TenantId>,
    login: &str,
    address: IpAddr,
) -> Result<()> {
    let found = match tenant {
        Some(tenant) => credentials(tx, tenant, login.trim())?,
        None => None,
    };
    let note = Note::of(tenant, Actor::Nobody, "sign_in_failed").from(address);
    let note = match found {
        Some(found) => note.on(format_args!("user:{}", found.user)),
        None => note,
    };
    audit::note(tx, &note)
}

/// Changes my password and ends every other session. `seen` is the hash the old one matched.
pub fn change_password(tx: &mut Tx<'_>, me: &Me, seen: &str, hash: &str) -> Result<()> {
    tx.hold_people(&[me.user])?;
    let done = tx.exec(
        "update users set password = $1 where id = $2 and password = $3 and deleted_at is null",
        params![hash, me.user, seen],
    )?;
    if done == 0 {
        return Err(StoreError::WrongCredentials);
    }
    sessions::end_others(tx, me)
}

/// Closes my account: the name is free again, every session ends, and a job takes me out of my
/// rooms one by one. What I said stays where it was said.
pub fn close(tx: &mut Tx<'_>, me: &Me) -> Result<()> {
    tx.hold_people(&[me.user])?;
    if me.role == TenantRole::Owner && tenants::owners(tx, me.tenant)? == 1 {
        return Err(StoreError::Conflict("the last owner cannot close the account"));
    }
    shut(tx, me)
}

/// The same for an account that nobody verified in time.
pub(super) fn shut(tx: &mut Tx<'_>, me: &Me) -> Result<()> {
    tx.hold_people(&[me.user])?;
    attachments::unportray(tx, me.user)?;
    let (rev, now) = (own::next(tx, me.user)?, tx.now());
    tx.exec(
        "update users set name = '', name_folded = $1, display_folded = '',
            display_name = case when guest = 1 then display_name else '' end, email = null, email_folded = null, email_next = null, email_next_folded = null,
            unverified_hour = null, avatar = null, status = '', password = null, deleted_at = $2,
            rev = $3
         where id = $4",
        params![&format!("#{}", me.user), now, rev, me.user],
    )?;
    mails::forget_of(tx, me.user)?;
    totp::forget_of(tx, me.user)?;
    tx.exec("delete from storage where person = $1", params![me.user])?;
    scheduled::forget_of(tx, me.user)?;
    tx.exec("delete from asks where person = $1", params![me.user])?;
    tx.exec("delete from reminders where person = $1", params![me.user])?;
    tx.exec("delete from keywords where person = $1", params![me.user])?;
    tx.exec("delete from endpoints where person = $1", params![me.user])?;
    tx.exec("delete from alerts where person = $1", params![me.user])?;
    users::publish(tx, me)?;
    let sessions = tx.all(
        "select id from sessions where person = $1 and ended_at is null",
        params![me.user],
        |row| row.get::<String>(0),
    )?;
    sessions::end_all(tx, me.user, &sessions, true)?;
    tx.emit(Event::Changed { user: me.user });
    tx.emit(Event::Shut { user: me.user });
    let kind = jobs::Kind::LeaveRooms;
    jobs::enqueue(tx, Some(me.tenant), kind, &me.user.to_string(), Some(&me.user.to_string()))
}
