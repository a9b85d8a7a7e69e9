//! Events from files, whatever their kind and format.

mod archive;
mod follow;
mod loaded;
mod order;
mod report;
mod source;
#[cfg(test)]
mod tests;

pub(crate) use follow::Stop;
pub(crate) use loaded::{Loaded, SplitBy};
pub(crate) use report::{Report, documents};
pub(crate) use source::{Files, one_standard_input};

use crate::config::Config;
use crate::failure::Problem;
use crate::output;
use archive::Archive;
use bartizan_core::{AUTO, How, ParseError, Record, Rejected, Reservoir, Seed, Summary, Timestamp, TrustedProxies};
use bartizan_domains::kind::Kind;
use bartizan_pipeline::Settings;
use loaded::weight;
use source::Source;
use std::collections::VecDeque;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

/// Most bytes of events from files that are held at once.
const MAX_HELD_BYTES: usize = 2 << 30;

/// How to read files.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Format {
    /// Format of the files [default: seen from the content]; a wrong name lists those of the kind.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    /// Column of a table, or field of JSON records, that holds the labels [default: the usual ones, such as Label].
    #[arg(long, value_name = "NAME")]
    pub(crate) label_column: Option<String>,
    /// Largest share of a file's records that may be unreadable, from 0 to 1; with more, nothing is learned, stored or measured, and
    /// what `score` found is printed; the exit code is 3.
    #[arg(long, value_name = "SHARE", default_value_t = 0.5)]
    pub(crate) max_skipped: f64,
    /// The format of one's own, from the configuration.
    #[arg(skip)]
    own: Option<String>,
    /// The field or header of the user, from the configuration.
    #[arg(skip)]
    user: Option<String>,
    /// The trusted proxies, from the configuration.
    #[arg(skip)]
    proxies: Arc<TrustedProxies>,
}

impl Format {
    /// Takes over what the configuration says of files, and refuses what cannot be, before one is opened: a format that the kind does not
    /// have, a share that is none.
    pub(crate) fn settle<D: Kind>(&mut self, config: &Config, settings: &Settings) -> anyhow::Result<()> {
        (self.own, self.user) = (config.log_format.clone(), config.user_field.clone());
        self.proxies = Arc::clone(&settings.trusted_proxies);
        let format = self.name();
        if !(0.0..=1.0).contains(&self.max_skipped) {
            return Err(Problem::usage(format!("--max-skipped must be from 0 to 1, got {}", self.max_skipped)).into());
        }
        if format == AUTO || D::formats().any(|known| known.name == format) {
            return Ok(());
        }
        Err(Problem::usage(format!("--format {format:?} is none of {}: {}", D::NAME, names::<D>())).into())
    }

    /// Refuses files of which more was unreadable than may be.
    pub(crate) fn check_skipped(&self, files: &[Report]) -> anyhow::Result<()> {
        let Some(worst) = files.iter().find(|file| file.skipped_share() > self.max_skipped) else { return Ok(()) };
        let (share, most) = (output::percent(worst.skipped_share()), output::percent(self.max_skipped));
        let why = worst.first_fault().map(|first| format!("; {first}")).unwrap_or_default();
        let what = format!("{}: {share} of its records cannot be read, and {most} may be{why}", worst.name);
        Err(Problem::data(what).advise("name its format with --format, or allow more with --max-skipped").into())
    }

    /// Returns the first flag that is set, of those that say what a file is.
    pub(crate) fn first_set(&self) -> Option<&'static str> {
        let set = [(self.format.is_some(), "--format"), (self.label_column.is_some(), "--label-column")];
        set.into_iter().find_map(|(is_set, name)| is_set.then_some(name))
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

/// Reads files whole, up to [`MAX_HELD_BYTES`]. Missing times become `now`.
pub(crate) fn load<D: Kind>(files: &[PathBuf], format: &Format, now: Timestamp) -> anyhow::Result<Loaded<D>> {
    let (mut loaded, mut held) = (Loaded::default(), 0);
    let files = stream::<D>(&Files::of(files)?, format, now, &mut |_, record| {
        held += weight(&record.event);
        loaded.push(record);
        if held > MAX_HELD_BYTES { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if held > MAX_HELD_BYTES {
        let (most, events) = (MAX_HELD_BYTES >> 30, loaded.len());
        let what = format!("the files hold more than fits: {events} {} take more than {most} GiB", D::EVENTS);
        return Err(Problem::data(what).advise("give fewer or smaller files").into());
    }
    format.check_skipped(&files)?;
    loaded.files = files;
    Ok(loaded)
}

/// Reads files to learn from. Memory is bounded however large the files are: of independent events at most `most` are
/// drawn; of others the last are taken, with a message, up to [`MAX_HELD_BYTES`].
pub(crate) fn sample<D: Kind>(files: &[PathBuf], format: &Format, now: Timestamp, most: usize, seed: Seed) -> anyhow::Result<Loaded<D>> {
    if !D::INDEPENDENT {
        return newest(files, format, now, most);
    }
    let mut drawn = Reservoir::new(most, seed);
    let files = stream::<D>(&Files::of(files)?, format, now, &mut |_, record| {
        drawn.push(record);
        ControlFlow::Continue(())
    })?;
    format.check_skipped(&files)?;
    let (met, drawn) = (drawn.met(), drawn.into_drawn());
    if met > drawn.len() as u64 {
        output::note(&format!("{} of {met} {} were drawn; max_training_samples sets how many", drawn.len(), D::EVENTS));
    }
    let mut loaded: Loaded<D> = drawn.into_iter().collect();
    (loaded.files, loaded.met) = (files, met);
    Ok(loaded)
}

/// Returns the last events of the files: as many as are learned from, and fit.
fn newest<D: Kind>(files: &[PathBuf], format: &Format, now: Timestamp, most: usize) -> anyhow::Result<Loaded<D>> {
    let mut taken: VecDeque<Record<D::Event>> = VecDeque::new();
    let (mut met, mut held) = (0_u64, 0);
    let files = stream::<D>(&Files::of(files)?, format, now, &mut |_, record| {
        met += 1;
        held += weight(&record.event);
        taken.push_back(record);
        while taken.len() > most || held > MAX_HELD_BYTES {
            let Some(first) = taken.pop_front() else { break };
            held -= weight(&first.event);
        }
        ControlFlow::Continue(())
    })?;
    format.check_skipped(&files)?;
    if met > taken.len() as u64 {
        let (last, events) = (taken.len(), D::EVENTS);
        output::note(&format!("the last {last} of {met} {events} were taken; max_training_samples sets how many, up to 2 GiB of them"));
    }
    let mut loaded: Loaded<D> = taken.into_iter().collect();
    (loaded.files, loaded.met) = (files, met);
    Ok(loaded)
}

/// Calls `each` with every record of the files and the index of its file, and reports what was met in each. A file without a good
/// record is refused, or [passed over](Source::may_hold_none) if another has some.
pub(crate) fn stream<D: Kind>(
    files: &Files,
    format: &Format,
    now: Timestamp,
    each: &mut dyn FnMut(usize, Record<D::Event>) -> ControlFlow<()>,
) -> anyhow::Result<Vec<Report>> {
    let (mut reports, mut archive, mut refused, mut stopped) = (Vec::new(), None, None, false);
    for (at, source) in files.sources().iter().enumerate() {
        let met = read_one::<D>(source, format, now, &mut archive, &mut |record| {
            let flow = each(at, record);
            stopped |= flow.is_break();
            flow
        })?;
        let report = match met {
            Ok(summary) => Report { name: source.name.clone(), given: format.format.is_some(), summary, passed_over: None },
            Err(problem) => {
                let report = Report::passed_over(source.name.clone(), problem.what.clone());
                refused = refused.or(Some(problem));
                report
            }
        };
        report.note(D::EVENTS);
        reports.push(report);
        if stopped {
            break;
        }
    }
    match refused {
        Some(problem) if reports.iter().all(|report| report.passed_over.is_some()) => Err(problem.into()),
        _ => Ok(reports),
    }
}

/// Reads one file to its end. The inner problem is that it holds no records and need not.
fn read_one<D: Kind>(
    source: &Source,
    format: &Format,
    now: Timestamp,
    archive: &mut Option<Archive>,
    each: &mut dyn FnMut(Record<D::Event>) -> ControlFlow<()>,
) -> anyhow::Result<Result<Summary, Problem>> {
    let refuse = |what: String| Problem::data(format!("{}: {what}", source.name));
    let (reader, size): (Box<dyn Read + '_>, u64) = source.open(archive)?;
    let bar = if source.is_followed() { indicatif::ProgressBar::hidden() } else { output::progress(size, "reading") };
    let mut first: Option<Rejected> = None;
    let how = How {
        format: format.name(),
        label_column: format.label_column.as_deref(),
        own: format.own.as_deref(),
        user: format.user.as_deref(),
        proxies: Some(&format.proxies),
    };
    let summary = D::parse(Box::new(bar.wrap_read(reader)), how, now, &mut |record| match record {
        Ok(record) => each(record),
        Err(bad) => {
            first.get_or_insert(bad);
            ControlFlow::Continue(())
        }
    });
    bar.finish_and_clear();
    let summary = match summary {
        Ok(summary) => summary,
        Err(ParseError::Empty) if source.is_followed() => Summary::default(),
        Err(error) => {
            let problem = refuse(error.to_string()).advise(advice::<D>(&error));
            let is_damaged = matches!(error, ParseError::Io { .. } | ParseError::NoLabelColumn { .. } | ParseError::FixedLabels(_));
            let passes = !is_damaged && source.may_hold_none(matches!(error, ParseError::Empty));
            return if passes { Ok(Err(problem)) } else { Err(problem.into()) };
        }
    };
    if summary.accepted == 0 && !(source.is_followed() && first.is_none()) {
        let passes = source.may_hold_none(first.is_none());
        let first = first.map_or("it is empty".to_owned(), |bad| format!("line {}: {}", bad.line, bad.reason));
        let problem = refuse(format!("no line of it can be read; {first}")).advise("name its format with --format");
        return if passes { Ok(Err(problem)) } else { Err(problem.into()) };
    }
    Ok(Ok(summary))
}

fn advice<D: Kind>(error: &ParseError) -> String {
    match error {
        ParseError::NoLabelColumn { .. } => "name one of these with --label-column".to_owned(),
        ParseError::FixedLabels(_) => "leave --label-column out".to_owned(),
        ParseError::OwnFormat(_) => "see `bartizan formats` for what needs none of one's own, or set files.log_format".to_owned(),
        ParseError::Packed("zip") => "give the archive as a file of its own, not by standard input and not within another".to_owned(),
        ParseError::Packed("tar") => "hand over what is in it: tar -xOf FILE | bartizan COMMAND NAME -".to_owned(),
        ParseError::Packed(_) => "unpack it first".to_owned(),
        ParseError::Io { .. } => "see whether the file is whole".to_owned(),
        _ => format!("--format takes {}; `bartizan formats {}` says what each is", names::<D>(), D::NAME),
    }
}
