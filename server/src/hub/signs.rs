//! Signs of the moment: who types, how far others have read, what they are called now. None of it is
//! stored, and each reader gets the latest alone.

use super::line::{Line, encode};
use super::{Hub, Seat};
use hallway_protocol::frames::ServerFrame;
use hallway_protocol::ids::{RoomId, UserId};
use hallway_protocol::rest::Notice;
use hallway_protocol::rows::Row;
use std::collections::HashMap;

impl Hub {
    /// Whether it is to be told that somebody types: they are here in the room, and it was not told
    /// a moment ago.
    pub fn may_type(&self, line: &Line, room: RoomId) -> bool {
        let shard = self.shard(room).lock();
        let here = shard.get(&room).is_some_and(|seats| is_among(seats, line));
        here && line.may_type(room, self.clock.ticks())
    }

    /// Somebody types, who may say something: everyone else who is here in the room learns of it.
    pub fn typing(&self, line: &Line, room: RoomId) {
        let shard = self.shard(room).lock();
        let Some(seats) = shard.get(&room) else { return };
        if !is_among(seats, line) || !line.types(room) {
            return;
        }
        let text = encode(&ServerFrame::Typing { room, user: line.user });
        for seat in seats.iter().filter(|seat| seat.line.user != line.user) {
            seat.line.typing(room, line.user, &text);
        }
    }

    /// A person is told something that no row says.
    pub(super) fn notice(&self, user: UserId, notice: Notice) {
        let lines = self.lines(user);
        if lines.is_empty() {
            return;
        }
        let text = encode(&ServerFrame::Notice(notice));
        for line in lines {
            line.notice(&text);
        }
    }

    /// Hands out the marks that moved since the last call; called every second.
    pub fn hand_out_marks(&self) {
        for (room, marks) in std::mem::take(&mut *self.marks.lock()) {
            let shard = self.shard(room).lock();
            for seat in shard.get(&room).into_iter().flatten().filter(|seat| seat.focus) {
                seat.line.reads(room, &marks);
            }
        }
    }

    /// Profiles that changed since the last call.
    pub fn changed_profiles(&self) -> HashMap<UserId, Row> {
        std::mem::take(&mut *self.profiles.lock())
    }

    /// Tells everyone in these rooms of a person's new profile.
    pub fn hand_out_profile(&self, row: &Row, user: UserId, rooms: &[RoomId]) {
        let text = encode(&ServerFrame::Users { rows: vec![row.clone()] });
        for room in rooms {
            let shard = self.shard(*room).lock();
            for seat in shard.get(room).into_iter().flatten() {
                seat.line.profile(user, &text);
            }
        }
    }

    /// Tells one person something, on each of their connections; nothing keeps it.
    pub fn whisper(&self, user: UserId, frame: &ServerFrame) {
        let text = encode(frame);
        for line in self.lines(user) {
            line.notice(&text);
        }
    }
}

fn is_among(seats: &[Seat], line: &Line) -> bool {
    seats.iter().any(|seat| seat.line.id == line.id)
}
