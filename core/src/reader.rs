//! The reading side of a store: a thread and a connection of its own, so that a timeline or a
//! search never waits for a write, nor a write for them.

use crate::error::{Fault, Result};
use crate::store::{self, Sql, StoreKey, is_damage};
use crate::thread::{Task, said};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc as std_mpsc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

type Job = Box<dyn FnOnce(&Connection) -> bool + Send>;

/// How long whoever replaces the file waits for it to be let go. A read that takes longer goes on in
/// the old file, where a system allows that.
const LET_GO: Duration = Duration::from_secs(5);

enum Work {
    Read(Job),
    /// The file is being replaced by another: it is let go, which is said, and nothing is read until
    /// the other end is gone.
    Hold(std_mpsc::Sender<()>, std_mpsc::Receiver<()>),
    /// The account is closed; said once the file is.
    Close(oneshot::Sender<()>),
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
            let result = of_one_moment(conn, job);
            let damaged = result.as_ref().is_err_and(is_damage);
            // Nobody waits any more: fine.
            let _ = answer.send(result);
            damaged
        });
        let closed = |_| Fault::local("broken", "the account is closed");
        self.work.send(Work::Read(job)).map_err(|_| closed(()))?;
        let lost = |_| Fault::local("broken", "the store was not read");
        Ok(answered.await.map_err(lost)??)
    }

    /// Nothing is read any more, whoever still holds a handle; returns once the file is closed.
    pub async fn close(&self) {
        let (closed, wait) = oneshot::channel();
        if self.work.send(Work::Close(closed)).is_ok() {
            let _ = wait.await;
        }
    }

    /// Lets the file go, and returns once it is; reads wait until what is returned is dropped, and
    /// then open it anew.
    pub fn hold(&self) -> std_mpsc::Sender<()> {
        let (held, freed) = std_mpsc::channel();
        let (gone, let_go) = std_mpsc::channel();
        if self.work.send(Work::Hold(gone, freed)).is_ok() {
            let _ = let_go.recv_timeout(LET_GO);
        }
        held
    }
}

/// Runs a read in one transaction: all its statements see the same commit.
fn of_one_moment<T>(conn: &Connection, job: impl FnOnce(&Connection) -> Sql<T>) -> Sql<T> {
    let moment = conn.unchecked_transaction()?;
    let result = job(&moment)?;
    moment.finish()?;
    Ok(result)
}

fn serve(
    path: &std::path::Path,
    key: &StoreKey,
    jobs: &std_mpsc::Receiver<Work>,
    inbox: &mpsc::Sender<Task>,
) {
    let mut conn = None;
    // Counts the stores that stood at this path: damage is told of the one that was read.
    let mut store = 0;
    while let Ok(work) = jobs.recv() {
        let job = match work {
            Work::Read(job) => job,
            Work::Hold(gone, freed) => {
                conn = None;
                store += 1;
                let _ = gone.send(());
                // An error is what is waited for: the other end is gone.
                let _ = freed.recv();
                continue;
            }
            Work::Close(closed) => {
                drop(conn);
                let _ = closed.send(());
                return;
            }
        };
        if conn.is_none() {
            conn = store::reader(path, key).map_err(|error| tracing::error!(%error, "reader")).ok();
        }
        // Without a connection the job is dropped, and its caller told so.
        let Some(open) = &conn else { continue };
        match catch_unwind(AssertUnwindSafe(|| job(open))) {
            Ok(false) => {}
            Ok(true) => {
                // The core's thread may be waiting for this one; a full inbox hears of the next.
                let why = "a page cannot be read".into();
                let _ = inbox.try_send(Task::Damaged { store, why });
            }
            // A mistake of ours: this read is lost and told so, the next one begins anew.
            Err(panic) => {
                tracing::error!(what = said(&*panic), "a mistake of ours ended a read");
                conn = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use hallway_protocol::ids::UserId;

    const KEY: StoreKey = StoreKey([7; 32]);

    fn reading(folder: &std::path::Path) -> (Store, Reader, mpsc::Receiver<Task>) {
        let path = folder.join("store.db");
        let store = Store::open(&path, &KEY, "a", Some(UserId(3))).unwrap();
        let (inbox, tasks) = mpsc::channel(8);
        (store, Reader::start(path, KEY, inbox).unwrap(), tasks)
    }

    #[tokio::test]
    async fn a_read_sees_one_moment() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, reader, _tasks) = reading(folder.path());
        store.set("epoch", "before").unwrap();
        let read = reader
            .read(move |conn| {
                let first = store::fact(conn, "epoch")?;
                store.set("epoch", "after")?;
                Ok((first, store::fact(conn, "epoch")?))
            })
            .await
            .unwrap();
        assert_eq!(read, (Some("before".into()), Some("before".into())));
        let next = reader.read(|conn| store::fact(conn, "epoch")).await.unwrap();
        assert_eq!(next.as_deref(), Some("after"));
    }

    #[tokio::test]
    async fn damage_is_told_of_the_store_that_was_read() {
        let folder = tempfile::tempdir().unwrap();
        let (_store, reader, mut tasks) = reading(folder.path());
        let broken = |conn: &Connection| conn.query_row("select x from nowhere", [], |_| Ok(()));
        assert!(reader.read(broken).await.is_err());
        drop(reader.hold());
        assert!(reader.read(broken).await.is_err());
        for expected in [0, 1] {
            let Some(Task::Damaged { store, .. }) = tasks.recv().await else { panic!("not told") };
            assert_eq!(store, expected);
        }
    }

    #[tokio::test]
    async fn a_mistake_in_one_read_is_not_the_end_of_reading() {
        let folder = tempfile::tempdir().unwrap();
        let (mut store, reader, _tasks) = reading(folder.path());
        store.set("epoch", "e1").unwrap();
        let mistake = |_: &Connection| -> Sql<()> { panic!("planted") };
        assert_eq!(reader.read(mistake).await.unwrap_err().what(), "broken");
        let read = reader.read(|conn| store::fact(conn, "epoch")).await.unwrap();
        assert_eq!(read.as_deref(), Some("e1"));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_file_is_let_go_before_it_is_moved_or_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let (store, reader, _tasks) = reading(folder.path());
        drop(store);
        let path = folder.path().join("store.db").canonicalize().unwrap();
        let open = || {
            let files = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
            files.filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|file| file == path)).count()
        };
        reader.read(|conn| store::fact(conn, "epoch")).await.unwrap();
        assert_eq!(open(), 1);
        let held = reader.hold();
        assert_eq!(open(), 0);
        drop(held);
        reader.read(|conn| store::fact(conn, "epoch")).await.unwrap();
        reader.close().await;
        assert_eq!(open(), 0);
    }
}
