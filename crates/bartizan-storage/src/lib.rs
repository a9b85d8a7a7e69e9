//! Repository traits and entities of the store, without an engine.
//!
//! An engine implements [`DetectionRepository`], [`ModelRepository`] and [`WindowRepository`]; the conformance suite in `bartizan-testkit`
//! checks every engine against these doc comments.

mod detection;
mod error;
mod history;
mod model;
mod windows;

pub use detection::{
    AUDIT_TEXT_BYTES, AuditFilter, AuditPage, Counted, Detection, DetectionKey, DetectionRepository, Judged, JudgedClass, LabelChange,
    LabelOutcome, NewDetection, Pruned, Retention, Statistics,
};
pub use error::StoreError;
pub use history::{EntityHash, HistoryEntry, HistoryQuery, StoredEvent, chunks};
pub use model::{Existing, ModelRecord, ModelRepository, NewModel, Replaced};
pub use windows::{WindowRepository, WindowsPart};

/// Everything an engine offers.
pub trait Store: DetectionRepository + ModelRepository + WindowRepository {}

impl<T: DetectionRepository + ModelRepository + WindowRepository> Store for T {}
