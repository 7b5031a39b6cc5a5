//! What somebody keeps for later: messages put aside, messages to be sent, reminders.

use crate::ids::{Key, Millis, RoomId, Seq, exact};
use crate::rows::File;
use serde::{Deserialize, Serialize};

/// `POST /saved`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewSaved {
    /// Where.
    pub room: RoomId,
    /// Which message.
    #[serde(deserialize_with = "exact")]
    pub seq: Seq,
}

/// A message somebody put aside for themselves.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Saved {
    /// Random.
    pub id: String,
    /// Where.
    pub room: RoomId,
    /// Which message.
    #[serde(deserialize_with = "exact")]
    pub seq: Seq,
    /// When it was put aside.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
}

/// `POST /scheduled`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewScheduled {
    /// Of the message it becomes, made once; the idempotency key of this call too.
    pub key: Key,
    /// Where.
    pub room: RoomId,
    /// What.
    #[serde(default)]
    pub text: String,
    /// When, within a year.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
    /// `seq` it answers.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub reply: Option<Seq>,
    /// `seq` of a message of the thread.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub thread: Option<Seq>,
    /// Media ids; the files stay until it is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
}

/// `PATCH /scheduled/{id}`: any of these. With another time one that could not be said waits again.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ScheduledPatch {
    /// What.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// When, within a year.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub at: Option<Millis>,
    /// Media ids, in place of those it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub files: Option<Vec<String>>,
}

/// A message that is said later; once it is said, it is in its room and no more here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Scheduled {
    /// Random.
    pub id: String,
    /// Of the message it becomes.
    pub key: Key,
    /// Where.
    pub room: RoomId,
    /// What; empty once it was said or taken back.
    pub text: String,
    /// When.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
    /// `seq` it answers.
    #[serde(default, deserialize_with = "exact")]
    pub reply: Option<Seq>,
    /// `seq` of a message of the thread.
    #[serde(default, deserialize_with = "exact")]
    pub thread: Option<Seq>,
    /// What it carries.
    #[serde(default)]
    pub files: Vec<File>,
    /// The code of the refusal, when it could not be said; null: it waits.
    #[serde(default)]
    pub error: Option<String>,
}
