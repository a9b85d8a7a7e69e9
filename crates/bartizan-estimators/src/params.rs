//! Parameters by name, as users set them, and how an algorithm reads and checks its own.

use crate::Algorithm;
use crate::preparation::Scaling;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::ops::RangeInclusive;
use std::str::FromStr;
use thiserror::Error;

/// Longest text repeated in an error.
const MAX_SHOWN: usize = 64;

/// A parameter's value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParamValue {
    /// A count or a real number.
    Number(f64),
    /// A choice among words.
    Text(String),
}

impl Display for ParamValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl From<f64> for ParamValue {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for ParamValue {
    fn from(count: usize) -> Self {
        Self::Number(count as f64)
    }
}

impl From<&str> for ParamValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Reads `0.1` as a number and `rbf` as text.
impl FromStr for ParamValue {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| Self::Text(text.to_owned()), Self::Number))
    }
}

/// A parameter is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParamError {
    /// No such algorithm.
    #[error("unknown algorithm {got:?}; expected one of {}", Algorithm::NAMES.join(", "))]
    Algorithm {
        /// The value, shortened.
        got: String,
    },
    /// A value that the parameter cannot have.
    #[error("{name} must be {expected}, got {got}")]
    Value {
        /// The parameter.
        name: &'static str,
        /// What it can be.
        expected: String,
        /// What it was.
        got: String,
    },
    /// The algorithm has no such parameter.
    #[error("{algorithm} has no parameter {got:?}; it has {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") })]
    Unknown {
        /// The algorithm.
        algorithm: &'static str,
        /// The name that was given, shortened.
        got: String,
        /// Its parameters.
        known: Vec<&'static str>,
    },
}

impl ParamError {
    /// The parameter that it is about; `algorithm` for the algorithm itself.
    #[must_use]
    pub fn parameter(&self) -> &str {
        match self {
            Self::Algorithm { .. } => "algorithm",
            Self::Value { name, .. } => name,
            Self::Unknown { got, .. } => got,
        }
    }
}

/// An algorithm and its parameters as users set them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RawParams {
    /// One of [`Algorithm::NAMES`]; `None` for the default.
    pub algorithm: Option<String>,
    /// Explicit parameters, by name. One that the algorithm does not have is an error.
    pub values: BTreeMap<String, ParamValue>,
    /// Used where `values` has nothing. One that the algorithm does not have is passed over, so that a configuration can
    /// set parameters of its own algorithm without standing in the way of another one.
    pub fallback: BTreeMap<String, ParamValue>,
    /// Upper limits of features, by name, all above 0: what `rules` does not learn. All other algorithms pass over them.
    #[serde(default)]
    pub limits: BTreeMap<String, f64>,
}

impl RawParams {
    /// Only an algorithm.
    #[must_use]
    pub fn named(algorithm: &str) -> Self {
        Self { algorithm: Some(algorithm.to_owned()), ..Self::default() }
    }

    /// With one parameter more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<ParamValue>) -> Self {
        self.values.insert(name.to_owned(), value.into());
        self
    }

    /// With one parameter more, if it is given.
    #[must_use]
    pub fn with_any(self, name: &str, value: Option<impl Into<ParamValue>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Returns these parameters, with those of `settings` where these set none.
    #[must_use]
    pub fn over(&self, settings: &Self) -> Self {
        let mut fallback = settings.fallback.clone();
        fallback.extend(settings.values.clone());
        fallback.extend(self.fallback.clone());
        let mut limits = settings.limits.clone();
        limits.extend(self.limits.clone());
        Self { algorithm: self.algorithm.clone().or_else(|| settings.algorithm.clone()), values: self.values.clone(), fallback, limits }
    }
}

/// A number or one of some words, such as `gamma = "scale"`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NumberOr<T> {
    /// A number.
    Number(f64),
    /// A word.
    Word(T),
}

/// The parameters of one algorithm while it reads them.
pub struct Params<'a> {
    raw: &'a RawParams,
    known: Vec<&'static str>,
}

impl<'a> Params<'a> {
    /// Starts reading.
    #[must_use]
    pub fn new(raw: &'a RawParams) -> Self {
        Self { raw, known: Vec::new() }
    }

    fn take(&mut self, name: &'static str) -> Option<&'a ParamValue> {
        self.known.push(name);
        self.raw.values.get(name).or_else(|| self.raw.fallback.get(name))
    }

    /// A whole number in `range`.
    ///
    /// # Errors
    /// For any other value, with what was expected.
    pub fn count(&mut self, name: &'static str, default: usize, range: RangeInclusive<usize>) -> Result<usize, ParamError> {
        let (low, high) = (*range.start() as f64, *range.end() as f64);
        match self.take(name) {
            None => Ok(default),
            Some(ParamValue::Number(n)) if n.fract() == 0.0 && (low..=high).contains(n) => Ok(*n as usize),
            Some(got) => Err(wrong(name, format!("in [{low}, {high}]"), got)),
        }
    }

    /// A finite number in `range`.
    ///
    /// # Errors
    /// For any other value, with what was expected.
    pub fn number(&mut self, name: &'static str, default: f64, range: RangeInclusive<f64>) -> Result<f64, ParamError> {
        match self.take(name) {
            None => Ok(default),
            Some(ParamValue::Number(n)) if range.contains(n) => Ok(*n),
            Some(got) => Err(wrong(name, format!("in [{}, {}]", range.start(), range.end()), got)),
        }
    }

    /// One of `options`.
    ///
    /// # Errors
    /// For any other value, with what was expected.
    pub fn choice<T: Copy>(&mut self, name: &'static str, default: T, options: &[(&'static str, T)]) -> Result<T, ParamError> {
        match self.take(name) {
            None => Ok(default),
            Some(got) => word(got, options).ok_or_else(|| wrong(name, format!("one of {}", words(options)), got)),
        }
    }

    /// A finite number in `range` or one of `options`.
    ///
    /// # Errors
    /// For any other value, with what was expected.
    pub fn number_or<T: Copy>(
        &mut self,
        name: &'static str,
        default: NumberOr<T>,
        range: RangeInclusive<f64>,
        options: &[(&'static str, T)],
    ) -> Result<NumberOr<T>, ParamError> {
        match self.take(name) {
            None => Ok(default),
            Some(ParamValue::Number(n)) if range.contains(n) => Ok(NumberOr::Number(*n)),
            Some(got) => word(got, options)
                .map(NumberOr::Word)
                .ok_or_else(|| wrong(name, format!("in [{}, {}] or one of {}", range.start(), range.end(), words(options)), got)),
        }
    }

    /// The parameter `scaling`.
    ///
    /// # Errors
    /// For any other value, with what was expected.
    pub fn scaling(&mut self, default: Scaling) -> Result<Scaling, ParamError> {
        self.choice("scaling", default, Scaling::OPTIONS)
    }

    /// The limits of features; see [`RawParams::limits`].
    #[must_use]
    pub fn limits(&self) -> BTreeMap<String, f64> {
        self.raw.limits.clone()
    }

    /// The names that were read.
    pub(crate) fn into_known(self) -> Vec<&'static str> {
        self.known
    }

    /// Refuses parameters that were set and not read.
    ///
    /// # Errors
    /// For the first such name.
    pub fn finish(self, algorithm: &'static str) -> Result<(), ParamError> {
        match self.raw.values.keys().find(|name| !self.known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(ParamError::Unknown { algorithm, got: name.chars().take(MAX_SHOWN).collect(), known: self.known }),
        }
    }
}

/// Refuses a parameter whose product with another one is above `limit`.
pub(crate) fn check_product(name: &'static str, got: usize, with: (&'static str, usize), limit: usize) -> Result<(), ParamError> {
    let (other, times) = with;
    if got.saturating_mul(times) <= limit {
        return Ok(());
    }
    let most = limit / times.max(1);
    let expected = format!("at most {most} with {other} = {times} ({limit} is the most that both may multiply to)");
    Err(ParamError::Value { name, expected, got: got.to_string() })
}

fn wrong(name: &'static str, expected: String, got: &ParamValue) -> ParamError {
    let got = match got {
        ParamValue::Number(number) => number.to_string(),
        ParamValue::Text(text) => format!("{:?}", text.chars().take(MAX_SHOWN).collect::<String>()),
    };
    ParamError::Value { name, expected, got }
}

fn word<T: Copy>(got: &ParamValue, options: &[(&'static str, T)]) -> Option<T> {
    match got {
        ParamValue::Text(text) => options.iter().find(|(name, _)| name == text).map(|(_, value)| *value),
        ParamValue::Number(_) => None,
    }
}

fn words<T>(options: &[(&'static str, T)]) -> String {
    options.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{NumberOr, ParamError, ParamValue, Params, RawParams};

    #[test]
    fn every_bad_value_is_named() {
        let said = |value: ParamValue, read: fn(&mut Params<'_>) -> Result<(), ParamError>| {
            read(&mut Params::new(&RawParams::default().with("x", value))).unwrap_err().to_string()
        };
        let count = |p: &mut Params<'_>| p.count("x", 3, 1..=10).map(|_| ());
        let number = |p: &mut Params<'_>| p.number("x", 0.5, 0.0..=1.0).map(|_| ());
        let choice = |p: &mut Params<'_>| p.choice("x", 1, &[("one", 1), ("two", 2)]).map(|_| ());
        let either = |p: &mut Params<'_>| p.number_or("x", NumberOr::Word(1), 0.0..=1.0, &[("one", 1)]).map(|_| ());
        assert_eq!(said(11_usize.into(), count), "x must be in [1, 10], got 11");
        assert_eq!(said(2.5.into(), count), "x must be in [1, 10], got 2.5");
        assert_eq!(said("many".into(), count), "x must be in [1, 10], got \"many\"");
        assert_eq!(said(f64::NAN.into(), number), "x must be in [0, 1], got NaN");
        assert_eq!(said("three".into(), choice), "x must be one of one, two, got \"three\"");
        assert_eq!(said(1.0.into(), choice), "x must be one of one, two, got 1");
        assert_eq!(said("two".into(), either), "x must be in [0, 1] or one of one, got \"two\"");
    }

    #[test]
    fn what_nobody_read_is_refused_unless_it_is_a_fallback() {
        let settings = RawParams::named("tails").with("trees", 7_usize);
        let asked = RawParams::default().with("nu", 0.2);
        let raw = asked.over(&settings);
        let mut params = Params::new(&raw);
        assert_eq!(params.number("nu", 0.1, 0.0..=1.0).unwrap(), 0.2);
        assert_eq!(params.finish("svm"), Ok(()));
        let mut params = Params::new(&raw);
        assert_eq!(params.count("trees", 1, 1..=10).unwrap(), 7);
        let refused = params.finish("forest").unwrap_err().to_string();
        assert_eq!(refused, "forest has no parameter \"nu\"; it has trees");
    }

    #[test]
    fn flags_are_numbers_or_words() {
        for (text, expected) in [("0.1", ParamValue::Number(0.1)), ("300", ParamValue::Number(300.0)), ("rbf", "rbf".into())] {
            assert_eq!(text.parse::<ParamValue>().unwrap(), expected);
        }
    }
}
