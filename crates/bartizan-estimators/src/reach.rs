//! How far out a row lies, whatever the algorithm: what keeps scores from ending and from tying.

use crate::rows;
use bartizan_core::{AnomalyScore, Attribution, Detector, Direction, Explain, Feature, FeatureSchema, Samples, ScoreError};
use multiversion::multiversion;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Rows whose scores say how far scores lie apart.
const SCALE_ROWS: usize = 4_096;
/// Rows that one thread takes at a time.
const PARALLEL_ROWS: usize = 4_096;
/// Rows that are looked at before they are scored: enough for all threads.
const BLOCK_ROWS: usize = 1 << 16;
/// What the distance from the middle adds at most, in distances between the quartiles of the scores: less than one step of a forest.
const NEAR: f64 = 1e-3;
/// How far beyond the training range a value must lie before that alone counts, in widths of the range.
const FAR: f64 = 16.0;
/// Binary digits of an octave that are kept: sums of them over the widest row stay below 2^63.
const DIGITS: u32 = 36;
/// Most that a unit may be turned over to, and that scores may differ by: products with any value stay finite.
const MOST: f64 = 1e100;

/// What every detector adds to the score of its algorithm.
///
/// # Algorithm
/// Two terms, both sums over the features of logarithms to the base 2 (octaves), so that shares are exact.
///
/// *Near*: `log2(1 + |x - median| / unit)`, where the unit is the mean distance of the training values from their median and no less than
/// the feature's resolution, so that what is rarer counts more. The sum `s` adds `s / (s + width)` times a 1,000th of the distance between the quartiles of the training scores:
/// it parts rows that the algorithm scores alike and hardly moves others.
///
/// *Far*: `log2(beyond / (16 range))`, where positive, for a value beyond the training range, whose width is no less than the
/// resolution. Each octave adds as much as all training scores span: a value that far out is anomalous whatever the algorithm says,
/// and ever more so, so no threshold set on training rows is out of reach. The algorithm itself sees such a value at 16 ranges, where
/// numbers are still told apart.
///
/// Octaves are read from the bits of a number, straight between powers of two, and added in whole numbers: all machines agree.
/// A missing value adds nothing.
///
/// # Weak where
/// Normal values come that are many times greater than all that was learned from: they are called anomalous.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Reach {
    columns: Columns,
    /// What the first term adds at most.
    near: f64,
    /// What an octave of the second adds.
    far: f64,
}

/// The features' numbers, side by side.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Columns {
    middle: Vec<f64>,
    /// One over the unit below the middle, 0 where that side is not suspicious.
    down: Vec<f64>,
    /// The same above.
    up: Vec<f64>,
    low: Vec<f64>,
    high: Vec<f64>,
    /// One over [`FAR`] ranges.
    out: Vec<f64>,
}

impl Columns {
    fn fit(schema: &FeatureSchema, train: Samples<'_>, suspicious_side: bool) -> Self {
        let width = train.width();
        let (mut low, mut high) = (vec![f32::MAX; width], vec![f32::MIN; width]);
        for row in train.iter() {
            for ((low, high), value) in low.iter_mut().zip(&mut high).zip(row) {
                // A comparison with a missing value is false.
                *low = if *value < *low { *value } else { *low };
                *high = if *value > *high { *value } else { *high };
            }
        }
        let mut columns = Self { middle: vec![], down: vec![], up: vec![], low: vec![], high: vec![], out: vec![] };
        for (column, feature) in schema.features().iter().enumerate() {
            let sorted = rows::sorted_column(train, column);
            let side = if suspicious_side { feature.direction } else { Direction::Both };
            columns.push(&sorted, (f64::from(low[column]), f64::from(high[column])), side, feature);
        }
        columns
    }

    fn push(&mut self, sorted: &[f32], (low, high): (f64, f64), side: Direction, feature: &Feature) {
        let (low, high) = if sorted.is_empty() { (0.0, 0.0) } else { (low, high) };
        let (middle, resolution) = (sorted.get(sorted.len() / 2).copied().map_or(0.0, f64::from), f64::from(feature.resolution()));
        let spread = sorted.iter().map(|v| (f64::from(*v) - middle).abs()).sum::<f64>() / sorted.len().max(1) as f64;
        let first = |sizes: [f64; 4]| sizes.into_iter().find(|size| *size > 0.0).unwrap_or(1.0);
        let near = 1.0 / first([spread.max(resolution), high - low, middle.abs(), 1.0]);
        let far = 1.0 / (FAR * first([(high - low).max(resolution), middle.abs(), 1.0, 1.0]));
        self.middle.push(middle);
        self.down.push(if side == Direction::High { 0.0 } else { near.min(MOST) });
        self.up.push(if side == Direction::Low { 0.0 } else { near.min(MOST) });
        self.low.push(if side == Direction::High { f64::MIN } else { low });
        self.high.push(if side == Direction::Low { f64::MAX } else { high });
        self.out.push(far.min(MOST));
    }

    /// Brings values into what the algorithm sees.
    fn limit(&self, row: &mut [f32]) {
        for (i, value) in row.iter_mut().enumerate() {
            let beyond = 1.0 / self.out[i].max(1.0 / MOST);
            let (least, most) = (self.low[i] - beyond, self.high[i] + beyond);
            *value = f64::from(*value).clamp(least, most) as f32;
        }
    }

    fn column(&self, i: usize) -> Column {
        Column { middle: self.middle[i], down: self.down[i], up: self.up[i], low: self.low[i], high: self.high[i], out: self.out[i] }
    }

    fn validate(&self, width: usize) -> Result<(), String> {
        let all = [&self.middle, &self.down, &self.up, &self.low, &self.high, &self.out];
        if all.iter().any(|numbers| numbers.len() != width) {
            return Err(format!("a reach of other than {width} features"));
        }
        let units = [&self.down, &self.up, &self.out].into_iter().flatten().all(|v| (0.0..=MOST).contains(v));
        let places = [&self.middle, &self.low, &self.high].into_iter().flatten().all(|v| v.is_finite());
        let ordered = self.low.iter().zip(&self.high).all(|(low, high)| low <= high);
        if units && places && ordered { Ok(()) } else { Err("a reach is out of range".to_owned()) }
    }
}

/// One feature's numbers.
struct Column {
    middle: f64,
    down: f64,
    up: f64,
    low: f64,
    high: f64,
    out: f64,
}

impl Column {
    /// Octaves of both terms, in whole numbers of 2^-[`DIGITS`].
    #[inline(always)]
    fn octaves(&self, value: f32) -> (u64, u64) {
        let value = f64::from(value);
        let apart = value - self.middle;
        let near = larger(apart * self.up, -apart * self.down);
        let far = larger(value - self.high, self.low - value) * self.out;
        // Comparisons and not `max`: where the value is missing they are false, and nothing is added.
        (octave(if near > 0.0 { 1.0 + near } else { 1.0 }), octave(if far > 1.0 { far } else { 1.0 }))
    }
}

#[inline(always)]
fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

/// The logarithm to the base 2 of a number from 1, straight between powers of two.
#[inline(always)]
fn octave(number: f64) -> u64 {
    (number.to_bits() - 1.0_f64.to_bits()) >> (52 - DIGITS)
}

/// Octaves of a whole row.
#[multiversion(targets("x86_64+avx512f+avx512dq+avx512vl", "x86_64+avx2"))]
fn octaves(columns: &Columns, row: &[f32]) -> (u64, u64) {
    let width = row.len();
    let Columns { middle, down, up, low, high, out } = columns;
    let (middle, down, up) = (&middle[..width], &down[..width], &up[..width]);
    let (low, high, out) = (&low[..width], &high[..width], &out[..width]);
    let (mut near, mut far) = (0, 0);
    for i in 0..width {
        let column = Column { middle: middle[i], down: down[i], up: up[i], low: low[i], high: high[i], out: out[i] };
        let octaves = column.octaves(row[i]);
        near += octaves.0;
        far += octaves.1;
    }
    (near, far)
}

impl Reach {
    /// Learns it from the rows that the detector was fitted on; with `suspicious_side` only that side of a feature counts.
    pub(crate) fn fit(detector: &dyn Detector, train: Samples<'_>, suspicious_side: bool) -> Self {
        let step = train.rows().div_ceil(SCALE_ROWS).max(1);
        let values: Vec<f32> = train.iter().step_by(step).flatten().copied().collect();
        let mut scores = vec![AnomalyScore(0.0); values.len() / train.width()];
        detector
            .score(rows::shaped(&values, train.width()), &mut scores)
            .unwrap_or_else(|e| unreachable!("rows that were fitted on have the right width: {e}"));
        let mut scores: Vec<f64> = scores.into_iter().map(|score| score.0).collect();
        scores.sort_by(f64::total_cmp);
        let at = |part: usize| scores[(scores.len() - 1) * part / 100];
        let first = |sizes: [f64; 3]| sizes.into_iter().find(|size| *size > 0.0).unwrap_or(1.0).min(MOST);
        let span = at(100) - at(0);
        Self {
            columns: Columns::fit(detector.schema(), train, suspicious_side),
            near: NEAR * first([at(75) - at(25), at(95) - at(5), span]),
            far: first([span, 1.0, 1.0]),
        }
    }

    /// What is added to a row's score, and whether the algorithm must see it within limits.
    fn of(&self, row: &[f32]) -> (f64, bool) {
        let (near, far) = octaves(&self.columns, row);
        (self.near * part(near, row.len()) + self.far * whole(far), far > 0)
    }

    /// Writes what is to be added to the score of each row; true if any of them lies beyond the limits.
    fn add(&self, values: &[f32], width: usize, added: &mut [f64]) -> bool {
        let mut beyond = false;
        for (row, added) in values.chunks_exact(width).zip(added) {
            let (more, limited) = self.of(row);
            *added = more;
            beyond |= limited;
        }
        beyond
    }

    /// The same on all threads, where there are many rows.
    fn add_all(&self, values: &[f32], width: usize, added: &mut [f64]) -> bool {
        if added.len() <= PARALLEL_ROWS {
            return self.add(values, width, added);
        }
        let parts = values.par_chunks(PARALLEL_ROWS * width).zip(added.par_chunks_mut(PARALLEL_ROWS));
        parts.map(|(values, added)| self.add(values, width, added)).reduce(|| false, |a, b| a | b)
    }

    /// The rows as the algorithm sees them.
    fn limited(&self, values: &[f32], width: usize) -> Vec<f32> {
        let mut seen = values.to_vec();
        seen.chunks_exact_mut(width).filter(|row| self.of(row).1).for_each(|row| self.columns.limit(row));
        seen
    }

    /// What is added feature by feature, onto shares.
    fn share_out(&self, row: &[f32], shares: &mut [f64]) {
        let (near, _) = octaves(&self.columns, row);
        let each = self.near * part(near, row.len()) / whole(near).max(f64::MIN_POSITIVE);
        for (column, (value, share)) in row.iter().zip(shares).enumerate() {
            let (near, far) = self.columns.column(column).octaves(*value);
            *share += each * whole(near) + self.far * whole(far);
        }
    }

    pub(crate) fn validate(&self, width: usize) -> Result<(), String> {
        if !(0.0..=MOST).contains(&self.near) || !(0.0..=MOST).contains(&self.far) {
            return Err(format!("a reach adds {} and {}", self.near, self.far));
        }
        self.columns.validate(width)
    }
}

/// Octaves as a number.
fn whole(octaves: u64) -> f64 {
    octaves as f64 / (1_u64 << DIGITS) as f64
}

/// From 0 to 1, the more the more octaves there are.
fn part(octaves: u64, width: usize) -> f64 {
    let octaves = whole(octaves);
    octaves / (octaves + width as f64)
}

/// A detector with a reach.
pub(crate) struct Reaching {
    detector: Arc<dyn Detector>,
    reach: Reach,
}

impl Reaching {
    pub(crate) fn new(detector: Arc<dyn Detector>, reach: Reach) -> Self {
        Self { detector, reach }
    }
}

impl Detector for Reaching {
    fn schema(&self) -> &FeatureSchema {
        self.detector.schema()
    }

    fn score(&self, samples: Samples<'_>, out: &mut [AnomalyScore]) -> Result<(), ScoreError> {
        let width = self.schema().width();
        rows::check_shape(width, samples, out)?;
        for (values, out) in samples.values().chunks(BLOCK_ROWS * width).zip(out.chunks_mut(BLOCK_ROWS)) {
            let mut added = vec![0.0; out.len()];
            if self.reach.add_all(values, width, &mut added) {
                self.detector.score(rows::shaped(&self.reach.limited(values, width), width), out)?;
            } else {
                self.detector.score(rows::shaped(values, width), out)?;
            }
            out.iter_mut().zip(added).for_each(|(out, added)| out.0 += added);
        }
        Ok(())
    }

    fn explainer(&self) -> Option<&dyn Explain> {
        self.detector.explainer().map(|_| self as &dyn Explain)
    }
}

impl Explain for Reaching {
    fn explain(&self, row: &[f32]) -> Result<Attribution, ScoreError> {
        let Some(explainer) = self.detector.explainer() else {
            return Ok(Attribution { base: 0.0, shares: vec![0.0; row.len()] });
        };
        if row.len() != self.schema().width() {
            return Err(ScoreError::Width { expected: self.schema().width(), got: row.len() });
        }
        let mut attribution = explainer.explain(&self.reach.limited(row, row.len()))?;
        self.reach.share_out(row, &mut attribution.shares);
        Ok(attribution)
    }

    fn exact(&self) -> bool {
        self.detector.explainer().is_none_or(Explain::exact)
    }
}

#[cfg(test)]
mod tests {
    use super::{Reach, octave, whole};
    use crate::{IsolationForest, Tails};
    use bartizan_core::{Detector, Direction, Estimator, Feature, FeatureSchema, Samples, Seed};

    fn schema() -> FeatureSchema {
        let of = |name, direction| Feature::new(name, "bytes", direction, "").resolved(2.0);
        FeatureSchema::new(vec![of("up", Direction::High), of("down", Direction::Low), of("constant", Direction::Both)])
    }

    fn reach(detector: &dyn Detector, values: &[f32], suspicious_side: bool) -> Reach {
        let reach = Reach::fit(detector, Samples::new(values, 3).unwrap(), suspicious_side);
        reach.validate(3).unwrap();
        reach
    }

    fn values() -> Vec<f32> {
        (0..400).flat_map(|i| [(i % 20) as f32, (i % 7) as f32 * 1e-3, 5.0]).collect()
    }

    #[test]
    fn octaves_grow_with_the_number_and_are_exact_at_powers_of_two() {
        for power in 0..200 {
            assert_eq!(whole(octave(2_f64.powi(power))), f64::from(power));
        }
        let numbers: Vec<u64> = (0..3_000).map(|i| octave(1.01_f64.powi(i))).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn what_is_added_is_small_near_and_without_end_far() {
        let values = values();
        let forest = IsolationForest::default().fit(&schema(), Samples::new(&values, 3).unwrap(), Seed(1)).unwrap();
        let reach = reach(&forest, &values, false);
        assert!(values.chunks(3).all(|row| reach.of(row).0 < reach.near && !reach.of(row).1));
        // A value that differs by a resolution where nothing varies counts as much as one octave does.
        assert!((reach.of(&[10.0, 3e-3, 7.0]).0 - reach.near / 4.0).abs() < 1e-9 * reach.near);
        let far: Vec<f64> = [1e4_f32, 1e8, 1e30, f32::MAX].map(|v| reach.of(&[v, 0.0, 5.0]).0).to_vec();
        assert!(far[0] > reach.far && far.is_sorted_by(|a, b| a < b), "{far:?}");
        assert_eq!(reach.of(&[f32::NAN; 3]), (0.0, false));
    }

    #[test]
    fn only_the_suspicious_side_counts_where_that_is_asked() {
        let values = values();
        let tails = Tails.fit(&schema(), Samples::new(&values, 3).unwrap(), Seed(1)).unwrap();
        let reach = reach(&tails, &values, true);
        assert_eq!(reach.of(&[-1e9, 1e9, 5.0]), (0.0, false));
        assert!(reach.of(&[1e9, 0.0, 5.0]).1 && reach.of(&[0.0, -1e9, 5.0]).1);
    }

    #[test]
    fn shares_sum_to_what_is_added() {
        let values = values();
        let tails = Tails.fit(&schema(), Samples::new(&values, 3).unwrap(), Seed(1)).unwrap();
        let reach = reach(&tails, &values, false);
        for row in [[3.0, 2e-3, 5.0], [1e6, f32::NAN, 5.0], [-1e30, 1.0, 6.0]] {
            let mut shares = [0.0; 3];
            reach.share_out(&row, &mut shares);
            assert!((shares.iter().sum::<f64>() - reach.of(&row).0).abs() < 1e-9 * reach.of(&row).0.max(1.0));
        }
    }
}
