//! Listing detections, newest first.

use crate::blocks::{Blocks, Ids};
use crate::rows::{LISTED, Reader, clamp};
use crate::schema::detector_id;
use crate::totals::Totals;
use bartizan_core::Timestamp;
use bartizan_storage::{AuditFilter, AuditPage, Detection};
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
        this.compare("d.class = ?", filter.class.clone().map(Value::from));
        this.compare("d.entity = ?", filter.entity.clone().map(Value::from));
        this
    }

    fn compare(&mut self, condition: &'static str, value: Option<Value>) {
        if let Some(value) = value {
            self.conditions.push(condition);
            self.values.push(value);
        }
    }

    /// Returns the filter as SQL, for the rows of a block or for all.
    fn sql(&self, block: bool) -> String {
        let block = block.then_some("d.id BETWEEN ? AND ?");
        let conditions: Vec<&str> = block.into_iter().chain(self.conditions.iter().copied()).collect();
        if conditions.is_empty() { String::new() } else { format!("WHERE {}", conditions.join(" AND ")) }
    }

    /// Returns the values of [`sql`](Self::sql), in order.
    fn values(&self, ids: Option<&Ids>) -> impl Iterator<Item = Value> {
        let bounds = ids.map(|ids| [Value::from(*ids.start()), Value::from(*ids.end())]);
        bounds.into_iter().flatten().chain(self.values.iter().cloned())
    }
}

/// Which index to scan. It is named in the query, because SQLite keeps no statistics here and would scan the whole table.
fn index(filter: &AuditFilter, number: i64) -> String {
    match (filter.has_label, filter.is_anomaly) {
        (Some(true), _) => format!("INDEXED BY labelled_{number}"),
        (_, Some(true)) => format!("INDEXED BY anomalous_{number}"),
        _ => "NOT INDEXED".to_owned(),
    }
}

/// Returns one page and the number of all rows that match.
pub(crate) fn audit(
    db: &Connection,
    blocks: &Blocks,
    detector: &str,
    filter: &AuditFilter,
    offset: u64,
    limit: u64,
) -> rusqlite::Result<AuditPage> {
    let Some(number) = detector_id(db, detector)? else {
        return Ok(AuditPage { total: 0, rows: Vec::new() });
    };
    let mut walk = Walk { db, number, filter, restriction: Where::new(filter), reader: Reader::new(db, detector), rows: Vec::new() };
    let (offset, limit) = (clamp(offset), clamp(limit));
    let total = if Blocks::serve(filter) { walk.by_blocks(blocks, offset, limit)? } else { walk.whole(detector, offset, limit)? };
    Ok(AuditPage { total: u64::try_from(total).unwrap_or(0), rows: walk.rows })
}

/// One listing of a detector's rows.
struct Walk<'db> {
    db: &'db Connection,
    number: i64,
    filter: &'db AuditFilter,
    restriction: Where,
    reader: Reader<'db>,
    rows: Vec<Detection>,
}

impl Walk<'_> {
    /// Lists without looking at blocks. Returns the number of rows that match: from the totals where they have it, counted otherwise.
    fn whole(&mut self, detector: &str, offset: i64, limit: i64) -> rusqlite::Result<i64> {
        let plain = self.filter.has_label.is_none();
        let total = match self.filter.is_anomaly {
            None if plain && self.filter.include_unjudged => Totals::read(self.db, detector)?.stored,
            None if plain => Totals::read(self.db, detector)?.stored_judged,
            Some(false) if plain => {
                let anomalous = AuditFilter { is_anomaly: Some(true), ..AuditFilter::default() };
                Totals::read(self.db, detector)?.stored_judged - self.count(&anomalous, &Where::new(&anomalous), None)?
            }
            _ => self.count(self.filter, &self.restriction, None)?,
        };
        if limit > 0 && offset < total {
            self.page(None, offset, limit)?;
        }
        Ok(total)
    }

    /// Lists block by block, skipping those that cannot match. Returns the number of rows that match.
    fn by_blocks(&mut self, blocks: &Blocks, offset: i64, limit: i64) -> rusqlite::Result<i64> {
        let (mut total, mut before) = (0, i64::MAX);
        while let Some(ids) = Blocks::next(self.db, self.number, before)? {
            before = *ids.start();
            if !blocks.may_match(self.db, self.number, &ids, self.filter)? {
                continue;
            }
            let matching = self.count(self.filter, &self.restriction, Some(&ids))?;
            let (skipped, wanted) = ((offset - total).max(0), limit - self.rows.len() as i64);
            if skipped < matching && wanted > 0 {
                self.page(Some(&ids), skipped, wanted)?;
            }
            total += matching;
        }
        blocks.forget(self.number, before);
        Ok(total)
    }

    fn page(&mut self, ids: Option<&Ids>, offset: i64, limit: i64) -> rusqlite::Result<()> {
        let (index, condition) = (index(self.filter, self.number), self.restriction.sql(ids.is_some()));
        let table = format!("detections_{}", self.number);
        let mut query =
            self.db.prepare_cached(&format!("SELECT {LISTED} FROM {table} d {index} {condition} ORDER BY d.id DESC LIMIT ? OFFSET ?"))?;
        let values = self.restriction.values(ids).chain([Value::from(limit), Value::from(offset)]);
        let mut found = query.query(params_from_iter(values))?;
        while let Some(row) = found.next()? {
            self.rows.push(self.reader.listed(row, &table)?);
        }
        Ok(())
    }

    fn count(&self, filter: &AuditFilter, restriction: &Where, ids: Option<&Ids>) -> rusqlite::Result<i64> {
        let (index, condition) = (index(filter, self.number), restriction.sql(ids.is_some()));
        let mut query = self.db.prepare_cached(&format!("SELECT count(*) FROM detections_{} d {index} {condition}", self.number))?;
        query.query_row(params_from_iter(restriction.values(ids)), |row| row.get(0))
    }
}
