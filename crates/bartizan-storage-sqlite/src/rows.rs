//! Rows to detections and back.

use bartizan_core::{Label, Timestamp, Verdict};
use bartizan_storage::{Detection, Judged, NewDetection};
use rusqlite::Row;
use std::sync::Arc;

/// Columns of the narrow table as [`detection`] reads them.
pub(crate) const COLUMNS: &str = "d.id, d.event_id, d.entity, d.resource, d.action, d.event_time, d.analyzed_at, d.verdict, d.score, \
     d.threshold, d.grade, d.confidence, v.name, d.learning, d.label";
/// How many those are: the wide table's `sample` and `event` follow.
const NARROW: usize = 15;

pub(crate) fn detection(row: &Row<'_>, detector: &Arc<str>, wide: bool) -> rusqlite::Result<Detection> {
    let (sample, event) = if wide { (from_bytes(row.get_ref(NARROW)?.as_blob()?), row.get(NARROW + 1)?) } else { (Vec::new(), Vec::new()) };
    let verdict: Option<i64> = row.get(7)?;
    let judged = match verdict {
        None => None,
        Some(verdict) => Some(Judged {
            score: row.get(8)?,
            threshold: row.get(9)?,
            grade: row.get(10)?,
            confidence: row.get(11)?,
            verdict: verdict_from(verdict),
            model_version: Arc::from(row.get_ref(12)?.as_str()?),
            learning: row.get(13)?,
        }),
    };
    Ok(Detection {
        id: row.get(0)?,
        detection: NewDetection {
            detector: Arc::clone(detector),
            event_id: row.get(1)?,
            entity: row.get(2)?,
            resource: row.get(3)?,
            action: row.get(4)?,
            event_time: Timestamp::from_micros(row.get(5)?),
            analyzed_at: Timestamp::from_micros(row.get(6)?),
            judged,
            sample,
            event,
            label: row.get::<_, Option<i64>>(14)?.map(label_from),
        },
    })
}

pub(crate) fn verdict_from(number: i64) -> Verdict {
    if number == 1 { Verdict::Anomalous } else { Verdict::Normal }
}

pub(crate) fn label_from(number: i64) -> Label {
    if number == 1 { Label::Anomalous } else { Label::Legitimate }
}

pub(crate) fn label_number(label: Label) -> i64 {
    i64::from(label.is_anomalous())
}

/// 32-bit numbers, little-endian.
pub(crate) fn to_bytes(sample: &[f32], bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.extend(sample.iter().flat_map(|v| v.to_le_bytes()));
}

fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}
