//! The harness of the stories: the real server as a process, real cores, a link that can be cut, a
//! client that speaks the wire, and a fixed cast. Nothing here is a mock, and nothing waits for time
//! to pass: every wait is for something that will be told, with a deadline.
//!
//! It depends on `hallway-core` and `hallway-protocol` and never on the server: Cargo would merge
//! the SQLite features of both.

#![warn(missing_docs)]

pub mod cast;
pub mod chat;
pub mod cipher;
pub mod files;
pub mod hand;
pub mod house;
pub mod link;
pub mod postgres;
pub mod rest;
pub mod screen;
pub mod server;
pub mod wire;

pub use cast::Person;
pub use chat::{Chat, Device};
pub use hallway_outside::{Bucket, Heard, Listener, Post, Provider, Reply, soon, until, wait};
pub use hand::Hand;
pub use house::House;
pub use link::Link;
pub use rest::{Answer, Rest};
pub use screen::{Glass, Line, Screen};
pub use server::{Engine, Server, Setup};
pub use wire::Socket;

use parking_lot::Mutex;
use std::sync::Once;

/// Panics of threads that are no test: of a core, a runtime worker, a proxy.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// From here on a panic outside the tests' own threads is remembered.
pub fn watch_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let thread = std::thread::current();
            // The test runner names a test's thread by the test's path.
            if !thread.name().is_some_and(|name| name.contains("::") || name == "main") {
                PANICS.lock().push(info.to_string());
            }
            before(info);
        }));
    });
}

/// Fails the test if anything beside it panicked.
pub fn no_panics() {
    let panics = std::mem::take(&mut *PANICS.lock());
    assert!(panics.is_empty() || std::thread::panicking(), "something panicked: {panics:#?}");
}
