//! The schema, version by version. `PRAGMA user_version` says which one a file has.

use bartizan_storage::StoreError;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// Each step leads from the version of its index to the next; steps that were released never change.
///
/// Detections lie in two tables: the narrow one is listed and counted, the wide one is read for one row or for training.
/// Few indices, since each costs every insert: `lookup` finds a row by the sender's name for it (see `lookup.rs`), the
/// others hold only anomalies and labels.
const STEPS: &[&str] = &["
    CREATE TABLE detectors (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE versions (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
    CREATE TABLE meta (only INTEGER PRIMARY KEY CHECK (only = 1), next_id INTEGER NOT NULL) STRICT;
    INSERT INTO meta VALUES (1, 1);
    CREATE TABLE totals (
        detector INTEGER PRIMARY KEY REFERENCES detectors(id),
        judged INTEGER NOT NULL DEFAULT 0, anomalous INTEGER NOT NULL DEFAULT 0,
        confident INTEGER NOT NULL DEFAULT 0, confidence_sum REAL NOT NULL DEFAULT 0,
        labelled INTEGER NOT NULL DEFAULT 0, false_positives INTEGER NOT NULL DEFAULT 0, false_negatives INTEGER NOT NULL DEFAULT 0,
        stored INTEGER NOT NULL DEFAULT 0, stored_judged INTEGER NOT NULL DEFAULT 0) STRICT;
    CREATE TABLE detections (
        id INTEGER PRIMARY KEY, detector INTEGER NOT NULL, lookup INTEGER,
        event_id TEXT NOT NULL, entity TEXT NOT NULL, resource TEXT NOT NULL, action TEXT NOT NULL,
        event_time INTEGER NOT NULL, analyzed_at INTEGER NOT NULL,
        verdict INTEGER, score REAL, threshold REAL, grade REAL, confidence REAL, version INTEGER, learning INTEGER,
        label INTEGER) STRICT;
    CREATE INDEX detections_lookup ON detections(lookup) WHERE lookup IS NOT NULL;
    CREATE INDEX detections_anomalous ON detections(detector, id) WHERE verdict = 1;
    CREATE INDEX detections_labelled ON detections(detector, id) WHERE label IS NOT NULL;
    CREATE TABLE evidence (id INTEGER PRIMARY KEY, sample BLOB NOT NULL, event BLOB NOT NULL) STRICT;
    CREATE TABLE label_changes (
        id INTEGER PRIMARY KEY, detection INTEGER NOT NULL, was INTEGER, label INTEGER NOT NULL,
        changed_by TEXT NOT NULL, changed_at INTEGER NOT NULL) STRICT;
    CREATE INDEX label_changes_detection ON label_changes(detection);
    CREATE TABLE models (
        id INTEGER PRIMARY KEY AUTOINCREMENT, detector INTEGER NOT NULL REFERENCES detectors(id), version TEXT NOT NULL,
        algorithm TEXT NOT NULL, trained_at INTEGER NOT NULL, training_samples INTEGER NOT NULL, n_features INTEGER NOT NULL,
        accuracy REAL, details TEXT NOT NULL, sha256 TEXT NOT NULL, blob BLOB NOT NULL, is_active INTEGER NOT NULL,
        UNIQUE (detector, version)) STRICT;
    CREATE UNIQUE INDEX models_one_active ON models(detector) WHERE is_active = 1;
"];

/// Brings a file to the newest version; a newer one is refused.
pub(crate) fn migrate(db: &mut Connection, file: &Path) -> Result<(), StoreError> {
    let sort = |e: rusqlite::Error| crate::errors::sort(&e, file);
    let known = STEPS.len() as i64;
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sort)?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(sort)?;
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    for (version, step) in STEPS.iter().enumerate().skip(found.max(0) as usize) {
        transaction.execute_batch(step).map_err(sort)?;
        transaction.execute_batch(&format!("PRAGMA user_version = {}", version + 1)).map_err(sort)?;
    }
    transaction.commit().map_err(sort)
}
