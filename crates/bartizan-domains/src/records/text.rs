//! Texts of old encodings.

use std::borrow::Cow;

/// A text in UTF-8, or else in windows-1252, as labels of public tables and old logs are. True when it was the latter.
pub(crate) fn decode(bytes: &[u8]) -> (Cow<'_, str>, bool) {
    /// What 0x80 to 0x9f are; the rest of windows-1252 is as in Unicode.
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•',
        '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match std::str::from_utf8(bytes) {
        Ok(text) => (Cow::Borrowed(text), false),
        Err(_) => {
            let of = |byte: &u8| match byte {
                0x80..=0x9f => HIGH[usize::from(*byte - 0x80)],
                other => char::from(*other),
            };
            (Cow::Owned(bytes.iter().map(of).collect()), true)
        }
    }
}

/// A line of a log. What is no UTF-8 is windows-1252, unless it has letters of UTF-8 beside what is none: then that is replaced.
pub(crate) fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) if bytes.utf8_chunks().all(|chunk| chunk.valid().is_ascii()) => decode(bytes).0,
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::{decode, text_of};

    #[test]
    fn labels_of_old_encodings_are_read() {
        assert_eq!(decode(b"Web Attack \x96 XSS"), ("Web Attack – XSS".into(), true));
        assert_eq!(decode("Web Attack – XSS".as_bytes()), ("Web Attack – XSS".into(), false));
        assert_eq!(decode(b"caf\xe9 \x80").0, "café €");
    }

    #[test]
    fn lines_keep_their_letters() {
        assert_eq!(text_of("für".as_bytes()), "für");
        assert_eq!(text_of(b"f\xfcr"), "für");
        assert_eq!(text_of(b"f\xc3\xbcr\xff"), "für\u{fffd}");
    }
}
