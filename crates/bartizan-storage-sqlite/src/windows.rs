//! Checkpoints of sliding windows.

use crate::schema::{detector_id, ensure_detector};
use bartizan_storage::WindowsPart;
use rusqlite::{Connection, Row};

/// Stores a part; the last one makes the checkpoint whole and replaces all others. Call inside a transaction.
pub(crate) fn store(db: &Connection, detector: &str, part: &WindowsPart, last: bool) -> rusqlite::Result<()> {
    let number = ensure_detector(db, detector)?;
    if part.part == 0 {
        // What was begun and not ended must not pile up where the disk is full.
        db.execute(
            "DELETE FROM windows WHERE detector = ?1 AND checkpoint NOT IN (SELECT checkpoint FROM windows WHERE detector = ?1 AND is_last = 1)",
            [number],
        )?;
    }
    let insert = "INSERT OR REPLACE INTO windows(detector, checkpoint, part, is_last, after_id, blob) VALUES(?1, ?2, ?3, ?4, ?5, ?6)";
    db.prepare_cached(insert)?.execute((number, part.checkpoint, part.part, last, part.after, &part.blob))?;
    if last {
        db.execute("DELETE FROM windows WHERE detector = ?1 AND checkpoint <> ?2", (number, part.checkpoint))?;
    }
    Ok(())
}

/// Returns the parts of the whole checkpoint, ordered by number.
pub(crate) fn list(db: &Connection, detector: &str) -> rusqlite::Result<Vec<WindowsPart>> {
    let Some(number) = detector_id(db, detector)? else { return Ok(Vec::new()) };
    let mut query = db.prepare_cached(
        "SELECT checkpoint, part, max(0, min(after_id, (SELECT last_id FROM sequence))), blob FROM windows WHERE detector = ?1 \
         AND checkpoint = (SELECT max(checkpoint) FROM windows WHERE detector = ?1 AND is_last = 1) \
         AND part BETWEEN 0 AND 4294967295 ORDER BY part",
    )?;
    let read = |row: &Row<'_>| Ok(WindowsPart { checkpoint: row.get(0)?, part: row.get(1)?, after: row.get(2)?, blob: row.get(3)? });
    query.query_map([number], read)?.collect()
}
