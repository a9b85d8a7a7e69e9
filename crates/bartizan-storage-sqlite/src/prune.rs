//! Removes rows beyond the limits, a few at a time: by age and number first, then by bytes.

use crate::rows::{PAYLOAD_BYTES, ROW_BYTES, clamp};
use crate::schema::detector_id;
use crate::totals::Totals;
use bartizan_core::Timestamp;
use bartizan_storage::Retention;
use rusqlite::{Connection, OptionalExtension};

/// Rows removed in one transaction: about a millisecond of the writer's time.
const STEP: usize = 256;

/// Rows looked for at once.
const SEARCH: i64 = 8192;

/// Which rows to remove: unlabelled rows up to an id, those analysed before a time, and then the oldest until few enough bytes are held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PrunePlan {
    number: i64,
    analyzed_before: i64,
    up_to: i64,
    /// Rows that may still be removed because of their age alone.
    aged: i64,
}

/// Rows found at once.
pub(crate) struct Found {
    /// In steps for one transaction each.
    pub(crate) steps: Vec<Vec<i64>>,
    /// The last row looked at; `None` when all have been.
    pub(crate) last: Option<i64>,
    /// How many of them are removed because of their age alone.
    pub(crate) aged: i64,
    /// Their bytes, where the search is by bytes.
    pub(crate) bytes: i64,
}

impl PrunePlan {
    /// Computes which rows `retention` removes now; `None` when the detector has no rows.
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
        let stored = Totals::read(db, detector)?.stored;
        let aged = retention.max_aged_share.map_or(i64::MAX, |share| ((share * stored as f64) as i64).max(1));
        Ok(Some(Self { number, analyzed_before, up_to, aged }))
    }

    /// Returns some rows after `after` to remove because of their number or age, in order.
    pub(crate) fn search(&self, db: &Connection, after: i64) -> rusqlite::Result<Found> {
        let mut query = db.prepare_cached(&format!(
            "SELECT id, id > ?3 FROM detections_{} NOT INDEXED \
             WHERE id > ?1 AND label IS NULL AND (analyzed_at < ?2 OR id <= ?3) ORDER BY id LIMIT ?4",
            self.number
        ))?;
        let rows = query.query_map((after, self.analyzed_before, self.up_to, SEARCH), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let rows: Vec<(i64, bool)> = rows.collect::<rusqlite::Result<_>>()?;
        let (mut ids, mut aged) = (Vec::with_capacity(rows.len()), 0);
        for &(id, by_age) in &rows {
            if !by_age || aged < self.aged {
                aged += i64::from(by_age);
                ids.push(id);
            }
        }
        // Those that go because of their number come first: once no more may go because of their age, there is nothing left.
        let last = rows.last().filter(|(_, by_age)| !by_age || aged < self.aged);
        Ok(Found { steps: steps(&ids), last: last.map(|(id, _)| *id), aged, bytes: 0 })
    }

    /// Returns the plan without the rows in `found` that are removed because of their age.
    pub(crate) fn less(self, found: &Found) -> Self {
        Self { aged: self.aged.saturating_sub(found.aged), ..self }
    }

    /// Returns whether as many rows were removed as may be because of their age.
    pub(crate) fn has_spared(&self) -> bool {
        self.aged == 0
    }

    /// Returns how many rows past the age remain.
    pub(crate) fn spared(&self, db: &Connection) -> rusqlite::Result<u64> {
        let sql = format!("SELECT count(*) FROM detections_{} NOT INDEXED WHERE label IS NULL AND analyzed_at < ?1", self.number);
        let count: i64 = db.prepare_cached(&sql)?.query_row([self.analyzed_before], |row| row.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Returns how many bytes of unlabelled rows are held above `keep`.
    pub(crate) fn excess(&self, db: &Connection, detector: &str, keep: u64) -> rusqlite::Result<i64> {
        let (stored, keep) = (Totals::read(db, detector)?.stored_bytes, clamp(keep));
        if stored <= keep {
            return Ok(0);
        }
        let number = self.number;
        let mut query = db.prepare_cached(&format!(
            "SELECT coalesce(sum({ROW_BYTES} + coalesce({PAYLOAD_BYTES}, 0)), 0) FROM detections_{number} d INDEXED BY labelled_{number} \
             LEFT JOIN payloads_{number} p ON p.id = d.id WHERE d.label IS NOT NULL"
        ))?;
        let labelled: i64 = query.query_row([], |row| row.get(0))?;
        Ok(stored - labelled - keep)
    }

    /// Returns the oldest unlabelled rows after `after` that together hold `excess` bytes or a little more.
    pub(crate) fn oldest(&self, db: &Connection, after: i64, excess: i64) -> rusqlite::Result<Found> {
        let number = self.number;
        let mut query = db.prepare_cached(&format!(
            "SELECT d.id, {ROW_BYTES} + coalesce({PAYLOAD_BYTES}, 0) FROM detections_{number} d NOT INDEXED \
             LEFT JOIN payloads_{number} p ON p.id = d.id WHERE d.id > ?1 AND d.label IS NULL ORDER BY d.id LIMIT ?2"
        ))?;
        let mut rows = query.query((after, SEARCH))?;
        let (mut ids, mut bytes) = (Vec::new(), 0);
        while bytes < excess
            && let Some(row) = rows.next()?
        {
            ids.push(row.get(0)?);
            bytes += row.get::<_, i64>(1)?;
        }
        Ok(Found { steps: steps(&ids), last: ids.last().copied(), aged: 0, bytes })
    }

    /// Removes those of the rows that have not been labelled since they were looked for. Call inside a transaction.
    pub(crate) fn remove(&self, db: &Connection, ids: &[i64]) -> rusqlite::Result<u64> {
        let number = self.number;
        let mut payload_bytes = db.prepare_cached(&format!("SELECT {PAYLOAD_BYTES} FROM payloads_{number} WHERE id = ?1"))?;
        let mut row =
            db.prepare_cached(&format!("DELETE FROM detections_{number} WHERE id = ?1 AND label IS NULL RETURNING verdict, {ROW_BYTES}"))?;
        let mut payload = db.prepare_cached(&format!("DELETE FROM payloads_{number} WHERE id = ?1"))?;
        let mut totals = Totals::default();
        for id in ids {
            let gone = row.query_row([id], |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, i64>(1)?))).optional()?;
            if let Some((verdict, bytes)) = gone {
                let event: Option<i64> = payload_bytes.query_row([id], |row| row.get(0)).optional()?;
                payload.execute([id])?;
                totals.stored -= 1;
                totals.stored_judged -= i64::from(verdict.is_some());
                totals.stored_bytes -= bytes + event.unwrap_or(0);
            }
        }
        totals.apply(db, number)?;
        Ok(totals.stored.unsigned_abs())
    }
}

fn steps(ids: &[i64]) -> Vec<Vec<i64>> {
    ids.chunks(STEP).map(<[i64]>::to_vec).collect()
}
