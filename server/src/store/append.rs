//! The typed path of posts. Neighbours in the queue share what they look up: a room's head is read
//! and written once for all of them, a membership asked once. The order of the three questions
//! stands: the room is locked, the key looked up, then who may is asked. A key already done is
//! answered even to somebody since removed, so that their outbox can settle.

use super::deliveries::{Cause, Ears};
use super::engine::{Conn, Outcome, Value};
use super::lane::{Item, Work};
use super::mentions::Named;
use super::rooms::Facts;
use super::{
    Event, JOB_BYTES, Me, Needs, Result, Store, StoreError, Tx, attachments, keywords, mentions,
    messages, notices, own, rooms, users, waited,
};
use crate::access::{self, Act, Standing};
use crate::params;
use hallway_protocol::ids::{Key, Millis, RoomId, Seq, TenantId, UserId};
use hallway_protocol::rows::{File, Message, MessageKind, MineState, Row};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use tokio::sync::oneshot;

/// A message that keeps the limits, on its way into a room.
#[derive(Clone, PartialEq, Debug)]
pub struct Draft {
    /// Made once, when the person acted.
    pub key: Key,
    /// What; NFC, within its limit.
    pub text: String,
    /// `seq` it answers.
    pub reply: Option<Seq>,
    /// `seq` of a message of the thread it belongs to.
    pub thread: Option<Seq>,
    /// Media ids.
    pub files: Vec<String>,
    /// Free data.
    pub meta: serde_json::Map<String, serde_json::Value>,
    /// The sender's draft of this room is done with.
    pub clears_draft: bool,
}

/// A message that is on disk.
#[derive(Clone, PartialEq, Debug)]
pub struct Posted {
    /// The key was done before; the message is as it is now.
    pub again: bool,
    /// The message.
    pub message: Message,
}

/// A draft with its caller.
pub struct Post {
    pub me: Me,
    /// For whom a command speaks: what they may is asked.
    pub asker: Option<Me>,
    pub room: RoomId,
    pub draft: Draft,
    pub out: Option<Posted>,
    pub to: oneshot::Sender<Result<Posted>>,
}

impl Post {
    /// Appends it. May be called again after a rollback.
    pub fn run(&mut self, tx: &mut Tx<'_>, append: &mut Append) -> Result<()> {
        self.out = None;
        self.out = Some(append.post(tx, &self.me, self.asker.as_ref(), self.room, &self.draft)?);
        Ok(())
    }

    /// Answers the caller.
    pub fn answer(self, refused: Option<StoreError>) {
        let answer = match (refused, self.out) {
            (Some(refused), _) => Err(refused),
            (None, Some(posted)) => Ok(posted),
            (None, None) => Err(StoreError::Lost),
        };
        // Who asked may be gone; the message stands.
        let _ = self.to.send(answer);
    }
}

impl Store {
    /// Says what a command answers: the message is its bot's, what may be said is its asker's.
    pub fn answer(
        &self,
        me: Me,
        asker: Me,
        room: RoomId,
        draft: Draft,
    ) -> impl Future<Output = Result<Posted>> + Send + 'static {
        let (to, answer) = oneshot::channel();
        let needs = Needs::room(room);
        let lane = needs.lane(self.lanes.len());
        let bytes = JOB_BYTES + draft.text.len();
        let work =
            Work::Post(Box::new(Post { me, asker: Some(asker), room, draft, out: None, to }));
        let queued = self.lanes[lane].put(bytes, Item { needs, work, alone: false });
        waited(queued, answer)
    }
}

/// What neighbours share. It lives within one transaction and between two jobs of other kinds, so
/// nothing in it can be older than the locks.
#[derive(Default)]
pub struct Append {
    rooms: HashMap<RoomId, Open>,
    members: HashMap<(RoomId, UserId), Standing>,
    ears: Ears,
    /// Whether anybody of a tenant wants to hear of a word.
    heeded: HashMap<TenantId, bool>,
}

/// A room that is being written to.
struct Open {
    facts: Facts,
    /// Head and count are not written yet.
    dirty: bool,
}

/// What a draft becomes part of, once all its questions are answered.
struct Ready {
    named: Named,
    thread: Option<Seq>,
    /// Who said what it answers.
    answered: Option<UserId>,
    /// From whom a direct room is hidden until now.
    hidden: Vec<UserId>,
    /// What it carries.
    files: Vec<File>,
    /// Who says it, where nobody knows them.
    bot: Vec<Row>,
}

impl Append {
    /// Writes what is not written yet and forgets the rest.
    pub fn flush(&mut self, conn: &mut dyn Conn) -> Outcome<()> {
        self.members.clear();
        self.ears = Ears::default();
        self.heeded.clear();
        for (room, open) in self.rooms.drain() {
            if open.dirty {
                conn.exec(
                    "update rooms set head = $1, last_n = $2 where id = $3",
                    &[
                        Value::Int(open.facts.head),
                        Value::Int(open.facts.last_n),
                        Value::Int(room.0),
                    ],
                )?;
            }
        }
        Ok(())
    }

    fn post(
        &mut self,
        tx: &mut Tx<'_>,
        me: &Me,
        asker: Option<&Me>,
        id: RoomId,
        draft: &Draft,
    ) -> Result<Posted> {
        let facts = match self.rooms.entry(id) {
            Entry::Occupied(open) => open.get().facts.clone(),
            Entry::Vacant(place) => {
                let facts = rooms::facts(tx, id)?.ok_or(StoreError::NotFound("room"))?;
                place.insert(Open { facts, dirty: false }).facts.clone()
            }
        };
        let ready = match self.ready(tx, me, asker, &facts, draft) {
            Ok(ready) => ready,
            Err(refused) => {
                let first = messages::by_key(tx, me, id, &draft.key)?;
                return first.map(again).ok_or(refused);
            }
        };
        let message = message(me, &facts, draft, &ready, tx.now());
        if !insert(tx, &message, &draft.key)? {
            let first = messages::by_key(tx, me, id, &draft.key)?;
            return first.map(again).ok_or(StoreError::Lost);
        }
        attachments::keep(tx, id, message.seq, &message.files)?;
        mentions::keep(tx, &facts, &message, ready.answered)?;
        self.ears.tell(tx, &facts, message.seq, &[Cause::said(&message)])?;
        self.advance(tx, me, draft, &message, &ready)?;
        Ok(Posted { again: false, message })
    }

    /// Everything that can refuse a draft, before anything is written.
    fn ready(
        &mut self,
        tx: &mut Tx<'_>,
        me: &Me,
        asker: Option<&Me>,
        room: &Facts,
        draft: &Draft,
    ) -> Result<Ready> {
        let speaks = asker.unwrap_or(me);
        let standing = match self.members.get(&(room.id, speaks.user)) {
            Some(standing) => *standing,
            None => {
                let standing = access::may(tx, speaks, Act::Post, room)?;
                self.members.insert((room.id, speaks.user), standing);
                standing
            }
        };
        if asker.is_none() && standing.paced && room.slow_seconds > 0 {
            pace(tx, me, room)?;
        }
        let answered = match draft.reply {
            None => None,
            Some(reply) => Some(messages::root(tx, room.id, reply, standing, "reply")?.0),
        };
        let thread = match draft.thread {
            None => None,
            Some(thread) => Some(messages::root(tx, room.id, thread, standing, "thread")?.1),
        };
        let named = mentions::named(tx, room, &draft.text)?;
        let hidden = if room.hidden > 0 { rooms::hidden_from(tx, room.id)? } else { Vec::new() };
        tx.hold_people(&hidden)?;
        let files = attachments::named(tx, me, &draft.files)?;
        // A command's bot is no member, so nobody has its row yet.
        let bot = asker.map(|_| users::rows(tx, [me.user])).transpose()?.unwrap_or_default();
        Ok(Ready { named, thread, answered, hidden, files, bot })
    }

    /// Moves the head, shows the room to those from whom it was hidden, and publishes.
    fn advance(
        &mut self,
        tx: &mut Tx<'_>,
        me: &Me,
        draft: &Draft,
        message: &Message,
        ready: &Ready,
    ) -> Result<()> {
        let Some(open) = self.rooms.get_mut(&message.room) else { return Ok(()) };
        let tenant = open.facts.tenant;
        let heeded = match self.heeded.get(&tenant) {
            Some(heeded) => *heeded,
            None => *self.heeded.entry(tenant).or_insert(keywords::any(tx, tenant)?),
        };
        let clears = draft.clears_draft && own::has_draft(tx, me.user, message.room)?;
        let (seq, n) = (message.seq, message.n);
        let aside = clears || !ready.hidden.is_empty();
        if aside {
            // The rows of own logs name the head, so it is written before them.
            tx.exec(
                "update rooms set head = $1, last_n = $2, hidden = 0 where id = $3",
                params![seq, n, message.room],
            )?;
        }
        let enter = ready.hidden.iter().map(|person| (*person, 1)).collect();
        tx.emit(Event::Room {
            tenant: open.facts.tenant,
            room: message.room,
            seq,
            last_n: n,
            rows: std::iter::once(Row::Message(message.clone())).chain(ready.bot.clone()).collect(),
            enter,
            leave: Vec::new(),
            closed: false,
            concerns: ready.answered.into_iter().collect(),
            floor: None,
            size: open.facts.size,
        });
        for person in &ready.hidden {
            own::stand(tx, *person, message.room, MineState::Joined, 0)?;
        }
        if clears {
            own::clear_draft(tx, me.user, message.room)?;
        }
        notices::of_message(tx, &open.facts, message, ready.answered, heeded)?;
        // Last, so that a statement that failed leaves the memory as the rollback leaves the table.
        (open.facts.head, open.facts.last_n, open.dirty) = (seq, n, !aside);
        if aside {
            open.facts.hidden = 0;
        }
        Ok(())
    }
}

/// Says something within another transaction: a message whose time has come.
pub(super) fn post(tx: &mut Tx<'_>, me: &Me, room: RoomId, draft: &Draft) -> Result<Posted> {
    tx.hold_room(room)?;
    let mut append = Append::default();
    let posted = append.post(tx, me, None, room, draft)?;
    if let Some(open) = append.rooms.get(&room).filter(|open| open.dirty) {
        tx.exec(
            "update rooms set head = $1, last_n = $2 where id = $3",
            params![open.facts.head, open.facts.last_n, room],
        )?;
    }
    Ok(posted)
}

/// Slow mode: so long after one's last message of the room, deleted ones too. It is asked of the
/// store, so it holds across connections and restarts.
fn pace(tx: &mut Tx<'_>, me: &Me, room: &Facts) -> Result<()> {
    let last = tx.one(
        "select at from messages where sender = $1 and room = $2 and kind = 0
         order by seq desc limit 1",
        params![me.user, room.id],
        |row| row.get::<Millis>(0),
    )?;
    let now = tx.now();
    // A time in the future was written by a clock that was wrong: nobody waits for it.
    let wait = last.filter(|last| *last <= now).map(|last| last + room.slow_seconds * 1_000 - now);
    match wait {
        Some(wait) if wait > 0 => Err(StoreError::RateLimited(wait)),
        _ => Ok(()),
    }
}

fn again(message: Message) -> Posted {
    Posted { again: true, message }
}

fn message(me: &Me, room: &Facts, draft: &Draft, ready: &Ready, at: i64) -> Message {
    Message {
        room: room.id,
        seq: room.head + 1,
        rev: room.head + 1,
        n: room.last_n + 1,
        sender: me.user,
        at,
        key: Some(draft.key.clone()),
        kind: MessageKind::Text,
        text: draft.text.clone(),
        reply: draft.reply,
        thread: ready.thread,
        files: ready.files.clone(),
        mentions: ready.named.people.clone(),
        everyone: ready.named.everyone,
        meta: draft.meta.clone(),
        edited_at: None,
        pinned: false,
        deleted: false,
    }
}

/// Inserts the message; false when its key was done before.
fn insert(tx: &mut Tx<'_>, message: &Message, key: &Key) -> Result<bool> {
    let meta = messages::object_text(&message.meta);
    let named = mentions::list_text(&message.mentions);
    let files = messages::files_text(&message.files);
    let done = tx.exec(
        "insert into messages (room, seq, rev, n, kind, sender, at, key, text, reply, thread,
            mentions, everyone, meta, edited_at, pinned, deleted_at, files)
         values ($1, $2, $2, $3, 0, $4, $5, $6, $7, $8, $9, $10, $11, $12, null, 0, null, $13)
         on conflict (key, sender, room) do nothing",
        params![
            message.room,
            message.seq,
            message.n,
            message.sender,
            message.at,
            &key.to_bytes(),
            &message.text,
            message.reply,
            message.thread,
            &named,
            message.everyone,
            &meta,
            &files
        ],
    )?;
    Ok(done == 1)
}
