//! The draft of a room and the messages written in it. A message takes along the draft that stood
//! when it was written, and no other: one begun later, here or on another device, stays.
//!
//! What a message says of it is decided when it is first said. Said again much later (it was refused,
//! or held back for a week) it says the same, so a draft begun since is put back behind it.

use super::Outbox;
use crate::op::{Draft, Op, State};
use crate::planted::{Bug, planted};
use hallway_protocol::ids::{Key, RoomId};

impl Outbox {
    /// The last word about a room's draft: one that waits, or what is confirmed.
    fn standing<'a>(&'a self, room: RoomId, confirmed: Option<&'a str>) -> Option<&'a str> {
        let words = self.ops.values().rev().filter(|op| op.room == room);
        words.filter_map(Op::word).next().unwrap_or(confirmed)
    }

    /// The draft as its person sees it: what a message took along is none any more.
    pub fn draft<'a>(&'a self, room: RoomId, confirmed: Option<&'a str>) -> Option<&'a str> {
        let here = self.ops.values().filter(|op| op.room == room);
        here.fold(confirmed, |draft, op| match op.word() {
            Some(word) => word,
            None => draft.filter(|draft| !op.hides(draft)),
        })
    }

    /// Whether the message with this key took a draft along that stands all the same: given up, it
    /// must not leave it behind.
    pub fn leaves_draft(&self, key: &Key, confirmed: Option<&str>) -> bool {
        let taken = |op: &Op| Some(op.draft()?.taken()?.to_owned());
        let Some(op) = self.by_key(key) else { return false };
        taken(op).is_some_and(|taken| self.standing(op.room, confirmed) == Some(&*taken))
    }

    /// A draft that saying this message once more would clear, and that no operation behind it says.
    pub fn endangered(&self, op: i64, confirmed: Option<&str>) -> Option<String> {
        let found = self.ops.get(&op).filter(|op| !op.is_fresh())?;
        let Some(Draft::Cleared(Some(taken))) = found.draft() else { return None };
        let standing = self.standing(found.room, confirmed).filter(|draft| draft != taken)?;
        let follows = |behind: &Op| {
            let unsaid = matches!(behind.state, State::Queued | State::Blocked | State::Waiting);
            behind.room == found.room && behind.word().is_some() && unsaid
        };
        let safe = self.ops.range(op + 1..).any(|(_, behind)| follows(behind));
        (!safe && !planted(Bug::DraftUnguarded)).then(|| standing.to_owned())
    }

    /// A message that is said for the first time takes its draft along if that still stands.
    pub(super) fn decide(&mut self, op: i64, confirmed: Option<&str>) {
        let Some(found) = self.ops.get(&op) else { return };
        let Some(Draft::Over(over)) = found.draft() else { return };
        let stands = self.standing(found.room, confirmed) == Some(over);
        let stands = stands || planted(Bug::AnyDraftCleared);
        let decided = if stands { Draft::Cleared(Some(over.clone())) } else { Draft::Kept };
        self.touch(op, |op| op.set_draft(decided));
    }
}
