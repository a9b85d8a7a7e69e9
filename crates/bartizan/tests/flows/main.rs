//! The kind `flows`, case by case: its wire contract against a running server, and its files on the command line.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

#[path = "../common/mod.rs"]
mod common;

mod client;
mod dialects;
mod fixture;
mod judging;
mod life_cycle;
mod shared_paths;
mod sizes;
mod tables;
mod training;
mod units;
mod validation;
