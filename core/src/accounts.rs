//! The accounts of one profile on this device, above [`Core`]: signing in and out, opening what is
//! there at start, one feed for all. A profile is a folder; a second process of the same profile
//! waits on a file lock or is refused, so a store has one writer.

use crate::account::{Core, Opening};
use crate::error::{Fault, Result};
use crate::feed::{Account, AccountState, Change, Feed, Teller, pipe};
use crate::profile;
use crate::secrets::{Secret, Secrets, away};
use crate::thread::Over;
use hallway_kit::Clock;
use hallway_protocol::ids::{Key, UserId};
use hallway_protocol::rest::Session;
use hallway_protocol::rows::TenantRole;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// A start waits this long for the keyring; then the account is shown as locked.
const KEYRING: Duration = Duration::from_secs(2);

/// How a profile is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// The profile's folder.
    pub dir: PathBuf,
    /// Where keys and tokens are.
    pub secrets: Arc<dyn Secrets>,
    /// Label of this device.
    pub device: String,
    /// The clock.
    pub clock: Clock,
}

/// One account, open or not.
#[derive(Clone, Debug)]
enum Place {
    Open(Core),
    /// Its key cannot be had: the store is untouched.
    Shut,
}

#[derive(Debug)]
struct Inner {
    options: Options,
    places: Mutex<BTreeMap<String, Place>>,
    /// Accounts are opened one at a time: a store has one core.
    turn: tokio::sync::Mutex<()>,
    feed: Teller,
    over: mpsc::UnboundedSender<(String, Over)>,
    ends: tokio::sync::Mutex<mpsc::UnboundedReceiver<(String, Over)>>,
    tasks: hallway_kit::Tasks,
    /// Held as long as the profile is open.
    lock: File,
}

/// All accounts of a profile; cheap to clone.
#[derive(Clone, Debug)]
pub struct Accounts(Arc<Inner>);

impl Accounts {
    /// Opens the profile and every account in it. A locked or missing key leaves its store
    /// untouched; that account is listed as `locked`.
    pub async fn open(options: Options) -> Result<(Accounts, Feed)> {
        let lock = profile::lock(&options.dir).await?;
        let (feed, changes) = pipe();
        let (over, ends) = mpsc::unbounded_channel();
        let accounts = Accounts(Arc::new(Inner {
            options,
            places: Mutex::new(BTreeMap::new()),
            turn: tokio::sync::Mutex::new(()),
            feed,
            over,
            ends: tokio::sync::Mutex::new(ends),
            tasks: hallway_kit::Tasks::default(),
            lock,
        }));
        for id in profile::ids(&accounts.folder())? {
            accounts.begin(id).await;
        }
        accounts.watch_ends();
        Ok((accounts, changes))
    }

    /// Opens one account of the profile. One that cannot be opened does not keep the others shut, and
    /// a keyring that asks its person is not waited for: the account is locked until it answers.
    async fn begin(&self, id: String) {
        self.0.places.lock().insert(id.clone(), Place::Shut);
        let (done, opened) = oneshot::channel();
        let accounts = self.clone();
        self.0.tasks.once("open", async move {
            match accounts.unlock(&id).await {
                Err(fault) => accounts.problem(Some(&id), &fault),
                // Nobody waits any more: whoever watches the feed is told all of it.
                Ok(core) => {
                    if done.send(()).is_err()
                        && let Ok(changes) = core.snapshot().await
                    {
                        accounts.tell(changes);
                    }
                }
            }
        });
        let _ = tokio::time::timeout(KEYRING, opened).await;
    }

    /// Accounts that end by themselves: signed out, or thrown out.
    fn watch_ends(&self) {
        let accounts = self.clone();
        let mut stop = self.0.tasks.stop();
        self.0.tasks.once("ends", async move {
            let inner = accounts.0.clone();
            let mut ends = inner.ends.lock().await;
            loop {
                let end = tokio::select! {
                    end = ends.recv() => end,
                    () = stop.heard() => None,
                };
                let Some((id, over)) = end else { return };
                accounts.ended(&id, over).await;
            }
        });
    }

    async fn ended(&self, id: &str, over: Over) {
        let Ok(core) = self.core(id) else { return };
        let Ok(mut account) = core.account().await else { return };
        match over {
            Over::SignedOut => account.state = AccountState::SignedOut,
            Over::ThrownOut => {
                account.state = AccountState::ThrownOut;
                if let Err(fault) = self.erase(id).await {
                    self.problem(Some(id), &fault);
                }
            }
        }
        self.tell(vec![Change::Account { account }]);
    }

    /// Shows something.
    pub(crate) fn tell(&self, changes: Vec<Change>) {
        self.0.feed.tell(changes);
    }

    pub(crate) fn device(&self) -> String {
        self.0.options.device.clone()
    }

    pub(crate) fn key(&self) -> Key {
        Key::new(self.0.options.clock.now())
    }

    pub(crate) fn secrets(&self) -> &Arc<dyn Secrets> {
        &self.0.options.secrets
    }

    fn problem(&self, id: Option<&str>, fault: &Fault) {
        self.tell(vec![Change::Problem {
            account: id.map(str::to_owned),
            code: fault.what().to_owned(),
            message: fault.to_string(),
        }]);
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.0.options.dir.join("accounts")
    }

    fn store_path(&self, id: &str) -> PathBuf {
        self.folder().join(id).join("store.db")
    }

    /// Tries to open an account whose key could not be had.
    pub async fn unlock(&self, id: &str) -> Result<Core> {
        let _turn = self.0.turn.lock().await;
        if let Ok(core) = self.core(id) {
            return Ok(core);
        }
        let entry = id.to_owned();
        let secret = away(&self.0.options.secrets, move |secrets| secrets.read(&entry)).await;
        let secret = match secret {
            Ok(secret) => secret,
            Err(denied) => {
                self.0.places.lock().insert(id.to_owned(), Place::Shut);
                return Err(denied.into());
            }
        };
        self.open_core(id, secret, None).await
    }

    pub(crate) async fn open_core(
        &self,
        id: &str,
        secret: Secret,
        fresh: Option<Session>,
    ) -> Result<Core> {
        let opening = Opening {
            id: id.to_owned(),
            path: self.store_path(id),
            secret,
            fresh,
            secrets: self.0.options.secrets.clone(),
            device: self.0.options.device.clone(),
            clock: self.0.options.clock.clone(),
            feed: self.0.feed.clone(),
            over: self.0.over.clone(),
        };
        let core = Core::open(opening).await?;
        self.0.places.lock().insert(id.to_owned(), Place::Open(core.clone()));
        Ok(core)
    }

    /// One open account.
    pub fn core(&self, id: &str) -> Result<Core> {
        match self.0.places.lock().get(id) {
            Some(Place::Open(core)) => Ok(core.clone()),
            Some(Place::Shut) => {
                Err(Fault::local("keyring_locked", "the key of this account cannot be had"))
            }
            None => Err(Fault::not_found("account")),
        }
    }

    /// All of them.
    pub async fn accounts(&self) -> Result<Vec<Account>> {
        let places: Vec<_> =
            self.0.places.lock().iter().map(|(id, place)| (id.clone(), place.clone())).collect();
        let mut out = Vec::with_capacity(places.len());
        for (id, place) in places {
            out.push(match place {
                Place::Open(core) => core.account().await?,
                Place::Shut => shut(id),
            });
        }
        Ok(out)
    }

    /// What a new subscriber must know.
    pub async fn snapshot(&self) -> Result<Vec<Change>> {
        let places: Vec<_> =
            self.0.places.lock().iter().map(|(id, place)| (id.clone(), place.clone())).collect();
        let mut out = Vec::new();
        for (id, place) in places {
            match place {
                Place::Open(core) => out.extend(core.snapshot().await?),
                Place::Shut => out.push(Change::Account { account: shut(id) }),
            }
        }
        Ok(out)
    }

    /// Closes the account, and deletes its key before its store.
    pub(crate) async fn erase(&self, id: &str) -> Result<()> {
        let place = self.0.places.lock().remove(id);
        if let Some(Place::Open(core)) = place {
            core.end().await;
        }
        let entry = id.to_owned();
        let gone = away(&self.0.options.secrets, move |secrets| secrets.delete(&entry)).await;
        match std::fs::remove_dir_all(self.folder().join(id)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(profile::broken(error));
            }
            _ => {}
        }
        Ok(gone?)
    }

    /// Closes everything and lets the profile go.
    pub async fn end(&self) {
        let places = std::mem::take(&mut *self.0.places.lock());
        for place in places.into_values() {
            if let Place::Open(core) = place {
                core.end().await;
            }
        }
        self.0.tasks.end(Duration::from_secs(1)).await;
        // Whoever still holds a handle holds nothing of the profile; the file closes with the last.
        let _ = self.0.lock.unlock();
    }
}

fn shut(id: String) -> Account {
    Account {
        id,
        server: String::new(),
        server_name: String::new(),
        user: UserId(0),
        name: String::new(),
        display_name: String::new(),
        role: TenantRole::Member,
        state: AccountState::Locked,
    }
}
