//! What a window would hold that was told every change, and nothing else.

use hallway_core::feed::{Change, MessageView, RoomView};
use hallway_protocol::ids::RoomId;
use std::collections::BTreeMap;

/// One window.
#[derive(Debug, Default)]
pub struct Screen {
    pub rooms: BTreeMap<RoomId, RoomView>,
    pub messages: BTreeMap<(RoomId, String), MessageView>,
}

impl Screen {
    /// Draws a change.
    pub fn draw(&mut self, change: &Change) {
        match change {
            Change::Room { room, .. } => {
                if room.gone.is_some() {
                    // It is listed for its unsent texts alone.
                    self.messages.retain(|(of, _), row| *of != room.room || row.seq.is_none());
                }
                self.rooms.insert(room.room, room.clone());
            }
            Change::RoomGone { room, .. } => {
                self.rooms.remove(room);
                self.messages.retain(|(of, _), _| of != room);
            }
            Change::Messages { room, rows, .. } => {
                for row in rows {
                    self.messages.insert((*room, row.id.clone()), row.clone());
                }
            }
            Change::MessageGone { room, key, .. } => {
                self.messages.remove(&(*room, key.clone()));
            }
            _ => {}
        }
    }
}
