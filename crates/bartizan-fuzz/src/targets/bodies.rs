//! Bodies of requests, and times in them. What is read is turned into features as well: that is done of every body that is accepted.

use super::{Bounds, Target, shape};
use crate::seeds;
use bartizan_core::{Domain, Extract, Identity, Recency, Seed, Timestamp, Tracking};
use bartizan_domains::behavior::{Behavior, body as behavior};
use bartizan_domains::faults::{Fault, Loc};
use bartizan_domains::flows::{Flows, body as flows};
use bartizan_domains::logs::{Logs, body as logs};
use bartizan_domains::raw::{Raw, RawObject};
use bartizan_domains::requests::{Requests, body as requests};

/// Most records of a batch, and most that are kept of a training.
const MOST: usize = 2_000;
/// A flow of a body may be two bytes long and is eighty numbers.
const FLOWS: Bounds = Bounds { held: 500, allocated: 1_000, free: 1 << 20 };
/// A session of a batch likewise.
const SESSIONS: Bounds = Bounds { held: 20, allocated: 60, free: 1 << 20 };

/// An entry of a batch whose texts are empty is two hundred bytes in memory, and what windows and features see of it as much again.
const ENTRIES: Bounds = Bounds { held: 20, allocated: 60, free: 1 << 20 };

/// Turns events into rows, as is done before they are scored.
struct Rows<D: Domain> {
    baselines: D::Baselines,
    recency: D::Recency,
    width: usize,
}

impl<D: Domain> Rows<D> {
    fn new(events: &[D::Event]) -> Self {
        let baselines = D::fit_baselines(events.iter(), D::FEATURE_SETS.first().copied().unwrap_or_default());
        let identity = Identity::parse(&["x-user-id", "authorization", "cookie:sid", "agent"]).unwrap_or_default();
        Self { baselines, recency: D::recency(&Tracking { max_entities: 1_000, identity }), width: D::schema().width() }
    }

    fn make(&self, event: &D::Event) -> Vec<f32> {
        let mut row = vec![f32::NAN; self.width];
        self.baselines.extract(event, &self.recency.observe(event), &mut row);
        assert!(row.iter().all(|value| !value.is_infinite()), "a feature is infinite");
        row
    }
}

/// What faults there are and where, without what differs between inputs of one kind.
fn faults(faults: &[Fault]) -> u64 {
    let places = faults.iter().take(8).flat_map(|fault| {
        let place = fault.loc.iter().filter_map(|loc| match loc {
            Loc::Key(name) if name.len() < 32 => Some(name.clone()),
            Loc::Key(_) | Loc::Index(_) => None,
        });
        std::iter::once(fault.kind.to_owned()).chain(place)
    });
    shape(places)
}

fn flow_error(error: &flows::BodyError) -> u64 {
    match error {
        flows::BodyError::Faults(list) => faults(list),
        flows::BodyError::Duplicate(_) => 3,
        flows::BodyError::TooMany(_) => 4,
    }
}

fn logs_error(error: &behavior::LogsError) -> u64 {
    match error {
        behavior::LogsError::Faults(list) => faults(list),
        behavior::LogsError::TooMany(_) => 4,
    }
}

/// In the order of the list of names.
pub(super) fn targets() -> Vec<Target> {
    let mut targets: Vec<Target> = [requests_and_behavior(), of_flows(), of_logs(), scalars()].into_iter().flatten().collect();
    targets.sort_by_key(|target| super::OTHERS.iter().position(|name| *name == target.name));
    targets
}

fn requests_and_behavior() -> Vec<Target> {
    let rows = Rows::<Requests>::new(&seeds::request_events());
    let sessions = Rows::<Behavior>::new(&seeds::sessions());
    vec![
        Target::new("requests-body", Bounds::USUAL, seeds::request_bodies(), move |bytes| {
            match requests::parse_event(bytes, seeds::now()) {
                Ok(event) => {
                    let row = rows.make(&event);
                    shape(row.iter().map(|value| [u8::from(value.is_nan()), value.signum() as u8]))
                }
                Err(list) => faults(&list),
            }
        })
        .with_words(seeds::REQUEST_WORDS),
        Target::new("behavior-session", Bounds::USUAL, seeds::session_bodies(), move |bytes| {
            match behavior::parse_session(bytes, seeds::now()) {
                Ok(event) => {
                    sessions.make(&event);
                    1
                }
                Err(list) => faults(&list),
            }
        })
        .with_words(seeds::SESSION_WORDS),
        Target::new("behavior-logs", SESSIONS, seeds::session_batches(), |bytes| match behavior::parse_logs(bytes, seeds::now(), MOST) {
            Ok(events) => events.len().min(8) as u64,
            Err(error) => logs_error(&error),
        })
        .with_words(seeds::SESSION_WORDS),
        Target::new("behavior-training", SESSIONS, seeds::session_batches(), |bytes| {
            match behavior::parse_training(bytes, seeds::now(), MOST, Seed(0)) {
                Ok(lesson) => lesson.met.min(8),
                Err(error) => logs_error(&error),
            }
        })
        .with_words(seeds::SESSION_WORDS),
    ]
}

fn of_flows() -> Vec<Target> {
    let rows = Rows::<Flows>::new(&seeds::flows());
    vec![
        Target::new("flows-data", Bounds::USUAL, seeds::flow_bodies(), move |bytes| match flows::parse_data(bytes, seeds::now()) {
            Ok(event) => {
                rows.make(&event);
                1
            }
            Err(error) => flow_error(&error),
        })
        .with_words(seeds::FLOW_WORDS),
        Target::new("flows-batch", FLOWS, seeds::flow_batches(), |bytes| match flows::parse_batch(bytes, seeds::now(), MOST) {
            Ok(events) => events.len().min(8) as u64,
            Err(error) => flow_error(&error),
        })
        .with_words(seeds::FLOW_WORDS),
        Target::new("flows-training", FLOWS, seeds::flow_batches(), |bytes| {
            match flows::parse_training(bytes, seeds::now(), MOST, Seed(0)) {
                Ok(lesson) => lesson.met.min(8),
                Err(error) => flow_error(&error),
            }
        })
        .with_words(seeds::FLOW_WORDS),
        Target::new("flows-csv", Bounds::USUAL, seeds::flow_tables(), |bytes| match flows::parse_csv(bytes, seeds::now()) {
            Ok(_) => 1,
            Err(error) => shape([error.to_string().split(|c: char| !c.is_alphabetic()).next().unwrap_or_default()]),
        })
        .with_words(seeds::FLOW_WORDS),
    ]
}

fn of_logs() -> Vec<Target> {
    let [one, many] = [0, 1].map(|_| Rows::<Logs>::new(&seeds::log_events()));
    let error = |error: &logs::BodyError| match error {
        logs::BodyError::Faults(list) => faults(list),
        logs::BodyError::TooMany(_) => 4,
    };
    vec![
        Target::new("logs-entry", Bounds::USUAL, seeds::log_bodies(), move |bytes| match logs::parse_entry(bytes) {
            Ok(event) => {
                let row = one.make(&event);
                shape(row.iter().map(|value| [u8::from(value.is_nan()), value.signum() as u8]))
            }
            Err(list) => faults(&list),
        })
        .with_words(seeds::LOG_WORDS),
        Target::new("logs-detect", ENTRIES, seeds::log_batches(), move |bytes| match logs::parse_logs(bytes, MOST) {
            Ok(records) => {
                let events: Vec<_> = records.into_iter().map(|record| record.event).collect();
                let recents = many.recency.foresee(&events);
                let mut row = vec![f32::NAN; many.width];
                for (event, recent) in events.iter().zip(&recents) {
                    many.baselines.extract(event, recent, &mut row);
                    assert!(row.iter().all(|value| !value.is_infinite()), "a feature is infinite");
                }
                recents.len().min(8) as u64
            }
            Err(list) => error(&list),
        })
        .with_words(seeds::LOG_WORDS),
        Target::new("logs-training", ENTRIES, seeds::log_batches(), move |bytes| match logs::parse_logs(bytes, usize::MAX) {
            Ok(records) => records.iter().filter(|record| record.label.is_some()).count().min(8) as u64 + 8 * records.len().min(8) as u64,
            Err(list) => error(&list),
        })
        .with_words(seeds::LOG_WORDS),
    ]
}

fn scalars() -> Vec<Target> {
    let names = &["request_id", "headers", "data", "flows", "a"];
    vec![
        Target::new("raw-json", Bounds::USUAL, seeds::request_bodies(), |bytes| {
            let Ok(raw) = Raw::parse(bytes) else { return 0 };
            let Some(object) = RawObject::read(raw, names) else { return 1 + raw.kind() as u64 };
            let fields = names.iter().filter_map(|name| object.get(name));
            shape(fields.map(|field| [field.kind() as u8, u8::from(field.shown().is_null()), u8::from(field.text().is_some())]))
        }),
        Target::new("timestamp", Bounds::USUAL, seeds::times(), |bytes| {
            let parsed = Timestamp::parse(&String::from_utf8_lossy(bytes));
            parsed.map_or(0, |time| 1 + u64::from(Timestamp::parse(&time.to_string()).is_ok()))
        }),
    ]
}
