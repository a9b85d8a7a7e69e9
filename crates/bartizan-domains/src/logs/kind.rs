//! What the kind `logs` says of itself besides its events.

use super::generator::{self, Traffic};
use super::{LogEvent, Logs, body};
use crate::kind::{Kind, Plan, Range, Sets, Setting, Settings, Sign, is_attack};
use bartizan_core::{Record, Seed};
use serde_json::{Value, json};

impl Kind for Logs {
    const EVENTS: &'static str = "log entries";
    const INDEPENDENT: bool = false;
    const JUDGED_AT: &'static str = "/analyze";
    const ONE_IN: usize = 2;
    const TRAFFICS: &'static [(&'static str, &'static str)] = &[Traffic::Users.said(), Traffic::Shop.said(), Traffic::Machines.said()];
    const SIGNS: &'static [Sign] = &[
        Sign { feature: "injection_marks", least: 3.0, name: "injection" },
        Sign { feature: "path_risk", least: 1.0, name: "risky path" },
        Sign { feature: "agent_risk", least: 2.0, name: "attack tool" },
        Sign { feature: "failed_logins_1h", least: 10.0, name: "password guessing" },
    ];
    const SETTINGS: Settings = Settings {
        algorithm: None,
        contamination: 0.05,
        max_training_samples: 20_000,
        aliases: &[],
        own: &[
            Setting {
                name: "max_tracked_clients",
                range: Range::Whole(1, 100_000_000),
                default: "100000",
                doc: "Most users tracked in the sliding windows, and as many addresses. Who comes once is forgotten first.",
                sets: Sets::MaxTrackedClients,
            },
            limit(
                "rule_response_secs",
                "response_time",
                "Limit of the static rules (the algorithm `rules`) for the seconds that an answer takes; learned in training if left out.",
            ),
            limit(
                "rule_response_bytes",
                "response_size",
                "Limit of the static rules for the bytes of an answer; learned in training if left out.",
            ),
            limit(
                "rule_requests_per_minute",
                "requests_60s",
                "Limit of the static rules for the entries of a user in a minute; learned in training if left out.",
            ),
            limit(
                "rule_failed_logins",
                "failed_logins_1h",
                "Limit of the static rules for answers of 401 and 403 to a user or its address in an hour; learned in training if left out.",
            ),
            limit(
                "rule_server_errors",
                "server_errors_10m",
                "Limit of the static rules for answers of 500 and above of an endpoint in ten minutes; learned in training if left out.",
            ),
            limit(
                "rule_agent_risk",
                "agent_risk",
                "Limit of the static rules for the risk of an agent: 1 is that of plain tools, 2 and 3 are those of scanners and attack tools; learned in training if left out.",
            ),
        ],
    };

    fn generate(plan: Plan, seed: Seed) -> Vec<Record<LogEvent>> {
        generator::generate(Traffic::by_name(plan.traffic).unwrap_or(Traffic::Users), plan, seed)
    }

    fn live(plan: Plan, seed: Seed) -> Vec<Record<LogEvent>> {
        // Those who come today are those who came yesterday.
        generator::among(Traffic::by_name(plan.traffic).unwrap_or(Traffic::Users), Seed(0), plan, seed)
    }

    fn line(record: &Record<LogEvent>, with_label: bool) -> String {
        let mut entry = Self::document(&record.event);
        if let (true, Value::Object(fields)) = (with_label, &mut entry) {
            let name = record.label_name.clone().filter(|_| is_attack(record));
            fields.insert("label".to_owned(), name.map_or_else(|| json!(is_attack(record)), Value::from));
        }
        entry.to_string()
    }

    fn document(event: &LogEvent) -> Value {
        body::event_to_json(event)
    }
}

/// The setting of a limit of the static rules.
const fn limit(name: &'static str, feature: &'static str, doc: &'static str) -> Setting {
    Setting { name, range: Range::Share(0.0, 1e12), default: "", doc, sets: Sets::Limit(feature) }
}
