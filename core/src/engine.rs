//! The pure engine: what one account does about the world. Inputs in, writes and effects out; it
//! holds no socket, thread, clock or database, so every order of events can be tried.
//!
//! A step leaves its writes in one list and its effects in another. The machine commits the first
//! before it carries out the second: nothing is said, answered or shown before it is on disk.

mod ages;
mod digest;
mod frames;
mod intents;
mod link;
mod schedule;

pub use ages::Contact;

use crate::apply::Write;
use crate::coverage::Coverage;
use crate::error::Fault;
use crate::feed::{Change, LinkState};
use crate::notify::News;
use crate::outbox::Outbox;
use crate::room::{Mark, Room};
use crate::store::Loaded;
use crate::world::{Effect, Input, PageRequest};
use hallway_protocol::frames::{ClientFrame, Presence, Welcome};
use hallway_protocol::ids::{Key, Millis, RoomId, Seq, UserId};
use hallway_protocol::limits::Limits;
use hallway_protocol::rows::{RoomKind, Row};
use link::Link;
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::collections::{BTreeMap, BTreeSet};

/// Rooms whose heads are remembered before the own log names them.
const STRANGERS: usize = 64;

/// What a step leaves behind.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// One transaction.
    pub writes: Vec<Write>,
    /// In order, after it.
    pub effects: Vec<Effect>,
    /// Another data set began: load anew, then go on with this welcome.
    pub reload: Option<Box<Welcome>>,
    /// Everything missed is here: what came late may be summed up.
    pub went_live: bool,
}

/// A question on the link.
#[derive(Clone, Debug)]
struct Asked {
    what: Question,
    until: i64,
    /// The room and key of an operation, for when it is gone before its answer comes.
    said: Option<(RoomId, Key)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Question {
    Op(i64),
    Pull(RoomId),
    Own,
    Aside,
}

/// A page on its way, and who waits for it.
#[derive(Clone, Copy, Debug)]
struct Fill {
    intent: u64,
    request: PageRequest,
    tries: u32,
}

/// One account's engine.
#[derive(Debug)]
pub struct Engine {
    account: String,
    me: UserId,
    random: StdRng,
    epoch: Option<String>,
    own: Seq,
    own_head: Seq,
    /// The head that was known when the own log was asked for; none: it is not.
    own_asked: Option<Seq>,
    rooms: BTreeMap<RoomId, Room>,
    strangers: BTreeMap<RoomId, Seq>,
    direct: BTreeSet<RoomId>,
    mentioned: BTreeSet<RoomId>,
    focus: BTreeSet<RoomId>,
    /// Said again on each new link.
    watch: Option<(Vec<UserId>, Option<RoomId>)>,
    presence: Option<Presence>,
    recent: BTreeMap<RoomId, i64>,
    typing: BTreeMap<RoomId, BTreeMap<UserId, i64>>,
    outbox: Outbox,
    /// Confirmed drafts.
    drafts: BTreeMap<RoomId, String>,
    shown: (usize, usize, bool),
    link: Link,
    next_id: u64,
    asked: BTreeMap<u64, Asked>,
    fills: BTreeMap<u64, Fill>,
    limits: Limits,
    budget: schedule::Budget,
    acks: schedule::Acks,
    /// Server time minus monotonic time: at the last word, and at this process's first.
    offset: Option<i64>,
    steady: Option<i64>,
    contact: Option<Contact>,
    /// This machine's wall time minus monotonic time, where it was told.
    wall: Option<i64>,
    held_stored: i64,
    /// A device's first look at its account, until it once was live: nothing calls.
    first_look: bool,
    bad_digests: u32,
    out: Step,
}

impl Engine {
    /// An engine that goes on where `loaded` stood.
    pub(crate) fn new(loaded: Loaded, seed: u64) -> Self {
        let mut engine = Engine {
            account: String::new(),
            me: UserId(0),
            random: StdRng::seed_from_u64(seed),
            epoch: None,
            own: 0,
            own_head: 0,
            own_asked: None,
            rooms: BTreeMap::new(),
            strangers: BTreeMap::new(),
            direct: BTreeSet::new(),
            mentioned: BTreeSet::new(),
            focus: BTreeSet::new(),
            watch: None,
            presence: None,
            recent: BTreeMap::new(),
            typing: BTreeMap::new(),
            outbox: Outbox::default(),
            drafts: BTreeMap::new(),
            shown: (0, 0, false),
            link: Link::new(),
            next_id: 1,
            asked: BTreeMap::new(),
            fills: BTreeMap::new(),
            limits: Limits::default(),
            budget: schedule::Budget::default(),
            acks: schedule::Acks::default(),
            offset: None,
            steady: None,
            contact: None,
            wall: None,
            held_stored: 0,
            first_look: true,
            bad_digests: 0,
            out: Step::default(),
        };
        engine.take(loaded);
        engine
    }

    /// Forgets the rooms, the own log and the outbox, and takes those of the store.
    pub(crate) fn take(&mut self, loaded: Loaded) {
        self.account = loaded.account;
        self.me = loaded.me;
        self.epoch = loaded.epoch;
        self.own = loaded.own;
        self.contact = loaded.contact;
        self.rooms = loaded.rooms.into_iter().map(|room| (room.id, room)).collect();
        self.direct = loaded.direct.into_iter().collect();
        self.drafts = loaded.drafts.into_iter().collect();
        self.outbox = Outbox::new(loaded.ops, loaded.last_op, loaded.held);
        self.held_stored = loaded.held;
        self.first_look = !loaded.looked;
        self.own_asked = None;
        self.asked.clear();
    }

    /// One room.
    pub fn room(&self, room: RoomId) -> Option<&Room> {
        self.rooms.get(&room)
    }

    /// All rooms I am in.
    pub fn rooms(&self) -> impl Iterator<Item = &Room> {
        self.rooms.values()
    }

    /// What waits to be confirmed.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Cursor of my own log.
    pub fn own(&self) -> Seq {
        self.own
    }

    /// How the link stands.
    pub fn link_state(&self) -> LinkState {
        self.link.state()
    }

    /// The server's time at `now`, as far as it is known.
    pub(crate) fn server_now(&self, now: i64) -> Millis {
        let last = self.contact.map_or(0, |contact| contact.server);
        self.offset.map_or(last, |offset| now + offset)
    }

    /// The server's time that ages are measured by: it does not leap while the process lives.
    fn steady_now(&self, now: i64) -> Millis {
        let last = self.contact.map_or(0, |contact| contact.steady);
        self.steady.map_or(last, |offset| now + offset)
    }

    /// Begins: wants to be connected.
    pub(crate) fn start(&mut self, now: i64) -> Step {
        // Links and questions of an engine before this one (its store was replaced) have lower
        // numbers: no engine asks a thousand questions a millisecond.
        self.link.number = self.link.number.max(now.cast_unsigned());
        self.next_id = self.next_id.max(now.cast_unsigned() << 10);
        self.link.wants = true;
        self.connect(now);
        self.finish(now)
    }

    /// After a failure of the store: everything is as if the program had just begun, but quieter.
    pub(crate) fn resume(&mut self, now: i64, before: &Engine) -> Step {
        self.link.number = before.link.number + 1;
        self.link.wants = before.link.wants;
        self.next_id = before.next_id;
        (self.offset, self.steady, self.wall) = (before.offset, before.steady, before.wall);
        self.focus.clone_from(&before.focus);
        self.out.effects.push(Effect::Close { link: before.link.number });
        self.wait(now, link::AFTER_STORE_FAILED, Some("the local store failed"));
        self.finish(now)
    }

    /// Nothing can be stored for a while: the link goes, and the window is told.
    pub(crate) fn give_up(&mut self, now: i64) -> Vec<Effect> {
        self.hang_up();
        self.wait(now, link::AFTER_STORE_FAILED, Some("the local store failed"));
        std::mem::take(&mut self.out).effects
    }

    /// Pages on their way are not waited for any more.
    pub(crate) fn drop_fills(&mut self) -> Vec<Effect> {
        let fills = std::mem::take(&mut self.fills).into_values();
        fills.map(|fill| Effect::Answer { id: fill.intent, result: Err(Fault::Offline) }).collect()
    }

    /// One input.
    pub(crate) fn step(&mut self, now: i64, input: Input) -> Step {
        match input {
            Input::Intent { id, intent } => self.intent(now, id, intent),
            Input::Opened { link } => self.opened(now, link),
            Input::Frame { link, frame } => {
                if self.heard(now, link) {
                    self.frame(now, frame);
                }
            }
            Input::Heard { link } => {
                self.heard(now, link);
            }
            Input::Closed { link, code } => self.closed(now, link, code),
            Input::Refreshed(how) => self.refreshed(now, how),
            Input::Fetched { id, page } => self.fetched(id, page),
            Input::Tick => {}
            Input::Network => self.probe(now),
            Input::Wall(wall) => self.wall = Some(wall - now),
        }
        self.finish(now)
    }

    /// Goes on with a welcome after [`Step::reload`].
    pub(crate) fn rewound(&mut self, now: i64, loaded: Loaded, welcome: Welcome) -> Step {
        self.take(loaded);
        // Pages asked before would bring back rows of the lost tail.
        let dropped = self.drop_fills();
        self.out.effects.extend(dropped);
        self.welcome(now, welcome);
        self.finish(now)
    }

    /// What every step ends with: time, slots, the outbox, and the list of what to write.
    fn finish(&mut self, now: i64) -> Step {
        if self.out.reload.is_some() {
            return std::mem::take(&mut self.out);
        }
        self.time(now);
        self.pull_rooms(now);
        self.forget(now);
        self.pump(now);
        self.acknowledge(now);
        self.look_live(now);
        self.tell_refused();
        let dirt = self.outbox.take_dirt();
        self.out.writes.extend(dirt.gone.into_iter().map(Write::Remove));
        self.out.writes.extend(dirt.put.into_iter().map(Write::Put));
        self.show_outbox();
        self.wake(now);
        std::mem::take(&mut self.out)
    }

    fn show_outbox(&mut self) {
        let held = self.outbox.held();
        if held != self.held_stored {
            self.held_stored = held;
            self.out.writes.push(Write::Set("held", held.to_string()));
        }
        let (waiting, failed) = self.outbox.counts();
        let ask = held > 0;
        if self.shown != (waiting, failed, ask) {
            self.shown = (waiting, failed, ask);
            let account = self.account.clone();
            self.out.effects.push(Effect::Change(Change::Outbox { account, waiting, failed, ask }));
        }
    }

    /// Changes a room's machine, and notes what is to be stored of it.
    fn with_room<T>(&mut self, id: RoomId, change: impl FnOnce(&mut Room) -> T) -> Option<T> {
        let room = self.rooms.get_mut(&id)?;
        let (mark, covered) = (room.mark().clone(), room.covered().clone());
        let result = change(room);
        let moved = *room.mark() != mark;
        let recovered = (*room.covered() != covered).then(|| room.covered().ranges().to_vec());
        if moved || recovered.is_some() {
            let mark = room.mark().clone();
            self.acks.note(id, mark.cursor);
            self.out.writes.push(Write::Mark { room: id, mark, covered: recovered });
        }
        Some(result)
    }

    /// Rows of room logs and people: to the store by version, and to the outbox what they settle.
    fn rows(&mut self, rows: Vec<Row>, news: News) {
        for row in &rows {
            match row {
                Row::Message(message) => {
                    if message.sender == self.me
                        && let Some(key) = &message.key
                    {
                        self.outbox.confirmed(key, Some(message.seq));
                    }
                    if message.deleted {
                        self.outbox.buried(message.room, message.seq);
                    }
                }
                Row::Room(row) => {
                    if row.kind == RoomKind::Direct {
                        self.direct.insert(row.room);
                    }
                    if row.kept_from > 1 {
                        let (room, min_seq) = (row.room, row.kept_from);
                        self.with_room(room, |room| room.set_min_seq(min_seq));
                        self.out.writes.push(Write::Cut { room, min_seq });
                    }
                }
                _ => {}
            }
        }
        let news = if self.first_look { News::Quiet } else { news };
        if !rows.is_empty() {
            self.out.writes.push(Write::Rows { rows, news });
        }
    }

    /// I am in this room: it has a machine.
    fn enter(&mut self, id: RoomId, head: Seq) {
        let head = self.strangers.remove(&id).unwrap_or_default().max(head);
        self.rooms.entry(id).or_insert_with(|| Room::new(id, Mark::default(), Coverage::default()));
        self.with_room(id, |room| room.hint(head, true));
    }

    fn stranger(&mut self, id: RoomId, head: Seq) {
        if self.strangers.len() < STRANGERS || self.strangers.contains_key(&id) {
            let known = self.strangers.entry(id).or_default();
            *known = head.max(*known);
        }
    }

    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Asks something on the link.
    fn ask(&mut self, now: i64, what: Question, frame: impl FnOnce(u64) -> ClientFrame) -> u64 {
        let id = self.id();
        self.asked.insert(id, Asked { what, until: now + link::ANSWER_TIMEOUT, said: None });
        self.say(frame(id));
        id
    }

    fn say(&mut self, frame: ClientFrame) {
        self.out.effects.push(Effect::Send { link: self.link.number, frame });
    }
}
