//! What people keep out of training: entities, ranges of time, or both together.

use crate::instance::entity_column;
use crate::{ExcludeError, ExclusionFault, Instance};
use bartizan_core::{Domain, Timestamp, head};
use bartizan_storage::{EntityHash, Exclusion, MAX_EXCLUSIONS, NewExclusion, StoreError};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Most characters of an exclusion's note.
pub const MAX_NOTE_CHARS: usize = 200;
/// Most bytes of an entity that a fault repeats.
const MAX_SHOWN: usize = 64;

/// What to keep out of training: the events that have this entity, if one is given, and lie in this range of time, if one is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exclude {
    /// The entity (who), in any spelling that an event may have it in; `None` for any.
    pub entity: Option<String>,
    /// Earliest event time.
    pub from: Option<Timestamp>,
    /// The event time from which on it no longer holds.
    pub to: Option<Timestamp>,
    /// Why; may be empty.
    pub note: String,
}

impl Exclude {
    /// Everything that is wrong with it, whatever the detector.
    #[must_use]
    pub fn faults(&self) -> Vec<ExclusionFault> {
        let nothing = self.entity.is_none() && self.from.is_none() && self.to.is_none();
        let range = self.from.zip(self.to).filter(|(from, to)| from >= to);
        let chars = self.note.chars().count();
        [
            nothing.then_some(ExclusionFault::NamesNothing),
            self.entity.as_deref().filter(|entity| entity.trim().is_empty() || is_network(entity)).map(no_entity),
            range.map(|(from, to)| ExclusionFault::Order { from, to }),
            (chars > MAX_NOTE_CHARS).then_some(ExclusionFault::LongNote { limit: MAX_NOTE_CHARS, got: chars }),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// A network would be taken for the name of one client, and exclude nothing.
fn is_network(entity: &str) -> bool {
    let parts = entity.trim().split_once('/');
    parts.is_some_and(|(address, bits)| address.parse::<IpAddr>().is_ok() && bits.parse::<u8>().is_ok())
}

fn no_entity(entity: &str) -> ExclusionFault {
    ExclusionFault::NoEntity { entity: head(entity, MAX_SHOWN).to_owned() }
}

impl<D: Domain> Instance<D> {
    pub(crate) async fn store_exclusion(&self, exclude: Exclude) -> Result<Exclusion, ExcludeError> {
        if let Some(fault) = exclude.faults().into_iter().next() {
            return Err(fault.into());
        }
        let entity = exclude.entity.as_deref().map(|text| self.stored_entity(text).ok_or_else(|| no_entity(text))).transpose()?;
        let Exclude { from, to, note, .. } = exclude;
        let exclusion = NewExclusion { detector: self.settings.name.to_string(), entity, from, to, note, created_at: self.clock.now() };
        let id = self.store.add_exclusion(exclusion.clone()).await?.ok_or(ExcludeError::TooMany { limit: MAX_EXCLUSIONS })?;
        Ok(Exclusion { id, exclusion })
    }

    /// The entity that a person means, as stored events have it. It is looked up once, when the exclusion is made: what is stored was
    /// resolved with the proxies of its time, and keeps the name it got.
    fn stored_entity(&self, text: &str) -> Option<String> {
        let entity = entity_column(D::entity(text, &self.settings.trusted_proxies));
        (!entity.is_empty()).then_some(entity)
    }

    /// What is kept out of a training that begins now.
    pub(crate) async fn excluded(&self) -> Result<Excluded, StoreError> {
        Ok(Excluded::of(&self.store.exclusions(&self.settings.name).await?))
    }
}

/// The exclusions of a detector, made ready to be asked about every row.
///
/// Up to [`MAX_EXCLUSIONS`] of them meet up to a million rows and more, so they are not tried one after the other. The ranges of each entity,
/// and those that hold for anybody, are sorted and merged until no two overlap. A row then costs two look-ups in a table and two binary
/// searches of at most ten steps each, however many exclusions there are.
#[derive(Clone, Default)]
pub(crate) struct Excluded {
    anybody: Ranges,
    entities: Arc<HashMap<EntityHash, Ranges>>,
}

impl Excluded {
    pub(crate) fn of(exclusions: &[Exclusion]) -> Self {
        let (mut anybody, mut entities) = (Vec::new(), HashMap::<EntityHash, Vec<(i64, i64)>>::new());
        for Exclusion { exclusion, .. } in exclusions {
            let ranges = match &exclusion.entity {
                Some(entity) => entities.entry(EntityHash::of(entity)).or_default(),
                None => &mut anybody,
            };
            ranges.push((exclusion.from.map_or(i64::MIN, Timestamp::micros), exclusion.to.map_or(i64::MAX, Timestamp::micros)));
        }
        let entities = entities.into_iter().map(|(entity, ranges)| (entity, Ranges::of(ranges))).collect();
        Self { anybody: Ranges::of(anybody), entities: Arc::new(entities) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.anybody.0.is_empty() && self.entities.is_empty()
    }

    /// Whether events of this entity at this time are kept out.
    pub(crate) fn has(&self, entity: EntityHash, time: Timestamp) -> bool {
        self.anybody.has(time) || self.entities.get(&entity).is_some_and(|ranges| ranges.has(time))
    }

    /// Whether an event that is not stored yet is kept out.
    pub(crate) fn has_event<D: Domain>(&self, event: &D::Event) -> bool {
        if self.is_empty() {
            return false;
        }
        let facts = D::facts(event);
        self.has(EntityHash::of(&entity_column(facts.entity)), facts.time)
    }
}

/// Half-open ranges of microseconds, in order and apart from each other.
#[derive(Clone, Default)]
struct Ranges(Arc<[(i64, i64)]>);

impl Ranges {
    fn of(mut ranges: Vec<(i64, i64)>) -> Self {
        ranges.sort_unstable();
        let mut merged: Vec<(i64, i64)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges {
            match merged.last_mut() {
                Some((_, end)) if from <= *end => *end = to.max(*end),
                _ => merged.push((from, to)),
            }
        }
        Self(merged.into())
    }

    fn has(&self, time: Timestamp) -> bool {
        let after = self.0.partition_point(|(from, _)| *from <= time.micros());
        after.checked_sub(1).is_some_and(|last| time.micros() < self.0[last].1)
    }
}

#[cfg(test)]
mod tests {
    use super::{Exclude, Excluded, Ranges};
    use crate::ExclusionFault;
    use bartizan_core::{Seed, Timestamp};
    use bartizan_storage::{EntityHash, Exclusion, NewExclusion};

    fn exclusion((entity, from, to): &(Option<&str>, Option<i64>, Option<i64>)) -> Exclusion {
        let exclusion = NewExclusion {
            detector: "requests".to_owned(),
            entity: entity.map(str::to_owned),
            from: from.map(Timestamp::from_micros),
            to: to.map(Timestamp::from_micros),
            note: String::new(),
            created_at: Timestamp::from_secs(0),
        };
        Exclusion { id: 1, exclusion }
    }

    #[test]
    fn it_answers_as_if_each_exclusion_was_tried() {
        for case in 0..300 {
            let draw = |what: u64, of: u64| Seed(case).derive(what).0 % of;
            let time = |what: u64| (draw(what, 3) > 0).then(|| draw(what + 1, 18) as i64 - 9);
            let one = |i: u64| ([None, Some("a"), Some("b"), Some("c")][draw(i, 4) as usize], time(i + 1), time(i + 3));
            let valid = |(entity, from, to): &(Option<&str>, Option<i64>, Option<i64>)| {
                (entity.is_some() || from.is_some() || to.is_some()) && from.zip(*to).is_none_or(|(from, to)| from < to)
            };
            let exclusions: Vec<_> = (0..case % 12).map(|i| one(100 + 10 * i)).filter(valid).collect();
            let excluded = Excluded::of(&exclusions.iter().map(exclusion).collect::<Vec<_>>());
            for entity in ["a", "b", "c", "d", ""] {
                for time in (-11..11).chain([i64::MIN, i64::MAX]).map(Timestamp::from_micros) {
                    let named = |(of, from, to): &(Option<&str>, Option<i64>, Option<i64>)| {
                        let at = time.micros();
                        of.is_none_or(|of| of == entity) && from.is_none_or(|from| from <= at) && to.is_none_or(|to| at < to)
                    };
                    let expected = exclusions.iter().any(named);
                    assert_eq!(excluded.has(EntityHash::of(entity), time), expected, "{entity:?} at {time} of {exclusions:?}");
                }
            }
        }
    }

    #[test]
    fn ranges_that_touch_become_one() {
        let ranges = Ranges::of(vec![(5, 9), (1, 2), (2, 3), (6, 7), (i64::MIN, -5)]);
        assert_eq!(*ranges.0, [(i64::MIN, -5), (1, 3), (5, 9)]);
        assert_eq!(*Ranges::of((0..1_000).map(|i| (i, i + 1)).rev().collect()).0, [(0, 1_000)]);
    }

    #[test]
    fn each_fault_is_named() {
        let at = Timestamp::from_secs;
        let of = |entity: Option<&str>, from, to| Exclude { entity: entity.map(str::to_owned), from, to, note: String::new() };
        let far = (Some(Timestamp::from_micros(i64::MIN)), Some(Timestamp::from_micros(i64::MAX)));
        let (from, to) = (at(5), at(5));
        for (exclude, expected) in [
            (of(Some("a"), None, None), vec![]),
            (of(Some("a\0b"), None, None), vec![]),
            (of(None, Some(at(1)), Some(at(2))), vec![]),
            (of(None, far.0, far.1), vec![]),
            (of(None, None, None), vec![ExclusionFault::NamesNothing]),
            (of(Some("::/0"), None, None), vec![ExclusionFault::NoEntity { entity: "::/0".to_owned() }]),
            (of(Some("10.0.0.0/8"), None, None), vec![ExclusionFault::NoEntity { entity: "10.0.0.0/8".to_owned() }]),
            (of(Some("api/8"), None, None), vec![]),
            (of(Some(" "), None, None), vec![ExclusionFault::NoEntity { entity: " ".to_owned() }]),
            (of(Some("a"), Some(from), Some(to)), vec![ExclusionFault::Order { from, to }]),
            (Exclude { note: "é".repeat(200), ..of(Some("a"), None, None) }, vec![]),
            (
                Exclude { note: "é".repeat(201), ..of(None, None, None) },
                vec![ExclusionFault::NamesNothing, ExclusionFault::LongNote { limit: 200, got: 201 }],
            ),
        ] {
            assert_eq!(exclude.faults(), expected, "{exclude:?}");
        }
    }
}
