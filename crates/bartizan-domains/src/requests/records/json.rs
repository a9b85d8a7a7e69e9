//! `/analyze` bodies in files.

use super::Record;
use crate::faults::{Fault, Loc};
use crate::raw::{Raw, RawObject};
use crate::records::label_from_name;
use crate::requests::body::parse_event;
use bartizan_core::{Label, Timestamp};
use serde_json::Value;

const LABELS: &[&str] = &["user_label", "label", "attack_type"];

pub(super) fn line(text: &[u8], line: u64, now: Timestamp) -> Result<Record, String> {
    let event = parse_event(text, now).map_err(|faults| describe(&faults))?;
    let labels = Raw::parse(text).ok().and_then(|raw| RawObject::read(raw, LABELS));
    let (label, name) = labels.as_ref().map_or((None, None), read_label);
    Ok(Record { event, label, label_name: name, line })
}

pub(super) fn element(text: &str, position: u64, now: Timestamp) -> Result<Record, String> {
    line(text.as_bytes(), position, now)
}

fn read_label(labels: &RawObject<'_>) -> (Option<Label>, Option<String>) {
    let said = labels.some("user_label").or(labels.some("label"));
    let value = said.and_then(Raw::scalar).unwrap_or_default();
    let label = match &value {
        Value::Bool(anomalous) => Some(if *anomalous { Label::Anomalous } else { Label::Legitimate }),
        Value::Number(n) => Some(if n.as_f64() == Some(0.0) { Label::Legitimate } else { Label::Anomalous }),
        Value::String(name) => Some(label_from_name(name)),
        _ => None,
    };
    let kind = labels.get("attack_type").and_then(Raw::text);
    let name = kind.as_deref().or(value.as_str()).map(str::to_owned);
    (label, name)
}

/// The faults of a record in one line for a person.
pub(crate) fn describe(faults: &[Fault]) -> String {
    let place = |loc: &[Loc]| -> String {
        let steps: Vec<String> = loc
            .iter()
            .map(|l| match l {
                Loc::Key(k) => k.clone(),
                Loc::Index(i) => i.to_string(),
            })
            .collect();
        steps.join(".")
    };
    let parts: Vec<String> = faults.iter().take(3).map(|f| format!("{}: {}", place(&f.loc), f.msg)).collect();
    parts.join("; ")
}
