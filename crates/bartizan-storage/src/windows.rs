//! Checkpoints of sliding windows, so that a start need not read the history again.

use crate::StoreError;
use async_trait::async_trait;

/// A part of a checkpoint: some of the entities that the windows track. Every entity is in one part, so that parts are stored one at a
/// time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowsPart {
    /// Its number, from 0.
    pub part: u32,
    /// The last row id whose event is certainly counted in it.
    pub after: i64,
    /// What the pipeline encoded.
    pub blob: Vec<u8>,
}

/// Stores the newest checkpoint of each detector's windows.
#[async_trait]
pub trait WindowRepository: Send + Sync {
    /// Stores a part in place of the one of its number; with `last`, also removes the parts of higher numbers.
    async fn store_windows(&self, detector: &str, part: WindowsPart, last: bool) -> Result<(), StoreError>;

    /// Returns all parts, ordered by number.
    async fn windows(&self, detector: &str) -> Result<Vec<WindowsPart>, StoreError>;
}
