//! Faults of what a client sent, as the 422 answer lists them.

use bartizan_domains::faults::{Fault, Loc, MAX_FAULTS};
use schemars::JsonSchema;
use serde_json::Value;

/// One fault.
#[derive(JsonSchema)]
#[schemars(rename = "Fault")]
#[expect(dead_code, reason = "describes the answer in the OpenAPI document")]
pub(crate) struct FaultSchema {
    /// Kind of fault, such as `missing` or `int_parsing`.
    #[schemars(rename = "type")]
    kind: String,
    /// Where: starts with `body`, `query` or `path`; positions are integers.
    loc: Vec<Value>,
    /// A sentence for a person.
    msg: String,
    /// What was sent, shortened.
    input: Value,
    /// The bound that was broken, where there is one.
    ctx: Option<Value>,
}

/// Adds a fault, unless there are enough of them.
pub(crate) fn note(faults: &mut Vec<Fault>, fault: Fault) {
    if faults.len() < MAX_FAULTS {
        faults.push(fault);
    }
}

/// Puts a location together.
pub(crate) fn at(base: &[Loc], step: &'static str) -> Vec<Loc> {
    base.iter().cloned().chain([step.into()]).collect()
}

/// Faults of a record that is the body.
pub(crate) fn in_body(faults: Vec<Fault>) -> Vec<Fault> {
    faults.into_iter().map(|fault| fault.within(["body".into()])).collect()
}

/// The body of a 422.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "describes the answer in the OpenAPI document")]
pub(crate) struct InvalidAnswer {
    /// All faults.
    detail: Vec<FaultSchema>,
}

/// The body of every other refusal.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "describes the answer in the OpenAPI document")]
pub(crate) struct RefusedAnswer {
    /// A sentence for a person.
    detail: String,
}
