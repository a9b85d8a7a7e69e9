//! Summaries of blocks of rows, with which a filter skips the blocks that cannot match.
//!
//! An index on a column of every row would divide the rate of recording by three or more (`examples/layout_bench.rs`). Instead,
//! the first query that walks a block of ids notes the times, confidences and entities in it, which never change; later queries
//! walk only the blocks where those allow a match. It is kept in memory, within a bound, and costs recording nothing.

use bartizan_storage::AuditFilter;
use rusqlite::{Connection, OptionalExtension};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

/// Ids of one block.
const ROWS: i64 = 4096;
/// Most blocks summarised, of all detectors together: 16 MiB. Every query scans the others.
const MAX_BLOCKS: usize = 8192;
/// 64-bit words of a block's set of entities: with 500 different ones, one in 300 others is taken for one of them.
const WORDS: usize = 256;

/// The ids of a block of a detector.
pub(crate) type Ids = RangeInclusive<i64>;

/// A summary of the rows of one block; it may still include rows that were removed since.
#[derive(Clone, Debug, PartialEq)]
struct Summary {
    analyzed: (i64, i64),
    confidence: (f64, f64),
    entities: [u64; WORDS],
    /// A bit for the hash of each class.
    classes: u64,
}

impl Summary {
    fn read(db: &Connection, number: i64, ids: &Ids) -> rusqlite::Result<Self> {
        let mut query = db.prepare_cached(&format!(
            "SELECT analyzed_at, confidence, entity, class FROM detections_{number} NOT INDEXED WHERE id BETWEEN ?1 AND ?2"
        ))?;
        let mut rows = query.query([ids.start(), ids.end()])?;
        let mut this =
            Self { analyzed: (i64::MAX, i64::MIN), confidence: (f64::INFINITY, f64::NEG_INFINITY), entities: [0; WORDS], classes: 0 };
        while let Some(row) = rows.next()? {
            let analyzed: i64 = row.get(0)?;
            this.analyzed = (this.analyzed.0.min(analyzed), this.analyzed.1.max(analyzed));
            if let Some(confidence) = row.get::<_, Option<f64>>(1)? {
                this.confidence = (this.confidence.0.min(confidence), this.confidence.1.max(confidence));
            }
            for (word, bit) in places(row.get_ref(2)?.as_str()?) {
                this.entities[word] |= bit;
            }
            if let Some(class) = row.get_ref(3)?.as_str_or_null()? {
                this.classes |= class_bit(class);
            }
        }
        Ok(this)
    }

    /// Returns false when no row of the block can match.
    fn may_match(&self, filter: &AuditFilter) -> bool {
        filter.from.is_none_or(|from| self.analyzed.1 >= from.micros())
            && filter.to.is_none_or(|to| self.analyzed.0 <= to.micros())
            && filter.min_confidence.is_none_or(|least| self.confidence.1 >= least)
            && filter.max_confidence.is_none_or(|most| self.confidence.0 <= most)
            && filter.class.as_ref().is_none_or(|class| self.classes & class_bit(class) != 0)
            && filter.entity.as_ref().is_none_or(|entity| places(entity).iter().all(|&(word, bit)| self.entities[word] & bit != 0))
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The bit of a class.
fn class_bit(class: &str) -> u64 {
    1 << (hash(class) & 63)
}

/// Two bits of an entity's hash: the word and the bit in it.
fn places(entity: &str) -> [(usize, u64); 2] {
    let hash = hash(entity);
    [hash, hash >> 32].map(|half| ((half >> 6) as usize % WORDS, 1 << (half & 63)))
}

/// The summaries of all detectors.
#[derive(Default)]
pub(crate) struct Blocks {
    known: Mutex<HashMap<(i64, i64), Arc<Summary>>>,
}

impl Blocks {
    /// Returns whether this filter can skip blocks.
    pub(crate) fn serve(filter: &AuditFilter) -> bool {
        let AuditFilter { entity, class, min_confidence, max_confidence, from, to, .. } = filter;
        entity.is_some() || class.is_some() || min_confidence.is_some() || max_confidence.is_some() || from.is_some() || to.is_some()
    }

    /// Returns the next block below `before` that has rows of the detector, whether they may match or not.
    pub(crate) fn next(db: &Connection, number: i64, before: i64) -> rusqlite::Result<Option<Ids>> {
        let mut query =
            db.prepare_cached(&format!("SELECT id FROM detections_{number} NOT INDEXED WHERE id < ?1 ORDER BY id DESC LIMIT 1"))?;
        let id: Option<i64> = query.query_row([before], |row| row.get(0)).optional()?;
        Ok(id.map(|id| {
            let start = id.div_euclid(ROWS) * ROWS;
            start..=start + ROWS - 1
        }))
    }

    /// Returns whether rows of the block may match, and summarises the block once no row can be added to it any more.
    pub(crate) fn may_match(&self, db: &Connection, number: i64, ids: &Ids, filter: &AuditFilter) -> rusqlite::Result<bool> {
        let key = (number, *ids.start());
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(summary) = known {
            return Ok(summary.may_match(filter));
        }
        // Ids are given out in the transaction that adds the rows: those up to the last one are all there or never will be.
        let last: i64 = db.prepare_cached("SELECT last_id FROM sequence")?.query_row([], |row| row.get(0))?;
        if *ids.end() > last {
            return Ok(true);
        }
        let summary = Summary::read(db, number, ids)?;
        let may = summary.may_match(filter);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MAX_BLOCKS {
            known.insert(key, Arc::new(summary));
        }
        Ok(may)
    }

    /// Drops the summaries of a detector's blocks before `first`, its first id: their rows have been removed.
    pub(crate) fn forget(&self, number: i64, first: i64) {
        let gone = |&(of, start): &(i64, i64)| of == number && start + ROWS <= first;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).retain(|key, _| !gone(key));
    }
}

#[cfg(test)]
mod tests {
    use super::{Blocks, ROWS};
    use crate::audit::audit;
    use crate::insert::{Names, insert};
    use crate::queue::Call;
    use bartizan_core::{Timestamp, Verdict};
    use bartizan_storage::{AuditFilter, NewDetection};
    use bartizan_testkit::judged_detection;
    use rusqlite::Connection;

    /// Three blocks and a part of one, each with clients, times and confidences of its own.
    fn filled() -> Connection {
        let mut db = Connection::open_in_memory().unwrap();
        crate::schema::migrate(&mut db, std::path::Path::new("memory")).unwrap();
        let row = |number: i64| NewDetection {
            entity: format!("block-{}-{}", number / ROWS, number % 5),
            ..judged_detection("requests", number, Verdict::Normal, (number / ROWS) as f64 / 10.0)
        };
        let detections = (0..3 * ROWS + 100).map(row).collect();
        let (reply, _answer) = tokio::sync::oneshot::channel();
        insert(&db, &mut Names::default(), &[Call::Record { detections, counted: None, reply }]).unwrap();
        db
    }

    #[test]
    fn filters_pass_over_blocks_that_cannot_match_and_give_the_same() {
        let (db, blocks) = (filled(), Blocks::default());
        let none = AuditFilter::default;
        let at = |number: i64| Some(Timestamp::from_secs(number));
        let cases = [
            ("an entity", AuditFilter { entity: Some("block-1-3".to_owned()), ..none() }, 819, 2),
            ("nobody", AuditFilter { entity: Some("nobody".to_owned()), ..none() }, 0, 1),
            ("from", AuditFilter { from: at(3 * ROWS - 10), ..none() }, 110, 2),
            ("to", AuditFilter { to: at(99), ..none() }, 100, 2),
            ("confident", AuditFilter { min_confidence: Some(0.3), ..none() }, 100, 2),
            ("unsure", AuditFilter { max_confidence: Some(0.05), ..none() }, ROWS as u64, 3),
            ("nothing left out", AuditFilter { min_confidence: Some(0.0), ..none() }, 3 * ROWS as u64 + 100, 4),
        ];
        for (name, filter, expected, most) in cases {
            for round in ["before", "after"] {
                let page = audit(&db, &blocks, "requests", &filter, 0, 5).unwrap();
                assert_eq!((page.total, page.rows.len() as u64), (expected, expected.min(5)), "{name} {round} it is remembered");
                assert!(page.rows.is_sorted_by(|a, b| a.id > b.id), "{name}");
            }
            let (mut before, mut walked) = (i64::MAX, 0);
            while let Some(ids) = Blocks::next(&db, 1, before).unwrap() {
                walked += usize::from(blocks.may_match(&db, 1, &ids, &filter).unwrap());
                before = *ids.start();
            }
            assert!(walked <= most, "{name}: {walked} blocks are walked");
        }
        let filter = AuditFilter { min_confidence: Some(0.0), ..none() };
        let ids =
            |offset, limit| audit(&db, &blocks, "requests", &filter, offset, limit).unwrap().rows.iter().map(|r| r.id).collect::<Vec<_>>();
        let last = 3 * ROWS + 100;
        let expected: Vec<i64> = (0..6000).map(|i| last - 50 - i).collect();
        assert_eq!(ids(50, 6000), expected, "pages reach over blocks");
        blocks.forget(1, 2 * ROWS);
        assert_eq!(blocks.known.lock().unwrap().len(), 1, "blocks before the first row are forgotten");
        assert_eq!(ids(9000, 3), [last - 9000, last - 9001, last - 9002]);
    }
}
