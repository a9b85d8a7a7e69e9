//! Services that call each other: few clients, fixed paths, a steady pace, and many calls that are equal but for their time.

use super::{Draw, Request, SECOND, START};
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Which service calls what, every how many seconds.
const CALLS: [(&str, &str, &str, u64); 22] = [
    ("orders/2.3.1", "GET", "/internal/stock/levels", 15),
    ("orders/2.3.1", "POST", "/internal/payments/authorize", 7),
    ("orders/2.3.1", "POST", "/internal/mail/queue", 9),
    ("orders/2.3.1", "GET", "/internal/config", 60),
    ("payments/1.9.0", "POST", "/internal/ledger/entries", 8),
    ("payments/1.9.0", "GET", "/internal/rates?base=EUR", 30),
    ("payments/1.9.0", "GET", "/internal/config", 60),
    ("mailer/0.8.4", "GET", "/internal/mail/queue?max=50", 5),
    ("mailer/0.8.4", "POST", "/internal/mail/done", 10),
    ("mailer/0.8.4", "GET", "/internal/config", 60),
    ("search-indexer/5.1.0", "GET", "/internal/changes?after=last", 6),
    ("search-indexer/5.1.0", "PUT", "/internal/index/state", 20),
    ("reports/3.0.2", "GET", "/internal/orders/summary", 45),
    ("reports/3.0.2", "GET", "/internal/ledger/balance", 45),
    ("warehouse/4.4.0", "GET", "/internal/orders/next", 4),
    ("warehouse/4.4.0", "PUT", "/internal/stock/levels", 12),
    ("warehouse/4.4.0", "DELETE", "/internal/orders/locks", 90),
    ("gateway/1.27.3", "GET", "/internal/sessions/keys", 25),
    ("gateway/1.27.3", "POST", "/internal/audit/batch", 5),
    ("metrics-agent/2.11.0", "GET", "/internal/metrics", 15),
    ("backup/1.2.0", "POST", "/internal/snapshots", 600),
    ("backup/1.2.0", "GET", "/internal/snapshots/latest", 120),
];
/// Deviation of an interval, as a share of it.
const JITTER: f64 = 0.02;

/// The stream.
pub(super) struct Services {
    draw: Draw,
    /// What is due when, the next first.
    due: BinaryHeap<Reverse<(i64, usize)>>,
}

impl Services {
    pub(super) fn new(seed: u64) -> Self {
        let mut draw = Draw::new(seed);
        let due = (0..CALLS.len()).map(|call| Reverse((START + draw.below(CALLS[call].3 * 1_000) as i64, call))).collect();
        Self { draw, due }
    }

    /// What the body of a call holds; equal from call to call but for a number now and then.
    fn payload(&mut self, path: &str) -> Value {
        match path {
            "/internal/payments/authorize" => json!({"amount": 100 * (1 + self.draw.below(40)), "currency": "EUR"}),
            "/internal/ledger/entries" => json!({"account": 1000 + self.draw.below(20), "amount": self.draw.below(10_000)}),
            "/internal/mail/queue" => json!({"template": "order-confirmed", "language": *self.draw.pick(&["en", "de", "fr"])}),
            "/internal/mail/done" => json!({"count": self.draw.below(5)}),
            "/internal/audit/batch" => json!({"source": "gateway", "entries": self.draw.below(30)}),
            "/internal/stock/levels" | "/internal/index/state" => json!({"state": "ok"}),
            _ => json!({}),
        }
    }
}

impl Iterator for Services {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        let Reverse((at, call)) = self.due.pop()?;
        let (agent, method, path, every) = CALLS[call];
        let interval = every as f64 * (1.0 + JITTER * self.draw.normal()).max(0.5);
        self.due.push(Reverse((at + (interval * SECOND as f64) as i64, call)));
        let service = CALLS.iter().position(|(name, ..)| *name == agent).unwrap_or_default();
        let client = format!("10.4.{}.{}", service, 10 + self.draw.below(2));
        let request = Request::new(at, client, method, path).header("user-agent", agent).header("accept", "application/json");
        let reads = matches!(method, "GET" | "DELETE");
        Some(if reads { request } else { request.header("content-type", "application/json").payload(self.payload(path)) })
    }
}
