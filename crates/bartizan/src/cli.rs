//! The command line.

use crate::commands;
use bartizan_estimators::{ParamValue, RawParams};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

const AFTER: &str = "\
Exit codes:
  0  done
  1  failed for another reason than those below
  2  the command line or the configuration is wrong
  3  the data given is wrong, too little, or more of it unreadable than --max-skipped allows
  4  no such model, no model at all, or a damaged one
  5  the store is locked, full, damaged or not a store

Settings come from defaults < file (--config, BARTIZAN_CONFIG or ./bartizan.toml) < environment < flags.
`bartizan config show` lists them all and says where each value came from.";

/// Learns what is normal in your traffic and reports what is not, with its confidence and its reasons.
#[derive(Debug, Parser)]
#[command(name = "bartizan", version, after_help = AFTER, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Flags that every command takes.
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Flags that every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Common {
    /// Configuration file.
    #[arg(long, global = true, value_name = "FILE", help_heading = "Common")]
    pub(crate) config: Option<PathBuf>,
    /// Folder that holds everything stored [default: ./bartizan-data].
    #[arg(long, global = true, value_name = "DIR", help_heading = "Common")]
    pub(crate) data_dir: Option<String>,
    /// Print one JSON document instead of text.
    #[arg(long, global = true, help_heading = "Common")]
    pub(crate) json: bool,
    /// Least important log lines: trace, debug, info, warn, error, off.
    #[arg(long, global = true, value_name = "LEVEL", help_heading = "Common")]
    pub(crate) log_level: Option<String>,
}

/// One variant per command; see the file of the same name.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the detectors over HTTP.
    Serve(commands::serve::Flags),
    /// Show everything at once: served detectors, trained on generated data, with live traffic that contains attacks.
    Demo(commands::demo::Flags),
    /// Import history, with labels where it has them.
    Import(commands::import::Flags),
    /// Train on files, or on the stored history.
    Train(commands::train::Flags),
    /// Score files and list the worst with their reasons; nothing is recorded.
    Score(commands::score::Flags),
    /// Follow a log as it grows and print what is flagged, with its reasons.
    Tail(commands::tail::Flags),
    /// Measure how well a model tells attacks from normal events, on labelled files.
    Evaluate(commands::evaluate::Flags),
    /// Try algorithms on files and report which suits them; nothing is stored.
    Tune(commands::tune::Flags),
    /// Write realistic traffic with attacks in it.
    Generate(commands::generate::Flags),
    /// List, show, activate, export, import and delete models.
    Models(commands::models::Flags),
    /// Label a stored verdict as right or wrong.
    Label(commands::label::Flags),
    /// Keep an entity, a range of time or an incident out of training; list and remove what is kept out.
    Exclude(commands::exclude::Flags),
    /// List the formats of files that are read, with a sample of each.
    Formats(commands::formats::Flags),
    /// Show, check and describe the configuration.
    Config(commands::config::Flags),
    /// Print completions for a shell.
    Completions(commands::completions::Flags),
    /// Measure this machine: the isolation forest alone, and the whole service over loopback.
    Bench(commands::bench::Flags),
    /// Print the OpenAPI document of the service.
    Openapi,
}

impl Command {
    /// Returns the name of the detector that the command is about, if any.
    pub(crate) fn detector(&self) -> Option<&str> {
        match self {
            Self::Import(flags) => Some(&flags.name),
            Self::Train(flags) => Some(&flags.name),
            Self::Score(flags) => Some(&flags.name),
            Self::Tail(flags) => Some(&flags.name),
            Self::Evaluate(flags) => Some(&flags.name),
            Self::Tune(flags) => Some(&flags.name),
            Self::Generate(flags) => Some(&flags.name),
            Self::Label(flags) => Some(&flags.name),
            Self::Exclude(flags) => Some(&flags.name),
            Self::Models(flags) => Some(flags.detector()),
            _ => None,
        }
    }
}

/// Options of a training.
#[derive(Clone, Debug, Args)]
pub(crate) struct Training {
    /// Algorithm [default: the detector's own choice].
    #[arg(long, value_name = "NAME")]
    pub(crate) algorithm: Option<String>,
    /// Expected share of anomalies in the data, above 0 and at most 0.5.
    #[arg(long, value_name = "SHARE", conflicts_with = "one_false_alarm_in")]
    pub(crate) contamination: Option<f64>,
    /// Set the threshold for at most one false alarm in N normal events, instead of by contamination.
    #[arg(long, value_name = "N")]
    pub(crate) one_false_alarm_in: Option<u64>,
    /// Set the threshold for at most N false alarms in a day, by how many of the events come in a day.
    #[arg(long, value_name = "N", conflicts_with_all = ["contamination", "one_false_alarm_in"])]
    pub(crate) alarms_per_day: Option<u64>,
    /// Trees of a forest.
    #[arg(long, value_name = "N")]
    pub(crate) n_estimators: Option<u64>,
    /// Rows drawn for each tree.
    #[arg(long, value_name = "N")]
    pub(crate) max_samples: Option<u64>,
    /// Any parameter of the algorithm, such as nu=0.05; may be given many times.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = param)]
    pub(crate) params: Vec<(String, ParamValue)>,
}

impl Training {
    /// Returns the parameters that the flags set.
    pub(crate) fn params(&self) -> RawParams {
        let raw = RawParams { algorithm: self.algorithm.clone(), ..RawParams::default() }
            .with_any("n_estimators", self.n_estimators.map(|count| count as f64))
            .with_any("max_samples", self.max_samples.map(|count| count as f64));
        self.params.iter().fold(raw, |raw, (name, value)| raw.with(name, value.clone()))
    }
}

impl Training {
    /// Returns the first flag that is set.
    pub(crate) fn first_set(&self) -> Option<&'static str> {
        let set = [
            (self.algorithm.is_some(), "--algorithm"),
            (self.contamination.is_some(), "--contamination"),
            (self.one_false_alarm_in.is_some(), "--one-false-alarm-in"),
            (self.alarms_per_day.is_some(), "--alarms-per-day"),
            (self.n_estimators.is_some(), "--n-estimators"),
            (self.max_samples.is_some(), "--max-samples"),
            (!self.params.is_empty(), "--param"),
        ];
        set.into_iter().find_map(|(is_set, name)| is_set.then_some(name))
    }
}

fn param(text: &str) -> Result<(String, ParamValue), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, such as nu=0.05")?;
    Ok((name.to_owned(), value.parse().unwrap_or_else(|never| match never {})))
}
