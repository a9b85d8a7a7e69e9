//! What other libraries were measured at on the same sets, read from files beside the data.

use anyhow::Context;
use std::collections::BTreeMap;
use std::path::Path;

/// Figures of peers.
pub(super) struct Baselines {
    /// Peer, then set, to AUROC and average precision.
    pub(super) benchmark: BTreeMap<String, BTreeMap<String, (f64, f64)>>,
    /// Set, peer, AUROC, average precision, recall at 1 %.
    pub(super) one_class: Vec<(String, String, [f64; 3])>,
}

/// Reads both tables; a folder without them has none.
pub(super) fn read(data: &Path) -> anyhow::Result<Baselines> {
    let folder = data.join("measured_baselines");
    let mut baselines = Baselines { benchmark: BTreeMap::new(), one_class: Vec::new() };
    let path = folder.join("adbench_pyod_defaults.csv");
    if path.exists() {
        let mut reader = csv::Reader::from_path(&path)?;
        let names = reader.headers()?.clone();
        for record in reader.records() {
            let record = record?;
            for (column, name) in names.iter().enumerate() {
                let Some(peer) = name.strip_prefix("auroc_") else { continue };
                let precision =
                    names.iter().position(|n| n.strip_prefix("auprc_") == Some(peer)).context("no column of average precision")?;
                let pair = (record[column].parse()?, record[precision].parse()?);
                baselines.benchmark.entry(peer.to_owned()).or_default().insert(record[0].to_owned(), pair);
            }
        }
    }
    let path = folder.join("security_sets.csv");
    if path.exists() {
        for record in csv::Reader::from_path(&path)?.records() {
            let record = record?;
            let figure = |column: usize| record[column].parse().unwrap_or(f64::NAN);
            baselines.one_class.push((record[0].to_owned(), record[1].to_owned(), [figure(2), figure(3), figure(4)]));
        }
    }
    Ok(baselines)
}
