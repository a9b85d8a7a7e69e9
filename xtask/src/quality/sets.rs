//! The public sets that quality is measured on, each with its protocol.

use super::npz;
use super::split::{Split, Table};
use crate::csv_file::Csv;
use anyhow::Context;
use bartizan_core::Seed;
use std::path::Path;

/// Rows of a benchmark set that are looked at.
const MOST_ROWS: usize = 10_000;
/// Share of a benchmark set to train on.
const TRAIN_SHARE: f64 = 0.7;

/// A set that is fitted on normal rows alone.
pub(super) struct OneClass {
    pub(super) name: &'static str,
    /// Its name among the measured baselines.
    pub(super) baseline: &'static str,
    read: fn(&Path, Seed) -> anyhow::Result<Split>,
}

impl OneClass {
    pub(super) fn split(&self, data: &Path, seed: Seed) -> anyhow::Result<Split> {
        (self.read)(data, seed).with_context(|| format!("the set {}", self.name))
    }
}

/// Sets with a protocol of their own.
pub(super) const ONE_CLASS: &[OneClass] = &[
    OneClass {
        name: "CICIDS2017, 12,000 flows",
        baseline: "cicids2017_hif12k",
        read: |data, seed| {
            let table = Csv::read(&data.join("cicids2017/hif_sample_12000.csv"), None)?;
            Ok(table.labelled("Attack Type", |label| label != "Normal Traffic", &[])?.half_of_normal(seed))
        },
    },
    OneClass {
        name: "CICIDS2017, union of samples",
        baseline: "cicids2017_union",
        read: |data, seed| {
            let table = Csv::read(&data.join("cicids2017/cicids2017_union.csv"), None)?;
            Ok(table.labelled("Label", |label| !label.eq_ignore_ascii_case("benign"), &["source"])?.half_of_normal(seed))
        },
    },
    OneClass { name: "NSL-KDD, KDDTest+", baseline: "nsl_kdd KDDTest+", read: |data, _| nsl_kdd(data) },
    OneClass { name: "CIC-IDS2018, by time", baseline: "cicids2018 by time", read: |data, _| cicids2018(data) },
];

/// Last day of the benign flows of CIC-IDS2018 that are fitted on.
const LAST_DAY: &str = "2018-02-21";

/// Fitted on the benign flows up to [`LAST_DAY`], tested on later benign ones and all attacks.
fn cicids2018(data: &Path) -> anyhow::Result<Split> {
    let csv = Csv::read(&data.join("cicids2018/improved_sample_5000.csv"), None)?;
    let time = csv.column("Timestamp")?;
    let early: Vec<bool> = csv.rows.iter().map(|row| row.get(time).is_some_and(|time| &time[..LAST_DAY.len()] <= LAST_DAY)).collect();
    let without = ["id", "Flow ID", "Src IP", "Src Port", "Dst IP", "Timestamp", "Attempted Category"];
    Ok(csv.labelled("Label", |label| label != "BENIGN", &without)?.normal_where(&early))
}

/// Fitted on the normal rows of the 20 % training file, tested on the whole test file.
fn nsl_kdd(data: &Path) -> anyhow::Result<Split> {
    let folder = data.join("nsl_kdd");
    let names = std::fs::read_to_string(folder.join("columns.txt"))?;
    let names: Vec<String> = names.trim().split(',').map(str::to_owned).collect();
    let read = |file: &str| Csv::read(&folder.join(file), Some(names.clone()));
    let (train, test) = (read("KDDTrain+_20Percent.txt")?.only("label", "normal")?, read("KDDTest+.txt")?);
    let attack = |label: &str| label != "normal";
    let encoder = train.encoder(&["label", "difficulty"]);
    let (train, test) = (train.encoded(&encoder, "label", attack)?, test.encoded(&encoder, "label", attack)?);
    Ok(Split { width: train.width, train: train.values, test: test.values, anomalous: test.anomalous })
}

/// The benchmark sets by name, in order.
pub(super) fn benchmark(data: &Path) -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(data.join("adbench"))? {
        if let Some(name) = entry?.file_name().to_string_lossy().strip_suffix(".npz") {
            names.push(name.to_owned());
        }
    }
    names.sort_by_key(|name| (name.split('_').next().and_then(|n| n.parse::<u32>().ok()), name.clone()));
    Ok(names)
}

/// 70 % to train on with labels unused, stratified, 10,000 rows at most.
pub(super) fn benchmark_split(data: &Path, name: &str, seed: Seed) -> anyhow::Result<Split> {
    let set = npz::read(&data.join(format!("adbench/{name}.npz")))?;
    let table = Table { width: set.width, values: set.values, anomalous: set.anomalous };
    Ok(table.stratified(TRAIN_SHARE, MOST_ROWS, seed))
}

/// How a column becomes numbers: as it is, or one column for each text seen and one for any other.
enum Encoding {
    Number,
    OneOf(Vec<String>),
}

impl Csv {
    fn only(mut self, column: &str, value: &str) -> anyhow::Result<Self> {
        let column = self.column(column)?;
        self.rows.retain(|row| &row[column] == value);
        Ok(self)
    }

    /// Columns of numbers stay, columns of text become one column for each value; those in `without` are left out.
    fn encoder(&self, without: &[&str]) -> Vec<Option<Encoding>> {
        let encoding = |column: usize| {
            let values = || self.rows.iter().map(move |row| &row[column]);
            if values().all(|value| number(value).is_some()) {
                return Encoding::Number;
            }
            let mut seen: Vec<String> = values().map(str::to_owned).collect();
            seen.sort();
            seen.dedup();
            Encoding::OneOf(seen)
        };
        let kept = |(column, name): (usize, &String)| (!without.contains(&name.as_str())).then(|| encoding(column));
        self.names.iter().enumerate().map(kept).collect()
    }

    fn encoded(&self, encoder: &[Option<Encoding>], label: &str, anomalous: impl Fn(&str) -> bool) -> anyhow::Result<Table> {
        let label = self.column(label)?;
        let mut values = Vec::new();
        for row in &self.rows {
            for (cell, encoding) in row.iter().zip(encoder) {
                match encoding {
                    None => {}
                    Some(Encoding::Number) => values.push(number(cell).unwrap_or(f32::NAN)),
                    Some(Encoding::OneOf(seen)) => {
                        let at = seen.binary_search_by(|s| s.as_str().cmp(cell)).unwrap_or(seen.len());
                        values.extend((0..=seen.len()).map(|i| if i == at { 1.0 } else { 0.0 }));
                    }
                }
            }
        }
        let anomalous: Vec<bool> = self.rows.iter().map(|row| anomalous(&row[label])).collect();
        Ok(Table { width: values.len() / anomalous.len().max(1), values, anomalous })
    }

    fn labelled(&self, label: &str, anomalous: impl Fn(&str) -> bool, without: &[&str]) -> anyhow::Result<Table> {
        let left_out: Vec<&str> = without.iter().copied().chain([label]).collect();
        self.encoded(&self.encoder(&left_out), label, anomalous)
    }
}

/// A number; infinite and missing ones are NaN.
fn number(text: &str) -> Option<f32> {
    let value: f64 = text.trim().parse().ok()?;
    Some(if value.is_finite() { value as f32 } else { f32::NAN })
}
