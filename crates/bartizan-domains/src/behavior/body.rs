//! The bodies of `/predict` and `/predict-batch`.

use super::features::{NAMES, RANGES};
use super::{AttackType, SessionEvent};
use crate::faults::{Fault, Loc, MAX_FAULTS, json_invalid, missing, not_an_object, object_of, shown_text};
use crate::raw::{Raw, RawKind, RawObject};
use bartizan_core::{Reservoir, Seed, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::ops::ControlFlow;
use thiserror::Error;

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
        return Ok(event.0);
    }
    let object = object_of(bytes, &FIELDS).map_err(|fault| vec![fault])?;
    closely(&object, now).map(|(event, _)| event)
}

/// Why a body gives no sessions.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum LogsError {
    /// The first faults, as the wire contract lists them (without the leading `body`).
    #[error("the body has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// More sessions than one request may have; the rest of the body has not been looked at.
    #[error("the body has more than {0} sessions")]
    TooMany(usize),
}

/// Parses the body of `/predict-batch`: `logs` is a list of sessions, perhaps an empty one and at most `most` long. One bad session faults
/// all. Sessions are read one at a time, so that a large body costs little more than its sessions.
///
/// # Errors
/// The faults of the body, at most [`MAX_FAULTS`], or that there are too many sessions.
pub fn parse_logs(bytes: &[u8], now: Timestamp, most: usize) -> Result<Vec<SessionEvent>, LogsError> {
    let mut events = Vec::new();
    sessions(bytes, now, |(event, _)| {
        if events.len() == most {
            return Err(LogsError::TooMany(most));
        }
        events.push(event);
        Ok(())
    })?;
    Ok(events)
}

/// Sessions to learn from.
#[derive(Clone, Debug, PartialEq)]
pub struct Lesson {
    /// All sessions of the body, or a random sample of them.
    pub events: Vec<SessionEvent>,
    /// How many sessions the body has.
    pub met: u64,
}

/// Parses the `logs` of a `/train` body, each a session with its `label`. All are checked; of more than `most`, a random sample of that
/// size is kept.
///
/// # Errors
/// The faults of the body, at most [`MAX_FAULTS`]: also of sessions without a label, or with one that is none of the five.
pub fn parse_training(bytes: &[u8], now: Timestamp, most: usize, seed: Seed) -> Result<Lesson, LogsError> {
    let mut drawn = Reservoir::new(most, seed);
    sessions(bytes, now, |(event, label)| match label.fault() {
        None => Ok(drawn.push(event)),
        Some(fault) => Err(LogsError::Faults(vec![fault])),
    })?;
    Ok(Lesson { met: drawn.met(), events: drawn.into_drawn() })
}

/// What a session says of its type.
#[derive(Clone, Debug)]
enum Label {
    Known,
    Missing,
    /// None of the five: what an answer repeats of it.
    Unknown(Value),
}

impl Label {
    /// The fault of a session that is to be learned from.
    fn fault(&self) -> Option<Fault> {
        let names = AttackType::ALL.map(|attack| format!("'{attack}'"));
        let expected = || format!("{} or {}", names[..4].join(", "), names[4]);
        let (kind, msg, input) = match self {
            Self::Known => return None,
            Self::Missing => ("missing", format!("Field required: {}", expected()), Value::Null),
            Self::Unknown(input) => ("literal_error", format!("Input should be {}", expected()), input.clone()),
        };
        Some(Fault { kind, loc: vec![Loc::key("label")], msg, input, ctx: Some(json!({ "expected": expected() })) })
    }
}

type Session = (SessionEvent, Label);

/// The list of a body, which is checked to be JSON on the way.
#[derive(Deserialize)]
struct Logs<'a> {
    #[serde(borrow)]
    logs: &'a RawValue,
}

/// The list `logs` of a body.
fn logs_of(bytes: &[u8]) -> Result<Raw<'_>, Fault> {
    if let Ok(Logs { logs }) = serde_json::from_slice(bytes) {
        return Ok(Raw::from(logs));
    }
    let body = object_of(bytes, &["logs"])?;
    body.get("logs").ok_or_else(|| missing(vec![Loc::key("logs")], body.whole().shown()))
}

/// Reads the list `logs` and gives each session to `take`, which may have faults to add.
fn sessions(bytes: &[u8], now: Timestamp, mut take: impl FnMut(Session) -> Result<(), LogsError>) -> Result<(), LogsError> {
    let logs = logs_of(bytes).map_err(|fault| LogsError::Faults(vec![fault]))?;
    let of_logs = || vec![Loc::key("logs")];
    if logs.kind() != RawKind::List {
        let msg = "Input should be a valid list".to_owned();
        return Err(LogsError::Faults(vec![Fault { kind: "list_type", loc: of_logs(), msg, input: logs.shown(), ctx: None }]));
    }
    let mut faults: Vec<Fault> = Vec::new();
    let read = logs.elements(|position, session| {
        match session_of(session, now).map_err(LogsError::Faults).and_then(&mut take) {
            Ok(()) => {}
            Err(LogsError::Faults(more)) => faults.extend(more.into_iter().map(|mut fault| {
                fault.loc.splice(0..0, [Loc::key("logs"), Loc::Index(position)]);
                fault
            })),
            Err(too_many) => return ControlFlow::Break(too_many),
        }
        if faults.len() < MAX_FAULTS {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(LogsError::Faults(std::mem::take(&mut faults)))
        }
    });
    match read {
        Ok(ControlFlow::Break(LogsError::Faults(mut first))) => {
            first.truncate(MAX_FAULTS);
            Err(LogsError::Faults(first))
        }
        Ok(ControlFlow::Break(other)) => Err(other),
        Ok(ControlFlow::Continue(())) if faults.is_empty() => Ok(()),
        Ok(ControlFlow::Continue(())) => Err(LogsError::Faults(faults)),
        Err(error) => Err(LogsError::Faults(vec![json_invalid(error.column(), &error.to_string())])),
    }
}

/// One session of a list.
fn session_of(session: Raw<'_>, now: Timestamp) -> Result<Session, Vec<Fault>> {
    let plain = serde_json::from_str::<Plain<'_>>(session.json()).ok();
    if let Some(read) = plain.and_then(|plain| from_plain(plain, now)) {
        return Ok(read);
    }
    // Within a list `null` is a value like any other, not an absent body.
    let object = RawObject::read(session, &FIELDS).ok_or_else(|| vec![not_an_object(session)])?;
    closely(&object, now)
}

/// `None` when something needs a closer look: the slow way then says what.
fn from_plain(plain: Plain<'_>, now: Timestamp) -> Option<Session> {
    let values =
        [plain.failed_logins, plain.request_rate, plain.commands_count, plain.sql_payload, plain.honeytoken_access, plain.session_time];
    let within = values.iter().zip(RANGES).all(|(value, (least, most))| (least..=most).contains(value));
    within.then(|| {
        let time = plain.timestamp.and_then(|text| Timestamp::parse(&text).ok()).unwrap_or(now);
        let mut event = SessionEvent::from_values(time, values);
        event.client = plain.client.map(Cow::into_owned).unwrap_or_default();
        event.event_id = plain.session_id.map(Cow::into_owned).unwrap_or_default();
        event.attack = plain.label.as_deref().and_then(AttackType::from_name);
        let label = match (&event.attack, plain.label) {
            (Some(_), _) => Label::Known,
            (None, None) => Label::Missing,
            (None, Some(text)) => Label::Unknown(shown_text(&text)),
        };
        (event, label)
    })
}

/// What a session may say.
const FIELDS: [&str; 10] = [NAMES[0], NAMES[1], NAMES[2], NAMES[3], NAMES[4], NAMES[5], "timestamp", "client", "session_id", "label"];

/// The slow way: all faults, with the coercions that the contract allows.
fn closely(object: &RawObject<'_>, now: Timestamp) -> Result<Session, Vec<Fault>> {
    let (mut values, mut faults) = ([0; 6], Vec::new());
    for (index, name) in NAMES.into_iter().enumerate() {
        let loc = || vec![Loc::key(name)];
        match object.get(name) {
            None => faults.push(missing(loc(), object.whole().shown())),
            Some(value) => match whole(value).and_then(|number| within(number, RANGES[index])) {
                Ok(number) => values[index] = number,
                Err((kind, msg, ctx)) => faults.push(Fault { kind, loc: loc(), msg, input: value.shown(), ctx }),
            },
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let text = |name: &str| object.get(name).and_then(Raw::text);
    let time = text("timestamp").and_then(|text| Timestamp::parse(&text).ok()).unwrap_or(now);
    let mut event = SessionEvent::from_values(time, values);
    event.client = text("client").unwrap_or_default().into_owned();
    event.event_id = text("session_id").unwrap_or_default().into_owned();
    event.attack = text("label").and_then(|name| AttackType::from_name(&name));
    let label = match (&event.attack, object.some("label")) {
        (Some(_), _) => Label::Known,
        (None, None) => Label::Missing,
        (None, Some(label)) => Label::Unknown(label.shown()),
    };
    Ok((event, label))
}

/// Why a number is refused: type, sentence, bound.
type Wrong = (&'static str, String, Option<Value>);

/// A whole number, also written as `5.0`, `"5"` or `true`; what is beyond 64 bits saturates.
fn whole(value: Raw<'_>) -> Result<i64, Wrong> {
    let wrong = |kind, rest: &str| Err((kind, format!("Input should be a valid integer{rest}"), None));
    match value.scalar() {
        Some(Value::Bool(flag)) => Ok(i64::from(flag)),
        Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(whole),
            (None, Some(float)) if float.fract() == 0.0 => Ok(float as i64),
            _ => wrong("int_from_float", ", got a number with a fractional part"),
        },
        Some(Value::String(text)) => {
            whole_of_text(&text).map_or_else(|| wrong("int_parsing", ", unable to parse string as an integer"), Ok)
        }
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

#[cfg(test)]
mod tests;
