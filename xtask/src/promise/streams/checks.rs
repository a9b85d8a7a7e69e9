//! A service that is mostly asked whether it is there: two monitors every ten seconds, and a few people.

use super::{Draw, Request, SECOND, START};
use std::collections::VecDeque;

const EVERY: i64 = 10 * SECOND;
/// People who look at it; with the monitors 20 clients.
const PEOPLE: u64 = 18;
/// Chance that somebody comes in one interval of the monitors: about 70 visits a day.
const VISIT: f64 = 0.008;
const PATHS: [&str; 5] = ["/", "/login", "/dashboard", "/api/status", "/health"];

/// The stream.
pub(super) struct Checks {
    draw: Draw,
    at: i64,
    ready: VecDeque<Request>,
    /// What people who are there will ask, in the order of time.
    visits: Vec<Request>,
}

impl Checks {
    pub(super) fn new(seed: u64) -> Self {
        Self { draw: Draw::new(seed), at: START, ready: VecDeque::new(), visits: Vec::new() }
    }

    /// What comes in the next ten seconds.
    fn interval(&mut self) {
        let until = self.at + EVERY;
        let mut all: Vec<Request> = (0..2).map(|monitor| self.check(monitor)).collect();
        if self.draw.chance(VISIT) {
            self.visit();
        }
        let (now, later) = self.visits.drain(..).partition(|request: &Request| request.at < until);
        self.visits = later;
        all.extend::<Vec<Request>>(now);
        all.sort_by_key(|request| request.at);
        self.ready.extend(all);
        self.at = until;
    }

    fn check(&mut self, monitor: i64) -> Request {
        let at = self.at + 3_000 * (monitor + 1) + self.draw.below(60) as i64;
        let (path, agent) =
            [("/health", "kube-probe/1.29"), ("/api/status", "uptime-monitor/3.2 (+https://uptime.example)")][monitor as usize];
        Request::new(at, format!("10.9.0.{}", 2 + monitor), "GET", path).header("user-agent", agent).header("accept", "*/*")
    }

    fn visit(&mut self) {
        let person = self.draw.zipf(PEOPLE);
        let agent =
            ["Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/122.0.0.0", "Mozilla/5.0 (X11; Linux x86_64; rv:123.0) Firefox/123.0"];
        let mut at = self.at;
        for path in PATHS.iter().take(3).chain((0..self.draw.below(6)).map(|_| &PATHS[2])) {
            at += 1_000 + (self.draw.exponential(25.0) * SECOND as f64) as i64;
            let method = if *path == "/login" { "POST" } else { "GET" };
            let request = Request::new(at, format!("10.9.7.{}", 20 + person), method, *path);
            self.visits.push(request.header("user-agent", agent[person as usize % 2]).header("accept", "text/html"));
        }
    }
}

impl Iterator for Checks {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        while self.ready.is_empty() {
            self.interval();
        }
        self.ready.pop_front()
    }
}
