//! Repository traits and entities of the store, without an engine.
//!
//! An engine implements [`DetectionRepository`] and [`ModelRepository`]; the conformance suite in `bartizan-testkit`
//! holds every engine to what the doc comments here promise.

mod detection;
mod error;
mod model;

pub use detection::{
    AuditFilter, AuditPage, Counted, Detection, DetectionKey, DetectionRepository, HistoryQuery, Judged, LabelChange, LabelOutcome,
    NewDetection, Retention, Statistics,
};
pub use error::StoreError;
pub use model::{ModelRecord, ModelRepository, NewModel, Replaced};

/// Everything an engine offers.
pub trait Store: DetectionRepository + ModelRepository {}

impl<T: DetectionRepository + ModelRepository> Store for T {}
