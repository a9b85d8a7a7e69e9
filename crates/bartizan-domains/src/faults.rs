//! What is wrong with what was sent: every fault with its place, not only the first.

use crate::raw::{Raw, RawKind, RawObject};
use serde::Serialize;
use serde_json::error::Category;
use serde_json::{Value, json};
use std::ops::ControlFlow;

/// Most faults that one answer lists: what is wrong is clear by then, and an answer must not outgrow what was sent.
pub const MAX_FAULTS: usize = 100;
/// Most characters that the place of a fault repeats of a name.
pub const MAX_NAME: usize = 256;
/// Bytes of a text that a fault repeats whole; of a longer one it repeats [`TEXT_SHOWN`] characters.
const MOST_SHOWN: usize = 4_096;
const TEXT_SHOWN: usize = 1_024;

/// A step on the way to a faulty value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Loc {
    /// A field.
    Key(String),
    /// A position in a list, or an offset in the text.
    Index(usize),
}

impl Loc {
    /// A field whose name a client chose: a long one is cut.
    #[must_use]
    pub fn key(name: &str) -> Self {
        Self::Key(name.chars().take(MAX_NAME).collect())
    }
}

impl From<&'static str> for Loc {
    /// A field of ours.
    fn from(name: &'static str) -> Self {
        Self::Key(name.to_owned())
    }
}

impl From<usize> for Loc {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// One fault, which serialises as answers list it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Fault {
    /// Its type, such as `missing` or `string_type`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Where, inwards from the record, or from the part of the request once it is known.
    pub loc: Vec<Loc>,
    /// What was expected.
    pub msg: String,
    /// What stood there, shortened as [`Raw::shown`] does.
    pub input: Value,
    /// Particulars, for types that have some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ctx: Option<Value>,
}

impl Fault {
    /// Without particulars.
    #[must_use]
    pub fn new(kind: &'static str, loc: Vec<Loc>, msg: impl Into<String>, input: Value) -> Self {
        Self { kind, loc, msg: msg.into(), input, ctx: None }
    }

    /// A value that is of the right type and wrong all the same.
    #[must_use]
    pub fn value_error(loc: Vec<Loc>, text: &str) -> Self {
        Self { ctx: Some(json!({ "error": text })), ..Self::new("value_error", loc, format!("Value error, {text}"), Value::Null) }
    }

    /// The same, seen from further out: `steps` lead to where its place began.
    #[must_use]
    pub fn within(mut self, steps: impl IntoIterator<Item = Loc>) -> Self {
        self.loc.splice(0..0, steps);
        self
    }
}

/// What a fault repeats of a text: a long one is cut.
#[must_use]
pub fn shown_text(text: &str) -> Value {
    if text.len() <= MOST_SHOWN { text.into() } else { text.chars().take(TEXT_SHOWN).collect::<String>().into() }
}

/// Reads the fields of an object and collects their faults, the first [`MAX_FAULTS`] of them.
pub struct Fields<'a> {
    object: RawObject<'a>,
    faults: Vec<Fault>,
}

impl<'a> Fields<'a> {
    /// Over the fields of one object.
    #[must_use]
    pub fn new(object: RawObject<'a>) -> Self {
        Self { object, faults: Vec::new() }
    }

    /// The faults met so far.
    #[must_use]
    pub fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    /// Whether no more faults are taken.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.faults.len() >= MAX_FAULTS
    }

    /// Notes a fault.
    pub fn fault(&mut self, kind: &'static str, loc: &[&str], msg: &str, input: Raw<'_>) {
        if !self.is_full() {
            let loc = loc.iter().map(|name| Loc::key(name)).collect();
            self.faults.push(Fault::new(kind, loc, msg, input.shown()));
        }
    }

    /// A field as it came; a fault when it is not there.
    pub fn required(&mut self, name: &str) -> Option<Raw<'a>> {
        let found = self.object.get(name);
        if found.is_none() {
            self.fault("missing", &[name], "Field required", self.object.whole());
        }
        found
    }

    /// A field as it came, if it is there and not null.
    #[must_use]
    pub fn some(&self, name: &str) -> Option<Raw<'a>> {
        self.object.some(name)
    }

    /// A required text.
    pub fn string(&mut self, name: &str) -> Option<String> {
        let raw = self.required(name)?;
        let text = raw.text();
        if text.is_none() {
            self.fault("string_type", &[name], "Input should be a valid string", raw);
        }
        text.map(Into::into)
    }
}

/// Finds the fields called `names` of a body that must be an object; other fields are passed over.
///
/// # Errors
/// What is wrong with the body as a whole: there is none, it is no JSON or no object.
pub fn object_of<'a>(body: &'a [u8], names: &[&'static str]) -> Result<RawObject<'a>, Vec<Fault>> {
    if body.trim_ascii().is_empty() {
        return Err(vec![missing(Vec::new(), Value::Null)]);
    }
    let whole = Raw::parse(body).map_err(|error| vec![not_json(body, &error)])?;
    match whole.kind() {
        RawKind::Object => RawObject::read(whole, names).ok_or_else(|| vec![bad_name(body, whole)]),
        RawKind::Null => Err(vec![missing(Vec::new(), Value::Null)]),
        _ => Err(vec![not_an_object(whole)]),
    }
}

/// A field is not there.
#[must_use]
pub fn missing(loc: Vec<Loc>, input: Value) -> Fault {
    Fault::new("missing", loc, "Field required", input)
}

/// What must be an object is none.
#[must_use]
pub fn not_an_object(input: Raw<'_>) -> Fault {
    let msg = "Input should be a valid dictionary or object to extract fields from";
    Fault::new("model_attributes_type", Vec::new(), msg, input.shown())
}

/// Where a text stops to be JSON.
#[must_use]
pub fn not_json(text: &[u8], error: &serde_json::Error) -> Fault {
    let said = match error.classify() {
        Category::Eof => "Unexpected end of the body".to_owned(),
        _ => error.to_string(),
    };
    json_invalid(offset_of(text, error), &said)
}

/// A name in an object is no Unicode text, which only its readers find out.
fn bad_name(body: &[u8], whole: Raw<'_>) -> Fault {
    let before = whole.json().as_ptr().addr().saturating_sub(body.as_ptr().addr());
    match whole.fields(|_, _| ControlFlow::<()>::Continue(())) {
        Err(error) => json_invalid(before + offset_of(whole.json().as_bytes(), &error), &error.to_string()),
        Ok(_) => json_invalid(before, "a name is no Unicode text"),
    }
}

/// The byte at which reading stopped.
fn offset_of(text: &[u8], error: &serde_json::Error) -> usize {
    let before: usize = text.split_inclusive(|b| *b == b'\n').take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
    (before + error.column().saturating_sub(1)).min(text.len())
}

/// The text is no JSON; `offset` is where reading stopped.
#[must_use]
pub fn json_invalid(offset: usize, error: &str) -> Fault {
    let ctx = Some(json!({ "error": error }));
    Fault { ctx, ..Fault::new("json_invalid", vec![Loc::Index(offset)], "JSON decode error", json!({})) }
}

#[cfg(test)]
mod tests {
    use super::{Fault, Fields, Loc, MAX_FAULTS, MAX_NAME, json_invalid, missing, object_of, shown_text};
    use serde_json::{Value, json};

    #[test]
    fn bodies_that_are_no_object_say_so() {
        let deep = "[".repeat(10_000);
        for (body, kind, loc) in [
            ("", "missing", None),
            (" \n", "missing", None),
            (" null ", "missing", None),
            ("[1]", "model_attributes_type", None),
            ("7", "model_attributes_type", None),
            ("{\"a\":", "json_invalid", Some(4)),
            ("{\n \"a\": nope}", "json_invalid", Some(9)),
            (" {\"\\ud800\": 1}", "json_invalid", Some(9)),
            (&deep, "json_invalid", Some(9_999)),
        ] {
            let fault = object_of(body.as_bytes(), &["a"]).unwrap_err().remove(0);
            assert_eq!((fault.kind, fault.loc), (kind, loc.map(Loc::Index).into_iter().collect::<Vec<_>>()), "{body:.20}");
        }
    }

    #[test]
    fn faults_cost_little_of_a_large_object() {
        let body = format!("{{\"x\": [{}0]}}", "0,".repeat(2 << 20));
        let mut fields = Fields::new(object_of(body.as_bytes(), &["a", "x"]).unwrap());
        let whole = fields.required("x").unwrap();
        let name = "n".repeat(10_000);
        for _ in 0..10_000 {
            assert!(fields.string("a").is_none() && fields.string("x").is_none());
            fields.fault("string_type", &["x", &name], "", whole);
        }
        let faults = fields.into_faults();
        assert_eq!(faults.len(), MAX_FAULTS);
        assert!(faults.iter().all(|fault| fault.input == Value::Null));
        assert_eq!(faults[2].loc[1], Loc::Key("n".repeat(MAX_NAME)));
    }

    #[test]
    fn faults_serialise_as_answers_list_them() {
        let written = |fault: &Fault| serde_json::to_string(fault).unwrap();
        let of_field = missing(vec![Loc::key("a"), Loc::Index(3)], json!({})).within(["body".into()]);
        assert_eq!(written(&of_field), r#"{"type":"missing","loc":["body","a",3],"msg":"Field required","input":{}}"#);
        let of_text = json_invalid(7, "no").within(["body".into()]);
        let expected = r#"{"type":"json_invalid","loc":["body",7],"msg":"JSON decode error","input":{},"ctx":{"error":"no"}}"#;
        assert_eq!(written(&of_text), expected);
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(shown_text("short"), json!("short"));
        assert_eq!(shown_text(&"ä".repeat(10_000)), json!("ä".repeat(1_024)));
    }
}
