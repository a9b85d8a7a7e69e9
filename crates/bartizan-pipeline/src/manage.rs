//! The life cycle of an instance: train, version, activate, roll back, label, list.

use crate::active::{self, Active, Details};
use crate::training::{self, Plan, Trained, TrainingEvent};
use crate::{
    Explanation, Instance, Labelled, LifeCycle, LifeCycleError, ModelInfo, StatisticsReport, TrainReport, TrainRequest, codec, version,
};
use async_trait::async_trait;
use bartizan_core::{Contamination, Domain, FeatureSchema, Label, Recency};
use bartizan_estimators::thresholds::FalseAlarmBudget;
use bartizan_estimators::{Algorithm, ParamValue, StoredDetector, format, format::ModelFile};
use bartizan_storage::{
    AuditFilter, AuditPage, Detection, DetectionKey, HistoryQuery, LabelChange, LabelOutcome, NewModel, Retention, StoreError,
};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// The algorithm of a training that names none.
const DEFAULT_ALGORITHM: &str = "ensemble";
const SECS_PER_DAY: i64 = 86_400;

impl<D: Domain> Instance<D> {
    /// `known_normal` is the share of the rows that people called legitimate.
    fn plan(&self, request: &TrainRequest, known_normal: f64) -> Result<Plan, LifeCycleError> {
        let contamination = request.contamination.map_or(Ok(self.settings.contamination), Contamination::try_from)?;
        let mut raw = request.params.over(&self.settings.params);
        // What leaves out the oddest training rows leaves out as many as are expected to be anomalies among those that nobody
        // has looked at.
        raw.fallback.entry("trim".to_owned()).or_insert_with(|| (contamination.get() * (1.0 - known_normal)).into());
        Ok(Plan {
            algorithm: Algorithm::from_raw(&raw, DEFAULT_ALGORITHM)?,
            contamination,
            false_alarms: request.one_false_alarm_in.map_or(Ok(self.settings.false_alarms), |n| FalseAlarmBudget::try_from(n).map(Some))?,
            max_tracked_clients: self.settings.max_tracked_clients,
            feature_set: self.settings.feature_set,
            seed: self.settings.seed,
            least_classed: self.settings.min_training_samples,
        })
    }

    /// The stored history to learn from, in order of event time. Rows that cannot be read are skipped and counted.
    async fn history(&self, use_labels: bool) -> Result<Vec<TrainingEvent<D::Event>>, LifeCycleError> {
        let most = self.settings.max_training_samples;
        let query = HistoryQuery { newest: most, max_labelled: most, since: None };
        let stored = self.store.history(&self.settings.name, query).await?;
        let total = stored.len();
        let read = |d: Detection| {
            let label = d.detection.label.filter(|_| use_labels);
            codec::decode(&d.detection.event).ok().map(|event| TrainingEvent { event, label })
        };
        let events: Vec<_> = stored.into_iter().filter_map(read).collect();
        if events.len() < total {
            tracing::warn!(detector = %self.settings.name, skipped = total - events.len(), "stored events of another format were left out of training");
        }
        let needed = self.settings.min_training_samples;
        if events.len() < needed {
            return Err(LifeCycleError::InsufficientData { needed, got: events.len() });
        }
        Ok(events)
    }

    /// Trains on these events alone, and activates the result; the stored history stays as it is.
    ///
    /// # Errors
    /// As [`LifeCycle::train`].
    pub async fn train_on(&self, events: Vec<Labelled<D::Event>>, request: TrainRequest) -> Result<TrainReport, LifeCycleError> {
        let _managing = self.managing.lock().await;
        self.train_now(request, Some(events)).await
    }

    /// Events from outside as the history gives them: in order of event time.
    fn in_order(&self, given: Vec<Labelled<D::Event>>, use_labels: bool) -> Result<Vec<TrainingEvent<D::Event>>, LifeCycleError> {
        let (needed, got) = (self.settings.min_training_samples, given.len());
        if got < needed {
            return Err(LifeCycleError::InsufficientData { needed, got });
        }
        let read = |mut e: Labelled<D::Event>| {
            self.arrive(&mut e.event);
            TrainingEvent { event: e.event, label: e.label.filter(|_| use_labels) }
        };
        let mut events: Vec<_> = given.into_iter().map(read).collect();
        events.sort_by_key(|e| D::facts(&e.event).time);
        Ok(events)
    }

    /// Share of labelled events that a model judges right, with windows replayed as training saw them.
    fn accuracy_of(active: &Active<D>, events: &[TrainingEvent<D::Event>], max_tracked: usize) -> Option<f64> {
        let windows = D::recency(max_tracked);
        let (mut labels, mut right) = (0_u64, 0_u64);
        for e in events {
            let recent = windows.observe(&e.event);
            if let Some(label) = e.label {
                labels += 1;
                right += u64::from(active.score(&e.event, &recent).verdict.is_anomalous() == label.is_anomalous());
            }
        }
        (labels > 0).then(|| right as f64 / labels as f64)
    }

    async fn next_version(&self) -> Result<String, LifeCycleError> {
        let models = self.store.models(&self.settings.name).await?;
        Ok(version::next(models.iter().map(|m| m.model.version.as_str())))
    }

    /// Trains off the async threads; the caller holds `managing`.
    async fn train_now(&self, request: TrainRequest, given: Option<Vec<Labelled<D::Event>>>) -> Result<TrainReport, LifeCycleError> {
        let started = Instant::now();
        // What is wrong with the request is said before the history is read.
        self.plan(&request, 0.0)?;
        let version = match request.version.clone() {
            Some(name) => version::check(name)?,
            None => self.next_version().await?,
        };
        let events = match given {
            Some(given) => self.in_order(given, request.use_labels)?,
            None => self.history(request.use_labels).await?,
        };
        let plan = self.plan(&request, known_normal(&events))?;
        let (samples, old) = (events.len(), self.active.load_full());
        let max_tracked = self.settings.max_tracked_clients;
        let (name, needed) = (version.clone(), self.settings.min_training_samples);
        let (model, labels, promise, old_accuracy) = tokio::task::spawn_blocking(move || {
            let old_accuracy = old.as_ref().and_then(|old| Self::accuracy_of(old, &events, max_tracked));
            training::check_normal(&events)?;
            let mut trained = training::train::<D>(&events, &plan).map_err(|e| too_few(e, needed))?;
            // Where the history no longer tells classes apart, what was learned of them stays.
            trained.classes = trained.classes.or_else(|| old.as_ref().and_then(|old| old.classes().cloned()));
            if !D::CLASSES.is_empty() && trained.classes.is_none() {
                return Err(LifeCycleError::NoClasses { classes: D::CLASSES.join(", "), needed });
            }
            let (labels, promise) = (trained.labels, trained.promise);
            Ok::<_, LifeCycleError>((Packed::new::<D>(trained, &plan, name)?, labels, promise, old_accuracy))
        })
        .await
        .map_err(|_| LifeCycleError::Interrupted)??;

        let accuracy = model.accuracy;
        let stored = model.into_stored(&self.settings.name, self.clock.now(), samples as u64);
        let active = Active::load(&stored)?;
        let replaced = self.store.store_and_activate(stored).await?;
        self.active.store(Some(Arc::new(active)));
        let duration_secs = started.elapsed().as_secs_f64();
        tracing::info!(detector = %self.settings.name, %version, samples, labels, duration_secs, "a model was trained and activated");
        Ok(TrainReport { version, old_version: replaced.active, samples, duration_secs, accuracy, old_accuracy, labels, promise })
    }
}

/// Share of the events that are labelled legitimate.
fn known_normal<E>(events: &[TrainingEvent<E>]) -> f64 {
    let known = events.iter().filter(|e| e.label == Some(Label::Legitimate)).count();
    let normal = events.iter().filter(|e| e.label != Some(Label::Anomalous)).count();
    known as f64 / normal.max(1) as f64
}

fn too_few(error: bartizan_core::FitError, needed: usize) -> LifeCycleError {
    match error {
        bartizan_core::FitError::TooFewSamples { needed: least, got } => {
            LifeCycleError::InsufficientData { needed: needed.max(least), got }
        }
        other => other.into(),
    }
}

/// A trained model as it will lie in the store.
struct Packed {
    version: String,
    algorithm: &'static str,
    details: Details,
    accuracy: Option<f64>,
    n_features: u32,
    blob: Vec<u8>,
}

impl Packed {
    fn new<D: Domain>(trained: Trained<D::Baselines>, plan: &Plan, version: String) -> Result<Self, LifeCycleError> {
        let baselines =
            postcard::to_allocvec(&trained.baselines).map_err(|e| StoreError::Other(format!("the baselines cannot be encoded: {e}")))?;
        let mut parameters: Vec<(String, ParamValue)> = plan.algorithm.parameters().into_iter().map(|(n, v)| (n.to_owned(), v)).collect();
        parameters.push(("contamination".to_owned(), plan.contamination.get().into()));
        if let Some(budget) = plan.false_alarms {
            parameters.push(("one_false_alarm_in".to_owned(), (budget.one_in() as f64).into()));
        }
        let schema = D::schema();
        let file = ModelFile {
            kind: D::NAME.to_owned(),
            model_version: version.clone(),
            schema: schema.clone(),
            baselines,
            detector: trained.detector,
            calibration: trained.calibration,
            labels: trained.confidence,
            classes: trained.classes,
            threshold: trained.threshold,
            details: parameters.iter().map(|(n, v)| (n.clone(), v.to_string())).collect(),
        };
        let mut metrics: Vec<(String, f64)> =
            trained.accuracy.map(|a| ("accuracy".to_owned(), a)).into_iter().chain(trained.metrics).collect();
        if let StoredDetector::OneClassSvm(svm) = &file.detector {
            metrics.push(("n_support".to_owned(), svm.support_rows() as f64));
        }
        Ok(Self {
            version,
            algorithm: plan.algorithm.name(),
            details: Details { parameters, metrics },
            accuracy: trained.accuracy,
            n_features: schema.width() as u32,
            blob: format::encode(&file),
        })
    }

    fn into_stored(self, detector: &str, trained_at: bartizan_core::Timestamp, training_samples: u64) -> NewModel {
        NewModel {
            detector: detector.to_owned(),
            version: self.version,
            algorithm: self.algorithm.to_owned(),
            trained_at,
            training_samples,
            n_features: self.n_features,
            accuracy: self.accuracy,
            details: serde_json::to_string(&self.details).unwrap_or_default(),
            sha256: sha256_hex(&self.blob),
            blob: self.blob,
        }
    }
}

fn sha256_hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[async_trait]
impl<D: Domain> LifeCycle for Instance<D> {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn kind(&self) -> &'static str {
        D::NAME
    }

    fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    fn active(&self) -> Option<ModelInfo> {
        self.active.load().as_ref().map(|a| a.info.clone())
    }

    async fn models(&self) -> Result<Vec<ModelInfo>, LifeCycleError> {
        Ok(self.store.models(&self.settings.name).await?.iter().map(active::info).collect())
    }

    async fn activate(&self, version: &str) -> Result<Option<String>, LifeCycleError> {
        let _managing = self.managing.lock().await;
        let model = self.store.model(&self.settings.name, version).await?.ok_or(LifeCycleError::NoSuchModel)?;
        let active = Active::load(&model)?;
        let replaced = self.store.activate(&self.settings.name, version).await?.ok_or(LifeCycleError::NoSuchModel)?;
        self.active.store(Some(Arc::new(active)));
        Ok(replaced.active)
    }

    async fn reload(&self) -> Result<(), LifeCycleError> {
        let _managing = self.managing.lock().await;
        let model = self.store.active_model(&self.settings.name).await?.ok_or(LifeCycleError::NothingStored)?;
        self.active.store(Some(Arc::new(Active::load(&model)?)));
        Ok(())
    }

    fn check(&self, request: &TrainRequest) -> Vec<LifeCycleError> {
        let version = request.version.clone().map_or(Ok(String::new()), version::check).err();
        let contamination = request.contamination.and_then(|share| Contamination::try_from(share).err()).map(LifeCycleError::from);
        let budget = request.one_false_alarm_in.and_then(|count| FalseAlarmBudget::try_from(count).err()).map(LifeCycleError::from);
        let params = Algorithm::faults(&request.params.over(&self.settings.params), DEFAULT_ALGORITHM);
        version.into_iter().chain(contamination).chain(budget).chain(params.into_iter().map(LifeCycleError::from)).collect()
    }

    async fn train(&self, request: TrainRequest) -> Result<TrainReport, LifeCycleError> {
        let _managing = self.managing.lock().await;
        self.train_now(request, None).await
    }

    async fn retrain(&self, version: Option<String>) -> Result<TrainReport, LifeCycleError> {
        let _managing = self.managing.lock().await;
        let (needed, got) = (self.settings.min_corrected_labels, self.store.statistics(&self.settings.name).await?.labelled as usize);
        if got < needed {
            return Err(LifeCycleError::InsufficientLabels { needed, got });
        }
        self.train_now(TrainRequest { version, use_labels: true, ..Default::default() }, None).await
    }

    async fn audit(&self, filter: &AuditFilter, offset: u64, limit: u64) -> Result<AuditPage, StoreError> {
        let entity = filter.entity.as_deref().map(|text| D::entity(text, &self.settings.trusted_proxies).into_owned());
        self.store.audit(&self.settings.name, &AuditFilter { entity, ..filter.clone() }, offset, limit).await
    }

    async fn label(&self, key: &DetectionKey, change: LabelChange) -> Result<Option<LabelOutcome>, StoreError> {
        self.store.label(&self.settings.name, key, change).await
    }

    async fn find(&self, key: &DetectionKey) -> Result<Option<Detection>, StoreError> {
        self.store.find(&self.settings.name, key).await
    }

    fn stored_event(&self, event: &[u8]) -> Option<serde_json::Value> {
        serde_json::to_value(codec::decode::<D::Event>(event).ok()?).ok()
    }

    fn explain_stored(&self, event: &[u8], sample: &[f32]) -> Option<Explanation> {
        let active = self.active.load_full()?;
        let event = codec::decode::<D::Event>(event).ok()?;
        (sample.len() == self.schema.width()).then(|| active.explain(&event, sample, &self.schema)).flatten()
    }

    async fn statistics(&self) -> Result<StatisticsReport, StoreError> {
        Ok(StatisticsReport {
            totals: self.store.statistics(&self.settings.name).await?,
            active: self.active(),
            uptime_hours: self.clock.now().seconds_since(self.opened_at) / 3600.0,
        })
    }

    async fn export_model(&self, version: &str) -> Result<Option<Vec<u8>>, LifeCycleError> {
        let Some(model) = self.store.model(&self.settings.name, version).await? else { return Ok(None) };
        Active::<D>::load(&model)?;
        Ok(Some(model.blob))
    }

    async fn import_model(&self, file: &[u8], version: Option<String>) -> Result<String, LifeCycleError> {
        let _managing = self.managing.lock().await;
        let unnamed = || version.clone().unwrap_or_else(|| "to be imported".to_owned());
        let decoded = format::decode(file).map_err(|reason| LifeCycleError::Damaged { version: unnamed(), reason })?;
        let version = version::check(version.unwrap_or_else(|| decoded.model_version.clone()))?;
        let read = |text: &String| text.parse().unwrap_or_else(|never| match never {});
        let parameters = decoded.details.iter().map(|(name, value)| (name.clone(), read(value))).collect();
        let details = Details { parameters, metrics: Vec::new() };
        let model = NewModel {
            detector: self.settings.name.to_string(),
            version: version.clone(),
            algorithm: decoded.detector.name().to_owned(),
            trained_at: self.clock.now(),
            training_samples: 0,
            n_features: decoded.schema.width() as u32,
            accuracy: None,
            details: serde_json::to_string(&details).unwrap_or_default(),
            blob: file.to_vec(),
            sha256: sha256_hex(file),
        };
        Active::<D>::load(&model)?;
        self.store.store_model(model).await?;
        Ok(version)
    }

    async fn delete_model(&self, version: &str) -> Result<bool, LifeCycleError> {
        let _managing = self.managing.lock().await;
        Ok(self.store.delete_model(&self.settings.name, version).await?)
    }

    async fn prune(&self) -> Result<u64, StoreError> {
        let days = self.settings.retention_days.map(i64::from);
        let retention = Retention {
            analyzed_before: days.map(|d| self.clock.now().plus_secs(-d * SECS_PER_DAY)),
            max_rows: self.settings.retention_rows,
        };
        self.store.prune(&self.settings.name, retention).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }

    fn tracked_clients(&self) -> (usize, u64) {
        (self.windows().entities(), self.windows().evicted())
    }

    fn dated_ahead(&self) -> u64 {
        self.dated_ahead.load(Ordering::Relaxed)
    }
}
