//! The table, with a mark where a promise is broken.

use super::Cost;
use super::cases::Case;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// A second for each mebibyte that was sent, and one for any request.
const SECONDS_PER_MIB: f64 = 1.0;
/// Memory for each byte that was sent.
const TIMES: f64 = 10.0;
/// Memory that any request may take: what one batch of the most events, or one training on the most rows, needs to work.
const FREE_MEMORY: f64 = (128 << 20) as f64;
/// The longest that `/health` may take, in milliseconds.
const HEALTH_MILLIS: f64 = 100.0;
const MIB: f64 = (1 << 20) as f64;

/// A case with what it cost each program.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) bytes: usize,
    pub(super) costs: Vec<Cost>,
}

impl Line {
    /// Whether the first program keeps every promise.
    pub(super) fn keeps(&self) -> bool {
        self.costs.first().is_some_and(|cost| broken(cost, self.bytes).is_empty())
    }
}

/// The promises that are not kept.
fn broken(cost: &Cost, bytes: usize) -> Vec<&'static str> {
    let bytes = bytes as f64;
    let mut broken = Vec::new();
    if ["closed", "none after", "no connection", "ended"].iter().any(|word| cost.status.contains(word)) {
        broken.push("answer");
    }
    if cost.seconds > (SECONDS_PER_MIB * bytes / MIB).max(SECONDS_PER_MIB) {
        broken.push("time");
    }
    if cost.memory as f64 > (TIMES * bytes).max(FREE_MEMORY) {
        broken.push("memory");
    }
    if cost.health.is_some_and(|millis| millis > HEALTH_MILLIS) {
        broken.push("health");
    }
    broken
}

fn size(bytes: usize) -> String {
    match bytes {
        0 => "-".to_owned(),
        bytes if bytes < 1 << 20 => format!("{} KiB", bytes.div_ceil(1 << 10)),
        bytes => format!("{:.1} MiB", bytes as f64 / MIB),
    }
}

fn cells(cost: &Cost, bytes: usize) -> [String; 5] {
    let mib = (bytes as f64 / MIB).max(1.0);
    let memory = format!("{:.0} MiB", cost.memory as f64 / MIB);
    let times = if bytes == 0 { String::new() } else { format!(" ({:.0} ×)", cost.memory as f64 / bytes as f64) };
    let broken = broken(cost, bytes);
    [
        cost.status.clone(),
        format!("{:.2}", cost.seconds / mib),
        format!("{memory}{times}"),
        cost.health.map_or("-".to_owned(), |millis| format!("{millis:.0} ms")),
        if broken.is_empty() { "kept".to_owned() } else { format!("**{}**", broken.join(", ")) },
    ]
}

/// One line while it runs.
pub(super) fn progress(binary: &Path, case: &Case, cost: &Cost) -> String {
    let [status, seconds, memory, health, promise] = cells(cost, case.bytes());
    format!("{}: {}: {status}, {seconds} s per MiB, {memory}, health {health}, {promise}", binary.display(), case.name)
}

/// A table in Markdown; where two programs are measured, one line for each.
pub(super) fn table(binaries: &[PathBuf], lines: &[Line]) -> String {
    let name = |path: &PathBuf| path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
    let (head, rule) = if binaries.len() > 1 { ("program | ", "---|") } else { ("", "") };
    let mut text = format!(
        "| request | size | {head}answer | s per MiB | memory | slowest /health | promise |\n|---|---|{rule}---|---|---|---|---|\n"
    );
    for line in lines {
        for (binary, cost) in binaries.iter().zip(&line.costs) {
            let program = if binaries.len() > 1 { format!("{} | ", name(binary)) } else { String::new() };
            // Writing to a text does not fail.
            let _ = writeln!(text, "| {} | {} | {program}{} |", line.name, size(line.bytes), cells(cost, line.bytes).join(" | "));
        }
    }
    for (at, binary) in binaries.iter().enumerate() {
        let kept = lines.iter().filter(|line| line.costs.get(at).is_some_and(|cost| broken(cost, line.bytes).is_empty())).count();
        let _ = writeln!(text, "\n{} keeps its promises in {kept} of {} cases.", name(binary), lines.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Cost, broken};

    #[test]
    fn promises_grow_with_the_body() {
        let cost =
            |seconds: f64, mib: u64, health: f64| Cost { status: "200".to_owned(), seconds, memory: mib << 20, health: Some(health) };
        let unanswered = Cost { status: "200 and closed".to_owned(), ..cost(0.1, 1, 1.0) };
        for (name, cost, bytes, expected) in [
            ("one of two without an answer", unanswered, 100, vec!["answer"]),
            ("a small one", cost(0.9, 120, 99.0), 100, vec![]),
            ("a slow one", cost(1.1, 1, 1.0), 100, vec!["time"]),
            ("a large one may take long", cost(1.9, 127, 1.0), 2 << 20, vec![]),
            ("all of it", cost(3.0, 130, 101.0), 2 << 20, vec!["time", "memory", "health"]),
            ("a large one may take much", cost(3.0, 190, 1.0), 20 << 20, vec![]),
        ] {
            assert_eq!(broken(&cost, bytes), expected, "{name}");
        }
    }
}
