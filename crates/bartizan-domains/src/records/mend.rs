//! JSON with bytes in it that JSON cannot have: what a client chose must not make the record unreadable that tells of it.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The text with its faults mended, as far as they lie within texts: bytes that are no UTF-8 and halves of surrogate pairs become U+FFFD,
/// control characters are escaped, and so is a backslash that begins no escape. Nothing is copied where nothing is wrong.
pub(crate) fn mended(json: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(json);
    match faults_mended(&text) {
        Some(mended) => Cow::Owned(mended),
        None => text,
    }
}

fn faults_mended(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut out: Option<String> = None;
    // Up to where the text was copied, and where it is looked at.
    let (mut copied, mut at, mut quoted) = (0, 0, false);
    while let Some(byte) = bytes.get(at) {
        let (length, instead) = match byte {
            b'"' => {
                quoted = !quoted;
                (1, None)
            }
            _ if !quoted => (1, None),
            b'\\' => escape(&bytes[at..]),
            0..=0x1f => (1, Some(Mend::Control(*byte))),
            _ => (1, None),
        };
        if let Some(instead) = instead {
            let out = out.get_or_insert_with(|| String::with_capacity(text.len() + 64));
            out.push_str(&text[copied..at]);
            match instead {
                Mend::Replacement => out.push_str("\\ufffd"),
                Mend::Backslash => out.push_str("\\\\"),
                Mend::Control(byte) => _ = write!(out, "\\u{byte:04x}"),
            }
            copied = at + length;
        }
        at += length;
    }
    if let Some(out) = &mut out {
        out.push_str(&text[copied..]);
    }
    out
}

/// What stands in the place of a fault.
enum Mend {
    Replacement,
    Backslash,
    Control(u8),
}

/// How long an escape is, and what to put in its place.
fn escape(bytes: &[u8]) -> (usize, Option<Mend>) {
    match bytes.get(1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => (2, None),
        Some(b'u') => match unit(bytes) {
            Some(0xd800..=0xdbff) => match unit(&bytes[6..]) {
                Some(0xdc00..=0xdfff) => (12, None),
                _ => (6, Some(Mend::Replacement)),
            },
            Some(0xdc00..=0xdfff) => (6, Some(Mend::Replacement)),
            Some(_) => (6, None),
            None => (1, Some(Mend::Backslash)),
        },
        _ => (1, Some(Mend::Backslash)),
    }
}

/// The number in `\u12ef`.
fn unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
    std::str::from_utf8(digits).ok().filter(|_| is_hex).and_then(|digits| u16::from_str_radix(digits, 16).ok())
}

#[cfg(test)]
mod tests {
    use super::mended;
    use proptest::prelude::*;
    use serde_json::Value;
    use std::borrow::Cow;

    #[test]
    fn faults_are_mended_and_nothing_else() {
        for (name, json, expected) in [
            ("a low half", br#"{"a":"x\udce9y"}"#.as_slice(), "x\u{fffd}y"),
            ("a high half", br#"{"a":"x\ud83dy"}"#, "x\u{fffd}y"),
            ("a high half at the end", br#"{"a":"x\uD83D"}"#, "x\u{fffd}"),
            ("halves in the wrong order", br#"{"a":"\ude00\ud83d"}"#, "\u{fffd}\u{fffd}"),
            ("two high halves and a low one", br#"{"a":"\ud83d\ud83d\ude00"}"#, "\u{fffd}\u{1f600}"),
            ("digits after it", br#"{"a":"p\udcff0"}"#, "p\u{fffd}0"),
            ("no escape", br#"{"a":"\\udce9"}"#, "\\udce9"),
            ("a wrong escape", br#"{"a":"\x41\u12g4\'"}"#, "\\x41\\u12g4\\'"),
            ("no UTF-8", b"{\"a\":\"x\xff\xfey\"}", "x\u{fffd}\u{fffd}y"),
            ("controls", b"{\"a\":\"x\0\x1b\ty\"}", "x\0\u{1b}\ty"),
        ] {
            let text = mended(json);
            let value: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{name}: {text}: {e}"));
            assert_eq!(value["a"], expected, "{name}");
            if name != "no escape" {
                assert!(matches!(text, Cow::Owned(_)), "{name}");
            }
        }
        for sound in ["", "{}", "{\"a\":\"\\ud83d\\ude00 \\u00e9 \\n \u{e9}\"}", "{\n\t\"a\" : 1\r\n}", "{\"a\":\"never closed"] {
            assert!(matches!(mended(sound.as_bytes()), Cow::Borrowed(text) if text == sound), "{sound}");
        }
        assert_eq!(mended(b"\"\\"), "\"\\\\", "a backslash at the end");
    }

    proptest! {
        #[test]
        fn sound_json_stays_what_it_is(text in any::<String>()) {
            let json = serde_json::json!({ "a": text }).to_string();
            prop_assert_eq!(mended(json.as_bytes()), json.as_str());
        }

        #[test]
        fn any_bytes_in_a_text_are_read(bytes in prop::collection::vec(any::<u8>().prop_filter("not the end", |b| !b"\"\\".contains(b)), 0..80)) {
            let json = [b"{\"a\":\"", bytes.as_slice(), b"\"}"].concat();
            prop_assert!(serde_json::from_str::<Value>(&mended(&json)).is_ok());
        }
    }
}
