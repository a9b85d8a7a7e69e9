//! Rows of the tables as the words of the product.

use bartizan_core::{Label, Timestamp, Verdict};
use bartizan_storage::{Detection, Judged, NewDetection};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::HashMap;
use std::sync::Arc;

/// What [`Reader::detection`] reads, of a table or its join with the payloads.
pub(crate) const COLUMNS: &str = "d.id, d.verdict, d.label, d.learning, d.version, d.confidence, d.analyzed_at, d.entity, d.event_id, \
     d.event_time, d.score, d.threshold, d.grade, d.resource, d.action";

/// The columns of a payload, which follow [`COLUMNS`].
pub(crate) const PAYLOAD: &str = "p.sample, p.event";

/// Turns rows of one detector into detections.
pub(crate) struct Reader<'db> {
    db: &'db Connection,
    detector: Arc<str>,
    versions: HashMap<i64, Arc<str>>,
}

impl<'db> Reader<'db> {
    /// For rows of the detector of this name.
    pub(crate) fn new(db: &'db Connection, detector: &str) -> Self {
        Self { db, detector: detector.into(), versions: HashMap::new() }
    }

    /// A row of [`COLUMNS`], without its payload.
    pub(crate) fn detection(&mut self, row: &Row<'_>) -> rusqlite::Result<Detection> {
        let judged = match verdict(row.get(1)?) {
            Some(verdict) => Some(self.judged(row, verdict)?),
            None => None,
        };
        let detection = NewDetection {
            detector: Arc::clone(&self.detector),
            event_id: row.get(8)?,
            entity: row.get(7)?,
            resource: row.get(13)?,
            action: row.get(14)?,
            event_time: Timestamp::from_micros(row.get(9)?),
            analyzed_at: Timestamp::from_micros(row.get(6)?),
            judged,
            sample: Vec::new(),
            event: Vec::new(),
            label: label(row.get(2)?),
        };
        Ok(Detection { id: row.get(0)?, detection })
    }

    /// A row of [`COLUMNS`] and [`PAYLOAD`].
    pub(crate) fn whole(&mut self, row: &Row<'_>) -> rusqlite::Result<Detection> {
        let mut found = self.detection(row)?;
        if let ValueRef::Blob(bytes) = row.get_ref(15)? {
            found.detection.sample = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        }
        found.detection.event = row.get::<_, Option<Vec<u8>>>(16)?.unwrap_or_default();
        Ok(found)
    }

    fn judged(&mut self, row: &Row<'_>, verdict: Verdict) -> rusqlite::Result<Judged> {
        let version: i64 = row.get(4)?;
        Ok(Judged {
            score: row.get(10)?,
            threshold: row.get(11)?,
            grade: row.get(12)?,
            confidence: row.get(5)?,
            verdict,
            model_version: self.version(version)?,
            learning: row.get(3)?,
        })
    }

    fn version(&mut self, id: i64) -> rusqlite::Result<Arc<str>> {
        if let Some(name) = self.versions.get(&id) {
            return Ok(Arc::clone(name));
        }
        let mut query = self.db.prepare_cached("SELECT name FROM versions WHERE id = ?1")?;
        let name: Option<String> = query.query_row([id], |row| row.get(0)).optional()?;
        let name: Arc<str> = name.unwrap_or_default().into();
        self.versions.insert(id, Arc::clone(&name));
        Ok(name)
    }
}

/// A verdict as stored.
pub(crate) fn verdict(stored: Option<bool>) -> Option<Verdict> {
    stored.map(|anomalous| if anomalous { Verdict::Anomalous } else { Verdict::Normal })
}

/// A label as stored.
pub(crate) fn label(stored: Option<bool>) -> Option<Label> {
    stored.map(|anomalous| if anomalous { Label::Anomalous } else { Label::Legitimate })
}

/// A limit or offset as SQLite counts.
pub(crate) fn clamp(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
