//! Static rules: an upper limit for each of a few features, and nothing else.

use crate::params::{ParamError, ParamValue, Params};
use crate::rows;
use crate::steps::each_row;
use bartizan_core::{
    AnomalyScore, Attribution, Detector, Estimator, Explain, FeatureSchema, FitError, Samples, ScoreError, Seed, Stop, Threshold,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The score of a row that is near to no limit.
const FAR_BELOW: f64 = -1.0;
/// The percentile that is a limit when none is given.
const PERCENTILE: f64 = 99.0;

/// Upper limits of features, as people set them by hand: the baseline that detectors are compared with.
///
/// # Parameters
/// - `percentile`: the percentile of the training values that is a feature's limit, in [50, 100]; 99.
///
/// Limits that are known are given beside the parameters ([`RawParams::limits`](crate::RawParams::limits)); only the others are learned.
///
/// # Errors
/// Fewer than two rows, another width than the schema's, an infinite value; a schema that marks no feature for rules.
///
/// # Algorithm
/// Only features are looked at that the schema marks ([`Feature::ruled`](bartizan_core::Feature::ruled)). A value strictly above the limit
/// is an excess. Each excess counts `1 + ln(1 + (value - limit) / |limit|)` (where the limit is 0, in units of the feature's resolution, or
/// of 1), and the score is the sum of these less 1: it is above 0, which is its own threshold, exactly when a limit is exceeded, and more so
/// the more of them are and the farther. Where none is, the row's nearest feature counts how much of the way from its lowest training value
/// to its limit it has come, so that the score is from -1 to 0. A feature whose limit is its lowest value is never near. A missing value
/// says nothing.
///
/// A learned limit is the nearest-rank percentile of at most 8,192 rows. A feature without any training value has a limit only if one is
/// given.
///
/// # Weak where
/// What is usual differs between clients, routes or hours; what is odd is rare or new and not large; what is low is suspicious.
///
/// # References
/// Hyndman, Fan: Sample Quantiles in Statistical Packages, The American Statistician 50, 1996 (definition 1).
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// The percentile that is a limit.
    pub percentile: f64,
    /// Limits that are not learned, by the name of the feature.
    pub limits: BTreeMap<String, f64>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { percentile: PERCENTILE, limits: BTreeMap::new() }
    }
}

impl Rules {
    pub(crate) fn from_params(p: &mut Params<'_>) -> Result<Self, ParamError> {
        Ok(Self { percentile: p.number("percentile", PERCENTILE, 50.0..=100.0)?, limits: p.limits() })
    }

    pub(crate) fn parameters(&self) -> Vec<(&'static str, ParamValue)> {
        vec![("percentile", self.percentile.into())]
    }

    /// The limit of a feature, from its sorted training values.
    fn limit(&self, name: &str, sorted: &[f32]) -> Option<f32> {
        let given = self.limits.get(name).map(|limit| *limit as f32).filter(|limit| limit.is_finite());
        let rank = (self.percentile / 100.0 * sorted.len() as f64).ceil() as usize;
        given.or_else(|| sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied())
    }
}

impl Estimator for Rules {
    type Fitted = FittedRules;

    fn fit_until(&self, schema: &FeatureSchema, train: Samples<'_>, _: Seed, _: &Stop) -> Result<FittedRules, FitError> {
        rows::check(schema, train, 2)?;
        let marked = schema.features().iter().enumerate().filter(|(_, feature)| feature.is_ruled());
        let rules = marked.filter_map(|(column, feature)| {
            let sorted = rows::sorted_column(train, column);
            let limit = self.limit(&feature.name, &sorted)?;
            let unit = [limit.abs(), feature.resolution()].into_iter().find(|unit| *unit > 0.0).unwrap_or(1.0);
            Some(Rule { column: column as u32, low: sorted.first().map_or(limit, |low| low.min(limit)), limit, unit })
        });
        if schema.features().iter().all(|feature| !feature.is_ruled()) {
            return Err(FitError::NothingMarked { algorithm: "rules" });
        }
        Ok(FittedRules { schema: schema.clone(), rules: rules.collect() })
    }
}

/// Limits, given or learned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FittedRules {
    schema: FeatureSchema,
    /// In the order of their columns, each of another one.
    rules: Vec<Rule>,
}

/// The limit of one feature.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Rule {
    column: u32,
    /// The lowest training value, or the limit if that is lower: a value is near the limit on the way from here.
    low: f32,
    limit: f32,
    /// What an excess is measured in.
    unit: f32,
}

impl Rule {
    /// How far a value is above the limit; `None` where it is not.
    fn excess(self, value: f32) -> Option<f64> {
        let apart = || ((f64::from(value.min(f32::MAX)) - f64::from(self.limit)) / f64::from(self.unit)).ln_1p();
        (value > self.limit).then(apart)
    }

    /// How much of the way to the limit a value has come, from 0 to 1.
    fn nearness(self, value: f32) -> f64 {
        let (low, limit) = (f64::from(self.low), f64::from(self.limit));
        // A comparison with a missing value is false.
        if limit > low && value > self.low { ((f64::from(value) - low) / (limit - low)).min(1.0) } else { 0.0 }
    }
}

impl FittedRules {
    /// Rules with the values that they look at.
    fn looked_at<'a>(&'a self, row: &'a [f32]) -> impl Iterator<Item = (Rule, f32)> + 'a {
        self.rules.iter().map(|rule| (*rule, row[rule.column as usize]))
    }

    /// The column that is nearest to its limit, and how near.
    fn nearest(&self, row: &[f32]) -> (usize, f64) {
        let near = self.looked_at(row).map(|(rule, value)| (rule.column as usize, rule.nearness(value)));
        near.fold((0, 0.0), |most, this| if this.1 > most.1 { this } else { most })
    }

    fn score_row(&self, row: &[f32]) -> f64 {
        let excesses = self.looked_at(row).filter_map(|(rule, value)| rule.excess(value));
        // How many there are is added last: the smallest excess alone is still above 0.
        let (sum, count) = excesses.fold((0.0, 0_u32), |(sum, count), excess| (sum + excess, count + 1));
        if count > 0 { sum + f64::from(count - 1) } else { FAR_BELOW + self.nearest(row).1 }
    }

    pub(crate) fn validate(&self) -> Result<(), String> {
        let inside = self.rules.iter().all(|rule| (rule.column as usize) < self.schema.width());
        if !inside || !self.rules.is_sorted_by(|a, b| a.column < b.column) {
            return Err(format!("limits of features that are not {} in order", self.schema.width()));
        }
        let sound = |r: &Rule| r.limit.is_finite() && r.low.is_finite() && r.low <= r.limit && r.unit > 0.0 && r.unit.is_finite();
        match self.rules.iter().find(|rule| !sound(rule)) {
            None => Ok(()),
            Some(rule) => Err(format!("the limit of feature {} is out of range", rule.column)),
        }
    }
}

impl Detector for FittedRules {
    fn schema(&self) -> &FeatureSchema {
        &self.schema
    }

    fn score(&self, samples: Samples<'_>, out: &mut [AnomalyScore]) -> Result<(), ScoreError> {
        rows::check_shape(self.schema.width(), samples, out)?;
        each_row(samples, out, |row| self.score_row(row));
        Ok(())
    }

    /// 0: any limit is exceeded.
    fn own_threshold(&self) -> Option<Threshold> {
        Some(Threshold(0.0))
    }

    fn explainer(&self) -> Option<&dyn Explain> {
        Some(self)
    }
}

impl Explain for FittedRules {
    fn explain(&self, row: &[f32]) -> Result<Attribution, ScoreError> {
        if row.len() != self.schema.width() {
            return Err(ScoreError::Width { expected: self.schema.width(), got: row.len() });
        }
        let mut shares = vec![0.0; row.len()];
        let mut exceeded = false;
        for (rule, value) in self.looked_at(row) {
            if let Some(excess) = rule.excess(value) {
                (shares[rule.column as usize], exceeded) = (1.0 + excess, true);
            }
        }
        if !exceeded && !shares.is_empty() {
            let (column, near) = self.nearest(row);
            shares[column] = near;
        }
        Ok(Attribution { base: FAR_BELOW, shares })
    }
}

#[cfg(test)]
mod tests {
    use super::{FittedRules, Rules};
    use crate::{Algorithm, ParamValue, RawParams};
    use bartizan_core::{AnomalyScore, Detector, Direction, Estimator, Explain, Feature, FeatureSchema, FitError, Samples, Seed};

    /// A rate that rules look at, a size that they do not, and failures, which hardly happen.
    fn schema() -> FeatureSchema {
        let of = |name| Feature::new(name, "requests", Direction::High, "").resolved(0.5);
        FeatureSchema::new(vec![of("rate").ruled(), of("size"), of("failures").ruled()])
    }

    /// Rates from 1 to 100, sizes of 7, no failures.
    fn fit(rules: &Rules) -> FittedRules {
        let values: Vec<f32> = (1..=100).flat_map(|i| [i as f32, 7.0, 0.0]).collect();
        let fitted = rules.fit(&schema(), Samples::new(&values, 3).unwrap(), Seed(0)).unwrap();
        fitted.validate().unwrap();
        fitted
    }

    fn score(fitted: &FittedRules, row: &[f32]) -> f64 {
        let mut out = [AnomalyScore(f64::NAN)];
        fitted.score(Samples::new(row, 3).unwrap(), &mut out).unwrap();
        out[0].0
    }

    #[test]
    fn a_row_is_anomalous_exactly_when_a_limit_is_exceeded() {
        let fitted = fit(&Rules::default());
        for (name, row, anomalous, expected) in [
            ("at the limit", [99.0, 7.0, 0.0], false, 0.0),
            ("halfway", [50.0, 7.0, 0.0], false, -0.5),
            ("at the lowest", [1.0, 7.0, 0.0], false, -1.0),
            ("below the lowest", [-1e30, 7.0, -5.0], false, -1.0),
            ("twice the limit", [198.0, 7.0, 0.0], true, 2.0_f64.ln()),
            ("a size that nothing looks at", [1.0, 1e30, 0.0], false, -1.0),
            ("failures, which never happened", [1.0, 7.0, 1.0], true, 3.0_f64.ln()),
            ("the least failure", [1.0, 7.0, 1e-37], true, 2e-37),
            ("both", [198.0, 7.0, 1.0], true, 1.0 + 6.0_f64.ln()),
            ("a missing rate", [f32::NAN, 7.0, 0.0], false, -1.0),
            ("nothing known", [f32::NAN; 3], false, -1.0),
            ("failures without a rate", [f32::NAN, f32::NAN, 1.0], true, 3.0_f64.ln()),
        ] {
            let got = score(&fitted, &row);
            assert!((got - expected).abs() <= 1e-6 * expected.abs(), "{name}: {got}, not {expected}");
            assert_eq!(fitted.own_threshold().unwrap().decide(AnomalyScore(got)).is_anomalous(), anomalous, "{name}");
            let explained = fitted.explain(&row).unwrap();
            assert!((explained.total() - got).abs() < 1e-9 && explained.shares[1] == 0.0, "{name}: {explained:?}");
        }
    }

    #[test]
    fn limits_are_given_or_learned() {
        let limits = |percentile, given: &[(&str, f64)]| {
            let limits = given.iter().map(|(name, limit)| ((*name).to_owned(), *limit)).collect();
            fit(&Rules { percentile, limits }).rules.iter().map(|rule| rule.limit).collect::<Vec<_>>()
        };
        for (name, percentile, given, expected) in [
            ("learned", 99.0, &[][..], [99.0, 0.0]),
            ("the median", 50.0, &[], [50.0, 0.0]),
            ("the maximum", 100.0, &[], [100.0, 0.0]),
            ("one given", 99.0, &[("failures", 5.0)], [99.0, 5.0]),
            ("both given", 50.0, &[("failures", 5.0), ("rate", 0.1)], [0.1, 5.0]),
            ("of a feature that is not marked", 99.0, &[("size", 5.0), ("nothing", 1.0)], [99.0, 0.0]),
            ("more than is told apart", 99.0, &[("rate", 1e300)], [99.0, 0.0]),
        ] {
            assert_eq!(limits(percentile, given), expected, "{name}");
        }
        let raw = RawParams { limits: [("rate".to_owned(), 3.0)].into(), ..RawParams::named("rules") };
        let over = RawParams::named("rules").over(&raw);
        assert_eq!(Algorithm::from_raw(&over, "").unwrap(), Algorithm::Rules(Rules { limits: raw.limits.clone(), ..Rules::default() }));
        assert!(Algorithm::from_raw(&RawParams { limits: raw.limits, ..RawParams::named("hbos") }, "").is_ok(), "others pass over limits");
        for (value, expected) in [(49.0, "percentile must be in [50, 100], got 49"), (f64::NAN, "percentile must be in [50, 100], got NaN")]
        {
            let raw = RawParams::named("rules").with("percentile", ParamValue::Number(value));
            assert_eq!(Algorithm::from_raw(&raw, "").unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_schema_without_a_marked_feature_is_refused() {
        let plain = FeatureSchema::new(vec![Feature::new("size", "bytes", Direction::High, "")]);
        let refused = Rules::default().fit(&plain, Samples::new(&[1.0, 2.0, 3.0], 1).unwrap(), Seed(0)).map(|_| ());
        assert_eq!(refused, Err(FitError::NothingMarked { algorithm: "rules" }));
        let nothing = FeatureSchema::unnamed(1);
        let fitted = Rules::default().fit(&nothing, Samples::new(&[f32::NAN; 3], 1).unwrap(), Seed(0)).unwrap();
        assert!(fitted.validate().is_ok() && fitted.rules.is_empty() && fitted.score_row(&[9.0]) == -1.0);
    }
}
