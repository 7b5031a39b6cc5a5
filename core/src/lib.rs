//! The core of a Hallway client: everything but the window.
//!
//! An account is a store on this device, a pure [`engine`] that decides, and a thread that drives
//! both ([`machine`]); sockets and REST are tasks beside it that only bring inputs and carry out
//! effects. What a person does is on disk before it is answered; what the server says enters by one
//! door ([`apply`]), and everything that is shown comes out of the store, by the [`feed`].

#![warn(missing_docs)]

mod account;
mod accounts;
mod api;
mod apply;
mod commands;
mod coverage;
mod day;
pub mod engine;
pub mod error;
pub mod feed;
mod held;
mod lists;
pub mod machine;
pub mod markup;
mod notify;
pub mod op;
pub mod outbox;
pub mod planted;
mod poll;
mod profile;
mod reader;
mod refusals;
pub mod room;
mod search;
pub mod secrets;
mod session;
mod signing;
mod socket;
pub mod store;
mod thread;
mod timeline;
pub mod world;

pub use account::Core;
pub use accounts::{Accounts, Options};
pub use api::{Api, normalised};
pub use error::{Fault, Result};
pub use feed::Feed;
pub use machine::Machine;
pub use profile::{make_private, private_file};
pub use signing::{Checked, Proof};
pub use store::Store;
pub use timeline::Ask;
pub use world::Target;
