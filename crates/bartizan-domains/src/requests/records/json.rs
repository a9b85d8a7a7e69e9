//! `/analyze` bodies in files.

use super::Record;
use crate::faults::{Fault, Loc};
use crate::raw::{Raw, RawObject};
use crate::records::{LabelField, decode, label_of, mended};
use crate::requests::body::parse_event;
use bartizan_core::{Label, Timestamp};
use std::borrow::Cow;

const LABELS: &[&str] = &["user_label", "label", "attack_type"];

/// A body and its label, from the field that was named or from those that usually have one.
pub(super) fn line(text: &[u8], line: u64, now: Timestamp, named: Option<&mut LabelField<'_>>) -> Result<Record, String> {
    let (mut text, _) = decode(text);
    let mut event = parse_event(text.as_bytes(), now);
    // What a client chose must not hide its request.
    if event.is_err()
        && let Cow::Owned(whole) = mended(text.as_bytes())
    {
        event = parse_event(whole.as_bytes(), now);
        text = Cow::Owned(whole);
    }
    let event = event.map_err(|faults| describe(&faults))?;
    let text = text.as_bytes();
    let labels = Raw::parse(text).ok().and_then(|raw| RawObject::read(raw, LABELS));
    let (label, name) = match named {
        Some(field) => label_of(field.value(text).as_ref()),
        None => labels.as_ref().map_or((None, None), usual_label),
    };
    let kind = labels.as_ref().and_then(|labels| labels.get("attack_type")).and_then(Raw::text);
    Ok(Record { event, label, label_name: kind.map(Cow::into_owned).or(name), line })
}

/// Whether a line is such a body, whatever is wrong with its fields.
pub(super) fn is_body(text: &[u8]) -> bool {
    let text = mended(text);
    let read = Raw::parse(text.as_bytes()).ok().and_then(|raw| RawObject::read(raw, &["endpoint", "http_method", "ip_address"]));
    read.is_some_and(|body| body.get("endpoint").is_some() && (body.get("http_method").is_some() || body.get("ip_address").is_some()))
}

fn usual_label(labels: &RawObject<'_>) -> (Option<Label>, Option<String>) {
    let said = labels.some("user_label").or(labels.some("label"));
    label_of(said.and_then(Raw::scalar).as_ref())
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
