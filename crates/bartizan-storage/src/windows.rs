//! Checkpoints of sliding windows, so that a start need not read the history again.

use crate::StoreError;
use async_trait::async_trait;

/// A part of a checkpoint: some of the entities that the windows track. Every entity is in one part, so that parts are small enough not to
/// hold up recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowsPart {
    /// Which checkpoint it is of: any number that differs from that of the one before.
    pub checkpoint: i64,
    /// Its number, from 0.
    pub part: u32,
    /// The last row id whose event is certainly counted in it.
    pub after: i64,
    /// What the pipeline encoded.
    pub blob: Vec<u8>,
}

/// Stores the newest whole checkpoint of each detector's windows.
#[async_trait]
pub trait WindowRepository: Send + Sync {
    /// Stores a part. With `last` the checkpoint is whole, and replaces all others of the detector.
    async fn store_windows(&self, detector: &str, part: WindowsPart, last: bool) -> Result<(), StoreError>;

    /// Returns the parts of the whole checkpoint, ordered by number; nothing of one that was begun and not ended. An `after` outside the
    /// range of the ids that were given out is brought into it.
    async fn windows(&self, detector: &str) -> Result<Vec<WindowsPart>, StoreError>;
}
