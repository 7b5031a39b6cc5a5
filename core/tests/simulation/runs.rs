//! Many seeds on two threads, and what is said of the one that failed.

use crate::hub::Wrong;
use crate::world::World;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Seeds of one test run; a planted bug must show within as many.
const SEEDS: u64 = 2_000;
/// Threads: as many as the smallest machine that runs the tests has.
const THREADS: usize = 2;
/// Lines of a trace that are printed, counted from its end; a replay prints all.
const LINES: usize = 200;

/// What is wrong on purpose.
#[derive(Clone, Copy, Debug, Default)]
pub enum Plan {
    /// Nothing.
    #[default]
    AsShipped,
    /// The server.
    Server(Wrong),
    /// One line of the core.
    #[cfg(feature = "planted")]
    Core(hallway_core::planted::Bug),
}

impl Plan {
    /// Plants it, on this thread; answers what the server is to do wrong.
    fn plant(self) -> Option<Wrong> {
        #[cfg(feature = "planted")]
        hallway_core::planted::plant(if let Plan::Core(bug) = self { Some(bug) } else { None });
        if let Plan::Server(wrong) = self { Some(wrong) } else { None }
    }
}

/// A seed that did not hold.
#[derive(Debug)]
pub struct Failure {
    pub seed: u64,
    pub why: String,
    trace: Vec<String>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let most = if replay().is_some() { usize::MAX } else { LINES };
        let skipped = self.trace.len().saturating_sub(most);
        for line in &self.trace[skipped..] {
            writeln!(f, "{line}")?;
        }
        writeln!(f, "seed {}: {}", self.seed, self.why)?;
        write!(f, "replay: HALLWAY_SEED={} cargo test -p hallway-core --test simulation", self.seed)
    }
}

/// How many seeds, by `HALLWAY_SEEDS`.
fn count() -> u64 {
    std::env::var("HALLWAY_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(SEEDS)
}

fn replay() -> Option<u64> {
    std::env::var("HALLWAY_SEED").ok().and_then(|seed| seed.parse().ok())
}

/// Which seeds: one by `HALLWAY_SEED`, or as many as asked for.
pub fn seeds() -> std::ops::Range<u64> {
    match replay() {
        Some(seed) => seed..seed + 1,
        None => 0..count(),
    }
}

/// One history; `Err` says what did not hold.
fn history(plan: Plan, seed: u64, trace: bool) -> Result<u64, (String, Vec<String>)> {
    let mut world = World::begin(seed, plan.plant(), trace);
    let run = catch_unwind(AssertUnwindSafe(|| {
        let busy = 60_000;
        while world.acts > 0 && world.agenda.now < busy {
            world.run(world.agenda.now + 1_000)?;
        }
        if seed.is_multiple_of(16) {
            world.flap(0)?;
        }
        world.end()?;
        if seed.is_multiple_of(4) { world.stay() } else { Ok(()) }
    }));
    let why = match run {
        Ok(Ok(())) => return Ok(world.steps),
        Ok(Err(why)) => why,
        Err(panic) => panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_else(|| "a panic".to_owned()),
    };
    Err((why, world.take_trace()))
}

/// The first seed that fails, with its trace; all of them are tried before the answer is "none".
pub fn search(plan: Plan, seeds: std::ops::Range<u64>) -> Option<Failure> {
    let (next, steps) = (AtomicU64::new(seeds.start), AtomicU64::new(0));
    let found: Mutex<Option<(u64, String)>> = Mutex::new(None);
    // Every failing seed in a line, not only the first one.
    let go_on = std::env::var_os("HALLWAY_GO_ON").is_some();
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    let lowest = found.lock().expect("no panic holds it").as_ref().map(|f| f.0);
                    let enough = lowest.is_some_and(|lowest| lowest < seed) && !go_on;
                    if seed >= seeds.end || enough {
                        return;
                    }
                    match history(plan, seed, false) {
                        Ok(count) => drop(steps.fetch_add(count, Ordering::Relaxed)),
                        Err((why, _)) => {
                            if go_on {
                                println!("seed {seed}: {why}");
                            }
                            let mut found = found.lock().expect("no panic holds it");
                            if found.as_ref().is_none_or(|first| seed < first.0) {
                                *found = Some((seed, why));
                            }
                        }
                    }
                }
            });
        }
    });
    let Some((seed, why)) = found.into_inner().expect("the threads are done") else {
        let steps = steps.load(Ordering::Relaxed);
        println!("{} seeds, {steps} steps in {:.1?}: all held", seeds.count(), began.elapsed());
        return None;
    };
    let trace = history(plan, seed, true).err().map(|(_, trace)| trace).unwrap_or_default();
    Some(Failure { seed, why, trace })
}

/// A planted mistake must be noticed; says how many seeds it took.
pub fn must_find(name: &str, plan: Plan) {
    match search(plan, 0..count()) {
        Some(failure) => {
            println!("{name}: noticed after {} seeds: {}", failure.seed + 1, failure.why)
        }
        None => panic!("{name} was not noticed within {} seeds", count()),
    }
}
