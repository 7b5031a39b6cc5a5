//! The Hallway server. One file is one noun; the folders are the floors:
//!
//! - [`routes`] is the whole HTTP surface as one table; [`front`] stands before it, [`listen`] takes
//!   the connections. Handlers are in the files of their nouns: `accounts`, `rooms`, `messages` …
//! - [`socket`] is the other door; it says the same to the same store.
//! - [`access`] decides who may, for both doors.
//! - [`store`] is the data: one SQL, two engines, commits in groups.
//! - [`hub`] hands out what was committed, in order; [`presence`] knows who is there.
//! - [`operate`] is what an operator does from a shell, beside the running server or without one.
//! - [`app`] ties them together; [`serve`] runs it until it is told to stop.

#![warn(missing_docs)]

pub mod access;
pub mod accounts;
pub mod admin;
pub mod app;
pub mod auth;
pub mod bans;
pub mod bots;
pub mod codes;
pub mod commands;
pub mod config;
pub mod error;
pub mod estate;
pub mod extract;
pub mod figures;
pub mod files;
pub mod folder;
pub mod front;
pub mod guests;
pub mod health;
pub mod hooks;
pub mod hub;
pub mod invites;
pub mod jobs;
pub mod keys;
pub mod limits;
pub mod listen;
pub mod mailer;
pub mod mails;
pub mod marks;
pub mod media;
pub mod members;
pub mod messages;
pub mod notices;
pub mod oidc;
pub mod openapi;
pub mod operate;
pub mod outbound;
pub mod pages;
pub mod passwords;
pub mod people;
pub mod presence;
pub mod previews;
pub mod push;
pub mod quiet;
pub mod reactions;
pub mod reminders;
pub mod reports;
pub mod rooms;
pub mod routes;
pub mod saved;
pub mod scheduled;
pub mod seal;
pub mod search;
pub mod server;
pub mod sessions;
pub mod settings;
pub mod socket;
pub mod storage;
pub mod store;
pub mod sync;
pub mod tenants;
pub mod tls;
pub mod tokens;
pub mod totp;
pub mod traces;
pub mod users;
pub mod webhooks;

use anyhow::bail;
use app::App;
use config::Config;
use hallway_kit::{Clock, Stop, Tasks};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};

/// Connections say goodbye within this time.
const SOCKETS: Duration = Duration::from_secs(6);
/// Requests under way end within this time.
const REQUESTS: Duration = Duration::from_secs(2);
/// Background tasks end within this time; with the two above it stays under ten seconds.
const BACKGROUND: Duration = Duration::from_secs(1);

/// A server whose data is open and that serves nobody yet.
pub struct Server {
    app: App,
    door: Option<UnixListener>,
}

impl Server {
    /// Opens the data; afterwards `DATA/first-owner` is there as long as nobody owns the server.
    pub async fn open(config: Config, address: SocketAddr, clock: Clock) -> anyhow::Result<Self> {
        let app = App::open(config, address, clock).await?;
        let door = listen::open_door(app.folder.path());
        Ok(Server { app, door })
    }

    /// The server's state, for tests that own both.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Serves until `stop`, then lets everyone go in good order: takes nothing new, says goodbye to
    /// the sockets, finishes requests, commits what is queued.
    pub async fn run(self, listener: TcpListener, stop: Stop) -> anyhow::Result<()> {
        let Server { app, door } = self;
        let (background, http) = (Tasks::default(), Tasks::default());
        jobs::start(&app, &background);
        if let Some(tls) = app.tls.clone() {
            background.keep("certificate", move |stop| tls.clone().watch(stop));
        }
        if let Some(traces) = app.traces.clone() {
            background.keep("traces", move |stop| traces.clone().work(stop));
        }
        let router = routes::router(&app);
        let failed = tokio::select! {
            () = listen::attend(door.as_ref(), &router, &http) => None,
            () = listen::accept(&app, &listener, router.clone(), &http, stop) => None,
            why = app.store.failed() => Some(why),
        };
        app.closing.store(true, Ordering::Release);
        drop((listener, door));
        let _ = std::fs::remove_file(listen::door(app.folder.path()));
        let late = app.sockets.end(SOCKETS).await.len() + http.end(REQUESTS).await.len();
        let tasks = background.end(BACKGROUND).await;
        if late > 0 || !tasks.is_empty() {
            tracing::warn!(late, ?tasks, "did not end in time");
        }
        app.store.close().await;
        match failed {
            Some(why) => bail!("the store stopped itself: {why}"),
            None => Ok(()),
        }
    }
}

/// Serves on `listener` until `stop`; a test owns both.
pub async fn serve(config: Config, listener: TcpListener, stop: Stop) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    Server::open(config, address, Clock::system()).await?.run(listener, stop).await
}
