//! Who may. One function decides, for REST, socket and jobs: [`may`], which looks the asker up in
//! the room and asks [`decide`], a pure table. What you may not see does not exist.

use crate::error::Refusal;
use crate::routes::Rule;
use crate::store::audit::Actor;
use crate::store::{Me, Read, Result, StoreError, rooms::Facts};
use hallway_protocol::ids::{Seq, TenantId};
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
    /// Set an emoji.
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
    /// Give roles.
    Roles,
    /// Visibility and history.
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
}

/// Whether `me` may do `act` in `room`, and how they stand to it.
pub fn may(read: &mut Read<'_>, me: &Me, act: Act, room: &Facts) -> Result<Standing> {
    let member = read.one(
        "select role, joined_seq from members
         where room = $1 and person = $2 and left_seq is null",
        crate::params![room.id, me.user],
        |row| Ok((role(row.get(0)?), row.get::<Seq>(1)?)),
    )?;
    let standing = standing(member, room);
    decide(me, standing.role, act, room).map(|()| standing)
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
        (History::All, _) => 1,
        (History::Joined, Some((_, joined))) => joined,
        // A stranger in a public room whose history begins with joining sees what it is, no more.
        (History::Joined, None) => room.head + 1,
    };
    Standing { role: member.map(|(role, _)| role), min_seq }
}

/// A role as it is stored.
pub fn role(stored: i64) -> Role {
    match stored {
        2 => Role::Owner,
        1 => Role::Admin,
        _ => Role::Member,
    }
}

/// The table of protocol.md §4. Whoever is not named in it may not.
pub fn decide(me: &Me, role: Option<Role>, act: Act, room: &Facts) -> Result<()> {
    let hidden = Err(StoreError::NotFound("room"));
    if room.tenant != me.tenant || room.deleted {
        return hidden;
    }
    if act == Act::JoinByCode {
        // Who knows the code of a room may see that it is there; a guest has the one they are in.
        let shut = room.kind == RoomKind::Direct || (me.guest && role.is_none());
        return if shut { hidden } else { Ok(()) };
    }
    let direct = room.kind == RoomKind::Direct;
    let public = room.visibility == Visibility::Public && !me.guest;
    let operator = me.role >= TenantRole::Admin && !me.guest && !direct;
    let cleans = matches!(act, Act::Remove(_) | Act::DeleteOther | Act::Destroy);
    if role.is_none() && !public && !(operator && cleans) {
        return hidden;
    }
    let power = match role {
        _ if operator && (public || cleans) => Some(Role::Owner),
        role => role,
    };
    let allowed = match act {
        Act::See => true,
        Act::Join => !direct && !me.guest,
        Act::JoinByCode => !direct,
        Act::Mine | Act::Post | Act::React | Act::DeleteOwn => role.is_some(),
        Act::Receipts => power.is_some(),
        // In a direct room nobody stands above the others, so each of its people may pin.
        Act::Pin => !me.guest && (direct || power >= Some(Role::Admin)),
        Act::DeleteOther | Act::Rename | Act::Code | Act::Add => {
            !me.guest && !direct && power >= Some(Role::Admin)
        }
        Act::Remove(of) => {
            let below = power > Some(of) || operator;
            !me.guest && !direct && power >= Some(Role::Admin) && below
        }
        Act::Roles | Act::Settings | Act::Destroy => {
            !me.guest && !direct && power == Some(Role::Owner)
        }
    };
    match (allowed, role) {
        (true, _) => Ok(()),
        (false, None) => Err(StoreError::Forbidden("join the room first")),
        (false, Some(_)) => Err(StoreError::Forbidden("you may not do this in this room")),
    }
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
}

/// Whether `me` may do `act` in their tenant.
pub fn may_in_tenant(me: &Me, act: TenantAct) -> Result<()> {
    let allowed = match act {
        TenantAct::Rooms | TenantAct::People | TenantAct::Account => !me.guest,
        TenantAct::Invite => !me.guest && me.role >= TenantRole::Admin,
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
    /// Read the record, the figures and the dead letters; try or drop those.
    Watch,
}

/// Whether `admin` may do `act` to `tenant`; none: to what they run. Another's tenant is not there.
pub fn may_run(admin: &Admin, act: AdminAct, tenant: Option<TenantId>) -> Result<()> {
    match (admin.tenant, act) {
        (None, _) => Ok(()),
        (Some(own), _) if tenant.is_some_and(|tenant| tenant != own) => {
            Err(StoreError::NotFound("tenant"))
        }
        (Some(_), AdminAct::Settings | AdminAct::Keys | AdminAct::Watch) => Ok(()),
        (Some(_), AdminAct::Found | AdminAct::Limits | AdminAct::Erase) => {
            Err(StoreError::Forbidden("only the operator of the server may do this"))
        }
    }
}

/// Whether a key with these scopes opens a route of this rule. With `acts` it names a person, and
/// that person's rights decide the rest; without, it is nobody: it may read what any account of its
/// tenant sees, and what is made for backends. To run the tenant takes `admin`, whoever is named.
pub fn key_may(scopes: &[Scope], rule: Rule, acts: bool) -> crate::error::Result<()> {
    let needed = match rule {
        Rule::Runs => Some(Scope::Admin),
        Rule::Backend(scope) => Some(scope),
        Rule::Anyone | Rule::Person | Rule::Reads | Rule::Operator | Rule::Room(_) if acts => {
            Some(Scope::Act)
        }
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
mod tests {
    use super::*;
    use hallway_protocol::ids::{RoomId, TenantId, UserId};

    const ACTS: [Act; 19] = [
        Act::See,
        Act::Join,
        Act::JoinByCode,
        Act::Mine,
        Act::Receipts,
        Act::Post,
        Act::React,
        Act::DeleteOwn,
        Act::DeleteOther,
        Act::Pin,
        Act::Rename,
        Act::Code,
        Act::Add,
        Act::Remove(Role::Member),
        Act::Remove(Role::Admin),
        Act::Remove(Role::Owner),
        Act::Roles,
        Act::Settings,
        Act::Destroy,
    ];

    fn room(kind: RoomKind, visibility: Visibility) -> Facts {
        Facts {
            id: RoomId(7),
            tenant: TenantId(1),
            kind,
            visibility,
            history: History::All,
            head: 9,
            last_n: 4,
            hidden: 0,
            deleted: false,
        }
    }

    fn me(role: TenantRole, guest: bool) -> Me {
        Me { tenant: TenantId(1), user: UserId(3), role, guest, session: String::new() }
    }

    /// One letter an act, in the order of [`ACTS`]: `y`es, `f`orbidden, `n`ot found.
    fn row(me: &Me, role: Option<Role>, room: &Facts) -> String {
        let letter = |act| match decide(me, role, act, room) {
            Ok(()) => 'y',
            Err(StoreError::Forbidden(_)) => 'f',
            Err(StoreError::NotFound(_)) => 'n',
            Err(other) => panic!("{other}"),
        };
        ACTS.into_iter().map(letter).collect()
    }

    #[test]
    fn the_table_is_that_of_the_protocol() {
        let (person, guest) = (me(TenantRole::Member, false), me(TenantRole::Member, true));
        let admin = me(TenantRole::Admin, false);
        let group = room(RoomKind::Group, Visibility::Private);
        let channel = room(RoomKind::Channel, Visibility::Public);
        let direct = room(RoomKind::Direct, Visibility::Private);
        let cases = [
            ("member", &person, Some(Role::Member), &group, "yyyyyyyyfffffffffff"),
            ("admin", &person, Some(Role::Admin), &group, "yyyyyyyyyyyyyyfffff"),
            ("owner", &person, Some(Role::Owner), &group, "yyyyyyyyyyyyyyyfyyy"),
            ("guest", &guest, Some(Role::Member), &group, "yfyyyyyyfffffffffff"),
            ("stranger", &person, None, &group, "nnynnnnnnnnnnnnnnnn"),
            ("stranger in a public room", &person, None, &channel, "yyyffffffffffffffff"),
            ("guest beside a public room", &guest, None, &channel, "nnnnnnnnnnnnnnnnnnn"),
            ("tenant admin, private room", &admin, None, &group, "nnynnnnnynnnnyyynny"),
            ("tenant admin, public room", &admin, None, &channel, "yyyfyfffyyyyyyyyyyy"),
            ("one of a direct room", &person, Some(Role::Member), &direct, "yfnyyyyyfyfffffffff"),
            ("tenant admin, direct room", &admin, None, &direct, "nnnnnnnnnnnnnnnnnnn"),
        ];
        for (who, me, role, room, expected) in cases {
            assert_eq!(row(me, role, room), expected, "{who}");
        }
    }

    #[test]
    fn a_key_opens_what_its_scopes_name() {
        let rules = [
            Rule::Anyone,
            Rule::Person,
            Rule::Reads,
            Rule::Operator,
            Rule::Runs,
            Rule::Backend(Scope::Act),
            Rule::Backend(Scope::Write),
            Rule::Room(Act::See),
            Rule::Room(Act::Post),
        ];
        let row = |scope: &[Scope], acts: bool| -> String {
            let letter = |rule| if key_may(scope, rule, acts).is_ok() { 'y' } else { 'n' };
            rules.into_iter().map(letter).collect()
        };
        let cases = [
            (Scope::Read, "nnynnnnyn", "nnnnnnnnn"),
            (Scope::Write, "nnnnnnynn", "nnnnnnynn"),
            (Scope::Act, "nnnnnynnn", "yyyynynyy"),
            (Scope::Admin, "nnnnynnnn", "nnnnynnnn"),
        ];
        for (scope, alone, acting) in cases {
            assert_eq!(row(&[scope], false), alone, "{scope:?}");
            assert_eq!(row(&[scope], true), acting, "{scope:?} for a person");
        }
        assert_eq!(row(&[], true), "n".repeat(rules.len()));
    }

    #[test]
    fn another_tenant_and_a_deleted_room_do_not_exist() {
        let mut channel = room(RoomKind::Channel, Visibility::Public);
        channel.tenant = TenantId(2);
        let owner = me(TenantRole::Owner, false);
        assert_eq!(row(&owner, Some(Role::Owner), &channel), "n".repeat(ACTS.len()));
        channel.tenant = TenantId(1);
        channel.deleted = true;
        assert_eq!(row(&owner, Some(Role::Owner), &channel), "n".repeat(ACTS.len()));
    }

    #[test]
    fn what_is_seen_begins_with_joining_where_the_room_says_so() {
        let mut group = room(RoomKind::Group, Visibility::Private);
        assert_eq!(standing(Some((Role::Member, 5)), &group).min_seq, 1);
        group.history = History::Joined;
        assert_eq!(standing(Some((Role::Member, 5)), &group).min_seq, 5);
        assert_eq!(standing(None, &group).min_seq, 10);
    }
}
