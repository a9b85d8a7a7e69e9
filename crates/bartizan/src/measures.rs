//! Measures of a labelled file, from the judgements on it.

use crate::records::Loaded;
use bartizan_core::Domain;
use bartizan_estimators::metrics::{self, ClassConfusion};
use bartizan_pipeline::{ClassVerdict, Judgement, Reliability, reliability};
use serde::Serialize;
use std::collections::BTreeMap;

/// Bins of the calibration error.
const CALIBRATION_BINS: usize = 10;

/// Bins of the calibration error of classes, finer: a forest's votes are multiples of a hundredth.
const CLASS_BINS: usize = 15;

/// Measures of a model on labelled events.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Measures {
    /// How well it tells classes apart; nothing for kinds without, and for files that name none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) classes: Option<ClassMeasures>,
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
    /// Verdicts that were right, by verdict and confidence.
    pub(crate) reliability: Vec<Reliability>,
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
    /// Computes the measures of the labelled events in `loaded`, each with the judgement at the same index.
    pub(crate) fn of<D: Domain>(loaded: &Loaded<D>, judged: &[Judgement]) -> Self {
        let labelled = loaded.labels.iter().zip(judged).filter_map(|(label, judgement)| Some((label.as_ref()?.is_anomalous(), judgement)));
        let (truth, judged_labelled): (Vec<bool>, Vec<&Judgement>) = labelled.unzip();
        let scores: Vec<f64> = judged_labelled.iter().map(|judgement| judgement.score.unwrap_or_default()).collect();
        let confusion = confusion(&truth, &judged_labelled);
        let share = |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
        let precision = share(confusion.true_positives, confusion.true_positives + confusion.false_positives);
        let recall = share(confusion.true_positives, confusion.true_positives + confusion.false_negatives);
        let right = truth.iter().zip(&judged_labelled).map(|(truth, j)| *truth == j.verdict.is_anomalous());
        let said = truth.iter().zip(&judged_labelled);
        let reliability = reliability(said.map(|(truth, j)| (j.verdict, j.confidence, *truth == j.verdict.is_anomalous())));
        let (confidences, right): (Vec<f64>, Vec<bool>) = judged_labelled.iter().map(|j| j.confidence).zip(right).unzip();
        Self {
            classes: ClassMeasures::of(loaded, judged),
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
            reliability,
            by_name: by_name(&loaded.names, judged),
        }
    }
}

/// How well a model tells classes apart.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ClassMeasures {
    /// Events with a known class.
    pub(crate) events: u64,
    /// Share of them given that class.
    pub(crate) accuracy: f64,
    /// Expected calibration error of the probability of the class given.
    pub(crate) calibration_error: f64,
    /// The classes that the events have, in the order of the kind.
    pub(crate) by_class: Vec<ClassFigure>,
}

/// One class.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ClassFigure {
    pub(crate) class: &'static str,
    pub(crate) events: u64,
    /// Share of them given that class.
    pub(crate) recall: f64,
    /// Share of the events given that class that are of it; nothing when none was.
    pub(crate) precision: Option<f64>,
}

impl ClassMeasures {
    fn of<D: Domain>(loaded: &Loaded<D>, judged: &[Judgement]) -> Option<Self> {
        let known = loaded.events.iter().zip(judged).filter_map(|(event, judgement)| Some((D::class(event)?, judgement.class?)));
        let (truth, given): (Vec<usize>, Vec<ClassVerdict>) = known.unzip();
        if truth.is_empty() {
            return None;
        }
        let predicted: Vec<usize> = given.iter().map(|class| class.index).collect();
        let claimed: Vec<f64> = given.iter().map(|class| class.probability).collect();
        let right: Vec<bool> = truth.iter().zip(&predicted).map(|(truth, predicted)| truth == predicted).collect();
        let confusion = ClassConfusion::count(&predicted, &truth, D::CLASSES.len());
        let figures = D::CLASSES.iter().zip(confusion.per_class()).filter(|(_, figures)| figures.support > 0);
        let figure = |(class, figures): (&&'static str, metrics::ClassFigures)| ClassFigure {
            class,
            events: figures.support,
            recall: figures.recall,
            precision: Some(figures.precision).filter(|precision| !precision.is_nan()),
        };
        Some(Self {
            events: truth.len() as u64,
            accuracy: confusion.accuracy(),
            calibration_error: metrics::expected_calibration_error(&claimed, &right, CLASS_BINS),
            by_class: figures.map(figure).collect(),
        })
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
