//! Score, threshold, verdict, grade and confidence: five types, so that none is mistaken for another.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An estimator's own real number; higher is more anomalous.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[repr(transparent)]
pub struct AnomalyScore(pub f64);

/// Scores strictly above it are anomalous.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[repr(transparent)]
pub struct Threshold(pub f64);

impl Threshold {
    /// The verdict on a score: anomalous strictly above.
    #[must_use]
    pub fn decide(self, score: AnomalyScore) -> Verdict {
        if score.0 > self.0 { Verdict::Anomalous } else { Verdict::Normal }
    }
}

/// What the service says of an event. Each wire contract has its own spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// It belongs.
    Normal,
    /// It does not.
    Anomalous,
}

impl Verdict {
    /// True for [`Verdict::Anomalous`].
    #[must_use]
    pub fn is_anomalous(self) -> bool {
        self == Self::Anomalous
    }
}

/// A number was out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
#[error("{name} must be in {range}, got {value}")]
pub struct RangeError {
    /// Which number.
    pub name: &'static str,
    /// Its range as a person writes it, such as `(0, 0.5]`.
    pub range: &'static str,
    /// What was given.
    pub value: f64,
}

/// The score on the one product-wide scale: [0, 1], 0.5 at the threshold, monotone, comparable between detectors.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Grade(f64);

/// Calibrated probability that the verdict given is right, [0, 1].
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Confidence(f64);

/// Expected share of anomalies in training, (0, 0.5].
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Contamination(f64);

macro_rules! checked {
    ($type:ident, $name:literal, $range:literal, $holds:expr) => {
        impl $type {
            /// Its value.
            #[must_use]
            pub fn get(self) -> f64 {
                self.0
            }
        }

        impl TryFrom<f64> for $type {
            type Error = RangeError;

            fn try_from(value: f64) -> Result<Self, RangeError> {
                let holds: fn(f64) -> bool = $holds;
                if holds(value) { Ok(Self(value)) } else { Err(RangeError { name: $name, range: $range, value }) }
            }
        }

        impl From<$type> for f64 {
            fn from(value: $type) -> f64 {
                value.0
            }
        }
    };
}

checked!(Grade, "grade", "[0, 1]", |v| (0.0..=1.0).contains(&v));
checked!(Confidence, "confidence", "[0, 1]", |v| (0.0..=1.0).contains(&v));
checked!(Contamination, "contamination", "(0, 0.5]", |v| v > 0.0 && v <= 0.5);

#[cfg(test)]
mod tests {
    use super::{AnomalyScore, Contamination, Grade, Threshold, Verdict};

    #[test]
    fn strictly_above_is_anomalous() {
        let threshold = Threshold(0.5);
        assert_eq!(threshold.decide(AnomalyScore(0.5)), Verdict::Normal);
        assert_eq!(threshold.decide(AnomalyScore(0.5 + 1e-12)), Verdict::Anomalous);
        assert_eq!(threshold.decide(AnomalyScore(f64::NAN)), Verdict::Normal);
    }

    #[test]
    fn contamination_out_of_range_is_named() {
        for bad in [0.0, -0.1, 0.500_001, 0.7, f64::NAN, f64::INFINITY] {
            let error = Contamination::try_from(bad).unwrap_err();
            assert!(error.to_string().starts_with("contamination must be in (0, 0.5], got "), "{error}");
        }
        assert_eq!(Contamination::try_from(0.5).unwrap().get(), 0.5);
    }

    #[test]
    fn grades_are_shares() {
        assert!(Grade::try_from(1.1).is_err() && Grade::try_from(f64::NAN).is_err());
        assert_eq!(Grade::try_from(1.0).unwrap().get(), 1.0);
    }
}
