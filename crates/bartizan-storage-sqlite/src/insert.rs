//! Inserting a group of calls within one transaction.

use crate::inbox;
use crate::queue::{Call, CountedBeside};
use crate::schema::{ensure_detector, ensure_version};
use crate::totals::Totals;
use bartizan_storage::{Accepted, NewDetection};
use rusqlite::{CachedStatement, Connection, params};
use std::collections::HashMap;
use std::sync::Arc;

/// A detector's number and statements.
struct Target {
    id: i64,
    row: String,
    payload: String,
}

/// Numbers assigned to detectors and model versions: they never change, so they are looked up once. Clear them when
/// a transaction fails, since it may have been the one that assigned them.
#[derive(Default)]
pub(crate) struct Names {
    detectors: HashMap<String, Arc<Target>>,
    versions: HashMap<Arc<str>, i64>,
}

impl Names {
    fn detector(&mut self, db: &Connection, name: &str) -> rusqlite::Result<Arc<Target>> {
        if let Some(target) = self.detectors.get(name) {
            return Ok(Arc::clone(target));
        }
        let id = ensure_detector(db, name)?;
        let row = format!(
            "INSERT INTO detections_{id}(id, verdict, label, learning, version, confidence, analyzed_at, entity, event_id, event_time, \
             score, threshold, grade, resource, action, sampled, class, class_probability) \
             VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"
        );
        let payload = format!("INSERT INTO payloads_{id}(id, sample, event) VALUES(?1, ?2, ?3)");
        let target = Arc::new(Target { id, row, payload });
        self.detectors.insert(name.to_owned(), Arc::clone(&target));
        Ok(target)
    }

    fn version(&mut self, db: &Connection, name: &Arc<str>) -> rusqlite::Result<i64> {
        if let Some(id) = self.versions.get(name) {
            return Ok(*id);
        }
        let id = ensure_version(db, name)?;
        self.versions.insert(Arc::clone(name), id);
        Ok(id)
    }
}

/// One detector's prepared statements and what the transaction adds to its totals.
struct Open<'db> {
    name: Arc<str>,
    id: i64,
    row: CachedStatement<'db>,
    payload: CachedStatement<'db>,
    totals: Totals,
}

/// What a group of calls came to.
pub(crate) struct Inserted {
    /// The id of the first row; the others follow it.
    pub(crate) first: i64,
    /// What became of the batches, in order.
    pub(crate) accepted: Vec<Accepted>,
}

/// Inserts every call's rows in order, raises the totals, and stores and removes what waits in the inbox.
pub(crate) fn insert(db: &Connection, names: &mut Names, calls: &[Call]) -> rusqlite::Result<Inserted> {
    let rows: usize = calls.iter().map(Call::rows).sum();
    let first = reserve(db, rows as i64)?;
    let mut id = first;
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut bytes = Vec::new();
    let mut accepted = Vec::new();
    for call in calls {
        match call {
            Call::Record { detections, counted, .. } => {
                for detection in detections {
                    let at = position(db, names, &mut open, &detection.detector)?;
                    insert_one(db, names, &mut open[at], id, detection, &mut bytes)?;
                    id += 1;
                }
                if let Some(CountedBeside { detector, counted, judged }) = counted {
                    let at = position(db, names, &mut open, detector)?;
                    open[at].totals.count(*counted);
                    inbox::remove(db, open[at].id, judged)?;
                }
            }
            Call::Accept { batch, .. } => {
                let number = names.detector(db, &batch.detector)?.id;
                accepted.push(inbox::accept(db, number, batch)?);
            }
            Call::Count { detector, counted, .. } => {
                let at = position(db, names, &mut open, detector)?;
                open[at].totals.count(*counted);
            }
        }
    }
    open.iter().try_for_each(|detector| detector.totals.apply(db, detector.id))?;
    Ok(Inserted { first, accepted })
}

/// Inserts rows of one or more detectors and raises the totals. Returns the id of the first row; the others follow it. Call inside a
/// transaction.
pub(crate) fn insert_rows(db: &Connection, detections: &[NewDetection]) -> rusqlite::Result<i64> {
    let (mut names, mut open, mut bytes) = (Names::default(), Vec::new(), Vec::new());
    let first = reserve(db, detections.len() as i64)?;
    for (id, detection) in (first..).zip(detections) {
        let at = position(db, &mut names, &mut open, &detection.detector)?;
        insert_one(db, &mut names, &mut open[at], id, detection, &mut bytes)?;
    }
    open.iter().try_for_each(|detector| detector.totals.apply(db, detector.id))?;
    Ok(first)
}

/// Reserves the next `rows` ids, which no process will ever assign again.
pub(crate) fn reserve(db: &Connection, rows: i64) -> rusqlite::Result<i64> {
    let last: i64 = db.prepare_cached("SELECT last_id FROM sequence")?.query_row([], |row| row.get(0))?;
    if rows > 0 {
        db.prepare_cached("UPDATE sequence SET last_id = ?1")?.execute([last + rows])?;
    }
    Ok(last + 1)
}

/// Returns the index of the detector in `open`, to which it is added when it is not there yet.
fn position<'db>(db: &'db Connection, names: &mut Names, open: &mut Vec<Open<'db>>, name: &str) -> rusqlite::Result<usize> {
    if let Some(at) = open.iter().position(|detector| &*detector.name == name) {
        return Ok(at);
    }
    let target = names.detector(db, name)?;
    let (row, payload) = (db.prepare_cached(&target.row)?, db.prepare_cached(&target.payload)?);
    open.push(Open { name: name.into(), id: target.id, row, payload, totals: Totals::default() });
    Ok(open.len() - 1)
}

fn insert_one(
    db: &Connection,
    names: &mut Names,
    open: &mut Open<'_>,
    id: i64,
    detection: &NewDetection,
    bytes: &mut Vec<u8>,
) -> rusqlite::Result<()> {
    let judged = detection.judged.as_ref();
    let version = judged.map(|j| names.version(db, &j.model_version)).transpose()?;
    let class = judged.and_then(|j| j.class.as_ref());
    // More columns than a tuple of parameters may have.
    open.row.execute(params![
        id,
        judged.map(|j| j.verdict.is_anomalous()),
        detection.label.map(|label| label.is_anomalous()),
        judged.is_some_and(|j| j.learning),
        version,
        judged.map(|j| j.confidence),
        detection.analyzed_at.micros(),
        detection.entity.as_str(),
        detection.event_id.as_str(),
        detection.event_time.micros(),
        judged.map(|j| j.score),
        judged.map(|j| j.threshold),
        judged.map(|j| j.grade),
        detection.resource.as_str(),
        detection.action.as_str(),
        detection.sampled,
        class.map(|class| class.name.as_ref()),
        class.map(|class| class.probability),
    ])?;
    bytes.clear();
    bytes.extend(detection.sample.iter().flat_map(|value| value.to_le_bytes()));
    open.payload.execute((id, bytes.as_slice(), detection.event.as_slice()))?;
    open.totals.add(detection);
    Ok(())
}
