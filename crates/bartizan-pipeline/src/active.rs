//! A model at work.

use crate::live::Live;
use crate::{ClassVerdict, Explanation, LoadError, ModelInfo, Reason, TrainRequest, classes};
use bartizan_core::{AnomalyScore, Confidence, Detector, Domain, Explain as _, Extract, FeatureSchema, Samples, Threshold, Verdict};
use bartizan_estimators::calibration::{Calibration, right};
use bartizan_estimators::format::{self, FormatError, ModelFile};
use bartizan_estimators::labels::{Corrections, LabelCalibration};
use bartizan_estimators::{FittedRandomForest, ParamValue};
use bartizan_storage::{EntityHash, ModelRecord, NewModel};
use std::sync::Arc;

/// Most reasons given for one event.
const MAX_REASONS: usize = 5;
/// Most bytes of stored baselines: tables of them take several times as much in memory.
const MAX_BASELINES_BYTES: usize = 32 << 20;
/// Bytes of fields that were added to baselines since release 0.1.0.
const ADDED_BASELINES: usize = 1;
/// Least part of the largest share in a class that is a reason for it.
const LEAST_CLASS_SHARE: f64 = 0.05;

/// The active model of an instance: swapped as a whole.
pub(crate) struct Active<D: Domain> {
    pub(crate) info: ModelInfo,
    pub(crate) version: Arc<str>,
    baselines: D::Baselines,
    detector: Arc<dyn Detector>,
    calibration: Calibration,
    /// How far the threshold lies above the score that the share asked for of the held-back rows is above.
    room: f64,
    labels: Option<LabelCalibration>,
    corrections: Corrections,
    classes: Option<FittedRandomForest>,
    threshold: Threshold,
    /// What it learns of the traffic while it judges.
    pub(crate) live: Live,
    width: usize,
}

/// A row with its score.
pub(crate) struct Unjudged {
    row: Vec<f32>,
    score: AnomalyScore,
    class: Option<ClassVerdict>,
    /// Whether the model has learned from events such as this one.
    covered: bool,
}

/// A row with what the model says of it.
pub(crate) struct Scored {
    pub(crate) row: Vec<f32>,
    pub(crate) score: AnomalyScore,
    pub(crate) threshold: Threshold,
    pub(crate) verdict: Verdict,
    pub(crate) grade: f64,
    pub(crate) confidence: f64,
    pub(crate) class: Option<ClassVerdict>,
}

impl<D: Domain> Active<D> {
    /// Checks a stored model and makes it ready. A mismatch of features fails here, not at the millionth event.
    pub(crate) fn load(stored: &NewModel) -> Result<Self, LoadError> {
        let damaged = |reason| LoadError::Damaged { version: stored.version.clone(), reason };
        let file = format::decode(&stored.blob).map_err(damaged)?;
        check_schema::<D>(&file)?;
        if file.classes.as_ref().is_some_and(|classes| classes.classes() != D::CLASSES) {
            return Err(damaged(FormatError::Body(format!("its classes are not {}", D::CLASSES.join(", ")))));
        }
        let (needed, limit) = (file.baselines.len() as u64, MAX_BASELINES_BYTES as u64);
        if needed > limit {
            return Err(damaged(FormatError::TooMuchMemory { what: "its baselines", needed, limit }));
        }
        // Fields are only ever added at the end, and begin as 0: baselines of an older release are read as ones that end in zeros.
        let padded = [file.baselines.as_slice(), &[0; ADDED_BASELINES]].concat();
        let baselines = postcard::from_bytes(&padded).map_err(|e| damaged(FormatError::Body(format!("baselines: {e}"))))?;
        let info = info(&ModelRecord {
            size_bytes: stored.blob.len() as u64,
            is_active: true,
            model: NewModel { blob: Vec::new(), ..stored.clone() },
        });
        let asked = asked(&info).unwrap_or_else(|| file.calibration.tail(AnomalyScore(file.threshold.0)));
        let room = (file.threshold.0 - file.calibration.score_at(asked).0).max(0.0);
        let follows = file.detector.own_threshold().is_none();
        Ok(Self {
            room,
            live: Live::new(asked, file.calibration.rows()).following(follows),
            info,
            version: Arc::from(stored.version.as_str()),
            baselines,
            detector: file.detector.into_detector(),
            calibration: file.calibration,
            labels: file.labels,
            corrections: file.corrections,
            classes: file.classes,
            threshold: file.threshold,
            width: file.schema.width(),
        })
    }

    /// The share of alarms that was asked of it.
    pub(crate) fn asked(&self) -> f64 {
        asked(&self.info).unwrap_or(0.0)
    }

    /// Live counts as they are before any event was judged.
    pub(crate) fn fresh_live(&self) -> Live {
        Live::new(self.live.asked(), self.calibration.rows()).following(self.detector.own_threshold().is_none())
    }

    /// The threshold now.
    fn threshold(&self, live: &Live) -> Threshold {
        let at = |tail: f64| self.calibration.score_at(tail).0;
        let (tail, asked) = (live.tail(), live.asked());
        // So that it is exactly the model's own where it has not moved.
        if tail == asked {
            return self.threshold;
        }
        // Events that are all alike are flagged together or not at all: it goes down to the next lower score of those held back, and not below.
        let lowest = |tail: f64| self.calibration.lowest_at(tail).0;
        let moved = at(tail) - at(asked);
        Threshold(self.threshold.0 + if tail > asked { moved.max(lowest(tail) - lowest(asked)) } else { moved })
    }

    /// The budget that was asked of it, as a request.
    pub(crate) fn budget(&self) -> TrainRequest {
        let named = |name: &str| match self.info.parameters.iter().find(|(n, _)| n == name) {
            Some((_, ParamValue::Number(number))) => Some(*number),
            _ => None,
        };
        let one_false_alarm_in = named("one_false_alarm_in").map(|one_in| one_in as u64);
        let contamination = named("contamination").filter(|_| one_false_alarm_in.is_none());
        TrainRequest { one_false_alarm_in, contamination, ..TrainRequest::default() }
    }

    /// The tail of a score, such that the threshold's is the share asked for: what lies in the room below it is no alarm.
    fn tail(&self, score: AnomalyScore) -> f64 {
        self.calibration.tail(AnomalyScore(score.0 - self.room))
    }

    /// Decides on an event that was scored, as the threshold and the traffic are now, and counts it.
    pub(crate) fn judge(&self, live: &Live, unjudged: Unjudged, event: &D::Event) -> Scored {
        let covered = unjudged.covered;
        let (scored, facts) = (self.decide(live, unjudged), D::facts(event));
        if covered {
            live.count(self.tail(scored.score), scored.verdict, EntityHash::of(&facts.entity), facts.time);
        }
        scored
    }

    /// Scores one event. Allocates the row only, which the store keeps.
    pub(crate) fn score(&self, event: &D::Event, recent: &D::Recent) -> Unjudged {
        let mut row = vec![f32::NAN; self.width];
        self.baselines.extract(event, recent, &mut row);
        let mut out = [AnomalyScore(0.0)];
        self.score_rows(&row, &mut out);
        let class = self.judge_classes(&row).and_then(|classes| classes.first().copied());
        let class = class.map(|class| classes::weigh::<D>(event, class));
        Unjudged { row, score: out[0], class, covered: self.covers(event) }
    }

    /// Scores many events at once, which matrix products are faster at.
    pub(crate) fn score_many<'a>(&self, events: impl ExactSizeIterator<Item = (&'a D::Event, &'a D::Recent)>) -> Vec<Unjudged> {
        let mut scored = Vec::with_capacity(events.len());
        self.score_each(events, |row, unjudged| scored.push(Unjudged { row: row.to_vec(), ..unjudged }));
        scored
    }

    /// The same, with each row where it lies and not in what is scored: most rows of a batch need not be kept.
    pub(crate) fn score_each<'a>(
        &self,
        events: impl ExactSizeIterator<Item = (&'a D::Event, &'a D::Recent)>,
        mut each: impl FnMut(&[f32], Unjudged),
    ) {
        let mut rows = vec![f32::NAN; self.width * events.len()];
        let mut out = vec![AnomalyScore(0.0); events.len()];
        let events: Vec<(&D::Event, &D::Recent)> = events.collect();
        for ((event, recent), row) in events.iter().zip(rows.chunks_exact_mut(self.width)) {
            self.baselines.extract(event, recent, row);
        }
        self.score_rows(&rows, &mut out);
        let classes = self.judge_classes(&rows);
        for (i, (row, score)) in rows.chunks_exact(self.width).zip(out).enumerate() {
            let class = classes.as_ref().map(|classes| classes::weigh::<D>(events[i].0, classes[i]));
            each(row, Unjudged { row: Vec::new(), score, class, covered: self.covers(events[i].0) });
        }
    }

    /// Whether events such as this one are among those that the model has learned from.
    pub(crate) fn covers(&self, event: &D::Event) -> bool {
        self.baselines.covers(event)
    }

    fn score_rows(&self, rows: &[f32], out: &mut [AnomalyScore]) {
        let samples = Samples::new(rows, self.width).unwrap_or_else(|e| unreachable!("rows are extracted whole: {e}"));
        self.detector.score(samples, out).unwrap_or_else(|e| unreachable!("the schema was compared on loading: {e}"));
    }

    fn judge_classes(&self, rows: &[f32]) -> Option<Vec<ClassVerdict>> {
        Some(classes::judge::<D>(self.classes.as_ref()?, Samples::new(rows, self.width).ok()?))
    }

    /// Tells classes apart, if the model does.
    pub(crate) fn classes(&self) -> Option<&FittedRandomForest> {
        self.classes.as_ref()
    }

    /// Decides on what was scored, and counts nothing.
    pub(crate) fn decide(&self, live: &Live, mut unjudged: Unjudged) -> Scored {
        let row = std::mem::take(&mut unjudged.row);
        let scored = self.decide_by(live, &row, unjudged);
        Scored { row, ..scored }
    }

    /// The same with the row where it lies; it is not in what comes back.
    pub(crate) fn decide_by(&self, live: &Live, row: &[f32], Unjudged { score, class, covered, .. }: Unjudged) -> Scored {
        let threshold = self.corrections.threshold(row, score.0, self.threshold(live));
        // What nothing like it was learned from is not anomalous for that.
        let score = if covered { score } else { AnomalyScore(score.0.min(threshold.0)) };
        Scored {
            score,
            threshold,
            verdict: threshold.decide(score),
            grade: self.calibration.grade(score, threshold).get(),
            confidence: self.confidence(live, score, threshold).get(),
            class,
            row: Vec::new(),
        }
    }

    fn confidence(&self, live: &Live, score: AnomalyScore, threshold: Threshold) -> Confidence {
        match &self.labels {
            Some(labels) => self.calibration.confidence_by(labels, score, threshold),
            None => right(live.anomalous(self.tail(score)), threshold.decide(score)),
        }
    }

    /// Why a row was judged as it was; `None` when the algorithm cannot say.
    pub(crate) fn explain(&self, event: &D::Event, row: &[f32], schema: &FeatureSchema) -> Option<Explanation> {
        let explainer = self.detector.explainer()?;
        let attribution = explainer.explain(row).ok()?;
        let class_shares = self.class_shares(row).or_else(|| (!self.covers(event)).then(|| vec![0.0; row.len()]));
        let shares = class_shares.as_ref().unwrap_or(&attribution.shares);
        let mut order: Vec<usize> = (0..row.len()).filter(|&i| shares[i] > 0.0).collect();
        order.sort_by(|&a, &b| shares[b].total_cmp(&shares[a]).then(a.cmp(&b)));
        let reason = |&i: &usize| {
            let text = self.baselines.reason(event, row, i)?;
            let value = row[i].is_finite().then(|| f64::from(row[i]));
            Some(Reason { feature: schema.features()[i].name.to_string(), value, share: shares[i], text })
        };
        let told = classes::reason::<D>(event, row, schema);
        let mut reasons: Vec<Reason> = told.into_iter().chain(order.iter().filter_map(reason)).take(MAX_REASONS).collect();
        // Where nothing stands out by itself, what adds the most is named by what it measures.
        if reasons.is_empty()
            && let Some(&i) = order.iter().find(|i| row[**i].is_finite())
        {
            let (feature, value) = (&schema.features()[i], f64::from(row[i]));
            let text = format!("{} {value:.2} {}", feature.description, feature.unit);
            reasons.push(Reason { feature: feature.name.to_string(), value: Some(value), share: shares[i], text });
        }
        Some(Explanation { attribution, exact: explainer.exact(), reasons })
    }

    /// What each feature adds to the probability that a row is not normal, where its class is not; small shares are 0.
    fn class_shares(&self, row: &[f32]) -> Option<Vec<f64>> {
        let class = self.judge_classes(row)?.first().copied()?;
        let mut shares = self.classes.as_ref().filter(|_| class.index != 0)?.explain(row).ok()?.shares;
        let least = shares.iter().copied().fold(0.0, f64::max) * LEAST_CLASS_SHARE;
        shares.iter_mut().filter(|share| **share < least).for_each(|share| *share = 0.0);
        Some(shares)
    }
}

/// The share of alarms that was asked of a model.
fn asked(info: &ModelInfo) -> Option<f64> {
    let named = |name: &str| match info.parameters.iter().find(|(n, _)| n == name) {
        Some((_, ParamValue::Number(number))) => Some(*number),
        _ => None,
    };
    named("one_false_alarm_in").map(|n| 1.0 / n).or_else(|| named("contamination"))
}

fn check_schema<D: Domain>(file: &ModelFile) -> Result<(), LoadError> {
    let here = D::schema();
    if file.kind == D::NAME && file.schema.fingerprint() == here.fingerprint() {
        return Ok(());
    }
    let name = |kind: &str, schema: &FeatureSchema| format!("{kind} with {} features ({:016x})", schema.width(), schema.fingerprint());
    Err(LoadError::Mismatch { version: file.model_version.clone(), expected: name(&file.kind, &file.schema), got: name(D::NAME, &here) })
}

/// Parameters and metrics as the store keeps them: JSON text.
#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Details {
    pub(crate) parameters: Vec<(String, ParamValue)>,
    pub(crate) metrics: Vec<(String, f64)>,
    /// See [`ModelInfo::by_itself`]; absent in models of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by_itself: Option<i64>,
}

pub(crate) fn info(record: &ModelRecord) -> ModelInfo {
    let model = &record.model;
    let details: Details = serde_json::from_str(&model.details).unwrap_or_default();
    ModelInfo {
        version: model.version.clone(),
        algorithm: model.algorithm.clone(),
        is_active: record.is_active,
        trained_at: model.trained_at,
        training_samples: model.training_samples,
        n_features: model.n_features,
        size_bytes: record.size_bytes,
        sha256: model.sha256.clone(),
        accuracy: model.accuracy,
        parameters: details.parameters,
        metrics: details.metrics,
        by_itself: details.by_itself,
    }
}
