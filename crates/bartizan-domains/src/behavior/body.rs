//! The bodies of `/predict` and `/predict-batch`.

use super::features::{NAMES, RANGES};
use super::{AttackType, SessionEvent};
use crate::faults::{Fault, Loc, json_invalid};
use bartizan_core::Timestamp;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::fmt;

/// Most faults listed of one batch: what is wrong is clear by then, and answers stay small.
pub const MAX_FAULTS: usize = 1_000;

/// A well-formed session, read in one pass: what arrives in normal operation.
#[derive(Deserialize)]
struct Plain<'a> {
    failed_logins: u16,
    request_rate: u16,
    commands_count: u16,
    sql_payload: u16,
    honeytoken_access: u16,
    session_time: u16,
    #[serde(borrow, default)]
    timestamp: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    client: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    session_id: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    label: Option<Cow<'a, str>>,
}

/// Parses the body of `/predict`: six whole numbers, all required. `client`, `timestamp`, `session_id` and `label` (the
/// name of an attack type) are taken where they are valid and passed over where not; `now` stands in for the time.
///
/// # Errors
/// Every fault of the body (without the leading `body`).
pub fn parse_session(bytes: &[u8], now: Timestamp) -> Result<SessionEvent, Vec<Fault>> {
    if let Ok(plain) = serde_json::from_slice::<Plain<'_>>(bytes)
        && let Some(event) = from_plain(plain, now)
    {
        return Ok(event);
    }
    session_of(&read(bytes)?, now)
}

/// Reads a whole body; none at all is as if it were null.
fn read(bytes: &[u8]) -> Result<Value, Vec<Fault>> {
    if bytes.trim_ascii().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(bytes).map_err(|error| vec![not_json(bytes, &error)])
}

/// The same of a body that has been read already.
///
/// # Errors
/// Every fault of the body (without the leading `body`).
pub fn session_of(value: &Value, now: Timestamp) -> Result<SessionEvent, Vec<Fault>> {
    match value {
        Value::Object(object) => from_object(object, now),
        Value::Null => Err(vec![missing(Vec::new(), Value::Null)]),
        other => Err(vec![not_an_object(other)]),
    }
}

/// Parses the body of `/predict-batch`: `logs` is a list of sessions, perhaps an empty one. One bad session faults all.
/// Sessions are read one at a time, so that a large body costs little more than its sessions.
///
/// # Errors
/// The faults of the body (without the leading `body`), at most [`MAX_FAULTS`].
pub fn parse_logs(bytes: &[u8], now: Timestamp) -> Result<Vec<SessionEvent>, Vec<Fault>> {
    let mut batch = Batch { now, found: false, events: Vec::new(), faults: Vec::new() };
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        let value = read(bytes)?;
        return Err(vec![if value == Value::Null { missing(Vec::new(), value) } else { not_an_object(&value) }]);
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = deserializer.deserialize_map(&mut batch).and_then(|()| deserializer.end());
    read.map_err(|error| vec![not_json(bytes, &error)])?;
    if !batch.found {
        batch.faults.push(missing(vec![Loc::Key("logs".to_owned())], json!({})));
    }
    if batch.faults.is_empty() { Ok(batch.events) } else { Err(batch.faults) }
}

fn not_json(bytes: &[u8], error: &serde_json::Error) -> Fault {
    let before: usize = bytes.split_inclusive(|b| *b == b'\n').take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    json_invalid((before + error.column().saturating_sub(1)).min(bytes.len()), &error.to_string())
}

fn missing(loc: Vec<Loc>, input: Value) -> Fault {
    Fault { kind: "missing", loc, msg: "Field required".to_owned(), input, ctx: None }
}

fn not_an_object(input: &Value) -> Fault {
    let msg = "Input should be a valid dictionary or object to extract fields from".to_owned();
    Fault { kind: "model_attributes_type", loc: Vec::new(), msg, input: input.clone(), ctx: None }
}

/// `None` when something needs a closer look: the slow way then says what.
fn from_plain(plain: Plain<'_>, now: Timestamp) -> Option<SessionEvent> {
    let values =
        [plain.failed_logins, plain.request_rate, plain.commands_count, plain.sql_payload, plain.honeytoken_access, plain.session_time];
    let within = values.iter().zip(RANGES).all(|(value, (least, most))| (least..=most).contains(value));
    within.then(|| {
        let time = plain.timestamp.and_then(|text| Timestamp::parse(&text).ok()).unwrap_or(now);
        let mut event = SessionEvent::from_values(time, values);
        event.client = plain.client.map(Cow::into_owned).unwrap_or_default();
        event.event_id = plain.session_id.map(Cow::into_owned).unwrap_or_default();
        event.attack = plain.label.and_then(|name| AttackType::from_name(&name));
        event
    })
}

/// The slow way: all faults, with the coercions that the contract allows.
fn from_object(object: &Map<String, Value>, now: Timestamp) -> Result<SessionEvent, Vec<Fault>> {
    let (mut values, mut faults) = ([0; 6], Vec::new());
    for (index, name) in NAMES.into_iter().enumerate() {
        let loc = || vec![Loc::Key(name.to_owned())];
        match object.get(name) {
            None => faults.push(missing(loc(), Value::Object(object.clone()))),
            Some(value) => match whole(value).and_then(|number| within(number, RANGES[index])) {
                Ok(number) => values[index] = number,
                Err((kind, msg, ctx)) => faults.push(Fault { kind, loc: loc(), msg, input: value.clone(), ctx }),
            },
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let time = text("timestamp").and_then(|text| Timestamp::parse(text).ok()).unwrap_or(now);
    let mut event = SessionEvent::from_values(time, values);
    event.client = text("client").unwrap_or_default().to_owned();
    event.event_id = text("session_id").unwrap_or_default().to_owned();
    event.attack = text("label").and_then(AttackType::from_name);
    Ok(event)
}

/// Why a number is refused: type, sentence, bound.
type Wrong = (&'static str, String, Option<Value>);

/// A whole number, also written as `5.0`, `"5"` or `true`; what is beyond 64 bits saturates.
fn whole(value: &Value) -> Result<i64, Wrong> {
    let wrong = |kind, rest: &str| Err((kind, format!("Input should be a valid integer{rest}"), None));
    match value {
        Value::Bool(flag) => Ok(i64::from(*flag)),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(whole),
            (None, Some(float)) if float.fract() == 0.0 => Ok(float as i64),
            _ => wrong("int_from_float", ", got a number with a fractional part"),
        },
        Value::String(text) => whole_of_text(text).map_or_else(|| wrong("int_parsing", ", unable to parse string as an integer"), Ok),
        _ => wrong("int_type", ""),
    }
}

/// `5`, ` +5 `, `-5`, `5.0`.
pub(super) fn whole_of_text(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = match digits.split_once('.') {
        Some((whole, zeros)) if zeros.bytes().all(|b| b == b'0') => whole,
        _ => digits,
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let size = digits.parse::<i64>().unwrap_or(i64::MAX);
    Some(if negative { -size } else { size })
}

fn within(number: i64, (least, most): (u16, u16)) -> Result<u16, Wrong> {
    if number < i64::from(least) {
        Err(("greater_than_equal", format!("Input should be greater than or equal to {least}"), Some(json!({ "ge": least }))))
    } else if number > i64::from(most) {
        Err(("less_than_equal", format!("Input should be less than or equal to {most}"), Some(json!({ "le": most }))))
    } else {
        Ok(number as u16)
    }
}

/// A batch while it is read.
struct Batch {
    now: Timestamp,
    found: bool,
    events: Vec<SessionEvent>,
    faults: Vec<Fault>,
}

impl Batch {
    fn session(&mut self, position: usize, text: &str) -> Result<(), serde_json::Error> {
        if let Ok(plain) = serde_json::from_str::<Plain<'_>>(text)
            && let Some(event) = from_plain(plain, self.now)
        {
            self.events.push(event);
            return Ok(());
        }
        if self.faults.len() >= MAX_FAULTS {
            return Ok(());
        }
        let entry = || [Loc::Key("logs".to_owned()), Loc::Index(position)];
        let value = serde_json::from_str(text)?;
        // Within a list `null` is a value like any other, not an absent body.
        let result = if value == Value::Null { Err(vec![not_an_object(&value)]) } else { session_of(&value, self.now) };
        match result {
            Ok(event) => self.events.push(event),
            Err(faults) => {
                let room = MAX_FAULTS - self.faults.len();
                self.faults.extend(faults.into_iter().take(room).map(|mut fault| {
                    fault.loc.splice(0..0, entry());
                    fault
                }));
            }
        }
        if !self.faults.is_empty() {
            // The batch is refused: its good sessions are of no use any more.
            self.events.clear();
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for &mut Batch {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with logs")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            if name != "logs" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            // A name that comes twice counts as it last came.
            (self.found, self.events, self.faults) = (true, Vec::new(), Vec::new());
            let logs = map.next_value::<&'de RawValue>()?.get();
            if logs.starts_with('[') {
                Sessions(self).deserialize(&mut serde_json::Deserializer::from_str(logs)).map_err(serde::de::Error::custom)?;
            } else {
                let input = serde_json::from_str(logs).map_err(serde::de::Error::custom)?;
                let (loc, msg) = (vec![Loc::Key("logs".to_owned())], "Input should be a valid list".to_owned());
                self.faults.push(Fault { kind: "list_type", loc, msg, input, ctx: None });
            }
        }
        Ok(())
    }
}

/// The list within a batch.
struct Sessions<'a>(&'a mut Batch);

impl<'de> DeserializeSeed<'de> for Sessions<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Sessions<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of sessions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        let mut position = 0;
        while let Some(text) = sequence.next_element::<&'de RawValue>()? {
            self.0.session(position, text.get()).map_err(serde::de::Error::custom)?;
            position += 1;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
