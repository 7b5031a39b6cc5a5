//! What crosses the wire between a Hallway server and its clients: ids, rows, frames, requests and
//! answers, refusals, limits, and the rules for text that both ends must apply alike.
//!
//! Nothing here reads a clock, a socket or a disk. The normative description is the protocol page
//! of the project; names may be added, never renamed.

#![warn(missing_docs)]

pub mod digest;
pub mod error;
pub mod frames;
pub mod ids;
pub mod limits;
pub mod rest;
pub mod rows;
pub mod search;
pub mod text;
pub mod words;

/// The version of the socket protocol, `v` in `hello` and `welcome`.
pub const VERSION: u32 = 1;
