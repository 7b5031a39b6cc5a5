//! Who hears what. The store hands over what was committed, in order; the hub makes each frame once
//! and shares its bytes with every connection of the room.
//!
//! A room belongs to one shard, and a shard's lock is held while a room's seats change or an event
//! of it is handed out; so a connection is in a room from one event to another, never in between.
//! Entering happens before the event that brings somebody in, leaving after the one that takes
//! them out. Nothing about one reader is inside a frame; what a reader may not see is decided by
//! `min_seq` beside the seat, and sent as an event without rows.
//! Locks are taken in this order: people, shard, line.

mod concerns;
pub mod line;
mod places;
mod signs;
pub mod told;

use crate::store::{Event, Me};
use concerns::Change;
use hallway_kit::Clock;
use hallway_protocol::frames::{OwnFrame, ServerFrame};
use hallway_protocol::ids::{Millis, RoomId, Seq, UserId};
use hallway_protocol::limits::BUMP_ABOVE;
use hallway_protocol::rows::Row;
use line::{Durable, Line, encode};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use told::OwnNote;

/// Shards: enough that lanes of PostgreSQL do not wait for each other.
const SHARDS: usize = 16;

/// Marks that moved in a room: how far a person has read and received.
type Marks = BTreeMap<UserId, (Seq, Seq)>;

/// The hub of one process.
#[derive(Debug)]
pub struct Hub {
    clock: Clock,
    shards: [Mutex<HashMap<RoomId, Vec<Seat>>>; SHARDS],
    people: Mutex<HashMap<UserId, Vec<Arc<Line>>>>,
    marks: Mutex<HashMap<RoomId, Marks>>,
    profiles: Mutex<HashMap<UserId, Row>>,
    /// When the last connection left a room, in ticks; what is longer ago is forgotten.
    left: Mutex<HashMap<RoomId, i64>>,
    /// Since when, in ticks.
    born: i64,
    ids: AtomicU64,
    /// Frames handed to connections since the start.
    delivered: AtomicU64,
}

#[derive(Debug)]
struct Seat {
    line: Arc<Line>,
    min_seq: Seq,
    focus: bool,
    /// Until then its person wants no notice of each message.
    quiet_until: Millis,
}

/// A batch of changes of one room, gathered so that each reader is woken once.
#[derive(Default)]
struct Run {
    room: RoomId,
    /// Its members after the last of them.
    size: i64,
    changes: Vec<Change>,
}

impl Hub {
    /// A hub without anybody.
    pub fn new(clock: Clock) -> Self {
        Hub {
            born: clock.ticks(),
            left: Mutex::default(),
            clock,
            shards: std::array::from_fn(|_| Mutex::default()),
            people: Mutex::default(),
            marks: Mutex::default(),
            profiles: Mutex::default(),
            ids: AtomicU64::new(1),
            delivered: AtomicU64::new(0),
        }
    }

    /// A connection of a person arrives. From here on it is seated wherever its person enters; where
    /// they are already, [`Hub::seat`] seats it.
    pub fn arrive(&self, me: &Me) -> Arc<Line> {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let line = Arc::new(Line::new(id, me));
        self.people.lock().entry(me.user).or_default().push(line.clone());
        line
    }

    /// Seats it in the rooms its person was in when the list was read, except those left since.
    pub fn seat(&self, line: &Arc<Line>, rooms: &[(RoomId, Seq)]) {
        for (room, min_seq) in rooms {
            let mut shard = self.shard(*room).lock();
            if !line.queue().left.contains(room) {
                let seats = shard.entry(*room).or_default();
                // Who sits here already entered after the list was read.
                if !seats.iter().any(|seat| seat.line.id == line.id) {
                    sit(seats, *room, line, *min_seq);
                }
            }
        }
        line.queue().left = HashSet::new();
    }

    /// The connection is over.
    pub fn depart(&self, line: &Line) {
        let rooms = {
            let mut queue = line.queue();
            queue.gone = true;
            std::mem::take(&mut queue.rooms)
        };
        for room in rooms {
            let mut shard = self.shard(room).lock();
            if let Some(seats) = shard.get_mut(&room) {
                seats.retain(|seat| seat.line.id != line.id);
                if seats.is_empty() {
                    shard.remove(&room);
                    self.left.lock().insert(room, self.clock.ticks());
                }
            }
        }
        let mut people = self.people.lock();
        if let Some(lines) = people.get_mut(&line.user) {
            lines.retain(|other| other.id != line.id);
            if lines.is_empty() {
                people.remove(&line.user);
            }
        }
    }

    /// Hands out what was committed, in the order it is given.
    pub fn dispatch(&self, events: Vec<Event>) {
        let mut run = Run::default();
        for event in events {
            match event {
                Event::Room {
                    room,
                    seq,
                    rows,
                    enter,
                    leave,
                    closed,
                    concerns,
                    floor,
                    size,
                    ..
                } => {
                    if room != run.room || !enter.is_empty() || floor.is_some() {
                        self.flush(&mut run);
                        run.room = room;
                    }
                    run.size = size;
                    self.raise(room, floor);
                    self.enter(room, &enter);
                    run.changes.push(Change::of(room, seq, rows, concerns, &enter, &leave));
                    let leave = if closed { self.present(room) } else { leave };
                    if !leave.is_empty() {
                        self.flush(&mut run);
                        self.leave(room, &leave);
                    }
                }
                Event::Here { room, enter, leave, .. } => {
                    self.flush(&mut run);
                    self.enter(room, &enter);
                    self.leave(room, &leave);
                }
                Event::Own { user, since, to, rows } => {
                    self.flush(&mut run);
                    self.own(user, since, to, rows);
                }
                Event::User { user, row, .. } => {
                    self.profiles.lock().insert(user, row);
                }
                Event::Notice { user, notice } => self.notice(user, *notice),
                Event::Marks { room, user, read, delivered } => {
                    self.marks.lock().entry(room).or_default().insert(user, (read, delivered));
                }
                // Sessions, tenants and jobs have listeners of their own (app.rs).
                Event::Ended { .. }
                | Event::Changed { .. }
                | Event::Tenant(_)
                | Event::KeyEnded { .. }
                | Event::Shut { .. }
                | Event::Barred { .. }
                | Event::Jobs => {}
            }
        }
        self.flush(&mut run);
    }

    fn flush(&self, run: &mut Run) {
        if run.changes.is_empty() {
            return;
        }
        let shard = self.shard(run.room).lock();
        let seats = shard.get(&run.room).map_or(&[][..], Vec::as_slice);
        let now = self.clock.now();
        let mut frames = 0;
        for seat in seats {
            let quiet = run.size > BUMP_ABOVE && !seat.focus && seat.quiet_until > now;
            let whole = |change: &&Change| !quiet || change.concerns.whom(seat.line.user);
            let told: Vec<_> =
                run.changes.iter().filter(whole).map(|change| change.to(run.room, seat)).collect();
            frames += told.len();
            if told.len() < run.changes.len() {
                seat.line.bump(run.room);
            }
            if !told.is_empty() {
                seat.line.push(told.into_iter());
            }
        }
        self.delivered.fetch_add(frames as u64, Ordering::Relaxed);
        run.changes.clear();
    }

    fn enter(&self, room: RoomId, people: &[(UserId, Seq)]) {
        for (user, min_seq) in people {
            let lines = self.lines(*user);
            let mut shard = self.shard(room).lock();
            for line in lines {
                line.queue().left.remove(&room);
                sit(shard.entry(room).or_default(), room, &line, *min_seq);
            }
        }
    }

    fn leave(&self, room: RoomId, people: &[UserId]) {
        let lines: Vec<_> = people.iter().flat_map(|user| self.lines(*user)).collect();
        let mut shard = self.shard(room).lock();
        for line in lines {
            let mut queue = line.queue();
            queue.rooms.retain(|other| *other != room);
            queue.left.insert(room);
        }
        if let Some(seats) = shard.get_mut(&room) {
            seats.retain(|seat| !people.contains(&seat.line.user));
            if seats.is_empty() {
                shard.remove(&room);
                self.left.lock().insert(room, self.clock.ticks());
            }
        }
    }

    /// What is below has expired: nobody may see it any more.
    fn raise(&self, room: RoomId, floor: Option<Seq>) {
        let Some(floor) = floor else { return };
        let mut shard = self.shard(room).lock();
        for seat in shard.get_mut(&room).into_iter().flatten() {
            seat.min_seq = seat.min_seq.max(floor);
        }
    }

    fn own(&self, user: UserId, since: Seq, to: Seq, rows: Vec<Row>) {
        let lines = self.lines(user);
        if lines.is_empty() {
            return;
        }
        for row in &rows {
            if let Row::Mine(mine) = row {
                self.quiet(user, mine.room, mine.notify, mine.muted_until);
            }
        }
        let frame = OwnFrame { id: None, since, to, done: true, rows };
        let note = Arc::new(OwnNote::of(&frame));
        let text = encode(&ServerFrame::Own(frame));
        for line in lines {
            line.push(std::iter::once(Durable::Own(to, note.clone(), text.clone())));
        }
    }

    /// The rooms this connection has on screen; replaces what was.
    pub fn focus(&self, line: &Line, rooms: Vec<RoomId>) {
        let before = std::mem::replace(&mut line.queue().focus, rooms.clone());
        for room in before.iter().chain(&rooms) {
            let mut shard = self.shard(*room).lock();
            for seat in shard.get_mut(room).into_iter().flatten() {
                if seat.line.id == line.id {
                    seat.focus = rooms.contains(room);
                }
            }
        }
    }

    /// Sessions are over: their connections close with this code.
    pub fn end_sessions(&self, user: UserId, sessions: &[String], code: u16) {
        for line in self.lines(user) {
            if sessions.contains(&line.session) {
                line.end(code);
            }
        }
    }

    /// Closes every connection of which this is so.
    pub fn end_where(&self, code: u16, is: impl Fn(&Line) -> bool) {
        let people = self.people.lock();
        let lines = people.values().flatten();
        lines.filter(|line| is(line)).for_each(|line| line.end(code));
    }

    /// How many connections there are of which this is so.
    pub fn count_where(&self, is: impl Fn(&Line) -> bool) -> usize {
        self.people.lock().values().flatten().filter(|line| is(line)).count()
    }

    /// The connections of a person.
    pub fn lines(&self, user: UserId) -> Vec<Arc<Line>> {
        self.people.lock().get(&user).cloned().unwrap_or_default()
    }

    /// For how long it has been, milliseconds.
    pub fn age(&self) -> Millis {
        self.clock.ticks() - self.born
    }

    /// The rooms in which a person sits with any connection.
    pub fn rooms_of(&self, user: UserId) -> HashSet<RoomId> {
        self.lines(user).iter().flat_map(|line| line.queue().rooms.clone()).collect()
    }

    /// The rooms in which one connection sits.
    pub fn rooms_at(&self, line: &Line) -> HashSet<RoomId> {
        line.queue().rooms.iter().copied().collect()
    }

    /// Who is here in a room.
    pub fn present(&self, room: RoomId) -> Vec<UserId> {
        let shard = self.shard(room).lock();
        let people: HashSet<_> =
            shard.get(&room).into_iter().flatten().map(|seat| seat.line.user).collect();
        people.into_iter().collect()
    }

    /// Connections, and frames handed to them since the start.
    pub fn figures(&self) -> (usize, u64) {
        let lines = self.people.lock().values().map(Vec::len).sum();
        (lines, self.delivered.load(Ordering::Relaxed))
    }

    fn shard(&self, room: RoomId) -> &Mutex<HashMap<RoomId, Vec<Seat>>> {
        // Ids are random: their low bits are as good as a hash.
        &self.shards[room.0.rem_euclid(SHARDS as i64) as usize]
    }
}

/// Seats a connection once; who sits there already gets the new `min_seq`.
fn sit(seats: &mut Vec<Seat>, room: RoomId, line: &Arc<Line>, min_seq: Seq) {
    let mut queue = line.queue();
    if queue.gone {
        return;
    }
    match seats.iter_mut().find(|seat| seat.line.id == line.id) {
        Some(seat) => seat.min_seq = min_seq,
        None => {
            let focus = queue.focus.contains(&room);
            seats.push(Seat { line: line.clone(), min_seq, focus, quiet_until: 0 });
            queue.rooms.push(room);
        }
    }
}

#[cfg(test)]
mod tests;
