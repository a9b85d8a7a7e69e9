//! `/analyze` bodies in files, and arrays of JSON in general.

use super::{Counted, ReadError, Record, Rejected, label_from_name};
use crate::faults::{Fault, Loc};
use crate::requests::body::parse_event;
use bartizan_core::{Label, Timestamp};
use serde::Deserialize;
use serde::de::{DeserializeSeed, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;
use std::io::BufRead;
use std::ops::ControlFlow;

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
fn describe(faults: &[Fault]) -> String {
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

type Parse = fn(&str, u64, Timestamp) -> Result<Record, String>;

/// Reads an array element by element, never holding more than one.
pub(super) fn array(reader: Box<dyn BufRead + '_>, counted: &mut Counted<'_>, parse: Parse) -> Result<(), ReadError> {
    let mut elements = Elements { counted, parse, position: 0, stopped: false };
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let result = (&mut elements).deserialize(&mut deserializer);
    let (position, stopped) = (elements.position, elements.stopped);
    match result {
        Err(_) if stopped => Ok(()),
        Err(error) if error.is_io() => Err(ReadError::Io { line: position, source: error.into() }),
        Err(error) => {
            // The array is broken here; what came before stands.
            let _ = counted.pass(Err(Rejected { line: position + 1, reason: format!("the array breaks off: {error}") }));
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

struct Elements<'a, 'b> {
    counted: &'a mut Counted<'b>,
    parse: Parse,
    position: u64,
    stopped: bool,
}

impl<'de> DeserializeSeed<'de> for &mut Elements<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for &mut Elements<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of requests")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<(), A::Error> {
        while let Some(raw) = sequence.next_element::<Box<RawValue>>()? {
            self.position += 1;
            let line = self.position;
            let parsed = (self.parse)(raw.get(), line, self.counted.now).map_err(|reason| Rejected { line, reason });
            if let ControlFlow::Break(()) = self.counted.pass(parsed) {
                self.stopped = true;
                return Err(serde::de::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}
