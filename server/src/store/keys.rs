//! API keys of a tenant's backend, and the people it acts for: by our id, or by the name it has for
//! them itself. Only the hash of a key is kept.

use super::accounts::{self, Arrival};
use super::audit::{self, Actor, Note};
use super::engine::{Outcome, Record};
use super::sessions::{self, NewSession};
use super::{Event, Me, Once, Read, Result, StoreError, Tx, bans, deeds, pages, tenants, users};
use crate::access::{self, Admin, AdminAct};
use crate::params;
use hallway_protocol::ids::{Key, Millis, TenantId, UserId};
use hallway_protocol::rest::{ApiKey, Items, Scope};
use hallway_protocol::rows::User;

/// Keys of one tenant.
const MOST: i64 = 100;

/// A key to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewKey {
    /// Random; stands in the key.
    pub id: String,
    /// What it is for, checked.
    pub name: String,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// SHA-256 of the key.
    pub hash: [u8; 32],
}

/// A key that is known: what a request that carries it is compared with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Known {
    /// Its id.
    pub id: String,
    /// Whose backend it is.
    pub tenant: TenantId,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// SHA-256 of it.
    pub hash: [u8; 32],
    /// The bot that signs in by it; none: it is a backend's.
    pub person: Option<UserId>,
}

/// A person as a backend names them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Who {
    /// By our id.
    Ours(UserId),
    /// By theirs, checked.
    Theirs(String),
}

/// Makes a key.
pub fn create(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    tenant: TenantId,
    new: &NewKey,
) -> Result<Once<ApiKey>> {
    access::may_run(admin, AdminAct::Keys, Some(tenant))?;
    tenants::by_id(tx, tenant)?;
    let target = tenant.to_string();
    if let Some(id) = deeds::first(tx, admin, key, "key", &target)? {
        return Ok(Once { again: true, answer: by_id(tx, tenant, &id)? });
    }
    if tx
        .number("select count(*) from keys where tenant = $1 and person is null", params![tenant])?
        >= MOST
    {
        return Err(StoreError::Conflict("the tenant has as many keys as it may"));
    }
    let (now, scopes) = (tx.now(), scopes_text(&new.scopes));
    tx.exec(
        "insert into keys (id, tenant, name, scopes, hash, made_by, created_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
        params![&new.id, tenant, &new.name, &scopes, &new.hash, &admin.name(), now],
    )?;
    let note = Note::of(Some(tenant), admin.actor.clone(), "key_made").from(admin.address);
    audit::note(tx, &note.on(format_args!("key:{}", new.id)).with("scopes", scopes))?;
    deeds::keep(tx, admin, key, "key", &target, &new.id)?;
    Ok(Once { again: false, answer: by_id(tx, tenant, &new.id)? })
}

/// The keys of a tenant.
pub fn list(
    read: &mut Read<'_>,
    admin: &Admin,
    tenant: TenantId,
    next: Option<&str>,
    limit: usize,
) -> Result<Items<ApiKey>> {
    access::may_run(admin, AdminAct::Keys, Some(tenant))?;
    tenants::by_id(read, tenant)?;
    let (at, id) = pages::pair(next)?.unwrap_or((Millis::MIN, ""));
    let found = read.all(
        "select id, name, scopes, created_at from keys
         where tenant = $1 and person is null and (created_at, id) > ($2, $3)
         order by created_at, id limit $4",
        params![tenant, at, id, pages::beyond(limit)],
        api_key,
    )?;
    let place = |last: &ApiKey| format!("{}:{}", last.created_at, last.id);
    let (items, next) = pages::cut(found, limit, place);
    Ok(Items { items, next })
}

/// Takes a key away: it opens nothing any more, and its connections end.
pub fn destroy(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    tenant: TenantId,
    id: &str,
) -> Result<Once<()>> {
    access::may_run(admin, AdminAct::Keys, Some(tenant))?;
    let target = format!("{tenant}/{id}");
    if deeds::first(tx, admin, key, "key-end", &target)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    if tx.exec(
        "delete from keys where tenant = $1 and id = $2 and person is null",
        params![tenant, id],
    )? == 0
    {
        return Err(StoreError::NotFound("key"));
    }
    let note = Note::of(Some(tenant), admin.actor.clone(), "key_removed").from(admin.address);
    audit::note(tx, &note.on(format_args!("key:{id}")))?;
    tx.emit(Event::KeyEnded { key: id.to_owned() });
    deeds::keep(tx, admin, key, "key-end", &target, "")?;
    Ok(Once { again: false, answer: () })
}

/// The key of this id.
pub fn known(read: &mut Read<'_>, id: &str) -> Result<Option<Known>> {
    read.one(
        "select id, tenant, scopes, hash, person from keys where id = $1",
        params![id],
        |row| {
            let scopes = scopes_of(&row.get::<String>(2)?);
            Ok(Known {
                id: row.get(0)?,
                tenant: row.get(1)?,
                scopes,
                hash: row.get(3)?,
                person: row.get(4)?,
            })
        },
    )
}

/// The session by which a key acts for a person: no row, but a name that ends with the key.
pub fn session(key: &str, user: UserId) -> String {
    format!("key:{key}:{user}")
}

/// The key by which this session acts, if it does.
pub fn of_session(session: &str) -> Option<&str> {
    session.strip_prefix("key:")?.split(':').next()
}

/// Whether the key of a session that acts for a person is still there, and so is the person.
pub fn acts(read: &mut Read<'_>, me: &Me) -> Result<bool> {
    let Some(key) = of_session(&me.session) else { return Ok(false) };
    let lives = known(read, key)?.is_some_and(|known| known.tenant == me.tenant);
    Ok(lives && person(read, me.tenant, key, &Who::Ours(me.user))?.is_some())
}

/// The one a backend names, as one who asks.
pub fn person(read: &mut Read<'_>, tenant: TenantId, key: &str, who: &Who) -> Result<Option<Me>> {
    let me = |row: &Record<'_>| {
        let user = row.get(0)?;
        let (role, session) = (users::role(row.get(1)?), session(key, user));
        Ok(Me { tenant, user, role, guest: row.get(2)?, session })
    };
    let found = match who {
        Who::Ours(user) => read.one(
            "select id, role, guest from users
             where id = $1 and tenant = $2 and deleted_at is null",
            params![*user, tenant],
            me,
        ),
        Who::Theirs(name) => read.one(
            "select u.id, u.role, u.guest from externals x join users u on u.id = x.person
             where x.tenant = $1 and x.name = $2 and u.deleted_at is null",
            params![tenant, name],
            me,
        ),
    }?;
    // Who is banned comes in by no door.
    found.map(|me| bans::admit(read, me.user, None).map(|()| me)).transpose()
}

/// The one a backend names by its own name for them: made now, where there is nobody yet.
pub fn bring(tx: &mut Tx<'_>, known: &Known, name: &str) -> Result<Me> {
    let (tenant, who) = (known.tenant, Who::Theirs(name.to_owned()));
    if let Some(me) = person(tx, tenant, &known.id, &who)? {
        return Ok(me);
    }
    let sql = "select count(*) from externals where tenant = $1 and name = $2";
    if tx.number(sql, params![tenant, name])? > 0 {
        // Their account is closed; a name that was somebody's is not given to somebody else.
        return Err(StoreError::NotFound("person"));
    }
    let arrival = Arrival { wanted: name, name: Some(name), email: None, language: "en" };
    let user = accounts::arrive(tx, tenant, &arrival)?;
    let named = tx.exec(
        "insert into externals (tenant, name, person) values ($1, $2, $3)
         on conflict (tenant, name) do nothing",
        params![tenant, name, user],
    )?;
    if named == 0 {
        // Another node was first; asked again it is known.
        return Err(StoreError::Busy);
    }
    let note = Note::of(Some(tenant), Actor::Key(known.id.clone()), "registered");
    audit::note(tx, &note.on(format_args!("user:{user}")))?;
    person(tx, tenant, &known.id, &who)?.ok_or(StoreError::NotFound("person"))
}

/// Signs a device of somebody in whom the backend vouches for.
pub fn mint(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    me: &Me,
    new: &NewSession,
) -> Result<Once<(User, String)>> {
    let target = me.user.to_string();
    if let Some(id) = deeds::first(tx, admin, key, "session", &target)? {
        return Ok(Once { again: true, answer: (users::own_row(tx, me.user)?, id) });
    }
    sessions::create(tx, me.user, new, sessions::Door::Vouched)?;
    let note = Note::of(Some(me.tenant), admin.actor.clone(), "session_minted");
    audit::note(tx, &note.on(format_args!("session:{}", new.id)).from(admin.address))?;
    deeds::keep(tx, admin, key, "session", &target, &new.id)?;
    Ok(Once { again: false, answer: (users::own_row(tx, me.user)?, new.id.clone()) })
}

fn by_id(read: &mut Read<'_>, tenant: TenantId, id: &str) -> Result<ApiKey> {
    read.one(
        "select id, name, scopes, created_at from keys where tenant = $1 and id = $2",
        params![tenant, id],
        api_key,
    )?
    .ok_or(StoreError::NotFound("key"))
}

fn api_key(row: &Record<'_>) -> Outcome<ApiKey> {
    Ok(ApiKey {
        id: row.get(0)?,
        name: row.get(1)?,
        scopes: scopes_of(&row.get::<String>(2)?),
        created_at: row.get(3)?,
        key: None,
    })
}

const SCOPES: [(Scope, &str); 4] =
    [(Scope::Read, "read"), (Scope::Write, "write"), (Scope::Act, "act"), (Scope::Admin, "admin")];

fn scopes_text(scopes: &[Scope]) -> String {
    let named = SCOPES.iter().filter(|(scope, _)| scopes.contains(scope));
    named.map(|(_, text)| *text).collect::<Vec<_>>().join(",")
}

fn scopes_of(stored: &str) -> Vec<Scope> {
    let named = SCOPES.iter().filter(|(_, text)| stored.split(',').any(|word| word == *text));
    named.map(|(scope, _)| *scope).collect()
}
