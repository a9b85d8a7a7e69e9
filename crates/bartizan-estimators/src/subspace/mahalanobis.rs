//! Mahalanobis distance from a robust center.

use super::spectrum::{MAX_PRIMAL, matrix};
use super::{FittedDistance, Spectrum, mcd};
use crate::params::{NumberOr, ParamError, ParamValue, Params};
use crate::preparation::Scaling;
use crate::rows;
use bartizan_core::{Estimator, FeatureSchema, FitError, Samples, Seed, Stop};

/// Rows a feature below which no subset can be told from another.
const ROWS_A_FEATURE: usize = 5;
/// Greatest ratio of two directions' variances.
const MAX_CONDITION: f64 = 1e4;
/// No variance is smaller.
const LEAST: f64 = 1e-9;

/// Squared distance from the center in units of the training rows' own spread in that direction.
///
/// # Parameters
/// - `support` (`support_fraction`): part of the training rows that is surely usual, 0.5 to 1, or `auto` for `(n +
///   features + 1) / 2n`; 1 is the plain covariance; `auto`.
/// - `scaling`: see [`Scaling`]; `standard`.
///
/// # Errors
/// Fewer than two rows, another width than the schema's, an infinite value.
///
/// # Algorithm
/// Rows are scaled, missing values read as the training median; at most 16,384 evenly spread rows are looked at. The
/// center and covariance are those of the `support` part of the rows whose covariance has the least determinant
/// (FastMCD: random subsets, drawn in closer step by step; one random part of 600 rows instead of five merged),
/// corrected for normal rows and taken again over all rows within the 97.5 % distance. Directions that hardly vary are
/// raised, by mixing in the mean variance, until no variance is less than a 10,000th of the greatest.
///
/// With fewer than five rows a feature, or more than 256 features, no subset can be told from another: then it is the
/// covariance of all rows, shrunk towards equal variances by the optimal part of Ledoit and Wolf; of more than 256
/// features at most 512 rows are looked at, through the products of rows. Shares are exact Shapley values with the
/// center as background; they can be negative.
///
/// # Weak where
/// Several clusters; curved shapes; half of the training rows are equal in a feature and the rest are not (then any
/// other value is far out).
///
/// # References
/// Rousseeuw, Van Driessen: A fast algorithm for the minimum covariance determinant estimator, Technometrics 41(3),
/// 1999; Ledoit, Wolf: A well-conditioned estimator for large-dimensional covariance matrices, Journal of Multivariate
/// Analysis 88, 2004, section 3; for bounding the condition: Boudt, Rousseeuw, Vanduffel, Verdonck: The minimum
/// regularized covariance determinant estimator, Statistics and Computing 30, 2020.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mahalanobis {
    /// Part of the training rows that is surely usual.
    pub support: Support,
    /// How features are brought to one scale.
    pub scaling: Scaling,
}

/// Part of the training rows that is surely usual.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Support {
    /// As robust as can be.
    Auto,
    /// So many.
    Part(f64),
}

impl Default for Mahalanobis {
    fn default() -> Self {
        Self { support: Support::Auto, scaling: Scaling::Standard }
    }
}

impl Mahalanobis {
    pub(crate) fn from_params(p: &mut Params<'_>) -> Result<Self, ParamError> {
        let usual = Self::default();
        let support = match p.number_or("support_fraction", NumberOr::Word(Support::Auto), 0.5..=1.0, &[("auto", Support::Auto)])? {
            NumberOr::Word(auto) => auto,
            NumberOr::Number(part) => Support::Part(part),
        };
        Ok(Self { support, scaling: p.scaling(usual.scaling)? })
    }

    pub(crate) fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
        let support = match self.support {
            Support::Auto => "auto".into(),
            Support::Part(part) => part.into(),
        };
        vec![("support_fraction", support), ("scaling", self.scaling.name().into())]
    }
}

impl Estimator for Mahalanobis {
    type Fitted = FittedDistance;

    fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, seed: Seed, stop: &Stop) -> Result<FittedDistance, FitError> {
        rows::check(schema, train, 2)?;
        let width = train.width();
        let preparation = self.scaling.fit(schema, train);
        let rows = matrix(&preparation.apply(train), width);
        let n = rows.ncols();
        let mut spectrum = if n < ROWS_A_FEATURE * width || width > MAX_PRIMAL {
            let mut spectrum = Spectrum::of(rows);
            let part = ledoit_wolf(&spectrum, width);
            shrink(&mut spectrum, width, part);
            spectrum
        } else {
            let support = match self.support {
                Support::Auto => (n + width + 1) as f64 / (2 * n) as f64,
                Support::Part(part) => part,
            };
            let (inner, factor) = if support < 1.0 { mcd::inner_rows(&rows, support, seed, stop)? } else { (rows, 1.0) };
            let mut spectrum = Spectrum::of(inner);
            spectrum.variances.iter_mut().for_each(|v| *v *= factor);
            spectrum.total *= factor;
            spectrum
        };
        let part = bounded(&spectrum, width);
        shrink(&mut spectrum, width, part);
        Ok(distance(schema, preparation, spectrum))
    }
}

fn distance(schema: &FeatureSchema, preparation: crate::preparation::Preparation, spectrum: Spectrum) -> FittedDistance {
    let width = schema.width();
    let count = spectrum.variances.len();
    let left = (spectrum.total - spectrum.variances.iter().sum::<f64>()).max(0.0);
    let rest = if count == width { 0.0 } else { 1.0 / (left / (width - count) as f64).max(LEAST) };
    FittedDistance {
        schema: schema.clone(),
        preparation,
        center: spectrum.center,
        weights: spectrum.variances.iter().map(|v| 1.0 / v.max(LEAST)).collect(),
        directions: spectrum.directions,
        rest,
    }
}

/// Mixes `part` of the mean variance into every direction, also those that are not kept.
fn shrink(spectrum: &mut Spectrum, width: usize, part: f64) {
    let mean = spectrum.total / width as f64;
    spectrum.variances.iter_mut().for_each(|v| *v = (1.0 - part) * *v + part * mean);
}

/// The part of the mean variance that minimises the expected squared error of the covariance.
fn ledoit_wolf(spectrum: &Spectrum, width: usize) -> f64 {
    let squares: f64 = spectrum.variances.iter().map(|v| v * v).sum();
    let apart = squares - spectrum.total.powi(2) / width as f64;
    let error = (spectrum.fourth - squares) / spectrum.rows as f64;
    if apart > 0.0 { (error.max(0.0) / apart).min(1.0) } else { 1.0 }
}

/// The part of the mean variance that bounds the ratio of the greatest to the least.
fn bounded(spectrum: &Spectrum, width: usize) -> f64 {
    let mean = spectrum.total / width as f64;
    let greatest = spectrum.variances.first().copied().unwrap_or(0.0);
    let left = (spectrum.total - spectrum.variances.iter().sum::<f64>()).max(0.0);
    let others = if spectrum.variances.len() < width { left / (width - spectrum.variances.len()) as f64 } else { f64::INFINITY };
    let least = spectrum.variances.last().copied().unwrap_or(0.0).min(others);
    let lacking = greatest - MAX_CONDITION * least;
    if lacking <= 0.0 { 0.0 } else { (lacking / (lacking + (MAX_CONDITION - 1.0) * mean)).clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::{Mahalanobis, Support, ledoit_wolf};
    use crate::preparation::Scaling;
    use crate::reference;
    use crate::subspace::Spectrum;
    use crate::subspace::spectrum::matrix;
    use bartizan_core::{AnomalyScore, Detector, Estimator, FeatureSchema, Samples, Seed};

    fn scores(estimator: Mahalanobis, train: Samples<'_>, probes: Samples<'_>, seed: u64) -> Vec<f64> {
        let fitted = estimator.fit(&FeatureSchema::unnamed(train.width()), train, Seed(seed)).unwrap();
        fitted.validate().unwrap();
        let mut out = vec![AnomalyScore(0.0); probes.rows()];
        fitted.score(probes, &mut out).unwrap();
        out.into_iter().map(|s| s.0).collect()
    }

    /// tests/reference/subspace.py: scikit-learn's `EmpiricalCovariance` and `MinCovDet` on the same rows.
    #[test]
    fn it_is_scikit_learns() {
        let data = reference::subspace();
        let plain = Mahalanobis { support: Support::Part(1.0), scaling: Scaling::None };
        let fitted = plain.fit(&FeatureSchema::unnamed(data.width), data.train(), Seed(0)).unwrap();
        reference::close(&fitted, data.probes(), &data.column("mahalanobis"), 1e-5);
        // Between its own seeds scikit-learn's scores differ by 15 % with half of 200 rows as support, and hardly with 90 %.
        for (support, column, within) in [(Support::Auto, "min_cov_det", 0.2), (Support::Part(0.9), "min_cov_det_90", 0.03)] {
            for seed in 0..3 {
                let robust = Mahalanobis { support, scaling: Scaling::None };
                let fitted = robust.fit(&FeatureSchema::unnamed(data.width), data.train(), Seed(seed)).unwrap();
                reference::close(&fitted, data.probes(), &data.column(column), within);
            }
        }
    }

    /// A third of the rows far away, close together: they drag the plain center along and not the robust one.
    #[test]
    fn many_anomalies_do_not_hide_each_other() {
        let row = |i: usize| {
            let (a, b) = ((i as f32 * 0.618_034) % 1.0, (i as f32 * 0.754_878) % 1.0);
            if i.is_multiple_of(3) { [8.0 + a / 4.0, -8.0 + b / 4.0] } else { [a - b, a + b] }
        };
        let values: Vec<f32> = (0..600).flat_map(row).collect();
        let train = Samples::new(&values, 2).unwrap();
        let probes = Samples::new(&values[..6], 2).unwrap();
        let robust = scores(Mahalanobis::default(), train, probes, 1);
        assert!(robust[0] > 50.0 * robust[1] && robust[0] > 50.0 * robust[2], "{robust:?}");
        let plain = scores(Mahalanobis { support: Support::Part(1.0), ..Mahalanobis::default() }, train, probes, 1);
        assert!(plain[0] < 10.0, "{plain:?}");
    }

    /// By scikit-learn 1.9.1 on the same rows, `LedoitWolf().fit(x).shrinkage_`; see tests/reference/subspace.py.
    #[test]
    fn few_rows_are_shrunk_as_ledoit_and_wolf_do() {
        let values: Vec<f32> = (0..12 * 8).map(|i| (i * i * 37 % 101) as f32 / 50.0 + (i % 8) as f32).collect();
        let part = ledoit_wolf(&Spectrum::of(matrix(&values, 8)), 8);
        assert!((part - 0.808_966_084).abs() < 1e-6, "{part}");
    }
}
