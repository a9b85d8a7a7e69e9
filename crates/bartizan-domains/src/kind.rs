//! What a kind says of itself besides its events: settings, generated traffic, how bad a judged event is.

use bartizan_core::{Label, Parse, Record, Seed, Timestamp};
use serde_json::Value;

/// What to generate: `rows` events from `start` on, `gap_secs` apart in the mean, about `attack_share` of them attacks.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many events.
    pub rows: usize,
    /// Share of attacks among them, 0 to 1.
    pub attack_share: f64,
    /// When they begin.
    pub start: Timestamp,
    /// Mean seconds between two of them.
    pub gap_secs: f64,
    /// Which traffic, one of the kind's [`Kind::TRAFFICS`]; empty for its default.
    pub traffic: &'static str,
}

/// What a detector found of an event, as far as a kind makes something of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// The likeliest class, an index into the kind's classes, with its probability.
    pub class: Option<(usize, f64)>,
    /// The detector's own number.
    pub score: Option<f64>,
    /// The score on the scale of the product, 0 to 1.
    pub grade: f64,
}

/// A feature that names a kind of attack from some value on, whatever was learned.
#[derive(Clone, Copy, Debug)]
pub struct Sign {
    /// The name of the feature.
    pub feature: &'static str,
    /// The least value that is a sign.
    pub least: f32,
    /// What people call the attack.
    pub name: &'static str,
}

/// A kind of telemetry, complete: what the service, the command line and the demo need of it besides its events.
pub trait Kind: Parse {
    /// What its events are called.
    const EVENTS: &'static str;

    /// Whether an event can be judged without those before it, so that a sample of a file is as good as its end.
    const INDEPENDENT: bool;

    /// What differs in the settings of its detectors.
    const SETTINGS: Settings;

    /// Where a client posts the [`body`](Self::body) of one event, below the mount: `/predict`. An answer of 200 has `is_anomaly` or
    /// `isAnomaly`, and with `?explain=true` perhaps `reasons`.
    const JUDGED_AT: &'static str;

    /// In live traffic of all kinds, one event of this kind comes after so many of the most frequent.
    const ONE_IN: usize = 1;

    /// Features that name a kind of attack by themselves. None for a kind that tells classes apart.
    const SIGNS: &'static [Sign] = &[];

    /// The traffics that [`generate`](Self::generate) knows, the default first: its name, and what it is. None for a kind that knows one.
    const TRAFFICS: &'static [(&'static str, &'static str)] = &[];

    /// Events in order of their time; the same arguments give the same events.
    fn generate(plan: Plan, seed: Seed) -> Vec<Record<Self::Event>>;

    /// Events as [`generate`](Self::generate) gives them, with the planned share of attacks also where the generator alone has a share of
    /// its own.
    fn live(plan: Plan, seed: Seed) -> Vec<Record<Self::Event>> {
        Self::generate(plan, seed)
    }

    /// A generated event as one line of a file that this kind reads, with its label if it is to be said; the header of a table
    /// comes from [`header`](Self::header).
    fn line(record: &Record<Self::Event>, with_label: bool) -> String;

    /// The first line of such a file, if it has one.
    fn header(with_label: bool) -> Option<String> {
        let _ = with_label;
        None
    }

    /// An event as people read it: an object, times in RFC 3339.
    fn document(event: &Self::Event) -> Value;

    /// The body that a client would post.
    fn body(record: &Record<Self::Event>) -> Value {
        Self::document(&record.event)
    }

    /// What a detector that has no model learns from by itself; `None` when it waits for somebody to train it.
    fn first_lesson() -> Option<Vec<Self::Event>> {
        None
    }

    /// How dangerous a judged event is, from 1 to 10; `None` for a kind that does not tell.
    fn risk(found: &Found) -> Option<u8> {
        let _ = found;
        None
    }

    /// To list events by, the worst highest.
    fn rank(found: &Found) -> f64 {
        found.score.unwrap_or(f64::NEG_INFINITY)
    }
}

/// Defaults of the settings that every detector has, and the settings that only detectors of this kind have.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Estimator trained when a training does not name one; `None` leaves it to the service.
    pub algorithm: Option<&'static str>,
    /// Expected share of anomalies in training data.
    pub contamination: f64,
    /// Most unlabelled events to train on.
    pub max_training_samples: u64,
    /// Further names in the environment for settings of the detector that has the kind's own name: the setting, and its names, strongest
    /// first.
    pub aliases: &'static [(&'static str, &'static [&'static str])],
    /// Settings of this kind alone.
    pub own: &'static [Setting],
}

/// A setting of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name in the section of a detector.
    pub name: &'static str,
    /// What it may hold.
    pub range: Range,
    /// What holds when nobody says otherwise; empty where nothing is set then.
    pub default: &'static str,
    /// The manual.
    pub doc: &'static str,
    /// What it sets.
    pub sets: Sets,
}

/// What a setting may hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// A whole number between two bounds, both included.
    Whole(u64, u64),
    /// A number above the first bound and up to the second.
    Share(f64, f64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Several texts, in the default separated by commas.
    List,
}

/// What a setting does to a detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sets {
    /// It is a parameter of this name for those algorithms that have it.
    Parameter,
    /// It names the set of features that is learned from, one of the kind's `FEATURE_SETS`.
    FeatureSet,
    /// It is the most clients that the sliding windows track.
    MaxTrackedClients,
    /// It is where an event names its client, as [`bartizan_core::Identity`] reads it.
    Identity,
    /// It is the upper limit, a number above 0, of the feature of this name for the algorithm `rules`, which learns it where it is not set.
    /// The feature is one that rules look at.
    Limit(&'static str),
}

/// Whether a record is of an attack.
#[must_use]
pub fn is_attack<E>(record: &Record<E>) -> bool {
    record.label.is_some_and(Label::is_anomalous)
}

/// A line of a table without its last column, the label.
pub(crate) fn without_last(line: &str) -> String {
    line.rsplit_once(',').map_or_else(|| line.to_owned(), |(rest, _)| rest.to_owned())
}
