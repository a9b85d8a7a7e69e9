//! Tails: how far out in its own distribution each feature lies.

use crate::params::{ParamError, ParamValue, Params};
use crate::rows;
use bartizan_core::{
    AnomalyScore, Attribution, Detector, Direction, Estimator, Explain, Feature, FeatureSchema, FitError, Samples, ScoreError, Seed, Stop,
};
use serde::{Deserialize, Serialize};

/// Different values kept of each feature.
const MAX_KNOTS: usize = 512;
/// A feature adds nothing until its value is rarer than 5 % (this is minus its logarithm): common deviations of many features must not add up to more
/// than the rare one of the feature that matters.
const COMMON: f64 = 2.995_732_273_553_991;
/// Parts of the training rows, in their order, that are compared with the ones before.
const QUARTERS: usize = 4;
/// Most that one feature adds: nothing in a sample is surer than one in e^20.
const MAX_SHARE: f64 = 20.0;

/// Sum of surprise over the features' own tails, on the side that the schema calls suspicious.
///
/// # Parameters
/// None.
///
/// # Errors
/// Fewer than two rows, another width than the schema's, an infinite value.
///
/// # Algorithm
/// For each feature the share of training rows at least as far out is estimated, smoothed as `(count + 1/2) / (n + 1)`, on
/// the upper, the lower or the likelier of both sides (twice its probability). Nothing is held for rarer than what lies beyond the range
/// of all before it: rows are taken to be in the order of time, and it is counted how many of each quarter lie beyond the quarters before
/// it. Beyond the training range the share falls on with the distance in spreads, which are no less than the feature's resolution. The
/// share of a feature is how much rarer than 5 % that is, in nats, from 0 to 20; the score is
/// the sum, so the attribution is exact. A missing value adds nothing; what was always missing in training adds nothing.
///
/// # Weak where
/// What is odd is a combination of usual values; features measure the same thing twice (it counts twice).
///
/// # References
/// The tail sum follows ECOD (Li, Zhao, Hu, Botta, Ionescu, Chen: ECOD, TKDE 2022); the declared sides, the floor and the
/// tail beyond the training range differ from it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tails;

impl Tails {
    pub(crate) fn from_params(_: &mut Params<'_>) -> Result<Self, ParamError> {
        Ok(Self)
    }

    pub(crate) fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
        Vec::new()
    }
}

/// Fitted tails.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FittedTails {
    schema: FeatureSchema,
    columns: Vec<Column>,
}

/// What is kept of one feature: some of its values in order and how surprising each is from either side, so that scoring
/// takes no logarithm within the training range.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Column {
    values: Vec<f32>,
    /// Minus the logarithm of the smoothed share of rows at or above each value.
    high: Vec<f32>,
    /// The same at or below.
    low: Vec<f32>,
    /// The same for no row at all.
    nobody: f64,
    spread: f64,
}

impl Estimator for Tails {
    type Fitted = FittedTails;

    fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, _: Seed, _: &Stop) -> Result<FittedTails, FitError> {
        rows::check(schema, train, 2)?;
        let column = |(c, feature): (usize, &Feature)| {
            let beyond = beyond_before(train, c, feature.direction);
            Column::new(&rows::sorted_column(train, c), f64::from(feature.resolution()), beyond)
        };
        let columns = schema.features().iter().enumerate().map(column).collect();
        Ok(FittedTails { schema: schema.clone(), columns })
    }
}

impl Column {
    /// From the values in order, of which the share `beyond` lay beyond all before them.
    fn new(sorted: &[f32], resolution: f64, beyond: f64) -> Self {
        let rows = sorted.len();
        let nobody = -beyond.max(0.5 / (rows as f64 + 1.0)).min(1.0).ln();
        let smooth = |count: usize| -((count as f64 + 0.5) / (rows as f64 + 1.0)).min(1.0).ln().max(-nobody);
        let mut column = Self { values: Vec::new(), high: Vec::new(), low: Vec::new(), nobody, spread: 1.0 };
        let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return column };
        for index in knots(sorted) {
            let value = sorted[index];
            let below = sorted.partition_point(|v| *v < value);
            let above = rows - sorted.partition_point(|v| *v <= value);
            column.values.push(value);
            column.high.push(smooth(rows - below) as f32);
            column.low.push(smooth(rows - above) as f32);
        }
        let middle = f64::from(sorted[rows * 3 / 4]) - f64::from(sorted[rows / 4]);
        let whole = f64::from(*last) - f64::from(*first);
        let spreads = [middle, whole, f64::from(last.abs()), 1.0];
        column.spread = spreads.into_iter().find(|s| *s > 0.0 && s.is_finite()).unwrap_or(1.0).max(resolution);
        column
    }

    /// Surprise of a value on the given side.
    fn surprise(&self, value: f32, direction: Direction) -> f64 {
        if value.is_nan() || self.values.is_empty() {
            return 0.0;
        }
        let rarity = match direction {
            Direction::High => self.high(value),
            Direction::Low => self.low(value),
            Direction::Both => self.high(value).max(self.low(value)) - std::f64::consts::LN_2,
        };
        (rarity - COMMON).clamp(0.0, MAX_SHARE)
    }

    /// Minus the logarithm of the share of rows at or above the value, growing beyond the highest.
    fn high(&self, value: f32) -> f64 {
        let at = self.values.partition_point(|v| *v < value);
        match self.high.get(at) {
            Some(high) => f64::from(*high),
            None => self.nobody + self.beyond(value - self.values[at - 1]),
        }
    }

    /// The same at or below.
    fn low(&self, value: f32) -> f64 {
        let at = self.values.partition_point(|v| *v <= value);
        if at == 0 { self.nobody + self.beyond(self.values[0] - value) } else { f64::from(self.low[at - 1]) }
    }

    /// A power law: ten spreads beyond the range is e^2.4 times rarer than just beyond.
    fn beyond(&self, distance: f32) -> f64 {
        (f64::from(distance) / self.spread).max(0.0).ln_1p()
    }
}

/// Share of a column's values, in the order of the rows, that lie beyond all of the quarters before theirs; smoothed.
fn beyond_before(train: Samples<'_>, column: usize, direction: Direction) -> f64 {
    let quarter = train.rows().div_ceil(QUARTERS).max(1);
    let values: Vec<f32> = train.iter().map(|row| row[column]).collect();
    let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
    let (mut below, mut above, mut met) = (0_usize, 0_usize, 0_usize);
    for (place, part) in values.chunks(quarter).enumerate() {
        if place > 0 {
            below += part.iter().filter(|value| **value < low).count();
            above += part.iter().filter(|value| **value > high).count();
            met += part.iter().filter(|value| !value.is_nan()).count();
        }
        low = part.iter().copied().fold(low, f32::min);
        high = part.iter().copied().fold(high, f32::max);
    }
    let beyond = match direction {
        Direction::High => above,
        Direction::Low => below,
        Direction::Both => above.max(below),
    };
    (beyond as f64 + 0.5) / (met as f64 + 1.0)
}

/// Where to look: all different values while they are few, else evenly by rank, closer towards both ends.
pub(crate) fn knots(sorted: &[f32]) -> Vec<usize> {
    let mut different: Vec<usize> = (0..sorted.len()).filter(|&i| i == 0 || sorted[i] > sorted[i - 1]).collect();
    if different.len() > MAX_KNOTS {
        let last = different.len() - 1;
        let end = MAX_KNOTS / 4;
        let step = (last - 2 * end).div_ceil(MAX_KNOTS - 2 * end).max(1);
        let middle = (end..last - end).step_by(step);
        let picked: Vec<usize> = (0..end).chain(middle).chain(last - end..=last).map(|i| different[i]).collect();
        different = picked;
    }
    different
}

impl FittedTails {
    fn shares<'a>(&'a self, row: &'a [f32]) -> impl Iterator<Item = f64> + 'a {
        let sides = self.schema.features().iter().map(|f| f.direction);
        self.columns.iter().zip(row).zip(sides).map(|((column, value), direction)| column.surprise(*value, direction))
    }

    pub(crate) fn validate(&self) -> Result<(), String> {
        if self.columns.len() != self.schema.width() || self.columns.is_empty() {
            return Err(format!("{} tails for {} features", self.columns.len(), self.schema.width()));
        }
        for (i, c) in self.columns.iter().enumerate() {
            let lengths = c.values.len() == c.high.len() && c.values.len() == c.low.len();
            let shares = c.high.iter().chain(&c.low).all(|s| (0.0..=100.0).contains(s));
            let ordered = c.values.is_sorted() && c.values.iter().all(|v| v.is_finite());
            let sizes = c.spread > 0.0 && c.spread.is_finite() && (0.0..=100.0).contains(&c.nobody);
            if !(lengths && shares && ordered && sizes) {
                return Err(format!("the tail of feature {i} is out of order"));
            }
        }
        Ok(())
    }
}

impl Detector for FittedTails {
    fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    fn score(&self, samples: Samples<'_>, out: &mut [AnomalyScore]) -> Result<(), ScoreError> {
        rows::check_shape(self.columns.len(), samples, out)?;
        for (out, row) in out.iter_mut().zip(samples.iter()) {
            *out = AnomalyScore(self.shares(row).sum());
        }
        Ok(())
    }

    fn explainer(&self) -> Option<&dyn Explain> {
        Some(self)
    }
}

impl Explain for FittedTails {
    fn explain(&self, row: &[f32]) -> Result<Attribution, ScoreError> {
        if row.len() != self.columns.len() {
            return Err(ScoreError::Width { expected: self.columns.len(), got: row.len() });
        }
        Ok(Attribution { base: 0.0, shares: self.shares(row).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::{Column, FittedTails, Tails};
    use bartizan_core::{Detector, Direction, Estimator, Explain, Feature, FeatureSchema, Samples, Seed};

    fn fitted() -> FittedTails {
        let sides = [("up", Direction::High), ("down", Direction::Low), ("both", Direction::Both), ("flag", Direction::High)];
        let schema = FeatureSchema::new(sides.iter().map(|&(n, d)| Feature::new(n, "", d, "")).collect());
        // Every value once, in no order.
        let values: Vec<f32> = (0..1000).map(|i| (i * 387 % 1000) as f32).flat_map(|v| [v, v, v, 0.0]).collect();
        Tails.fit(&schema, Samples::new(&values, 4).unwrap(), Seed(0)).unwrap()
    }

    #[test]
    fn only_the_suspicious_side_counts() {
        let tails = fitted();
        let shares = |row: [f32; 4]| tails.explain(&row).unwrap().shares;
        assert_eq!(shares([500.0, 500.0, 500.0, 0.0]), [0.0; 4]);
        assert_eq!(shares([f32::NAN; 4]), [0.0; 4]);
        let high = shares([2000.0, 2000.0, 2000.0, 1.0]);
        assert!(high[0] > 3.5 && high[1] == 0.0 && high[2] > 3.0 && high[3] > 3.0, "{high:?}");
        let low = shares([-2000.0; 4]);
        assert!(low[0] == 0.0 && low[1] > 3.5 && low[2] > 3.0 && low[3] == 0.0, "{low:?}");
    }

    #[test]
    fn farther_out_is_never_less_surprising() {
        let column = Column::new(&(0..5000).map(|i| (i as f32).powi(2)).collect::<Vec<_>>(), 0.0, 0.0);
        let surprises: Vec<f64> = (0..300).map(|i| column.surprise(i as f32 * 1e5, Direction::High)).collect();
        assert!(surprises.is_sorted());
        assert!(column.surprise(f32::MAX, Direction::High) <= super::MAX_SHARE);
    }

    #[test]
    fn the_score_is_the_sum_of_the_shares() {
        let tails = fitted();
        let row = [999.5, 0.0, 998.0, 3.0];
        let mut out = [bartizan_core::AnomalyScore(0.0)];
        tails.score(Samples::new(&row, 4).unwrap(), &mut out).unwrap();
        assert_eq!(out[0].0, tails.explain(&row).unwrap().total());
    }
}
