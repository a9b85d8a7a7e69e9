//! Numbers that JSON does not have and that Python writes all the same: `NaN`, `Infinity`, `-Infinity`, and `1e999`.

use super::NOT_FINITE;
use std::borrow::Cow;

/// Puts a text that nobody sends in their place, without moving anything else, so that the places of faults stay right.
#[must_use]
pub fn mended(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut mended = Cow::Borrowed(bytes);
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at = match byte {
            b'"' => end_of_text(bytes, at),
            b'-' | b'0'..=b'9' | b'N' | b'I' => {
                let end = end_of_word(bytes, at);
                if is_not_finite(&bytes[at..end]) {
                    blank(&mut mended.to_mut()[at..end]);
                }
                end
            }
            _ => at + 1,
        };
    }
    mended
}

/// Where the text that begins at `start` is over.
fn end_of_text(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn end_of_word(bytes: &[u8], start: usize) -> usize {
    let inside = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'+' | b'.');
    bytes[start..].iter().position(|b| !inside(b)).map_or(bytes.len(), |length| start + length)
}

fn is_not_finite(word: &[u8]) -> bool {
    match word {
        b"NaN" | b"Infinity" | b"-Infinity" => true,
        _ => {
            // `inf` and the like are no numbers of JSON; only too large ones are asked for here.
            let number =
                word.last().is_some_and(u8::is_ascii_digit) && word.iter().all(|b| !b.is_ascii_alphabetic() || matches!(b, b'e' | b'E'));
            let value = std::str::from_utf8(word).ok().filter(|_| number).and_then(|text| text.parse::<f64>().ok());
            value.is_some_and(f64::is_infinite)
        }
    }
}

/// All such words have at least the three bytes of the stand-in.
fn blank(word: &mut [u8]) {
    word.fill(b' ');
    if let [first, middle, last, ..] = word {
        (*first, *middle, *last) = (b'"', NOT_FINITE.as_bytes()[0], b'"');
    }
}

#[cfg(test)]
mod tests {
    use super::mended;
    use proptest::prelude::*;

    #[test]
    fn only_numbers_outside_of_texts_are_mended() {
        for (json, expected) in [
            (r#"{"a":NaN}"#, "{\"a\":\"\u{7f}\"}"),
            (r#"{"a": -Infinity,"b":Infinity}"#, "{\"a\": \"\u{7f}\"      ,\"b\":\"\u{7f}\"     }"),
            ("[1e999]", "[\"\u{7f}\"  ]"),
            ("[-1.5E+4000, 1e5, 12]", "[\"\u{7f}\"       , 1e5, 12]"),
            (r#"{"NaN":"NaN \" Infinity","x":1}"#, r#"{"NaN":"NaN \" Infinity","x":1}"#),
            ("[nan, inf, NaNs, Inf]", "[nan, inf, NaNs, Inf]"),
            ("\"open NaN", "\"open NaN"),
            ("\"\\", "\"\\"),
        ] {
            assert_eq!(String::from_utf8_lossy(&mended(json.as_bytes())), expected);
        }
    }

    proptest! {
        #[test]
        fn nothing_moves(bytes in prop::collection::vec(any::<u8>(), 0..80), json in "[\\[\\]{}\", NaInfity1e9:-]{0,60}") {
            prop_assert_eq!(mended(&bytes).len(), bytes.len());
            prop_assert_eq!(mended(json.as_bytes()).len(), json.len());
        }
    }
}
