//! Bodies of REST requests and answers (protocol.md §3, §4). Answers that are a room, a person, a
//! message or a membership are the rows themselves.

use crate::frames::{Delta, Head, OwnFrame, ServerFrame, given};
use crate::ids::{Key, Millis, RoomId, Seq, UserId, exact};
use crate::rows::{History, Role, Row, Visibility};
use serde::{Deserialize, Serialize, Serializer};

mod accounts;
mod admin;
mod badge;
mod hooks;
mod later;
mod media;
mod moderation;
mod notices;
mod operators;
mod search;

pub use accounts::*;
pub use admin::*;
pub use badge::*;
pub use hooks::*;
pub use later::*;
pub use media::*;
pub use moderation::*;
pub use notices::*;
pub use operators::*;
pub use search::*;

/// Kinds of room that can be asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NewRoomKind {
    /// Private unless said otherwise.
    Group,
    /// Public unless said otherwise.
    Channel,
}

/// `POST /rooms`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewRoom {
    /// Idempotency key; the header does as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// Group or channel.
    pub kind: NewRoomKind,
    /// 1–80 characters.
    pub name: String,
    /// At most 250 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// By kind when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// All when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    /// At most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<UserId>,
    /// It vanishes when left alone.
    #[serde(default)]
    pub ephemeral: bool,
    /// Reserved.
    #[serde(default)]
    pub sealed: bool,
}

/// `POST /rooms/direct`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewDirect {
    /// 1…10 others.
    pub users: Vec<UserId>,
}

/// `PATCH /rooms/{room}`; absent stays.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RoomPatch {
    /// 1–80 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// At most 250 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Owner alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Visibility>,
    /// Owner alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    /// Admins alone post.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announce: Option<bool>,
    /// Between two messages of one member; 0 ends it.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub slow_seconds: Option<i64>,
    /// Put away, or brought back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// Owner alone; null: everything is kept.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<Option<i64>>,
}

/// A room's join code: body of `POST /rooms/join`, answer of `POST /rooms/{room}/code`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct JoinCode {
    /// 8 characters; case and hyphens are ignored.
    pub code: String,
}

/// `PUT /rooms/{room}/members/{user}`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct MemberRole {
    /// Member when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Until then they say nothing; null ends it, absent leaves it.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<Option<Millis>>,
}

/// `PUT /rooms/{room}/read-mark`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReadMark {
    /// Read up to here.
    #[serde(deserialize_with = "exact")]
    pub seq: Seq,
}

/// `POST /rooms/{room}/messages`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NewMessage {
    /// Made once, when the person acted.
    pub key: Key,
    /// What.
    #[serde(default)]
    pub text: String,
    /// `seq` it answers.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub reply: Option<Seq>,
    /// `seq` of the thread's first message.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub thread: Option<Seq>,
    /// Media ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// Free data, an object.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub meta: serde_json::Map<String, serde_json::Value>,
    /// My draft of this room is done with.
    #[serde(default)]
    pub clears_draft: bool,
}

/// `PATCH /rooms/{room}/messages/{seq}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EditMessage {
    /// Idempotency key; the header does as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// The new text.
    pub text: String,
}

/// One earlier text of a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Edit {
    /// What it said until then.
    pub text: String,
    /// When it was written.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
}

/// A page of a room's history.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Page {
    /// Nothing is missing from here …
    #[serde(deserialize_with = "exact")]
    pub lo: Seq,
    /// … to here.
    #[serde(deserialize_with = "exact")]
    pub hi: Seq,
    /// Oldest first; messages, their reactions, messages they quote, people.
    pub rows: Vec<Row>,
    /// The room's head when it was read.
    #[serde(deserialize_with = "exact")]
    pub as_of: Seq,
    /// Lowest `seq` I may see.
    #[serde(deserialize_with = "exact")]
    pub min_seq: Seq,
}

/// A list whose elements are rows.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Rows {
    /// The rows.
    pub rows: Vec<Row>,
    /// For the next part; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A list whose elements are not rows.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Items<T> {
    /// The elements.
    pub items: Vec<T>,
    /// For the next part; absent at the end.
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

fn none() -> Option<String> {
    None
}

/// How far one member has read and received.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Receipt {
    /// Who.
    pub user: UserId,
    /// Read mark.
    #[serde(deserialize_with = "exact")]
    pub read: Seq,
    /// Stored on one of their devices.
    #[serde(deserialize_with = "exact")]
    pub delivered: Seq,
}

/// `POST /sync`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Sync {
    /// The data set my cursors belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// My own log's cursor.
    #[serde(deserialize_with = "exact")]
    pub own: Seq,
    /// Where I stand in each room.
    pub rooms: Vec<SyncRoom>,
    /// The rooms on screen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub focus: Vec<RoomId>,
    /// The last notice I have, empty for none: unread ones after it are in the answer. Absent: I
    /// want none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notices: Option<String>,
    /// How long to wait when nothing is behind, at most 30,000.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<i64>,
}

/// One room of a `/sync`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SyncRoom {
    /// `[room, since]`.
    Short(RoomId, #[serde(deserialize_with = "exact")] Seq),
    /// With what a `pull` may say.
    Full {
        /// The room.
        room: RoomId,
        /// Cursor.
        #[serde(deserialize_with = "exact")]
        since: Seq,
        /// Lowest covered `seq`.
        #[serde(default, deserialize_with = "exact")]
        floor: Option<Seq>,
        /// How many of the latest messages.
        #[serde(default)]
        latest: Option<usize>,
    },
}

/// Answer to `/sync`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Synced {
    /// The data set.
    pub epoch: String,
    /// Server time.
    #[serde(deserialize_with = "exact")]
    pub now: Millis,
    /// As `welcome.rooms`.
    pub rooms: Vec<Head>,
    /// Rooms named that I am not in.
    pub gone: Vec<RoomId>,
    /// One for each named room that is behind, up to 1 MiB in all.
    #[serde(serialize_with = "delta_frames")]
    pub deltas: Vec<Delta>,
    /// My own log since the cursor.
    #[serde(serialize_with = "own_frame")]
    pub own: OwnFrame,
    /// `typing`, `read`, `presence`.
    pub ephemeral: Vec<ServerFrame>,
    /// What would be `notice` frames on the socket, as far as they were asked for: oldest first, at
    /// most 50.
    #[serde(default)]
    pub notices: Vec<Notice>,
}

/// Frames in a body carry their type as on the socket.
fn delta_frames<S: Serializer>(deltas: &[Delta], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(deltas.iter().cloned().map(ServerFrame::Delta))
}

/// See [`delta_frames`].
fn own_frame<S: Serializer>(own: &OwnFrame, to: S) -> Result<S::Ok, S::Error> {
    ServerFrame::Own(own.clone()).serialize(to)
}
