//! COPOD: tails of an empirical copula.

use crate::params::{ParamError, ParamValue, Params};
use crate::rows;
use crate::steps::{FittedSteps, Steps, Tail};
use bartizan_core::{Estimator, FeatureSchema, FitError, Samples, Seed, Stop};

/// Sum over the features of the tail that their skewness points to, or of both tails' mean where that is more.
///
/// # Parameters
/// None.
///
/// # Errors
/// Fewer than two rows, another width than the schema's, an infinite value.
///
/// # Algorithm
/// With `l` and `r` minus the logarithms of the shares of training rows at or below and at or above a value (the row
/// itself counts as one more), a feature's share is the larger of `(l + r) / 2` and of `r` where the training values
/// are skewed to the right, `l` where to the left, `l + r` where not at all. A missing value gets the feature's mean
/// share. It is what PyOD's `COPOD.decision_function` gives for one row at a time, as long as that row does not turn
/// the sign of a feature's skewness. The paper takes the largest of three sums instead of the sum of the largest.
/// Distribution functions are taken from at most 8,192 rows.
///
/// # Weak where
/// As [`crate::Ecod`]; besides, an anomaly on the short tail of a skewed feature counts half.
///
/// # References
/// Li, Zhao, Botta, Ionescu, Hu: COPOD, ICDM 2020, algorithm 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copod;

impl Copod {
    pub(crate) fn from_params(_: &mut Params<'_>) -> Result<Self, ParamError> {
        Ok(Self)
    }

    pub(crate) fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
        Vec::new()
    }
}

impl Estimator for Copod {
    type Fitted = FittedSteps;

    fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, _: Seed, _: &Stop) -> Result<FittedSteps, FitError> {
        rows::check(schema, train, 2)?;
        let column = |c| {
            let sorted = rows::sorted_column(train, c);
            let skew = skewness(&sorted);
            Steps::of_tails(&sorted, |tail| share(tail, skew))
        };
        Ok(FittedSteps::new(schema, (0..train.width()).map(column).collect()))
    }
}

fn share(tail: &Tail, skew: f64) -> f64 {
    let both = tail.low + tail.high;
    let pointed = if skew > 0.0 {
        tail.high
    } else if skew < 0.0 {
        tail.low
    } else {
        both
    };
    pointed.max(both / 2.0)
}

/// Third central moment of values divided by their largest distance from the mean: only the sign matters, and the cubes
/// stay finite.
fn skewness(values: &[f32]) -> f64 {
    let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len().max(1) as f64;
    let farthest = values.iter().map(|v| (f64::from(*v) - mean).abs()).fold(0.0, f64::max);
    // A constant column's mean may be off by its last digits.
    if farthest <= mean.abs() * 1e-12 {
        return 0.0;
    }
    let sum: f64 = values.iter().map(|v| ((f64::from(*v) - mean) / farthest).powi(3)).sum();
    if sum.abs() < 1e-12 * values.len() as f64 { 0.0 } else { sum }
}

#[cfg(test)]
mod tests {
    use super::{Copod, skewness};
    use crate::reference;
    use bartizan_core::{Estimator, FeatureSchema, Seed};

    /// tests/reference/statistics.py: PyOD 3.6.7, fitted on the first 60 rows, each other row scored on its own.
    #[test]
    fn it_is_pyods_row_by_row() {
        let data = reference::statistics();
        let fitted = Copod.fit(&FeatureSchema::unnamed(data.width), data.train(), Seed(0)).unwrap();
        reference::close(&fitted, data.probes(), &data.column("copod"), 1e-5);
    }

    #[test]
    fn skewness_has_a_sign() {
        assert!(skewness(&[0.0, 0.0, 0.0, 1.0]) > 0.0);
        assert!(skewness(&[0.0, 1.0, 1.0, 1.0]) < 0.0);
        assert!(skewness(&[-f32::MAX, f32::MAX, f32::MAX]) < 0.0);
        for none in [&[][..], &[0.1; 30], &[-1.0, 0.0, 1.0]] {
            assert_eq!(skewness(none), 0.0);
        }
    }
}
