//! Events of files that are held in memory, with what the files say of them.

use super::Report;
use bartizan_core::{Domain, Label, Record, Seed, Timestamp};
use serde::Serialize;

/// Events of one or more files, in order.
pub(crate) struct Loaded<D: Domain> {
    /// The events.
    pub(crate) events: Vec<D::Event>,
    /// The label of each, where it has one.
    pub(crate) labels: Vec<Option<Label>>,
    /// The kind of attack or of normal traffic, where a file names it.
    pub(crate) names: Vec<Option<String>>,
    /// The files, and what was met in each.
    pub(crate) files: Vec<Report>,
    /// Events in the files, of which these may be a sample.
    pub(crate) met: u64,
}

impl<D: Domain> Default for Loaded<D> {
    fn default() -> Self {
        Self { events: Vec::new(), labels: Vec::new(), names: Vec::new(), files: Vec::new(), met: 0 }
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

    /// Returns the number of records that could not be read.
    pub(crate) fn rejected(&self) -> u64 {
        self.files.iter().map(|file| file.summary.rejected).sum()
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
pub(super) fn weight<E: Serialize>(event: &E) -> usize {
    size_of::<Record<E>>() + postcard::experimental::serialized_size(event).unwrap_or(0)
}
