//! Listing detections, newest first.

use crate::rows::{LISTED, Reader, clamp};
use crate::schema::detector_id;
use crate::totals::Totals;
use bartizan_core::Timestamp;
use bartizan_storage::{AuditFilter, AuditPage};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

/// A filter as SQL.
#[derive(Default)]
struct Where {
    conditions: Vec<&'static str>,
    values: Vec<Value>,
}

impl Where {
    fn new(filter: &AuditFilter) -> Self {
        let mut this = Self::default();
        let time = |time: Timestamp| Value::from(time.micros());
        match filter.is_anomaly {
            Some(true) => this.conditions.push("d.verdict = 1"),
            Some(false) => this.conditions.push("d.verdict = 0"),
            None if !filter.include_unjudged => this.conditions.push("d.verdict IS NOT NULL"),
            None => {}
        }
        match filter.has_label {
            Some(true) => this.conditions.push("d.label IS NOT NULL"),
            Some(false) => this.conditions.push("d.label IS NULL"),
            None => {}
        }
        this.compare("d.confidence >= ?", filter.min_confidence.map(Value::from));
        this.compare("d.confidence <= ?", filter.max_confidence.map(Value::from));
        this.compare("d.analyzed_at >= ?", filter.from.map(time));
        this.compare("d.analyzed_at <= ?", filter.to.map(time));
        // The length is in the row's header: most rows are passed over without their text being read.
        this.compare("octet_length(d.entity) = ?", filter.entity.as_ref().map(|entity| Value::from(entity.len() as i64)));
        this.compare("d.entity = ?", filter.entity.clone().map(Value::from));
        this
    }

    fn compare(&mut self, condition: &'static str, value: Option<Value>) {
        if let Some(value) = value {
            self.conditions.push(condition);
            self.values.push(value);
        }
    }

    fn sql(&self) -> String {
        if self.conditions.is_empty() { String::new() } else { format!("WHERE {}", self.conditions.join(" AND ")) }
    }
}

/// Which index to walk. Said outright, because SQLite keeps no statistics here and would walk the whole table.
fn index(filter: &AuditFilter, number: i64) -> String {
    match (filter.has_label, filter.is_anomaly) {
        (Some(true), _) => format!("INDEXED BY labelled_{number}"),
        (_, Some(true)) => format!("INDEXED BY anomalous_{number}"),
        _ => "NOT INDEXED".to_owned(),
    }
}

/// One page and the number of all rows that match.
pub(crate) fn audit(db: &Connection, detector: &str, filter: &AuditFilter, offset: u64, limit: u64) -> rusqlite::Result<AuditPage> {
    let Some(number) = detector_id(db, detector)? else {
        return Ok(AuditPage { total: 0, rows: Vec::new() });
    };
    let restriction = Where::new(filter);
    let total = total(db, detector, number, filter, &restriction)?;
    if limit == 0 || offset >= total {
        return Ok(AuditPage { total, rows: Vec::new() });
    }
    let (index, condition) = (index(filter, number), restriction.sql());
    let mut query =
        db.prepare_cached(&format!("SELECT {LISTED} FROM detections_{number} d {index} {condition} ORDER BY d.id DESC LIMIT ? OFFSET ?"))?;
    let page = [Value::from(clamp(limit)), Value::from(clamp(offset))];
    let mut reader = Reader::new(db, detector);
    let table = format!("detections_{number}");
    let rows = query.query_map(params_from_iter(restriction.values.into_iter().chain(page)), |row| reader.listed(row, &table))?;
    Ok(AuditPage { total, rows: rows.collect::<rusqlite::Result<_>>()? })
}

/// How many rows match: from the totals where they know, counted where not.
fn total(db: &Connection, detector: &str, number: i64, filter: &AuditFilter, restriction: &Where) -> rusqlite::Result<u64> {
    let simple = AuditFilter { is_anomaly: filter.is_anomaly, include_unjudged: filter.include_unjudged, ..AuditFilter::default() };
    let count = |filter: &AuditFilter, restriction: &Where| {
        let (index, condition) = (index(filter, number), restriction.sql());
        let mut query = db.prepare_cached(&format!("SELECT count(*) FROM detections_{number} d {index} {condition}"))?;
        query.query_row(params_from_iter(&restriction.values), |row| row.get::<_, i64>(0))
    };
    let total = match filter.is_anomaly {
        None if *filter == simple && filter.include_unjudged => Totals::read(db, detector)?.stored,
        None if *filter == simple => Totals::read(db, detector)?.stored_judged,
        Some(false) if *filter == simple => {
            let anomalous = AuditFilter { is_anomaly: Some(true), ..AuditFilter::default() };
            Totals::read(db, detector)?.stored_judged - count(&anomalous, &Where::new(&anomalous))?
        }
        _ => count(filter, restriction)?,
    };
    Ok(u64::try_from(total).unwrap_or(0))
}
