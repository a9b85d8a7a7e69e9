//! The cases: each is a sample of a kind of cost.

use super::bodies::{self, KIB, MIB};
use super::client::{post, request};
use std::sync::OnceLock;

type Make = Box<dyn Fn() -> Vec<u8>>;

/// What is done.
pub(super) enum Act {
    /// The input is a request, sent on several connections at once.
    Send { copies: usize },
    /// The input is a file, scored on the command line.
    File { kind: &'static str, format: &'static str },
    /// A model file is imported, activated and used.
    Model,
    /// Large events are stored; then a server starts over them, and a page of the audit is read.
    Stored { events: usize, bytes: usize },
    /// Audits over many rows, while statistics are asked for in the place of `/health`.
    Audits { rows: usize, copies: usize },
    /// Connections that send nothing.
    Idle { sockets: usize },
}

/// One case.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) act: Act,
    make: Make,
    input: OnceLock<Vec<u8>>,
}

impl Case {
    fn new(name: impl Into<String>, act: Act, make: impl Fn() -> Vec<u8> + 'static) -> Self {
        Self { name: name.into(), act, make: Box::new(make), input: OnceLock::new() }
    }

    /// What is sent or read, made when it is first asked for.
    pub(super) fn input(&self) -> &[u8] {
        self.input.get_or_init(|| (self.make)())
    }

    /// What is sent, in bytes.
    pub(super) fn bytes(&self) -> usize {
        match &self.act {
            Act::Send { copies } => self.input().len() * copies,
            Act::Stored { bytes, .. } => *bytes,
            _ => self.input().len(),
        }
    }
}

fn send(name: impl Into<String>, copies: usize, make: impl Fn() -> Vec<u8> + 'static) -> Case {
    Case::new(name, Act::Send { copies }, make)
}

fn json(name: &str, path: &'static str, body: impl Fn() -> String + 'static) -> Case {
    send(format!("{path}: {name}"), 1, move || post(path, body().as_bytes()))
}

fn file(name: &str, kind: &'static str, format: &'static str, make: impl Fn() -> Vec<u8> + 'static) -> Case {
    Case::new(format!("file of {kind}: {name}"), Act::File { kind, format }, make)
}

/// Every case; `rows` are stored for those that read the history.
pub(super) fn all(rows: usize) -> Vec<Case> {
    let stored = [
        Case::new("a model of 8,000 long branches".to_owned(), Act::Model, Vec::new),
        Case::new("start and audit over 24 events of 60 MiB".to_owned(), Act::Stored { events: 24, bytes: 60 * MIB }, Vec::new),
        Case::new(
            format!("100 audits at once over {rows} rows, time of each; /statistics meanwhile"),
            Act::Audits { rows, copies: 100 },
            Vec::new,
        ),
        Case::new("idle connections, then a new client".to_owned(), Act::Idle { sockets: 8_192 }, Vec::new),
    ];
    [payloads(), refused(), batches(), trainings(), logs(), shippers(), packed(), files()].into_iter().flatten().chain(stored).collect()
}

/// What a request to judge can hold.
fn payloads() -> Vec<Case> {
    const PATH: &str = "/requests/analyze";
    let quoted = |bytes: usize| format!("\"{}\"", "x".repeat(bytes));
    let header = |value: String| bodies::analyze_with("/a", &format!("{{\"a\":{value}}}"), "null");
    vec![
        json("key of 32 KiB, 16 Ki values", PATH, || bodies::analyze(&bodies::key_and_values(64 * KIB))),
        json("key of 128 KiB, 64 Ki values", PATH, || bodies::analyze(&bodies::key_and_values(256 * KIB))),
        json("key of 512 KiB, 256 Ki values", PATH, || bodies::analyze(&bodies::key_and_values(MIB))),
        send(format!("{PATH}: two with keys of 128 KiB"), 2, || post(PATH, bodies::analyze(&bodies::key_and_values(256 * KIB)).as_bytes())),
        json("lists in lists", PATH, || bodies::analyze(&bodies::deep(MIB))),
        json("a list of zeros", PATH, || bodies::analyze(&bodies::zeros(16 * MIB))),
        json("many names", PATH, || bodies::analyze(&bodies::names(16 * MIB))),
        json("one long text", PATH, move || bodies::analyze(&quoted(30 * MIB))),
        json("a text of markup", PATH, || bodies::analyze(&format!("\"{}\"", "<a '1=1 --".repeat(400 * KIB)))),
        json("a million headers", PATH, || bodies::analyze_with("/a", &bodies::names(14 * MIB), "null")),
        json("one long header", PATH, move || header(quoted(16 * MIB))),
        json("a header that is a list", PATH, move || header(bodies::zeros(16 * MIB))),
        json("a path of many segments", PATH, || bodies::analyze_with(&"/a".repeat(2 * MIB), "{}", "null")),
        json("a query of many parameters", PATH, || bodies::analyze_with(&format!("/?{}", "a=1&".repeat(MIB)), "{}", "null")),
    ]
}

/// Bodies that no route takes, and what routes pass over.
fn refused() -> Vec<Case> {
    const ROUTES: [&str; 15] = [
        "/requests/analyze",
        "/requests/explain",
        "/requests/train",
        "/requests/retrain",
        "/requests/exclusions",
        "/flows/predict",
        "/flows/predict/batch",
        "/flows/predict/csv",
        "/flows/train",
        "/behavior/predict",
        "/behavior/predict-batch",
        "/behavior/train",
        "/logs/analyze",
        "/logs/detect",
        "/logs/train",
    ];
    let every = ROUTES.map(|path| json("unknown field of 4 MiB", path, || bodies::wide(4 * MIB)));
    let large = ["/requests/analyze", "/flows/predict", "/behavior/predict"];
    let more = large.map(|path| json("unknown field of 30 MiB", path, || bodies::wide(30 * MIB)));
    let two =
        send("/behavior/predict: two with unknown fields of 30 MiB", 2, || post("/behavior/predict", bodies::wide(30 * MIB).as_bytes()));
    let others = [
        send("label: unknown field of 4 MiB", 1, || {
            request("PUT", "/requests/label/1", "content-type: application/json\r\n", bodies::wide(4 * MIB).as_bytes())
        }),
        json("a good session, unknown field of 30 MiB", "/behavior/predict", || bodies::session(&bodies::zeros(30 * MIB))),
        json("lists in lists", "/behavior/predict", || bodies::deep(MIB)),
        json("a number where a session should be, 2 Mi times", "/behavior/predict-batch", || {
            format!("{{\"logs\":{}}}", bodies::zeros(4 * MIB))
        }),
        json("a number where a flow should be, 2 Mi times", "/flows/predict/batch", || format!("{{\"flows\":{}}}", bodies::zeros(4 * MIB))),
        json("a number where a request should be, 2 Mi times", "/requests/train", || {
            format!("{{\"requests\":{}}}", bodies::zeros(4 * MIB))
        }),
    ];
    every.into_iter().chain(more).chain([two]).chain(others).collect()
}

/// Many small records in one request.
fn batches() -> Vec<Case> {
    vec![
        json("60,000 × {}", "/flows/predict/batch", || bodies::empties("flows", 60_000)),
        json("60,000 × {}", "/flows/predict/batch?explain=1", || bodies::empties("flows", 60_000)),
        json("200,000 × {}", "/flows/predict/batch", || bodies::empties("flows", 200_000)),
        json("200,000 × {}", "/flows/predict/batch?explain=1", || bodies::empties("flows", 200_000)),
        json("200,000 × {}", "/behavior/predict-batch", || bodies::empties("logs", 200_000)),
        send("/flows/predict/csv: 2 million rows", 1, || {
            request("POST", "/flows/predict/csv", "content-type: text/csv\r\n", bodies::table(2_000_000).as_bytes())
        }),
    ]
}

fn trainings() -> Vec<Case> {
    vec![
        send("/flows/train: CSV of 2 million rows", 1, || {
            request("POST", "/flows/train", "content-type: text/csv\r\n", bodies::table(2_000_000).as_bytes())
        }),
        json("10,000 trees of 65,536 rows", "/flows/train", || bodies::long_training(70_000)),
        json("200,000 × {}", "/requests/train", || bodies::empties("requests", 200_000)),
        json("200,000 × {}", "/behavior/train", || bodies::empties("logs", 200_000)),
    ]
}

/// Batches of log entries, and lessons of them.
fn logs() -> Vec<Case> {
    const PATH: &str = "/logs/detect";
    let many = |count: usize| bodies::entries("{\"logs\":[", "],\"threshold\":0}", ",", count);
    let one = |entry: String| format!("{{\"logs\":[{entry}],\"threshold\":0}}");
    vec![
        json("200,000 × {}", PATH, || bodies::empties("logs", 200_000)),
        json("200,000 × {}", "/logs/train", || bodies::empties("logs", 200_000)),
        json("a number where an entry should be, 2 Mi times", PATH, || format!("{{\"logs\":{}}}", bodies::zeros(4 * MIB))),
        json("a number where an entry should be, 2 Mi times", "/logs/train", || format!("{{\"logs\":{}}}", bodies::zeros(4 * MIB))),
        json("65,000 users and endpoints, all listed", PATH, move || many(65_000)),
        json("65,000 users and endpoints, all listed", "/logs/detect?explain=1", move || many(65_000)),
        json("300,000 entries", PATH, move || many(300_000)),
        json("300,000 users and endpoints", "/logs/train", move || many(300_000)),
        json("a user of 30 MiB", PATH, move || one(bodies::entry(&"u".repeat(30 * MIB), "/a", "0"))),
        json("an endpoint of many segments", PATH, move || one(bodies::entry("u", &"/a1".repeat(10 * MIB), "0"))),
        json("a query of many parameters", PATH, move || one(bodies::entry("u", &format!("/?{}", "a=1&".repeat(MIB)), "0"))),
        json("an entry with an unknown field of 30 MiB", PATH, move || one(bodies::entry("u", "/a", &bodies::zeros(30 * MIB)))),
        json("lists in lists", PATH, move || one(bodies::entry("u", "/a", &bodies::deep(MIB)))),
        json("a list of zeros after the entries", PATH, || format!("{{\"logs\":[],\"threshold\":{}}}", bodies::zeros(16 * MIB))),
        json("an agent of 1 MiB, 30 times", PATH, || {
            let entry = bodies::entry("u", "/a", "0").replacen('{', &format!("{{\"user_agent\":\"{}\",", "a".repeat(MIB)), 1);
            format!("{{\"logs\":[{}]}}", vec![entry; 30].join(","))
        }),
    ]
}

/// What shippers might post.
fn shippers() -> Vec<Case> {
    const PATH: &str = "/logs/ingest";
    let coded = |coding: &str, body: &[u8]| request("POST", PATH, &format!("content-encoding: {coding}\r\n"), body);
    vec![
        json("300,000 users and endpoints", PATH, || bodies::entries("", "\n", "\n", 300_000)),
        json("an array of 300,000 users and endpoints", PATH, || bodies::entries("[", "]", ",", 300_000)),
        json("60 MiB of empty lines", PATH, || "\n".repeat(60 * MIB)),
        json("30 Mi bad lines", PATH, || "x\n".repeat(30 * MIB)),
        json("15 Mi empty objects", PATH, || "{}\n".repeat(15 * MIB)),
        json("one line of 60 MiB", PATH, || "x".repeat(60 * MIB)),
        json("an array with one element of 60 MiB", PATH, || format!("[{{\"a\":\"{}", "x".repeat(60 * MIB))),
        json("lists in lists", PATH, || bodies::deep(32 * MIB)),
        json("30 entries of 1 MB", PATH, || vec![bodies::entry("u", &format!("/{}", "x".repeat(1_000_000)), "0"); 30].join("\n")),
        send(format!("{PATH}: gzip of 10 GiB of lines"), 1, move || coded("gzip", &bodies::packed("", "{}\n", 10 << 30))),
        send(format!("{PATH}: gzip of 256 MiB of zeros that nobody speaks of"), 1, || {
            request("POST", PATH, "", &bodies::gzip(&"\0".repeat(256 * MIB)))
        }),
        send(format!("{PATH}: zstd of 256 MiB of entries"), 1, move || {
            let entry = bodies::entry("u", "/a", "0") + "\n";
            coded("zstd", &bodies::packed_zstd("", &entry, 256 * MIB))
        }),
        send(format!("{PATH}: gzip of 60 MiB of entries, four at once"), 4, move || {
            let entry = bodies::entry("u", "/a", "0") + "\n";
            coded("gzip", &bodies::gzip(&entry.repeat((60 * MIB) / entry.len())))
        }),
    ]
}

/// Bodies that are more than they weigh.
fn packed() -> Vec<Case> {
    const PATH: &str = "/requests/analyze";
    const START: &str = "{\"request_id\":\"1\",\"payload\":[";
    let coded = |coding: &'static str, body: &dyn Fn() -> Vec<u8>| {
        request("POST", PATH, &format!("content-type: application/json\r\ncontent-encoding: {coding}\r\n"), &body())
    };
    vec![
        send(format!("{PATH}: gzip of 256 MiB"), 1, move || coded("gzip", &|| bodies::gzip(&format!("{START}{}", "0,".repeat(128 * MIB))))),
        send(format!("{PATH}: zstd of 256 MiB"), 1, move || coded("zstd", &|| bodies::packed_zstd(START, "0,", 256 * MIB))),
    ]
}

fn files() -> Vec<Case> {
    const GIB: usize = 1 << 30;
    vec![
        file("gzip of an array with one element of 3 GiB", "requests", "json", || bodies::packed("[{\"a\":\"", "x", 3 * GIB)),
        file("gzip of 1 GiB of blank lines", "requests", "ndjson", || bodies::packed("", "\n", GIB)),
        file("gzip of 1 GiB of bad lines", "requests", "ndjson", || bodies::packed("", "{}\n", GIB)),
        file("gzip of a table with one cell of 3 GiB", "requests", "http-params", || bodies::packed("payload,label\n", "x", 3 * GIB)),
        file("gzip of a header of 1 GiB", "flows", "cicflow", || bodies::packed("Flow Duration,", "a,", GIB)),
        file("gzip of an array with one element of 3 GiB", "behavior", "json", || bodies::packed("[{\"a\":", "[", 3 * GIB)),
    ]
}
