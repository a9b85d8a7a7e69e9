//! What training keeps of flows besides the estimator: what is usual of each feature, to say why one stands out.

use super::FlowEvent;
use super::features::{FeatureSet, TABLE, WIDTH};
use bartizan_core::Extract;
use serde::{Deserialize, Serialize};

/// Flows that quantiles are taken of, evenly spread over all that come.
const MAX_ROWS: usize = 50_000;

/// What is usual of one feature.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Usual {
    /// 1 % of the learned flows have less.
    low: f32,
    median: f32,
    /// 1 % of the learned flows have more.
    high: f32,
}

/// Learned from flows of normal operation; stored in the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlowBaselines {
    features: FeatureSet,
    /// A bit for each feature that some learned flow had. Of the others nothing is known, so that they are 0 in every row: a model that
    /// learned from a table with fewer columns does not find every flow of a full one odd.
    given: u128,
    /// For each feature; empty when nothing was learned.
    usual: Vec<Usual>,
}

impl FlowBaselines {
    /// Learns what is usual, for all features.
    #[must_use]
    pub fn fit<'a>(events: impl Iterator<Item = &'a FlowEvent>) -> Self {
        Self::fit_with(events, FeatureSet::All)
    }

    /// Learns what is usual, for a model that is given `features`.
    #[must_use]
    pub fn fit_with<'a>(events: impl Iterator<Item = &'a FlowEvent>, features: FeatureSet) -> Self {
        let mut given = 0;
        let rows = spread(events.inspect(|event| given |= given_by(event)));
        if rows.is_empty() {
            return Self { features, given: u128::MAX, usual: Vec::new() };
        }
        let mut column = Vec::with_capacity(rows.len());
        let usual = (0..WIDTH).map(|index| {
            column.clear();
            column.extend(rows.iter().map(|row| value(row, index)));
            let mut at = |share: f64| {
                let place = ((column.len() - 1) as f64 * share).round() as usize;
                *column.select_nth_unstable_by(place, f32::total_cmp).1
            };
            Usual { low: at(0.01), median: at(0.5), high: at(0.99) }
        });
        Self { features, given, usual: usual.collect() }
    }

    /// The features that the model is given.
    #[must_use]
    pub fn features(&self) -> FeatureSet {
        self.features
    }

    fn uses(&self, index: usize) -> bool {
        self.features.has(index) && self.given >> index & 1 == 1
    }
}

/// At most [`MAX_ROWS`] of the events, every n-th.
fn spread<'a>(events: impl Iterator<Item = &'a FlowEvent>) -> Vec<&'a FlowEvent> {
    let (mut kept, mut step) = (Vec::new(), 1);
    for (position, event) in events.enumerate() {
        if position % step != 0 {
            continue;
        }
        if kept.len() == MAX_ROWS {
            let mut even = false;
            kept.retain(|_| {
                even = !even;
                even
            });
            step *= 2;
            if position % step != 0 {
                continue;
            }
        }
        kept.push(event);
    }
    kept
}

/// A bit for each feature that a flow has.
fn given_by(event: &FlowEvent) -> u128 {
    let known = event.values.iter().take(WIDTH).enumerate().filter(|(_, value)| value.is_finite());
    known.fold(0, |given, (index, _)| given | 1 << index)
}

/// The number of a feature; missing is 0.
fn value(event: &FlowEvent, index: usize) -> f32 {
    event.values.get(index).copied().filter(|v| v.is_finite()).unwrap_or(0.0)
}

impl Extract for FlowBaselines {
    type Event = FlowEvent;
    type Recent = ();

    fn extract(&self, event: &FlowEvent, (): &(), row: &mut [f32]) {
        for (index, place) in row.iter_mut().enumerate() {
            *place = if self.uses(index) { value(event, index) } else { 0.0 };
        }
    }

    /// Says nothing of a number that the middle one of the learned flows has, too.
    fn reason(&self, event: &FlowEvent, row: &[f32], index: usize) -> Option<String> {
        let (feature, number) = (TABLE.get(index)?, row.get(index)?);
        let unit = match feature.unit.as_ref() {
            "port" | "ratio" => String::new(),
            unit => format!(" {unit}"),
        };
        let missing = event.values.get(index).is_none_or(|v| v.is_nan());
        let begin = if missing {
            format!("{} is missing and counts as 0", feature.name)
        } else {
            format!("{} is {}{unit}", feature.name, plain(*number))
        };
        let Some(usual) = self.usual.get(index) else { return (!missing).then_some(begin) };
        let than = match *number {
            number if number > usual.high => format!("99 % of the learned flows have at most {}", plain(usual.high)),
            number if number < usual.low => format!("99 % of the learned flows have at least {}", plain(usual.low)),
            number if number < usual.median => format!("half of the learned flows have at least {}", plain(usual.median)),
            number if number > usual.median => format!("half of the learned flows have at most {}", plain(usual.median)),
            _ => return None,
        };
        Some(format!("{begin}; {than}"))
    }
}

/// Numbers from here on are written with a power of ten.
const LARGE: f64 = 1e15;

/// A number for a person: whole, or with three significant digits.
fn plain(number: f32) -> String {
    let number = f64::from(number);
    let size = number.abs();
    if size >= LARGE {
        format!("{number:.1e}")
    } else if number.fract() == 0.0 || size >= 100.0 {
        format!("{number:.0}")
    } else if size >= 0.001 {
        let decimals = (2.0 - size.log10().floor()).clamp(0.0, 5.0) as usize;
        let text = format!("{number:.decimals$}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        format!("{number:.2e}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::features::{F, FeatureSet, WIDTH};
    use super::{FlowBaselines, FlowEvent, MAX_ROWS, plain, spread};
    use bartizan_core::{Extract, Timestamp};

    fn flow(rate: f32) -> FlowEvent {
        let mut values = vec![f32::NAN; WIDTH];
        values[F::FlowPacketsRate as usize] = rate;
        values[F::IdleMin as usize] = 7.0;
        let empty = String::new;
        FlowEvent { time: Timestamp::from_secs(0), event_id: empty(), source: empty(), destination: empty(), protocol: empty(), values }
    }

    fn row(baselines: &FlowBaselines, event: &FlowEvent) -> Vec<f32> {
        let mut row = vec![f32::NAN; WIDTH];
        baselines.extract(event, &(), &mut row);
        row
    }

    #[test]
    fn missing_is_zero_and_suspect_features_can_be_left_out() {
        let event = flow(f32::INFINITY);
        let all = row(&FlowBaselines::fit([&event].into_iter()), &event);
        assert!(all.iter().all(|v| v.is_finite()));
        assert_eq!((all[F::FlowPacketsRate as usize], all[F::IdleMin as usize]), (0.0, 7.0));
        let robust = FlowBaselines::fit_with([&event].into_iter(), FeatureSet::Robust);
        assert_eq!((row(&robust, &event)[F::IdleMin as usize], robust.features()), (0.0, FeatureSet::Robust));
    }

    #[test]
    fn features_that_no_learned_flow_had_are_left_out() {
        let (mut poor, mut rich) = (flow(3.0), flow(3.0));
        poor.values[F::IdleMin as usize] = f32::NAN;
        rich.values[F::Syn as usize] = 9.0;
        let learned = FlowBaselines::fit([&poor].into_iter());
        assert_eq!(row(&learned, &rich), row(&learned, &poor));
        let nothing = FlowBaselines::fit(std::iter::empty());
        assert_eq!(row(&nothing, &rich)[F::Syn as usize], 9.0);
    }

    #[test]
    fn reasons_compare_with_what_was_learned() {
        let events: Vec<FlowEvent> = (0..=1000).map(|i| flow(100.0 + i as f32 / 10.0)).collect();
        let baselines = FlowBaselines::fit(events.iter());
        let reason = |rate: f32, index: F| {
            let event = flow(rate);
            baselines.reason(&event, &row(&baselines, &event), index as usize)
        };
        for (rate, index, expected) in [
            (812_000.0, F::FlowPacketsRate, "Flow Packets/s is 812000 packets/s; 99 % of the learned flows have at most 199"),
            (0.1234, F::FlowPacketsRate, "Flow Packets/s is 0.123 packets/s; 99 % of the learned flows have at least 101"),
            (151.0, F::FlowPacketsRate, "Flow Packets/s is 151 packets/s; half of the learned flows have at most 150"),
            (149.0, F::FlowPacketsRate, "Flow Packets/s is 149 packets/s; half of the learned flows have at least 150"),
        ] {
            assert_eq!(reason(rate, index).as_deref(), Some(expected));
        }
        for (rate, index) in [(150.0, F::FlowPacketsRate), (1.0, F::Syn), (1.0, F::IdleMin)] {
            assert_eq!(reason(rate, index), None, "{index:?}");
        }
        let nothing = FlowBaselines::fit(std::iter::empty());
        assert_eq!(nothing.reason(&flow(2.5), &row(&nothing, &flow(2.5)), 15).as_deref(), Some("Flow Packets/s is 2.5 packets/s"));
        assert_eq!(nothing.reason(&flow(2.5), &[], 700), None);
    }

    #[test]
    fn numbers_are_written_for_people() {
        for (number, text) in [
            (f32::MAX, "3.4e38"),
            (-2e15, "-2.0e15"),
            (0.0, "0"),
            (-1.0, "-1"),
            (1e12, "999999995904"),
            (123.456, "123"),
            (1.5, "1.5"),
            (0.0456, "0.0456"),
            (1e-9, "1.00e-9"),
        ] {
            assert_eq!(plain(number), text);
        }
    }

    #[test]
    fn memory_is_bounded_and_the_rows_are_spread_evenly() {
        let events: Vec<FlowEvent> = (0..3).map(|i| flow(i as f32)).collect();
        let kept = spread((0..3 * MAX_ROWS + 1).map(|i| &events[(i > MAX_ROWS) as usize + (i > 2 * MAX_ROWS) as usize]));
        assert!((MAX_ROWS / 2..=MAX_ROWS).contains(&kept.len()), "{}", kept.len());
        for rate in [0.0, 1.0, 2.0] {
            let share = kept.iter().filter(|e| e.values[F::FlowPacketsRate as usize] == rate).count() as f64 / kept.len() as f64;
            assert!((share - 1.0 / 3.0).abs() < 0.01, "{share}");
        }
    }
}
