//! `POST /ingest` over HTTP: what shippers send, and what they are told.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use bartizan_domains::requests::Requests;
use bartizan_pipeline::{Instance, LifeCycle as _, Settings};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::{io::Write, sync::Arc};
use support::{Answer, Running, record};

/// Bytes of a body that are allowed in these tests.
const MOST: usize = 1 << 20;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

/// A server and its detector.
struct Served {
    server: Running,
    instance: Arc<Instance<Requests>>,
}

async fn serve_with(change: impl FnOnce(&mut Settings)) -> Served {
    let mut settings = Settings::new("requests");
    change(&mut settings);
    let (server, instance) = Running::start_detector(settings, |config| config.max_body_bytes = MOST).await;
    Served { server, instance }
}

async fn serve() -> Served {
    serve_with(|_| {}).await
}

impl Served {
    async fn ingest(&self, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.server.send("POST", "/requests/ingest", headers, body).await
    }

    /// Waits until all that was accepted is judged.
    async fn judged(&self) {
        while self.instance.counters().ingest_waiting > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// The names of the stored requests, oldest first.
    async fn stored(&self) -> Vec<String> {
        let page = self.server.get("/requests/audit?include_unjudged=true&page_size=100").await.json();
        page["data"].as_array().unwrap().iter().rev().map(|row| row["request_id"].as_str().unwrap().to_owned()).collect()
    }
}

fn ndjson(count: usize) -> Vec<u8> {
    (0..count).map(|i| format!("{}\n", record(i))).collect::<String>().into_bytes()
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|i| format!("r-{i}")).collect()
}

#[tokio::test]
async fn what_shippers_send_is_read() {
    let lines = ndjson(3);
    let array: Vec<Value> = (0..3).map(record).collect();
    let array = serde_json::to_vec(&array).unwrap();
    for (name, headers, body) in [
        ("NDJSON", &[][..], lines.clone()),
        ("NDJSON without a last line feed", &[("content-type", "text/plain")], lines[..lines.len() - 1].to_vec()),
        ("an array", &[("content-type", "application/json")], array.clone()),
        ("an array, gzip", &[("content-encoding", "gzip")], gzip(&array)),
        ("NDJSON, zstd", &[("content-encoding", "zstd")], zstd(&lines)),
        ("gzip that nobody speaks of", &[], gzip(&lines)),
        ("zstd that nobody speaks of", &[("content-type", "application/octet-stream")], zstd(&array)),
        ("with a byte-order mark", &[], [b"\xef\xbb\xbf", &lines[..]].concat()),
    ] {
        let served = serve().await;
        let answer = served.ingest(headers, &body).await;
        assert_eq!((answer.status, answer.json()), (202, json!({"accepted": 3, "rejected": 0, "errors": []})), "{name}");
        assert_eq!(served.server.get("/requests/status").await.json()["waiting"], 3, "{name}");
        served.instance.start();
        served.judged().await;
        assert_eq!(served.stored().await, names(3), "{name}");
        let status = served.server.get("/requests/status").await.json();
        assert_eq!(status["waiting"], 0, "{name}");
    }
}

#[tokio::test]
async fn lines_of_access_logs_are_read_and_the_bad_ones_named() {
    let line = |address: &str, path: &str| {
        format!("{address} - - [01/Feb/2026:10:00:00 +0000] \"GET {path} HTTP/1.1\" 200 12 \"-\" \"curl/8.5.0\"\n")
    };
    let log = format!("{}{}no line of a log\n\n{}", line("192.0.2.1", "/a"), line("192.0.2.2", "/b?x=1"), line("198.51.100.3", "/c"));
    let served = serve().await;
    let answer = served.ingest(&[], log.as_bytes()).await.json();
    assert_eq!((&answer["accepted"], &answer["rejected"], &answer["errors"][0]["line"]), (&json!(3), &json!(1), &json!(3)), "{answer}");
    served.instance.start();
    served.judged().await;
    let page = served.server.get("/requests/audit?include_unjudged=true").await.json();
    let met: Vec<_> = page["data"].as_array().unwrap().iter().map(|row| (row["ip_address"].as_str(), row["endpoint"].as_str())).collect();
    assert_eq!(met[0], (Some("198.51.100.3"), Some("/c")), "{met:?}");
    let own = serve_with(|settings| settings.log_format = Some("$msec|$remote_addr|$status|$request".into())).await;
    let answer =
        own.ingest(&[], b"1769940000.125|192.0.2.1|200|GET /a HTTP/1.1\n1769940001.5|192.0.2.1|200|GET /b HTTP/1.1\n").await.json();
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(2), &json!(0)), "{answer}");
    let metrics = served.server.get("/metrics").await.body;
    for expected in [
        "ingested_events_total{detector=\"requests\"} 3",
        "ingest_rejected_total{detector=\"requests\"} 1",
        "ingest_waiting_events{detector=\"requests\"} 0",
    ] {
        assert!(metrics.lines().any(|line| line == format!("bartizan_{expected}")), "{expected}: {metrics}");
    }
}

#[tokio::test]
async fn what_can_never_be_accepted_is_answered_for_good() {
    let served = serve().await;
    let many: Vec<u8> = [record(0).to_string().into_bytes(), vec![b'\n'], b"{}\n".repeat(12)].concat();
    for (name, body, accepted, rejected, errors) in [
        ("nothing", &b""[..], 0, 0, 0),
        ("blanks", b" \n\n", 0, 0, 0),
        ("an empty array", b"[]", 0, 0, 0),
        ("text of no format", b"hello\nworld\n", 0, 2, 1),
        ("other objects", b"{\"a\": 1}\n{\"b\": 2}\n", 0, 2, 2),
        ("one of three", &many, 1, 12, 10),
        ("broken JSON", b"{\"request_id\": \"a\", ", 0, 1, 1),
        ("an array that breaks off", b"[{\"request_id\": 1}, {", 0, 2, 2),
        ("a zero", b"\0", 0, 0, 0),
    ] {
        let answer = served.ingest(&[], body).await;
        let said = answer.json();
        let counts = (answer.status, said["accepted"].as_u64(), said["errors"].as_array().map(Vec::len));
        assert_eq!(counts, (202, Some(accepted), Some(errors)), "{name}: {said}");
        assert_eq!(said["rejected"].as_u64(), Some(rejected), "{name}: {said}");
        assert!(said["errors"].as_array().unwrap().iter().all(|error| error["msg"].as_str().is_some_and(|msg| !msg.is_empty())), "{said}");
    }
}

#[tokio::test]
async fn what_would_become_too_much_is_refused_and_nothing_of_it_is_accepted() {
    let served = serve().await;
    let zeros = vec![0; 64 << 20];
    let blanks = vec![b'\n'; 64 << 20];
    let lines = ndjson(10_000);
    for (name, headers, body, status) in [
        ("too long as it comes", &[][..], lines.clone(), 413),
        ("too long after gzip", &[("content-encoding", "gzip")], gzip(&lines), 413),
        ("too long after gzip that nobody speaks of", &[], gzip(&lines), 413),
        ("too long after zstd that nobody speaks of", &[], zstd(&lines), 413),
        ("a bomb of zeros", &[], gzip(&zeros), 413),
        ("a bomb of lines", &[], zstd(&blanks), 413),
        ("a bomb in a bomb", &[], gzip(&gzip(&gzip(&zeros))), 415),
        ("gzip in gzip", &[("content-encoding", "gzip")], gzip(&gzip(&ndjson(1))), 415),
        ("xz", &[], b"\xfd7zXZ\0\0\x04".to_vec(), 415),
        ("gzip that is cut", &[], gzip(&ndjson(9))[..40].to_vec(), 400),
        ("another coding", &[("content-encoding", "br")], ndjson(1), 415),
    ] {
        let answer = served.ingest(headers, &body).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.body);
    }
    assert_eq!(served.instance.counters().ingest_waiting, 0);
}

#[tokio::test]
async fn a_key_counts_once_and_is_answered_as_the_first_time() {
    let served = serve().await;
    let long = "k".repeat(256);
    let batch = [&ndjson(2)[..], b"{}\n"].concat();
    let first = served.ingest(&[("idempotency-key", "batch 7")], &batch).await;
    assert_eq!((first.status, &first.json()["accepted"], &first.json()["rejected"]), (202, &json!(2), &json!(1)));
    for (name, headers, body, expected) in [
        ("again", &[("idempotency-key", "batch 7")][..], batch.clone(), (202, first.json())),
        ("with blanks around the key", &[("Idempotency-Key", " batch 7 ")], batch, (202, first.json())),
        ("without", &[], ndjson(1), (202, json!({"accepted": 1, "rejected": 0, "errors": []}))),
        (
            "of the greatest length",
            &[("idempotency-key", &long[1..])],
            ndjson(1),
            (202, json!({"accepted": 1, "rejected": 0, "errors": []})),
        ),
    ] {
        let answer = served.ingest(headers, &body).await;
        assert_eq!((answer.status, answer.json()), expected, "{name}");
    }
    let other = served.ingest(&[("idempotency-key", "batch 7")], &ndjson(2)).await;
    assert_eq!(other.status, 409, "another body under the same key is not taken without a word");
    for (name, headers) in [
        ("too long", &[("idempotency-key", &long[..])][..]),
        ("empty", &[("idempotency-key", "")]),
        ("twice", &[("idempotency-key", "a"), ("idempotency-key", "b")]),
    ] {
        assert_eq!(served.ingest(headers, &ndjson(1)).await.status, 400, "{name}");
    }
    assert_eq!(served.instance.counters().ingest_waiting, 4);
}

#[tokio::test]
async fn a_full_backlog_says_when_to_try_again() {
    let served = serve_with(|settings| settings.max_waiting_events = 3).await;
    assert_eq!(served.ingest(&[], &ndjson(5)).await.status, 202, "one is taken while nothing waits");
    let refused = served.ingest(&[("idempotency-key", "k")], &ndjson(1)).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")), "{}", refused.body);
    assert!(refused.json()["detail"].as_str().unwrap().contains("ingest.max_waiting_events"), "{}", refused.body);
    served.instance.start();
    served.judged().await;
    let accepted = served.ingest(&[("idempotency-key", "k")], &ndjson(1)).await;
    assert_eq!((accepted.status, &accepted.json()["accepted"]), (202, &json!(1)));
}

#[tokio::test]
async fn every_kind_has_it_and_a_token_is_asked_for() {
    let server = Running::start_all(|config| config.token = Some("open sesame".to_owned())).await;
    let token = [("authorization", "Bearer open sesame")];
    for (path, body, accepted) in [
        ("/requests/ingest", ndjson(2), 2),
        ("/flows/ingest", b"{\"Flow Duration\": 5}\n".to_vec(), 1),
        (
            "/behavior/ingest/",
            b"{\"failed_logins\": 1, \"request_rate\": 2, \"commands_count\": 3, \"sql_payload\": 0, \"honeytoken_access\": 0, \"session_time\": 20}\n"
                .to_vec(),
            1,
        ),
    ] {
        assert_eq!(server.send("POST", path, &[], &body).await.status, 401, "{path}");
        let answer = server.send("POST", path, &token, &body).await;
        assert_eq!((answer.status, &answer.json()["accepted"]), (202, &json!(accepted)), "{path}: {}", answer.body);
        assert_eq!(server.send("GET", path, &token, b"").await.status, 405, "{path}");
    }
    // A flow of one field has 78 values.
    let small = b"{\"Flow Duration\": 5}\n".repeat(60_000);
    let refused = server.send("POST", "/flows/ingest", &token, &small).await;
    assert!(refused.status == 413 && refused.body.contains("several"), "{} {}", refused.status, refused.body);
}
