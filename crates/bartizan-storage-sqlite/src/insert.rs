//! One transaction of recordings.

use crate::lookup;
use crate::rows::{label_number, to_bytes};
use bartizan_storage::NewDetection;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Added to the totals of one detector.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Added {
    pub(crate) judged: u64,
    pub(crate) anomalous: u64,
    pub(crate) confident: u64,
    pub(crate) confidence_sum: f64,
    pub(crate) labelled: u64,
    pub(crate) false_positives: u64,
    pub(crate) false_negatives: u64,
    pub(crate) stored: u64,
    pub(crate) stored_judged: u64,
}

/// Small numbers for names that repeat in every row; kept between transactions, forgotten when one is rolled back.
#[derive(Default)]
pub(crate) struct Names {
    detectors: BTreeMap<Arc<str>, i64>,
    versions: BTreeMap<Arc<str>, i64>,
}

impl Names {
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn detector(&mut self, db: &Connection, name: &Arc<str>) -> rusqlite::Result<i64> {
        number(&mut self.detectors, db, "detectors", name)
    }

    fn version(&mut self, db: &Connection, name: &Arc<str>) -> rusqlite::Result<i64> {
        number(&mut self.versions, db, "versions", name)
    }
}

fn number(known: &mut BTreeMap<Arc<str>, i64>, db: &Connection, table: &str, name: &Arc<str>) -> rusqlite::Result<i64> {
    if let Some(id) = known.get(name) {
        return Ok(*id);
    }
    db.execute(&format!("INSERT OR IGNORE INTO {table}(name) VALUES (?1)"), [name])?;
    let id = db.query_row(&format!("SELECT id FROM {table} WHERE name = ?1"), [name], |r| r.get(0))?;
    known.insert(Arc::clone(name), id);
    Ok(id)
}

/// The transaction being filled.
pub(crate) struct Batch<'a> {
    transaction: Transaction<'a>,
    names: &'a mut Names,
    next_id: i64,
    added: BTreeMap<i64, Added>,
    bytes: Vec<u8>,
}

impl<'a> Batch<'a> {
    /// Begins it. Ids are taken from the database, since other processes may record too, and never twice.
    pub(crate) fn begin(db: &'a mut Connection, names: &'a mut Names) -> rusqlite::Result<Self> {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let next_id = transaction.prepare_cached("SELECT next_id FROM meta")?.query_row([], |r| r.get(0))?;
        Ok(Self { transaction, names, next_id, added: BTreeMap::new(), bytes: Vec::with_capacity(1024) })
    }

    /// Adds one row and gives its id.
    pub(crate) fn insert(&mut self, new: &NewDetection) -> rusqlite::Result<i64> {
        let id = self.next_id;
        self.next_id += 1;
        let detector = self.names.detector(&self.transaction, &new.detector)?;
        let judged = new.judged.as_ref();
        let version = judged.map(|j| self.names.version(&self.transaction, &j.model_version)).transpose()?;
        let mut narrow = self
            .transaction
            .prepare_cached("INSERT INTO detections VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)")?;
        narrow.execute(params![
            id,
            detector,
            lookup::key(id, detector, &new.event_id),
            new.event_id,
            new.entity,
            new.resource,
            new.action,
            new.event_time.micros(),
            new.analyzed_at.micros(),
            judged.map(|j| i64::from(j.verdict.is_anomalous())),
            judged.map(|j| j.score),
            judged.map(|j| j.threshold),
            judged.map(|j| j.grade),
            judged.map(|j| j.confidence),
            version,
            judged.map(|j| j.learning),
            new.label.map(label_number),
        ])?;
        to_bytes(&new.sample, &mut self.bytes);
        self.transaction.prepare_cached("INSERT INTO evidence VALUES (?1, ?2, ?3)")?.execute(params![id, self.bytes, new.event])?;
        self.added.entry(detector).or_default().count(new);
        Ok(id)
    }

    /// Adds to the totals only.
    pub(crate) fn count(&mut self, detector: &Arc<str>, added: Added) -> rusqlite::Result<()> {
        let detector = self.names.detector(&self.transaction, detector)?;
        let sum = self.added.entry(detector).or_default();
        sum.judged += added.judged;
        sum.anomalous += added.anomalous;
        sum.confident += added.confident;
        sum.confidence_sum += added.confidence_sum;
        Ok(())
    }

    pub(crate) fn commit(self) -> rusqlite::Result<()> {
        self.transaction.prepare_cached("UPDATE meta SET next_id = ?1")?.execute([self.next_id])?;
        for (detector, added) in &self.added {
            added.apply(&self.transaction, *detector)?;
        }
        self.transaction.commit()
    }
}

impl Added {
    fn count(&mut self, new: &NewDetection) {
        self.stored += 1;
        self.labelled += u64::from(new.label.is_some());
        let Some(judged) = &new.judged else { return };
        let anomalous = judged.verdict.is_anomalous();
        self.judged += 1;
        self.stored_judged += 1;
        self.anomalous += u64::from(anomalous);
        if !judged.learning {
            self.confident += 1;
            self.confidence_sum += judged.confidence;
        }
        if let Some(label) = new.label {
            self.false_positives += u64::from(anomalous && !label.is_anomalous());
            self.false_negatives += u64::from(!anomalous && label.is_anomalous());
        }
    }

    fn apply(&self, db: &Connection, detector: i64) -> rusqlite::Result<()> {
        let mut update = db.prepare_cached(
            "INSERT INTO totals VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (detector) DO UPDATE SET \
             judged = judged + ?2, anomalous = anomalous + ?3, confident = confident + ?4, confidence_sum = confidence_sum + ?5, \
             labelled = labelled + ?6, false_positives = false_positives + ?7, false_negatives = false_negatives + ?8, \
             stored = stored + ?9, stored_judged = stored_judged + ?10",
        )?;
        update.execute(params![
            detector,
            self.judged as i64,
            self.anomalous as i64,
            self.confident as i64,
            self.confidence_sum,
            self.labelled as i64,
            self.false_positives as i64,
            self.false_negatives as i64,
            self.stored as i64,
            self.stored_judged as i64,
        ])?;
        Ok(())
    }
}
