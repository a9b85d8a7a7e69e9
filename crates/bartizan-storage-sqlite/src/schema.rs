//! The tables, and the migrations from earlier releases.

use crate::error::explain;
use crate::rows::{PAYLOAD_BYTES, ROW_BYTES};
use bartizan_storage::StoreError;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use std::path::Path;

/// Marks the file as a database of Bartizan (`PRAGMA application_id`): "Bart".
const APPLICATION_ID: i64 = 0x4261_7274;

/// The migration from each schema version to the next, beginning with an empty database. Never change one that has been
/// released: add another.
const MIGRATIONS: &[fn(&Connection) -> rusqlite::Result<()>] = &[first, second, third, fourth, fifth, sixth];

fn first(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "CREATE TABLE sequence(last_id INTEGER NOT NULL) STRICT;
         INSERT INTO sequence VALUES(0);
         CREATE TABLE detectors(
             id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
             judged INTEGER NOT NULL DEFAULT 0, anomalous INTEGER NOT NULL DEFAULT 0,
             confidence_sum REAL NOT NULL DEFAULT 0, confidence_count INTEGER NOT NULL DEFAULT 0,
             labelled INTEGER NOT NULL DEFAULT 0, false_positives INTEGER NOT NULL DEFAULT 0,
             false_negatives INTEGER NOT NULL DEFAULT 0,
             stored INTEGER NOT NULL DEFAULT 0, stored_judged INTEGER NOT NULL DEFAULT 0) STRICT;
         CREATE TABLE versions(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
         CREATE TABLE label_changes(
             id INTEGER PRIMARY KEY, detector INTEGER NOT NULL REFERENCES detectors(id), detection INTEGER NOT NULL,
             previous INTEGER, label INTEGER NOT NULL, changed_by TEXT NOT NULL, changed_at INTEGER NOT NULL) STRICT;
         CREATE INDEX label_changes_of ON label_changes(detector, detection);
         CREATE TABLE models(
             id INTEGER PRIMARY KEY, detector INTEGER NOT NULL REFERENCES detectors(id), version TEXT NOT NULL,
             is_active INTEGER NOT NULL CHECK(is_active IN (0, 1)),
             algorithm TEXT NOT NULL, trained_at INTEGER NOT NULL, training_samples INTEGER NOT NULL,
             n_features INTEGER NOT NULL, accuracy REAL, sha256 TEXT NOT NULL, details TEXT NOT NULL, blob BLOB NOT NULL,
             UNIQUE(detector, version)) STRICT;
         CREATE UNIQUE INDEX models_active ON models(detector) WHERE is_active = 1;",
    )
}

/// Counts the bytes held, and makes the table that a probe of a failing disk writes to.
fn second(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "ALTER TABLE detectors ADD COLUMN stored_bytes INTEGER NOT NULL DEFAULT 0;
         CREATE TABLE probes(id INTEGER PRIMARY KEY, filler BLOB NOT NULL) STRICT;",
    )?;
    let detectors: Vec<i64> = db.prepare("SELECT id FROM detectors")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for id in detectors {
        tracing::info!(detector = id, "counting the bytes that are stored, once");
        db.execute(
            &format!(
                "UPDATE detectors SET stored_bytes = (SELECT coalesce(sum({ROW_BYTES}), 0) FROM detections_{id}) \
                 + (SELECT coalesce(sum({PAYLOAD_BYTES}), 0) FROM payloads_{id}) WHERE id = ?1"
            ),
            [id],
        )?;
    }
    Ok(())
}

/// Columns for the class of a verdict and for what can be learned from, and a table for checkpoints of the windows.
fn third(db: &Connection) -> rusqlite::Result<()> {
    let detectors: Vec<i64> = db.prepare("SELECT id FROM detectors")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for id in detectors {
        db.execute_batch(&format!(
            "ALTER TABLE detections_{id} ADD COLUMN sampled INTEGER NOT NULL DEFAULT 1;
             ALTER TABLE detections_{id} ADD COLUMN class TEXT;
             ALTER TABLE detections_{id} ADD COLUMN class_probability REAL;"
        ))?;
    }
    db.execute_batch(
        "CREATE TABLE windows(
             detector INTEGER NOT NULL REFERENCES detectors(id), part INTEGER NOT NULL, after_id INTEGER NOT NULL, blob BLOB NOT NULL,
             PRIMARY KEY(detector, part)) STRICT;",
    )
}

/// Checkpoints that are whole or not there: those of before are dropped, since the windows are then counted anew from the newest rows. And a
/// table of the parts of history that are recorded before the transaction they belong to.
fn fourth(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "DROP TABLE windows;
         CREATE TABLE windows(
             detector INTEGER NOT NULL REFERENCES detectors(id), checkpoint INTEGER NOT NULL, part INTEGER NOT NULL,
             is_last INTEGER NOT NULL, after_id INTEGER NOT NULL, blob BLOB NOT NULL, PRIMARY KEY(detector, checkpoint, part)) STRICT;
         CREATE TABLE unfinished(
             work INTEGER NOT NULL, part INTEGER NOT NULL, detector INTEGER NOT NULL REFERENCES detectors(id),
             first_id INTEGER NOT NULL, last_id INTEGER NOT NULL, UNIQUE(work, part)) STRICT;",
    )
}

/// What is kept out of training. An id is never used again: one that somebody read before must not name another exclusion.
fn fifth(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "CREATE TABLE exclusions(
             id INTEGER PRIMARY KEY AUTOINCREMENT, detector INTEGER NOT NULL REFERENCES detectors(id), entity TEXT,
             from_time INTEGER, to_time INTEGER, note TEXT NOT NULL, created_at INTEGER NOT NULL,
             CHECK(coalesce(entity, from_time, to_time) IS NOT NULL),
             CHECK(from_time IS NULL OR to_time IS NULL OR from_time < to_time)) STRICT;
         CREATE INDEX exclusions_of ON exclusions(detector, id);",
    )
}

/// Events that wait to be judged, and the keys of the batches that they came in. An id of the inbox is never used again: who removes what
/// was judged must not remove what came after it. Keys are numbered for each detector, so that the oldest are found without counting.
fn sixth(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "CREATE TABLE inbox(
             id INTEGER PRIMARY KEY AUTOINCREMENT, detector INTEGER NOT NULL REFERENCES detectors(id), events INTEGER NOT NULL,
             bytes INTEGER NOT NULL, blob BLOB NOT NULL) STRICT;
         CREATE INDEX inbox_of ON inbox(detector, id, events, bytes);
         CREATE TABLE inbox_keys(
             detector INTEGER NOT NULL REFERENCES detectors(id), number INTEGER NOT NULL, hash BLOB NOT NULL, accepted_at INTEGER NOT NULL,
             answer BLOB NOT NULL, PRIMARY KEY(detector, number), UNIQUE(detector, hash)) STRICT;",
    )
}

/// The tables of one detector. The columns that filters look at come first, so that a scan reads little of a row.
fn detector_tables(db: &Connection, id: i64) -> rusqlite::Result<()> {
    db.execute_batch(&format!(
        "CREATE TABLE detections_{id}(
             id INTEGER PRIMARY KEY, verdict INTEGER, label INTEGER, learning INTEGER NOT NULL, version INTEGER,
             confidence REAL, analyzed_at INTEGER NOT NULL, entity TEXT NOT NULL, event_id TEXT NOT NULL,
             event_time INTEGER NOT NULL, score REAL, threshold REAL, grade REAL, resource TEXT NOT NULL,
             action TEXT NOT NULL, sampled INTEGER NOT NULL DEFAULT 1, class TEXT, class_probability REAL) STRICT;
         CREATE TABLE payloads_{id}(id INTEGER PRIMARY KEY, sample BLOB NOT NULL, event BLOB NOT NULL) STRICT;
         CREATE INDEX anomalous_{id} ON detections_{id}(id) WHERE verdict = 1;
         CREATE INDEX labelled_{id} ON detections_{id}(id) WHERE label IS NOT NULL;"
    ))
}

/// Returns the number of a detector, if it has ever stored anything.
pub(crate) fn detector_id(db: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached("SELECT id FROM detectors WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()
}

/// Returns the number of a detector; assigns it, and creates its tables, at the first use. Call inside a transaction.
pub(crate) fn ensure_detector(db: &Connection, name: &str) -> rusqlite::Result<i64> {
    if let Some(id) = detector_id(db, name)? {
        return Ok(id);
    }
    db.execute("INSERT INTO detectors(name) VALUES(?1)", [name])?;
    let id = db.last_insert_rowid();
    detector_tables(db, id)?;
    Ok(id)
}

/// Returns the number of a model version; assigns it at the first use. Call inside a transaction.
pub(crate) fn ensure_version(db: &Connection, name: &str) -> rusqlite::Result<i64> {
    let known = db.prepare_cached("SELECT id FROM versions WHERE name = ?1")?.query_row([name], |row| row.get(0)).optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    db.execute("INSERT INTO versions(name) VALUES(?1)", [name])?;
    Ok(db.last_insert_rowid())
}

/// Migrates the database to the schema of this release, each version in a transaction of its own.
pub(crate) fn migrate(db: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let sql = |error: rusqlite::Error| explain(path, &error);
    loop {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate).map_err(sql)?;
        let found = check(&transaction, path)?;
        let Some(migration) = usize::try_from(found).ok().and_then(|version| MIGRATIONS.get(version)) else {
            return Ok(());
        };
        migration(&transaction).map_err(sql)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(sql)?;
        transaction.pragma_update(None, "user_version", found + 1).map_err(sql)?;
        transaction.commit().map_err(sql)?;
    }
}

/// Returns the schema version of the database, if this release supports it.
pub(crate) fn check(db: &Connection, path: &Path) -> Result<i64, StoreError> {
    let read = |pragma| db.query_row(pragma, [], |row| row.get::<_, i64>(0)).map_err(|error| explain(path, &error));
    let found = read("PRAGMA user_version")?;
    let ours = read("PRAGMA application_id")? == APPLICATION_ID;
    let empty = read("SELECT count(*) FROM sqlite_schema")? == 0;
    let fresh = empty && found == 0;
    if !ours && !fresh {
        return Err(StoreError::Corrupt(format!(
            "{} is the database of another program; move it away or choose another path",
            path.display()
        )));
    }
    let known = MIGRATIONS.len() as i64;
    if found > known { Err(StoreError::TooNew { found, known }) } else { Ok(found) }
}
