//! The keyring of the system: Secret Service, Keychain, Credential Manager. It is looked for when it
//! is needed, and again when it could not be found or went away: a session may start it after the
//! app, or anew.

use super::{Denied, Secret, Secrets};
use keyring_core::{CredentialStore, Entry, Error, Result as Kept};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Under this name the entries stand in the keyring.
const SERVICE: &str = "org.hallway.desktop";

/// Finds the keyring.
type Find = fn() -> Kept<Arc<CredentialStore>>;

/// The system's keyring.
pub struct KeyringSecrets {
    find: Find,
    found: Mutex<Option<Arc<CredentialStore>>>,
}

impl KeyringSecrets {
    /// The keyring; nothing is opened before it is needed.
    pub fn new() -> Self {
        KeyringSecrets::of(system)
    }

    fn of(find: Find) -> Self {
        KeyringSecrets { find, found: Mutex::default() }
    }

    /// Does something with an entry. Where that fails in a keyring found earlier, it is looked for
    /// once more.
    fn with<T>(&self, id: &str, work: impl Fn(&Entry) -> Kept<T>) -> Result<T, Denied> {
        let held = self.found.lock().clone();
        if let Some(store) = held {
            match on(&store, id, &work) {
                Err(Error::PlatformFailure(_)) => *self.found.lock() = None,
                done => return done.map_err(denied),
            }
        }
        let store = (self.find)().map_err(|error| Denied::NoService(error.to_string()))?;
        *self.found.lock() = Some(store.clone());
        on(&store, id, &work).map_err(denied)
    }
}

impl Default for KeyringSecrets {
    fn default() -> Self {
        KeyringSecrets::new()
    }
}

impl std::fmt::Debug for KeyringSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyringSecrets")
    }
}

/// What `keyring` found, which looks once; afterwards, what is there now.
fn system() -> Kept<Arc<CredentialStore>> {
    static LOOKED: AtomicBool = AtomicBool::new(false);
    if LOOKED.swap(true, Ordering::AcqRel) { again() } else { first().or_else(|_| again()) }
}

fn first() -> Kept<Arc<CredentialStore>> {
    match keyring::Entry::store_status() {
        Ok(()) => keyring_core::get_default_store().ok_or(Error::NoDefaultStore),
        Err(error) => Err(Error::PlatformFailure(error.to_string().into())),
    }
}

/// A session may start its Secret Service after the app, or anew.
#[cfg(all(unix, not(target_os = "macos")))]
fn again() -> Kept<Arc<CredentialStore>> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

/// Keychain and Credential Manager are a part of the system: they neither come nor go.
#[cfg(not(all(unix, not(target_os = "macos"))))]
fn again() -> Kept<Arc<CredentialStore>> {
    first()
}

fn on<T>(store: &Arc<CredentialStore>, id: &str, work: impl Fn(&Entry) -> Kept<T>) -> Kept<T> {
    work(&store.build(SERVICE, &format!("store:{id}"), None)?)
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
        let text = self.with(id, Entry::get_password)?;
        serde_json::from_str(&text).map_err(|error| Denied::Broken(error.to_string()))
    }

    fn write(&self, id: &str, secret: &Secret) -> Result<(), Denied> {
        let text =
            serde_json::to_string(secret).map_err(|error| Denied::Broken(error.to_string()))?;
        self.with(id, |entry| entry.set_password(&text))
    }

    fn delete(&self, id: &str) -> Result<(), Denied> {
        match self.with(id, Entry::delete_credential) {
            Err(Denied::Missing) => Ok(()),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hallway_protocol::ids::UserId;
    use keyring_core::mock;
    use std::cell::RefCell;

    thread_local! {
        /// The services that come, one after the other; none: there is no service then.
        static COMES: RefCell<Vec<Option<Arc<mock::Store>>>> = const { RefCell::new(Vec::new()) };
    }

    fn comes() -> Kept<Arc<CredentialStore>> {
        match COMES.with_borrow_mut(|comes| comes.remove(0)) {
            Some(store) => Ok(store),
            None => Err(gone()),
        }
    }

    fn gone() -> Error {
        Error::PlatformFailure("nobody answers on the bus".into())
    }

    fn secret() -> Secret {
        Secret {
            key: "07".repeat(32),
            refresh_token: "r".into(),
            server: "http://127.0.0.1:1".into(),
            name: "ada".into(),
            user: UserId(3),
        }
    }

    #[test]
    fn a_keyring_that_comes_after_the_app_is_found() {
        COMES.set(vec![None, Some(mock::Store::new().unwrap())]);
        let keyring = KeyringSecrets::of(comes);
        assert!(matches!(keyring.read("a"), Err(Denied::NoService(_))));
        assert_eq!(keyring.read("a"), Err(Denied::Missing));
        keyring.write("a", &secret()).unwrap();
        assert_eq!(keyring.read("a"), Ok(secret()), "it is kept, not looked for each time");
    }

    #[test]
    fn a_keyring_that_was_started_anew_is_found_again() {
        let (first, second) = (mock::Store::new().unwrap(), mock::Store::new().unwrap());
        COMES.set(vec![Some(first.clone()), None, Some(second)]);
        let keyring = KeyringSecrets::of(comes);
        keyring.write("a", &secret()).unwrap();
        let breaks = || {
            let held = first.inner.lock().unwrap();
            held.borrow()[0].set_error(gone());
        };
        breaks();
        assert!(matches!(keyring.read("a"), Err(Denied::NoService(_))), "there is none now");
        keyring.write("a", &secret()).unwrap();
        assert_eq!(keyring.read("a"), Ok(secret()));
    }
}
