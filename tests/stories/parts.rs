//! The parts of the server, each with its story by the public interface alone. What belongs to one of
//! the older designs is walked there.
//!
//! | part | its story |
//! |---|---|
//! | the digest of the heartbeat | [`heartbeat`] |
//! | mail, guests | `designs/messenger/accounts.rs`, `designs/walk_in_rooms.rs` |
//! | tenants | `designs/tenant_api/tenants.rs` |
//! | media | `designs/messenger/files.rs`; in a bucket of S3: [`bucket`] |
//! | jobs | `designs/tenant_api/deliveries.rs`, `designs/messenger/workers.rs` |
//! | notices | `designs/messenger/workers.rs`; Web Push, quiet hours: [`push`] |
//! | scheduled messages, reminders, saved ones | [`later`] |
//! | search | [`searching`] |
//! | hooks: outgoing | `designs/tenant_api/deliveries.rs` |
//! | hooks: incoming, bots, commands; link previews | [`hooks`] |
//! | rooms: who posts, how fast, how long it is kept, from when it is seen | [`rules`]; ephemeral ones: `designs/walk_in_rooms.rs` |
//! | rooms of many | [`crowd`] |
//! | moderation | [`moderation`] |
//! | second factor | [`second_factor`]; OpenID Connect: [`provider`] |
//! | TLS by files, proxies | [`door`] |
//! | the operator's program | [`operator`]; backup and restore: `designs/tenant_api/operation.rs` |

mod bucket;
mod crowd;
mod door;
mod heartbeat;
mod hooks;
mod later;
mod moderation;
mod operator;
pub mod provider;
mod push;
mod rules;
mod searching;
mod second_factor;
