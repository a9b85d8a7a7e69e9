//! A short campaign on targets that read files, stored events and models: the same inputs each time.

mod support;

use support::holds;

#[test]
fn tables_and_logs_are_read_within_their_bounds() {
    holds(
        &[
            "combined",
            "http-params",
            "cicflow",
            "zeek",
            "suricata",
            "nfdump",
            "argus",
            "unsw-nb15",
            "csv",
            "sshd",
            "vsftpd",
            "winlogbeat",
            "access-log",
            "cowrie",
        ],
        "files-",
    );
}

#[test]
fn times_and_raw_json_are_read_within_their_bounds() {
    holds(&["timestamp", "raw-json"], "");
}

#[test]
fn stored_events_and_models_are_read_within_their_bounds() {
    holds(&["request", "flow", "session"], "stored-");
    holds(&["file", "body"], "model-");
    holds(&["baselines"], "");
}
