//! What the world makes of an operation: refused, refused for now, cut off, too old, moot.

use super::{Outbox, PATIENCE};
use crate::feed::FaultView;
use crate::op::{Act, Op, State};
use hallway_protocol::error::Refused;
use hallway_protocol::ids::{Key, Millis, RoomId, Seq};
use std::collections::BTreeMap;

/// Operations other than sends fail after this long: the server forgets their keys at 30 days.
pub(super) const TOO_OLD: Millis = 25 * 24 * 3_600_000;
/// Waits after "later": doubling from the first to the second, milliseconds.
const WAIT: (i64, i64) = (500, 30_000);

/// A join or leave that was refused for good.
#[derive(Clone, PartialEq, Debug)]
pub struct Refusal {
    /// Its key.
    pub key: Key,
    /// Which room.
    pub room: RoomId,
    /// It was a join.
    pub joins: bool,
    /// Unsent texts stand in the room.
    pub texts: bool,
    /// Why.
    pub why: FaultView,
}

impl Outbox {
    /// A tombstone came: pending changes of that message have nothing left to change.
    pub fn buried(&mut self, room: RoomId, seq: Seq) {
        let moot = |op: &&Op| op.room == room && op.concerns(Some(seq), None);
        for op in self.ops.values().filter(moot).map(|op| op.op).collect::<Vec<_>>() {
            self.remove(op);
        }
    }

    /// I am no longer in the room: unsent texts are shown as failed, all else is moot.
    pub fn left(&mut self, room: RoomId, why: &FaultView) {
        let inside = |op: &&Op| op.room == room && op.act != Act::Join;
        for op in self.ops.values().filter(inside).map(|op| op.op).collect::<Vec<_>>() {
            if self.ops[&op].is_send() {
                self.failed(op, why.clone());
            } else {
                self.remove(op);
            }
        }
    }

    /// Refused for good.
    pub fn failed(&mut self, op: i64, why: FaultView) {
        match self.ops.get(&op) {
            Some(door) if matches!(door.act, Act::Join | Act::Leave) => {
                let door = door.clone();
                self.kept_out(&door, &why);
            }
            _ => self.touch(op, |op| (op.state, op.error) = (State::Failed, Some(why))),
        }
    }

    /// A room that cannot be entered (or left): that is told and not kept, for no screen shows it.
    /// What was written to go behind it failed with it, all else is moot.
    fn kept_out(&mut self, door: &Op, why: &FaultView) {
        self.remove(door.op);
        let behind = |op: &&Op| op.needs.as_ref() == Some(&door.key);
        for op in self.ops.values().filter(behind).map(|op| op.op).collect::<Vec<_>>() {
            if self.ops[&op].is_send() {
                self.touch(op, |op| op.needs = None);
                self.failed(op, why.clone());
            } else {
                self.remove(op);
            }
        }
        let (key, room, joins) = (door.key.clone(), door.room, door.act == Act::Join);
        let texts = joins && self.ops.values().any(|op| op.room == room && op.is_send());
        self.refused.push(Refusal { key, room, joins, texts, why: why.clone() });
    }

    /// Joins and leaves that were refused since the last look.
    pub fn take_refused(&mut self) -> Vec<Refusal> {
        std::mem::take(&mut self.refused)
    }

    /// The server refused `key` for now: it refuses the room's later commands of this link until
    /// that key comes again. Those behind it only echo the first.
    pub fn stop(&mut self, room: RoomId, key: Key) {
        self.stopped.entry(room).or_insert(key);
    }

    /// Keys that stop their room and will not come again (their row came by another way, they were
    /// given up, they failed): the server must be told, once all that was said before is answered.
    pub fn take_moot(&mut self) -> Vec<(RoomId, Key)> {
        let moot = |(room, key): &(RoomId, Key)| {
            let waits = |op: &Op| op.key == *key && op.state == State::Waiting;
            !self.ops.values().any(waits) && !self.is_flying(*room)
        };
        let stopped = self.stopped.clone().into_iter();
        let (gone, kept): (BTreeMap<_, _>, _) = stopped.partition(moot);
        self.stopped = kept;
        gone.into_iter().collect()
    }

    /// Refused for now: it keeps its place, and the room waits with it.
    pub fn later(&mut self, op: i64, refused: &Refused, now: i64) {
        let Some(found) = self.ops.get(&op) else { return };
        let (room, key) = (found.room, found.key.clone());
        // What was said behind a refused one gets the same refusal; only the first one waits.
        let behind = *self.stopped.entry(room).or_insert_with(|| key.clone()) != key;
        self.touch(op, |op| {
            let wait = (WAIT.0 << op.attempts.saturating_sub(1).min(10)).min(WAIT.1);
            op.state = if behind { State::Queued } else { State::Waiting };
            let asked = refused.after_ms.unwrap_or(0).min(PATIENCE);
            op.not_before = if behind { 0 } else { now + wait.max(asked) };
            op.error = (!behind).then(|| FaultView {
                code: refused.code.as_str().to_owned(),
                message: refused.message.clone(),
            });
        });
    }

    /// Done on the server; its effect is shown until the own log reaches `own`.
    pub fn settled(&mut self, op: i64, own: Seq) {
        self.touch(op, |op| (op.state, op.settle) = (State::Settled, Some(own)));
    }

    /// The own log reached `own`.
    pub fn own_reached(&mut self, own: Seq) {
        let done = |op: &&Op| op.settle.is_some_and(|settle| settle <= own);
        for op in self.ops.values().filter(done).map(|op| op.op).collect::<Vec<_>>() {
            self.remove(op);
        }
    }

    /// The link is gone: what was unanswered is queued again, in its place.
    pub fn cut(&mut self) {
        self.stopped.clear();
        let flying = |op: &&Op| op.state == State::Sending;
        for op in self.ops.values().filter(flying).map(|op| op.op).collect::<Vec<_>>() {
            self.touch(op, |op| op.state = State::Queued);
        }
    }

    /// The server told its time: ages begin, and what is too old for its key's memory fails.
    pub fn aged(&mut self, server_now: Millis, why: &FaultView) {
        for op in self.ops.keys().copied().collect::<Vec<_>>() {
            let found = &self.ops[&op];
            match found.born {
                None => self.touch(op, |op| op.born = Some(server_now)),
                Some(born)
                    if !found.is_send() && found.is_alive() && server_now - born > TOO_OLD =>
                {
                    self.failed(op, why.clone());
                }
                Some(_) => {}
            }
        }
    }
}
