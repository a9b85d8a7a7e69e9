//! Request and response pairs of the ATRDF 2023 challenge (Lavian et al., API traffic research dataset framework).

use super::Record;
use crate::records::label_from_name;
use crate::requests::RequestEvent;
use bartizan_core::{Label, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Deserialize)]
struct Pair {
    request: Request,
    #[serde(default)]
    response: Response,
}

#[derive(Deserialize)]
struct Request {
    #[serde(default)]
    headers: Map<String, Value>,
    #[serde(default)]
    method: String,
    url: String,
    #[serde(default)]
    body: Value,
    #[serde(default, rename = "Attack_Tag")]
    tag: Option<String>,
}

#[derive(Default, Deserialize)]
struct Response {
    #[serde(default)]
    status_code: Option<u16>,
}

pub(super) fn element(text: &str, line: u64, now: Timestamp) -> Result<Record, String> {
    let pair: Pair = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let request = pair.request;
    let as_text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    let headers: Vec<(String, String)> = request.headers.iter().map(|(n, v)| (n.clone(), as_text(v))).collect();
    let date = headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("date")).and_then(|(_, v)| http_date(v));
    let payload = match &request.body {
        Value::Null => String::new(),
        Value::String(text) if text.is_empty() => String::new(),
        Value::String(text) if serde_json::from_str::<Value>(text).is_ok() => text.clone(),
        other => other.to_string(),
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

fn http_date(text: &str) -> Option<Timestamp> {
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp::from_micros(zoned.timestamp().as_microsecond()))
}
