//! What the standard library lacks and no floor of the house owns: a clock that tests can turn,
//! back-off with jitter, and supervised tasks. No word of messaging stands here.

#![warn(missing_docs)]

mod backoff;
mod clock;
mod tasks;

pub use backoff::Backoff;
pub use clock::Clock;
pub use tasks::{Stop, Stopper, Tasks};
