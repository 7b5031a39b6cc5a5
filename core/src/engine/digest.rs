//! The digest of a heartbeat: both ends sum up which heads they know, so a lost last event shows.

use super::{Engine, Question};
use hallway_protocol::digest::digest;
use hallway_protocol::frames::ClientFrame;

impl Engine {
    /// Wrong twice in a row: ask for all heads.
    pub(super) fn check_digest(&mut self, now: i64, theirs: &str) {
        if theirs.is_empty() {
            return;
        }
        let own = self.own_head.max(self.own);
        let ours = digest(self.rooms.values().map(|room| (room.id, room.head())), own);
        self.bad_digests = if ours == theirs { 0 } else { self.bad_digests + 1 };
        if self.bad_digests >= 2 {
            self.bad_digests = 0;
            // Once, until that question is old: a peer that is always wrong costs nothing more (P11).
            if !self.asked.values().any(|asked| asked.what == Question::Aside) {
                self.ask(now, Question::Aside, |id| ClientFrame::Heads { id });
            }
            // The own log has no head in a bump: it is asked for what follows the cursor.
            self.own_head = self.own_head.max(self.own + 1);
            self.pull_own(now);
        }
    }
}
