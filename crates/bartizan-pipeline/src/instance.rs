//! One detector instance: what it is made of, and recording. What judges is in `judge.rs` and `batch.rs`, what trains and manages it in
//! `manage.rs`.

use crate::active::{Active, Scored};
use crate::background::Background;
use crate::feed::Feed;
use crate::trainings::Trainings;
use crate::windows::Progress;
use crate::{Clock, ColdStart, JudgeError, Judgement, LifeCycle, LoadError, Offline, RecordPolicy, ReloadError, Settings, codec};
use arc_swap::ArcSwapOption;
use bartizan_core::{Domain, FeatureSchema, MAX_CLIENT, Timestamp, Verdict, head};
use bartizan_storage::{Counted, Judged, JudgedClass, NewDetection, Store, StoreError};
use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

/// Most bytes kept in the columns of the event's name and of what it was about.
pub(crate) const MAX_COLUMN: usize = 1_024;
/// Most bytes kept in the column of what was done.
const MAX_ACTION: usize = 256;
/// The version that verdicts carry while the first model is being learned.
pub(crate) const LEARNING: &str = "learning";

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
    learning: Arc<str>,
    /// Events met without a model, to know when there are enough to learn from.
    pub(crate) unlearned: AtomicU64,
    /// How many of them the next first training waits for.
    next_first_training: AtomicU64,
    training_itself: AtomicBool,
    /// Events whose time was too far ahead to be believed.
    pub(crate) dated_ahead: AtomicU64,
    /// Verdicts recorded since the start, and the anomalous ones among them.
    pub(crate) judged: AtomicU64,
    pub(crate) anomalous: AtomicU64,
    pub(crate) feed: Feed,
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
        let unlearned = store.stored(&settings.name).await?;
        let instance = Arc::new_cyclic(|me| Self {
            recency: Arc::new(D::recency(settings.max_tracked_clients)),
            progress: Progress::default(),
            background: Background::default(),
            dated_ahead: AtomicU64::new(0),
            judged: AtomicU64::new(0),
            anomalous: AtomicU64::new(0),
            feed: Feed::default(),
            schema: D::schema(),
            active: ArcSwapOption::empty(),
            managing: tokio::sync::Mutex::new(()),
            trainings: Trainings::new(),
            me: Weak::clone(me),
            next_first_training: AtomicU64::new(settings.min_training_samples as u64),
            opened_at: Instant::now(),
            learning: Arc::from(LEARNING),
            unlearned: AtomicU64::new(unlearned),
            training_itself: AtomicBool::new(false),
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
        Ok(instance)
    }

    pub(crate) fn judged_detection(
        &self,
        event: &D::Event,
        recent: &D::Recent,
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
        let detection = self.detection(event, (Some(recent), true), Some(judged), at)?;
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
            entity: column(facts.entity, MAX_CLIENT),
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

    /// No model yet: the events are history, and with [`ColdStart::Learn`] the first training starts when there is enough.
    /// Part of a batch waits for its turn to be written, a single event does not.
    pub(crate) async fn meet_without_model(
        self: &Arc<Self>,
        events: &[D::Event],
        recents: &[D::Recent],
        waits: bool,
    ) -> Result<Vec<Judgement>, JudgeError> {
        let at = self.clock.now();
        let learn = self.settings.cold_start == ColdStart::Learn;
        let judged = learn.then(|| Judged {
            score: 0.0,
            threshold: 0.0,
            grade: 0.0,
            confidence: 0.0,
            verdict: Verdict::Normal,
            model_version: Arc::clone(&self.learning),
            learning: true,
            class: None,
        });
        let row = |(event, recent)| self.detection(event, (Some(recent), true), judged.clone(), at);
        let rows: Result<Vec<_>, _> = events.iter().zip(recents).map(row).collect();
        let ids = match rows? {
            rows if waits => self.store.record_part(rows, &self.settings.name, Counted::default()).await?,
            rows => self.store.record(rows).await?,
        };
        self.progress.recorded(&ids);
        if !learn {
            return Err(JudgeError::NoModel);
        }
        let met = self.unlearned.fetch_add(ids.len() as u64, Ordering::Relaxed) + ids.len() as u64;
        if met >= self.next_first_training.load(Ordering::Relaxed) && !self.training_itself.swap(true, Ordering::AcqRel) {
            self.background.spawn(Arc::clone(self).train_itself());
        }
        let judgement = |id| Judgement {
            id: Some(id),
            verdict: Verdict::Normal,
            score: None,
            grade: 0.0,
            confidence: 0.0,
            model_version: Arc::clone(&self.learning),
            analyzed_at: at,
            class: None,
            margin: None,
            reasons: Vec::new(),
            explained: false,
        };
        Ok(ids.into_iter().map(judgement).collect())
    }

    /// Trains the first model. A training that somebody asked for goes before: then the next event tries again, and finds its model.
    async fn train_itself(self: Arc<Self>) {
        match self.train_first().await {
            Ok(None) => {}
            Ok(Some(report)) => {
                tracing::info!(detector = %self.settings.name, version = %report.version, samples = report.samples, "learned the first model")
            }
            Err(error) => {
                tracing::error!(detector = %self.settings.name, %error, "the first training failed; it is tried again when twice as much history is there");
                let met = self.unlearned.load(Ordering::Relaxed);
                self.next_first_training.store(met.saturating_mul(2), Ordering::Relaxed);
            }
        }
        self.training_itself.store(false, Ordering::Release);
    }

    /// Judges files: with fresh windows, recording nothing.
    ///
    /// # Errors
    /// Without a model.
    pub fn offline(&self) -> Result<Offline<D>, JudgeError> {
        let active = self.active.load_full().ok_or(JudgeError::NoModel)?;
        let (windows, proxies) = (D::recency(self.settings.max_tracked_clients), Arc::clone(&self.settings.trusted_proxies));
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
