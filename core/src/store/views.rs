//! Views: what a person sees. Confirmed rows, overlaid by the room's pending operations in outbox
//! order; the overlay is made when it is looked at and never written, so taking an operation back
//! is deleting it.

use super::outbox::{self, Which};
use super::{Sql, unread};
use crate::feed::{
    Account, MemberView, MessageView, Pending, PersonView, ReactionView, ReplyView, RoomView,
    ThreadView,
};
use crate::op::{Act, Op, State};
use hallway_protocol::ids::{RoomId, Seq, UserId};
use hallway_protocol::rest::Receipt;
use hallway_protocol::rows::{MessageKind, TenantRole};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;

/// The value of a wire word; a word nobody knows is the least of them.
pub(crate) fn read_word<T: DeserializeOwned>(word: &str, least: T) -> T {
    serde_json::from_value(serde_json::Value::String(word.to_owned())).unwrap_or(least)
}

fn from_json<T: DeserializeOwned + Default>(row: &Row<'_>, column: &str) -> Sql<T> {
    Ok(serde_json::from_str(row.get_ref(column)?.as_str()?).unwrap_or_default())
}

fn confirmed(row: &Row<'_>, me: UserId) -> Sql<MessageView> {
    let (room, seq): (i64, Seq) = (row.get("room")?, row.get("seq")?);
    let sender = UserId(row.get("sender")?);
    let place = format!("{room}:{seq}");
    let key = row.get::<_, Option<String>>("key")?.unwrap_or_else(|| place.clone());
    let system = row.get_ref("kind")?.as_str()? == "system";
    let reply = match row.get::<_, Option<Seq>>("reply")? {
        None => None,
        Some(seq) => Some(ReplyView {
            seq,
            sender: UserId(row.get::<_, Option<i64>>("reply_sender")?.unwrap_or_default()),
            text: row.get::<_, Option<String>>("reply_text")?.unwrap_or_default(),
            deleted: row.get::<_, Option<bool>>("reply_deleted")?.unwrap_or_default(),
        }),
    };
    Ok(MessageView {
        id: if sender == me { key.clone() } else { place },
        key,
        room: RoomId(room),
        seq: Some(seq),
        n: row.get("n")?,
        sender,
        at: row.get("at")?,
        kind: if system { MessageKind::System } else { MessageKind::Text },
        text: row.get("text")?,
        body: Vec::new(),
        reply,
        thread: row.get("thread")?,
        replies: None,
        files: from_json(row, "files")?,
        edited: row.get::<_, Option<i64>>("edited_at")?.is_some(),
        deleted: row.get("deleted")?,
        pinned: row.get("pinned")?,
        mentions: from_json(row, "mentions")?,
        everyone: row.get("everyone")?,
        meta: from_json(row, "meta")?,
        reactions: Vec::new(),
        state: None,
        error: None,
        change: None,
        pending_edit: false,
    })
}

/// A count as SQLite takes it.
pub(crate) fn count_of(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Which part of a room's confirmed messages.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    /// The newest below a number.
    Below(Seq, usize),
    /// The oldest from a number on.
    From(Seq, usize),
}

const SELECT: &str = "select m.*, q.sender as reply_sender, q.text as reply_text,
        q.deleted as reply_deleted
    from messages m left join messages q on q.room = m.room and q.seq = m.reply";

/// Confirmed messages of a part, oldest first, under the overlay.
pub(crate) fn part(
    conn: &Connection,
    me: UserId,
    room: RoomId,
    part: Part,
) -> Sql<Vec<MessageView>> {
    let (condition, seq, limit) = match part {
        Part::Below(seq, limit) => ("m.seq < ?2 order by m.seq desc", seq, limit),
        Part::From(seq, limit) => ("m.seq >= ?2 order by m.seq", seq, limit),
    };
    let mut statement =
        conn.prepare_cached(&format!("{SELECT} where m.room = ?1 and {condition} limit ?3"))?;
    let mut rows: Vec<MessageView> = statement
        .query_map(params![room.0, seq, count_of(limit)], |row| confirmed(row, me))?
        .collect::<Sql<_>>()?;
    if matches!(part, Part::Below(..)) {
        rows.reverse();
    }
    dress(conn, me, room, &mut rows)?;
    Ok(rows)
}

/// These confirmed messages, under the overlay.
pub(crate) fn messages(
    conn: &Connection,
    me: UserId,
    room: RoomId,
    seqs: &[Seq],
) -> Sql<Vec<MessageView>> {
    let mut statement =
        conn.prepare_cached(&format!("{SELECT} where m.room = ?1 and m.seq = ?2"))?;
    let mut rows = Vec::with_capacity(seqs.len());
    for seq in seqs {
        rows.extend(statement.query_row([room.0, *seq], |row| confirmed(row, me)).optional()?);
    }
    dress(conn, me, room, &mut rows)?;
    Ok(rows)
}

/// Adds reactions and the overlay.
fn dress(conn: &Connection, me: UserId, room: RoomId, rows: &mut [MessageView]) -> Sql<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let ops = outbox::list(conn, Which::Changes(room))?;
    let mut statement = conn.prepare_cached(
        "select emoji, user from reactions where room = ?1 and seq = ?2 and held = 1
         order by rev, user",
    )?;
    for row in rows {
        let Some(seq) = row.seq else { continue };
        let mut reactions = statement.query([room.0, seq])?;
        while let Some(found) = reactions.next()? {
            react(&mut row.reactions, me, UserId(found.get(1)?), &found.get::<_, String>(0)?, true);
        }
        if row.thread.is_none() {
            row.replies = thread(conn, room, seq)?;
        }
        for op in ops.iter().filter(|op| op.concerns(Some(seq), None)) {
            overlay(row, me, op);
        }
    }
    Ok(())
}

/// Asked for each message that is drawn. By itself SQLite reads the whole room, for that is one column
/// of the primary key.
pub(crate) const THREAD: &str = "select count(*) as count, max(seq) as last, at, sender
    from messages indexed by messages_thread where room = ?1 and thread = ?2 and deleted = 0";

/// How the thread of a message stands. With one `max`, SQLite answers the other columns of its row.
fn thread(conn: &Connection, room: RoomId, root: Seq) -> Sql<Option<ThreadView>> {
    conn.prepare_cached(THREAD)?.query_row([room.0, root], |row| {
        let Some(last) = row.get("last")? else { return Ok(None) };
        let (count, at) = (row.get("count")?, row.get("at")?);
        Ok(Some(ThreadView { count, last, at, last_sender: UserId(row.get("sender")?) }))
    })
}

fn react(reactions: &mut Vec<ReactionView>, me: UserId, user: UserId, emoji: &str, on: bool) {
    let at = reactions.iter().position(|reaction| reaction.emoji == emoji);
    match at {
        Some(at) => {
            let reaction = &mut reactions[at];
            reaction.users.retain(|known| *known != user);
            if on {
                reaction.users.push(user);
            }
            reaction.mine = reaction.users.contains(&me);
            if reaction.users.is_empty() {
                reactions.remove(at);
            }
        }
        None if on => reactions.push(ReactionView {
            emoji: emoji.to_owned(),
            users: vec![user],
            mine: user == me,
        }),
        None => {}
    }
}

/// One pending operation over a message. What failed is taken back; its error stays to be seen.
fn overlay(row: &mut MessageView, me: UserId, op: &Op) {
    if op.state == State::Failed {
        row.error = op.error.clone();
        row.change = row.seq.map(|_| op.key.to_string());
        return;
    }
    match &op.act {
        Act::Edit { text } => {
            (row.text, row.edited, row.pending_edit) = (text.clone(), true, true);
        }
        Act::Delete => {
            (row.text, row.deleted, row.pending_edit) = (String::new(), true, true);
            row.reactions.clear();
        }
        Act::React { emoji, on } => react(&mut row.reactions, me, me, emoji, *on),
        Act::Pin { on } => row.pinned = *on,
        _ => {}
    }
}

/// The pending messages of a room, in the order they were written.
pub(crate) fn pending(conn: &Connection, me: UserId, room: RoomId) -> Sql<Vec<MessageView>> {
    unconfirmed(conn, me, outbox::list(conn, Which::Sends(room))?)
}

/// The pending messages of all rooms.
pub(crate) fn all_pending(conn: &Connection, me: UserId) -> Sql<Vec<MessageView>> {
    unconfirmed(conn, me, outbox::list(conn, Which::AllSends)?)
}

/// The pending message with this key.
pub(crate) fn pending_one(conn: &Connection, me: UserId, key: &str) -> Sql<Option<MessageView>> {
    Ok(unconfirmed(conn, me, outbox::list(conn, Which::Send(key))?)?.pop())
}

fn unconfirmed(conn: &Connection, me: UserId, sends: Vec<Op>) -> Sql<Vec<MessageView>> {
    let held: i64 =
        super::fact(conn, "held")?.and_then(|held| held.parse().ok()).unwrap_or_default();
    let mut rows = Vec::with_capacity(sends.len());
    for op in sends {
        let state = state(&op, held);
        let Act::Send { text, reply, thread, .. } = op.act else { continue };
        let mut row = MessageView {
            id: op.key.to_string(),
            key: op.key.to_string(),
            room: op.room,
            seq: None,
            n: 0,
            sender: me,
            at: op.at,
            kind: MessageKind::Text,
            text,
            body: Vec::new(),
            reply: reply.map(|seq| quote(conn, op.room, seq)).transpose()?,
            thread,
            replies: None,
            files: Vec::new(),
            edited: false,
            deleted: false,
            pinned: false,
            mentions: Vec::new(),
            everyone: false,
            meta: serde_json::Map::new(),
            reactions: Vec::new(),
            state: Some(state),
            error: op.error,
            change: None,
            pending_edit: false,
        };
        for later in outbox::list(conn, Which::Needs(op.key.as_str()))? {
            if later.concerns(None, Some(&op.key)) {
                overlay(&mut row, me, &later);
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

fn state(op: &Op, held: i64) -> Pending {
    match op.state {
        State::Queued if held > 0 && op.op <= held => Pending::Waiting,
        State::Queued => Pending::Queued,
        State::Blocked => Pending::Blocked,
        State::Sending | State::Settled => Pending::Sending,
        State::Waiting => Pending::Waiting,
        State::Failed => Pending::Failed,
    }
}

fn quote(conn: &Connection, room: RoomId, seq: Seq) -> Sql<ReplyView> {
    let found = conn
        .prepare_cached("select sender, text, deleted from messages where room = ?1 and seq = ?2")?
        .query_row([room.0, seq], |row| {
            Ok(ReplyView {
                seq,
                sender: UserId(row.get(0)?),
                text: row.get(1)?,
                deleted: row.get(2)?,
            })
        })
        .optional()?;
    Ok(found.unwrap_or(ReplyView { seq, sender: UserId(0), text: String::new(), deleted: false }))
}

/// A person.
pub(crate) fn person(row: &Row<'_>) -> Sql<PersonView> {
    Ok(PersonView {
        user: UserId(row.get("user")?),
        name: row.get("name")?,
        display_name: row.get("display_name")?,
        avatar: row.get("avatar")?,
        status: row.get("status")?,
        bot: row.get("bot")?,
        guest: row.get("guest")?,
        deleted: row.get("deleted")?,
    })
}

/// These people, as far as they are known.
pub(crate) fn people(
    conn: &Connection,
    users: impl IntoIterator<Item = UserId>,
) -> Sql<Vec<PersonView>> {
    let mut statement = conn.prepare_cached("select * from users where user = ?1")?;
    let mut out = Vec::new();
    for user in users.into_iter().collect::<BTreeSet<_>>() {
        out.extend(statement.query_row([user.0], person).optional()?);
    }
    Ok(out)
}

/// All people known.
pub(crate) fn everybody(conn: &Connection) -> Sql<Vec<PersonView>> {
    conn.prepare_cached("select * from users order by user")?.query_map([], person)?.collect()
}

/// An account, by what its store says of its person and its server.
pub(crate) fn account(conn: &Connection, bare: Account) -> Sql<Account> {
    let me = bare.user;
    let role: Option<String> = conn
        .prepare_cached("select role from users where user = ?1")?
        .query_row([me.0], |row| row.get(0))
        .optional()?
        .flatten();
    let server_name = super::fact(conn, "server_name")?.unwrap_or_default();
    let role = read_word(&role.unwrap_or_default(), TenantRole::Member);
    let known = Account { server_name, role, ..bare };
    Ok(match people(conn, [me])?.pop() {
        Some(PersonView { name, display_name, .. }) => Account { name, display_name, ..known },
        None => known,
    })
}

/// Members of a room that are in it.
pub(crate) fn members(conn: &Connection, room: RoomId) -> Sql<Vec<MemberView>> {
    conn.prepare_cached(
        "select user, role from members where room = ?1 and left_seq is null order by user",
    )?
    .query_map([room.0], |row| {
        let role = read_word(row.get_ref(1)?.as_str()?, hallway_protocol::rows::Role::Member);
        Ok(MemberView { user: UserId(row.get(0)?), role })
    })?
    .collect()
}

/// How far the members of a room had read and received when that was last heard.
pub(crate) fn receipts(conn: &Connection, room: RoomId) -> Sql<Vec<Receipt>> {
    conn.prepare_cached("select user, read, delivered from receipts where room = ?1 order by user")?
        .query_map([room.0], |row| {
            Ok(Receipt { user: UserId(row.get(0)?), read: row.get(1)?, delivered: row.get(2)? })
        })?
        .collect()
}

/// How many unread messages a room would show with its read mark at `read`.
pub(crate) fn count(
    conn: &Connection,
    me: UserId,
    room: RoomId,
    row: &Row<'_>,
    read: Seq,
) -> Sql<(i64, i64)> {
    let counted = unread::Counted {
        head: row.get("counted")?,
        read: row.get("counted_read")?,
        unread: row.get("unread")?,
        mentions: row.get("mentions")?,
    };
    unread::unread(conn, me, room, counted, read)
}

/// All rooms, or one, as their member sees them; those being left are left out.
pub(crate) fn rooms(conn: &Connection, me: UserId, only: Option<RoomId>) -> Sql<Vec<RoomView>> {
    super::room_views::list(conn, me, only)
}
