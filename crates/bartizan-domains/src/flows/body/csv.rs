//! One flow as the 80 or 82 fields of a line.

use super::super::event::Draft;
use super::super::names::{Column, FIELDS, column};
use super::fast::number_of_text;
use super::mended;
use crate::flows::FlowEvent;
use bartizan_core::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
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
    let body: Body = match serde_json::from_slice(&bytes) {
        Ok(body) => body,
        Err(error) => {
            let is_json = serde_json::from_slice::<IgnoredAny>(&bytes).is_ok();
            return Err(if is_json { CsvError::Missing } else { CsvError::Json(error.to_string()) });
        }
    };
    match body.csv.ok_or(CsvError::Missing)? {
        Line::Text(line) => {
            let fields: Vec<Cow<'_, str>> = line.trim().split(',').take(FIELDS.len() + 1).map(Cow::Borrowed).collect();
            flow(&fields, line.trim().split(',').count(), now)
        }
        Line::List { fields, count } => flow(&fields.into_iter().map(Cow::Owned).collect::<Vec<_>>(), count, now),
        Line::Other => Err(CsvError::Type),
    }
}

#[derive(Deserialize)]
struct Body {
    #[serde(default, deserialize_with = "line")]
    csv: Option<Line>,
}

fn line<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Line>, D::Error> {
    deserializer.deserialize_any(LineVisitor).map(Some)
}

/// What stands under `csv`. Of a list only as many fields are kept as a flow can have: a body of millions costs no more.
enum Line {
    Text(String),
    List { fields: Vec<String>, count: usize },
    Other,
}

/// A longer field is no number, and no address.
const MOST_FIELD_BYTES: usize = 256;

struct LineVisitor;

impl<'de> Visitor<'de> for LineVisitor {
    type Value = Line;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a line as text or as a list")
    }

    fn visit_str<E>(self, text: &str) -> Result<Line, E> {
        Ok(Line::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Line, A::Error> {
        let (mut fields, mut count) = (Vec::new(), 0);
        while fields.len() <= FIELDS.len() {
            let Some(raw) = list.next_element::<&RawValue>()? else { break };
            let value = if raw.get().len() > MOST_FIELD_BYTES { Value::Null } else { serde_json::from_str(raw.get()).unwrap_or_default() };
            fields.push(text(&value).into_owned());
            count += 1;
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Line::List { fields, count })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Line, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Line::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Line, E> {
        Ok(Line::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Line, E> {
        Ok(Line::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Line, E> {
        Ok(Line::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Line, E> {
        Ok(Line::Other)
    }

    fn visit_unit<E>(self) -> Result<Line, E> {
        Ok(Line::Other)
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
