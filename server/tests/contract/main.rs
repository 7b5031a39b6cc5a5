//! What the store promises, on both engines: each test is one function, run twice by `contract!`.

#[path = "../../../tests/src/postgres.rs"]
#[expect(dead_code, reason = "the stories use more of it")]
mod postgres;

#[macro_use]
mod cast;

mod accounts;
mod audit;
mod corpus;
mod digests;
mod direct;
mod epochs;
mod errands;
mod guests;
mod jobs;
mod killed;
mod lanes;
mod later;
mod letters;
mod lists;
mod logs;
mod mails;
mod media;
mod messages;
mod moderation;
mod notices;
mod oidc;
mod programs;
mod promises;
mod pushes;
mod retention;
mod rooms;
mod scheduled;
mod search;
mod settings;
mod tenants;
mod totp;
mod webhooks;
