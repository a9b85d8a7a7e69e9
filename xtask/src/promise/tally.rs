//! Counts of verdicts.

use super::trial::Verdict;

/// What became of the events of a phase.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tally {
    /// Benign events that were judged.
    pub(super) benign: usize,
    /// Those of them that were flagged.
    pub(super) flagged: usize,
    pub(super) attacks: usize,
    /// Attacks that were flagged.
    pub(super) found: usize,
    /// Benign events that no model judged.
    pub(super) unjudged: usize,
}

impl Tally {
    pub(super) fn count(&mut self, attack: bool, verdict: Verdict) {
        match (attack, verdict.judged) {
            (true, _) => {
                self.attacks += 1;
                self.found += usize::from(verdict.flagged);
            }
            (false, true) => {
                self.benign += 1;
                self.flagged += usize::from(verdict.flagged);
            }
            (false, false) => self.unjudged += 1,
        }
    }

    /// The verdicts on flows, in their order.
    pub(super) fn of(attacks: impl IntoIterator<Item = bool>, verdicts: &[Verdict]) -> Self {
        let mut tally = Self::default();
        attacks.into_iter().zip(verdicts).for_each(|(attack, verdict)| tally.count(attack, *verdict));
        tally
    }

    pub(super) fn add(&mut self, other: Self) {
        self.benign += other.benign;
        self.flagged += other.flagged;
        self.attacks += other.attacks;
        self.found += other.found;
        self.unjudged += other.unjudged;
    }

    /// The share of benign events that were flagged; none when none was judged.
    pub(super) fn rate(&self) -> Option<f64> {
        (self.benign > 0).then(|| self.flagged as f64 / self.benign as f64)
    }

    /// The share of attacks that were flagged; none without attacks.
    pub(super) fn recall(&self) -> Option<f64> {
        (self.attacks > 0).then(|| self.found as f64 / self.attacks as f64)
    }

    pub(super) fn events(&self) -> usize {
        self.benign + self.attacks + self.unjudged
    }
}

#[cfg(test)]
mod tests {
    use super::{Tally, Verdict};

    #[test]
    fn what_no_model_judged_has_no_part_in_the_rate() {
        let verdict = |judged, flagged| Verdict { judged, flagged, ..Verdict::default() };
        let verdicts = [verdict(true, true), verdict(true, false), verdict(false, false), verdict(false, false), verdict(true, true)];
        let tally = Tally::of([false, false, false, true, true], &verdicts);
        assert_eq!((tally.rate(), tally.recall(), tally.unjudged, tally.events()), (Some(0.5), Some(0.5), 1, 5));
        assert_eq!((Tally::default().rate(), Tally::default().recall()), (None, None));
    }
}
