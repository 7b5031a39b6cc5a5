//! Slash commands of a tenant. Asking one is no message: what is kept of it is its key, and until it
//! was asked its words, so that it is asked even if we die in between. Who asks must be somebody who
//! may speak in the room.

use super::audit::{self, Note};
use super::engine::{Outcome, Record};
use super::jobs::{self, Kind};
use super::{
    Me, Once, Read, Result, StoreError, Tx, bans, bots, deeds, messages, ops, own, pages, rooms,
    users, webhooks,
};
use crate::access::{self, Act, Admin};
use crate::params;
use hallway_protocol::ids::{Key, Millis, RoomId, TenantId, UserId};
use hallway_protocol::rest::{Items, SlashCommand};
use hallway_protocol::rows::Message;

/// Commands of one tenant.
const MOST: i64 = 200;
/// Words that could not be asked are kept so long.
const KEPT: Millis = 24 * 3_600_000;

/// A command to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewCommand {
    /// Random.
    pub id: String,
    /// Its word, checked and folded.
    pub name: String,
    /// Who is asked.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// What calls are signed with, sealed.
    pub secret: String,
}

/// Somebody asks a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// Names the call, the same however often it is made.
    pub id: String,
    /// Who asks; none: they are gone or kept out.
    pub me: Option<Me>,
    /// Where.
    pub room: RoomId,
    /// What stands behind the command.
    pub words: String,
    /// Of the message that an answer to the room becomes.
    pub key: Key,
    /// When.
    pub at: Millis,
    /// What is asked; none: it was taken away since.
    pub asked: Option<Asked>,
}

/// A command that is asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// Its id.
    pub id: String,
    /// Its word.
    pub name: String,
    /// Who is asked.
    pub url: String,
    /// What calls are signed with, sealed.
    pub secret: String,
    /// As whom it answers.
    pub bot: UserId,
}

/// What became of a line that begins with a command.
#[derive(Clone, PartialEq, Debug)]
pub enum Began {
    /// It is asked now; true: it was before, with this key.
    Asked(bool),
    /// The key was that of a message, from before there was such a command.
    Said(Box<Message>),
}

/// Makes a command.
pub fn create(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    new: &NewCommand,
) -> Result<Once<SlashCommand>> {
    let tenant = webhooks::tenant(admin)?;
    if let Some(id) = deeds::first(tx, admin, key, "command", "")? {
        return Ok(Once { again: true, answer: by_id(tx, tenant, &id)? });
    }
    let taken = "select count(*) from commands where tenant = $1 and name = $2";
    if tx.number(taken, params![tenant, &new.name])? > 0 {
        return Err(StoreError::Taken("the name"));
    }
    if tx.number("select count(*) from commands where tenant = $1", params![tenant])? >= MOST {
        return Err(StoreError::Conflict("the tenant has as many commands as it may"));
    }
    let bot = bots::make(tx, tenant, &format!("command-{}", new.id), &format!("/{}", new.name))?;
    let now = tx.now();
    tx.exec(
        "insert into commands (id, tenant, name, url, description, secret, person, made_by,
            created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        params![
            &new.id,
            tenant,
            &new.name,
            &new.url,
            &new.description,
            &new.secret,
            bot,
            &admin.name(),
            now
        ],
    )?;
    noted(tx, admin, "command_made", &new.id)?;
    deeds::keep(tx, admin, key, "command", "", &new.id)?;
    Ok(Once { again: false, answer: by_id(tx, tenant, &new.id)? })
}

/// The commands of a tenant, for everybody who may write one.
pub fn list(
    read: &mut Read<'_>,
    me: &Me,
    next: Option<&str>,
    limit: usize,
) -> Result<Items<SlashCommand>> {
    // A name is told apart from what no list said by the bot before it.
    let (bot, name) = pages::pair(next)?.unwrap_or((0, ""));
    let found = read.all(
        "select id, name, url, description, person, created_at from commands
         where tenant = $1 and (name, person) > ($2, $3) order by name, person limit $4",
        params![me.tenant, name, bot, pages::beyond(limit)],
        command,
    )?;
    let place = |last: &SlashCommand| format!("{}:{}", last.user, last.name);
    let (items, next) = pages::cut(found, limit, place);
    Ok(Items { items, next })
}

/// Takes a command away; its name.
pub fn destroy(tx: &mut Tx<'_>, admin: &Admin, key: Option<&Key>, id: &str) -> Result<Once<()>> {
    let tenant = webhooks::tenant(admin)?;
    if deeds::first(tx, admin, key, "command-end", id)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    by_id(tx, tenant, id)?;
    tx.exec("delete from commands where tenant = $1 and id = $2", params![tenant, id])?;
    noted(tx, admin, "command_removed", id)?;
    deeds::keep(tx, admin, key, "command-end", id, "")?;
    Ok(Once { again: false, answer: () })
}

/// Each command there is, with its tenant, for the register.
pub fn every(read: &mut Read<'_>) -> Result<Vec<(TenantId, String, String)>> {
    read.all("select tenant, name, id from commands order by tenant, name", &[], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
    })
}

/// Somebody writes a command in a room: as with a message, the room is locked, the key looked up,
/// and only then who may is asked.
pub fn begin(
    tx: &mut Tx<'_>,
    me: &Me,
    room: RoomId,
    key: &Key,
    (id, words): (&str, &str),
    clears_draft: bool,
) -> Result<Began> {
    let facts = rooms::lock(tx, room)?;
    if let Some(said) = messages::by_key(tx, me, room, key)? {
        return Ok(Began::Said(Box::new(said)));
    }
    let target = room.to_string();
    if ops::first(tx, me, Some(key), "command", &target)?.is_some() {
        return Ok(Began::Asked(true));
    }
    access::may(tx, me, Act::Post, &facts)?;
    known(tx, me.tenant, id)?.ok_or(StoreError::NotFound("command"))?;
    let (ask, now) = (format!("{:032x}", rand::random::<u128>()), tx.now());
    tx.exec(
        "insert into asks (id, command, person, room, words, key, at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        params![&ask, id, me.user, room, words, &Key::new(now).to_bytes(), now],
    )?;
    jobs::enqueue(tx, Some(me.tenant), Kind::Ask, &ask, Some(&ask))?;
    ops::keep(tx, me, Some(key), "command", &target, None)?;
    // The line was the draft, though it becomes no message.
    tx.hold_people(&[me.user])?;
    if clears_draft && own::has_draft(tx, me.user, room)? {
        own::clear_draft(tx, me.user, room)?;
    }
    Ok(Began::Asked(false))
}

/// What is to be asked; none: it was.
pub fn due(read: &mut Read<'_>, id: &str) -> Result<Option<Ask>> {
    let found = read.one(
        "select command, person, room, words, key, at from asks where id = $1",
        params![id],
        |row| {
            let person: UserId = row.get(1)?;
            let (room, words, key, at) = (row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?);
            let ask = Ask { id: id.to_owned(), me: None, room, words, key, at, asked: None };
            Ok((row.get::<String>(0)?, person, ask))
        },
    )?;
    let Some((command, person, ask)) = found else { return Ok(None) };
    let me = users::acting(read, person)?;
    let open = bans::admit(read, person, None).is_ok();
    let Some(me) = me.filter(|_| open) else { return Ok(Some(ask)) };
    let asked = known(read, me.tenant, &command)?;
    Ok(Some(Ask { me: Some(me), asked, ..ask }))
}

/// It was asked, and what was said is shown.
pub fn over(tx: &mut Tx<'_>, id: &str) -> Result<()> {
    tx.exec("delete from asks where id = $1", params![id])?;
    Ok(())
}

/// Forgets what could not be asked for a day.
pub(super) fn forget(tx: &mut Tx<'_>, most: i64) -> Result<u64> {
    let before = tx.now() - KEPT;
    let old = "delete from asks where id in (select id from asks where at < $1 limit $2)";
    tx.exec(old, params![before, most])
}

/// A command of this id.
pub fn known(read: &mut Read<'_>, tenant: TenantId, id: &str) -> Result<Option<Asked>> {
    read.one(
        "select id, name, url, secret, person from commands where tenant = $1 and id = $2",
        params![tenant, id],
        |row| {
            Ok(Asked {
                id: row.get(0)?,
                name: row.get(1)?,
                url: row.get(2)?,
                secret: row.get(3)?,
                bot: row.get(4)?,
            })
        },
    )
}

fn noted(tx: &mut Tx<'_>, admin: &Admin, act: &'static str, id: &str) -> Result<()> {
    let note = Note::of(admin.tenant, admin.actor.clone(), act).from(admin.address);
    audit::note(tx, &note.on(format_args!("command:{id}")))
}

fn by_id(read: &mut Read<'_>, tenant: TenantId, id: &str) -> Result<SlashCommand> {
    let found = read.one(
        "select id, name, url, description, person, created_at from commands
         where tenant = $1 and id = $2",
        params![tenant, id],
        command,
    )?;
    found.ok_or(StoreError::NotFound("command"))
}

fn command(row: &Record<'_>) -> Outcome<SlashCommand> {
    Ok(SlashCommand {
        id: row.get(0)?,
        name: row.get(1)?,
        url: row.get(2)?,
        description: row.get(3)?,
        secret: None,
        user: row.get(4)?,
        created_at: row.get(5)?,
    })
}
