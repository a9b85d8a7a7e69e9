//! Sessions made of what logs tell of a client, line after line.

mod counts;
mod past;
mod signs;

pub(super) use signs::{decoy_account, decoy_command, decoy_path, injected, sql_in};

use super::SessionEvent;
use super::features::into_ranges;
use super::logins::{Logins, Service};
use crate::records::label_from_name;
use bartizan_core::{Label, Timestamp};
use past::Past;
use std::collections::HashMap;

/// Longest session: the upper bound of `session_time`. What lasts longer becomes several sessions.
const LONGEST_SECS: i64 = 600;
/// Silence that ends a session.
const SILENCE_SECS: i64 = 300;
/// Most sessions open at once; beyond that the oldest are closed.
const MAX_OPEN: usize = 100_000;
/// Most bytes of a client's name.
const MAX_CLIENT: usize = 256;
/// Most different commands that a session remembers: one more than can count.
const MAX_COMMANDS: usize = 21;

/// What one line of a log says of a client.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Activity {
    /// Its address.
    pub(super) client: String,
    /// When, in seconds.
    pub(super) time: i64,
    /// Seconds that it took, where the line tells.
    pub(super) span: i64,
    /// The line.
    pub(super) line: u64,
    /// Requests, logins or commands in it. 0: the line only shows that a session goes on; it never begins one.
    pub(super) requests: u32,
    /// Logins that failed.
    pub(super) failed_logins: u32,
    /// Changes of which each counts.
    pub(super) changes: u32,
    /// A command, as a hash: the same one again does not count.
    pub(super) command: Option<u64>,
    /// Whether it carries an injection.
    pub(super) injection: bool,
    /// Whether it touches a decoy.
    pub(super) decoy: bool,
    /// What kind of server it is about.
    pub(super) service: Service,
    /// Logins that succeeded.
    pub(super) accepted: u32,
    /// Whether it tells of an attempt to log in that fails, and how many that were not told of before.
    pub(super) tries: bool,
    pub(super) tried: u32,
    /// The name of who logs in or tries to, as a hash.
    pub(super) name: Option<u64>,
    /// Whether the server says that it has no such user.
    pub(super) no_such_user: bool,
    /// Connections that ended without an attempt to log in.
    pub(super) looks: u32,
    /// What the line calls it, where lines have labels.
    pub(super) label: Option<String>,
}

impl Activity {
    fn is_about_logins(&self) -> bool {
        self.tries || self.accepted > 0 || self.looks > 0
    }
}

/// A session that has ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Closed {
    pub(super) event: SessionEvent,
    /// The line that it began with.
    pub(super) line: u64,
    /// The worst label of its lines: the first that is no name of what belongs.
    pub(super) label: Option<String>,
    /// Numbers that were beyond their ranges.
    pub(super) mended: Vec<String>,
}

/// The sessions that go on, by client.
#[derive(Default)]
pub(super) struct Sessions {
    open: HashMap<String, Open>,
    past: Past,
    /// The latest time met.
    latest: i64,
    /// The time of the line before, and the time that lines have come to: two in a row, so that one of a wrong clock ends nothing.
    before: i64,
    reached: i64,
    /// What that was when those that fell silent were last looked for.
    swept: i64,
    /// How many may be open before those that fell silent are looked for.
    sweep_at: usize,
}

impl Sessions {
    pub(super) fn new() -> Self {
        Self { latest: i64::MIN, before: i64::MIN, reached: i64::MIN, swept: i64::MIN, sweep_at: 1_024, ..Self::default() }
    }

    /// Adds what a line says; returns the sessions that ended by then.
    pub(super) fn add(&mut self, mut activity: Activity) -> Vec<Closed> {
        let mut end = activity.client.len().min(MAX_CLIENT);
        while !activity.client.is_char_boundary(end) {
            end -= 1;
        }
        if end < activity.client.len() {
            activity.client = activity.client[..end].to_owned();
        }
        self.latest = self.latest.max(activity.time);
        let mut closed = self.go_on(activity.time);
        // Before the line counts: a login makes nobody known in its own session.
        let known = self.past.knows(&activity.client);
        let logins = self.past.meet(&activity);
        match self.open.get_mut(&activity.client) {
            Some(open) if open.goes_on(&activity) => open.add(&activity, logins),
            _ if activity.requests == 0 => {}
            Some(open) => {
                let ended = std::mem::replace(open, Open::begin(&activity, known, logins));
                closed.push(ended.close(activity.client));
            }
            None => {
                self.open.insert(activity.client.clone(), Open::begin(&activity, known, logins));
                if self.open.len() >= self.sweep_at {
                    closed.extend(self.sweep());
                }
            }
        }
        closed
    }

    /// All sessions still open, in the order in which they began.
    pub(super) fn finish(&mut self) -> Vec<Closed> {
        in_order(self.open.drain().collect())
    }

    /// Goes on to the time of a line, and closes what fell silent long before it: once in [`SILENCE_SECS`], so that each session is looked at
    /// a few times. A line may be late by as much and still belong to its session.
    fn go_on(&mut self, time: i64) -> Vec<Closed> {
        self.reached = self.reached.max(std::mem::replace(&mut self.before, time).min(time));
        if self.reached < self.swept.saturating_add(SILENCE_SECS) {
            return Vec::new();
        }
        self.swept = self.reached;
        let before = self.reached.saturating_sub(2 * SILENCE_SECS);
        let ended = self.open.extract_if(|_, open| open.last < before).collect();
        self.set_room();
        in_order(ended)
    }

    /// Closes what fell silent; at the limit, as many of the oldest as make room again.
    fn sweep(&mut self) -> Vec<Closed> {
        let before = self.latest.saturating_sub(SILENCE_SECS);
        let mut ended: Vec<(String, Open)> = self.open.extract_if(|_, open| open.last < before).collect();
        // A tenth is free after a sweep at the limit, however few fell silent: the next one is far.
        if self.open.len() > MAX_OPEN - MAX_OPEN / 10 {
            let mut ages: Vec<(i64, u64)> = self.open.values().map(|open| (open.last, open.line)).collect();
            let (_, middle, _) = ages.select_nth_unstable(MAX_OPEN / 10);
            let middle = *middle;
            ended.extend(self.open.extract_if(|_, open| (open.last, open.line) <= middle));
        }
        self.set_room();
        in_order(ended)
    }

    /// After a sweep: the next one is far, and costs what is open and not what once was.
    fn set_room(&mut self) {
        self.sweep_at = (2 * self.open.len()).clamp(1_024, MAX_OPEN);
        self.open.shrink_to(self.sweep_at);
    }
}

fn in_order(mut ended: Vec<(String, Open)>) -> Vec<Closed> {
    ended.sort_by(|a, b| (a.1.start, a.1.line, &a.0).cmp(&(b.1.start, b.1.line, &b.0)));
    ended.into_iter().map(|(client, open)| open.close(client)).collect()
}

/// One session that goes on.
struct Open {
    line: u64,
    start: i64,
    last: i64,
    /// The second that requests are counted in, how many it has, and the most that any had.
    second: i64,
    in_second: u32,
    peak: u32,
    failed_logins: u32,
    changes: u32,
    commands: Vec<u64>,
    injection: bool,
    decoy: bool,
    logins: Logins,
    label: Option<String>,
}

impl Open {
    fn begin(activity: &Activity, known: bool, logins: Logins) -> Self {
        let (line, start) = (activity.line, activity.time);
        let mut open = Self {
            line,
            start,
            last: start,
            second: start,
            in_second: 0,
            peak: 0,
            failed_logins: 0,
            changes: 0,
            commands: Vec::new(),
            injection: false,
            decoy: false,
            logins: Logins { known, ..Logins::default() },
            label: None,
        };
        open.add(activity, logins);
        open
    }

    /// Whether the activity belongs to this session. Lines of a log may be a little out of order: servers write them when
    /// a request ends.
    fn goes_on(&self, activity: &Activity) -> bool {
        let time = activity.time;
        time <= self.last.saturating_add(SILENCE_SECS)
            && time >= self.start.saturating_sub(SILENCE_SECS)
            && time <= self.start.saturating_add(LONGEST_SECS)
            && time >= self.last.saturating_sub(LONGEST_SECS)
    }

    fn add(&mut self, activity: &Activity, told: Logins) {
        self.logins = self.logins.then(activity, told);
        self.start = self.start.min(activity.time);
        let end = activity.time.saturating_add(activity.span.max(0)).min(self.start.saturating_add(LONGEST_SECS));
        self.last = self.last.max(end);
        if activity.time > self.second {
            (self.second, self.in_second) = (activity.time, 0);
        }
        if activity.time == self.second {
            self.in_second = self.in_second.saturating_add(activity.requests);
            self.peak = self.peak.max(self.in_second);
        }
        self.failed_logins = self.failed_logins.saturating_add(activity.failed_logins);
        self.changes = self.changes.saturating_add(activity.changes);
        self.injection |= activity.injection;
        self.decoy |= activity.decoy;
        let belongs = |name: &String| label_from_name(name) == Label::Legitimate;
        if activity.label.is_some() && self.label.as_ref().is_none_or(belongs) {
            self.label.clone_from(&activity.label);
        }
        if let Some(command) = activity.command
            && self.commands.len() < MAX_COMMANDS
            && !self.commands.contains(&command)
        {
            self.commands.push(command);
        }
    }

    fn close(self, client: String) -> Closed {
        let (values, mended) = into_ranges([
            i64::from(self.failed_logins),
            i64::from(self.peak),
            i64::from(self.changes).saturating_add(self.commands.len() as i64),
            i64::from(self.injection),
            i64::from(self.decoy),
            self.last - self.start,
        ]);
        let event =
            SessionEvent { client, logins: Some(self.logins), ..SessionEvent::from_values(Timestamp::from_secs(self.start), values) };
        Closed { event, line: self.line, label: self.label, mended }
    }
}

impl Logins {
    /// What is known of a session's logins after one more line, by which time `told` is known of its client.
    fn then(self, activity: &Activity, told: Self) -> Self {
        Self {
            service: self.service.max(activity.service),
            accepted: self.accepted.saturating_add(activity.accepted.min(u32::from(u16::MAX)) as u16),
            known: self.known,
            rivals: self.rivals.max(told.rivals),
            strangers: self.strangers.max(told.strangers),
            ..told
        }
    }
}

#[cfg(test)]
mod tests;
