//! Checks and small statistics that every estimator needs of its training rows.

use crate::isolation_forest::tree::draw_rows;
use bartizan_core::{AnomalyScore, FeatureSchema, FitError, Samples, ScoreError, Seed};
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;

/// Rows looked at for medians and spreads: enough for both, and the same few milliseconds for a million rows.
const LOOKED_AT: usize = 8_192;

/// Refuses rows of another width, infinities, and fewer rows than `needed`.
pub(crate) fn check(schema: &FeatureSchema, train: Samples<'_>, needed: usize) -> Result<(), FitError> {
    if train.width() != schema.width() {
        return Err(FitError::Width { expected: schema.width(), got: train.width() });
    }
    if train.rows() < needed {
        return Err(FitError::TooFewSamples { needed, got: train.rows() });
    }
    match train.values().iter().position(|v| v.is_infinite()) {
        None => Ok(()),
        Some(at) => Err(FitError::NotFinite { row: at / train.width(), column: at % train.width(), value: train.values()[at] }),
    }
}

/// Refuses samples or an output of another shape than the detector's.
pub(crate) fn check_shape(width: usize, samples: Samples<'_>, out: &[AnomalyScore]) -> Result<(), ScoreError> {
    if samples.width() != width {
        return Err(ScoreError::Width { expected: width, got: samples.width() });
    }
    if samples.rows() != out.len() {
        return Err(ScoreError::Output { rows: samples.rows(), out: out.len() });
    }
    Ok(())
}

/// The present values of one column, sorted; of long trainings an evenly spread part.
pub(crate) fn sorted_column(train: Samples<'_>, column: usize) -> Vec<f32> {
    let step = train.rows().div_ceil(LOOKED_AT).max(1);
    let mut values: Vec<f32> = train.iter().step_by(step).map(|row| row[column]).filter(|v| !v.is_nan()).collect();
    values.sort_by(f32::total_cmp);
    values
}

/// The median of every column, 0 where nothing is present: what a missing value is read as.
pub(crate) fn medians(train: Samples<'_>) -> Vec<f32> {
    (0..train.width())
        .map(|column| {
            let sorted = sorted_column(train, column);
            sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
        })
        .collect()
}

/// Views numbers that are known to make whole rows.
pub(crate) fn shaped(values: &[f32], width: usize) -> Samples<'_> {
    Samples::new(values, width).unwrap_or_else(|e| unreachable!("rows are cut whole: {e}"))
}

/// Some rows of a training set: all of them, or a copy of those that were drawn.
pub(crate) struct Drawn<'a> {
    values: std::borrow::Cow<'a, [f32]>,
    width: usize,
}

impl Drawn<'_> {
    pub(crate) fn samples(&self) -> Samples<'_> {
        shaped(&self.values, self.width)
    }
}

/// All rows, or `most` of them drawn without replacement and kept in their order.
pub(crate) fn drawn(train: Samples<'_>, most: usize, seed: Seed) -> Drawn<'_> {
    let width = train.width();
    if train.rows() <= most {
        return Drawn { values: train.values().into(), width };
    }
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed.derive(0xd7a3).0);
    let chosen = draw_rows(train.rows(), most, &mut rng);
    let values: Vec<f32> = chosen.into_iter().flat_map(|row| train.row(row as usize)).copied().collect();
    Drawn { values: values.into(), width }
}
