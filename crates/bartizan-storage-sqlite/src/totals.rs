//! The exact totals of a detector, as a row and as a change to it.

use bartizan_core::{Label, Verdict};
use bartizan_storage::{Counted, NewDetection, Statistics};
use rusqlite::{Connection, OptionalExtension};

/// The numeric columns of `detectors`, or what a transaction adds to them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Totals {
    pub(crate) judged: i64,
    pub(crate) anomalous: i64,
    pub(crate) confidence_sum: f64,
    pub(crate) confidence_count: i64,
    pub(crate) labelled: i64,
    pub(crate) false_positives: i64,
    pub(crate) false_negatives: i64,
    /// Rows held now.
    pub(crate) stored: i64,
    /// Rows held now that are judged.
    pub(crate) stored_judged: i64,
    /// Bytes of the rows held now, as [`bytes`] counts.
    pub(crate) stored_bytes: i64,
}

/// Returns the bytes of a row's names, sample and event. The SQL in `rows.rs` counts alike.
fn bytes(detection: &NewDetection) -> usize {
    let texts = detection.event_id.len() + detection.entity.len() + detection.resource.len() + detection.action.len();
    texts + size_of_val(detection.sample.as_slice()) + detection.event.len()
}

impl Totals {
    /// Adds a detection that is being recorded.
    pub(crate) fn add(&mut self, detection: &NewDetection) {
        self.stored += 1;
        self.stored_bytes += bytes(detection) as i64;
        if let Some(judged) = &detection.judged {
            self.judged += 1;
            self.stored_judged += 1;
            self.anomalous += i64::from(judged.verdict.is_anomalous());
            if !judged.learning {
                self.confidence_sum += judged.confidence;
                self.confidence_count += 1;
            }
        }
        if detection.label.is_some() {
            self.label(detection.judged.as_ref().map(|j| j.verdict), None, detection.label);
        }
    }

    /// Adds verdicts of which no row is stored.
    pub(crate) fn count(&mut self, counted: Counted) {
        self.judged += counted.judged as i64;
        self.confidence_count += counted.judged as i64;
        self.anomalous += counted.anomalous as i64;
        self.confidence_sum += counted.confidence_sum;
    }

    /// Adds a label on a row with this verdict going from one value to another.
    pub(crate) fn label(&mut self, verdict: Option<Verdict>, from: Option<Label>, to: Option<Label>) {
        for (label, sign) in [(from, -1), (to, 1)] {
            let Some(label) = label else { continue };
            self.labelled += sign;
            match (verdict, label) {
                (Some(Verdict::Anomalous), Label::Legitimate) => self.false_positives += sign,
                (Some(Verdict::Normal), Label::Anomalous) => self.false_negatives += sign,
                _ => {}
            }
        }
    }

    /// Returns what takes this away again.
    pub(crate) fn negated(self) -> Self {
        Self {
            judged: -self.judged,
            anomalous: -self.anomalous,
            confidence_sum: -self.confidence_sum,
            confidence_count: -self.confidence_count,
            labelled: -self.labelled,
            false_positives: -self.false_positives,
            false_negatives: -self.false_negatives,
            stored: -self.stored,
            stored_judged: -self.stored_judged,
            stored_bytes: -self.stored_bytes,
        }
    }

    /// Adds this to the detector's row.
    pub(crate) fn apply(&self, db: &Connection, detector: i64) -> rusqlite::Result<()> {
        let mut update = db.prepare_cached(
            "UPDATE detectors SET judged = judged + ?2, anomalous = anomalous + ?3, confidence_sum = confidence_sum + ?4, \
             confidence_count = confidence_count + ?5, labelled = labelled + ?6, false_positives = false_positives + ?7, \
             false_negatives = false_negatives + ?8, stored = stored + ?9, stored_judged = stored_judged + ?10, \
             stored_bytes = stored_bytes + ?11 WHERE id = ?1",
        )?;
        update.execute((
            detector,
            self.judged,
            self.anomalous,
            self.confidence_sum,
            self.confidence_count,
            self.labelled,
            self.false_positives,
            self.false_negatives,
            self.stored,
            self.stored_judged,
            self.stored_bytes,
        ))?;
        Ok(())
    }

    /// Reads the detector's row; zeros for one that has recorded nothing.
    pub(crate) fn read(db: &Connection, detector: &str) -> rusqlite::Result<Self> {
        let mut query = db.prepare_cached(
            "SELECT judged, anomalous, confidence_sum, confidence_count, labelled, false_positives, false_negatives, stored, stored_judged, \
             stored_bytes FROM detectors WHERE name = ?1",
        )?;
        let totals = query.query_row([detector], |row| {
            Ok(Self {
                judged: row.get(0)?,
                anomalous: row.get(1)?,
                confidence_sum: row.get(2)?,
                confidence_count: row.get(3)?,
                labelled: row.get(4)?,
                false_positives: row.get(5)?,
                false_negatives: row.get(6)?,
                stored: row.get(7)?,
                stored_judged: row.get(8)?,
                stored_bytes: row.get(9)?,
            })
        });
        Ok(totals.optional()?.unwrap_or_default())
    }

    /// Converts the totals to the statistics that callers get.
    pub(crate) fn statistics(&self) -> Statistics {
        let count = |value: i64| u64::try_from(value).unwrap_or(0);
        let mean = self.confidence_sum / self.confidence_count as f64;
        Statistics {
            judged: count(self.judged),
            anomalous: count(self.anomalous),
            average_confidence: if self.confidence_count > 0 { mean } else { 0.0 },
            labelled: count(self.labelled),
            false_positives: count(self.false_positives),
            false_negatives: count(self.false_negatives),
            stored: count(self.stored),
            stored_bytes: count(self.stored_bytes),
        }
    }
}
