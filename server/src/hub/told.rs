//! What one connection was told of heads. The digest of a heartbeat speaks of what was written to
//! it before, not of what waits or of what the store holds; so each frame that names heads leaves a
//! note here at the moment it is written. A sorted list, sixteen bytes a room: no map, no hashing.

use hallway_protocol::digest::digest;
use hallway_protocol::frames::{OwnFrame, ServerFrame};
use hallway_protocol::ids::{RoomId, Seq};
use hallway_protocol::rows::{MineState, Row};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Heads of rooms that were heard of before the own log said that they are joined; nobody enters
/// more at once.
const EARLY: usize = 256;

/// What a frame says of heads.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Note {
    /// Nothing.
    #[default]
    Nothing,
    /// A room reaches so far.
    Head(RoomId, Seq),
    /// Several do; the own log too, where it is named.
    Heads(Vec<(RoomId, Seq)>, Seq),
    /// The own log moved.
    Own(Arc<OwnNote>),
}

/// What an `own` frame says of heads.
#[derive(Clone, PartialEq, Debug)]
pub struct OwnNote {
    since: Seq,
    to: Seq,
    /// Rooms whose row it brings: its version, and their head where they are joined.
    rooms: Vec<(RoomId, Seq, Option<Seq>)>,
}

impl Note {
    /// What is to be remembered of a frame once it is written.
    pub fn of(frame: &ServerFrame) -> Note {
        match frame {
            ServerFrame::Event { room, seq, .. } => Note::Head(*room, *seq),
            ServerFrame::Delta(delta) => Note::Head(delta.room, delta.head),
            ServerFrame::Bump { rooms } => {
                Note::Heads(rooms.iter().map(|bump| (bump.room, bump.head)).collect(), 0)
            }
            ServerFrame::Lag { rooms, own } => Note::Heads(rooms.clone(), *own),
            ServerFrame::Own(own) => Note::Own(Arc::new(OwnNote::of(own))),
            ServerFrame::Welcome(_)
            | ServerFrame::Users { .. }
            | ServerFrame::Ok(_)
            | ServerFrame::Error(_)
            | ServerFrame::Answer { .. }
            | ServerFrame::Typing { .. }
            | ServerFrame::Presence { .. }
            | ServerFrame::Read { .. }
            | ServerFrame::Notice(_)
            | ServerFrame::Whisper { .. }
            | ServerFrame::Heartbeat { .. }
            | ServerFrame::Goaway { .. }
            | ServerFrame::Unknown => Note::Nothing,
        }
    }
}

impl OwnNote {
    /// Of this frame.
    pub fn of(frame: &OwnFrame) -> OwnNote {
        let mine = |row: &Row| match row {
            Row::Mine(mine) => {
                let head = (mine.state == MineState::Joined).then_some(mine.head);
                Some((mine.room, mine.rev, head))
            }
            _ => None,
        };
        let rooms = frame.rows.iter().filter_map(mine).collect();
        OwnNote { since: frame.since, to: frame.to, rooms }
    }
}

/// The heads a connection knows of.
#[derive(Debug)]
pub struct Told {
    /// Joined rooms, by their ids.
    rooms: Vec<(RoomId, Seq)>,
    /// The own log reaches so far.
    own: Seq,
    /// And so far without a gap: what lies beyond one is asked for again and counts then.
    cursor: Seq,
    early: BTreeMap<RoomId, Seq>,
}

impl Told {
    /// After the welcome: every joined room with its head, the own log's head, and where in it the
    /// client says it stands.
    pub fn new(mut rooms: Vec<(RoomId, Seq)>, own: Seq, cursor: Seq) -> Told {
        rooms.sort_unstable();
        rooms.shrink_to_fit();
        // A cursor past the head is of a log that was lost; it is answered from the beginning.
        let cursor = if cursor > own { 0 } else { cursor };
        Told { rooms, own, cursor, early: BTreeMap::new() }
    }

    /// A frame is written.
    pub fn note(&mut self, note: &Note) {
        match note {
            Note::Nothing => {}
            Note::Head(room, head) => self.head(*room, *head),
            Note::Heads(rooms, own) => {
                rooms.iter().for_each(|(room, head)| self.head(*room, *head));
                self.own = self.own.max(*own);
            }
            Note::Own(note) => self.own(note),
        }
    }

    fn head(&mut self, room: RoomId, head: Seq) {
        match self.find(room) {
            Ok(at) => self.rooms[at].1 = self.rooms[at].1.max(head),
            Err(_) if self.early.len() < EARLY || self.early.contains_key(&room) => {
                let known = self.early.entry(room).or_default();
                *known = head.max(*known);
            }
            Err(_) => {}
        }
    }

    fn own(&mut self, note: &OwnNote) {
        self.own = self.own.max(note.to);
        if note.since > self.cursor {
            return;
        }
        for (room, _, head) in note.rooms.iter().filter(|(_, rev, _)| *rev > self.cursor) {
            match (self.find(*room), head) {
                (Err(at), Some(head)) => {
                    let head = self.early.remove(room).unwrap_or_default().max(*head);
                    self.rooms.insert(at, (*room, head));
                }
                (Ok(at), Some(head)) => self.rooms[at].1 = self.rooms[at].1.max(*head),
                (Ok(at), None) => {
                    self.rooms.remove(at);
                }
                (Err(_), None) => {}
            }
        }
        self.cursor = self.cursor.max(note.to);
    }

    fn find(&self, room: RoomId) -> Result<usize, usize> {
        self.rooms.binary_search_by_key(&room, |(room, _)| *room)
    }

    /// As a heartbeat says it.
    pub fn digest(&self) -> String {
        digest(self.rooms.iter().copied(), self.own)
    }
}
