//! What the hub knows of a room beside who hears it: who wants no notice of each message, and for how
//! long nobody has been there.

use super::Hub;
use super::concerns::quiet_until;
use crate::store::ephemeral::ALONE;
use hallway_protocol::ids::{Millis, RoomId, UserId};
use hallway_protocol::rows::Notify;

impl Hub {
    /// Until when a person wants no notice of each message of a room.
    pub fn quiet(&self, user: UserId, room: RoomId, notify: Notify, muted_until: Option<Millis>) {
        let until = quiet_until(notify, muted_until);
        let mut shard = self.shard(room).lock();
        for seat in shard.get_mut(&room).into_iter().flatten() {
            if seat.line.user == user {
                seat.quiet_until = until;
            }
        }
    }

    /// For how long nobody has been connected in a room, as far as this process knows.
    pub fn alone(&self, room: RoomId) -> i64 {
        let shard = self.shard(room).lock();
        if shard.get(&room).is_some_and(|seats| !seats.is_empty()) {
            return 0;
        }
        let since = self.left.lock().get(&room).copied().unwrap_or(self.born);
        self.clock.ticks() - since
    }

    /// Forgets when rooms were left long ago: they count from the start then, which is longer.
    pub fn sweep(&self) {
        let now = self.clock.ticks();
        self.left.lock().retain(|_, left| now - *left < ALONE);
    }
}
