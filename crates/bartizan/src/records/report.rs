//! What was met in a file: for people on standard error, and in the documents of commands.

use crate::output;
use bartizan_core::{Fault, Rejected, Summary};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Labels, kinds of faults, repairs and missing columns that are shown of each file; the documents have all.
const SHOWN_LABELS: usize = 8;
const SHOWN_FAULTS: usize = 5;
const SHOWN_REPAIRS: usize = 8;
const SHOWN_MISSING: usize = 5;
/// The kind of faults that readers no longer tell apart.
const OTHERS: &str = "others";
/// Characters of a name, and of a reason.
const NAME: usize = 40;
const REASON: usize = 160;

/// A file and what was met in it.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// The file, for a person.
    pub(crate) name: String,
    /// Whether the format was given by name.
    pub(crate) given: bool,
    /// What was met.
    pub(crate) summary: Summary,
    /// Why nothing of it was read, where that is no fault.
    pub(crate) passed_over: Option<String>,
}

impl Report {
    /// Of a file that holds no records and came with others.
    pub(crate) fn passed_over(name: String, why: String) -> Self {
        Self { name, given: false, summary: Summary::default(), passed_over: Some(why) }
    }

    /// The share of its records that could not be read.
    pub(crate) fn skipped_share(&self) -> f64 {
        let (read, skipped) = self.summary.counts();
        skipped as f64 / (read + skipped).max(1) as f64
    }

    /// The first record of the most frequent kind of fault.
    pub(crate) fn first_fault(&self) -> Option<String> {
        let (_, fault) = by_count(&self.summary.faults, |fault| fault.count).into_iter().next()?;
        fault.first.first().map(|first| format!("line {}: {}", first.line, output::clean(&first.reason, REASON)))
    }

    /// Writes it to standard error, `events` being what the records are.
    pub(crate) fn note(&self, events: &str) {
        output::note(&self.text(events));
    }

    /// The whole in a line, and below it what is not as it should be.
    pub(crate) fn text(&self, events: &str) -> String {
        if let Some(why) = &self.passed_over {
            return format!("{why}; passed over");
        }
        let summary = &self.summary;
        let mut text = format!("{}: {} read", self.name, output::counted(summary.accepted, events));
        if let Some(format) = &summary.format {
            let how = if self.given { "given by name".to_owned() } else { format!("sure {:.0} %", (100.0 * format.sure).floor()) };
            text += &format!(" as {} ({how})", format.name);
        }
        if summary.rejected > 0 {
            text += &format!(", {} skipped", output::grouped(summary.rejected));
        }
        if !summary.labels.is_empty() {
            // So that it is seen when a word for what belongs was taken for an attack's.
            text += &format!("; labels: {}, read as {}", counts(&summary.labels), output::counted(summary.attacks, "attacks"));
        }
        let is_other = |name: &String| summary.format.as_ref().is_none_or(|format| format.name != name.as_str());
        if summary.formats.keys().any(is_other) {
            text += &format!("\n  formats: {}", counts(&summary.formats));
        }
        for line in self.faults().into_iter().chain(self.repairs()) {
            text += &format!("\n  {line}");
        }
        let missing = &summary.missing;
        if !missing.is_empty() {
            let first = missing[..missing.len().min(SHOWN_MISSING)].join(", ");
            let more = if missing.len() > SHOWN_MISSING { ", …" } else { "" };
            let are = if missing.len() == 1 { "column is" } else { "columns are" };
            text += &format!("\n  {} {are} missing: {first}{more}", missing.len());
        }
        text
    }

    /// By kind, each with the first record: what differs from record to record is told of that one.
    fn faults(&self) -> Vec<String> {
        let faults = by_count(&self.summary.faults, |fault| fault.count);
        let line = |(kind, fault): &(&String, &Fault)| {
            let Fault { count, first } = fault;
            let times = output::grouped(*count);
            let lines = |of: &[Rejected]| {
                let lines: Vec<String> = of.iter().map(|bad| bad.line.to_string()).collect();
                let (named, more) = (output::of_them(lines.len() as u64, "lines"), if *count > first.len() as u64 { ", …" } else { "" });
                format!("{named} {}{more}", lines.join(", "))
            };
            let Some((begin, others)) = first.split_first() else { return format!("skipped: {times} × {}", output::clean(kind, REASON)) };
            if first.iter().all(|bad| bad.reason == **kind) {
                return format!("skipped: {times} × {} ({})", output::clean(kind, REASON), lines(first));
            }
            let said = format!("line {}: {}", begin.line, output::clean(&begin.reason, REASON));
            match (others, kind.as_str()) {
                ([], _) => format!("skipped: {said}"),
                (_, OTHERS) => format!("skipped: {times} × for other reasons, such as {said}"),
                _ => format!("skipped: {times} × like {said} (also {})", lines(others)),
            }
        };
        let rest: u64 = faults.iter().skip(SHOWN_FAULTS).map(|(_, fault)| fault.count).sum();
        let rest = (rest > 0).then(|| format!("skipped: {} × for other reasons", output::grouped(rest)));
        faults.iter().take(SHOWN_FAULTS).map(line).chain(rest).collect()
    }

    fn repairs(&self) -> Vec<String> {
        let repairs = by_count(&self.summary.repairs, |times| *times);
        let line = |(what, times): &(&String, &u64)| {
            let (done, what) = what.strip_prefix("skipped ").map_or(("mended", what.as_str()), |what| ("passed over", what));
            format!("{done}: {} × {}", output::grouped(**times), output::clean(what, REASON))
        };
        let rest: u64 = repairs.iter().skip(SHOWN_REPAIRS).map(|(_, times)| **times).sum();
        let kinds = repairs.len().saturating_sub(SHOWN_REPAIRS);
        let rest = (rest > 0).then(|| format!("mended: {} × other faults ({kinds} more to tell apart)", output::grouped(rest)));
        repairs.iter().take(SHOWN_REPAIRS).map(line).chain(rest).collect()
    }

    fn document(&self) -> Value {
        let summary = &self.summary;
        let first = |bad: &Rejected| json!({"line": bad.line, "reason": bad.reason});
        let fault = |(what, fault): (&String, &Fault)| json!({"what": what, "count": fault.count, "first": fault.first.iter().map(first).collect::<Vec<_>>()});
        let faults = by_count(&summary.faults, |fault| fault.count);
        let mut document = json!({
            "file": self.name, "format": summary.format.map(|format| format.name), "given": self.given,
            "sure": summary.format.map(|format| format.sure), "formats": map(&summary.formats),
            "read": summary.accepted, "skipped": summary.rejected, "faults": faults.into_iter().map(fault).collect::<Vec<_>>(),
            "mended": map(&summary.repairs), "missing": summary.missing, "labels": map(&summary.labels),
            "attacks": summary.attacks,
        });
        if let Some(why) = &self.passed_over {
            document["passed_over"] = json!(why);
        }
        document
    }
}

/// The reports for the document of a command.
pub(crate) fn documents(files: &[Report]) -> Value {
    files.iter().map(Report::document).collect()
}

fn map(counts: &BTreeMap<String, u64>) -> Map<String, Value> {
    counts.iter().map(|(name, count)| (name.clone(), json!(count))).collect()
}

/// The most frequent first.
fn by_count<T>(of: &BTreeMap<String, T>, count: impl Fn(&T) -> u64) -> Vec<(&String, &T)> {
    let mut all: Vec<(&String, &T)> = of.iter().collect();
    all.sort_by(|a, b| count(b.1).cmp(&count(a.1)).then(a.0.cmp(b.0)));
    all
}

fn counts(of: &BTreeMap<String, u64>) -> String {
    let all = by_count(of, |times| *times);
    let shown: Vec<String> =
        all.iter().take(SHOWN_LABELS).map(|(name, times)| format!("{} {}", output::clean(name, NAME), output::grouped(**times))).collect();
    let more = all.len().saturating_sub(SHOWN_LABELS);
    if more > 0 { format!("{}, and {more} more", shown.join(", ")) } else { shown.join(", ") }
}
