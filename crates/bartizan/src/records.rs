//! Events from files, whatever their kind and format.

use crate::failure::Problem;
use crate::output;
use bartizan_core::{AUTO, Domain, How, Label, ParseError, Record, Rejected, Reservoir, Seed, Summary, Timestamp};
use bartizan_domains::kind::Kind;
use serde::Serialize;
use std::collections::VecDeque;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Most bytes of events from files that are held at once.
const MAX_HELD_BYTES: usize = 2 << 30;
/// Rejected lines that are shown of each file.
const SHOWN_REJECTED: usize = 5;
/// Missing columns that are named of each file.
const SHOWN_MISSING: usize = 5;
/// Repairs that are shown of each file.
const SHOWN_REPAIRS: usize = 8;

/// Files and how to read them.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Format {
    /// Format of the files [default: seen from the content]; a wrong name lists those of the kind.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Column of a table, or field of JSON records, that holds the labels [default: the usual ones, such as Label].
    #[arg(long, value_name = "NAME")]
    pub(crate) label_column: Option<String>,
}

impl Format {
    /// Refuses a format that the kind does not have, before a file is opened.
    pub(crate) fn check<D: Kind>(&self) -> anyhow::Result<()> {
        let format = self.name();
        if format == AUTO || D::formats().any(|known| known.name == format) {
            return Ok(());
        }
        Err(Problem::usage(format!("--format {format:?} is none of {}: {}", D::NAME, names::<D>())).into())
    }

    fn name(&self) -> &str {
        self.format.as_deref().unwrap_or(AUTO)
    }
}

/// The names of a kind's formats, for a message.
fn names<D: Kind>() -> String {
    let names: Vec<&str> = std::iter::once(AUTO).chain(D::formats().map(|format| format.name)).collect();
    names.join(", ")
}

/// Events of one or more files, in order.
pub(crate) struct Loaded<D: Domain> {
    /// The events.
    pub(crate) events: Vec<D::Event>,
    /// The label of each, where it has one.
    pub(crate) labels: Vec<Option<Label>>,
    /// The kind of attack or of normal traffic, where a file names it.
    pub(crate) names: Vec<Option<String>>,
    /// Lines that could not be read.
    pub(crate) rejected: u64,
    /// Events in the files, of which these may be a sample.
    pub(crate) met: u64,
}

impl<D: Domain> Default for Loaded<D> {
    fn default() -> Self {
        Self { events: Vec::new(), labels: Vec::new(), names: Vec::new(), rejected: 0, met: 0 }
    }
}

/// How a file is split into a part to learn from and a part to measure on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SplitBy {
    /// By time where the events of the files have different ones, else at random.
    #[default]
    Auto,
    /// What came last is measured on.
    Time,
    /// No client is on both sides.
    Client,
    /// Single events are drawn.
    Random,
}

impl<D: Domain> Loaded<D> {
    /// Returns the number of events.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// Returns the number of events with a label.
    pub(crate) fn labelled(&self) -> usize {
        self.labels.iter().flatten().count()
    }

    /// Splits the events in two, each part in the order of the whole: the rest, and `share` of them.
    pub(crate) fn split(self, share: f64, by: SplitBy, seed: Seed) -> (Self, Self) {
        let mut times: Vec<Timestamp> = self.events.iter().map(|event| D::facts(event).time).collect();
        times.sort_unstable();
        let cut = times.get(((1.0 - share) * times.len() as f64) as usize).copied();
        let by_time = match by {
            SplitBy::Time => true,
            SplitBy::Auto => cut.is_some_and(|cut| times.first().is_some_and(|first| *first < cut)),
            SplitBy::Client | SplitBy::Random => false,
        };
        let draw = |index: u64| seed.derive(index).0 as f64 / u64::MAX as f64;
        let (mut rest, mut part) = (Self::default(), Self::default());
        for (index, record) in self.into_records().enumerate() {
            let facts = D::facts(&record.event);
            let chosen = if by_time {
                cut.is_some_and(|cut| facts.time >= cut)
            } else if by == SplitBy::Client {
                draw(facts.entity.bytes().fold(0, |sum: u64, byte| sum.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte))) < share
            } else {
                draw(index as u64) < share
            };
            if chosen { &mut part } else { &mut rest }.push(record);
        }
        (rest, part)
    }

    /// Returns the events that are not labelled anomalous: what a model of normal traffic is fitted on.
    pub(crate) fn only_normal(self) -> Self {
        self.into_records().filter(|record| !record.label.is_some_and(Label::is_anomalous)).collect()
    }

    /// Adds one event at the end.
    pub(crate) fn push(&mut self, record: Record<D::Event>) {
        self.events.push(record.event);
        self.labels.push(record.label);
        self.names.push(record.label_name);
        self.met += 1;
    }

    fn into_records(self) -> impl Iterator<Item = Record<D::Event>> {
        let rest = self.labels.into_iter().zip(self.names);
        let numbered = (1..).zip(self.events.into_iter().zip(rest));
        numbered.map(|(line, (event, (label, label_name)))| Record { event, label, label_name, line })
    }

    /// Returns the events without their labels, for the pipeline.
    pub(crate) fn without_labels(self) -> Vec<Record<D::Event>> {
        self.events.into_iter().map(|event| Record::new(event, None)).collect()
    }

    /// Returns the labelled events for the pipeline. Kinds with classes learn from these, not from whether a class is an attack.
    pub(crate) fn into_labelled(self) -> Vec<Record<D::Event>> {
        let says = |label: Option<Label>| if D::CLASSES.is_empty() { label } else { None };
        self.events.into_iter().zip(self.labels).map(|(event, label)| Record::new(event, says(label))).collect()
    }
}

impl<D: Domain> FromIterator<Record<D::Event>> for Loaded<D> {
    fn from_iter<I: IntoIterator<Item = Record<D::Event>>>(records: I) -> Self {
        let mut loaded = Self::default();
        records.into_iter().for_each(|record| loaded.push(record));
        loaded
    }
}

/// Returns roughly the memory that an event takes.
fn weight<E: Serialize>(event: &E) -> usize {
    size_of::<Record<E>>() + postcard::experimental::serialized_size(event).unwrap_or(0)
}

/// Reads files whole, up to [`MAX_HELD_BYTES`]. Missing times become `now`.
pub(crate) fn load<D: Kind>(files: &[PathBuf], format: &Format, now: Timestamp) -> anyhow::Result<Loaded<D>> {
    let (mut loaded, mut held) = (Loaded::default(), 0);
    let rejected = stream::<D>(files, format, now, &mut |_, record| {
        held += weight(&record.event);
        loaded.push(record);
        if held > MAX_HELD_BYTES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if held > MAX_HELD_BYTES {
        let (most, events) = (MAX_HELD_BYTES >> 30, loaded.len());
        let what = format!("the files hold more than fits: {events} {} take more than {most} GiB", D::EVENTS);
        return Err(Problem::data(what).advise("give fewer or smaller files").into());
    }
    loaded.rejected = rejected;
    Ok(loaded)
}

/// Reads files to learn from. Memory is bounded however large the files are: of independent events at most `most` are
/// drawn; of others the last are taken, with a message, up to [`MAX_HELD_BYTES`].
pub(crate) fn sample<D: Kind>(files: &[PathBuf], format: &Format, now: Timestamp, most: usize, seed: Seed) -> anyhow::Result<Loaded<D>> {
    if !D::INDEPENDENT {
        return newest(files, format, now, most);
    }
    let mut drawn = Reservoir::new(most, seed);
    let rejected = stream::<D>(files, format, now, &mut |_, record| {
        drawn.push(record);
        ControlFlow::Continue(())
    })?;
    let (met, drawn) = (drawn.met(), drawn.into_drawn());
    if met > drawn.len() as u64 {
        output::note(&format!("{} of {met} {} were drawn; max_training_samples sets how many", drawn.len(), D::EVENTS));
    }
    let mut loaded: Loaded<D> = drawn.into_iter().collect();
    (loaded.rejected, loaded.met) = (rejected, met);
    Ok(loaded)
}

/// Returns the last events of the files: as many as are learned from, and fit.
fn newest<D: Kind>(files: &[PathBuf], format: &Format, now: Timestamp, most: usize) -> anyhow::Result<Loaded<D>> {
    let mut taken: VecDeque<Record<D::Event>> = VecDeque::new();
    let (mut met, mut held) = (0_u64, 0);
    let rejected = stream::<D>(files, format, now, &mut |_, record| {
        met += 1;
        held += weight(&record.event);
        taken.push_back(record);
        while taken.len() > most || held > MAX_HELD_BYTES {
            let Some(first) = taken.pop_front() else { break };
            held -= weight(&first.event);
        }
        ControlFlow::Continue(())
    })?;
    if met > taken.len() as u64 {
        let (last, events) = (taken.len(), D::EVENTS);
        output::note(&format!("the last {last} of {met} {events} were taken; max_training_samples sets how many, up to 2 GiB of them"));
    }
    let mut loaded: Loaded<D> = taken.into_iter().collect();
    (loaded.rejected, loaded.met) = (rejected, met);
    Ok(loaded)
}

/// Calls `each` with every record of the files and the index of its file. Bad lines are counted and the first of each file
/// are named; a file without a good line is refused. Returns how many lines were rejected.
pub(crate) fn stream<D: Kind>(
    files: &[PathBuf],
    format: &Format,
    now: Timestamp,
    each: &mut dyn FnMut(usize, Record<D::Event>) -> ControlFlow<()>,
) -> anyhow::Result<u64> {
    format.check::<D>()?;
    let how = How { format: format.name(), label_column: format.label_column.as_deref(), ..How::default() };
    let (mut rejected, mut stopped) = (0, false);
    for (at, file) in files.iter().enumerate() {
        rejected += stream_one::<D>(file, how, now, &mut |record| {
            let flow = each(at, record);
            stopped |= flow.is_break();
            flow
        })?;
        if stopped {
            break;
        }
    }
    Ok(rejected)
}

fn stream_one<D: Kind>(
    path: &Path,
    how: How<'_>,
    now: Timestamp,
    each: &mut dyn FnMut(Record<D::Event>) -> ControlFlow<()>,
) -> anyhow::Result<u64> {
    let refuse = |what: String| Problem::data(format!("{}: {what}", output::path(path)));
    let file = File::open(path).map_err(|error| refuse(format!("cannot be opened: {error}")).advise("check the path"))?;
    let size = file.metadata().map_or(0, |meta| meta.len());
    let bar = output::progress(size, "reading");
    let mut rejected: Vec<Rejected> = Vec::new();
    let summary = D::parse(Box::new(bar.wrap_read(file)), how, now, &mut |record| match record {
        Ok(record) => each(record),
        Err(bad) => {
            if rejected.len() < SHOWN_REJECTED {
                rejected.push(bad);
            }
            ControlFlow::Continue(())
        }
    });
    bar.finish_and_clear();
    let summary = summary.map_err(|error| {
        let advice = match &error {
            ParseError::NoLabelColumn { .. } => "name one of these with --label-column".to_owned(),
            ParseError::FixedLabels(_) => "leave --label-column out".to_owned(),
            _ => format!("--format takes {}", names::<D>()),
        };
        refuse(error.to_string()).advise(advice)
    })?;
    if summary.accepted == 0 {
        let first = rejected.first().map_or("it is empty".to_owned(), |bad| format!("line {}: {}", bad.line, bad.reason));
        return Err(refuse(format!("no line of it can be read; {first}")).advise("name its format with --format").into());
    }
    report(path, &summary, &rejected);
    Ok(summary.rejected)
}

/// Reports the faults of a file that was read all the same.
fn report(path: &Path, summary: &Summary, rejected: &[Rejected]) {
    let missing = &summary.missing;
    if !missing.is_empty() {
        let first = missing[..missing.len().min(SHOWN_MISSING)].join(", ");
        let more = if missing.len() > SHOWN_MISSING { ", ..." } else { "" };
        output::note(&format!("{}: {} columns are missing: {first}{more}", output::path(path), missing.len()));
    }
    for bad in rejected {
        output::note(&format!("{}:{}: skipped: {}", output::path(path), bad.line, output::clean(&bad.reason, 200)));
    }
    if summary.rejected > rejected.len() as u64 {
        output::note(&format!("{}: {} lines were skipped in all", output::path(path), summary.rejected));
    }
    let mut repairs: Vec<(&String, &u64)> = summary.repairs.iter().collect();
    repairs.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    for (what, times) in repairs.iter().take(SHOWN_REPAIRS) {
        output::note(&format!("{}: {times} × {}", output::path(path), output::clean(what, 120)));
    }
    if repairs.len() > SHOWN_REPAIRS {
        let rest: u64 = repairs[SHOWN_REPAIRS..].iter().map(|(_, times)| **times).sum();
        let kinds = repairs.len() - SHOWN_REPAIRS;
        output::note(&format!("{}: {rest} × other faults that were mended ({kinds} more to tell apart)", output::path(path)));
    }
}
