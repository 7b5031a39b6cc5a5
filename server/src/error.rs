//! Why a request was refused: one closed enum above the store, one object on the wire, the same for
//! REST (`application/problem+json`) and socket. `Broken` is logged whole and answered bare; the
//! rest speak for themselves.

use crate::store::StoreError;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hallway_protocol::error::{Code, Refused};
use serde::Serialize;

/// What is not there yet is asked for again after this.
const NOT_YET_MS: i64 = 1_000;

/// What a handler answers.
pub type Result<T, E = Refusal> = std::result::Result<T, E>;

/// Why a request was refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No token, or a dead or forged one.
    #[error("sign in first")]
    SignedOut,
    /// Name or password; the same for unknown names.
    #[error("the name or the password is wrong")]
    WrongCredentials,
    /// Who they are is proven, the second factor is not: its field, and what is wrong with it.
    #[error("the second factor {1}")]
    SecondFactor(&'static str, &'static str),
    /// The mail address is not verified yet.
    #[error("verify your mail address first")]
    Unverified,
    /// You see it but may not.
    #[error("{0}")]
    Forbidden(&'static str),
    /// Not there, or not yours to see.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Method, media type or protocol version; the status tells which.
    #[error("{1}")]
    Unsupported(StatusCode, &'static str),
    /// Input that is not what it should be: the field, and what is wrong with it.
    #[error("{field} {what}")]
    Invalid {
        /// Where.
        field: String,
        /// What.
        what: String,
    },
    /// A part of a file that it does not have.
    #[error("there are no such bytes in it")]
    NoSuchPart,
    /// A name in use.
    #[error("{0} is taken")]
    Taken(&'static str),
    /// A state that forbids it.
    #[error("{0}")]
    Conflict(&'static str),
    /// Not yet; the same again may succeed.
    #[error("{0}")]
    NotYet(&'static str),
    /// It expired.
    #[error("the file has expired")]
    Gone,
    /// More bytes than there is room for; so many there are.
    #[error("there is room for {0} bytes more")]
    Full(i64),
    /// Bytes over a limit.
    #[error("that is larger than {0} bytes")]
    TooLarge(usize),
    /// Too fast; free again after so many milliseconds.
    #[error("that was too fast")]
    RateLimited(i64),
    /// The server has too much to do.
    #[error("the server has too much to do")]
    Busy,
    /// The answer got lost: it may be done or not, the same key tells.
    #[error("the server cannot say whether that was done; ask again with the same key")]
    Lost,
    /// The server's fault.
    #[error("the server could not do that")]
    Broken(#[source] anyhow::Error),
}

impl Refusal {
    /// Input refused: `field`, and what is wrong with it.
    pub fn invalid(field: impl Into<String>, what: impl ToString) -> Self {
        Refusal::Invalid { field: field.into(), what: what.to_string() }
    }

    /// The object on the wire; what is the server's fault is logged here, once.
    pub fn refused(&self) -> Refused {
        let message = self.to_string();
        match self {
            Refusal::SignedOut => Refused::new(Code::SignedOut, message),
            Refusal::WrongCredentials => Refused::new(Code::WrongCredentials, message),
            Refusal::SecondFactor(field, what) => {
                Refused::new(Code::WrongCredentials, message).field(field, *what)
            }
            Refusal::Unverified => Refused::new(Code::Unverified, message),
            Refusal::Forbidden(_) => Refused::new(Code::Forbidden, message),
            Refusal::NotFound(_) => Refused::new(Code::NotFound, message),
            Refusal::Unsupported(..) => Refused::new(Code::Unsupported, message),
            Refusal::Invalid { field, what } => {
                Refused::new(Code::Invalid, message).field(field, what)
            }
            Refusal::NoSuchPart => {
                Refused::new(Code::Invalid, message).field("range", "is none of this file")
            }
            Refusal::Taken(what) => {
                Refused::new(Code::Taken, message).field(last_word(what), "is taken")
            }
            Refusal::Conflict(_) => Refused::new(Code::Conflict, message),
            Refusal::NotYet(_) => Refused::new(Code::Conflict, message).later(NOT_YET_MS),
            Refusal::Gone => Refused::new(Code::Gone, message),
            Refusal::TooLarge(_) | Refusal::Full(_) => Refused::new(Code::TooLarge, message),
            Refusal::RateLimited(after_ms) => {
                Refused::new(Code::RateLimited, message).later(*after_ms)
            }
            Refusal::Busy | Refusal::Lost => Refused::new(Code::Busy, message),
            Refusal::Broken(error) => {
                tracing::error!(error = format!("{error:#}"), "request broken");
                Refused::new(Code::Broken, message)
            }
        }
    }
}

/// "the name" is about the field `name`.
fn last_word(what: &str) -> &str {
    what.rsplit(' ').next().unwrap_or(what)
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(what) => Refusal::NotFound(what),
            StoreError::Forbidden(why) => Refusal::Forbidden(why),
            StoreError::Taken(what) => Refusal::Taken(what),
            StoreError::Conflict(why) => Refusal::Conflict(why),
            StoreError::Invalid(field, what) => Refusal::invalid(field, what),
            StoreError::Unverified => Refusal::Unverified,
            StoreError::NotYet(why) => Refusal::NotYet(why),
            StoreError::Gone => Refusal::Gone,
            StoreError::Full(room) => Refusal::Full(room),
            StoreError::RateLimited(after_ms) => Refusal::RateLimited(after_ms),
            StoreError::WrongCredentials => Refusal::WrongCredentials,
            StoreError::SignedOut => Refusal::SignedOut,
            StoreError::Busy => Refusal::Busy,
            StoreError::Lost => Refusal::Lost,
            StoreError::Broken(error) => Refusal::Broken(error),
        }
    }
}

/// The object with the members of RFC 9457 §3.1 beside its own; `about:blank` says that the title is
/// the status's.
#[derive(Serialize)]
struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    #[serde(flatten)]
    refused: Refused,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let refused = self.refused();
        let status = match &self {
            Refusal::Unsupported(status, _) => *status,
            Refusal::NoSuchPart => StatusCode::RANGE_NOT_SATISFIABLE,
            Refusal::SignedOut
            | Refusal::WrongCredentials
            | Refusal::SecondFactor(..)
            | Refusal::Unverified
            | Refusal::Forbidden(_)
            | Refusal::NotFound(_)
            | Refusal::Invalid { .. }
            | Refusal::Taken(_)
            | Refusal::Conflict(_)
            | Refusal::NotYet(_)
            | Refusal::Gone
            | Refusal::Full(_)
            | Refusal::TooLarge(_)
            | Refusal::RateLimited(_)
            | Refusal::Busy
            | Refusal::Lost
            | Refusal::Broken(_) => StatusCode::from_u16(refused.code.status())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        };
        let seconds = refused.after_ms.map(|ms| (ms + 999) / 1000);
        let title = status.canonical_reason().unwrap_or_default();
        let problem = Problem { kind: "about:blank", title, status: status.as_u16(), refused };
        let mut answer = (status, Json(problem)).into_response();
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        answer
    }
}
