//! A walk through a JSON text without building it: sizes, depth, keys and the texts in it. Every byte is looked at a fixed number
//! of times, whatever the text is, and a key is hashed once for all values under it.

use super::hash_on;
use bartizan_core::head;
use std::borrow::Cow;

/// Most bytes of a key that tell it from others.
const MAX_KEY: usize = 1_024;

/// A text or number found in a payload, with the name of the field that it stands under.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaf<'l> {
    pub(crate) key: &'l str,
    /// What tells the field from those of other names and routes.
    pub(crate) field: u64,
    pub(crate) text: &'l str,
    /// Whether it goes on where the payload was cut.
    pub(crate) open: bool,
}

/// Sizes of a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) depth: usize,
    pub(crate) keys: usize,
}

/// The hash of a field's name, after that of what it belongs to.
pub(crate) fn field_hash(of: u64, name: &str) -> u64 {
    hash_on(of, head(name, MAX_KEY).as_bytes())
}

/// Visits every text and number of a (valid) JSON text; iterative, so that depth costs no stack. `of` is the hash of what the
/// fields belong to.
pub(crate) fn leaves(json: &str, of: u64, mut visit: impl FnMut(Leaf<'_>)) -> Shape {
    let mut key: Cow<'_, str> = Cow::Borrowed("");
    let mut field = field_hash(of, "");
    walk(json, |raw, place| match place {
        Place::Key => {
            key = unescape(raw);
            field = field_hash(of, &key);
        }
        Place::Text { open } => visit(Leaf { key: &key, field, text: &unescape(raw), open }),
        Place::Number => visit(Leaf { key: &key, field, text: raw, open: false }),
    })
}

/// The sizes alone.
pub(crate) fn shape(json: &str) -> Shape {
    walk(json, |_, _| {})
}

/// How long the text is in the middle of which `at` lies; `None` when it lies in none.
pub(crate) fn open_value(json: &str, at: usize) -> Option<usize> {
    let bytes = json.as_bytes();
    let mut from = 0;
    loop {
        let start = from + bytes.get(from..at)?.iter().position(|b| *b == b'"')? + 1;
        let end = string_end(bytes, start);
        if end >= at {
            return Some(end - start);
        }
        from = end + 1;
    }
}

/// Where a piece stands.
enum Place {
    Key,
    Text { open: bool },
    Number,
}

fn walk<'a>(json: &'a str, mut piece: impl FnMut(&'a str, Place)) -> Shape {
    let bytes = json.as_bytes();
    let (mut at, mut depth, mut shape) = (0, 0_usize, Shape::default());
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => {
                depth += 1;
                shape.depth = shape.depth.max(depth);
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b'"' => {
                let end = string_end(bytes, at + 1);
                let raw = json.get(at + 1..end).unwrap_or_default();
                at = (end + 1).min(bytes.len());
                at += bytes[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
                if bytes.get(at) == Some(&b':') {
                    shape.keys += 1;
                    piece(raw, Place::Key);
                } else {
                    piece(raw, Place::Text { open: end == bytes.len() });
                }
            }
            b'-' | b'0'..=b'9' => {
                let length = bytes[at..].iter().take_while(|b| !matches!(b, b',' | b'}' | b']') && !b.is_ascii_whitespace()).count();
                piece(json.get(at..at + length).unwrap_or_default(), Place::Number);
                at += length;
            }
            _ => at += 1,
        }
    }
    shape
}

fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at.min(bytes.len())
}

fn unescape(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    serde_json::from_str(&format!("\"{raw}\"")).map_or(Cow::Borrowed(raw), Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::{field_hash, leaves, open_value, shape};
    use proptest::prelude::*;

    #[test]
    fn texts_are_found_with_their_keys() {
        let mut found = Vec::new();
        let shape = leaves(r#"{"a": "x\"y", "b": [1, -2.5e3, {"c" : "é"}], "d": true, "e": null}"#, 7, |l| {
            assert_eq!(l.field, field_hash(7, l.key));
            found.push(format!("{}={}", l.key, l.text))
        });
        assert_eq!(found, ["a=x\"y", "b=1", "b=-2.5e3", "c=é"]);
        assert_eq!((shape.depth, shape.keys), (3, 5));
    }

    #[test]
    fn cut_texts_end_where_they_end() {
        let json = r#"{"a": "0123\"56", "b": [1]}"#;
        for at in 0..json.len() {
            let inside = (7..=15).contains(&at) || (2..=3).contains(&at) || (19..=20).contains(&at);
            assert_eq!(open_value(json, at).is_some(), inside, "{at}");
        }
        assert_eq!(open_value(json, 9), Some(8));
        let mut open = Vec::new();
        leaves(&json[..9], 0, |leaf| open.push((leaf.text.to_owned(), leaf.open)));
        assert_eq!(open, [("01".to_owned(), true)]);
    }

    proptest! {
        #[test]
        fn any_text_is_harmless(text in ".{0,200}", at in 0_usize..250) {
            assert_eq!(leaves(&text, 0, |_| {}), shape(&text));
            open_value(&text, at);
        }
    }
}
