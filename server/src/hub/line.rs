//! What waits to be written to one connection. Everything here is bounded: events past the bound
//! collapse to one `lag` with the heads, signs of the moment are the latest only, and a reader who
//! does not read is let go.

use super::told::{Note, OwnNote};
use crate::store::Me;
use hallway_protocol::frames::{Presence, ServerFrame};
use hallway_protocol::ids::{RoomId, Seq, TenantId, UserId};
use hallway_protocol::limits::TYPING_EVERY_MS;
use hallway_protocol::rows::TenantRole;
use parking_lot::{Mutex, MutexGuard};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Utf8Bytes;

/// Events that wait before they collapse.
const DURABLE_FRAMES: usize = 512;
/// Their bytes.
const DURABLE_BYTES: usize = 256 * 1024;
/// Signs of the moment of one kind that wait; beyond it new ones are dropped.
const SLOTS: usize = 256;

/// A connection as the hub sees it.
#[derive(Debug)]
pub struct Line {
    /// Unique in the life of the process.
    pub id: u64,
    /// Of which tenant.
    pub tenant: TenantId,
    /// Whose it is.
    pub user: UserId,
    /// What they are in their tenant.
    pub role: TenantRole,
    /// With which session.
    pub session: String,
    /// From where, where that is known.
    from: OnceLock<IpAddr>,
    state: Mutex<Queue>,
    wake: Notify,
    /// Where it last said that its person types.
    typed: Mutex<Option<Typed>>,
}

/// Somebody types.
#[derive(Clone, Copy, Debug)]
struct Typed {
    room: RoomId,
    /// When, in ticks.
    at: i64,
    /// They have said it since.
    over: bool,
}

/// What the connection's own task is to write next.
#[derive(Clone, PartialEq, Debug)]
pub enum Next {
    /// A frame, and what it says of heads.
    Frame(Utf8Bytes, Note),
    /// Nothing more: close with this code.
    Close(u16),
}

/// A durable frame and what to remember of it if it must be dropped.
#[derive(Debug)]
pub(super) enum Durable {
    /// A change of a room.
    Event(RoomId, Seq, Utf8Bytes),
    /// A change of the person's own log, its head, and what it says of rooms.
    Own(Seq, Arc<OwnNote>, Utf8Bytes),
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    durable: VecDeque<Durable>,
    bytes: usize,
    lag: Option<Box<Lag>>,
    slots: Option<Box<Slots>>,
    end: Option<u16>,
    own_head: Seq,
    /// Rooms that moved on while its person wants no notice of each message.
    bumps: BTreeSet<RoomId>,
    /// Where it sits.
    pub rooms: Vec<RoomId>,
    /// What is on its screen.
    pub focus: Vec<RoomId>,
    /// Rooms its person left while it was arriving: it must not be seated there from an older list.
    pub left: HashSet<RoomId>,
    /// The connection has ended; it is seated nowhere any more.
    pub gone: bool,
}

#[derive(Debug, Default)]
struct Lag {
    rooms: BTreeMap<RoomId, Seq>,
}

/// Signs of the moment: the latest of each.
#[derive(Debug, Default)]
struct Slots {
    users: HashMap<UserId, Utf8Bytes>,
    notices: VecDeque<Utf8Bytes>,
    typing: HashMap<(RoomId, UserId), Utf8Bytes>,
    presence: BTreeMap<UserId, Presence>,
    reads: BTreeMap<RoomId, BTreeMap<UserId, (Seq, Seq)>>,
}

impl Line {
    /// A line on which nothing waits.
    pub fn new(id: u64, me: &Me) -> Self {
        let Me { tenant, user, role, session, .. } = me.clone();
        let (state, typed) = (Mutex::default(), Mutex::default());
        let (wake, from) = (Notify::new(), OnceLock::new());
        Line { id, tenant, user, role, session, from, state, wake, typed }
    }

    /// It comes from there.
    pub fn comes_from(&self, address: IpAddr) {
        let _ = self.from.set(address);
    }

    /// From where it comes.
    pub fn from(&self) -> Option<IpAddr> {
        self.from.get().copied()
    }

    /// Waits until there is something to write.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Takes what is to be written next.
    pub fn next(&self) -> Option<Next> {
        let mut queue = self.state.lock();
        if let Some(code) = queue.end {
            return Some(Next::Close(code));
        }
        if let Some(lag) = queue.lag.take() {
            let rooms = lag.rooms.into_iter().collect();
            return frame(&ServerFrame::Lag { rooms, own: queue.own_head });
        }
        if let Some(durable) = queue.durable.pop_front() {
            let (text, note) = durable.into_parts();
            queue.bytes -= text.len();
            if queue.durable.is_empty() {
                // An idle connection keeps no buffer.
                queue.durable = VecDeque::new();
            }
            return Some(Next::Frame(text, note));
        }
        let taken = queue.slots.as_mut().and_then(|slots| slots.take());
        if taken.is_none() {
            queue.slots = None;
        }
        taken.map(|text| Next::Frame(text, Note::Nothing))
    }

    /// Signs of the moment alone, for who asks by `/sync`.
    pub fn signs(&self) -> Vec<ServerFrame> {
        let slots = self.state.lock().slots.take();
        let mut slots = slots.map_or_else(Slots::default, |slots| *slots);
        let texts = std::iter::from_fn(|| slots.take());
        texts.filter_map(|text| serde_json::from_str(&text).ok()).collect()
    }

    /// Forgets the durable frames that wait: who asks by `/sync` reads the store instead.
    pub fn forget_waiting(&self) {
        let mut queue = self.state.lock();
        (queue.durable, queue.bytes, queue.lag) = (VecDeque::new(), 0, None);
        queue.bumps = BTreeSet::new();
    }

    /// The head of the person's own log as the welcome says it.
    pub fn set_own_head(&self, head: Seq) {
        let mut queue = self.state.lock();
        queue.own_head = queue.own_head.max(head);
    }

    /// The code with which it is to be closed at once.
    pub fn ended(&self) -> Option<u16> {
        self.state.lock().end
    }

    /// The connection is to be closed with this code; nothing else is written any more.
    pub fn end(&self, code: u16) {
        self.state.lock().end.get_or_insert(code);
        self.wake.notify_one();
    }

    /// Whether a `typing` may be told of; it counts if so.
    pub(super) fn may_type(&self, room: RoomId, now: i64) -> bool {
        let mut typed = self.typed.lock();
        let early = typed.is_some_and(|last| last.room == room && now - last.at < TYPING_EVERY_MS);
        if !early {
            *typed = Some(Typed { room, at: now, over: false });
        }
        !early
    }

    /// Its person says something there: what they were typing is over, whoever still asks about it.
    pub fn says(&self, room: RoomId) {
        if let Some(typed) = self.typed.lock().as_mut().filter(|typed| typed.room == room) {
            typed.over = true;
        }
    }

    pub(super) fn types(&self, room: RoomId) -> bool {
        self.typed.lock().is_some_and(|typed| typed.room == room && !typed.over)
    }

    /// Somebody in a room it sits in types.
    pub(super) fn typing(&self, room: RoomId, user: UserId, text: &Utf8Bytes) {
        self.sign(|slots| {
            if slots.typing.len() < SLOTS || slots.typing.contains_key(&(room, user)) {
                slots.typing.insert((room, user), text.clone());
            }
        });
    }

    /// How people it watches are.
    pub fn presence(&self, people: &[(UserId, Presence)]) {
        self.sign(|slots| slots.presence.extend(people.iter().copied()));
    }

    /// Marks of a room it has in focus.
    pub(super) fn reads(&self, room: RoomId, marks: &BTreeMap<UserId, (Seq, Seq)>) {
        self.sign(|slots| {
            slots
                .reads
                .entry(room)
                .or_default()
                .extend(marks.iter().map(|(user, mark)| (*user, *mark)))
        });
    }

    /// A profile of somebody it shares a room with.
    pub(super) fn profile(&self, user: UserId, text: &Utf8Bytes) {
        self.sign(|slots| {
            if slots.users.len() < SLOTS || slots.users.contains_key(&user) {
                slots.users.insert(user, text.clone());
            }
        });
    }

    /// Notices from before it came.
    pub fn missed(&self, notices: impl Iterator<Item = ServerFrame>) {
        notices.for_each(|notice| self.notice(&encode(&notice)));
    }

    /// A notice; one that is dropped is found in the list.
    pub(super) fn notice(&self, text: &Utf8Bytes) {
        self.sign(|slots| {
            if slots.notices.len() < SLOTS {
                slots.notices.push_back(text.clone());
            }
        });
    }

    fn sign(&self, change: impl FnOnce(&mut Slots)) {
        let mut queue = self.state.lock();
        let half = queue.durable.len() > DURABLE_FRAMES / 2 || queue.bytes > DURABLE_BYTES / 2;
        if half || queue.lag.is_some() || queue.gone {
            return;
        }
        change(queue.slots.get_or_insert_default());
        drop(queue);
        self.wake.notify_one();
    }

    /// A quiet room moved on: its head is told when there is time.
    pub(super) fn bump(&self, room: RoomId) {
        self.state.lock().bumps.insert(room);
        self.wake.notify_one();
    }

    /// The quiet rooms that moved on since this was last asked.
    pub fn take_bumps(&self) -> Vec<RoomId> {
        std::mem::take(&mut self.state.lock().bumps).into_iter().collect()
    }

    /// Whether there are any.
    pub fn has_bumps(&self) -> bool {
        !self.state.lock().bumps.is_empty()
    }

    /// Queues durable frames, in order.
    pub(super) fn push(&self, frames: impl Iterator<Item = Durable>) {
        let mut queue = self.state.lock();
        for frame in frames {
            queue.push(frame);
        }
        drop(queue);
        self.wake.notify_one();
    }

    pub(super) fn queue(&self) -> MutexGuard<'_, Queue> {
        self.state.lock()
    }
}

impl Queue {
    fn push(&mut self, frame: Durable) {
        if let Durable::Own(head, ..) = frame {
            self.own_head = self.own_head.max(head);
        }
        if let Some(lag) = &mut self.lag {
            lag.note(&frame);
            return;
        }
        self.bytes += frame.text().len();
        self.durable.push_back(frame);
        if self.durable.len() > DURABLE_FRAMES || self.bytes > DURABLE_BYTES {
            self.collapse();
        }
    }

    /// Frees what waits and remembers the heads.
    fn collapse(&mut self) {
        let mut lag = Box::<Lag>::default();
        for frame in std::mem::take(&mut self.durable) {
            lag.note(&frame);
        }
        self.lag = Some(lag);
        self.bytes = 0;
        self.slots = None;
    }
}

impl Lag {
    fn note(&mut self, frame: &Durable) {
        if let Durable::Event(room, seq, _) = frame {
            let head = self.rooms.entry(*room).or_default();
            *head = (*head).max(*seq);
        }
    }
}

impl Durable {
    fn text(&self) -> &Utf8Bytes {
        match self {
            Durable::Event(_, _, text) | Durable::Own(_, _, text) => text,
        }
    }

    fn into_parts(self) -> (Utf8Bytes, Note) {
        match self {
            Durable::Event(room, seq, text) => (text, Note::Head(room, seq)),
            Durable::Own(_, note, text) => (text, Note::Own(note)),
        }
    }
}

impl Slots {
    fn take(&mut self) -> Option<Utf8Bytes> {
        if let Some(user) = self.users.keys().next().copied() {
            return self.users.remove(&user);
        }
        if let Some(notice) = self.notices.pop_front() {
            return Some(notice);
        }
        if let Some(sign) = self.typing.keys().next().copied() {
            return self.typing.remove(&sign);
        }
        if let Some((room, marks)) = self.reads.pop_first() {
            let marks = marks.into_iter().map(|(user, (read, got))| (user, read, got)).collect();
            return Some(encode(&ServerFrame::Read { room, marks }));
        }
        if self.presence.is_empty() {
            return None;
        }
        let users = std::mem::take(&mut self.presence).into_iter().collect();
        Some(encode(&ServerFrame::Presence { users }))
    }
}

fn frame(frame: &ServerFrame) -> Option<Next> {
    Some(Next::Frame(encode(frame), Note::of(frame)))
}

/// A frame as it goes over the wire.
pub fn encode(frame: &ServerFrame) -> Utf8Bytes {
    serde_json::to_string(frame).expect("every frame has a JSON form").into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallway_protocol::frames::{OwnFrame, close};

    fn line() -> Line {
        Line::new(1, &Me::test(1, "s"))
    }

    fn events(room: i64, seqs: std::ops::RangeInclusive<i64>) -> impl Iterator<Item = Durable> {
        seqs.map(move |seq| Durable::Event(RoomId(room), seq, "x".repeat(10).into()))
    }

    fn text(next: Option<Next>) -> String {
        match next {
            Some(Next::Frame(text, _)) => text.as_str().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_overflows_becomes_one_lag_with_the_heads() {
        let line = line();
        line.set_own_head(5);
        line.push(events(7, 1..=400));
        let own = OwnFrame { id: None, since: 5, to: 6, done: true, rows: Vec::new() };
        let note = Arc::new(OwnNote::of(&own));
        line.push([Durable::Own(6, note, "own".into())].into_iter());
        line.push(events(9, 1..=200));
        assert_eq!(text(line.next()), r#"{"type":"lag","rooms":[[7,400],[9,200]],"own":6}"#);
        assert_eq!(line.next(), None);
        line.push(events(7, 401..=401));
        assert_eq!(text(line.next()), "xxxxxxxxxx");
    }

    #[test]
    fn until_the_lag_is_written_its_heads_move_and_nothing_waits() {
        let line = line();
        line.push(events(7, 1..=513));
        line.push(events(7, 514..=5_000));
        assert_eq!(text(line.next()), r#"{"type":"lag","rooms":[[7,5000]],"own":0}"#);
        assert_eq!(line.next(), None);
    }

    /// One batch may be more than the queue holds, however fast the reader is.
    #[test]
    fn collapsing_again_and_again_is_no_end() {
        let line = line();
        for round in 1..=9 {
            line.push(events(7, round * 1000..=round * 1000 + 600));
            assert!(text(line.next()).starts_with(r#"{"type":"lag""#));
            assert_eq!(line.next(), None);
        }
    }

    #[test]
    fn bytes_count_as_frames_do() {
        let line = line();
        let large = |seq| Durable::Event(RoomId(7), seq, "x".repeat(100_000).into());
        line.push((1..=3).map(large));
        assert_eq!(text(line.next()), r#"{"type":"lag","rooms":[[7,3]],"own":0}"#);
    }

    #[test]
    fn of_signs_the_latest_counts_and_none_is_kept_for_a_slow_reader() {
        let line = line();
        line.presence(&[(UserId(3), Presence::Away)]);
        line.presence(&[(UserId(3), Presence::Online)]);
        assert_eq!(text(line.next()), r#"{"type":"presence","users":[[3,"online"]]}"#);
        assert_eq!(line.next(), None);
        line.push(events(7, 1..=300));
        line.presence(&[(UserId(3), Presence::Away)]);
        assert_eq!((0..300).filter_map(|_| line.next()).count(), 300);
        assert_eq!(line.next(), None);
    }

    #[test]
    fn after_the_end_nothing_is_written() {
        let line = line();
        line.push(events(7, 1..=3));
        line.end(close::THROWN_OUT);
        line.end(close::SIGNED_OUT);
        assert_eq!(line.next(), Some(Next::Close(close::THROWN_OUT)));
    }
}
