//! History that is recorded in parts before the transaction that it belongs to: one transaction of ten thousand rows would delay every verdict
//! that is recorded meanwhile by tens of milliseconds. Parts are noted in the table `unfinished` until that transaction ends; when it fails
//! they are removed, and at the next start when the process ended first.

use crate::insert::insert_rows;
use crate::rows::{PAYLOAD_BYTES, ROW_BYTES, label, verdict};
use crate::schema::ensure_detector;
use crate::totals::Totals;
use bartizan_storage::NewDetection;
use rusqlite::{Connection, OptionalExtension};

/// Rows of a part: about a millisecond of the writer's time.
pub(crate) const PART: usize = 256;

/// Records a part of the history that belongs to `work`, all of it of one detector. Call inside a transaction.
pub(crate) fn record(db: &Connection, work: i64, part: usize, detector: &str, rows: &[NewDetection]) -> rusqlite::Result<()> {
    let number = ensure_detector(db, detector)?;
    let first = insert_rows(db, rows)?;
    let last = first + rows.len() as i64 - 1;
    let mut note = db.prepare_cached("INSERT INTO unfinished(work, part, detector, first_id, last_id) VALUES(?1, ?2, ?3, ?4, ?5)")?;
    note.execute((work, part as i64, number, first, last))?;
    Ok(())
}

/// Makes the parts of `work` permanent, and records those that are not there: another process that started meanwhile has removed them.
/// Call inside the transaction that they belong to.
pub(crate) fn finish(db: &Connection, work: i64, history: &[NewDetection]) -> rusqlite::Result<()> {
    let mut there = db.prepare_cached("DELETE FROM unfinished WHERE work = ?1 RETURNING part")?;
    let there: Vec<i64> = there.query_map([work], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    let mut missing = (0..).zip(history.chunks(PART)).filter(|(part, _)| !there.contains(part));
    missing.try_for_each(|(_, rows)| insert_rows(db, rows).map(drop))
}

/// Returns whether there are parts: of `work`, or any.
pub(crate) fn is_begun(db: &Connection, work: Option<i64>) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM unfinished WHERE ?1 IS NULL OR work = ?1")?.exists([work])
}

/// Removes one part, if there is one: of `work`, or of any. Call inside a transaction.
pub(crate) fn undo(db: &Connection, work: Option<i64>) -> rusqlite::Result<()> {
    let mut note = db.prepare_cached(
        "DELETE FROM unfinished WHERE rowid = (SELECT rowid FROM unfinished WHERE ?1 IS NULL OR work = ?1 LIMIT 1) \
         RETURNING detector, first_id, last_id",
    )?;
    let part = note.query_row([work], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).optional()?;
    part.map_or(Ok(()), |(number, ids)| remove(db, number, ids))
}

/// Removes rows as if they had never been recorded.
fn remove(db: &Connection, number: i64, ids: (i64, i64)) -> rusqlite::Result<()> {
    let mut recorded = Totals::default();
    let mut rows = db.prepare_cached(&format!(
        "DELETE FROM detections_{number} WHERE id BETWEEN ?1 AND ?2 RETURNING verdict, label, learning, confidence, {ROW_BYTES}"
    ))?;
    let mut rows = rows.query(ids)?;
    while let Some(row) = rows.next()? {
        let verdict = verdict(row.get(0)?);
        recorded.stored += 1;
        recorded.stored_bytes += row.get::<_, i64>(4)?;
        recorded.label(verdict, None, label(row.get(1)?));
        if let Some(verdict) = verdict {
            recorded.judged += 1;
            recorded.stored_judged += 1;
            recorded.anomalous += i64::from(verdict.is_anomalous());
            if !row.get::<_, bool>(2)? {
                recorded.confidence_sum += row.get::<_, f64>(3)?;
                recorded.confidence_count += 1;
            }
        }
    }
    let mut payloads = db.prepare_cached(&format!("DELETE FROM payloads_{number} WHERE id BETWEEN ?1 AND ?2 RETURNING {PAYLOAD_BYTES}"))?;
    for bytes in payloads.query_map(ids, |row| row.get::<_, i64>(0))? {
        recorded.stored_bytes += bytes?;
    }
    let mut changes = db.prepare_cached("DELETE FROM label_changes WHERE detector = ?1 AND detection BETWEEN ?2 AND ?3")?;
    changes.execute((number, ids.0, ids.1))?;
    recorded.negated().apply(db, number)
}
