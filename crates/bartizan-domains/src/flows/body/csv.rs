//! One flow as the 80 or 82 fields of a line.

use super::super::event::Draft;
use super::super::names::{Column, FIELDS, column};
use super::fast::number_of_text;
use super::mended;
use crate::flows::FlowEvent;
use crate::raw::{Raw, RawKind, RawObject};
use bartizan_core::Timestamp;
use serde_json::Value;
use std::borrow::Cow;
use std::ops::ControlFlow;
use thiserror::Error;

/// Why a line gives no flow. The texts are the wire contract's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CsvError {
    /// The body is no JSON.
    #[error("Invalid JSON in request body: {0}")]
    Json(String),
    /// There is no line.
    #[error("Missing 'csv' field in request body")]
    Missing,
    /// The line is neither text nor list.
    #[error("'csv' field must be a string or array")]
    Type,
    /// Some other number of fields.
    #[error("CSV must have 80 or 82 fields, got {0}")]
    Count(usize),
}

/// Reads `{"csv": "a,b,..." | [...]}`; `now` stands in for a missing time. A field that should be a number and is none counts as 0, so
/// that even the header's own line is a flow.
///
/// # Errors
/// When the body is no JSON, when there is no such line, or when it has another number of fields.
pub fn parse_csv(bytes: &[u8], now: Timestamp) -> Result<FlowEvent, CsvError> {
    let bytes = mended(bytes);
    let json = |error: serde_json::Error| CsvError::Json(error.to_string());
    let body = Raw::parse(&bytes).map_err(json)?;
    let line = RawObject::read(body, &["csv"]).and_then(|body| body.get("csv")).ok_or(CsvError::Missing)?;
    match line.kind() {
        RawKind::Text => {
            let line = line.text().ok_or_else(|| CsvError::Json("the line is no Unicode text".to_owned()))?;
            let line = line.trim();
            let fields: Vec<Cow<'_, str>> = line.split(',').take(FIELDS.len() + 1).map(Cow::Borrowed).collect();
            flow(&fields, line.split(',').count(), now)
        }
        RawKind::List => {
            let (fields, count) = listed(line);
            flow(&fields, count, now)
        }
        _ => Err(CsvError::Type),
    }
}

/// A longer field is no number, and no address.
const MOST_FIELD_BYTES: usize = 256;

/// The fields of a list, and how many there are. Only as many are kept as a flow can have: a body of millions costs no more.
fn listed(line: Raw<'_>) -> (Vec<Cow<'_, str>>, usize) {
    let (mut fields, mut count) = (Vec::new(), 0);
    // The whole body has been checked to be JSON.
    let _ = line.elements(|_, field| -> ControlFlow<()> {
        count += 1;
        if count <= FIELDS.len() {
            let value = if field.json().len() > MOST_FIELD_BYTES { None } else { field.scalar() };
            fields.push(text(value));
        }
        ControlFlow::Continue(())
    });
    (fields, count)
}

fn text<'a>(value: Option<Value>) -> Cow<'a, str> {
    match value {
        Some(Value::String(text)) => Cow::Owned(text),
        Some(Value::Number(number)) => Cow::Owned(number.to_string()),
        Some(Value::Bool(true)) => Cow::Borrowed("1"),
        _ => Cow::Borrowed(""),
    }
}

fn flow(fields: &[Cow<'_, str>], count: usize, now: Timestamp) -> Result<FlowEvent, CsvError> {
    /// The two addresses, which the short form goes without.
    const ADDRESSES: usize = 2;
    let names = match count {
        _ if count == FIELDS.len() => &FIELDS[..],
        _ if count == FIELDS.len() - ADDRESSES => &FIELDS[ADDRESSES..],
        _ => return Err(CsvError::Count(count)),
    };
    let mut draft = Draft::new();
    for (name, field) in names.iter().zip(fields) {
        let field = field.trim().trim_matches('"');
        match column(name.as_bytes()) {
            Some(Column::Feature(index, factor)) => draft.set(index, number_of_text(field).unwrap_or(0.0) * factor),
            Some(column) => draft.identify(column, field),
            None => {}
        }
    }
    Ok(draft.finish(now).0)
}
