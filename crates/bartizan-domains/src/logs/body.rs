//! The bodies of `/detect` and `/train`: lists of entries.
//!
//! What arrives in normal operation is read in one pass, without a tree of values; anything that needs a closer look is read once more,
//! slowly, to say what is wrong with it.

use super::LogEvent;
use crate::faults::{Fault, Loc, MAX_FAULTS, json_invalid, missing, not_an_object, object_of};
use crate::raw::{Raw, RawKind, RawObject};
use crate::records::label_of;
use crate::scalar;
use bartizan_core::{Record, Timestamp};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::fmt;
use std::ops::ControlFlow;
use thiserror::Error;

/// The name of the list.
const LOGS: &str = "logs";
const THRESHOLD: &str = "threshold";
/// Numbers beyond this are milliseconds, as such APIs read them.
const LARGEST_SECONDS: f64 = 2e10;

/// Why a body gives no entries.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum BodyError {
    /// The first faults, as the wire contract lists them (without the leading `body`).
    #[error("the body has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// More entries than one request may have; the rest of the body has not been looked at.
    #[error("the body has more than {0} entries")]
    TooMany(usize),
}

/// A well-formed entry.
#[derive(Deserialize)]
struct Plain<'a> {
    #[serde(borrow)]
    timestamp: Cow<'a, str>,
    user_id: String,
    endpoint: String,
    method: String,
    ip_address: String,
    #[serde(default)]
    user_agent: Option<String>,
    status_code: i64,
    response_time: f64,
    #[serde(default)]
    request_size: Option<i64>,
    #[serde(default)]
    response_size: Option<i64>,
    #[serde(borrow, default)]
    label: Option<&'a RawValue>,
    #[serde(borrow, default)]
    user_label: Option<&'a RawValue>,
}

/// The fields of an entry.
const FIELDS: [&str; 12] = [
    "timestamp",
    "user_id",
    "endpoint",
    "method",
    "ip_address",
    "user_agent",
    "status_code",
    "response_time",
    "request_size",
    "response_size",
    "label",
    "user_label",
];

/// Entries to be judged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// In the order of the list.
    pub events: Vec<LogEvent>,
    /// What the body has as `threshold`, unless it is null: a list or an object stands for any.
    pub threshold: Option<Value>,
}

/// Reads the body of `/detect`, `{"logs": [entry, ...], "threshold"?: number}` with at most `most` entries.
///
/// # Errors
/// The faults of the entries, at most [`MAX_FAULTS`], or that there are too many.
pub fn parse_batch(bytes: &[u8], most: usize) -> Result<Batch, BodyError> {
    let (events, threshold) = parse(bytes, most, |record| record.event)?;
    Ok(Batch { events, threshold })
}

/// Reads a body `{"logs": [entry, ...]}` with at most `most` entries, with the labels that they may carry. A record's `line` is its
/// position, from 1.
///
/// # Errors
/// The faults of the entries, at most [`MAX_FAULTS`], or that there are too many.
pub fn parse_logs(bytes: &[u8], most: usize) -> Result<Vec<Record<LogEvent>>, BodyError> {
    parse(bytes, most, |record| record).map(|(records, _)| records)
}

/// Entries, each as it is kept, and the threshold.
type Parsed<T> = (Vec<T>, Option<Value>);

fn parse<T>(bytes: &[u8], most: usize, keep: fn(Record<LogEvent>) -> T) -> Result<Parsed<T>, BodyError> {
    // So that a list that grows is not copied again and again; entries of fewer bytes than this are rare.
    let likely = (bytes.len() / LIKELY_BYTES).min(most);
    let mut read = Read { entries: Vec::with_capacity(likely), threshold: None, most, keep, too_many: false };
    let mut text = serde_json::Deserializer::from_slice(bytes);
    let fast = text.deserialize_map(Body(&mut read)).and_then(|found| text.end().map(|()| found));
    match fast {
        _ if read.too_many => Err(BodyError::TooMany(most)),
        Ok(true) => Ok((read.entries, read.threshold)),
        Ok(false) | Err(_) => {
            drop(read);
            let (records, threshold) = closely(bytes, most)?;
            Ok((records.into_iter().map(keep).collect(), threshold))
        }
    }
}

/// Bytes of an entry as most have them at least.
const LIKELY_BYTES: usize = 256;

/// What is read in one pass.
struct Read<T> {
    entries: Vec<T>,
    threshold: Option<Value>,
    most: usize,
    keep: fn(Record<LogEvent>) -> T,
    too_many: bool,
}

/// The fields of a body; gives whether the list was among them.
struct Body<'r, T>(&'r mut Read<T>);

impl<'de, T> Visitor<'de> for Body<'_, T> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            if name == LOGS {
                // The last one counts, as everywhere.
                self.0.entries.clear();
                map.next_value_seed(List(self.0))?;
                found = true;
            } else if name == THRESHOLD {
                self.0.threshold = given(map.next_value::<&RawValue>().map(Raw::from)?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

/// The entries of a list.
struct List<'r, T>(&'r mut Read<T>);

impl<'de, T> DeserializeSeed<'de> for List<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T> Visitor<'de> for List<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(plain) = entries.next_element::<Plain<'de>>()? {
            if self.0.entries.len() == self.0.most {
                self.0.too_many = true;
                return Err(A::Error::custom("too many"));
            }
            let line = self.0.entries.len() as u64 + 1;
            let record = of_plain(plain, line).ok_or_else(|| A::Error::custom("a closer look is needed"))?;
            self.0.entries.push((self.0.keep)(record));
        }
        Ok(())
    }
}

/// `None` when something needs a closer look.
fn of_plain(plain: Plain<'_>, line: u64) -> Option<Record<LogEvent>> {
    let event = LogEvent {
        timestamp: Timestamp::parse(&plain.timestamp).ok()?,
        user_id: plain.user_id,
        endpoint: plain.endpoint,
        method: plain.method,
        ip_address: plain.ip_address,
        user_agent: plain.user_agent,
        status_code: Some(plain.status_code),
        response_time: Some(at_least_0(plain.response_time)),
        request_size: plain.request_size.map(size),
        response_size: plain.response_size.map(size),
        client: String::new(),
        counted: None,
    };
    let (label, label_name) = match plain.user_label.or(plain.label) {
        None => (None, None),
        Some(said) => label_of(Raw::from(said).scalar().as_ref()),
    };
    Some(Record { event, label, label_name, line })
}

/// A time below 0 comes of clocks that were set back.
fn at_least_0(secs: f64) -> f64 {
    if secs > 0.0 { secs.min(f64::from(f32::MAX)) } else { 0.0 }
}

fn size(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or(0)
}

/// The slow way: all faults, with the coercions that the contract allows.
fn closely(bytes: &[u8], most: usize) -> Result<Parsed<Record<LogEvent>>, BodyError> {
    let body = object_of(bytes, &[LOGS, THRESHOLD]).map_err(BodyError::Faults)?;
    let of_logs = || vec![Loc::key(LOGS)];
    let logs = body.get(LOGS).ok_or_else(|| BodyError::Faults(vec![missing(of_logs(), body.whole().shown())]))?;
    if logs.kind() != RawKind::List {
        let fault = Fault::new("list_type", of_logs(), "Input should be a valid list", logs.shown());
        return Err(BodyError::Faults(vec![fault]));
    }
    let (mut records, mut faults): (Vec<Record<LogEvent>>, Vec<Fault>) = (Vec::new(), Vec::new());
    let read = logs.elements(|position, entry| {
        if position == most {
            return ControlFlow::Break(());
        }
        match entry_of(entry, position as u64 + 1) {
            Ok(record) => records.push(record),
            Err(more) => faults.extend(more.into_iter().map(|fault| fault.within([Loc::key(LOGS), Loc::Index(position)]))),
        }
        if faults.len() < MAX_FAULTS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    faults.truncate(MAX_FAULTS);
    match read {
        Err(error) => Err(BodyError::Faults(vec![json_invalid(error.column(), &error.to_string())])),
        Ok(_) if !faults.is_empty() => Err(BodyError::Faults(faults)),
        Ok(ControlFlow::Break(())) => Err(BodyError::TooMany(most)),
        Ok(ControlFlow::Continue(())) => Ok((records, body.get(THRESHOLD).and_then(given))),
    }
}

/// A value, unless it is null; a list or an object as an empty one.
fn given(raw: Raw<'_>) -> Option<Value> {
    if raw.is_null() { None } else { Some(raw.scalar().unwrap_or_else(|| Value::Array(Vec::new()))) }
}

/// Reads a body that is one entry.
///
/// # Errors
/// The faults of the entry (without the leading `body`).
pub fn parse_entry(bytes: &[u8]) -> Result<LogEvent, Vec<Fault>> {
    let object = object_of(bytes, &[])?;
    entry_of(object.whole(), 1).map(|record| record.event)
}

/// Reads one entry, as an element of a list or as a line of a file.
///
/// # Errors
/// The faults of the entry.
pub(super) fn entry_of(entry: Raw<'_>, line: u64) -> Result<Record<LogEvent>, Vec<Fault>> {
    let plain = serde_json::from_str::<Plain<'_>>(entry.json()).ok();
    if let Some(record) = plain.and_then(|plain| of_plain(plain, line)) {
        return Ok(record);
    }
    let object = RawObject::read(entry, &FIELDS).ok_or_else(|| vec![not_an_object(entry)])?;
    let mut fields = Entry { object: &object, faults: Vec::new() };
    let time = fields.required("timestamp", time);
    let texts = ["user_id", "endpoint", "method", "ip_address"].map(|name| fields.required(name, of_value(scalar::string)));
    let user_agent = fields.optional("user_agent", of_value(scalar::string));
    let status = fields.required("status_code", of_value(scalar::int));
    let secs = fields.required("response_time", of_value(scalar::float));
    let [request_size, response_size] = ["request_size", "response_size"].map(|name| fields.optional(name, of_value(scalar::int)));
    let faults = fields.faults;
    let said = object.some("user_label").or(object.some("label"));
    let (label, label_name) = label_of(said.and_then(Raw::scalar).as_ref());
    match (time, texts, status, secs) {
        (Some(timestamp), [Some(user_id), Some(endpoint), Some(method), Some(ip_address)], Some(status), Some(secs))
            if faults.is_empty() =>
        {
            let event = LogEvent {
                timestamp,
                user_id,
                endpoint,
                method,
                ip_address,
                user_agent,
                status_code: Some(status),
                response_time: Some(at_least_0(secs)),
                request_size: request_size.map(size),
                response_size: response_size.map(size),
                client: String::new(),
                counted: None,
            };
            Ok(Record { event, label, label_name, line })
        }
        _ => Err(faults),
    }
}

/// The fields of one entry, with what is wrong with them.
struct Entry<'o, 'a> {
    object: &'o RawObject<'a>,
    faults: Vec<Fault>,
}

impl<'a> Entry<'_, 'a> {
    fn required<T>(&mut self, name: &'static str, read: impl Fn(Raw<'a>) -> Result<T, scalar::Wrong>) -> Option<T> {
        let Some(raw) = self.object.get(name) else {
            self.faults.push(missing(vec![Loc::key(name)], self.object.whole().shown()));
            return None;
        };
        read(raw).map_err(|wrong| self.faults.push(scalar::fault(wrong, vec![Loc::key(name)], raw.shown()))).ok()
    }

    /// What is null is not there.
    fn optional<T>(&mut self, name: &'static str, read: impl Fn(Raw<'a>) -> Result<T, scalar::Wrong>) -> Option<T> {
        self.object.some(name).and_then(|_| self.required(name, read))
    }
}

/// Reads a value that is neither list nor object.
fn of_value<T>(read: impl Fn(&Value) -> Result<T, scalar::Wrong>) -> impl Fn(Raw<'_>) -> Result<T, scalar::Wrong> {
    // What has no value here has the wrong type.
    move |raw| read(&raw.scalar().unwrap_or_else(|| Value::Array(Vec::new())))
}

/// A text, or seconds or milliseconds since 1970.
fn time(raw: Raw<'_>) -> Result<Timestamp, scalar::Wrong> {
    let read = match raw.kind() {
        RawKind::Text => raw.text().and_then(|text| Timestamp::parse(&text).ok()),
        RawKind::Number => raw.scalar().and_then(|number| number.as_f64()).map(|number| {
            let secs = if number.abs() > LARGEST_SECONDS { number / 1e3 } else { number };
            Timestamp::from_micros((secs * 1e6) as i64)
        }),
        _ => None,
    };
    let msg = "Input should be a valid datetime or date, such as 2026-01-31T09:30:00Z";
    read.ok_or_else(|| ("datetime_parsing", msg.to_owned(), None))
}

/// An entry as the object that would make it. What a log did not tell is null.
#[must_use]
pub fn event_to_json(event: &LogEvent) -> Value {
    let mut object: Map<String, Value> = Map::new();
    object.insert("timestamp".to_owned(), json!(event.timestamp.to_string()));
    let texts = [("user_id", &event.user_id), ("endpoint", &event.endpoint), ("method", &event.method), ("ip_address", &event.ip_address)];
    object.extend(texts.map(|(name, text)| (name.to_owned(), json!(text))));
    object.insert("user_agent".to_owned(), json!(event.user_agent));
    object.insert("status_code".to_owned(), json!(event.status_code));
    object.insert("response_time".to_owned(), json!(event.response_time));
    object.insert("request_size".to_owned(), json!(event.request_size));
    object.insert("response_size".to_owned(), json!(event.response_size));
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::{BodyError, event_to_json, parse_batch, parse_logs};
    use crate::faults::MAX_FAULTS;
    use bartizan_core::{Label, Timestamp};
    use serde_json::{Value, json};

    fn entry(change: impl Fn(&mut Value)) -> Value {
        let mut entry = json!({
            "timestamp": "2026-01-31T09:30:00Z", "user_id": "u1", "endpoint": "/api/items?page=2", "method": "GET", "ip_address": "10.1.2.3",
            "user_agent": "Mozilla/5.0", "status_code": 200, "response_time": 0.25, "request_size": 120, "response_size": 5300,
        });
        change(&mut entry);
        entry
    }

    fn read(entries: &[Value]) -> Result<Vec<bartizan_core::Record<super::LogEvent>>, BodyError> {
        parse_logs(json!({ "x": [1], "logs": entries, "threshold": -0.5 }).to_string().as_bytes(), 100)
    }

    #[test]
    fn entries_are_read_and_written() {
        let record = read(&[entry(|_| ())]).unwrap().remove(0);
        assert_eq!(event_to_json(&record.event), entry(|_| ()));
        assert_eq!((record.line, record.label), (1, None));
        assert_eq!(read(&[]), Ok(Vec::new()));
    }

    #[test]
    fn coercions_and_clamps_of_the_contract() {
        type Case = (&'static str, Value, fn(&super::LogEvent) -> bool);
        let cases: &[Case] = &[
            ("response_time", json!(-3), |e| e.response_time == Some(0.0)),
            ("response_time", json!("0.5"), |e| e.response_time == Some(0.5)),
            ("response_time", json!(1e300), |e| e.response_time.is_some_and(f64::is_finite)),
            ("response_time", json!(true), |e| e.response_time == Some(1.0)),
            ("status_code", json!("404"), |e| e.status_code == Some(404)),
            ("status_code", json!(200.0), |e| e.status_code == Some(200)),
            ("status_code", json!(0), |e| e.status_code == Some(0)),
            ("status_code", json!(-7), |e| e.status_code == Some(-7)),
            ("status_code", json!(999), |e| e.status_code == Some(999)),
            ("request_size", json!(null), |e| e.request_size.is_none()),
            ("request_size", json!(-1), |e| e.request_size == Some(0)),
            ("response_size", json!("77"), |e| e.response_size == Some(77)),
            ("user_agent", json!(null), |e| e.user_agent.is_none()),
            ("timestamp", json!("2026-01-31T10:30:00+01:00"), |e| e.timestamp == Timestamp::from_secs(1_769_851_800)),
            ("timestamp", json!("2026-01-31 09:30:00"), |e| e.timestamp == Timestamp::from_secs(1_769_851_800)),
            ("timestamp", json!(1_769_851_800), |e| e.timestamp == Timestamp::from_secs(1_769_851_800)),
            ("timestamp", json!(1_769_851_800_000_i64), |e| e.timestamp == Timestamp::from_secs(1_769_851_800)),
            ("user_id", json!(""), |e| e.entity() == "10.1.2.3"),
        ];
        for (name, value, holds) in cases {
            let read = read(&[entry(|e| e[*name] = value.clone())]).unwrap_or_else(|e| panic!("{name} {value}: {e:?}"));
            assert!(holds(&read[0].event), "{name} {value}: {:?}", read[0].event);
        }
        for name in ["user_agent", "request_size", "response_size"] {
            let without = entry(|e| drop(e.as_object_mut().unwrap().remove(name)));
            assert!(read(&[without]).is_ok(), "{name} may be missing");
        }
    }

    #[test]
    fn every_fault_is_listed_with_its_place() {
        let cases: &[(&str, Value, &str)] = &[
            ("status_code", json!("-"), "int_parsing"),
            ("status_code", json!(200.5), "int_from_float"),
            ("status_code", json!(null), "int_type"),
            ("response_time", json!("slow"), "float_parsing"),
            ("response_time", json!([]), "float_type"),
            ("user_id", json!(7), "string_type"),
            ("user_agent", json!(7), "string_type"),
            ("timestamp", json!("soon"), "datetime_parsing"),
            ("timestamp", json!(null), "datetime_parsing"),
            ("request_size", json!("big"), "int_parsing"),
        ];
        for (name, value, kind) in cases {
            let Err(BodyError::Faults(faults)) = read(&[entry(|_| ()), entry(|e| e[*name] = value.clone())]) else {
                panic!("{name} {value}")
            };
            let place = serde_json::to_value(&faults[0].loc).unwrap();
            assert_eq!((faults[0].kind, place), (*kind, json!(["logs", 1, name])), "{value}");
        }
        let faults = |body: &str| match parse_logs(body.as_bytes(), 100) {
            Err(BodyError::Faults(faults)) => faults.iter().map(|fault| fault.kind).collect::<Vec<_>>(),
            other => panic!("{body}: {other:?}"),
        };
        assert_eq!(faults("{}"), ["missing"]);
        assert_eq!(faults(""), ["missing"]);
        assert_eq!(faults("{\"logs\": 7}"), ["list_type"]);
        assert_eq!(faults("{\"logs\": [7]}"), ["model_attributes_type"]);
        assert_eq!(faults("{\"logs\": [{}]}").len(), 7);
        assert_eq!(faults("{\"logs\": ["), ["json_invalid"]);
        assert_eq!(faults(&format!("{{\"logs\": [{}{{}}]}}", "{},".repeat(90))).len(), MAX_FAULTS);
    }

    #[test]
    fn too_many_entries_are_not_read() {
        let many: Vec<Value> = (0..101).map(|_| entry(|_| ())).collect();
        assert_eq!(read(&many), Err(BodyError::TooMany(100)));
        let closely: Vec<Value> = (0..101).map(|_| entry(|e| e["status_code"] = json!("200"))).collect();
        assert_eq!(read(&closely), Err(BodyError::TooMany(100)));
        assert_eq!(read(&closely[..100]).unwrap().len(), 100);
    }

    #[test]
    fn the_threshold_is_read_on_the_way() {
        for (text, expected) in
            [("-0.7", Some(json!(-0.7))), ("null", None), ("\"-0.7\"", Some(json!("-0.7"))), ("{\"a\": 1}", Some(json!([])))]
        {
            for entry in [entry(|_| ()), entry(|e| e["status_code"] = json!("200"))] {
                for body in
                    [format!("{{\"threshold\": {text}, \"logs\": [{entry}]}}"), format!("{{\"logs\": [{entry}], \"threshold\": {text}}}")]
                {
                    let batch = parse_batch(body.as_bytes(), 10).unwrap();
                    assert_eq!((batch.events.len(), &batch.threshold), (1, &expected), "{body}");
                }
            }
        }
    }

    #[test]
    fn labels_come_along() {
        let labelled = [("label", json!("attack")), ("user_label", json!("normal")), ("label", json!(null)), ("label", json!(1))];
        let read = labelled.map(|(name, value)| read(&[entry(|e| e[name] = value.clone())]).unwrap()[0].label);
        assert_eq!(read, [Some(Label::Anomalous), Some(Label::Legitimate), None, Some(Label::Anomalous)]);
    }
}
