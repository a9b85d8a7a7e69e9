//! One flow as the 80 or 82 fields of a line.

use super::super::event::Draft;
use super::super::names::{Column, FIELDS, column};
use super::fast::number_of_text;
use super::mended;
use crate::flows::FlowEvent;
use bartizan_core::Timestamp;
use serde_json::Value;
use std::borrow::Cow;
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

/// Reads the bytes of `{"csv": "a,b,..." | [...]}`; `now` stands in for a missing time.
///
/// # Errors
/// When the body is no JSON or has no such line.
pub fn parse_csv_body(bytes: &[u8], now: Timestamp) -> Result<FlowEvent, CsvError> {
    let body = serde_json::from_slice(&mended(bytes)).map_err(|error| CsvError::Json(error.to_string()))?;
    parse_csv(&body, now)
}

/// Reads `{"csv": "a,b,..." | [...]}`; `now` stands in for a missing time. A field that should be a number and is none counts as 0, so
/// that even the header's own line is a flow.
///
/// # Errors
/// When there is no such line or it has another number of fields.
pub fn parse_csv(body: &Value, now: Timestamp) -> Result<FlowEvent, CsvError> {
    match body.get("csv").ok_or(CsvError::Missing)? {
        Value::String(line) => {
            let fields: Vec<Cow<'_, str>> = line.trim().split(',').take(FIELDS.len() + 1).map(Cow::Borrowed).collect();
            let count = line.trim().split(',').count();
            flow(&fields, count, now)
        }
        Value::Array(list) => {
            let fields: Vec<Cow<'_, str>> = list.iter().take(FIELDS.len() + 1).map(text).collect();
            flow(&fields, list.len(), now)
        }
        _ => Err(CsvError::Type),
    }
}

fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::Bool(true) => Cow::Borrowed("1"),
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
