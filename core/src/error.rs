//! What can go wrong for a caller of the core, and nothing else; it crosses to the window as it
//! stands (`code`, `message`, `retry`, `after_ms`, `fields`).

use hallway_protocol::error::{Code, Refused, Retry};
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// Why a command was not done.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// It needs the server, and there is none to be had.
    #[error("the server cannot be reached")]
    Offline,
    /// The session is over.
    #[error("sign in again")]
    SignedOut,
    /// The server refused.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// This machine could not: disk, keyring, store.
    #[error("{message}")]
    Local {
        /// For programs: `disk_full`, `store_damaged`, `keyring_locked`, `no_keyring`, `key_missing`, `in_use`, `broken`.
        code: &'static str,
        /// For people.
        message: String,
    },
}

/// What a function of the core answers.
pub type Result<T, E = Fault> = std::result::Result<T, E>;

impl Fault {
    /// A fault of this machine.
    pub fn local(code: &'static str, message: impl Into<String>) -> Self {
        Fault::Local { code, message: message.into() }
    }

    /// What the local store says.
    pub(crate) fn from_sql(error: &rusqlite::Error) -> Self {
        let code = match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => "disk_full",
            _ if crate::store::is_damage(error) => "store_damaged",
            _ => "broken",
        };
        let said = match code {
            "disk_full" => "the disk is full".to_owned(),
            "store_damaged" => "the local store is damaged".to_owned(),
            _ => format!("the local store could not do that: {error}"),
        };
        Fault::local(code, said)
    }

    /// What the file system says.
    pub(crate) fn from_io(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull => Fault::local("disk_full", "the disk is full"),
            _ => Fault::local("broken", error.to_string()),
        }
    }

    /// The word for a fault of this machine, else the code.
    pub fn what(&self) -> &'static str {
        match self {
            Fault::Local { code, .. } => code,
            other => other.code(),
        }
    }

    /// Input that cannot be right; nothing was asked of anybody.
    pub fn invalid(field: &str, what: impl Into<String>) -> Self {
        Fault::Refused(
            Refused::new(Code::Invalid, "that cannot be right").field(field, what.into()),
        )
    }

    /// There is no such thing here.
    pub fn not_found(what: &str) -> Self {
        Fault::Refused(Refused::new(Code::NotFound, format!("there is no such {what}")))
    }

    /// The word programs switch on.
    pub fn code(&self) -> &'static str {
        match self {
            Fault::Offline => "offline",
            Fault::SignedOut => "signed_out",
            Fault::Refused(refused) => refused.code.as_str(),
            Fault::Local { .. } => "local",
        }
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        let mut out = s.serialize_struct("Fault", 6)?;
        out.serialize_field("code", self.code())?;
        out.serialize_field("message", &self.to_string())?;
        match self {
            Fault::Refused(refused) => {
                out.serialize_field("retry", &refused.retry)?;
                out.serialize_field("after_ms", &refused.after_ms)?;
                out.serialize_field("fields", &refused.fields)?;
            }
            Fault::Offline => out.serialize_field("retry", &Retry::Later)?,
            Fault::SignedOut => out.serialize_field("retry", &Retry::SignIn)?,
            Fault::Local { code, .. } => {
                out.serialize_field("retry", &Retry::Later)?;
                out.serialize_field("what", code)?;
            }
        }
        out.end()
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Fault::from_sql(&error)
    }
}
