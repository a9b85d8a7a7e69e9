//! What one kind of telemetry must say of itself: everything else is written once.

use crate::{Arrival, Arrived, FeatureSchema, Timestamp, Tracking, TrustedProxies};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::borrow::Cow;
use std::marker::PhantomData;

/// What a person said of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Label {
    /// It belongs.
    Legitimate,
    /// It does not: an attack, a fault.
    Anomalous,
}

impl Label {
    /// True for [`Label::Anomalous`].
    #[must_use]
    pub fn is_anomalous(self) -> bool {
        self == Self::Anomalous
    }
}

/// What the store keeps of every event in columns of their own, to filter and show by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The sender's name for the event (`request_id`); empty when it has none.
    pub event_id: Cow<'a, str>,
    /// When it happened.
    pub time: Timestamp,
    /// Who: the client's address, the user, the service.
    pub entity: Cow<'a, str>,
    /// On what: the endpoint, the destination.
    pub resource: Cow<'a, str>,
    /// Doing what: the method, the protocol.
    pub action: Cow<'a, str>,
}

/// What an event itself says of its class, whatever was learned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// Index into [`Domain::CLASSES`].
    pub class: usize,
    /// Probability that it is of that class, from 0.5 on.
    pub probability: f64,
    /// The feature that it has most to do with, an index into the schema.
    pub feature: usize,
}

/// One kind of telemetry. Pure but for its [`Recency`].
pub trait Domain: Send + Sync + 'static {
    /// A parsed, validated record. Serialised with postcard into the store.
    type Event: Clone + Send + Sync + Serialize + DeserializeOwned + 'static;
    /// What the recent past says of one event; plain numbers. Serialised with postcard and stored with the event.
    type Recent: Clone + Send + Sync + Serialize + DeserializeOwned + 'static;
    /// The sliding windows, with bounded memory.
    type Recency: Recency<Event = Self::Event, Recent = Self::Recent>;
    /// Baselines fitted at training and stored in the model; they extract.
    type Baselines: Extract<Event = Self::Event, Recent = Self::Recent> + Serialize + DeserializeOwned + 'static;

    /// The kind's name: `requests`.
    const NAME: &'static str;

    /// Classes that events of this kind are told apart by, besides normal and anomalous; the first is normal. Empty for most.
    const CLASSES: &'static [&'static str] = &[];

    /// Names of the sets of features that can be asked for; the first is the default. What a set leaves out is 0 in every row.
    const FEATURE_SETS: &'static [&'static str] = &["all"];

    /// The columns of this kind's samples.
    fn schema() -> FeatureSchema;

    /// Empty windows that track these clients.
    fn recency(tracking: &Tracking) -> Self::Recency;

    /// Learns baselines (routes, parameter names, value shapes…) from events of normal operation, to extract one of the
    /// [`FEATURE_SETS`](Self::FEATURE_SETS).
    fn fit_baselines<'a>(events: impl Iterator<Item = &'a Self::Event>, feature_set: &str) -> Self::Baselines
    where
        Self::Event: 'a;

    /// Brings baselines of a part of the history to the scale of those of the whole, so that rows from the one and the other can be compared.
    fn align(part: &mut Self::Baselines, whole: &Self::Baselines) {
        let _ = (part, whole);
    }

    /// The class that an event is known to have, an index into [`CLASSES`](Self::CLASSES).
    fn class(event: &Self::Event) -> Option<usize> {
        let _ = event;
        None
    }

    /// What an event says of its class besides its features; `None` where it says nothing.
    fn evidence(event: &Self::Event) -> Option<Evidence> {
        let _ = event;
        None
    }

    /// The evidence as a sentence for the person on duty, where its class is not normal.
    fn evidence_reason(event: &Self::Event) -> Option<String> {
        let _ = event;
        None
    }

    /// Whether an event is an attack by what it carries, whatever the history: what is flagged before there is any. Sparing, since nothing
    /// yet says what is usual here.
    fn known_attack(event: &Self::Event) -> bool {
        let _ = event;
        false
    }

    /// Whether known attacks are kept out of what is learned as normal, unless somebody said that they are.
    const KNOWN_ARE_KEPT_OUT: bool = false;

    /// What says so of such an event: the index of a feature, its value, and a sentence for the person on duty.
    fn known_reason(event: &Self::Event) -> Option<(usize, f32, String)> {
        let _ = event;
        None
    }

    /// The columns that the store keeps.
    fn facts(event: &Self::Event) -> Facts<'_>;

    /// Fills in what only the service knows of an event that arrives: who its client is, and its time, where its own is too far
    /// ahead to be believed. Comes before everything else that is done with the event.
    fn arrive(event: &mut Self::Event, arrival: &Arrival<'_>) -> Arrived;

    /// The entity that a person means who looks for `text`: as [`arrive`](Self::arrive) and [`facts`](Self::facts) write it.
    fn entity<'t>(text: &'t str, proxies: &TrustedProxies) -> Cow<'t, str> {
        let _ = proxies;
        Cow::Borrowed(text)
    }

    /// About how many bytes an event holds: what it takes to judge it grows with them. 0 for a kind whose events are all small.
    fn weight(event: &Self::Event) -> usize {
        let _ = event;
        0
    }

    /// An event as it is stored: long texts are cut, and what was cut is noted in the event. Features see the whole event first.
    fn bounded(event: &Self::Event) -> Cow<'_, Self::Event> {
        Cow::Borrowed(event)
    }
}

/// Event and baselines to row. Training and serving use the same one.
pub trait Extract: Send + Sync {
    /// The record.
    type Event;
    /// What the windows said of it.
    type Recent;

    /// Fills `row` (as wide as the schema) with finite numbers or NaN for missing.
    fn extract(&self, event: &Self::Event, recent: &Self::Recent, row: &mut [f32]);

    /// Whether events such as this one are among those learned from. What is not is never called anomalous.
    fn covers(&self, event: &Self::Event) -> bool {
        let _ = event;
        true
    }

    /// Why the value of feature `index` stands out, as a sentence for the person on duty:
    /// `parameter "q" carries an SQL injection pattern`, `client sent 120 requests in 10 s`. `None` when the value says nothing,
    /// because it is missing, or what most events have.
    fn reason(&self, event: &Self::Event, row: &[f32], index: usize) -> Option<String>;
}

/// Sliding windows in **event time**: history replayed gives the same numbers. Shared between threads.
pub trait Recency: Send + Sync {
    /// The record.
    type Event;
    /// What is said of it.
    type Recent;
    /// Some of the entities with what is known of them, to be stored.
    type Saved: Send + Serialize + DeserializeOwned + 'static;

    /// What the past says of `event`, then counts `event` in.
    fn observe(&self, event: &Self::Event) -> Self::Recent;

    /// What the past says of `event`, counting nothing.
    fn peek(&self, event: &Self::Event) -> Self::Recent;

    /// What the past says of each of `events` as if those among them that are earlier had been counted in; counts nothing. Their order in
    /// the list says nothing.
    fn foresee(&self, events: &[Self::Event]) -> Vec<Self::Recent> {
        events.iter().map(|event| self.peek(event)).collect()
    }

    /// Takes back that `event` was counted in, for one that was refused after all. Counts go down by one; what only knows whether
    /// something was seen, such as how many different paths there were, may keep it.
    fn forget(&self, event: &Self::Event);

    /// Takes over from the windows of other events what these showed of who shares an address, as if they ended `now`; nothing that was
    /// counted.
    fn adopt(&self, other: &Self, now: Timestamp) {
        let _ = (other, now);
    }

    /// How many clients are tracked now.
    fn entities(&self) -> usize;

    /// How many clients were forgotten because a limit was reached, or for that reason never taken in, since the start.
    fn evicted(&self) -> u64;

    /// How far back the longest window reaches, in seconds of event time.
    fn horizon_secs(&self) -> i64;

    /// A part of all that is known: parts 0, 1, … up to the first `None` hold every entity once.
    fn save(&self, part: usize) -> Option<Self::Saved>;

    /// Takes in a part that was saved.
    fn restore(&self, saved: Self::Saved);
}

/// Windows of a kind whose events stand for themselves: nothing is remembered between them.
#[derive(Debug)]
pub struct NoRecency<E>(PhantomData<fn(E)>);

impl<E> Default for NoRecency<E> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<E> Recency for NoRecency<E> {
    type Event = E;
    type Recent = ();
    type Saved = ();

    fn observe(&self, _event: &E) {}

    fn peek(&self, _event: &E) {}

    fn forget(&self, _event: &E) {}

    fn entities(&self) -> usize {
        0
    }

    fn evicted(&self) -> u64 {
        0
    }

    fn horizon_secs(&self) -> i64 {
        0
    }

    fn save(&self, _part: usize) -> Option<()> {
        None
    }

    fn restore(&self, (): ()) {}
}
