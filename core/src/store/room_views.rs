//! The view of a room: its row, my row about it, the unread numbers, and what the outbox will make
//! of them.

use super::{Sql, outbox, views};
use crate::feed::RoomView;
use crate::op::{Act, Op, State};
use hallway_protocol::ids::{RoomId, UserId};
use hallway_protocol::rows::{History, Notify, Role, RoomKind, Visibility};
use rusqlite::{Connection, OptionalExtension, Row};

/// One is read after each commit that touches it, whatever the number of rooms.
pub(super) const ONE: &str = "select * from rooms where room = ?1";
const ALL: &str = "select * from rooms order by room";

/// All rooms, or one; those being left are left out.
pub(super) fn list(conn: &Connection, me: UserId, only: Option<RoomId>) -> Sql<Vec<RoomView>> {
    let mut statement = conn.prepare_cached(match only {
        Some(_) => ONE,
        None => ALL,
    })?;
    let mut rows = match only {
        Some(room) => statement.query([room.0])?,
        None => statement.query([])?,
    };
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        let id = RoomId(row.get("room")?);
        let changes = outbox::list(conn, outbox::Which::Changes(id))?;
        let door = |op: &&Op| matches!(op.act, Act::Join | Act::Leave) && op.state != State::Failed;
        if changes.iter().rfind(door).is_none_or(|op| op.act == Act::Join) {
            out.push(view(conn, me, id, row, &changes)?);
        }
    }
    Ok(out)
}

fn view(
    conn: &Connection,
    me: UserId,
    room: RoomId,
    row: &Row<'_>,
    changes: &[Op],
) -> Sql<RoomView> {
    let state: String = row.get("state")?;
    let kind = views::read_word(row.get_ref("kind")?.as_str()?, RoomKind::Group);
    let (name, people) = match kind {
        RoomKind::Direct => direct(conn, me, room)?,
        _ => (row.get("name")?, Vec::new()),
    };
    let unsent = outbox::unsent(conn, room)?;
    let mut view = RoomView {
        room,
        kind,
        name,
        topic: row.get("topic")?,
        visibility: views::read_word(row.get_ref("visibility")?.as_str()?, Visibility::Private),
        history: views::read_word(row.get_ref("history")?.as_str()?, History::All),
        role: role(conn, me, room)?,
        people,
        unread: 0,
        mentions: 0,
        unread_mark: row.get("unread_mark")?,
        notify: views::read_word(row.get_ref("notify")?.as_str()?, Notify::All),
        muted_until: row.get("muted_until")?,
        favourite: row.get("favourite")?,
        draft: row.get("draft")?,
        read: row.get("read")?,
        head: row.get("head")?,
        last_at: last_at(conn, room)?.max(unsent.at),
        pending: unsent.pending,
        failed: unsent.failed,
        gone: (state != "joined").then_some(state),
    };
    for op in changes.iter().filter(|op| op.state != State::Failed) {
        overlay(&mut view, op);
    }
    let word = changes.iter().rfind(|op| op.word().is_some()).map_or(0, |op| op.op);
    if let Some(draft) = &view.draft
        && outbox::hides(conn, room, word, draft)?
    {
        view.draft = None;
    }
    if view.gone.is_none() {
        (view.unread, view.mentions) = views::count(conn, me, room, row, view.read)?;
    }
    Ok(view)
}

/// What a pending operation makes of the room.
fn overlay(view: &mut RoomView, op: &Op) {
    match &op.act {
        Act::Read { seq } => {
            // A mark that rises takes the one set by hand along, here as on the server.
            view.unread_mark &= *seq <= view.read;
            view.read = view.read.max(*seq);
        }
        Act::Mine { patch } => {
            view.notify = patch.notify.unwrap_or(view.notify);
            view.favourite = patch.favourite.unwrap_or(view.favourite);
            view.unread_mark = patch.unread_mark.unwrap_or(view.unread_mark);
            view.muted_until = patch.muted_until.unwrap_or(view.muted_until);
            if let Some(draft) = &patch.draft {
                view.draft.clone_from(draft);
            }
        }
        _ => {}
    }
}

/// A direct room is called by the others' names.
fn direct(conn: &Connection, me: UserId, room: RoomId) -> Sql<(String, Vec<UserId>)> {
    let mut statement = conn.prepare_cached(
        "select m.user, u.display_name, u.name from members m left join users u on u.user = m.user
         where m.room = ?1 and m.user <> ?2 order by m.user",
    )?;
    let mut rows = statement.query([room.0, me.0])?;
    let (mut names, mut people) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        people.push(UserId(row.get(0)?));
        let display: Option<String> = row.get(1)?;
        let name: Option<String> = row.get(2)?;
        names.extend(display.filter(|name| !name.is_empty()).or(name));
    }
    Ok((names.join(", "), people))
}

fn role(conn: &Connection, me: UserId, room: RoomId) -> Sql<Role> {
    let role: Option<String> = conn
        .prepare_cached("select role from members where room = ?1 and user = ?2")?
        .query_row([room.0, me.0], |row| row.get(0))
        .optional()?;
    Ok(role.map_or(Role::Member, |role| views::read_word(&role, Role::Member)))
}

fn last_at(conn: &Connection, room: RoomId) -> Sql<i64> {
    let said: Option<i64> = conn
        .prepare_cached("select at from messages where room = ?1 order by seq desc limit 1")?
        .query_row([room.0], |row| row.get(0))
        .optional()?;
    Ok(said.unwrap_or_default())
}
