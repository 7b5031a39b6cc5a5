//! A lane: one thread, one connection, batches of jobs in one transaction each. It takes what is
//! queued, commits once, lets the events leave in order and then answers its callers: group commit
//! without an artificial wait. Jobs may run twice, so they are `FnMut` without outside effects.

use super::append::{Append, Post};
use super::engine::{Conn, EngineError, Fate, Mark, Outcome};
use super::order::Order;
use super::queue::{BATCH, Chore, Queue};
use super::tx::{Guard, Tx};
use super::{Event, Needs, Result, Sink, StoreError, Trouble, migrate};
use crate::figures::Lanes;
use hallway_kit::Clock;
use parking_lot::RwLock;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How often a batch that met a deadlock or a busy file is tried.
const TRIES: u32 = 20;
/// Waits for a database that restarts: 40 times 250 ms.
const RECONNECTS: u32 = 40;
/// See [`RECONNECTS`]; a test does not wait for what will not come.
const RECONNECT: Duration = Duration::from_millis(if cfg!(test) { 2 } else { 250 });

/// A job in the queue.
pub struct Item {
    pub needs: Needs,
    pub work: Work,
    /// It turned out to need more than it said: it runs in a transaction of its own.
    pub alone: bool,
}

/// What is to be done.
pub enum Work {
    /// Any store function.
    Call(Box<dyn Job>),
    /// A message: neighbours in the queue share what they look up.
    Post(Box<Post>),
}

/// A store function with its caller.
pub trait Job: Send {
    /// Does it. May be called again after a rollback.
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()>;
    /// Answers the caller; without a refusal, with what the last run left.
    fn answer(self: Box<Self>, refused: Option<StoreError>);
}

/// The only [`Job`] there is.
pub struct Call<T, F> {
    pub job: F,
    pub out: Option<T>,
    pub to: oneshot::Sender<Result<T>>,
}

impl<T: Send, F: FnMut(&mut Tx<'_>) -> Result<T> + Send> Job for Call<T, F> {
    fn run(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        self.out = None;
        self.out = Some((self.job)(tx)?);
        Ok(())
    }

    fn answer(self: Box<Self>, refused: Option<StoreError>) {
        let answer = match (refused, self.out) {
            (Some(refused), _) => Err(refused),
            (None, Some(out)) => Ok(out),
            (None, None) => Err(StoreError::Lost),
        };
        // Who asked may be gone; the change stands.
        let _ = self.to.send(answer);
    }
}

impl Item {
    fn answer(self, refused: Option<StoreError>) {
        match self.work {
            Work::Call(job) => job.answer(refused),
            Work::Post(post) => post.answer(refused),
        }
    }
}

/// What a lane works with.
pub struct Lane {
    pub conn: Box<dyn Conn>,
    pub queue: Arc<Queue>,
    pub clock: Clock,
    pub sink: Sink,
    pub order: Arc<Order>,
    pub figures: Lanes,
    pub epoch: Arc<RwLock<String>>,
    pub trouble: Trouble,
}

/// One attempt at a transaction.
#[derive(Default)]
struct Attempt {
    mark: Mark,
    results: Vec<Option<StoreError>>,
    events: Vec<Event>,
    ticket: Option<u64>,
    committing: bool,
}

/// What became of one job.
enum Step {
    Done(Option<StoreError>),
    /// It needs more, and has left nothing behind.
    Short(Needs),
}

impl Lane {
    /// Works until the queue is closed and empty.
    pub fn run(mut self) {
        while let Some(taken) = self.queue.take(BATCH) {
            self.figures.batch.observe(taken.items.len() as f64);
            let mut items: Vec<Item> = taken.items.into();
            while !items.is_empty() && !self.trouble.is_reported() {
                items = self.round(items);
            }
            items.into_iter().for_each(|item| item.answer(Some(broken("the store stopped"))));
            if let Some(chore) = taken.chore
                && let Err(error) = self.conn.end_log(chore == Chore::Truncate)
            {
                tracing::debug!(%error, ?chore, "the log could not be ended now");
            }
        }
    }

    /// Does as many from the front as one transaction may hold; the rest comes back.
    fn round(&mut self, mut items: Vec<Item>) -> Vec<Item> {
        let alone = items.iter().position(|item| item.alone);
        let count = match alone {
            Some(0) => 1,
            Some(n) => n,
            None => items.len(),
        };
        let (mut attempt, mut guard, mut tries) = (Attempt::default(), self.lean(), 0);
        let began = Instant::now();
        let refused = loop {
            let Err(error) = self.attempt(&mut items[..count], guard, &mut attempt) else {
                break None;
            };
            self.figures.again.inc();
            tries += 1;
            match self.after(&error, &mut attempt, &mut guard, tries) {
                Next::Deliver => break None,
                Next::Again => {}
                Next::Refuse(refuse) => break Some((refuse, error)),
            }
        };
        if let Some((refuse, error)) = refused {
            let rest = items.split_off(count);
            tracing::error!(%error, jobs = count, "a batch was refused");
            items.into_iter().for_each(|item| item.answer(Some(refuse(&error))));
            return rest;
        }
        self.figures.transaction.observe(began.elapsed().as_secs_f64());
        self.deliver(items, attempt)
    }

    fn deliver(&self, mut items: Vec<Item>, attempt: Attempt) -> Vec<Item> {
        let rest = items.split_off(attempt.results.len());
        if let Some(ticket) = attempt.ticket {
            self.order.turn(ticket, || (self.sink)(attempt.events));
        }
        for (item, refused) in items.into_iter().zip(attempt.results) {
            item.answer(refused);
        }
        rest
    }

    fn lean(&self) -> Guard {
        if self.conn.is_postgres() { Guard::None } else { Guard::Write }
    }

    fn attempt(&mut self, items: &mut [Item], guard: Guard, it: &mut Attempt) -> Outcome<()> {
        *it = Attempt::default();
        it.mark = self.conn.begin_batch(self.clock.now())?;
        let mut held = Needs::default();
        items.iter().for_each(|item| held.grow(&item.needs));
        let rooms: Vec<i64> = held.rooms.iter().map(|room| room.0).collect();
        let people: Vec<i64> = held.people.iter().map(|person| person.0).collect();
        self.conn.lock(&rooms, &people)?;
        let mut append = Append::default();
        for item in items.iter_mut() {
            if guard == Guard::Start || matches!(item.work, Work::Call(_)) {
                self.flush(&mut append)?;
            }
            let step = match &mut item.work {
                Work::Call(job) => {
                    self.step(&held, guard, &mut it.events, &mut |tx| job.run(tx))?
                }
                Work::Post(post) => {
                    // Posts refuse before they write, so they go without a savepoint until one
                    // has failed.
                    let guard = if guard == Guard::Start { guard } else { Guard::None };
                    self.step(&held, guard, &mut it.events, &mut |tx| post.run(tx, &mut append))?
                }
            };
            match step {
                Step::Done(refused) => it.results.push(refused),
                Step::Short(more) => {
                    item.needs.grow(&more);
                    item.alone = true;
                    break;
                }
            }
        }
        self.flush(&mut append)?;
        // Taken under the locks: whoever gets them next gets a later one.
        it.ticket = if it.events.is_empty() { None } else { Some(self.order.ticket()) };
        it.committing = true;
        self.conn.script("commit")
    }

    /// Runs one job and undoes it when it refuses.
    fn step(
        &mut self,
        held: &Needs,
        guard: Guard,
        events: &mut Vec<Event>,
        run: &mut dyn FnMut(&mut Tx<'_>) -> Result<()>,
    ) -> Outcome<Step> {
        let sent = events.len();
        let mut tx = Tx::new(&mut *self.conn, self.clock.now(), events, held, guard)?;
        let done = catch_unwind(AssertUnwindSafe(|| run(&mut tx)));
        let panicked = done.is_err();
        let done = done.unwrap_or_else(|_| Err(broken("a job panicked")));
        let left = tx.left();
        let refused = match (done, &left.failure) {
            (_, Some(e @ (EngineError::Lost(_) | EngineError::Io(_) | EngineError::Retry(_)))) => {
                return Err(e.clone());
            }
            (Ok(()), Some(e)) => broken(&format!("a job swallowed an error: {e}")),
            (Err(refused), _) => refused,
            (Ok(()), None) => {
                if left.guarded {
                    self.conn.script("release job")?;
                }
                return Ok(Step::Done(None));
            }
        };
        events.truncate(sent);
        if left.guarded {
            self.conn.script("rollback to job")?;
            self.conn.script("release job")?;
        } else if left.wrote || panicked || left.failure.is_some() {
            // Nothing to go back to: the batch runs again with a savepoint before each job.
            return Err(left.failure.unwrap_or_else(|| EngineError::Failed(refused.to_string())));
        }
        let short = left.short.rooms.len() + left.short.people.len() > 0;
        Ok(if short { Step::Short(left.short) } else { Step::Done(Some(refused)) })
    }

    fn flush(&mut self, append: &mut Append) -> Outcome<()> {
        append.flush(&mut *self.conn)
    }

    /// What to do after a failed attempt; the connection is ready for the next when it is `Again`.
    fn after(&mut self, e: &EngineError, it: &mut Attempt, guard: &mut Guard, tries: u32) -> Next {
        if let EngineError::Io(why) = e {
            self.void(it);
            return self.stop(why);
        }
        if !matches!(e, EngineError::Lost(_)) && self.conn.script("rollback").is_ok() {
            self.void(it);
            return match e {
                EngineError::Retry(_) if tries >= TRIES => Next::Refuse(|_| StoreError::Busy),
                EngineError::Retry(_) => {
                    std::thread::sleep(Duration::from_millis(u64::from(tries)));
                    *guard = if tries > 1 { Guard::Start } else { *guard };
                    Next::Again
                }
                _ if *guard == Guard::Start => Next::Refuse(|e| broken(&e.to_string())),
                _ => {
                    *guard = Guard::Start;
                    Next::Again
                }
            };
        }
        let known = self.reconnect(it);
        if known != Some(true) {
            self.void(it);
        }
        match known {
            Some(true) => Next::Deliver,
            Some(false) if tries < TRIES => Next::Again,
            Some(false) => Next::Refuse(|_| StoreError::Busy),
            None => Next::Refuse(|_| StoreError::Lost),
        }
    }

    /// Connects anew; whether the transaction was committed after all, when that can be known.
    fn reconnect(&mut self, it: &Attempt) -> Option<bool> {
        for _ in 0..RECONNECTS {
            if self.conn.reconnect().and_then(|()| self.epoch_again()).is_ok() {
                if !it.committing {
                    return Some(false);
                }
                match self.conn.fate(&it.mark) {
                    Fate::Committed => return Some(true),
                    Fate::Aborted => return Some(false),
                    Fate::Silence => {}
                }
            }
            std::thread::sleep(RECONNECT);
        }
        if it.committing { None } else { Some(false) }
    }

    /// After a connection broke another server may have taken over, on another timeline.
    fn epoch_again(&mut self) -> Outcome<()> {
        self.conn.begin()?;
        let epoch = migrate::epoch(&mut *self.conn)?;
        self.conn.script("commit")?;
        *self.epoch.write() = epoch;
        Ok(())
    }

    fn void(&self, it: &mut Attempt) {
        if let Some(ticket) = it.ticket.take() {
            self.order.turn(ticket, || {});
        }
    }

    /// A disk failed: refuses what waits and whatever comes.
    fn stop(&self, why: &str) -> Next {
        self.trouble.report(why);
        for item in self.queue.stop(why) {
            item.answer(Some(broken("the store stopped")));
        }
        Next::Refuse(|e| broken(&e.to_string()))
    }
}

/// How a round goes on.
enum Next {
    Deliver,
    Again,
    Refuse(fn(&EngineError) -> StoreError),
}

fn broken(why: &str) -> StoreError {
    StoreError::Broken(anyhow::anyhow!(why.to_owned()))
}
