//! What a lane does when its disk fails, on a connection that does as it is told.

use super::lane::{Call, Item, Lane, Work};
use super::queue::{QUEUE, Queue};
use super::{Needs, Result, StoreError, Trouble, Tx, migrate};
use crate::figures::Lanes;
use crate::store::engine::{Conn, EngineError, Fate, Mark, Outcome, Record, Value};
use hallway_kit::Clock;
use hallway_protocol::ids::Millis;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{oneshot, watch};

/// A connection on which one commit fails.
struct Failing {
    commits: Arc<AtomicUsize>,
    /// The commit that fails, from 1, and how.
    fails: (usize, EngineError),
}

impl Conn for Failing {
    fn exec(&mut self, _: &'static str, _: &[Value<'_>]) -> Outcome<u64> {
        Ok(1)
    }

    fn rows(
        &mut self,
        _: &'static str,
        _: &[Value<'_>],
        _: &mut dyn FnMut(&Record<'_>) -> Outcome<()>,
    ) -> Outcome<()> {
        Ok(())
    }

    fn script(&mut self, sql: &str) -> Outcome<()> {
        if sql == "commit" && self.commits.fetch_add(1, Ordering::SeqCst) + 1 == self.fails.0 {
            return Err(self.fails.1.clone());
        }
        Ok(())
    }

    fn begin(&mut self) -> Outcome<()> {
        Ok(())
    }

    fn begin_batch(&mut self, _: Millis) -> Outcome<Mark> {
        self.begin().map(|()| None)
    }

    fn begin_read(&mut self) -> Outcome<()> {
        Ok(())
    }

    fn lock(&mut self, _: &[i64], _: &[i64]) -> Outcome<()> {
        Ok(())
    }

    fn is_postgres(&self) -> bool {
        false
    }

    fn reconnect(&mut self) -> Outcome<()> {
        Ok(())
    }

    fn fate(&mut self, _: &Mark) -> Fate {
        Fate::Silence
    }

    fn end_log(&mut self, _: bool) -> Outcome<()> {
        Ok(())
    }

    fn timeline(&mut self) -> Outcome<String> {
        Ok(String::new())
    }
    fn is_empty(&mut self) -> Outcome<bool> {
        Ok(false)
    }
}

struct Bench {
    queue: Arc<Queue>,
    commits: Arc<AtomicUsize>,
    trouble: Trouble,
    lane: Option<Lane>,
}

fn bench(fails: (usize, EngineError), folder: Option<std::path::PathBuf>) -> Bench {
    let (queue, commits) = (Arc::new(Queue::default()), Arc::new(AtomicUsize::new(0)));
    let trouble = Trouble(Arc::new(watch::Sender::new(None)), folder);
    let lane = Lane {
        conn: Box::new(Failing { commits: commits.clone(), fails }),
        queue: queue.clone(),
        clock: Clock::system(),
        sink: Arc::new(|_| {}),
        order: Arc::default(),
        figures: Lanes::default(),
        epoch: Arc::default(),
        trouble: trouble.clone(),
    };
    Bench { queue, commits, trouble, lane: Some(lane) }
}

fn ask(queue: &Queue, size: usize) -> (Result<()>, oneshot::Receiver<Result<i64>>) {
    let (to, answer) = oneshot::channel();
    let job = |tx: &mut Tx<'_>| tx.exec("", &[]).map(|n| n.cast_signed());
    let work = Work::Call(Box::new(Call { job, out: None, to }));
    (queue.put(size, Item { needs: Needs::default(), work, alone: false }), answer)
}

#[test]
fn after_a_failed_disk_nothing_is_acknowledged_any_more() {
    let folder = tempfile::tempdir().expect("a folder");
    let failure = (2, EngineError::Io("disk".into()));
    let mut bench = bench(failure, Some(folder.path().to_owned()));
    // More than one batch waits when the second commit fails.
    let asked: Vec<_> = (0..1500).map(|_| ask(&bench.queue, 0)).collect();
    let lane = bench.lane.take().expect("a lane");
    let thread = std::thread::spawn(move || lane.run());
    let mut good = 0;
    for (queued, answer) in asked {
        queued.expect("a place");
        match answer.blocking_recv().expect("an answer") {
            Ok(_) => good += 1,
            Err(StoreError::Broken(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!(good, 512, "the first batch alone");
    assert!(bench.trouble.is_reported());
    assert!(matches!(ask(&bench.queue, 0).0, Err(StoreError::Broken(_))));
    assert!(folder.path().join(migrate::CHECK).exists(), "the next start checks every page");
    bench.queue.close();
    thread.join().expect("no panic");
    assert_eq!(bench.commits.load(Ordering::SeqCst), 2);
}

#[test]
fn a_busy_file_is_tried_again() {
    let mut bench = bench((1, EngineError::Retry("busy".into())), None);
    let (queued, answer) = ask(&bench.queue, 0);
    queued.expect("a place");
    let lane = bench.lane.take().expect("a lane");
    let thread = std::thread::spawn(move || lane.run());
    assert_eq!(answer.blocking_recv().expect("an answer").expect("done"), 1);
    bench.queue.close();
    thread.join().expect("no panic");
    assert!(!bench.trouble.is_reported());
}

#[test]
fn a_commit_of_unknown_outcome_says_so() {
    let mut bench = bench((1, EngineError::Lost("gone".into())), None);
    let (_, answer) = ask(&bench.queue, 0);
    let lane = bench.lane.take().expect("a lane");
    let thread = std::thread::spawn(move || lane.run());
    let answer = answer.blocking_recv().expect("an answer");
    assert!(matches!(answer, Err(StoreError::Lost)), "{answer:?}");
    let (_, next) = ask(&bench.queue, 0);
    next.blocking_recv().expect("an answer").expect("the lane goes on");
    bench.queue.close();
    thread.join().expect("no panic");
}

#[test]
fn a_full_queue_is_busy_at_once_and_a_batch_is_bounded() {
    let bench = bench((0, EngineError::Retry(String::new())), None);
    let large: Vec<_> = (0..3).map(|_| ask(&bench.queue, 600_000)).collect();
    assert_eq!(bench.queue.take(512).expect("a batch").items.len(), 2);
    assert_eq!(bench.queue.take(512).expect("a batch").items.len(), 1);
    drop(large);
    let asked: Vec<_> = (0..QUEUE).map(|_| ask(&bench.queue, 0)).collect();
    assert!(asked.iter().all(|(queued, _)| queued.is_ok()));
    assert!(matches!(ask(&bench.queue, 0).0, Err(StoreError::Busy)));
    assert_eq!(bench.queue.depth(), QUEUE);
}
