//! Requests that are being made up: who sends one, what it asks for, and the list that they come to.

use super::dice::Dice;
use bartizan_core::{Label, Record, Timestamp};

use super::super::LogEvent;

/// Who sends a request.
#[derive(Clone)]
pub(super) struct Who {
    pub(super) user: String,
    pub(super) ip: String,
    pub(super) agent: Option<String>,
}

/// What can be asked for, with what is usual of it.
pub(super) struct Route {
    method: &'static str,
    /// With a `*` where a number stands.
    path: &'static str,
    /// Status when all goes well.
    done: i64,
    /// Median seconds until the answer.
    took: f64,
    /// Median bytes of request and answer.
    sent: f64,
    got: f64,
    /// How far sizes differ: deviation of their logarithm.
    spread: f64,
}

impl Route {
    /// Reads something: seconds and bytes of the answer.
    pub(super) const fn get(path: &'static str, took: f64, got: f64) -> Self {
        Self { method: "GET", path, done: 200, took, sent: 420.0, got, spread: 0.35 }
    }

    /// Writes something: seconds and bytes of the request.
    pub(super) const fn send(method: &'static str, path: &'static str, done: i64, took: f64, sent: f64) -> Self {
        Self { method, path, done, took, sent, got: 260.0, spread: 0.35 }
    }

    pub(super) const fn spread(self, spread: f64) -> Self {
        Self { spread, ..self }
    }

    /// Answers to [`send`](Self::send) of so many bytes.
    pub(super) const fn answering(self, got: f64) -> Self {
        Self { got, ..self }
    }

    /// A request for it that goes well. One of a few hundred is slow for no reason.
    pub(super) fn hit(&self, at: f64, who: &Who, number: u64, dice: &mut Dice) -> Hit {
        let slow = if dice.chance(0.004) { dice.between(3.0, 40.0) } else { 1.0 };
        Hit {
            at,
            who: who.clone(),
            method: self.method,
            endpoint: self.path.replace('*', &number.to_string()),
            status: self.done,
            took: (dice.around(self.took, 0.45) * slow).min(59.0),
            sent: dice.around(self.sent, if self.sent > 2_000.0 { self.spread } else { 0.15 }),
            got: if self.done == 204 { 0.0 } else { dice.around(self.got, self.spread) },
        }
    }
}

/// One request and its answer.
pub(super) struct Hit {
    /// Seconds since the beginning of the span.
    pub(super) at: f64,
    pub(super) who: Who,
    pub(super) method: &'static str,
    pub(super) endpoint: String,
    pub(super) status: i64,
    pub(super) took: f64,
    pub(super) sent: f64,
    pub(super) got: f64,
}

impl Hit {
    /// Answered by an error: a short text, mostly sooner than the real thing.
    pub(super) fn failed(self, dice: &mut Dice, status: i64) -> Self {
        let took = match status {
            504 => dice.between(28.0, 31.0),
            500 | 502 => self.took * dice.between(0.3, 4.0),
            _ => self.took * dice.between(0.2, 0.9),
        };
        let got = match status {
            304 => 0.0,
            _ => dice.around(240.0, 0.3),
        };
        Self { status, took, got, ..self }
    }
}

/// The requests made up so far.
pub(super) struct Log {
    /// Seconds from the first request to the last.
    pub(super) span: f64,
    /// How many requests are still wanted of the part that is made up now.
    room: usize,
    /// The attack that they belong to; empty for normal traffic.
    attack: &'static str,
    hits: Vec<(i64, &'static str, Hit)>,
}

impl Log {
    pub(super) fn new(span: f64) -> Self {
        Self { span, room: 0, attack: "", hits: Vec::new() }
    }

    /// So many more requests may come.
    pub(super) fn open(&mut self, room: usize) {
        self.room = room;
    }

    pub(super) fn room(&self) -> usize {
        self.room
    }

    /// What the next requests belong to.
    pub(super) fn name(&mut self, attack: &'static str) {
        self.attack = attack;
    }

    /// Takes a request, unless it is outside of the span or no more are wanted.
    pub(super) fn add(&mut self, hit: Hit) {
        if self.room > 0 && hit.at >= 0.0 && hit.at < self.span {
            self.room -= 1;
            self.hits.push(((hit.at * 1e6) as i64, self.attack, hit));
        }
    }

    /// All of them in order of time.
    pub(super) fn records(mut self, start: Timestamp) -> Vec<Record<LogEvent>> {
        self.hits.sort_by_key(|(at, ..)| *at);
        (1..).zip(self.hits).map(|(line, (at, attack, hit))| record(line, start.micros().saturating_add(at), attack, hit)).collect()
    }
}

fn record(line: u64, micros: i64, attack: &'static str, hit: Hit) -> Record<LogEvent> {
    let event = LogEvent {
        timestamp: Timestamp::from_micros(micros),
        user_id: hit.who.user,
        endpoint: hit.endpoint,
        method: hit.method.to_owned(),
        ip_address: hit.who.ip,
        user_agent: hit.who.agent,
        status_code: Some(hit.status),
        // Milliseconds, as servers write them.
        response_time: Some((hit.took * 1e3).round() / 1e3),
        request_size: Some(hit.sent as u64),
        response_size: Some(hit.got as u64),
        client: String::new(),
        counted: None,
    };
    let label = if attack.is_empty() { Label::Legitimate } else { Label::Anomalous };
    Record { event, label: Some(label), label_name: (!attack.is_empty()).then(|| attack.to_owned()), line }
}
