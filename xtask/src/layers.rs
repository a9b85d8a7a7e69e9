//! The layer check: every dependency between the crates of the workspace must be in a table with its reason, and
//! heavy parts from outside stay in the crates that exist to keep them away from the others.

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::workspace;

mod table;

use table::{Edge, Heavy, Place};

/// One dependency that a crate of the workspace declares.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Declared {
    from: String,
    to: String,
    dev: bool,
    default_features: bool,
    features: Vec<String>,
}

/// Reads `cargo metadata` and returns every dependency that the tables do not allow.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let output = workspace::cargo(root).args(["metadata", "--format-version", "1", "--no-deps"]).output()?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata printed no JSON")?;
    let (crates, declared) = read(&metadata)?;
    let mut faults = unlisted_edges(&crates, &declared);
    faults.extend(misplaced_parts(&declared));
    faults.extend(ambient_randomness(&declared));
    Ok(faults)
}

/// Prints the tables: what may build on what, and why.
pub(crate) fn list() {
    for (kind, edges) in [("", table::EDGES), (" (tests)", table::DEV_EDGES)] {
        for edge in edges {
            println!("{} -> {}{kind}: {}", edge.from, edge.to, edge.reason);
        }
    }
}

fn read(metadata: &Value) -> anyhow::Result<(Vec<String>, Vec<Declared>)> {
    let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
    let mut crates = Vec::new();
    let mut declared = Vec::new();
    for package in packages {
        let from = package["name"].as_str().context("a package without a name")?;
        crates.push(from.to_owned());
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let to = dependency["name"].as_str().context("a dependency without a name")?;
            declared.push(Declared {
                from: from.to_owned(),
                to: to.to_owned(),
                dev: dependency["kind"] == "dev",
                default_features: dependency["uses_default_features"] == true,
                features: dependency["features"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
            });
        }
    }
    Ok((crates, declared))
}

fn unlisted_edges(crates: &[String], declared: &[Declared]) -> Vec<String> {
    let inside = declared.iter().filter(|d| crates.contains(&d.to));
    inside
        .filter_map(|d| if d.dev { unlisted(d, "dev-dependency", table::DEV_EDGES) } else { unlisted(d, "dependency", table::EDGES) })
        .collect()
}

fn unlisted(declared: &Declared, kind: &str, table: &[Edge]) -> Option<String> {
    // A crate may test itself with anything that it is allowed to build on.
    let allowed = |edges: &[Edge]| edges.iter().any(|e| e.from == declared.from && e.to == declared.to);
    if allowed(table) || (declared.dev && allowed(table::EDGES)) {
        return None;
    }
    Some(format!("{kind} {} -> {} is not in the table of xtask/src/layers/table.rs", declared.from, declared.to))
}

fn misplaced_parts(declared: &[Declared]) -> Vec<String> {
    let built = declared.iter().filter(|d| !d.dev);
    built.filter_map(|d| table::HEAVY.iter().find(|h| h.part == d.to && !h.may_be_in(&d.from)).map(|h| misplaced(d, h))).collect()
}

fn misplaced(declared: &Declared, heavy: &Heavy) -> String {
    let rule = match heavy.place {
        Place::Only(crates) => format!("belongs only in {}", crates.join(", ")),
        Place::Never(crates) => format!("must not be in {}", crates.join(", ")),
    };
    format!("{} depends on {}, which {rule}: {}", declared.from, declared.to, heavy.reason)
}

/// Randomness is an argument: a `rand` that can seed itself from the system is refused.
fn ambient_randomness(declared: &[Declared]) -> Vec<String> {
    let forbidden = |d: &Declared| d.default_features || d.features.iter().any(|f| table::AMBIENT_RAND_FEATURES.contains(&f.as_str()));
    let rand = declared.iter().filter(|d| d.to == "rand" && forbidden(d));
    rand.map(|d| format!("{} depends on rand with features that draw from the system; take a bartizan_core::Seed", d.from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: &str, to: &str, dev: bool) -> Declared {
        Declared { from: from.into(), to: to.into(), dev, default_features: false, features: Vec::new() }
    }

    #[test]
    fn edges_are_refused_unless_listed() {
        let crates: Vec<String> =
            ["bartizan", "bartizan-core", "bartizan-server", "bartizan-storage-sqlite", "bartizan-testkit"].map(str::to_owned).into();
        let cases = [
            ("listed", edge("bartizan-server", "bartizan-core", false), true),
            ("upwards", edge("bartizan-core", "bartizan-server", false), false),
            ("an engine outside the binary", edge("bartizan-server", "bartizan-storage-sqlite", false), false),
            ("the testkit in what is shipped", edge("bartizan", "bartizan-testkit", false), false),
            ("the testkit in tests", edge("bartizan", "bartizan-testkit", true), true),
            ("a listed edge again for tests", edge("bartizan-server", "bartizan-core", true), true),
            ("outside the workspace", edge("bartizan-core", "serde", false), true),
        ];
        for (name, declared, clean) in cases {
            let faults = unlisted_edges(&crates, &[declared]);
            assert_eq!(faults.is_empty(), clean, "{name}: {faults:?}");
        }
    }

    #[test]
    fn heavy_parts_stay_where_they_belong() {
        let cases = [
            ("rusqlite in its engine", edge("bartizan-storage-sqlite", "rusqlite", false), true),
            ("rusqlite in the binary", edge("bartizan", "rusqlite", false), false),
            ("axum in pipeline", edge("bartizan-pipeline", "axum", false), false),
            ("tokio in pipeline", edge("bartizan-pipeline", "tokio", false), true),
            ("tokio in estimators", edge("bartizan-estimators", "tokio", false), false),
            ("serde_json in core", edge("bartizan-core", "serde_json", false), false),
            ("serde_json in tests of core", edge("bartizan-core", "serde_json", true), true),
        ];
        for (name, declared, clean) in cases {
            let faults = misplaced_parts(&[declared]);
            assert_eq!(faults.is_empty(), clean, "{name}: {faults:?}");
        }
    }

    #[test]
    fn rand_must_not_seed_itself() {
        let plain = edge("bartizan-domains", "rand", false);
        let defaults = Declared { default_features: true, ..plain.clone() };
        let thread = Declared { features: vec!["thread_rng".into()], ..plain.clone() };
        assert_eq!(ambient_randomness(&[plain]), Vec::<String>::new());
        assert_eq!(ambient_randomness(&[defaults, thread]).len(), 2);
    }

    #[test]
    fn metadata_is_read_with_its_kinds() {
        let metadata = serde_json::json!({"packages": [{"name": "a", "dependencies": [
            {"name": "b", "kind": null, "uses_default_features": true, "features": ["x"]},
            {"name": "c", "kind": "dev", "uses_default_features": false, "features": []}]}]});
        let (crates, declared) = read(&metadata).unwrap();
        assert_eq!(crates, ["a"]);
        assert_eq!(declared[0], Declared { default_features: true, features: vec!["x".into()], ..edge("a", "b", false) });
        assert_eq!(declared[1], edge("a", "c", true));
    }

    #[test]
    fn every_line_of_the_tables_has_a_reason_and_stands_once() {
        for edges in [table::EDGES, table::DEV_EDGES] {
            for (i, e) in edges.iter().enumerate() {
                assert!(!e.reason.is_empty(), "{} -> {}", e.from, e.to);
                assert!(!edges[..i].iter().any(|f| f.from == e.from && f.to == e.to), "twice: {} -> {}", e.from, e.to);
            }
        }
        assert!(table::HEAVY.iter().all(|h| !h.reason.is_empty()));
    }
}
