//! What an instance reads back of its own history to learn from.
//!
//! Nothing loads all events at once: a listing without events says which rows there are, rows are chosen from it, and their
//! events are read in chunks.

use crate::codec::{self, CodecError, Stored};
use crate::training::TrainingEvent;
use crate::windows::{CHUNK_BYTES, CHUNK_ROWS, within_bytes};
use crate::{Instance, TrainError};
use bartizan_core::Domain;
use bartizan_storage::{EntityHash, HistoryEntry, HistoryQuery, StoreError, StoredEvent, chunks};
use std::borrow::Cow;
use std::collections::HashMap;

/// Rows looked at for every row to be learned from, so that the others can take the place of one client's flood.
const LOOKED_AT: usize = 20;
/// Most rows looked at, unless more are to be learned from.
const MAX_LOOKED_AT: usize = 1_000_000;
/// Most bytes of stored events that a training learns from, the newest.
const MAX_TRAINING_BYTES: u64 = 512 << 20;
/// In a choice, ids from here on are positions in a list of events that are not stored yet.
pub(crate) const GIVEN: i64 = 1 << 62;

impl<D: Domain> Instance<D> {
    /// The stored events of a choice, in its order. Rows that cannot be read are skipped and counted.
    pub(crate) async fn read_history(&self, entries: &[HistoryEntry]) -> Result<Vec<TrainingEvent<D>>, TrainError> {
        let trained_at = self.active.load().as_ref().map(|active| active.info.trained_at);
        let mut events = Vec::with_capacity(entries.len());
        let mut unreadable = 0;
        for chunk in chunks(entries, CHUNK_ROWS, CHUNK_BYTES) {
            for stored in self.events(chunk).await? {
                let Ok(Stored { event, recent, .. }) = read::<D>(&stored.event) else {
                    unreadable += 1;
                    continue;
                };
                let seen_before = trained_at.is_some_and(|trained_at| stored.analyzed_at < trained_at);
                events.push(TrainingEvent { event, recent, label: stored.label, said: stored.label, seen_before, is_given: false });
            }
        }
        if unreadable > 0 {
            tracing::warn!(detector = %self.settings.name, skipped = unreadable, "stored events of another format, or of another kind of detector under this name, were left out of training");
        }
        Ok(events)
    }

    /// Which rows to learn from: of the sample of all traffic, and of what is labelled; `given` are unstored ones that count as the newest.
    pub(crate) async fn choose(&self, given: Vec<HistoryEntry>) -> Result<Vec<HistoryEntry>, StoreError> {
        let (name, most) = (&self.settings.name, self.settings.max_training_samples);
        let looked_at = most.saturating_mul(LOOKED_AT).min(MAX_LOOKED_AT.max(most));
        let (mut labelled, mut unlabelled): (Vec<_>, Vec<_>) = given.into_iter().rev().partition(|entry| entry.label.is_some());
        let query = HistoryQuery { sampled: true, labelled: Some(false), most: looked_at, ..HistoryQuery::default() };
        unlabelled.extend(self.store.history_index(name, query).await?);
        let chosen = select(&unlabelled, most, self.settings.min_training_samples, self.settings.max_client_share);
        let passed_over = unlabelled.len().min(most) - chosen.len();
        if passed_over > 0 {
            let share = self.settings.max_client_share;
            tracing::info!(detector = %name, learned = chosen.len(), passed_over, share, "rows of clients that have more than their share are not learned from");
        }
        labelled.extend(self.store.history_index(name, HistoryQuery { labelled: Some(true), most, ..HistoryQuery::default() }).await?);
        labelled.truncate(most);
        let (mut entries, cut) = within_bytes(labelled.into_iter().chain(chosen), MAX_TRAINING_BYTES);
        if cut > 0 {
            tracing::warn!(
                detector = %name, cut, max_bytes = MAX_TRAINING_BYTES,
                "the history is larger than what is learned from at once; its oldest rows are left out of this training"
            );
        }
        entries.sort_unstable_by_key(|entry| (entry.event_time, entry.id));
        Ok(entries)
    }

    pub(crate) async fn events(&self, entries: &[HistoryEntry]) -> Result<Vec<StoredEvent>, StoreError> {
        let ids: Vec<i64> = entries.iter().map(|entry| entry.id).collect();
        self.store.events(&self.settings.name, &ids).await
    }
}

/// Reads a stored event. Those of earlier releases were stored whole, however large.
pub(crate) fn read<D: Domain>(stored: &[u8]) -> Result<Stored<D>, CodecError> {
    let stored: Stored<D> = codec::decode(stored)?;
    Ok(match D::bounded(&stored.event) {
        Cow::Borrowed(_) => stored,
        Cow::Owned(event) => Stored { event, ..stored },
    })
}

/// At most `wanted` of the rows, newest first, of which no client makes up more than its share: `share`, or two shares of an equal
/// part where there are few clients. The share holds for what is chosen, unless fewer than `least` would be left without more of
/// one client. A client above its share has its newest rows chosen; rows without a client count as nobody's.
fn select(newest_first: &[HistoryEntry], wanted: usize, least: usize, share: f64) -> Vec<HistoryEntry> {
    let mut rows_of: HashMap<EntityHash, usize> = HashMap::new();
    for entry in newest_first {
        *rows_of.entry(entry.entity).or_default() += 1;
    }
    let nobodys = rows_of.remove(&EntityHash::NONE).unwrap_or(0);
    let cap = cap(&rows_of.into_values().collect::<Vec<_>>(), nobodys, wanted, least, share);
    let mut taken: HashMap<EntityHash, usize> = HashMap::new();
    let within = |entry: &&HistoryEntry| {
        let taken = taken.entry(entry.entity).or_default();
        *taken += 1;
        entry.entity == EntityHash::NONE || *taken <= cap
    };
    newest_first.iter().filter(within).take(wanted).copied().collect()
}

/// Most rows of one client, given how many rows each has.
fn cap(rows_of: &[usize], nobodys: usize, wanted: usize, least: usize, share: f64) -> usize {
    let share = share.max(2.0 / rows_of.len().max(1) as f64);
    if share >= 1.0 {
        return usize::MAX;
    }
    let chosen = |cap: usize| rows_of.iter().map(|&rows| rows.min(cap)).sum::<usize>().saturating_add(nobodys).min(wanted);
    // A smaller cap chooses fewer rows, of which the share is smaller too; what agrees is an interval from 0.
    let fair = last((share * wanted as f64) as usize, |cap| (share * chosen(cap) as f64) as usize >= cap).max(1);
    let least = least.min(chosen(usize::MAX));
    if chosen(fair) >= least { fair } else { last(wanted, |cap| chosen(cap) < least) + 1 }
}

/// The last of `0..=most` for which `holds`, which it does up to one of them.
fn last(most: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if holds(middle) { low = middle } else { high = middle - 1 }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::select;
    use bartizan_core::Timestamp;
    use bartizan_storage::{EntityHash, HistoryEntry};
    use std::collections::HashMap;

    fn entry(id: i64, entity: &str, secs: i64, bytes: u64) -> HistoryEntry {
        let event_time = Timestamp::from_secs(secs);
        HistoryEntry { id, entity: EntityHash::of(entity), label: None, verdict: None, event_time, bytes }
    }

    /// Rows of clients, newest first: those of the first client are the newest.
    fn rows(counts: &[(&str, usize)]) -> Vec<HistoryEntry> {
        let names = counts.iter().flat_map(|(name, count)| std::iter::repeat_n(*name, *count));
        names.enumerate().map(|(i, name)| entry(1_000_000 - i as i64, name, 0, 1)).collect()
    }

    fn many(prefix: &str, clients: usize, each: usize) -> Vec<(String, usize)> {
        (0..clients).map(|i| (format!("{prefix}{i}"), each)).collect()
    }

    #[test]
    fn no_client_makes_up_more_than_its_share_of_what_is_learned() {
        let cases = [
            // name, clients with their rows (newest first), wanted, chosen, most of one client
            ("a flood over ordinary rows", [many("flood", 1, 10_500), many("c", 100, 20)].concat(), 10_000, 2222, 0.1),
            ("a flood of two", [many("flood", 2, 10_000), many("c", 100, 20)].concat(), 10_000, 2500, 0.1),
            ("everybody alike", many("c", 100, 50), 10_000, 5000, 0.1),
            ("more than is wanted", many("c", 100, 500), 10_000, 10_000, 0.1),
            ("one client alone", many("c", 1, 500), 400, 400, 1.0),
            ("two clients", [many("busy", 1, 500), many("c", 1, 3)].concat(), 10_000, 503, 1.0),
            ("five clients", [many("busy", 1, 5000), many("c", 4, 250)].concat(), 10_000, 1666, 0.4),
            ("nobody's rows have no share", [vec![(String::new(), 900)], many("c", 50, 2)].concat(), 10_000, 1000, 0.1),
            ("too little besides", [many("busy", 1, 5000), many("c", 30, 1)].concat(), 10_000, 100, 0.7),
            ("too little at all", [many("busy", 1, 40), many("c", 30, 1)].concat(), 10_000, 70, 0.6),
            ("none", vec![], 10_000, 0, 0.0),
        ];
        for (name, clients, wanted, expected, most) in cases {
            let clients: Vec<(&str, usize)> = clients.iter().map(|(name, count)| (name.as_str(), *count)).collect();
            let chosen = select(&rows(&clients), wanted, 100, 0.1);
            assert_eq!(chosen.len(), expected, "{name}");
            let mut each: HashMap<EntityHash, usize> = HashMap::new();
            chosen.iter().filter(|row| row.entity != EntityHash::NONE).for_each(|row| *each.entry(row.entity).or_default() += 1);
            let largest = each.into_values().max().unwrap_or(0) as f64 / chosen.len().max(1) as f64;
            assert!(largest <= most, "{name}: {largest}");
            assert!(chosen.is_sorted_by(|a, b| a.id > b.id), "{name}: newest first");
        }
        let all = rows(&[("busy", 5000), ("a", 1), ("b", 1), ("c", 1)]);
        assert_eq!(select(&all, 10_000, 100, 1.0).len(), all.len(), "a share of 1 sets no bound");
        let newest: Vec<i64> = select(&all, 50, 10, 0.1).iter().map(|row| row.id).filter(|id| *id > 995_000).collect();
        assert_eq!(newest, (0..newest.len() as i64).map(|i| 1_000_000 - i).collect::<Vec<_>>(), "a client's newest rows are chosen");
    }
}
