//! Bodies of REST for operators and owners of tenants (protocol.md §7).

use super::Registration;
use crate::ids::{Millis, TenantId, UserId, exact};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize};

/// Who did something.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Actor {
    /// A person.
    Person(UserId),
    /// `operator`, or `key:ID` for a tenant's backend.
    Other(String),
}

/// One line of `GET /admin/audit`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Audited {
    /// Orders and pages: the next page is `before` the last one's.
    pub id: String,
    /// When.
    #[serde(deserialize_with = "exact")]
    pub at: Millis,
    /// What: `sign_in`, `sign_in_failed`, `tenant_changed` …
    pub act: String,
    /// Who; null: nobody we know.
    pub actor: Option<Actor>,
    /// To what: `user:7`, `room:7`, `message:7/812`, `session:…`.
    pub target: Option<String>,
    /// From which address; null: the server by itself.
    pub address: Option<String>,
    /// More, by kind of act.
    pub detail: serde_json::Map<String, serde_json::Value>,
}

/// Whether people may come as guests; each lets in more than the one before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guests {
    /// Nobody.
    Off,
    /// Whoever has a room's code.
    Code,
    /// Also into public rooms.
    Open,
}

/// How a tenant is set up; null: as the server is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TenantConfig {
    /// Characters of a text.
    pub text_max: Option<usize>,
    /// Bytes of a file.
    #[serde(deserialize_with = "exact")]
    pub file_max: Option<i64>,
    /// Bytes of all files; the operator's to set.
    #[serde(deserialize_with = "exact")]
    pub quota_bytes: Option<i64>,
    /// Calls and commands of all its people together; the operator's to set.
    pub requests_per_second: Option<u32>,
    /// Who comes without an account.
    pub guests: Option<Guests>,
    /// Whether the server looks at links.
    pub previews: Option<bool>,
    /// Who has no second factor may do nothing but set one up; guests and programs have none.
    pub second_factor: bool,
    /// A person named by a key's caller is made when there is none.
    pub act_creates_users: bool,
    /// Origins of browsers that may call, beside the server's own.
    pub origins: Vec<String>,
    /// Messages are kept so long.
    #[serde(deserialize_with = "exact")]
    pub retention_days: Option<i64>,
    /// Switches of the tenant's own programs.
    pub flags: serde_json::Map<String, serde_json::Value>,
}

/// Changes of a [`TenantConfig`]: absent stays, null is as the server is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigPatch {
    /// See [`TenantConfig`].
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub text_max: Option<Option<usize>>,
    /// See [`TenantConfig`].
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub file_max: Option<Option<i64>>,
    /// See [`TenantConfig`].
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub quota_bytes: Option<Option<i64>>,
    /// See [`TenantConfig`].
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<Option<u32>>,
    /// See [`TenantConfig`].
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub guests: Option<Option<Guests>>,
    /// See [`TenantConfig`].
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub previews: Option<Option<bool>>,
    /// See [`TenantConfig`].
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub second_factor: Option<Option<bool>>,
    /// See [`TenantConfig`].
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub act_creates_users: Option<Option<bool>>,
    /// See [`TenantConfig`].
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub origins: Option<Option<Vec<String>>>,
    /// See [`TenantConfig`].
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<Option<i64>>,
    /// See [`TenantConfig`]; as a whole.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub flags: Option<Option<serde_json::Map<String, serde_json::Value>>>,
}

/// What is there was given, null too.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
    T::deserialize(d).map(Some)
}

/// `POST /admin/tenants`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewTenant {
    /// What people type at sign-in; unique whatever its case.
    pub name: String,
    /// Shown to people; the name when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Who may make an account; as the server is when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<Registration>,
    /// How it is set up.
    #[serde(default, deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigPatch>,
}

/// `PATCH /admin/tenants/{id}`; absent stays.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TenantPatch {
    /// Shown to people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Who may make an account; null: as the server is.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub registration: Option<Option<Registration>>,
    /// What of it changes.
    #[serde(deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigPatch>,
    /// Nobody of it signs in, no call of it is answered; the operator's to set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspended: Option<bool>,
}

/// A tenant.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TenantInfo {
    /// Its id.
    pub tenant: TenantId,
    /// What people type at sign-in.
    pub name: String,
    /// Shown to people.
    pub title: String,
    /// Who may make an account; null: as the server is.
    pub registration: Option<Registration>,
    /// How it is set up.
    pub config: TenantConfig,
    /// Nobody of it signs in.
    pub suspended: bool,
    /// When it was made.
    #[serde(deserialize_with = "exact")]
    pub created_at: Millis,
    /// Who registers with it owns the tenant; shown once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_token: Option<String>,
}

/// What an API key is good for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Reads what any account of the tenant may: people, public rooms.
    Read,
    /// Sends what is nobody's in particular: notices.
    Write,
    /// Acts for a person, who may what that person may; mints sessions.
    Act,
    /// Runs the tenant, as its owner does.
    Admin,
}

/// `POST /admin/tenants/{id}/keys`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NewApiKey {
    /// What it is for.
    pub name: String,
    /// What it is good for; at least one.
    pub scopes: Vec<Scope>,
}

/// An API key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it is good for.
    pub scopes: Vec<Scope>,
    /// When it was made.
    #[serde(deserialize_with = "exact")]
    pub created_at: Millis,
    /// The key itself, for `X-API-Key`; shown once, when it is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// `POST /users/{id}/sessions`.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct MintSession {
    /// Label of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// One line of `GET /admin/dead-letters`: a job that was given up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Its id.
    pub id: String,
    /// What was to be done.
    pub kind: String,
    /// How often it was tried.
    #[serde(deserialize_with = "exact")]
    pub attempts: i64,
    /// What the last attempt said.
    pub last_error: Option<String>,
    /// Since when it was to be done.
    #[serde(deserialize_with = "exact")]
    pub created_at: Millis,
    /// When it was given up.
    #[serde(deserialize_with = "exact")]
    pub dead_at: Millis,
}

/// `GET /admin/stats`: of the server, or of the tenant that one runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stats {
    /// Tenants.
    #[serde(deserialize_with = "exact")]
    pub tenants: i64,
    /// Accounts of people that are not closed.
    #[serde(deserialize_with = "exact")]
    pub users: i64,
    /// People without an account.
    #[serde(deserialize_with = "exact")]
    pub guests: i64,
    /// Programs.
    #[serde(deserialize_with = "exact")]
    pub bots: i64,
    /// Devices signed in.
    #[serde(deserialize_with = "exact")]
    pub sessions: i64,
    /// Rooms that are not deleted.
    #[serde(deserialize_with = "exact")]
    pub rooms: i64,
    /// Messages ever said in them.
    #[serde(deserialize_with = "exact")]
    pub messages: i64,
    /// Connections of this node.
    #[serde(deserialize_with = "exact")]
    pub connections: i64,
    /// Work that waits or is under way.
    #[serde(deserialize_with = "exact")]
    pub jobs: i64,
    /// Work that was given up.
    #[serde(deserialize_with = "exact")]
    pub dead_letters: i64,
    /// Since the start of this node.
    #[serde(deserialize_with = "exact")]
    pub uptime_ms: i64,
}

/// An object, or nothing: serde would take a list for one.
fn object<'de, T: DeserializeOwned, D: Deserializer<'de>>(d: D) -> Result<Option<T>, D::Error> {
    let object = Option::<serde_json::Map<String, serde_json::Value>>::deserialize(d)?;
    let read = |object| T::deserialize(serde_json::Value::Object(object));
    object.map(|object| read(object).map_err(D::Error::custom)).transpose()
}
