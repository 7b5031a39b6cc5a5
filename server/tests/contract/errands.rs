//! Jobs whose work happens outside the store: a few at once, bounded, done once whoever dies.

use crate::cast::Stage;
use hallway_kit::Stopper;
use hallway_server::jobs::Bell;
use hallway_server::jobs::outside::{self, Desk, Done};
use hallway_server::store::jobs::{self, Job, Kind, Side};
use parking_lot::Mutex;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore};

contract!(
    p13_the_job_of_a_killed_worker_is_done_once_by_another,
    poison_outside_cannot_loop_and_stops_nobody,
    a_few_run_at_once_and_the_rest_waits,
    what_is_not_over_at_the_end_is_given_back,
    a_lease_that_comes_back_to_its_worker_is_the_same_work,
    what_comes_while_the_worker_sleeps_wakes_it,
);

/// How long anything may take before the test says so.
const PATIENCE: Duration = Duration::from_secs(20);

fn desk(stage: &Stage, budget: fn(Kind) -> Duration) -> Desk {
    let (store, clock) = (stage.store.clone(), stage.clock.clone());
    Desk { store, clock, bell: Arc::new(Bell::default()), node: "node".into(), budget }
}

async fn errand(stage: &Stage, target: &'static str) {
    let added = stage.write(move |tx| jobs::enqueue(tx, None, Kind::Mail, target, None));
    added.await.expect("a job");
}

/// Jobs as they stand: target, state, attempts, error.
async fn jobs_left(stage: &Stage) -> Vec<(String, String, i64, String)> {
    let read = stage.read(|read| {
        read.all(
            "select target, state, attempts, last_error from jobs order by target",
            &[],
            |row| {
                let error = row.get::<Option<String>>(3)?.unwrap_or_default();
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, error))
            },
        )
    });
    read.await.expect("a list")
}

/// Works until `enough`; then the worker is dropped where it stands, as a kill would.
async fn until<R>(desk: Desk, run: impl Fn(Job) -> R, enough: impl Future<Output = ()>)
where
    R: Future<Output = anyhow::Result<Done>> + Send + 'static,
{
    let (_stopper, stop) = Stopper::new();
    tokio::select! {
        _ = outside::work(desk, stop, run) => panic!("nobody stopped it"),
        () = enough => {}
        () = tokio::time::sleep(PATIENCE) => panic!("it took too long"),
    }
}

/// Until no job is left to be done now or later.
async fn all_done(stage: &Stage) {
    while jobs_left(stage).await.iter().any(|job| job.1 != "dead") {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn p13_the_job_of_a_killed_worker_is_done_once_by_another(stage: Arc<Stage>) {
    errand(&stage, "7").await;
    let begun = Arc::new(Notify::new());
    let begins = begun.clone();
    let hangs = move |_| {
        begins.notify_one();
        std::future::pending()
    };
    until(desk(&stage, Kind::budget), hangs, begun.notified()).await;
    assert_eq!(jobs_left(&stage).await, [("7".into(), "leased".into(), 1, String::new())]);
    stage.clock.turn(Duration::from_millis(30_001));
    let done = Arc::new(Mutex::new(Vec::new()));
    let doing = done.clone();
    let works = move |job: Job| {
        doing.lock().push((job.target, job.attempts));
        async { Ok(Done::Finished) }
    };
    until(desk(&stage, Kind::budget), works, all_done(&stage)).await;
    assert_eq!(*done.lock(), [("7".to_owned(), 2)]);
}

async fn poison_outside_cannot_loop_and_stops_nobody(stage: Arc<Stage>) {
    for target in ["1 fails", "2 hangs", "3 gives up", "4 later", "5 works"] {
        errand(&stage, target).await;
    }
    let later = stage.clock.now() + 3_600_000;
    let tried = Arc::new(AtomicUsize::new(0));
    let counted = tried.clone();
    let works = move |job: Job| {
        counted.fetch_add(1, SeqCst);
        async move {
            match &job.target[2..] {
                "fails" => anyhow::bail!("no"),
                "hangs" => std::future::pending().await,
                "gives up" => Ok(Done::GiveUp("never".into())),
                "later" => Ok(Done::Later(later)),
                _ => Ok(Done::Finished),
            }
        }
    };
    let settled = async {
        while jobs_left(&stage).await.iter().any(|job| job.1 == "leased" || job.0 == "5 works") {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    until(desk(&stage, |_| Duration::from_millis(50)), works, settled).await;
    let left = |target: &str, state: &str, attempts: i64, error: &str| {
        (target.to_owned(), state.to_owned(), attempts, error.to_owned())
    };
    let expected = [
        left("1 fails", "pending", 1, "no"),
        left("2 hangs", "pending", 1, "it took longer than 0 s"),
        left("3 gives up", "dead", 1, "never"),
        left("4 later", "pending", 0, ""),
    ];
    assert_eq!(jobs_left(&stage).await, expected);
    assert_eq!(tried.load(SeqCst), 5, "each was tried once");
    let due = stage.read(|read| jobs::next_due(read, Side::Outside)).await.expect("an answer");
    assert!(due.expect("a time") > stage.clock.now() + 40_000);
}

async fn a_few_run_at_once_and_the_rest_waits(stage: Arc<Stage>) {
    for _ in 0..20 {
        errand(&stage, "7").await;
    }
    let (most, now) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let gate = Arc::new(Semaphore::new(0));
    let (highest, present, opened) = (most.clone(), now.clone(), gate.clone());
    let works = move |_| {
        let (highest, present, opened) = (highest.clone(), present.clone(), opened.clone());
        async move {
            highest.fetch_max(present.fetch_add(1, SeqCst) + 1, SeqCst);
            opened.acquire().await?.forget();
            present.fetch_sub(1, SeqCst);
            Ok(Done::Finished)
        }
    };
    let watched = async {
        while now.load(SeqCst) < 8 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        // The other side is not held up by it.
        stage.write(hallway_server::store::chores::begin).await.expect("a job");
        let lent = stage.write(|tx| jobs::lease(tx, "one", Side::Inside, 10)).await;
        for job in lent.expect("a lease") {
            stage.write(move |tx| jobs::finish(tx, &job)).await.expect("done");
        }
        gate.add_permits(20);
        all_done(&stage).await;
    };
    until(desk(&stage, Kind::budget), works, watched).await;
    assert_eq!(most.load(SeqCst), 8);
}

async fn what_is_not_over_at_the_end_is_given_back(stage: Arc<Stage>) {
    errand(&stage, "7").await;
    let (stopper, stop) = Stopper::new();
    let stopper = Arc::new(stopper);
    let stops = move |_| {
        stopper.stop();
        std::future::pending()
    };
    outside::work(desk(&stage, Kind::budget), stop, stops).await.expect("it ends");
    let lent = stage.write(|tx| jobs::lease(tx, "two", Side::Outside, 10)).await;
    let attempts: Vec<_> = lent.expect("a lease").iter().map(|job| job.attempts).collect();
    assert_eq!(attempts, [2], "nobody had to wait for the lease to run out");
}

async fn a_lease_that_comes_back_to_its_worker_is_the_same_work(stage: Arc<Stage>) {
    errand(&stage, "7").await;
    let (begun, gate) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (begins, opened) = (begun.clone(), gate.clone());
    let works = move |_| {
        let opened = opened.clone();
        begins.fetch_add(1, SeqCst);
        async move {
            opened.notified().await;
            Ok(Done::Finished)
        }
    };
    let desk = desk(&stage, Kind::budget);
    let bell = desk.bell.clone();
    let watched = async {
        while begun.load(SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        stage.clock.turn(Duration::from_secs(60));
        bell.ring();
        while jobs_left(&stage).await[0].2 < 2 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        gate.notify_one();
        all_done(&stage).await;
    };
    until(desk, works, watched).await;
    assert_eq!(begun.load(SeqCst), 1);
}

async fn what_comes_while_the_worker_sleeps_wakes_it(stage: Arc<Stage>) {
    let desk = desk(&stage, Kind::budget);
    let bell = desk.bell.clone();
    let done = Arc::new(Notify::new());
    let does = done.clone();
    let works = move |_| {
        does.notify_one();
        async { Ok(Done::Finished) }
    };
    let watched = async {
        for _ in 0..3 {
            errand(&stage, "7").await;
            bell.ring();
            done.notified().await;
            all_done(&stage).await;
        }
    };
    until(desk, works, watched).await;
}
