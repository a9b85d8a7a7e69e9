//! The inbox: events that were accepted and wait to be judged.

use crate::StoreError;
use async_trait::async_trait;
use std::sync::Arc;

/// Bytes of the hash that stands for a sender's key.
pub const KEY_BYTES: usize = 32;
/// Most keys that are remembered of a detector; the oldest are forgotten.
pub const MAX_KEYS: u64 = 100_000;

/// Some events of a batch, as the pipeline encoded them. They are judged together, in one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPart {
    /// How many events it has.
    pub events: u32,
    /// The events.
    pub blob: Vec<u8>,
}

/// The key under which a sender may send a batch again, so that it counts once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchKey {
    /// A hash of the sender's key.
    pub hash: [u8; KEY_BYTES],
    /// Now, in seconds of the clock.
    pub now: i64,
    /// For how many seconds the key is remembered.
    pub remembered_secs: i64,
    /// What is answered, now and when the batch comes again.
    pub answer: Vec<u8>,
}

/// A batch to be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBatch {
    /// Name of the detector instance.
    pub detector: Arc<str>,
    /// Its events, in the order in which they are to be judged. May be empty.
    pub parts: Vec<NewPart>,
    /// The sender's key, if there is one.
    pub key: Option<BatchKey>,
}

/// What became of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It is stored, and waits.
    Now,
    /// A batch with its key was accepted before: nothing was stored. This was the answer then.
    Before(Vec<u8>),
}

/// A part that waits to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingPart {
    /// Its id: positive, growing in the order of acceptance, never used twice.
    pub id: i64,
    /// What was stored.
    pub part: NewPart,
}

/// What waits to be judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Events.
    pub events: u64,
    /// Bytes of them, as they are stored.
    pub bytes: u64,
}

/// Stores events between their acceptance and their judgement.
/// [`record_part`](crate::DetectionRepository::record_part) removes what was judged in the transaction that records the verdicts.
#[async_trait]
pub trait InboxRepository: Send + Sync {
    /// Stores a batch whole, in one transaction that it shares with concurrent calls. When it returns, the batch is as durable as a
    /// recorded detection. A key that was accepted within the seconds for which it is remembered stores nothing. Waits until there is
    /// space in the queue of what is to be written.
    async fn accept(&self, batch: NewBatch) -> Result<Accepted, StoreError>;

    /// Returns parts with an id above `after`, oldest first: as many as have at most so many events and bytes together, but at least one
    /// if there is one.
    async fn waiting(&self, detector: &str, after: i64, max_events: u64, max_bytes: u64) -> Result<Vec<WaitingPart>, StoreError>;

    /// Returns how much waits.
    async fn backlog(&self, detector: &str) -> Result<Backlog, StoreError>;

    /// Removes parts that cannot be judged.
    async fn discard(&self, detector: &str, parts: &[i64]) -> Result<(), StoreError>;
}
