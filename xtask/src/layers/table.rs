//! Which crate may build on which, and why. What is not listed is refused.

/// One allowed dependency between two crates of the workspace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Edge {
    pub(super) from: &'static str,
    pub(super) to: &'static str,
    pub(super) reason: &'static str,
}

const fn edge(from: &'static str, to: &'static str, reason: &'static str) -> Edge {
    Edge { from, to, reason }
}

/// Dependencies of what is shipped.
pub(super) const EDGES: &[Edge] = &[
    edge("bartizan-estimators", "bartizan-core", "estimators implement its traits"),
    edge("bartizan-domains", "bartizan-core", "domains describe their features with its types"),
    edge("bartizan-storage", "bartizan-core", "stored entities are made of its types"),
    edge("bartizan-storage-sqlite", "bartizan-core", "rows are converted to its types"),
    edge("bartizan-storage-sqlite", "bartizan-storage", "an engine implements the repository traits"),
    edge("bartizan-pipeline", "bartizan-core", "its types are those of the core"),
    edge("bartizan-pipeline", "bartizan-estimators", "estimators and domains are joined here"),
    edge("bartizan-pipeline", "bartizan-domains", "estimators and domains are joined here"),
    edge("bartizan-pipeline", "bartizan-storage", "verdicts and models are recorded through the traits"),
    edge("bartizan-connectors", "bartizan-core", "sources and notifiers use its types"),
    edge("bartizan-connectors", "bartizan-pipeline", "sources feed detectors, notifiers listen to them"),
    edge("bartizan-server", "bartizan-core", "replies are made of its types"),
    edge("bartizan-server", "bartizan-domains", "routes pass bytes to the parsers of their kind"),
    edge("bartizan-server", "bartizan-pipeline", "routes call detectors at work"),
    edge("bartizan-server", "bartizan-storage", "audit and statistics replies are made of stored entities"),
    edge("bartizan", "bartizan-core", "the binary wires all parts"),
    edge("bartizan", "bartizan-estimators", "the binary offers the algorithms on its command line"),
    edge("bartizan", "bartizan-domains", "the binary reads event files and generates events"),
    edge("bartizan", "bartizan-storage", "the binary passes an engine to the pipeline"),
    edge("bartizan", "bartizan-storage-sqlite", "only the binary names a concrete engine"),
    edge("bartizan", "bartizan-pipeline", "the binary wires all parts"),
    edge("bartizan", "bartizan-connectors", "the binary wires all parts"),
    edge("bartizan", "bartizan-server", "the binary starts the service"),
    edge("xtask", "bartizan-core", "quality is measured on samples"),
    edge("xtask", "bartizan-estimators", "quality is that of the algorithms"),
    edge("bartizan-fuzz", "bartizan-core", "inputs are made from a seed, rows are scored"),
    edge("bartizan-fuzz", "bartizan-domains", "its parsers and readers are fuzzed"),
    edge("bartizan-fuzz", "bartizan-estimators", "model files are fuzzed"),
    edge("bartizan-testkit", "bartizan-core", "conformance suites of its traits"),
    edge("bartizan-testkit", "bartizan-storage", "the conformance suite of the repositories"),
];

/// Dependencies of tests only. Whatever is in [`EDGES`] is allowed here as well.
pub(super) const DEV_EDGES: &[Edge] = &[
    edge("bartizan-estimators", "bartizan-testkit", "every estimator passes the conformance suite"),
    edge("bartizan-domains", "bartizan-testkit", "every extractor passes the conformance suite"),
    edge("bartizan-storage", "bartizan-testkit", "the engine in memory passes the conformance suite"),
    edge("bartizan-storage-sqlite", "bartizan-testkit", "every engine passes the conformance suite"),
    edge("bartizan-pipeline", "bartizan-testkit", "clocks and fixtures"),
    edge("bartizan-pipeline", "bartizan-storage-sqlite", "the life cycle is tested on a real store"),
    edge("bartizan-connectors", "bartizan-testkit", "servers for tests"),
    edge("bartizan-server", "bartizan-testkit", "servers for tests"),
    edge("bartizan-server", "bartizan-storage-sqlite", "routes are tested on a real store"),
    edge("bartizan-server", "bartizan-estimators", "routes are tested on a real model"),
    edge("bartizan", "bartizan-testkit", "servers for tests"),
];

/// Where a part from outside the workspace may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// In these crates and no other.
    Only(&'static [&'static str]),
    /// In any crate but these.
    Never(&'static [&'static str]),
}

/// A part from outside the workspace that is kept away from some crates. Tests may use it anywhere.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heavy {
    pub(super) part: &'static str,
    pub(super) place: Place,
    pub(super) reason: &'static str,
}

impl Heavy {
    /// Whether `member`, a crate of the workspace, may depend on this part.
    pub(super) fn may_be_in(&self, member: &str) -> bool {
        match self.place {
            Place::Only(crates) => crates.contains(&member),
            Place::Never(crates) => !crates.contains(&member),
        }
    }
}

const fn only(part: &'static str, crates: &'static [&'static str], reason: &'static str) -> Heavy {
    Heavy { part, place: Place::Only(crates), reason }
}

const fn never(part: &'static str, crates: &'static [&'static str], reason: &'static str) -> Heavy {
    Heavy { part, place: Place::Never(crates), reason }
}

const PURE: &[&str] = &["bartizan-core", "bartizan-estimators", "bartizan-domains"];
const SERVER: &[&str] = &["bartizan-server"];
const COMMANDS: &[&str] = &["bartizan", "xtask"];

/// Parts that are kept in their place.
pub(super) const HEAVY: &[Heavy] = &[
    only("rusqlite", &["bartizan-storage-sqlite"], "only storage engines know SQL"),
    only("aide", SERVER, "only the server knows HTTP"),
    only("axum", SERVER, "only the server knows HTTP"),
    only("hyper", SERVER, "only the server knows HTTP"),
    only("hyper-util", SERVER, "only the server knows HTTP"),
    only("tower", SERVER, "only the server knows HTTP"),
    only("tower-http", SERVER, "only the server knows HTTP"),
    only("anyhow", COMMANDS, "libraries have an error type for each operation"),
    only("clap", COMMANDS, "only commands have a command line"),
    only("tracing-subscriber", &["bartizan"], "only the binary decides where logs go"),
    never("tokio", PURE, "pure crates open nothing and wait for nothing"),
    never("async-trait", PURE, "pure crates open nothing and wait for nothing"),
    never("reqwest", PURE, "pure crates open nothing and wait for nothing"),
    never("serde_json", &["bartizan-core"], "core knows no JSON"),
];

/// Features of `rand` that take randomness from the system.
pub(super) const AMBIENT_RAND_FEATURES: &[&str] = &["default", "os_rng", "thread_rng"];
