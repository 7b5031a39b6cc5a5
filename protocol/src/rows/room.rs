//! Rows of a room: its settings and who is in it.

use super::blank;
use crate::ids::{Millis, RoomId, Seq, UserId, exact};
use serde::{Deserialize, Serialize};

/// What a member may do; the order is the order of power.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Post, react, reply, leave.
    #[default]
    Member,
    /// Pin, rename, code, add and remove those below, delete others' messages.
    Admin,
    /// Roles, visibility, history, delete.
    Owner,
}

/// One person's membership of a room. `left_seq` set means: was a member.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Member {
    /// The room.
    pub room: RoomId,
    /// The person.
    pub user: UserId,
    /// Their role.
    pub role: Role,
    /// `seq` of their last joining.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "blank")]
    pub joined_seq: Seq,
    /// `seq` of their leaving or removal.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub left_seq: Option<Seq>,
    /// Until then they read and say nothing; it ends by itself.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<Millis>,
    /// Version, of the room's log.
    #[serde(deserialize_with = "exact")]
    pub rev: Seq,
}

/// The kinds of room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// Exactly its people, for ever.
    Direct,
    /// Private unless said otherwise.
    Group,
    /// Public unless said otherwise.
    Channel,
}

/// Who finds a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Anyone of the tenant but guests may read and join.
    Public,
    /// Members alone know of it.
    Private,
}

/// How far back a newcomer reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum History {
    /// From the first message.
    #[default]
    All,
    /// From one's own joining.
    Joined,
}

/// A room's settings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Room {
    /// The room.
    pub room: RoomId,
    /// Direct, group or channel.
    pub kind: RoomKind,
    /// 1–80 characters; empty for direct rooms.
    #[serde(default, skip_serializing_if = "blank")]
    pub name: String,
    /// At most 250 characters.
    #[serde(default, skip_serializing_if = "blank")]
    pub topic: String,
    /// Public or private.
    pub visibility: Visibility,
    /// From the start or from joining.
    pub history: History,
    /// It vanishes when nobody has been connected for a while.
    #[serde(default, skip_serializing_if = "blank")]
    pub ephemeral: bool,
    /// Reserved for end-to-end encryption; set at creation, never changes.
    #[serde(default, skip_serializing_if = "blank")]
    pub sealed: bool,
    /// Its admins alone post.
    #[serde(default, skip_serializing_if = "blank")]
    pub announce: bool,
    /// Between two messages of one member, seconds; 0: as fast as they like.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "blank")]
    pub slow_seconds: i64,
    /// It is put away: to be read, not written.
    #[serde(default, skip_serializing_if = "blank")]
    pub archived: bool,
    /// What is older is deleted; none: kept for ever.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<i64>,
    /// What was below it has expired, for everyone; 0 and 1 both mean nothing has.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "blank")]
    pub kept_from: Seq,
    /// It is gone.
    #[serde(default, skip_serializing_if = "blank")]
    pub deleted: bool,
    /// Version, of the room's log.
    #[serde(deserialize_with = "exact")]
    pub rev: Seq,
}
