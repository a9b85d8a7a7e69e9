//! The slow way: every fault, and the flows of bodies that are in order after all.

use super::super::event::Draft;
use super::super::names::{self, Column};
use super::fast::number_of_text;
use super::{BodyError, MAX_FLOWS, NOT_FINITE};
use crate::faults::{Fault, Loc};
use crate::flows::FlowEvent;
use crate::records::Record;
use bartizan_core::Timestamp;
use serde_json::{Map, Value, json};
use std::collections::HashSet;

/// Faults that are listed; a body of nothing but faults is not answered with ten times its size.
const MAX_FAULTS: usize = 10_000;

pub(super) fn data(object: &Map<String, Value>, now: Timestamp) -> Result<FlowEvent, BodyError> {
    let data = object.get("data").ok_or_else(|| missing(&["data"], Value::Object(object.clone())))?;
    let mut flow = Checked::default();
    match data {
        Value::Object(names) if names.is_empty() => {
            let text = "Data dictionary cannot be empty";
            let mut fault = fault("value_error", vec![key("data")], &format!("Value error, {text}"), data);
            fault.ctx = Some(json!({ "error": text }));
            flow.faults.push(fault);
        }
        _ => flow.read(data, &[key("data")]),
    }
    Ok(flow.finish(1, now)?.event)
}

pub(super) fn batch(object: &Map<String, Value>, now: Timestamp) -> Result<Vec<Record<FlowEvent>>, BodyError> {
    let flows = object.get("flows").ok_or_else(|| missing(&["flows"], Value::Object(object.clone())))?;
    let refuse = |kind, msg: &str, ctx| {
        let mut fault = fault(kind, vec![key("flows")], msg, flows);
        fault.ctx = ctx;
        Err(BodyError::Faults(vec![fault]))
    };
    let Value::Array(list) = flows else { return refuse("list_type", "Input should be a valid list", None) };
    if list.is_empty() {
        let ctx = json!({"field_type": "List", "min_length": 1, "actual_length": 0});
        return refuse("too_short", "List should have at least 1 item after validation, not 0", Some(ctx));
    }
    if list.len() > MAX_FLOWS {
        let msg = format!("List should have at most {MAX_FLOWS} items after validation, not {}", list.len());
        let ctx = json!({"field_type": "List", "max_length": MAX_FLOWS, "actual_length": list.len()});
        return refuse("too_long", &msg, Some(ctx)).map_err(without_input);
    }
    let (mut records, mut faults, mut duplicate) = (Vec::new(), Vec::new(), None);
    for (position, value) in list.iter().enumerate() {
        let mut flow = Checked::default();
        flow.read(value, &[key("flows"), Loc::Index(position)]);
        match flow.finish(position as u64 + 1, now) {
            Ok(record) => records.push(record),
            Err(BodyError::Faults(more)) => faults.extend(more),
            Err(BodyError::Duplicate(name)) => duplicate = duplicate.or(Some(name)),
        }
        if faults.len() >= MAX_FAULTS {
            break;
        }
    }
    match duplicate {
        _ if !faults.is_empty() => Err(BodyError::Faults(faults)),
        Some(name) => Err(BodyError::Duplicate(name)),
        None => Ok(records),
    }
}

pub(super) fn record(object: &Map<String, Value>, line: u64, now: Timestamp) -> Result<Record<FlowEvent>, BodyError> {
    let mut flow = Checked::default();
    match object.get("data") {
        Some(data @ Value::Object(_)) => {
            flow.read(data, &[key("data")]);
            // The label and the like may stand beside the numbers.
            for (name, value) in object {
                if let Some(column) = names::column(name.as_bytes()).filter(|c| !matches!(c, Column::Feature(..))) {
                    text(&mut flow.draft, column, value);
                }
            }
        }
        _ => {
            for (name, value) in object {
                // In files flows stand among all kinds of other fields.
                if let Some(column) = names::column(name.as_bytes()) {
                    flow.field(name, column, value, &[]);
                }
            }
        }
    }
    if flow.faults.is_empty() && flow.draft.given == 0 {
        return Err(BodyError::Faults(vec![fault("missing", Vec::new(), "none of the 78 features is named", &Value::Null)]));
    }
    flow.finish(line, now)
}

/// Gives each flow its label of the list; null is none.
pub(super) fn labelled(records: Result<Vec<Record<FlowEvent>>, BodyError>, labels: &Value) -> Result<Vec<Record<FlowEvent>>, BodyError> {
    let list = labels.as_array().map(Vec::as_slice);
    let mut wrong = match (&records, list) {
        (_, None) => vec![fault("list_type", vec![key("labels")], "Input should be a valid list", labels)],
        (Ok(records), Some(list)) if list.len() != records.len() => {
            let msg = format!("Value error, {} labels for {} flows", list.len(), records.len());
            vec![fault("value_error", vec![key("labels")], &msg, &Value::Null)]
        }
        _ => Vec::new(),
    };
    let list = list.unwrap_or_default();
    let not_texts = list.iter().enumerate().filter(|(_, label)| label.is_array() || label.is_object());
    let place = |position| vec![key("labels"), Loc::Index(position)];
    wrong.extend(not_texts.take(MAX_FAULTS).map(|(at, label)| fault("string_type", place(at), "Input should be a valid string", label)));
    if let Err(BodyError::Faults(faults)) = &records {
        wrong.splice(0..0, faults.iter().cloned());
    }
    if !wrong.is_empty() {
        return Err(BodyError::Faults(wrong));
    }
    let mut records = records?;
    for (record, value) in records.iter_mut().zip(list) {
        let mut draft = Draft::new();
        text(&mut draft, Column::Label, value);
        if let (_, Some(label), name) = draft.finish(record.event.time) {
            (record.label, record.label_name) = (Some(label), name);
        }
    }
    Ok(records)
}

/// A flow while it is looked at closely.
struct Checked {
    draft: Draft,
    faults: Vec<Fault>,
    duplicate: Option<String>,
}

impl Default for Checked {
    fn default() -> Self {
        Self { draft: Draft::new(), faults: Vec::new(), duplicate: None }
    }
}

impl Checked {
    fn read(&mut self, value: &Value, loc: &[Loc]) {
        let Value::Object(object) = value else {
            self.faults.push(fault("dict_type", loc.to_vec(), "Input should be a valid dictionary", value));
            return;
        };
        let mut names = HashSet::with_capacity(object.len());
        for (name, value) in object {
            if !names.insert(name.trim()) {
                self.duplicate.get_or_insert_with(|| name.trim().to_owned());
            }
            match names::column(name.as_bytes()) {
                Some(column) => self.field(name, column, value, loc),
                None => {
                    self.number(name, value, loc);
                }
            }
        }
    }

    fn field(&mut self, name: &str, column: Column, value: &Value, loc: &[Loc]) {
        match column {
            Column::Feature(index, factor) => {
                if let Some(number) = self.number(name, value, loc) {
                    self.draft.set(index, number * factor);
                }
            }
            _ if value.is_array() || value.is_object() => {
                self.number(name, value, loc);
            }
            _ => text(&mut self.draft, column, value),
        }
    }

    fn number(&mut self, name: &str, value: &Value, loc: &[Loc]) -> Option<f64> {
        let (number, kind, msg) = match value {
            Value::Number(number) => (number.as_f64(), "float_type", "Input should be a valid number"),
            Value::Bool(flag) => (Some(f64::from(u8::from(*flag))), "", ""),
            Value::String(text) => {
                (number_of_text(text), "float_parsing", "Input should be a valid number, unable to parse string as a number")
            }
            _ => (None, "float_type", "Input should be a valid number"),
        };
        if number.is_none() && self.faults.len() < MAX_FAULTS {
            let loc = loc.iter().cloned().chain([key(name)]).collect();
            self.faults.push(fault(kind, loc, msg, value));
        }
        number
    }

    fn finish(mut self, line: u64, now: Timestamp) -> Result<Record<FlowEvent>, BodyError> {
        if !self.faults.is_empty() {
            return Err(BodyError::Faults(self.faults));
        }
        if let Some(name) = self.duplicate {
            return Err(BodyError::Duplicate(name));
        }
        let (event, label, label_name) = self.draft.finish(now);
        Ok(Record { event, label, label_name, line })
    }
}

/// Sets what a value says of an identifying column.
fn text(draft: &mut Draft, column: Column, value: &Value) {
    match value {
        Value::String(text) => draft.identify(column, text),
        Value::Number(number) => draft.identify(column, &number.to_string()),
        Value::Bool(flag) => draft.identify(column, if *flag { "true" } else { "false" }),
        Value::Null | Value::Array(_) | Value::Object(_) => {}
    }
}

fn key(name: &str) -> Loc {
    Loc::Key(name.to_owned())
}

fn fault(kind: &'static str, loc: Vec<Loc>, msg: &str, input: &Value) -> Fault {
    let input = if input.as_str() == Some(NOT_FINITE) { Value::Null } else { input.clone() };
    Fault { kind, loc, msg: msg.to_owned(), input, ctx: None }
}

/// A list that is too long is not kept a second time.
fn without_input(error: BodyError) -> BodyError {
    match error {
        BodyError::Faults(faults) => BodyError::Faults(faults.into_iter().map(|f| Fault { input: Value::Null, ..f }).collect()),
        other => other,
    }
}

pub(super) fn missing(loc: &[&str], input: Value) -> BodyError {
    let loc = loc.iter().map(|name| key(name)).collect();
    BodyError::Faults(vec![fault("missing", loc, "Field required", &input)])
}

pub(super) fn not_an_object(input: &Value) -> BodyError {
    let msg = "Input should be a valid dictionary or object to extract fields from";
    BodyError::Faults(vec![fault("model_attributes_type", Vec::new(), msg, input)])
}
