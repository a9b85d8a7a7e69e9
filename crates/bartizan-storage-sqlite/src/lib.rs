//! The embedded storage engine: SQLite with group commit.
//!
//! One thread owns the only connection that writes. Calls queue up for it; each transaction takes whatever queued while
//! the last one was being committed, and a caller is answered only after the commit, so that a verdict that was
//! answered is on disk. Queries run on a few connections of their own and never wait for the writer; those that may read much have
//! other connections than those that read a row or a few, and end when they take too long or their caller has gone.
//!
//! Every detector has a narrow table to filter and list by and a wide one with the samples and events, under the same
//! row ids, so that a busy detector does not slow its neighbours and listing does not read events.

mod audit;
mod blocks;
mod checkpoint;
mod error;
mod exclusions;
mod inbox;
mod insert;
mod labels;
mod lookup;
mod models;
mod options;
mod probe;
mod prune;
mod queue;
mod readers;
mod rows;
mod schema;
mod store;
mod totals;
mod unfinished;
mod windows;
mod writer;

pub use options::{Durability, SqliteOptions};
pub use store::SqliteStore;
