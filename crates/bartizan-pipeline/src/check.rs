//! What is wrong with a training, before anything is read for it.

use crate::manage::DEFAULT_ALGORITHM;
use crate::{RequestError, Settings, TrainRequest, alarms_a_day, version};
use bartizan_core::Contamination;
use bartizan_estimators::Algorithm;
use bartizan_estimators::thresholds::FalseAlarmBudget;

impl TrainRequest {
    /// Everything that is wrong with the request itself, whatever there is to learn from: a version that is no name, a
    /// contamination or a number of false alarms out of range, an algorithm that does not exist, parameters that it does not have
    /// or that are out of range.
    #[must_use]
    pub fn faults(&self, settings: &Settings) -> Vec<RequestError> {
        let version = self.version.clone().and_then(|name| version::check(name).err()).map(RequestError::from);
        let contamination = self.contamination.and_then(|share| Contamination::try_from(share).err()).map(RequestError::from);
        let budget = self.one_false_alarm_in.and_then(|count| FalseAlarmBudget::try_from(count).err()).map(RequestError::from);
        let params = Algorithm::faults(&self.params.over(&settings.params), DEFAULT_ALGORITHM);
        let a_day = alarms_a_day::fault(self, settings);
        version.into_iter().chain(contamination).chain(a_day).chain(budget).chain(params.into_iter().map(RequestError::from)).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::{Settings, TrainRequest};
    use bartizan_estimators::RawParams;

    #[test]
    fn each_fault_is_found_without_data() {
        let settings = Settings::new("requests");
        let with = |change: fn(&mut TrainRequest)| {
            let mut request = TrainRequest::default();
            change(&mut request);
            request.faults(&settings).first().map(ToString::to_string)
        };
        assert_eq!(with(|_| ()), None);
        for (change, word) in [
            ((|r| r.contamination = Some(0.7)) as fn(&mut TrainRequest), "0.7"),
            (|r| r.one_false_alarm_in = Some(1), "1"),
            (|r| r.alarms_per_day = Some(0), "alarms_per_day"),
            (|r| (r.alarms_per_day, r.contamination) = (Some(5), Some(0.1)), "one of them"),
            (|r| r.version = Some("a/b".to_owned()), "a/b"),
            (|r| r.params = RawParams::named("nonsense"), "nonsense"),
            (|r| r.params = RawParams::named("isolation_forest").with("n_estimators", 0.0), "n_estimators"),
            (|r| r.params = RawParams::named("isolation_forest").with("nonsense", 1.0), "nonsense"),
        ] {
            let error = with(change).unwrap();
            assert!(error.contains(word), "{word}: {error}");
        }
    }
}
