//! A trained model as it lies in the store, and a model file as it is brought in.

use crate::active::{Active, Details};
use crate::training::{Plan, Trained};
use crate::{ImportError, Imported, Instance, LoadError, aside, version};
use bartizan_core::{Domain, Timestamp};
use bartizan_estimators::{FittedAlgorithm, ParamValue, format, format::ModelFile};
use bartizan_storage::{Existing, NewModel, StoreError};
use sha2::{Digest, Sha256};

/// Name in the details of a file, beside the parameters, of the number of rows learned from.
const TRAINING_SAMPLES: &str = "training_samples";

fn training_detail(samples: u64) -> (String, String) {
    (TRAINING_SAMPLES.to_owned(), samples.to_string())
}

/// A model file that was checked, as it lies in the store. A file that does not say how many rows it was trained on is of
/// an older release: 0.
pub(crate) fn brought_in(file: &[u8], decoded: &ModelFile, detector: &str, version: String, at: Timestamp) -> NewModel {
    let read = |text: &String| text.parse().unwrap_or_else(|never| match never {});
    let samples = decoded.details.iter().find(|(name, _)| name == TRAINING_SAMPLES).and_then(|(_, samples)| samples.parse().ok());
    let parameters = decoded.details.iter().filter(|(name, _)| name != TRAINING_SAMPLES);
    let details = Details { parameters: parameters.map(|(name, value)| (name.clone(), read(value))).collect(), ..Details::default() };
    NewModel {
        detector: detector.to_owned(),
        version,
        algorithm: decoded.detector.name().to_owned(),
        trained_at: at,
        training_samples: samples.unwrap_or(0),
        n_features: decoded.schema.width() as u32,
        accuracy: None,
        details: serde_json::to_string(&details).unwrap_or_default(),
        blob: file.to_vec(),
        sha256: sha256_hex(file),
    }
}

/// A trained model as it will lie in the store.
pub(crate) struct Packed {
    version: String,
    algorithm: &'static str,
    details: Details,
    training_samples: u64,
    accuracy: Option<f64>,
    n_features: u32,
    blob: Vec<u8>,
}

impl Packed {
    pub(crate) fn new<D: Domain>(
        trained: Trained<D::Baselines>,
        plan: &Plan,
        version: String,
        by_itself: Option<i64>,
    ) -> Result<Self, StoreError> {
        let baselines =
            postcard::to_allocvec(&trained.baselines).map_err(|e| StoreError::Other(format!("the baselines cannot be encoded: {e}")))?;
        let mut parameters: Vec<(String, ParamValue)> = plan.algorithm.parameters().into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
        // No share of alarms is asked of a detector that has a threshold of its own.
        if trained.detector.own_threshold().is_none() {
            parameters.push(("contamination".to_owned(), plan.contamination.get().into()));
            let budget = plan.false_alarms.map(|budget| ("one_false_alarm_in".to_owned(), (budget.one_in() as f64).into()));
            parameters.extend(budget);
        }
        let (schema, training_samples, accuracy) = (D::schema(), trained.samples as u64, trained.accuracy());
        let file = ModelFile {
            kind: D::NAME.to_owned(),
            model_version: version.clone(),
            schema: schema.clone(),
            baselines,
            detector: trained.detector,
            calibration: trained.calibration,
            labels: trained.confidence,
            classes: trained.classes,
            corrections: trained.corrections,
            threshold: trained.threshold,
            details: parameters.iter().map(|(n, v)| (n.clone(), v.to_string())).chain([training_detail(training_samples)]).collect(),
        };
        let mut metrics: Vec<(String, f64)> = accuracy.map(|a| ("accuracy".to_owned(), a)).into_iter().chain(trained.metrics).collect();
        if let FittedAlgorithm::OneClassSvm(svm) = file.detector.fitted() {
            metrics.push(("n_support".to_owned(), svm.support_rows() as f64));
        }
        Ok(Self {
            version,
            algorithm: plan.algorithm.name(),
            details: Details { parameters, metrics, by_itself },
            training_samples,
            accuracy,
            n_features: schema.width() as u32,
            blob: format::encode(&file),
        })
    }

    pub(crate) fn into_stored(self, detector: &str, trained_at: Timestamp) -> NewModel {
        NewModel {
            detector: detector.to_owned(),
            version: self.version,
            algorithm: self.algorithm.to_owned(),
            trained_at,
            training_samples: self.training_samples,
            n_features: self.n_features,
            accuracy: self.accuracy,
            details: serde_json::to_string(&self.details).unwrap_or_default(),
            sha256: sha256_hex(&self.blob),
            blob: self.blob,
        }
    }
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

impl<D: Domain> Instance<D> {
    /// Stores a model file under a name that is free, or in the place of one if `replace`.
    pub(crate) async fn bring_in(
        self: std::sync::Arc<Self>,
        file: Vec<u8>,
        version: Option<String>,
        replace: bool,
    ) -> Result<Imported, ImportError> {
        let (name, at) = (self.settings.name.clone(), self.clock.now());
        let checked = move || {
            let unnamed = || version.clone().unwrap_or_else(|| "to be imported".to_owned());
            let decoded = format::decode(&file).map_err(|reason| LoadError::Damaged { version: unnamed(), reason })?;
            let version = version::check(version.unwrap_or_else(|| decoded.model_version.clone()))?;
            let model = brought_in(&file, &decoded, &name, version, at);
            let active = Active::<D>::load(&model)?;
            Ok::<_, ImportError>((model, active))
        };
        let (model, active) = aside(checked).await??;
        let _managing = self.managing.lock().await;
        let version = model.version.clone();
        let existing = self.store.store_model(model, replace).await?;
        let (replaced, is_active) = (existing != Existing::Nothing, existing == Existing::Active);
        if replaced && !replace {
            return Err(ImportError::VersionTaken { version, active: is_active });
        }
        if is_active {
            self.put_to_work(active);
        }
        Ok(Imported { version, replaced, active: is_active })
    }
}
