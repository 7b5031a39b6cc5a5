//! Readers: a few threads with a connection each, one queue. Each question is a transaction that
//! sees one state, so what a delta says of rows, head and unread belongs together.

use super::engine::{Conn, EngineError};
use super::queue::Lined;
use super::tx::Read;
use super::{Result, StoreError};
use hallway_kit::Clock;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::oneshot;

/// Connections that read: enough to fill two cores while one waits for a page of a disk.
pub const READERS: usize = 3;

/// A question with its caller.
trait Ask: Send {
    fn run(self: Box<Self>, conn: &mut dyn Conn, clock: &Clock);
    fn refuse(self: Box<Self>);
}

struct Question<T, F> {
    job: F,
    to: oneshot::Sender<Result<T>>,
}

impl<T: Send, F: FnOnce(&mut Read<'_>) -> Result<T> + Send> Ask for Question<T, F> {
    fn run(self: Box<Self>, conn: &mut dyn Conn, clock: &Clock) {
        let mut read = Read::new(conn, clock.now());
        let Question { job, to } = *self;
        let done = catch_unwind(AssertUnwindSafe(|| job(&mut read)));
        let done = done
            .unwrap_or_else(|_| Err(StoreError::Broken(anyhow::anyhow!("a question panicked"))));
        let answer = match (done, read.failure()) {
            (_, Some(EngineError::Lost(_) | EngineError::Retry(_))) => Err(StoreError::Busy),
            (Ok(_), Some(error)) => Err(StoreError::Broken(error.into())),
            (done, _) => done,
        };
        // Who asked may be gone.
        let _ = to.send(answer);
    }

    fn refuse(self: Box<Self>) {
        let _ = self.to.send(Err(StoreError::Busy));
    }
}

/// The readers' queue.
#[derive(Default)]
pub struct Readers {
    queue: Lined<Box<dyn Ask>>,
}

impl Readers {
    /// Puts a question in the queue.
    pub fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Read<'_>) -> Result<T> + Send + 'static,
    ) -> (Result<()>, oneshot::Receiver<Result<T>>) {
        let (to, answer) = oneshot::channel();
        (self.queue.put(0, Box::new(Question { job, to })), answer)
    }

    /// Answers questions until the queue closes.
    pub fn run(&self, mut conn: Box<dyn Conn>, clock: &Clock) {
        while let Some(taken) = self.queue.take(1) {
            for question in taken.items {
                match begin(&mut *conn) {
                    Ok(()) => question.run(&mut *conn, clock),
                    Err(error) => {
                        tracing::warn!(%error, "a reader cannot read");
                        question.refuse();
                        continue;
                    }
                }
                if let Err(error) = conn.script("commit") {
                    tracing::debug!(%error, "a question ended without commit");
                    let _ = conn.script("rollback");
                }
            }
        }
    }

    /// How many wait.
    pub fn depth(&self) -> usize {
        self.queue.depth()
    }

    /// Takes nothing more.
    pub fn close(&self) {
        self.queue.close();
    }
}

/// Begins, on a new connection when the old one is gone.
fn begin(conn: &mut dyn Conn) -> super::engine::Outcome<()> {
    match conn.begin_read() {
        Err(EngineError::Lost(_)) => {
            conn.reconnect()?;
            conn.begin_read()
        }
        done => done,
    }
}
