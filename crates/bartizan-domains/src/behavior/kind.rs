//! What the kind `behavior` says of itself besides its events.

use super::{Assessment, Behavior, SessionEvent, generator};
use crate::kind::{Found, Kind, Plan, Settings, is_attack, without_last};
use bartizan_core::{Label, Record, Seed};
use serde_json::Value;

impl Kind for Behavior {
    const EVENTS: &'static str = "sessions";
    const INDEPENDENT: bool = true;
    const JUDGED_AT: &'static str = "/predict";
    const ONE_IN: usize = 4;
    const SETTINGS: Settings =
        Settings { algorithm: Some("isolation_forest"), contamination: 0.1, max_training_samples: 50_000, aliases: &[], own: &[] };

    /// The generator's share of attacks is its own.
    fn generate(plan: Plan, seed: Seed) -> Vec<Record<Self::Event>> {
        let record = |(line, mut event): (u64, SessionEvent)| {
            event.time = plan.start.plus_secs((plan.gap_secs * line as f64) as i64);
            let label = event.attack.map(|attack| if attack.is_attack() { Label::Anomalous } else { Label::Legitimate });
            let label_name = event.attack.map(|attack| attack.name().to_owned());
            Record { event, label, label_name, line }
        };
        (1..).zip(generator::generate(plan.rows, seed)).map(record).collect()
    }

    fn live(plan: Plan, seed: Seed) -> Vec<Record<Self::Event>> {
        let drawn = Self::generate(Plan { rows: 4 * plan.rows, ..plan }, seed);
        let (attacks, normal): (Vec<_>, Vec<_>) = drawn.into_iter().partition(is_attack);
        let (mut attacks, mut normal) = (attacks.into_iter(), normal.into_iter());
        let is_attack = |at: usize| (seed.derive(at as u64).0 as f64 / u64::MAX as f64) < plan.attack_share;
        (0..plan.rows).filter_map(|at| if is_attack(at) { attacks.next() } else { normal.next() }).collect()
    }

    fn line(record: &Record<Self::Event>, with_label: bool) -> String {
        let row = generator::csv_row(&record.event);
        if with_label { row } else { without_last(&row) }
    }

    fn header(with_label: bool) -> Option<String> {
        let header = generator::csv_header();
        Some(if with_label { header } else { without_last(&header) })
    }

    fn document(event: &Self::Event) -> Value {
        generator::event_to_json(event)
    }

    fn first_lesson() -> Option<Vec<Self::Event>> {
        Some(generator::training_set(Seed(0)))
    }

    fn risk(found: &Found) -> Option<u8> {
        Some(assess(found).risk)
    }

    /// An isolation forest finds what is rare, such as a session as short as most honest ones are; the risk says what is
    /// dangerous.
    fn rank(found: &Found) -> f64 {
        assess(found).rank()
    }
}

fn assess(found: &Found) -> Assessment {
    Assessment::new(found.class, found.score, found.grade)
}
