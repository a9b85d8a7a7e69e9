//! `bartizan evaluate`: how well a model tells attacks from normal events, on labelled files.

use crate::against::Against;
use crate::cli::Training;
use crate::commands::train;
use crate::config::Config;
use crate::context::{self, Context};
use crate::failure::Problem;
use crate::kinds::for_kind;
use crate::measures::{ClassMeasures, Measures};
use crate::output::{self, percent};
use crate::records::{self, Loaded, SplitBy};
use bartizan_core::{Domain, Record, Seed};
use bartizan_domains::kind::Kind;
use bartizan_pipeline::{Instance, Judgement, Lesson, Settings, TrainRequest};
use clap::Args;
use std::path::PathBuf;

/// The share of the files that two algorithms are measured on, unless it is said.
const MEASURED_ON: f64 = 0.3;

/// Measure how well a model tells attacks from normal events, on labelled files.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Detector, by name: one of the kinds, or one that the configuration declares.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Labelled files, plain or packed (gz, zst, xz, bz2, zip), patterns in quotes, or - for standard input; events without a label are left out of the measures.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    format: records::Format,
    /// Train on the events of this file that are not labelled anomalous, instead of using the active model.
    #[arg(long, value_name = "FILE", conflicts_with = "split")]
    fit_on: Vec<PathBuf>,
    /// Train on a part of the files and measure on this share of them, instead of using the active model.
    #[arg(long, value_name = "SHARE")]
    split: Option<f64>,
    /// How to split.
    #[arg(long, value_enum, default_value = "auto", requires = "split")]
    by: SplitBy,
    /// Seed of the split.
    #[arg(long, default_value_t = 0, requires = "split")]
    seed: u64,
    /// Compare with another algorithm, such as the static limits of `rules`, learned from the same events: false positives of both at the
    /// same recall. Trains both; on 0.7 of the files unless --split or --fit-on says otherwise.
    #[arg(long, value_name = "ALGORITHM")]
    against: Option<String>,
    #[command(flatten)]
    training: Training,
}

/// Runs the command.
pub(crate) async fn run(context: Context, mut flags: Flags) -> anyhow::Result<()> {
    if let Some(share) = flags.split.filter(|share| !(*share > 0.0 && *share < 1.0)) {
        return Err(Problem::usage(format!("--split must be above 0 and below 1, got {share}")).into());
    }
    if flags.against.is_some() && flags.fit_on.is_empty() {
        flags.split = flags.split.or(Some(MEASURED_ON));
    }
    if let Some(flag) = flags.training.first_set().filter(|_| flags.split.is_none() && flags.fit_on.is_empty()) {
        return Err(Problem::usage(format!("{flag} is for training, and nothing is trained without --fit-on or --split")).into());
    }
    let config = context.quiet_config()?;
    let detector = config.detector(&flags.name)?;
    for_kind!(detector.which, D => run_on::<D>(&context, &config, &detector.settings, flags).await)
}

async fn run_on<D: Kind>(context: &Context, config: &Config, settings: &Settings, mut flags: Flags) -> anyhow::Result<()> {
    flags.format.settle::<D>(config, settings)?;
    let request = context::checked_request(&flags.training, None, true, settings)?;
    let other = flags.against.as_ref().map(|name| context::checked_request(&against(&flags.training, name), None, true, settings));
    let other = other.transpose()?;
    let read = |files| records::load::<D>(files, &flags.format, context::clock().now());
    records::one_standard_input(flags.files.iter().chain(&flags.fit_on))?;
    let mut loaded = read(&flags.files)?;
    let mut files = std::mem::take(&mut loaded.files);
    let (fit, mut test) = match flags.split {
        Some(share) => {
            let (fit, test) = loaded.split(share, flags.by, Seed(flags.seed));
            check_split(&fit, &test, flags.by)?;
            (Some(fit), test)
        }
        None if flags.fit_on.is_empty() => (None, loaded),
        None => {
            let mut fit = read(&flags.fit_on)?;
            files.append(&mut fit.files);
            (Some(fit), loaded)
        }
    };
    check_labels(&test, &flags.name)?;
    let (judged, other) = match fit {
        Some(fit) => fit_and_score_all(settings, (request, other), fit, &mut test).await?,
        None => (score(config, settings, &mut test).await?, None),
    };
    let measures = Measures::of(&test, &judged);
    let named = flags.against.iter().zip(&other);
    let against = named.map(|(name, other)| Against::of(name, &test, &judged, other)).next();
    let mut document = serde_json::to_value(&measures)?;
    document["files"] = records::documents(&files);
    if let Some(against) = &against {
        document["against"] = serde_json::to_value(against)?;
    }
    let compared = || against.map(|against| against.text(&flags.name) + "\n\n").unwrap_or_default();
    Ok(context.output.print(&document, || compared() + &text(&measures))?)
}

/// The training of another algorithm: parameters are those of the detector's own.
fn against(training: &Training, algorithm: &str) -> Training {
    let mut other = Training { algorithm: Some(algorithm.to_owned()), params: Vec::new(), ..training.clone() };
    (other.n_estimators, other.max_samples) = (None, None);
    other
}

/// Files that name no times or no clients cannot be split by them.
fn check_split<D: Kind>(fit: &Loaded<D>, test: &Loaded<D>, by: SplitBy) -> anyhow::Result<()> {
    if fit.len() > 0 && test.len() > 0 {
        return Ok(());
    }
    let what = match by {
        SplitBy::Time => "the events have no different times",
        SplitBy::Client => "the events have too few different clients",
        SplitBy::Auto | SplitBy::Random => "there are too few events",
    };
    Err(Problem::data(format!("the split leaves one side without events: {what}")).advise("try --by random, or another --split").into())
}

fn check_labels<D: Kind>(test: &Loaded<D>, detector: &str) -> anyhow::Result<()> {
    let anomalous = test.labels.iter().flatten().filter(|label| label.is_anomalous()).count();
    let legitimate = test.labelled() - anomalous;
    if anomalous > 0 && legitimate > 0 {
        return Ok(());
    }
    let problem =
        Problem::data(format!("evaluation needs labels of both kinds; got {anomalous} anomalous and {legitimate} legitimate events"));
    Err(problem.advise(format!("name a labelled file, such as one of `bartizan generate {detector} --labels`")).into())
}

async fn score<D: Kind>(config: &Config, settings: &Settings, test: &mut Loaded<D>) -> anyhow::Result<Vec<Judgement>> {
    let (opened, instance) = context::open::<D>(config, settings).await?;
    context::prepare(&instance).await?;
    arrive(&instance, test)?;
    let judged = judge(&instance, test);
    opened.close().await;
    judged
}

/// Says who the clients are; once.
fn arrive<D: Domain>(instance: &Instance<D>, test: &mut Loaded<D>) -> anyhow::Result<()> {
    instance.offline()?.arrive(&mut test.events);
    Ok(())
}

fn judge<D: Domain>(instance: &Instance<D>, test: &Loaded<D>) -> anyhow::Result<Vec<Judgement>> {
    let bar = output::progress(0, "scoring");
    let judged = instance.offline().map(|offline| offline.judge(&test.events));
    bar.finish_and_clear();
    Ok(judged?.into_iter().map(|verdict| verdict.judgement).collect())
}

/// Trains and judges, and then again with another request if there is one. Kinds with classes learn from attacks too; the others from
/// what is not labelled anomalous.
async fn fit_and_score_all<D: Kind>(
    settings: &Settings,
    (request, other): (TrainRequest, Option<TrainRequest>),
    fit: Loaded<D>,
    test: &mut Loaded<D>,
) -> anyhow::Result<(Vec<Judgement>, Option<Vec<Judgement>>)> {
    let learned = if D::CLASSES.is_empty() { fit.only_normal() } else { fit };
    let mut settings = settings.clone();
    settings.max_training_samples = learned.len().max(1);
    let learned = learned.into_labelled();
    let Some(other) = other else {
        return Ok((fit_and_score(&settings, request, learned, test, true).await?, None));
    };
    let judged = fit_and_score(&settings, request, learned.clone(), test, true).await?;
    Ok((judged, Some(fit_and_score(&settings, other, learned, test, false).await?)))
}

/// Trains in a temporary folder, so that the data folder is neither read nor written.
async fn fit_and_score<D: Kind>(
    settings: &Settings,
    request: TrainRequest,
    learned: Vec<Record<D::Event>>,
    test: &mut Loaded<D>,
    arriving: bool,
) -> anyhow::Result<Vec<Judgement>> {
    let folder = tempfile::tempdir()?;
    let opened = context::open_store(&folder.path().join("evaluate.db"), false)?;
    let done = async {
        let instance = context::open_detector::<D>(settings.clone(), &opened).await?;
        let lesson = if D::INDEPENDENT { Lesson::BuiltIn(learned) } else { Lesson::WithHistory(learned) };
        train::train(&instance, lesson, request).await?;
        if arriving {
            arrive(&instance, test)?;
        }
        judge(&instance, test)
    };
    let done = done.await;
    opened.close().await;
    done
}

fn text(m: &Measures) -> String {
    let classes = m.classes.as_ref().map(|classes| class_text(classes) + "\n").unwrap_or_default();
    let summary = output::table(
        &["measure", "value"],
        [
            vec!["events (anomalous)".to_owned(), format!("{} ({})", m.events, m.anomalous)],
            vec!["ROC AUC".to_owned(), format!("{:.4}", m.roc_auc)],
            vec!["average precision".to_owned(), format!("{:.4}", m.average_precision)],
            vec!["recall at 1 % false positives".to_owned(), percent(m.recall_at_1_percent)],
            vec!["recall at 5 % false positives".to_owned(), percent(m.recall_at_5_percent)],
            vec!["precision, recall, F1".to_owned(), format!("{}, {}, {:.3}", percent(m.precision), percent(m.recall), m.f1)],
            vec!["calibration error of confidence".to_owned(), format!("{:.4}", m.calibration_error)],
        ],
    );
    let c = &m.confusion;
    let confusion = output::table(
        &["", "judged anomalous", "judged normal"],
        [
            vec!["is anomalous".to_owned(), c.true_positives.to_string(), c.false_negatives.to_string()],
            vec!["is legitimate".to_owned(), c.false_positives.to_string(), c.true_negatives.to_string()],
        ],
    );
    let ranges = m.reliability.iter().map(|r| {
        let sure = format!("{:.0} to {:.0} %", 100.0 * r.from, 100.0 * r.to);
        vec![r.verdict.to_owned(), sure, r.events.to_string(), percent(r.confidence), percent(r.right)]
    });
    let reliability = output::table(&["judged", "sure", "events", "mean confidence", "right"], ranges);
    let mut text = format!("{classes}{summary}\n\n{confusion}\n\n{reliability}");
    if !m.by_name.is_empty() {
        let rows = m.by_name.iter().map(|n| vec![n.name.clone(), n.events.to_string(), percent(n.judged_anomalous)]);
        text += &format!("\n\n{}", output::table(&["label", "events", "judged anomalous"], rows));
    }
    text
}

fn class_text(m: &ClassMeasures) -> String {
    let rows = m.by_class.iter().map(|c| {
        let precision = c.precision.map_or_else(|| "none given".to_owned(), percent);
        vec![c.class.to_owned(), c.events.to_string(), percent(c.recall), precision]
    });
    let table = output::table(&["class", "events", "recall", "precision"], rows);
    format!(
        "{table}\naccuracy {:.4} over {} events of a known class; calibration error {:.4}\n\nBy how unusual they are alone:",
        m.accuracy, m.events, m.calibration_error
    )
}
