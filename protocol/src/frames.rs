//! Frames of the socket: from the client here, from the server in `server.rs`. `type` is the first
//! key; unknown types and unknown fields are ignored by both sides. `id` is the sender's own number
//! for the answer.

use crate::ids::{Key, Millis, RoomId, Seq, UserId, exact};
use crate::rows::Notify;
use serde::{Deserialize, Deserializer, Serialize};

mod server;

pub use server::*;

/// From client to server.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are those of every frame: id, room, key, seq")]
pub enum ClientFrame {
    /// The first frame.
    Hello(Hello),
    /// Says something; answered by `ok` or `error`, like all below up to `heads`.
    Send(Send),
    /// Changes the text of an own message.
    Edit {
        id: u64,
        room: RoomId,
        key: Key,
        #[serde(deserialize_with = "exact")]
        seq: Seq,
        text: String,
    },
    /// Leaves a tombstone.
    Delete {
        id: u64,
        room: RoomId,
        key: Key,
        #[serde(deserialize_with = "exact")]
        seq: Seq,
    },
    /// Sets or takes back an emoji.
    React {
        id: u64,
        room: RoomId,
        key: Key,
        #[serde(deserialize_with = "exact")]
        seq: Seq,
        emoji: String,
        on: bool,
    },
    /// Pins or unpins.
    Pin {
        id: u64,
        room: RoomId,
        key: Key,
        #[serde(deserialize_with = "exact")]
        seq: Seq,
        on: bool,
    },
    /// Moves the read mark forward; answered by `ok` with `own`.
    Read {
        id: u64,
        room: RoomId,
        #[serde(deserialize_with = "exact")]
        seq: Seq,
    },
    /// Changes what I keep about a room; answered by `ok` with `own`.
    Mine {
        id: u64,
        room: RoomId,
        #[serde(flatten)]
        patch: MinePatch,
    },
    /// The refused key will not come again: later commands of the room go on.
    Forget { id: u64, room: RoomId, key: Key },
    /// Asks for a `delta`.
    Pull {
        id: u64,
        room: RoomId,
        #[serde(deserialize_with = "exact")]
        since: Seq,
        #[serde(default, deserialize_with = "exact")]
        floor: Option<Seq>,
        #[serde(default)]
        latest: Option<usize>,
    },
    /// Asks for an `own`.
    Own {
        id: u64,
        #[serde(deserialize_with = "exact")]
        since: Seq,
    },
    /// Asks for a `bump` of all joined rooms.
    Heads { id: u64 },
    /// Any REST call; answered by `answer`.
    Call {
        id: u64,
        method: String,
        path: String,
        #[serde(default)]
        body: Option<serde_json::Value>,
        /// As the header `Idempotency-Key`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<Key>,
    },
    /// I am typing.
    Typing { room: RoomId },
    /// The rooms on screen.
    Focus { rooms: Vec<RoomId> },
    /// Whose presence I want to see.
    Watch {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        users: Vec<UserId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomId>,
    },
    /// My own presence.
    Presence { state: Presence },
    /// Stored on the device.
    Ack {
        #[serde(default, deserialize_with = "exact")]
        rooms: Vec<(RoomId, Seq)>,
        #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
        own: Option<Seq>,
    },
    /// Sign of life.
    Heartbeat {},
    /// A type of a later version: ignored.
    #[serde(other)]
    Unknown,
}

/// `hello`: who I am and what I hold.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Hello {
    /// Protocol version.
    pub v: u32,
    /// Access token; absent when the upgrade carried an API key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Label of the device.
    #[serde(default)]
    pub device: String,
    /// The data set my cursors belong to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// My own log's cursor; 0 holds nothing.
    #[serde(default, deserialize_with = "exact")]
    pub own: Seq,
    /// Cursors by room, or `"acked"`.
    #[serde(default)]
    pub rooms: Cursors,
    /// The rooms on screen.
    #[serde(default)]
    pub focus: Vec<RoomId>,
    /// The last notice (frame `notice`) I have: unread ones after it follow the welcome as frames, at
    /// most 50; absent: all that are unread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notices: Option<String>,
}

/// Where a client stands in each room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cursors {
    /// `[[room, cursor], …]`.
    List(#[serde(deserialize_with = "exact")] Vec<(RoomId, Seq)>),
    /// `"acked"`: start from my last acks.
    Word(Acked),
}

impl Default for Cursors {
    fn default() -> Self {
        Cursors::List(Vec::new())
    }
}

/// The word `acked`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Acked {
    /// Start from my last acks.
    Acked,
}

/// `send`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Send {
    /// For the answer.
    pub id: u64,
    /// Where.
    pub room: RoomId,
    /// Made once, when the person acted.
    pub key: Key,
    /// What.
    #[serde(default)]
    pub text: String,
    /// `seq` it answers.
    #[serde(default, deserialize_with = "exact")]
    pub reply: Option<Seq>,
    /// `seq` of the thread's first message.
    #[serde(default, deserialize_with = "exact")]
    pub thread: Option<Seq>,
    /// Media ids.
    #[serde(default)]
    pub files: Vec<String>,
    /// Free data, an object.
    #[serde(default)]
    pub meta: serde_json::Map<String, serde_json::Value>,
    /// My draft of this room is done with.
    #[serde(default)]
    pub clears_draft: bool,
}

/// Part of `mine` that its person may change; absent stays, `null` clears.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct MinePatch {
    /// All, mentions, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
    /// Quiet until then.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<Option<Millis>>,
    /// Kept at the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub favourite: Option<bool>,
    /// Marked unread by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread_mark: Option<bool>,
    /// Text begun and not sent.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub draft: Option<Option<String>>,
}

/// Tells `null` (clear it) from absent (leave it).
pub(crate) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    d: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(d).map(Some)
}

/// Whether somebody is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// At the screen.
    Online,
    /// Connected, idle.
    Away,
    /// Not connected.
    Offline,
}
