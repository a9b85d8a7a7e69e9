//! The bodies that are sent.

use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

pub(super) const KIB: usize = 1 << 10;
pub(super) const MIB: usize = 1 << 20;

/// A request to judge, with this payload.
pub(super) fn analyze(payload: &str) -> String {
    analyze_with("/api/orders", "{\"User-Agent\":\"Mozilla/5.0\"}", payload)
}

/// The same with another endpoint and headers.
pub(super) fn analyze_with(endpoint: &str, headers: &str, payload: &str) -> String {
    format!(
        "{{\"request_id\":\"hostile\",\"ip_address\":\"192.0.2.1\",\"endpoint\":\"{endpoint}\",\"http_method\":\"POST\",\
         \"headers\":{headers},\"payload\":{payload}}}"
    )
}

/// A key of half the length with as many values as fill the other half.
pub(super) fn key_and_values(bytes: usize) -> String {
    format!("{{\"{}\":[{}0]}}", "k".repeat(bytes / 2), "0,".repeat(bytes / 4))
}

/// A list of zeros.
pub(super) fn zeros(bytes: usize) -> String {
    format!("[{}0]", "0,".repeat(bytes / 2))
}

/// An object of one field that no route knows.
pub(super) fn wide(bytes: usize) -> String {
    format!("{{\"x\":{}}}", zeros(bytes))
}

/// Lists in lists.
pub(super) fn deep(bytes: usize) -> String {
    format!("{}{}", "[".repeat(bytes / 2), "]".repeat(bytes / 2))
}

/// Objects of many fields with names of their own.
pub(super) fn names(bytes: usize) -> String {
    let fields: Vec<String> = (0..bytes / 14).map(|i| format!("\"a{i:07}\":\"\"")).collect();
    format!("{{{}}}", fields.join(","))
}

/// A list of objects without a field.
pub(super) fn empties(name: &str, count: usize) -> String {
    format!("{{\"{name}\":[{}]}}", vec!["{}"; count].join(","))
}

/// A session, and a field that is passed over.
pub(super) fn session(unknown: &str) -> String {
    format!(
        "{{\"failed_logins\":0,\"request_rate\":1,\"commands_count\":1,\"sql_payload\":0,\"honeytoken_access\":0,\"session_time\":30,\
         \"x\":{unknown}}}"
    )
}

/// A log entry with these texts as user and endpoint, and a field that is passed over.
pub(super) fn entry(user: &str, endpoint: &str, unknown: &str) -> String {
    format!(
        "{{\"timestamp\":\"2026-01-31T09:30:00Z\",\"user_id\":\"{user}\",\"endpoint\":\"{endpoint}\",\"method\":\"GET\",\"ip_address\":\"192.0.2.1\",\
         \"status_code\":200,\"response_time\":0.1,\"x\":{unknown}}}"
    )
}

/// So many log entries, each of another user, endpoint and place in time, in these brackets.
pub(super) fn entries(start: &str, end: &str, separator: &str, count: usize) -> String {
    let entry = |i: usize| {
        entry(&format!("u{i}"), &format!("/e{i}x/a?q={i}"), &i.to_string())
            .replace("09:30:00", &format!("{:02}:{:02}:00", i / 60 % 24, i % 60))
    };
    format!("{start}{}{end}", (0..count).map(entry).collect::<Vec<_>>().join(separator))
}

/// A table of one column.
pub(super) fn table(rows: usize) -> String {
    format!("Flow Duration\n{}", "1\n".repeat(rows))
}

/// A training on flows with parameters that make it long.
pub(super) fn long_training(flows: usize) -> String {
    let flows: Vec<String> =
        (0..flows).map(|i| format!("{{\"Flow Duration\":{},\"Total Fwd Packets\":{}}}", i * 7 % 1_013, i % 97)).collect();
    let parameters = "{\"algorithm\":\"isolation_forest\",\"n_estimators\":10000,\"max_samples\":65536}";
    format!("{{\"training_params\":{parameters},\"flows\":[{}]}}", flows.join(","))
}

/// A beginning, and after it the same bytes, packed in members of 64 MiB at most.
pub(super) fn packed(start: &str, unit: &str, bytes: usize) -> Vec<u8> {
    const MEMBER: usize = 64 * MIB;
    let member = gzip(&unit.repeat(MEMBER.min(bytes) / unit.len()));
    [gzip(start), member.repeat(bytes.div_ceil(MEMBER))].concat()
}

/// Packed as one.
pub(super) fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing into memory does not fail.
    let _ = encoder.write_all(text.as_bytes());
    encoder.finish().unwrap_or_default()
}

/// The same, packed with zstd.
pub(super) fn packed_zstd(start: &str, unit: &str, bytes: usize) -> Vec<u8> {
    let text = format!("{start}{}", unit.repeat(bytes / unit.len()));
    zstd::encode_all(text.as_bytes(), 1).unwrap_or_default()
}
