//! Well-formed bodies, straight from their bytes. `None` when something needs a closer look: the slow way then says what.

use super::super::event::Draft;
use super::super::names::{self, Column};
use super::{MAX_FLOWS, NOT_FINITE};
use crate::flows::FlowEvent;
use crate::records::Record;
use bartizan_core::Timestamp;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Names of no known column in one flow that are still looked at here.
const MAX_UNKNOWN: usize = 64;

pub(super) fn data(bytes: &[u8], now: Timestamp) -> Option<FlowEvent> {
    let mut flow = Reading::new(now);
    from_slice(bytes, Field { name: "data", content: FlowSeed { flow: &mut flow, may_be_empty: false } })?;
    Some(flow.finish(1).event)
}

pub(super) fn batch(bytes: &[u8], now: Timestamp) -> Option<Vec<Record<FlowEvent>>> {
    from_slice(bytes, Field { name: "flows", content: Flows { flow: &mut Reading::new(now) } })
}

pub(super) fn record(bytes: &[u8], line: u64, now: Timestamp) -> Option<Record<FlowEvent>> {
    let mut flow = Reading::new(now);
    from_slice(bytes, FlowSeed { flow: &mut flow, may_be_empty: false })?;
    // Without a single feature the flow may lie deeper.
    (flow.draft.given != 0).then(|| flow.finish(line))
}

fn from_slice<'de, S: DeserializeSeed<'de>>(bytes: &'de [u8], seed: S) -> Option<S::Value> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = seed.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    Some(value)
}

/// A flow while it is read.
struct Reading {
    draft: Draft,
    now: Timestamp,
    /// Hashes of the names in this flow that are of no known column, to find one that comes twice.
    unknown: Vec<u64>,
    /// A bit for each known column that is no feature.
    others: u8,
}

impl Reading {
    fn new(now: Timestamp) -> Self {
        Self { draft: Draft::new(), now, unknown: Vec::new(), others: 0 }
    }

    /// Notes a column; false when it was there before, perhaps under another name.
    fn is_new(&mut self, name: &Name) -> bool {
        let bit = match name {
            Name::Known(Column::Feature(index, _)) => return self.draft.given >> index & 1 == 0,
            Name::Known(column) => 1 << column.ordinal(),
            Name::Unknown(hash) => {
                let new = !self.unknown.contains(hash) && self.unknown.len() < MAX_UNKNOWN;
                self.unknown.push(*hash);
                return new;
            }
        };
        let new = self.others & bit == 0;
        self.others |= bit;
        new
    }

    fn finish(&mut self, line: u64) -> Record<FlowEvent> {
        let (event, label, label_name) = self.draft.finish(self.now);
        self.draft.clear();
        self.unknown.clear();
        self.others = 0;
        Record { event, label, label_name, line }
    }
}

/// An object of which one field is read and the others are passed over.
struct Field<S> {
    name: &'static str,
    content: S,
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Field<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<S::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, S: DeserializeSeed<'de>> Visitor<'de> for Field<S> {
    type Value = S::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<S::Value, A::Error> {
        let (mut content, mut value) = (Some(self.content), None);
        while let Some(wanted) = map.next_key_seed(Is(self.name))? {
            if wanted {
                let seed = content.take().ok_or_else(|| A::Error::custom("twice"))?;
                value = Some(map.next_value_seed(seed)?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        value.ok_or_else(|| A::Error::missing_field(self.name))
    }
}

/// Whether a key is this one.
struct Is(&'static str);

impl<'de> DeserializeSeed<'de> for Is {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Is {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

/// A list of flows.
struct Flows<'a> {
    flow: &'a mut Reading,
}

impl<'de> DeserializeSeed<'de> for Flows<'_> {
    type Value = Vec<Record<FlowEvent>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Flows<'_> {
    type Value = Vec<Record<FlowEvent>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of flows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut flows = Vec::new();
        while list.next_element_seed(FlowSeed { flow: self.flow, may_be_empty: true })?.is_some() {
            flows.push(self.flow.finish(flows.len() as u64 + 1));
            if flows.len() > MAX_FLOWS {
                return Err(A::Error::custom("too many"));
            }
        }
        if flows.is_empty() { Err(A::Error::custom("no flows")) } else { Ok(flows) }
    }
}

/// One flow: an object of names and numbers.
struct FlowSeed<'a> {
    flow: &'a mut Reading,
    may_be_empty: bool,
}

impl<'de> DeserializeSeed<'de> for FlowSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FlowSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of names and numbers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut empty = true;
        while let Some(name) = map.next_key_seed(NameSeed)? {
            empty = false;
            if !self.flow.is_new(&name) {
                return Err(A::Error::custom("twice"));
            }
            match name {
                Name::Known(Column::Feature(index, factor)) => {
                    let number = map.next_value_seed(Number)?;
                    self.flow.draft.set(index, number * factor);
                }
                Name::Known(column) => map.next_value_seed(Text { column, draft: &mut self.flow.draft })?,
                Name::Unknown(_) => {
                    map.next_value_seed(Number)?;
                }
            }
        }
        if empty && !self.may_be_empty { Err(A::Error::custom("empty")) } else { Ok(()) }
    }
}

/// What a key means.
enum Name {
    Known(Column),
    Unknown(u64),
}

struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Name, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
        Ok(names::column(name.as_bytes()).map_or_else(|| Name::Unknown(names::hash(name.trim().as_bytes())), Name::Known))
    }
}

/// A number, or a text that is one.
struct Number;

impl<'de> DeserializeSeed<'de> for Number {
    type Value = f64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<f64, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Number {
    type Value = f64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<f64, E> {
        Ok(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<f64, E> {
        Ok(number as f64)
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<f64, E> {
        Ok(f64::from(u8::from(flag)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<f64, E> {
        number_of_text(text).ok_or_else(|| E::custom("not a number"))
    }
}

/// A number written as a text.
pub(super) fn number_of_text(text: &str) -> Option<f64> {
    if text == NOT_FINITE { Some(f64::NAN) } else { text.trim().parse().ok() }
}

/// The value of an identifying column: a text, a number, or nothing.
struct Text<'a> {
    column: Column,
    draft: &'a mut Draft,
}

impl<'de> DeserializeSeed<'de> for Text<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Text<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.draft.identify(self.column, text);
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.visit_str(&number.to_string())
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<(), E> {
        self.visit_str(if flag { "true" } else { "false" })
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}
