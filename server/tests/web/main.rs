//! The surface of the server as a stranger meets it: the real binary on a port of its own, spoken
//! to over HTTP and WebSocket by what the wire's description says and nothing else.

mod access;
mod deltas;
mod entrance;
mod house;
mod invites;
mod messages;
mod once;
mod people;
mod refusals;
mod rooms;
mod sockets;
mod sync;
