//! Flows to test with: generated ones, in every dialect, and servers that have learned from others.

use crate::common::{Running, json};
use crate::dialects::{FIELDS, NAMES, in_seconds};
use serde_json::{Map, Value};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// A generated flow.
pub(crate) struct Flow {
    /// The 78 features, in the units of the public tables.
    pub(crate) values: Vec<f64>,
    pub(crate) label: String,
}

/// Writes a table of generated flows with labels.
pub(crate) fn table(folder: &Path, name: &str, rows: u32, seed: u32, attack_share: &str) {
    let (rows, seed) = (rows.to_string(), seed.to_string());
    let arguments = ["generate", "flows", "--rows", &rows, "--seed", &seed, "--attack-share", attack_share, "--labels", "--out", name];
    json(folder, &arguments);
}

/// Generated flows.
pub(crate) fn flows(rows: u32, seed: u32, attack_share: &str) -> Vec<Flow> {
    let folder = tempfile::tempdir().unwrap();
    table(folder.path(), "flows.csv", rows, seed, attack_share);
    let text = fs::read_to_string(folder.path().join("flows.csv")).unwrap();
    text.lines().skip(1).map(Flow::of).collect()
}

/// How many of some flows are learned from: attacks are kept out of what is normal.
pub(crate) fn normal(flows: &[Flow]) -> usize {
    flows.iter().filter(|flow| !flow.is_attack()).count()
}

/// A server with a model of 600 flows, one in ten an attack.
pub(crate) fn trained(arguments: &[&str]) -> (TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    table(folder.path(), "train.csv", 600, 1, "0.1");
    json(folder.path(), &["train", "flows", "train.csv"]);
    let server = Running::start(folder.path(), arguments);
    (folder, server)
}

/// A server without a model.
pub(crate) fn untrained(arguments: &[&str]) -> (TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), arguments);
    (folder, server)
}

impl Flow {
    /// From a row of the generated table: five columns of identification, the features, the label.
    fn of(row: &str) -> Self {
        let cells: Vec<&str> = row.split(',').collect();
        assert_eq!(cells.len(), 5 + NAMES.len() + 1, "{row}");
        let values = cells[5..5 + NAMES.len()].iter().map(|cell| cell.parse().unwrap()).collect();
        Self { values, label: cells[cells.len() - 1].to_owned() }
    }

    /// Under the names of a dialect, numbered as in [`NAMES`].
    fn named(&self, dialect: usize) -> Map<String, Value> {
        let pairs = NAMES.iter().zip(&self.values).filter(|(names, _)| !names[dialect].is_empty());
        pairs.map(|(names, value)| (names[dialect].to_owned(), Value::from(in_units(names[dialect], *value)))).collect()
    }

    /// In the names of the public tables.
    pub(crate) fn public(&self) -> Map<String, Value> {
        self.named(0)
    }

    /// In the short names of the newer Java versions.
    pub(crate) fn short(&self) -> Map<String, Value> {
        self.named(1)
    }

    /// In the names of the Python version, times in seconds.
    pub(crate) fn snake(&self) -> Map<String, Value> {
        self.named(2)
    }

    /// As the 82 fields of a line, times in seconds.
    pub(crate) fn fields(&self) -> Vec<String> {
        let of = |field: &str| {
            let found = NAMES.iter().zip(&self.values).find(|(names, _)| names[2] == field);
            match (field, found) {
                (_, Some((_, value))) => in_units(field, *value).to_string(),
                ("src_ip" | "dst_ip", None) => "10.0.0.1".to_owned(),
                ("timestamp", None) => "2026-01-05 08:00:00".to_owned(),
                _ => "6".to_owned(),
            }
        };
        FIELDS.split_whitespace().map(of).collect()
    }

    pub(crate) fn is_attack(&self) -> bool {
        self.label != "BENIGN"
    }
}

fn in_units(name: &str, value: f64) -> f64 {
    if name.contains('_') && in_seconds(name) { value / 1e6 } else { value }
}
