//! Exit codes, and the mapping from errors to them.

use crate::config::Faults;
use crate::output::{visible_json, visible_lines};
use bartizan_core::FitError;
use bartizan_pipeline::{
    ActivateError, ExcludeError, ImportError, JudgeError, LoadError, RecordError, ReloadError, RequestError, TrainError, VersionError,
};
use bartizan_server::BindError;
use bartizan_storage::StoreError;
use std::io::{self, Write};

/// Exit codes of the process. Documented in `--help` and in the README.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Ok = 0,
    /// Failed for another reason than those below.
    Failure = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// The data given is wrong, or too little.
    BadData = 3,
    /// There is no such model, or none at all.
    NoModel = 4,
    /// The store is locked, full, damaged or not a store.
    Store = 5,
}

/// A failure that a command states itself: what is wrong and where, and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct Problem {
    pub(crate) exit: Exit,
    pub(crate) what: String,
    pub(crate) advice: Option<String>,
}

impl Problem {
    /// Wrong command line or configuration.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, what: what.into(), advice: None }
    }

    /// Wrong data.
    pub(crate) fn data(what: impl Into<String>) -> Self {
        Self { exit: Exit::BadData, what: what.into(), advice: None }
    }

    /// No model.
    pub(crate) fn model(what: impl Into<String>) -> Self {
        Self { exit: Exit::NoModel, what: what.into(), advice: None }
    }

    /// Adds advice on what to do.
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

/// Returns the exit code of an error.
pub(crate) fn exit_of(error: &anyhow::Error) -> Exit {
    error.chain().find_map(known).map_or(Exit::Failure, |(exit, _)| exit)
}

/// Returns advice on an error of a command about this detector, where there is some.
pub(crate) fn advice_of(error: &anyhow::Error, detector: Option<&str>) -> Option<String> {
    let (_, advice) = error.chain().find_map(known)?;
    advice.map(|advice| advice.replace("DETECTOR", detector.unwrap_or("DETECTOR")))
}

fn known(error: &(dyn std::error::Error + 'static)) -> Option<(Exit, Option<String>)> {
    if let Some(problem) = error.downcast_ref::<Problem>() {
        return Some((problem.exit, problem.advice.clone()));
    }
    if error.is::<Faults>() {
        return Some((Exit::Usage, Some("see every setting and where it comes from with `bartizan config show`".to_owned())));
    }
    if let Some(error) = error.downcast_ref::<StoreError>() {
        return Some((Exit::Store, Some(store_advice(error).to_owned())));
    }
    if let Some(known) = pipeline(error) {
        return Some(known);
    }
    if error.is::<BindError>() {
        return Some((Exit::Usage, None));
    }
    None
}

fn store_advice(error: &StoreError) -> &'static str {
    match error {
        StoreError::Unavailable(_) => "try again; if another process holds the database, stop it first",
        StoreError::Full(_) => "free space on the disk, or choose another folder with --data-dir",
        StoreError::Corrupt(_) => "restore the file from a backup, or choose another folder with --data-dir",
        StoreError::TooNew { .. } => "run the release that wrote it, or a newer one",
        StoreError::TimedOut { .. } => "ask for less at once",
        StoreError::Other(_) => "check that the folder named by --data-dir exists and may be written",
    }
}

/// Returns the exit code of an error of the pipeline, and advice where there is some.
fn pipeline(error: &(dyn std::error::Error + 'static)) -> Option<(Exit, Option<String>)> {
    let (exit, advice) = if let Some(error) = error.downcast_ref::<TrainError>() {
        training(error)?
    } else if let Some(error) = error.downcast_ref::<RequestError>() {
        request(error)
    } else if error.is::<VersionError>() {
        (Exit::Usage, OTHER_NAME)
    } else if let Some(error) = error.downcast_ref::<LoadError>() {
        loading(error)?
    } else if let Some(error) = error.downcast_ref::<ActivateError>() {
        match error {
            ActivateError::NoSuchModel => (Exit::NoModel, WHICH_MODELS),
            ActivateError::Load(error) => loading(error)?,
        }
    } else if let Some(error) = error.downcast_ref::<ReloadError>() {
        match error {
            ReloadError::NothingStored => (Exit::NoModel, WHICH_MODELS),
            ReloadError::Load(error) => loading(error)?,
        }
    } else if let Some(error) = error.downcast_ref::<ImportError>() {
        match error {
            ImportError::Version(_) => (Exit::Usage, OTHER_NAME),
            ImportError::VersionTaken { .. } => {
                (Exit::Usage, "store it under another name with --model-version, or in the place of that one with --replace")
            }
            ImportError::Load(error) => loading(error)?,
        }
    } else if let Some(error) = error.downcast_ref::<ExcludeError>() {
        match error {
            ExcludeError::Fault(_) => (Exit::Usage, "see `bartizan exclude --help`"),
            ExcludeError::TooMany { .. } => (Exit::Failure, "list them with `bartizan exclude DETECTOR`, and remove some with --remove ID"),
            ExcludeError::Store(error) => (Exit::Store, store_advice(error)),
        }
    } else if let Some(error) = error.downcast_ref::<RecordError>() {
        match error {
            RecordError::Store(error) => (Exit::Store, store_advice(error)),
            RecordError::Stopped(_) => return None,
        }
    } else {
        match error.downcast_ref::<JudgeError>()? {
            JudgeError::NoModel => (Exit::NoModel, "train one with `bartizan train DETECTOR FILE`"),
            JudgeError::Store(error) => (Exit::Store, store_advice(error)),
            JudgeError::Stopped(_) => return None,
        }
    };
    Some((exit, Some(advice.to_owned())))
}

const OTHER_NAME: &str = "choose another name with --model-version";
const WHICH_MODELS: &str = "see which there are with `bartizan models list DETECTOR`";

fn training(error: &TrainError) -> Option<(Exit, &'static str)> {
    use TrainError as E;
    Some(match error {
        E::Request(error) => request(error),
        E::TooFewEvents { excluded: 1.., .. } => {
            (Exit::BadData, "bring in more events with `bartizan import DETECTOR FILE`, or see what `bartizan exclude DETECTOR` keeps out")
        }
        E::TooFewEvents { .. } => (Exit::BadData, "bring in more events with `bartizan import DETECTOR FILE`"),
        E::TooFewNormal { .. } => (Exit::BadData, "add events that are normal, labelled so or not at all"),
        E::TooFewLabels { .. } => (Exit::BadData, "label more events with `bartizan label DETECTOR ID --anomalous --by NAME`"),
        E::TooLarge { .. } | E::ModelTooLarge(_) | E::TooLong { .. } => {
            (Exit::BadData, "see `bartizan train --help` and `bartizan config show`")
        }
        E::MostOfADay { .. } => (Exit::Usage, "give fewer, or --contamination SHARE"),
        E::NoDay { .. } => (Exit::BadData, "give --one-false-alarm-in N, or learn from more than an hour"),
        E::Fit(FitError::NothingMarked { .. }) => (Exit::Usage, "name another algorithm"),
        E::Fit(_) => (Exit::BadData, "check the training data"),
        E::Store(error) => (Exit::Store, store_advice(error)),
        E::Unusable(error) => loading(error)?,
        E::NoClasses { .. } | E::Busy { .. } | E::Cancelled | E::Stopped(_) => return None,
    })
}

fn request(error: &RequestError) -> (Exit, &'static str) {
    match error {
        RequestError::Version(_) => (Exit::Usage, OTHER_NAME),
        RequestError::Contamination(_)
        | RequestError::Param(_)
        | RequestError::Budget(_)
        | RequestError::AlarmsPerDay
        | RequestError::TwoBudgets => (Exit::Usage, "see `bartizan train --help`"),
    }
}

fn loading(error: &LoadError) -> Option<(Exit, &'static str)> {
    match error {
        LoadError::Damaged { .. } | LoadError::Mismatch { .. } => Some((Exit::NoModel, "activate another version, or train a new one")),
        LoadError::Store(error) => Some((Exit::Store, store_advice(error))),
        LoadError::Stopped(_) => None,
    }
}

/// Reports an error on standard error, for people or as one JSON object.
pub(crate) fn report(error: &anyhow::Error, detector: Option<&str>, json: bool) -> Exit {
    let exit = exit_of(error);
    let advice = advice_of(error, detector);
    let text = chain(error);
    let mut out = io::stderr().lock();
    let written = if json {
        let body = serde_json::json!({"error": text, "advice": advice, "exit_code": exit as u8});
        writeln!(out, "{}", visible_json(&body.to_string()))
    } else {
        let advice = advice.map(|advice| format!("\n  help: {advice}")).unwrap_or_default();
        writeln!(out, "{}", visible_lines(&format!("error: {text}{advice}")))
    };
    drop(written);
    exit
}

/// Returns the messages of an error and its causes, without repetitions.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

/// Returns whether the reader of the output went away, as `head` does.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe))
}

#[cfg(test)]
mod tests {
    use super::{Exit, Problem, exit_of};
    use bartizan_pipeline::{ActivateError, ExcludeError, ExclusionFault, ImportError, JudgeError, LoadError, RecordError, TrainError};
    use bartizan_storage::StoreError;

    #[test]
    fn each_kind_of_error_has_its_code() {
        let full = || StoreError::Full(String::new());
        let cases: [(anyhow::Error, Exit); 14] = [
            (Problem::usage("x").into(), Exit::Usage),
            (Problem::data("x").into(), Exit::BadData),
            (JudgeError::NoModel.into(), Exit::NoModel),
            (ActivateError::NoSuchModel.into(), Exit::NoModel),
            (TrainError::from(full()).into(), Exit::Store),
            (TrainError::TooFewEvents { needed: 2, got: 1, excluded: 0 }.into(), Exit::BadData),
            (LoadError::from(full()).into(), Exit::Store),
            (RecordError::from(full()).into(), Exit::Store),
            (ExcludeError::from(ExclusionFault::NamesNothing).into(), Exit::Usage),
            (ExcludeError::TooMany { limit: 1 }.into(), Exit::Failure),
            (ExcludeError::from(full()).into(), Exit::Store),
            (ImportError::VersionTaken { version: "v1.0".to_owned(), active: true }.into(), Exit::Usage),
            (anyhow::Error::from(StoreError::Corrupt(String::new())).context("while opening"), Exit::Store),
            (anyhow::anyhow!("x"), Exit::Failure),
        ];
        for (error, expected) in cases {
            assert_eq!(exit_of(&error), expected, "{error:#}");
        }
    }
}
