//! The sliding windows of an instance, and the live counts of its model: what brings them back at a start.
//!
//! A checkpoint is written when the instance is closed and every minute before. A start reads it, and counts in what was recorded after
//! it, which is little; it does not read the history.

use crate::codec;
use crate::history::read;
use crate::{Instance, RecordError, aside};
use bartizan_core::{Domain, Recency, Timestamp};
use bartizan_storage::{HistoryEntry, HistoryQuery, StoreError, WindowsPart, chunks};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Rows and bytes of events read at once.
pub(crate) const CHUNK_ROWS: usize = 1024;
pub(crate) const CHUNK_BYTES: u64 = 16 << 20;
/// Most events counted in that were recorded after the checkpoint, the newest, read in about half a second. Where more than 800 a second are
/// recorded, a process that is killed loses some of what its windows had counted since the last checkpoint.
const MAX_REPLAYED: usize = 50_000;
/// Most bytes of them, the newest.
const MAX_REPLAYED_BYTES: u64 = 128 << 20;

/// How far the windows have come, and their checkpoint.
#[derive(Default)]
pub(crate) struct Progress {
    /// The highest row id of which the event is counted, or is never to be.
    newest_id: AtomicI64,
    /// Changes of the windows since the start.
    changes: AtomicU64,
    /// Of these, how many the checkpoint has. Held while one is written.
    saved: tokio::sync::Mutex<u64>,
}

impl Progress {
    /// Events were recorded, in rows of these ids or, where they are only counted, in none.
    pub(crate) fn recorded(&self, ids: &[i64]) {
        if let Some(newest) = ids.iter().max() {
            self.newest_id.fetch_max(*newest, Ordering::AcqRel);
        }
        self.changes.fetch_add(1, Ordering::AcqRel);
    }
}

impl<D: Domain> Instance<D> {
    /// Stores a checkpoint of the windows, if they have changed since the last one.
    ///
    /// # Errors
    /// When the store fails; the checkpoint before stays.
    pub(crate) async fn store_windows(&self) -> Result<(), RecordError> {
        let mut saved = self.progress.saved.lock().await;
        let (changes, after) = (self.progress.changes.load(Ordering::Acquire), self.progress.newest_id.load(Ordering::Acquire));
        if *saved == changes {
            return Ok(());
        }
        let checkpoint = self.clock.now().micros();
        let live = self.active.load().as_ref().map(|active| codec::encode_live(&active.live.save(&active.version)));
        let first = live.transpose().map_err(|error| StoreError::Other(format!("the live counts cannot be encoded: {error}")))?;
        let mut saved_parts = 0;
        let mut next = match first {
            Some(live) => Some(live),
            None => self.next_part(&mut saved_parts).await?,
        };
        for part in 0.. {
            let Some(blob) = next else { break };
            next = self.next_part(&mut saved_parts).await?;
            self.store.store_windows(&self.settings.name, WindowsPart { checkpoint, part, after, blob }, next.is_none()).await?;
        }
        *saved = changes;
        Ok(())
    }

    async fn next_part(&self, saved: &mut usize) -> Result<Option<Vec<u8>>, RecordError> {
        *saved += 1;
        self.saved_part(*saved - 1).await
    }

    /// One part as it is stored, made away from the threads that answer.
    async fn saved_part(&self, part: usize) -> Result<Option<Vec<u8>>, RecordError> {
        let windows = Arc::clone(&self.recency);
        let encoded = aside(move || windows.save(part).map(|saved| codec::encode_windows::<D::Recency>(&saved)).transpose()).await?;
        Ok(encoded.map_err(|error| StoreError::Other(format!("the windows cannot be encoded: {error}")))?)
    }

    /// Fills the windows as they were: from their checkpoint, and from what was recorded after it, in order of event time. An event that
    /// is dated further ahead of the clock than is believed does not count: it would move everybody's windows to its own time.
    pub(crate) async fn restore(&self) -> Result<(), StoreError> {
        let parts = self.store.windows(&self.settings.name).await?;
        let after = parts.iter().map(|part| part.after).min().unwrap_or(0);
        for part in parts {
            if let Some(live) = codec::decode_live(&part.blob) {
                if let Some(active) = self.active.load().as_ref() {
                    active.live.restore(live, &active.version);
                }
                continue;
            }
            match codec::decode_windows::<D::Recency>(&part.blob) {
                Ok(saved) => self.windows().restore(saved),
                Err(error) => {
                    let (detector, part) = (&self.settings.name, part.part);
                    tracing::warn!(%detector, part, %error, "a part of the windows' checkpoint is left out: its clients begin anew");
                }
            }
        }
        self.progress.newest_id.store(after, Ordering::Release);
        let horizon = self.windows().horizon_secs();
        if horizon == 0 {
            return Ok(());
        }
        let until = self.clock.now().plus_secs(i64::try_from(self.settings.max_ahead_secs).unwrap_or(i64::MAX));
        let query = HistoryQuery { after, until: Some(until), most: MAX_REPLAYED, ..HistoryQuery::default() };
        let entries = recent(self.store.history_index(&self.settings.name, query).await?, horizon);
        for chunk in chunks(&entries, CHUNK_ROWS, CHUNK_BYTES) {
            for stored in self.events(chunk).await? {
                if let Some(stored) = read::<D>(&stored.event).ok().filter(|stored| stored.is_live) {
                    self.windows().observe(&stored.event);
                }
            }
        }
        self.progress.recorded(&entries.iter().map(|entry| entry.id).collect::<Vec<_>>());
        Ok(())
    }
}

/// Those that the windows still reach from the newest event, oldest first, within the bytes that are replayed.
fn recent(mut entries: Vec<HistoryEntry>, horizon_secs: i64) -> Vec<HistoryEntry> {
    let newest = entries.iter().map(|entry| entry.event_time).max();
    let since = newest.map(|time: Timestamp| time.plus_secs(-horizon_secs));
    entries.retain(|entry| Some(entry.event_time) >= since);
    entries.sort_unstable_by_key(|entry| std::cmp::Reverse((entry.event_time, entry.id)));
    let (mut kept, _) = within_bytes(entries.into_iter(), MAX_REPLAYED_BYTES);
    kept.reverse();
    kept
}

/// The first that fit into so many bytes together, and how many do not.
pub(crate) fn within_bytes(entries: impl Iterator<Item = HistoryEntry>, most: u64) -> (Vec<HistoryEntry>, usize) {
    let mut bytes = 0_u64;
    let (kept, cut): (Vec<_>, Vec<_>) = entries.partition(|entry| {
        bytes = bytes.saturating_add(entry.bytes);
        bytes <= most
    });
    (kept, cut.len())
}

#[cfg(test)]
mod tests {
    use super::{recent, within_bytes};
    use bartizan_core::Timestamp;
    use bartizan_storage::{EntityHash, HistoryEntry};

    fn entry(id: i64, entity: &str, secs: i64, bytes: u64) -> HistoryEntry {
        let event_time = Timestamp::from_secs(secs);
        HistoryEntry { id, entity: EntityHash::of(entity), label: None, verdict: None, event_time, bytes }
    }

    #[test]
    fn what_is_replayed_is_what_the_windows_reach_within_bytes() {
        let ids = |entries: Vec<HistoryEntry>| entries.into_iter().map(|entry| entry.id).collect::<Vec<_>>();
        let times = vec![entry(4, "a", 100, 1), entry(3, "b", 39, 1), entry(2, "c", 40, 1), entry(1, "d", 90, 1)];
        assert_eq!(ids(recent(times, 60)), [2, 1, 4], "oldest first, by event time");
        let large = vec![entry(3, "a", 1, 100 << 20), entry(2, "a", 3, 100 << 20), entry(1, "a", 2, 1)];
        assert_eq!(ids(recent(large, 60)), [1, 2], "the newest that fit");
        assert_eq!(ids(recent(Vec::new(), 60)), [0_i64; 0]);
        let (kept, cut) = within_bytes(vec![entry(2, "a", 1, 7), entry(1, "a", 1, u64::MAX)].into_iter(), 10);
        assert_eq!((ids(kept), cut), (vec![2], 1));
    }
}
