//! What is known of one client while a file is read: counts, and the worst few of its events.

use super::met::Met;
use bartizan_core::{Timestamp, head};
use bartizan_domains::kind::Kind;
use std::sync::Arc;

/// Worst events kept of each client.
pub(super) const EXAMPLES: usize = 3;
/// Resources that are counted of each client at a time.
const RESOURCES: usize = 16;
/// Most bytes of a resource's name.
const MAX_RESOURCE: usize = 160;

/// One client; or one resource, of events that name no client.
pub(super) struct Finding<D: Kind> {
    pub(super) events: u64,
    pub(super) flagged: u64,
    /// Flagged events that are rightly so, as many as are expected.
    sure: f64,
    /// How bad and how sure the worst of its events is.
    weight: f64,
    /// First and last flagged event that has a time.
    pub(super) span: Option<(Timestamp, Timestamp)>,
    /// Flagged events of each class, or with each of the kind's signs; empty before the first.
    pub(super) kinds: Vec<u64>,
    pub(super) worst: Vec<Arc<Met<D::Event>>>,
    pub(super) resources: Resources,
}

impl<D: Kind> Default for Finding<D> {
    fn default() -> Self {
        Self {
            events: 0,
            flagged: 0,
            sure: 0.0,
            weight: 0.0,
            span: None,
            kinds: Vec::new(),
            worst: Vec::new(),
            resources: Resources::default(),
        }
    }
}

impl<D: Kind> Finding<D> {
    /// Counts a flagged event; `time` is `None` where it has none of its own. `signs` are the kind's signs that it shows.
    pub(super) fn flag(&mut self, met: &Arc<Met<D::Event>>, time: Option<Timestamp>, signs: impl Iterator<Item = usize>) {
        self.flagged += 1;
        self.sure += met.sureness();
        self.weight = self.weight.max(met.severity::<D>() * met.sureness());
        if let Some(time) = time {
            let (first, last) = self.span.unwrap_or((time, time));
            self.span = Some((first.min(time), last.max(time)));
        }
        self.kinds.resize(D::CLASSES.len().max(D::SIGNS.len()), 0);
        signs.chain(met.attack().map(|(class, _)| class)).for_each(|kind| self.kinds[kind] += 1);
        self.resources.count(resource(&D::facts(&met.event).resource));
        let place = self.worst.partition_point(|kept| kept.rank.total_cmp(&met.rank).is_ge());
        if place < EXAMPLES {
            self.worst.insert(place, Arc::clone(met));
            self.worst.truncate(EXAMPLES);
        }
    }

    /// To list findings by, the worst highest: how bad and how sure its worst event is, and once more for every tenfold of sure ones. A
    /// client with 500 sure alarms comes before one with a single alarm that is a little worse; one with many doubtful alarms does not come
    /// before a single one that is certain.
    pub(super) fn standing(&self) -> f64 {
        self.weight * (1.0 + (1.0 + self.sure).log10())
    }

    /// Of findings that [stand](Self::standing) alike, the one with the worse event comes first.
    pub(super) fn rank(&self) -> f64 {
        self.worst.first().map_or(f64::NEG_INFINITY, |met| met.rank)
    }

    /// About how many bytes it takes.
    pub(super) fn bytes(&self, width: usize) -> usize {
        let event = size_of::<Met<D::Event>>() + width * size_of::<f32>();
        let events: usize = self.worst.iter().map(|met| event + D::weight(&met.event)).sum();
        size_of::<Self>() + self.kinds.len() * size_of::<u64>() + self.resources.bytes() + events
    }
}

/// A resource as it is counted: without its query, so that requests for one page count together.
pub(super) fn resource(whole: &str) -> &str {
    head(whole.split('?').next().unwrap_or_default(), MAX_RESOURCE)
}

/// The resources that came most often, in bounded memory: when all places are taken, a new one takes one off each count (Misra and Gries).
/// Each count is at least right but for what was taken off it.
#[derive(Default)]
pub(super) struct Resources {
    counts: Vec<(Box<str>, u64)>,
    /// Taken off each count.
    missed: u64,
}

impl Resources {
    fn count(&mut self, resource: &str) {
        if resource.is_empty() {
            return;
        }
        if let Some((_, count)) = self.counts.iter_mut().find(|(known, _)| **known == *resource) {
            *count += 1;
        } else if self.counts.len() < RESOURCES {
            self.counts.push((resource.into(), 1));
        } else {
            self.missed += 1;
            self.counts.retain_mut(|(_, count)| {
                *count -= 1;
                *count > 0
            });
        }
    }

    /// The most frequent, with the least that their counts can be, and whether there were others that are not counted.
    pub(super) fn most(&self) -> (Vec<(&str, u64)>, bool) {
        let mut most: Vec<(&str, u64)> = self.counts.iter().map(|(resource, count)| (&**resource, *count)).collect();
        most.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        (most, self.missed > 0)
    }

    fn bytes(&self) -> usize {
        self.counts.iter().map(|(resource, _)| resource.len() + size_of::<(Box<str>, u64)>()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::{RESOURCES, Resources, resource};

    #[test]
    fn a_resource_that_came_often_is_not_lost_among_many() {
        let mut resources = Resources::default();
        for i in 0..10_000 {
            resources.count(&format!("/{i}"));
            resources.count("/login");
            assert!(resources.counts.len() <= RESOURCES);
        }
        let (most, others) = resources.most();
        assert!(most[0].0 == "/login" && most[0].1 > 5_000 && others, "{most:?}");
    }

    #[test]
    fn few_resources_are_counted_exactly() {
        let mut resources = Resources::default();
        for name in ["/b", "/a", "/b", "", "/c", "/a", "/b"] {
            resources.count(name);
        }
        assert_eq!(resources.most(), (vec![("/b", 3), ("/a", 2), ("/c", 1)], false));
    }

    #[test]
    fn a_resource_is_counted_without_its_query() {
        let long = "é".repeat(200);
        for (whole, expected) in [("/a?b=c", "/a"), ("10.0.0.1:80", "10.0.0.1:80"), ("", ""), (&long, &long[..160])] {
            assert_eq!(resource(whole), expected);
        }
    }
}
