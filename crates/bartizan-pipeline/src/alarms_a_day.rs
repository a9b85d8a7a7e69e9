//! A budget of false alarms said as alarms a day: as one in how many of the events that come in a day.

use crate::lesson::Material;
use crate::{Instance, RecordPolicy, RequestError, Settings, TrainError, TrainRequest};
use bartizan_core::Domain;
use bartizan_estimators::thresholds::FalseAlarmBudget;
use bartizan_storage::HistoryQuery;

/// Rows of the history that are counted, the newest.
const COUNTED: usize = 100_000;
/// The shortest time that tells how many events there are in a day, in seconds.
const LEAST_SECS: f64 = 3_600.0;
const SECS_A_DAY: f64 = 86_400.0;
/// The fewest of all events that may be alarms: one in so many.
const ONE_IN: f64 = 1e9;

/// How many alarms a day are asked for, where they are.
pub(crate) fn asked(request: &TrainRequest, settings: &Settings) -> Option<u64> {
    let otherwise = request.contamination.is_some() || request.one_false_alarm_in.is_some();
    request.alarms_per_day.or(settings.alarms_per_day.filter(|_| !otherwise))
}

/// Why they cannot be asked for, whatever there is to learn from.
pub(crate) fn fault(request: &TrainRequest, settings: &Settings) -> Option<RequestError> {
    let count = asked(request, settings)?;
    if request.contamination.is_some() || request.one_false_alarm_in.is_some() {
        return Some(RequestError::TwoBudgets);
    }
    (count == 0 || settings.record == RecordPolicy::Anomalies).then_some(RequestError::AlarmsPerDay)
}

impl<D: Domain> Instance<D> {
    /// The budget that so many alarms a day are, by how many of the events that are learned from came in a day: those given, and the history
    /// where it is learned from.
    pub(crate) async fn budget_of(&self, alarms: u64, material: &Material<D>, with_history: bool) -> Result<FalseAlarmBudget, TrainError> {
        let given = material.learned.iter().chain(&material.rest).filter(|event| event.is_given);
        let mut secs: Vec<i64> = given.map(|event| D::facts(&event.event).time.secs()).collect();
        if with_history {
            let query = HistoryQuery { most: COUNTED, ..HistoryQuery::default() };
            let stored = self.store.history_index(&self.settings.name, query).await?;
            secs.extend(stored.iter().map(|entry| entry.event_time.secs()));
        }
        let events = secs.len();
        let a_day = a_day(secs).ok_or(TrainError::NoDay { events })?;
        let one_in = (a_day / alarms.max(1) as f64).min(ONE_IN) as u64;
        FalseAlarmBudget::try_from(one_in).map_err(|_| TrainError::MostOfADay { alarms, events: a_day as u64 })
    }
}

/// How many events came in a day, by how long the middle half of them took, since any number of clocks may be wrong; `None` where they took less
/// than an hour, or have no times.
fn a_day(mut secs: Vec<i64>) -> Option<f64> {
    secs.sort_unstable();
    let cut = secs.len() / 4;
    let taken = secs.iter().rev().nth(cut)?.saturating_sub(*secs.get(cut)?) as f64;
    let part = (secs.len() - 2 * cut).saturating_sub(1) as f64 / secs.len().saturating_sub(1).max(1) as f64;
    (taken >= LEAST_SECS * part && part > 0.0).then(|| part * (secs.len() - 1) as f64 * SECS_A_DAY / taken)
}

#[cfg(test)]
mod tests {
    use super::a_day;

    #[test]
    fn events_of_a_day_are_read_from_their_times() {
        let steady = |events: i64, gap: i64| (0..events).map(|i| 1_000 + gap * i).collect::<Vec<_>>();
        assert_eq!(a_day(steady(8_640, 10)), Some(8_640.0));
        assert_eq!(a_day(steady(121, 60)), Some(1_440.0), "two hours say it");
        assert_eq!(a_day(steady(100, 10)), None, "a quarter of an hour does not");
        assert_eq!(a_day(vec![5; 1_000]), None, "nor do events without times");
        assert_eq!(a_day(Vec::new()), None);
        let mut wrong = steady(8_640, 10);
        wrong.extend([i64::MIN, 0, i64::MAX].repeat(300));
        let told = a_day(wrong).unwrap();
        assert!((told / 8_640.0 - 1.0).abs() < 0.3, "{told}");
    }
}
