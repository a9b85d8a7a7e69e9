//! What the kind `requests` says of itself besides its events.

use super::{Requests, body, generator};
use crate::kind::{Kind, Plan, Range, Sets, Setting, Settings, Sign, is_attack};
use bartizan_core::{Record, Seed};
use serde_json::{Value, json};

impl Kind for Requests {
    const EVENTS: &'static str = "requests";
    const INDEPENDENT: bool = false;
    const JUDGED_AT: &'static str = "/analyze";
    const SIGNS: &'static [Sign] = &[
        Sign { feature: "sql_injection", least: 1.0, name: "SQL injection" },
        Sign { feature: "script_injection", least: 1.0, name: "script injection" },
        Sign { feature: "path_traversal", least: 1.0, name: "path traversal" },
        Sign { feature: "control_characters", least: 1.0, name: "control characters" },
        Sign { feature: "path_risk", least: 1.0, name: "risky path" },
        Sign { feature: "agent_risk", least: 2.0, name: "attack tool" },
    ];
    const SETTINGS: Settings = Settings {
        algorithm: None,
        contamination: 0.1,
        max_training_samples: 10_000,
        aliases: &[
            ("contamination", &["DEFAULT_CONTAMINATION"]),
            ("n_estimators", &["DEFAULT_N_ESTIMATORS"]),
            ("min_training_samples", &["MIN_TRAINING_SAMPLES"]),
        ],
        own: &[
            Setting {
                name: "max_tracked_clients",
                range: Range::Whole(1, 100_000_000),
                default: "100000",
                doc: "Most clients tracked in the sliding windows, addresses and identities within them together; the one silent longest is \
                      forgotten first.",
                sets: Sets::MaxTrackedClients,
            },
            Setting {
                name: "identity",
                range: Range::List,
                default: "x-user-id,x-forwarded-user,x-auth-request-user,x-api-key,authorization,cookie:session,cookie:sessionid,\
                          cookie:session_id,cookie:sid,cookie:connect.sid,cookie:JSESSIONID,cookie:PHPSESSID,cookie:ASP.NET_SessionId,\
                          cookie:laravel_session,agent",
                doc: "What tells clients apart at an address that several share, the most specific first: names of headers, \
                      `cookie:NAME`, and `agent`. The first that a request has is who it is; values are kept as hashes alone. Headers that \
                      your gateway sets are best: a client could send others. Empty: a client is its address.",
                sets: Sets::Identity,
            },
            Setting {
                name: "rule_requests_per_minute",
                range: Range::Share(0.0, 1e9),
                default: "",
                doc: "For the algorithm `rules`: requests of a client in the minute before, above which one is anomalous. Unset: learned.",
                sets: Sets::Limit("requests_60s"),
            },
            Setting {
                name: "rule_errors_per_hour",
                range: Range::Share(0.0, 1e9),
                default: "",
                doc: "For the algorithm `rules`: requests of a client answered with an error in the hour before, above which one is \
                      anomalous. Unset: learned.",
                sets: Sets::Limit("errors_1h"),
            },
            Setting {
                name: "rule_agent_risk",
                range: Range::Share(0.0, 1e9),
                default: "",
                doc: "For the algorithm `rules`: points of the agent (0 for browsers, 1 for tools, 2 or 3 for scanners and attack tools), \
                      above which a request is anomalous. Unset: learned.",
                sets: Sets::Limit("agent_risk"),
            },
        ],
    };

    fn generate(plan: Plan, seed: Seed) -> Vec<Record<Self::Event>> {
        let Plan { rows, attack_share, start, gap_secs, .. } = plan;
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

    fn document(event: &Self::Event) -> Value {
        body::event_to_json(event)
    }
}

#[cfg(test)]
mod tests {
    use super::Requests;
    use crate::kind::Kind as _;
    use bartizan_core::Domain as _;

    #[test]
    fn signs_are_features() {
        let schema = Requests::schema();
        for sign in Requests::SIGNS {
            assert!(schema.names().any(|name| name == sign.feature) && sign.least > 0.0, "{sign:?}");
        }
    }
}
