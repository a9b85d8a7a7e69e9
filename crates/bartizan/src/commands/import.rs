//! `bartizan import`: history from files, with labels where they have them.

use crate::cli::Kind;
use crate::context::{self, Context};
use crate::kinds::{Telemetry, for_kind};
use crate::output;
use crate::records::{self, Loaded};
use bartizan_core::Domain;
use bartizan_pipeline::Instance;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

/// Bring in history, with labels where it has them.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Kind of telemetry.
    pub(crate) kind: Kind,
    /// Files, plain or .gz.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    format: records::Format,
}

/// Reads and stores them.
pub(crate) async fn run(context: Context, flags: Flags) -> anyhow::Result<()> {
    for_kind!(flags.kind, D => run_on::<D>(context, flags).await)
}

async fn run_on<D: Telemetry>(context: Context, flags: Flags) -> anyhow::Result<()> {
    flags.format.check::<D>()?;
    let loaded = records::load::<D>(&flags.files, &flags.format, context::clock().now())?;
    let (labelled, rejected) = (loaded.labelled(), loaded.rejected);
    let (_, opened, instance) = context::open::<D>(&context).await?;
    let done = store(&instance, loaded).await;
    opened.close().await;
    let imported = done?;
    let value = json!({"imported": imported, "labelled": labelled, "rejected": rejected});
    Ok(context.output.print(&value, || format!("{imported} events imported, {labelled} of them labelled; {rejected} lines rejected."))?)
}

/// Hands events to the store.
pub(crate) async fn store<D: Domain>(instance: &Arc<Instance<D>>, loaded: Loaded<D>) -> anyhow::Result<usize> {
    let bar = output::progress(0, "importing");
    let imported = instance.import(loaded.into_labelled()).await;
    bar.finish_and_clear();
    Ok(imported?)
}
