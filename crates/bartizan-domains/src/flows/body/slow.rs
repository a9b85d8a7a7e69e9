//! The slow way: every fault, and the flows of bodies that are in order after all. Flows are read one by one from where they
//! lie in the body, and reading ends with the last fault that an answer lists.

use super::super::event::Draft;
use super::super::features::WIDTH;
use super::super::names::{self, Column};
use super::fast::number_of_text;
use super::{BodyError, NOT_FINITE, Take};
use crate::faults::{self, Fault, Loc, MAX_FAULTS, MAX_NAME, json_invalid};
use crate::flows::FlowEvent;
use crate::raw::{Raw, RawKind, RawObject};
use bartizan_core::{Record, Timestamp};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::hash::{Hash, Hasher};
use std::ops::ControlFlow;

pub(super) fn data(body: Raw<'_>, now: Timestamp) -> Result<FlowEvent, BodyError> {
    let data = object(body, &["data"])?.get("data").ok_or_else(|| missing("data", body.shown()))?;
    let mut flow = Checked::default();
    flow.read(data, &[key("data")]);
    if data.kind() == RawKind::Object && flow.met == 0 && flow.faults.is_empty() {
        let text = "Data dictionary cannot be empty";
        let mut fault = fault("value_error", vec![key("data")], &format!("Value error, {text}"), data);
        fault.ctx = Some(json!({ "error": text }));
        flow.faults.push(fault);
    }
    Ok(flow.finish(1, now)?.event)
}

pub(super) fn batch(body: Raw<'_>, now: Timestamp, taken: &mut impl Take) -> Result<(), BodyError> {
    let flows = object(body, &["flows"])?.get("flows").ok_or_else(|| missing("flows", body.shown()))?;
    let refuse = |kind, msg: &str, ctx| {
        let mut fault = fault(kind, vec![key("flows")], msg, flows);
        fault.ctx = ctx;
        Err(BodyError::Faults(vec![fault]))
    };
    if flows.kind() != RawKind::List {
        return refuse("list_type", "Input should be a valid list", None);
    }
    let (mut faults, mut duplicate, mut met) = (Vec::new(), None, 0_u64);
    let read = flows.elements(|position, value| {
        let mut flow = Checked::default();
        flow.read(value, &[key("flows"), Loc::Index(position)]);
        met = position as u64 + 1;
        match flow.finish(met, now) {
            Ok(record) if faults.is_empty() => taken.take(record).map_or_else(ControlFlow::Break, ControlFlow::Continue)?,
            Ok(_) => {}
            Err(BodyError::Faults(more)) => faults.extend(more),
            Err(BodyError::Duplicate(name)) => duplicate = duplicate.take().or(Some(name)),
            Err(other) => return ControlFlow::Break(other),
        }
        if faults.len() < MAX_FAULTS {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(BodyError::Faults(std::mem::take(&mut faults)))
        }
    });
    match read {
        Err(error) => Err(no_text(&error)),
        Ok(ControlFlow::Break(error)) => Err(error.cut()),
        Ok(ControlFlow::Continue(())) if met == 0 => {
            let ctx = json!({"field_type": "List", "min_length": 1, "actual_length": 0});
            refuse("too_short", "List should have at least 1 item after validation, not 0", Some(ctx))
        }
        Ok(ControlFlow::Continue(())) if !faults.is_empty() => Err(BodyError::Faults(faults)),
        Ok(ControlFlow::Continue(())) => duplicate.map_or(Ok(()), |name| Err(BodyError::Duplicate(name))),
    }
}

pub(super) fn record(body: Raw<'_>, line: u64, now: Timestamp) -> Result<Record<FlowEvent>, BodyError> {
    let whole = object(body, &["data"])?;
    let mut flow = Checked::default();
    let wrapped = whole.get("data").filter(|data| data.kind() == RawKind::Object);
    if let Some(data) = wrapped {
        flow.read(data, &[key("data")]);
    }
    // In files flows stand among all kinds of other fields; beside the numbers may stand the label and the like.
    let read = body.fields(|name, value| -> ControlFlow<()> {
        match names::column(name.as_bytes()) {
            Some(Column::Feature(..)) | None if wrapped.is_some() => {}
            Some(column) if wrapped.is_some() => text(&mut flow.draft, column, value),
            Some(column) => {
                let exact = hash(&name);
                flow.seen(&name, exact);
                flow.field(&name, exact, column, value, &[]);
            }
            None => {}
        }
        ControlFlow::Continue(())
    });
    let _ = read.map_err(|error| no_text(&error))?;
    if wrapped.is_none() {
        flow.duplicate = None;
    }
    if flow.faults.is_empty() && flow.draft.given == 0 {
        return Err(BodyError::Faults(vec![shown_fault("missing", Vec::new(), "none of the 78 features is named", Value::Null)]));
    }
    flow.finish(line, now)
}

/// Gives each flow that was kept its label of the list, null being none; `records` are in the order of their lines, `met` is how many flows
/// the body has.
pub(super) fn label(records: &mut [Record<FlowEvent>], met: Option<u64>, labels: Raw<'_>) -> Result<(), Vec<Fault>> {
    if labels.kind() != RawKind::List {
        return Err(vec![fault("list_type", vec![key("labels")], "Input should be a valid list", labels)]);
    }
    let (mut wrong, mut count, mut rest) = (Vec::new(), 0_u64, records.iter_mut().peekable());
    let read = labels.elements(|position, label| -> ControlFlow<()> {
        count += 1;
        if matches!(label.kind(), RawKind::List | RawKind::Object) {
            if wrong.len() < MAX_FAULTS {
                wrong.push(fault("string_type", vec![key("labels"), Loc::Index(position)], "Input should be a valid string", label));
            }
        } else if let Some(record) = rest.next_if(|record| record.line == count) {
            let mut draft = Draft::new();
            text(&mut draft, Column::Label, label);
            if let (_, Some(label), name) = draft.finish(record.event.time) {
                (record.label, record.label_name) = (Some(label), name);
            }
        }
        ControlFlow::Continue(())
    });
    if let Err(error) = read {
        wrong.push(json_invalid(error.column(), &error.to_string()));
    }
    if let Some(met) = met.filter(|met| *met != count) {
        let msg = format!("Value error, {count} labels for {met} flows");
        wrong.insert(0, shown_fault("value_error", vec![key("labels")], &msg, Value::Null));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// A flow while it is looked at closely.
struct Checked {
    draft: Draft,
    faults: Vec<Fault>,
    duplicate: Option<String>,
    /// Fields met.
    met: usize,
    /// The names so far without the blanks around them, and with them: as hashes, since there may be many.
    names: HashMap<u64, u64>,
    /// The name that set each feature.
    set_by: [u64; WIDTH],
}

impl Default for Checked {
    fn default() -> Self {
        Self { draft: Draft::new(), faults: Vec::new(), duplicate: None, met: 0, names: HashMap::new(), set_by: [0; WIDTH] }
    }
}

impl Checked {
    fn read(&mut self, value: Raw<'_>, loc: &[Loc]) {
        if value.kind() != RawKind::Object {
            self.faults.push(fault("dict_type", loc.to_vec(), "Input should be a valid dictionary", value));
            return;
        }
        let read = value.fields(|name, value| {
            let exact = hash(&name);
            self.seen(&name, exact);
            match names::column(name.as_bytes()) {
                Some(column) => self.field(&name, exact, column, value, loc),
                None => drop(self.number(&name, value, loc)),
            }
            if self.faults.len() < MAX_FAULTS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        if let Err(error) = read {
            let text = error.to_string();
            self.faults
                .push(Fault { ctx: Some(json!({ "error": text })), ..fault("json_invalid", loc.to_vec(), "JSON decode error", value) });
        }
    }

    /// Notes a name. The very same one twice is JSON's own matter: the last counts.
    fn seen(&mut self, name: &str, exact: u64) {
        self.met += 1;
        match self.names.entry(hash(name.trim())) {
            Entry::Vacant(place) => drop(place.insert(exact)),
            Entry::Occupied(before) if *before.get() == exact => {
                let shown = if self.faults.is_empty() { return } else { key(name) };
                self.faults.retain(|fault| fault.loc.last() != Some(&shown));
            }
            Entry::Occupied(_) => drop(self.duplicate.get_or_insert_with(|| name.trim().chars().take(MAX_NAME).collect())),
        }
    }

    fn field(&mut self, name: &str, exact: u64, column: Column, value: Raw<'_>, loc: &[Loc]) {
        match column {
            Column::Feature(index, factor) => {
                let Some(number) = self.number(name, value, loc) else { return };
                if self.set_by[index] == exact {
                    self.draft.given &= !(1 << index);
                }
                if self.draft.given >> index & 1 == 0 {
                    self.set_by[index] = exact;
                }
                self.draft.set(index, number * factor);
            }
            _ if matches!(value.kind(), RawKind::List | RawKind::Object) => drop(self.number(name, value, loc)),
            _ => text(&mut self.draft, column, value),
        }
    }

    fn number(&mut self, name: &str, value: Raw<'_>, loc: &[Loc]) -> Option<f64> {
        let (number, kind, msg) = match value.scalar() {
            Some(Value::Number(number)) => (number.as_f64(), "float_type", "Input should be a valid number"),
            Some(Value::Bool(flag)) => (Some(f64::from(u8::from(flag))), "", ""),
            Some(Value::String(text)) => {
                (number_of_text(&text), "float_parsing", "Input should be a valid number, unable to parse string as a number")
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
fn text(draft: &mut Draft, column: Column, value: Raw<'_>) {
    match value.kind() {
        RawKind::Text => drop(value.text().map(|text| draft.identify(column, &text))),
        RawKind::Number | RawKind::Bool => draft.identify(column, value.json()),
        RawKind::Null | RawKind::List | RawKind::Object => {}
    }
}

fn hash(name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

/// An object, of which some fields are looked at.
fn object<'a>(body: Raw<'a>, names: &[&'static str]) -> Result<RawObject<'a>, BodyError> {
    faults::object_of(body.json().as_bytes(), names).map_err(BodyError::Faults)
}

fn key(name: &str) -> Loc {
    Loc::key(name)
}

/// A name that is no Unicode text.
fn no_text(error: &serde_json::Error) -> BodyError {
    BodyError::Faults(vec![json_invalid(error.column(), &error.to_string())])
}

fn fault(kind: &'static str, loc: Vec<Loc>, msg: &str, input: Raw<'_>) -> Fault {
    let input = input.shown();
    shown_fault(kind, loc, msg, if input.as_str() == Some(NOT_FINITE) { Value::Null } else { input })
}

fn shown_fault(kind: &'static str, loc: Vec<Loc>, msg: &str, input: Value) -> Fault {
    Fault::new(kind, loc, msg, input)
}

fn missing(name: &str, input: Value) -> BodyError {
    BodyError::Faults(vec![faults::missing(vec![key(name)], input)])
}
