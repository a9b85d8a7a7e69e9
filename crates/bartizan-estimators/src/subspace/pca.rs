//! Principal components.

use super::spectrum::matrix;
use super::{FittedDistance, Spectrum};
use crate::params::{ParamError, ParamValue, Params};
use crate::preparation::Scaling;
use crate::rows;
use bartizan_core::{Estimator, FeatureSchema, FitError, Samples, Seed, Stop};

/// Most components that can be asked for.
const MAX_COMPONENTS: usize = 1_024;
/// A variance below this part of the features' mean variance is taken as this: no distance grows without bound.
const LEAST: f64 = 1e-6;

/// How far a row lies along the principal components, and how far from the space that they span.
///
/// # Parameters
/// - `components` (`n_components`): how many, 1 to 1,024, or 0 for as many as `variance` needs; 0.
/// - `variance`: part of the variance that the components must explain, 0.01 to 1; 0.5.
/// - `score`: `components`, the mean of the squares along them over their variances; `reconstruction`, the square of
///   what they leave over its expected value; or `both`, the sum; `both`.
/// - `scaling`: see [`Scaling`]; `standard`.
///
/// # Errors
/// Fewer than two rows, another width than the schema's, an infinite value.
///
/// # Algorithm
/// Rows are scaled, missing values read as the training median. The components are eigenvectors of their covariance.
/// Narrow samples are looked at in at most 16,384 rows; of more than 256 features at most 512 rows are looked at and
/// the eigenvectors are those of the products of rows, so that width costs little. A usual row scores about 1 (`both`:
/// 2). Shares are exact Shapley values with the mean row as background.
///
/// It is not PyOD's `PCA`, which adds up distances between a row and the *unit vectors* of the components as if they
/// were points: nearly the row's plain length. `components` with `variance = 1` is the sum of squares over variances
/// that the paper begins with, over their number.
///
/// # Weak where
/// Training rows contain many or strong anomalies, which then have components of their own; several clusters; curved
/// shapes.
///
/// # References
/// Shyu, Chen, Sarinnapakorn, Chang: A novel anomaly detection scheme based on principal component classifier, ICDM
/// 2003, section 3 (major components with half of the variance); Jackson, Mudholkar: Control procedures for residuals
/// associated with principal component analysis, Technometrics 21(3), 1979.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pca {
    /// How many components; 0 for as many as `variance` needs.
    pub components: usize,
    /// Part of the variance to be explained.
    pub variance: f64,
    /// What is added up.
    pub score: PcaScore,
    /// How features are brought to one scale.
    pub scaling: Scaling,
}

/// What a row's score adds up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PcaScore {
    /// Both others.
    #[default]
    Both,
    /// Squares along the components.
    Components,
    /// The square of what is left.
    Reconstruction,
}

impl PcaScore {
    const OPTIONS: &'static [(&'static str, Self)] =
        &[("both", Self::Both), ("components", Self::Components), ("reconstruction", Self::Reconstruction)];
}

impl Default for Pca {
    fn default() -> Self {
        Self { components: 0, variance: 0.5, score: PcaScore::Both, scaling: Scaling::Standard }
    }
}

impl Pca {
    pub(crate) fn from_params(p: &mut Params<'_>) -> Result<Self, ParamError> {
        let usual = Self::default();
        Ok(Self {
            components: p.count("n_components", usual.components, 0..=MAX_COMPONENTS)?,
            variance: p.number("variance", usual.variance, 0.01..=1.0)?,
            score: p.choice("score", usual.score, PcaScore::OPTIONS)?,
            scaling: p.scaling(usual.scaling)?,
        })
    }

    pub(crate) fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
        let score = PcaScore::OPTIONS.iter().find(|(_, s)| *s == self.score).map_or("", |(name, _)| name);
        vec![
            ("n_components", self.components.into()),
            ("variance", self.variance.into()),
            ("score", score.into()),
            ("scaling", self.scaling.name().into()),
        ]
    }

    /// How many components: at least one, and where what is left counts, not all.
    fn count(&self, spectrum: &Spectrum, width: usize) -> usize {
        let wanted = if self.components > 0 {
            self.components
        } else {
            let enough = spectrum.total * self.variance * (1.0 - 1e-9);
            let mut explained = 0.0;
            let before = |v: &&f64| {
                let more = explained < enough;
                explained += **v;
                more
            };
            spectrum.variances.iter().take_while(before).count()
        };
        let (least, most) = match self.score {
            PcaScore::Components => (1, width),
            PcaScore::Both => (1, (width - 1).max(1)),
            PcaScore::Reconstruction => (0, width - 1),
        };
        let present = spectrum.variances.iter().filter(|v| **v > spectrum.total * 1e-12).count();
        wanted.max(least).min(most).min(present)
    }
}

impl Estimator for Pca {
    type Fitted = FittedDistance;

    fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, _: Seed, _: &Stop) -> Result<FittedDistance, FitError> {
        rows::check(schema, train, 2)?;
        let width = train.width();
        let preparation = self.scaling.fit(schema, train);
        let mut spectrum = Spectrum::of(matrix(&preparation.apply(train), width));
        // Over n - 1, as usual for components.
        let unbiased = spectrum.rows as f64 / (spectrum.rows as f64 - 1.0).max(1.0);
        spectrum.variances.iter_mut().for_each(|v| *v *= unbiased);
        spectrum.total *= unbiased;

        let count = self.count(&spectrum, width);
        let floor = (spectrum.total / width as f64 * LEAST).max(1e-9);
        let left = spectrum.total - spectrum.variances[..count].iter().sum::<f64>();
        let expected_left = left.max(floor * (width - count) as f64);
        let rest = if self.score == PcaScore::Components && count > 0 || count == width { 0.0 } else { 1.0 / expected_left };
        let along = if self.score == PcaScore::Reconstruction { 0.0 } else { 1.0 / count.max(1) as f64 };
        Ok(FittedDistance {
            schema: schema.clone(),
            preparation,
            center: spectrum.center,
            weights: spectrum.variances[..count].iter().map(|v| along / v.max(floor)).collect(),
            directions: spectrum.directions[..count * width].to_vec(),
            rest,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Pca, PcaScore};
    use crate::reference;
    use bartizan_core::{Detector, Estimator, Explain, FeatureSchema, Samples, Seed};

    /// tests/reference/subspace.py: scikit-learn's `PCA` on standardised rows.
    #[test]
    fn it_is_scikit_learns_components() {
        let data = reference::subspace();
        for (score, components, column) in [
            (PcaScore::Components, 4, "pca_all"),
            (PcaScore::Components, 2, "pca_2"),
            (PcaScore::Reconstruction, 2, "pca_left_2"),
            (PcaScore::Both, 2, "pca_both_2"),
        ] {
            let estimator = Pca { components, score, ..Pca::default() };
            let fitted = estimator.fit(&FeatureSchema::unnamed(data.width), data.train(), Seed(0)).unwrap();
            reference::close(&fitted, data.probes(), &data.column(column), 1e-5);
        }
    }

    #[test]
    fn variance_chooses_the_components() {
        let data = reference::subspace();
        let count = |variance| {
            let estimator = Pca { variance, ..Pca::default() };
            estimator.fit(&FeatureSchema::unnamed(data.width), data.train(), Seed(0)).unwrap().weights.len()
        };
        // Their parts of the variance, by the same script: 0.60, 0.25, 0.15, 0.01.
        assert_eq!([0.01, 0.5, 0.8, 0.95, 1.0].map(count), [1, 1, 2, 3, 3]);
    }

    /// On a line, a point beside it is a matter of both features; farther along it, as well.
    #[test]
    fn breaking_a_correlation_is_seen_and_shared() {
        let values: Vec<f32> = (0..500).flat_map(|i| [i as f32, i as f32 * 2.0 + (i % 7) as f32, (i % 5) as f32]).collect();
        let train = Samples::new(&values, 3).unwrap();
        let fitted = Pca::default().fit(&FeatureSchema::unnamed(3), train, Seed(0)).unwrap();
        fitted.validate().unwrap();
        let (on, off) = (fitted.explain(&[100.0, 203.0, 2.0]).unwrap(), fitted.explain(&[100.0, 800.0, 2.0]).unwrap());
        assert!(off.total() > on.total() + 0.5);
        assert!(off.shares[0] > 0.1 && off.shares[1] > 0.1 && off.shares[2] < 0.1, "{off:?}");
        assert_eq!(fitted.schema().width(), 3);
    }
}
