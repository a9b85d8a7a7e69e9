//! What is wrong with a record: every fault with its place, not only the first.

use serde_json::{Value, json};

/// Most faults that one answer lists: what is wrong is clear by then, and an answer must not outgrow what was sent.
pub const MAX_FAULTS: usize = 100;

/// A step on the way to a faulty value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loc {
    /// A field.
    Key(String),
    /// A position in a list, or an offset in the text.
    Index(usize),
}

/// One fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Its type, such as `missing` or `string_type`.
    pub kind: &'static str,
    /// Where, from the record inwards.
    pub loc: Vec<Loc>,
    /// What was expected.
    pub msg: String,
    /// What stood there.
    pub input: Value,
    /// Particulars, for types that have some.
    pub ctx: Option<Value>,
}

/// Reads the fields of an object and collects their faults.
pub struct Fields<'a> {
    object: &'a serde_json::Map<String, Value>,
    faults: Vec<Fault>,
}

impl<'a> Fields<'a> {
    /// Over the fields of one object.
    #[must_use]
    pub fn new(object: &'a serde_json::Map<String, Value>) -> Self {
        Self { object, faults: Vec::new() }
    }

    /// The faults met so far.
    #[must_use]
    pub fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    /// Notes a fault.
    pub fn fault(&mut self, kind: &'static str, loc: &[&str], msg: &str, input: &Value) {
        let loc = loc.iter().map(|key| Loc::Key((*key).to_owned())).collect();
        self.faults.push(Fault { kind, loc, msg: msg.to_owned(), input: input.clone(), ctx: None });
    }

    /// A field as it came; a fault when it is not there.
    pub fn required(&mut self, name: &str) -> Option<&'a Value> {
        let found = self.object.get(name);
        if found.is_none() {
            self.fault("missing", &[name], "Field required", &Value::Object(self.object.clone()));
        }
        found
    }

    /// A field as it came, if it is there.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name)
    }

    /// A required text.
    pub fn string(&mut self, name: &str) -> Option<String> {
        match self.required(name)? {
            Value::String(text) => Some(text.clone()),
            other => {
                self.fault("string_type", &[name], "Input should be a valid string", other);
                None
            }
        }
    }
}

/// The text is no JSON; `offset` is where reading stopped.
#[must_use]
pub fn json_invalid(offset: usize, error: &str) -> Fault {
    Fault {
        kind: "json_invalid",
        loc: vec![Loc::Index(offset)],
        msg: "JSON decode error".to_owned(),
        input: json!({}),
        ctx: Some(json!({ "error": error })),
    }
}
