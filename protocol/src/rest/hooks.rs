//! Webhooks: what a tenant's own programs are told, and how that went.

use crate::frames::given;
use crate::ids::{Millis, RoomId, Seq, TenantId, exact};
use crate::rows::Row;
use serde::{Deserialize, Serialize};

/// What a webhook is called for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookEvent {
    /// Something was said.
    Message,
    /// A message was changed.
    Edit,
    /// A message was deleted.
    Delete,
    /// An emoji was set or taken back.
    Reaction,
    /// Somebody came, left or was given a role.
    Member,
    /// A room was made, changed or deleted.
    Room,
}

/// How a webhook does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookState {
    /// It is called.
    Active,
    /// It is called, and the last call failed.
    Failing,
    /// It is not called any more.
    Off,
}

/// `POST /webhooks`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewWebhook {
    /// Where calls go.
    pub url: String,
    /// For what; each once.
    pub events: Vec<HookEvent>,
    /// Of these rooms alone; none: of all public ones. A private room is named by its owner.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rooms: Vec<RoomId>,
    /// What calls are signed with, 16–200 characters; made when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// A webhook.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Webhook {
    /// Random.
    pub id: String,
    /// Where calls go.
    pub url: String,
    /// For what.
    pub events: Vec<HookEvent>,
    /// Of these rooms alone; none: of all public ones.
    #[serde(default)]
    pub rooms: Vec<RoomId>,
    /// What calls are signed with; shown when it is made or changed, and never again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// How it does.
    pub state: HookState,
    /// When it was made.
    #[serde(deserialize_with = "exact")]
    pub created_at: Millis,
}

/// `PATCH /webhooks/{id}`; what is absent stays.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct WebhookPatch {
    /// Where calls go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// For what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<Vec<HookEvent>>,
    /// Of these rooms alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rooms: Option<Vec<RoomId>>,
    /// What calls are signed with from now on; null: a new one is made.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub secret: Option<Option<String>>,
    /// `active` or `off`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<HookState>,
}

/// How a call went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It waits for its first or its next attempt.
    Pending,
    /// It arrived.
    Delivered,
    /// It was given up.
    Failed,
    /// It was not sent: the webhook is off, or may not see the room any more.
    Withheld,
}

/// A call of a webhook, made or to be made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Delivery {
    /// As in `Hallway-Delivery`.
    pub id: String,
    /// What happened.
    pub event: HookEvent,
    /// Where.
    pub room: RoomId,
    /// The number of the change.
    #[serde(deserialize_with = "exact")]
    pub seq: Seq,
    /// How it went.
    pub status: DeliveryStatus,
    /// How often it was tried.
    #[serde(deserialize_with = "exact")]
    pub attempts: i64,
    /// The status the last attempt was answered with; null: no answer.
    #[serde(default)]
    pub answer: Option<u16>,
    /// When it happened.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
}

/// What a webhook is sent: the rows as they are when it is sent, so that nothing deleted leaves.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct HookCall {
    /// Of the delivery, the same each time it is tried.
    pub id: String,
    /// What happened.
    pub event: HookEvent,
    /// When it happened.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
    /// Whose.
    pub tenant: TenantId,
    /// Where.
    pub room: RoomId,
    /// The number of the change in the room's log.
    #[serde(deserialize_with = "exact")]
    pub seq: Seq,
    /// What changed, and the people it names.
    pub rows: Vec<Row>,
}
