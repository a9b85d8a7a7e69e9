//! Robust z-scores: distances from the median in robust deviations.

use crate::params::{ParamError, ParamValue, Params};
use crate::rows;
use crate::steps::each_row;
use bartizan_core::{AnomalyScore, Attribution, Detector, Estimator, Explain, FeatureSchema, FitError, Samples, ScoreError, Seed, Stop};
use serde::{Deserialize, Serialize};

/// A normal distribution's standard deviation is this many median absolute deviations.
const NORMAL_MAD: f64 = 1.482_602_218_505_602;
/// And this many mean absolute deviations.
const NORMAL_MEAN_DEVIATION: f64 = 1.253_314_137_315_500_3;
/// What any other value of a constant feature scores: surely out (the customary cut-off is 3.5), yet not beyond all
/// measure.
const OTHER: f64 = 10.0;
/// Nothing is farther out.
const MAX_Z: f64 = 1e12;

/// How many robust standard deviations a value lies from the feature's median.
///
/// # Parameters
/// - `combine`: the score is the `max` over the features or their `mean`; `max`.
///
/// # Errors
/// Fewer than two rows, another width than the schema's, an infinite value.
///
/// # Algorithm
/// A feature's z is `|x - median| / (1.4826 MAD)`. Where more than half of the training values are equal, so that the
/// MAD is 0, the mean absolute deviation from the median takes its place (times 1.2533); where all are equal, any other
/// value has z = 10, or its distance in resolutions where the feature's is known; none is divided by less. A missing value adds nothing: the mean is over the features present. With `max` the whole score is
/// the share of the feature that is farthest out. Median and deviations are taken from at most 8,192 rows.
///
/// # Weak where
/// What is odd is a combination of usual values; distributions with several peaks or one long tail; many features, of
/// which one is always somewhat out (`max`).
///
/// # References
/// Iglewicz, Hoaglin: How to detect and handle outliers, ASQC 1993, section 3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RobustZ {
    /// How a row's distances make its score.
    pub combine: Combine,
}

/// How the features' distances make a row's score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Combine {
    /// The largest.
    #[default]
    Max,
    /// The mean of those present.
    Mean,
}

impl Combine {
    const OPTIONS: &'static [(&'static str, Self)] = &[("max", Self::Max), ("mean", Self::Mean)];
}

impl RobustZ {
    pub(crate) fn from_params(p: &mut Params<'_>) -> Result<Self, ParamError> {
        Ok(Self { combine: p.choice("combine", Combine::default(), Combine::OPTIONS)? })
    }

    pub(crate) fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
        let name = Combine::OPTIONS.iter().find(|(_, c)| *c == self.combine).map_or("", |(name, _)| name);
        vec![("combine", name.into())]
    }
}

impl Estimator for RobustZ {
    type Fitted = FittedRobustZ;

    fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, _: Seed, _: &Stop) -> Result<FittedRobustZ, FitError> {
        rows::check(schema, train, 2)?;
        let columns = schema.features().iter().enumerate();
        let columns = columns.map(|(c, feature)| Column::new(&rows::sorted_column(train, c), f64::from(feature.resolution()))).collect();
        Ok(FittedRobustZ { schema: schema.clone(), combine: self.combine, columns })
    }
}

/// Fitted medians and deviations.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FittedRobustZ {
    schema: FeatureSchema,
    combine: Combine,
    columns: Vec<Column>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Column {
    median: f64,
    /// 0 for a constant feature.
    deviation: f64,
}

impl Column {
    fn new(sorted: &[f32], resolution: f64) -> Self {
        let values: Vec<f64> = sorted.iter().map(|v| f64::from(*v)).collect();
        let median = middle(&values);
        let mut distances: Vec<f64> = values.iter().map(|v| (v - median).abs()).collect();
        distances.sort_by(f64::total_cmp);
        let mad = middle(&distances);
        let mean = distances.iter().sum::<f64>() / distances.len().max(1) as f64;
        let deviation = if mad > 0.0 { NORMAL_MAD * mad } else { NORMAL_MEAN_DEVIATION * mean };
        Self { median, deviation: deviation.max(resolution) }
    }

    fn z(self, value: f32) -> f64 {
        let distance = (f64::from(value) - self.median).abs();
        if self.deviation > 0.0 {
            (distance / self.deviation).min(MAX_Z)
        } else if distance > 0.0 {
            OTHER
        } else {
            0.0
        }
    }
}

/// The median; of an even number the mean of both in the middle, of none 0.
fn middle(sorted: &[f64]) -> f64 {
    let n = sorted.len();
    if n == 0 { 0.0 } else { f64::midpoint(sorted[(n - 1) / 2], sorted[n / 2]) }
}

impl FittedRobustZ {
    /// Features with their distances, without those that are missing.
    fn distances<'a>(&'a self, row: &'a [f32]) -> impl Iterator<Item = (usize, f64)> + 'a {
        let present = self.columns.iter().zip(row).enumerate().filter(|(_, (_, value))| !value.is_nan());
        present.map(|(feature, (column, value))| (feature, column.z(*value)))
    }

    fn score_row(&self, row: &[f32]) -> f64 {
        match self.combine {
            Combine::Max => self.distances(row).fold(0.0, |most, (_, z)| most.max(z)),
            Combine::Mean => {
                let (sum, count) = self.distances(row).fold((0.0, 0_usize), |(sum, count), (_, z)| (sum + z, count + 1));
                sum / count.max(1) as f64
            }
        }
    }

    pub(crate) fn validate(&self) -> Result<(), String> {
        if self.columns.len() != self.schema.width() || self.columns.is_empty() {
            return Err(format!("deviations of {} features for {}", self.columns.len(), self.schema.width()));
        }
        match self.columns.iter().position(|c| !(c.median.is_finite() && c.deviation >= 0.0 && c.deviation.is_finite())) {
            None => Ok(()),
            Some(column) => Err(format!("median or deviation of feature {column} is not finite")),
        }
    }
}

impl Detector for FittedRobustZ {
    fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    fn score(&self, samples: Samples<'_>, out: &mut [AnomalyScore]) -> Result<(), ScoreError> {
        rows::check_shape(self.columns.len(), samples, out)?;
        each_row(samples, out, |row| self.score_row(row));
        Ok(())
    }

    fn explainer(&self) -> Option<&dyn Explain> {
        Some(self)
    }
}

impl Explain for FittedRobustZ {
    fn explain(&self, row: &[f32]) -> Result<Attribution, ScoreError> {
        if row.len() != self.columns.len() {
            return Err(ScoreError::Width { expected: self.columns.len(), got: row.len() });
        }
        let mut shares = vec![0.0; row.len()];
        match self.combine {
            Combine::Max => {
                let farthest = self.distances(row).fold((0, 0.0), |most, this| if this.1 > most.1 { this } else { most });
                shares[farthest.0] = farthest.1;
            }
            Combine::Mean => {
                let present = row.iter().filter(|v| !v.is_nan()).count().max(1) as f64;
                self.distances(row).for_each(|(feature, z)| shares[feature] = z / present);
            }
        }
        Ok(Attribution { base: 0.0, shares })
    }
}

#[cfg(test)]
mod tests {
    use super::{Column, Combine, FittedRobustZ, RobustZ};
    use crate::reference;
    use bartizan_core::{Estimator, Explain, FeatureSchema, Samples, Seed};

    /// tests/reference/statistics.py: SciPy's `median_abs_deviation(scale="normal")`.
    #[test]
    fn it_is_the_definition() {
        let data = reference::statistics();
        for (combine, column) in [(Combine::Max, "robust_z_max"), (Combine::Mean, "robust_z_mean")] {
            let fitted = RobustZ { combine }.fit(&FeatureSchema::unnamed(data.width), data.train(), Seed(0)).unwrap();
            reference::close(&fitted, data.probes(), &data.column(column), 1e-6);
        }
    }

    #[test]
    fn without_a_deviation_the_next_best_is_taken() {
        let half_equal = Column::new(&[5.0, 5.0, 5.0, 5.0, 5.0, 7.0], 0.0);
        assert!((half_equal.z(7.0) - 2.0 / (1.253_314_137 / 3.0)).abs() < 1e-6);
        let constant = Column::new(&[5.0; 6], 0.0);
        assert_eq!((constant.z(5.0), constant.z(5.1)), (0.0, 10.0));
        let resolved = Column::new(&[5.0; 6], 0.5);
        assert_eq!((resolved.z(5.0), resolved.z(6.0)), (0.0, 2.0));
        let nothing = Column::new(&[], 0.0);
        assert_eq!((nothing.z(0.0), nothing.z(1.0)), (0.0, 10.0));
    }

    #[test]
    fn shares_belong_to_the_features_that_are_out() {
        let values: Vec<f32> = (0..200).flat_map(|i| [i as f32, (i * 2) as f32]).collect();
        let fit = |combine| -> FittedRobustZ {
            RobustZ { combine }.fit(&FeatureSchema::unnamed(2), Samples::new(&values, 2).unwrap(), Seed(0)).unwrap()
        };
        let farthest = fit(Combine::Max).explain(&[150.0, 1000.0]).unwrap();
        assert!(farthest.shares[0] == 0.0 && farthest.shares[1] > 5.0);
        let mean = fit(Combine::Mean).explain(&[f32::NAN, 1000.0]).unwrap();
        assert_eq!(mean.shares, farthest.shares);
    }
}
