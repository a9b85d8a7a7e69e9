//! A walk through a JSON text without building it: sizes, depth, keys and the texts in it.

use std::borrow::Cow;

/// A text or number found in a payload, with the name of the field that it stands under.
pub(crate) struct Leaf<'a> {
    pub(crate) key: Cow<'a, str>,
    pub(crate) text: Cow<'a, str>,
}

/// Sizes of a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) depth: usize,
    pub(crate) keys: usize,
}

/// Visits every text and number of a (valid) JSON text; iterative, so that depth costs no stack.
pub(crate) fn leaves<'a>(json: &'a str, mut visit: impl FnMut(&Leaf<'a>)) -> Shape {
    let bytes = json.as_bytes();
    let (mut at, mut depth, mut shape) = (0, 0_usize, Shape::default());
    let mut key: Cow<'a, str> = Cow::Borrowed("");
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
                let text = unescape(json.get(at + 1..end).unwrap_or_default());
                at = end + 1;
                let after = bytes[at.min(bytes.len())..].iter().position(|b| !b.is_ascii_whitespace()).map(|i| bytes[at + i]);
                if after == Some(b':') {
                    shape.keys += 1;
                    key = text;
                } else {
                    visit(&Leaf { key: key.clone(), text });
                }
            }
            b'-' | b'0'..=b'9' => {
                let end = bytes[at..]
                    .iter()
                    .position(|b| matches!(b, b',' | b'}' | b']') || b.is_ascii_whitespace())
                    .map_or(bytes.len(), |i| at + i);
                visit(&Leaf { key: key.clone(), text: Cow::Borrowed(&json[at..end]) });
                at = end;
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
    use super::leaves;
    use proptest::prelude::*;

    #[test]
    fn texts_are_found_with_their_keys() {
        let mut found = Vec::new();
        let shape = leaves(r#"{"a": "x\"y", "b": [1, -2.5e3, {"c" : "é"}], "d": true, "e": null}"#, |l| {
            found.push(format!("{}={}", l.key, l.text))
        });
        assert_eq!(found, ["a=x\"y", "b=1", "b=-2.5e3", "c=é"]);
        assert_eq!((shape.depth, shape.keys), (3, 5));
    }

    proptest! {
        #[test]
        fn any_text_is_harmless(text in ".{0,200}") {
            leaves(&text, |_| {});
        }
    }
}
