//! What is kept out of training.

use crate::schema::{detector_id, ensure_detector};
use bartizan_core::Timestamp;
use bartizan_storage::{Exclusion, MAX_EXCLUSIONS, NewExclusion};
use rusqlite::{Connection, Row};

/// Stores an exclusion, unless its detector has as many as it may. Call inside a transaction.
pub(crate) fn add(db: &Connection, exclusion: &NewExclusion) -> rusqlite::Result<Option<i64>> {
    let number = ensure_detector(db, &exclusion.detector)?;
    let there: i64 = db.query_row("SELECT count(*) FROM exclusions WHERE detector = ?1", [number], |row| row.get(0))?;
    if there >= MAX_EXCLUSIONS as i64 {
        return Ok(None);
    }
    db.execute(
        "INSERT INTO exclusions(detector, entity, from_time, to_time, note, created_at) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
        (
            number,
            &exclusion.entity,
            exclusion.from.map(Timestamp::micros),
            exclusion.to.map(Timestamp::micros),
            &exclusion.note,
            exclusion.created_at.micros(),
        ),
    )?;
    Ok(Some(db.last_insert_rowid()))
}

/// Returns all exclusions of a detector, oldest first.
pub(crate) fn list(db: &Connection, detector: &str) -> rusqlite::Result<Vec<Exclusion>> {
    let Some(number) = detector_id(db, detector)? else { return Ok(Vec::new()) };
    let mut query =
        db.prepare_cached("SELECT id, entity, from_time, to_time, note, created_at FROM exclusions WHERE detector = ?1 ORDER BY id")?;
    let time = |micros: Option<i64>| micros.map(Timestamp::from_micros);
    let read = |row: &Row<'_>| {
        let exclusion = NewExclusion {
            detector: detector.to_owned(),
            entity: row.get(1)?,
            from: time(row.get(2)?),
            to: time(row.get(3)?),
            note: row.get(4)?,
            created_at: Timestamp::from_micros(row.get(5)?),
        };
        Ok(Exclusion { id: row.get(0)?, exclusion })
    };
    query.query_map([number], read)?.collect()
}

/// Removes an exclusion of this detector. Call inside a transaction.
pub(crate) fn remove(db: &Connection, detector: &str, id: i64) -> rusqlite::Result<bool> {
    let Some(number) = detector_id(db, detector)? else { return Ok(false) };
    Ok(db.execute("DELETE FROM exclusions WHERE detector = ?1 AND id = ?2", (number, id))? > 0)
}
