//! The life cycle of an instance: train, version, activate, roll back, label, list.

use crate::active::{self, Active};
use crate::history;
use crate::instance::MAX_COLUMN;
use crate::training::Plan;
use crate::{
    ActivateError, Counters, Detected, Exclude, ExcludeError, Explanation, Held, ImportError, Imported, Instance, Learning, Lesson,
    LifeCycle, LoadError, ModelInfo, ReloadError, RequestError, StatisticsReport, TrainError, TrainReport, TrainRequest, Workers, aside,
    reliability,
};
use async_trait::async_trait;
use bartizan_core::{Contamination, Domain, FeatureSchema, Recency, head};
use bartizan_estimators::Algorithm;
use bartizan_estimators::thresholds::FalseAlarmBudget;
use bartizan_storage::{
    AuditFilter, AuditPage, Detection, DetectionKey, Exclusion, LabelChange, LabelOutcome, NewDetection, NewModel, Pruned, Retention,
    StoreError,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The algorithm of a training that names none.
pub(crate) const DEFAULT_ALGORITHM: &str = "ensemble";
const SECS_PER_DAY: i64 = 86_400;
/// Labelled verdicts that `/statistics` looks at, the newest.
const MOST_LABELLED: usize = 10_000;
/// Largest share of the stored rows that one round of retention removes because of their age. In an ordinary round it is one of
/// days times 24; much more is past its time after a long pause, and when the clock is wrong.
const MAX_AGED_SHARE: f64 = 0.1;

impl<D: Domain> Instance<D> {
    /// `known_normal` is the share of the rows that people called legitimate.
    pub(crate) fn plan(&self, request: &TrainRequest, known_normal: f64) -> Result<Plan, RequestError> {
        let contamination = request.contamination.map_or(Ok(self.settings.contamination), Contamination::try_from)?;
        let mut raw = request.params.over(&self.settings.params);
        // What leaves out the oddest training rows leaves out as many as are expected to be anomalies among those that nobody
        // has looked at.
        raw.fallback.entry("trim".to_owned()).or_insert_with(|| (contamination.get() * (1.0 - known_normal)).into());
        Ok(Plan {
            algorithm: Algorithm::from_raw(&raw, DEFAULT_ALGORITHM)?,
            contamination,
            false_alarms: match (request.one_false_alarm_in, request.contamination) {
                (Some(one_in), _) => Some(FalseAlarmBudget::try_from(one_in)?),
                // What is asked for goes before what is configured.
                (None, Some(_)) => None,
                (None, None) => self.settings.false_alarms,
            },
            tracking: self.settings.tracking(),
            feature_set: self.settings.feature_set,
            seed: self.settings.seed,
            least_classed: self.settings.min_training_samples,
            asked_before: self.active.load().as_ref().map_or(0.0, |active| active.asked()),
        })
    }

    /// Learns a model and activates it. What is given is stored with the model, in one transaction, or not at all; of more than
    /// `max_training_samples` the newest are learned from, and as many of those that are labelled. It goes on when the caller has gone;
    /// `holding` is kept until it is over, such as what counts the memory of the events.
    ///
    /// # Errors
    /// As [`LifeCycle::train`].
    pub async fn learn(
        &self,
        lesson: Lesson<D::Event>,
        request: TrainRequest,
        holding: impl Send + 'static,
    ) -> Result<TrainReport, TrainError> {
        let training = |this: Arc<Self>| async move {
            let _holding = holding;
            this.train_in_turn(request, lesson).await
        };
        self.to_its_end(training).await?
    }

    /// The event of a stored detection; `None` when it cannot be read.
    #[must_use]
    pub fn stored_event(&self, detection: &NewDetection) -> Option<D::Event> {
        history::read::<D>(&detection.event).ok().map(|stored| stored.event)
    }

    /// Explains a stored detection with the active model; `None` when its event cannot be read or there is no model.
    #[must_use]
    pub fn explain_stored(&self, detection: &NewDetection) -> Option<Explanation> {
        let active = self.active.load_full()?;
        let event = self.stored_event(detection)?;
        (detection.sample.len() == self.schema.width()).then(|| active.explain(&event, &detection.sample, &self.schema)).flatten()
    }

    /// Puts a model in the place of the one at work.
    pub(crate) fn put_to_work(&self, active: Active<D>) {
        if let Some(before) = self.active.load().as_ref() {
            if before.info.sha256 == active.info.sha256 {
                // It is the same model, read again.
                active.live.restore(before.live.save(&active.version), &active.version);
            } else {
                active.live.inherit(&before.live);
            }
        }
        self.active.store(Some(Arc::new(active)));
    }

    /// Checks a stored model and makes it ready to work; the caller holds `managing`.
    pub(crate) async fn load(&self, stored: NewModel) -> Result<(NewModel, Active<D>), LoadError> {
        aside(move || Active::load(&stored).map(|active| (stored, active))).await?
    }
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

    async fn models(&self) -> Result<Vec<ModelInfo>, StoreError> {
        Ok(self.store.models(&self.settings.name).await?.iter().map(active::info).collect())
    }

    async fn activate(&self, version: &str) -> Result<Option<String>, ActivateError> {
        let version = version.to_owned();
        let activate = |this: Arc<Self>| async move {
            let (_managing, name) = (this.managing.lock().await, &this.settings.name);
            let model = this.store.model(name, &version).await?.ok_or(ActivateError::NoSuchModel)?;
            let (_, active) = this.load(model).await?;
            let replaced = this.store.activate(name, &version).await?.ok_or(ActivateError::NoSuchModel)?;
            this.put_to_work(active);
            Ok(replaced.active)
        };
        self.to_its_end(activate).await?
    }

    async fn reload(&self) -> Result<(), ReloadError> {
        let reload = |this: Arc<Self>| async move {
            let _managing = this.managing.lock().await;
            let model = this.store.active_model(&this.settings.name).await?.ok_or(ReloadError::NothingStored)?;
            let (_, active) = this.load(model).await?;
            this.put_to_work(active);
            Ok(())
        };
        self.to_its_end(reload).await?
    }

    fn check(&self, request: &TrainRequest) -> Vec<RequestError> {
        request.faults(&self.settings)
    }

    async fn train(&self, request: TrainRequest) -> Result<TrainReport, TrainError> {
        self.learn(Lesson::History, request, ()).await
    }

    fn cancel_trainings(&self) -> usize {
        self.trainings.cancel()
    }

    fn trainings_under_way(&self) -> usize {
        self.trainings.under_way()
    }

    fn close_trainings(&self) {
        self.trainings.close();
    }

    fn start(&self) {
        if let Some(this) = self.me.upgrade() {
            this.begin_rounds();
        }
    }

    async fn close(&self) {
        self.finish().await;
    }

    async fn retrain(&self, version: Option<String>) -> Result<TrainReport, TrainError> {
        let (needed, got) = (self.settings.min_corrected_labels, self.store.statistics(&self.settings.name).await?.labelled as usize);
        if got < needed {
            return Err(TrainError::TooFewLabels { needed, got });
        }
        // Labels change what is known, not what is asked for.
        let asked = self.active.load().as_ref().map(|active| active.budget()).unwrap_or_default();
        self.train(TrainRequest { version, use_labels: true, ..asked }).await
    }

    async fn audit(&self, filter: &AuditFilter, offset: u64, limit: u64) -> Result<AuditPage, StoreError> {
        let entity = filter.entity.as_deref().map(|text| D::entity(text, &self.settings.trusted_proxies).into_owned());
        self.store.audit(&self.settings.name, &AuditFilter { entity, ..filter.clone() }, offset, limit).await
    }

    async fn label(&self, key: &DetectionKey, change: LabelChange) -> Result<Option<LabelOutcome>, StoreError> {
        self.store.label(&self.settings.name, &stored_key(key), change).await
    }

    async fn exclude(&self, exclude: Exclude) -> Result<Exclusion, ExcludeError> {
        self.store_exclusion(exclude).await
    }

    async fn exclusions(&self) -> Result<Vec<Exclusion>, StoreError> {
        self.store.exclusions(&self.settings.name).await
    }

    async fn remove_exclusion(&self, id: i64) -> Result<bool, StoreError> {
        self.store.remove_exclusion(&self.settings.name, id).await
    }

    async fn find(&self, key: &DetectionKey) -> Result<Option<Detection>, StoreError> {
        self.store.find(&self.settings.name, &stored_key(key)).await
    }

    async fn statistics(&self) -> Result<StatisticsReport, StoreError> {
        let name = &self.settings.name;
        let labelled = self.store.labelled_verdicts(name, MOST_LABELLED).await?;
        Ok(StatisticsReport {
            totals: self.store.statistics(name).await?,
            reliability: reliability(
                labelled
                    .into_iter()
                    .map(|(verdict, confidence, label)| (verdict, confidence, verdict.is_anomalous() == label.is_anomalous())),
            ),
            active: self.active(),
            uptime_hours: self.opened_at.elapsed().as_secs_f64() / 3600.0,
        })
    }

    async fn export_model(&self, version: &str) -> Result<Option<Vec<u8>>, LoadError> {
        let Some(model) = self.store.model(&self.settings.name, version).await? else { return Ok(None) };
        Ok(Some(self.load(model).await?.0.blob))
    }

    async fn import_model(&self, file: &[u8], version: Option<String>, replace: bool) -> Result<Imported, ImportError> {
        let file = file.to_vec();
        self.to_its_end(move |this| async move { this.bring_in(file, version, replace).await }).await?
    }

    async fn delete_model(&self, version: &str) -> Result<bool, StoreError> {
        let _managing = self.managing.lock().await;
        self.store.delete_model(&self.settings.name, version).await
    }

    async fn prune(&self) -> Result<u64, StoreError> {
        let days = self.settings.retention_days.map(i64::from);
        let retention = Retention {
            analyzed_before: days.map(|d| self.clock.now().plus_secs(-d * SECS_PER_DAY)),
            max_aged_share: Some(MAX_AGED_SHARE),
            max_rows: self.settings.retention_rows,
            max_bytes: self.settings.retention_bytes,
        };
        let Pruned { removed, spared } = self.store.prune(&self.settings.name, retention).await?;
        if spared > 0 {
            let (clock, days) = (self.clock.now(), self.settings.retention_days);
            tracing::warn!(
                detector = %self.settings.name, removed, spared, %clock, days,
                "an unusual part of the history is past its retention, and only some of it goes in each round; is the clock right?"
            );
        }
        Ok(removed)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.store.ping().await
    }

    fn workers(&self) -> &Arc<Workers> {
        &self.settings.workers
    }

    fn counters(&self) -> Counters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let inbox = self.inbox.counts();
        Counters {
            judged: read(&self.judged),
            anomalous: read(&self.anomalous),
            dated_ahead: read(&self.dated_ahead),
            tracked_clients: self.windows().entities(),
            forgotten_clients: self.windows().evicted(),
            missed_by_listeners: self.feed.missed(),
            ingested: inbox.accepted,
            ingest_rejected: inbox.rejected,
            ingest_waiting: inbox.waiting,
        }
    }

    fn learning(&self) -> Option<Learning> {
        Self::learning(self)
    }

    fn held(&self) -> Option<Held> {
        self.active.load().as_ref().map(|active| active.live.held())
    }

    fn listen(&self, each: Box<dyn FnMut(&Detected) + Send>) {
        self.listen_with(each);
    }
}

/// A key as the store has it: names of events are kept up to a length.
fn stored_key(key: &DetectionKey) -> DetectionKey {
    match key {
        DetectionKey::Id(id) => DetectionKey::Id(*id),
        DetectionKey::EventId(name) => DetectionKey::EventId(head(name, MAX_COLUMN).to_owned()),
    }
}
