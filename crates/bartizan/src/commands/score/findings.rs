//! Who was flagged: one finding a client, in memory that does not grow with the file.

use super::finding::{Finding, resource};
use super::met::Met;
use bartizan_core::{Domain, Timestamp, head};
use bartizan_domains::kind::Kind;
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
        let (mut kept, mut bytes, mut given_up) = (0, 0, Vec::new());
        for (name, finding) in in_order(self.clients.iter()) {
            let needed = LEAST_BYTES + name.len() + finding.bytes(self.width);
            if kept == 0 || (kept < self.limits.clients / 2 && bytes + needed <= self.limits.bytes / 2) {
                kept += 1;
                bytes += needed;
            } else {
                given_up.push(name.clone());
            }
        }
        self.bytes = bytes;
        for finding in given_up.iter().filter_map(|name| self.clients.remove(name)).filter(|finding| finding.flagged > 0) {
            self.further.clients += 1;
            self.further.flagged += finding.flagged;
        }
    }

    /// The worst findings, worst first, and how many there are in all.
    pub(super) fn worst(&self, top: usize) -> (Vec<(Who<'_>, &Finding<D>)>, usize) {
        let flagged = in_order(self.clients.iter().filter(|(_, finding)| finding.flagged > 0));
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
fn in_order<'a, D: Kind>(clients: impl Iterator<Item = (&'a String, &'a Finding<D>)>) -> Vec<(&'a String, &'a Finding<D>)> {
    let key = |finding: &Finding<D>| (finding.flagged > 0, finding.standing(), finding.rank(), finding.events);
    let mut keyed: Vec<_> = clients.map(|(name, finding)| (key(finding), name, finding)).collect();
    keyed.sort_unstable_by(|(a, name_a, _), (b, name_b, _)| {
        let worse = b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)).then(b.2.total_cmp(&a.2));
        worse.then(b.3.cmp(&a.3)).then(name_a.cmp(name_b))
    });
    keyed.into_iter().map(|(_, name, finding)| (name, finding)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Findings, Further, Limits, Who};
    use crate::commands::score::met::Met;
    use bartizan_core::{Domain as _, Timestamp, Verdict};
    use bartizan_domains::behavior::{Behavior, SessionEvent};
    use bartizan_pipeline::{ClassVerdict, Judgement, OfflineVerdict};
    use std::sync::Arc;

    const NORMAL: usize = 0;
    const BRUTE_FORCE: usize = 1;
    const INJECTION: usize = 2;

    fn now() -> Timestamp {
        Timestamp::from_secs(1_000)
    }

    /// A session of a client, of a class with a probability.
    fn session(client: &str, class: usize, probability: f64) -> Arc<Met<SessionEvent>> {
        let mut event = SessionEvent::from_values(now(), [0, 1, 0, 0, 0, 10]);
        client.clone_into(&mut event.client);
        let judgement = Judgement {
            id: None,
            verdict: Verdict::Normal,
            score: Some(0.5),
            grade: 0.5,
            confidence: 0.9,
            model_version: "v1.0".into(),
            analyzed_at: now(),
            class: Some(ClassVerdict { index: class, name: Behavior::CLASSES[class], probability }),
            margin: None,
            reasons: Vec::new(),
            explained: false,
        };
        Arc::new(Met { file: 0, line: 1, event, verdict: OfflineVerdict::new(judgement, vec![0.0; 6]), rank: probability })
    }

    fn names(findings: &Findings<Behavior>) -> Vec<&str> {
        let name = |who| match who {
            Who::Client(name) | Who::Resource(name) => name,
        };
        findings.worst(usize::MAX).0.into_iter().map(|(who, _)| name(who)).collect()
    }

    #[test]
    fn many_sure_alarms_come_before_one_and_doubtful_ones_after_it() {
        let mut findings = Findings::<Behavior>::new(now(), Limits::COMMAND);
        (0..50).for_each(|_| findings.meet(&session("doubtful", BRUTE_FORCE, 0.3)));
        findings.meet(&session("single", INJECTION, 0.99));
        (0..500).for_each(|_| findings.meet(&session("many", BRUTE_FORCE, 0.97)));
        (0..900).for_each(|_| findings.meet(&session("honest", NORMAL, 0.99)));
        findings.meet(&session("", BRUTE_FORCE, 0.2));
        assert_eq!(names(&findings), ["many", "single", "doubtful", "session"]);
        let (worst, all) = findings.worst(1);
        assert_eq!((worst[0].1.events, worst[0].1.flagged, &worst[0].1.kinds, all), (500, 500, &vec![0, 500, 0, 0, 0], 4));
        assert_eq!(worst[0].1.span, None, "a record without a time has that of the reading");
    }

    #[test]
    fn the_least_are_given_up_when_there_are_too_many() {
        for (name, limits) in
            [("clients", Limits { clients: 100, bytes: usize::MAX }), ("bytes", Limits { clients: usize::MAX, bytes: 40_000 })]
        {
            let mut findings = Findings::<Behavior>::new(now(), limits);
            (0..20).for_each(|_| findings.meet(&session("attacker", INJECTION, 0.99)));
            (0..9).for_each(|_| findings.meet(&session("busy", NORMAL, 0.99)));
            for i in 0..1_000 {
                findings.meet(&session(&format!("honest {i}"), NORMAL, 0.99));
                findings.meet(&session(&format!("odd {i}"), BRUTE_FORCE, 0.4));
                let (held, bytes) = (findings.clients.len(), findings.bytes);
                assert!(held <= limits.clients && bytes <= limits.bytes, "{name}: {held} with {bytes} bytes");
            }
            let (worst, all) = findings.worst(1);
            assert_eq!((worst[0].0, worst[0].1.flagged), (Who::Client("attacker"), 20), "{name}");
            let Further { clients, flagged } = findings.further();
            assert_eq!((clients + all as u64, clients), (1_001, flagged), "{name}");
            let counted: usize =
                findings.clients.iter().map(|(key, finding)| super::LEAST_BYTES + key.len() + finding.bytes(findings.width)).sum();
            assert_eq!(findings.bytes, counted, "{name}");
        }
    }

    #[test]
    fn a_client_and_a_resource_of_one_name_are_two() {
        let mut findings = Findings::<Behavior>::new(now(), Limits::COMMAND);
        ["session", ""].iter().for_each(|client| findings.meet(&session(client, INJECTION, 0.99)));
        let mut found: Vec<String> = findings.worst(9).0.iter().map(|(who, _)| format!("{who:?}")).collect();
        found.sort();
        assert_eq!(found, ["Client(\"session\")", "Resource(\"session\")"]);
    }
}
