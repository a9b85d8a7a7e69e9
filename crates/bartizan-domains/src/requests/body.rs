//! The `/analyze` body.

use super::RequestEvent;
use crate::faults::{Fault, Fields, object_of};
use crate::raw::{Raw, RawKind, RawObject};
use bartizan_core::Timestamp;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;
use std::ops::ControlFlow;

/// A well-formed body, read in one pass: what arrives in normal operation.
#[derive(Deserialize)]
struct Plain<'a> {
    request_id: String,
    ip_address: String,
    endpoint: String,
    http_method: String,
    headers: Pairs,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
    #[serde(borrow, default)]
    timestamp: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    query_string: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    content_type: Option<Cow<'a, str>>,
}

/// An object of texts, in its order.
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::with_capacity(8);
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(PairsVisitor)
    }
}

/// The fields that are looked at.
const NAMES: [&str; 9] =
    ["request_id", "ip_address", "endpoint", "http_method", "headers", "payload", "timestamp", "query_string", "content_type"];

/// Parses a body; `now` stands in for a missing timestamp.
///
/// # Errors
/// The faults of the body, as the wire contract lists them (without the leading `body`), at most [`MAX_FAULTS`](crate::faults::MAX_FAULTS).
pub fn parse_event(bytes: &[u8], now: Timestamp) -> Result<RequestEvent, Vec<Fault>> {
    if let Ok(plain) = serde_json::from_slice::<Plain<'_>>(bytes)
        && let Some(event) = from_plain(plain, now)
    {
        return Ok(event);
    }
    from_object(object_of(bytes, &NAMES).map_err(|fault| vec![fault])?, now)
}

/// `None` when something needs a closer look: the slow way then says what.
fn from_plain(plain: Plain<'_>, now: Timestamp) -> Option<RequestEvent> {
    let timestamp = match plain.timestamp {
        None => now,
        Some(text) => Timestamp::parse(&text).ok()?,
    };
    let payload = plain.payload.map_or("", |p| p.get());
    Some(RequestEvent {
        request_id: plain.request_id,
        ip_address: plain.ip_address,
        endpoint: plain.endpoint,
        http_method: plain.http_method,
        headers: plain.headers.0,
        payload: payload.to_owned(),
        timestamp,
        query_string: plain.query_string.map(Cow::into_owned),
        content_type: plain.content_type.map(Cow::into_owned),
        status: None,
        has_headers: true,
        client: String::new(),
        cut: Vec::new(),
    })
}

/// The slow way: all faults, with the coercions that the contract allows.
fn from_object(object: RawObject<'_>, now: Timestamp) -> Result<RequestEvent, Vec<Fault>> {
    let mut fields = Fields::new(object);
    let request_id = fields.string("request_id");
    let ip_address = fields.string("ip_address");
    let endpoint = fields.string("endpoint");
    let http_method = fields.string("http_method");
    let headers = headers(&mut fields);
    let timestamp = timestamp(&mut fields, now);
    let text = |name: &str| fields.some(name).and_then(Raw::text).map(Cow::into_owned);
    let (query_string, content_type) = (text("query_string"), text("content_type"));
    let payload = fields.some("payload").map_or("", Raw::json);
    let faults = fields.into_faults();
    match (request_id, ip_address, endpoint, http_method, headers, timestamp) {
        (Some(request_id), Some(ip_address), Some(endpoint), Some(http_method), Some(headers), Some(timestamp)) if faults.is_empty() => {
            let (status, has_headers) = (None, true);
            Ok(RequestEvent {
                request_id,
                ip_address,
                endpoint,
                http_method,
                headers,
                payload: payload.to_owned(),
                timestamp,
                query_string,
                content_type,
                status,
                has_headers,
                client: String::new(),
                cut: Vec::new(),
            })
        }
        _ => Err(faults),
    }
}

fn headers(fields: &mut Fields<'_>) -> Option<Vec<(String, String)>> {
    let value = fields.required("headers")?;
    if value.kind() != RawKind::Object {
        fields.fault("dict_type", &["headers"], "Input should be a valid dictionary", value);
        return None;
    }
    let (mut pairs, mut bad) = (Vec::new(), false);
    let read = value.fields(|name, value| {
        match value.text() {
            Some(text) if !bad => pairs.push((name.into_owned(), text.into_owned())),
            Some(_) => {}
            None => {
                (pairs, bad) = (Vec::new(), true);
                fields.fault("string_type", &["headers", &name], "Input should be a valid string", value);
            }
        }
        if fields.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if read.is_err() {
        fields.fault("dict_type", &["headers"], "Input should be a valid dictionary with names of Unicode text", value);
        bad = true;
    }
    (!bad).then_some(pairs)
}

fn timestamp(fields: &mut Fields<'_>, now: Timestamp) -> Option<Timestamp> {
    /// Numbers beyond this are milliseconds, as such APIs read them.
    const LARGEST_SECONDS: f64 = 2e10;
    let Some(raw) = fields.some("timestamp") else { return Some(now) };
    let read = match raw.kind() {
        RawKind::Text => raw.text().and_then(|text| Timestamp::parse(&text).ok()),
        RawKind::Number => raw.scalar().and_then(|number| number.as_f64()).map(|number| {
            let seconds = if number.abs() > LARGEST_SECONDS { number / 1e3 } else { number };
            Timestamp::from_micros((seconds * 1e6) as i64)
        }),
        _ => None,
    };
    if read.is_none() {
        let msg = "Input should be a valid datetime or date, such as 2026-01-31T09:30:00Z";
        fields.fault("datetime_parsing", &["timestamp"], msg, raw);
    }
    read
}

/// An event as the body that would make it; a payload that nests deeper than a tree of values may is given as its text.
#[must_use]
pub fn event_to_json(event: &RequestEvent) -> Value {
    let headers: Map<String, Value> = event.headers.iter().map(|(n, v)| (n.clone(), Value::String(v.clone()))).collect();
    let as_text = |_| if event.payload.is_empty() { Value::Null } else { Value::from(event.payload.as_str()) };
    let payload = serde_json::from_str::<Value>(&event.payload).unwrap_or_else(as_text);
    let mut body = serde_json::json!({
        "request_id": event.request_id,
        "ip_address": event.ip_address,
        "endpoint": event.endpoint,
        "http_method": event.http_method,
        "headers": headers,
        "payload": payload,
        "timestamp": event.timestamp.to_string(),
    });
    for (name, value) in [("query_string", &event.query_string), ("content_type", &event.content_type)] {
        if let Some(value) = value {
            body[name] = Value::String(value.clone());
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use super::{event_to_json, parse_event};
    use crate::faults::{Loc, MAX_FAULTS};
    use bartizan_core::Timestamp;
    use proptest::prelude::*;

    const GOOD: &str = r#"{"request_id":"r1","ip_address":"unknown","endpoint":"/a?b=1","http_method":"POST",
        "headers":{"User-Agent":"x"},"payload":{"k":[1,null]},"timestamp":"2026-01-31T10:30:00+01:00","extra":7}"#;

    fn now() -> Timestamp {
        Timestamp::from_secs(1_000_000)
    }

    #[test]
    fn a_body_is_read_and_written() {
        let event = parse_event(GOOD.as_bytes(), now()).unwrap();
        assert_eq!((event.payload.as_str(), event.timestamp.to_string().as_str()), (r#"{"k":[1,null]}"#, "2026-01-31T09:30:00Z"));
        let again = parse_event(event_to_json(&event).to_string().as_bytes(), now()).unwrap();
        assert_eq!(again, event);
    }

    #[test]
    fn every_fault_is_listed() {
        let cases: &[(&str, &[(&str, &str)])] = &[
            (
                "{}",
                &[
                    ("missing", "request_id"),
                    ("missing", "ip_address"),
                    ("missing", "endpoint"),
                    ("missing", "http_method"),
                    ("missing", "headers"),
                ],
            ),
            (
                r#"{"request_id":1,"ip_address":null,"endpoint":"/","http_method":"GET","headers":[]}"#,
                &[("string_type", "request_id"), ("string_type", "ip_address"), ("dict_type", "headers")],
            ),
            (
                r#"{"request_id":"1","ip_address":"","endpoint":"/","http_method":"GET","headers":{"a":1,"b":"c"},"timestamp":"soon"}"#,
                &[("string_type", "headers.a"), ("datetime_parsing", "timestamp")],
            ),
            ("[]", &[("model_attributes_type", "")]),
            ("null", &[("missing", "")]),
            ("\"x\"", &[("model_attributes_type", "")]),
            (r#"{"request_id": NaN}"#, &[("json_invalid", "15")]),
            ("", &[("missing", "")]),
            (
                r#"{"request_id":"\ud800","ip_address":"","endpoint":"/","http_method":"GET","headers":{}}"#,
                &[("string_type", "request_id")],
            ),
        ];
        for (body, expected) in cases {
            let faults = parse_event(body.as_bytes(), now()).unwrap_err();
            let found: Vec<(&str, String)> = faults
                .iter()
                .map(|f| {
                    let loc: Vec<String> = f
                        .loc
                        .iter()
                        .map(|l| match l {
                            Loc::Key(k) => k.clone(),
                            Loc::Index(i) => i.to_string(),
                        })
                        .collect();
                    (f.kind, loc.join("."))
                })
                .collect();
            let expected: Vec<(&str, String)> = expected.iter().map(|(k, l)| (*k, (*l).to_owned())).collect();
            assert_eq!(found, expected, "{body}");
        }
    }

    #[test]
    fn deep_and_wide_bodies_are_harmless() {
        // The second body is read the slow way: its timestamp is a number.
        for slow in [false, true] {
            for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
                let payload = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
                let body = GOOD.replace(r#"{"k":[1,null]}"#, &payload);
                let body = if slow { body.replace(r#""2026-01-31T10:30:00+01:00""#, "1769851800") } else { body };
                let event = parse_event(body.as_bytes(), now()).unwrap();
                assert_eq!(event.payload, payload);
                assert_eq!(event_to_json(&event)["payload"], payload.as_str());
            }
        }
        let many: Vec<String> = (0..10_000).map(|i| format!(r#""h{i}":"v""#)).collect();
        let body = GOOD.replace(r#""User-Agent":"x""#, &many.join(","));
        assert_eq!(parse_event(body.as_bytes(), now()).unwrap().headers.len(), 10_000);
        for time in ["1970-01-01T00:00:00Z", "2262-04-12T00:00:00Z", "9999-12-30T00:00:00Z"] {
            let body = GOOD.replace("2026-01-31T10:30:00+01:00", time);
            assert_eq!(parse_event(body.as_bytes(), now()).unwrap().timestamp.to_string().get(..4), time.get(..4));
        }
    }

    #[test]
    fn faults_of_a_large_body_are_few_and_small() {
        let zeros = format!("{{\"x\":[{}0]}}", "0,".repeat(2 << 20));
        let headers = |entry: &str| GOOD.replace(r#""User-Agent":"x""#, &vec![entry; 100_000].join(","));
        let long = format!("{{\"{}\":0}}", "n".repeat(1 << 20));
        for (name, body, count) in [
            ("missing fields", zeros.clone(), 5),
            ("a text that is a list", GOOD.replace("\"r1\"", &zeros), 1),
            ("headers that are no texts", headers(r#""a":[0,0]"#), MAX_FAULTS),
            ("a header with a long name", GOOD.replace(r#"{"User-Agent":"x"}"#, &long), 1),
            ("good headers and bad ones", headers(r#""a":"b","c":1"#), MAX_FAULTS),
        ] {
            let faults = parse_event(body.as_bytes(), now()).unwrap_err();
            assert_eq!(faults.len(), count, "{name}");
            for fault in &faults {
                assert!(fault.input.to_string().len() + format!("{:?}", fault.loc).len() < 5_000, "{name}: {fault:?}");
            }
        }
        assert_eq!(parse_event(zeros.as_bytes(), now()).unwrap_err()[0].input, serde_json::Value::Null);
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_an_event_or_faults(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Err(faults) = parse_event(&bytes, now()) {
                prop_assert!(!faults.is_empty());
            }
        }

        #[test]
        fn any_change_of_a_good_body_ends_in_an_event_or_faults(at in 0..GOOD.len(), byte in any::<u8>()) {
            let mut bytes = GOOD.as_bytes().to_vec();
            bytes[at] = byte;
            if let Err(faults) = parse_event(&bytes, now()) {
                prop_assert!(!faults.is_empty());
            }
        }
    }
}
