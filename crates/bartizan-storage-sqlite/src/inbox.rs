//! The inbox: events that were accepted and wait to be judged, and the keys of the batches that they came in.

use crate::SqliteStore;
use crate::queue::Call;
use crate::rows::clamp;
use crate::schema::detector_id;
use async_trait::async_trait;
use bartizan_storage::{Accepted, Backlog, BatchKey, InboxRepository, MAX_KEYS, NewBatch, NewPart, StoreError, WaitingPart};
use rusqlite::{Connection, OptionalExtension, params};

/// Keys that are looked at when one is added, whether they may be forgotten: more than one, so that they become fewer.
const FORGOTTEN_AT_ONCE: i64 = 8;

#[async_trait]
impl InboxRepository for SqliteStore {
    async fn accept(&self, batch: NewBatch) -> Result<Accepted, StoreError> {
        self.call_when_free(|reply| Call::Accept { batch, reply }).await
    }

    async fn waiting(&self, detector: &str, after: i64, max_events: u64, max_bytes: u64) -> Result<Vec<WaitingPart>, StoreError> {
        let detector = detector.to_owned();
        self.quick.run(move |db| waiting(db, &detector, after, (max_events, max_bytes))).await
    }

    async fn backlog(&self, detector: &str) -> Result<Backlog, StoreError> {
        let detector = detector.to_owned();
        self.quick.run(move |db| backlog(db, &detector)).await
    }

    async fn discard(&self, detector: &str, parts: &[i64]) -> Result<(), StoreError> {
        let (detector, parts) = (detector.to_owned(), parts.to_vec());
        self.write_when_free(move |db| discard(db, &detector, &parts)).await
    }
}

/// Stores a batch, unless its key is known. Call inside a transaction.
pub(crate) fn accept(db: &Connection, number: i64, batch: &NewBatch) -> rusqlite::Result<Accepted> {
    if let Some(key) = &batch.key {
        if let Some(answer) = remembered(db, number, key)? {
            return Ok(Accepted::Before(answer));
        }
        remember(db, number, key)?;
    }
    let mut insert = db.prepare_cached("INSERT INTO inbox(detector, events, bytes, blob) VALUES(?1, ?2, ?3, ?4)")?;
    for part in &batch.parts {
        insert.execute(params![number, part.events, part.blob.len() as i64, part.blob])?;
    }
    Ok(Accepted::Now)
}

/// Returns the answer that was given under a key, if it is not too long ago.
fn remembered(db: &Connection, number: i64, key: &BatchKey) -> rusqlite::Result<Option<Vec<u8>>> {
    let mut query = db.prepare_cached("SELECT answer FROM inbox_keys WHERE detector = ?1 AND hash = ?2 AND accepted_at >= ?3")?;
    query.query_row(params![number, key.hash, since(key)], |row| row.get(0)).optional()
}

/// Adds a key, and forgets some of the oldest: those that are too many or too old.
fn remember(db: &Connection, number: i64, key: &BatchKey) -> rusqlite::Result<()> {
    let newest: Option<i64> =
        db.prepare_cached("SELECT max(number) FROM inbox_keys WHERE detector = ?1")?.query_row([number], |row| row.get(0))?;
    let next = newest.unwrap_or(0) + 1;
    // One that is known and too old is known anew.
    db.prepare_cached("DELETE FROM inbox_keys WHERE detector = ?1 AND hash = ?2")?.execute(params![number, key.hash])?;
    let mut insert = db.prepare_cached("INSERT INTO inbox_keys(detector, number, hash, accepted_at, answer) VALUES(?1, ?2, ?3, ?4, ?5)")?;
    insert.execute(params![number, next, key.hash, key.now, key.answer])?;
    let mut forget = db.prepare_cached(
        "DELETE FROM inbox_keys WHERE detector = ?1 \
         AND number IN (SELECT number FROM inbox_keys WHERE detector = ?1 ORDER BY number LIMIT ?2) \
         AND (number <= ?3 OR accepted_at < ?4)",
    )?;
    forget.execute((number, FORGOTTEN_AT_ONCE, next.saturating_sub(clamp(MAX_KEYS)), since(key)))?;
    Ok(())
}

fn since(key: &BatchKey) -> i64 {
    key.now.saturating_sub(key.remembered_secs)
}

/// Removes parts that were judged; an error when one is not there. Call inside a transaction.
pub(crate) fn remove(db: &Connection, number: i64, parts: &[i64]) -> rusqlite::Result<()> {
    let mut delete = db.prepare_cached("DELETE FROM inbox WHERE id = ?1 AND detector = ?2")?;
    for part in parts {
        let removed = delete.execute((part, number))?;
        if removed != 1 {
            return Err(rusqlite::Error::StatementChangedRows(removed));
        }
    }
    Ok(())
}

/// Removes parts that cannot be judged, as far as they are there. Call inside a transaction.
pub(crate) fn discard(db: &Connection, detector: &str, parts: &[i64]) -> rusqlite::Result<()> {
    let Some(number) = detector_id(db, detector)? else { return Ok(()) };
    let mut delete = db.prepare_cached("DELETE FROM inbox WHERE id = ?1 AND detector = ?2")?;
    parts.iter().try_for_each(|part| delete.execute((part, number)).map(drop))
}

/// Returns the oldest parts after `after`, within so many events and bytes.
pub(crate) fn waiting(
    db: &Connection,
    detector: &str,
    after: i64,
    (max_events, max_bytes): (u64, u64),
) -> rusqlite::Result<Vec<WaitingPart>> {
    let Some(number) = detector_id(db, detector)? else { return Ok(Vec::new()) };
    let mut index = db.prepare_cached("SELECT id, events, bytes FROM inbox WHERE detector = ?1 AND id > ?2 ORDER BY id")?;
    let mut index = index.query((number, after))?;
    let mut blob = db.prepare_cached("SELECT blob FROM inbox WHERE id = ?1")?;
    let (mut parts, mut events, mut bytes) = (Vec::new(), 0_u64, 0_u64);
    while let Some(row) = index.next()? {
        let (id, count): (i64, u32) = (row.get(0)?, row.get(1)?);
        events = events.saturating_add(u64::from(count));
        bytes = bytes.saturating_add(u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0));
        if !parts.is_empty() && (events > max_events || bytes > max_bytes) {
            break;
        }
        parts.push(WaitingPart { id, part: NewPart { events: count, blob: blob.query_row([id], |row| row.get(0))? } });
    }
    Ok(parts)
}

/// Returns how much waits.
pub(crate) fn backlog(db: &Connection, detector: &str) -> rusqlite::Result<Backlog> {
    let Some(number) = detector_id(db, detector)? else { return Ok(Backlog::default()) };
    let mut query = db.prepare_cached("SELECT coalesce(sum(events), 0), coalesce(sum(bytes), 0) FROM inbox WHERE detector = ?1")?;
    let count = |value: i64| u64::try_from(value).unwrap_or(0);
    query.query_row([number], |row| Ok(Backlog { events: count(row.get(0)?), bytes: count(row.get(1)?) }))
}

#[cfg(test)]
mod tests {
    use super::remember;
    use crate::schema::{ensure_detector, migrate};
    use bartizan_storage::{BatchKey, KEY_BYTES, MAX_KEYS};
    use rusqlite::Connection;
    use std::path::Path;

    fn key(byte: u8, now: i64) -> BatchKey {
        BatchKey { hash: [byte; KEY_BYTES], now, remembered_secs: 100, answer: Vec::new() }
    }

    #[test]
    fn the_oldest_keys_are_forgotten_when_they_are_too_many_or_too_old() {
        for (name, last, now, expected) in [
            ("few and new", 3, 50, vec![1, 2, 3, 4]),
            ("as many as there may be", MAX_KEYS as i64 - 1, 50, vec![1, 2, MAX_KEYS as i64 - 1, MAX_KEYS as i64]),
            ("one too many", MAX_KEYS as i64, 50, vec![2, MAX_KEYS as i64, MAX_KEYS as i64 + 1]),
            ("too old", 3, 101, vec![2, 3, 4]),
        ] {
            let mut db = Connection::open_in_memory().unwrap();
            migrate(&mut db, Path::new("memory")).unwrap();
            let (number, other) = (ensure_detector(&db, "requests").unwrap(), ensure_detector(&db, "flows").unwrap());
            remember(&db, other, &key(1, 0)).unwrap();
            (1..=3).for_each(|byte| remember(&db, number, &key(byte, i64::from(byte) - 1)).unwrap());
            db.execute("UPDATE inbox_keys SET number = ?1 WHERE detector = ?2 AND number = 3", (last, number)).unwrap();
            remember(&db, number, &key(4, now)).unwrap();
            let mut there = db.prepare("SELECT number FROM inbox_keys WHERE detector = ?1 ORDER BY number").unwrap();
            let there: Vec<i64> = there.query_map([number], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
            assert_eq!(there, expected, "{name}");
        }
    }
}
