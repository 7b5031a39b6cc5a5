//! People as the operator of the server sees them, whosever they are: looked up, let in, kept out.
//! Nothing here reads what they said.

use super::audit::{self, Note};
use super::engine::{Outcome, Record};
use super::mails::Slip;
use super::{
    Event, Me, Once, Read, Result, StoreError, Tx, accounts, deeds, links, own, sessions, tenants,
    totp, users,
};
use crate::access::{self, Admin, AdminAct};
use crate::params;
use hallway_protocol::ids::{Key, Millis, TenantId, UserId};
use hallway_protocol::rest::{Account, AccountPatch};
use hallway_protocol::rows::TenantRole;
use hallway_protocol::text::folded;

/// A query of whole accounts, read by [`account`]; what follows the tables is its argument.
macro_rules! select_accounts {
    ($rest:literal) => {
        concat!(
            "select u.id, u.tenant, u.name, u.display_name, u.email, u.role, u.bot, u.guest, \
                u.disabled_at, case when u.password is null then 0 else 1 end, u.created_at, \
                (select count(*) from sessions s where s.person = u.id and s.ended_at is null), \
                (select max(s.seen_at) from sessions s where s.person = u.id), \
                (select count(*) from totp f where f.person = u.id and f.on_at is not null) \
             from users u ",
            $rest
        )
    };
}

/// Which people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Find {
    /// Of this tenant; none: of all.
    pub tenant: Option<TenantId>,
    /// Part of the name, display name or mail address.
    pub query: String,
    /// After this one.
    pub after: UserId,
    /// How many.
    pub limit: usize,
}

/// People with an open account, by id.
pub fn list(read: &mut Read<'_>, admin: &Admin, find: &Find) -> Result<Vec<Account>> {
    access::may_run(admin, AdminAct::People, find.tenant)?;
    let like = format!("%{}%", users::escaped(&folded(&find.query)));
    let limit = i64::try_from(find.limit).unwrap_or(i64::MAX);
    read.all(
        select_accounts!(
            "where u.id > $1 and u.deleted_at is null
                and (cast($2 as bigint) is null or u.tenant = $2)
                and (u.name_folded like $3 escape '\\' or u.display_folded like $3 escape '\\'
                    or u.email_folded like $3 escape '\\')
             order by u.id limit $4"
        ),
        params![find.after, find.tenant, &like, limit],
        account,
    )
}

/// One of them.
pub fn show(read: &mut Read<'_>, admin: &Admin, user: UserId) -> Result<Account> {
    access::may_run(admin, AdminAct::People, None)?;
    open(read, user)
}

fn open(read: &mut Read<'_>, user: UserId) -> Result<Account> {
    read.one(select_accounts!("where u.id = $1 and u.deleted_at is null"), params![user], account)?
        .ok_or(StoreError::NotFound("person"))
}

/// An account to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewPerson {
    /// Whose.
    pub tenant: TenantId,
    /// User name, checked.
    pub name: String,
    /// As others see them.
    pub display_name: String,
    /// Mail address.
    pub email: Option<String>,
    /// Argon2 hash, or the link by which they set one.
    pub password: Entry,
    /// In the tenant.
    pub role: TenantRole,
}

/// How somebody comes in the first time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entry {
    /// By a password that somebody chose; its hash.
    Password(String),
    /// By a link.
    Link(Slip),
}

/// Makes an account; the id of the link's slip, where there is one.
pub fn add(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    new: &NewPerson,
) -> Result<Once<(Account, Option<String>)>> {
    access::may_run(admin, AdminAct::People, Some(new.tenant))?;
    if let Some(made) = deeds::first(tx, admin, key, "account", "")? {
        let (user, slip) = made.split_once(' ').unwrap_or((&made, ""));
        let answer = open(tx, UserId(user.parse().unwrap_or(0)))?;
        let slip = Some(slip.to_owned()).filter(|slip| !slip.is_empty());
        return Ok(Once { again: true, answer: (answer, slip) });
    }
    let user = insert(tx, new)?;
    if new.role == TenantRole::Owner {
        tenants::unseal(tx, new.tenant)?;
    }
    let slip = match &new.password {
        Entry::Password(_) => None,
        Entry::Link(slip) => {
            links::hand(tx, new.tenant, user, slip)?;
            Some(slip.id.clone())
        }
    };
    let note = Note::of(Some(new.tenant), admin.actor.clone(), "account_made").from(admin.address);
    audit::note(tx, &note.on(format_args!("user:{user}")).with("role", role_text(new.role)))?;
    let made = format!("{user} {}", slip.as_deref().unwrap_or_default());
    deeds::keep(tx, admin, key, "account", "", made.trim_end())?;
    Ok(Once { again: false, answer: (open(tx, user)?, slip) })
}

fn insert(tx: &mut Tx<'_>, new: &NewPerson) -> Result<UserId> {
    let taken = "select count(*) from users where tenant = $1 and name_folded = $2";
    if tx.number(taken, params![new.tenant, &folded(&new.name)])? > 0 {
        return Err(StoreError::Taken("name"));
    }
    let email_folded = new.email.as_deref().map(folded);
    if let Some(email) = &email_folded {
        let taken = "select count(*) from users where tenant = $1 and email_folded = $2";
        if tx.number(taken, params![new.tenant, email])? > 0 {
            return Err(StoreError::Taken("email"));
        }
    }
    let user = UserId(tenants::free(tx, "select count(*) from users where id = $1")?);
    let (now, role) = (tx.now(), stored(new.role));
    let password = match &new.password {
        Entry::Password(hash) => Some(hash.as_str()),
        Entry::Link(_) => None,
    };
    tx.exec(
        "insert into users (id, tenant, name, name_folded, display_name, display_folded, email,
            email_folded, avatar, status, role, bot, guest, password, head, rev, created_at,
            deleted_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, null, '', $9, 0, 0, $10, 1, 1, $11, null)",
        params![
            user,
            new.tenant,
            &new.name,
            &folded(&new.name),
            &new.display_name,
            &folded(&new.display_name),
            new.email.as_deref(),
            email_folded.as_deref(),
            role,
            password,
            now
        ],
    )?;
    tx.made(user);
    Ok(user)
}

/// Gives somebody another role, keeps them out, or lets them in again.
pub fn change(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    user: UserId,
    patch: &AccountPatch,
) -> Result<Once<Account>> {
    access::may_run(admin, AdminAct::People, None)?;
    tx.hold_people(&[user])?;
    let (now, target) = (open(tx, user)?, user.to_string());
    if deeds::first(tx, admin, key, "account-change", &target)?.is_some() {
        return Ok(Once { again: true, answer: now });
    }
    if let Some(role) = patch.role.filter(|role| *role != now.role) {
        promote(tx, &now, role)?;
        let note = noted(admin, &now, "role_given").with("role", role_text(role));
        audit::note(tx, &note)?;
    }
    if let Some(disabled) = patch.disabled.filter(|disabled| *disabled != now.disabled) {
        let since = disabled.then_some(tx.now());
        tx.exec("update users set disabled_at = $1 where id = $2", params![since, user])?;
        if disabled {
            keep_owner(tx, &now)?;
            sessions::end_every(tx, user)?;
            tx.emit(Event::Shut { user });
        }
        tx.emit(Event::Changed { user });
        let act = if disabled { "account_disabled" } else { "account_enabled" };
        audit::note(tx, &noted(admin, &now, act))?;
    }
    deeds::keep(tx, admin, key, "account-change", &target, "")?;
    Ok(Once { again: false, answer: open(tx, user)? })
}

fn promote(tx: &mut Tx<'_>, now: &Account, role: TenantRole) -> Result<()> {
    if now.guest || now.bot {
        return Err(StoreError::Conflict("a guest or a bot has no other role"));
    }
    let rev = own::next(tx, now.user)?;
    tx.exec(
        "update users set role = $1, rev = $2 where id = $3",
        params![stored(role), rev, now.user],
    )?;
    keep_owner(tx, now)?;
    if role == TenantRole::Owner {
        tenants::unseal(tx, now.tenant)?;
    }
    tx.emit(Event::Changed { user: now.user });
    users::publish(tx, &me(now))
}

/// Refuses a change after which nobody would own a tenant that had an owner.
fn keep_owner(read: &mut Read<'_>, before: &Account) -> Result<()> {
    let able = "select count(*) from users
         where tenant = $1 and role = 2 and deleted_at is null and disabled_at is null";
    if before.role == TenantRole::Owner && read.number(able, params![before.tenant])? == 0 {
        return Err(StoreError::Conflict("nobody would own the tenant; make another owner first"));
    }
    Ok(())
}

/// Closes an account, as its person could.
pub fn close(tx: &mut Tx<'_>, admin: &Admin, key: Option<&Key>, user: UserId) -> Result<Once<()>> {
    access::may_run(admin, AdminAct::People, None)?;
    tx.hold_people(&[user])?;
    let target = user.to_string();
    if deeds::first(tx, admin, key, "account-end", &target)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    let now = open(tx, user)?;
    accounts::shut(tx, &me(&now))?;
    keep_owner(tx, &now)?;
    audit::note(tx, &noted(admin, &now, "account_closed"))?;
    deeds::keep(tx, admin, key, "account-end", &target, "")?;
    Ok(Once { again: false, answer: () })
}

/// Signs every device of somebody out.
pub fn sign_out(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    user: UserId,
) -> Result<Once<()>> {
    access::may_run(admin, AdminAct::People, None)?;
    tx.hold_people(&[user])?;
    let target = user.to_string();
    let now = open(tx, user)?;
    if deeds::first(tx, admin, key, "sign-out", &target)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    let all = tx.all(
        "select id from sessions where person = $1 and ended_at is null",
        params![user],
        |row| row.get::<String>(0),
    )?;
    // What the devices hold they keep: whoever signs in again finds it.
    sessions::end_all(tx, user, &all, false)?;
    audit::note(tx, &noted(admin, &now, "signed_out"))?;
    deeds::keep(tx, admin, key, "sign-out", &target, "")?;
    Ok(Once { again: false, answer: () })
}

/// Takes away the second factor of somebody who lost it; they are told by mail, where there is mail.
pub fn remove_factor(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    user: UserId,
    mail: bool,
) -> Result<Once<()>> {
    access::may_run(admin, AdminAct::People, None)?;
    tx.hold_people(&[user])?;
    let target = user.to_string();
    open(tx, user)?;
    if deeds::first(tx, admin, key, "factor-off", &target)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    totp::remove(tx, admin.actor.clone(), user, mail)?;
    deeds::keep(tx, admin, key, "factor-off", &target, "")?;
    Ok(Once { again: false, answer: () })
}

/// Makes the link by which somebody sets a new password; its slip's id, and until when.
pub fn reset(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    user: UserId,
    slip: &Slip,
) -> Result<Once<(String, Millis)>> {
    access::may_run(admin, AdminAct::People, None)?;
    tx.hold_people(&[user])?;
    let target = user.to_string();
    let now = open(tx, user)?;
    if let Some(id) = deeds::first(tx, admin, key, "password-link", &target)? {
        let until = links::until(tx, &id)?;
        return Ok(Once { again: true, answer: (id, until) });
    }
    if now.guest || now.bot {
        return Err(StoreError::Conflict("a guest or a bot has no password"));
    }
    links::hand(tx, now.tenant, user, slip)?;
    audit::note(tx, &noted(admin, &now, "password_link_made"))?;
    deeds::keep(tx, admin, key, "password-link", &target, &slip.id)?;
    let until = links::until(tx, &slip.id)?;
    Ok(Once { again: false, answer: (slip.id.clone(), until) })
}

fn noted(admin: &Admin, of: &Account, act: &'static str) -> Note {
    let note = Note::of(Some(of.tenant), admin.actor.clone(), act).from(admin.address);
    note.on(format_args!("user:{}", of.user))
}

/// The person as one who asks, without a session.
fn me(of: &Account) -> Me {
    let session = String::new();
    Me { tenant: of.tenant, user: of.user, role: of.role, guest: of.guest, session }
}

fn stored(role: TenantRole) -> i64 {
    match role {
        TenantRole::Member => 0,
        TenantRole::Admin => 1,
        TenantRole::Owner => 2,
    }
}

fn role_text(role: TenantRole) -> &'static str {
    match role {
        TenantRole::Member => "member",
        TenantRole::Admin => "admin",
        TenantRole::Owner => "owner",
    }
}

/// Reads the columns in the order in which every query of accounts names them.
fn account(row: &Record<'_>) -> Outcome<Account> {
    Ok(Account {
        user: row.get(0)?,
        tenant: row.get(1)?,
        name: row.get(2)?,
        display_name: row.get(3)?,
        email: row.get(4)?,
        role: users::role(row.get(5)?),
        bot: row.get(6)?,
        guest: row.get(7)?,
        disabled: row.get::<Option<Millis>>(8)?.is_some(),
        password: row.get(9)?,
        created_at: row.get(10)?,
        sessions: row.get(11)?,
        seen_at: row.get(12)?,
        second_factor: row.get(13)?,
        link: None,
    })
}
