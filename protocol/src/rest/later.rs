//! What a person keeps for later: saved messages, reminders, messages with a time to be sent at;
//! and why a room has its badge.

use crate::ids::{Key, Millis, RoomId, Seq, exact};
use serde::{Deserialize, Serialize};

/// `GET /rooms/{room}/why`: why this badge.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Why {
    /// Read mark.
    #[serde(deserialize_with = "exact")]
    pub read: Seq,
    /// The unread messages, oldest first, counted to 100.
    #[serde(deserialize_with = "exact")]
    pub unread: Vec<Seq>,
    /// Those that concern me, oldest first, counted to 100.
    #[serde(deserialize_with = "exact")]
    pub mentions: Vec<Seq>,
}

/// `POST /saved`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewSaved {
    /// Where.
    pub room: RoomId,
    /// Which message.
    #[serde(deserialize_with = "exact")]
    pub seq: Seq,
}

/// A saved message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Saved {
    /// Random.
    pub id: String,
    /// Where.
    pub room: RoomId,
    /// Which message.
    #[serde(deserialize_with = "exact")]
    pub seq: Seq,
    /// When it was saved.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
}

/// `POST /reminders`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewReminder {
    /// Where.
    pub room: RoomId,
    /// Of which message.
    #[serde(deserialize_with = "exact")]
    pub seq: Seq,
    /// When.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
}

/// A reminder.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reminder {
    /// Random.
    pub id: String,
    /// Where.
    pub room: RoomId,
    /// Of which message.
    #[serde(deserialize_with = "exact")]
    pub seq: Seq,
    /// When.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
    /// Its time has come; it stays until it is deleted.
    pub due: bool,
}

/// `POST /scheduled`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewScheduled {
    /// Of the message it will be.
    pub key: Key,
    /// Where.
    pub room: RoomId,
    /// What.
    pub text: String,
    /// When.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
}

/// A message that waits for its time. Once sent it is gone from here; what could not be sent stays
/// until its author deletes it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Scheduled {
    /// Random.
    pub id: String,
    /// Of the message it will be.
    pub key: Key,
    /// Where.
    pub room: RoomId,
    /// What.
    pub text: String,
    /// When.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
    /// Why it was not sent, as an error's `message`.
    #[serde(default)]
    pub failed: Option<String>,
}
