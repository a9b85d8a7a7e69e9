//! The embedded storage engine: SQLite with group commit.
//!
//! One thread owns the connection that writes. Each transaction takes whatever queued up while the last one ran, without
//! a waiting window, and every caller is answered after its transaction has committed: many verdicts share one commit,
//! and none is answered before it is on disk. Readers have connections of their own (write-ahead log) and never wait for
//! the writer.

mod detections;
mod errors;
mod insert;
mod lookup;
mod migrations;
mod models;
mod queries;
mod rows;
mod store;
mod writer;

pub use store::{Durability, SqliteOptions, SqliteStore};
