//! Times and addresses as logs write them.

use bartizan_core::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;
use std::net::IpAddr;

/// How far ahead of `now` a time may be and still be of this year: hosts write their local time without its zone.
const AHEAD_SECS: i64 = 14 * 3_600;

/// The time that a line of syslog begins with, and what follows it: `Jan  2 03:04:05` without a year, which is then the
/// latest one that does not put it after `now`, or RFC 3339.
pub(super) fn leading(line: &str, now: Timestamp) -> Option<(Timestamp, &str)> {
    let line = match line.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
        Some((priority, rest)) if priority.len() <= 3 && priority.bytes().all(|b| b.is_ascii_digit()) => rest,
        _ => line,
    };
    if line.starts_with(|c: char| c.is_ascii_digit()) {
        let (time, rest) = line.split_once(' ')?;
        return Some((Timestamp::parse(time).ok()?, rest));
    }
    let line = line.trim_start();
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

/// The first word of a line, and what follows it.
pub(super) fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.find(' ')?;
    (end > 0).then(|| (&text[..end], &text[end + 1..]))
}

/// An address in its usual form; an IPv4 address within IPv6 as IPv4.
pub(super) fn address(text: &str) -> Option<String> {
    text.trim().parse::<IpAddr>().ok().map(|ip| ip.to_canonical().to_string())
}

#[cfg(test)]
mod tests {
    use super::{address, leading};
    use bartizan_core::Timestamp;

    #[test]
    fn the_year_is_the_latest_that_is_not_ahead() {
        let now = Timestamp::parse("2026-03-01T00:00:00Z").unwrap();
        for (line, expected) in [
            ("Feb 28 03:04:05 host sshd[1]: x", "2026-02-28T03:04:05Z"),
            ("Mar  1 00:00:00 host sshd[1]: x", "2026-03-01T00:00:00Z"),
            ("Mar  1 13:00:00 host sshd[1]: x", "2026-03-01T13:00:00Z"),
            ("Mar  1 15:00:00 host sshd[1]: x", "2025-03-01T15:00:00Z"),
            ("Dec 31 23:59:59 host sshd[1]: x", "2025-12-31T23:59:59Z"),
            ("Feb 29 12:00:00 host sshd[1]: x", "2024-02-29T12:00:00Z"),
            ("<38>Feb  2 03:04:05 host sshd[1]: x", "2026-02-02T03:04:05Z"),
            ("2026-01-31T09:30:00.5+01:00 host sshd[1]: x", "2026-01-31T08:30:00.5Z"),
            ("2026-01-31T09:30:00+0100 host sshd[1]: x", "2026-01-31T08:30:00Z"),
        ] {
            let (time, rest) = leading(line, now).unwrap();
            assert_eq!((time.to_string().as_str(), rest), (expected, "host sshd[1]: x"), "{line}");
        }
        for line in ["", "Feb", "Feb 30 00:00:00 host x", "Foo 1 00:00:00 host x", "Feb 1 25:00:00 host x", "2026 host x", "<38", "é 1 2 3"]
        {
            assert_eq!(leading(line, now), None, "{line}");
        }
        let early = Timestamp::parse("0001-01-01T00:00:00Z").unwrap();
        assert!(leading("Feb 29 12:00:00 host x", early).is_some_and(|(time, _)| time < early));
    }

    #[test]
    fn addresses_have_one_form() {
        assert_eq!(address(" ::ffff:192.0.2.1 ").as_deref(), Some("192.0.2.1"));
        assert_eq!(address("2001:DB8::1").as_deref(), Some("2001:db8::1"));
        assert_eq!(address("host.example"), None);
    }
}
