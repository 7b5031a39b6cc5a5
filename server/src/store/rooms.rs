//! Rooms: making, changing, leaving and deleting them.

use super::audit::{self, Note};
use super::change::Change;
use super::engine::{Outcome, Record};
use super::ops::Done;
use super::{
    Me, Once, Read, Result, StoreError, Tx, ephemeral, jobs, members, ops, own, tenants, users,
};
use crate::access::{self, Act, TenantAct};
use crate::params;
use hallway_protocol::ids::{Key, Millis, RoomId, Seq, TenantId, UserId};
use hallway_protocol::rest::{NewRoom, NewRoomKind};
use hallway_protocol::rows::{History, MineState, Role, Room, RoomKind, Row, Visibility};
use hallway_protocol::text::folded;

/// A query of whole rooms, read by [`room_row`]; what follows `from rooms` is its argument.
macro_rules! select_rooms {
    ($rest:literal) => {
        concat!(
            "select id, kind, name, topic, visibility, history, ephemeral, sealed, announce, \
             slow_seconds, archived_at, retention_days, kept_from, deleted_at, rev from rooms ",
            $rest
        )
    };
}
pub(super) use select_rooms;

/// Members whose lists are changed in the transaction that deletes a room; more are a job.
const AT_ONCE: usize = 400;

/// What deciding and numbering need of a room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Facts {
    /// The room.
    pub id: RoomId,
    /// Whose.
    pub tenant: TenantId,
    /// Direct, group or channel.
    pub kind: RoomKind,
    /// Public or private.
    pub visibility: Visibility,
    /// From where newcomers read.
    pub history: History,
    /// Last number of its log.
    pub head: Seq,
    /// Its last countable message.
    pub last_n: i64,
    /// From how many of its people it is hidden.
    pub hidden: i64,
    /// Its admins alone post.
    pub announce: bool,
    /// Between two messages of one member.
    pub slow_seconds: i64,
    /// It is put away.
    pub archived: bool,
    /// What was below it has expired.
    pub kept_from: Seq,
    /// Its members.
    pub size: i64,
    /// It is gone.
    pub deleted: bool,
}

/// A room's facts.
pub fn facts(read: &mut Read<'_>, room: RoomId) -> Result<Option<Facts>> {
    read.one(
        "select id, tenant, kind, visibility, history, head, last_n, hidden, deleted_at, announce,
            slow_seconds, archived_at, kept_from, size
         from rooms where id = $1",
        params![room],
        facts_row,
    )
}

/// The same under the room's lock: a job that did not declare the room is run again with it.
pub fn lock(tx: &mut Tx<'_>, room: RoomId) -> Result<Facts> {
    tx.hold_room(room)?;
    facts(tx, room)?.ok_or(StoreError::NotFound("room"))
}

pub(super) fn facts_row(row: &Record<'_>) -> Outcome<Facts> {
    Ok(Facts {
        id: row.get(0)?,
        tenant: row.get(1)?,
        kind: kind(&row.get::<String>(2)?),
        visibility: visibility(&row.get::<String>(3)?),
        history: history(&row.get::<String>(4)?),
        head: row.get(5)?,
        last_n: row.get(6)?,
        hidden: row.get(7)?,
        deleted: row.get::<Option<Millis>>(8)?.is_some(),
        announce: row.get(9)?,
        slow_seconds: row.get(10)?,
        archived: row.get::<Option<Millis>>(11)?.is_some(),
        kept_from: row.get(12)?,
        size: row.get(13)?,
    })
}

/// From whom a direct room is hidden.
pub fn hidden_from(read: &mut Read<'_>, room: RoomId) -> Result<Vec<UserId>> {
    read.all(
        "select m.person from members m left join mine i on i.person = m.person and i.room = m.room
         where m.room = $1 and m.left_seq is null and (i.state is null or i.state <> 'joined')
         order by m.person",
        params![room],
        |row| row.get(0),
    )
}

/// A room as its people see it. `me` only names who asks: whoever calls has decided already.
pub(super) fn row(read: &mut Read<'_>, me: &Me, room: RoomId) -> Result<Room> {
    read.one(select_rooms!("where id = $1 and tenant = $2"), params![room, me.tenant], room_row)?
        .ok_or(StoreError::NotFound("room"))
}

/// A room's row, whoever asks.
pub(super) fn any(read: &mut Read<'_>, room: RoomId) -> Result<Option<Room>> {
    read.one(select_rooms!("where id = $1"), params![room], room_row)
}

/// A room I see.
pub fn show(read: &mut Read<'_>, me: &Me, room: RoomId) -> Result<Room> {
    let facts = facts(read, room)?.ok_or(StoreError::NotFound("room"))?;
    access::may(read, me, Act::See, &facts)?;
    row(read, me, room)
}

/// The answer to a key done before: the room as it is now, and to somebody who is out of it since
/// nothing but its number.
pub(super) fn again(read: &mut Read<'_>, me: &Me, room: RoomId) -> Result<Once<Room>> {
    let seen = match facts(read, room)? {
        Some(facts) => access::sees(read, me, &facts)?,
        None => None,
    };
    let answer = match seen {
        Some(_) => row(read, me, room)?,
        None => Room {
            room,
            kind: RoomKind::Group,
            name: String::new(),
            topic: String::new(),
            visibility: Visibility::Private,
            history: History::All,
            ephemeral: false,
            sealed: false,
            announce: false,
            slow_seconds: 0,
            archived: false,
            retention_days: None,
            kept_from: 0,
            deleted: false,
            rev: 0,
        },
    };
    Ok(Once { again: true, answer })
}

/// Makes a room; `new` keeps the limits.
pub fn create(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, new: &NewRoom) -> Result<Once<Room>> {
    let key = key.or(new.key.as_ref());
    if let Some(done) = ops::first(tx, me, key, "room", "")? {
        let room = done.room.ok_or(StoreError::NotFound("room"))?;
        return again(tx, me, room);
    }
    access::may_in_tenant(me, TenantAct::Rooms)?;
    let mut people: Vec<UserId> = new.members.iter().copied().chain([me.user]).collect();
    people.sort_unstable();
    people.dedup();
    known_people(tx, me, &people, "members")?;
    let (answer, seq) = make(tx, me, new, &people)?;
    ops::keep(tx, me, key, "room", "", Some(Done::change(answer.room, seq)))?;
    Ok(Once { again: false, answer })
}

/// The room itself, of these people, the maker its owner; and the number of its first change.
pub(super) fn make(
    tx: &mut Tx<'_>,
    me: &Me,
    new: &NewRoom,
    people: &[UserId],
) -> Result<(Room, Seq)> {
    tx.hold_people(people)?;
    let room = insert(tx, me, new)?;
    tx.made_room(room);
    let facts = facts(tx, room)?.ok_or(StoreError::NotFound("room"))?;
    let mut change = Change::begin(tx, &facts)?;
    for person in people {
        let role = if *person == me.user { Role::Owner } else { Role::Member };
        members::put(tx, &mut change, *person, role)?;
        change.rows(members::row(tx, room, *person)?.map(Row::Member));
        change.enters(*person, 1);
    }
    let answer = row(tx, me, room)?;
    change.row(Row::Room(answer.clone()));
    change.notice(tx, "created", None, me.user)?;
    change.rows(users::rows(tx, people.iter().copied())?);
    let seq = change.seq;
    change.finish(tx)?;
    for person in people {
        own::stand(tx, *person, room, MineState::Joined, seq)?;
    }
    if new.ephemeral {
        ephemeral::watch(tx, me.tenant, room)?;
    }
    Ok((answer, seq))
}

fn insert(tx: &mut Tx<'_>, me: &Me, new: &NewRoom) -> Result<RoomId> {
    let room = RoomId(tenants::free(tx, "select count(*) from rooms where id = $1")?);
    let (kind, default) = match new.kind {
        NewRoomKind::Group => ("group", Visibility::Private),
        NewRoomKind::Channel => ("channel", Visibility::Public),
    };
    let now = tx.now();
    tx.exec(
        "insert into rooms (id, tenant, kind, name, name_folded, topic, visibility, history,
            ephemeral, sealed, people, hidden, code, head, last_n, base, rev, created_at, deleted_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, null, 0, null, 0, 0, 0, 1, $11, null)",
        params![
            room,
            me.tenant,
            kind,
            &new.name,
            &folded(&new.name),
            new.topic.as_deref().unwrap_or_default(),
            visibility_text(new.visibility.unwrap_or(default)),
            history_text(new.history.unwrap_or_default()),
            new.ephemeral,
            new.sealed,
            now
        ],
    )?;
    Ok(room)
}

/// Deletes a room. Nobody sees it from here on; a job takes it out of large rooms' members' lists
/// and erases what was said.
pub fn destroy(tx: &mut Tx<'_>, me: &Me, key: Option<&Key>, room: RoomId) -> Result<Once<()>> {
    let facts = lock(tx, room)?;
    let target = room.to_string();
    if ops::first(tx, me, key, "room-delete", &target)?.is_some() {
        return Ok(Once { again: true, answer: () });
    }
    access::may(tx, me, Act::Destroy, &facts)?;
    end(tx, &facts)?;
    audit::note(tx, &Note::by(me, "room_deleted").on(format_args!("room:{room}")))?;
    ops::keep(tx, me, key, "room-delete", &target, None)?;
    Ok(Once { again: false, answer: () })
}

/// The end of a room whose lock is held.
pub(super) fn end(tx: &mut Tx<'_>, facts: &Facts) -> Result<()> {
    let room = facts.id;
    let people = members::people(tx, room)?;
    let at_once = people.len() <= AT_ONCE;
    if at_once {
        tx.hold_people(&people)?;
    }
    let mut change = Change::begin(tx, facts)?;
    let now = tx.now();
    tx.exec(
        "update rooms set deleted_at = $1, rev = $2, code = null, topic = '' where id = $3",
        params![now, change.seq, room],
    )?;
    change.rows(any(tx, room)?.map(Row::Room));
    change.closes();
    change.finish(tx)?;
    if at_once {
        for person in people {
            own::stand(tx, person, room, MineState::Deleted, 0)?;
        }
    }
    let target = room.to_string();
    jobs::enqueue(tx, Some(facts.tenant), jobs::Kind::EraseRoom, &target, Some(&target))
}

/// Refuses when one of them is not an open account of the tenant (a guest has none, and sees one
/// room alone); `field` is named.
pub(super) fn known_people(
    read: &mut Read<'_>,
    me: &Me,
    people: &[UserId],
    field: &'static str,
) -> Result<()> {
    let ids: Vec<i64> = people.iter().map(|person| person.0).collect();
    let known = read.number(
        "select count(*) from users
         where tenant = $1 and id in (select value from rarray($2)) and deleted_at is null
            and guest = 0",
        params![me.tenant, &ids],
    )?;
    if usize::try_from(known) == Ok(ids.len()) {
        return Ok(());
    }
    Err(StoreError::Invalid(field, "names somebody who is not here".into()))
}

/// Reads the columns in the order in which every query of rooms names them.
pub(super) fn room_row(row: &Record<'_>) -> Outcome<Room> {
    Ok(Room {
        room: row.get(0)?,
        kind: kind(&row.get::<String>(1)?),
        name: row.get(2)?,
        topic: row.get(3)?,
        visibility: visibility(&row.get::<String>(4)?),
        history: history(&row.get::<String>(5)?),
        ephemeral: row.get(6)?,
        sealed: row.get(7)?,
        announce: row.get(8)?,
        slow_seconds: row.get(9)?,
        archived: row.get::<Option<Millis>>(10)?.is_some(),
        retention_days: row.get(11)?,
        // From the first on is from anywhere on: a row leaves that out.
        kept_from: row.get::<Seq>(12).map(|from| if from > 1 { from } else { 0 })?,
        deleted: row.get::<Option<Millis>>(13)?.is_some(),
        rev: row.get(14)?,
    })
}

pub(super) fn kind(stored: &str) -> RoomKind {
    match stored {
        "direct" => RoomKind::Direct,
        "channel" => RoomKind::Channel,
        _ => RoomKind::Group,
    }
}

pub(super) fn visibility(stored: &str) -> Visibility {
    if stored == "public" { Visibility::Public } else { Visibility::Private }
}

pub(super) fn visibility_text(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => "public",
        Visibility::Private => "private",
    }
}

fn history(stored: &str) -> History {
    if stored == "joined" { History::Joined } else { History::All }
}

pub(super) fn history_text(history: History) -> &'static str {
    match history {
        History::All => "all",
        History::Joined => "joined",
    }
}

/// A join code as it is stored and compared: case and hyphens are ignored.
pub(super) fn folded_code(code: &str) -> String {
    let kept = code.chars().filter(|c| !c.is_whitespace() && !c.is_control() && *c != '-');
    kept.flat_map(char::to_uppercase).collect()
}
