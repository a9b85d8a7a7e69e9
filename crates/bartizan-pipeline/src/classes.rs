//! Which class an event has, for kinds whose events are told apart by more than normal and anomalous.

use crate::Reason;
use crate::rows::Rows;
use crate::training::TrainingEvent;
use bartizan_core::{Domain, Evidence, FeatureSchema, FitError, Label, Samples, Seed, Stop};
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
    /// Share of the forest's votes, or what the evidence of the event itself says, [0, 1].
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

/// The class of an event by the forest and by its own evidence. An attack that either finds is one, and the surer of two has its name; an
/// event in which neither finds one is normal with the lower of the two probabilities.
pub(crate) fn weigh<D: Domain>(event: &D::Event, forest: ClassVerdict) -> ClassVerdict {
    let Some(Evidence { class: index, probability, .. }) = D::evidence(event) else { return forest };
    let evidence = ClassVerdict { index, name: D::CLASSES[index], probability };
    match (forest.index, index) {
        (0, 0) => ClassVerdict { probability: forest.probability.min(probability), ..forest },
        (_, 0) => forest,
        (0, _) => evidence,
        _ if forest.probability >= probability => forest,
        _ => evidence,
    }
}

/// Whether the evidence of an event is that of an attack.
pub(crate) fn is_attack<D: Domain>(event: &D::Event) -> bool {
    D::evidence(event).is_some_and(|evidence| evidence.class != 0)
}

/// What the evidence of an event says, where that is an attack.
pub(crate) fn reason<D: Domain>(event: &D::Event, row: &[f32], schema: &FeatureSchema) -> Option<Reason> {
    let Evidence { probability, feature, .. } = D::evidence(event).filter(|evidence| evidence.class != 0)?;
    let value = row.get(feature).filter(|value| value.is_finite()).map(|value| f64::from(*value));
    Some(Reason { feature: schema.features().get(feature)?.name.to_string(), value, share: probability, text: D::evidence_reason(event)? })
}

#[cfg(test)]
mod tests {
    use super::{ClassVerdict, is_attack, weigh};
    use bartizan_core::{Domain, Timestamp};
    use bartizan_domains::behavior::{Behavior, Logins, SessionEvent};

    #[test]
    fn the_surer_of_forest_and_evidence_names_an_attack() {
        let forest = |index: usize, probability| ClassVerdict { index, name: Behavior::CLASSES[index], probability };
        let session = |failed_day, is_from_log: bool| SessionEvent {
            logins: is_from_log.then(|| Logins { failed_day, ..Logins::default() }),
            ..SessionEvent::from_values(Timestamp::from_secs(0), [1, 1, 0, 0, 0, 10])
        };
        let (counters, calm, brute) = (session(0, false), session(0, true), session(500, true));
        for (name, event, by_forest, expected) in [
            ("six counters", &counters, forest(1, 0.7), (1, 0.7)),
            ("nothing", &calm, forest(0, 0.9), (0, 0.9)),
            ("nothing, surer", &calm, forest(0, 1.0), (0, 0.98)),
            ("by the forest", &calm, forest(2, 0.6), (2, 0.6)),
            ("by the evidence", &brute, forest(0, 1.0), (1, 0.99)),
            ("by both", &brute, forest(2, 0.8), (1, 0.99)),
            ("by both, the forest surer", &brute, forest(2, 1.0), (2, 1.0)),
        ] {
            let weighed = weigh::<Behavior>(event, by_forest);
            assert_eq!(
                (weighed.index, weighed.probability, weighed.name),
                (expected.0, expected.1, Behavior::CLASSES[expected.0]),
                "{name}"
            );
        }
        assert!(is_attack::<Behavior>(&brute) && !is_attack::<Behavior>(&calm) && !is_attack::<Behavior>(&counters));
    }
}
