//! Removing what is past its time, a few rows at a time.

use crate::rows::clamp;
use crate::schema::detector_id;
use crate::totals::Totals;
use bartizan_core::Timestamp;
use bartizan_storage::Retention;
use rusqlite::{Connection, OptionalExtension};

/// Rows removed in one transaction: about a millisecond of the writer's time.
const STEP: usize = 256;

/// Rows looked for at once.
const SEARCH: i64 = 8192;

/// What is to go: unlabelled rows analysed before a time, and those up to an id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doomed {
    number: i64,
    analyzed_before: i64,
    up_to: i64,
}

impl Doomed {
    /// What `retention` means for the rows there are now; `None` when there are none of the detector.
    pub(crate) fn new(db: &Connection, detector: &str, retention: Retention) -> rusqlite::Result<Option<Self>> {
        let Some(number) = detector_id(db, detector)? else { return Ok(None) };
        let analyzed_before = retention.analyzed_before.map_or(i64::MIN, Timestamp::micros);
        let up_to = match retention.max_rows {
            None => 0,
            Some(keep) => {
                let sql = format!("SELECT id FROM detections_{number} NOT INDEXED WHERE label IS NULL ORDER BY id DESC LIMIT 1 OFFSET ?1");
                db.prepare_cached(&sql)?.query_row([clamp(keep)], |row| row.get(0)).optional()?.unwrap_or(0)
            }
        };
        Ok(Some(Self { number, analyzed_before, up_to }))
    }

    /// Some ids of rows that are to go, after `after`, in order, in steps for one transaction each.
    pub(crate) fn search(&self, db: &Connection, after: i64) -> rusqlite::Result<Vec<Vec<i64>>> {
        let mut query = db.prepare_cached(&format!(
            "SELECT id FROM detections_{} NOT INDEXED WHERE id > ?1 AND label IS NULL AND (analyzed_at < ?2 OR id <= ?3) ORDER BY id LIMIT ?4",
            self.number
        ))?;
        let ids = query.query_map((after, self.analyzed_before, self.up_to, SEARCH), |row| row.get(0))?;
        let ids: Vec<i64> = ids.collect::<rusqlite::Result<_>>()?;
        Ok(ids.chunks(STEP).map(<[i64]>::to_vec).collect())
    }

    /// Removes those of the rows that have not been labelled since they were looked for. Call inside a transaction.
    pub(crate) fn remove(&self, db: &Connection, ids: &[i64]) -> rusqlite::Result<u64> {
        let number = self.number;
        let mut row = db.prepare_cached(&format!("DELETE FROM detections_{number} WHERE id = ?1 AND label IS NULL RETURNING verdict"))?;
        let mut payload = db.prepare_cached(&format!("DELETE FROM payloads_{number} WHERE id = ?1"))?;
        let mut totals = Totals::default();
        for id in ids {
            let gone = row.query_row([id], |row| row.get::<_, Option<i64>>(0)).optional()?;
            if let Some(verdict) = gone {
                payload.execute([id])?;
                totals.stored -= 1;
                totals.stored_judged -= i64::from(verdict.is_some());
            }
        }
        totals.apply(db, number)?;
        Ok(totals.stored.unsigned_abs())
    }
}
