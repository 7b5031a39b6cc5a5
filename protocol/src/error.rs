//! Refusals: one object on REST and socket. Programs switch on `code`, people read `message`.

use crate::ids::exact;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why something was refused. A code exists only while a client reads it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// Not the shape, or a value out of its limits; `fields` says which.
    Invalid,
    /// Name or password wrong; the same for unknown names.
    WrongCredentials,
    /// No token, or a dead or forged one.
    SignedOut,
    /// The mail address is not verified yet.
    Unverified,
    /// You see it but may not.
    Forbidden,
    /// Not there, or not yours to see.
    NotFound,
    /// Method, media type or protocol version.
    Unsupported,
    /// The name is in use.
    Taken,
    /// The state forbids it.
    Conflict,
    /// Media that expired.
    Gone,
    /// Bytes over a limit.
    TooLarge,
    /// Too fast.
    RateLimited,
    /// The server has too much to do.
    Busy,
    /// The server's fault.
    Broken,
    /// Made by clients alone: an operation waited longer than the server remembers keys.
    TooOld,
    /// A code of a later version.
    #[serde(other)]
    Unknown,
}

impl Code {
    /// The HTTP status that goes with it.
    pub fn status(self) -> u16 {
        match self {
            Code::Invalid => 422,
            Code::WrongCredentials | Code::SignedOut => 401,
            Code::Unverified | Code::Forbidden => 403,
            Code::NotFound => 404,
            Code::Unsupported => 415,
            Code::Taken | Code::Conflict => 409,
            Code::Gone | Code::TooOld => 410,
            Code::TooLarge => 413,
            Code::RateLimited => 429,
            Code::Busy => 503,
            Code::Broken | Code::Unknown => 500,
        }
    }

    /// The text on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Invalid => "invalid",
            Code::WrongCredentials => "wrong_credentials",
            Code::SignedOut => "signed_out",
            Code::Unverified => "unverified",
            Code::Forbidden => "forbidden",
            Code::NotFound => "not_found",
            Code::Unsupported => "unsupported",
            Code::Taken => "taken",
            Code::Conflict => "conflict",
            Code::Gone => "gone",
            Code::TooLarge => "too_large",
            Code::RateLimited => "rate_limited",
            Code::Busy => "busy",
            Code::Broken => "broken",
            Code::TooOld => "too_old",
            Code::Unknown => "unknown",
        }
    }
}

/// What the asker can do about a refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// The same again is refused again.
    #[default]
    Never,
    /// The same again may succeed, after `after_ms`.
    Later,
    /// After signing in.
    SignIn,
}

/// The refusal object.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// For programs.
    pub code: Code,
    /// A sentence for people.
    pub message: String,
    /// Whether to try again.
    #[serde(default)]
    pub retry: Retry,
    /// How long to wait first, milliseconds.
    #[serde(default, deserialize_with = "exact")]
    pub after_ms: Option<i64>,
    /// Which parts of the input were wrong, and how.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
}

impl Refused {
    /// A refusal that says `message`; retry by the nature of the code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let (retry, after_ms) = match code {
            Code::RateLimited | Code::Busy | Code::Broken => (Retry::Later, Some(1000)),
            Code::SignedOut | Code::WrongCredentials => (Retry::SignIn, None),
            _ => (Retry::Never, None),
        };
        Refused { code, message: message.into(), retry, after_ms, fields: BTreeMap::new() }
    }

    /// The same, of which the asker may try again after so many milliseconds.
    #[must_use]
    pub fn later(mut self, after_ms: i64) -> Self {
        (self.retry, self.after_ms) = (Retry::Later, Some(after_ms));
        self
    }

    /// The same with one more wrong field.
    #[must_use]
    pub fn field(mut self, name: &str, what: impl Into<String>) -> Self {
        self.fields.insert(name.into(), what.into());
        self
    }
}
