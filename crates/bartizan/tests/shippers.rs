//! What shippers post by their own documentation, over HTTP, and the configurations that the repository has for them.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::{Running, bartizan, json, until};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json as document};
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const TOKEN: &str = "a-token-of-the-test";

/// An address of this machine that nobody else takes a port of, also while a server is away.
const HOST: &str = "127.77.0.1";

/// Line `number` of a log.
fn line(number: usize) -> String {
    format!(
        r#"198.51.100.7 - ann{number} [31/Jan/2026:09:30:{:02} +0000] "GET /reports/{number} HTTP/1.1" 200 512 "-" "curl/8.0""#,
        number % 60
    )
}

/// A folder with a model, and a server that wants a token.
fn served() -> (tempfile::TempDir, Running) {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    json(at, &["generate", "logs", "--rows", "300", "--seed", "1", "--out", "train.ndjson"]);
    json(at, &["train", "logs", "train.ndjson"]);
    let server = Running::spawn(serve(at, &format!("{HOST}:0")));
    (folder, server)
}

fn serve(at: &Path, listen: &str) -> Command {
    let mut command = bartizan(at, &["serve", "--listen", listen, "--only", "logs"]);
    command.env("AUTH_TOKEN", TOKEN).env("BARTIZAN_SERVER_ALLOWED_HOSTS", format!("{HOST},localhost"));
    command
}

/// Gets JSON with the token.
fn get(server: &Running, path: &str) -> Value {
    let answer = server.connect().exchange("GET", path, &[&format!("authorization: Bearer {TOKEN}")], "").unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

/// The audit's entities and resources, the oldest first, once nothing waits to be judged.
fn judged(server: &Running) -> Vec<(String, String)> {
    until("what was accepted is judged", || (get(server, "/logs/status")["waiting"] == 0).then_some(()));
    let audit = get(server, "/logs/audit?page_size=100");
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    audit["data"].as_array().unwrap().iter().rev().map(|row| (text(row, "entity"), text(row, "resource"))).collect()
}

/// What is posted: the name of the case, header lines, and the body of two lines of a log.
fn posted(first: usize) -> Vec<(&'static str, &'static str, String)> {
    let [a, b] = [line(first), line(first + 1)];
    let with = |objects: [Value; 2], between: &str| objects.map(|object| object.to_string()).join(between);
    let fluent_bit = || [(&a, 0.25), (&b, 0.5)].map(|(log, part)| document!({"date": 1_769_851_800.0 + part, "log": log}));
    let vector = || {
        [&a, &b].map(|message| {
            document!({"file": "/var/log/nginx/access.log", "host": "web1", "message": message, "source_type": "file", "timestamp": "2026-01-31T09:30:01.5Z"})
        })
    };
    let logstash = || {
        [&a, &b].map(|message| {
            document!({"@timestamp": "2026-01-31T09:30:01.500Z", "@version": "1", "event": {"original": message}, "host": {"name": "web1"},
                "log": {"file": {"path": "/var/log/nginx/access.log"}}, "message": message})
        })
    };
    let array = |objects| format!("[{}]", with(objects, ","));
    vec![
        ("Fluent Bit, json", "application/json", array(fluent_bit())),
        ("Fluent Bit, json_lines", "application/x-ndjson", with(fluent_bit(), "\n") + "\n"),
        ("Fluent Bit, json_stream", "application/json", with(fluent_bit(), "")),
        ("Vector, json by line", "application/x-ndjson", with(vector(), "\n") + "\n"),
        ("Vector, json", "application/json", array(vector())),
        ("Vector, text", "text/plain", format!("{a}\n{b}\n")),
        ("Logstash, json_batch", "application/json", array(logstash())),
        ("syslog-ng", "text/plain", format!("{a}\n{b}")),
        ("rsyslog, newline", "text/plain", format!("{a}\n{b}")),
        ("rsyslog, jsonarray", "application/json", array([&a, &b].map(|message| document!({"message": message})))),
    ]
}

#[test]
fn what_shippers_post_is_accepted_and_judged() {
    let (_folder, server) = served();
    let mut expected = Vec::new();
    for (case, (name, media, _)) in posted(0).into_iter().enumerate() {
        for packed in [false, true] {
            let first = 4 * case + 2 * usize::from(packed);
            let body = posted(first).swap_remove(case).2.into_bytes();
            let (media, token) = (format!("content-type: {media}"), format!("authorization: Bearer {TOKEN}"));
            let headers = [&*token, &media, "content-encoding: gzip"];
            let (headers, body) = if packed { (&headers[..], gzip(&body)) } else { (&headers[..2], body) };
            let answer = server.connect().exchange("POST", "/logs/ingest", headers, body).unwrap();
            let said: Value = serde_json::from_str(&answer.body).unwrap();
            assert_eq!((answer.status, &said["accepted"], &said["rejected"]), (202, &2.into(), &0.into()), "{name}: {said}");
            expected.extend([first, first + 1].map(|number| (format!("ann{number}"), format!("/reports/{number}"))));
        }
    }
    for (name, body) in [("message", line(900)), ("json", document!({"@version": "1", "message": line(901)}).to_string())] {
        let headers = [&format!("authorization: Bearer {TOKEN}") as &str, &format!("idempotency-key: {name}")];
        // One that is sent again counts once.
        for _ in 0..2 {
            let answer = server.connect().exchange("POST", "/logs/ingest", &headers, &body).unwrap();
            assert_eq!((answer.status, answer.body.contains(r#""accepted":1"#)), (202, true), "Logstash, {name}: {}", answer.body);
        }
    }
    expected.extend([900, 901].map(|number| (format!("ann{number}"), format!("/reports/{number}"))));
    assert_eq!(judged(&server), expected);
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// Where the repository has its configurations.
fn shipper(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/shippers").join(name)
}

/// Sends files with the script that is shipped.
fn curl(server: &Running, token: &str, at: &Path, files: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command.arg(shipper("curl.sh")).args(files).current_dir(at);
    command.env("BARTIZAN_URL", format!("http://{}", server.address)).env("BARTIZAN_TOKEN", token).output().unwrap()
}

#[test]
fn curl_sends_whole_files_that_count_once() {
    let (folder, server) = served();
    let at = folder.path();
    let log = |numbers: std::ops::Range<usize>| numbers.map(|number| line(number) + "\n").collect::<String>();
    fs::write(at.join("access.log"), log(0..3)).unwrap();
    fs::write(at.join("access.log.1.gz"), gzip(log(3..5).as_bytes())).unwrap();
    fs::write(at.join("access.log.2.zst"), zstd::encode_all(log(5..6).as_bytes(), 1).unwrap()).unwrap();
    for again in [false, true] {
        let output = curl(&server, TOKEN, at, &["access.log", "access.log.1.gz", "access.log.2.zst"]);
        let said = String::from_utf8_lossy(&output.stdout);
        let accepted: Vec<u64> =
            said.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["accepted"].as_u64().unwrap()).collect();
        assert_eq!((output.status.code(), accepted), (Some(0), vec![3, 2, 1]), "again: {again}: {}", common::stderr(&output));
    }
    assert_eq!(judged(&server), (0..6).map(|number| (format!("ann{number}"), format!("/reports/{number}"))).collect::<Vec<_>>());
    let output = curl(&server, "another-token", at, &["access.log"]);
    assert!(!output.status.success() && common::stderr(&output).contains("401"), "{output:?}");
}

/// syslog-ng with the configuration that is shipped and files of its own in `at`. Killed when dropped.
struct SyslogNg(std::process::Child);

impl SyslogNg {
    fn start(at: &Path, url: &str) -> Self {
        let installed = Path::new("/usr/sbin/syslog-ng");
        // Where the script that passes the tests unpacks it.
        let unpacked = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/syslog-ng/run");
        let mut command = Command::new(if installed.exists() { installed } else { &unpacked });
        command.args(["--foreground", "--no-caps", "--stderr", "--persist-file", "persist", "--control", "control", "--pidfile", "pid"]);
        command.arg("--cfgfile").arg(shipper("syslog-ng.conf")).current_dir(at);
        command.env("BARTIZAN_URL", url).env("BARTIZAN_TOKEN", TOKEN).env("BARTIZAN_LOG", at.join("access.log"));
        Self(command.stderr(fs::File::create(at.join("said")).unwrap()).spawn().expect("syslog-ng is there: scripts/test unpacks it"))
    }
}

impl Drop for SyslogNg {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// A server that gives these answers, one after the other, and returns the bodies that it gave them to.
fn answering(listener: TcpListener, statuses: &[u16]) -> Vec<(u16, String)> {
    let mut bodies = Vec::new();
    let mut reader = None;
    while let Some(status) = statuses.get(bodies.len()) {
        let stream = reader.get_or_insert_with(|| BufReader::new(listener.accept().unwrap().0));
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            if stream.read_line(&mut line).unwrap() == 0 {
                break;
            }
            length = line.to_lowercase().strip_prefix("content-length:").map_or(length, |rest| rest.trim().parse().unwrap());
        }
        if line.is_empty() {
            // The connection was closed between two requests.
            reader = None;
            continue;
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).unwrap();
        write!(stream.get_mut(), "HTTP/1.1 {status} x\r\nretry-after: 1\r\ncontent-length: 2\r\n\r\n{{}}").unwrap();
        bodies.push((*status, String::from_utf8(body).unwrap()));
    }
    bodies
}

#[test]
fn syslog_ng_sends_again_what_was_not_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let log: String = (0..3).map(|number| line(number) + "\n").collect();
    fs::write(at.join("access.log"), &log).unwrap();
    let listener = TcpListener::bind((HOST, 0)).unwrap();
    let _shipper = SyslogNg::start(at, &format!("http://{}", listener.local_addr().unwrap()));
    let bodies = answering(listener, &[429, 503, 202]);
    // It stops after a failure, and then begins with what was not accepted.
    assert_eq!(bodies, [429, 503, 202].map(|status| (status, log.trim_end().to_owned())));
}

#[test]
fn syslog_ng_loses_no_line_while_the_server_is_away() {
    let (folder, server) = served();
    let at = folder.path();
    let address = server.address.to_string();
    let mut log = fs::File::create(at.join("access.log")).unwrap();
    let mut written = 0;
    let mut write = |lines: usize| {
        for _ in 0..lines {
            writeln!(log, "{}", line(written)).unwrap();
            written += 1;
        }
        written
    };
    let expected = write(25);
    let shipper = SyslogNg::start(at, &format!("http://{address}"));
    let all = |server: &Running, expected: usize| {
        let said = || fs::read_to_string(at.join("said")).unwrap();
        until("every line", || (get(server, "/logs/statistics")["total_requests_analyzed"].as_u64()? >= expected as u64).then_some(()));
        let found = judged(server);
        let missing: Vec<usize> =
            (0..expected).filter(|number| !found.contains(&(format!("ann{number}"), format!("/reports/{number}")))).collect();
        assert!(missing.is_empty(), "lost: {missing:?}\n{}", said());
        found.len()
    };
    assert_eq!(all(&server, expected), 25, "no line twice while nothing goes wrong");
    // It goes away, and lines come all the same.
    assert_eq!(server.stop().0, Some(0));
    write(20);
    until("it was noticed", || fs::read_to_string(at.join("said")).unwrap().contains("error sending HTTP request").then_some(()));
    let expected = write(20);
    let server = Running::spawn(serve(at, &address));
    assert_eq!(all(&server, expected), 65, "an answer that was never sent is no reason to send twice");
    drop(shipper);
}
