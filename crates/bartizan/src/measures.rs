//! Measures of a labelled file, from the judgements on it.

use crate::records::Loaded;
use bartizan_core::Domain;
use bartizan_estimators::metrics;
use bartizan_pipeline::Judgement;
use serde::Serialize;
use std::collections::BTreeMap;

/// Bins of the calibration error.
const CALIBRATION_BINS: usize = 10;

/// How a model did.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measures {
    /// Labelled events.
    pub(crate) events: usize,
    /// Of these, anomalous.
    pub(crate) anomalous: usize,
    /// Area under the ROC curve.
    pub(crate) roc_auc: f64,
    /// Area under the precision-recall curve.
    pub(crate) average_precision: f64,
    /// Recall at the threshold that passes 1 % of the legitimate events.
    pub(crate) recall_at_1_percent: f64,
    /// Recall at the threshold that passes 5 % of the legitimate events.
    pub(crate) recall_at_5_percent: f64,
    /// Verdicts against labels.
    pub(crate) confusion: Confusion,
    /// Share of anomalous verdicts that are right.
    pub(crate) precision: f64,
    /// Share of anomalous events that were caught.
    pub(crate) recall: f64,
    /// Harmonic mean of both.
    pub(crate) f1: f64,
    /// Expected calibration error of the confidence in verdicts.
    pub(crate) calibration_error: f64,
    /// By the name that the file gives a kind of event.
    pub(crate) by_name: Vec<Named>,
}

/// Verdicts against labels.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Confusion {
    pub(crate) true_positives: usize,
    pub(crate) false_positives: usize,
    pub(crate) true_negatives: usize,
    pub(crate) false_negatives: usize,
}

/// One kind of event.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) events: usize,
    /// Share of them judged anomalous: recall for an attack, false positives for normal traffic.
    pub(crate) judged_anomalous: f64,
}

impl Measures {
    /// Of the labelled events in `loaded`, each judged by the judgement at its place.
    pub(crate) fn of<D: Domain>(loaded: &Loaded<D>, judged: &[Judgement]) -> Self {
        let labelled = loaded.labels.iter().zip(judged).filter_map(|(label, judgement)| Some((label.as_ref()?.is_anomalous(), judgement)));
        let (truth, judged_labelled): (Vec<bool>, Vec<&Judgement>) = labelled.unzip();
        let scores: Vec<f64> = judged_labelled.iter().map(|judgement| judgement.score.unwrap_or_default()).collect();
        let confusion = confusion(&truth, &judged_labelled);
        let share = |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let precision = share(confusion.true_positives, confusion.true_positives + confusion.false_positives);
        let recall = share(confusion.true_positives, confusion.true_positives + confusion.false_negatives);
        let right = truth.iter().zip(&judged_labelled).map(|(truth, j)| *truth == j.verdict.is_anomalous());
        let (confidences, right): (Vec<f64>, Vec<bool>) = judged_labelled.iter().map(|j| j.confidence).zip(right).unzip();
        Self {
            events: truth.len(),
            anomalous: truth.iter().filter(|anomalous| **anomalous).count(),
            roc_auc: metrics::roc_auc(&scores, &truth),
            average_precision: metrics::average_precision(&scores, &truth),
            recall_at_1_percent: metrics::recall_at_fpr(&scores, &truth, 0.01).0,
            recall_at_5_percent: metrics::recall_at_fpr(&scores, &truth, 0.05).0,
            confusion,
            precision,
            recall,
            f1: if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 },
            calibration_error: metrics::expected_calibration_error(&confidences, &right, CALIBRATION_BINS),
            by_name: by_name(&loaded.names, judged),
        }
    }
}

fn confusion(truth: &[bool], judged: &[&Judgement]) -> Confusion {
    let mut confusion = Confusion::default();
    for (truth, judgement) in truth.iter().zip(judged) {
        match (truth, judgement.verdict.is_anomalous()) {
            (true, true) => confusion.true_positives += 1,
            (false, true) => confusion.false_positives += 1,
            (false, false) => confusion.true_negatives += 1,
            (true, false) => confusion.false_negatives += 1,
        }
    }
    confusion
}

fn by_name(names: &[Option<String>], judged: &[Judgement]) -> Vec<Named> {
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (name, judgement) in names.iter().zip(judged) {
        if let Some(name) = name {
            let count = counts.entry(name).or_default();
            count.0 += 1;
            count.1 += usize::from(judgement.verdict.is_anomalous());
        }
    }
    let named = |(name, (events, anomalous)): (&str, (usize, usize))| Named {
        name: name.to_owned(),
        events,
        judged_anomalous: anomalous as f64 / events as f64,
    };
    counts.into_iter().map(named).collect()
}
