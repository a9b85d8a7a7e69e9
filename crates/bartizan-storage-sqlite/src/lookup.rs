//! Finds one detection, and reads history to learn from.

use crate::rows::{COLUMNS, PAYLOAD, PAYLOAD_BYTES, Reader, clamp, label, sample, verdict};
use crate::schema::detector_id;
use bartizan_core::{Label, Timestamp, Verdict};
use bartizan_storage::{Detection, DetectionKey, EntityHash, HistoryEntry, HistoryQuery, StoredEvent};
use rusqlite::{Connection, OptionalExtension, Row};

/// Returns the row that a key refers to.
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
            let mut query = db.prepare_cached(&format!(
                "SELECT id FROM detections_{detector} NOT INDEXED \
                 WHERE octet_length(event_id) = ?2 AND event_id = ?1 ORDER BY id DESC LIMIT 1"
            ))?;
            query.query_row((event_id, event_id.len() as i64), |row| row.get(0)).optional()
        }
    }
}

/// Returns one detection with its sample and event.
pub(crate) fn find(db: &Connection, detector: &str, key: &DetectionKey) -> rusqlite::Result<Option<Detection>> {
    let Some(number) = detector_id(db, detector)? else { return Ok(None) };
    let Some(id) = resolve(db, number, key)? else { return Ok(None) };
    let mut query = db.prepare_cached(&format!(
        "SELECT {COLUMNS}, {PAYLOAD} FROM detections_{number} d LEFT JOIN payloads_{number} p ON p.id = d.id WHERE d.id = ?1"
    ))?;
    let mut reader = Reader::new(db, detector);
    query.query_row([id], |row| reader.whole(row)).optional()
}

/// Returns the rows to choose from, newest first.
pub(crate) fn history_index(db: &Connection, detector: &str, query: HistoryQuery) -> rusqlite::Result<Vec<HistoryEntry>> {
    let Some(number) = detector_id(db, detector)? else { return Ok(Vec::new()) };
    let (index, labelled) = match query.labelled {
        Some(true) => (format!("INDEXED BY labelled_{number}"), "d.label IS NOT NULL"),
        Some(false) => ("NOT INDEXED".to_owned(), "d.label IS NULL"),
        None => ("NOT INDEXED".to_owned(), "TRUE"),
    };
    let sampled = if query.sampled { "d.sampled = 1" } else { "TRUE" };
    let mut rows = db.prepare_cached(&format!(
        "SELECT d.id, d.entity, d.label, d.verdict, d.event_time, coalesce({PAYLOAD_BYTES}, 0) FROM detections_{number} d {index} \
         LEFT JOIN payloads_{number} p ON p.id = d.id WHERE {labelled} AND {sampled} AND d.id > ?3 AND d.id < ?4 \
         AND d.event_time <= ?1 \
         ORDER BY d.id DESC LIMIT ?2"
    ))?;
    let until = query.until.map_or(i64::MAX, Timestamp::micros);
    let before = query.before.unwrap_or(i64::MAX);
    let found = rows.query_map([until, clamp(query.most as u64), query.after, before], |row| {
        Ok(HistoryEntry {
            id: row.get(0)?,
            entity: EntityHash::of(row.get_ref(1)?.as_str()?),
            label: label(row.get(2)?),
            verdict: verdict(row.get(3)?),
            event_time: Timestamp::from_micros(row.get(4)?),
            bytes: u64::try_from(row.get::<_, i64>(5)?).unwrap_or(0),
        })
    })?;
    found.collect()
}

/// Returns what was said of the newest labelled rows, and what people said: one look at the index of labelled rows for each.
pub(crate) fn labelled_verdicts(db: &Connection, detector: &str, most: usize) -> rusqlite::Result<Vec<(Verdict, f64, Label)>> {
    let Some(number) = detector_id(db, detector)? else { return Ok(Vec::new()) };
    let mut query = db.prepare_cached(&format!(
        "SELECT verdict, confidence, label FROM detections_{number} INDEXED BY labelled_{number} \
         WHERE label IS NOT NULL AND verdict IS NOT NULL AND learning = 0 ORDER BY id DESC LIMIT ?1"
    ))?;
    let read = |row: &Row<'_>| Ok((verdict(row.get(0)?), row.get(1)?, label(row.get(2)?)));
    let rows = query.query_map([clamp(most as u64)], read)?;
    rows.filter_map(|row| row.map(|(verdict, confidence, label)| Some((verdict?, confidence, label?))).transpose()).collect()
}

/// Returns the events of rows, in the order of `ids`.
pub(crate) fn events(db: &Connection, detector: &str, ids: &[i64]) -> rusqlite::Result<Vec<StoredEvent>> {
    let Some(number) = detector_id(db, detector)? else { return Ok(Vec::new()) };
    let mut query = db.prepare_cached(&format!(
        "SELECT d.id, d.event_time, d.label, p.sample, p.event, d.analyzed_at, iif(d.verdict = 1, d.grade, NULL) FROM detections_{number} d JOIN payloads_{number} p ON p.id = d.id WHERE d.id = ?1"
    ))?;
    let read = |row: &Row<'_>| {
        Ok(StoredEvent {
            id: row.get(0)?,
            event_time: Timestamp::from_micros(row.get(1)?),
            label: label(row.get(2)?),
            sample: sample(row.get_ref(3)?),
            event: row.get(4)?,
            analyzed_at: Timestamp::from_micros(row.get(5)?),
            flagged: row.get(6)?,
        })
    };
    ids.iter().filter_map(|id| query.query_row([id], read).optional().transpose()).collect()
}
