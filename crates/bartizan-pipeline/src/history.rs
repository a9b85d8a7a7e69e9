//! What an instance reads back of its own history to learn from.
//!
//! Nothing loads all events at once: a listing without events says which rows there are, rows are chosen from it, and their
//! events are read in chunks.

use crate::codec::{self, CodecError, Stored};
use crate::excluded::Excluded;
use crate::training::TrainingEvent;
use crate::windows::{CHUNK_BYTES, CHUNK_ROWS, within_bytes};
use crate::{Instance, TrainError};
use bartizan_core::{Domain, Verdict};
use bartizan_storage::{EntityHash, HistoryEntry, HistoryQuery, StoreError, StoredEvent, chunks};
use std::borrow::Cow;
use std::collections::HashMap;

/// Rows looked at for every row to be learned from, so that the others can take the place of one client's flood.
const LOOKED_AT: usize = 20;
/// Most rows looked at, unless more are to be learned from.
const MAX_LOOKED_AT: usize = 1_000_000;
/// Most bytes of stored events that a training learns from, the newest.
const MAX_TRAINING_BYTES: u64 = 512 << 20;
/// Times that so many are looked at, where most of them were flagged.
const MAX_PAGES: usize = 10;
/// Rows learned from for every flagged one that is looked at.
const FLAGGED_PART: usize = 2;
/// Parts of the time of a history, and the share of its rows at either end that is left out when it is asked how long it is.
const TENTHS: usize = 10;
const TRIMMED: f64 = 0.005;
/// In a choice, ids from here on are positions in a list of events that are not stored yet.
pub(crate) const GIVEN: i64 = 1 << 62;

/// Rows to learn from.
pub(crate) struct Chosen {
    /// In order of event time.
    pub(crate) entries: Vec<HistoryEntry>,
    /// How many stored rows exclusions kept out.
    pub(crate) excluded: usize,
}

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
                events.push(TrainingEvent {
                    event,
                    recent,
                    label: stored.label,
                    said: stored.label,
                    id: Some(stored.id),
                    flagged: stored.flagged,
                    seen_before,
                    is_given: false,
                });
            }
        }
        if unreadable > 0 {
            tracing::warn!(detector = %self.settings.name, skipped = unreadable, "stored events of another format, or of another kind of detector under this name, were left out of training");
        }
        Ok(events)
    }

    /// Which rows to learn from: of the sample of all traffic, and of what is labelled; `given` are unstored ones that count as the newest,
    /// of which none is excluded.
    pub(crate) async fn choose(&self, given: Vec<HistoryEntry>, excluded: &Excluded) -> Result<Chosen, StoreError> {
        let (name, most) = (&self.settings.name, self.settings.max_training_samples);
        let looked_at = most.saturating_mul(LOOKED_AT).min(MAX_LOOKED_AT.max(most));
        let (mut labelled, mut unlabelled): (Vec<_>, Vec<_>) = given.into_iter().rev().partition(|entry| entry.label.is_some());
        let mut query = HistoryQuery { sampled: true, labelled: Some(false), most: looked_at, ..HistoryQuery::default() };
        let (mut flagged, mut passed, mut kept_out) = (Vec::new(), Vec::new(), 0);
        // What was flagged takes nobody's place, however much of it there is: it is looked at for what it says of the rate of alarms.
        for _ in 0..MAX_PAGES {
            let (page, more_kept_out) = self.not_excluded(query, excluded).await?;
            let is_last = page.len() < query.most;
            query.before = page.last().map(|entry| entry.id);
            kept_out += more_kept_out;
            unlabelled.extend(page);
            let (of_page, others): (Vec<_>, Vec<_>) =
                std::mem::take(&mut unlabelled).into_iter().partition(|entry| entry.verdict == Some(Verdict::Anomalous));
            passed.extend(others);
            flagged.extend(of_page.into_iter().take(looked_at.saturating_sub(flagged.len())));
            if is_last || passed.len() >= most {
                break;
            }
        }
        let (least, share) = (self.settings.min_training_samples, self.settings.max_client_share);
        let mut chosen = select(&passed, most, least, share);
        let passed_over = passed.len().min(most) - chosen.len();
        if passed_over > 0 {
            tracing::info!(detector = %name, learned = chosen.len(), passed_over, share, "rows of clients that have more than their share are not learned from");
        }
        let since = chosen.iter().map(|entry| entry.event_time).min();
        chosen.extend(flagged.into_iter().filter(|entry| Some(entry.event_time) >= since).take(most / FLAGGED_PART));
        let query = HistoryQuery { labelled: Some(true), most, ..HistoryQuery::default() };
        let (stored, more) = self.not_excluded(query, excluded).await?;
        labelled.extend(stored);
        kept_out += more;
        labelled.truncate(most);
        let (mut entries, cut) = within_bytes(labelled.into_iter().chain(chosen), MAX_TRAINING_BYTES);
        if cut > 0 {
            tracing::warn!(
                detector = %name, cut, max_bytes = MAX_TRAINING_BYTES,
                "the history is larger than what is learned from at once; its oldest rows are left out of this training"
            );
        }
        entries.sort_unstable_by_key(|entry| (entry.event_time, entry.id));
        Ok(Chosen { entries, excluded: kept_out })
    }

    /// As many rows as the query asks for that no exclusion names, and how many were passed over on the way. Excluded rows take nobody's
    /// place: where a page has some, older rows follow in theirs, so that what is learned does not depend on how many there were. No stored
    /// row is read twice, however many are excluded.
    async fn not_excluded(&self, query: HistoryQuery, excluded: &Excluded) -> Result<(Vec<HistoryEntry>, usize), StoreError> {
        let (mut found, mut kept_out, mut query) = (Vec::new(), 0, query);
        loop {
            let page = self.store.history_index(&self.settings.name, query).await?;
            let is_last = page.len() < query.most || excluded.is_empty();
            query.before = page.last().map(|entry| entry.id);
            for entry in page {
                if found.len() >= query.most {
                    break;
                }
                if excluded.has(entry.entity, entry.event_time) {
                    kept_out += 1;
                } else {
                    found.push(entry);
                }
            }
            if is_last || found.len() >= query.most {
                return Ok((found, kept_out));
            }
        }
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
/// part where there are few clients, as many times as there are tenths of the time in which it came. A gateway that two thirds of all
/// requests come through is learned as it is, a flood is not. The share holds for what is chosen, unless fewer than `least` would be left
/// without more of one client. A client above its share has its newest rows chosen; rows without a client count as nobody's.
fn select(newest_first: &[HistoryEntry], wanted: usize, least: usize, share: f64) -> Vec<HistoryEntry> {
    let mut clients = clients(newest_first);
    let nobodys = clients.remove(&EntityHash::NONE).map_or(0, |client| client.rows());
    let cap = cap(&clients.values().map(|client| (client.rows(), client.tenths())).collect::<Vec<_>>(), nobodys, wanted, least, share);
    let mut left: HashMap<EntityHash, usize> =
        clients.iter().map(|(entity, client)| (*entity, cap.saturating_mul(client.tenths()))).collect();
    let within = |entry: &&HistoryEntry| entry.entity == EntityHash::NONE || left.get_mut(&entry.entity).is_some_and(take_one);
    newest_first.iter().filter(within).take(wanted).copied().collect()
}

fn take_one(left: &mut usize) -> bool {
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}

/// The rows of one client in each tenth of the time.
#[derive(Default)]
struct Client([usize; TENTHS]);

impl Client {
    fn rows(&self) -> usize {
        self.0.iter().sum()
    }

    /// In how many of them it came: with no less than a quarter of its rows' even part.
    fn tenths(&self) -> usize {
        let least = self.rows().div_ceil(4 * TENTHS).max(1);
        self.0.iter().filter(|rows| **rows >= least).count().max(1)
    }
}

fn clients(entries: &[HistoryEntry]) -> HashMap<EntityHash, Client> {
    let mut times: Vec<i64> = entries.iter().map(|entry| entry.event_time.secs()).collect();
    times.sort_unstable();
    // A few clocks that are wrong do not make it all one tenth.
    let cut = (TRIMMED * times.len() as f64).ceil() as usize;
    let first = times.get(cut).copied().unwrap_or(0);
    let last = times.iter().rev().nth(cut).copied().unwrap_or(first);
    let span = last.saturating_sub(first).max(1) as f64;
    // What lies before is in the first of them: a negative number is 0.
    let tenth = |secs: i64| (secs.saturating_sub(first) as f64 / span * TENTHS as f64) as usize;
    let mut clients: HashMap<EntityHash, Client> = HashMap::new();
    for entry in entries {
        clients.entry(entry.entity).or_default().0[tenth(entry.event_time.secs()).min(TENTHS - 1)] += 1;
    }
    clients
}

/// Most rows of one client in a tenth of the time, given how many rows each has, and in how many tenths.
fn cap(clients: &[(usize, usize)], nobodys: usize, wanted: usize, least: usize, share: f64) -> usize {
    let share = share.max(2.0 / clients.len().max(1) as f64);
    if share >= 1.0 {
        return usize::MAX;
    }
    let of = |(rows, tenths): (usize, usize), cap: usize| rows.min(cap.saturating_mul(tenths));
    let chosen = |cap: usize| clients.iter().map(|&client| of(client, cap)).sum::<usize>().saturating_add(nobodys).min(wanted);
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
        // The flood of one tenth of the time, and a gateway of all of it.
        let spread = |name: &str, count: usize, from: i64, until: i64| {
            let at = |i: usize| from + (until - from) * i as i64 / count as i64;
            (0..count).map(|i| entry(at(i), name, at(i), 1)).collect::<Vec<_>>()
        };
        let mut rows = [spread("gateway", 6500, 0, 100_000), spread("flood", 20_000, 50_000, 51_000)].concat();
        rows.extend((0..350).flat_map(|i| spread(&format!("c{i}"), 10, 100 * i, 100_000)));
        rows.push(entry(1, "c0", -2_000_000_000, 1));
        rows.sort_by_key(|row| std::cmp::Reverse(row.event_time));
        let chosen = select(&rows, 100_000, 100, 0.1);
        let of = |name: &str| chosen.iter().filter(|row| row.entity == EntityHash::of(name)).count();
        assert_eq!(of("gateway"), 6500);
        assert!(of("flood") < chosen.len() / 9, "{} of {}", of("flood"), chosen.len());
        let newest: Vec<i64> = select(&all, 50, 10, 0.1).iter().map(|row| row.id).filter(|id| *id > 995_000).collect();
        assert_eq!(newest, (0..newest.len() as i64).map(|i| 1_000_000 - i).collect::<Vec<_>>(), "a client's newest rows are chosen");
    }
}
