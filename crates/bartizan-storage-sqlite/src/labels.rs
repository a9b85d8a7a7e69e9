//! Labels of detections and their changes.

use crate::rows::{label, verdict};
use crate::schema::detector_id;
use crate::totals::Totals;
use bartizan_core::{Label, Timestamp};
use bartizan_storage::{LabelChange, LabelOutcome};
use rusqlite::{Connection, OptionalExtension};

/// Sets the label of a row, keeps the change and corrects the totals. Call inside a transaction.
pub(crate) fn set(db: &Connection, detector: &str, id: i64, change: &LabelChange) -> rusqlite::Result<Option<LabelOutcome>> {
    let Some(number) = detector_id(db, detector)? else { return Ok(None) };
    let mut query = db.prepare_cached(&format!("SELECT verdict, label FROM detections_{number} WHERE id = ?1"))?;
    let found = query.query_row([id], |row| Ok((verdict(row.get(0)?), label(row.get(1)?)))).optional()?;
    let Some((verdict, previous)) = found else { return Ok(None) };
    let anomalous = change.label.is_anomalous();
    db.prepare_cached(&format!("UPDATE detections_{number} SET label = ?2 WHERE id = ?1"))?.execute((id, anomalous))?;
    let mut insert = db.prepare_cached(
        "INSERT INTO label_changes(detector, detection, previous, label, changed_by, changed_at) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    insert.execute((number, id, previous.map(Label::is_anomalous), anomalous, &change.changed_by, change.changed_at.micros()))?;
    let mut totals = Totals::default();
    totals.label(verdict, previous, Some(change.label));
    totals.apply(db, number)?;
    Ok(Some(LabelOutcome { id, verdict, previous }))
}

/// Returns all changes of one row's label, oldest first.
pub(crate) fn changes(db: &Connection, detector: &str, id: i64) -> rusqlite::Result<Vec<(Option<Label>, LabelChange)>> {
    let Some(number) = detector_id(db, detector)? else { return Ok(Vec::new()) };
    let mut query = db.prepare_cached(
        "SELECT previous, label, changed_by, changed_at FROM label_changes WHERE detector = ?1 AND detection = ?2 ORDER BY id",
    )?;
    let rows = query.query_map((number, id), |row| {
        let said = if row.get(1)? { Label::Anomalous } else { Label::Legitimate };
        let change = LabelChange { label: said, changed_by: row.get(2)?, changed_at: Timestamp::from_micros(row.get(3)?) };
        Ok((label(row.get(0)?), change))
    })?;
    rows.collect()
}
