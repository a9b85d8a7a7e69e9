//! Where the threshold lies: at the expected share of anomalies, or within a budget of false alarms.

use bartizan_core::{AnomalyScore, Contamination, Label, Threshold};
use bartizan_estimators::calibration::Calibration;
use bartizan_estimators::thresholds::{Budgeted, FalseAlarmBudget};
use bartizan_storage::EntityHash;
use std::collections::HashMap;

/// A labelled row's score.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LabelledScore {
    /// The event.
    pub(crate) event: usize,
    /// From a detector that had not seen it.
    pub(crate) unseen: f64,
    /// What the person said.
    pub(crate) anomalous: bool,
}

impl LabelledScore {
    /// `None` of an event without a label.
    pub(crate) fn of(event: usize, label: Option<Label>, unseen: f64) -> Option<Self> {
        Some(Self { event, unseen, anomalous: label?.is_anomalous() })
    }

    /// Whether it is on its side of the threshold.
    pub(crate) fn is_right(&self, threshold: Threshold) -> bool {
        threshold.decide(AnomalyScore(self.unseen)).is_anomalous() == self.anomalous
    }
}

/// What the threshold is to keep to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Aim {
    /// As many held-back rows above it as are expected to be anomalous.
    Contamination(Contamination),
    /// No more false alarms than this.
    Budget(FalseAlarmBudget),
}

/// Stretches that the rows held back are cut into, and the part of the rows above a threshold that one client may have in one of them.
const STRETCHES: usize = 10;
const ONE_CLIENTS_PART: f64 = 0.125;

/// Scores in the order of time, as they set a threshold that this share of them is to lie above: of one client in one stretch, no more of
/// the highest count than is its part, and the others are as the lowest of all. One client that read the whole site within an hour must
/// not use up the share of everybody; one that is odd all the time may.
pub(crate) fn bounded_by_client(mut scores: Vec<f64>, clients: &[EntityHash], share: f64) -> Vec<f64> {
    let mut counted: HashMap<(EntityHash, usize), usize> = HashMap::new();
    let above = share * scores.len() as f64;
    let most = ((ONE_CLIENTS_PART * above).ceil() as usize).max(1);
    let stretch = |row: usize| row * STRETCHES / clients.len().max(1);
    let lowest = scores.iter().copied().fold(f64::INFINITY, f64::min);
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
    for row in order {
        let counted = counted.entry((clients[row], stretch(row))).or_default();
        *counted += 1;
        if *counted > most && clients[row] != EntityHash::NONE {
            scores[row] = lowest;
        }
    }
    scores
}

/// Room above the greatest of the held-back scores, as a part of their span or of the score itself, and at least.
const ROOM: f64 = 0.05;
const LEAST_ROOM: f64 = 1e-6;

/// A threshold, and what is promised of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen {
    pub(crate) threshold: Threshold,
    /// What a budget promises; `None` without one.
    pub(crate) promise: Option<Budgeted>,
}

impl From<Threshold> for Chosen {
    /// A detector's own: nothing is promised of it.
    fn from(own: Threshold) -> Self {
        Self { threshold: own, promise: None }
    }
}

impl Aim {
    /// The threshold that keeps to the aim among the held-back scores. Labels do not move it: the share asked for is one of all traffic,
    /// and one wrong label must neither raise nor lower it.
    ///
    /// `kept_out` are the scores of rows that are neither learned from nor held back: the room above a threshold ends at these too.
    pub(crate) fn choose(self, held_back: &[f64], kept_out: &[f64]) -> Chosen {
        let quantile = |c: Contamination| Chosen { threshold: Calibration::quantile_threshold(held_back, c), promise: None };
        let Chosen { threshold, promise } = match self {
            Self::Contamination(contamination) => quantile(contamination),
            Self::Budget(budget) => budget
                .threshold(held_back)
                .map_or_else(|| quantile(crate::default_contamination()), |got| Chosen { threshold: got.threshold, promise: Some(got) }),
        };
        Chosen { threshold: with_room(threshold, held_back, kept_out), promise }
    }
}

/// The threshold halfway to the next greater score: events of one kind have the same score but for what baselines of a little more
/// history make of them.
fn with_room(threshold: Threshold, held_back: &[f64], kept_out: &[f64]) -> Threshold {
    let greater = || held_back.iter().chain(kept_out).copied().filter(|score| *score > threshold.0);
    let next = greater().fold(f64::INFINITY, f64::min);
    if next.is_finite() {
        return Threshold(f64::midpoint(threshold.0, next));
    }
    let lowest = held_back.iter().copied().fold(threshold.0, f64::min);
    Threshold(threshold.0 + ((threshold.0 - lowest) * ROOM).max(threshold.0.abs() * ROOM).max(LEAST_ROOM))
}

#[cfg(test)]
mod tests {
    use super::{Aim, bounded_by_client};
    use bartizan_core::Contamination;
    use bartizan_estimators::thresholds::FalseAlarmBudget;
    use bartizan_storage::EntityHash;

    #[test]
    fn the_share_or_the_budget_decides() {
        let held_back: Vec<f64> = (0..999).map(|i| f64::from(i) / 1000.0).collect();
        let budget = Aim::Budget(FalseAlarmBudget::try_from(100).unwrap()).choose(&held_back, &[]);
        assert!((0.989..0.990).contains(&budget.threshold.0) && budget.promise.unwrap().promised <= 0.01, "{budget:?}");
        let share = Aim::Contamination(Contamination::try_from(0.1).unwrap()).choose(&held_back, &[]);
        assert!((share.threshold.0 - 0.899).abs() < 0.002 && share.promise.is_none(), "{share:?}");
    }

    #[test]
    fn one_client_does_not_use_up_the_share_of_all() {
        let client = |i: i32| EntityHash::of(&if i < 200 { "reader".to_owned() } else { format!("c{}", i % 50) });
        let scores: Vec<f64> = (0..1000).map(|i| f64::from(if i < 200 { 5000 + i } else { i })).collect();
        let clients: Vec<EntityHash> = (0..1000).map(client).collect();
        let threshold = |clients: &[EntityHash]| {
            let aim = Aim::Contamination(Contamination::try_from(0.1).unwrap());
            aim.choose(&bounded_by_client(scores.clone(), clients, 0.1), &[]).threshold.0
        };
        assert!(threshold(&[EntityHash::NONE; 1000]) > 5000.0, "nobody's rows are no client's");
        let got = threshold(&clients);
        assert!((920.0..930.0).contains(&got), "26 of its rows count, and 74 others: {got}");
        let all_the_time: Vec<EntityHash> = (0..1000).map(|i| client((i * 387) % 1000)).collect();
        let scores: Vec<f64> = (0..1000).map(|i| scores[(i * 387) % 1000]).collect();
        let aim = Aim::Contamination(Contamination::try_from(0.1).unwrap());
        assert!(aim.choose(&bounded_by_client(scores, &all_the_time, 0.1), &[]).threshold.0 > 5000.0, "it is odd all the time");
    }
}
