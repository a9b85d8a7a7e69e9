//! What training learns of sessions besides the estimator: how large each number usually is, for reasons.

use super::features::{RANGES, TABLE};
use super::{NAMES, SessionEvent};
use bartizan_core::Extract;
use serde::{Deserialize, Serialize};

/// How large one number is in the learned sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usual {
    /// Mean.
    pub mean: f32,
    /// Half of the sessions have at most this.
    pub median: u16,
    /// 95 % of the sessions have at most this.
    pub p95: u16,
}

/// Learned from sessions of normal operation; stored in the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BehaviorBaselines {
    /// Sessions learned from.
    pub rows: u64,
    /// For each feature, in order.
    pub usual: [Usual; 6],
    /// Sessions among them that were made from logs; 0 in models of release 0.1.0, which did not count them.
    pub from_logs: u64,
}

impl BehaviorBaselines {
    /// The numbers have small ranges, so that counting each value gives exact percentiles in little memory.
    pub(super) fn fit<'a>(events: impl Iterator<Item = &'a SessionEvent>) -> Self {
        let mut counts = RANGES.map(|(_, most)| vec![0_u64; usize::from(most) + 1]);
        let (mut rows, mut from_logs) = (0, 0);
        for event in events {
            rows += 1;
            from_logs += u64::from(event.logins.is_some());
            for (counts, value) in counts.iter_mut().zip(event.values()) {
                let last = counts.len() - 1;
                counts[usize::from(value).min(last)] += 1;
            }
        }
        Self { rows, usual: counts.map(|counts| usual(&counts, rows)), from_logs }
    }
}

fn usual(counts: &[u64], rows: u64) -> Usual {
    let at_most = |share: f64| {
        let (wanted, mut seen) = ((share * rows as f64).ceil() as u64, 0);
        let found = counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        found.unwrap_or_default() as u16
    };
    let sum: f64 = counts.iter().zip(0_u32..).map(|(count, value)| *count as f64 * f64::from(value)).sum();
    Usual { mean: (sum / rows.max(1) as f64) as f32, median: at_most(0.5), p95: at_most(0.95) }
}

impl Extract for BehaviorBaselines {
    type Event = SessionEvent;
    type Recent = ();

    fn extract(&self, event: &SessionEvent, (): &(), row: &mut [f32]) {
        for (cell, value) in row.iter_mut().zip(event.values()) {
            *cell = f32::from(value);
        }
    }

    /// Sessions from logs resemble neither those that are generated nor those that clients count: how unusual one is can be said from the
    /// time on when most of the sessions learned from are from logs. Six counters are judged by whatever was learned.
    fn covers(&self, event: &SessionEvent) -> bool {
        event.logins.is_none() || (self.from_logs > 0 && 2 * self.from_logs >= self.rows)
    }

    /// Says nothing of a number that the middle one of the learned sessions has, too, nor of a smaller one that only stands out by
    /// being large.
    fn reason(&self, event: &SessionEvent, _row: &[f32], index: usize) -> Option<String> {
        let (value, usual) = (event.values().get(index).copied()?, self.usual.get(index)?);
        let low_is_odd = TABLE[index].direction == bartizan_core::Direction::Both;
        match NAMES[index] {
            "sql_payload" => return (value > 0).then(|| "an injection token was seen in what it sent".to_owned()),
            "honeytoken_access" => return (value > 0).then(|| "it touched a decoy resource".to_owned()),
            _ if value == usual.median || (value < usual.median && !low_is_odd) => return None,
            _ => {}
        }
        let counted = |one: &str, many: &str, when: &str| match value {
            1 => format!("1 {one} {when}"),
            // What is beyond a range counts as its end; longer sessions become several.
            _ if value >= RANGES[index].1 && NAMES[index] != "session_time" => format!("{value} {many} or more {when}"),
            _ => format!("{value} {many} {when}"),
        };
        let said = match NAMES[index] {
            "failed_logins" => counted("failed login", "failed logins", "in one session"),
            "request_rate" => counted("request", "requests", "in its busiest second"),
            "commands_count" => counted("command or change", "commands or changes", "in one session"),
            _ => counted("second", "seconds", "from beginning to end"),
        };
        Some(match self.rows {
            0 => said,
            _ if !self.covers(event) => said,
            _ if value < usual.median => format!("{said}; half of the learned sessions have at least {}", usual.median),
            _ if value < usual.p95 => format!("{said}; half of the learned sessions have at most {}", usual.median),
            _ => format!("{said}; 95 % of the learned sessions have at most {}", usual.p95),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{BehaviorBaselines, SessionEvent, Usual};
    use crate::behavior::Logins;
    use bartizan_core::{Extract, Timestamp};

    fn session(values: [u16; 6]) -> SessionEvent {
        SessionEvent::from_values(Timestamp::from_secs(0), values)
    }

    #[test]
    fn percentiles_are_exact() {
        let events: Vec<SessionEvent> = (1..=100).map(|i| session([i, i, 0, 0, u16::from(i > 94), 600])).collect();
        let learned = BehaviorBaselines::fit(events.iter());
        assert_eq!(learned.rows, 100);
        assert_eq!(learned.usual[0], Usual { mean: 50.5, median: 50, p95: 95 });
        assert_eq!((learned.usual[4].p95, learned.usual[5].median), (1, 600));
        assert_eq!(BehaviorBaselines::fit([].iter()).usual, [Usual::default(); 6]);
    }

    #[test]
    fn rows_are_the_six_numbers() {
        let mut row = [f32::NAN; 6];
        BehaviorBaselines::default().extract(&session([120, 200, 3, 1, 0, 600]), &(), &mut row);
        assert_eq!(row, [120.0, 200.0, 3.0, 1.0, 0.0, 600.0]);
        let mut short = [0.0; 2];
        BehaviorBaselines::default().extract(&session([120, 200, 3, 1, 0, 600]), &(), &mut short);
        assert_eq!(short, [120.0, 200.0]);
    }

    #[test]
    fn sessions_from_logs_are_covered_where_most_are_from_logs() {
        let from_log = |event: SessionEvent| SessionEvent { logins: Some(Logins::default()), ..event };
        let (counted, logged) = (session([0, 1, 0, 0, 0, 10]), from_log(session([0, 1, 0, 0, 0, 10])));
        for (counters, logs, expected) in [(0, 0, false), (100, 0, false), (51, 49, false), (50, 50, true), (0, 100, true)] {
            let events = std::iter::repeat_n(&counted, counters).chain(std::iter::repeat_n(&logged, logs));
            let learned = BehaviorBaselines::fit(events);
            assert_eq!((learned.covers(&logged), learned.covers(&counted)), (expected, true), "{counters} and {logs}");
        }
    }

    #[test]
    fn reasons_are_sentences() {
        let events: Vec<SessionEvent> = (0..100).map(|i| session([i, 1 + i, i % 20, 0, 0, 100 + i])).collect();
        let learned = BehaviorBaselines::fit(events.iter());
        let (busy, calm) = (session([120, 550, 18, 1, 1, 600]), session([1, 1, 1, 0, 0, 12]));
        for (event, index, expected) in [
            (&busy, 0, "120 failed logins in one session; 95 % of the learned sessions have at most 94"),
            (&busy, 1, "550 requests in its busiest second; 95 % of the learned sessions have at most 95"),
            (&busy, 2, "18 commands or changes in one session; 95 % of the learned sessions have at most 18"),
            (&busy, 3, "an injection token was seen in what it sent"),
            (&busy, 4, "it touched a decoy resource"),
            (&busy, 5, "600 seconds from beginning to end; 95 % of the learned sessions have at most 194"),
            (&calm, 5, "12 seconds from beginning to end; half of the learned sessions have at least 149"),
        ] {
            assert_eq!(learned.reason(event, &[], index).as_deref(), Some(expected));
        }
        let usual = session([49, 50, 9, 0, 0, 149]);
        for (event, index) in [(&calm, 0), (&calm, 3), (&calm, 4), (&calm, 6), (&usual, 0), (&usual, 5)] {
            assert_eq!(learned.reason(event, &[], index), None, "{index}");
        }
        assert_eq!(BehaviorBaselines::default().reason(&busy, &[], 0).as_deref(), Some("120 failed logins in one session"));
        assert_eq!(BehaviorBaselines::default().reason(&session([0, 1, 0, 0, 0, 60]), &[], 0), None);
        let most = session([150, 600, 20, 1, 1, 600]);
        for (index, expected) in [
            (0, "150 failed logins or more in one session"),
            (1, "600 requests or more in its busiest second"),
            (2, "20 commands or changes or more in one session"),
            (5, "600 seconds from beginning to end"),
        ] {
            assert_eq!(BehaviorBaselines::default().reason(&most, &[], index).as_deref(), Some(expected));
        }
    }
}
