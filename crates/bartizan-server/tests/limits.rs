//! Authentication, limits and timeouts: clients without rights, slow clients and malformed requests.

mod support;

use bartizan_server::{ApiKey, BindError, Mounts, Scope, Server};
use serde_json::{Value, json};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use support::{Running, loopback, parse, record, request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const TOKEN: &str = "open sesame";

async fn guarded() -> Running {
    Running::start_with(|config| {
        config.token = Some(TOKEN.to_owned());
        config.keys = vec![ApiKey { name: "gateway".to_owned(), token: "judge".to_owned(), scopes: vec![Scope::Judge] }];
        config.max_body_bytes = 1000;
    })
    .await
}

#[tokio::test]
async fn authentication_comes_first() {
    let server = guarded().await;
    let missing = json!({"detail": "Not authenticated"});
    let wrong = json!({"detail": "Invalid authentication credentials"});
    let master = format!("Bearer {TOKEN}");
    let large = vec![b'x'; 5000];
    for (method, path, token, body, status, expected) in [
        ("POST", "/requests/analyze", None, &b"{}"[..], 401, missing.clone()),
        ("POST", "/requests/analyze", None, &large, 401, missing.clone()),
        ("POST", "/requests/analyze", Some("Basic abc"), b"{}", 401, missing.clone()),
        ("POST", "/requests/analyze", Some("Bearer nope"), b"{}", 401, wrong.clone()),
        ("GET", "/requests/nowhere", None, b"", 401, missing.clone()),
        ("GET", "/requests/nowhere", Some(&master), b"", 404, json!({"detail": "Not Found"})),
        ("DELETE", "/requests/analyze/", Some(&master), b"", 405, json!({"detail": "Method Not Allowed"})),
        ("OPTIONS", "/requests/analyze", None, b"", 401, missing),
        ("GET", "/requests/statistics", Some("Bearer judge"), b"", 403, json!({"detail": "Not enough permissions"})),
        ("POST", "/requests/analyze", Some(&master), &large, 413, json!({"detail": "Request body too large: limit 1000 bytes"})),
    ] {
        let headers: Vec<_> = token.map(|token| ("authorization", token)).into_iter().collect();
        let answer = server.send(method, path, &headers, body).await;
        assert_eq!((answer.status, answer.json()), (status, expected), "{method} {path} {token:?}");
        assert_eq!(answer.header("www-authenticate"), (status == 401).then_some("Bearer"), "{method} {path} {token:?}");
        assert!(answer.header("x-request-id").is_some());
    }
    for open in ["/", "/health", "/metrics", "/docs", "/redoc", "/openapi.json"] {
        for path in [open.to_owned(), format!("/requests{open}")] {
            assert_eq!(server.get(&path).await.status, 200, "{path}");
        }
    }
    let judged = server.send("POST", "/requests/analyze", &[("authorization", "bearer judge")], record(0).to_string().as_bytes()).await;
    assert_eq!(judged.status, 503);
}

#[tokio::test]
async fn refused_requests_count_under_their_route() {
    let server = guarded().await;
    let line = |text: &str, start: &str| text.lines().find(|line| line.starts_with(start)).map(str::to_owned);
    let before = server.get("/metrics").await.body;
    let counted = "api_requests_total{method=\"POST\",endpoint=\"/requests/analyze\"}";
    assert_eq!(line(&before, counted).as_deref(), Some(format!("{counted} 0").as_str()));
    let anomalies = "anomalies_detected_total{detector=\"requests\"} 0";
    assert_eq!(line(&before, anomalies).as_deref(), Some(anomalies));
    server.post("/requests/analyze", &Value::Null).await;
    server.send("POST", "/requests/analyze", &[("authorization", "Bearer judge")], b"{}").await;
    server.get("/nowhere").await;
    let after = server.get("/requests/metrics").await.body;
    assert_eq!(line(&after, counted).as_deref(), Some(format!("{counted} 2").as_str()));
    assert_eq!(line(&after, "api_responses_total{status=\"422\"}").as_deref(), Some("api_responses_total{status=\"422\"} 1"));
    let unmatched = "api_requests_total{method=\"ANY\",endpoint=\"unmatched\"}";
    assert_eq!(line(&after, unmatched).as_deref(), Some(format!("{unmatched} 1").as_str()));
}

#[tokio::test]
async fn bodies_beyond_the_limit_are_refused_whole_or_streamed() {
    let server = Running::start_with(|config| config.max_body_bytes = 1 << 20).await;
    let expected = json!({"detail": "Request body too large: limit 1048576 bytes"});
    let large = vec![b' '; 5 << 20];
    for path in ["/requests/analyze", "/requests/train"] {
        let whole = server.send("POST", path, &[], &large).await;
        assert_eq!((whole.status, whole.json()), (413, expected.clone()), "{path}");
        let mut chunked = request("POST", path, &[("transfer-encoding", "chunked")], b"");
        for chunk in large.chunks(64 << 10) {
            chunked.extend(format!("{:x}\r\n", chunk.len()).bytes());
            chunked.extend(chunk);
            chunked.extend(b"\r\n");
        }
        chunked.extend(b"0\r\n\r\n");
        let streamed = server.raw(&chunked).await;
        assert_eq!((streamed.status, streamed.json()), (413, expected.clone()), "{path} chunked");
    }
    let small = record(0).to_string();
    let chunked = format!("{:x}\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n", 10, &small[..10], small.len() - 10, &small[10..]);
    let head = request("POST", "/requests/analyze", &[("transfer-encoding", "chunked")], b"");
    assert_eq!(server.raw(&[head, chunked.into_bytes()].concat()).await.status, 503);
}

#[tokio::test]
async fn odd_bodies_cost_nothing() {
    let server = Running::start().await;
    server.train("v1.0", 150).await;
    let mut many = record(0);
    many["headers"] = (0..10_000).map(|i| (format!("X-Header-{i}"), json!("value"))).collect::<serde_json::Map<_, _>>().into();
    let with_payload = |payload: &str| record(0).to_string().replace("{\"name\":\"user 0\"}", payload);
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let stamped = |time: &str| record(0).to_string().replace("2026-01-01T00:00:00Z", time);
    for (name, body, allowed) in [
        ("many headers", many.to_string(), &[200][..]),
        ("deep payload", with_payload(&deep), &[200]),
        ("deep body", deep.clone(), &[422]),
        ("not a number", with_payload("NaN"), &[422]),
        ("infinity", with_payload("-Infinity"), &[422]),
        ("huge number", with_payload("1e400"), &[200, 422]),
        ("1970", stamped("1970-01-01T00:00:00Z"), &[200]),
        ("2262", stamped("2262-04-12T00:00:00+01:00"), &[200]),
        ("no time", stamped("yesterday"), &[422]),
        ("half a body", record(0).to_string()[..50].to_owned(), &[422]),
    ] {
        let answer = server.send("POST", "/requests/analyze", &[], body.as_bytes()).await;
        assert!(allowed.contains(&answer.status), "{name}: {} {}", answer.status, &answer.body[..answer.body.len().min(500)]);
        let train = format!("{{\"model_version\": \"v2\", \"requests\": [{body}]}}");
        let answer = server.send("POST", "/requests/train", &[], train.as_bytes()).await;
        assert!(
            [200, 422].contains(&answer.status),
            "{name} in training: {} {}",
            answer.status,
            &answer.body[..answer.body.len().min(500)]
        );
    }
    let binary = server.send("POST", "/requests/analyze", &[], b"\x00\xff\xfe\x80").await;
    assert_eq!(binary.status, 422);
    assert_eq!(server.get("/requests/health").await.status, 200);
}

#[tokio::test]
async fn heads_are_limited_in_size_and_time() {
    let server = Running::start_with(|config| {
        config.header_timeout_secs = 1;
        config.keep_alive_secs = 1;
        config.max_header_bytes = 8192;
    })
    .await;
    let long = "x".repeat(20_000);
    assert_eq!(server.send("GET", "/health", &[("x-long", &long)], b"").await.status, 431);
    let names: Vec<String> = (0..200).map(|i| format!("x-{i}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(server.send("GET", "/health", &many, b"").await.status, 431);
    for begun in [&b""[..], b"GET /health HT"] {
        let mut stream = server.connect().await;
        stream.write_all(begun).await.unwrap();
        let mut rest = Vec::new();
        // Returns when the server has closed, which is what is tested; a server that does not would hang here.
        let _ = stream.read_to_end(&mut rest).await;
        assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    }
}

#[tokio::test]
async fn bodies_that_do_not_come_end_in_time() {
    let server = Running::start_with(|config| config.request_timeout_secs = 1).await;
    for (path, status) in [("/requests/analyze", 503), ("/requests/train", 408)] {
        let mut stream = server.connect().await;
        stream.write_all(format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n{{").as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let read = stream.read(&mut answer).await.unwrap();
        assert_eq!(parse(&answer[..read]).status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_requests_than_allowed_get_retry_after_and_slow_senders_block_no_others() {
    let server = Running::start_with(|config| config.max_concurrent_requests = 1).await;
    assert_eq!(server.train("v1.0", 150).await.status, 200);
    let mut holding = server.connect().await;
    let head = b"POST /requests/analyze HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\nexpect: 100-continue\r\n\r\n";
    holding.write_all(head).await.unwrap();
    let mut interim = [0; 25];
    holding.read_exact(&mut interim).await.unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100"));
    assert_eq!(server.post("/requests/analyze", &record(0)).await.status, 200, "a body on its way is no work");

    // A request that waits to be recorded is at work for as long as somebody else holds the database.
    let other = rusqlite::Connection::open(server.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = async {
        loop {
            let answer = server.get("/requests/features").await;
            if answer.status != 200 {
                other.execute_batch("COMMIT").unwrap();
                return answer;
            }
        }
    };
    // It may itself be refused with `Retry-After` while the other is in progress.
    let event = record(1);
    let recorded = async { while server.post("/requests/analyze", &event).await.status != 200 {} };
    let ((), refused) = tokio::join!(recorded, refused);
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    assert!(refused.body.contains("Too many requests at once"), "{}", refused.body);
    assert_eq!(server.get("/health").await.status, 200);
    drop(holding);
}

#[tokio::test]
async fn stopping_loses_nothing_that_was_begun() {
    let mut server = Running::start().await;
    server.train("v1.0", 150).await;
    let mut begun = Vec::new();
    for i in 0..20 {
        let mut stream = server.connect().await;
        let body = record(i).to_string();
        let head =
            format!("POST /requests/analyze HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).await.unwrap();
        begun.push((stream, body));
    }
    let ended = server.stop();
    for (mut stream, body) in begun {
        stream.write_all(body.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = parse(&answer);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(answer.json()["id"].as_i64().is_some());
    }
    ended.await.unwrap().unwrap();
    assert!(tokio::net::TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn cross_origin_requests_follow_the_configured_origins() {
    let (closed, open) = (Running::start().await, guarded().await);
    let ask = [("access-control-request-method", "POST"), ("access-control-request-headers", "authorization")];
    for (server, origin, status, allowed) in [
        (&closed, "http://localhost:3000", 204, Some("http://localhost:3000")),
        (&closed, "https://evil.example", 400, None),
        (&open, "https://evil.example", 204, Some("*")),
    ] {
        let headers = [ask[0], ask[1], ("origin", origin)];
        let preflight = server.send("OPTIONS", "/requests/analyze", &headers, b"").await;
        assert_eq!((preflight.status, preflight.header("access-control-allow-origin")), (status, allowed), "{origin}");
        assert_eq!(preflight.header("access-control-allow-credentials"), None);
        let real = server.send("GET", "/health", &[("origin", origin)], b"").await;
        assert_eq!((real.status, real.header("access-control-allow-origin")), (200, allowed), "{origin}");
    }
    let forged = closed.send("POST", "/requests/train", &[("origin", "https://evil.example")], b"{}").await;
    assert_eq!((forged.status, forged.json()), (403, json!({"detail": "Origin not allowed"})));
}

#[tokio::test]
async fn head_is_get_without_the_body_and_ids_are_echoed() {
    let server = Running::start().await;
    let head = server.send("HEAD", "/requests/status/", &[("x-request-id", "trace-7")], b"").await;
    assert_eq!((head.status, head.body.as_str(), head.header("x-request-id")), (200, "", Some("trace-7")));
    let other = server.send("BREW", "/requests/status", &[], b"").await;
    assert_eq!((other.status, other.header("allow")), (405, Some("GET, HEAD")));
}

#[tokio::test]
async fn settings_that_would_expose_or_confuse_are_refused() {
    let clock = || Arc::new(Still) as Arc<dyn bartizan_pipeline::Clock>;
    let mut exposed = loopback();
    exposed.listen = "0.0.0.0:0".parse().unwrap();
    let error = Server::bind(exposed.clone(), Mounts::default(), clock()).await.err().unwrap().to_string();
    for word in ["AUTH_TOKEN", "--token-file", "server.token"] {
        assert!(error.contains(word), "{error}");
    }
    exposed.token = Some("secret".to_owned());
    let running = Server::bind(exposed, Mounts::default(), clock()).await.ok().unwrap();
    let mut taken = loopback();
    taken.listen.set_port(running.local_addr().port());
    assert!(matches!(Server::bind(taken, Mounts::default(), clock()).await.err(), Some(BindError::InUse(_))));
    let mut rootless = loopback();
    rootless.root = Some("flows".to_owned());
    assert!(matches!(Server::bind(rootless, Mounts::default(), clock()).await.err(), Some(BindError::UnknownRoot(..))));
    let mut empty = loopback();
    empty.token = Some(" ".to_owned());
    assert!(matches!(Server::bind(empty, Mounts::default(), clock()).await.err(), Some(BindError::EmptyToken)));
}

#[tokio::test]
async fn a_panic_is_one_answer_of_500_and_nothing_more() {
    let clock = Arc::new(Breaking(AtomicBool::new(false)));
    let server = Running::start_at(Arc::clone(&clock) as Arc<dyn bartizan_pipeline::Clock>, |_| {}).await;
    clock.0.store(true, Ordering::Relaxed);
    for (method, path) in [("GET", "/requests/health"), ("POST", "/requests/analyze")] {
        let answer = server.send(method, path, &[], b"{}").await;
        assert_eq!((answer.status, answer.json()), (500, json!({"detail": "Internal Server Error"})), "{path}");
        assert!(answer.header("x-request-id").is_some());
    }
    clock.0.store(false, Ordering::Relaxed);
    assert_eq!(server.get("/requests/health").await.status, 200);
}

/// A clock that panics on demand.
struct Breaking(AtomicBool);

impl bartizan_pipeline::Clock for Breaking {
    fn now(&self) -> bartizan_core::Timestamp {
        assert!(!self.0.load(Ordering::Relaxed), "the clock is broken");
        bartizan_core::Timestamp::from_secs(1)
    }
}

struct Still;

impl bartizan_pipeline::Clock for Still {
    fn now(&self) -> bartizan_core::Timestamp {
        bartizan_core::Timestamp::from_secs(0)
    }
}

#[tokio::test]
async fn every_answer_is_kept_from_being_sniffed_framed_or_traced() {
    let server = guarded().await;
    let master = format!("Bearer {TOKEN}");
    let token = [("authorization", master.as_str())];
    let large = vec![b'x'; 5000];
    for (method, path, headers, body, status) in [
        ("GET", "/health", &[][..], &b""[..], 200),
        ("GET", "/docs", &[], b"", 200),
        ("GET", "/metrics", &[], b"", 200),
        ("GET", "/requests/models", &[], b"", 401),
        ("GET", "/nowhere", &token, b"", 404),
        ("PUT", "/requests/train", &token, b"", 405),
        ("POST", "/requests/train", &token, &large, 413),
        ("POST", "/requests/train", &token, b"{", 422),
        ("POST", "/requests/analyze", &token, record(0).to_string().as_bytes(), 503),
    ] {
        let answer = server.send(method, path, headers, body).await;
        assert_eq!(answer.status, status, "{path}");
        for (name, value) in [("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"), ("referrer-policy", "no-referrer")] {
            assert_eq!(answer.header(name), Some(value), "{path} {status}");
        }
        assert!(answer.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"), "{path} {status}");
    }
}

#[tokio::test]
async fn a_host_that_is_not_of_this_machine_is_refused_without_a_token() {
    let server = Running::start().await;
    let get = |target: &str, version: &str, hosts: &str| format!("GET {target} {version}\r\n{hosts}connection: close\r\n\r\n");
    for (request, status, word) in [
        (get("/requests/audit", "HTTP/1.1", "host: rebound.example:8000\r\n"), 421, "host rebound.example is"),
        (get("http://rebound.example/requests/audit", "HTTP/1.1", "host: localhost\r\n"), 421, "server.allowed_hosts"),
        (get("/requests/audit", "HTTP/1.1", ""), 400, "no Host header"),
        (get("/requests/audit", "HTTP/1.1", "host: localhost\r\nhost: localhost\r\n"), 400, "more than one Host"),
        (get("/requests/audit", "HTTP/1.0", ""), 200, "total_records"),
        (get("/requests/audit", "HTTP/1.1", "host: 127.0.0.1:8000\r\n"), 200, "total_records"),
    ] {
        let answer = server.raw(request.as_bytes()).await;
        assert_eq!(answer.status, status, "{request}{}", answer.body);
        assert!(answer.body.contains(word), "{request}{}", answer.body);
        assert!(status == 200 || answer.json()["detail"].is_string());
    }
    let named = Running::start_with(|config| config.allowed_hosts = vec!["rebound.example".to_owned()]).await;
    let answer = named.raw(get("/requests/audit", "HTTP/1.1", "host: rebound.example:8000\r\n").as_bytes()).await;
    assert_eq!(answer.status, 200);
}

/// Sends a request on a connection and reads its answer by its `Content-Length`.
async fn exchange(stream: &mut tokio::net::TcpStream, head: &str, body: &[u8]) -> Option<u16> {
    let head = format!("{head} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n", body.len());
    let (mut read, mut write) = stream.split();
    let bytes = [head.as_bytes(), body].concat();
    let sending = async { write.write_all(&bytes).await.is_ok() };
    let answering = async {
        let mut got = Vec::new();
        loop {
            if let Some(end) = got.windows(4).position(|four| four == b"\r\n\r\n") {
                let answer = parse(&got);
                let length: usize = answer.header("content-length")?.parse().ok()?;
                if got.len() >= end + 4 + length {
                    return Some(answer.status);
                }
            }
            if read.read_buf(&mut got).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    };
    let (sent, status) = tokio::join!(sending, answering);
    status.filter(|_| sent)
}

#[tokio::test]
async fn a_connection_goes_on_after_a_body_that_nobody_reads() {
    let server = guarded().await;
    let open = Running::start().await;
    let large = vec![b'x'; 3 << 20];
    for (server, head, status) in [
        (&open, "GET /health", 200),
        (&open, "GET /requests/audit", 200),
        (&open, "GET /nowhere", 404),
        (&open, "PATCH /requests/train", 405),
        (&open, "POST /requests/load-model", 404),
        (&open, "POST /requests/models/v9/activate", 404),
        (&server, "POST /requests/analyze", 401),
        (&server, "GET /health", 413),
    ] {
        let mut stream = server.connect().await;
        for round in 0..3 {
            assert_eq!(exchange(&mut stream, head, &large).await, Some(status), "{head}, round {round}");
        }
        assert_eq!(exchange(&mut stream, "GET /health", b"").await, Some(200), "{head}");
    }
}

#[tokio::test]
async fn idle_connections_are_evicted_for_new_ones() {
    for (most, of_one) in [(4, 100), (100, 4)] {
        let server = Running::start_with(|config| {
            config.max_connections = most;
            config.max_connections_per_address = of_one;
        })
        .await;
        let mut idle = Vec::new();
        for _ in 0..20 {
            let mut stream = server.connect().await;
            // An answer shows that the connection was taken in.
            assert_eq!(exchange(&mut stream, "GET /health", b"").await, Some(200), "at most {most}, {of_one} of an address");
            idle.push(stream);
        }
        let metrics = server.get("/metrics").await.body;
        assert!(metrics.contains("\nbartizan_connections_evicted_total 17\n"), "{metrics}");
        assert!(metrics.contains("\nbartizan_connections_refused_total 0\n"), "{metrics}");
    }
}

/// One operation of an OpenAPI document.
fn described<'a>(document: &'a Value, path: &str, method: &str) -> &'a Value {
    &document["paths"][path][method]
}

#[tokio::test]
async fn the_document_describes_what_is_enforced() {
    let (open, closed) = (Running::start().await.get("/openapi.json").await.json(), guarded().await.get("/openapi.json").await.json());
    for (path, kind) in [("/docs", "text/html"), ("/redoc", "text/html"), ("/metrics", "text/plain"), ("/openapi.json", "application/json")]
    {
        for prefix in ["", "/requests"] {
            let content = &described(&closed, &format!("{prefix}{path}"), "get")["responses"]["200"]["content"];
            assert_eq!(content.as_object().unwrap().keys().collect::<Vec<_>>(), [kind], "{prefix}{path}");
        }
    }
    for (path, item) in closed["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let statuses = |document: &Value| described(document, path, method)["responses"].as_object().unwrap().clone();
            let (with, without) = (statuses(&closed), statuses(&open));
            assert_eq!(operation.get("security").is_some(), with.contains_key("401"), "{method} {path}");
            assert!(described(&open, path, method).get("security").is_none() && !without.contains_key("401"), "{method} {path}");
            for status in ["400", "421", "500", "503"] {
                assert!(with.contains_key(status), "{method} {path} {status}");
            }
            for status in ["408", "413", "415"] {
                assert_eq!(with.contains_key(status), operation.get("requestBody").is_some(), "{method} {path} {status}");
            }
        }
    }
    assert!(closed["components"]["securitySchemes"].is_object() && open["components"].get("securitySchemes").is_none());
}
