//! One fault of what a client sent, as the 422 answer lists it.

use bartizan_domains::faults::{Loc, MAX_FAULTS};
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
    /// What was sent, shortened.
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
}

/// Adds a fault, unless there are enough of them.
pub(crate) fn note(faults: &mut Vec<Fault>, fault: Fault) {
    if faults.len() < MAX_FAULTS {
        faults.push(fault);
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
