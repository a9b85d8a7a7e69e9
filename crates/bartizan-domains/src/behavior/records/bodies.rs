//! Bodies of `/predict` in files.

use super::{Mended, told};
use crate::behavior::SessionEvent;
use crate::behavior::body::parse_session;
use crate::faults::{Fault, Loc};
use crate::raw::{Raw, RawObject};
use crate::records::{LabelField, decode};
use crate::requests::records::json::describe;
use bartizan_core::{Record, Timestamp};
use serde_json::Value;

const LABELS: &[&str] = &["attack_type", "label"];

/// A body and its label, from the field that was named or from those that usually have one.
pub(super) fn line(text: &[u8], line: u64, now: Timestamp, named: Option<&mut LabelField<'_>>) -> Result<Record<Mended>, String> {
    let (text, _) = decode(text);
    let text = text.as_bytes();
    let (mut event, mended) = match parse_session(text, now) {
        Ok(event) => (event, Vec::new()),
        Err(faults) => into_ranges(text, faults, now).map_err(|faults| describe(&faults))?,
    };
    let said = match named {
        Some(field) => {
            // Not what the body itself says.
            event.attack = None;
            field.value(text)
        }
        None => {
            let labels = Raw::parse(text).ok().and_then(|raw| RawObject::read(raw, LABELS));
            labels.and_then(|labels| labels.some("attack_type").or(labels.some("label"))).and_then(Raw::scalar)
        }
    };
    let name = match said {
        Some(Value::String(name)) => name,
        Some(value @ (Value::Bool(_) | Value::Number(_))) => value.to_string(),
        _ => String::new(),
    };
    let (label, label_name) = told(&mut event, &name);
    Ok(Record { event: Some((event, mended)), label, label_name, line })
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
