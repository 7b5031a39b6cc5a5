//! Catching up: heads, the own log, and all of it at once for those without a socket. A cursor is
//! data; whoever names one gets what came after it. Deltas of rooms are made in `delta.rs`.

use super::delta::{self, Pull};
use super::own::{self, Stored};
use super::{Me, Read, Result, sessions, users};
use crate::params;
use hallway_protocol::frames::{Bump, Delta, Head, OwnFrame};
use hallway_protocol::ids::{Millis, RoomId, Seq};
use hallway_protocol::limits::DELTA_ROWS;
use hallway_protocol::rest::{Sync, SyncRoom};
use hallway_protocol::rows::{MineState, Notify, RoomKind, Row};
use std::collections::HashMap;

/// Bytes of deltas in one answer of `/sync`.
const SYNC_BYTES: usize = 1024 * 1024;

/// Where a person stands in all rooms.
#[derive(Clone, PartialEq, Debug)]
pub struct Heads {
    /// Joined rooms past the cursor named, and joined rooms not named.
    pub rooms: Vec<Head>,
    /// Rooms named that the person is not in.
    pub gone: Vec<RoomId>,
    /// Every joined room with its head.
    pub heads: Vec<(RoomId, Seq)>,
    /// Head of the own log.
    pub own: Seq,
}

/// A room that a person hears: the hub needs no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Here {
    /// The room.
    pub room: RoomId,
    /// Nothing below it is shown.
    pub min_seq: Seq,
    /// Its head.
    pub head: Seq,
    /// Its last countable message.
    pub last_n: i64,
    /// Which of its messages call for the person.
    pub notify: Notify,
    /// Quiet until then.
    pub muted_until: Option<Millis>,
}

/// The rooms a person hears. The hub is joined to them before [`heads`] is asked.
pub fn here(read: &mut Read<'_>, me: &Me) -> Result<Vec<Here>> {
    Ok(joined(read, me, None)?
        .into_iter()
        .map(|at| Here {
            room: at.head.room,
            min_seq: at.min_seq,
            head: at.head.head,
            last_n: at.head.last_n,
            notify: at.notify,
            muted_until: at.muted_until,
        })
        .collect())
}

/// What a person is behind with, given their cursors (`None`: from the last acks). Cursors of another
/// epoch say nothing about this one: every room is named, and how much of it may be kept.
pub fn heads(
    read: &mut Read<'_>,
    me: &Me,
    cursors: Option<&[(RoomId, Seq)]>,
    other: Option<&str>,
) -> Result<Heads> {
    let joined = joined(read, me, other)?;
    let own = own::head(read, me.user)?;
    let named: HashMap<RoomId, Seq> = match cursors {
        Some(cursors) => cursors.iter().copied().collect(),
        None => joined.iter().map(|at| (at.head.room, at.delivered)).collect(),
    };
    let heads = joined.iter().map(|at| (at.head.room, at.head.head)).collect();
    let mut rooms = Vec::new();
    let mut gone: Vec<RoomId> = named.keys().copied().collect();
    for mut at in joined {
        gone.retain(|room| *room != at.head.room);
        // A cursor past the head is of a history that was lost: it must learn so.
        if other.is_some() || named.get(&at.head.room) != Some(&at.head.head) {
            counted(read, me, &mut at)?;
            rooms.push(at.head);
        }
    }
    gone.sort_unstable();
    Ok(Heads { rooms, gone, heads, own })
}

/// Heads and counts of these rooms, or of all.
pub fn bumps(read: &mut Read<'_>, me: &Me, rooms: Option<&[RoomId]>) -> Result<Vec<Bump>> {
    let mut bumps = Vec::new();
    for mut at in joined(read, me, None)? {
        if rooms.is_none_or(|rooms| rooms.contains(&at.head.room)) {
            counted(read, me, &mut at)?;
            let Head { room, head, last_n, read, unread, mentions, .. } = at.head;
            bumps.push(Bump { room, head, last_n, read, unread, mentions });
        }
    }
    Ok(bumps)
}

/// A joined room, its counts still open.
struct Joined {
    head: Head,
    direct: bool,
    min_seq: Seq,
    delivered: Seq,
    notify: Notify,
    muted_until: Option<Millis>,
}

/// Joined rooms; `base` is what a device of the epoch `other` may keep, one of this epoch without it.
fn joined(read: &mut Read<'_>, me: &Me, other: Option<&str>) -> Result<Vec<Joined>> {
    read.all(
        "select r.id, r.head, case when $1 = '' then r.base else coalesce(b.base, 0) end, r.last_n, i.seen, i.delivered, r.kind,
            case when r.history = 'joined' and m.joined_seq > r.kept_from
                then m.joined_seq else r.kept_from end, i.notify, i.muted_until
         from members m join rooms r on r.id = m.room
            join mine i on i.person = m.person and i.room = m.room and i.state = 'joined'
            left join bases b on b.room = r.id and b.epoch = $1
         where m.person = $2 and m.left_seq is null and r.deleted_at is null order by r.id",
        params![other.unwrap_or_default(), me.user],
        |row| {
            let head = Head {
                room: row.get(0)?,
                head: row.get(1)?,
                base: row.get(2)?,
                last_n: row.get(3)?,
                read: row.get(4)?,
                unread: 0,
                mentions: 0,
            };
            let direct = row.get::<String>(6)? == own::kind_text(RoomKind::Direct);
            Ok(Joined {
                head,
                direct,
                min_seq: row.get(7)?,
                delivered: row.get(5)?,
                notify: own::notify(&row.get::<String>(8)?),
                muted_until: row.get(9)?,
            })
        },
    )
}

fn counted(read: &mut Read<'_>, me: &Me, at: &mut Joined) -> Result<()> {
    let Head { room, read: seen, .. } = at.head;
    (at.head.unread, at.head.mentions) =
        own::counts(read, me.user, room, at.direct, seen, at.min_seq)?;
    Ok(())
}

/// What happened in my own log after `since`, by its numbers; ask again until `done`. To a device
/// that holds nothing, what is over is not told.
pub fn own(read: &mut Read<'_>, me: &Me, since: Seq) -> Result<OwnFrame> {
    let head = own::head(read, me.user)?;
    let since = if since > head { 0 } else { since };
    let mut rows = mine_rows(read, me, since)?;
    rows.extend(session_rows(read, me, since)?);
    let user = users::own_row(read, me.user)?;
    if user.rev > since {
        rows.push(Row::User(user));
    }
    rows.sort_by_key(Row::rev);
    // Each change of an own log writes one row, so any place is a good one to cut.
    let done = rows.len() <= DELTA_ROWS;
    rows.truncate(DELTA_ROWS);
    let to = if done { head } else { rows.last().map_or(head, Row::rev) };
    Ok(OwnFrame { id: None, since, to, done, rows })
}

fn mine_rows(read: &mut Read<'_>, me: &Me, since: Seq) -> Result<Vec<Row>> {
    let found = read.all(
        "select i.room, i.state, i.seen, i.unread_mark, i.notify, i.muted_until, i.favourite,
            i.draft, i.rev, r.head, r.kind,
            case when r.history = 'joined' and m.joined_seq > r.kept_from
                then m.joined_seq else r.kept_from end, m.left_seq
         from mine i join rooms r on r.id = i.room
            left join members m on m.room = i.room and m.person = i.person
         where i.person = $1 and i.rev > $2 order by i.rev limit $3",
        params![me.user, since, DELTA_ROWS as i64 + 1],
        own::mine_row,
    )?;
    let told = |stored: &Stored| since > 0 || stored.mine.state == MineState::Joined;
    let mut rows = Vec::new();
    for stored in found.into_iter().filter(told) {
        rows.push(Row::Mine(own::counted(read, me.user, stored)?));
    }
    Ok(rows)
}

fn session_rows(read: &mut Read<'_>, me: &Me, since: Seq) -> Result<Vec<Row>> {
    let found = read.all(
        "select id, device, seen_at, ended_at, rev from sessions
         where person = $1 and rev > $2 order by rev limit $3",
        params![me.user, since, DELTA_ROWS as i64 + 1],
        sessions::row,
    )?;
    let told = found.into_iter().filter(|row| since > 0 || !row.ended);
    Ok(told
        .map(|mut row| {
            row.current = row.id == me.session;
            Row::Session(row)
        })
        .collect())
}

/// Everything a poller is behind with.
#[derive(Clone, PartialEq, Debug)]
pub struct Caught {
    /// As in `welcome`.
    pub heads: Heads,
    /// One for each named room that is behind, in the order named, as far as they fit.
    pub deltas: Vec<Delta>,
    /// The own log since the cursor.
    pub own: OwnFrame,
}

/// Answers `/sync` as far as the store knows it. `other`: the epoch of the cursors, if it is not this.
pub fn sync(read: &mut Read<'_>, me: &Me, asked: &Sync, other: Option<&str>) -> Result<Caught> {
    let named: Vec<Pull> = asked.rooms.iter().map(pull).collect();
    let cursors: Vec<(RoomId, Seq)> = named.iter().map(|pull| (pull.room, pull.since)).collect();
    let heads = heads(read, me, Some(&cursors), other)?;
    let own = own(read, me, if other.is_none() { asked.own } else { 0 })?;
    let (mut deltas, mut bytes) = (Vec::new(), 0);
    for mut pull in named {
        let Some(at) = heads.rooms.iter().find(|head| head.room == pull.room) else { continue };
        if bytes >= SYNC_BYTES {
            break;
        }
        if other.is_some() {
            pull.since = pull.since.min(at.base);
        }
        let delta = delta::pull(read, me, &pull)?;
        bytes += delta::bytes(&delta.rows);
        deltas.push(delta);
    }
    Ok(Caught { heads, deltas, own })
}

fn pull(room: &SyncRoom) -> Pull {
    match *room {
        SyncRoom::Short(room, since) => {
            Pull { room, since, floor: None, latest: None, going: false }
        }
        SyncRoom::Full { room, since, floor, latest } => {
            Pull { room, since, floor, latest, going: false }
        }
    }
}
