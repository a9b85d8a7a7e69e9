//! Flows: from public sets, from the product's generator, and made of six columns.

use super::Draw;
use crate::csv_file::Csv;
use crate::serve::{Folder, succeed};
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::path::Path;

/// Columns that say what a flow is, or where a public set has it from: not sent.
const NOT_SENT: [&str; 9] = ["label", "difficulty", "Label", "Attack Type", "source", "Attempted Category", "id", "Flow ID", "Timestamp"];

/// A flow as the wire has it, and whether it is an attack.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    pub(crate) fields: Map<String, Value>,
    pub(crate) attack: bool,
    /// What the set calls it.
    pub(crate) class: String,
    /// When it was, as the set writes it; empty where it does not.
    pub(crate) at: String,
}

/// CICIDS2017, the sample of 12,000.
pub(crate) fn cicids2017(data: &Path) -> anyhow::Result<Vec<Flow>> {
    read(&data.join("cicids2017/hif_sample_12000.csv"), "Attack Type", &["Normal Traffic"])
}

/// CICIDS2017, several small samples together.
pub(crate) fn union(data: &Path) -> anyhow::Result<Vec<Flow>> {
    read(&data.join("cicids2017/cicids2017_union.csv"), "Label", &["BENIGN", "Benign"])
}

/// CSE-CIC-IDS2018, in the order of time.
pub(crate) fn cicids2018(data: &Path) -> anyhow::Result<Vec<Flow>> {
    let mut flows = read(&data.join("cicids2018/improved_sample_5000.csv"), "Label", &["BENIGN"])?;
    flows.sort_by(|a, b| a.at.cmp(&b.at));
    Ok(flows)
}

/// What the product generates, without attacks.
pub(crate) fn generated(binary: &Path, rows: usize, seed: u64) -> anyhow::Result<Vec<Flow>> {
    let folder = Folder::new("promise-flows")?;
    let file = folder.path().join("flows.csv");
    let (rows, seed, out) = (rows.to_string(), seed.to_string(), file.display().to_string());
    succeed(
        binary,
        folder.path(),
        &["generate", "flows", "--rows", &rows, "--seed", &seed, "--attack-share", "0", "--labels", "--out", &out],
    )?;
    read(&file, "Label", &["BENIGN"])
}

/// Ordinary rows of six columns that depend on each other as those of flows do.
pub(crate) fn related_columns(rows: usize, seed: u64) -> Vec<Flow> {
    let mut draw = Draw::new(seed ^ 0x51c);
    (0..rows).map(|_| Flow::of(&related(&mut draw))).collect()
}

/// Ordinary rows of six columns that have nothing to do with each other.
pub(crate) fn independent_columns(rows: usize, seed: u64) -> Vec<Flow> {
    let mut draw = Draw::new(seed ^ 0x1de);
    (0..rows).map(|_| Flow::of(&independent(&mut draw))).collect()
}

/// NSL-KDD as flows: the numbers of its normal rows of the training file and of all attacks of the test file, under the names of flows. What a
/// column means has no part in the detectors.
pub(crate) fn nsl_kdd(data: &Path) -> anyhow::Result<Vec<Flow>> {
    let folder = data.join("nsl_kdd");
    let header = Csv::read(&data.join("cicids2017/hif_sample_12000.csv"), None)?.names;
    let columns: Vec<String> = std::fs::read_to_string(folder.join("columns.txt"))?.trim().split(',').map(str::to_owned).collect();
    let of_numbers = |name: &str| !["protocol_type", "service", "flag", "label", "difficulty"].contains(&name);
    // The first name is that of a port.
    let mut names = header.into_iter().skip(1);
    let mut named: Vec<String> = columns.clone();
    named.iter_mut().filter(|name| of_numbers(name)).for_each(|name| *name = names.next().unwrap_or_default());
    let mut all = Vec::new();
    for (file, attacks) in [("KDDTrain+_20Percent.txt", false), ("KDDTest+.txt", true)] {
        let table = Csv::read(&folder.join(file), Some(named.clone()))?;
        all.extend(of_table(&table, "label", &["normal"])?.into_iter().filter(|flow| flow.attack == attacks));
    }
    Ok(all)
}

/// The columns of rows of six.
pub(crate) const SIX: [&str; 6] =
    ["Flow Duration", "Total Fwd Packets", "Total Length of Fwd Packets", "Flow Bytes/s", "Flow IAT Mean", "Destination Port"];

fn related(draw: &mut Draw) -> [f64; 6] {
    let (duration, packets) = (draw.lognormal(11.0, 1.2), 1.0 + draw.lognormal(2.0, 0.7).floor());
    let bytes = (packets * draw.lognormal(5.0, 0.5)).round();
    [duration.round(), packets, bytes, bytes / duration * 1e6, duration / packets, *draw.pick(&[80.0, 443.0, 443.0, 443.0, 53.0, 22.0])]
}

fn independent(draw: &mut Draw) -> [f64; 6] {
    let (normal, whole) = (5_000.0 + 400.0 * draw.normal(), 1.0 + draw.below(50) as f64);
    [normal, whole, draw.lognormal(8.0, 2.0), 1_000.0 * draw.unit(), draw.exponential(300.0), draw.lognormal(5.0, 1.0)]
}

impl Flow {
    /// A benign one with these values in its six columns.
    pub(crate) fn of(values: &[f64; 6]) -> Self {
        let fields = SIX.iter().zip(values).map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        Self { fields, attack: false, class: String::new(), at: String::new() }
    }
}

/// In an order that depends on the seed alone.
pub(crate) fn shuffled(mut flows: Vec<Flow>, seed: u64) -> Vec<Flow> {
    let mut draw = Draw::new(seed ^ 0x5f1);
    flows.sort_by_cached_key(|_| draw.below(u64::MAX));
    flows
}

/// Reads a table with a column of labels. Of flows that are equal in all that is sent, the first is kept: a row of the part that is learned from must
/// not be in the part that is judged.
fn of_table(table: &Csv, label: &str, benign: &[&str]) -> anyhow::Result<Vec<Flow>> {
    let label = table.column(label)?;
    let time = table.column("Timestamp").ok();
    let mut seen = HashSet::new();
    let mut flows = Vec::new();
    for row in &table.rows {
        let named = table.names.iter().zip(row).filter(|(name, _)| !NOT_SENT.contains(&name.as_str()));
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite()).map(Value::from);
        let fields: Map<String, Value> = named.filter_map(|(name, text)| Some((name.clone(), number(text)?))).collect();
        if seen.insert(Value::from(fields.clone()).to_string()) {
            let at = time.map_or(String::new(), |time| row[time].to_owned());
            let class = row[label].trim().to_owned();
            flows.push(Flow { fields, attack: !benign.contains(&class.as_str()), class, at });
        }
    }
    Ok(flows)
}

fn read(path: &Path, label: &str, benign: &[&str]) -> anyhow::Result<Vec<Flow>> {
    of_table(&Csv::read(path, None)?, label, benign)
}
