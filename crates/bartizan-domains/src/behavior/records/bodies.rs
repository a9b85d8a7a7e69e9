//! Bodies of `/predict` in files.

use super::{Mended, told};
use crate::behavior::SessionEvent;
use crate::behavior::body::parse_session;
use crate::faults::{Fault, Loc};
use crate::records::Record;
use crate::requests::records::json::describe;
use bartizan_core::Timestamp;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Labels {
    #[serde(default)]
    attack_type: Value,
    #[serde(default)]
    label: Value,
}

pub(super) fn line(text: &[u8], line: u64, now: Timestamp) -> Result<Record<Mended>, String> {
    let (mut event, mended) = match parse_session(text, now) {
        Ok(event) => (event, Vec::new()),
        Err(faults) => into_ranges(text, faults, now).map_err(|faults| describe(&faults))?,
    };
    let labels: Labels = serde_json::from_slice(text).map_err(|e| e.to_string())?;
    let value = if labels.attack_type.is_null() { labels.label } else { labels.attack_type };
    let name = match value {
        Value::String(name) => name,
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        _ => String::new(),
    };
    let (label, label_name) = told(&mut event, &name);
    Ok(Record { event: Some((event, mended)), label, label_name, line })
}

pub(super) fn element(text: &str, position: u64, now: Timestamp) -> Result<Record<Mended>, String> {
    line(text.as_bytes(), position, now)
}

/// Brings numbers into their ranges, when nothing else is wrong. Over HTTP such a body is refused; in a file the session
/// is worth more than its excess.
fn into_ranges(text: &[u8], faults: Vec<Fault>, now: Timestamp) -> Result<(SessionEvent, Vec<String>), Vec<Fault>> {
    let Ok(mut value) = serde_json::from_slice::<Value>(text) else { return Err(faults) };
    let mut mended = Vec::with_capacity(faults.len());
    for fault in &faults {
        let (side, key) = match fault.kind {
            "greater_than_equal" => ("below", "ge"),
            "less_than_equal" => ("above", "le"),
            _ => return Err(faults),
        };
        let (Some(Loc::Key(name)), Some(bound)) = (fault.loc.first(), fault.ctx.as_ref().and_then(|ctx| ctx.get(key))) else {
            return Err(faults);
        };
        mended.push(format!("{name} {side} {bound}"));
        value[name.as_str()] = bound.clone();
    }
    Ok((parse_session(value.to_string().as_bytes(), now)?, mended))
}
