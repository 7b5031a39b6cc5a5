//! What a person did and the server has not confirmed: `Queued | Blocked → Sending → gone (with its
//! row) | Queued (link lost: same key, same bytes, same place) | Waiting | Failed`. Pure; the
//! store's `outbox` table is its mirror, written in the transaction of the step that changed it.
//!
//! Promises: what was ever said never changes (P9); an operation holds up only what needs it, and
//! the sends that would otherwise overtake it (P10, P3). Sends never expire.

mod drafts;
mod ends;
mod lane;

pub use ends::Refusal;

use crate::op::{Act, Draft, Op, State};
use crate::planted::{Bug, planted};
use crate::world::Target;
use hallway_protocol::frames::MinePatch;
use hallway_protocol::ids::{Key, Millis, RoomId, Seq};
use lane::Lane;
use std::collections::{BTreeMap, BTreeSet};

/// Commands unanswered in one room, unless the server says less.
pub const UNANSWERED: usize = 16;

/// The longest wait a server may ask for, milliseconds: what asks for more is tried anyway.
pub const PATIENCE: i64 = 60_000;

/// All operations, and which of them the store does not know as they are.
#[derive(Debug, Default)]
pub struct Outbox {
    ops: BTreeMap<i64, Op>,
    next: i64,
    changed: BTreeSet<i64>,
    gone: BTreeSet<i64>,
    /// Sends up to this one wait for the person's word.
    held: i64,
    /// Rooms whose later commands the server refuses until this key comes again.
    stopped: BTreeMap<RoomId, Key>,
    /// Refused messages that went anew under another key in this life of the process.
    replaced: BTreeMap<Key, Key>,
    /// Doors that stayed shut in this step.
    refused: Vec<Refusal>,
}

/// What a step left to be written.
#[derive(Debug, Default, PartialEq)]
pub struct Dirt {
    /// Rows to write.
    pub put: Vec<Op>,
    /// Rows to remove.
    pub gone: Vec<i64>,
}

impl Outbox {
    /// The outbox of a store; `last` is the highest place ever given.
    pub fn new(ops: Vec<Op>, last: i64, held: i64) -> Self {
        let ops: BTreeMap<_, _> = ops.into_iter().map(|op| (op.op, op)).collect();
        let last = ops.keys().next_back().copied().unwrap_or(0).max(last);
        Outbox { ops, next: last + 1, held, ..Outbox::default() }
    }

    /// All of them, in order.
    pub fn ops(&self) -> impl Iterator<Item = &Op> {
        self.ops.values()
    }

    /// One of them.
    pub fn get(&self, op: i64) -> Option<&Op> {
        self.ops.get(&op)
    }

    /// The one with this key.
    pub fn by_key(&self, key: &Key) -> Option<&Op> {
        self.ops.values().find(|op| op.key == *key)
    }

    /// The key under which a refused message that was edited goes now; any other is its own.
    pub fn successor<'a>(&'a self, mut key: &'a Key) -> &'a Key {
        while let Some(next) = self.replaced.get(key) {
            key = next;
        }
        key
    }

    /// Sends up to this place wait for the person's word; 0: none.
    pub fn held(&self) -> i64 {
        let waits = |(_, op): (&i64, &Op)| op.is_send() && op.is_alive();
        if self.held > 0 && self.ops.range(..=self.held).any(waits) { self.held } else { 0 }
    }

    /// Holds every present send back, or lets them go.
    pub fn hold(&mut self, hold: bool) {
        self.held = if hold { self.next - 1 } else { 0 };
    }

    /// How many wait and how many failed.
    pub fn counts(&self) -> (usize, usize) {
        let failed = self.ops.values().filter(|op| op.state == State::Failed).count();
        (self.ops.values().filter(|op| op.is_alive()).count(), failed)
    }

    /// What the store does not know yet.
    pub fn take_dirt(&mut self) -> Dirt {
        let gone = std::mem::take(&mut self.gone).into_iter().collect();
        let changed = std::mem::take(&mut self.changed);
        Dirt { put: changed.iter().filter_map(|op| self.ops.get(op).cloned()).collect(), gone }
    }

    fn touch(&mut self, op: i64, change: impl FnOnce(&mut Op)) {
        if let Some(found) = self.ops.get_mut(&op) {
            change(found);
            self.changed.insert(op);
        }
    }

    pub(crate) fn remove(&mut self, op: i64) {
        if self.ops.remove(&op).is_some() {
            self.changed.remove(&op);
            self.gone.insert(op);
        }
    }

    /// Takes an operation in at the end.
    pub fn add(&mut self, room: RoomId, key: Key, act: Act, at: Millis, target: Option<Target>) {
        let (mut seq, mut needs) = match target {
            Some(Target::Seq(seq)) => (Some(seq), None),
            Some(Target::Key(key)) => (None, Some(key)),
            None => (None, None),
        };
        // Whatever follows a join that is still on its way needs it.
        let joins = |op: &&Op| op.room == room && op.is_alive() && op.act == Act::Join;
        if needs.is_none() && act != Act::Join {
            needs = self.ops.values().rev().find(joins).map(|op| op.key.clone());
        }
        let act = match act {
            Act::Send { text, reply, thread, draft } => {
                Act::Send { text, reply: reply.or(seq.take()), thread, draft }
            }
            other => other,
        };
        let state = if needs.is_some() { State::Blocked } else { State::Queued };
        let op = Op {
            op: self.next,
            key,
            room,
            act,
            target: seq,
            needs,
            state,
            attempts: 0,
            error: None,
            at,
            born: None,
            settle: None,
            not_before: 0,
        };
        self.changed.insert(op.op);
        self.ops.insert(op.op, op);
        self.next += 1;
    }

    /// Enters a room: a leave that was never said is taken back, one that was is followed by it.
    pub fn join(&mut self, room: RoomId, key: Key, at: Millis, inside: bool) {
        let door = |op: &&Op| matches!(op.act, Act::Join | Act::Leave) && op.is_alive();
        let last = self.ops.values().rev().filter(|op| op.room == room).find(door);
        match last.map(|op| (op.op, op.act == Act::Join, op.is_fresh())) {
            Some((_, true, _)) => {}
            Some((leave, false, true)) => self.remove(leave),
            None if inside => {}
            Some(_) | None => self.add(room, key, Act::Join, at, None),
        }
    }

    fn find(&self, wanted: impl Fn(&Op) -> bool) -> Option<i64> {
        self.ops.values().find(|op| wanted(op)).map(|op| op.op)
    }

    /// Changes an own text: what was never said is rewritten, what was refused goes anew under the
    /// new key, and anything else gets an edit behind it.
    pub fn edit(&mut self, room: RoomId, key: Key, target: Target, text: String, at: Millis) {
        if let Target::Key(of) = &target
            && let Some(send) = self.find(|op| op.key == *of && op.is_send())
        {
            let old = self.ops[&send].clone();
            let rewrite = old.is_fresh() || planted(Bug::EditRewritesSent);
            if old.state == State::Failed {
                self.replace(&old, key, text, at);
                return;
            }
            if rewrite {
                self.touch(send, |op| set_text(op, text));
                return;
            }
        }
        let (seq, of) = parts(&target);
        let waits = |op: &Op| op.is_fresh() && op.is_alive() && matches!(op.act, Act::Edit { .. });
        let here = |op: &Op| op.room == room || planted(Bug::EditInAnyRoom);
        match self.find(|op| here(op) && waits(op) && op.concerns(seq, of)) {
            Some(op) => self.touch(op, |op| set_text(op, text)),
            None => self.add(room, key, Act::Edit { text }, at, Some(target)),
        }
    }

    /// A refused message goes again as a new one; what needed the old one needs the new.
    fn replace(&mut self, old: &Op, key: Key, text: String, at: Millis) {
        self.remove(old.op);
        self.replaced.insert(old.key.clone(), key.clone());
        let Act::Send { reply, thread, draft, .. } = &old.act else { return };
        let target = reply.map(Target::Seq).or(old.needs.clone().map(Target::Key));
        let draft = Draft::over(draft.taken().map(str::to_owned));
        let act = Act::Send { text, reply: None, thread: *thread, draft };
        self.add(old.room, key.clone(), act, at, target);
        self.repoint(&old.key, |op| op.needs = Some(key.clone()));
    }

    fn repoint(&mut self, needed: &Key, change: impl Fn(&mut Op)) {
        let need = |op: &&Op| op.needs.as_ref() == Some(needed);
        for op in self.ops.values().filter(need).map(|op| op.op).collect::<Vec<_>>() {
            self.touch(op, &change);
        }
    }

    /// Deletes a message: one that was never said simply goes; answers whether that was all.
    pub fn delete(&mut self, room: RoomId, key: Key, target: Target, at: Millis) {
        if let Target::Key(of) = &target
            && let Some(send) = self.find(|op| op.key == *of && op.is_send())
            && (self.ops[&send].is_fresh() || self.ops[&send].state == State::Failed)
        {
            self.discard(&of.clone());
            return;
        }
        let (seq, of) = parts(&target);
        let moot = |op: &&Op| op.is_fresh() && op.room == room && op.concerns(seq, of);
        for op in self.ops.values().filter(moot).map(|op| op.op).collect::<Vec<_>>() {
            self.remove(op);
        }
        self.add(room, key, Act::Delete, at, Some(target));
    }

    /// Moves the read mark: one waiting operation a room, merged by max.
    pub fn read(&mut self, room: RoomId, key: Key, seq: Seq, at: Millis) {
        let waiting = self.find(|op| {
            op.room == room && op.is_fresh() && op.is_alive() && matches!(op.act, Act::Read { .. })
        });
        match waiting {
            Some(op) => self.touch(op, |op| {
                if let Act::Read { seq: held } = &mut op.act {
                    *held = seq.max(*held);
                }
            }),
            None => self.add(room, key, Act::Read { seq }, at, None),
        }
    }

    /// Changes what I keep about a room: one waiting operation a room, the later word wins.
    pub fn mine(&mut self, room: RoomId, key: Key, patch: MinePatch, at: Millis) {
        // A send behind it clears the draft, so only the room's last word may be merged into.
        let last = self
            .ops
            .values()
            .rev()
            .find(|op| op.room == room && (op.is_send() || matches!(op.act, Act::Mine { .. })));
        let merge = last.filter(|op| !op.is_send() && op.is_fresh() && op.is_alive());
        match merge.map(|op| op.op) {
            Some(op) => self.touch(op, |op| {
                if let Act::Mine { patch: held } = &mut op.act {
                    *held = MinePatch {
                        notify: patch.notify.or(held.notify),
                        muted_until: patch.muted_until.or(held.muted_until),
                        favourite: patch.favourite.or(held.favourite),
                        unread_mark: patch.unread_mark.or(held.unread_mark),
                        draft: patch.draft.clone().or(held.draft.take()),
                    };
                }
            }),
            None => self.add(room, key, Act::Mine { patch }, at, None),
        }
    }

    /// Tries a failed operation again under its own key; false when there is none. One that was
    /// edited goes already.
    pub fn retry(&mut self, key: &Key) -> bool {
        let Some(op) = self.find(|op| op.key == *key && op.state == State::Failed) else {
            return self.replaced.contains_key(key);
        };
        self.touch(op, |op| {
            op.state = if op.needs.is_some() { State::Blocked } else { State::Queued };
            (op.error, op.born) = (None, None);
        });
        true
    }

    /// Gives an operation up, with what changes it; answers to it stay as messages of their own.
    /// False when there is none.
    pub fn discard(&mut self, key: &Key) -> bool {
        let Some(op) = self.find(|op| op.key == *key) else { return false };
        self.remove(op);
        let moot = |op: &&Op| !op.is_send() && op.needs.as_ref() == Some(key);
        for op in self.ops.values().filter(moot).map(|op| op.op).collect::<Vec<_>>() {
            self.remove(op);
        }
        self.repoint(key, release);
        true
    }

    /// The operation `key` is confirmed (a message as `seq`): it goes, and what needed it may go on.
    /// A line that was a command became no message: what was to be done to it is moot.
    pub fn confirmed(&mut self, key: &Key, seq: Option<Seq>) -> bool {
        let Some(op) = self.find(|op| op.key == *key) else { return false };
        if seq.is_none() && self.get(op).is_some_and(Op::is_send) {
            return self.discard(key);
        }
        self.remove(op);
        self.repoint(key, |op| {
            match (&mut op.act, seq) {
                (Act::Send { reply, .. }, Some(seq)) => *reply = Some(seq),
                (_, Some(seq)) => op.target = Some(seq),
                _ => {}
            }
            release(op);
        });
        true
    }

    /// What may be said at `now`, in order, with at most `unanswered` under way in each room.
    pub fn sendable(&self, now: i64, unanswered: usize) -> Vec<i64> {
        let mut rooms: BTreeMap<RoomId, Lane> = BTreeMap::new();
        // Nothing of a stopped room is heard before the one that stopped it, whatever its place.
        // And it waits until all that was said behind it is answered: an echo that came later would
        // put those behind whatever was written meanwhile.
        let first = |op: &Op| self.stopped.get(&op.room) == Some(&op.key);
        let ready = |op: &&Op| first(op) && op.not_before <= now && !self.is_flying(op.room);
        let mut out: Vec<i64> = Vec::new();
        for op in self.ops.values().filter(ready) {
            rooms.entry(op.room).or_default().went();
            out.push(op.op);
        }
        for op in self.ops.values().filter(|op| !first(op)) {
            if self.stopped.contains_key(&op.room) && !rooms.contains_key(&op.room) {
                continue;
            }
            let lane = rooms.entry(op.room).or_default();
            if lane.admits(op, now, unanswered, self.held, |key| self.by_key(key)) {
                out.push(op.op);
            }
        }
        out
    }

    /// When a waiting operation may go.
    pub fn due(&self) -> Option<i64> {
        let waiting = self.ops.values().filter(|op| op.state == State::Waiting);
        waiting.filter(|op| !self.is_flying(op.room)).map(|op| op.not_before).min()
    }

    /// Something of this room was said and is not answered.
    fn is_flying(&self, room: RoomId) -> bool {
        self.ops.values().any(|op| op.room == room && op.state == State::Sending)
    }

    /// It is about to be said; `draft` is the room's, as it is confirmed.
    pub fn attempt(&mut self, op: i64, server_now: Millis, draft: Option<&str>) {
        self.decide(op, draft);
        if let Some(found) = self.ops.get(&op)
            && self.stopped.get(&found.room) == Some(&found.key)
        {
            self.stopped.remove(&found.room);
        }
        self.touch(op, |op| {
            op.state = State::Sending;
            op.attempts += 1;
            op.error = None;
            op.born.get_or_insert(server_now);
        });
    }
}

fn parts(target: &Target) -> (Option<Seq>, Option<&Key>) {
    match target {
        Target::Seq(seq) => (Some(*seq), None),
        Target::Key(key) => (None, Some(key)),
    }
}

fn set_text(op: &mut Op, new: String) {
    if let Act::Send { text, .. } | Act::Edit { text } = &mut op.act {
        *text = new;
    }
}

fn release(op: &mut Op) {
    op.needs = None;
    if op.state == State::Blocked {
        op.state = State::Queued;
    }
}

#[cfg(test)]
mod tests;
