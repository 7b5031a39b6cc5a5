//! What stands around a server: its bucket, the provider it signs people in with, the mail server it
//! sends by, a push service and the browsers behind it, whoever it calls. Each is small and real,
//! speaks its protocol to whoever comes, keeps what it was told, and goes wrong when a test says so.
//!
//! The server's own tests and the stories meet the same ones. So nothing of the server or of the core
//! is used here: Cargo would merge their features, and a mistake would stand on both sides.

#![warn(missing_docs)]

pub mod bucket;
pub mod listener;
pub mod pictures;
pub mod post;
pub mod provider;
pub mod push;
pub mod tls;
pub mod totp;
pub mod wait;

pub use bucket::Bucket;
pub use listener::{Heard, Listener, Reply};
pub use post::{Mail, Post, Secure};
pub use provider::Provider;
pub use wait::{soon, until};
