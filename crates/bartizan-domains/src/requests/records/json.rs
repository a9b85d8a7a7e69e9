//! `/analyze` bodies in files.

use super::Record;
use crate::faults::{Fault, Loc};
use crate::records::label_from_name;
use crate::requests::body::parse_event;
use bartizan_core::{Label, Timestamp};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Labels {
    #[serde(default)]
    label: Value,
    #[serde(default)]
    user_label: Value,
    #[serde(default)]
    attack_type: Value,
}

pub(super) fn line(text: &[u8], line: u64, now: Timestamp) -> Result<Record, String> {
    let event = parse_event(text, now).map_err(|faults| describe(&faults))?;
    let labels: Labels = serde_json::from_slice(text).map_err(|e| e.to_string())?;
    let (label, name) = read_label(&labels);
    Ok(Record { event, label, label_name: name, line })
}

pub(super) fn element(text: &str, position: u64, now: Timestamp) -> Result<Record, String> {
    line(text.as_bytes(), position, now)
}

fn read_label(labels: &Labels) -> (Option<Label>, Option<String>) {
    let value = if labels.user_label.is_null() { &labels.label } else { &labels.user_label };
    let label = match value {
        Value::Bool(anomalous) => Some(if *anomalous { Label::Anomalous } else { Label::Legitimate }),
        Value::Number(n) => Some(if n.as_f64() == Some(0.0) { Label::Legitimate } else { Label::Anomalous }),
        Value::String(name) => Some(label_from_name(name)),
        _ => None,
    };
    let name = labels.attack_type.as_str().or(value.as_str()).map(str::to_owned);
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
