//! Which class an event has, for kinds whose events are told apart by more than normal and anomalous.

use crate::rows::Rows;
use crate::training::TrainingEvent;
use bartizan_core::{Domain, FitError, Label, Samples, Seed, Stop};
use bartizan_estimators::{ClassError, FittedRandomForest, RandomForest};

/// Deepest trees.
const MAX_DEPTH: usize = 15;

/// What class an event has, and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassVerdict {
    /// Index into the kind's classes.
    pub index: usize,
    /// Its name.
    pub name: &'static str,
    /// Share of the forest's votes, [0, 1].
    pub probability: f64,
}

/// The class that an event teaches. A person's word counts for more than what came with it: what they call legitimate is of
/// the first class, and what they call anomalous is not.
pub(crate) fn taught<D: Domain>(e: &TrainingEvent<D>) -> Option<usize> {
    match (e.label, D::class(&e.event)) {
        (Some(Label::Legitimate), _) => Some(0),
        (Some(Label::Anomalous), Some(0)) => None,
        (_, class) => class.filter(|class| *class < D::CLASSES.len()),
    }
}

/// Learns to tell the classes apart from the events whose class is known; `None` for a kind without classes, or while fewer
/// than two of them, or fewer than `least` events, are known, or once `stop` is set.
pub(crate) fn learn<D: Domain>(
    rows: &Rows<'_, D>,
    events: &[TrainingEvent<D>],
    baselines: &D::Baselines,
    least: usize,
    (seed, stop): (Seed, &Stop),
) -> Option<FittedRandomForest> {
    let (known, classes): (Vec<usize>, Vec<u32>) = events.iter().enumerate().filter_map(|(i, e)| Some((i, taught::<D>(e)? as u32))).unzip();
    let different = classes.iter().any(|class| *class != classes[0]);
    if !different || known.len() < least {
        return None;
    }
    let schema = D::schema();
    let values: Vec<f32> = known.iter().flat_map(|&i| rows.extract(baselines, i)).collect();
    let names: Vec<String> = D::CLASSES.iter().map(|name| (*name).to_owned()).collect();
    let forest = RandomForest { max_depth: Some(MAX_DEPTH), ..RandomForest::default() };
    let fitted = forest.fit_until_stopped(&schema, Samples::new(&values, schema.width()).ok()?, &classes, &names, seed, stop);
    let stopped = |error: &ClassError| *error == ClassError::Samples(FitError::Stopped);
    let said = fitted.inspect_err(|e| {
        if !stopped(e) {
            tracing::warn!(error = %e, "the classes could not be learned")
        }
    });
    said.ok()
}

/// The likeliest class of each row.
pub(crate) fn judge<D: Domain>(forest: &FittedRandomForest, samples: Samples<'_>) -> Vec<ClassVerdict> {
    let mut shares = vec![0.0; samples.rows() * D::CLASSES.len()];
    forest.predict_proba(samples, &mut shares).unwrap_or_else(|e| unreachable!("the classes were compared on loading: {e}"));
    let likeliest = |shares: &[f64]| {
        let (index, probability) =
            shares.iter().copied().enumerate().fold((0, f64::MIN), |best, next| if next.1 > best.1 { next } else { best });
        ClassVerdict { index, name: D::CLASSES[index], probability }
    };
    shares.chunks_exact(D::CLASSES.len()).map(likeliest).collect()
}
