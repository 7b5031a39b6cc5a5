//! Direct rooms: the one room of exactly these people. It is found by the sorted list of them,
//! which is unique in the tenant, so two who begin it at once begin the same.

use super::change::Change;
use super::rooms::{self, Facts};
use super::{Event, Me, Once, Result, StoreError, Tx, members, own, tenants, users};
use crate::access::{self, TenantAct};
use crate::params;
use hallway_protocol::ids::{RoomId, UserId};
use hallway_protocol::limits::DIRECT_MAX;
use hallway_protocol::rows::{MineState, Role, Room, Row};

/// The room of these people and me. It appears to the others with its first message. There is no
/// key: the people are the key, and `again` says that the room was there.
pub fn open(tx: &mut Tx<'_>, me: &Me, others: &[UserId]) -> Result<Once<Room>> {
    access::may_in_tenant(me, TenantAct::Rooms)?;
    let mut people: Vec<UserId> = others.iter().copied().chain([me.user]).collect();
    people.sort_unstable();
    people.dedup();
    if people.len() < 2 || people.len() > DIRECT_MAX + 1 {
        return Err(StoreError::Invalid("users", format!("must be 1 to {DIRECT_MAX} others")));
    }
    tx.hold_people(&[me.user])?;
    if let Some(room) = find(tx, me, &people)? {
        return seen(tx, me, room);
    }
    rooms::known_people(tx, me, &people, "users")?;
    let Some(room) = insert(tx, me, &people)? else {
        let room = find(tx, me, &people)?.ok_or(StoreError::Busy)?;
        return seen(tx, me, room);
    };
    tx.made_room(room);
    let facts = rooms::facts(tx, room)?.ok_or(StoreError::NotFound("room"))?;
    let mut change = Change::begin(tx, &facts)?;
    for person in &people {
        members::put(tx, &mut change, *person, Role::Member)?;
        change.rows(members::row(tx, room, *person)?.map(Row::Member));
    }
    change.row(Row::Room(rooms::row(tx, me, room)?));
    change.rows(users::rows(tx, people)?);
    change.enters(me.user, 1);
    change.finish(tx)?;
    own::stand(tx, me.user, room, MineState::Joined, 1)?;
    Ok(Once { again: false, answer: rooms::row(tx, me, room)? })
}

fn insert(tx: &mut Tx<'_>, me: &Me, people: &[UserId]) -> Result<Option<RoomId>> {
    let room = RoomId(tenants::free(tx, "select count(*) from rooms where id = $1")?);
    let now = tx.now();
    let hidden = people.len() as i64 - 1;
    let done = tx.exec(
        "insert into rooms (id, tenant, kind, name, name_folded, topic, visibility, history,
            ephemeral, sealed, people, hidden, code, head, last_n, base, rev, created_at, deleted_at)
         values ($1, $2, 'direct', '', '', '', 'private', 'all', 0, 0, $3, $4, null, 0, 0, 0, 1, $5,
            null)
         on conflict (tenant, people) do nothing",
        params![room, me.tenant, &listed(people), hidden, now],
    )?;
    Ok((done == 1).then_some(room))
}

fn find(tx: &mut Tx<'_>, me: &Me, people: &[UserId]) -> Result<Option<RoomId>> {
    tx.one(
        "select id from rooms where tenant = $1 and people = $2",
        params![me.tenant, &listed(people)],
        |row| row.get(0),
    )
}

/// Shows the room to me if it was hidden.
fn seen(tx: &mut Tx<'_>, me: &Me, room: RoomId) -> Result<Once<Room>> {
    let facts = rooms::lock(tx, room)?;
    if rooms::hidden_from(tx, room)?.contains(&me.user) {
        tx.exec("update rooms set hidden = hidden - 1 where id = $1", params![room])?;
        let enter = vec![(me.user, 1)];
        tx.emit(Event::Here { room, head: facts.head, enter, leave: Vec::new() });
        own::stand(tx, me.user, room, MineState::Joined, 0)?;
    }
    Ok(Once { again: true, answer: rooms::row(tx, me, room)? })
}

/// Hides the room from me until its next message.
pub(super) fn hide(tx: &mut Tx<'_>, me: &Me, facts: &Facts) -> Result<()> {
    if rooms::hidden_from(tx, facts.id)?.contains(&me.user) {
        return Ok(());
    }
    tx.exec("update rooms set hidden = hidden + 1 where id = $1", params![facts.id])?;
    let leave = vec![me.user];
    tx.emit(Event::Here { room: facts.id, head: facts.head, enter: Vec::new(), leave });
    own::stand(tx, me.user, facts.id, MineState::Left, 0)
}

fn listed(people: &[UserId]) -> String {
    let ids: Vec<String> = people.iter().map(ToString::to_string).collect();
    ids.join(",")
}
