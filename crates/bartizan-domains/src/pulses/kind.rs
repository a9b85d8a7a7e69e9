//! What the kind `pulses` says of itself besides its events.

use super::{PulseEvent, Pulses};
use crate::kind::{Kind, Plan, Range, Sets, Setting, Settings, is_attack};
use bartizan_core::{Label, Record, Seed};
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::{Value, json};

impl Kind for Pulses {
    const EVENTS: &'static str = "heart-beats";
    const INDEPENDENT: bool = true;
    const JUDGED_AT: &'static str = "/judge";
    const ONE_IN: usize = 5;
    const SETTINGS: Settings = Settings {
        algorithm: Some("knn"),
        contamination: 0.02,
        max_training_samples: 5_000,
        aliases: &[],
        own: &[Setting {
            name: "n_neighbours",
            range: Range::Whole(1, 100),
            default: "7",
            doc: "Nearest neighbours that a heart-beat is compared with.",
            sets: Sets::Parameter,
        }],
    };

    fn generate(plan: Plan, seed: Seed) -> Vec<Record<PulseEvent>> {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed.0);
        let record = |line: u64| {
            let attack = rng.random_bool(plan.attack_share.clamp(0.0, 1.0));
            let (interval, missed) = if attack { (rng.random_range(40.0..90.0), 4) } else { (rng.random_range(9.0..11.0), 0) };
            let event = PulseEvent {
                time: plan.start.plus_secs((plan.gap_secs * line as f64) as i64),
                host: format!("host-{}", rng.random_range(0..20)),
                service: "scheduler".to_owned(),
                interval_secs: interval,
                missed,
            };
            let label = Some(if attack { Label::Anomalous } else { Label::Legitimate });
            Record { event, label, label_name: None, line }
        };
        (1..=plan.rows as u64).map(record).collect()
    }

    fn line(record: &Record<PulseEvent>, with_label: bool) -> String {
        let mut body = Self::body(record);
        if with_label {
            body["label"] = json!(is_attack(record));
        }
        body.to_string()
    }

    fn document(event: &PulseEvent) -> Value {
        let PulseEvent { time, host, service, interval_secs, missed } = event;
        json!({ "host": host, "service": service, "interval_secs": interval_secs, "missed": missed, "timestamp": time.to_string() })
    }
}
