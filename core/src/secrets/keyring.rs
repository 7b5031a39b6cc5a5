//! The keyring of the system: Secret Service, Keychain, Credential Manager.

use super::{Denied, Secret, Secrets};
use keyring::{Entry, Error};

/// Under this name the entries stand in the keyring.
const SERVICE: &str = "org.hallway.desktop";

/// The system's keyring.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyringSecrets;

impl KeyringSecrets {
    /// The keyring; nothing is opened before it is needed.
    pub fn new() -> Self {
        KeyringSecrets
    }
}

fn entry(id: &str) -> Result<Entry, Denied> {
    if let Err(error) = Entry::store_status() {
        return Err(Denied::NoService(error.to_string()));
    }
    Entry::new(SERVICE, &format!("store:{id}")).map_err(denied)
}

fn denied(error: Error) -> Denied {
    match error {
        Error::NoEntry => Denied::Missing,
        Error::NoStorageAccess(_) => Denied::Locked,
        Error::PlatformFailure(inner) => Denied::NoService(inner.to_string()),
        other => Denied::Broken(other.to_string()),
    }
}

impl Secrets for KeyringSecrets {
    fn read(&self, id: &str) -> Result<Secret, Denied> {
        let text = entry(id)?.get_password().map_err(denied)?;
        serde_json::from_str(&text).map_err(|error| Denied::Broken(error.to_string()))
    }

    fn write(&self, id: &str, secret: &Secret) -> Result<(), Denied> {
        let text =
            serde_json::to_string(secret).map_err(|error| Denied::Broken(error.to_string()))?;
        entry(id)?.set_password(&text).map_err(denied)
    }

    fn delete(&self, id: &str) -> Result<(), Denied> {
        match entry(id)?.delete_credential().map_err(denied) {
            Err(Denied::Missing) => Ok(()),
            other => other,
        }
    }
}
