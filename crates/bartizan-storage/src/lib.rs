//! Repository traits and entities of the store, without an engine.
//!
//! An engine implements [`DetectionRepository`] and [`ModelRepository`]; the conformance suite in `bartizan-testkit`
//! holds every engine to what the doc comments here promise.

mod detection;
mod error;
mod history;
mod model;

pub use detection::{
    AUDIT_TEXT_BYTES, AuditFilter, AuditPage, Counted, Detection, DetectionKey, DetectionRepository, Judged, LabelChange, LabelOutcome,
    NewDetection, Pruned, Retention, Statistics,
};
pub use error::StoreError;
pub use history::{EntityHash, HistoryEntry, HistoryQuery, StoredEvent, chunks};
pub use model::{Existing, ModelRecord, ModelRepository, NewModel, Replaced};

/// Everything an engine offers.
pub trait Store: DetectionRepository + ModelRepository {}

impl<T: DetectionRepository + ModelRepository> Store for T {}
