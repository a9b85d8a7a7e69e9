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

/// Events of which one is flagged wrongly, where few alarms are wanted.
const FEW: u64 = 1_000;

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
    let share = share_without_budget(&request, settings);
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
    print(context, &done?, share, &files)
}

/// The share of ordinary events that will be flagged, where no budget of false alarms is asked for.
fn share_without_budget(request: &TrainRequest, settings: &Settings) -> Option<f64> {
    let given = request.one_false_alarm_in.is_some() || request.alarms_per_day.is_some();
    let configured = request.contamination.is_none() && (settings.false_alarms.is_some() || settings.alarms_per_day.is_some());
    (!given && !configured).then(|| request.contamination.unwrap_or(settings.contamination.get()))
}

/// What that share is, and how to ask for fewer.
fn told(share: f64) -> String {
    let percent = format!("{:.3}", 100.0 * share);
    let text = format!(" About {} % of ordinary events will be flagged", percent.trim_end_matches('0').trim_end_matches('.'));
    if share > 1.0 / FEW as f64 { format!("{text}; --one-false-alarm-in {FEW} asks for fewer.") } else { text + "." }
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

fn print(context: &Context, report: &TrainReport, share: Option<f64>, files: &[Report]) -> anyhow::Result<()> {
    let value = json!({
        "model_version": report.version, "old_model_version": report.old_version, "training_samples": report.samples,
        "training_duration_seconds": report.duration_secs, "labels": report.labels, "accuracy": report.accuracy,
        "old_accuracy": report.old_accuracy, "left_out": report.left_out,
        "activated": report.refused.is_none(), "kept_out": report.kept_out, "excluded": report.excluded,
        "unmet_labels": report.unmet_labels,
        "promised_false_alarm_rate": report.promise.map(|p| p.promised), "files": records::documents(files),
    });
    Ok(context.output.print(&value, || {
        let samples = output::counted(report.samples as u64, "events");
        let mut text = match &report.refused {
            None => format!("{} is active, trained on {} in {:.2} s.", report.version, samples, report.duration_secs),
            Some(why) => format!(
                "{} was trained on {} in {:.2} s and is not active: {why}. The one before stays at work; --force activates this one.",
                report.version, samples, report.duration_secs
            ),
        };
        if report.kept_out > 0 {
            text += &format!(" Kept out, as labelled anomalous or flagged and not cleared: {}.", report.kept_out);
        }
        if report.excluded > 0 {
            text += &format!(" Excluded from training: {}.", report.excluded);
        }
        if !report.unmet_labels.is_empty() {
            text +=
                &format!(" Labels that cannot be followed without flagging too many events like theirs: {}.", report.unmet_labels.len());
        }
        if report.left_out > 0 {
            text += &format!(" {} older ones were left out: more than max_training_samples were given.", report.left_out);
        }
        if let Some(promise) = report.promise {
            text += &format!(" It keeps to {promise}.");
        }
        if report.own_threshold {
            text += " What exceeds a limit will be flagged, whatever share of the events that is.";
        } else if let Some(share) = share.filter(|_| report.promise.is_none() && report.refused.is_none()) {
            text += &told(share);
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

#[cfg(test)]
mod tests {
    use super::{share_without_budget, told};
    use bartizan_pipeline::{Settings, TrainRequest};

    #[test]
    fn the_share_is_said_where_no_budget_is_asked_for() {
        let settings = Settings { contamination: 0.1.try_into().unwrap(), ..Settings::new("behavior") };
        let budgeted = Settings { false_alarms: Some(500.try_into().unwrap()), ..settings.clone() };
        let nothing = TrainRequest::default();
        let (one_in, per_day) =
            (TrainRequest { one_false_alarm_in: Some(9), ..nothing.clone() }, TrainRequest { alarms_per_day: Some(9), ..nothing.clone() });
        let share = TrainRequest { contamination: Some(0.02), ..nothing.clone() };
        for (name, request, settings, expected) in [
            ("nothing", &nothing, &settings, Some(0.1)),
            ("a share", &share, &settings, Some(0.02)),
            ("a share over a configured budget", &share, &budgeted, Some(0.02)),
            ("a configured budget", &nothing, &budgeted, None),
            ("a budget", &one_in, &settings, None),
            ("alarms a day", &per_day, &settings, None),
        ] {
            assert_eq!(share_without_budget(request, settings), expected, "{name}");
        }
    }

    #[test]
    fn a_share_is_told_with_what_asks_for_fewer() {
        for (share, expected) in [
            (0.1, " About 10 % of ordinary events will be flagged; --one-false-alarm-in 1000 asks for fewer."),
            (0.0125, " About 1.25 % of ordinary events will be flagged; --one-false-alarm-in 1000 asks for fewer."),
            (0.001, " About 0.1 % of ordinary events will be flagged."),
        ] {
            assert_eq!(told(share), expected);
        }
    }
}
