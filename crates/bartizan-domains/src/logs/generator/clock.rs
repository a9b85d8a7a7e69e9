//! What the clock on the wall shows at a moment of the generated span.

use bartizan_core::Timestamp;

const DAY: i64 = 86_400;

/// Seconds since the beginning of the span, as hours and days in any time zone.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    start: i64,
}

impl Clock {
    pub(super) fn new(start: Timestamp) -> Self {
        Self { start: start.secs() }
    }

    fn local(self, at: f64, zone: i64) -> i64 {
        self.start + at as i64 + zone * 3_600
    }

    /// Hour of the day with its fraction, [0, 24).
    pub(super) fn hour(self, at: f64, zone: i64) -> f64 {
        self.local(at, zone).rem_euclid(DAY) as f64 / 3_600.0
    }

    /// Days since the epoch.
    pub(super) fn day(self, at: f64, zone: i64) -> i64 {
        self.local(at, zone).div_euclid(DAY)
    }

    pub(super) fn is_weekend(self, at: f64, zone: i64) -> bool {
        // The first day of the epoch was a Thursday.
        (self.day(at, zone) + 3).rem_euclid(7) >= 5
    }

    /// Midnights of UTC in the span, as seconds since its beginning; the first may be before it.
    pub(super) fn midnights(self, span: f64) -> impl Iterator<Item = f64> {
        let first = -(self.start.rem_euclid(DAY) as f64);
        (0..).map(move |day| first + (day * DAY) as f64).take_while(move |at| *at < span)
    }

    /// Whether the day is the last of its month in UTC.
    pub(super) fn ends_month(self, at: f64) -> bool {
        day_of_month(self.day(at, 0) + 1) == 1
    }
}

/// From days since the epoch, in the Gregorian calendar. Years are counted from March, so that a leap day is the last.
fn day_of_month(days: i64) -> i64 {
    let in_era = (days + 719_468).rem_euclid(146_097);
    let year = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    in_year - (153 * month + 2) / 5 + 1
}

#[cfg(test)]
mod tests {
    use super::Clock;
    use bartizan_core::Timestamp;

    #[test]
    fn the_calendar() {
        for (text, zone, hour, weekend, last) in [
            ("2026-01-05T00:00:00Z", 0, 0.0, false, false),
            ("2026-01-05T00:30:00Z", -1, 23.5, true, false),
            ("2026-01-31T22:00:00Z", 1, 23.0, true, true),
            ("2028-02-28T12:00:00Z", 0, 12.0, false, false),
            ("2028-02-29T12:00:00Z", 0, 12.0, false, true),
            ("1999-12-31T12:00:00Z", 0, 12.0, false, true),
        ] {
            let clock = Clock::new(Timestamp::parse(text).unwrap());
            assert_eq!((clock.hour(0.0, zone), clock.is_weekend(0.0, zone), clock.ends_month(0.0)), (hour, weekend, last), "{text}");
        }
        let clock = Clock::new(Timestamp::parse("2026-01-05T06:00:00Z").unwrap());
        assert_eq!(clock.midnights(90_000.0).collect::<Vec<_>>(), [-21_600.0, 64_800.0]);
    }
}
