//! `bartizan label`: labels one verdict as right or wrong.

use crate::config::Config;
use crate::context::{self, Context};
use crate::failure::Problem;
use crate::kinds::for_kind;
use bartizan_core::{Label, Verdict};
use bartizan_domains::kind::Kind;
use bartizan_pipeline::{LifeCycle as _, Settings};
use bartizan_storage::{DetectionKey, LabelChange, LabelOutcome};
use clap::{ArgGroup, Args};
use serde_json::json;

/// Label a stored verdict as right or wrong.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("verdict").args(["anomalous", "legitimate"]).required(true))]
pub(crate) struct Flags {
    /// Detector, by name: one of the kinds, or one that the configuration declares.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Row id, or the event's own id (its newest row); digits are tried as a row id first.
    id: String,
    /// It is an attack or a fault.
    #[arg(long)]
    anomalous: bool,
    /// It is legitimate.
    #[arg(long)]
    legitimate: bool,
    /// Who sets the label.
    #[arg(long, value_name = "NAME")]
    by: String,
}

/// Runs the command.
pub(crate) async fn run(context: Context, flags: Flags) -> anyhow::Result<()> {
    let config = context.quiet_config()?;
    let detector = config.detector(&flags.name)?;
    for_kind!(detector.which, D => run_on::<D>(&context, &config, &detector.settings, flags).await)
}

async fn run_on<D: Kind>(context: &Context, config: &Config, settings: &Settings, flags: Flags) -> anyhow::Result<()> {
    let (opened, instance) = context::open::<D>(config, settings).await?;
    let label = if flags.anomalous { Label::Anomalous } else { Label::Legitimate };
    let change = LabelChange { label, changed_by: flags.by, changed_at: context::clock().now() };
    let by_row = flags.id.parse().ok().map(DetectionKey::Id);
    let mut found = None;
    for key in by_row.into_iter().chain([DetectionKey::EventId(flags.id.clone())]) {
        found = instance.label(&key, change.clone()).await?;
        if found.is_some() {
            break;
        }
    }
    opened.close().await;
    let Some(outcome) = found else {
        let problem = Problem::data(format!("there is no event {:?}", flags.id));
        return Err(problem.advise(format!("GET /{}/audit lists row ids and event ids", settings.name)).into());
    };
    print(context, &outcome, label)
}

fn print(context: &Context, outcome: &LabelOutcome, label: Label) -> anyhow::Result<()> {
    let word = |anomalous: bool| if anomalous { "anomalous" } else { "legitimate" };
    let verdict = outcome.verdict.map(Verdict::is_anomalous);
    let value = json!({
        "id": outcome.id, "verdict": verdict.map(word), "old_label": outcome.previous.map(|l| word(l.is_anomalous())),
        "new_label": word(label.is_anomalous()),
    });
    Ok(context.output.print(&value, || {
        let judged = verdict.map_or("not judged", word);
        format!("Row {} is labelled {} (verdict: {judged}).", outcome.id, word(label.is_anomalous()))
    })?)
}
