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
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

/// Most bytes kept in the columns of the event's name and of what it was about.
pub(crate) const MAX_COLUMN: usize = 1_024;
/// Most bytes kept in the column of what was done.
const MAX_ACTION: usize = 256;
/// Seconds of event time from which on nothing is learned that nobody asked for.
const COVERED_SECS: i64 = 7 * 86_400;
/// Alarms that the events of a first training are to have: half of them among those held back.
const ALARMS_HELD_BACK: f64 = 20.0;
/// Grade and confidence of what is an attack by what it carries, before there is a model.
const KNOWN_ATTACK: f64 = 0.9;
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
    /// How many events there must be for the next training that nobody asked for.
    next_training: AtomicU64,
    /// Event times met since the start, in seconds: the first and the last.
    met_times: [AtomicI64; 2],
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
            recency: Arc::new(D::recency(&settings.tracking())),
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
            next_training: AtomicU64::new(first_training(&settings)),
            met_times: [AtomicI64::new(i64::MAX), AtomicI64::new(i64::MIN)],
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
        if instance.active.load().is_some() {
            instance.next_training.store(unlearned.saturating_mul(2), Ordering::Relaxed);
        }
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
        let attacks: Vec<bool> = events.iter().map(|event| learn && D::known_attack(event)).collect();
        let judged = |attack: bool| Judged {
            score: 0.0,
            threshold: 0.0,
            grade: if attack { KNOWN_ATTACK } else { 0.0 },
            confidence: if attack { KNOWN_ATTACK } else { 0.0 },
            verdict: if attack { Verdict::Anomalous } else { Verdict::Normal },
            model_version: Arc::clone(&self.learning),
            learning: true,
            class: None,
        };
        let row =
            |((event, recent), attack): ((_, _), &bool)| self.detection(event, (Some(recent), true), learn.then(|| judged(*attack)), at);
        let rows = events.iter().zip(recents).zip(&attacks).map(row).collect::<Result<Vec<_>, _>>()?;
        let detected: Vec<_> = rows.iter().map(|row| self.feed.prepare(row)).collect();
        let ids = match rows {
            rows if waits => self.store.record_part(rows, &self.settings.name, Counted::default()).await?,
            rows => self.store.record(rows).await?,
        };
        self.progress.recorded(&ids);
        detected
            .into_iter()
            .zip(&ids)
            .filter_map(|(detected, id)| Some((detected?, *id)))
            .for_each(|(found, id)| self.feed.publish(found, id));
        if !learn {
            return Err(JudgeError::NoModel);
        }
        self.count(ids.len(), attacks.iter().filter(|attack| **attack).count());
        self.learn_by_itself(events, ids.len());
        let judgement = |(id, attack): (i64, bool)| Judgement {
            id: Some(id),
            verdict: judged(attack).verdict,
            score: None,
            grade: judged(attack).grade,
            confidence: judged(attack).confidence,
            model_version: Arc::clone(&self.learning),
            analyzed_at: at,
            class: None,
            margin: None,
            reasons: Vec::new(),
            explained: false,
        };
        Ok(ids.into_iter().zip(attacks).map(judgement).collect())
    }

    /// With [`ColdStart::Learn`]: counts events that became history, and trains when there is twice as much of it as at the last training,
    /// until it covers a week. One that somebody asked for goes before: then the next event tries again.
    pub(crate) fn learn_by_itself(&self, events: &[D::Event], recorded: usize) {
        if self.settings.cold_start != ColdStart::Learn {
            return;
        }
        let times = || events.iter().map(|event| D::facts(event).time.secs());
        let first = times().min().map_or(i64::MAX, |time| self.met_times[0].fetch_min(time, Ordering::Relaxed).min(time));
        let last = times().max().map_or(i64::MIN, |time| self.met_times[1].fetch_max(time, Ordering::Relaxed).max(time));
        let met = self.unlearned.fetch_add(recorded as u64, Ordering::Relaxed) + recorded as u64;
        let is_covered = last.saturating_sub(first) > COVERED_SECS && self.active.load().is_some();
        if met >= self.next_training.load(Ordering::Relaxed) && !is_covered && !self.training_itself.swap(true, Ordering::AcqRel) {
            match self.me.upgrade() {
                Some(this) => self.background.spawn(this.train_itself()),
                None => self.training_itself.store(false, Ordering::Release),
            }
        }
    }

    async fn train_itself(self: Arc<Self>) {
        let met = self.unlearned.load(Ordering::Relaxed);
        match self.train_unasked().await {
            Ok(None) => {}
            Ok(Some(report)) => {
                self.next_training.store(met.saturating_mul(2), Ordering::Relaxed);
                tracing::info!(detector = %self.settings.name, version = %report.version, samples = report.samples, next = 2 * met, "learned by itself; it does again when there is twice as much history")
            }
            Err(error) => {
                tracing::error!(detector = %self.settings.name, %error, "learning by itself failed; it is tried again when there is twice as much history");
                self.next_training.store(met.saturating_mul(2), Ordering::Relaxed);
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

/// Events before the first training that nobody asked for: as many as keep the share of alarms that is asked for, but no more than ten times
/// the fewest.
fn first_training(settings: &Settings) -> u64 {
    let share = settings.false_alarms.map_or(settings.contamination.get(), |budget| 1.0 / budget.one_in() as f64);
    let fewest = settings.min_training_samples as u64;
    ((ALARMS_HELD_BACK / share) as u64).clamp(fewest, fewest.saturating_mul(10))
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
