//! `bartizan tune`: which algorithm suits these events.

use crate::config::Config;
use crate::context::{self, Context};
use crate::failure::Problem;
use crate::kinds::for_kind;
use crate::output::{self, percent};
use crate::records;
use bartizan_domains::kind::Kind;
use bartizan_pipeline::{Criterion, Settings, Trial, Tuning, tune};
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// Try algorithms on files and report which suits them; nothing is stored.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Detector, by name: one of the kinds, or one that the configuration declares.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Files, plain or packed (gz, zst, xz, bz2, zip), patterns in quotes, or - for standard input; labels of anomalies in them decide, where there are at least ten.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    format: records::Format,
    /// Seconds after which no further candidate is begun.
    #[arg(long, value_name = "SECS", default_value_t = 60)]
    time_secs: u64,
}

/// Runs the command.
pub(crate) async fn run(context: Context, flags: Flags) -> anyhow::Result<()> {
    if flags.time_secs == 0 {
        return Err(Problem::usage("--time-secs must be at least 1, got 0".to_owned()).into());
    }
    let config = context.quiet_config()?;
    let detector = config.detector(&flags.name)?;
    for_kind!(detector.which, D => run_on::<D>(&context, &config, &detector.settings, flags))
}

/// Events that candidates are compared on and learn from, of kinds that can be sampled.
const MOST: usize = 20_000;

fn run_on<D: Kind>(context: &Context, config: &Config, settings: &Settings, mut flags: Flags) -> anyhow::Result<()> {
    flags.format.settle::<D>(config, settings)?;
    let mut loaded = records::sample::<D>(&flags.files, &flags.format, context::clock().now(), MOST, settings.seed)?;
    let files = records::documents(&std::mem::take(&mut loaded.files));
    let events = loaded.into_labelled();
    let bar = output::progress(1, "tuning");
    let tuning = tune::<D>(events, settings, Duration::from_secs(flags.time_secs), &mut |done, of, name| {
        bar.set_length(of as u64);
        bar.set_position(done as u64);
        bar.set_message(name.to_owned());
    });
    bar.finish_and_clear();
    let tuning = tuning?;
    let mut document = document(&tuning);
    document["files"] = files;
    Ok(context.output.print(&document, || text(&tuning, &flags.name))?)
}

fn flags_of(trial: &Trial) -> String {
    let params = trial.asked.iter().map(|(name, value)| format!(" --param {name}={value}"));
    format!("--algorithm {}{}", trial.algorithm, params.collect::<String>())
}

fn document(tuning: &Tuning) -> Value {
    let trial = |trial: &Trial| match &trial.outcome {
        Ok(o) => json!({
            "algorithm": trial.algorithm, "flags": flags_of(trial), "criterion": o.criterion,
            "recall_at_1_percent": o.recall_at_1_percent, "fit_secs": o.fit_secs, "score_micros": o.score_micros,
        }),
        Err(error) => json!({ "algorithm": trial.algorithm, "flags": flags_of(trial), "error": error }),
    };
    json!({
        "criterion": match tuning.criterion { Criterion::Labels => "labels", Criterion::MadeUp => "made_up" },
        "fitted_on": tuning.fitted_on, "normal": tuning.compared_on.0, "anomalous": tuning.compared_on.1,
        "untried": tuning.untried, "trials": tuning.trials.iter().map(trial).collect::<Vec<_>>(),
    })
}

fn text(tuning: &Tuning, detector: &str) -> String {
    let (normal, anomalous) = tuning.compared_on;
    let what = match tuning.criterion {
        Criterion::Labels => "anomalies labelled in the files",
        Criterion::MadeUp => "made-up anomalies: rows with features swapped between them or pushed beyond the usual",
    };
    let rows = tuning.trials.iter().map(|trial| match &trial.outcome {
        Ok(o) => vec![
            flags_of(trial),
            format!("{:.4}", o.criterion),
            percent(o.recall_at_1_percent),
            format!("{:.2} s", o.fit_secs),
            format!("{:.1} µs", o.score_micros),
        ],
        Err(error) => vec![flags_of(trial), output::clean(error, 60), String::new(), String::new(), String::new()],
    });
    let table = output::table(&["candidate", "AUROC", "recall at 1 %", "fit", "score a row"], rows);
    let head = format!("Fitted on {} events, compared on {normal} others and {anomalous} {what}.", tuning.fitted_on);
    let untried = match tuning.untried {
        0 => String::new(),
        count => format!("\n{count} candidates were not tried: the time was over; --time-secs gives more."),
    };
    let best = tuning.trials.first().filter(|trial| trial.outcome.is_ok());
    let next = best.map_or(String::new(), |trial| format!("\nTo train the first: bartizan train {detector} FILE… {}", flags_of(trial)));
    format!("{head}\n\n{table}\n{untried}{next}")
}
