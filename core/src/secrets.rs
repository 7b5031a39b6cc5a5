//! Where the key of a store and the refresh token live: the keyring of the system, or one file for
//! machines that have none. Both hold one entry an account, named `store:<random id>`, so profiles
//! and accounts never meet.
//!
//! Calls block (a locked keyring asks the person first): they are made off the runtime, with a
//! limit. Whatever goes wrong here, the store stays untouched.

mod file;
mod keyring;

pub use file::FileSecrets;
pub use keyring::KeyringSecrets;

use crate::error::Fault;
use crate::store::StoreKey;
use hallway_protocol::ids::UserId;
use serde::{Deserialize, Serialize};
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

/// How long a keyring may ask its person before we say that it is locked.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What one entry holds.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// The store's key, 64 hex digits.
    pub key: String,
    /// For the next access token.
    pub refresh_token: String,
    /// Address of the server.
    pub server: String,
    /// The account's name there.
    pub name: String,
    /// Its id there.
    pub user: UserId,
}

impl Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({} at {})", self.name, self.server)
    }
}

impl Secret {
    /// The key as bytes; none when the entry does not hold one.
    pub fn store_key(&self) -> Option<StoreKey> {
        let mut key = [0; 32];
        hex::decode_to_slice(&self.key, &mut key).ok()?;
        Some(StoreKey(key))
    }
}

/// Why a secret cannot be had.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Denied {
    /// There is no keyring on this system.
    #[error("there is no keyring: {0}")]
    NoService(String),
    /// It is locked, and nobody opened it in time.
    #[error("the keyring is locked")]
    Locked,
    /// It holds no such entry.
    #[error("the key of this account is missing")]
    Missing,
    /// It failed.
    #[error("the keyring failed: {0}")]
    Broken(String),
}

impl Denied {
    /// The word for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Denied::NoService(_) => "no_keyring",
            Denied::Locked => "keyring_locked",
            Denied::Missing => "key_missing",
            Denied::Broken(_) => "keyring_broken",
        }
    }
}

impl From<Denied> for Fault {
    fn from(denied: Denied) -> Self {
        Fault::local(denied.code(), denied.to_string())
    }
}

/// A place for secrets. Durable when `write` returns.
pub trait Secrets: Send + Sync + Debug {
    /// The entry of an account.
    fn read(&self, id: &str) -> Result<Secret, Denied>;
    /// Makes or replaces it.
    fn write(&self, id: &str, secret: &Secret) -> Result<(), Denied>;
    /// Removes it; one that is not there is removed.
    fn delete(&self, id: &str) -> Result<(), Denied>;
}

/// Runs a blocking call on a place for secrets away from the runtime.
pub(crate) async fn away<T: Send + 'static>(
    secrets: &Arc<dyn Secrets>,
    call: impl FnOnce(&dyn Secrets) -> Result<T, Denied> + Send + 'static,
) -> Result<T, Denied> {
    let secrets = secrets.clone();
    let task = tokio::task::spawn_blocking(move || call(&*secrets));
    match tokio::time::timeout(PATIENCE, task).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(Denied::Broken(panic.to_string())),
        Err(_) => Err(Denied::Locked),
    }
}

/// A new random id or key, as hex.
pub(crate) fn random_hex(bytes: usize) -> Result<String, Fault> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random)
        .map_err(|error| Fault::local("broken", format!("no random numbers: {error}")))?;
    Ok(hex::encode(random))
}
