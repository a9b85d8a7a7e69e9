//! Which format a file of sessions has, told from its first lines.

use super::{EXPECTED, ftp, windows};
use crate::records::{Line, head_lines};
use crate::requests::records::combined;
use bartizan_core::{ParseError, Timestamp};

/// Formats of lines, in the order in which one wins over others that as many lines are of.
const OF_LINES: [&str; 6] = ["cowrie", "winlogbeat", "access-log", "sshd", "vsftpd", "ndjson"];

/// The format, and the share of the lines looked at that it can read.
///
/// # Errors
/// When the file is empty or no line is of a known format.
pub(super) fn detect(start: &[u8], now: Timestamp) -> Result<(&'static str, f64), ParseError> {
    let (mut votes, mut all, mut table) = ([0_u32; OF_LINES.len()], 0_u32, None);
    head_lines(start, now, |line| {
        if all == 0 {
            table = whole(line.text);
        }
        all += 1;
        if let Some(format) = format_of(&line).and_then(|format| OF_LINES.iter().position(|name| *name == format)) {
            votes[format] += 1;
        }
    });
    if all == 0 {
        return Err(ParseError::Empty);
    }
    if let Some(format) = table {
        return Ok((format, 1.0));
    }
    let (most, name) = votes.into_iter().zip(OF_LINES).rev().max_by_key(|(votes, _)| *votes).unwrap_or_default();
    if most == 0 { Err(ParseError::Unknown(EXPECTED)) } else { Ok((name, f64::from(most) / f64::from(all))) }
}

/// A format that its first line shows of a whole file.
fn whole(first: &str) -> Option<&'static str> {
    match first.as_bytes().first() {
        Some(b'{') => None,
        Some(b'[') if first[1..].trim_start().starts_with(['{', ']']) || first.len() == 1 => Some("json"),
        _ if first.contains("failed_logins") && first.contains("session_time") => Some("csv"),
        _ if first.contains("login_failed") && first.contains("src_ip") => Some("cowrie"),
        _ => None,
    }
}

fn format_of(line: &Line<'_>) -> Option<&'static str> {
    let text = line.text;
    match text.as_bytes().first() {
        Some(b'{') if text.contains("\"eventid\"") => Some("cowrie"),
        Some(b'{') if windows::is_line(text) => Some("winlogbeat"),
        Some(b'{') if line.header.is_none() => Some("ndjson"),
        _ if combined::is_line(text) => Some("access-log"),
        _ if line.header.is_some() => Some("sshd"),
        _ if ftp::line(text).is_some() => Some("vsftpd"),
        _ => None,
    }
}
