//! Reports, bans, reasons: what moderators ask and are told.

use crate::ids::{Millis, RoomId, Seq, UserId, exact};
use serde::{Deserialize, Serialize};

/// `POST /reports`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewReport {
    /// Where.
    pub room: RoomId,
    /// Which message.
    #[serde(deserialize_with = "exact")]
    pub seq: Seq,
    /// What is wrong with it, 1–500 characters.
    pub reason: String,
}

/// A report, as admins see it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Random.
    pub id: String,
    /// Where.
    pub room: RoomId,
    /// Which message.
    #[serde(deserialize_with = "exact")]
    pub seq: Seq,
    /// Who said it.
    pub sender: UserId,
    /// What is wrong with it.
    pub reason: String,
    /// Who reported it.
    pub by: UserId,
    /// When.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
    /// When somebody dealt with it.
    #[serde(default, deserialize_with = "exact")]
    pub resolved_at: Option<Millis>,
    /// Who dealt with it.
    #[serde(default)]
    pub resolved_by: Option<UserId>,
}

/// `PATCH /reports/{id}`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReportPatch {
    /// It is dealt with, or open again.
    pub resolved: bool,
}

/// `POST /bans`: one person, or one address.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct NewBan {
    /// Who may not sign in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
    /// From where nobody may; of IPv6 the whole /64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Until when; absent: until it is lifted.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub until: Option<Millis>,
    /// Why, 1–500 characters.
    pub reason: String,
}

/// A ban.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ban {
    /// Random.
    pub id: String,
    /// Who.
    #[serde(default)]
    pub user: Option<UserId>,
    /// From where, as it is compared.
    #[serde(default)]
    pub address: Option<String>,
    /// Until when.
    #[serde(default, deserialize_with = "exact")]
    pub until: Option<Millis>,
    /// Why.
    pub reason: String,
    /// Who said so.
    pub by: UserId,
    /// When.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
}

/// `DELETE /rooms/{room}/messages/{seq}`, where a reason is given.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Deleting {
    /// Why, at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `GET /rooms/{room}/messages/{seq}/deletion`: for its author and for admins.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Deletion {
    /// Who deleted it.
    pub by: UserId,
    /// When.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}
