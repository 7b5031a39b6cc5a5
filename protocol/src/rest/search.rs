//! Answers of `GET /search`.

use crate::rows::Row;
use serde::{Deserialize, Serialize};

/// A message that was found.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Hit {
    /// As it is now.
    pub message: Row,
    /// Where the words stand in its text: `[start, end)` in Unicode scalar values.
    pub ranges: Vec<(usize, usize)>,
}

/// A page of what was found.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Hits {
    /// Best first, or newest first.
    pub items: Vec<Hit>,
    /// What is needed to show them: reactions, quoted messages, people.
    pub rows: Vec<Row>,
    /// Where the list goes on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
