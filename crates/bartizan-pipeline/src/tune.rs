//! Finds an algorithm by trying: fit many on the same rows, compare them on rows that none has seen.
//!
//! With labels of anomalies, the criterion is how well a candidate ranks them above the held-back normal rows. Without,
//! made-up anomalies stand in for them: rows drawn from a reference distribution, as detecting anomalies is telling the
//! data from a reference (Steinwart, Hush, Scovel: A Classification Framework for Anomaly Detection, JMLR 6, 2005). Two
//! references are used, half of the rows each: values of some features swapped in from other rows, which breaks what
//! belongs together, and values of a few features pushed beyond what is usual.

use crate::rows::{FOLDS, Rows, score_all};
use crate::training::{TrainingEvent, recents};
use crate::{RequestError, Settings, TrainError};
use bartizan_core::{Domain, Label, Record, Samples, Seed, Stop};
use bartizan_estimators::{Algorithm, ParamValue, RawParams, metrics, search};
use std::time::{Duration, Instant};

/// Most rows that candidates are fitted on.
const MAX_FIT: usize = 10_000;
/// Most normal rows that candidates are compared on.
const MAX_TEST: usize = 4_000;
/// Fewest labelled anomalies that decide; with fewer, made-up ones do.
const MIN_ANOMALOUS: usize = 10;

/// What candidates are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Criterion {
    /// Area under the ROC curve of labelled anomalies against held-back normal rows.
    Labels,
    /// The same of made-up anomalies.
    MadeUp,
}

/// One candidate that was tried.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The algorithm.
    pub algorithm: &'static str,
    /// What was set; the rest is default.
    pub asked: Vec<(String, ParamValue)>,
    /// How it did.
    pub outcome: Result<Outcome, String>,
}

/// How a candidate did.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// The criterion, in [0, 1]; higher is better.
    pub criterion: f64,
    /// Share of the anomalies above the threshold that passes 1 % of the held-back normal rows.
    pub recall_at_1_percent: f64,
    /// How long fitting took.
    pub fit_secs: f64,
    /// How long scoring one row took, in a batch.
    pub score_micros: f64,
}

/// All that were tried, the best first.
#[derive(Clone, Debug)]
pub struct Tuning {
    /// What they were compared by.
    pub criterion: Criterion,
    /// Rows fitted on.
    pub fitted_on: usize,
    /// Normal rows and anomalies compared on.
    pub compared_on: (usize, usize),
    /// The best first; those that failed last.
    pub trials: Vec<Trial>,
    /// Candidates that the time did not reach.
    pub untried: usize,
}

/// Tries candidates until all are done or `time` is over; one that has begun is finished. `progress` is called before
/// each with its place, the number of candidates and its name.
///
/// # Errors
/// When there are too few events.
pub fn tune<D: Domain>(
    events: Vec<Record<D::Event>>,
    settings: &Settings,
    time: Duration,
    progress: &mut dyn FnMut(usize, usize, &str),
) -> Result<Tuning, TrainError> {
    let started = Instant::now();
    let event = |e: Record<D::Event>| TrainingEvent {
        event: e.event,
        recent: None,
        label: e.label,
        said: e.label,
        is_given: true,
        seen_before: false,
        id: None,
        flagged: None,
    };
    let events: Vec<TrainingEvent<D>> = events.into_iter().map(event).collect();
    let needed = settings.min_training_samples;
    if events.len() < needed {
        return Err(TrainError::TooFewEvents { needed, got: events.len(), excluded: 0 });
    }
    let task = Task::new::<D>(&events, settings);
    let candidates = search::candidates();
    let (count, mut trials) = (candidates.len(), Vec::new());
    for (index, raw) in candidates.into_iter().enumerate() {
        if started.elapsed() >= time && !trials.is_empty() {
            break;
        }
        let algorithm = Algorithm::from_raw(&raw, "").map_err(RequestError::from)?;
        progress(index, count, algorithm.name());
        trials.push(task.trial(&algorithm, raw, settings.seed));
    }
    let untried = count - trials.len();
    let by = |trial: &Trial| trial.outcome.as_ref().map_or(f64::NEG_INFINITY, |outcome| outcome.criterion);
    trials.sort_by(|a, b| by(b).total_cmp(&by(a)));
    let compared_on = (task.normal_tests, task.is_anomalous.len() - task.normal_tests);
    Ok(Tuning { criterion: task.criterion, fitted_on: task.fit.len() / task.width, compared_on, trials, untried })
}

/// Rows to fit on and to compare on, the same for all candidates.
struct Task {
    width: usize,
    schema: bartizan_core::FeatureSchema,
    fit: Vec<f32>,
    fit_anomalous: Vec<bool>,
    test: Vec<f32>,
    is_anomalous: Vec<bool>,
    normal_tests: usize,
    criterion: Criterion,
}

impl Task {
    fn new<D: Domain>(events: &[TrainingEvent<D>], settings: &Settings) -> Self {
        let recents = recents(events, &settings.tracking());
        let rows = Rows::<D>::new(events, &recents, settings.feature_set, settings.seed);
        let (anomalous, normal): (Vec<usize>, Vec<usize>) = (0..events.len()).partition(|&i| events[i].label == Some(Label::Anomalous));
        let whole = rows.baselines(normal.iter().copied());
        let matrix = rows.extract_out_of_fold(&normal, &[], &whole).unwrap_or_else(|e| unreachable!("nobody stops it: {e}"));
        let (held_back, kept): (Vec<usize>, Vec<usize>) = normal.iter().partition(|&&i| rows.fold[i] == FOLDS - 1);
        let (mut fit, mut test) = (matrix.rows(&thinned(&kept, MAX_FIT)), matrix.rows(&thinned(&held_back, MAX_TEST)));
        let width = D::schema().width();
        let normal_tests = test.len() / width;
        let mut fit_anomalous = vec![false; fit.len() / width];
        let criterion = if anomalous.len() >= MIN_ANOMALOUS { Criterion::Labels } else { Criterion::MadeUp };
        match criterion {
            Criterion::Labels => {
                let baselines = rows.baselines(kept.iter().copied());
                for (place, &i) in anomalous.iter().enumerate() {
                    // Supervised candidates learn from one half and are judged by the other, as all are.
                    let into = if place % 2 == 0 { &mut test } else { &mut fit };
                    into.extend(rows.extract(&baselines, i));
                }
                fit_anomalous.resize(fit.len() / width, true);
            }
            Criterion::MadeUp => test.extend(made_up(&test, &fit, width, settings.seed.derive(0x0dd))),
        }
        let mut is_anomalous = vec![false; normal_tests];
        is_anomalous.resize(test.len() / width, true);
        Self { width, schema: D::schema(), fit, fit_anomalous, test, is_anomalous, normal_tests, criterion }
    }

    fn trial(&self, algorithm: &Algorithm, raw: RawParams, seed: Seed) -> Trial {
        let outcome = self.outcome(algorithm, seed);
        Trial { algorithm: algorithm.name(), asked: raw.values.into_iter().collect(), outcome }
    }

    fn outcome(&self, algorithm: &Algorithm, seed: Seed) -> Result<Outcome, String> {
        let shaped = |values| Samples::new(values, self.width).map_err(|e| e.to_string());
        let began = Instant::now();
        let fitted = algorithm
            .fit_labelled(&self.schema, shaped(&self.fit)?, &self.fit_anomalous, seed, &Stop::default())
            .map_err(|e| e.to_string())?;
        let (fit_secs, detector) = (began.elapsed().as_secs_f64(), fitted.into_detector());
        let began = Instant::now();
        let scores: Vec<f64> = score_all(detector.as_ref(), shaped(&self.test)?).into_iter().map(|score| score.0).collect();
        let score_micros = began.elapsed().as_secs_f64() * 1e6 / scores.len() as f64;
        Ok(Outcome {
            criterion: metrics::roc_auc(&scores, &self.is_anomalous),
            recall_at_1_percent: metrics::recall_at_fpr(&scores, &self.is_anomalous, 0.01).0,
            fit_secs,
            score_micros,
        })
    }
}

/// At most `most` of them, evenly.
fn thinned(rows: &[usize], most: usize) -> Vec<usize> {
    rows.iter().copied().step_by(rows.len().div_ceil(most).max(1)).collect()
}

/// One made-up anomaly for every row: every second one swaps a third of its features with other rows, the others have up
/// to three features pushed 1 to 4 times the width of the usual range beyond it.
fn made_up(rows: &[f32], usual: &[f32], width: usize, seed: Seed) -> Vec<f32> {
    let mut made = rows.to_vec();
    let ranges = ranges(usual, width);
    for (index, row) in made.chunks_exact_mut(width).enumerate() {
        let mut step = 0;
        let mut below = |most: usize| {
            step += 1;
            (seed.derive(index as u64).derive(step).0 % most.max(1) as u64) as usize
        };
        if index % 2 == 0 {
            for _ in 0..width.div_ceil(3) {
                let (feature, other) = (below(width), below(rows.len() / width));
                row[feature] = rows[other * width + feature];
            }
        } else {
            for _ in 0..=below(3) {
                let (feature, times, up) = (below(width), 1 + below(4), below(2) == 0);
                let (low, high) = ranges[feature];
                let far = times as f32 * (high - low).max(f32::MIN_POSITIVE);
                row[feature] = if up { high + far } else { low - far };
            }
        }
    }
    made
}

/// Where 90 % of each feature's present values lie, or all if these are one value; a constant is given a width of 1.
fn ranges(usual: &[f32], width: usize) -> Vec<(f32, f32)> {
    let range = |feature: usize| {
        let mut values: Vec<f32> = usual.chunks_exact(width).map(|row| row[feature]).filter(|v| v.is_finite()).collect();
        values.sort_by(f32::total_cmp);
        let Some(last) = values.len().checked_sub(1) else { return (0.0, 1.0) };
        let at = |share: f64| values[(share * last as f64) as usize];
        [(at(0.05), at(0.95)), (values[0], values[last])].into_iter().find(|(low, high)| high > low).unwrap_or((values[0], values[0] + 1.0))
    };
    (0..width).map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::{made_up, ranges};
    use bartizan_core::Seed;

    #[test]
    fn made_up_anomalies_differ_from_their_rows() {
        let rows: Vec<f32> = (0..600).map(|i| (i % 7) as f32 + (i % 3) as f32 * 10.0).collect();
        let made = made_up(&rows, &rows, 6, Seed(3));
        assert_eq!(made.len(), rows.len());
        assert_eq!(made, made_up(&rows, &rows, 6, Seed(3)));
        let pairs = made.chunks_exact(6).zip(rows.chunks_exact(6));
        let (swapped, pushed): (Vec<_>, Vec<_>) = pairs.enumerate().partition(|(i, _)| i % 2 == 0);
        let range = ranges(&rows, 6);
        let beyond = |(_, (row, _)): &(usize, (&[f32], &[f32]))| row.iter().zip(&range).any(|(v, (low, high))| v < low || v > high);
        assert!(pushed.iter().all(beyond));
        assert!(swapped.iter().filter(|(_, (made, row))| made != row).count() > swapped.len() / 2);
    }

    #[test]
    fn a_constant_has_a_width() {
        assert_eq!(ranges(&[5.0; 10], 1), [(5.0, 6.0)]);
        assert_eq!(ranges(&[f32::NAN; 10], 1), [(0.0, 1.0)]);
    }
}
