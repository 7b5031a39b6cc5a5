//! Which operations of one room may be said now: in order, a bounded number under way, and held up
//! only by what truly stands in their way.

use crate::op::{Act, Op, State};
use crate::planted::{Bug, planted};
use hallway_protocol::ids::Key;

/// What was met so far of one room, walking its operations in order.
#[derive(Default)]
pub(super) struct Lane {
    flying: usize,
    stopped: bool,
    sends_stopped: bool,
    any: bool,
    /// What the blocked ones wait for.
    awaited: Vec<Key>,
}

impl Lane {
    /// One of the room's operations goes out of its place.
    pub fn went(&mut self) {
        self.flying += 1;
        self.any = true;
    }

    /// Whether the next operation of the room may be said now.
    pub fn admits<'a>(
        &mut self,
        op: &Op,
        now: i64,
        unanswered: usize,
        held: i64,
        find: impl Fn(&Key) -> Option<&'a Op>,
    ) -> bool {
        let first = !self.any;
        match op.state {
            State::Failed => {
                self.stopped |= planted(Bug::FailedBlocksAll);
                return false;
            }
            State::Settled => return false,
            State::Sending => {
                self.flying += 1;
                self.any = true;
                // A join or leave is a call of its own lane: nothing may overtake it.
                self.stopped |= matches!(op.act, Act::Join | Act::Leave);
                return false;
            }
            State::Blocked => {
                // Later messages do not overtake an answer whose message is on its way.
                let coming = is_coming(op, find);
                self.sends_stopped |= op.is_send() && coming;
                self.any |= coming;
                self.awaited.extend(op.needs.clone());
                return false;
            }
            State::Waiting | State::Queued => {}
        }
        self.any = true;
        if op.is_send() && held > 0 && op.op <= held {
            self.sends_stopped = true;
            return false;
        }
        let alone = matches!(op.act, Act::Join | Act::Leave);
        // A refused message that went anew stands behind the answers that wait for it.
        let waits = op.is_send() && self.sends_stopped && !self.awaited.contains(&op.key);
        let stopped = self.stopped || waits || alone && !first;
        let may = !stopped && self.flying < unanswered && op.not_before <= now;
        self.stopped |= !may && op.state == State::Waiting || alone;
        self.sends_stopped |= !may && op.is_send();
        self.flying += usize::from(may);
        may
    }
}

/// What a blocked operation waits for is on its way, not itself behind one that failed.
fn is_coming<'a>(op: &Op, find: impl Fn(&Key) -> Option<&'a Op>) -> bool {
    let mut needed = op.needs.as_ref().and_then(&find);
    while let Some(found) = needed {
        if found.state != State::Blocked {
            return found.is_alive();
        }
        needed = found.needs.as_ref().and_then(&find);
    }
    false
}
