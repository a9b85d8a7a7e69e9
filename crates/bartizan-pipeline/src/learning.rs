//! A training from its beginning to its end: waiting for its turn, learning, storing, swapping. What it computes is in
//! `training.rs`.

use crate::active::Active;
use crate::lesson::{Lesson, Material};
use crate::packed::Packed;
use crate::training::{self, MAX_TRAINING_BYTES, Plan, Trained, TrainingEvent, training_bytes};
use crate::trainings::Training;
use crate::{Instance, LoadError, RequestError, Stopped, TrainError, TrainReport, TrainRequest, alarms_a_day, aside, version};
use bartizan_core::{Domain, FitError, Label, Stop};
use bartizan_estimators::format::FormatError;
use bartizan_storage::StoreError;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Why there is a training.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Occasion {
    /// Somebody asked for it.
    Asked,
    /// There is history enough for a first model.
    First,
    /// There is twice as much of it.
    Again,
}

/// What was learned, not yet stored.
struct Learned<B> {
    trained: Trained<B>,
    compared: Option<Compared>,
}

/// How the old model and the new one do on the same labelled rows.
#[derive(Clone, Copy)]
struct Compared {
    /// The old model's accuracy.
    old: f64,
    /// The new one's, on rows that it has not seen.
    new: f64,
    rows: usize,
    /// Whether the old one has not seen them either.
    unseen: bool,
}

/// Events that a comparison must rest on before a model is refused for it.
const LEAST_COMPARED: usize = 20;
/// Part of the flagged events nobody cleared that a new model must flag too.
const LEAST_FLAGGED: f64 = 0.8;
/// How many times the share asked for a model learned by itself may flag, and be believed in the next training by itself.
const DISTRUSTED: f64 = 3.0;
/// How much less of the labelled rows it may judge right.
const MOST_LOST: f64 = 0.1;

impl<B> Learned<B> {
    /// Why the model should not be activated; `None` when it may.
    fn refusal(&self) -> Option<String> {
        let (suspects, flagged) = self.trained.suspects;
        if suspects >= LEAST_COMPARED && (flagged as f64) < LEAST_FLAGGED * suspects as f64 {
            let passed = suspects - flagged;
            return Some(format!(
                "it would let {passed} of {suspects} events pass that were flagged and that nobody cleared; label them legitimate if they are"
            ));
        }
        // The active model judges events that it has learned from too well to be compared with.
        let Compared { old, new, rows, unseen } = self.compared?;
        (unseen && rows >= LEAST_COMPARED && new < old - MOST_LOST).then(|| {
            format!(
                "it judges {:.0} % of {rows} labelled events right as events not seen, the active model {:.0} %",
                100.0 * new,
                100.0 * old
            )
        })
    }
}

impl<D: Domain> Instance<D> {
    /// Runs a step that changes store and memory to its end, also when the caller has gone: the two must not part.
    pub(crate) async fn to_its_end<T, F>(&self, step: impl FnOnce(Arc<Self>) -> F) -> Result<T, Stopped>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let this = self.me.upgrade().ok_or(Stopped)?;
        self.background.to_its_end(step(this)).await
    }

    /// Trains when it is its turn.
    pub(crate) async fn train_in_turn(self: Arc<Self>, request: TrainRequest, lesson: Lesson<D::Event>) -> Result<TrainReport, TrainError> {
        // What is wrong with the request is said before the history is read.
        self.plan(&request, 0.0)?;
        request.version.clone().map(version::check).transpose().map_err(RequestError::from)?;
        let training = self.trainings.begin()?;
        let trained = training.in_turn(&self.settings.workers, self.train_now(&training, request, lesson, Occasion::Asked)).await??;
        trained.ok_or(TrainError::Stopped(Stopped))
    }

    /// Trains a model that nobody asked for, unless a training is under way or somebody asked for one meanwhile: then nothing is done.
    pub(crate) async fn train_unasked(self: &Arc<Self>) -> Result<Option<TrainReport>, TrainError> {
        let Ok(training) = self.trainings.begin_alone() else { return Ok(None) };
        let request = TrainRequest { use_labels: true, ..TrainRequest::default() };
        let occasion = if self.active.load().is_none() { Occasion::First } else { Occasion::Again };
        training.in_turn(&self.settings.workers, self.train_now(&training, request, Lesson::History, occasion)).await?
    }

    /// Whether a model that nobody asked for would take the place of one that somebody did.
    fn came_too_late(&self, occasion: Occasion) -> bool {
        let is_there = || self.active.load().is_some();
        match occasion {
            Occasion::Asked => false,
            Occasion::First => is_there(),
            Occasion::Again => !self.learns_by_itself(),
        }
    }

    /// `None` if it came too late.
    async fn train_now(
        self: &Arc<Self>,
        training: &Training,
        request: TrainRequest,
        lesson: Lesson<D::Event>,
        occasion: Occasion,
    ) -> Result<Option<TrainReport>, TrainError> {
        if self.came_too_late(occasion) {
            return Ok(None);
        }
        let started = Instant::now();
        let with_history = matches!(lesson, Lesson::History | Lesson::WithHistory(_));
        let mut material = training.unless_ended(self.material(lesson, request.use_labels)).await??;
        let left_out = material.left_out;
        if left_out > 0 {
            let most = self.settings.max_training_samples;
            tracing::warn!(detector = %self.settings.name, left_out, most, "more events were given than are learned from; the newest are");
        }
        let mut plan = self.plan(&request, known_normal(&material.learned))?;
        if let Some(alarms) = alarms_a_day::asked(&request, &self.settings) {
            plan.false_alarms = Some(self.budget_of(alarms, &material, with_history).await?);
        }
        if occasion == Occasion::Again {
            distrust(&mut material.learned, plan.share());
        }
        let keep_out = move || {
            keep_out_known(&mut material.learned);
            material
        };
        let material = aside(keep_out).await?;
        let (rows, width) = (material.learned.len(), self.schema.width());
        let needed = training_bytes(rows, width);
        if needed > MAX_TRAINING_BYTES {
            return Err(TrainError::TooLarge { rows, width, needed, limit: MAX_TRAINING_BYTES });
        }
        let (learned, material) = self.learn_aside(training, material, plan.clone()).await?;
        let material = Arc::new(material);
        training.finish()?;
        let report = self.keep(request, learned, plan, &material, occasion).await?;
        if report.is_some()
            && let Err(error) = self.record_rest(&material).await
        {
            // The model is at work with what it learned from; a failed training would be asked for again, with all of it.
            let (detector, rest) = (&self.settings.name, material.rest.len());
            tracing::error!(%detector, rest, %error, "events that were given and not learned from could not all be kept as history");
        }
        // Ten thousand events take milliseconds to free. A runtime that is stopping frees them itself.
        let _ = aside(move || drop(material)).await;
        Ok(report.map(|report| {
            let report = TrainReport { duration_secs: started.elapsed().as_secs_f64(), left_out, ..report };
            let (TrainReport { version, samples, labels, kept_out, excluded, duration_secs, .. }, detector) = (&report, &self.settings.name);
            match &report.refused {
                None => tracing::info!(%detector, %version, samples, labels, kept_out, excluded, duration_secs, "a model was trained and activated"),
                Some(why) => tracing::warn!(%detector, %version, samples, labels, kept_out, excluded, duration_secs, why, "a model was trained and not activated"),
            }
            report
        }))
    }

    /// Learns off the async threads, until it is done, ended or too slow; gives back what was learned from.
    async fn learn_aside(
        &self,
        training: &Training,
        material: Material<D>,
        plan: Plan,
    ) -> Result<(Learned<D::Baselines>, Material<D>), TrainError> {
        let (old, stop) = (self.active.load_full(), training.stop());
        let (needed, max_secs) = (self.settings.min_training_samples, self.settings.max_training_secs);
        let work = move || learn::<D>(&material, &plan, old.as_deref(), needed, &stop).map(|learned| (learned, material));
        let mut work = std::pin::pin!(self.settings.workers.learn(work));
        let done = match tokio::time::timeout(Duration::from_secs(max_secs), &mut work).await {
            Ok(done) => done,
            Err(_) => {
                training.end_for_time(max_secs);
                work.await
            }
        };
        // Why it was ended says more than that it was.
        training.check()?;
        done?
    }

    /// What was given and not learned from becomes part of the history too, after the model and what it learned from.
    async fn record_rest(&self, material: &Material<D>) -> Result<(), StoreError> {
        if material.keeps {
            self.record_history(&material.rest, |_| true).await?;
            let given = material.learned.iter().filter(|event| event.is_given).count() + material.rest.len();
            self.by_itself.add(given as u64);
        }
        Ok(())
    }

    /// Stores what was learned and makes it the active model.
    async fn keep(
        self: &Arc<Self>,
        request: TrainRequest,
        learned: Learned<D::Baselines>,
        plan: Plan,
        material: &Arc<Material<D>>,
        occasion: Occasion,
    ) -> Result<Option<TrainReport>, TrainError> {
        let _managing = self.managing.lock().await;
        if self.came_too_late(occasion) {
            return Ok(None);
        }
        let active = self.active.load_full();
        let at_work = active.map(|active| active.version.to_string());
        // One that is still learning by itself knows too little for its alarms to be held against another.
        let is_judge = at_work.is_some() && !self.learns_by_itself();
        let refused = learned.refusal().filter(|_| is_judge && !request.force);
        // The name of the active model stays with it.
        let free = |version: &String| refused.is_none() || at_work.as_ref() != Some(version);
        let version = match request.version.filter(free) {
            Some(version) => version,
            None => self.next_version().await?,
        };
        let Learned { trained, compared } = learned;
        let report = TrainReport {
            version: version.clone(),
            old_version: None,
            samples: trained.samples,
            left_out: 0,
            duration_secs: 0.0,
            accuracy: trained.accuracy(),
            old_accuracy: compared.map(|compared| compared.old),
            improvement: compared.map(|compared| compared.new - compared.old),
            labels: material.learned.iter().filter(|event| event.label.is_some()).count(),
            promise: trained.promise,
            own_threshold: trained.detector.own_threshold().is_some(),
            kept_out: trained.kept_out,
            excluded: material.excluded,
            unmet_labels: trained.unmet.iter().filter_map(|event| material.learned[*event].id).collect(),
            refused: None,
        };
        let (name, at) = (Arc::clone(&self.settings.name), self.clock.now());
        let by_itself = (occasion != Occasion::Asked).then(|| covered_secs(&material.learned));
        let pack = move || Packed::new::<D>(trained, &plan, version, by_itself).map(|packed| packed.into_stored(&name, at));
        let stored = self.settings.workers.learn(pack).await??;
        let (stored, active) = self.load(stored).await.map_err(too_large)?;
        if let Some(refused) = refused {
            self.store.store_model(stored, true).await?;
            if material.keeps {
                self.record_history(&material.learned, |event| event.is_given).await?;
            }
            return Ok(Some(TrainReport { refused: Some(refused), old_version: at_work, ..report }));
        }
        let (this, material) = (Arc::clone(self), Arc::clone(material));
        let history = aside(move || this.as_history(material.learned.iter().filter(|event| event.is_given && material.keeps))).await??;
        let replaced = self.store.store_and_activate(stored, history).await?;
        self.put_to_work(active);
        Ok(Some(TrainReport { old_version: replaced.active, ..report }))
    }

    async fn next_version(&self) -> Result<String, StoreError> {
        let models = self.store.models(&self.settings.name).await?;
        Ok(version::next(models.iter().map(|m| m.model.version.as_str())))
    }
}

fn learn<D: Domain>(
    material: &Material<D>,
    plan: &Plan,
    old: Option<&Active<D>>,
    needed: usize,
    stop: &Stop,
) -> Result<Learned<D::Baselines>, TrainError> {
    let events = &material.learned[..];
    training::check_normal(events)?;
    let recents = training::recents(events, &plan.tracking);
    let mut trained = training::train::<D>(events, &recents, plan, stop).map_err(|e| too_few(e, needed, material.excluded))?;
    // Where the history no longer tells classes apart, what was learned of them stays.
    trained.classes = trained.classes.or_else(|| old.and_then(|old| old.classes().cloned()));
    if !D::CLASSES.is_empty() && trained.classes.is_none() {
        return Err(TrainError::NoClasses { classes: D::CLASSES.join(", "), needed });
    }
    let compared = old.and_then(|old| compare(old, events, &recents, &trained.judged));
    Ok(Learned { trained, compared })
}

/// The shares of labelled rows that the old model and the new one judge right, on the same rows: those that neither has seen,
/// or all where the old one has seen all.
fn compare<D: Domain>(old: &Active<D>, events: &[TrainingEvent<D>], recents: &[D::Recent], judged: &[(usize, bool)]) -> Option<Compared> {
    let all_seen = judged.iter().all(|(event, _)| events[*event].seen_before);
    let compared = || judged.iter().filter(|(event, _)| all_seen || !events[*event].seen_before);
    let live = old.fresh_live();
    let old_is_right = |event: usize| {
        let e = &events[event];
        Some(old.decide(&live, old.score(&e.event, &recents[event])).verdict.is_anomalous()) == e.label.map(Label::is_anomalous)
    };
    let rows = compared().count();
    let old = compared().filter(|(event, _)| old_is_right(*event)).count() as f64;
    let new = compared().filter(|(_, right)| *right).count() as f64;
    (rows > 0).then(|| Compared { old: old / rows as f64, new: new / rows as f64, rows, unseen: !all_seen })
}

/// A model of little history that flags many times what was asked for is wrong, not the traffic: nothing is kept out for its alarms then, but
/// what is an attack by what it carries.
fn distrust<D: Domain>(events: &mut [TrainingEvent<D>], share: f64) {
    let flagged = events.iter().filter(|event| event.flagged.is_some() && event.label.is_none()).count();
    if flagged as f64 > DISTRUSTED * share * events.len() as f64 {
        let is_attack = |event: &TrainingEvent<D>| D::known_attack(&event.event);
        events.iter_mut().filter(|event| !is_attack(event)).for_each(|event| event.flagged = None);
    }
}

/// What is an attack by what it carries counts as flagged, for kinds that keep these out, also where no model has judged it.
fn keep_out_known<D: Domain>(events: &mut [TrainingEvent<D>]) {
    if D::KNOWN_ARE_KEPT_OUT {
        let is_known = |e: &&mut TrainingEvent<D>| e.label.is_none() && e.flagged.is_none() && D::known_attack(&e.event);
        events.iter_mut().filter(is_known).for_each(|event| event.flagged = Some(1.0));
    }
}

/// How long the events took, in seconds of event time, by the middle nine tenths of them: clocks may be wrong.
fn covered_secs<D: Domain>(in_time: &[TrainingEvent<D>]) -> i64 {
    let cut = in_time.len() / 20;
    let secs = |event: Option<&TrainingEvent<D>>| event.map_or(0, |event| D::facts(&event.event).time.secs());
    let middle = secs(in_time.iter().rev().nth(cut)).saturating_sub(secs(in_time.get(cut))).max(0);
    middle.saturating_mul(10) / 9
}

/// Share of the events that are labelled legitimate.
fn known_normal<D: Domain>(events: &[TrainingEvent<D>]) -> f64 {
    let known = events.iter().filter(|e| e.label == Some(Label::Legitimate)).count();
    let normal = events.iter().filter(|e| e.label != Some(Label::Anomalous)).count();
    known as f64 / normal.max(1) as f64
}

fn too_few(error: FitError, needed: usize, excluded: usize) -> TrainError {
    match error {
        FitError::TooFewSamples { needed: least, got } => TrainError::TooFewEvents { needed: needed.max(least), got, excluded },
        other => other.into(),
    }
}

/// A model that was just trained is not damaged: it is larger than one may be.
fn too_large(error: LoadError) -> TrainError {
    match error {
        LoadError::Damaged { reason: reason @ (FormatError::TooLarge(_) | FormatError::TooMuchMemory { .. }), .. } => {
            TrainError::ModelTooLarge(reason)
        }
        LoadError::Store(error) => error.into(),
        LoadError::Stopped(stopped) => stopped.into(),
        other => TrainError::Unusable(other),
    }
}
