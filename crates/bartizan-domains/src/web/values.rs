//! Parameter values and their shapes.

use super::text::{Decoded, decode};

/// Parameters of a query that are looked at.
pub(crate) const MAX_PARAMETERS: usize = 256;

/// Visits the first parameters of a query, decoded; a part without `=` is a value without a name. Gives what follows them.
pub(crate) fn parameters<'a>(query: &'a str, mut visit: impl FnMut(&str, &Decoded<'a>)) -> &'a str {
    let (mut rest, mut seen) = (query, 0);
    while !rest.is_empty() && seen < MAX_PARAMETERS {
        let (part, after) = rest.split_once('&').unwrap_or((rest, ""));
        rest = after;
        if !part.is_empty() {
            seen += 1;
            let (name, value) = part.split_once('=').unwrap_or(("", part));
            visit(&decode(name, true).text, &decode(value, true));
        }
    }
    rest
}

/// How many parameters there are in a query.
pub(crate) fn count_parameters(query: &str) -> usize {
    query.split('&').filter(|part| !part.is_empty()).count()
}

/// The shape of a value as one bit of a set.
pub(crate) fn shape(text: &str) -> u16 {
    let has = |p: fn(&u8) -> bool| text.bytes().any(|b| p(&b));
    let only = |p: fn(&u8) -> bool| text.bytes().all(|b| p(&b));
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let prose = |b: &u8| {
        b.is_ascii_alphanumeric() || matches!(b, b' ' | b'-' | b'_' | b'.' | b',' | b'!' | b'?' | b':' | b'@' | b'/' | b'+') || *b >= 0x80
    };
    if text.is_empty() {
        1
    } else if only(u8::is_ascii_digit) {
        2
    } else if only(|b| b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'e' | b'+')) {
        4
    } else if text.len() >= 8 && only(|b| b.is_ascii_hexdigit() || *b == b'-') {
        8
    } else if only(u8::is_ascii_alphabetic) {
        16
    } else if only(plain) {
        32
    } else if has(|b| *b == b'@') && only(prose) && !has(|b| *b == b' ') {
        64
    } else if only(prose) {
        128
    } else {
        256
    }
}

/// Of the characters, the share that is punctuation beyond that of prose.
pub(crate) fn special_share(text: &str) -> f32 {
    let special = text.bytes().filter(|b| b.is_ascii_punctuation() && !matches!(b, b'-' | b'_' | b'.' | b',' | b'@' | b'/')).count();
    special as f32 / text.len().max(1) as f32
}

/// Shannon entropy of the bytes, bits.
pub(crate) fn entropy(bytes: &[u8]) -> f32 {
    let mut counts = [0_u32; 256];
    bytes.iter().for_each(|b| counts[*b as usize] += 1);
    let total = bytes.len().max(1) as f32;
    counts.iter().filter(|n| **n > 0).map(|n| *n as f32 / total).map(|p| -p * p.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::{MAX_PARAMETERS, entropy, parameters, shape};

    #[test]
    fn parameters_are_decoded() {
        let mut found = Vec::new();
        parameters("a=1&b%20c=x+y%21&flag&&=z", |name, value| found.push((name.to_owned(), value.text.to_string())));
        assert_eq!(found, [("a", "1"), ("b c", "x y!"), ("", "flag"), ("", "z")].map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn what_follows_the_first_parameters_is_given() {
        let mut seen = 0;
        let query = format!("{}z=1&y=2", "a=1&".repeat(MAX_PARAMETERS));
        assert_eq!(parameters(&query, |_, _| seen += 1), "z=1&y=2");
        assert_eq!((seen, parameters("a=1&&", |_, _| {})), (MAX_PARAMETERS, ""));
    }

    #[test]
    fn shapes_differ() {
        let texts = ["", "42", "-1.5", "5f3a9c21b7", "word", "a1-b", "a@b.c", "two words", "a'b"];
        let shapes: std::collections::BTreeSet<u16> = texts.iter().map(|t| shape(t)).collect();
        assert_eq!(shapes.len(), texts.len());
        assert!((entropy(b"abcd") - 2.0).abs() < 1e-6 && entropy(b"") == 0.0);
    }
}
