//! Attacks on an API, made from lists of their own, and from payloads of a public set where there is one.

use super::{Draw, Request};
use crate::csv_file::Csv;
use serde_json::json;
use std::path::Path;

/// Statements that are put into parameters; `{n}` is a number that changes.
const INJECTIONS: [&str; 12] = [
    "{n}' OR '1'='1",
    "{n} UNION ALL SELECT NULL,NULL,CONCAT(0x71,user(),0x71)-- -",
    "{n}'; DROP TABLE orders;--",
    "{n} AND SLEEP(5)",
    "{n}' AND (SELECT {n} FROM (SELECT COUNT(*),CONCAT(version(),FLOOR(RAND(0)*2))x FROM information_schema.tables GROUP BY x)a)-- ",
    "{n}) OR ({n}={n}",
    "admin'--{n}",
    "{n}' WAITFOR DELAY '0:0:5'--",
    "-{n}' UNION SELECT table_name,{n} FROM information_schema.tables#",
    "{n}\" OR \"a\"=\"a",
    "{n};EXEC xp_cmdshell('whoami')",
    "{n}' AND EXTRACTVALUE({n},CONCAT(0x5c,database()))--",
];
const TRAVERSALS: [&str; 8] = [
    "../../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fshadow",
    "....//....//....//etc/hosts",
    "..\\..\\..\\windows\\win.ini",
    "%2e%2e/%2e%2e/%2e%2e/proc/self/environ",
    "/var/www/../../etc/ssh/sshd_config",
    "..%252f..%252fboot.ini",
    "../../../../root/.ssh/id_rsa",
];
/// What scanners look for.
const PROBES: [&str; 16] = [
    "/.env",
    "/.git/config",
    "/wp-login.php",
    "/phpmyadmin/index.php",
    "/admin/config.php",
    "/cgi-bin/test.cgi",
    "/server-status",
    "/backup.zip",
    "/.aws/credentials",
    "/actuator/env",
    "/solr/admin/cores",
    "/owa/auth/logon.aspx",
    "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
    "/manager/html",
    "/db.sql.gz",
    "/console/login",
];
const SCANNERS: [&str; 5] = [
    "sqlmap/1.7.2#stable (https://sqlmap.org)",
    "Mozilla/5.00 (Nikto/2.5.0) (Evasions:None) (Test:Port Check)",
    "masscan/1.3 (https://github.com/robertdavidgraham/masscan)",
    "Mozilla/5.0 zgrab/0.x",
    "Nuclei - Open-source project (github.com/projectdiscovery/nuclei)",
];
/// The agent of an ordinary script.
const SCRIPT: &str = "python-requests/2.31.0";

/// What an attacker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// SQL injection by a tool that says so, from one client.
    Sqlmap,
    /// SQL injection in a request like the others, each from another client.
    Injection,
    /// The same from the client whose request it resembles, as behind an address that many share.
    Inside,
    /// Paths out of the tree, from one client.
    Traversal,
    /// A scanner's list of paths, from one client.
    Scanner,
    /// Passwords tried at the login, from one client.
    BruteForce,
    /// Payloads of a public set in a request like the others, each from another client.
    Payload,
}

impl Kind {
    /// Those that can be told from a single request.
    pub(crate) const PLAIN: [Self; 4] = [Self::Sqlmap, Self::Injection, Self::Traversal, Self::Scanner];
    /// All that need no public set.
    pub(crate) const OWN: [Self; 5] = [Self::Sqlmap, Self::Injection, Self::Traversal, Self::Scanner, Self::BruteForce];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlmap => "sqlmap",
            Self::Injection => "SQL injection, many clients",
            Self::Inside => "SQL injection, known clients",
            Self::Traversal => "traversal",
            Self::Scanner => "scanner",
            Self::BruteForce => "brute force",
            Self::Payload => "public payloads",
        }
    }
}

/// Makes attacks.
pub(crate) struct Attacker {
    draw: Draw,
    kinds: Vec<Kind>,
    payloads: Vec<String>,
    made: usize,
}

impl Attacker {
    /// One that does each of these, in turns drawn at random. Payloads are used in their order.
    pub(crate) fn new(kinds: &[Kind], payloads: &[String], seed: u64) -> Self {
        let mut kinds = kinds.to_vec();
        if !payloads.is_empty() {
            kinds.push(Kind::Payload);
        }
        Self { draw: Draw::new(seed ^ 0xa77a), kinds, payloads: payloads.to_vec(), made: 0 }
    }

    /// An attack in the place of a benign request, at its time.
    pub(crate) fn attack(&mut self, like: &Request) -> Request {
        self.made += 1;
        let kind = *self.draw.pick(&self.kinds);
        let request = match kind {
            Kind::Sqlmap => self.injected(like).client("185.220.101.7").agent(SCANNERS[0]),
            Kind::Injection => self.injected(like),
            Kind::Inside => self.injected(like).client(&like.client),
            Kind::Traversal => {
                let path = *self.draw.pick(&TRAVERSALS);
                let endpoint = format!("{}?file={path}", path_of(like));
                Request::new(like.at, "185.220.101.8", "GET", endpoint).agent(SCRIPT)
            }
            Kind::Scanner => {
                let agent = SCANNERS[1 + self.draw.below(4) as usize];
                let path = *self.draw.pick(&PROBES);
                Request::new(like.at, "185.220.101.9", "GET", path).agent(agent)
            }
            Kind::BruteForce => {
                let payload = json!({"user": "admin", "password": self.draw.hex(8)});
                Request::new(like.at, "185.220.101.10", "POST", "/login").agent(SCRIPT).payload(payload)
            }
            Kind::Payload => {
                let payload = self.payloads[self.made % self.payloads.len()].clone();
                self.carrying(like, payload)
            }
        };
        Request { attack: true, ..request }
    }

    fn injected(&mut self, like: &Request) -> Request {
        let statement = self.draw.pick(&INJECTIONS).replace("{n}", &self.draw.below(10_000).to_string());
        self.carrying(like, statement)
    }

    /// A request like another one, from a client of its own, with this in its first parameter.
    fn carrying(&mut self, like: &Request, text: String) -> Request {
        let client = format!("45.{}.{}.{}", self.draw.below(256), self.draw.below(256), 1 + self.draw.below(254));
        let mut request = Request { client, ..like.clone() };
        match request.payload.as_object_mut().and_then(|payload| payload.values_mut().next()) {
            Some(value) => *value = text.into(),
            None => request.endpoint = format!("{}?id={}", path_of(like), encoded(&text)),
        }
        request
    }
}

impl Request {
    fn client(self, client: &str) -> Self {
        Self { client: client.to_owned(), ..self }
    }

    fn agent(mut self, agent: &str) -> Self {
        self.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("user-agent"));
        self.header("user-agent", agent)
    }
}

/// The endpoint without its query.
fn path_of(request: &Request) -> &str {
    request.endpoint.split('?').next().unwrap_or_default()
}

/// As clients write a parameter.
fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        b' ' => "+".to_owned(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(one).collect()
}

/// The attacks among the payloads of the public set of HTTP parameters.
pub(crate) fn payloads(data: &Path) -> anyhow::Result<Vec<String>> {
    let table = Csv::read(&data.join("http_params/payload_test.csv"), None)?;
    let (payload, class) = (table.column("payload")?, table.column("label")?);
    let attacks = table.rows.iter().filter(|row| &row[class] != "norm").map(|row| row[payload].to_owned());
    let mut attacks: Vec<String> = attacks.collect();
    // The file is sorted by class.
    let mut draw = Draw::new(1);
    attacks.sort_by_cached_key(|_| draw.below(u64::MAX));
    Ok(attacks)
}
