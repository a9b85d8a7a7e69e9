//! What training learns of normal entries, besides the estimator.

use super::LogEvent;
use super::habits::{Common, Habits, Learning};
use super::scale::Scale;
use super::windows::{MAX_ENDPOINT, Seen, Status};
use crate::web::hours::covered_hours;
use crate::web::path_of;
use crate::web::rareness::{Rareness, unusual};
use crate::web::routes::{Routes, plain_extension};
use crate::web::text::hash;
use bartizan_core::head;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashMap;

/// Most endpoints, users, networks and agents that are kept: the most frequent ones.
const MAX_ENDPOINTS: usize = 10_000;
const MAX_USERS: usize = 20_000;
const MAX_NAMES: usize = 20_000;
/// Most methods and statuses of an endpoint.
const MAX_SEEN: usize = 32;
/// Seconds in which entries of an endpoint are counted together.
const TEN_MINUTES: i64 = 600;
/// Weeks that a history must have for days of the week to say anything.
const LEAST_WEEKS: i64 = 3;
/// One entry in so many must tell something for what is usual of it to be known.
const LEAST_TOLD: u32 = 100;
const WEEK: i64 = 7 * 86_400;

/// Values by key, in order of the keys.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sorted<T>(Vec<(u64, T)>);

impl<T> Default for Sorted<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Sorted<T> {
    /// The most frequent, at most so many.
    fn of(all: impl Iterator<Item = (u64, T)>, most: usize, rows: impl Fn(&T) -> u32) -> Self {
        let mut all: Vec<(u64, T)> = all.collect();
        if all.len() > most {
            all.sort_unstable_by_key(|(key, value)| (std::cmp::Reverse(rows(value)), *key));
            all.truncate(most);
        }
        all.sort_unstable_by_key(|(key, _)| *key);
        Self(all)
    }

    fn get(&self, key: u64) -> Option<&T> {
        self.0.binary_search_by_key(&key, |(key, _)| *key).ok().map(|at| &self.0[at].1)
    }
}

/// How often each of a few was seen.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Few(Vec<(u64, u32)>);

impl Few {
    fn add(&mut self, key: u64) {
        match self.0.iter().position(|(known, _)| *known == key) {
            Some(at) => self.0[at].1 += 1,
            None if self.0.len() < MAX_SEEN => self.0.push((key, 1)),
            None => {}
        }
    }

    fn rows(&self, key: u64) -> u32 {
        self.0.iter().find(|(known, _)| *known == key).map_or(0, |(_, rows)| *rows)
    }
}

/// What is learned of an endpoint.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Endpoint {
    pub(super) rows: u32,
    errors: u32,
    methods: Few,
    statuses: Few,
    /// Logarithms of response times, of sizes of requests and answers, and of entries in ten minutes.
    pub(super) time: Scale,
    pub(super) request: Scale,
    pub(super) response: Scale,
    pub(super) ten: Scale,
}

impl Endpoint {
    /// Share of errors, with those of all mixed in.
    pub(super) fn error_share(&self, all: &Self) -> f32 {
        let common = all.errors as f32 / all.rows.max(1) as f32;
        (self.errors as f32 + 4.0 * common) / (self.rows as f32 + 4.0)
    }
}

/// An endpoint while it is learned.
#[derive(Default)]
struct LearningEndpoint {
    endpoint: Endpoint,
    values: [Vec<f32>; 4],
    ten: Option<i64>,
    in_ten: u32,
}

impl LearningEndpoint {
    fn add(&mut self, event: &LogEvent, seen: &Seen) {
        self.endpoint.rows += 1;
        self.endpoint.errors += u32::from(seen.status.is_error());
        self.endpoint.methods.add(hash(event.method.as_bytes()));
        self.endpoint.statuses.add(status_key(event));
        let [times, requests, responses, _] = &mut self.values;
        times.extend((!seen.time.is_nan()).then_some(seen.time));
        requests.extend(event.request_size.map(log_size));
        responses.extend(event.response_size.map(log_size));
        let ten = seen.secs.div_euclid(TEN_MINUTES);
        if self.ten != Some(ten) {
            self.end_ten();
            self.ten = Some(ten);
        }
        self.in_ten += 1;
    }

    fn end_ten(&mut self) {
        let entries = std::mem::take(&mut self.in_ten);
        if entries > 0 {
            self.values[3].push((1.0 + entries as f32).ln());
        }
    }

    fn finish(mut self, all: &Endpoint) -> Endpoint {
        self.end_ten();
        let [times, requests, responses, tens] = &mut self.values;
        Endpoint {
            time: Scale::fit(times, all.time),
            request: Scale::fit(requests, all.request),
            response: Scale::fit(responses, all.response),
            ten: Scale::fit(tens, all.ten),
            ..self.endpoint
        }
    }
}

/// What a history knows of who and what there is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Known {
    rows: u32,
    endpoints: Sorted<Endpoint>,
    /// All endpoints together.
    all: Endpoint,
    users: Sorted<Habits>,
    /// Of everybody.
    rate: Scale,
    bytes: Scale,
    daily: Scale,
    common: Common,
    networks: Sorted<u32>,
    agents: Sorted<u32>,
    /// Entries that told a response time, a size of the request, one of the answer, and an agent.
    told: [u32; 4],
}

/// An entry with what is worked out of it once.
struct Row<'a> {
    event: &'a LogEvent,
    seen: Seen,
    place: u64,
}

impl Known {
    fn fit(rows: &[Row<'_>]) -> Self {
        let mut endpoints: HashMap<u64, LearningEndpoint> = HashMap::new();
        let mut users: HashMap<u64, Learning> = HashMap::new();
        let (mut networks, mut agents): (HashMap<u64, u32>, HashMap<u64, u32>) = Default::default();
        let (mut together, mut told) = (LearningEndpoint::default(), [0; 4]);
        for Row { event, seen, place } in rows {
            endpoints.entry(*place).or_default().add(event, seen);
            together.add(event, seen);
            let tells = [
                event.response_time.is_some(),
                event.request_size.is_some(),
                event.response_size.is_some(),
                event.user_agent.as_deref().is_some_and(|agent| !agent.is_empty()),
            ];
            told.iter_mut().zip(tells).for_each(|(count, tells)| *count += u32::from(tells));
            if seen.who != 0 {
                users.entry(seen.who).or_default().add(seen, *place, event.response_size.unwrap_or(0) as f32);
            }
            *networks.entry(seen.network).or_default() += 1;
            *agents.entry(seen.agent).or_default() += 1;
        }
        let [times, requests, responses, _] = &mut together.values;
        let mut all =
            Endpoint { time: Scale::alone(times), request: Scale::alone(requests), response: Scale::alone(responses), ..together.endpoint };
        let mut tens: Vec<f32> = Vec::new();
        endpoints.values_mut().for_each(|endpoint| {
            endpoint.end_ten();
            tens.extend(&endpoint.values[3]);
        });
        all.ten = Scale::alone(&mut tens);
        let (mut rates, mut bytes, mut days) = (Vec::new(), Vec::new(), Vec::new());
        users.values_mut().for_each(|user| user.close(&mut rates, &mut bytes, &mut days));
        let (rate, bytes, daily) = (Scale::alone(&mut rates), Scale::alone(&mut bytes), Scale::alone(&mut days));
        let common = Common::of(users.values());
        let time = all.time.middle();
        Self {
            rows: rows.len() as u32,
            endpoints: Sorted::of(endpoints.into_iter().map(|(key, e)| (key, e.finish(&all))), MAX_ENDPOINTS, |e| e.rows),
            users: Sorted::of(users.into_iter().map(|(key, user)| (key, user.finish([rate, bytes, daily], time))), MAX_USERS, |user| {
                user.rows
            }),
            all,
            rate,
            bytes,
            daily,
            common,
            networks: Sorted::of(networks.into_iter(), MAX_NAMES, |rows| *rows),
            agents: Sorted::of(agents.into_iter(), MAX_NAMES, |rows| *rows),
            told,
        }
    }

    /// How unusual an entry is: its user, endpoint, method, status, and the endpoint, network, agent, hour and day of the week for its user.
    fn unusual(&self, event: &LogEvent, seen: &Seen, place: u64) -> Unusual {
        let user = self.users.get(seen.who);
        let endpoint = self.endpoints.get(place);
        let of = endpoint.unwrap_or(&self.all);
        let rows = |table: &Sorted<u32>, key: u64| unusual(table.get(key).copied().unwrap_or(0), self.rows);
        let things = [seen.network, seen.agent, place];
        let [network, agent, own] = match user {
            Some(user) => [0, 1, 2].map(|kind| user.things[kind].surprise(things[kind], user.days, self.common.new[kind])),
            None => {
                [rows(&self.networks, seen.network), rows(&self.agents, seen.agent), unusual(endpoint.map_or(0, |e| e.rows), self.rows)]
            }
        };
        let times = user.map_or(&self.common.times, |user| &user.times);
        let [hour, weekday] = times.surprise(seen.secs, &self.common.times);
        Unusual {
            is_known: user.is_some(),
            values: [
                unusual(user.map_or(0, |user| user.rows), self.rows),
                unusual(endpoint.map_or(0, |e| e.rows), self.rows),
                unusual(of.methods.rows(hash(event.method.as_bytes())), of.rows),
                if event.status_code.is_some() { unusual(of.statuses.rows(status_key(event)), of.rows) } else { f32::NAN },
                own,
                // An address that is known comes from where it always came.
                if seen.network == 0 || (seen.user == 0 && user.is_some()) { f32::NAN } else { network },
                agent,
                hour,
                weekday,
            ],
        }
    }
}

/// How many things an entry can be unusual in.
pub(super) const ASPECTS: usize = 9;

/// How unusual an entry is in each, on scales of their own.
struct Unusual {
    /// Whether its user is known.
    is_known: bool,
    values: [f32; ASPECTS],
}

/// Learned from entries of normal operation; stored in the model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogBaselines {
    pub(super) routes: Routes,
    known: Known,
    /// How rare it is here that something is as unusual, in two sets: see [`set_of`].
    rareness: [Vec<Rareness>; 2],
    /// Hours of the day that the history covers.
    hours: Vec<bool>,
    /// Whether it covers days of the week.
    weekdays: bool,
}

/// What the baselines say of an entry.
pub(super) struct Met<'b> {
    pub(super) seen: Seen,
    pub(super) place: u64,
    /// In nats, in the order of the features.
    pub(super) rarities: [f32; ASPECTS],
    pub(super) endpoint: &'b Endpoint,
    pub(super) user: Option<&'b Habits>,
}

impl LogBaselines {
    pub(super) fn fit<'a>(events: impl Iterator<Item = &'a LogEvent>) -> Self {
        let events: Vec<&LogEvent> = events.collect();
        let paths: Vec<Cow<'_, str>> = events.iter().map(|event| plain_path(event)).collect();
        let routes = Routes::fit(paths.iter().map(|path| &**path));
        let rows: Vec<Row<'_>> =
            events.iter().zip(&paths).map(|(event, path)| Row { event, seen: Seen::of(event), place: routes.route(path) }).collect();
        let (earlier, later) = rows.split_at(rows.len() / 2);
        let before = Known::fit(earlier);
        let mut met: [Vec<Vec<f32>>; 2] = [vec![Vec::new(); ASPECTS], vec![Vec::new(); ASPECTS]];
        for Row { event, seen, place } in later {
            let found = before.unusual(event, seen, *place);
            for (aspect, value) in found.values.into_iter().enumerate() {
                met[set_of(aspect, seen, found.is_known)][aspect].push(value);
            }
        }
        let rareness = met.map(|met| met.into_iter().map(Rareness::fit).collect());
        let secs: Vec<i64> = rows.iter().map(|row| row.seen.secs).collect();
        let weekdays = covers_weeks(&secs);
        Self { known: Known::fit(&rows), routes, rareness, hours: covered_hours(secs).to_vec(), weekdays }
    }

    /// Takes over how rare it is in all that something is as unusual, and of which times anything can be said.
    pub(super) fn align(&mut self, whole: &Self) {
        self.rareness.clone_from(&whole.rareness);
        self.hours.clone_from(&whole.hours);
        self.weekdays = whole.weekdays;
    }

    pub(super) fn meet(&self, event: &LogEvent) -> Met<'_> {
        let seen = Seen::of(event);
        let place = self.routes.route(&plain_path(event));
        let found = self.known.unusual(event, &seen, place);
        let mut rarities = [0.0; ASPECTS];
        for (aspect, (rarity, value)) in rarities.iter_mut().zip(found.values).enumerate() {
            *rarity = match self.rareness[set_of(aspect, &seen, found.is_known)].get(aspect) {
                Some(_) if value.is_nan() => f32::NAN,
                Some(rareness) if aspect < SHARED => rareness.of(value),
                Some(rareness) => rareness.of_surprise(value),
                None => f32::NAN,
            };
        }
        if !self.hours.get(super::habits::hour_of(seen.secs)).copied().unwrap_or(false) {
            rarities[ASPECTS - 2] = f32::NAN;
        }
        if !self.weekdays {
            rarities[ASPECTS - 1] = f32::NAN;
        }
        Met { seen, place, rarities, endpoint: self.endpoint(place).unwrap_or(&self.known.all), user: self.known.users.get(seen.who) }
    }

    pub(super) fn endpoint(&self, place: u64) -> Option<&Endpoint> {
        self.known.endpoints.get(place)
    }

    /// All endpoints together.
    pub(super) fn all(&self) -> &Endpoint {
        &self.known.all
    }

    /// What everybody does: entries and bytes in an hour, and entries in a day.
    pub(super) fn everybody(&self) -> [Scale; 3] {
        [self.known.rate, self.known.bytes, self.known.daily]
    }

    /// Whether enough entries told a response time, a size of the request, one of the answer, and an agent, to say what is usual.
    pub(super) fn told(&self) -> [bool; 4] {
        self.known.told.map(|count| count > 0 && count >= self.known.rows / LEAST_TOLD)
    }

    /// Whether the history covers so many days that those of users can be compared.
    pub(super) fn covers_days(&self) -> bool {
        self.hours.iter().any(|covered| *covered)
    }

    /// Share of errors of a user, with that of all mixed in.
    pub(super) fn error_share(&self, user: Option<&Habits>) -> f32 {
        let all = &self.known.all;
        let common = all.errors as f32 / all.rows.max(1) as f32;
        user.map_or(common, |user| (user.errors as f32 + 4.0 * common) / (user.rows as f32 + 4.0))
    }
}

/// The user, the endpoint, the method and the status: things of which it is said how often they were seen, and not how surprising they are
/// for a user.
const SHARED: usize = 4;

/// By which of the two an entry is measured: users with a name and addresses are not as often new, nor is what users do that are known as
/// often new as what others do. Of endpoints, methods and statuses there is one measure.
fn set_of(aspect: usize, seen: &Seen, is_known: bool) -> usize {
    match aspect {
        0 => usize::from(seen.user == 0),
        1..SHARED => 0,
        _ => usize::from(!is_known),
    }
}

/// Whether a history covers enough weeks for days of the week to say anything; a few clocks that are wrong do not make it long.
fn covers_weeks(secs: &[i64]) -> bool {
    let mut secs = secs.to_vec();
    secs.sort_unstable();
    let cut = secs.len() / 100;
    let (Some(first), Some(last)) = (secs.get(cut), secs.iter().rev().nth(cut)) else { return false };
    last.saturating_sub(*first) >= LEAST_WEEKS * WEEK - 86_400
}

/// The path of an entry, as much of it as is looked at.
pub(super) fn path(event: &LogEvent) -> &str {
    path_of(head(&event.endpoint, MAX_ENDPOINT))
}

/// The same with what is a number before an extension left out: what routes are learned from.
pub(super) fn plain_path(event: &LogEvent) -> Cow<'_, str> {
    plain_extension(path(event))
}

/// The logarithm of a size.
pub(super) fn log_size(size: u64) -> f32 {
    (1.0 + size as f32).ln()
}

/// Statuses by which entries are told apart: those of HTTP, and all others together.
fn status_key(event: &LogEvent) -> u64 {
    match (event.status_code, Status::of(event.status_code)) {
        (Some(status @ 100..=599), _) => status as u64,
        (_, Status::Failed) => 600,
        _ => 0,
    }
}
