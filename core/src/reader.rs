//! The reading side of a store: a thread and a connection of its own, so that a timeline or a
//! search never waits for a write, nor a write for them.

use crate::error::{Fault, Result};
use crate::store::{self, Sql, StoreKey, is_damage};
use crate::thread::Task;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::mpsc as std_mpsc;
use tokio::sync::{mpsc, oneshot};

type Job = Box<dyn FnOnce(&Connection) -> bool + Send>;

enum Work {
    Read(Job),
    /// The file is being replaced by another: nothing is read until the other end is gone.
    Hold(std_mpsc::Receiver<()>),
    /// The account is closed.
    Close,
}

/// A handle to the reading thread; it ends with the last handle.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    work: std_mpsc::Sender<Work>,
}

impl Reader {
    /// Starts the thread. `inbox` is told when a read finds the store damaged.
    pub fn start(path: PathBuf, key: StoreKey, inbox: mpsc::Sender<Task>) -> Result<Reader> {
        let (work, jobs) = std_mpsc::channel();
        std::thread::Builder::new()
            .name("reader".into())
            .spawn(move || serve(&path, &key, &jobs, &inbox))
            .map_err(|error| Fault::local("broken", format!("no thread: {error}")))?;
        Ok(Reader { work })
    }

    /// Runs a read and waits for it.
    pub async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Sql<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |conn| {
            let result = job(conn);
            let damaged = result.as_ref().is_err_and(is_damage);
            // Nobody waits any more: fine.
            let _ = answer.send(result);
            damaged
        });
        let closed = || Fault::local("broken", "the account is closed");
        self.work.send(Work::Read(job)).map_err(|_| closed())?;
        Ok(answered.await.map_err(|_| closed())??)
    }

    /// Nothing is read any more, whoever still holds a handle.
    pub fn close(&self) {
        let _ = self.work.send(Work::Close);
    }

    /// Lets the file go; reads wait until what is returned is dropped, and then open it anew.
    pub fn hold(&self) -> std_mpsc::Sender<()> {
        let (held, freed) = std_mpsc::channel();
        let _ = self.work.send(Work::Hold(freed));
        held
    }
}

fn serve(
    path: &std::path::Path,
    key: &StoreKey,
    jobs: &std_mpsc::Receiver<Work>,
    inbox: &mpsc::Sender<Task>,
) {
    let mut conn = None;
    while let Ok(work) = jobs.recv() {
        let job = match work {
            Work::Read(job) => job,
            Work::Hold(freed) => {
                conn = None;
                // An error is what is waited for: the other end is gone.
                let _ = freed.recv();
                continue;
            }
            Work::Close => return,
        };
        if conn.is_none() {
            conn = store::reader(path, key).map_err(|error| tracing::error!(%error, "reader")).ok();
        }
        // Without a connection the job is dropped, and its caller told that the account is closed.
        if let Some(open) = &conn
            && job(open)
        {
            let _ = inbox.blocking_send(Task::Damaged("a page cannot be read".into()));
        }
    }
}
