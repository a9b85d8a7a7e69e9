//! Events from files, whatever their format.

use crate::failure::Problem;
use crate::output;
use bartizan_core::{Label, Seed, Timestamp};
use bartizan_domains::records::Rejected;
use bartizan_domains::requests::RequestEvent;
use bartizan_domains::requests::records::{self, Format, Record};
use bartizan_pipeline::Labelled;
use indicatif::ProgressBar;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Rejected lines that are shown of each file.
const SHOWN_REJECTED: usize = 5;

/// Reads a format by its name, for `--format`.
pub(crate) fn format(name: &str) -> Result<Format, String> {
    name.parse()
}

/// Events of one or more files, in order.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// The events.
    pub(crate) events: Vec<RequestEvent>,
    /// What somebody said of each.
    pub(crate) labels: Vec<Option<Label>>,
    /// The kind of attack or of normal traffic, where a file names it.
    pub(crate) names: Vec<Option<String>>,
    /// Line (or position in an array) in its file, from 1.
    pub(crate) lines: Vec<u64>,
    /// Lines that could not be read.
    pub(crate) rejected: u64,
}

impl Loaded {
    /// How many events.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// How many have a label.
    pub(crate) fn labelled(&self) -> usize {
        self.labels.iter().flatten().count()
    }

    /// Two parts, each in the order of the whole: what is left, and `share` of it.
    pub(crate) fn split(self, share: f64, seed: Seed) -> (Self, Self) {
        let (mut rest, mut part) = (Self::default(), Self::default());
        for (index, record) in self.into_records().enumerate() {
            let drawn = seed.derive(index as u64).0 as f64 / u64::MAX as f64;
            if drawn < share { &mut part } else { &mut rest }.push(record);
        }
        (rest, part)
    }

    /// Without the events labelled anomalous, and without labels: what a model of normal traffic is fitted on.
    pub(crate) fn only_normal(self) -> Self {
        let mut normal = Self::default();
        for record in self.into_records().filter(|record| !record.label.is_some_and(Label::is_anomalous)) {
            normal.push(Record { label: None, ..record });
        }
        normal
    }

    /// Adds one event at the end.
    pub(crate) fn push(&mut self, record: Record) {
        self.events.push(record.event);
        self.labels.push(record.label);
        self.names.push(record.label_name);
        self.lines.push(record.line);
    }

    fn into_records(self) -> impl Iterator<Item = Record> {
        let rest = self.labels.into_iter().zip(self.names).zip(self.lines);
        self.events.into_iter().zip(rest).map(|(event, ((label, label_name), line))| Record { event, label, label_name, line })
    }

    /// As the pipeline takes them.
    pub(crate) fn into_labelled(self) -> Vec<Labelled<RequestEvent>> {
        self.events.into_iter().zip(self.labels).map(|(event, label)| Labelled { event, label }).collect()
    }
}

impl FromIterator<Record> for Loaded {
    fn from_iter<I: IntoIterator<Item = Record>>(records: I) -> Self {
        let mut loaded = Self::default();
        records.into_iter().for_each(|record| loaded.push(record));
        loaded
    }
}

/// Reads files. Bad lines are counted and the first of each file are named; a file without a good line is refused.
/// `now` stands in for missing times.
pub(crate) fn load(files: &[PathBuf], format: Option<Format>, now: Timestamp) -> anyhow::Result<Loaded> {
    let mut loaded = Loaded::default();
    for file in files {
        load_one(file, format.unwrap_or(Format::Auto), now, &mut loaded)?;
    }
    Ok(loaded)
}

fn load_one(path: &Path, format: Format, now: Timestamp, loaded: &mut Loaded) -> anyhow::Result<()> {
    let refuse = |what: String| Problem::data(format!("{}: {what}", path.display()));
    let file = File::open(path).map_err(|error| refuse(format!("cannot be opened: {error}")).advise("check the path"))?;
    let size = file.metadata().map_or(0, |meta| meta.len());
    let bar = output::progress(size, "reading");
    let mut rejected: Vec<Rejected> = Vec::new();
    let before = loaded.len();
    let summary = records::read(watched(file, &bar), format, now, &mut |record| {
        match record {
            Ok(record) => loaded.push(record),
            Err(bad) if rejected.len() < SHOWN_REJECTED => rejected.push(bad),
            Err(_) => {}
        }
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    let summary = summary.map_err(|error| refuse(error.to_string()).advise(format!("--format takes {}", Format::NAMES.join(", "))))?;
    loaded.rejected += summary.rejected;
    if loaded.len() == before {
        let first = rejected.first().map_or("it is empty".to_owned(), |bad| format!("line {}: {}", bad.line, bad.reason));
        return Err(refuse(format!("no line of it can be read; {first}")).advise("name its format with --format").into());
    }
    for bad in &rejected {
        output::note(&format!("{}:{}: skipped: {}", path.display(), bad.line, output::clean(&bad.reason, 200)));
    }
    if summary.rejected > rejected.len() as u64 {
        output::note(&format!("{}: {} lines were skipped in all", path.display(), summary.rejected));
    }
    Ok(())
}

fn watched(file: File, bar: &ProgressBar) -> impl std::io::Read + use<> {
    bar.wrap_read(file)
}
