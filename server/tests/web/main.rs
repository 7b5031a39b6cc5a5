//! The surface of the server as a stranger meets it: spoken to over HTTP and WebSocket by what the
//! wire's description says. What it did is asked of the server itself, never looked up in its store.

#[path = "../../../tests/src/postgres.rs"]
#[expect(dead_code, reason = "the stories use more of it")]
mod postgres;

mod access;
mod around;
mod backup;
mod bots;
mod bucket;
mod calls;
mod cast;
mod check;
mod commands;
mod deltas;
mod description;
mod digest;
mod digests;
mod direct;
mod entrance;
mod export;
mod front;
mod guests;
mod hooks;
mod house;
mod invites;
mod isolation;
mod keys;
mod later;
mod letter;
mod letters;
mod limits;
mod lists;
mod mails;
mod media;
mod messages;
mod moderation;
mod notices;
mod oidc;
mod once;
mod operate;
mod outbound;
mod people;
mod pictures;
mod places;
mod presence;
mod previews;
mod process;
mod push;
mod record;
mod refusals;
mod roles;
mod rooms;
mod search;
mod secure;
mod sessions;
mod settings;
mod shelves;
mod sockets;
mod strays;
mod sync;
mod talk;
mod tenants;
mod totp;
mod traces;
mod webhooks;
