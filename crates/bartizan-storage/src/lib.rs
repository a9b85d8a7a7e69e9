//! Repository traits and entities of the store, without an engine.
//!
//! An engine implements [`DetectionRepository`], [`ModelRepository`], [`WindowRepository`], [`ExclusionRepository`] and [`InboxRepository`]; the
//! conformance suite in `bartizan-testkit` checks every engine against these doc comments.

mod detection;
mod error;
mod exclusion;
mod history;
mod inbox;
mod model;
mod windows;

pub use detection::{
    AUDIT_TEXT_BYTES, AuditFilter, AuditPage, Counted, Detection, DetectionKey, DetectionRepository, Judged, JudgedClass, LabelChange,
    LabelOutcome, NewDetection, Pruned, Retention, Statistics,
};
pub use error::StoreError;
pub use exclusion::{Exclusion, ExclusionRepository, MAX_EXCLUSIONS, NewExclusion};
pub use history::{EntityHash, HistoryEntry, HistoryQuery, StoredEvent, chunks};
pub use inbox::{Accepted, Backlog, BatchKey, InboxRepository, KEY_BYTES, MAX_KEYS, NewBatch, NewPart, WaitingPart};
pub use model::{Existing, ModelRecord, ModelRepository, NewModel, Replaced};
pub use windows::{WindowRepository, WindowsPart};

/// Everything an engine offers.
pub trait Store: DetectionRepository + ModelRepository + WindowRepository + ExclusionRepository + InboxRepository {}

impl<T: DetectionRepository + ModelRepository + WindowRepository + ExclusionRepository + InboxRepository> Store for T {}
