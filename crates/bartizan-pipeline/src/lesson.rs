//! What a training learns from: the stored history, events that are given with it, or both.

use crate::excluded::Excluded;
use crate::history::{Chosen, GIVEN};
use crate::training::TrainingEvent;
use crate::{Instance, RecordError, TrainError, aside};
use bartizan_core::{Domain, Recency, Record};
use bartizan_storage::{Counted, EntityHash, HistoryEntry, NewDetection, StoreError};
use std::collections::HashSet;
use std::sync::Arc;

/// Rows recorded together when history is brought in: a millisecond or two, in which no verdict is recorded.
const IMPORT_CHUNK: usize = 512;

/// What to learn from.
#[derive(Clone, Debug)]
pub enum Lesson<E> {
    /// The stored history.
    History,
    /// These events and the stored history, of which they become part.
    WithHistory(Vec<Record<E>>),
    /// These events alone; they become part of the history.
    Given(Vec<Record<E>>),
    /// These events alone, which are nobody's traffic: they do not become part of the history.
    BuiltIn(Vec<Record<E>>),
}

/// What is learned from, in order of event time, and what becomes part of the history.
pub(crate) struct Material<D: Domain> {
    pub(crate) learned: Vec<TrainingEvent<D>>,
    /// Given events that are not learned from.
    pub(crate) rest: Vec<TrainingEvent<D>>,
    /// How many of those were too many; the others are excluded.
    pub(crate) left_out: usize,
    /// Events, given or stored, that exclusions keep out.
    pub(crate) excluded: usize,
    /// Whether the given events become part of the history.
    pub(crate) keeps: bool,
}

impl<D: Domain> Instance<D> {
    /// Gathers what a lesson consists of.
    pub(crate) async fn material(self: &Arc<Self>, lesson: Lesson<D::Event>, use_labels: bool) -> Result<Material<D>, TrainError> {
        let (given, with_history, keeps) = match lesson {
            Lesson::History => (Vec::new(), true, false),
            Lesson::WithHistory(given) => (given, true, true),
            Lesson::Given(given) => (given, false, true),
            Lesson::BuiltIn(given) => (given, false, false),
        };
        // Generated events are nobody's, so no exclusion means them.
        let excluded = if keeps || with_history { self.excluded().await? } else { Excluded::default() };
        let (this, excludes) = (Arc::clone(self), excluded.clone());
        // The windows see all of them: what is said of the others depends on what came between.
        let split = move || this.observed(given, keeps).into_iter().partition(|e| excludes.has_event::<D>(&e.event));
        let (kept_out, given): (Vec<_>, Vec<_>) = aside(split).await?;
        let (mut learned, mut rest, stored) = if with_history {
            self.beside_history(given, &excluded).await?
        } else {
            let (learned, rest) = self.newest_of(given, use_labels);
            (learned, rest, 0)
        };
        let (left_out, excluded) = (rest.len(), stored + kept_out.len());
        // They become history like the others: an exclusion may be removed.
        rest.extend(kept_out);
        if !use_labels {
            learned.iter_mut().for_each(|event| event.label = None);
        }
        let (needed, got) = (self.settings.min_training_samples, learned.len());
        if got < needed {
            return Err(TrainError::TooFewEvents { needed, got, excluded });
        }
        Ok(Material { learned, rest, left_out, excluded, keeps })
    }

    /// Events from outside in order of event time, with what windows of their own say of each: those of live traffic count none of them. Of
    /// what is one's own history, these take over which addresses are shared: the model learns what each client there does by itself.
    pub(crate) fn observed(&self, mut given: Vec<Record<D::Event>>, is_history: bool) -> Vec<TrainingEvent<D>> {
        let windows = D::recency(&self.settings.tracking());
        given.iter_mut().for_each(|e| self.arrive(&mut e.event));
        given.sort_by_cached_key(|e| D::facts(&e.event).time);
        let observe = |Record { event, label, .. }| TrainingEvent {
            recent: Some(windows.observe(&event)),
            event,
            label,
            said: label,
            seen_before: false,
            id: None,
            flagged: None,
            is_given: true,
        };
        let observed = given.into_iter().map(observe).collect();
        if is_history {
            self.windows().adopt(&windows, self.clock.now());
            self.progress.recorded(&[]);
        }
        observed
    }

    /// The newest of given events, and the others: at most `max_training_samples`, and as many of those whose labels are learned from.
    fn newest_of(&self, given: Vec<TrainingEvent<D>>, use_labels: bool) -> Split<D> {
        let mut room = [self.settings.max_training_samples; 2];
        let kept: Vec<bool> = given.iter().rev().map(|e| take_place(&mut room[usize::from(use_labels && e.label.is_some())])).collect();
        let mut kept = kept.into_iter().rev();
        given.into_iter().partition(|_| kept.next().unwrap_or(false))
    }

    /// What of given events and of the stored history is learned from, the other given events, and how many stored ones are excluded.
    async fn beside_history(
        &self,
        given: Vec<TrainingEvent<D>>,
        excluded: &Excluded,
    ) -> Result<(Vec<TrainingEvent<D>>, Vec<TrainingEvent<D>>, usize), TrainError> {
        let entry = |(position, e): (i64, &TrainingEvent<D>)| {
            let facts = D::facts(&e.event);
            HistoryEntry {
                id: GIVEN + position,
                entity: EntityHash::of(&facts.entity),
                label: e.label,
                verdict: None,
                event_time: facts.time,
                bytes: postcard::experimental::serialized_size(&e.event).unwrap_or(0) as u64,
            }
        };
        let Chosen { entries, excluded } = self.choose((0..).zip(&given).map(entry).collect(), excluded).await?;
        let (new, stored): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| entry.id >= GIVEN);
        let mut learned = self.read_history(&stored).await?;
        let new: HashSet<i64> = new.into_iter().map(|entry| entry.id).collect();
        let (chosen, rest): (Vec<_>, Vec<_>) = (GIVEN..).zip(given).partition(|(id, _)| new.contains(id));
        if !chosen.is_empty() {
            learned.extend(chosen.into_iter().map(|(_, event)| event));
            learned.sort_by_cached_key(|e| D::facts(&e.event).time);
        }
        Ok((learned, rest.into_iter().map(|(_, event)| event).collect(), excluded))
    }

    /// Given events as they lie in the store: not judged, with their labels.
    pub(crate) fn as_history<'e>(&self, events: impl Iterator<Item = &'e TrainingEvent<D>>) -> Result<Vec<NewDetection>, StoreError> {
        let at = self.clock.now();
        let row = |e: &TrainingEvent<D>| {
            let detection = self.detection(&e.event, (e.recent.as_ref(), false), None, at)?;
            Ok(NewDetection { label: e.said, ..detection })
        };
        events.map(row).collect()
    }

    /// Brings in history: events are kept unjudged, with their labels, in transactions of a few hundred. They count in no window of live
    /// traffic.
    ///
    /// # Errors
    /// When the store fails; the transactions before stay.
    pub async fn import(self: &Arc<Self>, events: Vec<Record<D::Event>>) -> Result<usize, RecordError> {
        let this = Arc::clone(self);
        let events = aside(move || this.observed(events, true)).await?;
        self.record_history(&events, |_| true).await?;
        self.by_itself.add(events.len() as u64);
        Ok(events.len())
    }

    /// Records those of the events that are chosen, in transactions of a few hundred.
    pub(crate) async fn record_history(
        &self,
        events: &[TrainingEvent<D>],
        is_chosen: fn(&TrainingEvent<D>) -> bool,
    ) -> Result<(), StoreError> {
        for chunk in events.chunks(IMPORT_CHUNK) {
            let rows = self.as_history(chunk.iter().filter(|event| is_chosen(event)))?;
            self.store.record_part(rows, &self.settings.name, Counted::default(), &[]).await?;
        }
        Ok(())
    }
}

/// Events that are learned from, and given ones that are not.
type Split<D> = (Vec<TrainingEvent<D>>, Vec<TrainingEvent<D>>);

fn take_place(room: &mut usize) -> bool {
    let there = *room > 0;
    *room = room.saturating_sub(1);
    there
}
