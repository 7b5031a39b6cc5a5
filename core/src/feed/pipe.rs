//! The way of changes from the accounts to whoever shows them: in order, never waiting for the
//! reader, and bounded. A reader that falls too far behind is not sent everything late: what waits
//! is dropped and [`Change::Missed`] says so, as `lag` does on the wire; it then reads anew.

use super::Change;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::Notify;

/// Changes that wait at most, a message counted as one: more than any screen shows, less than memory
/// notices.
const WAITING: usize = 20_000;
/// Changes taken together at most.
const BATCH: usize = 512;

#[derive(Debug, Default)]
struct Pipe {
    queue: Mutex<Queue>,
    moved: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Vec<Change>,
    weight: usize,
    tellers: usize,
}

/// One end: everyone who has something to tell.
#[derive(Debug)]
pub(crate) struct Teller(Arc<Pipe>);

/// What changes, for one who shows it.
#[derive(Debug)]
pub struct Feed(Arc<Pipe>);

/// Both ends of a new feed.
pub(crate) fn pipe() -> (Teller, Feed) {
    let pipe = Arc::new(Pipe::default());
    pipe.queue.lock().tellers = 1;
    (Teller(pipe.clone()), Feed(pipe))
}

impl Teller {
    /// Puts changes behind those that wait. Nobody may be reading.
    pub fn tell(&self, changes: Vec<Change>) {
        let mut queue = self.0.queue.lock();
        queue.weight += changes.iter().map(weight).sum::<usize>();
        if queue.weight > WAITING {
            queue.waiting = vec![Change::Missed];
            queue.weight = 1;
        } else {
            queue.waiting.extend(changes);
        }
        drop(queue);
        self.0.moved.notify_one();
    }
}

fn weight(change: &Change) -> usize {
    match change {
        Change::Messages { rows, .. } => rows.len().max(1),
        _ => 1,
    }
}

impl Clone for Teller {
    fn clone(&self) -> Self {
        self.0.queue.lock().tellers += 1;
        Teller(self.0.clone())
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.0.queue.lock().tellers -= 1;
        self.0.moved.notify_one();
    }
}

impl Feed {
    /// The next changes, in order, as many as there are up to a limit; none once the accounts are
    /// closed.
    pub async fn next(&mut self) -> Option<Vec<Change>> {
        loop {
            let moved = self.0.moved.notified();
            {
                let mut queue = self.0.queue.lock();
                if !queue.waiting.is_empty() {
                    let some = queue.waiting.len().min(BATCH);
                    let taken: Vec<Change> = queue.waiting.drain(..some).collect();
                    queue.weight -= taken.iter().map(weight).sum::<usize>();
                    return Some(taken);
                }
                if queue.tellers == 0 {
                    return None;
                }
            }
            moved.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gone(n: usize) -> Change {
        Change::AccountGone { account: n.to_string() }
    }

    async fn all(feed: &mut Feed) -> Vec<Change> {
        let mut all = Vec::new();
        while let Some(changes) = feed.next().await {
            assert!(changes.len() <= BATCH);
            all.extend(changes);
        }
        all
    }

    #[tokio::test]
    async fn changes_come_in_order_and_end_with_the_last_teller() {
        let (teller, mut feed) = pipe();
        let other = teller.clone();
        for n in 0..WAITING {
            if n % 2 == 0 { &teller } else { &other }.tell(vec![gone(n)]);
        }
        drop((teller, other));
        let expected: Vec<Change> = (0..WAITING).map(gone).collect();
        assert_eq!(all(&mut feed).await, expected);
    }

    #[tokio::test]
    async fn who_does_not_read_is_told_that_it_missed_something_and_hears_what_follows() {
        let (teller, mut feed) = pipe();
        for n in 0..=WAITING {
            teller.tell(vec![gone(n)]);
        }
        teller.tell(vec![gone(7)]);
        drop(teller);
        assert_eq!(all(&mut feed).await, [Change::Missed, gone(7)]);
    }

    #[tokio::test]
    async fn a_reader_that_waits_hears_at_once() {
        let (teller, mut feed) = pipe();
        let tell = async {
            tokio::task::yield_now().await;
            teller.tell(vec![gone(1)]);
        };
        let (heard, ()) = tokio::join!(feed.next(), tell);
        assert_eq!(heard, Some(vec![gone(1)]));
    }
}
