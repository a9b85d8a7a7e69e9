//! One fault of what a client sent, as the 422 answer lists it.

use bartizan_domains::faults::Loc;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;

/// One fault.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "Fault")]
pub(crate) struct Fault {
    /// Kind of fault, such as `missing` or `int_parsing`.
    #[serde(rename = "type")]
    pub(crate) kind: Cow<'static, str>,
    /// Where: starts with `body`, `query` or `path`; positions are integers.
    pub(crate) loc: Vec<Value>,
    /// A sentence for a person.
    pub(crate) msg: Cow<'static, str>,
    /// What was sent.
    pub(crate) input: Value,
    /// The bound that was broken, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ctx: Option<Value>,
}

impl Fault {
    pub(crate) fn new(kind: &'static str, loc: Vec<Value>, msg: impl Into<Cow<'static, str>>, input: Value) -> Self {
        Self { kind: kind.into(), loc, msg: msg.into(), input, ctx: None }
    }

    pub(crate) fn missing(loc: Vec<Value>, input: Value) -> Self {
        Self::new("missing", loc, "Field required", input)
    }

    /// A value that is of the right type and wrong all the same.
    pub(crate) fn value_error(loc: &[&str], text: &str) -> Self {
        let loc = loc.iter().map(|step| Value::from(*step)).collect();
        Self { ctx: Some(json!({"error": text})), ..Self::new("value_error", loc, format!("Value error, {text}"), Value::Null) }
    }

    /// Bytes that are no JSON, at `offset`.
    pub(crate) fn json_invalid(offset: usize, error: &str) -> Self {
        let loc = vec!["body".into(), offset.into()];
        Self { ctx: Some(json!({"error": error})), ..Self::new("json_invalid", loc, "JSON decode error", json!({})) }
    }
}

/// Bytes of an input that are worth repeating.
const LONGEST_INPUT: usize = 4096;

impl Fault {
    /// Leaves out what is too large to be sent back: a text is cut, a list or an object becomes null.
    pub(crate) fn shortened(mut self) -> Self {
        let mut left = LONGEST_INPUT;
        if !fits(&self.input, &mut left) {
            self.input = match self.input {
                Value::String(text) => text.chars().take(LONGEST_INPUT / 4).collect::<String>().into(),
                _ => Value::Null,
            };
        }
        self
    }
}

/// Whether a value is written in about `left` bytes; stops counting when it is not.
fn fits(value: &Value, left: &mut usize) -> bool {
    let own = match value {
        Value::String(text) => text.len(),
        _ => 1,
    };
    let Some(rest) = left.checked_sub(own) else { return false };
    *left = rest;
    match value {
        Value::Array(values) => values.iter().all(|value| fits(value, left)),
        Value::Object(map) => map.iter().all(|(key, value)| {
            *left = left.saturating_sub(key.len());
            fits(value, left)
        }),
        _ => true,
    }
}

/// Puts a location together.
pub(crate) fn at(base: &[Value], step: impl Into<Value>) -> Vec<Value> {
    base.iter().cloned().chain([step.into()]).collect()
}

/// The body of a 422.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "describes the answer in the OpenAPI document")]
pub(crate) struct InvalidAnswer {
    /// All faults.
    detail: Vec<Fault>,
}

/// The body of every other refusal.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "describes the answer in the OpenAPI document")]
pub(crate) struct RefusedAnswer {
    /// A sentence for a person.
    detail: String,
}

impl From<bartizan_domains::faults::Fault> for Fault {
    /// A domain's fault begins at its record; here that is the body.
    fn from(fault: bartizan_domains::faults::Fault) -> Self {
        let step = |loc| match loc {
            Loc::Key(name) => Value::from(name),
            Loc::Index(i) => Value::from(i),
        };
        let loc = std::iter::once(Value::from("body")).chain(fault.loc.into_iter().map(step)).collect();
        Self { ctx: fault.ctx, ..Self::new(fault.kind, loc, fault.msg, fault.input) }
    }
}

#[cfg(test)]
mod tests {
    use super::Fault;
    use serde_json::{Value, json};

    #[test]
    fn large_inputs_are_not_sent_back() {
        let of = |input: Value| Fault::missing(Vec::new(), input).shortened().input;
        assert_eq!(of(json!({"a": [1, "two"]})), json!({"a": [1, "two"]}));
        assert_eq!(of(json!("x".repeat(10_000))), json!("x".repeat(1024)));
        assert_eq!(of(json!({"a": ["x".repeat(3000), "x".repeat(3000)]})), Value::Null);
        assert_eq!(of(json!(vec![1; 5000])), Value::Null);
    }
}
