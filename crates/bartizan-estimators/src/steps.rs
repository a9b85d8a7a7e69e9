//! A sum of step functions, one per feature: what a fitted ECOD, COPOD or histogram is.

use crate::rows;
use bartizan_core::{AnomalyScore, Attribution, Detector, Explain, FeatureSchema, Samples, ScoreError};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Rows that one thread takes at a time.
const PARALLEL_ROWS: usize = 4_096;
/// Rows that are scored column by column, so that a column's table is read while it is in the cache.
const BLOCK_ROWS: usize = 256;
/// No share is larger: log2 of the most rows and of the least density allowed are far below.
const MAX_SHARE: f32 = 1e4;

/// One feature's share of the score, constant on each of its knots and between them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Steps {
    /// Ascending, all different.
    knots: Vec<f32>,
    /// One more than twice as many: below the first knot, on it, between it and the second, on that, …, above the last.
    /// Less the mean over the training rows, so that a missing value, which adds nothing, is neither good nor bad.
    shares: Vec<f32>,
    /// That mean.
    mean: f64,
}

impl Steps {
    /// `shares[i]` was taken by `rows[i]` training rows.
    pub(crate) fn new(knots: Vec<f32>, shares: &[f64], rows: &[usize]) -> Self {
        let all = rows.iter().sum::<usize>().max(1) as f64;
        let mean = shares.iter().zip(rows).map(|(share, rows)| share * *rows as f64).sum::<f64>() / all;
        Self { knots, shares: shares.iter().map(|share| (share - mean) as f32).collect(), mean }
    }

    /// What is made of a feature that was always missing: it adds nothing.
    pub(crate) fn silent() -> Self {
        Self { knots: Vec::new(), shares: vec![0.0], mean: 0.0 }
    }

    /// Where in a table of shares a value lies that is not missing.
    pub(crate) fn position(knots: &[f32], value: f32) -> usize {
        let at = knots.partition_point(|knot| *knot < value);
        2 * at + usize::from(knots.get(at) == Some(&value))
    }

    fn share(&self, value: f32) -> f64 {
        if value.is_nan() { 0.0 } else { f64::from(self.shares[Self::position(&self.knots, value)]) }
    }

    fn is_sound(&self) -> bool {
        let ordered = self.knots.is_sorted_by(|a, b| a < b) && self.knots.iter().all(|knot| knot.is_finite());
        let finite = self.shares.iter().all(|share| share.abs() <= MAX_SHARE) && self.mean.abs() <= f64::from(MAX_SHARE);
        ordered && finite && self.shares.len() == 2 * self.knots.len() + 1
    }
}

/// A fitted sum of steps.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FittedSteps {
    schema: FeatureSchema,
    columns: Vec<Steps>,
}

impl FittedSteps {
    pub(crate) fn new(schema: &FeatureSchema, columns: Vec<Steps>) -> Self {
        Self { schema: schema.clone(), columns }
    }

    /// The score of a row of which nothing is known: the mean over the training rows.
    fn base(&self) -> f64 {
        self.columns.iter().map(|column| column.mean).sum()
    }

    fn score_block(&self, values: &[f32], out: &mut [AnomalyScore]) {
        let width = self.columns.len();
        out.fill(AnomalyScore(self.base()));
        for (c, column) in self.columns.iter().enumerate() {
            for (out, row) in out.iter_mut().zip(values.chunks_exact(width)) {
                out.0 += column.share(row[c]);
            }
        }
    }

    pub(crate) fn validate(&self) -> Result<(), String> {
        if self.columns.len() != self.schema.width() || self.columns.is_empty() {
            return Err(format!("steps of {} features for {}", self.columns.len(), self.schema.width()));
        }
        match self.columns.iter().position(|column| !column.is_sound()) {
            None => Ok(()),
            Some(column) => Err(format!("the steps of feature {column} are out of order")),
        }
    }
}

impl Detector for FittedSteps {
    fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    fn score(&self, samples: Samples<'_>, out: &mut [AnomalyScore]) -> Result<(), ScoreError> {
        rows::check_shape(self.columns.len(), samples, out)?;
        let chunks = out.par_chunks_mut(BLOCK_ROWS).zip(samples.values().par_chunks(BLOCK_ROWS * samples.width()));
        chunks.for_each(|(out, values)| self.score_block(values, out));
        Ok(())
    }

    fn explainer(&self) -> Option<&dyn Explain> {
        Some(self)
    }
}

impl Explain for FittedSteps {
    fn explain(&self, row: &[f32]) -> Result<Attribution, ScoreError> {
        if row.len() != self.columns.len() {
            return Err(ScoreError::Width { expected: self.columns.len(), got: row.len() });
        }
        let shares = self.columns.iter().zip(row).map(|(column, value)| column.share(*value)).collect();
        Ok(Attribution { base: self.base(), shares })
    }
}

/// Scores row by row, on all threads where there are many rows.
pub(crate) fn each_row(samples: Samples<'_>, out: &mut [AnomalyScore], score: impl Fn(&[f32]) -> f64 + Sync) {
    let width = samples.width();
    let chunks = out.par_chunks_mut(PARALLEL_ROWS).zip(samples.values().par_chunks(PARALLEL_ROWS * width));
    chunks.for_each(|(out, values)| {
        for (out, row) in out.iter_mut().zip(values.chunks_exact(width)) {
            *out = AnomalyScore(score(row));
        }
    });
}

/// A distribution function in steps, from both sides.
pub(crate) struct Tail {
    /// Minus the logarithm of the share of rows at or below.
    pub(crate) low: f64,
    /// The same at or above.
    pub(crate) high: f64,
}

impl Steps {
    /// Steps of a share that depends on a value's place in the distribution function of the training rows.
    ///
    /// `(rows + 1) / (n + 1)`: the value itself counts as one row more, as where PyOD adds the rows to be scored to those it
    /// was fitted on. Exact while there are at most 512 different values; of more, those near both ends and an even choice of the
    /// rest are kept, and a value between two of them gets the rank half-way.
    pub(crate) fn of_tails(sorted: &[f32], share: impl Fn(&Tail) -> f64) -> Self {
        if sorted.is_empty() {
            return Self::silent();
        }
        let n = sorted.len();
        let surprise = |rows: f64| -((rows + 1.0) / (n as f64 + 1.0)).ln();
        let kept: Vec<f32> = crate::tails::knots(sorted).into_iter().map(|i| sorted[i]).collect();
        let (mut shares, mut rows, mut passed) = (Vec::new(), Vec::new(), 0);
        let mut push = |from: usize, to: usize, at_or_below: f64, at_or_above: f64| {
            shares.push(share(&Tail { low: surprise(at_or_below), high: surprise(at_or_above) }));
            rows.push(to - from);
        };
        for knot in &kept {
            let below = sorted.partition_point(|v| v < knot);
            let up_to = sorted.partition_point(|v| v <= knot);
            let between = (passed + below) as f64 / 2.0;
            push(passed, below, between, n as f64 - between);
            push(below, up_to, up_to as f64, (n - below) as f64);
            passed = up_to;
        }
        push(n, n, n as f64, 0.0);
        Self::new(kept, &shares, &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::{FittedSteps, Steps};
    use bartizan_core::{AnomalyScore, Detector, Explain, FeatureSchema, Samples};

    #[test]
    fn positions_are_between_and_on_knots() {
        let knots = [1.0, 2.0];
        for (value, position) in [(0.0, 0), (1.0, 1), (1.5, 2), (2.0, 3), (9.0, 4)] {
            assert_eq!(Steps::position(&knots, value), position, "{value}");
        }
        assert_eq!(Steps::position(&[], 1.0), 0);
    }

    /// Three rows at 1 and one at 2; a fifth is put among them.
    #[test]
    fn tails_count_the_value_itself() {
        let low = Steps::of_tails(&[1.0, 1.0, 1.0, 2.0], |tail| tail.low);
        for (value, at_or_below) in [(0.5, 1.0), (1.0, 4.0), (1.5, 4.0), (2.0, 5.0), (3.0, 5.0)] {
            let expected = -f64::ln(at_or_below / 5.0);
            assert!((low.mean + low.share(value) - expected).abs() < 1e-6, "{value}");
        }
        assert_eq!(low.share(f32::NAN), 0.0);
    }

    #[test]
    fn many_values_keep_their_ranks() {
        let sorted: Vec<f32> = (0..8000).map(|i| i as f32).collect();
        let steps = Steps::of_tails(&sorted, |tail| tail.low.max(tail.high));
        assert!(steps.knots.len() < 600);
        for i in 0..8000 {
            let rank = f64::from(i + 1).min(f64::from(8000 - i));
            let expected = -((rank + 1.0) / 8001.0).ln();
            let got = steps.mean + steps.share(i as f32);
            assert!((got - expected).abs() < 0.15, "{i}: {got} for {expected}");
        }
    }

    #[test]
    fn damage_is_found() {
        let good = Steps::of_tails(&[1.0, 2.0, 3.0], |tail| tail.low);
        let fitted = |steps: Steps| FittedSteps::new(&FeatureSchema::unnamed(1), vec![steps]);
        assert!(fitted(good.clone()).validate().is_ok());
        for (name, damaged) in [
            ("order", Steps { knots: vec![1.0, 1.0, 3.0], ..good.clone() }),
            ("infinite knot", Steps { knots: vec![1.0, 2.0, f32::INFINITY], ..good.clone() }),
            ("missing share", Steps { shares: vec![0.0; 6], ..good.clone() }),
            ("infinite share", Steps { shares: vec![f32::NAN; 7], ..good.clone() }),
            ("mean", Steps { mean: f64::NAN, ..good.clone() }),
        ] {
            assert!(fitted(damaged).validate().is_err(), "{name}");
        }
        assert!(FittedSteps::new(&FeatureSchema::unnamed(2), vec![good]).validate().is_err());
    }

    #[test]
    fn missing_is_the_mean() {
        let values = [3.0, 1.0, 4.0, 1.0, 5.0];
        let mut sorted = values;
        sorted.sort_by(f32::total_cmp);
        let steps = Steps::of_tails(&sorted, |tail| tail.high);
        let fitted = FittedSteps::new(&FeatureSchema::unnamed(1), vec![steps]);
        let mut out = [AnomalyScore(0.0); 5];
        fitted.score(Samples::new(&values, 1).unwrap(), &mut out).unwrap();
        let mean = out.iter().map(|s| s.0).sum::<f64>() / 5.0;
        let missing = fitted.explain(&[f32::NAN]).unwrap();
        assert!((missing.total() - mean).abs() < 1e-6);
    }
}
