//! Where log lines go: people read standard error, machines read the file.

use crate::config::Config;
use anyhow::Context as _;
use std::io::IsTerminal;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// Daily files kept.
const KEPT_FILES: usize = 30;

/// Starts logging. Keep what this returns until the end: dropping it writes out what is left.
pub(crate) fn start(config: &Config) -> anyhow::Result<Option<tracing_appender::non_blocking::WorkerGuard>> {
    let filter = || EnvFilter::new(format!("{level},hyper=warn,h2=warn", level = config.log_level));
    let people = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .with_filter(filter());
    let (file, guard) = match &config.log_file {
        Some(path) => {
            let (writer, guard) = tracing_appender::non_blocking(appender(path)?);
            (Some(tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(writer).with_filter(filter())), Some(guard))
        }
        None => (None, None),
    };
    tracing_subscriber::registry().with(people).with(file).try_init().context("logging was started twice")?;
    Ok(guard)
}

/// `bartizan.log` becomes `bartizan.2026-01-31.log`, one a day.
fn appender(path: &std::path::Path) -> anyhow::Result<RollingFileAppender> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
    let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or("bartizan");
    let extension = path.extension().and_then(|s| s.to_str()).unwrap_or("log");
    std::fs::create_dir_all(folder).with_context(|| format!("the log folder {} cannot be made", folder.display()))?;
    RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(stem)
        .filename_suffix(extension)
        .max_log_files(KEPT_FILES)
        .build(folder)
        .with_context(|| format!("the log file {} cannot be opened; check log.file", path.display()))
}
