//! What must hold at one client after every step (sync.md §6), told from outside: by its store and
//! by what was said to it.

use crate::client::stored_ops;
use crate::data::Data;
use crate::rooms::{RoomData, Spot};
use hallway_core::feed::Change;
use hallway_core::world::{Effect, Input};
use hallway_protocol::frames::{ClientFrame, ServerFrame};
use hallway_protocol::ids::{Key, RoomId, Seq};
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, BTreeSet};

/// A check that did not hold.
pub type Held = Result<(), String>;

/// How often one operation may be said: once a link or refusal, and a simulation has few of those.
const ATTEMPTS: i64 = 60;

/// What was seen of a client so far.
#[derive(Debug, Default)]
pub struct Watch {
    /// Room → cursor and read mark, before the step.
    marks: BTreeMap<RoomId, (Seq, Seq)>,
    /// Events that came on this link.
    came: BTreeMap<RoomId, BTreeSet<Seq>>,
    /// What each operation said first.
    pub said: BTreeMap<String, String>,
    /// The last message of each room that called.
    called: BTreeMap<RoomId, Seq>,
    epoch: Option<String>,
    /// Rooms that were gone for a while, or whose beginning was.
    left: BTreeSet<RoomId>,
    /// Room → the lowest number to see, before the step.
    lowest: BTreeMap<RoomId, Seq>,
    /// Operations that once failed or waited for another: their place in the order is not owed.
    pub unordered: BTreeSet<Key>,
}

impl Watch {
    /// The link is new: what came on an older one says nothing about it.
    pub fn cut(&mut self) {
        self.came.clear();
    }

    /// The program began anew, perhaps from an older store.
    pub fn restart(&mut self, power: bool) {
        self.cut();
        if power {
            self.marks.clear();
            self.called.clear();
        }
    }

    /// The room was on the list all the time.
    pub fn stayed(&self, room: RoomId) -> bool {
        !self.left.contains(&room)
    }

    /// Before a step: what it is told.
    pub fn tell(&mut self, input: &Input) {
        match input {
            Input::Frame { frame: ServerFrame::Event { room, seq, .. }, .. } => {
                self.came.entry(*room).or_default().insert(*seq);
            }
            // Another data set: a message that was lost goes anew, with the text it has by now, and
            // one that comes back is news again.
            Input::Frame { frame: ServerFrame::Welcome(welcome), .. }
                if self.epoch.as_ref() != Some(&welcome.epoch) =>
            {
                self.said.clear();
                self.called.clear();
            }
            _ => {}
        }
    }

    /// P9, P15: what it says and shows.
    pub fn hear(&mut self, effect: &Effect) -> Held {
        match effect {
            Effect::Send { frame, .. } => self.bytes(frame),
            // Each message once, and none behind one that called (summaries are of any).
            Effect::Change(Change::Notice(notice)) if !notice.summary => {
                match self.called.insert(notice.room, notice.seq) {
                    Some(last) if last >= notice.seq => {
                        Err(format!("P15 room {}: {} called after {last}", notice.room, notice.seq))
                    }
                    _ => Ok(()),
                }
            }
            Effect::Change(Change::RoomGone { room, .. }) => {
                self.called.remove(room);
                Ok(())
            }
            Effect::Change(Change::Room { room, .. }) if room.gone.is_some() => {
                self.called.remove(&room.room);
                Ok(())
            }
            Effect::SignedOut | Effect::Erase | Effect::Damaged { .. } => {
                Err(format!("it gave up: {effect:?}"))
            }
            _ => Ok(()),
        }
    }

    fn bytes(&mut self, frame: &ClientFrame) -> Held {
        let mut said = serde_json::to_value(frame).expect("plain data");
        let key = said["key"].as_str().or(said["body"]["key"].as_str()).map(str::to_owned);
        if let Some(fields) = said.as_object_mut() {
            fields.remove("id");
        }
        let (Some(key), text) = (key, said.to_string()) else { return Ok(()) };
        if matches!(frame, ClientFrame::Forget { .. }) {
            return Ok(());
        }
        let first = self.said.entry(key).or_insert_with(|| text.clone());
        if *first == text { Ok(()) } else { Err(format!("P9 said {first}, then {text}")) }
    }

    /// P6, P8, P10: the marks and the outbox after a step.
    pub fn look(&mut self, conn: &Connection, input: &Input, epoch: Option<String>) -> Held {
        let mut statement = conn
            .prepare_cached("select room, cursor, read, min_seq from rooms where state = 'joined'")
            .expect("the schema is known");
        let mut marks: BTreeMap<RoomId, (Seq, Seq)> = BTreeMap::new();
        let mut rows = statement.query([]).expect("the schema is known");
        while let Some(row) = rows.next().expect("rows") {
            let number = |at| row.get::<_, Seq>(at).expect("numbers");
            let room = RoomId(number(0));
            marks.insert(room, (number(1), number(2)));
            // Removed and let in again unseen: what stood below is as gone as after a leave.
            if self.lowest.insert(room, number(3)).is_some_and(|before| before < number(3)) {
                self.left.insert(room);
            }
        }
        // In another data set cursors fall to its base.
        let same = epoch == self.epoch;
        self.epoch = epoch;
        for (room, (cursor, read)) in &marks {
            let Some((before, was)) = self.marks.get(room) else { continue };
            if read < was {
                return Err(format!("P8 the read mark of room {room} fell from {was} to {read}"));
            }
            if same && cursor != before {
                self.moved(*room, *before, *cursor, input)?;
            }
        }
        let gone = self.marks.keys().filter(|room| !marks.contains_key(room));
        self.left.extend(gone.copied());
        self.marks = marks;
        self.outbox(conn)
    }

    fn moved(&self, room: RoomId, before: Seq, cursor: Seq, input: &Input) -> Held {
        let wrong = || Err(format!("P6 room {room}: cursor {before} -> {cursor} by {input:?}"));
        let Input::Frame { frame, .. } = input else { return wrong() };
        let start = match frame {
            ServerFrame::Event { room: of, seq, .. } if *of == room && *seq == before + 1 => before,
            ServerFrame::Delta(delta) if delta.room == room && delta.since == before => delta.to,
            // Removed and let in again within one frame: a new beginning.
            ServerFrame::Own(_) if cursor == 0 => return Ok(()),
            _ => return wrong(),
        };
        let came = self.came.get(&room);
        let contiguous =
            (start + 1..=cursor).all(|seq| came.is_some_and(|came| came.contains(&seq)));
        if cursor >= start && contiguous { Ok(()) } else { wrong() }
    }

    fn outbox(&mut self, conn: &Connection) -> Held {
        let ops = stored_ops(conn);
        for op in &ops {
            if matches!(op.state.as_str(), "failed" | "blocked") {
                self.unordered.insert(op.key.clone());
            }
            let needed =
                op.needs.as_ref().is_some_and(|key| ops.iter().any(|other| other.key == *key));
            if op.state == "blocked" && !needed {
                return Err(format!("P10 {op:?} needs nothing that waits"));
            }
            if op.attempts > ATTEMPTS {
                return Err(format!("P10 {op:?} was said too often"));
            }
        }
        Ok(())
    }
}

/// A message as the store holds it.
struct Row {
    rev: Seq,
    text: String,
    deleted: bool,
    pinned: bool,
    reply: Option<Seq>,
    sender: i64,
}

/// P7: inside `covered` the rows are the server's, at the cursor or newer.
pub fn truth(conn: &Connection, room: RoomId, data: &Data) -> Held {
    let Some(server) = data.rooms.get(&room) else { return Ok(()) };
    let mut statement = conn
        .prepare_cached(
            "select cursor, catch_from, min_seq from rooms where room = ?1 and state = 'joined'",
        )
        .expect("the schema is known");
    let mark: Option<(Seq, Option<Seq>, Seq)> = statement
        .query_map([room.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .expect("numbers")
        .next()
        .transpose()
        .expect("numbers");
    let Some((cursor, None, min)) = mark else { return Ok(()) };
    let rows = messages(conn, room);
    for (lo, hi) in covered(conn, room) {
        let lo = lo.max(min);
        if lo > hi {
            continue;
        }
        let want: Vec<Seq> = server.messages.range(lo..=hi).map(|(seq, _)| *seq).collect();
        let have: Vec<Seq> = rows.range(lo..=hi).map(|(seq, _)| *seq).collect();
        if want != have {
            return Err(format!("P7 room {room} {lo}..{hi}: has {have:?}, the server {want:?}"));
        }
        for seq in want {
            same(&rows[&seq], server, seq, cursor)
                .map_err(|why| format!("P7 room {room}: {why}"))?;
        }
        reactions(conn, room, server, (lo, hi), cursor, &rows)?;
    }
    Ok(())
}

/// The ranges a store claims to be whole.
pub fn covered(conn: &Connection, room: RoomId) -> Vec<(Seq, Seq)> {
    let sql = "select lo, hi from covered where room = ?1 order by lo";
    let mut statement = conn.prepare_cached(sql).expect("the schema is known");
    let rows = statement.query_map([room.0], |row| Ok((row.get(0)?, row.get(1)?)));
    rows.and_then(Iterator::collect).expect("numbers")
}

fn messages(conn: &Connection, room: RoomId) -> BTreeMap<Seq, Row> {
    let sql = "select seq, rev, text, deleted, pinned, reply, sender from messages where room = ?1";
    let mut statement = conn.prepare_cached(sql).expect("the schema is known");
    let rows = statement.query_map([room.0], |row| {
        Ok((
            row.get(0)?,
            Row {
                rev: row.get(1)?,
                text: row.get(2)?,
                deleted: row.get(3)?,
                pinned: row.get(4)?,
                reply: row.get(5)?,
                sender: row.get(6)?,
            },
        ))
    });
    rows.and_then(Iterator::collect).expect("the schema is known")
}

fn same(row: &Row, server: &RoomData, seq: Seq, cursor: Seq) -> Held {
    let versions = &server.versions[&seq];
    let due = versions.iter().map(|m| m.rev).filter(|rev| *rev <= cursor).max().unwrap_or(0);
    if row.rev < due {
        return Err(format!("message {seq} is stale: rev {}, due {due} at {cursor}", row.rev));
    }
    let Some(version) = versions.iter().find(|m| m.rev == row.rev) else {
        return Err(format!("message {seq} has rev {}, which never was", row.rev));
    };
    let (held, said) = (
        (&row.text, row.deleted, row.pinned, row.reply, row.sender),
        (&version.text, version.deleted, version.pinned, version.reply, version.sender.0),
    );
    if held == said { Ok(()) } else { Err(format!("message {seq}: has {held:?}, was {said:?}")) }
}

fn reactions(
    conn: &Connection,
    room: RoomId,
    server: &RoomData,
    (lo, hi): (Seq, Seq),
    cursor: Seq,
    rows: &BTreeMap<Seq, Row>,
) -> Held {
    let held = held_reactions(conn, room, lo, hi);
    if let Some(spot) = held.keys().find(|spot| !server.held.contains_key(*spot)) {
        return Err(format!("P7 room {room}: reaction {spot:?} never was"));
    }
    let inside = (lo, hallway_protocol::ids::UserId(0), String::new());
    for (spot, versions) in server.held.range(inside..).take_while(|(spot, _)| spot.0 <= hi) {
        let at =
            |rev: Seq| versions.iter().rev().find(|v| v.0 <= rev).copied().unwrap_or((0, false));
        let due = at(cursor);
        let (rev, on) = held.get(spot).copied().unwrap_or((0, false));
        let buried = rows.get(&spot.0).is_some_and(|row| row.deleted);
        let right = if buried {
            !on
        } else if rev >= due.0 {
            at(rev).1 == on
        } else {
            // A page that is ahead of the cursor lacked it: it was taken back by then.
            !on && (!due.1 || versions.iter().any(|v| v.0 > due.0 && !v.1))
        };
        if !right {
            return Err(format!(
                "P7 room {room}: reaction {spot:?} is {on} at {rev}, due {due:?} at {cursor}"
            ));
        }
    }
    Ok(())
}

fn held_reactions(
    conn: &Connection,
    room: RoomId,
    lo: Seq,
    hi: Seq,
) -> BTreeMap<Spot, (Seq, bool)> {
    let sql = "select seq, user, emoji, rev, held from reactions where room = ?1 and seq between ?2 and ?3";
    let mut statement = conn.prepare_cached(sql).expect("the schema is known");
    let rows = statement.query_map(params![room.0, lo, hi], |row| {
        let user = hallway_protocol::ids::UserId(row.get(1)?);
        Ok(((row.get(0)?, user, row.get(2)?), (row.get(3)?, row.get(4)?)))
    });
    rows.and_then(Iterator::collect).expect("the schema is known")
}
