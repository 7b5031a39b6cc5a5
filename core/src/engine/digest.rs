//! The digest of a heartbeat: both ends sum up which heads they know, so a lost last event shows.

use super::{Engine, Question};
use hallway_protocol::frames::ClientFrame;
use hallway_protocol::ids::{RoomId, Seq};

/// splitmix64's finaliser.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The sum over rooms, and the own log.
pub(super) fn digest(rooms: impl Iterator<Item = (RoomId, Seq)>, own: Seq) -> String {
    let sum = rooms.fold(mix(own.cast_unsigned()), |sum, (room, head)| {
        let word = room.0.cast_unsigned() ^ head.cast_unsigned().rotate_left(32);
        sum.wrapping_add(mix(word))
    });
    format!("{sum:016x}")
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_depends_on_every_head_and_on_no_order() {
        let (a, b) = ((RoomId(7), 815), (RoomId(9), 44));
        let whole = digest([a, b].into_iter(), 56);
        assert_eq!(whole.len(), 16);
        assert_eq!(whole, digest([b, a].into_iter(), 56));
        assert_ne!(whole, digest([a, (RoomId(9), 45)].into_iter(), 56));
        assert_ne!(whole, digest([a, b].into_iter(), 57));
        assert_ne!(whole, digest([a].into_iter(), 56));
    }
}
