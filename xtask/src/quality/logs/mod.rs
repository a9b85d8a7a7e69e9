//! `cargo xtask quality --logs`: false positives of the detector of log entries against those of static rules, at equal recall.
//!
//! Everything is measured with the program itself: it learns from the first 70 % of a log's ordinary entries in the order of time, nothing
//! labelled, and judges what comes after them. Of some logs it learns from the attacks in that part too. The rules learn their limits from the same entries, as percentiles.

mod access;
mod entry;
mod figures;
mod report;

use crate::promise::section::Section;
use crate::serve::{Folder, succeed};
use anyhow::Context;
use entry::Entry;
use figures::{Compared, Verdict};
use serde_json::Value;
use std::path::Path;

/// The section of `docs/QUALITY.md` that is written.
pub(super) const SECTION: Section = Section::written_by("cargo xtask quality --logs --document");
/// Share of the ordinary entries that is learned from.
const LEARNED: f64 = 0.7;
/// Percentiles that are limits of rules; the first one is the default.
const PERCENTILES: [f64; 3] = [99.0, 99.9, 95.0];
/// What the product makes, by name.
const TRAFFICS: [&str; 3] = ["users", "shop", "machines"];
/// Entries, and mean seconds between them: over three weeks, and over two days.
const DENSITIES: [(&str, &str, &str); 2] = [("3 weeks", "60000", "30"), ("2 days", "30000", "5.76")];
/// Share of attacks among what is made.
const ATTACKS: &str = "0.05";

/// A log in the order of time.
struct Log {
    name: String,
    variant: String,
    entries: Vec<Entry>,
    /// Whether the attacks in the first part are learned from, unlabelled.
    with_attacks: bool,
}

/// A log with what the detector and each of the rules made of its last part.
struct Measured {
    name: String,
    variant: String,
    learned: usize,
    judged: usize,
    attacks: usize,
    with_attacks: bool,
    /// In the order of [`PERCENTILES`].
    compared: Vec<Compared>,
}

/// Measures; prints the section, and writes it if that is asked for.
pub(super) fn run(root: &Path, data: &Path, binary: &Path, seeds: u64, document: bool) -> anyhow::Result<()> {
    let (mut all, mut learned) = (Vec::new(), Vec::new());
    for traffic in TRAFFICS {
        for (span, rows, gap) in DENSITIES {
            for seed in 1..=seeds {
                let entries = generated(binary, &["--traffic", traffic, "--rows", rows, "--gap-secs", gap], seed)?;
                let mut log = Log { name: format!("{traffic}, {span}"), variant: format!("seed {seed}"), entries, with_attacks: false };
                all.push(measure(binary, &log)?);
                if seed == 1 {
                    (log.name, log.with_attacks) = (format!("{}, with attacks", log.name), true);
                    learned.push(measure(binary, &log)?);
                }
            }
        }
    }
    for (variant, entries) in access::mixtures(data)? {
        all.push(measure(binary, &Log { name: "access log and scanner".to_owned(), variant, entries, with_attacks: false })?);
    }
    all.append(&mut learned);
    let section = SECTION.around(&report::text(&all));
    println!("{section}");
    if document {
        SECTION.write(&root.join("docs/QUALITY.md"), &section)?;
    }
    Ok(())
}

/// What the product makes, labelled.
fn generated(binary: &Path, how: &[&str], seed: u64) -> anyhow::Result<Vec<Entry>> {
    let folder = Folder::new("quality-logs")?;
    let file = folder.path().join("log.ndjson");
    let (seed, out) = (seed.to_string(), file.display().to_string());
    let rest = ["--seed", &seed, "--attack-share", ATTACKS, "--labels", "--out", &out];
    succeed(binary, folder.path(), &[&["generate", "logs"], how, &rest].concat())?;
    let text = std::fs::read_to_string(&file)?;
    let mut entries: Vec<Entry> = text.lines().map(Entry::read).collect::<anyhow::Result<_>>()?;
    entries.sort_by_key(|entry| entry.at);
    Ok(entries)
}

fn measure(binary: &Path, log: &Log) -> anyhow::Result<Measured> {
    let ordinary: Vec<&Entry> = log.entries.iter().filter(|entry| entry.attack.is_none()).collect();
    let before = &ordinary[..(ordinary.len() as f64 * LEARNED) as usize];
    let end = before.last().context("nothing to learn from")?.at;
    let (first, test) = log.entries.split_at(log.entries.partition_point(|entry| entry.at <= end));
    let train: Vec<&Entry> = if log.with_attacks { first.iter().collect() } else { before.to_vec() };
    let truth: Vec<Option<&str>> = test.iter().map(|entry| entry.attack.as_deref()).collect();
    let own = judged(binary, &train, test, &[])?;
    let mut compared = Vec::new();
    for percentile in PERCENTILES {
        let param = format!("percentile={percentile}");
        let rules = judged(binary, &train, test, &["--algorithm", "rules", "--param", &param])?;
        compared.push(Compared::of(&truth, &own, &rules));
    }
    let attacks = truth.iter().flatten().count();
    let measured = Measured {
        name: log.name.clone(),
        variant: log.variant.clone(),
        learned: train.len(),
        judged: test.len(),
        attacks,
        with_attacks: log.with_attacks,
        compared,
    };
    eprintln!("{}", report::progress(&measured));
    Ok(measured)
}

/// Verdicts of a model, which learns from all of the entries, on others.
fn judged(binary: &Path, train: &[&Entry], test: &[Entry], training: &[&str]) -> anyhow::Result<Vec<Verdict>> {
    let folder = Folder::new("quality-logs")?;
    let path = |name: &str| folder.path().join(name).display().to_string();
    let lines = |entries: &mut dyn Iterator<Item = &Entry>| entries.map(|entry| format!("{}\n", entry.text)).collect::<String>();
    std::fs::write(path("bartizan.toml"), format!("[detectors.logs]\nmax_training_samples = {}\n", train.len()))?;
    std::fs::write(path("train.ndjson"), lines(&mut train.iter().copied()))?;
    std::fs::write(path("test.ndjson"), lines(&mut test.iter()))?;
    succeed(binary, folder.path(), &[&["train", "logs", &path("train.ndjson")], training].concat())?;
    succeed(binary, folder.path(), &["score", "logs", &path("test.ndjson"), "--out", &path("out.ndjson")])?;
    let text = std::fs::read_to_string(path("out.ndjson"))?;
    let verdicts: Option<Vec<Verdict>> = text.lines().map(|line| verdict(&serde_json::from_str(line).ok()?)).collect();
    let verdicts = verdicts.context("verdicts without scores")?;
    anyhow::ensure!(verdicts.len() == test.len(), "{} verdicts on {} entries", verdicts.len(), test.len());
    Ok(verdicts)
}

fn verdict(value: &Value) -> Option<Verdict> {
    Some(Verdict { score: value["score"].as_f64()?, flagged: value["flagged"].as_bool()? })
}
