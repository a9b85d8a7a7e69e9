//! The kinds of telemetry as the command line sees them: add a kind to `Kind`, `for_kind` and here.

use crate::cli::Kind;
use crate::config::Config;
use bartizan_core::{Domain as _, Label, Seed, Timestamp};
use bartizan_domains::behavior::{self, Behavior};
use bartizan_domains::flows::{self, Flows};
use bartizan_domains::records::{FromFiles, Record};
use bartizan_domains::requests::{Requests, body, generator};
use bartizan_pipeline::{Judgement, Labelled, Settings};
use serde_json::{Value, json};

/// What to generate: `rows` events from `start` on, `gap_secs` apart in the mean, about `attack_share` of them attacks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) rows: usize,
    pub(crate) attack_share: f64,
    pub(crate) start: Timestamp,
    pub(crate) gap_secs: f64,
}

/// What commands need of a kind besides its events.
pub(crate) trait Telemetry: FromFiles {
    /// What its events are called.
    const EVENTS: &'static str;

    /// Whether an event can be judged without those before it, so that a sample of a file is as good as its end.
    const INDEPENDENT: bool;

    /// The settings of its detector.
    fn settings(config: &Config) -> &Settings;

    /// Events in order of their time; the same arguments give the same events.
    fn generate(plan: Plan, seed: Seed) -> Vec<Record<Self::Event>>;

    /// A generated event as one line of a file that this kind reads, with its label if it is to be said; the header of a table
    /// comes from [`header`](Self::header).
    fn line(record: &Record<Self::Event>, with_label: bool) -> String;

    /// The first line of such a file, if it has one.
    fn header(with_label: bool) -> Option<String> {
        let _ = with_label;
        None
    }

    /// The body that a client would post.
    fn body(record: &Record<Self::Event>) -> Value;

    /// What a detector that has no model learns from by itself; `None` when it waits for somebody to train it.
    fn first_lesson() -> Option<Vec<Labelled<Self::Event>>> {
        None
    }

    /// How dangerous a judged event is, from 1 to 10; `None` for a kind that does not tell.
    fn risk(judgement: &Judgement) -> Option<u8> {
        let _ = judgement;
        None
    }

    /// To list events by, the worst highest.
    fn rank(judgement: &Judgement) -> f64 {
        judgement.score.unwrap_or(f64::NEG_INFINITY)
    }
}

/// Whether it is an attack.
pub(crate) fn is_attack<E>(record: &Record<E>) -> bool {
    record.label.is_some_and(Label::is_anomalous)
}

/// Runs an expression with the type `$kind` that a `Kind` names.
macro_rules! for_kind {
    ($which:expr, $kind:ident => $run:expr) => {
        match $which {
            $crate::cli::Kind::Requests => {
                type $kind = bartizan_domains::requests::Requests;
                $run
            }
            $crate::cli::Kind::Flows => {
                type $kind = bartizan_domains::flows::Flows;
                $run
            }
            $crate::cli::Kind::Behavior => {
                type $kind = bartizan_domains::behavior::Behavior;
                $run
            }
        }
    };
}
pub(crate) use for_kind;

/// The name of a kind, as on the command line.
pub(crate) fn name(kind: Kind) -> &'static str {
    for_kind!(kind, D => D::NAME)
}

impl Telemetry for Requests {
    const EVENTS: &'static str = "requests";
    const INDEPENDENT: bool = false;

    fn settings(config: &Config) -> &Settings {
        &config.requests
    }

    fn generate(plan: Plan, seed: Seed) -> Vec<Record<Self::Event>> {
        let Plan { rows, attack_share, start, gap_secs } = plan;
        let config = generator::GeneratorConfig { rows, attack_share, start, gap_secs, ..generator::GeneratorConfig::default() };
        let record = |(line, (event, label))| Record { event, label: Some(label), label_name: None, line };
        (1..).zip(generator::generate(&config, seed)).map(record).collect()
    }

    fn line(record: &Record<Self::Event>, with_label: bool) -> String {
        let mut body = Self::body(record);
        if let (true, Value::Object(fields)) = (with_label, &mut body) {
            fields.insert("label".to_owned(), json!(is_attack(record)));
        }
        body.to_string()
    }

    fn body(record: &Record<Self::Event>) -> Value {
        body::event_to_json(&record.event)
    }
}

impl Telemetry for Flows {
    const EVENTS: &'static str = "flows";
    const INDEPENDENT: bool = true;

    fn settings(config: &Config) -> &Settings {
        &config.flows
    }

    fn generate(plan: Plan, seed: Seed) -> Vec<Record<Self::Event>> {
        let Plan { rows, attack_share, start, gap_secs } = plan;
        let config = flows::generator::GeneratorConfig { rows, attack_share, start, gap_secs };
        let flows = flows::generator::generate(&config, seed);
        let record = |(line, (event, label, name)): (u64, (_, _, &str))| Record {
            event,
            label: Some(label),
            label_name: Some(name.to_owned()),
            line,
        };
        (1..).zip(flows).map(record).collect()
    }

    fn line(record: &Record<Self::Event>, with_label: bool) -> String {
        let row = flows::generator::csv_row(&record.event, record.label_name.as_deref().unwrap_or_default());
        if with_label { row } else { without_last(&row) }
    }

    fn header(with_label: bool) -> Option<String> {
        let header = flows::generator::csv_header();
        Some(if with_label { header } else { without_last(&header) })
    }

    fn body(record: &Record<Self::Event>) -> Value {
        json!({ "data": flows::generator::event_to_json(&record.event) })
    }
}

impl Telemetry for Behavior {
    const EVENTS: &'static str = "sessions";
    const INDEPENDENT: bool = true;

    fn settings(config: &Config) -> &Settings {
        &config.behavior
    }

    /// The generator's share of attacks is its own.
    fn generate(plan: Plan, seed: Seed) -> Vec<Record<Self::Event>> {
        let record = |(line, mut event): (u64, behavior::SessionEvent)| {
            event.time = plan.start.plus_secs((plan.gap_secs * line as f64) as i64);
            let label = event.attack.map(|attack| if attack.is_attack() { Label::Anomalous } else { Label::Legitimate });
            let label_name = event.attack.map(|attack| attack.name().to_owned());
            Record { event, label, label_name, line }
        };
        (1..).zip(behavior::generator::generate(plan.rows, seed)).map(record).collect()
    }

    fn line(record: &Record<Self::Event>, with_label: bool) -> String {
        let row = behavior::generator::csv_row(&record.event);
        if with_label { row } else { without_last(&row) }
    }

    fn header(with_label: bool) -> Option<String> {
        let header = behavior::generator::csv_header();
        Some(if with_label { header } else { without_last(&header) })
    }

    fn body(record: &Record<Self::Event>) -> Value {
        behavior::generator::event_to_json(&record.event)
    }

    fn first_lesson() -> Option<Vec<Labelled<Self::Event>>> {
        let sessions = behavior::generator::training_set(Seed(0));
        Some(sessions.into_iter().map(|event| Labelled { event, label: None }).collect())
    }

    fn risk(judgement: &Judgement) -> Option<u8> {
        Some(assess(judgement).risk)
    }

    /// An isolation forest finds what is rare, such as a session as short as most honest ones are; the risk says what is
    /// dangerous.
    fn rank(judgement: &Judgement) -> f64 {
        assess(judgement).rank()
    }
}

fn assess(judgement: &Judgement) -> behavior::Assessment {
    let class = judgement.class.map(|class| (class.index, class.probability));
    behavior::Assessment::new(class, judgement.score, judgement.grade)
}

/// A line of a table without its last column, the label.
fn without_last(line: &str) -> String {
    line.rsplit_once(',').map_or_else(|| line.to_owned(), |(rest, _)| rest.to_owned())
}
