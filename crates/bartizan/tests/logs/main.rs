//! The kind `logs`, case by case: its wire contract against a running server.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

#[path = "../flows/client.rs"]
mod client;
#[path = "../common/mod.rs"]
mod common;

mod detecting;
mod fixture;
mod flood;
mod ingest;
mod life_cycle;
mod mount;
mod scores;
mod training;
mod validation;
