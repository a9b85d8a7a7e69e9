//! Finding one detection, and reading history to learn from.

use crate::rows::{COLUMNS, PAYLOAD, Reader, clamp};
use crate::schema::detector_id;
use bartizan_core::Timestamp;
use bartizan_storage::{Detection, DetectionKey, HistoryQuery};
use rusqlite::{Connection, OptionalExtension};

/// The row that a key names.
pub(crate) fn resolve(db: &Connection, detector: i64, key: &DetectionKey) -> rusqlite::Result<Option<i64>> {
    match key {
        DetectionKey::Id(id) => {
            let mut query = db.prepare_cached(&format!("SELECT id FROM detections_{detector} WHERE id = ?1"))?;
            query.query_row([id], |row| row.get(0)).optional()
        }
        // Newest first, so that the events people ask about, which are recent, are found at once; a name that is not there
        // costs a walk of the narrow table, 0.1 s a million rows. An index on random names divides the insert rate by
        // four (on a hash of them) or five (on the text): see examples/layout_bench.rs.
        DetectionKey::EventId(event_id) => {
            let mut query =
                db.prepare_cached(&format!("SELECT id FROM detections_{detector} WHERE event_id = ?1 ORDER BY id DESC LIMIT 1"))?;
            query.query_row([event_id], |row| row.get(0)).optional()
        }
    }
}

/// One detection, whole.
pub(crate) fn find(db: &Connection, detector: &str, key: &DetectionKey) -> rusqlite::Result<Option<Detection>> {
    let Some(number) = detector_id(db, detector)? else { return Ok(None) };
    let Some(id) = resolve(db, number, key)? else { return Ok(None) };
    let mut query = db.prepare_cached(&format!(
        "SELECT {COLUMNS}, {PAYLOAD} FROM detections_{number} d LEFT JOIN payloads_{number} p ON p.id = d.id WHERE d.id = ?1"
    ))?;
    let mut reader = Reader::new(db, detector);
    query.query_row([id], |row| reader.whole(row)).optional()
}

/// The newest unlabelled rows and the newest labelled ones, by event time, ties by id.
pub(crate) fn history(db: &Connection, detector: &str, query: HistoryQuery) -> rusqlite::Result<Vec<Detection>> {
    let Some(number) = detector_id(db, detector)? else { return Ok(Vec::new()) };
    let since = query.since.map_or(i64::MIN, Timestamp::micros);
    let mut found = Vec::new();
    for (index, labelled, limit) in
        [("NOT INDEXED".to_owned(), "IS NULL", query.newest), (format!("INDEXED BY labelled_{number}"), "IS NOT NULL", query.max_labelled)]
    {
        let mut rows = db.prepare_cached(&format!(
            "SELECT {COLUMNS}, {PAYLOAD} FROM detections_{number} d {index} LEFT JOIN payloads_{number} p ON p.id = d.id \
             WHERE d.label {labelled} AND d.event_time >= ?1 ORDER BY d.id DESC LIMIT ?2"
        ))?;
        let mut reader = Reader::new(db, detector);
        let rows = rows.query_map([since, clamp(limit as u64)], |row| reader.whole(row))?;
        for row in rows {
            found.push(row?);
        }
    }
    found.sort_unstable_by_key(|row| (row.detection.event_time, row.id));
    Ok(found)
}
