//! The fields of a JSON object, read one by one; faults are collected.

use crate::input::fault::{at, note};
use bartizan_core::Timestamp;
use bartizan_domains::{
    faults::{Fault, Loc, MAX_FAULTS, missing},
    raw::{Raw, RawObject},
    scalar::{self, Bounds, Wrong},
};
use bartizan_pipeline::ParamValue;
use serde_json::Value;
use std::ops::{ControlFlow, RangeInclusive};

/// A JSON object being read.
pub(crate) struct Fields<'a> {
    object: RawObject<'a>,
    base: Vec<Loc>,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Fields<'a> {
    /// Starts at `["body"]`.
    pub(crate) fn of_body(object: RawObject<'a>, faults: &'a mut Vec<Fault>) -> Self {
        Self { object, base: vec!["body".into()], faults }
    }

    fn read<T>(&mut self, name: &'static str, raw: Raw<'_>, read: impl FnOnce(&Value) -> Result<T, Wrong>) -> Option<T> {
        // To those who read single values all lists and objects are alike.
        let value = raw.scalar().unwrap_or_else(|| Value::Array(Vec::new()));
        match read(&value) {
            Ok(read) => Some(read),
            Err(wrong) => {
                note(self.faults, scalar::fault(wrong, at(&self.base, name), raw.shown()));
                None
            }
        }
    }

    fn optional<T>(&mut self, name: &'static str, read: impl FnOnce(&Value) -> Result<T, Wrong>) -> Option<T> {
        let raw = self.object.some(name)?;
        self.read(name, raw, read)
    }

    fn required<T>(&mut self, name: &'static str, read: impl FnOnce(&Value) -> Result<T, Wrong>) -> Option<T> {
        match self.object.get(name) {
            None => {
                self.missing(name);
                None
            }
            Some(raw) => self.read(name, raw, read),
        }
    }

    fn missing(&mut self, name: &'static str) {
        note(self.faults, missing(at(&self.base, name), self.object.whole().shown()));
    }

    /// Adds a fault that the route itself found.
    pub(crate) fn fault(&mut self, fault: Fault) {
        note(self.faults, fault);
    }

    /// The first name of the object that is none of these, shortened.
    pub(crate) fn unknown(&self, known: &[&str]) -> Option<String> {
        const SHOWN: usize = 64;
        let mut unknown = None;
        // What is no JSON was refused before.
        let _ = self.object.whole().fields(|name, _| {
            if known.contains(&&*name) {
                return ControlFlow::Continue(());
            }
            unknown = Some(bartizan_core::head(&name, SHOWN).to_owned());
            ControlFlow::Break(())
        });
        unknown
    }

    /// Whether no more faults are taken.
    pub(crate) fn is_full(&self) -> bool {
        self.faults.len() >= MAX_FAULTS
    }

    /// A field as it came, if it is there and not null.
    pub(crate) fn raw(&self, name: &'static str) -> Option<Raw<'a>> {
        self.object.some(name)
    }

    pub(crate) fn string(&mut self, name: &'static str) -> Option<String> {
        self.required(name, scalar::string)
    }

    pub(crate) fn boolean(&mut self, name: &'static str) -> Option<bool> {
        self.required(name, scalar::boolean)
    }

    pub(crate) fn boolean_or(&mut self, name: &'static str, default: bool) -> bool {
        match self.object.get(name) {
            None => default,
            Some(_) => self.required(name, scalar::boolean).unwrap_or(default),
        }
    }

    pub(crate) fn string_if_any(&mut self, name: &'static str) -> Option<String> {
        self.optional(name, scalar::string)
    }

    pub(crate) fn float_if_any(&mut self, name: &'static str) -> Option<f64> {
        self.optional(name, scalar::float)
    }

    /// A time as text.
    pub(crate) fn time_if_any(&mut self, name: &'static str) -> Option<Timestamp> {
        self.optional(name, |value| scalar::string(value).and_then(|text| scalar::time_of_text(&text)))
    }

    /// A count within bounds.
    pub(crate) fn count_if_any(&mut self, name: &'static str, bounds: RangeInclusive<i64>) -> Option<u64> {
        let bounds = Bounds { ge: Some(*bounds.start()), le: Some(*bounds.end()) };
        self.optional(name, |value| scalar::int(value).and_then(|whole| bounds.check(whole))).map(i64::unsigned_abs)
    }

    /// A parameter of an algorithm: a number or a text.
    pub(crate) fn param_if_any(&mut self, name: &'static str) -> Option<ParamValue> {
        let raw = self.object.some(name)?;
        let param = match raw.scalar() {
            Some(Value::Number(number)) => number.as_f64().map(ParamValue::Number),
            Some(Value::String(text)) => Some(ParamValue::Text(text)),
            _ => None,
        };
        if param.is_none() {
            self.fault(Fault::new("value_error", at(&self.base, name), "Input should be a number or a string", raw.shown()));
        }
        param
    }

    /// Fields of a nested object; null is none.
    pub(crate) fn object_if_any<T>(
        &mut self,
        name: &'static str,
        names: &[&'static str],
        read: impl FnOnce(&mut Fields<'_>) -> T,
    ) -> Option<T> {
        let raw = self.object.some(name)?;
        let Some(object) = RawObject::read(raw, names) else {
            self.fault(Fault::new("dict_type", at(&self.base, name), "Input should be a valid dictionary", raw.shown()));
            return None;
        };
        Some(read(&mut Fields { object, base: at(&self.base, name), faults: self.faults }))
    }
}
