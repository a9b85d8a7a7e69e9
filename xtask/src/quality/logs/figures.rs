//! Two verdicts on the same entries, compared.

use std::collections::BTreeMap;

/// What a model said of an entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    pub(super) score: f64,
    pub(super) flagged: bool,
}

/// Flagged entries.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Figures {
    /// Flagged attacks as a share of all, 0 without any.
    pub(super) recall: f64,
    /// Ordinary entries that are flagged.
    pub(super) false_positives: usize,
    /// Recall of each kind of attack.
    pub(super) by_kind: BTreeMap<String, f64>,
}

/// The detector beside static rules.
#[derive(Clone, Debug)]
pub(super) struct Compared {
    pub(super) rules: Figures,
    /// The detector at the highest threshold that catches as many attacks as the rules; nothing where these catch none.
    pub(super) same_recall: Option<Figures>,
    /// The detector at its own threshold.
    pub(super) own: Figures,
}

impl Compared {
    /// `truth` names the attacks.
    pub(super) fn of(truth: &[Option<&str>], own: &[Verdict], rules: &[Verdict]) -> Self {
        let flagged = |verdicts: &[Verdict]| verdicts.iter().map(|verdict| verdict.flagged).collect::<Vec<_>>();
        let caught = truth.iter().zip(rules).filter(|(attack, rules)| attack.is_some() && rules.flagged).count();
        let mut scores: Vec<f64> = truth.iter().zip(own).filter(|(attack, _)| attack.is_some()).map(|(_, own)| own.score).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        let least = caught.checked_sub(1).map(|last| scores[last]);
        let above = |least: f64| own.iter().map(|verdict| verdict.score >= least).collect::<Vec<_>>();
        Self {
            rules: Figures::of(truth, &flagged(rules)),
            same_recall: least.map(|least| Figures::of(truth, &above(least))),
            own: Figures::of(truth, &flagged(own)),
        }
    }

    /// How many per cent fewer false positives the detector has at the same recall; nothing where there is none to compare with.
    pub(super) fn fewer(&self) -> Option<f64> {
        let (rules, same) = (self.rules.false_positives as f64, self.same_recall.as_ref()?.false_positives as f64);
        (rules > 0.0).then(|| 100.0 * (rules - same) / rules)
    }
}

impl Figures {
    fn of(truth: &[Option<&str>], flagged: &[bool]) -> Self {
        let (mut kinds, mut false_positives): (BTreeMap<String, (usize, usize)>, usize) = (BTreeMap::new(), 0);
        for (attack, flagged) in truth.iter().zip(flagged) {
            let counted = usize::from(*flagged);
            match attack {
                None => false_positives += counted,
                Some(name) => {
                    let kind = kinds.entry((*name).to_owned()).or_default();
                    *kind = (kind.0 + counted, kind.1 + 1);
                }
            }
        }
        let share = |(caught, of): (usize, usize)| caught as f64 / of.max(1) as f64;
        let all = kinds.values().fold((0, 0), |sum, kind| (sum.0 + kind.0, sum.1 + kind.1));
        Self { recall: share(all), false_positives, by_kind: kinds.into_iter().map(|(name, kind)| (name, share(kind))).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Compared, Verdict};

    /// Ten attacks, scored 10, 9, … 1, and ten others, scored half as much more; flagged above 8. Rules flag the first so many of either.
    fn compared(caught: usize, false_positives: usize) -> Compared {
        let truth: Vec<Option<&str>> = (0..20).map(|i| (i < 10).then_some(if i < 5 { "fast" } else { "slow" })).collect();
        let score = |i: usize| if i < 10 { 10.0 - i as f64 } else { 15.5 - i as f64 };
        let own: Vec<Verdict> = (0..20).map(|i| Verdict { score: score(i), flagged: score(i) > 8.0 }).collect();
        let by_rules = |i: usize| if i < 10 { i < caught } else { i - 10 < false_positives };
        let rules: Vec<Verdict> = (0..20).map(|i| Verdict { score: 0.0, flagged: by_rules(i) }).collect();
        Compared::of(&truth, &own, &rules)
    }

    #[test]
    fn false_positives_are_compared_at_the_same_recall() {
        for (name, compared, same, fewer) in [
            ("nothing caught", compared(0, 5), None, None),
            ("far fewer", compared(5, 4), Some((0.5, 0)), Some(100.0)),
            ("some fewer", compared(7, 8), Some((0.7, 2)), Some(75.0)),
            ("more", compared(7, 1), Some((0.7, 2)), Some(-100.0)),
            ("none given", compared(7, 0), Some((0.7, 2)), None),
        ] {
            assert_eq!(compared.same_recall.as_ref().map(|same| (same.recall, same.false_positives)), same, "{name}");
            assert_eq!(compared.fewer(), fewer, "{name}");
            assert_eq!((compared.own.recall, compared.own.false_positives), (0.2, 0), "{name}");
        }
        let kinds: Vec<(String, f64)> = compared(7, 0).rules.by_kind.into_iter().collect();
        assert_eq!(kinds, [("fast".to_owned(), 1.0), ("slow".to_owned(), 0.4)]);
    }
}
