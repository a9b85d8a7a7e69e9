//! Options of a store.

use std::path::PathBuf;
use std::time::Duration;

/// Which failures a recorded detection survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The death of the process: the operating system has the row. Losing power may cost the newest rows, never the
    /// database.
    #[default]
    Process,
    /// The loss of power: the disk has the row.
    Power,
}

/// Options to open a store with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The database file; created if there is none. SQLite keeps two more beside it (`-wal`, `-shm`).
    pub path: PathBuf,
    /// Which failures a recorded detection survives.
    pub durability: Durability,
    /// Most detections that may wait to be written; beyond it, recording is refused as unavailable. A single call of
    /// any size is taken while none wait.
    pub max_queued: usize,
    /// How long to wait for another process that writes to the same database.
    pub busy_timeout: Duration,
    /// How many queries that may read much (audits, history) may run at once. As many connections again are kept for those that read
    /// little (statistics, models, one detection), so that they never wait for the others.
    pub readers: usize,
    /// Longest time for a query that a client waits for, its wait for a connection included.
    pub query_timeout: Duration,
}

impl SqliteOptions {
    /// Returns the defaults, for the database in `path`: `Durability::Process`, 65,536 queued, 5 s, 2 readers, 5 s a query.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            durability: Durability::Process,
            max_queued: 65_536,
            busy_timeout: Duration::from_secs(5),
            readers: 2,
            query_timeout: Duration::from_secs(5),
        }
    }
}
