//! What training learns of normal requests, besides the estimator.

use super::RequestEvent;
use super::bounded::{CutPart, MAX_HEADER_NAME, MAX_HEADERS as MAX_NAMES};
use super::extract::MAX_LEAVES;
use crate::web::address::network;
use crate::web::agent_key;
use crate::web::hours::covered_hours;
use crate::web::rareness::{Rareness, unusual};
use crate::web::routes::{Routes, segments};
use crate::web::text::{Surprise, SurpriseBuilder, decode, field_hash, hash, hash_on, leaves};
use crate::web::values;
use bartizan_core::head;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most routes, fields, agents, headers and networks kept: the most frequent ones.
const MAX_ROUTES: usize = 10_000;
const MAX_FIELDS: usize = 50_000;
const MAX_AGENTS: usize = 5_000;
const MAX_HEADERS: usize = 1_000;
const MAX_NETWORKS: usize = 20_000;
/// While counting, as many times more are kept, so that what is frequent in all is not lost for being rare at first.
const WHILE_COUNTING: usize = 4;
/// Share of requests that have a header for its absence to be odd.
const USUAL_HEADER: f64 = 0.95;

/// Of an hour that the history does not cover.
const UNCOVERED: u32 = u32::MAX;

/// Requests with one route.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Route {
    rows: u32,
    methods: BTreeMap<u64, u32>,
}

/// Values of one parameter or payload field of a route.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Field {
    rows: u32,
    /// A bit for each shape met.
    pub(super) shapes: u16,
    pub(super) longest: u32,
}

/// Learned from requests of normal operation; stored in the model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RequestBaselines {
    rows: u32,
    pub(super) routes: Routes,
    known: BTreeMap<u64, Route>,
    methods: BTreeMap<u64, u32>,
    fields: BTreeMap<u64, Field>,
    agents: BTreeMap<u64, u32>,
    networks: BTreeMap<u64, u32>,
    /// Requests with known headers.
    with_headers: u32,
    headers: BTreeMap<u64, u32>,
    /// Those of them that nearly all requests had.
    usual_headers: Vec<u64>,
    hours: Vec<u32>,
    pub(super) texts: Surprise,
    pub(super) header_texts: Surprise,
    /// `None` in models of releases that took every first sight for rare.
    rareness: Option<Rarenesses>,
}

/// How rare it is here that something was hardly or never seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Rarenesses {
    route: Rareness,
    method: Rareness,
    agent: Rareness,
    network: Rareness,
    hour: Rareness,
}

/// What the earlier half of a history knows.
#[derive(Default)]
struct Known {
    rows: u32,
    routes: BTreeMap<u64, Route>,
    methods: BTreeMap<u64, u32>,
    agents: BTreeMap<u64, u32>,
    networks: BTreeMap<u64, u32>,
}

impl Known {
    fn count(&mut self, event: &RequestEvent, route: u64) {
        let method = hash(event.http_method.as_bytes());
        let known = self.routes.entry(route).or_default();
        known.rows += 1;
        *known.methods.entry(method).or_default() += 1;
        *self.methods.entry(method).or_default() += 1;
        *self.agents.entry(agent_key(event.agent().unwrap_or_default())).or_default() += 1;
        *self.networks.entry(network(event.client())).or_default() += 1;
        self.rows += 1;
    }

    /// How unusual route, method, agent and network of an event are.
    fn unusual(&self, event: &RequestEvent, route: u64) -> [f32; 4] {
        let rows = |table: &BTreeMap<u64, u32>, key: u64| unusual(table.get(&key).copied().unwrap_or(0), self.rows);
        let method = hash(event.http_method.as_bytes());
        [
            unusual(self.routes.get(&route).map_or(0, |known| known.rows), self.rows),
            unusual_method(self.routes.get(&route), (&self.methods, self.rows), method),
            rows(&self.agents, agent_key(event.agent().unwrap_or_default())),
            rows(&self.networks, network(event.client())),
        ]
    }
}

/// How unusual a method is for a route, or at all on an unknown one.
fn unusual_method(route: Option<&Route>, (methods, rows): (&BTreeMap<u64, u32>, u32), method: u64) -> f32 {
    match route {
        Some(known) => unusual(known.methods.get(&method).copied().unwrap_or(0), known.rows),
        None => unusual(methods.get(&method).copied().unwrap_or(0), rows),
    }
}

impl RequestBaselines {
    pub(super) fn fit<'a>(events: impl Iterator<Item = &'a RequestEvent>) -> Self {
        let events: Vec<&RequestEvent> = events.collect();
        let routes = Routes::fit(events.iter().map(|e| e.path()));
        let (mut texts, mut header_texts) = (SurpriseBuilder::new(), SurpriseBuilder::new());
        let covered = covered_hours(events.iter().map(|event| event.timestamp.secs()).collect());
        let mut learned = Self {
            rows: events.len() as u32,
            routes,
            known: BTreeMap::new(),
            methods: BTreeMap::new(),
            fields: BTreeMap::new(),
            agents: BTreeMap::new(),
            networks: BTreeMap::new(),
            with_headers: 0,
            headers: BTreeMap::new(),
            usual_headers: Vec::new(),
            hours: vec![0; 24],
            texts: SurpriseBuilder::new().finish(),
            header_texts: SurpriseBuilder::new().finish(),
            rareness: None,
        };
        for event in &events {
            learned.count(event, &mut texts, &mut header_texts);
            learned.trim(WHILE_COUNTING);
        }
        (learned.texts, learned.header_texts) = (texts.finish(), header_texts.finish());
        learned.trim(1);
        learned.find_usual_headers();
        learned.pass_over_hours(covered);
        learned.rareness = Some(learned.find_rareness(&events));
        learned
    }

    /// Takes over how rare it is in all that something was seen as little.
    pub(super) fn align(&mut self, whole: &Self) {
        self.rareness.clone_from(&whole.rareness);
    }

    /// From events in the order of time.
    fn find_rareness(&self, events: &[&RequestEvent]) -> Rarenesses {
        let (earlier, later) = events.split_at(events.len() / 2);
        let mut known = Known::default();
        earlier.iter().for_each(|event| known.count(event, self.routes.route(event.path())));
        let met: Vec<[f32; 4]> = later.iter().map(|event| known.unusual(event, self.routes.route(event.path()))).collect();
        let [route, method, agent, network] = [0, 1, 2, 3].map(|i| Rareness::fit(met.iter().map(|met| met[i]).collect()));
        let hour = Rareness::fit(events.iter().map(|event| self.unusual_hour(event)).collect());
        Rarenesses { route, method, agent, network, hour }
    }

    fn count(&mut self, event: &RequestEvent, texts: &mut SurpriseBuilder, header_texts: &mut SurpriseBuilder) {
        let route = self.routes.route(event.path());
        let method = hash(event.http_method.as_bytes());
        let known = self.known.entry(route).or_default();
        known.rows += 1;
        *known.methods.entry(method).or_default() += 1;
        *self.methods.entry(method).or_default() += 1;
        *self.agents.entry(agent_key(event.agent().unwrap_or_default())).or_default() += 1;
        *self.networks.entry(network(event.client())).or_default() += 1;
        self.hours[hour(event)] += 1;
        for segment in segments(event.path()) {
            texts.add(&decode(segment, false).text);
        }
        let fields = fields_of(route);
        values::parameters(event.query(), |name, value| {
            self.count_field(field_hash(fields, name), &value.text, value.text.len(), texts);
        });
        let mut seen = 0;
        leaves(&event.payload, fields, |leaf| {
            seen += 1;
            if seen <= MAX_LEAVES {
                let length = if leaf.open { event.whole(CutPart::PayloadValue, leaf.text.len()) } else { leaf.text.len() };
                self.count_field(leaf.field, leaf.text, length, texts);
            }
        });
        self.with_headers += u32::from(event.has_headers);
        for (name, value) in event.headers.iter().take(MAX_NAMES) {
            *self.headers.entry(header_key(name)).or_default() += 1;
            header_texts.add(value);
        }
    }

    /// Counts a value of a field, of which `length` bytes were sent.
    fn count_field(&mut self, key: u64, text: &str, length: usize, texts: &mut SurpriseBuilder) {
        let field = self.fields.entry(key).or_default();
        field.rows += 1;
        field.shapes |= values::shape(text);
        field.longest = field.longest.max(u32::try_from(length).unwrap_or(u32::MAX));
        texts.add(text);
    }

    /// Keeps the most frequent, where there are more than `times` the most that are learned.
    fn trim(&mut self, times: usize) {
        keep_most(&mut self.known, MAX_ROUTES, times, |r| r.rows);
        keep_most(&mut self.fields, MAX_FIELDS, times, |f| f.rows);
        keep_most(&mut self.agents, MAX_AGENTS, times, |n| *n);
        keep_most(&mut self.networks, MAX_NETWORKS, times, |n| *n);
        keep_most(&mut self.headers, MAX_HEADERS, times, |n| *n);
    }

    /// Nothing is known of hours that the history does not cover.
    fn pass_over_hours(&mut self, covered: [bool; 24]) {
        self.hours.iter_mut().zip(covered).filter(|(_, covered)| !covered).for_each(|(rows, _)| *rows = UNCOVERED);
    }

    fn find_usual_headers(&mut self) {
        let least = ((f64::from(self.with_headers) * USUAL_HEADER) as u32).max(1);
        self.usual_headers = self.headers.iter().filter(|(_, rows)| **rows >= least).map(|(key, _)| *key).collect();
    }

    pub(super) fn route_rarity(&self, route: u64) -> f32 {
        let rows = self.known.get(&route).map_or(0, |r| r.rows);
        self.rareness.as_ref().map_or_else(|| rarity(rows, self.rows), |rareness| rareness.route.of(unusual(rows, self.rows)))
    }

    pub(super) fn method_rarity(&self, route: u64, method: &str) -> f32 {
        let (known, method) = (self.known.get(&route), hash(method.as_bytes()));
        if let Some(rareness) = &self.rareness {
            return rareness.method.of(unusual_method(known, (&self.methods, self.rows), method));
        }
        match known {
            Some(known) => rarity(known.methods.get(&method).copied().unwrap_or(0), known.rows),
            None => rarity(self.methods.get(&method).copied().unwrap_or(0), self.rows),
        }
    }

    pub(super) fn field(&self, field: u64) -> Option<Field> {
        self.fields.get(&field).copied()
    }

    pub(super) fn knows_route(&self, route: u64) -> bool {
        self.known.contains_key(&route)
    }

    pub(super) fn agent_rarity(&self, agent: &str) -> f32 {
        let rows = self.agents.get(&agent_key(agent)).copied().unwrap_or(0);
        self.rareness.as_ref().map_or_else(|| rarity(rows, self.rows), |rareness| rareness.agent.of(unusual(rows, self.rows)))
    }

    pub(super) fn network_rarity(&self, client: &str) -> f32 {
        let rows = self.networks.get(&network(client)).copied().unwrap_or(0);
        self.rareness.as_ref().map_or_else(|| rarity(rows, self.rows), |rareness| rareness.network.of(unusual(rows, self.rows)))
    }

    pub(super) fn hour_rarity(&self, event: &RequestEvent) -> f32 {
        let unusual = self.unusual_hour(event);
        self.rareness.as_ref().map_or_else(|| in_steps((-unusual).exp()), |rareness| rareness.hour.of(unusual))
    }

    /// Minus the logarithm of the share of requests at this hour of the day, smoothed over the neighbouring hours; NaN where the history does
    /// not cover it.
    fn unusual_hour(&self, event: &RequestEvent) -> f32 {
        let at = |h: usize| self.hours.get(h % 24).copied().filter(|rows| *rows != UNCOVERED).map(f64::from);
        let hour = hour(event);
        let Some(rows) = at(hour) else { return f32::NAN };
        let near = (at(hour + 23).unwrap_or(rows) + 2.0 * rows + at(hour + 1).unwrap_or(rows)) / 4.0;
        -((near + 0.5) / (f64::from(self.rows) + 12.0)).ln() as f32
    }

    /// Headers that no request in training had, and those that nearly all had and this one has not.
    pub(super) fn unseen_and_missing_headers(&self, names: &HeaderNames) -> (usize, usize) {
        let unseen = names.0.iter().filter(|key| !self.headers.contains_key(key)).count();
        let missing = self.usual_headers.iter().filter(|key| names.0.binary_search(key).is_err()).count();
        (unseen, missing)
    }

    /// The first header that no request in training had.
    pub(super) fn first_unseen_header<'e>(&self, event: &'e RequestEvent) -> Option<&'e str> {
        event.headers.iter().take(MAX_NAMES).map(|(name, _)| name.as_str()).find(|name| !self.headers.contains_key(&header_key(name)))
    }
}

/// Minus the logarithm of the smoothed share; see [`in_steps`].
fn rarity(rows: u32, of: u32) -> f32 {
    in_steps((rows as f32 + 0.5) / (of as f32 + 1.0))
}

/// Minus the logarithm of a share, in steps of a quarter and at most 7 (one in a thousand). Finer differences only tell how
/// many rows there were in training, and what is held back in training would look odd for having been left out of it.
fn in_steps(share: f32) -> f32 {
    const MOST: f32 = 7.0;
    ((-share.ln()).clamp(0.0, MOST) * 4.0).round() / 4.0
}

fn hour(event: &RequestEvent) -> usize {
    (event.timestamp.hour() as usize).min(23)
}

/// What the hashes of a route's fields begin with.
pub(super) fn fields_of(route: u64) -> u64 {
    hash_on(route, b"\0")
}

/// The names of the first headers of a request, hashed and sorted.
pub(super) struct HeaderNames(Vec<u64>);

impl HeaderNames {
    pub(super) fn of(event: &RequestEvent) -> Self {
        let mut keys: Vec<u64> = event.headers.iter().take(MAX_NAMES).map(|(name, _)| header_key(name)).collect();
        keys.sort_unstable();
        Self(keys)
    }

    pub(super) fn any_twice(&self) -> bool {
        self.0.windows(2).any(|pair| pair[0] == pair[1])
    }
}

fn header_key(name: &str) -> u64 {
    head(name, MAX_HEADER_NAME).bytes().fold(hash(b"h"), |h, b| hash_on(h, &[b.to_ascii_lowercase()]))
}

fn keep_most<T>(map: &mut BTreeMap<u64, T>, most: usize, times: usize, rows: impl Fn(&T) -> u32) {
    if map.len() > most * times {
        let mut order: Vec<(u32, u64)> = map.iter().map(|(key, value)| (rows(value), *key)).collect();
        order.sort_by(|a, b| b.cmp(a));
        order.iter().skip(most).for_each(|(_, key)| drop(map.remove(key)));
    }
}
