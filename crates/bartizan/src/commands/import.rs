//! `bartizan import`: history from files, with labels where they have them.

use crate::config::Config;
use crate::context::{self, Context};
use crate::kinds::for_kind;
use crate::output;
use crate::records::{self, Loaded};
use bartizan_core::Domain;
use bartizan_domains::kind::Kind;
use bartizan_pipeline::{Instance, LifeCycle as _, Settings};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

/// Import history, with labels where it has them.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Detector, by name: one of the kinds, or one that the configuration declares.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Files, plain or packed (gz, zst, xz, bz2, zip), patterns in quotes such as 'logs/*.gz', or - for standard input.
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

async fn run_on<D: Kind>(context: &Context, config: &Config, settings: &Settings, mut flags: Flags) -> anyhow::Result<()> {
    flags.format.settle::<D>(config, settings)?;
    let mut loaded = records::load::<D>(&flags.files, &flags.format, context::clock().now())?;
    let (labelled, rejected) = (loaded.labelled(), loaded.rejected());
    let files = std::mem::take(&mut loaded.files);
    let (opened, instance) = context::open::<D>(config, settings).await?;
    let done = store(&instance, loaded).await;
    instance.close().await;
    opened.close().await;
    let imported = done?;
    let value = json!({"imported": imported, "labelled": labelled, "rejected": rejected, "files": records::documents(&files)});
    Ok(context.output.print(&value, || format!("{imported} events imported, {labelled} of them labelled; {rejected} lines rejected."))?)
}

/// Hands events to the store.
pub(crate) async fn store<D: Domain>(instance: &Arc<Instance<D>>, loaded: Loaded<D>) -> anyhow::Result<usize> {
    let bar = output::progress(0, "importing");
    let imported = instance.import(loaded.into_labelled()).await;
    bar.finish_and_clear();
    Ok(imported?)
}
