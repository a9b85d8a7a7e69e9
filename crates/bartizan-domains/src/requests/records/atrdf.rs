//! Request and response pairs of the ATRDF 2023 challenge (Lavian et al., API traffic research dataset framework).

use super::Record;
use crate::records::label_from_name;
use crate::requests::RequestEvent;
use bartizan_core::{Label, Timestamp};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Most headers of a request.
const MAX_HEADERS: usize = 1_000;

#[derive(Deserialize)]
struct Pair<'a> {
    #[serde(borrow)]
    request: Request<'a>,
    #[serde(default)]
    response: Response,
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow, default)]
    headers: Headers<'a>,
    #[serde(default)]
    method: String,
    url: String,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
    #[serde(default, rename = "Attack_Tag")]
    tag: Option<String>,
}

/// Names and values as they come, without a tree of values.
#[derive(Default)]
struct Headers<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Headers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self::default())
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Headers<'a> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of headers")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some(header) = map.next_entry()? {
            if self.0.len() >= MAX_HEADERS {
                return Err(serde::de::Error::custom(format!("more than {MAX_HEADERS} headers")));
            }
            self.0.push(header);
        }
        Ok(self)
    }
}

#[derive(Default, Deserialize)]
struct Response {
    #[serde(default)]
    status_code: Option<u16>,
}

pub(super) fn element(text: &str, line: u64, now: Timestamp) -> Result<Record, String> {
    let pair: Pair<'_> = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let request = pair.request;
    let headers: Vec<(String, String)> = request
        .headers
        .0
        .into_iter()
        .map(|(name, value)| (name.into_owned(), string(value).unwrap_or_else(|| compact(value.get()))))
        .collect();
    let date = headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("date")).and_then(|(_, v)| http_date(v));
    let payload = match request.body {
        None => String::new(),
        Some(body) => match string(body) {
            Some(text) if text.is_empty() || serde_json::from_str::<IgnoredAny>(&text).is_ok() => text,
            _ => compact(body.get()),
        },
    };
    let event = RequestEvent {
        request_id: String::new(),
        ip_address: String::new(),
        endpoint: request.url,
        http_method: request.method,
        headers,
        payload,
        timestamp: date.unwrap_or(now),
        query_string: None,
        content_type: None,
        status: pair.response.status_code,
        has_headers: true,
        client: String::new(),
        cut: Vec::new(),
    };
    let label = request.tag.as_deref().map_or(Label::Legitimate, label_from_name);
    Ok(Record { event, label: Some(label), label_name: request.tag.or_else(|| Some("benign".to_owned())), line })
}

/// The text, if the value is one.
fn string(value: &RawValue) -> Option<String> {
    if value.get().starts_with('"') { serde_json::from_str(value.get()).ok() } else { None }
}

/// JSON without the blanks between its values.
fn compact(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let keep = |character: &char| {
        let blank = !quoted && character.is_ascii_whitespace();
        quoted ^= *character == '"' && !escaped;
        escaped = *character == '\\' && quoted && !escaped;
        !blank
    };
    json.chars().filter(keep).collect()
}

fn http_date(text: &str) -> Option<Timestamp> {
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
}
