//! Preparation: missing values filled and columns brought to one scale, by what training showed.

mod quantile;

use crate::rows;
use bartizan_core::{Feature, FeatureSchema, Samples};
pub(crate) use quantile::Quantiles;
use serde::{Deserialize, Serialize};

/// Farthest that a scaled value lies from 0: what is farther is not told apart from it, and squares of it stay finite.
const FARTHEST: f64 = 1e6;
/// The same without scaling.
const FARTHEST_UNSCALED: f64 = 1e9;
/// A deviation smaller than this part of the mean is rounding: the column is constant.
const ROUNDING: f64 = 1e-9;

/// How columns are brought to one scale.
///
/// Constant columns are shifted and not stretched, and no column is divided by less than its feature's resolution. A missing value is read
/// as the training median before scaling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scaling {
    /// As they are.
    None,
    /// Less the mean, over the standard deviation.
    #[default]
    Standard,
    /// Less the median, over the distance between the quartiles.
    Robust,
    /// `sign(x) ln(1 + |x|)`, then standard: for counts, sizes and times that span many powers of ten.
    SignedLog,
    /// Share of training values below, in [0, 1]; beyond the training range it goes on with the logarithm of the distance.
    Quantile,
    /// The standard normal quantile of that share: every column looks normal.
    Gaussian,
    /// Least and greatest training value to 0 and 1.
    MinMax,
}

impl Scaling {
    /// All, by name.
    pub const OPTIONS: &'static [(&'static str, Self)] = &[
        ("none", Self::None),
        ("standard", Self::Standard),
        ("robust", Self::Robust),
        ("signed_log", Self::SignedLog),
        ("quantile", Self::Quantile),
        ("gaussian", Self::Gaussian),
        ("minmax", Self::MinMax),
    ];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::OPTIONS.iter().find(|(_, scaling)| *scaling == self).map_or("", |(name, _)| name)
    }

    /// Learns medians and scales of the training columns. Works on any samples; without rows, nothing is moved.
    #[must_use]
    pub fn fit(self, schema: &FeatureSchema, train: Samples<'_>) -> Preparation {
        let medians = rows::medians(train);
        let column = |(c, feature): (usize, &Feature)| self.column(train, c, medians[c], f64::from(feature.resolution()));
        let columns = schema.features().iter().enumerate().map(column).collect();
        Preparation { scaling: self, medians, columns }
    }

    fn column(self, train: Samples<'_>, column: usize, median: f32, resolution: f64) -> Column {
        let least = self.resolved(median, resolution);
        let linear = |(center, scale): (f64, f64)| Column::Linear { center, scale: scale.max(least) };
        match self {
            Self::None => Column::Linear { center: 0.0, scale: 1.0 },
            Self::Standard => linear(moments(present(train, column))),
            Self::SignedLog => linear(moments(present(train, column).map(signed_log))),
            Self::Robust => {
                let sorted = rows::sorted_column(train, column);
                let at = |part: usize| sorted.get(sorted.len() * part / 4).map_or(0.0, |v| f64::from(*v));
                let (_, deviation) = moments(present(train, column));
                let quartiles = at(3) - at(1);
                linear((f64::from(median), if quartiles > ROUNDING * f64::from(median).abs() { quartiles } else { deviation }))
            }
            Self::MinMax => {
                let (low, high) = present(train, column).fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
                if high > low { linear((low, high - low)) } else { linear((if high == low { low } else { 0.0 }, 1.0)) }
            }
            Self::Quantile | Self::Gaussian => Column::Quantiles(Quantiles::new(&rows::sorted_column(train, column), resolution)),
        }
    }

    /// What a difference of the resolution is near a value before it is divided by the scale.
    fn resolved(self, value: f32, resolution: f64) -> f64 {
        let value = f64::from(value.abs());
        if self == Self::SignedLog { signed_log(value + resolution) - signed_log(value) } else { resolution }
    }
}

/// Fitted medians and scales.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Preparation {
    scaling: Scaling,
    medians: Vec<f32>,
    columns: Vec<Column>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Column {
    Linear { center: f64, scale: f64 },
    Quantiles(Quantiles),
}

impl Preparation {
    /// Columns it was fitted on.
    #[must_use]
    pub fn width(&self) -> usize {
        self.columns.len()
    }

    /// Rows of the same shape without missing values, every one finite: within 1e6 of 0, or 1e9 with [`Scaling::None`].
    #[must_use]
    pub fn apply(&self, samples: Samples<'_>) -> Vec<f32> {
        let mut out = vec![0.0; samples.values().len()];
        for (row, out) in samples.iter().zip(out.chunks_exact_mut(samples.width())) {
            self.apply_row(row, out);
        }
        out
    }

    /// The same for one row.
    pub fn apply_row(&self, row: &[f32], out: &mut [f32]) {
        for (((value, median), column), out) in row.iter().zip(&self.medians).zip(&self.columns).zip(out) {
            let value = f64::from(if value.is_nan() { *median } else { *value });
            *out = self.scaled(value, column) as f32;
        }
    }

    fn scaled(&self, value: f64, column: &Column) -> f64 {
        match (self.scaling, column) {
            (Scaling::None, _) => value.clamp(-FARTHEST_UNSCALED, FARTHEST_UNSCALED),
            (Scaling::SignedLog, Column::Linear { center, scale }) => ((signed_log(value) - center) / scale).clamp(-FARTHEST, FARTHEST),
            (_, Column::Linear { center, scale }) => ((value - center) / scale).clamp(-FARTHEST, FARTHEST),
            (Scaling::Gaussian, Column::Quantiles(q)) => q.normal(value),
            (_, Column::Quantiles(q)) => q.uniform(value),
        }
    }

    /// Checks what a damaged or hostile file could have wrong.
    ///
    /// # Errors
    /// With a message about the fault.
    pub fn validate(&self) -> Result<(), String> {
        if self.medians.len() != self.columns.len() || self.columns.is_empty() {
            return Err(format!("{} medians for {} scaled columns", self.medians.len(), self.columns.len()));
        }
        let by_rank = matches!(self.scaling, Scaling::Quantile | Scaling::Gaussian);
        for (index, (median, column)) in self.medians.iter().zip(&self.columns).enumerate() {
            let fine = match column {
                Column::Linear { center, scale } => !by_rank && center.is_finite() && *scale > 0.0 && scale.is_finite(),
                Column::Quantiles(q) => by_rank && q.is_valid(),
            };
            if !fine || !median.is_finite() {
                return Err(format!("the scale of feature {index} is out of order"));
            }
        }
        Ok(())
    }
}

fn signed_log(value: f64) -> f64 {
    value.abs().ln_1p().copysign(value)
}

fn present(train: Samples<'_>, column: usize) -> impl Iterator<Item = f64> + Clone {
    train.iter().map(move |row| f64::from(row[column])).filter(|v| !v.is_nan())
}

/// Mean and standard deviation (over n), the latter 1 where nothing varies.
fn moments(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count();
    if count == 0 {
        return (0.0, 1.0);
    }
    let mean = values.clone().sum::<f64>() / count as f64;
    let deviation = (values.map(|v| (v - mean).powi(2)).sum::<f64>() / count as f64).sqrt();
    (mean, if deviation > ROUNDING * mean.abs() && deviation > f64::MIN_POSITIVE { deviation } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::Scaling;
    use bartizan_core::{Direction, Feature, FeatureSchema, Samples};
    use proptest::prelude::*;

    fn prepared(scaling: Scaling, train: &[f32], probe: &[f32]) -> Vec<f32> {
        let preparation = scaling.fit(&FeatureSchema::unnamed(1), Samples::new(train, 1).expect("one column"));
        preparation.validate().expect("it is in order");
        preparation.apply(Samples::new(probe, 1).expect("one column"))
    }

    #[test]
    fn each_scale_does_what_its_name_says() {
        let train = [1.0, 2.0, 3.0, 4.0, 10.0];
        for (scaling, expected) in [
            (Scaling::None, [1.0, 10.0, 3.0]),
            (Scaling::Standard, [-0.948_683_3, 1.897_366_6, -0.316_227_77]),
            (Scaling::Robust, [-1.0, 3.5, 0.0]),
            (Scaling::SignedLog, [-1.305_563, 1.686_191, -0.089_122]),
            (Scaling::Quantile, [0.1, 0.9, 0.5]),
            (Scaling::Gaussian, [-1.281_552, 1.281_552, 0.0]),
            (Scaling::MinMax, [0.0, 1.0, 0.222_222_22]),
        ] {
            let got = prepared(scaling, &train, &[1.0, 10.0, f32::NAN]);
            for (g, e) in got.iter().zip(expected) {
                assert!((g - e).abs() < 2e-5, "{}: {got:?}, not {expected:?}", scaling.name());
            }
        }
    }

    /// Values that differ by nothing that means anything, beside one that does.
    #[test]
    fn no_column_is_divided_by_less_than_its_resolution() {
        let schema = FeatureSchema::new(vec![Feature::new("share", "share", Direction::High, "").resolved(0.01)]);
        let train: Vec<f32> = (0..100).map(|i| 0.5 + i as f32 * 1e-6).collect();
        for (_, scaling) in Scaling::OPTIONS {
            let preparation = scaling.fit(&schema, Samples::new(&train, 1).expect("one column"));
            preparation.validate().expect("it is in order");
            let at = |value: f32| preparation.apply(Samples::new(&[value], 1).expect("one column"))[0];
            let within = train.iter().map(|v| (at(*v) - at(0.5)).abs()).fold(0.0, f32::max);
            assert!(within < 0.1, "{}: {within} apart", scaling.name());
            assert!(at(0.6) > at(0.5) + 0.05, "{}: {} for 0.6, {} for 0.5", scaling.name(), at(0.6), at(0.5));
        }
    }

    proptest! {
        #[test]
        fn order_is_kept_and_all_is_finite(
            train in prop::collection::vec(prop_oneof![Just(f32::NAN), Just(0.0), -1e3..1e3_f32, any::<f32>().prop_filter("finite", |v| v.is_finite())], 1..60),
            probes in prop::collection::vec(any::<f32>().prop_filter("finite", |v| v.is_finite()), 1..40),
        ) {
            let mut probes = probes;
            probes.sort_by(f32::total_cmp);
            for (_, scaling) in Scaling::OPTIONS {
                let got = prepared(*scaling, &train, &probes);
                prop_assert!(got.is_sorted() && got.iter().all(|v| v.abs() <= 1e9), "{}: {got:?} of {probes:?}", scaling.name());
                prop_assert!(prepared(*scaling, &train, &[f32::NAN])[0].is_finite());
            }
        }
    }
}
