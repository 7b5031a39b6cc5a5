//! Bodies of REST for the operator of a server: its people and rooms, whosever they are.

use crate::ids::{Millis, RoomId, Seq, TenantId, UserId, exact};
use crate::rows::{RoomKind, TenantRole, Visibility};
use serde::{Deserialize, Serialize};

/// An account, as the operator sees it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Whose.
    pub user: UserId,
    /// Of which tenant.
    pub tenant: TenantId,
    /// User name.
    pub name: String,
    /// As others see them.
    pub display_name: String,
    /// Mail address.
    pub email: Option<String>,
    /// In the tenant.
    pub role: TenantRole,
    /// A program.
    pub bot: bool,
    /// Came by a room code alone.
    pub guest: bool,
    /// May not sign in, by the operator's word.
    pub disabled: bool,
    /// Has a password.
    pub password: bool,
    /// Is asked for a code at sign-in.
    pub second_factor: bool,
    /// Devices that are signed in.
    pub sessions: i64,
    /// When it was made.
    #[serde(deserialize_with = "exact")]
    pub created_at: Millis,
    /// When one of its devices was last used; null: never.
    pub seen_at: Option<Millis>,
    /// Opens a page that sets the password; shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// `POST /admin/users`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewAccount {
    /// Name of the tenant; absent: the default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// User name.
    pub name: String,
    /// As others see them; absent: the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Mail address, taken as theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Absent: the answer has a link by which they set one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// In the tenant; absent: member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<TenantRole>,
}

/// `PATCH /admin/users/{id}`.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AccountPatch {
    /// In the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<TenantRole>,
    /// May not sign in; their sessions end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

/// Answer to `POST /admin/users/{id}/reset`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PasswordLink {
    /// Opens a page that sets the password, once.
    pub link: String,
    /// Until then.
    #[serde(deserialize_with = "exact")]
    pub expires_at: Millis,
}

/// A room, as the operator sees it: what it is, never what is said in it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RoomInfo {
    /// The room.
    pub room: RoomId,
    /// Of which tenant.
    pub tenant: TenantId,
    /// Direct, group or channel.
    pub kind: RoomKind,
    /// As shown; empty for direct rooms.
    pub name: String,
    /// Public or private.
    pub visibility: Visibility,
    /// It is put away.
    pub archived: bool,
    /// How many are in it.
    pub members: i64,
    /// Who owns it.
    pub owners: Vec<UserId>,
    /// Messages ever said in it.
    pub messages: i64,
    /// The last number of its log.
    pub head: Seq,
    /// When it was made.
    #[serde(deserialize_with = "exact")]
    pub created_at: Millis,
}

/// `PATCH /admin/rooms/{id}`.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RoomChange {
    /// Puts it away, or brings it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// Makes somebody its owner; who is not in it is from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
}
