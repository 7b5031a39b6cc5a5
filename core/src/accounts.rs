//! The accounts of one profile on this device, above [`Core`]: signing in and out, opening what is
//! there at start, one feed for all. A profile is a folder; a second process of the same profile
//! waits on a file lock or is refused, so a store has one writer.

mod opening;

use crate::account::{Core, Opening};
use crate::error::{Fault, Result};
use crate::feed::{Account, AccountState, Change, FaultView, Feed, Teller, pipe};
use crate::held::Held;
use crate::profile;
use crate::secrets::{Secret, Secrets, away};
use crate::thread::Over;
use hallway_kit::Clock;
use hallway_protocol::ids::UserId;
use hallway_protocol::rest::Session;
use hallway_protocol::rows::TenantRole;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

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
    /// It cannot be opened, and why: its key cannot be had, or its store.
    Shut(Fault),
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
    held: Held,
    /// Whoever waits to open an account tries now.
    knock: tokio::sync::Notify,
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
            held: Held::default(),
            knock: tokio::sync::Notify::new(),
            lock,
        }));
        for id in profile::ids(&accounts.folder())? {
            if profile::is_gone(&accounts.folder().join(&id)) {
                accounts.clear(id);
            } else {
                accounts.begin(id).await;
            }
        }
        accounts.watch_ends();
        Ok((accounts, changes))
    }

    /// Erases what is left of an account whose erasing was cut short, beside everything else.
    fn clear(&self, id: String) {
        let accounts = self.clone();
        self.0.tasks.once("clear", async move {
            if let Err(fault) = accounts.erase(&id).await {
                tracing::warn!(%fault, "an account that is gone cannot be erased yet");
            }
        });
    }

    fn shut(&self, id: &str, why: Fault) {
        self.0.places.lock().insert(id.to_owned(), Place::Shut(why));
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
        let state = match over {
            Over::SignedOut => AccountState::SignedOut,
            Over::ThrownOut => AccountState::ThrownOut,
            Over::Broken => return self.given_up(id, &core).await,
        };
        // A store that cannot be read any more keeps nobody from erasing it.
        let account = core.account().await.unwrap_or_else(|_| core.bare(state));
        if over == Over::ThrownOut
            && let Err(fault) = self.erase(id).await
        {
            self.problem(Some(id), &fault);
        }
        self.tell(vec![Change::Account { account: Account { state, ..account } }]);
    }

    /// The program made the same mistake in it again and again: it is shut, and its person may try.
    async fn given_up(&self, id: &str, core: &Core) {
        core.end().await;
        let why = Fault::local("core_broken", "the program failed in this account again and again");
        self.shut(id, why.clone());
        self.tell(vec![Change::Account { account: unread(core, &why) }]);
    }

    /// Shows something.
    pub(crate) fn tell(&self, changes: Vec<Change>) {
        self.0.feed.tell(changes);
    }

    pub(crate) fn device(&self) -> String {
        hallway_protocol::text::composed(&self.0.options.device)
    }

    /// The wishes of those who are not signed in yet.
    pub(crate) fn held(&self) -> (&Held, &Clock) {
        (&self.0.held, &self.0.options.clock)
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

    /// The network changed: every link is tried at once, and every account that is shut.
    pub async fn network_changed(&self) {
        self.0.knock.notify_waiters();
        for (_, place) in self.places() {
            if let Place::Open(core) = place {
                // One that is closing needs no link.
                let _ = core.network_changed().await;
            }
        }
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
            Some(Place::Shut(why)) => Err(why.clone()),
            None => Err(Fault::not_found("account")),
        }
    }

    fn places(&self) -> Vec<(String, Place)> {
        self.0.places.lock().iter().map(|(id, place)| (id.clone(), place.clone())).collect()
    }

    /// All of them. One that cannot be read is listed with why, and keeps no other off the list.
    pub async fn accounts(&self) -> Result<Vec<Account>> {
        let mut out = Vec::new();
        for (id, place) in self.places() {
            out.push(match place {
                Place::Open(core) => {
                    core.account().await.unwrap_or_else(|fault| unread(&core, &fault))
                }
                Place::Shut(why) => shut(id, &why),
            });
        }
        Ok(out)
    }

    /// What a new subscriber must know.
    pub async fn snapshot(&self) -> Result<Vec<Change>> {
        let mut out = Vec::new();
        for (id, place) in self.places() {
            match place {
                Place::Open(core) => match core.snapshot().await {
                    Ok(changes) => out.extend(changes),
                    Err(fault) => out.push(Change::Account { account: unread(&core, &fault) }),
                },
                Place::Shut(why) => out.push(Change::Account { account: shut(id, &why) }),
            }
        }
        Ok(out)
    }

    /// Closes the account, and deletes its key before its store. What cannot be deleted now (a file
    /// somebody has open, a key in a locked keyring) goes at the next start.
    pub(crate) async fn erase(&self, id: &str) -> Result<()> {
        let place = self.0.places.lock().remove(id);
        if let Some(Place::Open(core)) = place {
            core.end().await;
        }
        let folder = self.folder().join(id);
        let marked = folder.clone();
        if let Err(fault) = blocking(move || profile::mark_gone(&marked)).await {
            tracing::warn!(%fault, "the account goes without a mark that it does");
        }
        let entry = id.to_owned();
        let gone = away(&self.0.options.secrets, move |secrets| secrets.delete(&entry)).await;
        let whole = gone.is_ok();
        blocking(move || profile::erase(&folder, whole)).await?;
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

fn shut(id: String, why: &Fault) -> Account {
    Account {
        id,
        server: String::new(),
        server_name: String::new(),
        user: UserId(0),
        name: String::new(),
        display_name: String::new(),
        role: TenantRole::Member,
        state: AccountState::Locked,
        why: Some(view(why)),
    }
}

/// An account that is open, and whose store cannot be read.
fn unread(core: &Core, why: &Fault) -> Account {
    Account { why: Some(view(why)), ..core.bare(AccountState::Locked) }
}

fn view(why: &Fault) -> FaultView {
    FaultView { code: why.what().to_owned(), message: why.to_string() }
}

/// Work on files, away from the runtime.
async fn blocking(work: impl FnOnce() -> std::io::Result<()> + Send + 'static) -> Result<()> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(profile::broken),
        Err(panic) => Err(Fault::local("broken", panic.to_string())),
    }
}

#[cfg(test)]
mod tests;
