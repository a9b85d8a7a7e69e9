//! One false alarm in N.

use bartizan_core::Threshold;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display};
use thiserror::Error;

/// How often a normal event may be called anomalous: once in so many, 2 at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct FalseAlarmBudget(u64);

/// The budget is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("one false alarm in N needs an N of at least 2, got {0}")]
pub struct BudgetError(pub u64);

impl TryFrom<u64> for FalseAlarmBudget {
    type Error = BudgetError;

    fn try_from(one_in: u64) -> Result<Self, BudgetError> {
        if one_in < 2 { Err(BudgetError(one_in)) } else { Ok(Self(one_in)) }
    }
}

impl From<FalseAlarmBudget> for u64 {
    fn from(budget: FalseAlarmBudget) -> Self {
        budget.0
    }
}

/// A threshold with what it promises.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budgeted {
    /// Strictly above is anomalous.
    pub threshold: Threshold,
    /// The rate of false alarms that is kept to, on average over training sets, when new normal events are like those held back.
    pub promised: f64,
    /// False when the rows held back were too few for the rate asked for: `promised` is then the smallest that they allow.
    pub reachable: bool,
    /// Rows that must be held back for the rate asked for.
    pub needed_rows: u64,
}

impl Display for Budgeted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most one false alarm in {} normal events", (1.0 / self.promised).floor())?;
        if !self.reachable {
            write!(
                f,
                ", the fewest that can be promised so far: one in {} needs {} normal rows to hold back",
                self.needed_rows + 1,
                self.needed_rows
            )?;
        }
        Ok(())
    }
}

impl FalseAlarmBudget {
    /// The N of one in N.
    #[must_use]
    pub fn one_in(self) -> u64 {
        self.0
    }

    /// The threshold above which the conformal p-value of a score, `(1 + held-back scores at or above it) / (n + 1)`, is at
    /// most one in N. Scores of normal rows that the detector has not seen, in any order; NaN are ignored. `None` without
    /// any.
    ///
    /// A normal event's p-value is at most one in N with at most that probability, whatever the distribution of scores, as
    /// long as it is exchangeable with the rows held back (Vovk, Gammerman, Shafer 2005, chapter 2; for outliers Bates,
    /// Candès, Lei, Romano, Sesia: Testing for outliers with conformal p-values, Annals of Statistics 51, 2023, section 2).
    /// No rate below `1 / (n + 1)` can be had: then nothing up to the greatest held-back score is flagged.
    #[must_use]
    pub fn threshold(self, held_back: &[f64]) -> Option<Budgeted> {
        let mut sorted: Vec<f64> = held_back.iter().copied().filter(|score| !score.is_nan()).collect();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let rows = sorted.len() as u64;
        let above = ((rows + 1) / self.0).saturating_sub(1);
        let threshold = Threshold(*sorted.get(above as usize)?);
        Some(Budgeted {
            threshold,
            promised: (above + 1) as f64 / (rows + 1) as f64,
            reachable: rows + 1 >= self.0,
            needed_rows: self.0 - 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{BudgetError, FalseAlarmBudget};
    use proptest::prelude::*;
    use rand::{Rng, SeedableRng};
    use rand_xoshiro::Xoshiro256PlusPlus;

    fn one_in(n: u64) -> FalseAlarmBudget {
        FalseAlarmBudget::try_from(n).expect("it is a budget")
    }

    #[test]
    fn what_is_no_budget_is_refused() {
        assert_eq!(FalseAlarmBudget::try_from(1), Err(BudgetError(1)));
        assert_eq!(BudgetError(0).to_string(), "one false alarm in N needs an N of at least 2, got 0");
    }

    #[test]
    fn the_smallest_reachable_rate_is_kept_and_said() {
        let scores: Vec<f64> = (0..99).map(f64::from).collect();
        for (n, threshold, promised, reachable) in
            [(10, 89.0, 0.1, true), (100, 98.0, 0.01, true), (101, 98.0, 0.01, false), (10_000, 98.0, 0.01, false), (2, 49.0, 0.5, true)]
        {
            let got = one_in(n).threshold(&scores).unwrap();
            assert_eq!((got.threshold.0, got.reachable, got.needed_rows), (threshold, reachable, n - 1), "one in {n}");
            assert!((got.promised - promised).abs() < 1e-12, "one in {n}: {}", got.promised);
        }
        assert_eq!(one_in(10).threshold(&[f64::NAN]), None);
    }

    proptest! {
        #[test]
        fn a_score_is_flagged_if_its_p_value_is_within_the_budget(
            held_back in prop::collection::vec(0..40_i32, 1..200), score in -1..42_i32, n in 2..60_u64,
        ) {
            let held_back: Vec<f64> = held_back.into_iter().map(f64::from).collect();
            let score = f64::from(score);
            let budgeted = one_in(n).threshold(&held_back).unwrap();
            let p = (1 + held_back.iter().filter(|h| **h >= score).count()) as f64 / (held_back.len() + 1) as f64;
            let within = p <= if budgeted.reachable { 1.0 / n as f64 } else { budgeted.promised } + 1e-12;
            prop_assert_eq!(score > budgeted.threshold.0, within);
        }
    }

    /// Over many draws of 2,000 normal scores and 5,000 fresh ones.
    #[test]
    fn what_is_promised_comes_true() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(1);
        let mut draw = |n: usize| -> Vec<f64> { (0..n).map(|_| -(1.0 - rng.random::<f64>()).ln()).collect() };
        for n in [10, 100] {
            let rates: Vec<f64> = (0..100)
                .map(|_| {
                    let budgeted = one_in(n).threshold(&draw(2_000)).unwrap();
                    draw(5_000).iter().filter(|score| **score > budgeted.threshold.0).count() as f64 / 5_000.0 / budgeted.promised
                })
                .collect();
            let mean = rates.iter().sum::<f64>() / 100.0;
            assert!((0.95..1.05).contains(&mean), "one in {n}: {mean}");
            assert!(rates.iter().filter(|rate| (0.5..=1.5).contains(*rate)).count() >= 93, "one in {n}: {rates:?}");
        }
    }
}
