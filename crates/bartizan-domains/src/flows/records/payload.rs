//! What a line holds when what transports put around it is taken away.

use crate::records::{Unwrapped, Unwrapper};
use std::borrow::Cow;

/// Longest beginning that a transport may have put before a record.
const MOST: usize = 512;

/// The record in a line: without a byte order mark, and a syslog header before JSON.
///
/// The one place where wrappers are taken off: readers and the detection of the format both look at lines through it.
pub(super) fn payload(line: &[u8]) -> Cow<'_, [u8]> {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let trimmed = line.trim_ascii();
    // What containers and shippers put around it; parts of a line that goes on stay as they are.
    if may_be_wrapped(trimmed)
        && let Some(Unwrapped { text, wrapper }) = Unwrapper::default().take_off(trimmed)
        && (!wrapper.is_empty() || trimmed.starts_with(b"{"))
    {
        return text;
    }
    match trimmed.first() {
        Some(_) if of_syslog(trimmed) => Cow::Borrowed(object(trimmed).unwrap_or(line)),
        _ => Cow::Borrowed(line),
    }
}

/// Whether a line begins as what containers and shippers write: JSON, a time, or the name of a pod or a service.
fn may_be_wrapped(line: &[u8]) -> bool {
    match line.first() {
        Some(b'{' | b'0'..=b'9') => true,
        Some(b'[') => line.starts_with(b"[pod/"),
        Some(_) => memchr::memmem::find(line.get(..MOST).unwrap_or(line), b"| {").is_some(),
        None => false,
    }
}

/// Whether a line begins as syslog's do: with a priority, the name of a month, a date of RFC 3339, or the mark of CEE.
fn of_syslog(line: &[u8]) -> bool {
    const MONTHS: [&[u8; 4]; 12] =
        [b"Jan ", b"Feb ", b"Mar ", b"Apr ", b"May ", b"Jun ", b"Jul ", b"Aug ", b"Sep ", b"Oct ", b"Nov ", b"Dec "];
    let digit = |at: usize| line.get(at).is_some_and(u8::is_ascii_digit);
    (line.first() == Some(&b'<') && digit(1))
        || (digit(3) && line.get(4) == Some(&b'-') && digit(5))
        || line.starts_with(b"@cee:")
        || MONTHS.iter().any(|month| line.starts_with(*month))
}

/// The object at the end of a line, from its opening brace.
fn object(line: &[u8]) -> Option<&[u8]> {
    let head = line.get(..MOST).unwrap_or(line);
    let start = head.iter().position(|byte| *byte == b'{')?;
    let inner = line.get(start + 1..)?.trim_ascii_start();
    // Rows of logs with tabs may have a brace in a field, too.
    (!head[..start].contains(&b'\t') && inner.starts_with(b"\"")).then(|| &line[start..])
}

#[cfg(test)]
mod tests {
    use super::payload;

    #[test]
    fn what_is_around_a_record_is_taken_off() {
        for (line, expected) in [
            ("{\"a\":1}", "{\"a\":1}"),
            ("  {\"a\":1} \r", "{\"a\":1}"),
            ("\u{feff}{\"a\":1}", "{\"a\":1}"),
            ("<13>Feb 25 00:44:00 host suricata: {\"a\":1}", "{\"a\":1}"),
            ("Feb 25 00:44:00 host suricata[7]: { \"a\":1}", "{ \"a\":1}"),
            ("<13>1 2025-02-25T00:44:00Z host suricata 7 - [x@1 i=\"3\"] {\"a\":1}", "{\"a\":1}"),
            ("2025-02-25T00:44:00+01:00 host suricata: @cee: {\"a\":1}", "{\"a\":1}"),
            ("2025-02-25T00:44:00Z\tC1\t{\"a\":1}", "2025-02-25T00:44:00Z\tC1\t{\"a\":1}"),
            ("Feb 25 00:44:00 host sshd: no {braces}", "Feb 25 00:44:00 host sshd: no {braces}"),
            ("1,2,{\"a\":1}", "1,2,{\"a\":1}"),
            ("2025-02-25T00:44:00.5Z stdout F {\"a\":1}", "{\"a\":1}"),
            (r#"{"log":"{\"a\":1}\n","stream":"stdout","time":"2025-02-25T00:44:00.5Z"}"#, "{\"a\":1}"),
            ("flows-1   | {\"a\":1}", "{\"a\":1}"),
            ("[pod/flows-7d9/flows] {\"a\":1}", "{\"a\":1}"),
            ("a,b | {\"a\":1}", "a,b | {\"a\":1}"),
            (r#"{"@timestamp":"t","message":"{\"a\":1}"}"#, "{\"a\":1}"),
            ("{\"a\":\"\\udce9\"}", "{\"a\":\"\\ufffd\"}"),
            ("", ""),
        ] {
            assert_eq!(String::from_utf8_lossy(&payload(line.as_bytes())), expected, "{line:?}");
        }
        let far = format!("<1>{}{{\"a\":1}}", "x".repeat(600));
        assert_eq!(payload(far.as_bytes()).len(), far.len());
    }
}
