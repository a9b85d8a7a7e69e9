//! The API of a mobile application: two thirds of all requests come through the address of one carrier's gateway, agents are many, and most
//! requests carry JSON.

use super::{Draw, Request, SECOND, START};
use serde_json::{Value, json};

const GATEWAY: &str = "198.51.100.10";
pub(super) const BEHIND_GATEWAY: f64 = 0.65;
const USERS: u64 = 6_000;
const GAP_SECS: f64 = 2.0;

/// The stream.
pub(super) struct Mobile {
    draw: Draw,
    at: f64,
}

impl Mobile {
    pub(super) fn new(seed: u64) -> Self {
        Self { draw: Draw::new(seed), at: START as f64 }
    }

    fn call(&mut self, user: u64) -> (&'static str, String, Value) {
        match self.draw.below(100) {
            0..=29 => ("GET", format!("/v1/feed?cursor={}&limit=20", self.draw.hex(16)), Value::Null),
            30..=44 => ("GET", format!("/v1/items/{}", self.draw.zipf(40_000)), Value::Null),
            45..=74 => ("POST", "/v1/events".to_owned(), self.events()),
            75..=86 => {
                let words = 1 + self.draw.zipf(60);
                let text = self.draw.words(words, " ");
                ("POST", "/v1/messages".to_owned(), json!({"to": self.draw.zipf(USERS), "text": text}))
            }
            87..=92 => {
                ("PUT", format!("/v1/users/{user}/settings"), json!({"push": self.draw.chance(0.7), "locale": *self.draw.pick(&LOCALES)}))
            }
            93..=97 => ("POST", "/v1/items/search".to_owned(), json!({"query": self.draw.words(2, " "), "near": self.place()})),
            _ => ("POST", "/v1/token/refresh".to_owned(), json!({"refresh_token": self.draw.hex(40)})),
        }
    }

    /// What the application reports of its use.
    fn events(&mut self) -> Value {
        const NAMES: [&str; 8] = ["open", "tap", "scroll", "view_item", "share", "background", "foreground", "purchase"];
        let many = 1 + self.draw.zipf(25);
        let one =
            |draw: &mut Draw| json!({"name": NAMES[draw.zipf(8) as usize], "ms": draw.lognormal(7.0, 1.0) as u64, "n": draw.below(9)});
        json!({"session": self.draw.hex(12), "events": (0..many).map(|_| one(&mut self.draw)).collect::<Vec<_>>()})
    }

    fn place(&mut self) -> Value {
        json!({"lat": 48.0 + self.draw.unit(), "lon": 11.0 + self.draw.unit()})
    }
}

const LOCALES: [&str; 6] = ["en_GB", "de_DE", "fr_FR", "es_ES", "it_IT", "pl_PL"];

/// The same for a user every time: the address at home, the device, and the version of the application.
fn device(user: u64) -> (String, String) {
    let mut draw = Draw::new(user ^ 0xde51ce);
    let address = format!("{}.{}.{}.{}", 80 + draw.below(10), draw.below(256), draw.below(256), 1 + draw.below(254));
    let (minor, patch) = (draw.zipf(14), draw.below(6));
    let agent = if draw.chance(0.6) {
        format!("Parcel/4.{minor}.{patch} (Android {}; SM-{}{})", 10 + draw.below(5), draw.pick(&["A", "G", "S"]), 100 + draw.zipf(600))
    } else {
        format!(
            "Parcel/4.{minor}.{patch} (iPhone{},{}; iOS {}.{})",
            11 + draw.below(6),
            1 + draw.below(5),
            15 + draw.below(3),
            draw.below(7)
        )
    };
    (address, agent)
}

impl Iterator for Mobile {
    type Item = Request;

    fn next(&mut self) -> Option<Request> {
        self.at += self.draw.exponential(GAP_SECS) * SECOND as f64;
        let user = self.draw.zipf(USERS);
        let (address, agent) = device(user);
        let client = if self.draw.chance(BEHIND_GATEWAY) { GATEWAY.to_owned() } else { address };
        let (method, endpoint, payload) = self.call(user);
        let request =
            Request::new(self.at as i64, client, method, endpoint).header("host", "api.parcel.example").header("user-agent", agent);
        let request = request.header("authorization", format!("Bearer {}", Draw::new(user).hex(32))).header("accept", "application/json");
        Some(if payload.is_null() { request } else { request.header("content-type", "application/json").payload(payload) })
    }
}
