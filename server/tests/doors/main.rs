//! Both doors of the server, from outside: HTTP and socket on the real `serve`, in a folder of its
//! own, on a free port.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod auth;
mod errors;
mod house;
mod keys;
mod limits;
mod rooms;
mod socket;
mod sync;
