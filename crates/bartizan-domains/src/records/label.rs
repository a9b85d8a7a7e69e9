//! Labels in a column or field that somebody named.

use super::{decode, label_from_name};
use crate::raw::Raw;
use bartizan_core::{How, Label, ParseError};
use serde_json::Value;
use std::ops::ControlFlow;

/// Most names that an error lists.
const MAX_LISTED: usize = 50;
/// Most characters of each.
const MAX_NAME: usize = 64;

/// The field of JSON records that holds their labels.
pub(crate) struct LabelField<'n> {
    name: &'n str,
    /// A record had it.
    met: bool,
    /// What the first record has.
    first: Option<Names>,
}

impl<'n> LabelField<'n> {
    /// The field that was named, if one was.
    pub(crate) fn named(how: How<'n>) -> Option<Self> {
        how.label_column.map(|name| Self { name: name.trim(), met: false, first: None })
    }

    /// What a record has in this field, unless it is null, a list or an object.
    pub(crate) fn value(&mut self, record: &[u8]) -> Option<Value> {
        let (name, mut names, mut found) = (self.name, Names::default(), None);
        let raw = Raw::parse(record).ok()?;
        let _ = raw.fields(|field, value| -> ControlFlow<()> {
            if field.trim() == name {
                found = Some(value);
            }
            if self.first.is_none() {
                names.push(&field);
            }
            ControlFlow::Continue(())
        });
        self.met |= found.is_some();
        self.first.get_or_insert(names);
        found.and_then(Raw::scalar).filter(|value| !value.is_null())
    }

    /// Fails if no record had the field.
    pub(crate) fn finish(self) -> Result<(), ParseError> {
        match self.first {
            Some(first) if !self.met => Err(lacking(self.name, first)),
            _ => Ok(()),
        }
    }
}

/// What is there instead of a column that was named.
#[derive(Default)]
pub(crate) struct Names {
    listed: Vec<String>,
    others: usize,
}

impl Names {
    fn push(&mut self, name: &str) {
        if self.listed.len() < MAX_LISTED {
            self.listed.push(name.trim().chars().take(MAX_NAME).collect());
        } else {
            self.others += 1;
        }
    }
}

impl<'a> FromIterator<&'a [u8]> for Names {
    fn from_iter<I: IntoIterator<Item = &'a [u8]>>(cells: I) -> Self {
        let mut names = Self::default();
        cells.into_iter().for_each(|cell| names.push(&decode(cell).0));
        names
    }
}

/// Why a file without the column that was named is refused.
pub(crate) fn lacking(name: &str, names: Names) -> ParseError {
    let mut has = names.listed.join(", ");
    if names.others > 0 {
        has = format!("{has} and {} more", names.others);
    }
    ParseError::NoLabelColumn { name: name.chars().take(MAX_NAME).collect(), has }
}

/// The label that a value stands for, and the kind that it names.
pub(crate) fn label_of(value: Option<&Value>) -> (Option<Label>, Option<String>) {
    let anomalous = |is: bool| Some(if is { Label::Anomalous } else { Label::Legitimate });
    match value {
        Some(Value::Bool(is)) => (anomalous(*is), None),
        Some(Value::Number(number)) => (anomalous(number.as_f64() != Some(0.0)), None),
        Some(Value::String(name)) => (Some(label_from_name(name)), Some(name.clone())),
        _ => (None, None),
    }
}

/// Refuses a column that was named for a format that has labels in a place of its own, or none.
pub(crate) fn refuse_named(how: How<'_>, format: &str) -> Result<(), ParseError> {
    if how.label_column.is_some() { Err(ParseError::FixedLabels(format.to_owned())) } else { Ok(()) }
}
