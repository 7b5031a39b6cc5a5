//! Tenants: whose server it is, how each is set up, and who may come in.

use super::audit::{self, Note};
use super::engine::{Outcome, Record};
use super::jobs::{self, Kind};
use super::{Event, Once, Read, Result, StoreError, Tx, deeds};
use crate::access::{self, Admin, AdminAct};
use crate::params;
use hallway_protocol::ids::{ID_BITS, Key, Millis, TenantId};
use hallway_protocol::rest::{ConfigPatch, Registration, TenantConfig, TenantInfo, TenantPatch};
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
    /// How it is set up.
    pub config: TenantConfig,
    /// Grows with each change.
    pub rev: i64,
    /// When it was made.
    pub created_at: Millis,
}

impl Tenant {
    /// As it goes over the wire.
    pub fn info(self) -> TenantInfo {
        TenantInfo {
            tenant: self.id,
            name: self.name,
            title: self.title,
            registration: self.registration,
            config: self.config,
            suspended: self.suspended,
            created_at: self.created_at,
            owner_token: None,
        }
    }
}

/// The tenant of that name, or the default one.
pub fn by_name(read: &mut Read<'_>, name: Option<&str>) -> Result<Tenant> {
    read.one(
        "select id, name, title, registration, suspended, config, rev, created_at from tenants
         where name = $1 and erased_at is null",
        params![&folded(name.unwrap_or(DEFAULT))],
        tenant,
    )?
    .ok_or(StoreError::NotFound("tenant"))
}

/// A tenant by id.
pub fn by_id(read: &mut Read<'_>, id: TenantId) -> Result<Tenant> {
    read.one(
        "select id, name, title, registration, suspended, config, rev, created_at from tenants
         where id = $1 and erased_at is null",
        params![id],
        tenant,
    )?
    .ok_or(StoreError::NotFound("tenant"))
}

/// A tenant to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewTenant {
    /// What people type, checked.
    pub name: String,
    /// Shown to people.
    pub title: String,
    /// Who may make an account.
    pub registration: Option<Registration>,
    /// How it is set up, checked.
    pub config: TenantConfig,
    /// SHA-256 of the token that makes its owner.
    pub owner_hash: [u8; 32],
}

/// Makes a tenant with a way in for its owner.
pub fn found(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    new: &NewTenant,
) -> Result<Once<Tenant>> {
    access::may_run(admin, AdminAct::Found, None)?;
    if let Some(id) = deeds::first(tx, admin, key, "tenant", "")? {
        return Ok(Once { again: true, answer: by_id(tx, TenantId(id.parse().unwrap_or(0)))? });
    }
    let made = create(tx, &new.name, &new.title)?;
    set_owner_token(tx, made.id, &new.owner_hash)?;
    let next = Tenant { registration: new.registration, config: new.config.clone(), ..made };
    let answer = write(tx, &next)?;
    let note = Note::of(Some(answer.id), admin.actor.clone(), "tenant_made");
    audit::note(tx, &note.on(format_args!("tenant:{}", answer.id)).from(admin.address))?;
    deeds::keep(tx, admin, key, "tenant", "", &answer.id.to_string())?;
    Ok(Once { again: false, answer })
}

/// Changes a tenant. What bounds it is the operator's to change; to suspend it likewise.
pub fn update(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    id: TenantId,
    patch: &TenantPatch,
) -> Result<Once<Tenant>> {
    access::may_run(admin, AdminAct::Settings, Some(id))?;
    let target = id.to_string();
    let now = by_id(tx, id)?;
    if deeds::first(tx, admin, key, "tenant-change", &target)?.is_some() {
        return Ok(Once { again: true, answer: now });
    }
    let mut next = now.clone();
    next.title = patch.title.clone().unwrap_or(next.title);
    next.registration = patch.registration.unwrap_or(next.registration);
    next.suspended = patch.suspended.unwrap_or(next.suspended);
    if let Some(config) = &patch.config {
        apply(&mut next.config, config);
    }
    let bounds = |of: &Tenant| {
        (of.suspended, of.config.quota_bytes, of.config.requests_per_second, of.config.file_max)
    };
    if bounds(&next) != bounds(&now) {
        access::may_run(admin, AdminAct::Limits, Some(id))?;
    }
    if next != now {
        next = write(tx, &next)?;
        let note = Note::of(Some(id), admin.actor.clone(), "tenant_changed").from(admin.address);
        let note = note.on(format_args!("tenant:{id}")).with("suspended", next.suspended);
        let changed = changes(&now, &next);
        audit::note(tx, &note.with("changed", changed))?;
    }
    deeds::keep(tx, admin, key, "tenant-change", &target, "")?;
    Ok(Once { again: false, answer: next })
}

/// Takes a tenant away: its name is free at once, a job erases what was its own.
pub fn destroy(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    id: TenantId,
) -> Result<Once<()>> {
    access::may_run(admin, AdminAct::Erase, Some(id))?;
    let target = id.to_string();
    if deeds::first(tx, admin, key, "tenant-end", &target)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    let now = by_id(tx, id)?;
    if now.name == DEFAULT {
        return Err(StoreError::Conflict("the default tenant stays"));
    }
    if !now.suspended {
        return Err(StoreError::Conflict("suspend the tenant first"));
    }
    let at = tx.now();
    tx.exec(
        "update tenants set name = $1, title = '', owner_hash = null, erased_at = $2 where id = $3",
        params![&format!("#{id}"), at, id],
    )?;
    jobs::enqueue(tx, None, Kind::EraseTenant, &target, Some(&target))?;
    let note = Note::of(None, admin.actor.clone(), "tenant_erased").from(admin.address);
    audit::note(tx, &note.on(format_args!("tenant:{id}")))?;
    tx.emit(Event::Tenant(Box::new(now)));
    deeds::keep(tx, admin, key, "tenant-end", &target, "")?;
    Ok(Once { again: false, answer: () })
}

/// The tenants an asker runs, by id.
pub fn list(
    read: &mut Read<'_>,
    admin: &Admin,
    after: TenantId,
    limit: usize,
) -> Result<Vec<Tenant>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    match admin.tenant {
        Some(own) => Ok(by_id(read, own).into_iter().filter(|own| own.id > after).collect()),
        None => read.all(
            "select id, name, title, registration, suspended, config, rev, created_at from tenants
             where id > $1 and erased_at is null order by id limit $2",
            params![after, limit],
            tenant,
        ),
    }
}

/// One of them.
pub fn show(read: &mut Read<'_>, admin: &Admin, id: TenantId) -> Result<Tenant> {
    access::may_run(admin, AdminAct::Settings, Some(id))?;
    by_id(read, id)
}

/// The origins of browsers that any tenant allows.
pub fn origins(read: &mut Read<'_>) -> Result<Vec<String>> {
    let sql = "select config from tenants where erased_at is null and suspended = 0";
    let all = read.all(sql, &[], |row| row.get::<String>(0))?;
    Ok(all.iter().flat_map(|config| config_of(config).origins).collect())
}

fn write(tx: &mut Tx<'_>, next: &Tenant) -> Result<Tenant> {
    let registration = next.registration.map(registration_text);
    tx.exec(
        "update tenants set title = $1, registration = $2, suspended = $3, config = $4,
            rev = rev + 1 where id = $5",
        params![
            &next.title,
            registration,
            next.suspended,
            &serde_json::to_string(&next.config).unwrap_or_default(),
            next.id
        ],
    )?;
    if next.config.retention_days.is_some() {
        jobs::hurry(tx, Some(next.id), Kind::Retain, &next.id.to_string())?;
    }
    let written = by_id(tx, next.id)?;
    tx.emit(Event::Tenant(Box::new(written.clone())));
    Ok(written)
}

/// The names of what differs, for the record: values may be long.
fn changes(before: &Tenant, after: &Tenant) -> Vec<&'static str> {
    let (old, new) = (&before.config, &after.config);
    let all = [
        ("title", before.title != after.title),
        ("registration", before.registration != after.registration),
        ("suspended", before.suspended != after.suspended),
        ("text_max", old.text_max != new.text_max),
        ("file_max", old.file_max != new.file_max),
        ("quota_bytes", old.quota_bytes != new.quota_bytes),
        ("requests_per_second", old.requests_per_second != new.requests_per_second),
        ("guests", old.guests != new.guests),
        ("previews", old.previews != new.previews),
        ("second_factor", old.second_factor != new.second_factor),
        ("act_creates_users", old.act_creates_users != new.act_creates_users),
        ("origins", old.origins != new.origins),
        ("retention_days", old.retention_days != new.retention_days),
        ("flags", old.flags != new.flags),
    ];
    all.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}

/// Puts what a patch says into a configuration.
pub fn apply(config: &mut TenantConfig, patch: &ConfigPatch) {
    fn set<T: Clone>(to: &mut T, given: Option<&T>) {
        if let Some(given) = given {
            *to = given.clone();
        }
    }
    set(&mut config.text_max, patch.text_max.as_ref());
    set(&mut config.file_max, patch.file_max.as_ref());
    set(&mut config.quota_bytes, patch.quota_bytes.as_ref());
    set(&mut config.requests_per_second, patch.requests_per_second.as_ref());
    set(&mut config.guests, patch.guests.as_ref());
    set(&mut config.previews, patch.previews.as_ref());
    set(&mut config.retention_days, patch.retention_days.as_ref());
    let second = patch.second_factor.map(Option::unwrap_or_default);
    set(&mut config.second_factor, second.as_ref());
    let may = patch.act_creates_users.map(Option::unwrap_or_default);
    set(&mut config.act_creates_users, may.as_ref());
    let origins = patch.origins.clone().map(Option::unwrap_or_default);
    set(&mut config.origins, origins.as_ref());
    let flags = patch.flags.clone().map(Option::unwrap_or_default);
    set(&mut config.flags, flags.as_ref());
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

/// Somebody owns the tenant by the operator's word: the token that would make its owner opens nothing.
pub(super) fn unseal(tx: &mut Tx<'_>, tenant: TenantId) -> Result<()> {
    tx.exec("update tenants set owner_hash = null where id = $1", params![tenant])?;
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
        config: config_of(&row.get::<String>(5)?),
        rev: row.get(6)?,
        created_at: row.get(7)?,
    })
}

fn config_of(stored: &str) -> TenantConfig {
    serde_json::from_str(stored).unwrap_or_default()
}

fn registration_text(registration: Registration) -> &'static str {
    match registration {
        Registration::Open => "open",
        Registration::Invite => "invite",
        Registration::Closed => "closed",
    }
}
