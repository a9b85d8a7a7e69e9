//! One detector instance: what it is made of, and recording. What judges is in `judge.rs` and `batch.rs`, what trains and manages it in
//! `manage.rs`.

use crate::active::{Active, Scored};
use crate::background::Background;
use crate::cold_start::{ByItself, LEARNING};
use crate::feed::Feed;
use crate::inbox::Inbox;
use crate::trainings::Trainings;
use crate::windows::Progress;
use crate::{Clock, JudgeError, Judgement, LifeCycle, LoadError, Offline, RecordPolicy, ReloadError, Settings, codec};
use arc_swap::ArcSwapOption;
use bartizan_core::{Domain, FeatureSchema, MAX_CLIENT, Timestamp, Verdict, head};
use bartizan_storage::{Judged, JudgedClass, NewDetection, Store, StoreError};
use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

/// Most bytes kept in the columns of the event's name and of what it was about.
pub(crate) const MAX_COLUMN: usize = 1_024;
/// Most bytes kept in the column of what was done.
const MAX_ACTION: usize = 256;
/// As what the recording policy keeps a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// As one of a uniform sample of the traffic.
    Sampled,
    /// Because it is anomalous.
    Besides,
    /// It is only counted.
    No,
}

/// A detector of kind `D` at work. Every method may be called from many tasks at once.
pub struct Instance<D: Domain> {
    pub(crate) settings: Settings,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) schema: FeatureSchema,
    pub(crate) active: ArcSwapOption<Active<D>>,
    /// Held while models are stored or swapped, so that the store and the memory agree on which is active. Not held while one is learned.
    pub(crate) managing: tokio::sync::Mutex<()>,
    pub(crate) trainings: Arc<Trainings>,
    /// Itself, for what runs on when its caller has gone.
    pub(crate) me: Weak<Self>,
    /// Not a time of the clock, which may jump.
    pub(crate) opened_at: Instant,
    pub(crate) recency: Arc<D::Recency>,
    pub(crate) progress: Progress,
    pub(crate) background: Background,
    pub(crate) by_itself: ByItself,
    /// What verdicts have in the place of a version before there is a model.
    pub(crate) no_version: Arc<str>,
    /// Events whose time was too far ahead to be believed.
    pub(crate) dated_ahead: AtomicU64,
    /// Verdicts recorded since the start, and the anomalous ones among them.
    pub(crate) judged: AtomicU64,
    pub(crate) anomalous: AtomicU64,
    pub(crate) feed: Feed,
    pub(crate) inbox: Inbox,
    /// Verdicts met under [`RecordPolicy::Anomalies`].
    met: AtomicU64,
}

impl<D: Domain> Instance<D> {
    /// Opens an instance: loads its active model and brings back its sliding windows.
    ///
    /// A stored model that does not pass its checks is logged and the instance opens without one, so that the others
    /// keep working and another version can be activated; [`LifeCycle::reload`] gives the error itself.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn open(settings: Settings, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Result<Arc<Self>, StoreError> {
        let (history, backlog) = (store.stored(&settings.name).await?, store.backlog(&settings.name).await?);
        let instance = Arc::new_cyclic(|me| Self {
            recency: Arc::new(D::recency(&settings.tracking())),
            progress: Progress::default(),
            background: Background::default(),
            dated_ahead: AtomicU64::new(0),
            judged: AtomicU64::new(0),
            anomalous: AtomicU64::new(0),
            feed: Feed::default(),
            inbox: Inbox::new(backlog),
            schema: D::schema(),
            active: ArcSwapOption::empty(),
            managing: tokio::sync::Mutex::new(()),
            trainings: Trainings::new(),
            me: Weak::clone(me),
            by_itself: ByItself::new(&settings, history),
            opened_at: Instant::now(),
            no_version: Arc::from(LEARNING),
            met: AtomicU64::new(0),
            settings,
            store,
            clock,
        });
        match instance.reload().await {
            Ok(()) | Err(ReloadError::NothingStored) => {}
            Err(ReloadError::Load(LoadError::Store(error))) => return Err(error),
            Err(error) => {
                tracing::error!(detector = %instance.settings.name, %error, "the active model cannot be used; activate another version")
            }
        }
        instance.restore().await?;
        if instance.active.load().is_some() {
            instance.by_itself.wait_for_twice(history);
        }
        Ok(instance)
    }

    /// A judged event as it lies in the store; `is_live` where it counts in the windows.
    pub(crate) fn judged_detection(
        &self,
        (event, recent, is_live): (&D::Event, &D::Recent, bool),
        scored: Scored,
        version: &Arc<str>,
        at: Timestamp,
    ) -> Result<NewDetection, StoreError> {
        let judged = Judged {
            score: scored.score.0,
            threshold: scored.threshold.0,
            grade: scored.grade,
            confidence: scored.confidence,
            verdict: scored.verdict,
            model_version: Arc::clone(version),
            learning: false,
            class: scored.class.map(|class| JudgedClass { name: class.name.into(), probability: class.probability }),
        };
        let detection = self.detection(event, (Some(recent), is_live), Some(judged), at)?;
        Ok(NewDetection { sample: scored.row, ..detection })
    }

    /// Whether the recording policy keeps a verdict, and as what. Under [`RecordPolicy::Anomalies`] each verdict is drawn with a
    /// probability that falls as they grow in number, so that about as many are drawn as training needs: these are a uniform sample of
    /// the traffic. Anomalous ones are kept besides.
    pub(crate) fn keeps(&self, verdict: Verdict) -> Kept {
        if self.settings.record == RecordPolicy::All {
            return Kept::Sampled;
        }
        let met = self.met.fetch_add(1, Ordering::Relaxed);
        let draw = self.settings.seed.derive(0x5a3e).derive(met).0 % met.max(1);
        match (draw < self.settings.max_training_samples as u64, verdict) {
            (true, _) => Kept::Sampled,
            (false, Verdict::Anomalous) => Kept::Besides,
            (false, Verdict::Normal) => Kept::No,
        }
    }

    /// An event as it lies in the store, without a sample: with what the windows said of it, and whether it came while serving.
    pub(crate) fn detection(
        &self,
        event: &D::Event,
        (recent, is_live): (Option<&D::Recent>, bool),
        judged: Option<Judged>,
        at: Timestamp,
    ) -> Result<NewDetection, StoreError> {
        let stored = D::bounded(event);
        let facts = D::facts(&stored);
        Ok(NewDetection {
            detector: Arc::clone(&self.settings.name),
            event_id: column(facts.event_id, MAX_COLUMN),
            entity: entity_column(facts.entity),
            resource: column(facts.resource, MAX_COLUMN),
            action: column(facts.action, MAX_ACTION),
            event_time: facts.time,
            analyzed_at: at,
            judged,
            sample: Vec::new(),
            event: codec::encode::<D>(stored.as_ref(), recent, is_live)
                .map_err(|e| StoreError::Other(format!("the event cannot be encoded: {e}")))?,
            label: None,
            sampled: true,
        })
    }

    /// Judges files: with fresh windows, recording nothing.
    ///
    /// # Errors
    /// Without a model.
    pub fn offline(&self) -> Result<Offline<D>, JudgeError> {
        let active = self.active.load_full().ok_or(JudgeError::NoModel)?;
        let (windows, proxies) = (D::recency(&self.settings.tracking()), Arc::clone(&self.settings.trusted_proxies));
        Ok(Offline::new(active, windows, self.schema.clone(), self.clock.now(), proxies))
    }

    /// Verdicts were recorded.
    pub(crate) fn count(&self, judged: usize, anomalous: usize) {
        self.judged.fetch_add(judged as u64, Ordering::Relaxed);
        if anomalous > 0 {
            self.anomalous.fetch_add(anomalous as u64, Ordering::Relaxed);
        }
    }

    /// What this instance was told.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn windows(&self) -> &D::Recency {
        &self.recency
    }
}

/// An entity as it is stored.
pub(crate) fn entity_column(entity: Cow<'_, str>) -> String {
    column(entity, MAX_CLIENT)
}

/// A column of bounded length.
fn column(text: Cow<'_, str>, most: usize) -> String {
    if text.len() <= most { text.into_owned() } else { head(&text, most).to_owned() }
}

/// What is said of an event, not yet recorded.
pub(crate) fn judgement<D: Domain>(active: &Active<D>, scored: &Scored, at: Timestamp) -> Judgement {
    Judgement {
        id: None,
        verdict: scored.verdict,
        score: Some(scored.score.0),
        grade: scored.grade,
        confidence: scored.confidence,
        model_version: Arc::clone(&active.version),
        analyzed_at: at,
        class: scored.class,
        margin: Some(scored.threshold.0 - scored.score.0),
        reasons: Vec::new(),
        explained: false,
    }
}
