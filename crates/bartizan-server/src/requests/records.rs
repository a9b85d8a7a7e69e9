//! Records in the body of a training.

use crate::input::fields::Fields;
use bartizan_core::{Label, Record, Timestamp};
use bartizan_domains::{
    faults::Fault,
    raw::{Raw, RawKind, RawObject},
    requests::{RequestEvent, body::parse_event},
};
use std::ops::ControlFlow;

/// The field that holds them.
pub(super) const FIELD: &str = "requests";

/// Reads `requests: [...]`, each record perhaps with a `user_label` or `label`, until there are enough faults.
pub(super) fn parse(records: Raw<'_>, now: Timestamp, fields: &mut Fields<'_>) -> Vec<Record<RequestEvent>> {
    let mut events = Vec::new();
    if records.kind() != RawKind::List {
        let loc = vec!["body".into(), FIELD.into()];
        fields.fault(Fault::new("list_type", loc, "Input should be a valid list", records.shown()));
        return events;
    }
    let mut good = true;
    // The whole has been checked to be JSON, so that its elements are.
    let _ = records.elements(|i, record| {
        match parse_event(record.json().as_bytes(), now) {
            Ok(event) if good => events.push(Record::new(event, label(record))),
            Ok(_) => {}
            Err(found) => {
                // Nothing is taken of records of which one is faulty.
                (events, good) = (Vec::new(), false);
                found.into_iter().for_each(|fault| fields.fault(fault.within(["body".into(), FIELD.into(), i.into()])));
            }
        }
        if fields.is_full() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    events
}

fn label(record: Raw<'_>) -> Option<Label> {
    let labels = RawObject::read(record, &["user_label", "label"])?;
    match labels.get("user_label").or(labels.get("label"))?.json() {
        "true" => Some(Label::Anomalous),
        "false" => Some(Label::Legitimate),
        _ => None,
    }
}
