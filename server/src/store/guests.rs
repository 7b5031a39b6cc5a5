//! Guests: people without an account, in one room. They come by its code, into a public room that is
//! open to them, or into one they make, and are gone a day after they were last here; what they said
//! stays, with the name they said it under. A guest can become an account, which keeps all of it.

use super::accounts::{self, Door, Newcomer};
use super::audit::{self, Actor, Note};
use super::sessions::{self, Door as In, NewSession};
use super::{Event, Me, Once, Read, Result, StoreError, Tx};
use super::{chores, codes, invites, mails, members, ops, own, rooms, tenants, users};
use crate::access::{self, Act};
use crate::params;
use hallway_protocol::ids::{Key, RoomId, TenantId, UserId};
use hallway_protocol::rest::{Guests, NewRoom, NewRoomKind, Registration, RoomGuests};
use hallway_protocol::rows::{Room, RoomKind, TenantRole, User, Visibility};
use hallway_protocol::text::folded;

/// A guest is gone so many hours of a running server after they were last here.
pub const GONE: i64 = 24;

/// By what somebody comes in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum By {
    /// A room's code.
    Code(String),
    /// Nothing: the room is open.
    Room(RoomId),
    /// A name: of a room that is made for it, and is gone when it is left alone.
    New(String),
}

/// Somebody who came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Come {
    /// Who.
    pub user: User,
    /// Where.
    pub room: Room,
    /// Of a room that was made: its code.
    pub code: Option<String>,
}

/// Somebody who comes without an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewGuest {
    /// As others see them, checked.
    pub display_name: String,
    /// Language of mails to them, should they stay.
    pub language: String,
    /// Their device.
    pub session: NewSession,
}

/// Lets a guest in. `allowed` is what the tenant says, the room may say less; whoever may not come in
/// learns nothing of the room.
pub fn come(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    allowed: Guests,
    by: &By,
    new: &NewGuest,
) -> Result<Come> {
    let hidden = || StoreError::NotFound("room");
    let room = match by {
        By::New(name) => return found(tx, tenant, allowed, name, new),
        By::Room(room) => Some(*room),
        By::Code(code) => tx.one(
            "select id from rooms where tenant = $1 and code = $2",
            params![tenant, &rooms::folded_code(code)],
            |row| row.get(0),
        )?,
    };
    let facts = rooms::lock(tx, room.ok_or_else(hidden)?)?;
    let (set, code) = setting(tx, facts.id)?;
    let allowed = set.map_or(allowed, |set| set.min(allowed));
    let opens = match by {
        // Asked again under the lock: the code may just have been taken away.
        By::Code(given) => allowed >= Guests::Code && code == Some(rooms::folded_code(given)),
        By::Room(_) => allowed == Guests::Open && facts.visibility == Visibility::Public,
        By::New(_) => false,
    };
    if facts.tenant != tenant || facts.deleted || facts.kind == RoomKind::Direct || !opens {
        return Err(hidden());
    }
    let user = insert(tx, tenant, new)?;
    came(tx, tenant, user, facts.id, new)?;
    members::enter(tx, &facts, user, None)?;
    let room = rooms::any(tx, facts.id)?.ok_or_else(hidden)?;
    Ok(Come { user: users::own_row(tx, user)?, room, code: None })
}

/// Somebody without an account makes a room: private, with a code, gone when nobody is in it.
fn found(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    allowed: Guests,
    name: &str,
    new: &NewGuest,
) -> Result<Come> {
    if allowed != Guests::Open {
        return Err(StoreError::Forbidden("guests come in by a code here"));
    }
    let user = insert(tx, tenant, new)?;
    let (role, session) = (TenantRole::Member, new.session.id.clone());
    let me = Me { tenant, user, role, guest: true, session };
    let wanted = NewRoom {
        key: None,
        kind: NewRoomKind::Group,
        name: name.to_owned(),
        topic: None,
        visibility: None,
        history: None,
        members: Vec::new(),
        ephemeral: true,
        sealed: false,
    };
    let (room, _) = rooms::make(tx, &me, &wanted, &[user])?;
    came(tx, tenant, user, room.room, new)?;
    let code = codes::give(tx, room.room)?;
    Ok(Come { user: users::own_row(tx, user)?, room, code: Some(code) })
}

fn came(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    user: UserId,
    room: RoomId,
    new: &NewGuest,
) -> Result<()> {
    let note = Note::of(Some(tenant), Actor::Person(user), "guest_came");
    audit::note(tx, &note.on(format_args!("room:{room}")).from(new.session.address))?;
    sessions::create(tx, user, &new.session, In::New)
}

fn insert(tx: &mut Tx<'_>, tenant: TenantId, new: &NewGuest) -> Result<UserId> {
    let user = UserId(tenants::free(tx, "select count(*) from users where id = $1")?);
    let (now, name) = (tx.now(), name(tx, tenant)?);
    tx.exec(
        "insert into users (id, tenant, name, name_folded, display_name, display_folded, email,
            email_folded, avatar, status, role, bot, guest, password, head, rev, created_at,
            deleted_at, language)
         values ($1, $2, $3, $3, $4, $5, null, null, null, '', 0, 0, 1, null, 1, 1, $6, null, $7)",
        params![
            user,
            tenant,
            &name,
            &new.display_name,
            &folded(&new.display_name),
            now,
            &new.language
        ],
    )?;
    tx.made(user);
    Ok(user)
}

/// A name nobody has: others are named by what they typed, a guest by chance.
fn name(read: &mut Read<'_>, tenant: TenantId) -> Result<String> {
    loop {
        let name = format!("guest-{:08x}", rand::random::<u32>());
        let taken = "select count(*) from users where tenant = $1 and name_folded = $2";
        if read.number(taken, params![tenant, &name])? == 0 {
            return Ok(name);
        }
    }
}

/// What a room says of guests, and its code.
fn setting(read: &mut Read<'_>, room: RoomId) -> Result<(Option<Guests>, Option<String>)> {
    let found = read.one("select guests, code from rooms where id = $1", params![room], |row| {
        Ok((row.get::<Option<String>>(0)?.as_deref().and_then(guests), row.get(1)?))
    })?;
    found.ok_or(StoreError::NotFound("room"))
}

fn guests(stored: &str) -> Option<Guests> {
    match stored {
        "off" => Some(Guests::Off),
        "code" => Some(Guests::Code),
        "open" => Some(Guests::Open),
        _ => None,
    }
}

fn guests_text(guests: Guests) -> &'static str {
    match guests {
        Guests::Off => "off",
        Guests::Code => "code",
        Guests::Open => "open",
    }
}

/// Who comes into a room without an account.
pub fn show(read: &mut Read<'_>, me: &Me, allowed: Guests, room: RoomId) -> Result<RoomGuests> {
    let facts = rooms::facts(read, room)?.ok_or(StoreError::NotFound("room"))?;
    access::may(read, me, Act::See, &facts)?;
    let (set, _) = setting(read, room)?;
    // An open door is one of a public room; into a private one a code leads.
    let most = match facts.visibility {
        Visibility::Public => allowed,
        Visibility::Private => allowed.min(Guests::Code),
    };
    Ok(RoomGuests { guests: set.map_or(most, |set| set.min(most)), set })
}

/// Says who may come into a room without an account; nothing said is what the tenant says. It never
/// lets in whom the tenant does not. Who is in stays.
pub fn set(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    allowed: Guests,
    room: RoomId,
    wanted: Option<Guests>,
) -> Result<Once<RoomGuests>> {
    let facts = rooms::lock(tx, room)?;
    let target = room.to_string();
    let again = ops::first(tx, me, key, "room-guests", &target)?.is_some();
    access::may(tx, me, Act::Settings, &facts)?;
    if !again {
        let set = wanted.map(guests_text);
        tx.exec("update rooms set guests = $1 where id = $2", params![set, room])?;
        let note = Note::by(me, "room_guests").on(format_args!("room:{room}"));
        audit::note(tx, &note.with("guests", set))?;
        ops::keep(tx, me, key, "room-guests", &target, None)?;
    }
    Ok(Once { again, answer: show(tx, me, allowed, room)? })
}

/// A guest stays: from now on they have a name and a password, and are as anybody. Where mail is on
/// that is once their address is verified; until then they are the guest they were.
pub fn stay(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    registration: Registration,
    new: &Newcomer,
) -> Result<Once<User>> {
    tx.hold_people(&[me.user])?;
    if ops::first(tx, me, key, "account", "")?.is_some() {
        return Ok(Once { again: true, answer: users::own_row(tx, me.user)? });
    }
    let waits = mails::waits(tx, me.user)?;
    if waits || !users::own_row(tx, me.user)?.guest {
        return Err(StoreError::Conflict("this is an account already"));
    }
    let door = accounts::door(tx, me.tenant, registration, new)?;
    if let Door::Owner(_) = door {
        return Err(accounts::wrong_invite());
    }
    accounts::free_name(tx, me.tenant, new, false)?;
    if let Door::Invite(opened) = &door {
        if let Some(room) = opened.room {
            tx.hold_room(room)?;
        }
        if !invites::spend(tx, &opened.id)? {
            return Err(accounts::wrong_invite());
        }
    }
    write(tx, me, new)?;
    if let Some(slip) = &new.slip {
        mails::welcome(tx, me.tenant, me.user, slip)?;
    } else if let Door::Invite(invites::Opened { room: Some(room), made_by, .. }) = door {
        members::bring(tx, room, me.user, made_by)?;
    }
    audit::note(tx, &Note::by(me, "guest_stayed").from(new.session.address))?;
    ops::keep(tx, me, key, "account", "", None)?;
    Ok(Once { again: false, answer: users::own_row(tx, me.user)? })
}

fn write(tx: &mut Tx<'_>, me: &Me, new: &Newcomer) -> Result<()> {
    let (rev, hour) = (own::next(tx, me.user)?, chores::hours(tx)?);
    let waits = new.slip.is_some();
    let (email, next) = (new.email.as_deref().filter(|_| !waits), new.email.as_deref());
    let next = next.filter(|_| waits);
    let (email_folded, next_folded) = (email.map(folded), next.map(folded));
    tx.exec(
        "update users set name = $1, name_folded = $2, password = $3, email = $4,
            email_folded = $5, email_next = $6, email_next_folded = $7, unverified_hour = $8,
            guest = $9, rev = $10 where id = $11",
        params![
            &new.name,
            &folded(&new.name),
            &new.password,
            email,
            email_folded.as_deref(),
            next,
            next_folded.as_deref(),
            Some(hour).filter(|_| waits),
            waits,
            rev,
            me.user
        ],
    )?;
    tx.emit(Event::Changed { user: me.user });
    users::publish(tx, me)
}

/// Shows out guests who were not here for a day, a few at once; true: there may be more.
pub(super) fn show_out(tx: &mut Tx<'_>, most: i64) -> Result<bool> {
    let since = chores::hours(tx)? - GONE;
    let late = tx.all(
        "select u.tenant, u.id from users u
         where u.guest = 1 and u.deleted_at is null and not exists
            (select 1 from sessions s where s.person = u.id and s.used_hour >= $1)
         order by u.id limit $2",
        params![since, most],
        |row| Ok((row.get::<TenantId>(0)?, row.get::<UserId>(1)?)),
    )?;
    tx.hold_people(&late.iter().map(|(_, user)| *user).collect::<Vec<_>>())?;
    for (tenant, user) in &late {
        let (tenant, user, role, session) = (*tenant, *user, TenantRole::Member, String::new());
        accounts::shut(tx, &Me { tenant, user, role, guest: true, session })?;
    }
    Ok(late.len() as i64 == most)
}
