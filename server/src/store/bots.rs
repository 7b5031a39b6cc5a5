//! Bots: people who are programs. A bot signs in by a key, which is a row of `keys` that names it;
//! the key removed is refused from that moment on, and its connections end. A bot never runs
//! anything: it is a member of the tenant like others.

use super::audit::{self, Note};
use super::{
    Event, Once, Read, Result, StoreError, Tx, accounts, deeds, pages, tenants, users, webhooks,
};
use crate::access::Admin;
use crate::params;
use hallway_protocol::ids::{Key, TenantId, UserId};
use hallway_protocol::rest::Rows;
use hallway_protocol::rows::User;
use hallway_protocol::text::folded;

/// Bots of one tenant.
const MOST: i64 = 1_000;

/// A bot to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewBot {
    /// Its name, checked.
    pub name: String,
    /// What is shown, checked.
    pub display_name: String,
    /// Its key.
    pub key: BotKey,
}

/// A key of a bot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BotKey {
    /// Random; stands in the key.
    pub id: String,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
}

/// Makes a bot.
pub fn create(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    new: &NewBot,
) -> Result<Once<User>> {
    let tenant = webhooks::tenant(admin)?;
    if let Some(id) = deeds::first(tx, admin, key, "bot", "")? {
        return Ok(Once { again: true, answer: users::own_row(tx, user(&id)?)? });
    }
    let bots = "select count(*) from users where tenant = $1 and bot = 1 and deleted_at is null";
    if tx.number(bots, params![tenant])? >= MOST {
        return Err(StoreError::Conflict("the tenant has as many bots as it may"));
    }
    let bot = make(tx, tenant, &new.name, &new.display_name)?;
    give(tx, admin, tenant, bot, &new.key)?;
    noted(tx, admin, "bot_made", bot)?;
    deeds::keep(tx, admin, key, "bot", "", &bot.to_string())?;
    Ok(Once { again: false, answer: users::own_row(tx, bot)? })
}

/// The bots of the tenant that have a key, by id.
pub fn list(read: &mut Read<'_>, admin: &Admin, next: Option<&str>, limit: usize) -> Result<Rows> {
    let tenant = webhooks::tenant(admin)?;
    let after = pages::number(next)?.unwrap_or(0);
    let found = read.all(
        "select distinct u.id from keys k join users u on u.id = k.person
         where k.tenant = $1 and u.id > $2 and u.deleted_at is null order by u.id limit $3",
        params![tenant, after, pages::beyond(limit)],
        |row| row.get::<UserId>(0),
    )?;
    let (bots, next) = pages::cut(found, limit, UserId::to_string);
    Ok(Rows { rows: users::rows(read, bots)?, next })
}

/// Another key for a bot; the one it had opens nothing any more.
pub fn rekey(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    bot: UserId,
    new: &BotKey,
) -> Result<Once<User>> {
    let tenant = webhooks::tenant(admin)?;
    let target = bot.to_string();
    let again = deeds::first(tx, admin, key, "bot-key", &target)?.is_some();
    known(tx, tenant, bot)?;
    if !again {
        take(tx, bot)?;
        give(tx, admin, tenant, bot, new)?;
        noted(tx, admin, "bot_key", bot)?;
        deeds::keep(tx, admin, key, "bot-key", &target, "")?;
    }
    Ok(Once { again, answer: users::own_row(tx, bot)? })
}

/// Takes a bot away, as an account that is closed.
pub fn destroy(tx: &mut Tx<'_>, admin: &Admin, key: Option<&Key>, bot: UserId) -> Result<Once<()>> {
    let tenant = webhooks::tenant(admin)?;
    let target = bot.to_string();
    if deeds::first(tx, admin, key, "bot-end", &target)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    known(tx, tenant, bot)?;
    take(tx, bot)?;
    accounts::shut(tx, &webhooks::vouching(tenant, bot))?;
    noted(tx, admin, "bot_removed", bot)?;
    deeds::keep(tx, admin, key, "bot-end", &target, "")?;
    Ok(Once { again: false, answer: () })
}

/// A person who is a program, under a name nobody has.
pub(super) fn make(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    name: &str,
    display_name: &str,
) -> Result<UserId> {
    let taken = "select count(*) from users where tenant = $1 and name_folded = $2";
    if tx.number(taken, params![tenant, &folded(name)])? > 0 {
        return Err(StoreError::Taken("the name"));
    }
    let user = UserId(tenants::free(tx, "select count(*) from users where id = $1")?);
    let (now, shown) = (tx.now(), folded(display_name));
    tx.exec(
        "insert into users (id, tenant, name, name_folded, display_name, display_folded, email,
            email_folded, avatar, status, role, bot, guest, password, head, rev, created_at,
            deleted_at)
         values ($1, $2, $3, $4, $5, $6, null, null, null, '', 0, 1, 0, null, 1, 1, $7, null)",
        params![user, tenant, name, &folded(name), display_name, &shown, now],
    )?;
    tx.made(user);
    Ok(user)
}

fn give(tx: &mut Tx<'_>, admin: &Admin, tenant: TenantId, bot: UserId, key: &BotKey) -> Result<()> {
    let now = tx.now();
    tx.exec(
        "insert into keys (id, tenant, name, scopes, hash, made_by, created_at, person)
         values ($1, $2, 'bot', '', $3, $4, $5, $6)",
        params![&key.id, tenant, &key.hash, &admin.name(), now, bot],
    )?;
    Ok(())
}

fn take(tx: &mut Tx<'_>, bot: UserId) -> Result<()> {
    let keys =
        tx.all("select id from keys where person = $1", params![bot], |row| row.get::<String>(0))?;
    tx.exec("delete from keys where person = $1", params![bot])?;
    for key in keys {
        tx.emit(Event::KeyEnded { key });
    }
    Ok(())
}

/// That there is such a bot with a key.
fn known(read: &mut Read<'_>, tenant: TenantId, bot: UserId) -> Result<()> {
    let sql = "select count(*) from keys where tenant = $1 and person = $2";
    if read.number(sql, params![tenant, bot])? > 0 {
        return Ok(());
    }
    Err(StoreError::NotFound("bot"))
}

fn noted(tx: &mut Tx<'_>, admin: &Admin, act: &'static str, bot: UserId) -> Result<()> {
    let note = Note::of(admin.tenant, admin.actor.clone(), act).from(admin.address);
    audit::note(tx, &note.on(format_args!("user:{bot}")))
}

fn user(id: &str) -> Result<UserId> {
    id.parse().map_err(|_| StoreError::NotFound("bot"))
}
