//! People and their devices, as rows.

use super::blank;
use crate::ids::{Millis, Seq, UserId, exact};
use serde::{Deserialize, Serialize};

/// What a person may do in their tenant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantRole {
    /// An account like any other.
    #[default]
    Member,
    /// Invites, moderation.
    Admin,
    /// Everything.
    Owner,
}

/// A person as others see them; `role` and `email` stand only in one's own row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct User {
    /// The person.
    pub user: UserId,
    /// Unique in the tenant after case folding.
    #[serde(default, skip_serializing_if = "blank")]
    pub name: String,
    /// At most 80 characters.
    #[serde(default, skip_serializing_if = "blank")]
    pub display_name: String,
    /// Media id of the picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// Status text.
    #[serde(default, skip_serializing_if = "blank")]
    pub status: String,
    /// It is a program.
    #[serde(default, skip_serializing_if = "blank")]
    pub bot: bool,
    /// It came by a room code alone.
    #[serde(default, skip_serializing_if = "blank")]
    pub guest: bool,
    /// The account is closed.
    #[serde(default, skip_serializing_if = "blank")]
    pub deleted: bool,
    /// My own row alone: what I may do in the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<TenantRole>,
    /// My own row alone: my mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// My own row alone: the address that takes its place once it is verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_next: Option<String>,
    /// My own row alone: language of mails to me, two or three letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// My own row alone: a second factor is asked for at sign-in.
    #[serde(default, skip_serializing_if = "blank")]
    pub second_factor: bool,
    /// My own row alone: an account with the sign-in provider opens mine.
    #[serde(default, skip_serializing_if = "blank")]
    pub oidc: bool,
    /// Version, of that person's own log.
    #[serde(deserialize_with = "exact")]
    pub rev: Seq,
}

/// One signed-in device of mine; numbered by my own log.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SessionRow {
    /// Session id.
    pub id: String,
    /// Label the device gave itself.
    #[serde(default, skip_serializing_if = "blank")]
    pub device: String,
    /// It is the one that asks. Never set in `own` frames pushed to all devices.
    #[serde(default, skip_serializing_if = "blank")]
    pub current: bool,
    /// For display.
    #[serde(default, deserialize_with = "exact", skip_serializing_if = "blank")]
    pub last_seen_at: Millis,
    /// Signed out.
    #[serde(default, skip_serializing_if = "blank")]
    pub ended: bool,
    /// Version, of my own log.
    #[serde(deserialize_with = "exact")]
    pub rev: Seq,
}
