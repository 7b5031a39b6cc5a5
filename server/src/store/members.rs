//! Who is in a room: joining, leaving, adding, removing, roles.

use super::audit::{self, Note};
use super::change::Change;
use super::engine::{Outcome, Record};
use super::rooms::{self, Facts};
use super::{Me, Once, Read, Result, StoreError, Tx, direct, ops, own, pages, users};
use crate::access::{self, Act};
use crate::params;
use hallway_protocol::ids::{Key, Millis, RoomId, UserId};
use hallway_protocol::limits::MEMBERS_MAX;
use hallway_protocol::rest::{MemberRole, Rows};
use hallway_protocol::rows::{History, Member, MineState, Role, Room, RoomKind, Row};
use serde_json::json;

/// Joins a room I see; when I am in it already, nothing happens.
pub fn join(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, room: RoomId) -> Result<Once<Room>> {
    join_as(tx, me, key, room, Act::Join)
}

/// Joins the room of a code. A code that opens nothing is not found, whatever its form.
pub fn join_by_code(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, code: &str) -> Result<Once<Room>> {
    let room = tx
        .one(
            "select id from rooms where tenant = $1 and code = $2",
            params![me.tenant, &rooms::folded_code(code)],
            |row| row.get(0),
        )?
        .ok_or(StoreError::NotFound("room"))?;
    join_as(tx, me, key, room, Act::JoinByCode)
}

fn join_as(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    room: RoomId,
    act: Act,
) -> Result<Once<Room>> {
    let facts = rooms::lock(tx, room)?;
    let target = room.to_string();
    if ops::first(tx, me, key, "join", &target)?.is_some() {
        return rooms::again(tx, me, room);
    }
    if access::may(tx, me, act, &facts)?.role.is_none() {
        tx.hold_people(&[me.user])?;
        enter(tx, &facts, me.user, None)?;
    }
    ops::keep(tx, me, key, "join", &target, None)?;
    Ok(Once { again: false, answer: rooms::row(tx, me, room)? })
}

/// Makes somebody a member on another's word (an invite), once.
pub(super) fn bring(tx: &mut Tx<'_>, room: RoomId, user: UserId, by: UserId) -> Result<()> {
    let facts = rooms::lock(tx, room)?;
    if !facts.deleted && role(tx, room, user)?.is_none() {
        enter(tx, &facts, user, Some(by))?;
    }
    Ok(())
}

/// The room's and the person's locks are held, and they are not in it.
pub(super) fn enter(
    tx: &mut Tx<'_>,
    facts: &Facts,
    user: UserId,
    by: Option<UserId>,
) -> Result<()> {
    if facts.size >= MEMBERS_MAX {
        return Err(StoreError::Conflict("the room is full"));
    }
    let mut change = Change::begin(tx, facts)?;
    put(tx, &mut change, user, Role::Member)?;
    change.notice(
        tx,
        if by.is_some() { "added" } else { "joined" },
        Some(user),
        by.unwrap_or(user),
    )?;
    change.rows(row(tx, facts.id, user)?.map(Row::Member));
    change.rows(users::rows(tx, [user])?);
    let from = if facts.history == History::Joined { change.seq } else { facts.kept_from };
    change.enters(user, from);
    let after = change.finish(tx)?;
    own::stand(tx, user, facts.id, MineState::Joined, after.head)
}

/// Writes a membership that begins with this change. A mute outlives a leaving.
pub(super) fn put(tx: &mut Tx<'_>, change: &mut Change, user: UserId, role: Role) -> Result<()> {
    let (room, seq) = (change.facts.id, change.seq);
    tx.exec(
        "insert into members (room, person, role, joined_seq, left_seq, rev)
         values ($1, $2, $3, $4, null, $4)
         on conflict (room, person) do update set role = excluded.role,
            joined_seq = excluded.joined_seq, left_seq = null, rev = excluded.rev",
        params![room, user, stored(role), seq],
    )?;
    change.facts.size += 1;
    tx.exec("update rooms set size = $1 where id = $2", params![change.facts.size, room])?;
    Ok(())
}

/// Leaves a room. A direct room is hidden until its next message; the last owner hands over.
pub fn leave(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, room: RoomId) -> Result<Once<()>> {
    let facts = rooms::lock(tx, room)?;
    let target = room.to_string();
    if ops::first(tx, me, key, "leave", &target)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    access::may(tx, me, Act::Mine, &facts)?;
    tx.hold_people(&[me.user])?;
    if facts.kind == RoomKind::Direct {
        direct::hide(tx, me, &facts)?;
    } else {
        depart(tx, &facts, me.user, me.user)?;
    }
    ops::keep(tx, me, key, "leave", &target, None)?;
    Ok(Once { again: false, answer: () })
}

/// Removes somebody from a room; removing oneself is leaving.
pub fn remove(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    room: RoomId,
    user: UserId,
) -> Result<Once<()>> {
    if user == me.user {
        return leave(tx, me, key, room);
    }
    let facts = rooms::lock(tx, room)?;
    let target = format!("{room}:{user}");
    if ops::first(tx, me, key, "remove", &target)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    let found = role(tx, room, user)?;
    access::may(tx, me, Act::Remove(found.unwrap_or_default()), &facts)?;
    if found.is_none() {
        return Err(StoreError::NotFound("member"));
    }
    tx.hold_people(&[user])?;
    depart(tx, &facts, user, me.user)?;
    audit::note(tx, &noted(me, "member_removed", room, user))?;
    ops::keep(tx, me, key, "remove", &target, None)?;
    Ok(Once { again: false, answer: () })
}

/// Ends a membership; the locks of the room and of the person are held.
pub(super) fn depart(tx: &mut Tx<'_>, facts: &Facts, user: UserId, by: UserId) -> Result<()> {
    let heir = heir(tx, facts.id, user)?;
    let mut change = Change::begin(tx, facts)?;
    tx.exec(
        "update members set left_seq = $1, rev = $1 where room = $2 and person = $3",
        params![change.seq, facts.id, user],
    )?;
    change.facts.size -= 1;
    let size = change.facts.size;
    tx.exec("update rooms set size = $1 where id = $2", params![size, facts.id])?;
    change.notice(tx, if user == by { "left" } else { "removed" }, Some(user), by)?;
    change.rows(row(tx, facts.id, user)?.map(Row::Member));
    if let Some(heir) = heir {
        tx.exec(
            "update members set role = 2, rev = $1 where room = $2 and person = $3",
            params![change.seq, facts.id, heir],
        )?;
        change.rows(row(tx, facts.id, heir)?.map(Row::Member));
    }
    change.leaves(user);
    change.finish(tx)?;
    let state = if user == by { MineState::Left } else { MineState::Removed };
    own::stand(tx, user, facts.id, state, 0)
}

/// Who owns the room after its last owner: the longest-standing admin, else member.
fn heir(read: &mut Read<'_>, room: RoomId, leaving: UserId) -> Result<Option<UserId>> {
    let others = read.number(
        "select count(*) from members
         where room = $1 and role = 2 and left_seq is null and person <> $2",
        params![room, leaving],
    )?;
    if others > 0 || role(read, room, leaving)? != Some(Role::Owner) {
        return Ok(None);
    }
    // Never a guest: who owns a room does not vanish after a day.
    read.one(
        "select m.person from members m join users u on u.id = m.person
         where m.room = $1 and m.left_seq is null and m.person <> $2 and u.guest = 0
         order by m.role desc, m.joined_seq, m.person limit 1",
        params![room, leaving],
        |row| row.get(0),
    )
}

/// Adds somebody, or gives a member another role; what is so already takes no number.
pub fn set(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    room: RoomId,
    user: UserId,
    wanted: &MemberRole,
) -> Result<Once<Member>> {
    let mut facts = rooms::lock(tx, room)?;
    let target = format!("{room}:{user}");
    let again = ops::first(tx, me, key, "member", &target)?.is_some();
    if !again {
        let present = role(tx, room, user)?;
        if present.is_none() {
            access::may(tx, me, Act::Add, &facts)?;
            // Who left meanwhile is not brought back by a mute.
            if wanted.role.is_none() && wanted.muted_until.is_some() {
                return Err(StoreError::NotFound("member"));
            }
            rooms::known_people(tx, me, &[user], "user")?;
            tx.hold_people(&[user])?;
        }
        let role = wanted.role.or(present).unwrap_or_default();
        if role != present.unwrap_or_default() {
            access::may(tx, me, Act::Roles, &facts)?;
        }
        if present.is_none() {
            enter(tx, &facts, user, Some(me.user))?;
            facts = rooms::lock(tx, room)?;
        }
        if role != present.unwrap_or_default() {
            give(tx, me, &facts, user, role)?;
        } else if present.is_some() {
            access::may(tx, me, Act::See, &facts)?;
        }
        if let Some(until) = wanted.muted_until {
            let facts = rooms::lock(tx, room)?;
            access::may(tx, me, Act::Mute(role), &facts)?;
            if mute(tx, &facts, user, until)? {
                let act = if until.is_some() { "member_muted" } else { "member_unmuted" };
                audit::note(tx, &noted(me, act, room, user).with("until", until))?;
            }
        }
        ops::keep(tx, me, key, "member", &target, None)?;
    }
    let mut answer = row(tx, room, user)?.ok_or(StoreError::NotFound("member"))?;
    if again && access::sees(tx, me, &facts)?.is_none() {
        // Who is out of the room since learns that it was done, and nothing newer.
        answer = blank(room, user);
    }
    Ok(Once { again, answer })
}

/// A membership of which nothing is told but that it is there.
fn blank(room: RoomId, user: UserId) -> Member {
    let (role, joined_seq, left_seq, muted_until, rev) = (Role::Member, 0, None, None, 0);
    Member { room, user, role, joined_seq, left_seq, muted_until, rev }
}

/// Silences a member until then, or ends it; whether that changed anything. A time that is past ends
/// it too.
fn mute(tx: &mut Tx<'_>, facts: &Facts, user: UserId, until: Option<Millis>) -> Result<bool> {
    let now = tx.now();
    let until = until.filter(|until| *until > now);
    let present = row(tx, facts.id, user)?.and_then(|member| member.muted_until);
    if until == present.filter(|until| *until > now) {
        return Ok(false);
    }
    let mut change = Change::begin(tx, facts)?;
    tx.exec(
        "update members set muted_until = $1, rev = $2 where room = $3 and person = $4",
        params![until, change.seq, facts.id, user],
    )?;
    change.rows(row(tx, facts.id, user)?.map(Row::Member));
    change.finish(tx)?;
    Ok(true)
}

/// A line of the record about a member.
fn noted(me: &Me, act: &'static str, room: RoomId, user: UserId) -> Note {
    Note::by(me, act).on(format_args!("user:{user}")).with("room", room.0)
}

fn give(tx: &mut Tx<'_>, me: &Me, facts: &Facts, user: UserId, role: Role) -> Result<()> {
    if users::show(tx, me, user)?.guest {
        return Err(StoreError::Conflict("a guest has no other role"));
    }
    let other_owners = tx.number(
        "select count(*) from members
         where room = $1 and role = 2 and left_seq is null and person <> $2",
        params![facts.id, user],
    )?;
    if other_owners == 0
        && role != Role::Owner
        && self::role(tx, facts.id, user)? == Some(Role::Owner)
    {
        return Err(StoreError::Conflict("a room keeps an owner"));
    }
    let mut change = Change::begin(tx, facts)?;
    tx.exec(
        "update members set role = $1, rev = $2 where room = $3 and person = $4",
        params![stored(role), change.seq, facts.id, user],
    )?;
    audit::note(tx, &noted(me, "member_role", facts.id, user).with("role", json!(role)))?;
    change.notice(tx, "role", Some(user), me.user)?;
    change.rows(row(tx, facts.id, user)?.map(Row::Member));
    change.finish(tx)?;
    Ok(())
}

/// The members of a room, with the people themselves, by id.
pub fn list(
    read: &mut Read<'_>,
    me: &Me,
    room: RoomId,
    after: Option<&str>,
    limit: usize,
) -> Result<Rows> {
    let facts = rooms::facts(read, room)?.ok_or(StoreError::NotFound("room"))?;
    access::may(read, me, Act::See, &facts)?;
    let after = pages::number(after)?.unwrap_or(0);
    let found = read.all(
        "select room, person, role, joined_seq, left_seq, muted_until, rev from members
         where room = $1 and left_seq is null and person > $2 order by person limit $3",
        params![room, after, pages::beyond(limit)],
        member,
    )?;
    let (found, next) = pages::cut(found, limit, |last| last.user.to_string());
    let people = users::rows(read, found.iter().map(|member| member.user))?;
    Ok(Rows { rows: found.into_iter().map(Row::Member).chain(people).collect(), next })
}

/// Everyone in a room.
pub(super) fn people(read: &mut Read<'_>, room: RoomId) -> Result<Vec<UserId>> {
    read.all(
        "select person from members where room = $1 and left_seq is null order by person",
        params![room],
        |row| row.get(0),
    )
}

/// Somebody's role, if they are a member.
pub(super) fn role(read: &mut Read<'_>, room: RoomId, user: UserId) -> Result<Option<Role>> {
    read.one(
        "select role from members where room = $1 and person = $2 and left_seq is null",
        params![room, user],
        |row| row.get(0).map(access::role),
    )
}

/// A membership, past ones too.
pub(super) fn row(read: &mut Read<'_>, room: RoomId, user: UserId) -> Result<Option<Member>> {
    read.one(
        "select room, person, role, joined_seq, left_seq, muted_until, rev from members
         where room = $1 and person = $2",
        params![room, user],
        member,
    )
}

/// Reads the columns in the order in which every query of members names them.
pub(super) fn member(row: &Record<'_>) -> Outcome<Member> {
    Ok(Member {
        room: row.get(0)?,
        user: row.get(1)?,
        role: access::role(row.get(2)?),
        joined_seq: row.get(3)?,
        left_seq: row.get(4)?,
        muted_until: row.get(5)?,
        rev: row.get(6)?,
    })
}

/// As stored.
fn stored(role: Role) -> i64 {
    match role {
        Role::Member => 0,
        Role::Admin => 1,
        Role::Owner => 2,
    }
}
