//! A public web site: pages and clients by Zipf's law, new clients all the time, visits in bursts, five times as many by day as by night,
//! free text in queries, and two requests in a hundred for what is not there.

use super::{DAY, Draw, HOUR, Request, SECOND, START};
use serde_json::json;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Mean seconds between visits at the busiest hour; with about 12 requests a visit, some 10,000 requests a day.
const GAP_SECS: f64 = 61.0;
/// Pages that are linked.
const PAGES: u64 = 600;
/// Clients that come again.
const REGULARS: u64 = 2_500;
const NEW_CLIENTS: f64 = 0.35;
/// Of pages; with what pages load, two of a hundred requests.
const MISSING: f64 = 0.05;

/// The stream.
pub(super) struct Website {
    draw: Draw,
    next_visit: f64,
    visits: u64,
    /// Requests of visits that have begun, the next first.
    pending: BinaryHeap<Reverse<(i64, u64, Planned)>>,
    made: u64,
}

/// A request of a visit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Planned {
    client: u64,
    method: &'static str,
    endpoint: String,
    referer: Option<String>,
}

/// How busy a moment is, from a fifth to 1: the most at 15:00, the least at 3:00.
pub(super) fn busy(at: i64) -> f64 {
    let hour = (at % DAY) as f64 / HOUR as f64;
    0.6 + 0.4 * (std::f64::consts::TAU * (hour - 15.0) / 24.0).cos()
}

impl Website {
    pub(super) fn new(seed: u64) -> Self {
        Self { draw: Draw::new(seed), next_visit: START as f64, visits: 0, pending: BinaryHeap::new(), made: 0 }
    }

    /// Moves on to the next visit: of those that would come at the busiest pace, as many as the hour has.
    fn advance(&mut self) {
        loop {
            self.next_visit += self.draw.exponential(GAP_SECS) * SECOND as f64;
            if self.draw.chance(busy(self.next_visit as i64)) {
                return;
            }
        }
    }

    /// All requests of a visit that begins now.
    fn visit(&mut self) {
        self.visits += 1;
        let client = if self.draw.chance(NEW_CLIENTS) { REGULARS + self.visits } else { self.draw.zipf(REGULARS) };
        let (mut at, mut referer) = (self.next_visit, self.draw.chance(0.5).then(|| "https://www.search.example/".to_owned()));
        loop {
            let (method, endpoint) = self.page();
            self.plan(at, client, method, endpoint.clone(), referer.take());
            let from = format!("https://www.gardens.example{endpoint}");
            for asset in 0..self.draw.below(4) {
                let name = ["/assets/site.css", "/assets/app.js", "/assets/logo.svg", "/assets/fonts/text.woff2"][asset as usize];
                self.plan(at + 80.0 + 60.0 * asset as f64, client, "GET", name.to_owned(), Some(from.clone()));
            }
            if self.draw.chance(0.2) {
                return;
            }
            at += 2_000.0 + self.draw.exponential(20.0) * SECOND as f64;
            referer = Some(from);
        }
    }

    fn plan(&mut self, at: f64, client: u64, method: &'static str, endpoint: String, referer: Option<String>) {
        self.made += 1;
        self.pending.push(Reverse((at as i64, self.made, Planned { client, method, endpoint, referer })));
    }

    fn page(&mut self) -> (&'static str, String) {
        if self.draw.chance(MISSING) {
            return ("GET", self.missing());
        }
        match self.draw.below(100) {
            0..=9 => {
                let words = 1 + self.draw.below(5);
                ("GET", format!("/search?q={}&page={}", self.draw.words(words, "+"), 1 + self.draw.zipf(5)))
            }
            10..=12 => ("POST", "/newsletter".to_owned()),
            13..=14 => ("POST", "/contact".to_owned()),
            15..=17 => ("POST", "/login".to_owned()),
            18..=29 => ("GET", "/".to_owned()),
            _ => {
                // A page has the same name every time.
                let page = self.draw.zipf(PAGES);
                let mut name = Draw::new(page);
                let words = 1 + name.below(4);
                ("GET", format!("/{}/{}", name.pick(&["plants", "tools", "guides", "blog"]), name.words(words, "-")))
            }
        }
    }

    /// A link that leads nowhere any more.
    fn missing(&mut self) -> String {
        match self.draw.below(3) {
            0 => format!("/{}/{:02}/{}", 2012 + self.draw.below(8), 1 + self.draw.below(12), self.draw.word()),
            1 => format!("/images/{}.jpg", self.draw.word()),
            _ => format!("/plants/{}", self.draw.words(2, "-")),
        }
    }
}

/// What a client calls itself, the same every time.
fn agent(client: u64) -> String {
    let mut draw = Draw::new(client ^ 0xa6e7);
    let version = 110 + draw.zipf(30);
    match draw.below(10) {
        0..=4 => {
            format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36")
        }
        5..=6 => format!(
            "Mozilla/5.0 (iPhone; CPU iPhone OS {}_{} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
            14 + draw.below(4),
            draw.below(7)
        ),
        7..=8 => format!("Mozilla/5.0 (X11; Linux x86_64; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"),
        _ => (*draw.pick(&[
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
            "FeedFetcher/1.4 (+https://feeds.example/about)",
        ]))
        .to_owned(),
    }
}

impl Iterator for Website {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        while self.pending.peek().is_none_or(|Reverse((at, ..))| *at > self.next_visit as i64) {
            self.visit();
            self.advance();
        }
        let Reverse((at, _, planned)) = self.pending.pop()?;
        let mut address = Draw::new(planned.client ^ 0x1f);
        let client = format!("{}.{}.{}.{}", 60 + address.below(40), address.below(256), address.below(256), 1 + address.below(254));
        let mut request = Request::new(at, client, planned.method, planned.endpoint).header("host", "www.gardens.example");
        request = request.header("user-agent", agent(planned.client)).header("accept", "text/html,*/*;q=0.8");
        if let Some(referer) = planned.referer {
            request = request.header("referer", referer);
        }
        if planned.method == "POST" {
            let words = 4 + self.draw.below(30);
            let payload = match request.endpoint.as_str() {
                "/contact" => json!({"mail": format!("{}@mail.example", self.draw.word()), "message": self.draw.words(words, " ")}),
                "/login" => json!({"user": self.draw.word(), "password": self.draw.hex(10)}),
                _ => json!({"mail": format!("{}@mail.example", self.draw.word())}),
            };
            request = request.header("content-type", "application/json").payload(payload);
        }
        Some(request)
    }
}
