//! Bodies of REST for operators and owners of tenants (protocol.md §7).

use crate::ids::{Millis, UserId, exact};
use serde::{Deserialize, Serialize};

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
