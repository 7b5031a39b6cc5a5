//! What browsers are told, and whether it is still so. A job for a person and a room waits a little
//! and then looks: what a device of theirs has stored by then needs no push. One push for each room
//! and time away: the next only after a device was there in between. What was shown is taken back
//! once it is read elsewhere.

use super::alerts::{self, Alerts};
use super::endpoints::{self, Sealed};
use super::jobs::{self, Kind};
use super::saved::Sight;
use super::{Me, Read, Result, Tx, own, users};
use crate::params;
use hallway_protocol::ids::{Millis, RoomId, Seq, TenantId, UserId};
use hallway_protocol::rows::{MineState, Notify};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Who is there has said so by then: devices acknowledge within two seconds.
const GRACE: Millis = 10_000;

/// Rooms, and notices of none, of which what was shown is taken back at once.
const TAKEN_BACK: i64 = 50;

/// What is to be told, and to whom.
#[derive(Clone, PartialEq, Debug)]
pub struct Due {
    /// Of which tenant.
    pub tenant: TenantId,
    /// Whom.
    pub person: UserId,
    /// Where, if it is of a room.
    room: Option<RoomId>,
    /// What.
    pub what: What,
    /// Where their browsers are.
    pub endpoints: Vec<Sealed>,
    /// When they want to hear nothing.
    pub alerts: Alerts,
}

/// What browsers are told.
#[derive(Clone, PartialEq, Debug)]
pub enum What {
    /// There is something.
    Show(Shown),
    /// What was shown of a room is read up to here.
    TakeBack(RoomId, Seq),
    /// A notice of no unread message, which was shown, is read.
    Gone(String),
}

/// What is shown.
#[derive(Clone, PartialEq, Debug)]
pub struct Shown {
    /// Of the notice: nothing shows it twice.
    id: String,
    topic: String,
    room: Option<RoomId>,
    seq: Option<Seq>,
    unread: i64,
    mentions: i64,
}

impl What {
    /// As the browser reads it.
    pub fn text(&self) -> Value {
        match self {
            What::Show(shown) => json!({"type": "notice", "id": shown.id, "topic": shown.topic,
                "room": shown.room, "seq": shown.seq, "unread": shown.unread,
                "mentions": shown.mentions}),
            What::TakeBack(room, read) => json!({"type": "read", "room": room, "read": read}),
            What::Gone(id) => json!({"type": "read", "id": id}),
        }
    }

    /// How much it matters that it comes at once (RFC 8030 §5.3).
    pub fn urgency(&self) -> &'static str {
        match self {
            What::Show(_) => "high",
            What::TakeBack(..) | What::Gone(_) => "low",
        }
    }
}

impl Due {
    /// A push service keeps the latest of a topic alone (RFC 8030 §5.4): 32 characters that say
    /// nothing to it.
    pub fn topic(&self) -> String {
        let about = match (&self.what, self.room) {
            (_, Some(room)) => format!("push:{}:{room}", self.person),
            (What::Show(Shown { id, .. }) | What::Gone(id), None) => {
                format!("push:{}:{id}", self.person)
            }
            (What::TakeBack(..), None) => String::new(),
        };
        hex::encode(&Sha256::digest(about)[..16])
    }
}

fn target(person: UserId, room: RoomId) -> String {
    format!("{person}:{room}")
}

/// A message is for somebody: their browsers hear of it, unless they did since they were last there.
pub(super) fn of_message(
    tx: &mut Tx<'_>,
    tenant: TenantId,
    me: UserId,
    room: RoomId,
) -> Result<()> {
    let waits = tx.number(
        "select count(*) from endpoints e left join mine i on i.person = $1 and i.room = $2
         where e.person = $1 and (i.pushed is null or i.pushed <= i.delivered)",
        params![me, room],
    )?;
    if waits == 0 {
        return Ok(());
    }
    let (target, at) = (target(me, room), tx.now() + GRACE);
    jobs::enqueue_at(tx, Some(tenant), Kind::Push, &target, Some(&target), at)
}

/// A notice that is of no unread message.
pub(super) fn of_notice(tx: &mut Tx<'_>, person: UserId, id: &str) -> Result<()> {
    let waits = "select count(*) from endpoints where person = $1";
    if tx.number(waits, params![person])? == 0 {
        return Ok(());
    }
    let tenant = users::acting(tx, person)?.map(|me| me.tenant);
    jobs::enqueue(tx, tenant, Kind::Push, id, Some(id))
}

/// A device of theirs has stored the room up to here, or somebody read it: what waits to be told of
/// it is told no more when nothing is left, and what was shown is taken back once it is read.
pub(super) fn came(tx: &mut Tx<'_>, me: &Me, room: RoomId) -> Result<()> {
    let marks = tx.one(
        "select i.seen, i.delivered, i.pushed, r.head from mine i join rooms r on r.id = i.room
         where i.person = $1 and i.room = $2",
        params![me.user, room],
        |row| Ok((row.get::<Seq>(0)?, row.get::<Seq>(1)?, row.get::<Seq>(2)?, row.get::<Seq>(3)?)),
    )?;
    let Some((seen, delivered, pushed, head)) = marks else { return Ok(()) };
    let target = target(me.user, room);
    if pushed > 0 && seen >= pushed {
        return jobs::hurry(tx, Some(me.tenant), Kind::Push, &target);
    }
    if delivered >= head {
        jobs::withdraw(tx, Kind::Push, &target)?;
    }
    Ok(())
}

/// Somebody read their notices up to one, from behind another: what waits to be told of them finds
/// that by itself; what was shown is taken back. Of very many the latest.
pub(super) fn read(tx: &mut Tx<'_>, me: &Me, from: i64, to: i64) -> Result<()> {
    let rooms = tx.all(
        "select i.room from mine i join notices n
            on n.person = i.person and n.room = i.room and n.seq = i.pushed
         where i.person = $1 and i.pushed > 0 and n.marked = 1 and n.n > $2 and n.n <= $3
         order by n.n desc limit $4",
        params![me.user, from, to, TAKEN_BACK],
        |row| row.get::<RoomId>(0),
    )?;
    for room in rooms {
        jobs::hurry(tx, Some(me.tenant), Kind::Push, &target(me.user, room))?;
    }
    let shown = tx.all(
        "select notice from told where person = $1 and n <= $2 order by n desc limit $3",
        params![me.user, to, TAKEN_BACK],
        |row| row.get::<String>(0),
    )?;
    for notice in &shown {
        jobs::hurry(tx, Some(me.tenant), Kind::Push, notice)?;
    }
    Ok(())
}

/// What browsers show of notices that are kept no longer.
pub(super) fn forget(tx: &mut Tx<'_>, most: i64) -> Result<u64> {
    tx.exec(
        "delete from told where notice in (select t.notice from told t
            left join notices n on n.id = t.notice where n.id is null limit $1)",
        params![most],
    )
}

/// What a job is to tell now; none: nothing, or nobody hears it.
pub fn due(read: &mut Read<'_>, target: &str) -> Result<Option<Due>> {
    let of_room = target.split_once(':').and_then(|(person, room)| {
        Some((UserId(person.parse().ok()?), RoomId(room.parse().ok()?)))
    });
    let (person, room, what) = match of_room {
        Some((person, room)) => (person, Some(room), in_room(read, person, room)?),
        None => match alone(read, target)? {
            Some((person, shown)) => (person, None, Some(What::Show(shown))),
            None => match shown_by(read, target)? {
                Some(person) => (person, None, Some(What::Gone(target.to_owned()))),
                None => return Ok(None),
            },
        },
    };
    let (Some(what), Some(me)) = (what, users::acting(read, person)?) else { return Ok(None) };
    if let What::Show(Shown { room: Some(room), seq: Some(seq), .. }) = &what
        && !Sight::default().sees(read, &me, *room, *seq)?
    {
        return Ok(None);
    }
    let endpoints = endpoints::of(read, person)?;
    let alerts = alerts::of(read, person)?;
    Ok(Some(Due { tenant: me.tenant, person, room, what, endpoints, alerts }))
}

/// The latest of a room that is neither read nor stored on a device, or what is to be taken back.
fn in_room(read: &mut Read<'_>, person: UserId, room: RoomId) -> Result<Option<What>> {
    let marks = read.one(
        "select seen, delivered, pushed from mine where person = $1 and room = $2",
        params![person, room],
        |row| Ok((row.get::<Seq>(0)?, row.get::<Seq>(1)?, row.get::<Seq>(2)?)),
    )?;
    let Some((seen, delivered, pushed)) = marks else { return Ok(None) };
    if pushed > 0 && (seen >= pushed || is_read(read, person, room, pushed)?) {
        return Ok(Some(What::TakeBack(room, seen.max(pushed))));
    }
    let now = read.now();
    let mine = own::mine(read, person, room)?.filter(|mine| {
        mine.state == MineState::Joined
            && mine.notify != Notify::None
            && mine.muted_until.is_none_or(|until| until <= now)
    });
    let Some(mine) = mine.filter(|_| pushed <= delivered) else { return Ok(None) };
    let found = read.one(
        "select n.id, n.topic, n.seq from notices n left join alerts a on a.person = n.person
         where n.person = $1 and n.room = $2 and n.marked = 1 and n.seq > $3
            and n.n > coalesce(a.read_n, 0) order by n.seq desc limit 1",
        params![person, room, delivered.max(seen)],
        |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?, row.get::<Seq>(2)?)),
    )?;
    let shown = found.map(|(id, topic, seq)| {
        let (unread, mentions) = (mine.unread, mine.mentions);
        What::Show(Shown { id, topic, room: Some(room), seq: Some(seq), unread, mentions })
    });
    Ok(shown)
}

/// Whether somebody read the notice of a message, though not the message.
fn is_read(read: &mut Read<'_>, person: UserId, room: RoomId, seq: Seq) -> Result<bool> {
    let read = read.number(
        "select count(*) from notices n join alerts a on a.person = n.person
         where n.person = $1 and n.room = $2 and n.seq = $3 and n.marked = 1 and n.n <= a.read_n",
        params![person, room, seq],
    )?;
    Ok(read > 0)
}

/// Whose browsers show a notice that is read.
fn shown_by(read: &mut Read<'_>, id: &str) -> Result<Option<UserId>> {
    read.one("select person from told where notice = $1", params![id], |row| row.get(0))
}

/// A notice that is of no unread message, if it is not read yet and was not shown.
fn alone(read: &mut Read<'_>, id: &str) -> Result<Option<(UserId, Shown)>> {
    read.one(
        "select n.person, n.id, n.topic, n.room, n.seq from notices n
            left join alerts a on a.person = n.person
         where n.id = $1 and n.n > coalesce(a.read_n, 0)
            and not exists (select 1 from told t where t.notice = n.id)",
        params![id],
        |row| {
            let (id, topic) = (row.get(1)?, row.get(2)?);
            let (room, seq) = (row.get(3)?, row.get(4)?);
            Ok((row.get(0)?, Shown { id, topic, room, seq, unread: 0, mentions: 0 }))
        },
    )
}

/// It was told. When there is more to say: at once, where it was read while it was told; after the
/// usual moment, where something new came while it was taken back and found this job still there.
/// Where there is not, what comes from now on is a job of its own.
pub fn told(tx: &mut Tx<'_>, due: &Due) -> Result<Option<Millis>> {
    tx.hold_people(&[due.person])?;
    let (now, person) = (tx.now(), due.person);
    let (target, more) = match (&due.what, due.room) {
        (What::Show(shown), None) => {
            (shown.id.clone(), told_alone(tx, person, &shown.id)?.then_some(now))
        }
        (What::Gone(id), _) => {
            tx.exec("delete from told where notice = $1", params![id])?;
            (id.clone(), None)
        }
        (What::Show(shown), Some(room)) => {
            let pushed = shown.seq.unwrap_or_default();
            let seen = shows(tx, person, room, pushed)?;
            let read = seen >= pushed || is_read(tx, person, room, pushed)?;
            (target(person, room), read.then_some(now))
        }
        (What::TakeBack(room, _), _) => {
            shows(tx, person, *room, 0)?;
            (target(person, *room), in_room(tx, person, *room)?.map(|_| now + GRACE))
        }
    };
    if more.is_none() {
        let once = format!("{}:{target}", Kind::Push.text());
        let sql = "update jobs set once = null where once = $1 and state = 'leased'";
        tx.exec(sql, params![&once])?;
    }
    Ok(more)
}

/// What of a room is shown to somebody now; how far they have read.
fn shows(tx: &mut Tx<'_>, person: UserId, room: RoomId, pushed: Seq) -> Result<Seq> {
    let seen = tx.put(
        "update mine set pushed = $1 where person = $2 and room = $3 returning seen",
        params![pushed, person, room],
        |row| row.get::<Seq>(0),
    )?;
    Ok(seen.unwrap_or_default())
}

/// Browsers show a notice of no unread message; true: it was read while they were told.
fn told_alone(tx: &mut Tx<'_>, person: UserId, id: &str) -> Result<bool> {
    tx.exec(
        "insert into told (notice, person, n)
         select id, person, n from notices where id = $1 and person = $2
         on conflict (notice) do nothing",
        params![id, person],
    )?;
    let read = tx.number(
        "select count(*) from told t join alerts a on a.person = t.person
         where t.notice = $1 and t.n <= a.read_n",
        params![id],
    )?;
    Ok(read > 0)
}
