//! Notices: what somebody is told beside their rooms, how they want to be told, reminders.

use crate::ids::{Millis, RoomId, Seq, UserId, exact};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One notice: an item of `GET /notifications`, and the frame `notice`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Notice {
    /// Of a message always the same, so that nothing shows it twice.
    pub id: String,
    /// `mention`, `direct`, `reply`, `keyword`, `reminder`, `scheduled`, or one of a tenant's own.
    pub topic: String,
    /// Where.
    #[serde(default)]
    pub room: Option<RoomId>,
    /// Which message.
    #[serde(default, deserialize_with = "exact")]
    pub seq: Option<Seq>,
    /// What a tenant's backend says with it.
    #[serde(default)]
    pub payload: Value,
    /// It was read: by itself, or with its message.
    pub read: bool,
    /// When.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
}

/// `PUT /notifications/read`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NoticesRead {
    /// This notice and all before it.
    pub up_to: String,
}

/// `POST /notifications`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NewNotice {
    /// A word of the tenant's own: letters, digits, `.`, `_`, `-`.
    pub topic: String,
    /// An object with whatever goes with it, at most 4 KiB.
    #[serde(default)]
    pub payload: Value,
    /// To whom, 1–100 people of the tenant.
    pub users: Vec<UserId>,
}

/// `GET` and `PUT /users/me/notifications`: how somebody wants to be told.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NoticeSettings {
    /// Words or phrases of which one wants to hear, at most 50.
    #[serde(default)]
    pub keywords: Vec<String>,
    /// When nothing is to be pushed or mailed; null: never.
    #[serde(default)]
    pub quiet: Option<Quiet>,
    /// After so long offline unread notices come by mail; 0: never.
    #[serde(default, deserialize_with = "exact")]
    pub digest_minutes: i64,
    /// Where the hours are those of, as `Europe/Berlin`; `UTC` when absent.
    #[serde(default = "utc")]
    pub zone: String,
}

/// Hours in which nothing is pushed or mailed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Quiet {
    /// Their beginning, as `22:00`.
    pub from: String,
    /// Their end, as `07:00`; not after the beginning means of the next day.
    pub to: String,
    /// The days on which they begin, Monday 1 to Sunday 7; empty: each day.
    #[serde(default)]
    pub days: Vec<u8>,
}

fn utc() -> String {
    "UTC".into()
}

/// `POST /push/endpoints`: a browser's subscription (Web Push).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewPushEndpoint {
    /// Where its push service takes messages for it; https.
    pub url: String,
    /// Its public key, 65 bytes in base64url.
    pub p256dh: String,
    /// Its secret, 16 bytes in base64url.
    pub auth: String,
}

/// Answer to `POST /push/endpoints`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EndpointMade {
    /// For taking it out again.
    pub id: String,
}

/// A browser that hears when it is not open.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Endpoint {
    /// Random.
    pub id: String,
    /// Of its push service.
    pub host: String,
    /// Since when.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
    /// It is this session's.
    pub current: bool,
}

/// `GET /push/key`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PushKey {
    /// The server's public key (VAPID), 65 bytes in base64url.
    pub key: String,
}

/// `POST /reminders`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewReminder {
    /// Where.
    pub room: RoomId,
    /// Which message.
    #[serde(deserialize_with = "exact")]
    pub seq: Seq,
    /// When, within a year.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
}

/// A message of which somebody wants to be reminded; then it is a notice, and no more here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reminder {
    /// Random.
    pub id: String,
    /// Where.
    pub room: RoomId,
    /// Which message.
    #[serde(deserialize_with = "exact")]
    pub seq: Seq,
    /// When.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
}
