//! A server with its people. The cast is fixed: Ada owns the place, Lin, Eve and Bob come by invite.

use crate::server::{Engine, Server, Setup};
use crate::wait::soon;
use crate::wire::{Rest, Socket};
use serde_json::json;
use std::ops::{Deref, DerefMut};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// One server and the owner's REST client; all else is asked of these two. A story opens one.
pub struct House {
    /// The server.
    pub server: Server,
    /// Ada, without a memory.
    pub owner: Rest,
    _turn: Turn,
}

/// Stories that measure run alone; all others share the machine.
static TURNS: RwLock<()> = RwLock::const_new(());

#[expect(dead_code, reason = "held, not read")]
enum Turn {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

impl House {
    /// A server on SQLite with Ada as its owner.
    pub async fn open() -> House {
        House::with(Setup::new(Engine::Sqlite)).await
    }

    /// The same on an engine.
    pub async fn on(engine: Engine) -> House {
        House::with(Setup::new(engine)).await
    }

    /// The same with a setup of the story's own.
    pub async fn with(setup: Setup) -> House {
        House::built(setup, Turn::Shared(TURNS.read().await)).await
    }

    /// The same while no other story of this run is under way, for one that measures.
    pub async fn alone(setup: Setup) -> House {
        House::built(setup, Turn::Alone(TURNS.write().await)).await
    }

    async fn built(setup: Setup, turn: Turn) -> House {
        crate::watch_for_panics();
        let server = Server::start(setup).await;
        let owner = Rest::register(&server.url(), "ada", &owner_token(&server)).await;
        House { server, owner, _turn: turn }
    }

    /// Makes an account by invite; signed in, without a memory.
    pub async fn person(&self, name: &str) -> Rest {
        let invite = self.invite().await;
        Rest::register(&self.server.url(), name, &invite).await
    }

    /// Who runs the server: by the token in the data folder.
    pub fn operator(&self) -> Rest {
        let token = std::fs::read_to_string(self.data().join("operator")).expect("a token");
        let mut operator = Rest::at(&self.url());
        operator.token = Some(token.trim().to_owned());
        operator
    }

    /// A figure of `/metrics`, by its name with its labels; none: it is not told.
    pub async fn figure(&self, name: &str) -> Option<f64> {
        let url = format!("{}/metrics", self.url());
        let answer = crate::rest::plain().get(url).send().await.expect("answered");
        let text = answer.text().await.expect("text");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map(|figure| figure.parse().expect("a figure"))
    }

    /// Until no job of this kind waits or is being done.
    pub async fn has_done(&self, kind: &str) {
        self.has_none(kind, &["pending", "leased"]).await;
    }

    /// Until no job of this kind is being done: the clock may be turned.
    pub async fn rests(&self, kind: &str) {
        self.has_none(kind, &["leased"]).await;
    }

    async fn has_none(&self, kind: &str, states: &[&str]) {
        crate::wait::until(&format!("no {kind} is {states:?}"), async || {
            let mut left = 0.0;
            for state in states {
                let name = format!("hallway_jobs{{state=\"{state}\",kind=\"{kind}\"}}");
                left += self.figure(&name).await.unwrap_or_default();
            }
            (left == 0.0).then_some(())
        })
        .await;
    }

    /// A code for one newcomer.
    pub async fn invite(&self) -> String {
        let invite = self.owner.post("/invites", json!({"uses": 1})).await.good();
        invite["code"].as_str().expect("a new invite shows its code").to_owned()
    }
}

impl Deref for House {
    type Target = Server;
    fn deref(&self) -> &Server {
        &self.server
    }
}

impl DerefMut for House {
    fn deref_mut(&mut self) -> &mut Server {
        &mut self.server
    }
}

impl Drop for House {
    fn drop(&mut self) {
        crate::no_panics();
    }
}

/// The one-time token in `DATA/first-owner`: the last word of it, whether it stands bare or in a
/// link.
pub fn owner_token(server: &Server) -> String {
    let text = std::fs::read_to_string(server.data().join("first-owner"))
        .expect("the owner token is written before the server says it listens");
    let token = text.trim().rsplit(['/', ' ', '\n']).next();
    token.expect("rsplit gives at least one part").to_owned()
}

/// A socket to a server that may still be starting or shutting: tries until it answers.
pub async fn reopen(who: &Rest) -> Socket {
    soon("the server takes sockets again", async {
        loop {
            match Socket::tries(who, crate::wire::hello(who)).await {
                Ok(socket) => return socket,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
    .await
}
