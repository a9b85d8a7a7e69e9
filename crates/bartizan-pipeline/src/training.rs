//! History to model: pure, seeded, and the same on one thread or many.
//!
//! The last part of the normal rows is held back. The detector is fitted on the others, and the threshold is set on its own scores of
//! those held back, from baselines of what came before them (split conformal prediction in the order of time: Vovk, Gammerman, Shafer,
//! Algorithmic Learning in a Random World, 2005; Barber, Candès, Ramdas, Tibshirani, Predictive Inference with the Jackknife+, Annals of
//! Statistics 49, 2021, section 1.2). See `rows.rs`.

use crate::TrainError;
use crate::classes;
use crate::rows::{FOLDS, Matrix, Rows, score_all, shaped};
use crate::threshold::{Aim, Chosen, LabelledScore, bounded_by_client};
use bartizan_core::{AnomalyScore, Contamination, Detector, Domain, Feature, FitError, Label, Recency, Seed, Stop, Threshold, Tracking};
use bartizan_estimators::labels::{self, Corrections, LabelCalibration};
use bartizan_estimators::thresholds::{Budgeted, FalseAlarmBudget};
use bartizan_estimators::{Algorithm, FittedRandomForest, StoredDetector, calibration::Calibration};
use bartizan_storage::EntityHash;
use std::cmp::Ordering;

/// Times that the numbers of all rows are held at once: the matrix, the rows of a fold without and with those labelled
/// anomalous, what the estimator makes of them, and its own working space.
const COPIES: u64 = 8;
/// Most that those copies may take.
pub(crate) const MAX_TRAINING_BYTES: u64 = 2 << 30;
/// Labels from which confidence is calibrated on them.
const LABELS_FOR_CALIBRATION: usize = 50;
/// The grade of events that are flagged far beyond the threshold: of a tail that is a ninth of the threshold's.
const FAR: f64 = 0.9;
/// Flagged rows that are always explained.
const LEAST_EXPLAINED: usize = 3;
/// Held-back rows that are to lie above the threshold: the rate of alarms then differs from the share asked for by a fifth or so.
const HELD_ABOVE: f64 = 20.0;
/// Part of the share asked for that corrections may flag of ordinary rows.
const CORRECTED_PART: f64 = 0.1;
/// How far a correction's threshold lies from the score of its event, in distances from the median of held-back scores to their 95th
/// percentile.
const MARGIN: f64 = 0.25;

/// The name of the metric that is the share of rows held back that the model judges normal.
pub(crate) const HELD_BACK_NORMAL: &str = "held_back_normal";

/// One event to learn from.
pub(crate) struct TrainingEvent<D: Domain> {
    pub(crate) event: D::Event,
    /// What the windows said of it when it came; `None` where a release stored it that did not keep this.
    pub(crate) recent: Option<D::Recent>,
    /// The label that is learned from.
    pub(crate) label: Option<Label>,
    /// What somebody said, whether it is learned from or not.
    pub(crate) said: Option<Label>,
    /// Given with the training, not stored yet.
    pub(crate) is_given: bool,
    /// Its row, where it is stored.
    pub(crate) id: Option<i64>,
    /// The grade, where it was judged anomalous.
    pub(crate) flagged: Option<f64>,
    /// Recorded before the active model was trained, which may have learned from it.
    pub(crate) seen_before: bool,
}

/// About how much memory the numbers of a training take.
pub(crate) fn training_bytes(rows: usize, width: usize) -> u64 {
    (rows as u64).saturating_mul(width as u64).saturating_mul(4 * COPIES)
}

/// What training makes.
pub(crate) struct Trained<B> {
    pub(crate) baselines: B,
    pub(crate) detector: StoredDetector,
    pub(crate) calibration: Calibration,
    /// What labels say of confidence, once there are enough.
    pub(crate) confidence: Option<LabelCalibration>,
    pub(crate) threshold: Threshold,
    pub(crate) promise: Option<Budgeted>,
    /// What people said of single events.
    pub(crate) corrections: Corrections,
    /// Labelled events that cannot be followed within the share of alarms that was asked for.
    pub(crate) unmet: Vec<usize>,
    /// Each labelled event, and whether it is judged right by a detector that has not seen it.
    pub(crate) judged: Vec<(usize, bool)>,
    /// Accuracy, precision, recall and F1 on labelled rows that no detector had seen.
    pub(crate) metrics: Vec<(String, f64)>,
    /// Events learned from, by the detector or as one of a class.
    pub(crate) samples: usize,
    /// Those that are not, because they are labelled anomalous, or were flagged and not cleared.
    pub(crate) kept_out: usize,
    /// Flagged events far beyond the threshold that are more than the share of false alarms asked for explains, and how many of them this model
    /// flags too.
    pub(crate) suspects: (usize, usize),
    /// Tells classes apart, where enough events with a known class were there.
    pub(crate) classes: Option<FittedRandomForest>,
}

impl<B> Trained<B> {
    /// Share of the labelled rows that are judged right as rows not seen; `None` without labels.
    pub(crate) fn accuracy(&self) -> Option<f64> {
        let right = self.judged.iter().filter(|(_, right)| *right).count();
        (!self.judged.is_empty()).then(|| right as f64 / self.judged.len() as f64)
    }
}

/// What training is told.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) algorithm: Algorithm,
    pub(crate) contamination: Contamination,
    pub(crate) false_alarms: Option<FalseAlarmBudget>,
    pub(crate) tracking: Tracking,
    pub(crate) feature_set: &'static str,
    pub(crate) seed: Seed,
    /// Fewest events with a known class to learn classes from.
    pub(crate) least_classed: usize,
    /// The share of alarms that was asked of the model at work.
    pub(crate) asked_before: f64,
}

impl Plan {
    /// The share of normal events that may be called anomalous.
    pub(crate) fn share(&self) -> f64 {
        self.false_alarms.map_or(self.contamination.get(), |budget| 1.0 / budget.one_in() as f64)
    }
}

/// Whether an event is learned as a normal one: what is flagged, or is an attack by its own evidence, is not unless somebody said so, or a
/// class came with it.
fn is_normal<D: Domain>(e: &TrainingEvent<D>) -> bool {
    match e.label {
        Some(label) => !label.is_anomalous(),
        None => e.flagged.is_none() && !is_attack_by_evidence(e),
    }
}

fn is_attack_by_evidence<D: Domain>(e: &TrainingEvent<D>) -> bool {
    e.label.is_none() && D::class(&e.event).is_none() && classes::is_attack::<D>(&e.event)
}

/// Refuses events of which almost none may be normal.
pub(crate) fn check_normal<D: Domain>(events: &[TrainingEvent<D>]) -> Result<(), TrainError> {
    let (needed, of) = (2 * FOLDS, events.len());
    let got = events.iter().filter(|e| is_normal(e)).count();
    if got < needed { Err(TrainError::TooFewNormal { needed, got, of }) } else { Ok(()) }
}

/// What the windows said of each event: as it was stored with it, or else as empty windows say when the events are replayed through
/// them, in order of event time.
pub(crate) fn recents<D: Domain>(events: &[TrainingEvent<D>], tracking: &Tracking) -> Vec<D::Recent> {
    let windows = events.iter().any(|e| e.recent.is_none()).then(|| D::recency(tracking));
    let recent = |e: &TrainingEvent<D>| {
        let replayed = windows.as_ref().map(|windows| windows.observe(&e.event));
        e.recent.clone().or(replayed).unwrap_or_else(|| unreachable!("there are windows where anything is missing"))
    };
    events.iter().map(recent).collect()
}

/// Learns from events, enough of them normal, in order of event time. Labels are those to be learned from: a row labelled anomalous is kept out
/// of what "normal" means, and where few are labelled, they have thresholds of their own around them.
///
/// # Errors
/// What cannot be learned from, and [`FitError::Stopped`] soon after `stop` was set.
pub(crate) fn train<D: Domain>(
    events: &[TrainingEvent<D>],
    recents: &[D::Recent],
    plan: &Plan,
    stop: &Stop,
) -> Result<Trained<D::Baselines>, FitError> {
    let rows = Rows::<D>::new(events, recents, plan.feature_set, plan.seed).until(stop.clone());
    let parts = Parts::of(&rows, events, plan);
    parts.check()?;
    let baselines = rows.baselines(Parts::normal(events));
    let matrix = rows.extract_out_of_fold(&parts.fitted, &parts.learned, &baselines)?;
    let fit = |keep: &dyn Fn(usize) -> bool, seed: Seed| fit(events, &parts, &matrix, plan, (keep, seed, stop));
    let detector = fit(&|_| true, plan.seed)?;

    let before = rows.aligned(parts.fitted.iter().copied(), &baselines);
    let served = detector.clone().into_detector();
    let held_back = rows.scores(&parts.held, &before, served.as_ref())?;
    let aim = plan.false_alarms.map_or(Aim::Contamination(plan.contamination), Aim::Budget);
    let clients: Vec<EntityHash> = parts.held.iter().map(|&i| EntityHash::of(&D::facts(&events[i].event).entity)).collect();
    let bounded = bounded_by_client(held_back.clone(), &clients, plan.share());
    let suspects = rows.scores(&parts.suspects, &before, served.as_ref())?;
    let own = served.own_threshold();
    let Chosen { threshold, promise } = own.map_or_else(|| aim.choose(&bounded, &suspects), Chosen::from);
    // What serves has baselines of all of the history. Where these raise the scores of what comes all the time, the threshold is above them
    // too: many events of one kind have about the same score, and lie on one side of it together.
    let again = bounded_by_client(rows.scores(&parts.held, &baselines, served.as_ref())?, &clients, plan.share());
    let suspects_again = rows.scores(&parts.suspects, &baselines, served.as_ref())?;
    let threshold = own.unwrap_or_else(|| Threshold(threshold.0.max(aim.choose(&again, &suspects_again).threshold.0)));
    let corrected = correct(&rows, &parts, events, (&matrix, &before, served.as_ref()), &held_back, (threshold, plan))?;
    let labelled = {
        let unseen = rows.scores(&parts.unlearned, &before, served.as_ref())?;
        let held = parts.held.iter().copied().zip(held_back.iter().copied());
        let seen = scores_by_fold(&rows, &parts, &matrix, |fold| fit(&|i| rows.fold[i] != fold, plan.seed.derive(1 + fold as u64)))?;
        let scored = parts.unlearned.iter().copied().zip(unseen).chain(held).chain(seen);
        scored.filter_map(|(event, unseen)| LabelledScore::of(event, events[event].label, unseen)).collect::<Vec<_>>()
    };
    let calibration = Calibration::fit(&bounded, plan.contamination);
    let confidence = learn_confidence(&calibration, &labelled, threshold);
    // What is compared with the model at work are alarms far beyond its threshold: on those near to it, two good models may differ.
    let far: Vec<f64> =
        parts.suspects.iter().zip(&suspects).filter(|(row, _)| events[**row].flagged >= Some(FAR)).map(|(_, s)| *s).collect();
    let far_flagged = far.iter().filter(|score| **score > threshold.0).count();
    let classes = classes::learn::<D>(&rows, events, &baselines, plan.least_classed, (plan.seed, stop));
    stop.check()?;
    let taught = |e: &TrainingEvent<D>| classes.is_some() && classes::taught::<D>(e).is_some();
    let is_supervised = |e: &TrainingEvent<D>| plan.algorithm.is_supervised() && e.label == Some(Label::Anomalous);
    let is_learned = |e: &&TrainingEvent<D>| is_normal(e) || is_supervised(e) || taught(e);
    let samples = events.iter().filter(is_learned).count();
    Ok(Trained {
        kept_out: events.len() - samples,
        suspects: (far.len(), far_flagged),
        classes,
        baselines,
        detector,
        calibration,
        confidence,
        threshold,
        promise,
        judged: labelled.iter().map(|l| (l.event, corrected.judges_right(&rows, &before, l, threshold))).collect(),
        unmet: corrected.unmet,
        corrections: corrected.corrections,
        samples,
        metrics: unseen_metrics(&labelled, threshold).into_iter().chain(held_back_normal(&held_back, threshold)).collect(),
    })
}

/// What becomes of each row.
struct Parts {
    /// Normal rows that the detector is fitted on, in order.
    fitted: Vec<usize>,
    /// Rows labelled anomalous that it is fitted on too, where it learns from labels.
    learned: Vec<usize>,
    /// Normal rows that are held back.
    held: Vec<usize>,
    /// Rows labelled anomalous that nothing is learned from.
    unlearned: Vec<usize>,
    /// Flagged rows that are more than the share of false alarms explains: those of the highest grades.
    suspects: Vec<usize>,
    /// Of those fitted on, the ones whose labels say something: they are judged by detectors that have not seen them.
    judged: Vec<usize>,
    /// Whether labels are people's corrections of some events, and not those of a whole set.
    corrects: bool,
}

impl Parts {
    fn of<D: Domain>(rows: &Rows<'_, D>, events: &[TrainingEvent<D>], plan: &Plan) -> Self {
        let told = (0..events.len()).filter(|&i| !is_attack_by_evidence(&events[i]));
        let (anomalous, normal): (Vec<usize>, Vec<usize>) = told.partition(|&i| events[i].label == Some(Label::Anomalous));
        let (unlabelled, legitimate): (Vec<usize>, Vec<usize>) = normal.iter().partition(|&&i| events[i].label.is_none());
        let suspects = suspects(events, &normal, plan.share().max(plan.asked_before));
        // A file of normal rows alone says what normal is, and corrects nothing.
        let corrects = unlabelled.iter().filter(|&&i| events[i].flagged.is_none()).count() >= legitimate.len();
        let (mut plain, corrections) = if corrects { (unlabelled, legitimate) } else { (normal, Vec::new()) };
        plain.retain(|i| suspects.binary_search(i).is_err());
        let (mut fitted, held) = rows.hold_back(&plain, held_back(plain.len(), plan.share(), rows.timed));
        // What was flagged and is a false alarm by its number alone sets the threshold, as it will come again; it is not learned.
        fitted.retain(|&i| events[i].label.is_some() || events[i].flagged.is_none());
        fitted.extend(&corrections);
        fitted.sort_unstable();
        let (learned, unlearned) = if plan.algorithm.is_supervised() { (anomalous, Vec::new()) } else { (Vec::new(), anomalous) };
        let judged = corrections.iter().chain(&learned).copied().collect();
        Self { fitted, learned, held, unlearned, suspects, judged, corrects }
    }

    /// Refuses to learn from almost nothing.
    fn check(&self) -> Result<(), FitError> {
        let (needed, got) = (FOLDS, self.fitted.len().min(self.held.len()));
        if got < needed { Err(FitError::TooFewSamples { needed, got }) } else { Ok(()) }
    }

    /// What the baselines learn from, in order.
    fn normal<D: Domain>(events: &[TrainingEvent<D>]) -> impl Iterator<Item = usize> {
        (0..events.len()).filter(|&i| is_normal(&events[i]))
    }
}

/// Of normal rows, those flagged and not labelled that are more than the share of false alarms explains: of the highest grades. In order.
///
/// Tails of normal events are uniform below the threshold's, and so are their grades on that scale. Twice as many as lie in the half that
/// is nearer to the threshold, where attacks do not lie, are explained (Storey: A Direct Approach to False Discovery Rates, JRSS B 64,
/// 2002), and no more than the share asked for.
fn suspects<D: Domain>(events: &[TrainingEvent<D>], normal: &[usize], share: f64) -> Vec<usize> {
    let is_flagged = |&&i: &&usize| events[i].flagged.is_some() && events[i].label.is_none();
    let (mut flagged, passed): (Vec<usize>, Vec<usize>) = normal.iter().partition(is_flagged);
    // A grade is 1 / (1 + p), of the tail p in parts of the threshold's.
    let is_near = |&&i: &&usize| events[i].flagged.is_some_and(|grade| grade < 1.0 / 1.5);
    let asked_for = (share / (1.0 - share) * passed.len() as f64).ceil() as usize;
    let explained = asked_for.min(2 * flagged.iter().filter(is_near).count() + LEAST_EXPLAINED);
    flagged.sort_by(|&a, &b| events[a].flagged.partial_cmp(&events[b].flagged).unwrap_or(Ordering::Equal).then(a.cmp(&b)));
    let mut suspects = flagged.split_off(explained.min(flagged.len()));
    suspects.sort_unstable();
    suspects
}

/// How many of so many rows are held back to set a threshold that this share lies above: enough for [`HELD_ABOVE`] of them, but no more
/// than half. Of a stream it is a third or more, since its hours differ; of rows without an order in time a fifth or more.
fn held_back(rows: usize, share: f64, timed: bool) -> usize {
    let least = rows.div_ceil(if timed { 3 } else { 5 });
    ((HELD_ABOVE / share).ceil() as usize).clamp(least, least.max(rows / 2))
}

/// Fits on those of the rows that are fitted on which `keep` says.
fn fit<D: Domain>(
    events: &[TrainingEvent<D>],
    parts: &Parts,
    matrix: &Matrix,
    plan: &Plan,
    (keep, seed, stop): (&dyn Fn(usize) -> bool, Seed, &Stop),
) -> Result<StoredDetector, FitError> {
    let schema = D::schema();
    let chosen: Vec<usize> = parts.fitted.iter().chain(&parts.learned).copied().filter(|&i| keep(i)).collect();
    let is_anomalous: Vec<bool> = chosen.iter().map(|&i| events[i].label == Some(Label::Anomalous)).collect();
    plan.algorithm.fit_labelled(&schema, shaped(&matrix.rows(&chosen), schema.width()), &is_anomalous, seed, stop)
}

/// Corrections, and the labelled events that they are of.
#[derive(Default)]
struct Corrected {
    corrections: Corrections,
    from: Vec<usize>,
    unmet: Vec<usize>,
}

impl Corrected {
    /// Whether a labelled event is judged right by its unseen score, and by the corrections of the others.
    fn judges_right<D: Domain>(&self, rows: &Rows<'_, D>, before: &D::Baselines, l: &LabelledScore, threshold: Threshold) -> bool {
        if self.corrections.is_empty() {
            return l.is_right(threshold);
        }
        let own = self.from.iter().position(|event| *event == l.event);
        l.is_right(self.corrections.threshold_without(own, &rows.extract(before, l.event), l.unseen, threshold))
    }
}

/// Learns corrections, where people have labelled some events among others.
fn correct<D: Domain>(
    rows: &Rows<'_, D>,
    parts: &Parts,
    events: &[TrainingEvent<D>],
    (matrix, before, served): (&Matrix, &D::Baselines, &dyn Detector),
    held_back: &[f64],
    (threshold, plan): (Threshold, &Plan),
) -> Result<Corrected, FitError> {
    let mut chosen: Vec<usize> = if parts.corrects { parts.judged.iter().chain(&parts.unlearned).copied().collect() } else { Vec::new() };
    chosen.sort_unstable();
    if chosen.is_empty() {
        return Ok(Corrected::default());
    }
    let (schema, scores) = (D::schema(), rows.scores(&chosen, before, served)?);
    let samples: Vec<Vec<f32>> = chosen.iter().map(|&i| rows.extract(before, i)).collect();
    let explain = |place: usize| {
        let found = served.explainer().and_then(|explainer| explainer.explain(&samples[place]).ok());
        found.map_or_else(|| vec![0.0; schema.width()], |found| found.shares)
    };
    let labelled = chosen.iter().zip(&samples).zip(scores).map(|((&i, row), score)| {
        let anomalous = events[i].label == Some(Label::Anomalous);
        labels::Labelled { row, score, anomalous }
    });
    let ordinary: Vec<f32> = parts.held.iter().flat_map(|&i| rows.extract(before, i)).collect();
    let mut sorted = held_back.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |part: usize| sorted[(sorted.len() - 1) * part / 100];
    let bounds = labels::Bounds {
        threshold,
        margin: MARGIN * (at(95) - at(50)),
        ordinary: &ordinary,
        most_flagged: (CORRECTED_PART * plan.share() * parts.held.len() as f64) as usize,
    };
    let resolutions: Vec<f32> = schema.features().iter().map(Feature::resolution).collect();
    let scales = labels::scales(&matrix.rows(&parts.fitted), schema.width(), &resolutions);
    let learned = labels::Corrections::learn(scales, &labelled.collect::<Vec<_>>(), bounds, explain);
    let events_of = |places: Vec<usize>| places.into_iter().map(|place| chosen[place]).collect();
    Ok(Corrected { corrections: learned.corrections, from: events_of(learned.from), unmet: events_of(learned.unmet) })
}

/// Labelled rows that the detector is fitted on, with scores of detectors that are fitted without their block.
fn scores_by_fold<D: Domain>(
    rows: &Rows<'_, D>,
    parts: &Parts,
    matrix: &Matrix,
    fit: impl Fn(usize) -> Result<StoredDetector, FitError>,
) -> Result<Vec<(usize, f64)>, FitError> {
    let mut scored = Vec::with_capacity(parts.judged.len());
    for fold in 0..FOLDS {
        let inside: Vec<usize> = parts.judged.iter().copied().filter(|&i| rows.fold[i] == fold).collect();
        if !inside.is_empty() {
            let found = score_all(fit(fold)?.into_detector().as_ref(), shaped(&matrix.rows(&inside), D::schema().width()));
            scored.extend(inside.into_iter().zip(found.into_iter().map(|score| score.0)));
        }
    }
    Ok(scored)
}

/// The share of rows held back that are judged normal.
fn held_back_normal(held_back: &[f64], threshold: Threshold) -> Option<(String, f64)> {
    let normal = held_back.iter().filter(|score| **score <= threshold.0).count();
    (!held_back.is_empty()).then(|| (HELD_BACK_NORMAL.to_owned(), normal as f64 / held_back.len() as f64))
}

/// How the threshold does on labelled rows of both kinds as if they were new; empty without.
fn unseen_metrics(labelled: &[LabelledScore], threshold: Threshold) -> Vec<(String, f64)> {
    let alarm = |l: &&LabelledScore| l.is_right(threshold) == l.anomalous;
    let (anomalous, legitimate): (Vec<&LabelledScore>, Vec<&LabelledScore>) = labelled.iter().partition(|l| l.anomalous);
    if anomalous.is_empty() || legitimate.is_empty() {
        return Vec::new();
    }
    let caught = anomalous.iter().copied().filter(|l| alarm(l)).count() as f64;
    let wrong = legitimate.iter().copied().filter(|l| alarm(l)).count() as f64;
    let (found, all) = (anomalous.len() as f64, labelled.len() as f64);
    let precision = if caught + wrong > 0.0 { caught / (caught + wrong) } else { 0.0 };
    let recall = caught / found;
    let f1 = if caught > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 };
    let accuracy = (caught + legitimate.len() as f64 - wrong) / all;
    let named = [("unseen_accuracy", accuracy), ("unseen_precision", precision), ("unseen_recall", recall), ("unseen_f1", f1)];
    named.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn learn_confidence(calibration: &Calibration, labelled: &[LabelledScore], threshold: Threshold) -> Option<LabelCalibration> {
    let odds = |l: &LabelledScore| calibration.log_odds(AnomalyScore(l.unseen), threshold);
    let pairs: Vec<(f64, bool)> = labelled.iter().map(|l| (odds(l), l.anomalous)).collect();
    let anomalous = pairs.iter().filter(|p| p.1).count();
    if pairs.len() < LABELS_FOR_CALIBRATION || anomalous == 0 || anomalous == pairs.len() {
        return None;
    }
    LabelCalibration::fit(&pairs)
}
