//! The core behind the window: opened beside the window, waited for by commands, ended with the app.

use crate::feed::{Line, News};
use crate::notices::Notices;
use hallway_core::feed::Change;
use hallway_core::secrets::{KeyringSecrets, Secrets};
use hallway_core::{Accounts, Core, Fault, Feed, Options, Result};
use hallway_protocol::ids::RoomId;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tauri::ipc::Channel;
use tauri::{AppHandle, Manager};
use tokio::sync::watch;

/// The opened core, or why it cannot be had.
type Opened = Option<Result<Accounts>>;

/// One for the app.
#[derive(Clone)]
pub struct House {
    opened: watch::Receiver<Opened>,
    line: Line,
    notices: Notices,
    started: Instant,
}

/// Which profile this is: the same name is the same store, lock and web profile.
pub fn profile() -> String {
    std::env::var("HALLWAY_PROFILE").ok().filter(|name| !name.is_empty()).unwrap_or("main".into())
}

/// Where everything of this profile lies, made for its owner alone.
pub fn folder(app: &AppHandle) -> tauri::Result<PathBuf> {
    let root = match std::env::var_os("HALLWAY_APP_DIR") {
        Some(root) => std::path::absolute(root)?,
        None => app.path().app_data_dir()?,
    };
    let folder = root.join(folder_name(&profile()));
    hallway_core::make_private(&folder)?;
    Ok(folder)
}

/// A profile's name may not lead out of the root.
fn folder_name(profile: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '_' };
    profile.chars().map(plain).collect()
}

impl House {
    /// Begins to open the core; returns at once.
    pub fn open(app: AppHandle, folder: PathBuf, started: Instant) -> House {
        let (tell, opened) = watch::channel(None);
        let line = Line::default();
        let notices = Notices::new(app, line.clone());
        let (feed_line, feed_notices) = (line.clone(), notices.clone());
        tauri::async_runtime::spawn(async move {
            match open(&folder).await {
                Ok((accounts, feed)) => {
                    let (all, line) = (accounts.clone(), feed_line);
                    tauri::async_runtime::spawn(pump(feed, all, line, feed_notices));
                    sign_in_from_file(&accounts).await;
                    let _ = tell.send(Some(Ok(accounts)));
                }
                Err(fault) => {
                    tracing::error!(%fault, "the core cannot be opened");
                    let _ = tell.send(Some(Err(fault)));
                }
            }
            tell.closed().await;
        });
        House { opened, line, notices, started }
    }

    /// The core, once it is open.
    pub async fn core(&self) -> Result<Accounts> {
        let mut opened = self.opened.clone();
        let opened = opened.wait_for(Option::is_some).await;
        let gone = || Fault::local("broken", "the app is ending");
        opened.map_err(|_| gone())?.clone().unwrap_or_else(|| Err(gone()))
    }

    /// One of its accounts.
    pub async fn account(&self, id: &str) -> Result<Core> {
        self.core().await?.core(id)
    }

    /// These rooms are on the screen and somebody is there.
    pub async fn focus(&self, account: &str, rooms: Vec<RoomId>) -> Result<()> {
        self.notices.in_front(account, &rooms);
        self.account(account).await?.focus(rooms).await
    }

    /// A window listens: first all there is, then every change after it.
    pub async fn subscribe(&self, channel: Channel<Vec<News>>) -> Result<()> {
        let accounts = self.core().await?;
        self.line.take(channel, accounts.snapshot()).await
    }

    /// Tells the window something that is not of the core.
    pub async fn tell(&self, news: News) {
        self.line.send(vec![news]).await;
    }

    /// The first screen is painted; `xtask run` and the benchmark read this line.
    pub fn painted(&self) {
        eprintln!("hallway: first screen after {} ms", self.started.elapsed().as_millis());
    }

    /// Closes every store; nothing that was answered is lost without it.
    pub async fn end(&self) {
        let opened = self.opened.borrow().clone();
        if let Some(Ok(accounts)) = opened {
            accounts.end().await;
        }
    }
}

async fn open(folder: &Path) -> Result<(Accounts, Feed)> {
    Accounts::open(Options {
        dir: folder.join("accounts"),
        secrets: secrets().await,
        device: device(),
        clock: hallway_kit::Clock::system(),
    })
    .await
}

/// The keyring of the system; a release build knows no other place.
#[cfg(not(debug_assertions))]
async fn secrets() -> Arc<dyn Secrets> {
    Arc::new(KeyringSecrets::new())
}

/// On a machine without a usable keyring a debug build keeps its keys in the file that `cargo xtask
/// run` names, and goes on doing so once the file is there.
#[cfg(debug_assertions)]
async fn secrets() -> Arc<dyn Secrets> {
    let Some(file) = std::env::var_os("HALLWAY_KEY_FILE").map(PathBuf::from) else {
        return Arc::new(KeyringSecrets::new());
    };
    let known = file.exists();
    let usable = tauri::async_runtime::spawn_blocking(move || !known && keyring_keeps());
    if usable.await.unwrap_or(false) {
        return Arc::new(KeyringSecrets::new());
    }
    eprintln!(
        "hallway: no usable keyring here; this debug build keeps its keys in {}",
        file.display()
    );
    Arc::new(hallway_core::secrets::FileSecrets::new(file))
}

/// Whether the keyring takes an entry: one without a collection refuses only when it is asked to.
#[cfg(debug_assertions)]
fn keyring_keeps() -> bool {
    let probe = hallway_core::secrets::Secret {
        key: String::new(),
        refresh_token: String::new(),
        server: String::new(),
        name: "probe".to_owned(),
        user: hallway_protocol::ids::UserId(0),
    };
    let keyring = KeyringSecrets::new();
    keyring.write("probe", &probe).and_then(|()| keyring.delete("probe")).is_ok()
}

/// Core to window in order; notices leave the order here, they have a screen of their own.
async fn pump(mut feed: Feed, accounts: Accounts, line: Line, notices: Notices) {
    while let Some(mut batch) = feed.next().await {
        if batch.first() == Some(&Change::Missed) {
            batch.extend(anew(&accounts).await);
        }
        for change in &batch {
            notices.hear(change);
        }
        line.send(batch.into_iter().map(News::Change).collect()).await;
    }
}

/// All there is, or why it cannot be had.
async fn anew(accounts: &Accounts) -> Vec<Change> {
    accounts.snapshot().await.unwrap_or_else(|fault| {
        let (code, message) = (fault.what().to_owned(), fault.to_string());
        vec![Change::Problem { account: None, code, message }]
    })
}

/// The label of this device in the list of sessions.
fn device() -> String {
    let name = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { std::env::consts::OS.to_owned() } else { name.to_owned() }
}

/// Debug builds sign themselves in once with what `cargo xtask run` wrote.
#[cfg(debug_assertions)]
async fn sign_in_from_file(accounts: &Accounts) {
    #[derive(serde::Deserialize)]
    struct SignIn {
        server: String,
        login: String,
        password: String,
    }
    let Some(file) = std::env::var_os("HALLWAY_SIGN_IN_FILE") else { return };
    let read = std::fs::read(&file).map_err(|error| error.to_string());
    let said = read.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|e| e.to_string()));
    let SignIn { server, login, password } = match said {
        Ok(said) => said,
        Err(error) => return tracing::warn!(error, "the sign-in file cannot be read"),
    };
    let known = accounts.accounts().await.unwrap_or_default();
    if known.iter().any(|account| account.server == server && account.name == login) {
        return;
    }
    if let Err(fault) = accounts.sign_in(&server, &login, &password).await {
        tracing::warn!(%fault, "signing in from the file failed");
    }
}

#[cfg(not(debug_assertions))]
async fn sign_in_from_file(_accounts: &Accounts) {}
