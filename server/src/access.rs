//! Who may. One function decides, for REST, socket and jobs: [`may`], which looks the asker up in
//! the room and asks [`decide`], a pure table. What you may not see does not exist.

use crate::error::Refusal;
use crate::routes::Rule;
use crate::store::audit::Actor;
use crate::store::{Me, Read, Result, StoreError, rooms::Facts};
use hallway_protocol::ids::{Millis, Seq, TenantId};
use hallway_protocol::rest::Scope;
use hallway_protocol::rows::{History, Role, RoomKind, TenantRole, Visibility};
use std::net::IpAddr;

/// What somebody wants to do with a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// Look at the room, its members, its history.
    See,
    /// Become a member of a room one sees.
    Join,
    /// Become a member by the room's code.
    JoinByCode,
    /// What concerns only oneself: leave, read mark, `mine`, acks.
    Mine,
    /// How far the members have read.
    Receipts,
    /// Say something, or change what one said.
    Post,
    /// Set an emoji. Where admins alone post, everyone may answer so.
    React,
    /// Delete one's own message.
    DeleteOwn,
    /// Delete somebody else's message.
    DeleteOther,
    /// Pin a message.
    Pin,
    /// Name and topic.
    Rename,
    /// The join code.
    Code,
    /// Make somebody a member.
    Add,
    /// Remove a member who has this role.
    Remove(Role),
    /// Silence a member who has this role for a while.
    Mute(Role),
    /// Give roles.
    Roles,
    /// Who posts, and how fast.
    Pace,
    /// Put the room away, or bring it back.
    Archive,
    /// Visibility, history and how long it is kept.
    Settings,
    /// Delete the room.
    Destroy,
}

/// How somebody stands to a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Their role; none: not a member.
    pub role: Option<Role>,
    /// Nothing below it is shown to them.
    pub min_seq: Seq,
    /// Slow mode holds for them.
    pub paced: bool,
}

/// A member as the table sees one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seat {
    /// Their role.
    pub role: Role,
    /// Silenced at this moment.
    pub muted: bool,
}

/// Whether `me` may do `act` in `room`, and how they stand to it.
pub fn may(read: &mut Read<'_>, me: &Me, act: Act, room: &Facts) -> Result<Standing> {
    let now = read.now();
    let member = read.one(
        "select role, joined_seq, muted_until from members
         where room = $1 and person = $2 and left_seq is null",
        crate::params![room.id, me.user],
        |row| {
            let muted = row.get::<Option<Millis>>(2)?.is_some_and(|until| until > now);
            Ok((Seat { role: role(row.get(0)?), muted }, row.get::<Seq>(1)?))
        },
    )?;
    decide(me, member.map(|(seat, _)| seat), act, room)?;
    let mut standing = standing(member.map(|(seat, joined)| (seat.role, joined)), room);
    standing.paced = power(me, standing.role, room) < Some(Role::Admin);
    Ok(standing)
}

/// From where on `me` sees the history of a room; none: nothing of it.
pub fn sees(read: &mut Read<'_>, me: &Me, room: &Facts) -> Result<Option<Seq>> {
    match may(read, me, Act::See, room) {
        Ok(standing) => Ok(Some(standing.min_seq)),
        Err(StoreError::NotFound(_) | StoreError::Forbidden(_)) => Ok(None),
        Err(other) => Err(other),
    }
}

/// How a member (with role and joining), or a stranger, stands to a room.
pub fn standing(member: Option<(Role, Seq)>, room: &Facts) -> Standing {
    let min_seq = match (room.history, member) {
        (History::All, _) => room.kept_from,
        (History::Joined, Some((_, joined))) => joined.max(room.kept_from),
        // A stranger in a public room whose history begins with joining sees what it is, no more.
        (History::Joined, None) => room.head + 1,
    };
    Standing { role: member.map(|(role, _)| role), min_seq, paced: false }
}

/// A role as it is stored.
pub fn role(stored: i64) -> Role {
    match stored {
        2 => Role::Owner,
        1 => Role::Admin,
        _ => Role::Member,
    }
}

/// The table of protocol.md §4. Whoever is not named in it may not. The answer is of the person
/// first, then of the state of the room: who may not anyway does not learn of it.
pub fn decide(me: &Me, seat: Option<Seat>, act: Act, room: &Facts) -> Result<()> {
    let hidden = Err(StoreError::NotFound("room"));
    if room.tenant != me.tenant || room.deleted {
        return hidden;
    }
    let role = seat.map(|seat| seat.role);
    let direct = room.kind == RoomKind::Direct;
    if act == Act::JoinByCode {
        // Who knows the code of a room may see that it is there; a guest has the one they are in.
        let shut = direct || (me.guest && role.is_none());
        return if shut { hidden } else { in_use(role, act, room) };
    }
    let public = room.visibility == Visibility::Public && !me.guest;
    let cleans = matches!(act, Act::Remove(_) | Act::DeleteOther | Act::Destroy);
    if role.is_none() && !public && !(operates(me, room) && cleans) {
        return hidden;
    }
    if !allowed(me, role, act, room) {
        let why =
            if role.is_none() { "join the room first" } else { "you may not do this in this room" };
        return Err(StoreError::Forbidden(why));
    }
    if matches!(act, Act::Post | Act::React) && seat.is_some_and(|seat| seat.muted) {
        return Err(StoreError::Forbidden("you are muted in this room"));
    }
    if act == Act::Post && room.announce && power(me, role, room) < Some(Role::Admin) {
        return Err(StoreError::Forbidden("only admins post in this room"));
    }
    in_use(role, act, room)
}

/// Whether the role, and what somebody is in the tenant, is enough.
fn allowed(me: &Me, role: Option<Role>, act: Act, room: &Facts) -> bool {
    let direct = room.kind == RoomKind::Direct;
    let operator = operates(me, room);
    let cleans = matches!(act, Act::Remove(_) | Act::DeleteOther | Act::Destroy);
    let power = if operator && cleans { Some(Role::Owner) } else { power(me, role, room) };
    let above = |least: Role| !me.guest && !direct && power >= Some(least);
    match act {
        Act::See => true,
        Act::Join => !direct && !me.guest,
        Act::JoinByCode => !direct,
        Act::Mine | Act::Post | Act::React | Act::DeleteOwn => role.is_some(),
        Act::Receipts => power.is_some(),
        // In a direct room nobody stands above the others, so each of its people may pin.
        Act::Pin => !me.guest && (direct || power >= Some(Role::Admin)),
        Act::DeleteOther | Act::Rename | Act::Code | Act::Add | Act::Pace | Act::Archive => {
            above(Role::Admin)
        }
        Act::Remove(of) | Act::Mute(of) => above(Role::Admin) && (power > Some(of) || operator),
        Act::Roles | Act::Settings | Act::Destroy => above(Role::Owner),
    }
}

/// An owner or admin of the tenant, in a room that is not between a few people.
fn operates(me: &Me, room: &Facts) -> bool {
    me.role >= TenantRole::Admin && !me.guest && room.kind != RoomKind::Direct
}

/// What somebody may do in a room: as their role says, and an operator in a public one everything.
fn power(me: &Me, role: Option<Role>, room: &Facts) -> Option<Role> {
    if operates(me, room) && room.visibility == Visibility::Public {
        return Some(Role::Owner);
    }
    role
}

/// A room that was put away is read, cleaned up, left and brought back; nothing else.
fn in_use(role: Option<Role>, act: Act, room: &Facts) -> Result<()> {
    let stays = match act {
        Act::See
        | Act::Mine
        | Act::Receipts
        | Act::DeleteOwn
        | Act::DeleteOther
        | Act::Remove(_)
        | Act::Archive
        | Act::Settings
        | Act::Destroy => true,
        // Who is in already is answered as ever.
        Act::Join | Act::JoinByCode => role.is_some(),
        Act::Post
        | Act::React
        | Act::Pin
        | Act::Rename
        | Act::Code
        | Act::Add
        | Act::Mute(_)
        | Act::Roles
        | Act::Pace => false,
    };
    if room.archived && !stays { Err(StoreError::Conflict("the room is archived")) } else { Ok(()) }
}

/// What somebody wants to do in a tenant, outside any room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TenantAct {
    /// Make rooms, begin direct ones, look at the directory.
    Rooms,
    /// Find people with whom one shares no room.
    People,
    /// Make and end invites.
    Invite,
    /// Have a name and a mail address that are one's own.
    Account,
    /// Deal with reports, keep people and addresses out.
    Moderate,
}

/// Whether `me` may do `act` in their tenant.
pub fn may_in_tenant(me: &Me, act: TenantAct) -> Result<()> {
    let allowed = match act {
        TenantAct::Rooms | TenantAct::People | TenantAct::Account => !me.guest,
        TenantAct::Invite | TenantAct::Moderate => !me.guest && me.role >= TenantRole::Admin,
    };
    if allowed { Ok(()) } else { Err(StoreError::Forbidden("you may not do this here")) }
}

/// Who runs the server, or one tenant of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Admin {
    /// As the record names them.
    pub actor: Actor,
    /// The one tenant they run; none: all of them.
    pub tenant: Option<TenantId>,
    /// From where they ask.
    pub address: Option<IpAddr>,
}

impl Admin {
    /// As a name for what is kept of theirs.
    pub fn name(&self) -> String {
        self.actor.text().unwrap_or_default()
    }
}

/// What somebody wants to do who runs a server or a tenant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AdminAct {
    /// Make a tenant.
    Found,
    /// Look at a tenant, change how it presents itself and whom it lets in.
    Settings,
    /// Set what bounds a tenant, or suspend it.
    Limits,
    /// Take a tenant away.
    Erase,
    /// Give and take API keys.
    Keys,
    /// Look after webhooks, bots and commands.
    Hooks,
    /// Read the record, the figures and the dead letters; try or drop those.
    Watch,
    /// Look anybody up, let them in, keep them out.
    People,
    /// See that a room is there, whose it is, and put it away.
    Rooms,
}

/// Whether `admin` may do `act` to `tenant`; none: to what they run. Another's tenant is not there.
pub fn may_run(admin: &Admin, act: AdminAct, tenant: Option<TenantId>) -> Result<()> {
    match (admin.tenant, act) {
        (None, _) => Ok(()),
        (Some(own), _) if tenant.is_some_and(|tenant| tenant != own) => {
            Err(StoreError::NotFound("tenant"))
        }
        (Some(_), AdminAct::Settings | AdminAct::Keys | AdminAct::Hooks | AdminAct::Watch) => {
            Ok(())
        }
        (
            Some(_),
            AdminAct::Found
            | AdminAct::Limits
            | AdminAct::Erase
            | AdminAct::People
            | AdminAct::Rooms,
        ) => Err(StoreError::Forbidden("only the operator of the server may do this")),
    }
}

/// Whether a key with these scopes opens a route of this rule. With `acts` it names a person, and
/// that person's rights decide the rest; without, it is nobody: it may read what any account of its
/// tenant sees, and what is made for backends; with `admin` also what admins look at. To run the
/// tenant takes `admin`, whoever is named.
pub fn key_may(scopes: &[Scope], rule: Rule, acts: bool) -> crate::error::Result<()> {
    let needed = match rule {
        Rule::Runs | Rule::Manages => Some(Scope::Admin),
        Rule::Backend(scope) => Some(scope),
        Rule::Anyone
        | Rule::Person
        | Rule::Reads
        | Rule::Operator
        | Rule::Oversees
        | Rule::Room(_)
            if acts =>
        {
            Some(Scope::Act)
        }
        Rule::Oversees => Some(Scope::Admin),
        Rule::Reads | Rule::Room(Act::See) => Some(Scope::Read),
        Rule::Anyone | Rule::Person | Rule::Operator | Rule::Room(_) => None,
    };
    match needed {
        Some(needed) if scopes.contains(&needed) => Ok(()),
        Some(_) => Err(Refusal::Forbidden("this key is not good for that")),
        None => Err(Refusal::Forbidden("name a person in X-User-Id")),
    }
}

#[cfg(test)]
mod tests;
