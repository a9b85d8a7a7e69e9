//! The years of a log whose times have none.
//!
//! Each time is first taken for the latest that is not ahead of now. A log that began more than a year ago passes the day that is today on
//! its way: there, such times jump back by a year. So time goes on within the log, and when its end is known, the whole is set back by as
//! many years as it jumped. Sessions of a log that may do so are held back until then, as many as memory allows.

use crate::behavior::sessions::Closed;
use bartizan_core::Timestamp;
use jiff::civil::Date;
use std::cell::Cell;
use std::collections::VecDeque;

/// Most sessions held back.
const MAX_HELD: usize = 8_192;
/// Seconds by which times jump at a turn, at least. Lines that are out of order are so by less.
const TURN_SECS: i64 = 300 * 86_400;
/// A log that began so many seconds ago is the one that is written now: its years are known.
const CURRENT_SECS: i64 = 31 * 86_400;

/// How many years a log has gone on beyond those that its times were taken for.
#[derive(Debug, Default)]
pub(super) struct Years {
    turns: Cell<i16>,
    last: Cell<Option<i64>>,
    is_old: Cell<bool>,
}

impl Years {
    /// A time of the log, in one order with the others.
    pub(super) fn place(&self, time: Timestamp, now: Timestamp) -> i64 {
        let secs = time.secs();
        match self.last.replace(Some(secs)) {
            None => self.is_old.set(now.secs().saturating_sub(secs) > CURRENT_SECS),
            Some(last) if last - secs > TURN_SECS => self.turns.set(self.turns.get().saturating_add(1)),
            Some(last) if secs - last > TURN_SECS => self.turns.set((self.turns.get() - 1).max(0)),
            Some(_) => {}
        }
        shifted(secs, self.turns.get())
    }

    /// Takes sessions; gives those whose years are known, or as well known as they will be.
    pub(super) fn pass(&self, held: &mut VecDeque<Closed>, closed: Vec<Closed>, is_end: bool) -> Vec<Closed> {
        held.extend(closed);
        let stay = if is_end || !self.is_old.get() { 0 } else { MAX_HELD };
        let back = -self.turns.get();
        let mut out: Vec<Closed> = held.drain(..held.len().saturating_sub(stay)).collect();
        for closed in out.iter_mut().filter(|_| back != 0) {
            closed.event.time = Timestamp::from_secs(shifted(closed.event.time.secs(), back));
        }
        out
    }
}

/// The same day and time, so many years later; of 29 February where there is none, the day before.
fn shifted(secs: i64, years: i16) -> i64 {
    if years == 0 {
        return secs;
    }
    let day = secs.div_euclid(86_400);
    let moved = || {
        let epoch = Date::constant(1970, 1, 1);
        let date = epoch.checked_add(jiff::Span::new().try_days(day).ok()?).ok()?;
        let date = date.checked_add(jiff::Span::new().try_years(years).ok()?).ok()?;
        Some(i64::from(epoch.until(date).ok()?.get_days()))
    };
    secs + (moved().unwrap_or(day) - day) * 86_400
}

#[cfg(test)]
mod tests {
    use super::{Timestamp, Years, shifted};

    #[test]
    fn days_move_by_years() {
        let secs = |text: &str| Timestamp::parse(text).unwrap().secs();
        for (from, years, expected) in [
            ("2026-03-01T10:00:00Z", 0, "2026-03-01T10:00:00Z"),
            ("2026-03-01T10:00:00Z", -1, "2025-03-01T10:00:00Z"),
            ("2024-02-29T10:00:00Z", 1, "2025-02-28T10:00:00Z"),
            ("2024-01-15T23:59:59Z", -1, "2023-01-15T23:59:59Z"),
            ("1969-06-01T00:00:01Z", -1, "1968-06-01T00:00:01Z"),
        ] {
            assert_eq!(shifted(secs(from), years), secs(expected), "{from} {years}");
        }
    }

    #[test]
    fn time_goes_on_within_a_log() {
        let now = Timestamp::parse("2026-10-10T12:00:00Z").unwrap();
        let time = |text: &str| Timestamp::parse(text).unwrap();
        let years = Years::default();
        let mut last = 0;
        // As a reader without a year takes them: June to February, over the day that is today.
        for at in ["2026-06-14T00:00:00Z", "2026-10-10T11:00:00Z", "2025-10-11T00:00:00Z", "2025-12-31T23:59:59Z", "2026-01-01T00:00:01Z"] {
            let placed = years.place(time(at), now);
            assert!(placed > last, "{at}");
            last = placed;
        }
        assert_eq!((years.turns.get(), years.is_old.get()), (1, true));
        // One line of a clock that was wrong for a moment.
        let years = Years::default();
        for at in ["2026-10-09T00:00:00Z", "2025-10-15T00:00:00Z", "2026-10-09T00:00:09Z"] {
            years.place(time(at), now);
        }
        assert_eq!((years.turns.get(), years.is_old.get()), (0, false));
    }
}
