//! An API inside a company: people in office hours on five days of the week, and jobs at fixed hours on all seven. A week has about 10,000
//! requests.

use super::{DAY, Draw, HOUR, Request, SECOND, START};
use serde_json::{Value, json};
use std::collections::VecDeque;

const MINUTE: i64 = 60 * SECOND;
const EMPLOYEES: u64 = 70;
/// Requests a minute in a full office.
const PACE: f64 = 2.9;

/// A job: its agent, what it calls, the minutes of the day that it begins at, and how many calls it makes.
type Job = (&'static str, &'static str, &'static str, &'static [i64], u64);

const JOBS: [Job; 5] = [
    ("payroll-export/1.4", "GET", "/hr/timesheets", &[2 * 60], 60),
    ("ldap-sync/2.0", "PUT", "/directory/users", &[4 * 60 + 30], 40),
    ("backup/7.1", "POST", "/admin/snapshots", &[3 * 60, 23 * 60], 2),
    ("report-mailer/0.9", "GET", "/reports/daily", &[6 * 60 + 45], 25),
    ("inventory/3.3", "GET", "/assets/changes", &[0, 6 * 60, 12 * 60, 18 * 60], 12),
];

/// The stream.
pub(super) struct Internal {
    draw: Draw,
    at: i64,
    ready: VecDeque<Request>,
}

/// How full the office is, from 0 to 1.
pub(super) fn presence(at: i64) -> f64 {
    let weekend = (at - START) / DAY % 7 >= 5;
    let hour = (at % DAY) as f64 / HOUR as f64;
    let present = match hour {
        h if !(7.0..19.0).contains(&h) => 0.01,
        h if h < 9.0 => (h - 7.0) / 2.0,
        h if h > 17.0 => (19.0 - h) / 2.0,
        h if (12.0..13.0).contains(&h) => 0.4,
        _ => 1.0,
    };
    if weekend { present.min(0.03) } else { present.max(0.01) }
}

impl Internal {
    pub(super) fn new(seed: u64) -> Self {
        Self { draw: Draw::new(seed), at: START, ready: VecDeque::new() }
    }

    /// What comes in the next minute.
    fn minute(&mut self) {
        let mut all = Vec::new();
        let mut at = self.at as f64;
        loop {
            at += self.draw.exponential(1.0 / (PACE * presence(self.at))) * MINUTE as f64;
            if at >= (self.at + MINUTE) as f64 {
                break;
            }
            all.push(self.person(at as i64));
        }
        let now = self.at % DAY / MINUTE;
        for (agent, method, path, minutes, calls) in JOBS {
            if minutes.contains(&now) {
                all.extend((0..calls).map(|call| self.job(agent, method, path, call)));
            }
        }
        all.sort_by_key(|request| request.at);
        self.ready.extend(all);
        self.at += MINUTE;
    }

    fn job(&mut self, agent: &str, method: &str, path: &str, call: u64) -> Request {
        let at = self.at + 500 + call as i64 * 900 + self.draw.below(100) as i64;
        let request = Request::new(at, "10.30.0.5", method, format!("{path}?page={call}")).header("user-agent", agent);
        if method == "GET" { request } else { request.payload(json!({"page": call, "dry_run": false})) }
    }

    fn person(&mut self, at: i64) -> Request {
        let who = self.draw.zipf(EMPLOYEES);
        let (method, path, payload) = self.action(who);
        let browser = format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/{}.0.0.0 Safari/537.36", 118 + who % 5);
        let request = Request::new(at, format!("10.30.{}.{}", 1 + who / 50, 10 + who % 50), method, path).header("user-agent", browser);
        request.header("x-user", format!("u{:04}", 1_000 + who)).payload(payload)
    }

    fn action(&mut self, who: u64) -> (&'static str, String, Value) {
        match self.draw.below(20) {
            0..=6 => ("GET", format!("/tickets?assignee=u{:04}&state=open", 1_000 + who), Value::Null),
            7..=11 => ("GET", format!("/tickets/{}", 20_000 + self.draw.zipf(5_000)), Value::Null),
            12..=13 => {
                let words = 3 + self.draw.zipf(80);
                ("POST", format!("/tickets/{}/comments", 20_000 + self.draw.zipf(5_000)), json!({"text": self.draw.words(words, " ")}))
            }
            14..=15 => ("PUT", "/hr/timesheets".to_owned(), json!({"hours": 8, "minutes": 15 * self.draw.below(4)})),
            16..=17 => ("GET", format!("/directory/users?q={}", self.draw.word()), Value::Null),
            18 => ("GET", "/reports/daily".to_owned(), Value::Null),
            _ => ("GET", format!("/wiki/{}", Draw::new(self.draw.zipf(900)).words(2, "_")), Value::Null),
        }
    }
}

impl Iterator for Internal {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        while self.ready.is_empty() {
            self.minute();
        }
        self.ready.pop_front()
    }
}
