//! Why a room has its badge.

use crate::ids::{Seq, exact};
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
