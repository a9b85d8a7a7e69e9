//! `bartizan import`: history from files, with labels where they have them.

use crate::cli::Kind;
use crate::context::{self, Context};
use crate::kinds::{Telemetry, for_kind};
use crate::output;
use crate::records::{self, Loaded};
use bartizan_core::Domain;
use bartizan_pipeline::{Instance, Labelled};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Events handed to the store at once.
const CHUNK: usize = 5_000;

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
