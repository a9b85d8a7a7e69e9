//! What is asked of detections.

use crate::lookup;
use crate::rows::{COLUMNS, detection, label_from, label_number, verdict_from};
use bartizan_core::{Label, Timestamp};
use bartizan_storage::{AuditFilter, AuditPage, Detection, DetectionKey, HistoryQuery, LabelChange, LabelOutcome, Retention, Statistics};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params, params_from_iter};
use std::sync::Arc;

/// Rows that one step of pruning removes: a few milliseconds of the writer's time.
pub(crate) const PRUNE_STEP: u64 = 2_000;

pub(crate) fn detector_number(db: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached("SELECT id FROM detectors WHERE name = ?1")?.query_row([name], |r| r.get(0)).optional()
}

/// The row that a key names; for an event id, the newest.
pub(crate) fn resolve(db: &Connection, detector: i64, key: &DetectionKey) -> rusqlite::Result<Option<i64>> {
    match key {
        DetectionKey::Id(id) => db
            .prepare_cached("SELECT id FROM detections WHERE id = ?1 AND detector = ?2")?
            .query_row([id, &detector], |r| r.get(0))
            .optional(),
        DetectionKey::EventId(event_id) if event_id.is_empty() => Ok(None),
        DetectionKey::EventId(event_id) => {
            let ends = db.query_row("SELECT min(id), max(id) FROM detections", [], |r| Ok((r.get(0)?, r.get(1)?)))?;
            let (Some(oldest), Some(newest)): (Option<i64>, Option<i64>) = ends else { return Ok(None) };
            let mut seek = db.prepare_cached(
                "SELECT max(id) FROM detections WHERE lookup = ?1 AND lookup IS NOT NULL AND detector = ?2 AND event_id = ?3",
            )?;
            for lookup in lookup::keys(newest, oldest, detector, event_id) {
                if let Some(id) = seek.query_row(params![lookup, detector, event_id], |r| r.get(0))? {
                    return Ok(Some(id));
                }
            }
            Ok(None)
        }
    }
}

pub(crate) fn find(db: &Connection, name: &Arc<str>, key: &DetectionKey) -> rusqlite::Result<Option<Detection>> {
    let Some(detector) = detector_number(db, name)? else { return Ok(None) };
    let Some(id) = resolve(db, detector, key)? else { return Ok(None) };
    let sql = format!(
        "SELECT {COLUMNS}, e.sample, e.event FROM detections d JOIN evidence e ON e.id = d.id LEFT JOIN versions v ON v.id = d.version WHERE d.id = ?1"
    );
    db.prepare_cached(&sql)?.query_row([id], |row| detection(row, name, true)).optional()
}

/// The conditions of a filter, with their values; the first is always the detector.
fn conditions(detector: i64, filter: &AuditFilter) -> (String, Vec<Value>) {
    let mut sql = "d.detector = ?".to_owned();
    let mut values = vec![Value::Integer(detector)];
    let mut and = |condition: &str, value: Option<Value>| {
        sql.push_str(" AND ");
        sql.push_str(condition);
        values.extend(value);
    };
    let judged_only = filter.is_anomaly.is_some() || filter.min_confidence.is_some() || filter.max_confidence.is_some();
    if !filter.include_unjudged || judged_only {
        and("d.verdict IS NOT NULL", None);
    }
    match filter.is_anomaly {
        // Written out, so that the index of anomalies serves.
        Some(true) => and("d.verdict = 1", None),
        Some(false) => and("d.verdict = 0", None),
        None => {}
    }
    match filter.has_label {
        Some(true) => and("d.label IS NOT NULL", None),
        Some(false) => and("d.label IS NULL", None),
        None => {}
    }
    if let Some(entity) = &filter.entity {
        and("d.entity = ?", Some(Value::Text(entity.clone())));
    }
    for (bound, condition) in [(filter.min_confidence, "d.confidence >= ?"), (filter.max_confidence, "d.confidence <= ?")] {
        if let Some(bound) = bound {
            and(condition, Some(Value::Real(bound)));
        }
    }
    for (bound, condition) in [(filter.from, "d.analyzed_at >= ?"), (filter.to, "d.analyzed_at <= ?")] {
        if let Some(bound) = bound {
            and(condition, Some(Value::Integer(bound.micros())));
        }
    }
    (sql, values)
}

pub(crate) fn audit(db: &Connection, name: &Arc<str>, filter: &AuditFilter, offset: u64, limit: u64) -> rusqlite::Result<AuditPage> {
    let Some(detector) = detector_number(db, name)? else { return Ok(AuditPage { total: 0, rows: Vec::new() }) };
    // One read transaction, so that the total and the rows speak of the same moment.
    let moment = db.unchecked_transaction()?;
    let (conditions, mut values) = conditions(detector, filter);
    let unfiltered = AuditFilter { include_unjudged: filter.include_unjudged, ..AuditFilter::default() };
    let total: i64 = if *filter == unfiltered {
        let column = if filter.include_unjudged { "stored" } else { "stored_judged" };
        db.query_row(&format!("SELECT {column} FROM totals WHERE detector = ?1"), [detector], |r| r.get(0)).optional()?.unwrap_or(0)
    } else {
        db.prepare_cached(&format!("SELECT count(*) FROM detections d WHERE {conditions}"))?
            .query_row(params_from_iter(&values), |r| r.get(0))?
    };
    values.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
    values.push(Value::Integer(i64::try_from(offset).unwrap_or(i64::MAX)));
    let sql = format!(
        "SELECT {COLUMNS} FROM detections d LEFT JOIN versions v ON v.id = d.version WHERE {conditions} ORDER BY d.id DESC LIMIT ? OFFSET ?"
    );
    let rows = db
        .prepare_cached(&sql)?
        .query_map(params_from_iter(&values), |row| detection(row, name, false))?
        .collect::<rusqlite::Result<_>>()?;
    moment.finish()?;
    Ok(AuditPage { total: total as u64, rows })
}

pub(crate) fn history(db: &Connection, name: &Arc<str>, query: HistoryQuery) -> rusqlite::Result<Vec<Detection>> {
    let Some(detector) = detector_number(db, name)? else { return Ok(Vec::new()) };
    let moment = db.unchecked_transaction()?;
    let since = query.since.map_or(i64::MIN, Timestamp::micros);
    let mut rows = Vec::new();
    for (condition, most) in [("d.label IS NULL", query.newest), ("d.label IS NOT NULL", query.max_labelled)] {
        let sql = format!(
            "SELECT {COLUMNS}, e.sample, e.event FROM detections d JOIN evidence e ON e.id = d.id LEFT JOIN versions v ON v.id = d.version \
             WHERE d.detector = ?1 AND {condition} AND d.event_time >= ?2 ORDER BY d.id DESC LIMIT ?3"
        );
        let mut statement = db.prepare_cached(&sql)?;
        let found = statement.query_map(params![detector, since, most as i64], |row| detection(row, name, true))?;
        rows.extend(found.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    moment.finish()?;
    rows.sort_by_key(|d| (d.detection.event_time, d.id));
    Ok(rows)
}

pub(crate) fn label(db: &mut Connection, name: &str, key: &DetectionKey, change: &LabelChange) -> rusqlite::Result<Option<LabelOutcome>> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(detector) = detector_number(&transaction, name)? else { return Ok(None) };
    let Some(id) = resolve(&transaction, detector, key)? else { return Ok(None) };
    let (verdict, was): (Option<i64>, Option<i64>) =
        transaction.query_row("SELECT verdict, label FROM detections WHERE id = ?1", [id], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let label = label_number(change.label);
    transaction.execute("UPDATE detections SET label = ?2 WHERE id = ?1", [id, label])?;
    transaction.execute(
        "INSERT INTO label_changes(detection, was, label, changed_by, changed_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![id, was, label, change.changed_by, change.changed_at.micros()],
    )?;
    let wrong = |label: Option<i64>, said: i64| i64::from(verdict == Some(said) && label == Some(1 - said));
    transaction.execute(
        "UPDATE totals SET labelled = labelled + ?2, false_positives = false_positives + ?3, false_negatives = false_negatives + ?4 WHERE detector = ?1",
        [detector, i64::from(was.is_none()), wrong(Some(label), 1) - wrong(was, 1), wrong(Some(label), 0) - wrong(was, 0)],
    )?;
    transaction.commit()?;
    Ok(Some(LabelOutcome { id, verdict: verdict.map(verdict_from), previous: was.map(label_from) }))
}

pub(crate) fn label_changes(db: &Connection, name: &str, id: i64) -> rusqlite::Result<Vec<(Option<Label>, LabelChange)>> {
    let mut statement = db.prepare_cached(
        "SELECT c.was, c.label, c.changed_by, c.changed_at FROM label_changes c JOIN detections d ON d.id = c.detection \
         JOIN detectors n ON n.id = d.detector WHERE c.detection = ?1 AND n.name = ?2 ORDER BY c.id",
    )?;
    let change = |r: &rusqlite::Row<'_>| {
        let change = LabelChange { label: label_from(r.get(1)?), changed_by: r.get(2)?, changed_at: Timestamp::from_micros(r.get(3)?) };
        Ok((r.get::<_, Option<i64>>(0)?.map(label_from), change))
    };
    statement.query_map(params![id, name], change)?.collect()
}

pub(crate) fn statistics(db: &Connection, name: &str) -> rusqlite::Result<Statistics> {
    let mut statement = db.prepare_cached(
        "SELECT judged, anomalous, confident, confidence_sum, labelled, false_positives, false_negatives, stored \
         FROM totals JOIN detectors ON detectors.id = detector WHERE name = ?1",
    )?;
    let read = |r: &rusqlite::Row<'_>| {
        let number = |i| r.get::<_, i64>(i).map(|n| n.max(0) as u64);
        let (confident, sum): (u64, f64) = (number(2)?, r.get(3)?);
        Ok(Statistics {
            judged: number(0)?,
            anomalous: number(1)?,
            average_confidence: if confident == 0 { 0.0 } else { (sum / confident as f64).clamp(0.0, 1.0) },
            labelled: number(4)?,
            false_positives: number(5)?,
            false_negatives: number(6)?,
            stored: number(7)?,
        })
    };
    Ok(statement.query_row([name], read).optional()?.unwrap_or_default())
}

/// One step of pruning: the oldest unlabelled rows past the limits, at most [`PRUNE_STEP`].
pub(crate) fn prune_step(db: &mut Connection, name: &str, retention: Retention) -> rusqlite::Result<u64> {
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let Some(detector) = detector_number(&transaction, name)? else { return Ok(0) };
    let mut going = std::collections::BTreeSet::new();
    if let Some(before) = retention.analyzed_before {
        let mut old = transaction
            .prepare_cached("SELECT id FROM detections WHERE detector = ?1 AND label IS NULL AND analyzed_at < ?2 ORDER BY id LIMIT ?3")?;
        let ids = old.query_map(params![detector, before.micros(), PRUNE_STEP as i64], |r| r.get::<_, i64>(0))?;
        going.extend(ids.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    if let Some(most) = retention.max_rows {
        let unlabelled: i64 = transaction
            .query_row("SELECT stored - labelled FROM totals WHERE detector = ?1", [detector], |r| r.get(0))
            .optional()?
            .unwrap_or(0);
        let too_many = (unlabelled.max(0) as u64).saturating_sub(most).min(PRUNE_STEP);
        let mut oldest =
            transaction.prepare_cached("SELECT id FROM detections WHERE detector = ?1 AND label IS NULL ORDER BY id LIMIT ?2")?;
        let ids = oldest.query_map([detector, too_many as i64], |r| r.get::<_, i64>(0))?;
        going.extend(ids.collect::<rusqlite::Result<Vec<_>>>()?);
    }
    let mut judged = 0;
    {
        let mut narrow = transaction.prepare_cached("DELETE FROM detections WHERE id = ?1 RETURNING verdict IS NOT NULL")?;
        let mut wide = transaction.prepare_cached("DELETE FROM evidence WHERE id = ?1")?;
        for id in &going {
            judged += narrow.query_row([id], |r| r.get::<_, i64>(0))?;
            wide.execute([id])?;
        }
    }
    let gone = going.len() as i64;
    transaction.execute(
        "UPDATE totals SET stored = stored - ?2, stored_judged = stored_judged - ?3 WHERE detector = ?1",
        [detector, gone, judged],
    )?;
    transaction.commit()?;
    Ok(going.len() as u64)
}
