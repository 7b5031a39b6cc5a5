//! People as others see them, and one's own profile.

use super::engine::{Outcome, Record};
use super::{Event, Me, Once, Read, Result, StoreError, Tx, mails, ops, own, pages};
use crate::access::{self, TenantAct};
use crate::params;
use hallway_protocol::ids::{Key, Millis, UserId};
use hallway_protocol::rest::{ProfilePatch, Rows};
use hallway_protocol::rows::{Row, TenantRole, User};
use hallway_protocol::text::folded;

/// A person as others see them; to another tenant, and to a guest who shares no room, nobody.
pub fn show(read: &mut Read<'_>, me: &Me, user: UserId) -> Result<User> {
    if me.guest && user != me.user && !shares_room(read, me, user)? {
        return Err(StoreError::NotFound("person"));
    }
    read.one(
        "select id, name, display_name, avatar, status, bot, guest, deleted_at, rev
         from users where id = $1 and tenant = $2",
        params![user, me.tenant],
        row,
    )?
    .ok_or(StoreError::NotFound("person"))
}

/// My own row, with what only I see.
pub fn own_row(read: &mut Read<'_>, user: UserId) -> Result<User> {
    read.one(
        "select id, name, display_name, avatar, status, bot, guest, deleted_at, rev, role, email,
            email_next, language,
            (select count(*) from totp t where t.person = users.id and t.on_at is not null),
            (select count(*) from identities i where i.person = users.id)
         from users where id = $1",
        params![user],
        |found| {
            let (role, language) = (Some(role(found.get(9)?)), found.get(12)?);
            let (email, email_next) = (found.get(10)?, found.get(11)?);
            let (second_factor, oidc) = (found.get::<i64>(13)? > 0, found.get::<i64>(14)? > 0);
            Ok(User { role, email, email_next, language, second_factor, oidc, ..row(found)? })
        },
    )?
    .ok_or(StoreError::NotFound("person"))
}

/// The rows of those named, each once, ascending.
pub fn rows(read: &mut Read<'_>, people: impl IntoIterator<Item = UserId>) -> Result<Vec<Row>> {
    let mut ids: Vec<i64> = people.into_iter().map(|person| person.0).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    read.all(
        "select id, name, display_name, avatar, status, bot, guest, deleted_at, rev
         from users where id in (select value from rarray($1)) order by id",
        params![&ids],
        |found| row(found).map(Row::User),
    )
}

/// A person as one who acts, when the server does something in their name; none: nobody does.
pub(super) fn acting(read: &mut Read<'_>, user: UserId) -> Result<Option<Me>> {
    read.one(
        "select u.tenant, u.id, u.role, u.guest from users u join tenants t on t.id = u.tenant
         where u.id = $1 and u.deleted_at is null and t.suspended = 0",
        params![user],
        |row| {
            let (tenant, user, session) = (row.get(0)?, row.get(1)?, String::new());
            Ok(Me { tenant, user, role: role(row.get(2)?), guest: row.get(3)?, session })
        },
    )
}

/// Which people to list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Find {
    /// Part of the name or display name.
    pub query: String,
    /// These alone.
    pub ids: Option<Vec<UserId>>,
    /// After this one, as `next` said.
    pub after: Option<String>,
    /// How many.
    pub limit: usize,
}

/// People of the tenant, by name.
pub fn list(read: &mut Read<'_>, me: &Me, find: &Find) -> Result<Rows> {
    let ids = match (&find.ids, access::may_in_tenant(me, TenantAct::People)) {
        (ids, Ok(())) => ids.clone(),
        // Whom a guest sees one by one they see at once.
        (Some(ids), Err(_)) => Some(seen(read, me, ids)?),
        (None, Err(refused)) => return Err(refused),
    };
    let like = format!("%{}%", escaped(&folded(&find.query)));
    let ids: Option<Vec<i64>> = ids.map(|ids| ids.iter().map(|id| id.0).collect());
    let (id, name) = pages::pair(find.after.as_deref())?.unwrap_or((0, ""));
    let found = match &ids {
        // Those that are named come all at once; the handler bounds how many are.
        Some(ids) => read.all(
            "select id, name, display_name, avatar, status, bot, guest, deleted_at, rev
             from users where tenant = $1 and id in (select value from rarray($2))
             order by name_folded",
            params![me.tenant, ids],
            row,
        )?,
        None => read.all(
            "select id, name, display_name, avatar, status, bot, guest, deleted_at, rev
             from users where tenant = $1 and (name_folded, id) > ($2, $3) and deleted_at is null
                and unverified_hour is null
                and (name_folded like $4 escape '\\' or display_folded like $4 escape '\\')
             order by name_folded, id limit $5",
            params![me.tenant, name, id, &like, pages::beyond(find.limit)],
            row,
        )?,
    };
    let limit = ids.map_or(find.limit, |ids| ids.len());
    let place = |last: &User| format!("{}:{}", last.user, folded(&last.name));
    let (found, next) = pages::cut(found, limit, place);
    Ok(Rows { rows: found.into_iter().map(Row::User).collect(), next })
}

/// By what I sign in is not what it was: my row says so; and I am told, in case it was not me.
pub(super) fn door_changed(tx: &mut Tx<'_>, me: &Me, mail: Option<mails::Kind>) -> Result<()> {
    let rev = own::next(tx, me.user)?;
    tx.exec("update users set rev = $1 where id = $2", params![rev, me.user])?;
    publish(tx, me)?;
    match mail {
        Some(kind) => mails::tell(tx, me, kind),
        None => Ok(()),
    }
}

/// Those of `people` whom a guest sees: who shares a room with them, and they themselves.
fn seen(read: &mut Read<'_>, me: &Me, people: &[UserId]) -> Result<Vec<UserId>> {
    let mut seen = sharing(read, me, people)?;
    if people.contains(&me.user) && !seen.contains(&me.user) {
        seen.push(me.user);
    }
    Ok(seen)
}

/// Changes my profile; a patch that changes nothing takes no number.
pub fn update(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    patch: &ProfilePatch,
) -> Result<Once<User>> {
    tx.hold_people(&[me.user])?;
    if ops::first(tx, me, key, "profile", "")?.is_some() {
        return Ok(Once { again: true, answer: own_row(tx, me.user)? });
    }
    if patch.name.is_some() {
        access::may_in_tenant(me, TenantAct::Account)?;
    }
    let now = own_row(tx, me.user)?;
    let name = patch.name.as_ref().unwrap_or(&now.name);
    let display_name = patch.display_name.as_ref().unwrap_or(&now.display_name);
    let status = patch.status.as_ref().unwrap_or(&now.status);
    let language = patch.language.as_ref().or(now.language.as_ref());
    let held = "select count(*) from users where tenant = $1 and name_folded = $2 and id <> $3";
    if tx.number(held, params![me.tenant, &folded(name), me.user])? > 0 {
        return Err(StoreError::Taken("name"));
    }
    let same = (name, display_name, status) == (&now.name, &now.display_name, &now.status);
    if !same || language != now.language.as_ref() {
        let (rev, language) = (own::next(tx, me.user)?, language.map_or("en", String::as_str));
        let (name_folded, display_folded) = (folded(name), folded(display_name));
        let (name_folded, display_folded) = (&name_folded, &display_folded);
        tx.exec(
            "update users set name = $1, name_folded = $2, display_name = $3, display_folded = $4,
                status = $5, language = $6, rev = $7 where id = $8",
            params![
                name,
                name_folded,
                display_name,
                display_folded,
                status,
                language,
                rev,
                me.user
            ],
        )?;
        publish(tx, me)?;
    }
    ops::keep(tx, me, key, "profile", "", None)?;
    Ok(Once { again: false, answer: own_row(tx, me.user)? })
}

/// Publishes a profile to its person's devices and to those who share a room.
pub(super) fn publish(tx: &mut Tx<'_>, me: &Me) -> Result<()> {
    let own = own_row(tx, me.user)?;
    own::publish(tx, me.user, own.rev, Row::User(own.clone()));
    let row = User { role: None, email: None, second_factor: false, oidc: false, ..own };
    let row = Row::User(User { email_next: None, language: None, ..row });
    tx.emit(Event::User { user: me.user, row });
    Ok(())
}

/// Whether somebody is in a room of mine.
pub fn shares_room(read: &mut Read<'_>, me: &Me, user: UserId) -> Result<bool> {
    let shared = read.number(
        "select count(*) from (select a.room from members a
            join members b on b.room = a.room and b.person = $1 and b.left_seq is null
            where a.person = $2 and a.left_seq is null limit 1) as shared",
        params![user, me.user],
    )?;
    Ok(shared > 0)
}

/// Those of `people` who share a room with me; for `watch`.
pub fn sharing(read: &mut Read<'_>, me: &Me, people: &[UserId]) -> Result<Vec<UserId>> {
    let ids: Vec<i64> = people.iter().map(|person| person.0).collect();
    read.all(
        "select distinct b.person from members a
            join members b on b.room = a.room and b.left_seq is null
         where a.person = $1 and a.left_seq is null and b.person in (select value from rarray($2))",
        params![me.user, &ids],
        |row| row.get(0),
    )
}

/// A text that `like` takes literally.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// A tenant role as it is stored.
pub(super) fn role(stored: i64) -> TenantRole {
    match stored {
        2 => TenantRole::Owner,
        1 => TenantRole::Admin,
        _ => TenantRole::Member,
    }
}

fn row(row: &Record<'_>) -> Outcome<User> {
    Ok(User {
        user: row.get(0)?,
        name: row.get(1)?,
        display_name: row.get(2)?,
        avatar: row.get(3)?,
        status: row.get(4)?,
        bot: row.get(5)?,
        guest: row.get(6)?,
        deleted: row.get::<Option<Millis>>(7)?.is_some(),
        role: None,
        email: None,
        email_next: None,
        language: None,
        second_factor: false,
        oidc: false,
        rev: row.get(8)?,
    })
}
