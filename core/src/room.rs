//! One room's synchronisation, pure: where the cursor stands, what is covered, what is being
//! fetched (sync.md §5; checked as a model in the design's `models/`).
//!
//! The promise: inside `covered` the local rows are the server's at the cursor (P7), and the
//! cursor moves only by contiguous events or by a delta that starts at it (P6). Both facts are
//! stored with the rows that made them true, in one transaction.

use crate::coverage::Coverage;
use crate::planted::{Bug, planted};
use hallway_protocol::frames::{Delta, DeltaKind};
use hallway_protocol::ids::{RoomId, Seq};
use hallway_protocol::rest::Page;
use std::collections::BTreeSet;

/// Events remembered while a delta is on its way. More are forgotten: the next delta covers them.
const SEEN_MAX: usize = 256;
/// A pull unanswered for this long is asked again, milliseconds.
const PULL_TIMEOUT: i64 = 15_000;
/// The frames of one replay follow each other: a pause this long ends the wait for the next.
const PART_TIMEOUT: i64 = 3_000;
/// Waits after a pull that failed: doubling from the first to the second, milliseconds.
const BACKOFF: (i64, i64) = (500, 30_000);

/// The facts that are stored.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mark {
    /// Every change up to here to what is held is applied.
    pub cursor: Seq,
    /// The highest change known of.
    pub head: Seq,
    /// Where the last window ended: what was read before it covers nothing.
    pub win: Seq,
    /// Where an unfinished replay began.
    pub catch_from: Option<Seq>,
    /// Nothing below is mine to see.
    pub min_seq: Seq,
}

/// A pull on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Fetch {
    generation: u64,
    until: i64,
}

/// What a delta did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// It answers a pull that is no longer of interest: nothing may be applied.
    Stale,
    /// Apply its rows; more pages follow.
    Part,
    /// Apply its rows; the room has caught up to it.
    Whole,
    /// Apply its rows after distrusting all that was held.
    Reset,
}

/// What a page may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PageVerdict {
    /// Apply and cover.
    Apply,
    /// It was read before the last window: ask again.
    Again,
}

/// One room.
#[derive(Clone, Debug)]
pub struct Room {
    /// Which.
    pub id: RoomId,
    mark: Mark,
    covered: Coverage,
    seen: BTreeSet<Seq>,
    fetch: Option<Fetch>,
    failures: u32,
    not_before: i64,
    /// Nothing was ever pulled: there is no first screen yet.
    cold: bool,
    /// Somebody wants it current though it is quiet (bumps alone do not pull).
    wanted: bool,
}

impl Room {
    /// A room as the store kept it.
    pub fn new(id: RoomId, mark: Mark, covered: Coverage) -> Self {
        let cold = mark.cursor == 0;
        Room {
            id,
            mark,
            covered,
            seen: BTreeSet::new(),
            fetch: None,
            failures: 0,
            not_before: 0,
            cold,
            wanted: true,
        }
    }

    /// Every change up to here is applied.
    pub fn cursor(&self) -> Seq {
        self.mark.cursor
    }

    /// The highest change known of.
    pub fn head(&self) -> Seq {
        self.mark.head
    }

    /// What is to be stored.
    pub fn mark(&self) -> &Mark {
        &self.mark
    }

    /// The ranges in which nothing is missing.
    pub fn covered(&self) -> &Coverage {
        &self.covered
    }

    /// Something is missing: a pull is due (or on its way).
    pub fn is_behind(&self) -> bool {
        self.cold || self.mark.head > self.mark.cursor || self.mark.catch_from.is_some()
    }

    /// Behind, wanted, and free to ask at `now`.
    pub fn wants_slot(&self, now: i64) -> bool {
        self.is_behind() && self.wanted && self.fetch.is_none() && self.not_before <= now
    }

    /// Behind, and somebody waits for it.
    pub fn is_due(&self) -> bool {
        self.is_behind() && self.wanted
    }

    /// A pull is on its way.
    pub fn is_fetching(&self) -> bool {
        self.fetch.is_some()
    }

    /// When this room next needs a tick.
    pub fn due(&self) -> Option<i64> {
        match self.fetch {
            Some(fetch) => Some(fetch.until),
            None if self.is_behind() && self.wanted => Some(self.not_before),
            None => None,
        }
    }

    /// The log reaches this far; `pull` says whether to fetch at once or leave it a badge.
    pub fn hint(&mut self, head: Seq, pull: bool) {
        self.mark.head = self.mark.head.max(head);
        self.wanted |= pull;
    }

    /// Nothing below is mine to see any more.
    pub fn set_min_seq(&mut self, min_seq: Seq) {
        if min_seq > self.mark.min_seq {
            self.mark.min_seq = min_seq;
            self.covered.clip(min_seq, Seq::MAX);
        }
    }

    /// An event came; its rows are applied by version in any case.
    pub fn event(&mut self, seq: Seq) {
        self.mark.head = self.mark.head.max(seq);
        self.wanted = true;
        let next = self.mark.cursor + 1;
        if self.fetch.is_none() && self.mark.catch_from.is_none() && !self.cold && seq == next {
            self.mark.cursor = seq;
            self.covered.add(seq, seq);
            self.drain();
        } else if seq > self.mark.cursor {
            if self.seen.len() >= SEEN_MAX {
                self.seen.clear();
            }
            self.seen.insert(seq);
        }
    }

    /// My own message is committed as `seq`; its row came along. The cursor stays, and so does the
    /// head: the event follows, and a pull for it would be one too many.
    pub fn ok(&mut self, seq: Seq) {
        if planted(Bug::OkMovesCursor) {
            self.mark.cursor = self.mark.cursor.max(seq);
        }
        if seq > self.mark.win || planted(Bug::LateOkCovers) {
            self.covered.add(seq, seq);
        }
    }

    /// Takes a slot: what to ask.
    pub fn pull(&mut self, generation: u64, now: i64) -> (Seq, Option<Seq>) {
        let since = self.mark.cursor;
        self.fetch = Some(Fetch { generation, until: now + PULL_TIMEOUT });
        (since, Some(self.covered.floor().unwrap_or(since + 1)))
    }

    /// A delta came.
    pub fn delta(&mut self, delta: &Delta, now: i64) -> Taken {
        let asked = self.fetch.filter(|fetch| Some(fetch.generation) == delta.id);
        if asked.is_none() || delta.since != self.mark.cursor {
            return Taken::Stale;
        }
        self.fetch = None;
        (self.failures, self.not_before) = (0, 0);
        self.cold = false;
        let taken = match delta.kind {
            DeltaKind::Replay => self.replay(delta, now),
            DeltaKind::Window => self.window(delta),
            DeltaKind::Reset => {
                self.covered = Coverage::default();
                // A head that fell is the truth: it is why this is a reset.
                self.mark.head = delta.head;
                self.land(delta);
                Taken::Reset
            }
        };
        self.set_min_seq(delta.min_seq);
        self.mark.head = self.mark.head.max(delta.head).max(self.mark.cursor);
        if self.fetch.is_none() {
            self.drain();
        }
        self.wanted = self.is_behind();
        taken
    }

    fn replay(&mut self, delta: &Delta, now: i64) -> Taken {
        if !delta.done {
            // The rest follows under the same number, and must start where this one ends.
            let generation = delta.id.unwrap_or_default();
            self.fetch = Some(Fetch { generation, until: now + PART_TIMEOUT });
        }
        if !delta.done && !planted(Bug::CoverBeforeDone) {
            self.mark.catch_from.get_or_insert(delta.since);
            self.mark.cursor = delta.to;
            return Taken::Part;
        }
        let from = self.mark.catch_from.take().unwrap_or(delta.since);
        self.covered.add(from + 1, delta.to);
        self.mark.cursor = delta.to;
        Taken::Whole
    }

    fn window(&mut self, delta: &Delta) -> Taken {
        if !planted(Bug::IslandsKept) {
            // The query looked at floor … since only: islands above, and pages that were added
            // below while it was in flight, are no longer known to be whole.
            let floor = if planted(Bug::FloorIgnored) { 0 } else { delta.floor };
            self.covered.clip(floor, delta.since);
        }
        self.land(delta);
        Taken::Whole
    }

    /// The end of a window or reset.
    fn land(&mut self, delta: &Delta) {
        self.covered.add(delta.first, delta.to);
        self.mark.win = delta.to;
        self.mark.cursor = delta.to;
        if !planted(Bug::CatchFromSurvives) {
            self.mark.catch_from = None;
        }
    }

    /// Events that came while a delta was on its way and now follow the cursor.
    fn drain(&mut self) {
        while self.seen.remove(&(self.mark.cursor + 1)) {
            self.mark.cursor += 1;
            self.covered.add(self.mark.cursor, self.mark.cursor);
        }
        let cursor = self.mark.cursor;
        self.seen.retain(|seq| *seq > cursor);
    }

    /// A page came.
    pub fn page(&mut self, page: &Page) -> PageVerdict {
        if page.as_of < self.mark.win && !planted(Bug::OldPageCovers) {
            return PageVerdict::Again;
        }
        self.covered.add(page.lo, page.hi);
        self.mark.head = self.mark.head.max(page.as_of);
        self.set_min_seq(page.min_seq);
        PageVerdict::Apply
    }

    /// The pull of this generation failed: wait, at least `after` milliseconds.
    pub fn refused(&mut self, generation: u64, now: i64, after: i64) {
        if self.fetch.is_some_and(|fetch| fetch.generation == generation) {
            self.fetch = None;
            self.back_off(now, after);
        }
    }

    /// Time passed: a pull unanswered too long counts as failed.
    pub fn tick(&mut self, now: i64) {
        if self.fetch.is_some_and(|fetch| fetch.until <= now) {
            self.fetch = None;
            self.back_off(now, 0);
        }
    }

    fn back_off(&mut self, now: i64, after: i64) {
        let wait = (BACKOFF.0 << self.failures.min(10)).min(BACKOFF.1);
        self.failures = self.failures.saturating_add(1);
        self.not_before = now + wait.max(after);
    }

    /// The link is gone: what was asked will not be answered.
    pub fn cut(&mut self) {
        self.fetch = None;
        self.seen.clear();
        (self.failures, self.not_before) = (0, 0);
    }
}

#[cfg(test)]
mod tests;
