//! History to model: pure, seeded, and the same on one thread or many.
//!
//! Both baselines and detector see every training row the way serving will see a new one: **out of fold**. The rows are
//! cut into [`FOLDS`]; a row's features come from baselines fitted on the other folds, and its held-back score from a
//! detector fitted on the other folds. Features such as "route never seen" would otherwise be constant in training and
//! the threshold would be set on scores that are too good.

use crate::TrainError;
use crate::classes;
use crate::threshold::{Aim, Chosen, LabelledScore, choose_threshold};
use bartizan_core::{AnomalyScore, Contamination, Detector, Domain, Extract, FitError, Label, Recency, Samples, Seed, Stop, Threshold};
use bartizan_estimators::labels::LabelCalibration;
use bartizan_estimators::thresholds::{Budgeted, FalseAlarmBudget};
use bartizan_estimators::{Algorithm, FittedRandomForest, StoredDetector, calibration::Calibration};
use rayon::prelude::*;

/// Parts that the rows are cut into.
const FOLDS: usize = 5;
/// Times that the numbers of all rows are held at once: the matrix, the rows of a fold without and with those labelled
/// anomalous, what the estimator makes of them, and its own working space.
const COPIES: u64 = 8;
/// Most that those copies may take.
pub(crate) const MAX_TRAINING_BYTES: u64 = 2 << 30;
/// Rows scored before it is looked whether the training was ended.
const SCORED_AT_ONCE: usize = 8_192;
/// Labels from which confidence is calibrated on them.
const LABELS_FOR_CALIBRATION: usize = 50;
/// Largest share of the training rows that copies of rows labelled legitimate may make up.
const LEGITIMATE_SHARE: f64 = 0.1;
/// Largest share of the training rows that copies of one row labelled legitimate may make up.
const ONE_ROW_SHARE: f64 = 0.02;

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
    /// Each labelled event, and whether it is judged right by a detector that has not seen it.
    pub(crate) judged: Vec<(usize, bool)>,
    /// Accuracy, precision, recall and F1 on labelled rows that no detector had seen.
    pub(crate) metrics: Vec<(String, f64)>,
    /// Events learned from, by the detector or as one of a class.
    pub(crate) samples: usize,
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
    pub(crate) max_tracked_clients: usize,
    pub(crate) feature_set: &'static str,
    pub(crate) seed: Seed,
    /// Fewest events with a known class to learn classes from.
    pub(crate) least_classed: usize,
}

/// Refuses events of which almost none may be normal.
pub(crate) fn check_normal<D: Domain>(events: &[TrainingEvent<D>]) -> Result<(), TrainError> {
    let (needed, of) = (2 * FOLDS, events.len());
    let got = events.iter().filter(|e| e.label != Some(Label::Anomalous)).count();
    if got < needed { Err(TrainError::TooFewNormal { needed, got, of }) } else { Ok(()) }
}

/// What the windows said of each event: as it was stored with it, or else as empty windows say when the events are replayed through
/// them, in order of event time.
pub(crate) fn recents<D: Domain>(events: &[TrainingEvent<D>], max_tracked_clients: usize) -> Vec<D::Recent> {
    let windows = events.iter().any(|e| e.recent.is_none()).then(|| D::recency(max_tracked_clients));
    let recent = |e: &TrainingEvent<D>| {
        let replayed = windows.as_ref().map(|windows| windows.observe(&e.event));
        e.recent.clone().or(replayed).unwrap_or_else(|| unreachable!("there are windows where anything is missing"))
    };
    events.iter().map(recent).collect()
}

/// Learns from events, enough of them normal, in order of event time. Labels are those to be learned from: a row labelled anomalous is kept out
/// of what "normal" means, a row labelled legitimate weighs more, and both set the threshold.
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
    let (anomalous, normal): (Vec<usize>, Vec<usize>) = (0..events.len()).partition(|&i| events[i].label == Some(Label::Anomalous));

    let baselines = D::fit_baselines(normal.iter().map(|&i| &events[i].event), plan.feature_set);
    let schema = D::schema();
    let weighted = weigh(events, &normal);
    let learned: Vec<usize> = if plan.algorithm.is_supervised() { anomalous } else { Vec::new() };
    let matrix = rows.extract_out_of_fold(&normal, &learned)?;
    let fit = |keep: &dyn Fn(usize) -> bool, seed: Seed| {
        let chosen: Vec<usize> = weighted.iter().chain(&learned).copied().filter(|&i| keep(i)).collect();
        let values: Vec<f32> = chosen.iter().flat_map(|&i| matrix.row(i)).copied().collect();
        let is_anomalous: Vec<bool> = chosen.iter().map(|&i| events[i].label == Some(Label::Anomalous)).collect();
        plan.algorithm.fit_labelled(&schema, shaped(&values, schema.width()), &is_anomalous, seed, stop)
    };
    let detector = fit(&|_| true, plan.seed)?;

    let judged: Vec<usize> = normal.iter().chain(&learned).copied().collect();
    let held_back = rows.held_back_scores(&judged, &matrix, |fold| {
        let fitted = fit(&|i| rows.fold[i] != fold, plan.seed.derive(1 + fold as u64))?;
        Ok(fitted.into_detector())
    })?;
    let served = detector.clone().into_detector();
    let labelled = rows.labelled_scores(&baselines, served.as_ref(), &held_back)?;
    let unlabelled: Vec<f64> = normal.iter().filter(|&&i| events[i].label.is_none()).map(|&i| held_back[i]).collect();
    let all: Vec<f64> = normal.iter().map(|&i| held_back[i]).collect();
    let basis = if unlabelled.len() >= 2 * FOLDS { &unlabelled } else { &all };
    let aim = plan.false_alarms.map_or(Aim::Contamination(plan.contamination), Aim::Budget);
    // A file of normal traffic alone says what normal is; it corrects nothing.
    let corrects = labelled.iter().any(|l| l.anomalous) || 2 * unlabelled.len() >= normal.len();
    let Chosen { threshold, promise } = choose_threshold(basis, aim, if corrects { &labelled } else { &[] });
    let calibration = Calibration::fit(&all, plan.contamination);
    let confidence = learn_confidence(&calibration, &labelled, threshold);
    let classes = classes::learn::<D>(&rows, events, &baselines, plan.least_classed, (plan.seed, stop));
    stop.check()?;
    let taught = |e: &TrainingEvent<D>| classes.is_some() && classes::taught::<D>(e).is_some();
    let is_learned = |e: &&TrainingEvent<D>| plan.algorithm.is_supervised() || e.label != Some(Label::Anomalous) || taught(e);
    let samples = events.iter().filter(is_learned).count();
    Ok(Trained {
        classes,
        baselines,
        detector,
        calibration,
        confidence,
        threshold,
        promise,
        judged: labelled_events(events).zip(judged_right(&labelled, threshold)).collect(),
        samples,
        metrics: unseen_metrics(&labelled, threshold),
    })
}

fn labelled_events<D: Domain>(events: &[TrainingEvent<D>]) -> impl Iterator<Item = usize> {
    events.iter().enumerate().filter(|(_, e)| e.label.is_some()).map(|(i, _)| i)
}

/// Whether each labelled row is on the right side of the threshold, as a row that no detector has seen.
fn judged_right(labelled: &[LabelledScore], threshold: Threshold) -> impl Iterator<Item = bool> {
    labelled.iter().map(move |l| threshold.decide(AnomalyScore(l.unseen)).is_anomalous() == l.anomalous)
}

/// How the threshold does on labelled rows of both kinds as if they were new; empty without.
fn unseen_metrics(labelled: &[LabelledScore], threshold: Threshold) -> Vec<(String, f64)> {
    let alarm = |l: &&LabelledScore| threshold.decide(AnomalyScore(l.unseen)).is_anomalous();
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

/// The normal rows, those labelled legitimate more than once when they are few: a correction must weigh something
/// against ten thousand rows that nobody looked at.
fn weigh<D: Domain>(events: &[TrainingEvent<D>], normal: &[usize]) -> Vec<usize> {
    let legitimate = normal.iter().filter(|&&i| events[i].label == Some(Label::Legitimate)).count();
    let rows = normal.len() as f64;
    let copies = (LEGITIMATE_SHARE * rows / legitimate.max(1) as f64).min(ONE_ROW_SHARE * rows).floor().max(1.0) as usize;
    let times = |i: usize| if events[i].label == Some(Label::Legitimate) { copies } else { 1 };
    normal.iter().flat_map(|&i| std::iter::repeat_n(i, times(i))).collect()
}

fn folds(rows: usize, seed: Seed) -> Vec<usize> {
    (0..rows).map(|i| (seed.derive(0xf01d).derive(i as u64).0 % FOLDS as u64) as usize).collect()
}

fn shaped(values: &[f32], width: usize) -> Samples<'_> {
    Samples::new(values, width).unwrap_or_else(|e| unreachable!("rows are extracted whole: {e}"))
}

/// The rows of one training, with what the windows said of each.
pub(crate) struct Rows<'a, D: Domain> {
    events: &'a [TrainingEvent<D>],
    recents: &'a [D::Recent],
    /// The fold of each.
    pub(crate) fold: Vec<usize>,
    feature_set: &'static str,
    stop: Stop,
}

/// Numbers of all rows; those not extracted are missing.
pub(crate) struct Matrix {
    values: Vec<f32>,
    width: usize,
}

impl Matrix {
    pub(crate) fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.width..(index + 1) * self.width]
    }
}

impl<'a, D: Domain> Rows<'a, D> {
    /// Events with what the windows said of each.
    pub(crate) fn new(events: &'a [TrainingEvent<D>], recents: &'a [D::Recent], feature_set: &'static str, seed: Seed) -> Self {
        Self { events, recents, fold: folds(events.len(), seed), feature_set, stop: Stop::default() }
    }

    /// Whose work ends early once `stop` is set.
    fn until(self, stop: Stop) -> Self {
        Self { stop, ..self }
    }

    /// Features of the normal rows, each from baselines that have not seen it, and of others in the same way: what differs
    /// between baselines must not tell the ones from the others.
    ///
    /// # Errors
    /// [`FitError::Stopped`].
    pub(crate) fn extract_out_of_fold(&self, normal: &[usize], others: &[usize]) -> Result<Matrix, FitError> {
        let width = D::schema().width();
        let parts = (0..FOLDS)
            .into_par_iter()
            .map(|fold| {
                let baselines = {
                    let rest = normal.iter().filter(|&&i| self.fold[i] != fold).map(|&i| &self.events[i].event);
                    D::fit_baselines(rest, self.feature_set)
                };
                let inside = normal.iter().chain(others).filter(|&&i| self.fold[i] == fold);
                inside.map(|&i| self.stop.check().map(|()| (i, self.extract(&baselines, i)))).collect::<Result<Vec<_>, _>>()
            })
            .collect::<Result<Vec<_>, FitError>>()?;
        let mut matrix = Matrix { values: vec![f32::NAN; width * self.events.len()], width };
        for (i, row) in parts.into_iter().flatten() {
            matrix.values[i * width..(i + 1) * width].copy_from_slice(&row);
        }
        Ok(matrix)
    }

    pub(crate) fn extract(&self, baselines: &D::Baselines, index: usize) -> Vec<f32> {
        let mut row = vec![f32::NAN; D::schema().width()];
        baselines.extract(&self.events[index].event, &self.recents[index], &mut row);
        row
    }

    /// Scores of the chosen rows, each from a detector that has not seen it; NaN for the others.
    fn held_back_scores(
        &self,
        chosen: &[usize],
        matrix: &Matrix,
        fit: impl Fn(usize) -> Result<std::sync::Arc<dyn Detector>, FitError> + Sync,
    ) -> Result<Vec<f64>, FitError> {
        let mut scores = vec![f64::NAN; self.events.len()];
        for fold in 0..FOLDS {
            let inside: Vec<usize> = chosen.iter().copied().filter(|&i| self.fold[i] == fold).collect();
            if inside.is_empty() {
                continue;
            }
            let values: Vec<f32> = inside.iter().flat_map(|&i| matrix.row(i)).copied().collect();
            let fitted = fit(fold)?;
            for (inside, values) in inside.chunks(SCORED_AT_ONCE).zip(values.chunks(SCORED_AT_ONCE * matrix.width)) {
                self.stop.check()?;
                let found = score_all(fitted.as_ref(), shaped(values, matrix.width));
                inside.iter().zip(found).for_each(|(i, score)| scores[*i] = score.0);
            }
        }
        Ok(scores)
    }

    /// Labelled rows with scores of detectors that have not seen them: the held-back one, and of rows that nothing was learned
    /// from, the finished detector's.
    fn labelled_scores(
        &self,
        baselines: &D::Baselines,
        detector: &dyn Detector,
        held_back: &[f64],
    ) -> Result<Vec<LabelledScore>, FitError> {
        self.stop.check()?;
        let labelled = || self.events.iter().enumerate().filter_map(|(i, e)| Some((i, e.label?)));
        let left: Vec<usize> = labelled().map(|(i, _)| i).filter(|&i| held_back[i].is_nan()).collect();
        let values: Vec<f32> = left.par_iter().flat_map_iter(|&i| self.extract(baselines, i)).collect();
        let mut served = score_all(detector, shaped(&values, D::schema().width())).into_iter().map(|score| score.0);
        let unseen = |i: usize, served: &mut dyn Iterator<Item = f64>| match held_back[i] {
            score if score.is_nan() => served.next().unwrap_or(score),
            score => score,
        };
        Ok(labelled().map(|(i, label)| LabelledScore { unseen: unseen(i, &mut served), anomalous: label.is_anomalous() }).collect())
    }
}

pub(crate) fn score_all(detector: &dyn Detector, samples: Samples<'_>) -> Vec<AnomalyScore> {
    let mut out = vec![AnomalyScore(0.0); samples.rows()];
    detector.score(samples, &mut out).unwrap_or_else(|e| unreachable!("the schema was compared when the model was made: {e}"));
    out
}
