//! Rust source with the content of comments and literals blanked out, so that checks see code and nothing else.

/// The same text, line for line and byte for byte, with spaces where comments and the content of literals stood.
pub(super) fn mask(source: &str) -> String {
    let bytes = source.as_bytes();
    let mut masked = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let end = skip(bytes, at);
        if end > at + 1 {
            blank(&mut masked[at..end]);
        }
        at = end.max(at + 1);
    }
    String::from_utf8_lossy(&masked).into_owned()
}

fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|b| **b != b'\n') {
        *byte = b' ';
    }
}

/// The end of the comment or literal that begins at `at`; `at` itself when none does.
fn skip(bytes: &[u8], at: usize) -> usize {
    let rest = &bytes[at..];
    match rest[0] {
        b'/' if rest.starts_with(b"//") => at + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()),
        b'/' if rest.starts_with(b"/*") => at + block_comment(rest),
        b'"' => at + quoted(rest, b'"'),
        b'\'' => at + character(rest),
        b'r' if !follows_word(bytes, at) => at + raw_string(rest),
        _ => at,
    }
}

/// Whether the byte before `at` belongs to the same word; `b` and `c` prefix a raw string and do not count.
fn follows_word(bytes: &[u8], at: usize) -> bool {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    match at.checked_sub(1).map(|i| bytes[i]) {
        Some(b'b' | b'c') => at >= 2 && word(bytes[at - 2]),
        Some(before) => word(before),
        None => false,
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0usize, 0usize);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with(b"*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b if b == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// A character literal, and not a lifetime: it ends with a quote after one character or an escape.
fn character(rest: &[u8]) -> usize {
    if rest.get(1) == Some(&b'\\') {
        return quoted(rest, b'\'');
    }
    let width = match rest.get(1) {
        Some(b) if *b >= 0xf0 => 4,
        Some(b) if *b >= 0xe0 => 3,
        Some(b) if *b >= 0xc0 => 2,
        _ => 1,
    };
    if rest.get(1 + width) == Some(&b'\'') { width + 2 } else { 0 }
}

fn raw_string(rest: &[u8]) -> usize {
    let hashes = rest[1..].iter().take_while(|b| **b == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return 0;
    }
    let mut end = vec![b'"'];
    end.resize(1 + hashes, b'#');
    let body = 2 + hashes;
    rest[body..].windows(end.len()).position(|w| w == end).map_or(rest.len(), |p| body + p + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_left() {
        let cases = [
            ("line comment", "a // b { \nc", "a        \nc"),
            ("nested block comment", "a /* { /* x */ } */ b", "a                   b"),
            ("string with an escaped quote", r#"f("a\"{", x)"#, "f(      , x)"),
            ("raw string", "f(r#\"a\"{\"#, x)", "f(        , x)"),
            ("character", "m('{', '\\'', x)", "m(   ,     , x)"),
            ("lifetime", "fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            ("word that ends in r", "bar\"x\"", "bar   "),
            ("raw identifier", "r#type {", "r#type {"),
            ("string over lines", "\"a\n{\" b", "  \n   b"),
        ];
        for (name, source, expected) in cases {
            assert_eq!(mask(source), expected, "{name}");
        }
    }

    #[test]
    fn unfinished_literals_end_with_the_file() {
        for source in ["\"abc", "/* abc", "r#\"abc", "'\\", "r", "'"] {
            assert_eq!(mask(source).len(), source.len(), "{source}");
        }
    }
}
