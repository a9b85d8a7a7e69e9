//! Learning that nobody asked for: a first model as soon as there is history enough for the share of alarms that was asked for, and another one
//! each time the history has doubled, until it covers some days. A model that somebody asked for ends it.

use crate::{ColdStart, Instance, JudgeError, Judgement, Reason, Settings, TrainReport};
use bartizan_core::{Domain, Recency as _, Timestamp, Verdict};
use bartizan_storage::{Counted, Judged, NewDetection, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

/// Alarms that the events of a first training are to have: half of them are among those held back.
const ALARMS: f64 = 20.0;
/// Seconds of event time that a first training waits for where windows look back, unless as many events as are learned from at once come
/// before: windows of a few minutes say little of what they will say.
const LEAST_SECS: i64 = 480;
/// A first training waits for no more than this many times the fewest events.
const MOST_WAITED_FOR: u64 = 10;
/// Grade and confidence of what is an attack by what it carries, before there is a model.
const KNOWN_ATTACK: f64 = 0.9;
/// The version that verdicts carry while the first model is being learned.
pub(crate) const LEARNING: &str = "learning";

/// How far learning by itself is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Learning {
    /// Events in the history.
    pub events: u64,
    /// How many it needs for the next training.
    pub needed: u64,
    /// How many seconds of event time the history must still cover for a first model.
    pub secs_left: u64,
    /// When that will be if events come as they did since the start, by the clock; `None` before two have come.
    pub ready_at: Option<Timestamp>,
    /// The smallest share of alarms that the history allows to be promised now, (0, 0.5].
    pub allows: f64,
}

/// Events that came without a model, and what is recorded of them.
pub(crate) struct Met {
    at: Timestamp,
    said: Vec<Judged>,
    rows: Vec<NewDetection>,
}

/// What an instance knows of its history for that.
pub(crate) struct ByItself {
    /// Events in the history.
    history: AtomicU64,
    /// How many there must be for the next training.
    next: AtomicU64,
    /// Since the start: events that came, and the microseconds of the clock when the first of them did. Their own times may be anything.
    came: AtomicU64,
    since: AtomicI64,
    /// The seconds of the first and of the newest event that came.
    first: AtomicI64,
    newest: AtomicI64,
    trains: AtomicBool,
}

impl ByItself {
    /// With so many events in the history.
    pub(crate) fn new(settings: &Settings, history: u64) -> Self {
        Self {
            history: AtomicU64::new(history),
            next: AtomicU64::new(first_training(settings)),
            came: AtomicU64::new(0),
            since: AtomicI64::new(i64::MAX),
            first: AtomicI64::new(i64::MAX),
            newest: AtomicI64::new(i64::MIN),
            trains: AtomicBool::new(false),
        }
    }

    /// Events became history.
    pub(crate) fn add(&self, events: u64) {
        self.history.fetch_add(events, Relaxed);
    }

    /// The next training is for twice as much history.
    pub(crate) fn wait_for_twice(&self, history: u64) {
        self.next.store(history.saturating_mul(2), Relaxed);
    }

    pub(crate) fn history(&self) -> u64 {
        self.history.load(Relaxed)
    }

    fn meet(&self, times: impl Iterator<Item = i64>, now: Timestamp) {
        let (mut first, mut newest, mut came) = (i64::MAX, i64::MIN, 0);
        for time in times {
            (first, newest, came) = (first.min(time), newest.max(time), came + 1);
        }
        self.since.fetch_min(now.micros(), Relaxed);
        self.came.fetch_add(came, Relaxed);
        self.first.fetch_min(first, Relaxed);
        self.newest.fetch_max(newest, Relaxed);
    }

    /// How many seconds what came since the start must still cover.
    fn secs_left(&self) -> u64 {
        let taken = self.newest.load(Relaxed).saturating_sub(self.first.load(Relaxed)).max(0);
        LEAST_SECS.saturating_sub(taken).max(0) as u64
    }

    fn progress(&self, share: f64, now: Timestamp) -> Learning {
        let (events, needed) = (self.history(), self.next.load(Relaxed));
        let (since, came) = (self.since.load(Relaxed), self.came.load(Relaxed));
        let ready_at = (came > 1 && since <= now.micros()).then(|| {
            let micros = now.micros().saturating_sub(since) as f64 / came as f64 * needed.saturating_sub(events) as f64;
            Timestamp::from_micros(now.micros().saturating_add(micros as i64))
        });
        Learning { events, needed, secs_left: 0, ready_at, allows: (ALARMS / events.max(1) as f64).clamp(share.min(0.5), 0.5) }
    }
}

impl<D: Domain> Instance<D> {
    /// How far learning by itself is; `None` where it does not take place, or no more.
    pub(crate) fn learning(&self) -> Option<Learning> {
        self.learns_by_itself().then(|| {
            let progress = self.by_itself.progress(share(&self.settings), self.clock.now());
            Learning { secs_left: self.secs_left(), ..progress }
        })
    }

    /// How many seconds a first model must still wait for.
    fn secs_left(&self) -> u64 {
        let looks_back = self.recency.horizon_secs() > 0;
        let is_full = self.by_itself.history() >= self.settings.max_training_samples as u64;
        if looks_back && !is_full && self.active.load().is_none() { self.by_itself.secs_left() } else { 0 }
    }

    /// Until a model is at work that was asked for, or one whose history covers the days that are to be covered.
    pub(crate) fn learns_by_itself(&self) -> bool {
        let covered = i64::from(self.settings.learn_days).saturating_mul(86_400);
        let goes_on = |active: &crate::active::Active<D>| active.info.by_itself.is_some_and(|secs| secs < covered);
        self.settings.cold_start == ColdStart::Learn && self.active.load().as_deref().is_none_or(goes_on)
    }

    /// Events became history: counts them, and trains when it is time. While one trains that somebody asked for, the next event tries again.
    pub(crate) fn learn_by_itself(&self, events: &[D::Event], recorded: usize) {
        if !self.learns_by_itself() {
            return;
        }
        let by_itself = &self.by_itself;
        by_itself.meet(events.iter().map(|event| D::facts(event).time.secs()), self.clock.now());
        by_itself.add(recorded as u64);
        let is_time = by_itself.history() >= by_itself.next.load(Relaxed) && self.secs_left() == 0;
        if is_time && !by_itself.trains.swap(true, Relaxed) {
            match self.me.upgrade() {
                Some(this) => self.background.spawn(this.train_by_itself()),
                None => by_itself.trains.store(false, Relaxed),
            }
        }
    }

    async fn train_by_itself(self: Arc<Self>) {
        let (history, detector) = (self.by_itself.history(), &self.settings.name);
        match self.train_unasked().await {
            Ok(None) => {}
            Ok(Some(TrainReport { version, samples, .. })) => {
                self.by_itself.wait_for_twice(history);
                let next = self.learning().map(|learning| learning.needed);
                tracing::info!(%detector, %version, samples, next, "learned by itself; it does so again when there is twice as much history");
            }
            Err(error) => {
                tracing::error!(%detector, %error, "learning by itself failed; it is tried again when there is twice as much history");
                self.by_itself.wait_for_twice(history);
            }
        }
        self.by_itself.trains.store(false, Relaxed);
    }

    /// No model yet: the events are history, and with [`ColdStart::Learn`] those are flagged that are attacks by what they carry.
    /// Part of a batch waits for its turn to be written, a single event does not.
    pub(crate) async fn meet_without_model(
        self: &Arc<Self>,
        events: &[D::Event],
        recents: &[D::Recent],
        waits: bool,
    ) -> Result<Vec<Judgement>, JudgeError> {
        let met = self.met(events, recents)?;
        self.record_met(events, met, waits.then_some(&[])).await
    }

    /// Makes of such events what is recorded.
    pub(crate) fn met(&self, events: &[D::Event], recents: &[D::Recent]) -> Result<Met, StoreError> {
        let at = self.clock.now();
        let learn = self.settings.cold_start == ColdStart::Learn;
        let said: Vec<Judged> = events.iter().map(|event| self.without_model(learn && D::known_attack(event))).collect();
        let rows = events.iter().zip(recents).zip(&said);
        let rows = rows.map(|((event, recent), said)| self.detection(event, (Some(recent), true), learn.then(|| said.clone()), at));
        Ok(Met { at, rows: rows.collect::<Result<_, _>>()?, said })
    }

    /// Records it. A part of a batch waits for its turn, and says which parts of the inbox it was taken from, if from any.
    pub(crate) async fn record_met(
        &self,
        events: &[D::Event],
        Met { at, said, rows }: Met,
        taken: Option<&[i64]>,
    ) -> Result<Vec<Judgement>, JudgeError> {
        let learn = self.settings.cold_start == ColdStart::Learn;
        let detected: Vec<_> = rows.iter().map(|row| self.feed.prepare(row)).collect();
        let ids = match taken {
            Some(taken) => self.store.record_part(rows, &self.settings.name, Counted::default(), taken).await?,
            None => self.store.record(rows).await?,
        };
        self.progress.recorded(&ids);
        let found = detected.into_iter().zip(&ids).filter_map(|(detected, id)| Some((detected?, *id)));
        found.for_each(|(detected, id)| self.feed.publish(detected, id));
        if !learn {
            self.by_itself.add(ids.len() as u64);
            return Err(JudgeError::NoModel);
        }
        self.count(ids.len(), said.iter().filter(|said| said.verdict.is_anomalous()).count());
        self.learn_by_itself(events, ids.len());
        let judgement = |(id, said): (i64, Judged)| Judgement {
            id: Some(id),
            verdict: said.verdict,
            score: None,
            grade: said.grade,
            confidence: said.confidence,
            model_version: said.model_version,
            analyzed_at: at,
            class: None,
            margin: None,
            reasons: Vec::new(),
            explained: false,
        };
        Ok(ids.into_iter().zip(said).map(judgement).collect())
    }

    /// Why an event is an attack by what it carries.
    pub(crate) fn known_reason(&self, event: &D::Event) -> Option<Reason> {
        let (index, value, text) = D::known_reason(event)?;
        let feature = self.schema.features().get(index)?.name.to_string();
        Some(Reason { feature, value: Some(f64::from(value)), share: KNOWN_ATTACK, text })
    }

    fn without_model(&self, is_attack: bool) -> Judged {
        let sure = if is_attack { KNOWN_ATTACK } else { 0.0 };
        Judged {
            score: 0.0,
            threshold: 0.0,
            grade: sure,
            confidence: sure,
            verdict: if is_attack { Verdict::Anomalous } else { Verdict::Normal },
            model_version: Arc::clone(&self.no_version),
            learning: true,
            class: None,
        }
    }
}

/// The share of alarms that is asked for.
fn share(settings: &Settings) -> f64 {
    settings.false_alarms.map_or(settings.contamination.get(), |budget| 1.0 / budget.one_in() as f64)
}

/// Events before the first training: as many as keep the share of alarms that is asked for, within bounds.
fn first_training(settings: &Settings) -> u64 {
    let fewest = settings.min_training_samples as u64;
    ((ALARMS / share(settings)) as u64).clamp(fewest, fewest.saturating_mul(MOST_WAITED_FOR))
}

#[cfg(test)]
mod tests {
    use super::{ByItself, Learning};
    use crate::Settings;
    use bartizan_core::Timestamp;

    #[test]
    fn progress_says_how_many_when_and_what_can_be_promised() {
        let by_itself = ByItself::new(&Settings::new("requests"), 0);
        let at = Timestamp::from_secs;
        let nothing = by_itself.progress(0.1, at(1_000));
        assert_eq!(nothing, Learning { events: 0, needed: 200, secs_left: 0, ready_at: None, allows: 0.5 });
        assert_eq!(by_itself.secs_left(), 480);
        by_itself.meet(std::iter::once(0), at(1_000));
        by_itself.meet((1..50).map(|i| 8 * i), at(1_400));
        assert_eq!(by_itself.secs_left(), 480 - 392);
        by_itself.add(50);
        let some = by_itself.progress(0.1, at(1_500));
        assert_eq!(some, Learning { events: 50, needed: 200, secs_left: 0, ready_at: Some(at(1_500 + 1_500)), allows: 0.4 });
        by_itself.add(950);
        by_itself.wait_for_twice(1_000);
        let later = by_itself.progress(0.1, at(2_000));
        assert_eq!((later.needed, later.allows), (2_000, 0.1));
        assert_eq!(by_itself.progress(0.001, at(2_000)).allows, 0.02);
    }

    #[test]
    fn the_first_training_waits_for_what_was_asked_within_bounds() {
        for (share, fewest, expected) in [(0.1, 100, 200), (0.5, 100, 100), (0.01, 100, 1_000), (0.05, 1_000, 1_000), (0.02, 2, 20)] {
            let mut settings = Settings::new("requests");
            settings.contamination = bartizan_core::Contamination::try_from(share).unwrap();
            settings.min_training_samples = fewest;
            assert_eq!(ByItself::new(&settings, 0).progress(share, Timestamp::from_secs(0)).needed, expected, "{share} {fewest}");
        }
    }
}
