//! The core's thread: it owns the machine, takes what happens from one queue, and carries out what
//! the machine asks. It never waits for the network: links, pages and tokens are tasks beside it.

mod guard;
mod rebuild;
mod telling;

pub(crate) use guard::said;

use crate::error::{Fault, Result};
use crate::feed::{Account, LinkState, Teller};
use crate::machine::Machine;
use crate::reader::Reader;
use crate::refusals::Refusals;
use crate::socket::{self, Unopened, Wire};
use crate::store::{Place, is_damage, is_whole};
use crate::world::{Effect, Input, Intent, PageRequest, Refresh};
use hallway_kit::{Clock, Tasks};
use hallway_protocol::error::{Code, Refused};
use hallway_protocol::frames::ClientFrame;
use std::collections::HashMap;
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
    Damaged {
        /// Which of the stores that stood here since the start: only the last one is replaced.
        store: u64,
        /// What was found.
        why: String,
    },
    /// Close everything.
    End(oneshot::Sender<()>),
    /// A mistake of ours, made by a test.
    #[cfg(test)]
    Mistake,
}

/// How an account ended on this device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Over {
    /// The password is needed.
    SignedOut,
    /// Store and key must go.
    ThrownOut,
    /// A mistake of ours ended it again and again; store and key stay.
    Broken,
}

/// Everything the thread needs.
pub(crate) struct Driver {
    pub account: String,
    pub place: Place,
    /// The account as far as it is known without its store.
    pub bare: Account,
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
    /// Joins that somebody waits for.
    pub refusals: Refusals,
    /// How it ended.
    pub over: mpsc::UnboundedSender<(String, Over)>,
}

struct Run {
    driver: Driver,
    machine: Option<Machine>,
    /// Counts the stores that stood here.
    store: u64,
    /// The one that stands there is damaged, and not replaced yet.
    damaged: bool,
    /// Without a machine: when the next attempt to have one is, and how long the last wait was.
    again: Option<(i64, i64)>,
    /// Mistakes of ours that ended a machine: how many in a row, and when the last one was.
    mistakes: (u32, i64),
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
    /// The machine over the store as it is found.
    fn machine(&self) -> Result<(Machine, Vec<Effect>)> {
        let (store, replaced) = self.place.open()?;
        if replaced {
            self.damaged();
        }
        let now = self.clock.ticks();
        let seed = u64::from(std::process::id()) ^ self.clock.now().cast_unsigned();
        match Machine::open_at(store, seed, now) {
            // The damage lies where only the first reading looks.
            Err(error) if is_damage(&error) => {
                self.place.replace()?;
                self.damaged();
                Ok(Machine::open_at(self.place.open()?.0, seed, now)?)
            }
            opened => Ok(opened?),
        }
    }

    /// Starts the thread, and returns once its store is open. It ends on [`Task::End`], or when
    /// nobody can speak to it any more.
    pub async fn start(self, inbox: mpsc::Receiver<Task>) -> Result<()> {
        let handle = Handle::current();
        let broken = |error: std::io::Error| Fault::local("broken", format!("no thread: {error}"));
        // It waits by a clock of its own: the program's runtime may end before its accounts do.
        let timer =
            tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(broken)?;
        let (tell, opened) = oneshot::channel();
        let name = format!("core {}", self.account);
        let body = move || match self.machine() {
            Ok((machine, effects)) => {
                // Whoever opened it may be gone; then nobody speaks to it, and it ends.
                let _ = tell.send(Ok(()));
                Run::new(self, machine, handle).live(&timer, inbox, effects);
            }
            Err(fault) => {
                let _ = tell.send(Err(fault));
            }
        };
        std::thread::Builder::new().name(name).spawn(body).map_err(broken)?;
        opened.await.map_err(|_| Fault::local("broken", "the core's thread ended"))?
    }
}

impl Run {
    fn new(driver: Driver, machine: Machine, handle: Handle) -> Run {
        let now = driver.clock.ticks();
        Run {
            skew: driver.clock.now() - now,
            driver,
            machine: Some(machine),
            store: 0,
            damaged: false,
            again: None,
            mistakes: (0, now),
            out: None,
            waiters: HashMap::new(),
            next: 0,
            wake: now,
            check_at: Some(now + IDLE),
            handle,
        }
    }

    fn live(mut self, timer: &Runtime, mut inbox: mpsc::Receiver<Task>, effects: Vec<Effect>) {
        let begin = move |run: &mut Run| {
            run.carry_out(effects);
            run.step(Input::Wall(run.driver.clock.now()));
            true
        };
        let mut lives = self.guarded(begin);
        while lives {
            lives = self.guarded(|run| run.turn(timer, &mut inbox));
        }
    }

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
        if self.again.is_some_and(|(at, _)| at <= now) {
            self.begin_again();
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
            Ok(Some(Task::Damaged { store, why })) if store == self.store => self.rebuild(&why),
            Ok(Some(Task::Damaged { .. })) => {}
            Ok(Some(Task::End(ended))) => {
                self.out = None;
                if let Some(machine) = self.machine.take() {
                    // Best effort: the log is read at the next start as well.
                    let _ = machine.store().tidy();
                }
                let _ = ended.send(());
                return false;
            }
            #[cfg(test)]
            Ok(Some(Task::Mistake)) => panic!("planted"),
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
        let (place, inbox, store) = (driver.place.clone(), driver.wire.inbox.clone(), self.store);
        self.spawn("check", async move {
            let look = move || is_whole(&place.path, &place.key);
            if matches!(tokio::task::spawn_blocking(look).await, Ok(false)) {
                let why = "the integrity check failed".into();
                let _ = inbox.send(Task::Damaged { store, why }).await;
            }
        });
    }

    fn step(&mut self, input: Input) {
        let now = self.driver.clock.ticks();
        self.wake = now + TICK;
        let Some(machine) = &mut self.machine else { return };
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
                Effect::Refused { key, joins, why } => {
                    changes.extend(self.driver.refused(&key, joins, why));
                }
                Effect::Change(change) => changes.extend(self.told(change)),
                Effect::SignedOut => self.over(Over::SignedOut),
                Effect::Erase => self.over(Over::ThrownOut),
                Effect::Damaged { why } => damaged = Some(why),
            }
        }
        self.driver.show(changes);
        if let Some(why) = damaged {
            self.rebuild(&why);
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
            let run = async {
                match socket::open(&wire).await {
                    Ok(open) => socket::run(&wire, link, open, outgoing).await,
                    Err(Unopened::Blocked) => crate::poll::run(&wire, link, outgoing).await,
                    Err(Unopened::Away(code)) => code,
                }
            };
            let code = guard::or_else(run, || None).await;
            let _ = wire.inbox.send(Task::Input(Input::Closed { link, code })).await;
        });
    }

    fn refresh(&self) {
        let wire = self.driver.wire.clone();
        self.spawn("refresh", async move {
            let run = async {
                match wire.session.renew(&wire.api).await {
                    Ok(()) => Refresh::Renewed,
                    Err(Fault::SignedOut) => Refresh::Refused,
                    Err(_) => Refresh::Unreachable,
                }
            };
            let how = guard::or_else(run, || Refresh::Unreachable).await;
            let _ = wire.inbox.send(Task::Input(Input::Refreshed(how))).await;
        });
    }

    fn fetch(&self, id: u64, request: PageRequest) {
        let wire = self.driver.wire.clone();
        self.spawn("page", async move {
            let mistake = || Err(Fault::Offline);
            let page = guard::or_else(wire.api.page(request), mistake).await;
            let page = page.map_err(|fault| match fault {
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
}

#[cfg(test)]
mod tests;
