//! Logging: text for people on standard error, JSON for machines in a file.

use crate::config::Config;
use crate::{files, output};
use anyhow::Context as _;
use std::borrow::Cow;
use std::io::{self, Write};
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::{EnvFilter, Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// Daily files kept.
const KEPT_FILES: usize = 30;

/// Starts logging. Keep what this returns until the end: dropping it writes out what is left.
pub(crate) fn start(config: &Config) -> anyhow::Result<Option<tracing_appender::non_blocking::WorkerGuard>> {
    let filter = || EnvFilter::new(format!("{level},hyper=warn,h2=warn", level = config.log_level));
    let coloured = output::is_terminal(&io::stderr());
    let shown = if coloured { output::visible_coloured } else { output::visible_lines };
    let people = tracing_subscriber::fmt::layer()
        .with_writer(move || Visible { writer: io::stderr(), shown })
        .with_ansi(coloured)
        .with_target(false)
        .with_filter(filter());
    let (file, guard) = match &config.log_file {
        Some(path) => {
            let (writer, guard) = tracing_appender::non_blocking(Visible { writer: appender(path)?, shown: output::visible_json });
            (Some(tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(writer).with_filter(filter())), Some(guard))
        }
        None => (None, None),
    };
    tracing_subscriber::registry().with(people).with(file).try_init().context("logging was started twice")?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    Ok(guard)
}

/// `bartizan.log` becomes `bartizan.2026-01-31.log`, one a day.
fn appender(path: &std::path::Path) -> anyhow::Result<RollingFileAppender> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
    let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or("bartizan");
    let extension = path.extension().and_then(|s| s.to_str()).unwrap_or("log");
    std::fs::create_dir_all(folder).with_context(|| format!("the log folder {} cannot be made", output::path(folder)))?;
    files::tighten_logs(folder, stem, extension);
    RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix(stem)
        .filename_suffix(extension)
        .max_log_files(KEPT_FILES)
        .build(folder)
        .with_context(|| format!("the log file {} cannot be opened; check log.file", output::path(path)))
}

/// Writes whole lines, so that nothing from outside in them controls a terminal.
struct Visible<W> {
    writer: W,
    shown: fn(&str) -> Cow<'_, str>,
}

impl<W: Write> Write for Visible<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.writer.write_all((self.shown)(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}
