//! Other programs: webhooks, what they are told and how that went; bots; addresses to speak by.

use super::accounts::user_row;
use crate::frames::given;
use crate::ids::{Millis, RoomId, Seq, TenantId, UserId, exact};
use crate::rows::{Row, User};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    /// It was given up: its attempts are used up, the other side wants no more, or the webhook was
    /// turned off before it arrived. It can be replayed.
    Failed,
    /// It was not sent: the webhook may not see the room any more.
    Withheld,
}

/// Why a call did not arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryError {
    /// It was answered with something other than yes; `answer` says with what.
    Answer,
    /// There was no connection, or it broke.
    Unreached,
    /// The other side took too long.
    Slow,
    /// The address is none that can be called.
    Address,
    /// The address leads into a network that this server does not call.
    Private,
    /// The webhook is off.
    Off,
    /// The webhook may not see the room any more.
    Hidden,
    /// The server could not make the call; its log says why.
    Broken,
}

impl DeliveryError {
    /// Each of them, with its word.
    pub const ALL: &[(DeliveryError, &str)] = &[
        (DeliveryError::Answer, "answer"),
        (DeliveryError::Unreached, "unreached"),
        (DeliveryError::Slow, "slow"),
        (DeliveryError::Address, "address"),
        (DeliveryError::Private, "private"),
        (DeliveryError::Off, "off"),
        (DeliveryError::Hidden, "hidden"),
        (DeliveryError::Broken, "broken"),
    ];
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
    /// Why the last attempt did not arrive; null: it did, or there was none.
    #[serde(default)]
    pub error: Option<DeliveryError>,
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

/// `POST /bots`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewBot {
    /// Its name, unique in the tenant.
    pub name: String,
    /// What is shown.
    pub display_name: String,
}

/// A bot with its key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Bot {
    /// Who it is.
    #[serde(serialize_with = "user_row")]
    pub user: User,
    /// What it signs in with, as a bearer token; shown this once.
    pub key: String,
}

/// `POST /rooms/{room}/hooks`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewHook {
    /// What it is for; its messages stand under this name.
    pub name: String,
}

/// An address by which others speak into a room.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Hook {
    /// Random.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// Where to `POST` to; whoever has it may speak, and it is shown this once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// As whom it speaks.
    pub user: UserId,
    /// Who made it.
    pub by: UserId,
    /// When.
    #[serde(deserialize_with = "exact")]
    pub created_at: Millis,
}

/// `POST /hooks/{token}`, as tools for Slack say it; what else they say is passed over.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct HookPayload {
    /// What to say.
    #[serde(default)]
    pub text: Option<String>,
    /// Kept in the message's `meta` as `username`.
    #[serde(default)]
    pub username: Option<String>,
    /// Their texts follow.
    #[serde(default)]
    pub attachments: Vec<Value>,
    /// Their texts follow.
    #[serde(default)]
    pub blocks: Vec<Value>,
}

/// `POST /commands`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewCommand {
    /// What one writes behind the slash.
    pub name: String,
    /// Who is asked.
    pub url: String,
    /// What it is for.
    pub description: String,
}

/// A slash command.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SlashCommand {
    /// Random.
    pub id: String,
    /// What one writes behind the slash, folded.
    pub name: String,
    /// Who is asked.
    pub url: String,
    /// What it is for.
    pub description: String,
    /// What calls are signed with, as those of webhooks; shown this once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// As whom it answers.
    pub user: UserId,
    /// When it was made.
    #[serde(deserialize_with = "exact")]
    pub created_at: Millis,
}

/// What whoever made a command is asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CommandCall {
    /// The command.
    pub command: String,
    /// The rest of the line.
    pub text: String,
    /// Where it was asked.
    pub room: RoomId,
    /// Who asked.
    pub user: UserId,
    /// Where later answers are posted to, for half an hour.
    pub reply_url: String,
}

/// To whom an answer is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerTo {
    /// To the room, as a message of the command's bot.
    Room,
    /// To who asked, as a `whisper`.
    #[default]
    Me,
}

/// What a command answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CommandAnswer {
    /// What is shown.
    pub text: String,
    /// To whom; to who asked when absent.
    #[serde(default)]
    pub to: AnswerTo,
}

/// A message that was a command is none: it is asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Commanded {
    /// Which.
    pub command: String,
}

/// What a page says of itself; null: nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Preview {
    /// The page.
    pub url: String,
    /// Its title.
    #[serde(default)]
    pub title: Option<String>,
    /// What it is about.
    #[serde(default)]
    pub description: Option<String>,
    /// Media id of its picture, small and made by the server: readable like any file by who may ask
    /// for the preview, as long as it is kept.
    #[serde(default)]
    pub image: Option<String>,
}
