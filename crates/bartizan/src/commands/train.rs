//! `bartizan train`: a model from files, or from the stored history.

use crate::cli::Training;
use crate::config::Config;
use crate::context::{self, Context};
use crate::failure::Problem;
use crate::kinds::for_kind;
use crate::output;
use crate::records::{self, Loaded, Report};
use bartizan_core::Domain;
use bartizan_domains::kind::Kind;
use bartizan_pipeline::{Instance, Lesson, LifeCycle as _, Settings, TrainReport, TrainRequest};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Train on files, or on the stored history.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Detector, by name: one of the kinds, or one that the configuration declares.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Files to learn from and keep as history, plain or packed (gz, zst, xz, bz2, zip), patterns in quotes such as 'logs/*.gz', or - for
    /// standard input; none trains on the stored history, and a kind with built-in training data, such as `behavior`, on what it
    /// generates.
    files: Vec<PathBuf>,
    #[command(flatten)]
    format: records::Format,
    /// Version of the model [default: the next one].
    #[arg(long, value_name = "VERSION")]
    model_version: Option<String>,
    /// Do not learn from labels.
    #[arg(long, conflicts_with = "label_column")]
    ignore_labels: bool,
    /// Activate the model also where it would let pass what was flagged and nobody cleared, or judges labelled events worse.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    training: Training,
}

/// Trains and activates.
pub(crate) async fn run(context: Context, flags: Flags) -> anyhow::Result<()> {
    let config = context.quiet_config()?;
    let detector = config.detector(&flags.name)?;
    for_kind!(detector.which, D => run_on::<D>(&context, &config, &detector.settings, flags).await)
}

async fn run_on<D: Kind>(context: &Context, config: &Config, settings: &Settings, mut flags: Flags) -> anyhow::Result<()> {
    let request = context::checked_request(&flags.training, flags.model_version, !flags.ignore_labels, settings)?;
    let request = TrainRequest { force: flags.force, ..request };
    flags.format.settle::<D>(config, settings)?;
    if let Some(flag) = flags.format.first_set().filter(|_| flags.files.is_empty()) {
        return Err(Problem::usage(format!("{flag} says how files are read, and none is given")).into());
    }
    let mut loaded = match flags.files.as_slice() {
        [] => None,
        files => Some(records::sample::<D>(files, &flags.format, context::clock().now(), settings.max_training_samples, settings.seed)?),
    };
    let files = loaded.as_mut().map(|loaded| std::mem::take(&mut loaded.files)).unwrap_or_default();
    let (opened, instance) = context::open::<D>(config, settings).await?;
    let done = async {
        if loaded.as_ref().is_some_and(|loaded| !tells_classes_apart(loaded)) {
            // Its classes stay those of the active model, or else the built-in ones.
            context::prepare(&instance).await?;
        }
        let lesson = match loaded {
            None => context::first_lesson::<D>().map_or(Lesson::History, Lesson::BuiltIn),
            Some(loaded) if D::INDEPENDENT => Lesson::Given(loaded.into_labelled()),
            Some(loaded) => Lesson::WithHistory(loaded.into_labelled()),
        };
        train(&instance, lesson, request).await
    };
    let done = done.await;
    // What it learned of the windows is stored too.
    instance.close().await;
    opened.close().await;
    print(context, &done?, &files)
}

/// Whether events of more than one class are among these; true for a kind that has no classes.
fn tells_classes_apart<D: Kind>(loaded: &Loaded<D>) -> bool {
    let mut classes = loaded.events.iter().filter_map(D::class);
    let first = classes.next();
    D::CLASSES.is_empty() || classes.any(|class| Some(class) != first)
}

/// Trains while showing progress.
pub(crate) async fn train<D: Domain>(
    instance: &Instance<D>,
    lesson: Lesson<D::Event>,
    request: TrainRequest,
) -> anyhow::Result<TrainReport> {
    let bar = output::progress(0, "training");
    let report = instance.learn(lesson, request, ()).await;
    bar.finish_and_clear();
    Ok(report?)
}

fn print(context: &Context, report: &TrainReport, files: &[Report]) -> anyhow::Result<()> {
    let value = json!({
        "model_version": report.version, "old_model_version": report.old_version, "training_samples": report.samples,
        "training_duration_seconds": report.duration_secs, "labels": report.labels, "accuracy": report.accuracy,
        "old_accuracy": report.old_accuracy, "left_out": report.left_out,
        "activated": report.refused.is_none(), "kept_out": report.kept_out, "excluded": report.excluded,
        "unmet_labels": report.unmet_labels,
        "promised_false_alarm_rate": report.promise.map(|p| p.promised), "files": records::documents(files),
    });
    Ok(context.output.print(&value, || {
        let mut text = match &report.refused {
            None => format!("{} is active, trained on {} events in {:.2} s.", report.version, report.samples, report.duration_secs),
            Some(why) => format!(
                "{} was trained on {} events in {:.2} s and is not active: {why}. The one before stays at work; --force activates this one.",
                report.version, report.samples, report.duration_secs
            ),
        };
        if report.kept_out > 0 {
            text += &format!(" Kept out, as labelled anomalous or flagged and not cleared: {}.", report.kept_out);
        }
        if report.excluded > 0 {
            text += &format!(" Excluded from training: {}.", report.excluded);
        }
        if !report.unmet_labels.is_empty() {
            text += &format!(" Labels that cannot be followed without flagging too many events like theirs: {}.", report.unmet_labels.len());
        }
        if report.left_out > 0 {
            text += &format!(" {} older ones were left out: more than max_training_samples were given.", report.left_out);
        }
        if let Some(promise) = report.promise {
            text += &format!(" It keeps to {promise}.");
        }
        if let Some(accuracy) = report.accuracy {
            text += &format!(
                " It judges {} of {} labelled events right, as events not learned from.",
                output::percent(accuracy),
                report.labels
            );
        }
        text
    })?)
}
