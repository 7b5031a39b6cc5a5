//! Who is next: four fetch slots by priority, the outbox within the server's limits, acks, and the
//! time of the next tick.

use super::{Engine, Question};
use crate::feed::Change;
use crate::op::{Draft, Op};
use crate::outbox::UNANSWERED;
use crate::world::Effect;
use hallway_protocol::frames::ClientFrame;
use hallway_protocol::ids::{Millis, RoomId, Seq};
use std::collections::{BTreeMap, BTreeSet};

/// Pulls under way at once.
const SLOTS: usize = 4;
/// Messages asked for where a window is the answer.
const LATEST: usize = 50;
/// A quiet link this long is idle: rooms that only had a badge are fetched, milliseconds.
const IDLE: i64 = 1_000;
/// A tick is never asked for sooner than this, milliseconds.
const LEAST: i64 = 10;
/// Acks at most this often, milliseconds, or at this many changes.
const ACK: (i64, u32) = (2_000, 64);

/// Commands the server takes: so many a second, so many at once.
#[derive(Debug, Default)]
pub(super) struct Budget {
    spent: f64,
    at: i64,
}

impl Budget {
    fn take(&mut self, now: i64, per_second: u32, burst: u32) -> bool {
        if per_second == 0 {
            return true;
        }
        // Elapsed milliseconds fit a float exactly for any life of a process.
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a process's life")]
        let elapsed = (now - self.at).max(0) as f64 / 1_000.0;
        self.spent = (self.spent - elapsed * f64::from(per_second)).max(0.0);
        self.at = now;
        // A tenth is left for pulls and reads of the own log, which are never held back.
        let free = self.spent + 1.0 <= f64::from(burst) * 0.9;
        self.spent += if free { 1.0 } else { 0.0 };
        free
    }
}

/// Cursors not yet acknowledged.
#[derive(Debug, Default)]
pub(super) struct Acks {
    rooms: BTreeMap<RoomId, Seq>,
    own: Option<Seq>,
    count: u32,
    last: i64,
}

impl Acks {
    pub fn note(&mut self, room: RoomId, cursor: Seq) {
        self.rooms.insert(room, cursor);
        self.count += 1;
    }

    pub fn own(&mut self, own: Seq) {
        self.own = Some(own);
        self.count += 1;
    }

    pub fn clear(&mut self) {
        *self = Acks { last: self.last, ..Acks::default() };
    }

    fn due(&self) -> Option<i64> {
        match self.count {
            0 => None,
            count if count >= ACK.1 => Some(self.last),
            _ => Some(self.last + ACK.0),
        }
    }
}

impl Engine {
    /// What time alone does.
    pub(super) fn time(&mut self, now: i64) {
        self.link_time(now);
        self.asked.retain(|_, asked| asked.until > now || matches!(asked.what, Question::Op(_)));
        for room in self.rooms.values_mut() {
            room.tick(now);
        }
        let ended: Vec<RoomId> = self
            .typing
            .iter_mut()
            .filter_map(|(room, users)| {
                let before = users.len();
                users.retain(|_, until| *until > now);
                (users.len() != before).then_some(*room)
            })
            .collect();
        for room in ended {
            self.show_typing(room);
        }
    }

    pub(super) fn show_typing(&mut self, room: RoomId) {
        let users = self.typing.get(&room).map(|users| users.keys().copied().collect());
        let users: Vec<_> = users.unwrap_or_default();
        if users.is_empty() {
            self.typing.remove(&room);
        }
        let account = self.account.clone();
        self.out.effects.push(Effect::Change(Change::Typing { account, room, users }));
    }

    pub(super) fn forget_typing(&mut self) {
        for room in std::mem::take(&mut self.typing).into_keys() {
            self.show_typing(room);
        }
    }

    /// Focused, mentioned, direct, recent: the smaller, the sooner.
    fn rank(&self, room: RoomId) -> (u8, i64, RoomId) {
        let class = if self.focus.contains(&room) {
            0
        } else if self.mentioned.contains(&room) {
            1
        } else if self.direct.contains(&room) {
            2
        } else {
            3
        };
        (class, -self.recent.get(&room).copied().unwrap_or_default(), room)
    }

    /// Gives the free slots to the rooms that are behind.
    pub(super) fn pull_rooms(&mut self, now: i64) {
        if !self.link.is_up() {
            return;
        }
        self.want_quiet_rooms(now);
        let busy = self.rooms.values().filter(|room| room.is_fetching()).count();
        let mut wanting: Vec<RoomId> =
            self.rooms.values().filter(|room| room.wants_slot(now)).map(|room| room.id).collect();
        wanting.sort_by_key(|room| self.rank(*room));
        for room in wanting.into_iter().take(SLOTS.saturating_sub(busy)) {
            let id = self.id();
            self.asked.insert(
                id,
                super::Asked {
                    what: Question::Pull(room),
                    until: now + 2 * super::link::ANSWER_TIMEOUT,
                    said: None,
                },
            );
            let Some((since, floor)) = self.with_room(room, |room| room.pull(id, now)) else {
                continue;
            };
            self.say(ClientFrame::Pull { id, room, since, floor, latest: Some(LATEST) });
        }
    }

    /// In idle time a badge becomes messages.
    fn want_quiet_rooms(&mut self, now: i64) {
        let quiet = self.rooms.values().all(|room| !room.is_due());
        if quiet && now >= self.link.heard + IDLE {
            for room in self.rooms.values_mut().filter(|room| room.is_behind()) {
                room.hint(0, true);
            }
        }
    }

    /// Says what may be said, each attempt noted before.
    pub(super) fn pump(&mut self, now: i64) {
        if !self.link.is_up() {
            return;
        }
        let unanswered = match self.limits.unanswered {
            0 => UNANSWERED * 4,
            limit => limit.min(UNANSWERED),
        };
        let mut unsure = BTreeSet::new();
        self.guard_drafts(now, unanswered);
        for op in self.outbox.sendable(now, unanswered) {
            if self.is_unsure(op, &mut unsure) {
                continue;
            }
            if !self.budget.take(now, self.limits.commands_per_second, self.limits.burst) {
                break;
            }
            self.attempt(op, self.steady_now(now));
            let Some(said) = self.outbox.get(op).cloned() else { continue };
            let (room, key) = (said.room, said.key.clone());
            let id = self.ask(now, Question::Op(op), |id| said.frame(id));
            self.asked.entry(id).and_modify(|asked| asked.said = Some((room, key)));
        }
    }

    /// A message that is said for the first time decides about the draft, which another device may
    /// have changed: what my own log says of that is waited for, by what stands behind it as well.
    fn is_unsure(&self, op: i64, rooms: &mut BTreeSet<RoomId>) -> bool {
        let Some(op) = self.outbox.get(op) else { return false };
        if self.own_head > self.own && matches!(op.draft(), Some(Draft::Over(_))) {
            rooms.insert(op.room);
        }
        rooms.contains(&op.room)
    }

    /// A draft that a message would take along though it was begun since is said again behind it.
    fn guard_drafts(&mut self, now: i64, unanswered: usize) {
        let again = |op: &Op| !op.is_fresh() && op.draft().is_some() && op.is_alive();
        if !self.outbox.ops().any(again) {
            return;
        }
        for op in self.outbox.sendable(now, unanswered) {
            let Some(room) = self.outbox.get(op).map(|op| op.room) else { continue };
            let draft = self.drafts.get(&room).map(String::as_str);
            if let Some(newer) = self.outbox.endangered(op, draft) {
                self.say_draft(room, Some(newer), self.steady_now(now));
            }
        }
    }

    fn attempt(&mut self, op: i64, at: Millis) {
        let Some(room) = self.outbox.get(op).map(|op| op.room) else { return };
        let draft = self.drafts.get(&room).map(String::as_str);
        self.outbox.attempt(op, at, draft);
    }

    /// What was refused for now and will not come again would stop its room for ever: say so.
    pub(super) fn forget(&mut self, now: i64) {
        if self.link.is_up() {
            for (room, key) in self.outbox.take_moot() {
                self.ask(now, Question::Aside, |id| ClientFrame::Forget { id, room, key });
            }
        }
    }

    pub(super) fn acknowledge(&mut self, now: i64) {
        if !self.link.is_up() || self.acks.due().is_none_or(|due| due > now) {
            return;
        }
        let acks = std::mem::replace(&mut self.acks, Acks { last: now, ..Acks::default() });
        self.say(ClientFrame::Ack { rooms: acks.rooms.into_iter().collect(), own: acks.own });
    }

    /// Asks my own log from its cursor on.
    pub(super) fn pull_own(&mut self, now: i64) {
        if self.link.is_up() && self.own_asked.is_none() && self.own_head > self.own {
            self.own_asked = Some(self.own_head);
            let since = self.own;
            self.ask(now, Question::Own, |id| ClientFrame::Own { id, since });
        }
    }

    /// Says when time is next of interest.
    pub(super) fn wake(&mut self, now: i64) {
        let mut due: Vec<i64> = self.link.due().into_iter().collect();
        if self.link.is_up() {
            // What is due already waits for a slot, and those end by an answer or their own time.
            due.extend(
                self.rooms.values().filter_map(crate::room::Room::due).filter(|at| *at > now),
            );
            due.extend(self.outbox.due());
            due.extend(self.acks.due());
            due.extend(self.asked.values().map(|asked| asked.until));
            due.extend(self.typing.values().flat_map(BTreeMap::values));
            if self.rooms.values().any(|room| room.is_behind() && !room.is_due()) {
                due.push(self.link.heard + IDLE);
            }
            if !self.outbox.sendable(now, 1).is_empty() {
                due.push(now + 100);
            }
        }
        if let Some(at) = due.into_iter().min() {
            self.out.effects.push(Effect::Wake { at: at.max(now + LEAST) });
        }
    }
}
