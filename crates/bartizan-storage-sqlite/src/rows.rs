//! Converts rows of the tables to the types of the store.

use bartizan_core::{Label, Timestamp, Verdict};
use bartizan_storage::{AUDIT_TEXT_BYTES, Detection, Judged, JudgedClass, NewDetection};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::HashMap;
use std::sync::Arc;

/// What a [`Reader`] reads, of a table or its join with the payloads.
pub(crate) const COLUMNS: &str = "d.id, d.verdict, d.label, d.learning, d.version, d.confidence, d.analyzed_at, d.entity, d.event_id, \
     d.event_time, d.score, d.threshold, d.grade, d.resource, d.action, d.sampled, d.class, d.class_probability";

/// [`COLUMNS`] for a listing: a text of more than 4096 bytes ([`AUDIT_TEXT_BYTES`]) is NULL, and is not read.
pub(crate) const LISTED: &str = "d.id, d.verdict, d.label, d.learning, d.version, d.confidence, d.analyzed_at, \
     CASE WHEN octet_length(d.entity) <= 4096 THEN d.entity END, CASE WHEN octet_length(d.event_id) <= 4096 THEN d.event_id END, \
     d.event_time, d.score, d.threshold, d.grade, CASE WHEN octet_length(d.resource) <= 4096 THEN d.resource END, \
     CASE WHEN octet_length(d.action) <= 4096 THEN d.action END, d.sampled, d.class, d.class_probability";

const _: () = assert!(AUDIT_TEXT_BYTES == 4096, "LISTED names the number");

/// The columns of a payload, which follow [`COLUMNS`].
pub(crate) const PAYLOAD: &str = "p.sample, p.event";

/// Bytes of the columns of a row that have no fixed size; read from the row's header, whatever their content.
pub(crate) const ROW_BYTES: &str = "octet_length(entity) + octet_length(event_id) + octet_length(resource) + octet_length(action)";

/// Bytes of a payload, likewise.
pub(crate) const PAYLOAD_BYTES: &str = "length(sample) + length(event)";

/// Converts rows of one detector to detections.
pub(crate) struct Reader<'db> {
    db: &'db Connection,
    detector: Arc<str>,
    versions: HashMap<i64, Arc<str>>,
}

impl<'db> Reader<'db> {
    /// Creates a reader for rows of the detector with this name.
    pub(crate) fn new(db: &'db Connection, detector: &str) -> Self {
        Self { db, detector: detector.into(), versions: HashMap::new() }
    }

    /// Reads a row of [`LISTED`] of this table, without its payload. Of a long text only the beginning is read.
    pub(crate) fn listed(&mut self, row: &Row<'_>, table: &str) -> rusqlite::Result<Detection> {
        let db = self.db;
        self.detection(row, |at, column| match row.get(at)? {
            Some(text) => Ok(text),
            None => beginning(db, table, column, row.get(0)?),
        })
    }

    fn detection(&mut self, row: &Row<'_>, text: impl Fn(usize, &str) -> rusqlite::Result<String>) -> rusqlite::Result<Detection> {
        let judged = match verdict(row.get(1)?) {
            Some(verdict) => Some(self.judged(row, verdict)?),
            None => None,
        };
        let detection = NewDetection {
            detector: Arc::clone(&self.detector),
            event_id: text(8, "event_id")?,
            entity: text(7, "entity")?,
            resource: text(13, "resource")?,
            action: text(14, "action")?,
            event_time: Timestamp::from_micros(row.get(9)?),
            analyzed_at: Timestamp::from_micros(row.get(6)?),
            judged,
            sample: Vec::new(),
            event: Vec::new(),
            label: label(row.get(2)?),
            sampled: row.get(15)?,
        };
        Ok(Detection { id: row.get(0)?, detection })
    }

    /// Reads a row of [`COLUMNS`] and [`PAYLOAD`].
    pub(crate) fn whole(&mut self, row: &Row<'_>) -> rusqlite::Result<Detection> {
        let mut found = self.detection(row, |at, _| row.get(at))?;
        found.detection.sample = sample(row.get_ref(18)?);
        found.detection.event = row.get::<_, Option<Vec<u8>>>(19)?.unwrap_or_default();
        Ok(found)
    }

    fn judged(&mut self, row: &Row<'_>, verdict: Verdict) -> rusqlite::Result<Judged> {
        let version: i64 = row.get(4)?;
        let name: Option<String> = row.get(16)?;
        let probability = row.get::<_, Option<f64>>(17)?.unwrap_or_default();
        Ok(Judged {
            score: row.get(10)?,
            threshold: row.get(11)?,
            grade: row.get(12)?,
            confidence: row.get(5)?,
            verdict,
            model_version: self.version(version)?,
            learning: row.get(3)?,
            class: name.map(|name| JudgedClass { name: name.into(), probability }),
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

/// Returns the first bytes of a long text, with `…` for the rest.
fn beginning(db: &Connection, table: &str, column: &str, id: i64) -> rusqlite::Result<String> {
    let stored = db.blob_open("main", table, column, id, true)?;
    let mut bytes = vec![0; AUDIT_TEXT_BYTES.min(stored.len())];
    let length = stored.read_at(&mut bytes, 0)?;
    bytes.truncate(length);
    // A character that was cut through is left out.
    let whole = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    Ok(format!("{whole}…"))
}

/// Decodes a stored sample.
pub(crate) fn sample(stored: ValueRef<'_>) -> Vec<f32> {
    let bytes = stored.as_blob().unwrap_or_default();
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// Decodes a stored verdict.
pub(crate) fn verdict(stored: Option<bool>) -> Option<Verdict> {
    stored.map(|anomalous| if anomalous { Verdict::Anomalous } else { Verdict::Normal })
}

/// Decodes a stored label.
pub(crate) fn label(stored: Option<bool>) -> Option<Label> {
    stored.map(|anomalous| if anomalous { Label::Anomalous } else { Label::Legitimate })
}

/// Converts a limit or offset to the integer type of SQLite.
pub(crate) fn clamp(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
