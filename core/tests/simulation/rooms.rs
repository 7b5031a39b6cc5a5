//! One room on the server's disk: its present rows, every version they ever had, and what follows
//! from them for one person.

use hallway_protocol::ids::{Key, RoomId, Seq, UserId};
use hallway_protocol::limits::UNREAD_MAX;
use hallway_protocol::rows::*;
use serde_json::json;
use std::collections::BTreeMap;

/// One reaction's place.
pub type Spot = (Seq, UserId, String);

/// A room: its present rows, and every version they ever had.
#[derive(Clone, Debug)]
pub struct RoomData {
    pub row: Room,
    pub head: Seq,
    pub last_n: i64,
    pub members: BTreeMap<UserId, Member>,
    pub messages: BTreeMap<Seq, Message>,
    pub reactions: BTreeMap<Spot, Reaction>,
    pub keys: BTreeMap<(UserId, Key), Seq>,
    pub versions: BTreeMap<Seq, Vec<Message>>,
    pub held: BTreeMap<Spot, Vec<(Seq, bool)>>,
}

impl RoomData {
    pub fn is_member(&self, user: UserId) -> bool {
        !self.row.deleted && self.members.get(&user).is_some_and(|m| m.left_seq.is_none())
    }

    /// The lowest number this person may see.
    pub fn min_seq(&self, user: UserId) -> Seq {
        match (self.row.history, self.members.get(&user)) {
            (History::Joined, Some(member)) => member.joined_seq,
            _ => 1,
        }
    }

    /// It names them, or answers a message of theirs; in direct rooms everything does.
    pub fn concerns(&self, message: &Message, user: UserId) -> bool {
        let answered = message.reply.and_then(|seq| self.messages.get(&seq));
        self.row.kind == RoomKind::Direct
            || message.everyone
            || message.mentions.contains(&user)
            || answered.is_some_and(|m| m.sender == user)
    }

    /// Unread and mentions, by their definition.
    pub fn unread(&self, user: UserId, read: Seq) -> (i64, i64) {
        let from = self.min_seq(user).max(read + 1);
        let counted = self
            .messages
            .range(from..)
            .map(|(_, m)| m)
            .filter(|m| m.kind == MessageKind::Text && m.sender != user && !m.deleted);
        let (mut unread, mut mentions) = (0, 0);
        for message in counted {
            unread += 1;
            mentions += i64::from(self.concerns(message, user));
        }
        (unread.min(UNREAD_MAX), mentions.min(UNREAD_MAX))
    }

    /// Keeps a row, and that it was so.
    pub fn record(&mut self, row: &Row) {
        match row {
            Row::Message(m) => {
                self.versions.entry(m.seq).or_default().push(m.clone());
                self.messages.insert(m.seq, m.clone());
            }
            Row::Reaction(r) => {
                let spot = (r.seq, r.user, r.emoji.clone());
                self.held.entry(spot.clone()).or_default().push((r.rev, r.on));
                self.reactions.insert(spot, r.clone());
            }
            Row::Member(m) => drop(self.members.insert(m.user, m.clone())),
            Row::Room(r) => self.row = r.clone(),
            _ => {}
        }
    }
}

/// How a person stands to a room that is new to them.
pub fn blank_mine(room: RoomId) -> Mine {
    Mine {
        room,
        state: MineState::Joined,
        head: 0,
        read: 0,
        unread: 0,
        mentions: 0,
        unread_mark: false,
        notify: Notify::All,
        muted_until: None,
        favourite: false,
        draft: None,
        min_seq: 0,
        rev: 0,
    }
}

/// A notice of the room itself.
pub fn notice(r: &RoomData, seq: Seq, by: UserId, what: &str, user: UserId, at: i64) -> Row {
    let meta = json!({"what": what, "user": user, "by": by});
    Row::Message(Message {
        room: r.row.room,
        seq,
        rev: seq,
        n: 0,
        sender: by,
        at,
        key: None,
        kind: MessageKind::System,
        text: String::new(),
        reply: None,
        thread: None,
        files: Vec::new(),
        mentions: Vec::new(),
        everyone: false,
        meta: meta.as_object().cloned().unwrap_or_default(),
        edited_at: None,
        pinned: false,
        deleted: false,
    })
}
