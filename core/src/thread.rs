//! The core's thread: it owns the machine, takes what happens from one queue, and carries out what
//! the machine asks. It never waits for the network: links, pages and tokens are tasks beside it.

use crate::error::{Fault, Result};
use crate::feed::{Change, LinkState, Teller};
use crate::machine::Machine;
use crate::reader::Reader;
use crate::socket::{self, Unopened, Wire};
use crate::store::{Store, StoreKey, is_whole, salvage, set_aside};
use crate::world::{Effect, Input, Intent, PageRequest, Refresh};
use hallway_kit::{Clock, Tasks};
use hallway_protocol::error::{Code, Refused};
use hallway_protocol::frames::ClientFrame;
use hallway_protocol::ids::UserId;
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{mpsc, oneshot, watch};

/// Inputs that may wait. A peer that sends faster than the disk takes waits in its socket (P11).
pub(crate) const INBOX: usize = 256;
/// The machine hears of time at least this often, milliseconds.
const TICK: i64 = 5_000;
/// Live for this long, the store is read through once, milliseconds.
const IDLE: i64 = 30_000;
/// Wall and monotonic clock this far apart from one look to the next: the machine slept.
const JUMP: i64 = 15_000;

/// What the thread is told.
pub(crate) enum Task {
    /// Something happened.
    Input(Input),
    /// A person acts; answered after the commit.
    Intent(Intent, oneshot::Sender<Result<()>>),
    /// A read found the store damaged.
    Damaged(String),
    /// Close everything.
    End(oneshot::Sender<()>),
}

/// How an account ended on this device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Over {
    /// The password is needed.
    SignedOut,
    /// Store and key must go.
    ThrownOut,
}

/// Everything the thread needs.
pub(crate) struct Driver {
    pub account: String,
    pub path: PathBuf,
    pub key: StoreKey,
    pub me: UserId,
    pub wire: Wire,
    pub clock: Clock,
    pub tasks: Tasks,
    pub reader: Reader,
    /// The feed.
    pub feed: Teller,
    /// How the link stands, for those inside who wait for it.
    pub status: watch::Sender<LinkState>,
    /// Counts batches of changes, for those inside who wait for one.
    pub moved: watch::Sender<u64>,
    /// How it ended.
    pub over: mpsc::UnboundedSender<(String, Over)>,
}

struct Run {
    driver: Driver,
    machine: Option<Machine>,
    out: Option<(u64, mpsc::UnboundedSender<ClientFrame>)>,
    waiters: HashMap<u64, oneshot::Sender<Result<()>>>,
    next: u64,
    wake: i64,
    skew: i64,
    /// When the store is to be read through; none once it was.
    check_at: Option<i64>,
    handle: Handle,
}

impl Driver {
    /// Says that the store was replaced.
    pub fn damaged(&self) {
        self.feed.tell(vec![Change::Problem {
            account: Some(self.account.clone()),
            code: "store_damaged".into(),
            message: "the local store was damaged and is fetched again".into(),
        }]);
        self.moved.send_modify(|moved| *moved += 1);
    }

    /// Starts the thread over an opened store. It ends on [`Task::End`], or when nobody can speak
    /// to it any more.
    pub fn start(self, store: Store, mut inbox: mpsc::Receiver<Task>) -> Result<()> {
        let handle = Handle::current();
        let seed = u64::from(std::process::id()) ^ self.clock.now().cast_unsigned();
        let now = self.clock.ticks();
        let (machine, effects) = match Machine::open_at(store, seed, now).map_err(Fault::from) {
            // The damage lies where only the first reading looks.
            Err(fault) if fault.what() == "store_damaged" => {
                let store = replace(&self.path, &self.key, &self.account, self.me, &self.clock)?;
                self.damaged();
                Machine::open_at(store, seed, now)?
            }
            opened => opened?,
        };
        let skew = self.clock.now() - now;
        let account = self.account.clone();
        let mut run = Run {
            driver: self,
            machine: Some(machine),
            out: None,
            waiters: HashMap::new(),
            next: 0,
            wake: now,
            skew,
            check_at: Some(now + IDLE),
            handle,
        };
        // It waits by a clock of its own: the program's runtime may end before its accounts do.
        let timer = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(|error| Fault::local("broken", format!("no timer: {error}")))?;
        let body = move || {
            run.carry_out(effects);
            run.step(Input::Wall(run.driver.clock.now()));
            while run.turn(&timer, &mut inbox) {}
        };
        std::thread::Builder::new()
            .name(format!("core {account}"))
            .spawn(body)
            .map(drop)
            .map_err(|error| Fault::local("broken", format!("no thread: {error}")))
    }
}

impl Run {
    /// One turn; false when it is over.
    fn turn(&mut self, timer: &Runtime, inbox: &mut mpsc::Receiver<Task>) -> bool {
        let now = self.driver.clock.ticks();
        let wait = (self.wake - now).clamp(0, TICK);
        let wait = Duration::from_millis(u64::try_from(wait).unwrap_or_default());
        let task = timer.block_on(async { tokio::time::timeout(wait, inbox.recv()).await });
        self.look_at_the_clock();
        if self.check_at.is_some_and(|at| at <= now) {
            self.check();
        }
        match task {
            Err(_) => self.step(Input::Tick),
            Ok(None) => return false,
            Ok(Some(Task::Input(input))) => self.step(input),
            Ok(Some(Task::Intent(_, answer))) if self.machine.is_none() => {
                let _ = answer.send(Err(Fault::local("store_broken", "there is no local store")));
            }
            Ok(Some(Task::Intent(intent, answer))) => {
                self.next += 1;
                self.waiters.insert(self.next, answer);
                self.step(Input::Intent { id: self.next, intent });
            }
            Ok(Some(Task::Damaged(why))) => self.rebuild(&why),
            Ok(Some(Task::End(ended))) => {
                self.out = None;
                if let Some(machine) = self.machine.take() {
                    // Best effort: the log is read at the next start as well.
                    let _ = machine.store().tidy();
                }
                let _ = ended.send(());
                return false;
            }
        }
        true
    }

    /// A sleeping machine's monotonic clock may have slept with it: the wall clock shows it. It
    /// decides nothing but that the link is tried.
    fn look_at_the_clock(&mut self) {
        let skew = self.driver.clock.now() - self.driver.clock.ticks();
        if (skew - self.skew).abs() > JUMP {
            self.step(Input::Network);
        }
        self.skew = skew;
    }

    /// In idle time, once a run: a page that rotted shows before somebody needs it.
    fn check(&mut self) {
        self.check_at = None;
        let driver = &self.driver;
        let (path, key, inbox) =
            (driver.path.clone(), driver.key.clone(), driver.wire.inbox.clone());
        self.spawn("check", async move {
            let whole = tokio::task::spawn_blocking(move || is_whole(&path, &key)).await;
            if matches!(whole, Ok(false)) {
                let _ = inbox.send(Task::Damaged("the integrity check failed".into())).await;
            }
        });
    }

    fn step(&mut self, input: Input) {
        let now = self.driver.clock.ticks();
        let Some(machine) = &mut self.machine else { return };
        self.wake = now + TICK;
        let effects = machine.step(now, input);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        let mut changes = Vec::new();
        let mut damaged = None;
        for effect in effects {
            match effect {
                Effect::Connect { link } => self.connect(link),
                Effect::Send { link, frame } => {
                    if let Some((open, out)) = &self.out
                        && *open == link
                    {
                        // A link that just ended hears nothing; the engine will be told.
                        let _ = out.send(frame);
                    }
                }
                Effect::Close { link } => self.out = self.out.take().filter(|out| out.0 != link),
                Effect::Refresh => self.refresh(),
                Effect::Fetch { id, request } => self.fetch(id, request),
                Effect::Wake { at } => self.wake = at,
                Effect::Answer { id, result } => {
                    if let Some(answer) = self.waiters.remove(&id) {
                        // Whoever asked may be gone; the deed stands.
                        let _ = answer.send(result);
                    }
                }
                Effect::Change(change) => changes.push(self.dated(change)),
                Effect::SignedOut => self.over(Over::SignedOut),
                Effect::Erase => self.over(Over::ThrownOut),
                Effect::Damaged { why } => damaged = Some(why),
            }
        }
        self.show(changes);
        if let Some(why) = damaged {
            self.rebuild(&why);
        }
    }

    /// Puts the wall time on what is shown.
    fn dated(&self, change: Change) -> Change {
        match change {
            Change::Connection(mut connection) => {
                connection.since = self.driver.clock.now();
                self.driver.status.send_replace(connection.state);
                Change::Connection(connection)
            }
            other => other,
        }
    }

    fn show(&self, changes: Vec<Change>) {
        if !changes.is_empty() {
            self.driver.feed.tell(changes);
            self.driver.moved.send_modify(|moved| *moved += 1);
        }
    }

    fn over(&mut self, over: Over) {
        let _ = self.driver.over.send((self.driver.account.clone(), over));
    }

    fn connect(&mut self, link: u64) {
        let (out, outgoing) = mpsc::unbounded_channel();
        self.out = Some((link, out));
        let wire = self.driver.wire.clone();
        self.spawn("link", async move {
            let code = match socket::open(&wire).await {
                Ok(open) => socket::run(&wire, link, open, outgoing).await,
                Err(Unopened::Blocked) => crate::poll::run(&wire, link, outgoing).await,
                Err(Unopened::Away(code)) => code,
            };
            let _ = wire.inbox.send(Task::Input(Input::Closed { link, code })).await;
        });
    }

    fn refresh(&self) {
        let wire = self.driver.wire.clone();
        self.spawn("refresh", async move {
            let how = match wire.session.renew(&wire.api).await {
                Ok(()) => Refresh::Renewed,
                Err(Fault::SignedOut) => Refresh::Refused,
                Err(_) => Refresh::Unreachable,
            };
            let _ = wire.inbox.send(Task::Input(Input::Refreshed(how))).await;
        });
    }

    fn fetch(&self, id: u64, request: PageRequest) {
        let wire = self.driver.wire.clone();
        self.spawn("page", async move {
            let page = wire.api.page(request).await.map_err(|fault| match fault {
                Fault::Refused(refused) => refused,
                other => Refused::new(Code::Unknown, other.to_string()),
            });
            let _ = wire.inbox.send(Task::Input(Input::Fetched { id, page })).await;
        });
    }

    fn spawn(&self, name: &str, task: impl Future<Output = ()> + Send + 'static) {
        let _inside = self.handle.enter();
        self.driver.tasks.once(name, task);
    }

    /// The store is damaged: carry its outbox over, set it aside, begin anew.
    fn rebuild(&mut self, why: &str) {
        tracing::error!(why, "the store is damaged: set aside and fetched again");
        self.out = None;
        self.machine = None;
        let held = self.driver.reader.hold();
        let opened = self.anew();
        drop(held);
        match opened {
            Ok((machine, effects)) => {
                self.machine = Some(machine);
                self.driver.damaged();
                self.carry_out(effects);
            }
            Err(error) => {
                self.problem("store_broken", &format!("no local store can be made: {error}"));
                for (_, answer) in self.waiters.drain() {
                    let _ = answer.send(Err(Fault::local("store_broken", error.to_string())));
                }
            }
        }
    }

    fn anew(&mut self) -> Result<(Machine, Vec<Effect>)> {
        let driver = &self.driver;
        let store = replace(&driver.path, &driver.key, &driver.account, driver.me, &driver.clock)?;
        let now = driver.clock.ticks();
        Ok(Machine::open_at(store, now.cast_unsigned(), now)?)
    }

    fn problem(&self, code: &str, message: &str) {
        self.show(vec![Change::Problem {
            account: Some(self.driver.account.clone()),
            code: code.to_owned(),
            message: message.to_owned(),
        }]);
    }
}

/// A new store in place of a damaged one, with what could be saved.
pub(crate) fn replace(
    path: &std::path::Path,
    key: &StoreKey,
    account: &str,
    me: UserId,
    clock: &Clock,
) -> Result<Store> {
    let saved = salvage(path, key);
    let broken = |error: std::io::Error| Fault::local("store_broken", error.to_string());
    set_aside(path, clock.now()).map_err(broken)?;
    let mut store = Store::open(path, key, account, Some(me))?;
    store.restore(&saved)?;
    tracing::warn!(unsent = saved.ops.len(), "a new store holds what was unsent");
    Ok(store)
}
