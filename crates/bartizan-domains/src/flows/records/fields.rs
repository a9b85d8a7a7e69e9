//! Fields of JSON logs by their names, whether flat, with dots, without them, or nested; and the field that somebody says holds labels.

use crate::records::lacking;
use bartizan_core::ParseError;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Names of the first record that are kept to be listed, and the most characters of each.
const MAX_NAMES: usize = 100;
const MAX_NAME: usize = 64;

/// The value of a field: `id.orig_h` is also found as `id_orig_h`, and as `orig_h` in an object `id`.
pub(super) fn value<'v>(object: &'v Map<String, Value>, name: &str) -> Option<&'v Value> {
    let Some((outer, inner)) = name.split_once('.') else { return object.get(name) };
    let nested = || object.get(outer).and_then(Value::as_object).and_then(|object| value(object, inner));
    object.get(name).or_else(|| object.get(&name.replace('.', "_"))).or_else(nested)
}

/// The value of a field as a text, unless it is null, a list or an object.
pub(super) fn text<'v>(object: &'v Map<String, Value>, name: &str) -> Option<Cow<'v, str>> {
    match value(object, name)? {
        Value::String(text) => Some(Cow::Borrowed(text.as_str())),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(is) => Some(Cow::Borrowed(if *is { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The field that somebody says holds the labels of a log.
pub(super) struct Named<'n> {
    name: &'n str,
    /// A record had it.
    met: bool,
    /// What the first record has.
    first: Option<Vec<String>>,
}

impl<'n> Named<'n> {
    pub(super) fn new(label_column: Option<&'n str>) -> Option<Self> {
        label_column.map(|name| Self { name: name.trim(), met: false, first: None })
    }

    /// What an object has in the field.
    pub(super) fn of_object<'v>(&mut self, object: &'v Map<String, Value>) -> Option<Cow<'v, str>> {
        if self.first.is_none() {
            let mut names = Vec::new();
            list(object, "", &mut names);
            self.first = Some(names);
        }
        self.met |= value(object, self.name).is_some();
        text(object, self.name)
    }

    /// Where the field is in a row below a header. The first header that lacks it is an error.
    pub(super) fn of_header(&mut self, fields: &[String]) -> Result<Option<usize>, ParseError> {
        let at = fields.iter().position(|field| field == self.name);
        self.met |= at.is_some();
        if at.is_none() && self.first.is_none() {
            return Err(lacking(self.name, fields.iter().map(String::as_bytes).collect()));
        }
        self.first.get_or_insert_with(|| fields.iter().take(MAX_NAMES).cloned().collect());
        Ok(at)
    }

    /// Fails if there were records and none had the field.
    pub(super) fn finish(self) -> Result<(), ParseError> {
        match self.first {
            Some(first) if !self.met => Err(lacking(self.name, first.iter().map(String::as_bytes).collect())),
            _ => Ok(()),
        }
    }
}

/// The names of an object's fields, and those of the objects in it after a dot.
fn list(object: &Map<String, Value>, within: &str, names: &mut Vec<String>) {
    for (name, value) in object {
        if names.len() >= MAX_NAMES {
            return;
        }
        let name: String = format!("{within}{name}").chars().take(MAX_NAME).collect();
        match value {
            Value::Object(inner) if within.is_empty() => list(inner, &format!("{name}."), names),
            _ => names.push(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Named, text};
    use serde_json::json;

    #[test]
    fn fields_are_found_flat_dotted_and_nested() {
        for object in [json!({"id.h": "a"}), json!({"id_h": "a"}), json!({"id": {"h": "a"}})] {
            assert_eq!(text(object.as_object().unwrap(), "id.h").as_deref(), Some("a"), "{object}");
        }
        for object in [json!({}), json!({"id": 1}), json!({"id": {"h": null}}), json!({"id.h": [1]}), json!({"h": 1})] {
            assert_eq!(text(object.as_object().unwrap(), "id.h"), None, "{object}");
        }
    }

    #[test]
    fn a_named_field_is_found_or_what_is_there_is_said() {
        let object = json!({"a": 1, "flow": {"state": "new"}});
        let object = object.as_object().unwrap();
        let mut named = Named::new(Some(" flow.state ")).unwrap();
        assert_eq!(named.of_object(object).as_deref(), Some("new"));
        assert!(named.finish().is_ok());
        let mut named = Named::new(Some("flow")).unwrap();
        assert_eq!(named.of_object(object), None);
        assert!(named.finish().is_ok(), "it is there, though nothing can be read from it");
        let mut named = Named::new(Some("x")).unwrap();
        assert_eq!(named.of_object(object), None);
        let error = named.finish().unwrap_err().to_string();
        assert_eq!(error, "there is no column or field \"x\" to read labels from; there are a, flow.state");
        assert!(Named::new(Some("x")).unwrap().finish().is_ok(), "a file without records says so itself");
    }
}
