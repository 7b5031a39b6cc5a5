//! A person's own log: rooms joined and left, read marks, what they keep about rooms, their profile
//! and devices. A message never enters it. Every change takes the log's next number, under the
//! lock of the person's row.

use super::engine::{Outcome, Record};
use super::{Event, Me, Read, Result, StoreError, Tx, rooms};
use crate::access::{self, Act};
use crate::params;
use hallway_protocol::ids::{RoomId, Seq, UserId};
use hallway_protocol::limits::UNREAD_MAX;
use hallway_protocol::rest::Why;
use hallway_protocol::rows::{Mine, MineState, Notify, RoomKind, Row};

/// Takes the next number of somebody's own log.
pub fn next(tx: &mut Tx<'_>, user: UserId) -> Result<Seq> {
    tx.hold_people(&[user])?;
    tx.put("update users set head = head + 1 where id = $1 returning head", params![user], |row| {
        row.get(0)
    })?
    .ok_or(StoreError::NotFound("person"))
}

/// The number of the last change of somebody's own log.
pub fn head(read: &mut Read<'_>, user: UserId) -> Result<Seq> {
    read.number("select head from users where id = $1", params![user])
}

/// Publishes one row that took the number `rev`.
pub fn publish(tx: &mut Tx<'_>, user: UserId, rev: Seq, row: Row) {
    tx.emit(Event::Own { user, since: rev - 1, to: rev, rows: vec![row] });
}

/// Sets how a person stands to a room, making the row when it is the first time, and publishes it.
/// Joining starts with nothing unread; what they keep otherwise stays.
pub fn stand(
    tx: &mut Tx<'_>,
    user: UserId,
    room: RoomId,
    state: MineState,
    seen: Seq,
) -> Result<()> {
    let rev = next(tx, user)?;
    tx.exec(
        "insert into mine (person, room, state, seen, delivered, unread_mark, notify, muted_until,
            favourite, draft, rev)
         values ($1, $2, $3, $4, $4, 0, 'all', null, 0, null, $5)
         on conflict (person, room) do update set state = excluded.state, rev = excluded.rev,
            seen = case when excluded.seen > mine.seen then excluded.seen else mine.seen end,
            delivered = case when excluded.seen > mine.delivered then excluded.seen
                else mine.delivered end",
        params![user, room, state_text(state), seen, rev],
    )?;
    show(tx, user, room, rev)
}

/// Publishes the row of a room as it is now.
pub fn show(tx: &mut Tx<'_>, user: UserId, room: RoomId, rev: Seq) -> Result<()> {
    if let Some(mine) = mine(tx, user, room)? {
        publish(tx, user, rev, Row::Mine(mine));
    }
    Ok(())
}

/// A person's read mark in a room.
pub fn seen(read: &mut Read<'_>, user: UserId, room: RoomId) -> Result<Seq> {
    read.number("select seen from mine where person = $1 and room = $2", params![user, room])
}

/// Whether a person has a draft in a room.
pub fn has_draft(read: &mut Read<'_>, user: UserId, room: RoomId) -> Result<bool> {
    let sql = "select count(*) from mine where person = $1 and room = $2 and draft is not null";
    Ok(read.number(sql, params![user, room])? > 0)
}

/// The draft became a message.
pub fn clear_draft(tx: &mut Tx<'_>, user: UserId, room: RoomId) -> Result<()> {
    let rev = next(tx, user)?;
    tx.exec(
        "update mine set draft = null, rev = $1 where person = $2 and room = $3",
        params![rev, user, room],
    )?;
    show(tx, user, room, rev)
}

/// What a person keeps about one room, with the counts of this moment.
pub fn mine(read: &mut Read<'_>, user: UserId, room: RoomId) -> Result<Option<Mine>> {
    let found = read.one(
        "select i.room, i.state, i.seen, i.unread_mark, i.notify, i.muted_until, i.favourite,
            i.draft, i.rev, r.head, r.kind,
            case when r.history = 'joined' and m.joined_seq > r.kept_from
                then m.joined_seq else r.kept_from end, m.left_seq
         from mine i join rooms r on r.id = i.room
            left join members m on m.room = i.room and m.person = i.person
         where i.person = $1 and i.room = $2",
        params![user, room],
        mine_row,
    )?;
    found.map(|found| counted(read, user, found)).transpose()
}

/// A row as stored, with what counting needs.
pub(super) struct Stored {
    pub mine: Mine,
    pub direct: bool,
}

/// Reads the columns of [`mine`].
pub(super) fn mine_row(row: &Record<'_>) -> Outcome<Stored> {
    let state = state(&row.get::<String>(1)?);
    let member = row.get::<Option<Seq>>(12)?.is_none();
    let joined = state == MineState::Joined && member;
    let mine = Mine {
        room: row.get(0)?,
        state,
        head: if joined { row.get(9)? } else { 0 },
        read: row.get(2)?,
        unread: 0,
        mentions: 0,
        unread_mark: row.get(3)?,
        notify: notify(&row.get::<String>(4)?),
        muted_until: row.get(5)?,
        favourite: row.get(6)?,
        draft: row.get(7)?,
        min_seq: row.get::<Option<Seq>>(11)?.unwrap_or(1),
        rev: row.get(8)?,
    };
    Ok(Stored { mine, direct: row.get::<String>(10)? == kind_text(RoomKind::Direct) })
}

/// Fills in unread and mentions; there are none where the person is not.
pub(super) fn counted(read: &mut Read<'_>, user: UserId, stored: Stored) -> Result<Mine> {
    let Stored { mut mine, direct } = stored;
    if mine.state == MineState::Joined {
        let counts = counts(read, user, mine.room, direct, mine.read, mine.min_seq)?;
        (mine.unread, mine.mentions) = counts;
    }
    Ok(mine)
}

/// The unread messages of a person in a room, to 100: the one definition (protocol.md §5).
macro_rules! unread {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            "select seq from messages
             where room = $1 and seq > $2 and kind = 0 and sender <> $3 and deleted_at is null
             order by seq limit $4",
            $after
        )
    };
}

/// Those of them that concern the person. Person 0 stands for everyone. An answer to what one does
/// not see any more concerns nobody, unless it names them as well.
macro_rules! concerning {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            "select distinct n.seq from mentions n
             join messages m on m.room = n.room and m.seq = n.seq
             where n.room = $1 and n.person in (0, $2) and n.seq > $3 and m.sender <> $2
                and m.deleted_at is null
                and (n.person = 0 or m.reply is null or m.reply >= $4
                    or ',' || m.mentions || ',' like $5)
             order by n.seq limit $6",
            $after
        )
    };
}

/// Which messages make the badge of a room: what [`counts`] counts.
pub fn why(read: &mut Read<'_>, me: &Me, room: RoomId) -> Result<Why> {
    let facts = rooms::facts(read, room)?.ok_or(StoreError::NotFound("room"))?;
    let min_seq = access::may(read, me, Act::Mine, &facts)?.min_seq;
    let seen = seen(read, me.user, room)?;
    let after = seen.max(min_seq - 1);
    let seq = |row: &Record<'_>| row.get::<Seq>(0);
    let unread = read.all(unread!("", ""), params![room, after, me.user, UNREAD_MAX], seq)?;
    if facts.kind == RoomKind::Direct {
        return Ok(Why { read: seen, mentions: unread.clone(), unread });
    }
    let named = format!("%,{},%", me.user);
    let asked = params![room, me.user, after, min_seq, &named, UNREAD_MAX];
    let mentions = read.all(concerning!("", ""), asked, seq)?;
    Ok(Why { read: seen, unread, mentions })
}

/// Unread messages and those of them that concern the person (protocol.md §5), each to 100.
pub fn counts(
    read: &mut Read<'_>,
    user: UserId,
    room: RoomId,
    direct: bool,
    seen: Seq,
    min_seq: Seq,
) -> Result<(i64, i64)> {
    let after = seen.max(min_seq - 1);
    let unread = read.number(
        unread!("select count(*) from (", ") as unread"),
        params![room, after, user, UNREAD_MAX],
    )?;
    if direct || unread == 0 {
        return Ok((unread, if direct { unread } else { 0 }));
    }
    let named = format!("%,{user},%");
    let mentions = read.number(
        concerning!("select count(*) from (", ") as concerning"),
        params![room, user, after, min_seq, &named, UNREAD_MAX],
    )?;
    Ok((unread, mentions))
}

/// As stored.
pub fn state_text(state: MineState) -> &'static str {
    match state {
        MineState::Joined => "joined",
        MineState::Left => "left",
        MineState::Removed => "removed",
        MineState::Deleted => "deleted",
    }
}

fn state(stored: &str) -> MineState {
    match stored {
        "joined" => MineState::Joined,
        "removed" => MineState::Removed,
        "deleted" => MineState::Deleted,
        _ => MineState::Left,
    }
}

/// As stored.
pub fn notify_text(notify: Notify) -> &'static str {
    match notify {
        Notify::All => "all",
        Notify::Mentions => "mentions",
        Notify::None => "none",
    }
}

pub(super) fn notify(stored: &str) -> Notify {
    match stored {
        "mentions" => Notify::Mentions,
        "none" => Notify::None,
        _ => Notify::All,
    }
}

/// As stored.
pub fn kind_text(kind: RoomKind) -> &'static str {
    match kind {
        RoomKind::Direct => "direct",
        RoomKind::Group => "group",
        RoomKind::Channel => "channel",
    }
}
