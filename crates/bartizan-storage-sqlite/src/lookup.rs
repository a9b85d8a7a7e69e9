//! Finding a row by the sender's name for it, without an index that every insert pays dearly for.
//!
//! An index over names, or over a hash of them, takes each insert to a random page: a transaction of a few hundred rows
//! would write as many pages. Here the key is `bucket << 20 | hash`, the bucket being the row id in steps of 4,096, so
//! that inserts meet in a dozen pages at the end of the index. A look-up asks every bucket, newest first: a seek each, a
//! few milliseconds over ten million rows, and one seek for a recent row.

const IDS_PER_BUCKET: i64 = 4_096;
const HASH_BITS: u32 = 20;

/// The key of a row; `None` for an event without a name.
pub(crate) fn key(id: i64, detector: i64, event_id: &str) -> Option<i64> {
    (!event_id.is_empty()).then(|| in_bucket(id / IDS_PER_BUCKET, hash(detector, event_id)))
}

/// The keys that rows of this name may have between two ids, newest first.
pub(crate) fn keys(newest: i64, oldest: i64, detector: i64, event_id: &str) -> impl Iterator<Item = i64> {
    let hash = hash(detector, event_id);
    let buckets = oldest / IDS_PER_BUCKET..=newest / IDS_PER_BUCKET;
    buckets.rev().map(move |bucket| in_bucket(bucket, hash))
}

fn in_bucket(bucket: i64, hash: i64) -> i64 {
    bucket << HASH_BITS | hash
}

/// FNV-1a, folded: part of the stored format.
fn hash(detector: i64, event_id: &str) -> i64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ detector as u64;
    let full = event_id.bytes().fold(start, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    ((full ^ full >> 32) & ((1 << HASH_BITS) - 1)) as i64
}

#[cfg(test)]
mod tests {
    use super::{key, keys};

    #[test]
    fn a_row_is_among_the_keys_of_its_name() {
        for id in [1, 4095, 4096, 9_999_999] {
            assert!(keys(10_000_000, 1, 2, "req-1").any(|k| Some(k) == key(id, 2, "req-1")), "{id}");
        }
        assert_eq!(key(1, 2, ""), None);
        assert_ne!(key(1, 2, "a"), key(1, 3, "a"));
    }
}
