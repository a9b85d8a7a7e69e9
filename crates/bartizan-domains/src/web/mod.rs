//! What kinds that see HTTP requests share: texts and their marks of attack, routes, addresses, values, and how rare a first sight is.

pub(crate) mod address;
pub(crate) mod hours;
pub(crate) mod rareness;
pub(crate) mod rings;
pub(crate) mod routes;
pub(crate) mod text;
pub(crate) mod values;

use text::{hash, hash_on};

/// Longest piece of a request that a sentence quotes.
const MAX_QUOTED: usize = 60;

/// A piece of a request, shortened and with control characters made visible.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::from("“");
    for c in text.chars().take(MAX_QUOTED) {
        match c {
            '\n' | '\r' | '\t' => quoted.extend(c.escape_default()),
            c if c.is_ascii_control() => quoted += &format!("\\x{:02x}", u32::from(c)),
            c if c.is_control() => quoted.extend(c.escape_unicode()),
            c => quoted.push(c),
        }
    }
    if text.chars().nth(MAX_QUOTED).is_some() {
        quoted.push('…');
    }
    quoted.push('”');
    quoted
}

/// The path of a request's target.
pub(crate) fn path_of(target: &str) -> &str {
    let end = target.find(['?', '#']).unwrap_or(target.len());
    strip_origin(&target[..end])
}

/// `http://host:port/path` to `/path`.
fn strip_origin(target: &str) -> &str {
    match target.find("://") {
        Some(at) if target[..at].bytes().all(|b| b.is_ascii_alphabetic()) => {
            let rest = &target[at + 3..];
            rest.find('/').map_or("/", |slash| &rest[slash..])
        }
        _ => target,
    }
}

/// An agent without its version numbers.
pub(crate) fn agent_key(agent: &str) -> u64 {
    agent.bytes().filter(|b| !b.is_ascii_digit() && *b != b'.' && *b != b'_').fold(hash(b"a"), |h, b| hash_on(h, &[b.to_ascii_lowercase()]))
}
