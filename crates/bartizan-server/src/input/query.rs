//! The query string, read one parameter after another; faults are collected.

use bartizan_core::Timestamp;
use bartizan_domains::faults::{Fault, shown_text};
use bartizan_domains::scalar::{self, Bounds, Wrong};
use std::borrow::Cow;

/// A query string being read. Of a repeated parameter the last one counts.
pub(crate) struct Query<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub(crate) faults: Vec<Fault>,
}

impl<'a> Query<'a> {
    pub(crate) fn new(text: Option<&'a str>) -> Self {
        Self { pairs: form_urlencoded::parse(text.unwrap_or("").as_bytes()).collect(), faults: Vec::new() }
    }

    fn read<T>(&mut self, name: &'static str, read: impl FnOnce(&str) -> Result<T, Wrong>) -> Option<T> {
        let (_, text) = self.pairs.iter().rev().find(|(key, _)| key == name)?;
        match read(text) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.faults.push(scalar::fault(wrong, vec!["query".into(), name.into()], shown_text(text)));
                None
            }
        }
    }

    /// A text; an empty one is none.
    pub(crate) fn text(&mut self, name: &'static str) -> Option<String> {
        self.read(name, |text| Ok(text.to_owned())).filter(|text| !text.is_empty())
    }

    pub(crate) fn int(&mut self, name: &'static str, bounds: Bounds<i64>) -> Option<i64> {
        self.read(name, |text| scalar::int_of_text(text).and_then(|value| bounds.check(value)))
    }

    pub(crate) fn float(&mut self, name: &'static str, bounds: Bounds<f64>) -> Option<f64> {
        self.read(name, |text| scalar::float_of_text(text).and_then(|value| bounds.check(value)))
    }

    pub(crate) fn boolean(&mut self, name: &'static str) -> Option<bool> {
        self.read(name, scalar::bool_of_text)
    }

    pub(crate) fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        self.read(name, scalar::time_of_text)
    }
}
