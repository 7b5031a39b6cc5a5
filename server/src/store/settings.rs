//! What a room asks of its members: its name and topic, who sees it and from where on, who posts and
//! how often, whether it is in use, and how long it keeps what was said. One change says one thing.

use super::audit::{self, Note};
use super::change::Change;
use super::rooms::{self, Facts, history_text, visibility_text};
use super::{Me, Once, Read, Result, Tx, expiry, ops};
use crate::access::{self, Act};
use crate::params;
use hallway_protocol::ids::{Key, RoomId, Seq, UserId};
use hallway_protocol::rest::RoomPatch;
use hallway_protocol::rows::{Room, Row, TenantRole};
use hallway_protocol::text::folded;
use serde_json::{Value, json};

/// What a notice says beside who did it.
type Notice = (&'static str, Option<(&'static str, Value)>);

/// Changes a room's settings; what is so already takes no number.
pub fn update(
    tx: &mut Tx<'_>,
    me: &Me,
    key: Option<&Key>,
    room: RoomId,
    patch: &RoomPatch,
) -> Result<Once<Room>> {
    let mut facts = rooms::lock(tx, room)?;
    let target = room.to_string();
    if ops::first(tx, me, key, "room-patch", &target)?.is_some() {
        return rooms::again(tx, me, room);
    }
    for act in asked(patch) {
        // What is so already is no change, in a room that was put away either.
        access::may(tx, me, act, &Facts { archived: false, ..facts.clone() })?;
    }
    let before = rooms::row(tx, me, room)?;
    for step in STEPS {
        let now = rooms::row(tx, me, room)?;
        if let Some((wanted, notice)) = step(patch, &now) {
            if is_use(&now, &wanted) {
                access::may(tx, me, Act::Rename, &facts)?;
            }
            facts = write(tx, me, &facts, &now, &wanted, notice)?;
        }
    }
    if patch.retention_days.flatten().is_some() {
        expiry::keep(tx, &facts)?;
    }
    ops::keep(tx, me, key, "room-patch", &target, None)?;
    let answer = rooms::row(tx, me, room)?;
    noted(tx, me, &before, &answer)?;
    Ok(Once { again: false, answer })
}

/// Writes into the record what was set another way. What a room is called and about is said in the
/// room itself.
fn noted(tx: &mut Tx<'_>, me: &Me, before: &Room, after: &Room) -> Result<()> {
    let settings = |room: &Room| {
        [
            ("visibility", json!(room.visibility)),
            ("history", json!(room.history)),
            ("announce", json!(room.announce)),
            ("slow_seconds", json!(room.slow_seconds)),
            ("retention_days", json!(room.retention_days)),
            ("archived", json!(room.archived)),
        ]
    };
    let changed: Vec<_> = settings(before).into_iter().zip(settings(after)).collect();
    let changed = changed.into_iter().filter(|(was, is)| was != is).map(|(_, is)| is);
    let note = Note::by(me, "room_changed").on(format_args!("room:{}", after.room));
    let (many, note) =
        changed.fold((0, note), |(many, note), (name, is)| (many + 1, note.with(name, is)));
    if many > 0 { audit::note(tx, &note) } else { Ok(()) }
}

/// What somebody must be allowed to do for this; a patch of nothing asks as a new name does.
fn asked(patch: &RoomPatch) -> Vec<Act> {
    let named = patch.name.is_some() || patch.topic.is_some();
    let paced = patch.announce.is_some() || patch.slow_seconds.is_some();
    let set =
        patch.visibility.is_some() || patch.history.is_some() || patch.retention_days.is_some();
    let archived = patch.archived.is_some();
    let nothing = !(named || paced || set || archived);
    [
        (named || nothing, Act::Rename),
        (paced, Act::Pace),
        (set, Act::Settings),
        (archived, Act::Archive),
    ]
    .into_iter()
    .filter_map(|(asked, act)| asked.then_some(act))
    .collect()
}

/// Whether a change is one that a room must be in use for.
fn is_use(now: &Room, wanted: &Room) -> bool {
    let asks =
        |room: &Room| (room.name.clone(), room.topic.clone(), room.announce, room.slow_seconds);
    asks(now) != asks(wanted)
}

/// One change of a patch: the room after it, and what is said of it; none where it is so already.
type Step = fn(&RoomPatch, &Room) -> Option<(Room, Option<Notice>)>;

/// In this order: what is brought back comes first, what is put away last.
const STEPS: [Step; 7] = [
    |patch, now| archive(patch, now, false),
    |patch, now| {
        let wanted = Room {
            name: patch.name.clone().unwrap_or_else(|| now.name.clone()),
            visibility: patch.visibility.unwrap_or(now.visibility),
            history: patch.history.unwrap_or(now.history),
            ..now.clone()
        };
        let renamed = (wanted.name != now.name).then_some(("renamed", None));
        (wanted != *now).then_some((wanted, renamed))
    },
    |patch, now| {
        let topic = patch.topic.clone().filter(|topic| *topic != now.topic)?;
        Some((Room { topic, ..now.clone() }, Some(("topic", None))))
    },
    |patch, now| {
        let announce = patch.announce.filter(|announce| *announce != now.announce)?;
        let notice = ("announce", Some(("on", json!(announce))));
        Some((Room { announce, ..now.clone() }, Some(notice)))
    },
    |patch, now| {
        let slow_seconds = patch.slow_seconds.filter(|slow| *slow != now.slow_seconds)?;
        let notice = ("slow", Some(("seconds", json!(slow_seconds))));
        Some((Room { slow_seconds, ..now.clone() }, Some(notice)))
    },
    |patch, now| {
        let retention_days = patch.retention_days.filter(|days| *days != now.retention_days)?;
        let notice = ("retention", Some(("days", json!(retention_days))));
        Some((Room { retention_days, ..now.clone() }, Some(notice)))
    },
    |patch, now| archive(patch, now, true),
];

fn archive(patch: &RoomPatch, now: &Room, to: bool) -> Option<(Room, Option<Notice>)> {
    let archived = patch.archived.filter(|archived| *archived == to && now.archived != to)?;
    let what = if archived { "archived" } else { "unarchived" };
    Some((Room { archived, ..now.clone() }, Some((what, None))))
}

/// Puts a room away, or brings it back, by the operator's word: nobody in it said so.
pub(super) fn put_away(tx: &mut Tx<'_>, facts: &Facts, archived: bool) -> Result<()> {
    let (role, session) = (TenantRole::Member, String::new());
    let me = Me { tenant: facts.tenant, user: UserId(0), role, guest: false, session };
    let now = rooms::row(tx, &me, facts.id)?;
    let wanted = Room { archived, ..now.clone() };
    write(tx, &me, facts, &now, &wanted, None).map(|_| ())
}

fn write(
    tx: &mut Tx<'_>,
    me: &Me,
    facts: &Facts,
    now: &Room,
    wanted: &Room,
    notice: Option<Notice>,
) -> Result<Facts> {
    let mut change = Change::begin(tx, facts)?;
    let archived_at = wanted.archived.then_some(tx.now());
    tx.exec(
        "update rooms set name = $1, name_folded = $2, topic = $3, visibility = $4, history = $5,
            announce = $6, slow_seconds = $7, retention_days = $8, archived_at = $9, rev = $10
         where id = $11",
        params![
            &wanted.name,
            &folded(&wanted.name),
            &wanted.topic,
            visibility_text(wanted.visibility),
            history_text(wanted.history),
            wanted.announce,
            wanted.slow_seconds,
            wanted.retention_days,
            archived_at,
            change.seq,
            facts.id
        ],
    )?;
    if let Some((what, said)) = notice {
        change.notice_with(tx, what, None, me.user, said)?;
    }
    change.row(Row::Room(rooms::row(tx, me, facts.id)?));
    if wanted.history != now.history {
        // What each member may see begins elsewhere now; those who hear the room must know.
        for (person, min_seq) in beginnings(tx, facts.id)? {
            change.enters(person, min_seq);
        }
        change.facts.history = wanted.history;
    }
    change.facts.visibility = wanted.visibility;
    (change.facts.announce, change.facts.slow_seconds) = (wanted.announce, wanted.slow_seconds);
    change.facts.archived = wanted.archived;
    change.finish(tx)
}

/// From where each member may see.
fn beginnings(read: &mut Read<'_>, room: RoomId) -> Result<Vec<(UserId, Seq)>> {
    read.all(
        "select m.person, case when r.history = 'joined' and m.joined_seq > r.kept_from
            then m.joined_seq else r.kept_from end
         from members m join rooms r on r.id = m.room left join mine i
            on i.person = m.person and i.room = m.room
         where m.room = $1 and m.left_seq is null and i.state = 'joined' order by m.person",
        params![room],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}
