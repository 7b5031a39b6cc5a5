//! The queue before a lane: bounded, first in first out, woken once.

use super::StoreError;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::time::Duration;

/// Jobs that may wait on one lane; more are refused as `busy` at once.
pub const QUEUE: usize = 8_192;
/// Jobs of one transaction.
pub const BATCH: usize = 512;
/// Bytes of one transaction, as the jobs say of themselves.
pub const BATCH_BYTES: usize = 1024 * 1024;

/// What the lane is asked to do between two batches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Chore {
    /// Begin the log anew.
    Restart,
    /// Empty the log.
    Truncate,
}

/// What a lane takes in one go.
pub struct Taken<T> {
    /// Jobs in order.
    pub items: VecDeque<T>,
    /// What to do after them.
    pub chore: Option<Chore>,
}

/// A queue of `T`; the lane's own type, so that this file knows nothing of jobs.
pub struct Lined<T> {
    state: Mutex<State<T>>,
    filled: Condvar,
    /// Wakes those who only wait for the end.
    closed: Condvar,
}

struct State<T> {
    items: VecDeque<(usize, T)>,
    chore: Option<Chore>,
    /// How many threads wait for jobs.
    idle: usize,
    closed: bool,
    /// Why nothing is taken any more: a disk failed.
    stopped: Option<String>,
}

/// The queue of jobs.
pub type Queue = Lined<super::lane::Item>;

impl<T> Default for Lined<T> {
    fn default() -> Self {
        let state =
            State { items: VecDeque::new(), chore: None, idle: 0, closed: false, stopped: None };
        Lined { state: Mutex::new(state), filled: Condvar::new(), closed: Condvar::new() }
    }
}

impl<T> Lined<T> {
    /// Puts a job of about `bytes` at the end.
    pub fn put(&self, bytes: usize, item: T) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        if let Some(why) = &state.stopped {
            return Err(StoreError::Broken(anyhow::anyhow!("the store stopped: {why}")));
        }
        if state.closed || state.items.len() >= QUEUE {
            return Err(StoreError::Busy);
        }
        state.items.push_back((bytes, item));
        let idle = state.idle;
        drop(state);
        if idle > 0 {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Asks for a chore; a restart is not weakened to a truncation that may wait longer.
    pub fn chore(&self, chore: Chore) {
        let mut state = self.state.lock();
        state.chore.get_or_insert(chore);
        drop(state);
        self.filled.notify_one();
    }

    /// Waits for jobs or a chore; `None` once the queue is closed and empty.
    pub fn take(&self, most: usize) -> Option<Taken<T>> {
        let mut state = self.state.lock();
        while state.items.is_empty() && state.chore.is_none() {
            if state.closed {
                return None;
            }
            state.idle += 1;
            self.filled.wait(&mut state);
            state.idle -= 1;
        }
        let (mut items, mut bytes) = (VecDeque::new(), 0);
        while items.len() < most && bytes < BATCH_BYTES {
            let Some((size, item)) = state.items.pop_front() else { break };
            bytes += size;
            items.push_back(item);
        }
        Some(Taken { items, chore: state.chore.take() })
    }

    /// Nothing more is accepted; what waits is still done.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.filled.notify_all();
        self.closed.notify_all();
    }

    /// Nothing more is accepted, and what waits is handed back to be refused.
    pub fn stop(&self, why: &str) -> Vec<T> {
        let mut state = self.state.lock();
        state.stopped.get_or_insert_with(|| why.to_owned());
        state.items.drain(..).map(|(_, item)| item).collect()
    }

    /// Waits `at_most`, less when the queue closes; false once it is closed.
    pub fn wait_open(&self, at_most: Duration) -> bool {
        let mut state = self.state.lock();
        if !state.closed {
            self.closed.wait_for(&mut state, at_most);
        }
        !state.closed
    }

    /// How many wait.
    pub fn depth(&self) -> usize {
        self.state.lock().items.len()
    }
}
