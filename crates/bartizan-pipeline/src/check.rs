//! What is wrong with a training, before anything is read for it.

use crate::manage::DEFAULT_ALGORITHM;
use crate::{LifeCycleError, Settings, TrainRequest, version};
use bartizan_core::Contamination;
use bartizan_estimators::Algorithm;
use bartizan_estimators::thresholds::FalseAlarmBudget;

impl TrainRequest {
    /// Says what is wrong with the request itself, whatever there is to learn from.
    ///
    /// # Errors
    /// A version that is no name, a contamination or a number of false alarms out of range, an algorithm that does not exist,
    /// a parameter that it does not have or that is out of range.
    pub fn check(&self, settings: &Settings) -> Result<(), LifeCycleError> {
        self.version.clone().map(version::check).transpose()?;
        self.contamination.map(Contamination::try_from).transpose()?;
        self.one_false_alarm_in.map(FalseAlarmBudget::try_from).transpose()?;
        Algorithm::from_raw(&self.params.over(&settings.params), DEFAULT_ALGORITHM)?;
        Ok(())
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
            request.check(&settings).err().map(|error| error.to_string())
        };
        assert_eq!(with(|_| ()), None);
        for (change, word) in [
            ((|r| r.contamination = Some(0.7)) as fn(&mut TrainRequest), "0.7"),
            (|r| r.one_false_alarm_in = Some(1), "1"),
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
