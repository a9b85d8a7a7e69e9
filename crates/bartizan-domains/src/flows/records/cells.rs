//! Cells of tables: numbers read where they lie, and texts of old encodings.

use std::borrow::Cow;

/// Why the number of a cell is missing or odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Oddity {
    /// Written as infinite, or too large.
    Infinity,
    /// Written as NaN.
    NotANumber,
    /// Nothing there.
    Empty,
    /// Something else than a number.
    Text,
    /// The -1 of a window that was never announced, and of times that ran backwards. Kept.
    MinusOne,
    /// Below zero, which nothing here can be. Kept.
    Negative,
}

impl Oddity {
    /// All of them, by position.
    pub(super) const ALL: [Self; 6] = [Self::Infinity, Self::NotANumber, Self::Empty, Self::Text, Self::MinusOne, Self::Negative];

    /// Its name in the report.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Infinity => "Infinity",
            Self::NotANumber => "NaN",
            Self::Empty => "empty",
            Self::Text => "not a number",
            Self::MinusOne => "-1",
            Self::Negative => "negative",
        }
    }

    /// What is odd about a number.
    pub(super) fn of(number: f64) -> Option<Self> {
        match number {
            -1.0 => Some(Self::MinusOne),
            n if n < 0.0 && n.is_finite() => Some(Self::Negative),
            n if n.is_nan() => Some(Self::NotANumber),
            n if n.is_infinite() => Some(Self::Infinity),
            _ => None,
        }
    }
}

/// Powers of ten that are exact.
const POWERS: [f64; 20] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19];

/// Reads a plain decimal number at the start of a text; gives it and its length. What is written in any other way, or with more digits
/// than fit, is left to [`number`].
#[inline]
pub(in crate::flows) fn scan(text: &[u8]) -> Option<(f64, usize)> {
    let negative = text.first() == Some(&b'-');
    let start = usize::from(negative);
    let (whole, at) = digits(text, start, 0);
    let mut count = at - start;
    let (mantissa, end, decimals) = if text.get(at) == Some(&b'.') {
        let (mantissa, end) = digits(text, at + 1, whole);
        (mantissa, end, end - at - 1)
    } else {
        (whole, at, 0)
    };
    count += decimals;
    if count == 0 || count >= POWERS.len() {
        return None;
    }
    let number = mantissa as f64 / POWERS[decimals];
    Some((if negative { -number } else { number }, end))
}

/// Goes on reading digits; gives the number and where they end.
#[inline]
fn digits(text: &[u8], mut at: usize, mut number: u64) -> (u64, usize) {
    while let Some(digit) = text.get(at).map(|b| b.wrapping_sub(b'0')).filter(|d| *d < 10) {
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    (number, at)
}

/// The number of a cell that is not plain.
pub(super) fn number(cell: &[u8]) -> Result<f64, Oddity> {
    let cell = cell.trim_ascii();
    if cell.is_empty() {
        return Err(Oddity::Empty);
    }
    let text = std::str::from_utf8(cell).map_err(|_| Oddity::Text)?;
    match text.parse() {
        Ok(number) => Ok(number),
        // Tables with semicolons often have decimal commas.
        Err(_) if text.bytes().filter(|b| *b == b',').count() == 1 => text.replace(',', ".").parse().map_err(|_| Oddity::Text),
        Err(_) if ["n/a", "null", "none", "-"].iter().any(|word| text.eq_ignore_ascii_case(word)) => Err(Oddity::Empty),
        Err(_) => Err(Oddity::Text),
    }
}

/// Cuts a record into its cells, without the quotes around them; `""` inside is one quote. What follows the cell number `most` is left.
pub(super) fn split(text: &[u8], separator: u8, most: usize) -> Vec<Cow<'_, [u8]>> {
    let mut cells = Vec::new();
    let mut at = 0;
    loop {
        let blanks = text[at..].iter().take_while(|b| **b == b' ').count();
        let (cell, end) = match text.get(at + blanks) {
            Some(b'"') => quoted(text, at + blanks + 1, separator),
            _ => {
                let end = text[at..].iter().position(|b| *b == separator).map_or(text.len(), |length| at + length);
                (Cow::Borrowed(&text[at..end]), end)
            }
        };
        cells.push(cell);
        if end >= text.len() || cells.len() >= most {
            return cells;
        }
        at = end + 1;
    }
}

/// A cell after its opening quote, and where it ends: at a separator or at the end of the record.
fn quoted(text: &[u8], start: usize, separator: u8) -> (Cow<'_, [u8]>, usize) {
    let mut cell = Vec::new();
    let mut at = start;
    while let Some(byte) = text.get(at) {
        match (byte, text.get(at + 1)) {
            (b'"', Some(b'"')) => {
                cell.push(b'"');
                at += 2;
            }
            (b'"', _) => break,
            (other, _) => {
                cell.push(*other);
                at += 1;
            }
        }
    }
    let rest = text.get(at..).unwrap_or_default();
    let end = rest.iter().position(|b| *b == separator).map_or(text.len(), |length| at + length);
    (Cow::Owned(cell), end)
}

#[cfg(test)]
mod tests {
    use super::{Oddity, number, scan, split};
    use proptest::prelude::*;

    #[test]
    fn plain_numbers_are_scanned_and_others_are_not() {
        for (text, expected) in [
            ("0", Some((0.0, 1))),
            ("-1,", Some((-1.0, 2))),
            ("12.50;", Some((12.5, 5))),
            (".5", Some((0.5, 2))),
            ("7.", Some((7.0, 2))),
            ("666666.6667,", Some((666_666.666_7, 11))),
            ("1234567890123456789", Some((1_234_567_890_123_456_789.0, 19))),
            ("12345678901234567890", None),
            ("", None),
            ("-", None),
            (".", None),
            ("e5", None),
            ("1e5", Some((1.0, 1))),
        ] {
            assert_eq!(scan(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn other_cells_are_numbers_or_say_what_they_are() {
        for (text, expected) in [
            ("1e5", Ok(1e5)),
            (" 7 ", Ok(7.0)),
            ("1,5", Ok(1.5)),
            ("", Err(Oddity::Empty)),
            ("  ", Err(Oddity::Empty)),
            ("NULL", Err(Oddity::Empty)),
            ("abc", Err(Oddity::Text)),
            ("1,2,3", Err(Oddity::Text)),
        ] {
            assert_eq!(number(text.as_bytes()), expected, "{text}");
        }
        for (text, expected) in [
            ("Infinity", Some(Oddity::Infinity)),
            ("-inf", Some(Oddity::Infinity)),
            ("1e300", None),
            ("NaN", Some(Oddity::NotANumber)),
            ("-1", Some(Oddity::MinusOne)),
            ("-12", Some(Oddity::Negative)),
            ("3", None),
        ] {
            assert_eq!(number(text.as_bytes()).map(Oddity::of), Ok(expected), "{text}");
        }
    }

    #[test]
    fn quotes_are_taken_off() {
        let of = |text: &str| {
            split(text.as_bytes(), b',', usize::MAX).iter().map(|c| String::from_utf8_lossy(c).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(of(r#"a,"b,c", "d""e" ,f"#), ["a", "b,c", "d\"e", "f"]);
        assert_eq!(of(r#","","#), ["", "", ""]);
        assert_eq!(of("\"a\nb\",c"), ["a\nb", "c"]);
        assert_eq!(of("\"open"), ["open"]);
        assert_eq!(of(""), [""]);
    }

    proptest! {
        #[test]
        fn scanning_agrees_with_parsing(text in "-?[0-9]{0,20}(\\.[0-9]{0,12})?") {
            if let Some((scanned, length)) = scan(text.as_bytes()) {
                prop_assert_eq!(length, text.len());
                let parsed: f64 = text.parse().unwrap();
                prop_assert_eq!(scanned as f32, parsed as f32);
            }
        }

        #[test]
        fn any_bytes_are_cells(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(b'"'), Just(b',')], 0..60)) {
            for cell in split(&bytes, b',', usize::MAX) {
                let _ = (number(&cell), scan(&cell));
            }
        }
    }
}
