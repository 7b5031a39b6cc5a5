//! Ids and keys. A room, a person and a tenant are integers below 2^53 (JavaScript reads them
//! exactly), random, global and never reused; a [`Key`] is a UUIDv7 that a client made once.

use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// Position of a change in a log: dense from 1. 0 means "before the first".
pub type Seq = i64;

/// Unix milliseconds; shown to people, never used to order anything.
pub type Millis = i64;

/// No number on the wire is larger: every program reads them exactly, and no sum of a few of them
/// overflows.
pub const NUMBER_MAX: i64 = (1 << 53) - 1;

/// Numbers that may be read from the wire.
pub trait Exact {
    /// None of them is negative, none too large.
    fn is_exact(&self) -> bool;
}

impl Exact for i64 {
    fn is_exact(&self) -> bool {
        (0..=NUMBER_MAX).contains(self)
    }
}

impl<T: Exact> Exact for Option<T> {
    fn is_exact(&self) -> bool {
        self.as_ref().is_none_or(Exact::is_exact)
    }
}

impl<T: Exact> Exact for Vec<T> {
    fn is_exact(&self) -> bool {
        self.iter().all(Exact::is_exact)
    }
}

impl<A: Exact, B: Exact> Exact for (A, B) {
    fn is_exact(&self) -> bool {
        self.0.is_exact() && self.1.is_exact()
    }
}

impl<A: Exact, B: Exact, C: Exact> Exact for (A, B, C) {
    fn is_exact(&self) -> bool {
        self.0.is_exact() && self.1.is_exact() && self.2.is_exact()
    }
}

/// Reads numbers from the wire, or says that they cannot be right.
pub(crate) fn exact<'de, T: Exact + Deserialize<'de>, D: Deserializer<'de>>(
    d: D,
) -> Result<T, D::Error> {
    let numbers = T::deserialize(d)?;
    if numbers.is_exact() {
        Ok(numbers)
    } else {
        Err(serde::de::Error::custom("a number is out of range"))
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(#[serde(deserialize_with = "exact")] pub i64);

        impl Exact for $name {
            fn is_exact(&self) -> bool {
                self.0.is_exact()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                s.parse().map($name)
            }
        }
    };
}

id!(
    /// A tenant: one organisation on a server.
    TenantId
);
id!(
    /// A person, a bot or a guest.
    UserId
);
id!(
    /// A room of any kind.
    RoomId
);

/// How many random bits a new tenant, user or room id has (drawn again until free).
pub const ID_BITS: u32 = 44;

/// The idempotency key of one act of one person: a UUIDv7, kept in its canonical lower-case form.
///
/// It is checked for form, not for time: no clock of a client decides anything.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(transparent)]
pub struct Key(String);

/// The text was not a UUIDv7.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("is not a UUIDv7")]
pub struct NotAKey;

impl Key {
    /// A new key for an act of this moment; `millis` only makes keys sort by time.
    pub fn new(millis: Millis) -> Self {
        let millis = u64::try_from(millis).unwrap_or(0);
        let at = uuid::Timestamp::from_unix_time(
            millis / 1000,
            u32::try_from(millis % 1000).unwrap_or(0) * 1_000_000,
            0,
            0,
        );
        Key(uuid::Uuid::new_v7(at).to_string())
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 16 bytes, as a store keeps them.
    pub fn to_bytes(&self) -> [u8; 16] {
        uuid::Uuid::parse_str(&self.0).map_or([0; 16], uuid::Uuid::into_bytes)
    }

    /// The key whose bytes a store kept.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Key(uuid::Uuid::from_bytes(bytes).to_string())
    }
}

impl std::str::FromStr for Key {
    type Err = NotAKey;
    fn from_str(s: &str) -> Result<Self, NotAKey> {
        // Only the hyphenated form: one key has one text, so equal keys are equal strings.
        let uuid = uuid::Uuid::parse_str(s).map_err(|_| NotAKey)?;
        let form = (uuid.get_version_num(), uuid.get_variant());
        if s.len() != 36 || form != (7, uuid::Variant::RFC4122) {
            return Err(NotAKey);
        }
        Ok(Key(uuid.to_string()))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
