//! ECOD: empirical distribution functions, feature by feature.

use crate::params::{ParamError, ParamValue, Params};
use crate::rows;
use crate::steps::{FittedSteps, Steps};
use bartizan_core::{Estimator, FeatureSchema, FitError, Samples, Seed, Stop};

/// Sum over the features of the rarer of both tails.
///
/// # Parameters
/// None.
///
/// # Errors
/// Fewer than two rows, another width than the schema's, an infinite value.
///
/// # Algorithm
/// A feature's share is minus the logarithm of the share of training rows at or beyond the value, on the side where
/// fewer are; the score is the sum. The row itself counts as one more, so no value is rarer than one in `n + 1`. A
/// missing value gets the feature's mean share. It is what PyOD's `ECOD.decision_function` gives for one row at a time
/// (but for features whose skewness is exactly 0, where PyOD adds both sides). The paper takes the largest of three
/// sums (all left, all right, by skewness) instead of the sum of the largest; PyOD's form is kept because peers are
/// measured with it and because shares then add up. Distribution functions are taken from at most 8,192 rows.
///
/// # Weak where
/// What is odd is a combination of usual values; one feature of many is far out, since all values beyond the training
/// range are equally odd and common deviations of the others add up. [`crate::Tails`] mends both and knows the
/// suspicious side.
///
/// # References
/// Li, Zhao, Hu, Botta, Ionescu, Chen: ECOD, TKDE 35(12), 2022, algorithm 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ecod;

impl Ecod {
    pub(crate) fn from_params(_: &mut Params<'_>) -> Result<Self, ParamError> {
        Ok(Self)
    }

    pub(crate) fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
        Vec::new()
    }
}

impl Estimator for Ecod {
    type Fitted = FittedSteps;

    fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, _: Seed, _: &Stop) -> Result<FittedSteps, FitError> {
        rows::check(schema, train, 2)?;
        let column = |c| Steps::of_tails(&rows::sorted_column(train, c), |tail| tail.low.max(tail.high));
        Ok(FittedSteps::new(schema, (0..train.width()).map(column).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::Ecod;
    use crate::reference;
    use bartizan_core::{Estimator, FeatureSchema, Seed};

    /// tests/reference/statistics.py: PyOD 3.6.7, fitted on the first 60 rows, each other row scored on its own.
    #[test]
    fn it_is_pyods_row_by_row() {
        let data = reference::statistics();
        let fitted = Ecod.fit(&FeatureSchema::unnamed(data.width), data.train(), Seed(0)).unwrap();
        reference::close(&fitted, data.probes(), &data.column("ecod"), 1e-5);
    }
}
