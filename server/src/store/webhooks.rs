//! Webhooks of a tenant: where its own programs are called, for what, and of which rooms. Public
//! rooms are heard as by any account; a private one only where its owner named it, and only as long
//! as they are in it. Secrets come in sealed.

use super::audit::{self, Actor, Note};
use super::engine::{Outcome, Record};
use super::{Me, Once, Read, Result, StoreError, Tx, deeds, deliveries, pages, rooms};
use crate::access::{self, Act, Admin, AdminAct};
use crate::params;
use hallway_protocol::ids::{Key, Millis, RoomId, TenantId, UserId};
use hallway_protocol::rest::{HookEvent, HookState, Items, Webhook};
use hallway_protocol::rows::{TenantRole, Visibility};

/// Webhooks of one tenant.
const MOST: i64 = 200;

/// A webhook to be made, or as it is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewHook {
    /// Random.
    pub id: String,
    /// Where calls go.
    pub url: String,
    /// For what.
    pub events: Vec<HookEvent>,
    /// Of these rooms alone.
    pub rooms: Vec<RoomId>,
    /// What calls are signed with, sealed.
    pub secret: String,
}

/// What is to be another.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Changes {
    /// Where calls go.
    pub url: Option<String>,
    /// For what.
    pub events: Option<Vec<HookEvent>>,
    /// Of these rooms alone.
    pub rooms: Option<Vec<RoomId>>,
    /// What calls are signed with, sealed.
    pub secret: Option<String>,
    /// Whether it is called.
    pub on: Option<bool>,
}

/// Makes a webhook.
pub fn create(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    new: &NewHook,
) -> Result<Once<Webhook>> {
    let tenant = tenant(admin)?;
    if let Some(id) = deeds::first(tx, admin, key, "webhook", "")? {
        return Ok(Once { again: true, answer: by_id(tx, tenant, &id)? });
    }
    if tx.number(
        "select count(*) from webhooks where tenant = $1 and state <> 'gone'",
        params![tenant],
    )? >= MOST
    {
        return Err(StoreError::Conflict("the tenant has as many webhooks as it may"));
    }
    let (now, person) = (tx.now(), person(admin));
    let events = events_text(&new.events);
    tx.exec(
        "insert into webhooks (id, tenant, url, events, secret, state, failing_since, made_by,
            person, created_at)
         values ($1, $2, $3, $4, $5, 'active', null, $6, $7, $8)",
        params![&new.id, tenant, &new.url, &events, &new.secret, &admin.name(), person, now],
    )?;
    names(tx, admin, &new.id, &new.rooms)?;
    noted(tx, admin, "webhook_made", &new.id)?;
    deeds::keep(tx, admin, key, "webhook", "", &new.id)?;
    Ok(Once { again: false, answer: by_id(tx, tenant, &new.id)? })
}

/// The webhooks of the tenant, in the order they were made.
pub fn list(
    read: &mut Read<'_>,
    admin: &Admin,
    next: Option<&str>,
    limit: usize,
) -> Result<Items<Webhook>> {
    let tenant = tenant(admin)?;
    let (at, id) = pages::pair(next)?.unwrap_or((Millis::MIN, ""));
    let found = read.all(
        "select id, url, events, state, created_at from webhooks
         where tenant = $1 and state <> 'gone' and (created_at, id) > ($2, $3)
         order by created_at, id limit $4",
        params![tenant, at, id, pages::beyond(limit)],
        hook,
    )?;
    let place = |last: &Webhook| format!("{}:{}", last.created_at, last.id);
    let (mut items, next) = pages::cut(found, limit, place);
    for hook in &mut items {
        hook.rooms = named(read, &hook.id)?;
    }
    Ok(Items { items, next })
}

/// One of them.
pub fn show(read: &mut Read<'_>, admin: &Admin, id: &str) -> Result<Webhook> {
    let tenant = tenant(admin)?;
    by_id(read, tenant, id)
}

/// Changes one. Who names private rooms vouches for them from then on.
pub fn update(
    tx: &mut Tx<'_>,
    admin: &Admin,
    key: Option<&Key>,
    id: &str,
    changes: &Changes,
) -> Result<Once<Webhook>> {
    let tenant = tenant(admin)?;
    let again = deeds::first(tx, admin, key, "webhook-change", id)?.is_some();
    let known = by_id(tx, tenant, id)?;
    if again {
        return Ok(Once { again, answer: known });
    }
    let Changes { url, events, rooms, secret, on } = changes;
    tx.exec(
        "update webhooks set url = coalesce($1, url), events = coalesce($2, events),
            secret = coalesce($3, secret) where id = $4",
        params![
            url.as_deref(),
            events.as_ref().map(|e| events_text(e)).as_deref(),
            secret.as_deref(),
            id
        ],
    )?;
    if let Some(on) = on {
        let state = if *on { "active" } else { "off" };
        tx.exec(
            "update webhooks set state = $1, failing_since = null where id = $2",
            params![state, id],
        )?;
        if !on {
            deliveries::given_up(tx, id)?;
        }
    }
    if let Some(rooms) = rooms {
        tx.exec("delete from webhook_rooms where webhook = $1", params![id])?;
        tx.exec("update webhooks set person = $1 where id = $2", params![person(admin), id])?;
        names(tx, admin, id, rooms)?;
    }
    noted(tx, admin, "webhook_changed", id)?;
    deeds::keep(tx, admin, key, "webhook-change", id, "")?;
    Ok(Once { again, answer: by_id(tx, tenant, id)? })
}

/// Takes one away, with all it was to be called for.
pub fn destroy(tx: &mut Tx<'_>, admin: &Admin, key: Option<&Key>, id: &str) -> Result<Once<()>> {
    let tenant = tenant(admin)?;
    if deeds::first(tx, admin, key, "webhook-end", id)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    by_id(tx, tenant, id)?;
    // Calls under way find nothing any more; a long history goes with the clean-up.
    tx.exec("delete from webhook_rooms where webhook = $1", params![id])?;
    tx.exec(
        "update webhooks set state = 'gone', secret = '', url = '' where id = $1",
        params![id],
    )?;
    noted(tx, admin, "webhook_removed", id)?;
    deeds::keep(tx, admin, key, "webhook-end", id, "")?;
    Ok(Once { again: false, answer: () })
}

/// Which rooms of this list it is called for; each is one that the asker may have it hear.
fn names(tx: &mut Tx<'_>, admin: &Admin, id: &str, list: &[RoomId]) -> Result<()> {
    for room in list {
        let facts = rooms::facts(tx, *room)?.ok_or(StoreError::NotFound("room"))?;
        let stranger = vouching(facts.tenant, UserId(0));
        let me = person(admin).map(|person| vouching(tenant(admin).unwrap_or(TenantId(0)), person));
        if facts.tenant != tenant(admin)? || facts.deleted {
            return Err(StoreError::NotFound("room"));
        }
        if facts.visibility == Visibility::Private {
            access::may(tx, me.as_ref().unwrap_or(&stranger), Act::Settings, &facts)?;
        }
        tx.exec(
            "insert into webhook_rooms (webhook, room) values ($1, $2)
             on conflict (webhook, room) do nothing",
            params![id, *room],
        )?;
    }
    Ok(())
}

/// A person as one who asks for a room by their role in it alone.
pub(super) fn vouching(tenant: TenantId, user: UserId) -> Me {
    Me { tenant, user, role: TenantRole::Member, guest: false, session: String::new() }
}

/// Whose webhooks the asker looks after.
pub(super) fn tenant(admin: &Admin) -> Result<TenantId> {
    access::may_run(admin, AdminAct::Hooks, admin.tenant)?;
    admin.tenant.ok_or(StoreError::NotFound("tenant"))
}

fn person(admin: &Admin) -> Option<UserId> {
    match admin.actor {
        Actor::Person(user) => Some(user),
        Actor::Nobody | Actor::Key(_) | Actor::Operator => None,
    }
}

fn noted(tx: &mut Tx<'_>, admin: &Admin, act: &'static str, id: &str) -> Result<()> {
    let note = Note::of(admin.tenant, admin.actor.clone(), act).from(admin.address);
    audit::note(tx, &note.on(format_args!("webhook:{id}")))
}

pub(super) fn by_id(read: &mut Read<'_>, tenant: TenantId, id: &str) -> Result<Webhook> {
    let found = read.one(
        "select id, url, events, state, created_at from webhooks
         where tenant = $1 and id = $2 and state <> 'gone'",
        params![tenant, id],
        hook,
    )?;
    let mut hook = found.ok_or(StoreError::NotFound("webhook"))?;
    hook.rooms = named(read, id)?;
    Ok(hook)
}

fn named(read: &mut Read<'_>, id: &str) -> Result<Vec<RoomId>> {
    let sql = "select room from webhook_rooms where webhook = $1 order by room";
    read.all(sql, params![id], |row| row.get(0))
}

fn hook(row: &Record<'_>) -> Outcome<Webhook> {
    Ok(Webhook {
        id: row.get(0)?,
        url: row.get(1)?,
        events: events(&row.get::<String>(2)?),
        rooms: Vec::new(),
        secret: None,
        state: match row.get::<String>(3)?.as_str() {
            "active" => HookState::Active,
            "failing" => HookState::Failing,
            _ => HookState::Off,
        },
        created_at: row.get::<Millis>(4)?,
    })
}

/// The events with the words they are stored as.
const EVENTS: [(HookEvent, &str); 6] = [
    (HookEvent::Message, "message"),
    (HookEvent::Edit, "edit"),
    (HookEvent::Delete, "delete"),
    (HookEvent::Reaction, "reaction"),
    (HookEvent::Member, "member"),
    (HookEvent::Room, "room"),
];

/// As it is stored.
pub(super) fn event_text(event: HookEvent) -> &'static str {
    EVENTS.iter().find(|(known, _)| *known == event).map_or("", |(_, text)| text)
}

/// Those that are stored so.
pub(super) fn events(stored: &str) -> Vec<HookEvent> {
    let known = EVENTS.iter().filter(|(_, text)| stored.split(',').any(|word| word == *text));
    known.map(|(event, _)| *event).collect()
}

fn events_text(events: &[HookEvent]) -> String {
    let known = EVENTS.iter().filter(|(event, _)| events.contains(event));
    known.map(|(_, text)| *text).collect::<Vec<_>>().join(",")
}
