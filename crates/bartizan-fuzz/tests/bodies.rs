//! A short campaign on targets that read bodies of requests, from the wire and from files: the same inputs each time.

mod support;

use support::holds;

#[test]
fn requests_are_read_within_their_bounds() {
    holds(&["requests-body", "files-requests-ndjson", "files-requests-json", "files-requests-atrdf", "files-requests-auto"], "");
}

#[test]
fn flows_are_read_within_their_bounds() {
    holds(&["flows-data", "flows-batch", "flows-training", "flows-csv", "files-flows-ndjson", "files-flows-json", "files-flows-auto"], "");
}

#[test]
fn log_entries_are_read_within_their_bounds() {
    // What `/ingest` is sent is read by the reader of files, format and all.
    holds(&["logs-entry", "logs-detect", "logs-training", "files-logs-ndjson", "files-logs-json", "files-logs-auto"], "");
}

#[test]
fn sessions_are_read_within_their_bounds() {
    holds(
        &["behavior-session", "behavior-logs", "behavior-training", "files-behavior-ndjson", "files-behavior-json", "files-behavior-auto"],
        "",
    );
}
