//! Stored history, to learn from and to replay: first a listing without events, then the events of the rows that were chosen.

use bartizan_core::{Label, Timestamp, Verdict};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Which rows to list, newest (highest id) first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    /// With a label (`true`) or without; `None` for both.
    pub labelled: Option<bool>,
    /// Only rows of the uniform sample of the traffic ([`NewDetection::sampled`](crate::NewDetection::sampled)) if `true`.
    pub sampled: bool,
    /// Only rows recorded after the row of this id; 0 for all.
    pub after: i64,
    /// Only rows recorded before the row of this id; `None` for all.
    pub before: Option<i64>,
    /// Only events at or before this time; `None` for all.
    pub until: Option<Timestamp>,
    /// At most this many rows, the newest by id.
    pub most: usize,
}

/// One stored event in a listing: the fields that rows are chosen by, without the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryEntry {
    /// Row id.
    pub id: i64,
    /// The entity, as [`EntityHash::of`] hashes it.
    pub entity: EntityHash,
    /// The newest label.
    pub label: Option<Label>,
    /// The verdict; `None` when unjudged.
    pub verdict: Option<Verdict>,
    /// When it happened.
    pub event_time: Timestamp,
    /// Length of the stored event and sample in bytes.
    pub bytes: u64,
}

/// An entity's 64-bit hash; the same in every process of one release, not to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntityHash(Option<u64>);

impl EntityHash {
    /// No entity.
    pub const NONE: Self = Self(None);

    /// Returns the hash of an entity's name; an empty name is no entity.
    #[must_use]
    pub fn of(entity: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        entity.hash(&mut hasher);
        Self((!entity.is_empty()).then(|| hasher.finish()))
    }

    /// Returns the hash; `None` of no entity.
    #[must_use]
    pub fn bits(self) -> Option<u64> {
        self.0
    }
}

/// A stored event.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredEvent {
    /// Row id.
    pub id: i64,
    /// When it happened.
    pub event_time: Timestamp,
    /// When it was judged (or imported).
    pub analyzed_at: Timestamp,
    /// The newest label.
    pub label: Option<Label>,
    /// The grade, where it was judged anomalous.
    pub flagged: Option<f64>,
    /// The sample judged; empty when unjudged.
    pub sample: Vec<f32>,
    /// The whole event, postcard of the domain's type.
    pub event: Vec<u8>,
}

/// Splits a listing into runs of at most `most_rows` rows and about `most_bytes` bytes, at least one row each, to load one after the
/// other.
pub fn chunks(entries: &[HistoryEntry], most_rows: usize, most_bytes: u64) -> impl Iterator<Item = &[HistoryEntry]> {
    let mut rest = entries;
    std::iter::from_fn(move || {
        let mut bytes = 0_u64;
        let fits = |entry: &&HistoryEntry| {
            bytes = bytes.saturating_add(entry.bytes);
            bytes <= most_bytes
        };
        let length = rest.iter().take(most_rows).take_while(fits).count().clamp(1, rest.len().max(1));
        let (chunk, after) = rest.split_at_checked(length)?;
        rest = after;
        Some(chunk)
    })
}

#[cfg(test)]
mod tests {
    use super::{EntityHash, HistoryEntry, chunks};
    use bartizan_core::Timestamp;

    #[test]
    fn chunks_are_bounded_by_rows_and_bytes() {
        let entry = |bytes| HistoryEntry {
            id: 1,
            entity: EntityHash::NONE,
            label: None,
            verdict: None,
            event_time: Timestamp::from_secs(0),
            bytes,
        };
        for (name, sizes, expected) in [
            ("nothing", vec![], vec![]),
            ("rows", vec![1; 7], vec![3, 3, 1]),
            ("bytes", vec![60, 60, 40, 10], vec![1, 2, 1]),
            ("too large alone", vec![1000, 1, 1000], vec![1, 1, 1]),
            ("sizes that overflow", vec![u64::MAX, u64::MAX], vec![1, 1]),
        ] {
            let entries: Vec<_> = sizes.into_iter().map(entry).collect();
            let lengths: Vec<_> = chunks(&entries, 3, 100).map(<[_]>::len).collect();
            assert_eq!(lengths, expected, "{name}");
        }
    }
}
