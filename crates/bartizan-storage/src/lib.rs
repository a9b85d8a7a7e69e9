//! Repository traits and entities of the store, without an engine.
//!
//! An engine implements [`DetectionRepository`], [`ModelRepository`], [`WindowRepository`] and [`ExclusionRepository`]; the conformance suite in
//! `bartizan-testkit` checks every engine against these doc comments.

mod detection;
mod error;
mod exclusion;
mod history;
mod model;
mod windows;

pub use detection::{
    AUDIT_TEXT_BYTES, AuditFilter, AuditPage, Counted, Detection, DetectionKey, DetectionRepository, Judged, JudgedClass, LabelChange,
    LabelOutcome, NewDetection, Pruned, Retention, Statistics,
};
pub use error::StoreError;
pub use exclusion::{Exclusion, ExclusionRepository, MAX_EXCLUSIONS, NewExclusion};
pub use history::{EntityHash, HistoryEntry, HistoryQuery, StoredEvent, chunks};
pub use model::{Existing, ModelRecord, ModelRepository, NewModel, Replaced};
pub use windows::{WindowRepository, WindowsPart};

/// Everything an engine offers.
pub trait Store: DetectionRepository + ModelRepository + WindowRepository + ExclusionRepository {}

impl<T: DetectionRepository + ModelRepository + WindowRepository + ExclusionRepository> Store for T {}
