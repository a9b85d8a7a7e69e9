//! Which format a file of sessions has, told from its first lines.

use super::{EXPECTED, ftp, syslog, windows};
use crate::access::Access;
use crate::records::{Line, head_lines, trimmed};
use bartizan_core::{How, ParseError, Timestamp};

/// Formats of lines. Of those that as many lines are of, the last wins.
const OF_LINES: [&str; 5] = ["ndjson", "cowrie", "winlogbeat", "sshd", "vsftpd"];

/// Longest beginning of a first line that is looked at for names of columns.
const MAX_HEADER: usize = 8_192;

/// The format, and the share of the lines looked at that are of it.
///
/// # Errors
/// When the file is empty or no line is of a known format.
pub(super) fn detect(start: &[u8], how: How<'_>, now: Timestamp) -> Result<(&'static str, f64), ParseError> {
    let start = trimmed(start);
    let array = |start: &[u8]| matches!(trimmed(&start[1..]).first(), Some(b'{' | b']') | None);
    match start.first() {
        None => return Err(ParseError::Empty),
        Some(b'[') if array(start) => return Ok(("json", 1.0)),
        Some(_) => {}
    }
    let (mut header, mut lines, mut json, mut logins) = (None, 0_u32, 0_u32, 0_u32);
    let mut counts = [0_u32; OF_LINES.len()];
    head_lines(start, now, |line| {
        if lines == 0 {
            header = table(line.text);
        }
        lines += 1;
        json += u32::from(line.text.starts_with('{'));
        logins += u32::from(line.header.is_some_and(|header| syslog::is_read(header.program)));
        if let Some(format) = format_of(&line).and_then(|format| OF_LINES.iter().position(|name| *name == format)) {
            counts[format] += 1;
        }
    });
    if let Some(format) = header {
        return Ok((format, 1.0));
    }
    let share = |count: u32| f64::from(count) / f64::from(lines.max(1));
    let (count, name) = counts.into_iter().zip(OF_LINES).max_by_key(|(count, _)| *count).unwrap_or_default();
    // Web servers and proxies write by syslog too: against their lines only those of programs that people log in to count.
    let rivals = if name == "sshd" { logins } else { count };
    match Access::detect(start, how, now)? {
        Some((name, sure)) if sure >= share(rivals) => Ok((name, sure)),
        _ if count > 0 => Ok((name, share(count))),
        // Bodies with faults are named by their faults.
        _ if 2 * json > lines || start.starts_with(b"{") => Ok(("ndjson", 0.0)),
        _ => Err(ParseError::Unknown(EXPECTED)),
    }
}

/// Whether a file is a table, by its first line.
pub(super) fn is_table(start: &[u8]) -> bool {
    let first = trimmed(start).split(|byte| *byte == b'\n').next().unwrap_or_default();
    table(&String::from_utf8_lossy(trimmed(first))).is_some()
}

/// A table whose columns the first line names: as cells of their own, so that no line of a log is taken for one.
fn table(first: &str) -> Option<&'static str> {
    if first.len() > MAX_HEADER {
        return None;
    }
    let separator = [',', ';', '\t', '|'].into_iter().max_by_key(|separator| first.matches(*separator).count()).unwrap_or(',');
    let cells: Vec<&str> = first.split(separator).map(|cell| cell.trim().trim_matches('"')).collect();
    let is_name = |cell: &&str| cell.len() <= 64 && cell.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_ .-".contains(&byte));
    let has = |name: &str| cells.iter().any(|cell| cell.eq_ignore_ascii_case(name));
    match cells.iter().all(is_name) {
        true if has("failed_logins") && has("session_time") => Some("csv"),
        true if has("login_failed") && has("src_ip") => Some("cowrie"),
        _ => None,
    }
}

fn format_of(line: &Line<'_>) -> Option<&'static str> {
    let text = line.text;
    let has = |name| text.contains(name);
    match text.as_bytes().first() {
        Some(b'{') if has("\"eventid\"") => Some("cowrie"),
        Some(b'{') if windows::is_line(text) => Some("winlogbeat"),
        Some(b'{') if has("\"failed_logins\"") || has("\"session_time\"") => Some("ndjson"),
        _ if line.header.is_some_and(|header| !header.program.is_empty()) => Some("sshd"),
        _ if ftp::line(text).is_some() => Some("vsftpd"),
        _ => None,
    }
}
