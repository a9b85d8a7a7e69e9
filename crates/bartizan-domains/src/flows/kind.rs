//! What the kind `flows` says of itself besides its events.

use super::{Flows, generator};
use crate::kind::{Kind, Plan, Range, Sets, Setting, Settings, without_last};
use bartizan_core::{Domain, Record, Seed};
use serde_json::{Value, json};

impl Kind for Flows {
    const EVENTS: &'static str = "flows";
    const INDEPENDENT: bool = true;
    const JUDGED_AT: &'static str = "/predict";
    const ONE_IN: usize = 2;
    const SETTINGS: Settings = Settings {
        algorithm: Some("one_class_svm"),
        contamination: 0.05,
        max_training_samples: 20_000,
        aliases: &[],
        own: &[
            Setting {
                name: "nu",
                range: Range::Share(0.0, 1.0),
                default: "0.05",
                doc: "Upper bound on the share of training rows outside the boundary of the one-class SVM.",
                sets: Sets::Parameter,
            },
            Setting {
                name: "features",
                range: Range::Choice(<Flows as Domain>::FEATURE_SETS),
                default: "all",
                doc: "Features learned from: `all`, or `robust` without those that the original CICFlowMeter computes wrongly.",
                sets: Sets::FeatureSet,
            },
        ],
    };

    fn generate(plan: Plan, seed: Seed) -> Vec<Record<Self::Event>> {
        let Plan { rows, attack_share, start, gap_secs, .. } = plan;
        let config = generator::GeneratorConfig { rows, attack_share, start, gap_secs };
        let record = |(line, (event, label, name)): (u64, (_, _, &str))| Record {
            event,
            label: Some(label),
            label_name: Some(name.to_owned()),
            line,
        };
        (1..).zip(generator::generate(&config, seed)).map(record).collect()
    }

    fn line(record: &Record<Self::Event>, with_label: bool) -> String {
        let row = generator::csv_row(&record.event, record.label_name.as_deref().unwrap_or_default());
        if with_label { row } else { without_last(&row) }
    }

    fn header(with_label: bool) -> Option<String> {
        let header = generator::csv_header();
        Some(if with_label { header } else { without_last(&header) })
    }

    fn body(record: &Record<Self::Event>) -> Value {
        json!({ "data": generator::event_to_json(&record.event) })
    }

    fn document(event: &Self::Event) -> Value {
        json!({
            "timestamp": event.time.to_string(),
            "flow_id": event.event_id,
            "source": event.source,
            "destination": event.destination,
            "protocol": event.protocol,
            "features": generator::event_to_json(event),
        })
    }
}
