//! People at their devices: a real core each, with a store and a key file in a folder of its own,
//! and the screen that its feed draws.

use crate::house::House;
use crate::screen::{Glass, Line};
use crate::server::folder;
use crate::wire::PASSWORD;
use hallway_core::feed::Timeline;
use hallway_core::secrets::{FileSecrets, Secrets};
use hallway_core::{Accounts, Ask, Core, Fault, Feed, Options, Target};
use hallway_kit::{Clock, Tasks};
use hallway_protocol::ids::{RoomId, Seq, UserId};
use parking_lot::Mutex;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;

/// What is left of a device while the app is closed.
pub struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// A device that was never used.
    pub fn new() -> Disk {
        Disk { folder: folder("device") }
    }

    /// The stores.
    pub fn dir(&self) -> PathBuf {
        self.folder.path().join("stores")
    }

    /// Keys and tokens.
    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("keys")
    }
}

impl Default for Disk {
    fn default() -> Self {
        Disk::new()
    }
}

/// Somebody at a device, with the app open.
pub struct Person {
    /// User name.
    pub name: String,
    /// Who that is on the server.
    pub user: UserId,
    /// What the device shows.
    pub screen: Glass,
    /// The account's core, for what has no verb here.
    pub core: Core,
    accounts: Accounts,
    account: String,
    /// Until it is closed.
    disk: Option<Disk>,
    room: Mutex<RoomId>,
    tasks: Tasks,
}

/// The app on a device whose key cannot be had.
pub struct Locked {
    /// What it shows.
    pub screen: Glass,
    accounts: Accounts,
    tasks: Tasks,
    disk: Disk,
}

impl Locked {
    /// Closes the app.
    pub async fn closes(self) -> Disk {
        self.accounts.end().await;
        self.tasks.end(crate::wait::SOON).await;
        self.disk
    }
}

impl House {
    /// Somebody at a new device, connected straight to the server.
    pub async fn core(&self, name: &str) -> Person {
        Person::sign_in(name, &self.server.url(), Disk::new()).await
    }
}

impl Person {
    /// Signs in on a device; `url` may be a link's.
    pub async fn sign_in(name: &str, url: &str, disk: Disk) -> Person {
        let person = Person::tries(name, url, disk).await;
        person.unwrap_or_else(|e| panic!("{name} cannot sign in: {e}"))
    }

    /// The same where it may be refused.
    pub async fn tries(name: &str, url: &str, disk: Disk) -> Result<Person, Fault> {
        let (accounts, feed) = open(&disk).await;
        let account = accounts.sign_in(url, name, PASSWORD).await?;
        Ok(Person::with(accounts, feed, account, disk).await)
    }

    /// Opens the app again on a device that is signed in.
    pub async fn reopen(disk: Disk) -> Person {
        let (accounts, feed) = open(&disk).await;
        let account = accounts.accounts().await.expect("a list").into_iter().next();
        let account = account.expect("somebody is signed in here");
        Person::with(accounts, feed, account, disk).await
    }

    /// Opens the app on a device whose key cannot be had.
    pub async fn reopen_locked(disk: Disk) -> Locked {
        let (accounts, feed) = open(&disk).await;
        let (screen, tasks) = (Glass::default(), Tasks::default());
        screen.apply(&json(&accounts.snapshot().await.expect("a snapshot")));
        draw(&tasks, feed, &screen);
        Locked { screen, accounts, tasks, disk }
    }

    /// The raw key of the store, as the key file has it.
    pub fn key(&self) -> crate::cipher::Key {
        let secret = FileSecrets::new(self.disk().key_file()).read(&self.account);
        secret.expect("it is signed in").store_key().expect("a whole key").0
    }

    async fn with(
        accounts: Accounts,
        feed: Feed,
        account: hallway_core::feed::Account,
        disk: Disk,
    ) -> Person {
        let core = accounts.core(&account.id).expect("an account has a core");
        let (screen, tasks) = (Glass::default(), Tasks::default());
        // A window subscribes: everything as it is, then what changes.
        screen.apply(&json(&accounts.snapshot().await.expect("a snapshot")));
        draw(&tasks, feed, &screen);
        Person {
            name: account.name.clone(),
            user: account.user,
            screen,
            core,
            accounts,
            account: account.id,
            disk: Some(disk),
            room: Mutex::new(RoomId(0)),
            tasks,
        }
    }

    /// Closes the app; the device is left.
    pub async fn closes(mut self) -> Disk {
        self.accounts.end().await;
        self.tasks.end(crate::wait::SOON).await;
        self.disk.take().expect("it is closed once")
    }

    /// Where its things lie.
    pub fn disk(&self) -> &Disk {
        self.disk.as_ref().expect("it is open")
    }

    /// The account's id on this device.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// All accounts of this device.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Makes a public channel and stands in it.
    pub async fn creates(&self, name: &str) -> RoomId {
        let new = serde_json::from_value(serde_json::json!({"kind": "channel", "name": name}));
        let room = self.core.create(new.expect("a room")).await.expect("made").room;
        self.opens(room).await;
        room
    }

    /// Enters a public room and stands in it.
    pub async fn joins(&self, room: RoomId) {
        self.core.join(room).await.expect("they may");
        self.opens(room).await;
    }

    /// Opens a room as a window does, once it is listed: the last page of its timeline, and it has the
    /// focus.
    pub async fn opens(&self, room: RoomId) {
        self.screen.shows("the room is listed", |screen| screen.rooms().contains(&room)).await;
        *self.room.lock() = room;
        self.core.focus(vec![room]).await.expect("the core is there");
        let page = self.page(room, None, 100).await;
        self.screen.put(room, &serde_json::to_value(page.rows).expect("views are JSON"));
    }

    /// A part of the timeline.
    pub async fn page(&self, room: RoomId, before: Option<Seq>, limit: usize) -> Timeline {
        let ask = Ask { before, limit, ..Ask::default() };
        self.core
            .timeline(room, ask)
            .await
            .unwrap_or_else(|e| panic!("{}'s timeline: {e}", self.name))
    }

    /// Says something in the room they stand in; the key of the message.
    pub async fn says(&self, text: &str) -> String {
        let room = *self.room.lock();
        let key = self.core.send(room, text.into(), None, None).await;
        key.unwrap_or_else(|e| panic!("{} says {text:?}: {e}", self.name)).to_string()
    }

    /// Changes the message that says `text`.
    pub async fn edits(&self, room: RoomId, text: &str, to: &str) {
        let target = self.target(room, text).await;
        self.core.edit(room, target, to.into()).await.expect("taken by the outbox");
        self.screen.shows("the new text", |screen| screen.finds(room, to).is_some()).await;
    }

    /// Deletes the message that says `text`.
    pub async fn deletes(&self, room: RoomId, text: &str) {
        let target = self.target(room, text).await;
        self.core.delete(room, target).await.expect("taken by the outbox");
        self.screen.shows("it is gone", |screen| screen.finds(room, text).is_none()).await;
    }

    /// Sets an emoji on the message that says `text`.
    pub async fn reacts(&self, room: RoomId, text: &str, emoji: &str) {
        let target = self.target(room, text).await;
        self.core.react(room, target, emoji.into(), true).await.expect("taken by the outbox");
        let me = self.user.0;
        let is_on = |row: Value| {
            let on = crate::screen::line(&row).reactions;
            on.iter().any(|(one, users)| one == emoji && users.contains(&me))
        };
        self.screen.shows("the sign", |screen| screen.finds(room, text).is_some_and(is_on)).await;
    }

    /// The message that says `text`: by its number, or by its key while it has none.
    async fn target(&self, room: RoomId, text: &str) -> Target {
        let what = format!("{} sees {text:?}", self.name);
        let row = self.screen.until(&what, |screen| screen.finds(room, text)).await;
        match row["seq"].as_i64() {
            Some(seq) => Target::Seq(seq),
            None => Target::Key(row["key"].as_str().and_then(|k| k.parse().ok()).expect("a key")),
        }
    }

    /// Waits until they see `text`, confirmed, where they stand.
    pub async fn hears(&self, text: &str) -> Value {
        let room = *self.room.lock();
        let what = format!("{} hears {text:?}", self.name);
        self.screen
            .until(&what, |screen| screen.finds(room, text).filter(|row| row["seq"].is_i64()))
            .await
    }

    /// What they see of a room.
    pub fn shows(&self, room: RoomId) -> Vec<Line> {
        self.screen.now().shows(room)
    }

    /// The texts they see of a room.
    pub fn texts(&self, room: RoomId) -> Vec<String> {
        self.shows(room).into_iter().map(|line| line.text).collect()
    }

    /// Waits until nothing is under way and everything held is current.
    pub async fn settles(&self) {
        let what = format!("{} settles", self.name);
        self.screen
            .shows(&what, |screen| {
                let waiting = screen.outbox["waiting"].as_u64().unwrap_or(0);
                screen.connection == "live" && waiting == 0
            })
            .await;
    }

    /// Waits until the link stands so.
    pub async fn is(&self, state: &str) {
        let what = format!("{} is {state}", self.name);
        self.screen.shows(&what, |screen| screen.connection == state).await;
    }

    /// The machine's network is switched on or off.
    pub async fn online(&self, on: bool) {
        self.core.set_online(on).await.expect("the core is there");
    }

    /// The OS says that the network changed: the core looks at once.
    pub async fn network(&self) {
        self.core.network_changed().await.expect("the core is there");
    }
}

/// Draws what the feed says until the window is closed.
fn draw(tasks: &Tasks, mut feed: Feed, screen: &Glass) {
    let (glass, mut stop) = (screen.clone(), tasks.stop());
    tasks.once("window", async move {
        loop {
            tokio::select! {
                changes = feed.next() => match changes {
                    Some(changes) => glass.apply(&json(&changes)),
                    None => return,
                },
                () = stop.heard() => return,
            }
        }
    });
}

impl Drop for Person {
    /// A core must not outlive its runtime: whoever was not closed is closed now.
    fn drop(&mut self) {
        if self.disk.is_some() {
            let accounts = self.accounts.clone();
            let runtime = tokio::runtime::Handle::current();
            tokio::task::block_in_place(|| runtime.block_on(accounts.end()));
        }
    }
}

async fn open(disk: &Disk) -> (Accounts, Feed) {
    let options = Options {
        dir: disk.dir(),
        secrets: Arc::new(FileSecrets::new(disk.key_file())),
        device: "test".into(),
        clock: Clock::system(),
    };
    Accounts::open(options).await.expect("the app opens")
}

fn json(changes: &[hallway_core::feed::Change]) -> Vec<Value> {
    let json = |change| serde_json::to_value(change).expect("changes are JSON");
    changes.iter().map(json).collect()
}

/// Waits until all of them are settled and show the same of a room; what they show.
pub async fn agree(people: &[&Person], room: RoomId) -> Vec<Line> {
    for person in people {
        person.settles().await;
    }
    let mut changes: Vec<_> = people.iter().map(|person| person.screen.changes()).collect();
    let same = async {
        loop {
            let shown: Vec<_> =
                changes.iter_mut().map(|one| one.borrow_and_update().shows(room)).collect();
            if shown.windows(2).all(|pair| pair[0] == pair[1]) {
                return shown.into_iter().next().expect("somebody is asked");
            }
            let next = changes.iter_mut().map(|one| Box::pin(one.changed()));
            let (changed, ..) = futures_util::future::select_all(next).await;
            changed.expect("the screens live");
        }
    };
    match tokio::time::timeout(crate::wait::SOON, same).await {
        Ok(shown) => shown,
        Err(_) => {
            let names: Vec<_> = people.iter().map(|person| &person.name).collect();
            let shown: Vec<_> = people.iter().map(|person| person.shows(room)).collect();
            panic!("{names:?} do not come to see the same: {shown:#?}");
        }
    }
}
