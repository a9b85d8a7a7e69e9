//! The fields of a JSON object, read one by one; faults are collected.

use crate::input::{
    fault::{Fault, at},
    scalar::{self, Bounds, Wrong},
};
use bartizan_pipeline::ParamValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A JSON object being read.
pub(crate) struct Fields<'a> {
    map: &'a Map<String, Value>,
    base: Vec<Value>,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Fields<'a> {
    /// Starts at `["body"]`.
    pub(crate) fn of_body(map: &'a Map<String, Value>, faults: &'a mut Vec<Fault>) -> Self {
        Self { map, base: vec!["body".into()], faults }
    }

    fn optional<T>(&mut self, name: &str, read: impl FnOnce(&Value) -> Result<T, Wrong>) -> Option<T> {
        let value = self.map.get(name).filter(|value| !value.is_null())?;
        match read(value) {
            Ok(read) => Some(read),
            Err(wrong) => {
                self.faults.push(scalar::fault(wrong, at(&self.base, name), value.clone()));
                None
            }
        }
    }

    fn required<T>(&mut self, name: &str, read: impl FnOnce(&Value) -> Result<T, Wrong>) -> Option<T> {
        match self.map.get(name) {
            None => {
                self.faults.push(Fault::missing(at(&self.base, name), Value::Object(self.map.clone())));
                None
            }
            Some(value) => read(value).map_err(|wrong| self.faults.push(scalar::fault(wrong, at(&self.base, name), value.clone()))).ok(),
        }
    }

    /// Adds a fault that the route itself found.
    pub(crate) fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    pub(crate) fn string(&mut self, name: &str) -> Option<String> {
        self.required(name, scalar::string)
    }

    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        self.required(name, scalar::boolean)
    }

    pub(crate) fn boolean_or(&mut self, name: &str, default: bool) -> bool {
        match self.map.get(name) {
            None => default,
            Some(_) => self.required(name, scalar::boolean).unwrap_or(default),
        }
    }

    pub(crate) fn string_if_any(&mut self, name: &str) -> Option<String> {
        self.optional(name, scalar::string)
    }

    pub(crate) fn float_if_any(&mut self, name: &str) -> Option<f64> {
        self.optional(name, scalar::float)
    }

    /// A count of at least `least`.
    pub(crate) fn count_if_any(&mut self, name: &str, least: i64) -> Option<u64> {
        let bounds = Bounds { ge: Some(least), le: None };
        self.optional(name, |value| scalar::int(value).and_then(|whole| bounds.check(whole))).map(i64::unsigned_abs)
    }

    /// Every number and text under a name that is not among `read`; null is none.
    pub(crate) fn others(&mut self, read: &[&str], into: &mut BTreeMap<String, ParamValue>) {
        for (name, value) in self.map.iter().filter(|(name, value)| !read.contains(&name.as_str()) && !value.is_null()) {
            let number = value.as_f64().map(ParamValue::Number);
            match number.or_else(|| value.as_str().map(ParamValue::from)) {
                Some(value) => drop(into.insert(name.clone(), value)),
                None => {
                    let text = "Input should be a number or a string";
                    self.faults.push(Fault::new("value_error", at(&self.base, name.as_str()), text, value.clone()));
                }
            }
        }
    }

    /// A nested object; null is none.
    pub(crate) fn object_if_any<T>(&mut self, name: &str, read: impl FnOnce(&mut Fields<'_>) -> T) -> Option<T> {
        match self.map.get(name)? {
            Value::Null => None,
            Value::Object(map) => Some(read(&mut Fields { map, base: at(&self.base, name), faults: self.faults })),
            other => {
                let fault = Fault::new("dict_type", at(&self.base, name), "Input should be a valid dictionary", other.clone());
                self.faults.push(fault);
                None
            }
        }
    }
}
