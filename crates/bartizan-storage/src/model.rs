//! Stored models: versions of a detector, of which at most one is active.

use crate::{NewDetection, StoreError};
use async_trait::async_trait;
use bartizan_core::Timestamp;

/// A model to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct NewModel {
    /// Name of the detector instance.
    pub detector: String,
    /// Its version, such as `v1.0`.
    pub version: String,
    /// Name of the algorithm.
    pub algorithm: String,
    /// When training ended.
    pub trained_at: Timestamp,
    /// Rows trained on.
    pub training_samples: u64,
    /// Number of features.
    pub n_features: u32,
    /// Share of labelled rows judged right; `None` without labels.
    pub accuracy: Option<f64>,
    /// Parameters and metrics for people, JSON text.
    pub details: String,
    /// The model file.
    pub blob: Vec<u8>,
    /// SHA-256 of the blob, lower-case hexadecimal.
    pub sha256: String,
}

/// A stored model without its blob.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelRecord {
    /// As stored, with an empty `blob`.
    pub model: NewModel,
    /// Length of the blob in bytes.
    pub size_bytes: u64,
    /// Whether it is the active one.
    pub is_active: bool,
}

/// What storing or activating a model replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replaced {
    /// The version that was active before.
    pub active: Option<String>,
}

/// What was stored under a version before a model of that version was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Nothing.
    Nothing,
    /// A model that is not active.
    Inactive,
    /// The active model.
    Active,
}

/// Stores models. At every instant, whatever fails or is killed, at most one model of a detector is active, and once one
/// has been, exactly one.
#[async_trait]
pub trait ModelRepository: Send + Sync {
    /// Stores a model, in place of one with the same version, and makes it the active one. `history`, which it was trained on and which
    /// is of the same detector, is recorded with it: all of it or, whatever fails or is killed, nothing. Readers may see rows of it
    /// before, and no transaction is so long that recording waits for it.
    async fn store_and_activate(&self, model: NewModel, history: Vec<NewDetection>) -> Result<Replaced, StoreError>;

    /// Stores a model without activating it, and returns what was stored under its version, in one transaction. A model with the same
    /// version is replaced if `replace`, and stays active if it was; otherwise it is left as it is and nothing is stored.
    async fn store_model(&self, model: NewModel, replace: bool) -> Result<Existing, StoreError>;

    /// Makes a version the active one. Returns `None` when there is no such version.
    async fn activate(&self, detector: &str, version: &str) -> Result<Option<Replaced>, StoreError>;

    /// Returns all models of a detector, newest first.
    async fn models(&self, detector: &str) -> Result<Vec<ModelRecord>, StoreError>;

    /// Returns one model with its blob.
    async fn model(&self, detector: &str, version: &str) -> Result<Option<NewModel>, StoreError>;

    /// Returns the active model with its blob.
    async fn active_model(&self, detector: &str) -> Result<Option<NewModel>, StoreError>;

    /// Deletes a version that is not active. Returns `false` when there is no such version or it is active.
    async fn delete_model(&self, detector: &str, version: &str) -> Result<bool, StoreError>;
}
