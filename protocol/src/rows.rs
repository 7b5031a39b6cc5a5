//! Rows: what lasts, with a version. Events, deltas, pages and answers all carry these, and one
//! rule applies them all: **store the row iff its `rev` is newer than what you hold.**
//!
//! In a row a field that is null, false, empty or zero is left out; reading restores it.

use crate::ids::{Key, Millis, RoomId, Seq, UserId, exact};
use serde::{Deserialize, Serialize};

mod people;
mod room;

pub use people::*;
pub use room::*;

/// True for a value that a row may leave out.
fn blank<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Any row, told apart by `t`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum Row {
    /// A message, its tombstone, or a system notice.
    Message(Message),
    /// One person's emoji on one message.
    Reaction(Reaction),
    /// One person's membership of a room.
    Member(Member),
    /// A room's settings.
    Room(Room),
    /// A person as others see them.
    User(User),
    /// What one account keeps about one of its rooms.
    Mine(Mine),
    /// One signed-in device of mine.
    Session(SessionRow),
    /// A kind a later version added: ignored.
    #[serde(other)]
    Unknown,
}

impl Row {
    /// The version of the row, of the log that numbers it.
    pub fn rev(&self) -> Seq {
        match self {
            Row::Message(row) => row.rev,
            Row::Reaction(row) => row.rev,
            Row::Member(row) => row.rev,
            Row::Room(row) => row.rev,
            Row::User(row) => row.rev,
            Row::Mine(row) => row.rev,
            Row::Session(row) => row.rev,
            Row::Unknown => 0,
        }
    }
}

/// What kind of message it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Something a person said.
    #[default]
    Text,
    /// A notice of the room itself (`meta.what` says which); uncounted, without key and text.
    System,
}

/// A message of a room. A tombstone (`deleted`) keeps `seq n sender at key kind thread` alone.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Message {
    /// The room whose log numbers it.
    pub room: RoomId,
    /// Its position in the room's log; with `room` its identity.
    #[serde(deserialize_with = "exact")]
    pub seq: Seq,
    /// Its version: the `seq` of the change that last wrote it.
    #[serde(deserialize_with = "exact")]
    pub rev: Seq,
    /// Ordinal among the room's countable messages; 0 for system notices.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "blank")]
    pub n: i64,
    /// Who said it; for system notices who caused it.
    pub sender: UserId,
    /// When the server took it, for display.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
    /// The key its sender gave it; none for system notices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Text or system notice.
    pub kind: MessageKind,
    /// What was said, NFC.
    #[serde(default, skip_serializing_if = "blank")]
    pub text: String,
    /// `seq` of the message it answers.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub reply: Option<Seq>,
    /// `seq` of the first message of the thread it belongs to.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub thread: Option<Seq>,
    /// Attached files.
    #[serde(default, skip_serializing_if = "blank")]
    pub files: Vec<File>,
    /// People it names.
    #[serde(default, skip_serializing_if = "blank")]
    pub mentions: Vec<UserId>,
    /// It names everyone in the room.
    #[serde(default, skip_serializing_if = "blank")]
    pub everyone: bool,
    /// Free data of its sender (an object, at most 4 KiB), or what a system notice says.
    #[serde(default, skip_serializing_if = "blank")]
    pub meta: serde_json::Map<String, serde_json::Value>,
    /// When its text last changed.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<Millis>,
    /// It is pinned in its room.
    #[serde(default, skip_serializing_if = "blank")]
    pub pinned: bool,
    /// It is a tombstone.
    #[serde(default, skip_serializing_if = "blank")]
    pub deleted: bool,
}

/// A file attached to a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct File {
    /// Media id.
    pub id: String,
    /// Name as its uploader gave it, at most 255 characters.
    pub name: String,
    /// Media type, by content.
    #[serde(rename = "type")]
    pub kind: String,
    /// Bytes.
    #[serde(deserialize_with = "exact")]
    pub size: i64,
    /// Pixels, for pictures and video.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub width: Option<i64>,
    /// Pixels, for pictures and video.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub height: Option<i64>,
}

/// One person's emoji on one message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reaction {
    /// The room.
    pub room: RoomId,
    /// The message.
    #[serde(deserialize_with = "exact")]
    pub seq: Seq,
    /// Who reacted.
    pub user: UserId,
    /// At most 64 bytes.
    pub emoji: String,
    /// False once taken back.
    #[serde(default, skip_serializing_if = "blank")]
    pub on: bool,
    /// Version, of the room's log.
    #[serde(deserialize_with = "exact")]
    pub rev: Seq,
}

/// How I stand to a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MineState {
    /// In it.
    Joined,
    /// I left (or hid a direct room).
    Left,
    /// Somebody removed me.
    Removed,
    /// The room is gone.
    Deleted,
}

/// Which messages of a room call for me.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notify {
    /// Each.
    #[default]
    All,
    /// Mentions, replies to me, direct.
    Mentions,
    /// None.
    None,
}

/// What one account keeps about one of its rooms; numbered by that person's own log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mine {
    /// The room.
    pub room: RoomId,
    /// Joined, left, removed, deleted.
    pub state: MineState,
    /// The room's head when this was written.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "blank")]
    pub head: Seq,
    /// Read mark.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "blank")]
    pub read: Seq,
    /// Unread messages, counted to 100.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "blank")]
    pub unread: i64,
    /// Those that concern me.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "blank")]
    pub mentions: i64,
    /// Marked unread by hand.
    #[serde(default, skip_serializing_if = "blank")]
    pub unread_mark: bool,
    /// All, mentions, none.
    #[serde(default)]
    pub notify: Notify,
    /// Quiet until then.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<Millis>,
    /// Kept at the top.
    #[serde(default, skip_serializing_if = "blank")]
    pub favourite: bool,
    /// Text begun and not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<String>,
    /// Lowest `seq` I may see; 0 and 1 both mean everything.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "blank")]
    pub min_seq: Seq,
    /// Version, of my own log.
    #[serde(deserialize_with = "exact")]
    pub rev: Seq,
}
