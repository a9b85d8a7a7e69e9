//! Event time.

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// An instant in UTC: microseconds since 1970-01-01T00:00:00Z, years 0 to 9999. Leap seconds do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[repr(transparent)]
pub struct Timestamp(i64);

/// A text is not an RFC 3339 time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is not an RFC 3339 date and time such as 2026-01-31T09:30:00Z")]
pub struct TimeError {
    /// The text, at most 64 characters of it.
    pub text: String,
}

const MICROS_PER_SEC: i64 = 1_000_000;
const SECS_PER_DAY: i64 = 86_400;

impl Timestamp {
    /// From microseconds since the epoch, clamped to years 0 to 9999 so that every value can be printed.
    #[must_use]
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(-62_167_219_200 * MICROS_PER_SEC, 253_402_207_200 * MICROS_PER_SEC - 1))
    }

    /// From whole seconds since the epoch, clamped likewise.
    #[must_use]
    pub fn from_secs(secs: i64) -> Self {
        Self::from_micros(secs.saturating_mul(MICROS_PER_SEC))
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub fn secs(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SEC)
    }

    /// Hour of the day in UTC with its fraction, [0, 24).
    #[must_use]
    pub fn hour(self) -> f64 {
        self.secs().rem_euclid(SECS_PER_DAY) as f64 / 3600.0
    }

    /// Later by `secs` (or earlier, when negative), clamped to the range.
    #[must_use]
    pub fn plus_secs(self, secs: i64) -> Self {
        Self::from_micros(self.0.saturating_add(secs.saturating_mul(MICROS_PER_SEC)))
    }

    /// Seconds from `earlier` to this.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / MICROS_PER_SEC as f64
    }

    /// Parses RFC 3339; without a zone it is UTC; up to nine fractional digits, of which six are kept. A bare date is
    /// its midnight.
    ///
    /// # Errors
    /// When the text is no such time.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let trimmed = text.trim();
        // The library knows no instant in the last two days of the year 9999: those are computed from their parts.
        let parsed = trimmed.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_microsecond).or_else(|_| from_parts(trimmed));
        match parsed {
            Ok(micros) if !trimmed.starts_with('-') => Ok(Self::from_micros(micros)),
            _ => Err(TimeError { text: text.chars().take(64).collect() }),
        }
    }
}

/// Microseconds of a date and time with or without an offset from UTC.
fn from_parts(text: &str) -> Result<i64, jiff::Error> {
    let pieces = jiff::fmt::temporal::Pieces::parse(text)?;
    let civil = DateTime::from_parts(pieces.date(), pieces.time().unwrap_or_default());
    let offset = pieces.to_numeric_offset().map_or(0, jiff::tz::Offset::seconds);
    let since = civil.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0));
    // Within ten thousand years there are fewer microseconds than 64 bits count.
    Ok(since.as_micros() as i64 - i64::from(offset) * MICROS_PER_SEC)
}

impl fmt::Display for Timestamp {
    /// RFC 3339, UTC, `Z`; microseconds only where there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => Err(fmt::Error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn times_are_read_with_and_without_a_zone() {
        /// The last instant that can be written.
        const LAST: i64 = 253_402_207_200_000_000 - 1;
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1970-01-01T00:00:01.5", 1_500_000),
            ("1970-01-01 00:00:01", 1_000_000),
            ("1970-01-01T02:00:00+02:00", 0),
            ("1970-01-01T00:00:00.123456789Z", 123_456),
            ("2262-12-31T23:59:59Z", 9_246_182_399_000_000),
            ("1969-12-31T23:59:59Z", -1_000_000),
            ("1970-01-02", 86_400_000_000),
            ("9999-12-31", LAST),
            ("9999-12-31T23:59:59.999999Z", LAST),
            ("9999-12-31 23:59:59", LAST),
            ("9999-12-31T23:59:59-23:00", LAST),
            ("9999-12-30", 253_402_128_000_000_000),
            ("0001-01-01", -62_135_596_800_000_000),
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().micros(), expected, "{text}");
        }
        for bad in ["", "yesterday", "2026-13-01T00:00:00Z", "12:00", "-000001-01-01T00:00:00Z"] {
            assert!(Timestamp::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_are_written_in_utc() {
        assert_eq!(Timestamp::parse("2026-01-31T10:30:00+01:00").unwrap().to_string(), "2026-01-31T09:30:00Z");
        for extreme in [i64::MIN, i64::MAX] {
            let text = Timestamp::from_micros(extreme).to_string();
            assert_eq!(Timestamp::parse(&text).unwrap(), Timestamp::from_micros(extreme), "{text}");
        }
    }

    #[test]
    fn parts_of_the_day() {
        let saturday = Timestamp::parse("2026-01-31T06:30:00Z").unwrap();
        assert_eq!(saturday.hour(), 6.5);
        assert_eq!(saturday.plus_secs(90).seconds_since(saturday), 90.0);
    }
}
