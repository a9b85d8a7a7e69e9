//! HBOS: a histogram of each feature.

use crate::params::{NumberOr, ParamError, ParamValue, Params};
use crate::rows;
use crate::steps::{FittedSteps, Steps};
use bartizan_core::{Estimator, FeatureSchema, FitError, Samples, Seed, Stop};

/// Most bins.
const MAX_BINS: usize = 1_024;
/// Most bins that are tried in choosing their number.
const MAX_TRIED: usize = 128;

/// Sum over the features of how empty the value's bin is in a histogram of the training rows.
///
/// # Parameters
/// - `bins` (`n_bins`): bins of equal width between a feature's least and greatest training value, 2 to 1,024, or
///   `auto`, by penalised likelihood for each feature; 10.
/// - `alpha`: added to each density so that an empty bin has a logarithm, 0.001 to 1; 0.1.
/// - `tolerance` (`tol`): how far out, in widths of a bin, a value still belongs to the last bin, 0 to 1; 0.5.
///
/// # Errors
/// Fewer than two rows, another width than the schema's, an infinite value.
///
/// # Algorithm
/// Every feature is brought to [0, 1] by its training range. A feature's share is `-log2(density + alpha)` of its bin;
/// a value farther out than the tolerance gets the least density of any bin. A missing value gets the feature's mean
/// share. It is PyOD's `HBOS` on rows scaled to [0, 1], but for values exactly on an edge between two bins, which PyOD
/// counts in the upper and looks up in the lower bin (here: the upper). `auto` is the paper's criterion; PyOD's
/// multiplies its penalty by the number of bins.
///
/// # Weak where
/// What is odd is a combination of usual values; a single training value far out leaves all others in one bin (scale
/// first, or take [`crate::Ecod`]).
///
/// # References
/// Goldstein, Dengel: Histogram-based outlier score, KI 2012, section 3 (static bins). Birgé, Rozenholc: How many bins
/// should be put in a regular histogram, ESAIM P&S 10, 2006.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hbos {
    /// How many bins.
    pub bins: Bins,
    /// Added to each density.
    pub alpha: f64,
    /// Widths of a bin that still belong to the last.
    pub tolerance: f64,
}

/// How many bins a histogram has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bins {
    /// So many for each feature.
    Count(usize),
    /// By penalised likelihood for each feature.
    Auto,
}

impl Default for Hbos {
    fn default() -> Self {
        Self { bins: Bins::Count(10), alpha: 0.1, tolerance: 0.5 }
    }
}

impl Hbos {
    pub(crate) fn from_params(p: &mut Params<'_>) -> Result<Self, ParamError> {
        let usual = Self::default();
        let bins = match p.number_or("n_bins", NumberOr::Number(10.0), 2.0..=MAX_BINS as f64, &[("auto", Bins::Auto)])? {
            NumberOr::Word(auto) => auto,
            NumberOr::Number(n) if n.fract() == 0.0 => Bins::Count(n as usize),
            NumberOr::Number(n) => {
                let expected = format!("a whole number in [2, {MAX_BINS}] or auto");
                return Err(ParamError::Value { name: "n_bins", expected, got: n.to_string() });
            }
        };
        Ok(Self { bins, alpha: p.number("alpha", usual.alpha, 1e-3..=1.0)?, tolerance: p.number("tol", usual.tolerance, 0.0..=1.0)? })
    }

    pub(crate) fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
        let bins = match self.bins {
            Bins::Count(bins) => bins.into(),
            Bins::Auto => "auto".into(),
        };
        vec![("n_bins", bins), ("alpha", self.alpha.into()), ("tol", self.tolerance.into())]
    }

    /// Steps at the edges of the bins, of which there are no more than the range has resolutions, and one; the outermost two are moved out by the tolerance.
    fn steps(&self, train: Samples<'_>, column: usize, resolution: f64) -> Steps {
        let present = || train.iter().map(move |row| row[column]).filter(|v| !v.is_nan());
        let (low, high) = present().fold((f32::MAX, f32::MIN), |(low, high), v| (low.min(v), high.max(v)));
        if low > high {
            return Steps::silent();
        }
        let bins = match self.bins {
            Bins::Count(bins) => bins,
            Bins::Auto => likeliest(&rows::sorted_column(train, column)),
        };
        let bins = if resolution > 0.0 { bins.min(((f64::from(high) - f64::from(low)) / resolution) as usize + 1) } else { bins };
        let knots = self.knots(low, high, bins);
        let last = knots.len().saturating_sub(2);
        let mut rows = vec![0_usize; last + 1];
        present().for_each(|v| rows[(Steps::position(&knots, v).saturating_sub(1) / 2).min(last)] += 1);
        // A constant column is one bin of a histogram half as wide again to either side, so as dense as can be.
        let all = rows.iter().sum::<usize>() as f64;
        let shares: Vec<f64> = rows.iter().map(|&n| -(n as f64 * bins as f64 / all + self.alpha).log2()).collect();
        let nowhere = if knots.len() == 1 { -self.alpha.log2() } else { shares.iter().copied().fold(f64::MIN, f64::max) };
        let at = |position: usize| match position {
            0 => (nowhere, 0),
            p if p == 2 * knots.len() => (nowhere, 0),
            // Rows are counted once a bin, between its edges; the last edge belongs to the last bin.
            p => (shares[((p - 1) / 2).min(last)], if p % 2 == 0 || knots.len() == 1 { rows[(p - 1) / 2] } else { 0 }),
        };
        let (shares, rows): (Vec<f64>, Vec<usize>) = (0..=2 * knots.len()).map(at).unzip();
        Steps::new(knots, &shares, &rows)
    }

    fn knots(&self, low: f32, high: f32, bins: usize) -> Vec<f32> {
        let width = (f64::from(high) - f64::from(low)) / bins as f64;
        if low == high {
            return vec![low];
        }
        let finite = |edge: f64| edge.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32;
        let inner = (1..bins).map(|i| finite(f64::from(low) + width * i as f64));
        let outer = self.tolerance * width;
        let mut knots = vec![finite(f64::from(low) - outer).min(low)];
        knots.extend(inner);
        knots.push(finite(f64::from(high) + outer).max(high));
        // Numbers too close for so many bins between them: fewer bins.
        knots.dedup();
        knots
    }
}

/// The number of bins with the greatest likelihood less `bins - 1 + ln(bins)^2.5`, of those up to n / ln(n).
fn likeliest(sorted: &[f32]) -> usize {
    let (Some(low), Some(high)) = (sorted.first(), sorted.last()) else { return 2 };
    let n = sorted.len() as f64;
    let (low, range) = (f64::from(*low), f64::from(*high) - f64::from(*low));
    let most = ((n / n.ln().max(1.0)) as usize).clamp(2, MAX_TRIED);
    let criterion = |bins: usize| {
        let mut rows = vec![0_u32; bins];
        for v in sorted {
            let at = ((f64::from(*v) - low) / range * bins as f64) as usize;
            rows[at.min(bins - 1)] += 1;
        }
        let likelihood: f64 = rows.iter().filter(|r| **r > 0).map(|&r| f64::from(r) * (f64::from(r) * bins as f64 / n).ln()).sum();
        likelihood - (bins as f64 - 1.0 + (bins as f64).ln().powf(2.5))
    };
    (2..=most).map(|bins| (bins, criterion(bins))).fold((2, f64::MIN), |best, this| if this.1 > best.1 { this } else { best }).0
}

impl Estimator for Hbos {
    type Fitted = FittedSteps;

    fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, _: Seed, _: &Stop) -> Result<FittedSteps, FitError> {
        rows::check(schema, train, 2)?;
        let columns = schema.features().iter().enumerate().map(|(c, feature)| self.steps(train, c, f64::from(feature.resolution())));
        Ok(FittedSteps::new(schema, columns.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::{Bins, Hbos, likeliest};
    use crate::reference;
    use crate::{Algorithm, RawParams};
    use bartizan_core::{AnomalyScore, Detector, Estimator, FeatureSchema, Samples, Seed};

    /// tests/reference/statistics.py: PyOD 3.6.7 on rows scaled to [0, 1] by the first 60, on which it is fitted.
    #[test]
    fn it_is_pyods() {
        let data = reference::statistics();
        for (bins, column) in [(10, "hbos"), (25, "hbos_25")] {
            let estimator = Hbos { bins: Bins::Count(bins), ..Hbos::default() };
            let fitted = estimator.fit(&FeatureSchema::unnamed(data.width), data.train(), Seed(0)).unwrap();
            reference::close(&fitted, data.probes(), &data.column(column), 1e-5);
        }
    }

    /// The mean over `repeat` rows of each value is what a missing one gets: 9 rows in one bin of two, 1 in the other.
    #[test]
    fn bins_are_counted_once() {
        let values = [0.0, 0.0, 0.1, 0.2, 0.3, 0.3, 0.4, 0.4, 0.4, 1.0];
        let estimator = Hbos { bins: Bins::Count(2), alpha: 0.1, tolerance: 0.5 };
        let fitted = estimator.fit(&FeatureSchema::unnamed(1), Samples::new(&values, 1).unwrap(), Seed(0)).unwrap();
        let (full, empty) = (-f64::log2(1.8 + 0.1), -f64::log2(0.2 + 0.1));
        let probes = [0.0, -0.2, -0.3, 0.5, 1.0, 1.2, 1.3, f32::NAN];
        let expected = [full, full, empty, empty, empty, empty, empty, 0.9 * full + 0.1 * empty];
        let mut out = [AnomalyScore(0.0); 8];
        fitted.score(Samples::new(&probes, 1).unwrap(), &mut out).unwrap();
        for ((probe, got), expected) in probes.iter().zip(out).zip(expected) {
            assert!((got.0 - expected).abs() < 1e-6, "{probe}: {got:?} for {expected}");
        }
    }

    #[test]
    fn constant_columns_know_their_value() {
        let fitted = Hbos::default().fit(&FeatureSchema::unnamed(1), Samples::new(&[1e30; 9], 1).unwrap(), Seed(0)).unwrap();
        let mut out = [AnomalyScore(0.0); 2];
        fitted.score(Samples::new(&[1e30, 0.0], 1).unwrap(), &mut out).unwrap();
        assert!(out[1].0 - out[0].0 > 6.0, "{out:?}");
    }

    #[test]
    fn the_number_of_bins_follows_the_shape() {
        let even: Vec<f32> = (0..1000).map(|i| i as f32).collect();
        let mut peaks: Vec<f32> = (0..1000).map(|i| ((i % 2) * 10) as f32 + (i as f32) / 1000.0).collect();
        peaks.sort_by(f32::total_cmp);
        assert_eq!(likeliest(&even), 2);
        assert!(likeliest(&peaks) >= 10, "{}", likeliest(&peaks));
    }

    #[test]
    fn bad_numbers_of_bins_are_named() {
        for (value, said) in [
            (1.0, "n_bins must be in [2, 1024] or one of auto, got 1"),
            (2.5, "n_bins must be a whole number in [2, 1024] or auto, got 2.5"),
        ] {
            let raw = RawParams::named("hbos").with("n_bins", value);
            assert_eq!(Algorithm::from_raw(&raw, "hbos").unwrap_err().to_string(), said);
        }
        assert!(Algorithm::from_raw(&RawParams::named("hbos").with("n_bins", "auto"), "hbos").is_ok());
    }
}
