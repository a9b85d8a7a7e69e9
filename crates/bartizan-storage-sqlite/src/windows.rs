//! Checkpoints of sliding windows.

use crate::schema::{detector_id, ensure_detector};
use bartizan_storage::WindowsPart;
use rusqlite::Connection;

/// Stores a part in place of the one of its number, and removes those of higher numbers after the last. Call inside a transaction.
pub(crate) fn store(db: &Connection, detector: &str, part: &WindowsPart, last: bool) -> rusqlite::Result<()> {
    let number = ensure_detector(db, detector)?;
    db.prepare_cached("INSERT OR REPLACE INTO windows(detector, part, after_id, blob) VALUES(?1, ?2, ?3, ?4)")?
        .execute((number, part.part, part.after, &part.blob))?;
    if last {
        db.execute("DELETE FROM windows WHERE detector = ?1 AND part > ?2", (number, part.part))?;
    }
    Ok(())
}

/// Returns all parts, ordered by number.
pub(crate) fn list(db: &Connection, detector: &str) -> rusqlite::Result<Vec<WindowsPart>> {
    let Some(number) = detector_id(db, detector)? else { return Ok(Vec::new()) };
    let mut query = db.prepare_cached("SELECT part, after_id, blob FROM windows WHERE detector = ?1 ORDER BY part")?;
    let parts = query.query_map([number], |row| Ok(WindowsPart { part: row.get(0)?, after: row.get(1)?, blob: row.get(2)? }))?;
    parts.collect()
}
