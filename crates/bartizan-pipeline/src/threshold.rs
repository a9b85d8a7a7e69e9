//! Where the threshold lies: at the expected share of anomalies or within a budget of false alarms, moved by labels.

use bartizan_core::{Contamination, Threshold};
use bartizan_estimators::calibration::Calibration;
use bartizan_estimators::thresholds::{Budgeted, FalseAlarmBudget};

/// However the labels fall, the threshold passes no less than this part of the expected share of anomalies: one wrong
/// click must not switch detection off.
const LEAST_PART: f64 = 0.05;

/// A labelled row's score.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LabelledScore {
    /// From a detector that had not seen it.
    pub(crate) unseen: f64,
    /// What the person said.
    pub(crate) anomalous: bool,
}

/// What the threshold is to keep to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Aim {
    /// As many held-back rows above it as are expected to be anomalous.
    Contamination(Contamination),
    /// No more false alarms than this.
    Budget(FalseAlarmBudget),
}

impl Aim {
    /// The threshold before labels, the share of normal events above it, and what is promised of it.
    fn start(self, held_back: &[f64]) -> (Threshold, f64, Option<Budgeted>) {
        let quantile = |c: Contamination| (Calibration::quantile_threshold(held_back, c), c.get(), None);
        match self {
            Self::Contamination(contamination) => quantile(contamination),
            Self::Budget(budget) => budget
                .threshold(held_back)
                .map_or_else(|| quantile(crate::default_contamination()), |got| (got.threshold, got.promised, Some(got))),
        }
    }
}

/// A threshold, and what is promised of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chosen {
    pub(crate) threshold: Threshold,
    /// What a budget promises; `None` without one, or when labels have moved the threshold down.
    pub(crate) promise: Option<Budgeted>,
}

/// The threshold that keeps to the aim among the held-back scores; with labels, the nearest threshold to
/// it (in share of rows passed) that puts as many labelled rows as possible on their right side. Their scores are those of
/// detectors that had not seen them: what must pass is not the corrected event itself, but the next one like it.
pub(crate) fn choose_threshold(held_back: &[f64], aim: Aim, labelled: &[LabelledScore]) -> Chosen {
    let (start, share, promise) = aim.start(held_back);
    if labelled.is_empty() {
        return Chosen { threshold: start, promise };
    }
    let mut sorted = held_back.to_vec();
    sorted.sort_by(f64::total_cmp);
    let share_above = |t: f64| (sorted.len() - sorted.partition_point(|&s| s <= t)) as f64 / sorted.len() as f64;
    let ceiling = quantile_leaving(&sorted, share * LEAST_PART);
    let distance = |t: f64| (share_above(t) - share).abs();

    let best = candidates(labelled, start.0)
        .into_iter()
        .map(|(t, errors)| (t.min(ceiling.max(start.0)), errors))
        .map(|(t, errors)| (if t < ceiling.max(start.0) { errors } else { errors_at(labelled, t) }, distance(t), t))
        .min_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.total_cmp(&b.2)));
    let threshold = best.map_or(start, |(_, _, t)| Threshold(t));
    Chosen { threshold, promise: promise.filter(|_| threshold.0 >= start.0) }
}

fn quantile_leaving(sorted: &[f64], share: f64) -> f64 {
    let above = (share * sorted.len() as f64).floor() as usize;
    sorted[sorted.len() - 1 - above.min(sorted.len() - 1)]
}

fn errors_at(labelled: &[LabelledScore], t: f64) -> usize {
    labelled.iter().filter(|l| (l.unseen > t) != l.anomalous).count()
}

/// The starting threshold and every cut between two labelled scores, each with the labelled rows on its wrong side.
fn candidates(labelled: &[LabelledScore], start: f64) -> Vec<(f64, usize)> {
    let mut sorted: Vec<(f64, bool)> = labelled.iter().map(|l| (l.unseen, l.anomalous)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let legitimate = sorted.iter().filter(|l| !l.1).count();
    let (mut below_anomalous, mut below_legitimate) = (0, 0);
    let mut cuts = vec![(start, errors_at(labelled, start))];
    for i in 0..sorted.len() {
        if sorted[i].1 {
            below_anomalous += 1
        } else {
            below_legitimate += 1
        }
        let next = sorted.get(i + 1).map(|l| l.0);
        if next == Some(sorted[i].0) {
            continue;
        }
        let errors = below_anomalous + (legitimate - below_legitimate);
        // Legitimate rows just below the cut stay on or under it; the middle gives later ones like them room.
        cuts.push((next.map_or(sorted[i].0, |n| f64::midpoint(sorted[i].0, n)), errors));
    }
    let lowest = sorted[0].0;
    cuts.push((lowest - f64::EPSILON.max(lowest.abs() * 1e-9), legitimate));
    cuts
}

#[cfg(test)]
mod tests {
    use super::{Aim, LabelledScore, choose_threshold};
    use bartizan_core::Contamination;
    use bartizan_estimators::thresholds::FalseAlarmBudget;

    fn label(score: f64, anomalous: bool) -> LabelledScore {
        LabelledScore { unseen: score, anomalous }
    }

    fn choose(labelled: &[LabelledScore]) -> f64 {
        let held_back: Vec<f64> = (0..1000).map(|i| f64::from(i) / 1000.0).collect();
        let aim = Aim::Contamination(Contamination::try_from(0.1).expect("it is a share"));
        choose_threshold(&held_back, aim, labelled).threshold.0
    }

    #[test]
    fn a_budget_is_promised_until_labels_lower_the_threshold() {
        let held_back: Vec<f64> = (0..999).map(|i| f64::from(i) / 1000.0).collect();
        let aim = Aim::Budget(FalseAlarmBudget::try_from(100).unwrap());
        let chosen = choose_threshold(&held_back, aim, &[]);
        assert!((chosen.threshold.0 - 0.989).abs() < 1e-9 && chosen.promise.unwrap().promised <= 0.01, "{chosen:?}");
        let lowered = choose_threshold(&held_back, aim, &[label(0.3, false), label(0.9, true)]);
        assert!(lowered.threshold.0 < 0.9 && lowered.promise.is_none(), "{lowered:?}");
    }

    #[test]
    fn without_labels_the_contamination_decides() {
        assert!((choose(&[]) - 0.9).abs() < 0.005);
    }

    #[test]
    fn labels_move_it_only_as_far_as_needed() {
        assert!((choose(&[label(0.2, false), label(0.97, true)]) - 0.9).abs() < 0.005, "nothing to mend");
        let raised = choose(&[label(0.93, false), label(0.97, true)]);
        assert!((0.93..0.97).contains(&raised), "{raised}");
        let lowered = choose(&[label(0.5, false), label(0.7, true)]);
        assert!((0.5..0.7).contains(&lowered), "{lowered}");
    }

    #[test]
    fn one_wrong_click_does_not_switch_detection_off() {
        let raised = choose(&[label(5.0, false)]);
        assert!(raised < 0.996, "{raised}");
    }

    #[test]
    fn many_labels_outvote_one() {
        let mut labels: Vec<_> = (0..20).map(|i| label(0.92 + f64::from(i) / 1000.0, true)).collect();
        labels.push(label(0.95, false));
        assert!(choose(&labels) < 0.92);
    }
}
