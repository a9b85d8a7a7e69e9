//! What people keep out of training: an entity, a range of time, or both.

use crate::StoreError;
use async_trait::async_trait;
use bartizan_core::Timestamp;

/// Most exclusions of one detector: each is compared with what a training reads, and all are listed at once.
pub const MAX_EXCLUSIONS: usize = 1_000;

/// An exclusion to be stored: events that it names in every respect are not learned from. It names an entity, a bound in time, or several
/// of them, and `from` is before `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewExclusion {
    /// Name of the detector instance.
    pub detector: String,
    /// Exact entity, as stored events have it; `None` for any.
    pub entity: Option<String>,
    /// Earliest event time.
    pub from: Option<Timestamp>,
    /// The event time from which on it no longer holds.
    pub to: Option<Timestamp>,
    /// Why, in a person's words; may be empty.
    pub note: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An exclusion as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exclusion {
    /// Its number: positive, growing, never used twice.
    pub id: i64,
    /// What was stored.
    pub exclusion: NewExclusion,
}

/// Stores exclusions.
#[async_trait]
pub trait ExclusionRepository: Send + Sync {
    /// Stores an exclusion and returns its id; `None`, and nothing is stored, when its detector has [`MAX_EXCLUSIONS`]. One that names
    /// nothing, or of which `from` is not before `to`, is an error.
    async fn add_exclusion(&self, exclusion: NewExclusion) -> Result<Option<i64>, StoreError>;

    /// Returns all exclusions of a detector, oldest first.
    async fn exclusions(&self, detector: &str) -> Result<Vec<Exclusion>, StoreError>;

    /// Removes an exclusion of this detector. Returns `false` when it has none of that id.
    async fn remove_exclusion(&self, detector: &str, id: i64) -> Result<bool, StoreError>;
}
