//! `bartizan tail`: what is anomalous in a log, as it is written. It is `score --follow` that begins at the end.

use super::score;
use crate::context::Context;
use crate::records;
use clap::Args;
use std::path::PathBuf;

/// Follow a log as it grows, through rotation and truncation, and print what is flagged with its reasons, one a line, with --json as
/// JSON; SIGINT (Ctrl-C) and SIGTERM end it with the findings. What stands in the file so far, up to 16 MiB, is read as the past of what
/// comes, and is not printed.
#[derive(Clone, Debug, Args)]
pub(crate) struct Flags {
    /// Detector, by name: one of the kinds, or one that the configuration declares.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// A plain file that grows.
    file: PathBuf,
    /// Print what is flagged in the last N lines of the file, too; of those within its last 16 MiB.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 0)]
    lines: u64,
    /// Begin with the first line of the file, however large it is.
    #[arg(long, conflicts_with = "lines")]
    from_start: bool,
    /// How many of the worst findings to list at the end.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    top: u32,
    #[command(flatten)]
    format: records::Format,
}

/// Follows it.
pub(crate) async fn run(context: Context, flags: Flags) -> anyhow::Result<()> {
    let last = (!flags.from_start).then_some(flags.lines);
    score::run(context, score::Flags::following(flags.name, flags.file, flags.format, flags.top, last)).await
}
