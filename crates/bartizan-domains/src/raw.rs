//! JSON that is read field by field, without a tree of values: what a body costs follows from its length.
//!
//! A tree takes 32 bytes for a value that a body writes in two. Here the fields of an object are found in one pass that
//! keeps only where the named ones lie; each is then read by whoever knows what it must be.

use serde::Deserializer as _;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::ops::ControlFlow;

/// Bytes of a value that are worth repeating in an answer.
const MOST_SHOWN: usize = 4_096;
/// Characters of a longer text that are repeated.
const TEXT_SHOWN: usize = 1_024;

/// A JSON value that has not been read yet.
#[derive(Clone, Copy, Debug)]
pub struct Raw<'a>(&'a str);

/// What a value is, by its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RawKind {
    /// `{`
    Object,
    /// `[`
    List,
    /// `"`
    Text,
    /// A digit or `-`.
    Number,
    /// `true` or `false`.
    Bool,
    /// `null`.
    Null,
}

impl<'a> Raw<'a> {
    /// Checks that a whole body is one JSON value. Depth costs no stack.
    ///
    /// # Errors
    /// Where the body stops to be JSON.
    pub fn parse(body: &'a [u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice::<&RawValue>(body).map(Self::from)
    }

    /// Its JSON text, without blanks around it.
    #[must_use]
    pub fn json(self) -> &'a str {
        self.0
    }

    /// What it is.
    #[must_use]
    pub fn kind(self) -> RawKind {
        match self.0.as_bytes().first() {
            Some(b'{') => RawKind::Object,
            Some(b'[') => RawKind::List,
            Some(b'"') => RawKind::Text,
            Some(b't' | b'f') => RawKind::Bool,
            Some(b'n') | None => RawKind::Null,
            Some(_) => RawKind::Number,
        }
    }

    /// True for `null`.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.kind() == RawKind::Null
    }

    /// A text; `None` for any other value.
    #[must_use]
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self.0.as_bytes() {
            [b'"', inner @ .., b'"'] if !inner.contains(&b'\\') => self.0.get(1..self.0.len() - 1).map(Cow::Borrowed),
            [b'"', ..] => serde_json::from_str(self.0).ok().map(Cow::Owned),
            _ => None,
        }
    }

    /// Hands the elements of a list to `each` with their positions, one after the other, until it breaks off. Nothing is
    /// kept; what is no list has none.
    ///
    /// # Errors
    /// When it is no JSON, which a value that has been checked never is.
    pub fn elements<B>(self, each: impl FnMut(usize, Raw<'a>) -> ControlFlow<B>) -> Result<ControlFlow<B>, serde_json::Error> {
        if self.kind() != RawKind::List {
            return Ok(ControlFlow::Continue(()));
        }
        let mut broke = None;
        let read = serde_json::Deserializer::from_str(self.0).deserialize_seq(Elements { each, broke: &mut broke });
        broke.map_or_else(|| read.map(ControlFlow::Continue), |value| Ok(ControlFlow::Break(value)))
    }

    /// Hands the fields of an object to `each` with their names, one after the other, until it breaks off; a name that is there
    /// twice comes twice. What is no object has none.
    ///
    /// # Errors
    /// Where a name is no Unicode text: the only fault that a value that has been checked can still have.
    pub fn fields<B>(self, each: impl FnMut(Cow<'a, str>, Raw<'a>) -> ControlFlow<B>) -> Result<ControlFlow<B>, serde_json::Error> {
        if self.kind() != RawKind::Object {
            return Ok(ControlFlow::Continue(()));
        }
        let mut broke = None;
        let read = serde_json::Deserializer::from_str(self.0).deserialize_map(Members { each, broke: &mut broke });
        broke.map_or_else(|| read.map(ControlFlow::Continue), |value| Ok(ControlFlow::Break(value)))
    }

    /// The value, unless it is a list or an object.
    #[must_use]
    pub fn scalar(self) -> Option<Value> {
        match self.kind() {
            RawKind::Object | RawKind::List => None,
            _ => serde_json::from_str(self.0).ok(),
        }
    }

    /// What an answer repeats of it: all of a short value, the beginning of a long text, and null for a long list or object.
    #[must_use]
    pub fn shown(self) -> Value {
        if self.0.len() <= MOST_SHOWN {
            return serde_json::from_str(self.0).unwrap_or_default();
        }
        match self.kind() {
            RawKind::Text => self.text().map_or(Value::Null, |text| text.chars().take(TEXT_SHOWN).collect::<String>().into()),
            _ => Value::Null,
        }
    }
}

impl<'a> From<&'a RawValue> for Raw<'a> {
    fn from(raw: &'a RawValue) -> Self {
        Self(raw.get())
    }
}

/// An object of which some fields are looked at.
#[derive(Clone, Debug)]
pub struct RawObject<'a> {
    whole: Raw<'a>,
    fields: Vec<(&'static str, Raw<'a>)>,
}

impl<'a> RawObject<'a> {
    /// Finds the fields called `names`; a name that comes twice counts as it last came, and other names are passed over.
    /// `None` when the value is no object.
    #[must_use]
    pub fn read(whole: Raw<'a>, names: &[&'static str]) -> Option<Self> {
        if whole.kind() != RawKind::Object {
            return None;
        }
        let mut fields = Vec::with_capacity(names.len());
        let visitor = Found { names, fields: &mut fields };
        // The text has been checked to be JSON; a name that is no Unicode text is no name that is looked for.
        let mut reader = serde_json::Deserializer::from_str(whole.0);
        reader.deserialize_map(visitor).ok()?;
        Some(Self { whole, fields })
    }

    /// The object itself.
    #[must_use]
    pub fn whole(&self) -> Raw<'a> {
        self.whole
    }

    /// A field, if it is there.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Raw<'a>> {
        self.fields.iter().find(|(found, _)| *found == name).map(|(_, raw)| *raw)
    }

    /// A field, if it is there and not null.
    #[must_use]
    pub fn some(&self, name: &str) -> Option<Raw<'a>> {
        self.get(name).filter(|raw| !raw.is_null())
    }
}

/// Keeps where the named fields lie.
struct Found<'n, 'f, 'a> {
    names: &'n [&'static str],
    fields: &'f mut Vec<(&'static str, Raw<'a>)>,
}

impl<'de> Visitor<'de> for Found<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
            let Some(name) = self.names.iter().find(|known| **known == name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let raw = Raw::from(map.next_value::<&'de RawValue>()?);
            match self.fields.iter_mut().find(|(found, _)| found == name) {
                Some((_, field)) => *field = raw,
                None => self.fields.push((name, raw)),
            }
        }
        Ok(())
    }
}

/// Hands on the elements of a list.
struct Elements<'b, F, B> {
    each: F,
    /// What `each` broke off with.
    broke: &'b mut Option<B>,
}

impl<'de, B, F: FnMut(usize, Raw<'de>) -> ControlFlow<B>> Visitor<'de> for Elements<'_, F, B> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let mut position = 0;
        while let Some(raw) = list.next_element::<&'de RawValue>()? {
            if let ControlFlow::Break(value) = (self.each)(position, Raw::from(raw)) {
                *self.broke = Some(value);
                return Err(serde::de::Error::custom("broken off"));
            }
            position += 1;
        }
        Ok(())
    }
}

/// Hands on the fields of an object.
struct Members<'b, F, B> {
    each: F,
    /// What `each` broke off with.
    broke: &'b mut Option<B>,
}

impl<'de, B, F: FnMut(Cow<'de, str>, Raw<'de>) -> ControlFlow<B>> Visitor<'de> for Members<'_, F, B> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
            let raw = Raw::from(map.next_value::<&'de RawValue>()?);
            if let ControlFlow::Break(value) = (self.each)(name, raw) {
                *self.broke = Some(value);
                return Err(serde::de::Error::custom("broken off"));
            }
        }
        Ok(())
    }
}

/// A name, borrowed where it has no escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::{Raw, RawKind, RawObject};
    use serde_json::{Value, json};
    use std::ops::ControlFlow;

    #[test]
    fn elements_and_fields_come_one_by_one_until_it_is_enough() {
        let raw = |json: &'static str| Raw::parse(json.as_bytes()).unwrap();
        let mut met = Vec::new();
        let all = raw(r#"{"a": 1, "\u0062": [2], "a": null}"#).fields(|name, value| -> ControlFlow<()> {
            met.push(format!("{name}={}", value.json()));
            ControlFlow::Continue(())
        });
        assert!(all.unwrap().is_continue());
        assert_eq!(met, ["a=1", "b=[2]", "a=null"]);
        let list = raw(r#"[10, "x", {}]"#);
        let second = list.elements(|at, value| if at == 1 { ControlFlow::Break(value.json()) } else { ControlFlow::Continue(()) });
        assert_eq!(second.unwrap(), ControlFlow::Break("\"x\""));
        assert!(list.fields(|_, _| ControlFlow::Break(())).unwrap().is_continue(), "a list has no fields");
        assert!(raw("{}").elements(|_, _| ControlFlow::Break(())).unwrap().is_continue());
        assert!(raw(r#"{"\ud800": 1}"#).fields(|_, _| ControlFlow::Break(())).is_err(), "half a character is no name");
    }

    fn object<'a>(json: &'a str, names: &[&'static str]) -> RawObject<'a> {
        RawObject::read(Raw::parse(json.as_bytes()).unwrap(), names).unwrap()
    }

    #[test]
    fn named_fields_are_found_and_others_passed_over() {
        let read = object(r#" {"a": 1, "b\u0062": [2, {"a": 3}], "a": " \"x\" ", "n": null, "c": {}} "#, &["a", "bb", "n", "d"]);
        assert_eq!(read.get("a").unwrap().text().unwrap(), " \"x\" ");
        assert_eq!(read.get("bb").unwrap().json(), r#"[2, {"a": 3}]"#);
        assert!(read.get("n").unwrap().is_null() && read.some("n").is_none());
        assert!(read.get("c").is_none() && read.get("d").is_none());
        assert!(RawObject::read(Raw::parse(b"[1]").unwrap(), &["a"]).is_none());
    }

    #[test]
    fn kinds_and_scalars() {
        for (json, kind, scalar) in [
            ("{}", RawKind::Object, None),
            ("[1]", RawKind::List, None),
            (" \"a\\n\" ", RawKind::Text, Some(json!("a\n"))),
            ("-1.5", RawKind::Number, Some(json!(-1.5))),
            ("true", RawKind::Bool, Some(json!(true))),
            ("null", RawKind::Null, Some(Value::Null)),
        ] {
            let raw = Raw::parse(json.as_bytes()).unwrap();
            assert_eq!((raw.kind(), raw.scalar()), (kind, scalar), "{json}");
        }
        for broken in ["", "{", "1 2", "{\"a\":}", "nul", "\u{feff}1"] {
            assert!(Raw::parse(broken.as_bytes()).is_err(), "{broken}");
        }
    }

    #[test]
    fn what_is_shown_is_short() {
        let long = format!("[{}1]", "1,".repeat(3_000));
        assert_eq!(Raw::parse(long.as_bytes()).unwrap().shown(), Value::Null);
        let text = format!("\"{}\"", "ä".repeat(5_000));
        assert_eq!(Raw::parse(text.as_bytes()).unwrap().shown().as_str().map(|t| t.chars().count()), Some(1_024));
        assert_eq!(Raw::parse(b"{\"a\": [1]}").unwrap().shown(), json!({"a": [1]}));
        // Deeper than any reader of values goes; the check itself costs no stack.
        let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
        assert_eq!(Raw::parse(deep.as_bytes()).unwrap().shown(), Value::Null);
        let deep = format!("{}{}", "[".repeat(2_000), "]".repeat(2_000));
        assert_eq!(Raw::parse(deep.as_bytes()).unwrap().shown(), Value::Null);
    }
}
