//! Who was flagged: one finding a client, in memory that does not grow with the file.

use super::finding::{Finding, resource};
use super::met::Met;
use bartizan_core::{Domain, Timestamp, head};
use bartizan_domains::kind::Kind;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

/// Most bytes of a client's name.
const MAX_NAME: usize = 256;
/// Bytes that a client takes at least.
const LEAST_BYTES: usize = 64;
/// Marks the names of clients and of resources, so that neither is taken for the other.
const CLIENT: char = 'c';
const RESOURCE: char = 'r';

/// What is held at most. When it is exceeded, half of it is given up at once, so that an event costs the same however many clients there
/// are: sorting them comes once in as many new ones as are given up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) clients: usize,
    pub(super) bytes: usize,
}

impl Limits {
    /// Those of the command.
    pub(super) const COMMAND: Self = Self { clients: 100_000, bytes: 256 << 20 };
}

/// Whom a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who<'a> {
    Client(&'a str),
    /// Events that name no client are put together by what they were on.
    Resource(&'a str),
}

/// Clients that are no longer told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Further {
    /// How many had flagged events; one that came back counts again.
    pub(super) clients: u64,
    /// How many events of theirs were flagged.
    pub(super) flagged: u64,
}

/// All clients of the files.
pub(super) struct Findings<D: Kind> {
    clients: HashMap<String, Finding<D>>,
    limits: Limits,
    bytes: usize,
    further: Further,
    /// What records have that come without a time.
    now: Timestamp,
    /// Where each of the kind's signs stands in a row, and from which value on it is one.
    signs: Vec<Option<(usize, f32)>>,
    width: usize,
    key: String,
    /// The resource of all flagged events so far, as long as it is one.
    only_resource: Option<String>,
    /// Whether there were several, so that it says something which.
    resources_differ: bool,
}

impl<D: Kind> Findings<D> {
    /// Nothing so far. `now` is the time of records that have none.
    pub(super) fn new(now: Timestamp, limits: Limits) -> Self {
        let schema = <D as Domain>::schema();
        let place = |name| schema.names().position(|known| known == name);
        Self {
            clients: HashMap::new(),
            limits,
            bytes: 0,
            further: Further::default(),
            now,
            signs: D::SIGNS.iter().map(|sign| place(sign.feature).map(|at| (at, sign.least))).collect(),
            width: schema.width(),
            key: String::new(),
            only_resource: None,
            resources_differ: false,
        }
    }

    /// Counts an event with its client.
    pub(super) fn meet(&mut self, met: &Arc<Met<D::Event>>) {
        let facts = D::facts(&met.event);
        self.key.clear();
        let (mark, name) = if facts.entity.is_empty() { (RESOURCE, resource(&facts.resource)) } else { (CLIENT, facts.entity.as_ref()) };
        self.key.push(mark);
        self.key += head(name, MAX_NAME);
        if !self.clients.contains_key(self.key.as_str()) {
            let new = Finding::default();
            self.bytes += LEAST_BYTES + self.key.len() + new.bytes(self.width);
            self.clients.insert(self.key.clone(), new);
        }
        let Some(finding) = self.clients.get_mut(self.key.as_str()) else { return };
        finding.events += 1;
        if met.is_flagged() {
            let before = finding.bytes(self.width);
            let is_sign = |at: &Option<(usize, f32)>| at.is_some_and(|(index, least)| met.verdict.value(index).is_some_and(|v| v >= least));
            let signs = self.signs.iter().enumerate().filter(|(_, at)| is_sign(at)).map(|(sign, _)| sign);
            finding.flag(met, Some(facts.time).filter(|time| *time != self.now), signs);
            self.bytes = self.bytes + finding.bytes(self.width) - before;
            let resource = resource(&facts.resource);
            self.resources_differ |= self.only_resource.get_or_insert_with(|| resource.to_owned()) != resource;
        }
        if self.clients.len() > self.limits.clients || self.bytes > self.limits.bytes {
            self.give_up_half();
        }
    }

    /// Gives up the least of them.
    fn give_up_half(&mut self) {
        let mut all: Vec<(String, Finding<D>)> = self.clients.drain().collect();
        all.sort_by(|a, b| order((&a.0, &a.1), (&b.0, &b.1)));
        self.bytes = 0;
        for (name, finding) in all {
            let bytes = LEAST_BYTES + name.len() + finding.bytes(self.width);
            let fits = self.clients.len() < self.limits.clients / 2 && self.bytes + bytes <= self.limits.bytes / 2;
            if fits || self.clients.is_empty() {
                self.bytes += bytes;
                self.clients.insert(name, finding);
            } else if finding.flagged > 0 {
                self.further.clients += 1;
                self.further.flagged += finding.flagged;
            }
        }
    }

    /// The worst findings, worst first, and how many there are in all.
    pub(super) fn worst(&self, top: usize) -> (Vec<(Who<'_>, &Finding<D>)>, usize) {
        let mut flagged: Vec<(&String, &Finding<D>)> = self.clients.iter().filter(|(_, finding)| finding.flagged > 0).collect();
        flagged.sort_by(|a, b| order(*a, *b));
        let all = flagged.len();
        let named = flagged.into_iter().take(top).map(|(key, finding)| match key.strip_prefix(RESOURCE) {
            Some(name) => (Who::Resource(name), finding),
            None => (Who::Client(key.strip_prefix(CLIENT).unwrap_or(key)), finding),
        });
        (named.collect(), all)
    }

    /// Those that are no longer told apart.
    pub(super) fn further(&self) -> Further {
        self.further
    }

    /// Whether the flagged events were on different resources.
    pub(super) fn resources_differ(&self) -> bool {
        self.resources_differ
    }
}

/// Flagged ones first, the worst of them at the front; of those that are not, the busiest. Alike ones by name, so that every run gives the
/// same list.
fn order<D: Kind>(a: (&String, &Finding<D>), b: (&String, &Finding<D>)) -> Ordering {
    let key = |finding: &Finding<D>| (finding.standing(), finding.rank());
    let ((stands_a, rank_a), (stands_b, rank_b)) = (key(a.1), key(b.1));
    let flagged = (b.1.flagged > 0).cmp(&(a.1.flagged > 0));
    let worse = flagged.then(stands_b.total_cmp(&stands_a)).then(rank_b.total_cmp(&rank_a));
    worse.then(b.1.events.cmp(&a.1.events)).then(a.0.cmp(b.0))
}
