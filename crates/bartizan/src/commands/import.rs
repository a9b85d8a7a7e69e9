//! `bartizan import`: history from files, with labels where they have them.

use crate::config::Config;
use crate::context::{self, Context};
use crate::kinds::for_kind;
use crate::output;
use crate::records::{self, Loaded};
use bartizan_core::Domain;
use bartizan_domains::kind::Kind;
use bartizan_pipeline::{Instance, Labelled, Settings};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Events handed to the store at once.
const CHUNK: usize = 5_000;

/// Bring in history, with labels where it has them.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Detector, by name: one of the kinds, or one that the configuration declares.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Files, plain or .gz.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    format: records::Format,
}

/// Reads and stores them.
pub(crate) async fn run(context: Context, flags: Flags) -> anyhow::Result<()> {
    let config = context.quiet_config()?;
    let detector = config.detector(&flags.name)?;
    for_kind!(detector.which, D => run_on::<D>(&context, &config, &detector.settings, flags).await)
}

async fn run_on<D: Kind>(context: &Context, config: &Config, settings: &Settings, flags: Flags) -> anyhow::Result<()> {
    flags.format.check::<D>()?;
    let loaded = records::load::<D>(&flags.files, &flags.format, context::clock().now())?;
    let (labelled, rejected) = (loaded.labelled(), loaded.rejected);
    let (opened, instance) = context::open::<D>(config, settings).await?;
    let done = store(&instance, loaded).await;
    opened.close().await;
    let imported = done?;
    let value = json!({"imported": imported, "labelled": labelled, "rejected": rejected});
    Ok(context.output.print(&value, || format!("{imported} events imported, {labelled} of them labelled; {rejected} lines rejected."))?)
}

/// Hands events to the store, chunk by chunk.
pub(crate) async fn store<D: Domain>(instance: &Instance<D>, loaded: Loaded<D>) -> anyhow::Result<usize> {
    store_events(instance, loaded.into_labelled()).await
}

/// Hands events as the pipeline takes them.
pub(crate) async fn store_events<D: Domain>(instance: &Instance<D>, mut events: Vec<Labelled<D::Event>>) -> anyhow::Result<usize> {
    let bar = output::progress(events.len() as u64, "importing");
    let mut imported = 0;
    while !events.is_empty() {
        let rest = events.split_off(CHUNK.min(events.len()));
        imported += instance.import(std::mem::replace(&mut events, rest)).await?;
        bar.set_position(imported as u64);
    }
    bar.finish_and_clear();
    Ok(imported)
}
