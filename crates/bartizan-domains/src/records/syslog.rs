//! Headers of syslog: RFC 3164 as it is written in files and sent, RFC 5424, and what BusyBox, Solaris, AIX and FreeBSD make of them.

use bartizan_core::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;

/// How far ahead of `now` a time may be and still be of this year: hosts write their local time without its zone.
const AHEAD_SECS: i64 = 14 * 3_600;

/// The months as logs write them.
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What stands in front of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Header<'a> {
    /// None where it is not said, or not in a way that is understood.
    pub(crate) time: Option<Timestamp>,
    /// Whether the time has no year of its own.
    pub(crate) without_year: bool,
    /// Empty where it is not said.
    pub(crate) host: &'a str,
    /// Without its process; empty where the line has none, as `last message repeated 3 times`.
    pub(crate) program: &'a str,
    /// Number of the process; empty where it is not said.
    pub(crate) process: &'a str,
}

/// The header and the message; `None` when the line has no such header. Times without a year are of the latest year that does not put
/// them after `now`.
pub(crate) fn header(line: &str, now: Timestamp) -> Option<(Header<'_>, &str)> {
    // As it is sent over TCP, with the length in front (RFC 6587).
    let counted =
        line.split_once(' ').filter(|(count, rest)| count.len() <= 6 && count.bytes().all(|b| b.is_ascii_digit()) && rest.starts_with('<'));
    let line = counted.map_or(line, |(_, rest)| rest);
    let (rest, sent) = match priority(line) {
        Some(rest) => (rest, true),
        None => (line, false),
    };
    if sent && let Some(rest) = rest.strip_prefix("1 ") {
        return rfc_5424(rest);
    }
    let dated = is_time(rest.as_bytes());
    let (time, rest, without_year) = if dated {
        let (time, rest) = rest.split_once(' ')?;
        (Timestamp::parse(time).ok()?, rest, false)
    } else if let Some((time, rest)) = with_year(rest) {
        (time, rest, false)
    } else {
        let (time, rest) = without_year(rest, now)?;
        (time, rest, true)
    };
    let rest = rest.trim_start();
    let known = program(rest, "").or_else(|| {
        let (host, rest) = rest.split_once(' ')?;
        let rest = rest.trim_start();
        let after_facility = rest.split_once(' ').filter(|(word, _)| is_facility(word)).map_or(rest, |(_, rest)| rest.trim_start());
        program(after_facility, host)
    });
    match known {
        Some((header, message)) => Some((Header { time: Some(time), without_year, ..header }, message)),
        // Many a line of other kinds begins with a date and a word.
        None if dated && !sent => None,
        None => {
            let (host, message) = rest.split_once(' ')?;
            Some((Header { time: Some(time), without_year, host, program: "", process: "" }, message))
        }
    }
}

/// Whether a text begins as a time of RFC 3339 does: `2024-03-06T`.
pub(crate) fn is_time(text: &[u8]) -> bool {
    matches!(text, [y1, _, _, _, b'-', _, _, b'-', _, _, b'T' | b't', h1, ..] if y1.is_ascii_digit() && h1.is_ascii_digit())
}

/// Whether a text begins as a line with a header may.
pub(super) fn may_begin(text: &str) -> bool {
    is_time(text.as_bytes()) || is_month(text) || priority(text).is_some()
}

/// Whether a text begins as `Jan ` does.
fn is_month(text: &str) -> bool {
    matches!(text.as_bytes(), [b'A'..=b'Z', _, _, b' ', ..]) && text.get(..3).is_some_and(|name| MONTHS.contains(&name))
}

/// What follows `<38>`.
fn priority(line: &str) -> Option<&str> {
    let (number, rest) = line.strip_prefix('<')?.split_once('>')?;
    (matches!(number.len(), 1..=3) && number.bytes().all(|byte| byte.is_ascii_digit())).then_some(rest)
}

/// `time host program process message-id [data] message`, each `-` where it is not said.
fn rfc_5424(rest: &str) -> Option<(Header<'_>, &str)> {
    let mut words = rest.splitn(6, ' ');
    let mut word = || words.next().map(|word| if word == "-" { "" } else { word });
    let (time, host, program, process, _) = (word()?, word()?, word()?, word()?, word()?);
    let rest = words.next()?;
    let message = after_data(rest)?.trim_start();
    let message = message.strip_prefix('\u{feff}').unwrap_or(message);
    Some((Header { time: Timestamp::parse(time).ok(), without_year: false, host, program, process }, message))
}

/// What follows the structured data: `-`, or `[id name="value"]` once or more, with `\]` and `\"` within values.
fn after_data(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix('-') {
        return Some(rest);
    }
    let bytes = text.as_bytes();
    let (mut at, mut quoted) = (0, false);
    while bytes.get(at) == Some(&b'[') {
        loop {
            at += 1;
            match bytes.get(at)? {
                b'\\' if quoted => at += 1,
                b'"' => quoted = !quoted,
                b']' if !quoted => break,
                _ => {}
            }
        }
        at += 1;
    }
    text.get(at..).filter(|_| at > 0)
}

/// `Jan  2 2026 03:04:05`, as devices write it, and what follows it.
fn with_year(line: &str) -> Option<(Timestamp, &str)> {
    if !is_month(line) {
        return None;
    }
    let (read, length) = BrokenDownTime::parse_prefix("%b %e %Y %H:%M:%S%.f", line).ok()?;
    let rest = line.get(length..)?.trim_start_matches(':').strip_prefix(' ')?;
    let time = read.to_datetime().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some((Timestamp::from_secs(time.as_second()), rest))
}

/// `Jan  2 03:04:05` and what follows it.
fn without_year(line: &str, now: Timestamp) -> Option<(Timestamp, &str)> {
    // Most lines that are none of syslog end here.
    if !is_month(line) {
        return None;
    }
    let (read, length) = BrokenDownTime::parse_prefix("%b %e %H:%M:%S%.f", line).ok()?;
    let rest = line.get(length..)?.strip_prefix(' ')?;
    let (month, day, clock) = (read.month()?, read.day()?, read.to_time().ok()?);
    let latest = now.plus_secs(AHEAD_SECS);
    let year: i16 = latest.to_string().get(..4)?.parse().ok()?;
    // Eight years back there was a 29 February, even across a turn of the century.
    let time = (0..=8).find_map(|back| {
        let date = jiff::civil::Date::new(year - back, month, day).ok()?;
        let time = Timestamp::from_secs(date.to_datetime(clock).to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second());
        (time <= latest).then_some(time)
    })?;
    Some((time, rest))
}

/// `program[process]: message`.
fn program<'a>(text: &'a str, host: &'a str) -> Option<(Header<'a>, &'a str)> {
    let (tag, message) = text.split_once(':')?;
    if tag.is_empty() || tag.contains(' ') || !(message.is_empty() || message.starts_with(' ')) {
        return None;
    }
    let (program, process) = tag.split_once('[').map_or((tag, ""), |(program, process)| (program, process.trim_end_matches(']')));
    let message = message.trim_start();
    // Solaris: `[ID 800047 auth.info] message`.
    let message = message.strip_prefix("[ID ").and_then(|rest| rest.split_once("] ")).map_or(message, |(_, message)| message);
    (!program.is_empty()).then_some((Header { time: None, without_year: false, host, program, process }, message))
}

/// `auth.info` as BusyBox writes it, and `auth|security:info` as AIX does.
fn is_facility(word: &str) -> bool {
    const FACILITIES: &[&str] = &[
        "auth", "authpriv", "daemon", "kern", "user", "mail", "syslog", "cron", "news", "lpr", "uucp", "ftp", "ntp", "security", "console",
    ];
    let name = word.split(['.', '|', ':']).next().unwrap_or_default();
    name.len() < word.len() && (FACILITIES.contains(&name) || name.strip_prefix("local").is_some_and(|number| number.len() == 1))
}

#[cfg(test)]
mod tests {
    use super::header;
    use bartizan_core::Timestamp;
    use proptest::prelude::*;

    const NOW: &str = "2026-03-01T00:00:00Z";

    /// Time, host, program, process, message.
    fn of(line: &str) -> Option<[String; 5]> {
        let (header, message) = header(line, Timestamp::parse(NOW).unwrap())?;
        let time = header.time.map(|time| time.to_string()).unwrap_or_default();
        Some([&time, header.host, header.program, header.process, message].map(str::to_owned))
    }

    #[test]
    fn headers_of_many_systems() {
        for (line, expected) in [
            ("Feb 28 03:04:05 h sshd[1]: a: b", ["2026-02-28T03:04:05Z", "h", "sshd", "1", "a: b"]),
            ("Feb  2 03:04:05 h sshd: x", ["2026-02-02T03:04:05Z", "h", "sshd", "", "x"]),
            ("<38>Feb  2 03:04:05 h sshd[1]: x", ["2026-02-02T03:04:05Z", "h", "sshd", "1", "x"]),
            ("Feb  2 03:04:05 h auth.info sshd[1]: x", ["2026-02-02T03:04:05Z", "h", "sshd", "1", "x"]),
            ("Feb  2 03:04:05 h auth|security:info sshd[1]: x", ["2026-02-02T03:04:05Z", "h", "sshd", "1", "x"]),
            ("120 <38>Feb  2 03:04:05 h sshd[1]: x", ["2026-02-02T03:04:05Z", "h", "sshd", "1", "x"]),
            ("Feb  2 2025 03:04:05 h sshd[1]: x", ["2025-02-02T03:04:05Z", "h", "sshd", "1", "x"]),
            ("Feb  2 03:04:05 sshd[1]: x", ["2026-02-02T03:04:05Z", "", "sshd", "1", "x"]),
            ("Feb  2 03:04:05 h sshd[1]: [ID 800047 auth.info] x", ["2026-02-02T03:04:05Z", "h", "sshd", "1", "x"]),
            ("Feb  2 03:04:05 h last message repeated 3 times", ["2026-02-02T03:04:05Z", "h", "", "", "last message repeated 3 times"]),
            ("2026-01-31T09:30:00.5+01:00 h postfix/smtpd[1]: x", ["2026-01-31T08:30:00.5Z", "h", "postfix/smtpd", "1", "x"]),
            ("2026-01-31T09:30:00+0100 h sshd[1]: x", ["2026-01-31T08:30:00Z", "h", "sshd", "1", "x"]),
            ("<38>1 2026-01-31T09:30:00.9-04:00 fw.example sshd 50 - - x y", ["2026-01-31T13:30:00.9Z", "fw.example", "sshd", "50", "x y"]),
            ("<38>1 - - sshd - ID [a@1 b=\"]\\\"\"][c] \u{feff}x", ["", "", "sshd", "", "x"]),
            ("Mar  1 13:00:00 h sshd[1]: x", ["2026-03-01T13:00:00Z", "h", "sshd", "1", "x"]),
            ("Mar  1 15:00:00 h sshd[1]: x", ["2025-03-01T15:00:00Z", "h", "sshd", "1", "x"]),
            ("Dec 31 23:59:59 h sshd[1]: x", ["2025-12-31T23:59:59Z", "h", "sshd", "1", "x"]),
            ("Feb 29 12:00:00 h sshd[1]: x", ["2024-02-29T12:00:00Z", "h", "sshd", "1", "x"]),
        ] {
            assert_eq!(of(line), Some(expected.map(str::to_owned)), "{line}");
        }
        for line in [
            "",
            "Feb",
            "Feb 30 00:00:00 host x",
            "Foo 1 00:00:00 host x",
            "Feb 1 25:00:00 host x",
            "2026 host x",
            "<38",
            "é 1 2 3",
            "<1234>Feb  2 03:04:05 h sshd[1]: x",
            "203.0.113.7 - - [06/Mar/2024:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5",
            "2015-05-13T23:39:43.9Z elb 192.0.2.1:2817 10.0.0.1:80 0.1",
            "2024-03-06T10:00:00Z stdout F x",
            "<38>1 2026-01-31T09:30:00Z h sshd 50 - [open",
        ] {
            assert_eq!(of(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_harmless(text in "(<[0-9]{0,4}>)?(1 )?(Feb  2 03:04:05|2026-01-31T09:30:00Z)?.{0,60}") {
            let _ = header(&text, Timestamp::from_secs(0));
        }
    }
}
