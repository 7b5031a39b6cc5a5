//! Jobs whose work happens outside the store: mail, and whatever else talks to others. A few run at
//! once inside the one task, each bounded in time and under a lease that is renewed while it runs.
//! An attempt may happen twice when a node dies in the middle; its *outcome* is written once, by
//! whoever holds the lease. The cost is that such work must bear repetition.

use super::{Bell, wait};
use crate::store::jobs::{self, Job, Kind, Side};
use crate::store::{Needs, Store, StoreError};
use futures_util::stream::{FuturesUnordered, StreamExt};
use futures_util::{FutureExt, future::BoxFuture};
use hallway_kit::{Clock, Stop};
use hallway_protocol::ids::Millis;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// So many at once: they mostly wait for others.
const AT_ONCE: usize = 8;
/// A lease of 30 s is renewed so often while the work runs.
const RENEWED: Duration = Duration::from_secs(10);
/// After a refusal of the store it is asked again so much later.
const AGAIN: Duration = Duration::from_millis(250);
/// How often an outcome is offered to a store that is busy; then the lease runs out.
const OFFERS: u32 = 8;
/// At the end what runs may end by itself for so long; what does not is given back.
const GRACE: Duration = Duration::from_millis(500);

/// What became of an attempt; an error is a failure, after which it comes again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Done {
    /// Done; the job goes away.
    Finished,
    /// The same again at that time, its attempts anew.
    Later(Millis),
    /// No attempt would ever succeed: a dead letter at once.
    GiveUp(String),
}

/// What the worker works with.
#[derive(Clone)]
pub struct Desk {
    /// Where the jobs are.
    pub store: Store,
    /// Its clock.
    pub clock: Clock,
    /// Rung when there is work.
    pub bell: Arc<Bell>,
    /// Who it is, for people; a lease carries it with something random.
    pub node: String,
    /// How long an attempt of a kind may take.
    pub budget: fn(Kind) -> Duration,
}

/// A job as it is lent now: the clock may jump past a lease, and it comes back as another one.
type Lent = Arc<Mutex<Job>>;

/// A name that no other worker has, be its address the same.
pub(super) fn named(node: &str) -> String {
    format!("{node}/{:016x}", rand::random::<u64>())
}

/// Leases jobs outside the store and does them with `run`, a few at once, until the end.
pub async fn work<F, R>(desk: Desk, mut stop: Stop, run: F) -> Result<(), Infallible>
where
    F: Fn(Job) -> R,
    R: Future<Output = anyhow::Result<Done>> + Send + 'static,
{
    let node = named(&desk.node);
    let mut lent: HashMap<String, Lent> = HashMap::new();
    let mut running: FuturesUnordered<BoxFuture<'static, (String, Written)>> =
        FuturesUnordered::new();
    while !stop.is_heard() {
        let (jobs, sleep) = taken(&desk, &node, AT_ONCE - running.len()).await;
        for job in jobs {
            if let Some(known) = lent.get(&job.id) {
                *known.lock() = job;
                continue;
            }
            let work = run(job.clone());
            let (id, job) = (job.id.clone(), Arc::new(Mutex::new(job)));
            lent.insert(id, job.clone());
            running.push(attempt(desk.clone(), job, work).boxed());
        }
        tokio::select! {
            Some((id, written)) = running.next() => {
                let Some(known) = lent.remove(&id) else { continue };
                let job = known.lock().clone();
                // Its end was written, and before we heard of that it was lent to us once more.
                if written.is_some_and(|attempts| attempts != job.attempts) {
                    let work = run(job.clone());
                    lent.insert(id, known.clone());
                    running.push(attempt(desk.clone(), known, work).boxed());
                }
            }
            () = desk.bell.outside.notified() => {}
            () = tokio::time::sleep(sleep) => {}
            () = stop.heard() => {}
        }
    }
    let ending = async {
        while let Some((id, _)) = running.next().await {
            lent.remove(&id);
        }
    };
    // What is not over then is dropped where it stands.
    let _ = tokio::time::timeout(GRACE, ending).await;
    drop(running);
    for job in lent.into_values() {
        let job = job.lock().clone();
        // Without this it would wait for its lease to run out, and no more.
        let _ = desk.store.write(Needs::default(), move |tx| jobs::give_back(tx, &job)).await;
    }
    Ok(())
}

/// Jobs for the free hands, and how long to sleep when none comes.
async fn taken(desk: &Desk, node: &str, free: usize) -> (Vec<Job>, Duration) {
    if free == 0 {
        return (Vec::new(), wait(None, 0));
    }
    let name = node.to_owned();
    let leased = desk
        .store
        .write(Needs::default(), move |tx| jobs::lease(tx, &name, Side::Outside, free))
        .await;
    let due = desk.store.read(|read| jobs::next_due(read, Side::Outside)).await;
    match (leased, due) {
        // As many as hands: the next one is taken when one of them is free.
        (Ok(jobs), _) if jobs.len() == free => (jobs, wait(None, 0)),
        (Ok(jobs), Ok(due)) => (jobs, wait(due, desk.clock.now())),
        (Ok(jobs), Err(_)) => (jobs, AGAIN),
        (Err(error), _) => {
            tracing::warn!(%error, "no jobs could be taken");
            (Vec::new(), AGAIN)
        }
    }
}

/// The attempt whose end was written; none where it could not be.
type Written = Option<i64>;

/// One attempt with its bookkeeping; the id of its job, and what was written.
async fn attempt(
    desk: Desk,
    lent: Lent,
    work: impl Future<Output = anyhow::Result<Done>> + Send + 'static,
) -> (String, Written) {
    let (id, kind) = {
        let job = lent.lock();
        (job.id.clone(), job.kind)
    };
    // What panics is poison of one job, not the end of the others.
    let work = AssertUnwindSafe(work).catch_unwind();
    let limit = kind.map_or(Duration::ZERO, desk.budget);
    let done = tokio::select! {
        done = tokio::time::timeout(limit, work) => done,
        () = lost(&desk, &lent) => return (id, None),
    };
    let done = match done {
        Ok(Ok(done)) => done,
        Ok(Err(_)) => Err(anyhow::anyhow!("it panicked")),
        Err(_) => Err(anyhow::anyhow!("it took longer than {} s", limit.as_secs())),
    };
    let written = settle(&desk.store, &lent, done.map_err(|error| format!("{error:#}"))).await;
    (id, written)
}

/// Renews the lease, and returns when it is another's.
async fn lost(desk: &Desk, lent: &Lent) {
    loop {
        tokio::time::sleep(RENEWED).await;
        let job = lent.lock().clone();
        let renewed = desk.store.write(Needs::default(), move |tx| jobs::renew(tx, &job));
        if let Err(StoreError::Conflict(_)) = renewed.await {
            return;
        }
    }
}

/// Writes down what became of an attempt, unless the job is another's by now.
async fn settle(store: &Store, lent: &Lent, done: Result<Done, String>) -> Written {
    let job = lent.lock().clone();
    match &done {
        Ok(Done::GiveUp(why)) => tracing::warn!(?job, why, "a job is given up"),
        Err(why) => tracing::warn!(?job, why, "a job failed"),
        Ok(_) => {}
    }
    for _ in 0..OFFERS {
        let (job, done) = (lent.lock().clone(), done.clone());
        let (ours, attempts) = (job.clone(), job.attempts);
        let written = store.write(Needs::default(), move |tx| match &done {
            Ok(Done::Finished) => jobs::finish(tx, &ours),
            Ok(Done::Later(at)) => jobs::later(tx, &ours, *at),
            Ok(Done::GiveUp(why)) => jobs::give_up(tx, &ours, why),
            Err(why) => jobs::fail(tx, &ours, why),
        });
        match written.await {
            Err(StoreError::Busy | StoreError::Lost) => tokio::time::sleep(AGAIN).await,
            // Lent anew to us in between, as after a jump of the clock.
            Err(StoreError::Conflict(_)) if *lent.lock() != job => {}
            Ok(()) => return Some(attempts),
            Err(StoreError::Conflict(_)) => return None,
            Err(error) => {
                tracing::error!(%error, ?job, "what became of a job could not be written");
                return None;
            }
        }
    }
    None
}
