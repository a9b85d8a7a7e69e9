//! The model repository. That one model is active is held by a unique index, not only by the code here.

use crate::queries::detector_number;
use crate::store::SqliteStore;
use async_trait::async_trait;
use bartizan_core::Timestamp;
use bartizan_storage::{ModelRecord, ModelRepository, NewModel, Replaced, StoreError};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

const COLUMNS: &str = "m.version, m.algorithm, m.trained_at, m.training_samples, m.n_features, m.accuracy, m.details, m.sha256, n.name, \
     m.is_active, length(m.blob)";
const JOINED: &str = "models m JOIN detectors n ON n.id = m.detector";
/// Where `COLUMNS` end: the blob follows where it is asked for.
const BLOB: usize = 11;

fn record(row: &Row<'_>) -> rusqlite::Result<ModelRecord> {
    Ok(ModelRecord {
        model: NewModel {
            version: row.get(0)?,
            algorithm: row.get(1)?,
            trained_at: Timestamp::from_micros(row.get(2)?),
            training_samples: row.get::<_, i64>(3)?.max(0) as u64,
            n_features: row.get(4)?,
            accuracy: row.get(5)?,
            details: row.get(6)?,
            sha256: row.get(7)?,
            detector: row.get(8)?,
            blob: Vec::new(),
        },
        is_active: row.get(9)?,
        size_bytes: row.get::<_, i64>(10)?.max(0) as u64,
    })
}

fn whole(row: &Row<'_>) -> rusqlite::Result<NewModel> {
    Ok(NewModel { blob: row.get(BLOB)?, ..record(row)?.model })
}

fn active_version(db: &Connection, detector: i64) -> rusqlite::Result<Option<String>> {
    db.query_row("SELECT version FROM models WHERE detector = ?1 AND is_active = 1", [detector], |r| r.get(0)).optional()
}

/// Stores a model in place of one with the same version, which keeps its being active.
fn put(transaction: &Transaction<'_>, model: &NewModel) -> rusqlite::Result<i64> {
    transaction.execute("INSERT OR IGNORE INTO detectors(name) VALUES (?1)", [&model.detector])?;
    let detector = detector_number(transaction, &model.detector)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let was_active = active_version(transaction, detector)?.as_deref() == Some(&model.version);
    transaction.execute("DELETE FROM models WHERE detector = ?1 AND version = ?2", params![detector, model.version])?;
    transaction.execute(
        "INSERT INTO models(detector, version, algorithm, trained_at, training_samples, n_features, accuracy, details, sha256, blob, is_active) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            detector,
            model.version,
            model.algorithm,
            model.trained_at.micros(),
            model.training_samples as i64,
            model.n_features,
            model.accuracy,
            model.details,
            model.sha256,
            model.blob,
            was_active
        ],
    )?;
    Ok(detector)
}

fn make_active(transaction: &Transaction<'_>, detector: i64, version: &str) -> rusqlite::Result<usize> {
    transaction.execute("UPDATE models SET is_active = 0 WHERE detector = ?1 AND is_active = 1", [detector])?;
    transaction.execute("UPDATE models SET is_active = 1 WHERE detector = ?1 AND version = ?2", params![detector, version])
}

fn store_and_activate(db: &mut Connection, model: &NewModel) -> rusqlite::Result<Replaced> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let active = match detector_number(&transaction, &model.detector)? {
        Some(detector) => active_version(&transaction, detector)?,
        None => None,
    };
    let detector = put(&transaction, model)?;
    make_active(&transaction, detector, &model.version)?;
    transaction.commit()?;
    Ok(Replaced { active })
}

fn activate(db: &mut Connection, name: &str, version: &str) -> rusqlite::Result<Option<Replaced>> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(detector) = detector_number(&transaction, name)? else { return Ok(None) };
    let active = active_version(&transaction, detector)?;
    if make_active(&transaction, detector, version)? == 0 {
        return Ok(None);
    }
    transaction.commit()?;
    Ok(Some(Replaced { active }))
}

#[async_trait]
impl ModelRepository for SqliteStore {
    async fn store_and_activate(&self, model: NewModel) -> Result<Replaced, StoreError> {
        self.write(move |db| store_and_activate(db, &model)).await
    }

    async fn store_model(&self, model: NewModel) -> Result<(), StoreError> {
        self.write(move |db| {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            put(&transaction, &model)?;
            transaction.commit()
        })
        .await
    }

    async fn activate(&self, detector: &str, version: &str) -> Result<Option<Replaced>, StoreError> {
        let (detector, version) = (detector.to_owned(), version.to_owned());
        self.write(move |db| activate(db, &detector, &version)).await
    }

    async fn models(&self, detector: &str) -> Result<Vec<ModelRecord>, StoreError> {
        let detector = detector.to_owned();
        self.read(move |db| {
            let mut all = db.prepare_cached(&format!("SELECT {COLUMNS} FROM {JOINED} WHERE n.name = ?1 ORDER BY m.id DESC"))?;
            all.query_map([detector], record)?.collect()
        })
        .await
    }

    async fn model(&self, detector: &str, version: &str) -> Result<Option<NewModel>, StoreError> {
        let (detector, version) = (detector.to_owned(), version.to_owned());
        let sql = format!("SELECT {COLUMNS}, m.blob FROM {JOINED} WHERE n.name = ?1 AND m.version = ?2");
        self.read(move |db| db.query_row(&sql, [detector, version], whole).optional()).await
    }

    async fn active_model(&self, detector: &str) -> Result<Option<NewModel>, StoreError> {
        let detector = detector.to_owned();
        let sql = format!("SELECT {COLUMNS}, m.blob FROM {JOINED} WHERE n.name = ?1 AND m.is_active = 1");
        self.read(move |db| db.query_row(&sql, [detector], whole).optional()).await
    }

    async fn delete_model(&self, detector: &str, version: &str) -> Result<bool, StoreError> {
        let (detector, version) = (detector.to_owned(), version.to_owned());
        self.write(move |db| {
            let sql = "DELETE FROM models WHERE version = ?2 AND is_active = 0 AND detector = (SELECT id FROM detectors WHERE name = ?1)";
            Ok(db.execute(sql, [detector, version])? > 0)
        })
        .await
    }
}
