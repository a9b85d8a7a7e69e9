//! Changes of an input: flipped bits, words put in, pieces cut out, repeated, and taken from other inputs.

use crate::random::Random;

/// Most changes of one input.
const MOST_CHANGES: usize = 6;
/// Depth of brackets put around or into an input, at most.
const DEEPEST: usize = 20_000;

/// Words that parsers of any format stumble over.
pub(crate) const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "[]",
    "{}",
    ",",
    ":",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "\\x",
    "null",
    "true",
    "false",
    "NaN",
    "nan",
    "Infinity",
    "-Infinity",
    "-inf",
    "1e999",
    "-1e-999",
    "0",
    "-0",
    "-1",
    "0.1",
    "1e308",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "123456789012345678901234567890123456789",
    "0x10",
    "\u{0}",
    "\n",
    "\r\n",
    "\t",
    ";",
    "|",
    "#",
    "=",
    "&",
    "%",
    "%00",
    "%2e%2e%2f",
    "%u0041",
    "\u{feff}",
    "\u{202e}",
    "\u{1f600}",
    "é",
    "2026-02-30T25:61:61Z",
    "9999-12-31T23:59:59.999999999Z",
    "0000-01-01",
    "Feb 29 23:59:60",
    "[31/Feb/2026:99:00:00 +9999]",
    "a",
    "' OR 1=1 --",
    "<script>",
    "../",
    "${jndi:",
    "\u{7f}",
];

/// An input made of others, at most `longest` bytes long.
pub(crate) fn mutated(corpus: &[Vec<u8>], words: &[&str], longest: usize, random: &mut Random) -> Vec<u8> {
    let mut input = random.one_of(corpus).cloned().unwrap_or_default();
    for _ in 0..=random.below(MOST_CHANGES) {
        change(&mut input, corpus, words, random);
        input.truncate(longest);
    }
    // What the product gets is often as long as it may be.
    if random.once_in(64) && !input.is_empty() {
        double(&mut input, longest, random);
    }
    input
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], words: &[&str], random: &mut Random) {
    let at = random.below(input.len() + 1);
    match random.below(12) {
        0 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte = random.next() as u8;
            }
        }
        2 | 3 => {
            let list = if random.once_in(2) { words } else { WORDS };
            if let Some(word) = random.one_of(list) {
                insert(input, at, word.as_bytes());
            }
        }
        4 => {
            let end = (at + length(random)).min(input.len());
            input.drain(at.min(end)..end);
        }
        5 | 6 => {
            let end = (at + length(random)).min(input.len());
            let most = if random.once_in(8) { 200 } else { 4 };
            let piece = input[at.min(end)..end].repeat(1 + random.below(most));
            insert(input, at, &piece);
        }
        7 => {
            if let Some(other) = random.one_of(corpus) {
                let from = random.below(other.len() + 1);
                let end = (from + length(random)).min(other.len());
                insert(input, at, &other[from.min(end)..end]);
            }
        }
        8 => {
            if let Some(other) = random.one_of(corpus) {
                let from = random.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
        }
        9 => input.truncate(at),
        10 => number(input, at, random),
        _ => {
            let open: &[u8] = if random.once_in(2) { b"[" } else { b"{\"a\":" };
            let depth = if random.once_in(16) { DEEPEST } else { 200 };
            insert(input, at, &open.repeat(1 + random.below(depth)));
        }
    }
}

/// A piece of it, doubled until the input is as long as it may be.
fn double(input: &mut Vec<u8>, longest: usize, random: &mut Random) {
    let at = random.below(input.len());
    let end = (at + length(random)).min(input.len());
    let mut piece = input[at..end.max(at + 1).min(input.len())].to_vec();
    while input.len() + 2 * piece.len() <= longest {
        piece.extend_from_within(..);
    }
    insert(input, at, &piece);
    input.truncate(longest);
}

/// Puts another number where digits are.
fn number(input: &mut Vec<u8>, at: usize, random: &mut Random) {
    let Some(start) = input.iter().skip(at).position(u8::is_ascii_digit).map(|offset| at + offset) else { return };
    let end = start + input[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let other = match random.below(4) {
        0 => random.next().to_string(),
        1 => "9".repeat(1 + random.below(400)),
        2 => format!("-{}", random.below(100_000)),
        _ => format!("{}e{}", random.below(10), random.below(400)),
    };
    input.splice(start..end, other.into_bytes());
}

fn insert(input: &mut Vec<u8>, at: usize, piece: &[u8]) {
    let at = at.min(input.len());
    input.splice(at..at, piece.iter().copied());
}

/// Short pieces are the usual ones.
fn length(random: &mut Random) -> usize {
    let most = [4, 16, 64, 1_024][random.below(4)];
    1 + random.below(most)
}
