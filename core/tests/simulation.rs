//! The shipped machine (engine, apply, outbox, a real store in memory) in a seeded world: several
//! devices, a server made from the protocol page alone, links that lose, delay and reorder, crashes
//! of everything. After each step and at the end the invariants of the sync design are checked.
//!
//! `HALLWAY_SEEDS=100000` runs more of them; `HALLWAY_SEED=17` runs one and prints its trace.

#[path = "simulation/acts.rs"]
mod acts;
#[path = "simulation/agenda.rs"]
mod agenda;
#[path = "simulation/checks.rs"]
mod checks;
#[path = "simulation/client.rs"]
mod client;
#[path = "simulation/data.rs"]
mod data;
#[path = "simulation/ending.rs"]
mod ending;
#[path = "simulation/hub.rs"]
mod hub;
#[path = "simulation/reading.rs"]
mod reading;
#[path = "simulation/rng.rs"]
mod rng;
#[path = "simulation/rooms.rs"]
mod rooms;
#[path = "simulation/runs.rs"]
mod runs;
#[path = "simulation/screen.rs"]
mod screen;
#[path = "simulation/serving.rs"]
mod serving;
#[path = "simulation/world.rs"]
mod world;

use hub::WRONGS;
use runs::Plan;

/// The rules as they are shipped hold in every history.
#[test]
fn everything_arrives_once_whatever_breaks() {
    if let Some(failure) = runs::search(Plan::default(), runs::seeds()) {
        panic!("{failure}");
    }
}

/// A mistake of the server is noticed within the same number of seeds.
#[test]
fn mistakes_of_the_server_are_noticed() {
    for wrong in WRONGS {
        runs::must_find(&format!("{wrong:?}"), Plan::Server(wrong));
    }
}

/// And so is a mistake of the core, one wrong line at a time.
#[cfg(feature = "planted")]
#[test]
fn mistakes_of_the_core_are_noticed() {
    for bug in hallway_core::planted::ALL {
        runs::must_find(&format!("{bug:?}"), Plan::Core(bug));
    }
}
