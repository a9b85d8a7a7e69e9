//! Stored models. A partial unique index keeps two from being active; transactions keep one active.

use crate::schema::{detector_id, ensure_detector};
use bartizan_core::Timestamp;
use bartizan_storage::{Existing, ModelRecord, NewModel, Replaced};
use rusqlite::{Connection, OptionalExtension, Row};

const COLUMNS: &str = "version, algorithm, trained_at, training_samples, n_features, accuracy, sha256, details";

/// Stores a model in place of one with the same version, and makes it the active one if `activate`. Call inside a
/// transaction.
pub(crate) fn store(db: &Connection, model: &NewModel, activate: bool) -> rusqlite::Result<Replaced> {
    let number = ensure_detector(db, &model.detector)?;
    let active = active_version(db, number)?;
    let stays = active.as_deref() == Some(model.version.as_str());
    if activate {
        db.execute("UPDATE models SET is_active = 0 WHERE detector = ?1 AND is_active = 1", [number])?;
    }
    db.execute("DELETE FROM models WHERE detector = ?1 AND version = ?2", (number, &model.version))?;
    db.execute(
        "INSERT INTO models(detector, version, is_active, algorithm, trained_at, training_samples, n_features, accuracy, sha256, details, blob) \
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        (
            number,
            &model.version,
            activate || stays,
            &model.algorithm,
            model.trained_at.micros(),
            i64::try_from(model.training_samples).unwrap_or(i64::MAX),
            model.n_features,
            model.accuracy,
            &model.sha256,
            &model.details,
            &model.blob,
        ),
    )?;
    Ok(Replaced { active })
}

/// Stores a model without activating it, unless there is one of its version and it is not to be replaced; returns what was stored. Call
/// inside a transaction.
pub(crate) fn store_inactive(db: &Connection, model: &NewModel, replace: bool) -> rusqlite::Result<Existing> {
    let existing = existing(db, &model.detector, &model.version)?;
    if replace || existing == Existing::Nothing {
        store(db, model, false)?;
    }
    Ok(existing)
}

fn existing(db: &Connection, detector: &str, version: &str) -> rusqlite::Result<Existing> {
    let Some(number) = detector_id(db, detector)? else { return Ok(Existing::Nothing) };
    let mut query = db.prepare("SELECT is_active FROM models WHERE detector = ?1 AND version = ?2")?;
    let is_active: Option<bool> = query.query_row((number, version), |row| row.get(0)).optional()?;
    Ok(is_active.map_or(Existing::Nothing, |active| if active { Existing::Active } else { Existing::Inactive }))
}

/// Makes a version the active one. Call inside a transaction.
pub(crate) fn activate(db: &Connection, detector: &str, version: &str) -> rusqlite::Result<Option<Replaced>> {
    let Some(number) = detector_id(db, detector)? else { return Ok(None) };
    let known = db.prepare("SELECT 1 FROM models WHERE detector = ?1 AND version = ?2")?.exists((number, version))?;
    if !known {
        return Ok(None);
    }
    let active = active_version(db, number)?;
    db.execute("UPDATE models SET is_active = 0 WHERE detector = ?1 AND is_active = 1", [number])?;
    db.execute("UPDATE models SET is_active = 1 WHERE detector = ?1 AND version = ?2", (number, version))?;
    Ok(Some(Replaced { active }))
}

/// Deletes a version that is not active. Call inside a transaction.
pub(crate) fn delete(db: &Connection, detector: &str, version: &str) -> rusqlite::Result<bool> {
    let Some(number) = detector_id(db, detector)? else { return Ok(false) };
    Ok(db.execute("DELETE FROM models WHERE detector = ?1 AND version = ?2 AND is_active = 0", (number, version))? > 0)
}

/// Returns all models of a detector without their blobs: last trained first, and of those trained at once the last stored first.
pub(crate) fn list(db: &Connection, detector: &str) -> rusqlite::Result<Vec<ModelRecord>> {
    let Some(number) = detector_id(db, detector)? else { return Ok(Vec::new()) };
    let mut query = db
        .prepare(&format!("SELECT {COLUMNS}, is_active, length(blob) FROM models WHERE detector = ?1 ORDER BY trained_at DESC, id DESC"))?;
    let rows = query.query_map([number], |row| {
        Ok(ModelRecord { model: read(detector, row)?, is_active: row.get(8)?, size_bytes: row.get::<_, i64>(9)?.unsigned_abs() })
    })?;
    rows.collect()
}

/// Returns one model with its blob: of a version, or the active one.
pub(crate) fn get(db: &Connection, detector: &str, version: Option<&str>) -> rusqlite::Result<Option<NewModel>> {
    let Some(number) = detector_id(db, detector)? else { return Ok(None) };
    let whole = |row: &Row<'_>| Ok(NewModel { blob: row.get(8)?, ..read(detector, row)? });
    let select = |which| db.prepare(&format!("SELECT {COLUMNS}, blob FROM models WHERE detector = ?1 AND {which}"));
    match version {
        Some(version) => select("version = ?2")?.query_row((number, version), whole).optional(),
        None => select("is_active = 1")?.query_row([number], whole).optional(),
    }
}

fn active_version(db: &Connection, number: i64) -> rusqlite::Result<Option<String>> {
    db.query_row("SELECT version FROM models WHERE detector = ?1 AND is_active = 1", [number], |row| row.get(0)).optional()
}

fn read(detector: &str, row: &Row<'_>) -> rusqlite::Result<NewModel> {
    Ok(NewModel {
        detector: detector.to_owned(),
        version: row.get(0)?,
        algorithm: row.get(1)?,
        trained_at: Timestamp::from_micros(row.get(2)?),
        training_samples: row.get::<_, i64>(3)?.unsigned_abs(),
        n_features: row.get(4)?,
        accuracy: row.get(5)?,
        sha256: row.get(6)?,
        details: row.get(7)?,
        blob: Vec::new(),
    })
}
