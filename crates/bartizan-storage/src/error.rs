//! What can go wrong in a store, sorted by what the caller should do.

use thiserror::Error;

/// An error of a store. Messages are for the log, never for the client.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// The database does not answer, is locked, or too much is queued: try again later.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// No space left: nothing was written.
    #[error("the disk that holds the database is full: {0}")]
    Full(String),
    /// The file is not a database, or is damaged.
    #[error("the database is damaged or not a database: {0}")]
    Corrupt(String),
    /// Written by a newer release.
    #[error("the database has schema version {found}, this release knows up to {known}: run the release that wrote it, or a newer one")]
    TooNew {
        /// Version of the database.
        found: i64,
        /// Newest version that this release reads.
        known: i64,
    },
    /// A query took longer than it may.
    #[error("a query was given up after {secs} s")]
    TimedOut {
        /// How long it may take.
        secs: u64,
    },
    /// Anything else.
    #[error("the database failed: {0}")]
    Other(String),
}

impl StoreError {
    /// Returns whether the same call may succeed later without any repair.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full(_))
    }
}
