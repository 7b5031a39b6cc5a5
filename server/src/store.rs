//! The store: one set of functions over two engines. Work reaches the database as jobs on threads
//! that own a connection: writers ([`lane`]) and readers. An answer of [`Store::write`] or
//! [`Store::append`] means committed and on disk; the events of it have left by then, in order.
//!
//! Every store function names who asks. The cost of lanes is that a job may run twice, so it can do
//! nothing outside its transaction.

pub mod accounts;
pub mod alerts;
mod append;
pub mod attachments;
pub mod audit;
pub mod bans;
pub mod bots;
mod change;
pub mod chores;
pub mod codes;
pub mod commands;
pub mod deeds;
pub mod deletions;
pub mod deliveries;
pub mod delta;
pub mod digests;
pub mod direct;
pub mod directory;
pub mod endpoints;
pub mod engine;
pub mod ephemeral;
pub mod erase;
pub mod estate;
mod event;
pub mod expiry;
pub mod guests;
pub mod hooks;
pub mod invites;
pub mod jobs;
pub mod keys;
pub mod keywords;
mod lane;
#[cfg(test)]
mod lane_test;
pub mod letters;
pub mod links;
pub mod mails;
pub mod marks;
pub mod media;
pub mod members;
pub mod mentions;
pub mod messages;
mod migrate;
mod needs;
pub mod notices;
pub mod oidc;
pub mod ops;
mod order;
pub mod own;
pub mod pages;
pub mod people;
mod postgres;
pub mod previews;
pub mod probe;
pub mod pushes;
mod queue;
pub mod reactions;
mod readers;
pub mod reminders;
pub mod reports;
pub mod rooms;
pub mod saved;
pub mod scheduled;
pub mod search;
pub mod sessions;
pub mod settings;
mod sqlite;
pub mod storage;
pub mod strays;
pub mod sync;
pub mod tenants;
pub mod totp;
mod tx;
pub mod users;
pub mod webhooks;
pub mod whole;

pub use append::{Draft, Posted};
pub use event::Event;
pub use needs::Needs;
pub use tx::{Read, Tx};

use crate::figures::Lanes;
use engine::{Conn, EngineError};
use hallway_kit::Clock;
use hallway_protocol::ids::{RoomId, TenantId, UserId};
use hallway_protocol::rows::TenantRole;
use lane::{Call, Item, Lane, Work};
use order::Order;
use queue::Queue;
use readers::Readers;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{oneshot, watch};

/// Writers on PostgreSQL: more make smaller batches and longer waits.
const LANES: usize = 4;
/// A writer's stack; its work is shallow.
const STACK: usize = 1024 * 1024;
/// About what a job costs in memory, for the bound of a batch.
const JOB_BYTES: usize = 512;

/// Where the data lies.
#[derive(Clone, Debug)]
pub enum Place {
    /// A folder.
    Sqlite(PathBuf),
    /// The address of a PostgreSQL database.
    Postgres(String),
}

/// Takes events after commit, in order; the hub.
pub type Sink = Arc<dyn Fn(Vec<Event>) + Send + Sync>;

/// Who asks; every store function takes it first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Me {
    /// Whose person.
    pub tenant: TenantId,
    /// Who.
    pub user: UserId,
    /// What they may do in the tenant.
    pub role: TenantRole,
    /// They came by a room code alone.
    pub guest: bool,
    /// With which session.
    pub session: String,
}

#[cfg(test)]
impl Me {
    /// Somebody plain, for tests of what needs no store.
    pub fn test(user: i64, session: &str) -> Me {
        let (role, session) = (TenantRole::Member, session.to_owned());
        Me { tenant: TenantId(1), user: UserId(user), role, guest: false, session }
    }
}

/// Why the store refused. `Broken` is logged whole and answered bare; the rest speak for themselves.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not there, or not yours to see.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// You see it but may not.
    #[error("{0}")]
    Forbidden(&'static str),
    /// A name in use.
    #[error("this {0} is taken")]
    Taken(&'static str),
    /// The state forbids it.
    #[error("{0}")]
    Conflict(&'static str),
    /// A wrong part of the input, and how.
    #[error("{0} {1}")]
    Invalid(&'static str, String),
    /// Not yet; the same again may succeed.
    #[error("{0}")]
    NotYet(&'static str),
    /// It expired.
    #[error("the file has expired")]
    Gone,
    /// More bytes than there is room for; so many there are.
    #[error("there is room for {0} bytes more")]
    Full(i64),
    /// Too fast; free again after so many milliseconds.
    #[error("that was too fast")]
    RateLimited(i64),
    /// Name or password.
    #[error("wrong name or password")]
    WrongCredentials,
    /// The mail address is not verified yet.
    #[error("verify your mail address first")]
    Unverified,
    /// No such session any more.
    #[error("sign in first")]
    SignedOut,
    /// Too much to do; the same again may succeed.
    #[error("the server has too much to do")]
    Busy,
    /// Whether it was done is not known; the same key again will tell.
    #[error("the connection to the database broke")]
    Lost,
    /// The server's fault.
    #[error("the server could not do that")]
    Broken(#[source] anyhow::Error),
}

/// Answer of the store.
pub type Result<T> = std::result::Result<T, StoreError>;

/// The answer to a call that may come again with its key.
#[derive(Clone, PartialEq, Debug)]
pub struct Once<T> {
    /// The key was done before.
    pub again: bool,
    /// The first answer, from the rows as they are now.
    pub answer: T,
}

/// Reports that the store stopped itself, once.
#[derive(Clone)]
struct Trouble(Arc<watch::Sender<Option<String>>>, Option<PathBuf>);

impl Trouble {
    fn report(&self, why: &str) {
        tracing::error!(why, "the disk failed; nothing is acknowledged until a restart");
        if let Some(folder) = &self.1 {
            // The next start checks every page when it finds this; on a dead disk it cannot be said.
            let _ = std::fs::write(folder.join(migrate::CHECK), why);
        }
        self.0.send_if_modified(|said| {
            let first = said.is_none();
            said.get_or_insert_with(|| why.to_owned());
            first
        });
    }

    fn is_reported(&self) -> bool {
        self.0.borrow().is_some()
    }
}

/// The store. Cheap to clone; the clones share it.
#[derive(Clone)]
pub struct Store {
    lanes: Arc<Vec<Arc<Queue>>>,
    readers: Arc<Readers>,
    figures: Lanes,
    epoch: Arc<parking_lot::RwLock<String>>,
    ended: Arc<tokio::sync::Mutex<Vec<oneshot::Receiver<()>>>>,
    trouble: Trouble,
}

impl Store {
    /// Opens the store and brings its schema up to date. Blocks; not for a hot path.
    pub fn open(place: &Place, clock: Clock, sink: Sink) -> Result<Store> {
        let place = place.clone();
        // The blocking client of PostgreSQL may not be used inside a tokio task.
        let opened = std::thread::spawn(move || Self::open_here(&place, &clock, &sink)).join();
        opened.unwrap_or_else(|_| Err(StoreError::Broken(anyhow::anyhow!("opening panicked"))))
    }

    fn open_here(place: &Place, clock: &Clock, sink: &Sink) -> Result<Store> {
        let (writers, read) = connect(place).map_err(broken)?;
        let mut writers = writers;
        let epoch = match writers.first_mut() {
            Some(conn) => migrate::prepare(&mut **conn, clock.now()).map_err(broken)?,
            None => return Err(StoreError::Broken(anyhow::anyhow!("no connection"))),
        };
        let folder = match place {
            Place::Sqlite(folder) => Some(folder.clone()),
            Place::Postgres(_) => None,
        };
        let trouble = Trouble(Arc::new(watch::Sender::new(None)), folder.clone());
        let figures = Lanes::default();
        let order = Arc::new(Order::default());
        let epoch = Arc::new(parking_lot::RwLock::new(epoch));
        let mut ended = Vec::new();
        let mut lanes = Vec::new();
        for (i, conn) in writers.into_iter().enumerate() {
            let queue = Arc::new(Queue::default());
            let lane = Lane {
                conn,
                queue: queue.clone(),
                clock: clock.clone(),
                sink: sink.clone(),
                order: order.clone(),
                figures: figures.clone(),
                epoch: epoch.clone(),
                trouble: trouble.clone(),
            };
            ended.push(thread(&format!("lane-{i}"), move || lane.run())?);
            lanes.push(queue);
        }
        if let (Some(folder), Some(queue)) = (folder, lanes.first().cloned()) {
            ended.push(thread("log", move || sqlite::keep_log_short(&folder, &queue))?);
        }
        let readers = Arc::new(Readers::default());
        for (i, conn) in read.into_iter().enumerate() {
            let (readers, clock) = (readers.clone(), clock.clone());
            ended.push(thread(&format!("reader-{i}"), move || readers.run(conn, &clock))?);
        }
        let ended = Arc::new(tokio::sync::Mutex::new(ended));
        Ok(Store { lanes: Arc::new(lanes), readers, figures, epoch, ended, trouble })
    }

    /// Runs a store function in a transaction. It is in the queue when this returns, so calls keep
    /// their order; the future only waits for the answer.
    pub fn write<T: Send + 'static>(
        &self,
        needs: Needs,
        job: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send + 'static {
        let (to, answer) = oneshot::channel();
        let lane = needs.lane(self.lanes.len());
        let work = Work::Call(Box::new(Call { job, out: None, to }));
        let queued = self.lanes[lane].put(JOB_BYTES, Item { needs, work, alone: false });
        waited(queued, answer)
    }

    /// Says something in a room: the typed path of posts, in the same queue as everything else.
    pub fn append(
        &self,
        me: Me,
        room: RoomId,
        draft: Draft,
    ) -> impl Future<Output = Result<Posted>> + Send + 'static {
        let (to, answer) = oneshot::channel();
        let mut needs = Needs::room(room);
        if draft.clears_draft {
            needs.people.insert(me.user);
        }
        let lane = needs.lane(self.lanes.len());
        let bytes = JOB_BYTES + draft.text.len();
        let work =
            Work::Post(Box::new(append::Post { me, asker: None, room, draft, out: None, to }));
        let queued = self.lanes[lane].put(bytes, Item { needs, work, alone: false });
        waited(queued, answer)
    }

    /// Asks; everything it sees is of one moment, no earlier than the last commit answered.
    pub fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Read<'_>) -> Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T>> + Send + 'static {
        let (queued, answer) = self.readers.ask(job);
        waited(queued, answer)
    }

    /// The name of the data set.
    pub fn epoch(&self) -> String {
        self.epoch.read().clone()
    }

    /// What the lanes count.
    pub fn lanes(&self) -> &Lanes {
        &self.figures
    }

    /// Write jobs and read jobs that wait at this moment.
    pub fn waiting(&self) -> (usize, usize) {
        (self.lanes.iter().map(|queue| queue.depth()).sum(), self.readers.depth())
    }

    /// Waits until the store stops itself because a disk failed, and says why. The process should
    /// end then: nothing is acknowledged until a start has checked the data.
    pub async fn failed(&self) -> String {
        let mut said = self.trouble.0.subscribe();
        let why = match said.wait_for(Option::is_some).await {
            Ok(why) => why.clone(),
            Err(_) => None,
        };
        match why {
            Some(why) => why,
            None => std::future::pending().await,
        }
    }

    /// Takes nothing more, finishes what is queued, and closes every connection.
    pub async fn close(&self) {
        self.lanes.iter().for_each(|queue| queue.close());
        self.readers.close();
        for ended in self.ended.lock().await.drain(..) {
            // An error means the thread is gone already.
            let _ = ended.await;
        }
        // Of threads that leave at one moment each takes the others for still there, and none of them
        // ends the log, which holds what was deleted.
        if let Some(folder) = self.trouble.1.clone().filter(|_| !self.trouble.is_reported()) {
            let ended = tokio::task::spawn_blocking(move || sqlite::end_log(&folder)).await;
            if let Ok(Err(error)) = ended {
                tracing::warn!(%error, "the log is ended at the next start");
            }
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // The last handle ends the threads; they finish what is queued.
        if Arc::strong_count(&self.ended) == 1 {
            self.lanes.iter().for_each(|queue| queue.close());
            self.readers.close();
        }
    }
}

/// The connections of the writers and of the readers.
type Connections = (Vec<Box<dyn Conn>>, Vec<Box<dyn Conn>>);

fn connect(place: &Place) -> engine::Outcome<Connections> {
    let mut writers: Vec<Box<dyn Conn>> = Vec::new();
    let mut read: Vec<Box<dyn Conn>> = Vec::new();
    match place {
        Place::Sqlite(folder) => {
            let lite = sqlite::Lite::open(folder, sqlite::Use::Write)?;
            migrate::check_after_failure(folder, &lite)?;
            writers.push(Box::new(lite));
            for _ in 0..readers::READERS {
                read.push(Box::new(sqlite::Lite::open(folder, sqlite::Use::Read)?));
            }
        }
        Place::Postgres(url) => {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            for _ in 0..cores.min(LANES) {
                writers.push(Box::new(postgres::Pg::open(url)?));
            }
            for _ in 0..readers::READERS {
                read.push(Box::new(postgres::Pg::open(url)?));
            }
        }
    }
    Ok((writers, read))
}

/// Starts a thread; what is answered resolves when it has ended.
fn thread(name: &str, run: impl FnOnce() + Send + 'static) -> Result<oneshot::Receiver<()>> {
    let (end, ended) = oneshot::channel();
    let builder = std::thread::Builder::new().name(name.to_owned()).stack_size(STACK);
    let started = builder.spawn(move || {
        run();
        let _ = end.send(());
    });
    started.map(|_| ended).map_err(|e| StoreError::Broken(e.into()))
}

async fn waited<T>(queued: Result<()>, answer: oneshot::Receiver<Result<T>>) -> Result<T> {
    queued?;
    // The lane is gone without an answer only when the process ends.
    answer.await.unwrap_or(Err(StoreError::Lost))
}

fn broken(error: EngineError) -> StoreError {
    StoreError::Broken(error.into())
}
