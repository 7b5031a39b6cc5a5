//! Frames from the server to a client: events, answers, hints, and how the socket closes.

use super::Presence;
use crate::error::{Code, Refused, Retry};
use crate::ids::{Millis, RoomId, Seq, UserId, exact};
use crate::limits::Limits;
use crate::rest::Notice;
use crate::rows::Row;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// From server to client.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are those of every frame: id, room, key, seq")]
pub enum ServerFrame {
    /// Answer to `hello`.
    Welcome(Welcome),
    /// One change of a room.
    Event {
        room: RoomId,
        #[serde(deserialize_with = "exact")]
        seq: Seq,
        rows: Vec<Row>,
    },
    /// Changes of my own log: pushed (no `id`), or the answer to `own`.
    Own(OwnFrame),
    /// Profiles that changed.
    Users { rows: Vec<Row> },
    /// Rooms moved on; no bodies.
    Bump { rooms: Vec<Bump> },
    /// I read too slowly: what was queued is dropped, these are the heads.
    Lag {
        #[serde(deserialize_with = "exact")]
        rooms: Vec<(RoomId, Seq)>,
        #[serde(deserialize_with = "exact")]
        own: Seq,
    },
    /// Answer to `pull`.
    Delta(Delta),
    /// The command is committed and on disk.
    Ok(Done),
    /// The command was refused.
    Error(ErrorFrame),
    /// Answer to `call`.
    Answer { id: u64, status: u16, body: serde_json::Value },
    /// Somebody types.
    Typing { room: RoomId, user: UserId },
    /// Presence of those I watch.
    Presence { users: Vec<(UserId, Presence)> },
    /// Marks that moved: `[user, read, delivered]`.
    Read {
        room: RoomId,
        #[serde(deserialize_with = "exact")]
        marks: Vec<(UserId, Seq, Seq)>,
    },
    /// I am told something that no row says: an item of `GET /notifications`.
    Notice(Notice),
    /// A command answers me alone: shown where it was asked, kept by nobody.
    Whisper {
        room: RoomId,
        user: UserId,
        text: String,
        #[serde(deserialize_with = "exact")]
        at: Millis,
        rows: Vec<Row>,
    },
    /// Sign of life.
    Heartbeat {
        #[serde(deserialize_with = "exact")]
        now: Millis,
        #[serde(default)]
        digest: String,
    },
    /// The server leaves: come back after `after_ms`, elsewhere if you can.
    Goaway {
        #[serde(deserialize_with = "exact")]
        after_ms: i64,
        why: String,
    },
    /// A type of a later version: ignored.
    #[serde(other)]
    Unknown,
}

/// `welcome`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Welcome {
    /// Protocol version.
    pub v: u32,
    /// Id of this connection.
    pub connection: String,
    /// The data set.
    pub epoch: String,
    /// Server time, for display and for ages.
    #[serde(deserialize_with = "exact")]
    pub now: Millis,
    /// How often either side must be heard.
    #[serde(deserialize_with = "exact")]
    pub heartbeat_ms: i64,
    /// Head of my own log.
    #[serde(deserialize_with = "exact")]
    pub own_head: Seq,
    /// Joined rooms past the cursor named, and joined rooms not named.
    pub rooms: Vec<Head>,
    /// Rooms named that I am not in.
    pub gone: Vec<RoomId>,
    /// Limits of this server.
    pub limits: Limits,
}

/// Where a room stands, for me.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Head {
    /// The room.
    pub room: RoomId,
    /// Its last change.
    #[serde(deserialize_with = "exact")]
    pub head: Seq,
    /// Its head when this epoch began.
    #[serde(deserialize_with = "exact")]
    pub base: Seq,
    /// Its last countable message.
    #[serde(deserialize_with = "exact")]
    pub last_n: i64,
    /// My read mark.
    #[serde(deserialize_with = "exact")]
    pub read: Seq,
    /// Unread messages, counted to 100.
    #[serde(deserialize_with = "exact")]
    pub unread: i64,
    /// Those that concern me.
    #[serde(deserialize_with = "exact")]
    pub mentions: i64,
}

/// One room of a `bump`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bump {
    /// The room.
    pub room: RoomId,
    /// Its last change.
    #[serde(deserialize_with = "exact")]
    pub head: Seq,
    /// Its last countable message.
    #[serde(deserialize_with = "exact")]
    pub last_n: i64,
    /// My read mark, as it was counted from; absent is 0.
    #[serde(default, deserialize_with = "exact")]
    pub read: Seq,
    /// Unread messages.
    #[serde(deserialize_with = "exact")]
    pub unread: i64,
    /// Those that concern me.
    #[serde(deserialize_with = "exact")]
    pub mentions: i64,
}

/// `own`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OwnFrame {
    /// The question it answers; null when pushed.
    #[serde(default)]
    pub id: Option<u64>,
    /// From here, exclusive.
    #[serde(deserialize_with = "exact")]
    pub since: Seq,
    /// To here, inclusive.
    #[serde(deserialize_with = "exact")]
    pub to: Seq,
    /// Nothing more follows.
    pub done: bool,
    /// `mine`, `session` and my own `user` row.
    pub rows: Vec<Row>,
}

/// How a delta catches up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeltaKind {
    /// Every row of every kind with `since < rev <= to`.
    Replay,
    /// Changed rows within `floor … since`, and the latest messages.
    Window,
    /// The latest messages alone; what is held stays, unverified.
    Reset,
}

/// `delta`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Delta {
    /// The `pull` it answers; null in `/sync`.
    #[serde(default)]
    pub id: Option<u64>,
    /// The room.
    pub room: RoomId,
    /// As asked.
    #[serde(deserialize_with = "exact")]
    pub since: Seq,
    /// The cursor after it.
    #[serde(deserialize_with = "exact")]
    pub to: Seq,
    /// Replay, window or reset.
    pub kind: DeltaKind,
    /// As asked.
    #[serde(deserialize_with = "exact")]
    pub floor: Seq,
    /// Window and reset: lowest `seq` from which nothing is missing up to `to`.
    #[serde(deserialize_with = "exact")]
    pub first: Seq,
    /// Nothing more follows.
    pub done: bool,
    /// The rows.
    pub rows: Vec<Row>,
    /// Window: `[lo, hi]` that pages must fill.
    #[serde(default, deserialize_with = "exact")]
    pub hole: Option<(Seq, Seq)>,
    /// Lowest `seq` I may see.
    #[serde(deserialize_with = "exact")]
    pub min_seq: Seq,
    /// The room's head.
    #[serde(deserialize_with = "exact")]
    pub head: Seq,
    /// Its last countable message.
    #[serde(deserialize_with = "exact")]
    pub last_n: i64,
    /// My read mark, as it was counted from; absent is 0.
    #[serde(default, deserialize_with = "exact")]
    pub read: Seq,
    /// Unread messages.
    #[serde(deserialize_with = "exact")]
    pub unread: i64,
    /// Those that concern me.
    #[serde(deserialize_with = "exact")]
    pub mentions: i64,
}

/// `ok`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Done {
    /// The command.
    pub id: u64,
    /// Its room.
    #[serde(default)]
    pub room: Option<RoomId>,
    /// Number of the change in the room's log; null where that took none (`forget`, `read`, `mine`).
    #[serde(default, deserialize_with = "exact")]
    pub seq: Option<Seq>,
    /// `read`, `mine`: head of my own log after it.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub own: Option<Seq>,
    /// This key was done before.
    pub again: bool,
    /// The message as it is now (for `send`), else the row changed where there is one.
    #[serde(default)]
    pub row: Option<Row>,
}

/// `error`: a refusal with the command it answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ErrorFrame {
    /// The command; null for a frame that could not be read.
    #[serde(default)]
    pub id: Option<u64>,
    /// For programs.
    pub code: Code,
    /// For people.
    pub message: String,
    /// Whether to try again.
    #[serde(default)]
    pub retry: Retry,
    /// How long to wait first.
    #[serde(default, deserialize_with = "exact")]
    pub after_ms: Option<i64>,
    /// Which parts were wrong.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

impl ErrorFrame {
    /// The frame that answers command `id` with `refused`.
    pub fn new(id: Option<u64>, refused: Refused) -> Self {
        let Refused { code, message, retry, after_ms, fields } = refused;
        ErrorFrame { id, code, message, retry, after_ms, fields }
    }

    /// The refusal inside.
    pub fn refused(self) -> Refused {
        let ErrorFrame { code, message, retry, after_ms, fields, .. } = self;
        Refused { code, message, retry, after_ms, fields }
    }
}

/// Close codes of the socket.
pub mod close {
    /// Session over or unknown: one refresh, then ask for the password.
    pub const SIGNED_OUT: u16 = 4001;
    /// Ended from elsewhere or banned: the client deletes store and key.
    pub const THROWN_OUT: u16 = 4003;
    /// Reads too slowly.
    pub const TOO_SLOW: u16 = 4008;
    /// No `hello` in time.
    pub const NO_HELLO: u16 = 4009;
    /// Malformed too often.
    pub const MALFORMED: u16 = 4010;
    /// Unknown protocol version.
    pub const VERSION: u16 = 4011;
    /// Frame over the limit.
    pub const TOO_LARGE: u16 = 1009;
    /// The server restarts.
    pub const RESTARTING: u16 = 1012;
}
