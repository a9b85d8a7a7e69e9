//! Percent-decoding, as often as an attacker would have it.

use std::borrow::Cow;

/// A text decoded.
pub(crate) struct Decoded<'a> {
    pub(crate) text: Cow<'a, str>,
    /// Times it had to be decoded, and broken escapes: more than once is rare in normal traffic.
    pub(crate) layers: u32,
}

/// Decodes up to three times, until nothing changes. `+` is a space in queries only.
pub(crate) fn decode(raw: &str, query: bool) -> Decoded<'_> {
    if !raw.bytes().any(|b| b == b'%' || (query && b == b'+')) {
        return Decoded { text: Cow::Borrowed(raw), layers: 0 };
    }
    let (mut text, mut layers) = (Cow::Borrowed(raw), 0);
    while layers < 3 {
        let next = once(&text, query && layers == 0);
        if next == text {
            break;
        }
        layers += u32::from(text.contains('%'));
        text = Cow::Owned(next);
        if !text.contains('%') {
            break;
        }
    }
    Decoded { text, layers }
}

fn once(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |i: usize| bytes.get(i).and_then(|b| (*b as char).to_digit(16));
        match (bytes[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 3;
                continue;
            }
            (b'+', ..) if plus => out.push(b' '),
            (byte, ..) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn layers_are_undone_and_counted() {
        for (raw, query, text, layers) in [
            ("plain", true, "plain", 0),
            ("a+b", true, "a b", 0),
            ("a+b", false, "a+b", 0),
            ("a%20b", true, "a b", 1),
            ("%252e%252e%252f", false, "../", 2),
            ("100%", true, "100%", 0),
            ("%zz%41", true, "%zzA", 1),
            ("%", true, "%", 0),
        ] {
            let decoded = decode(raw, query);
            assert_eq!((decoded.text.as_ref(), decoded.layers), (text, layers), "{raw}");
        }
    }
}
