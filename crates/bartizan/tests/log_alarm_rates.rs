//! The share of alarms that was asked for is the share that comes of log entries, over HTTP, as shippers and clients send them in the order of
//! time: while history builds up, after a training on it, after a stop, a kill and another training, whatever is recorded of the verdicts.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::{Connection, Running, json};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// What is asked for.
const ASKED: f64 = 0.05;
/// Entries that the first model is learned from.
const LEARNED: usize = 4_000;
/// Entries of each phase that is measured.
const PHASE: usize = 2_000;
const PHASES: usize = 5;
/// Seconds between entries: what is learned from covers more than two days, and all of it eleven.
const GAP_SECS: &str = "60";
/// Entries of a request, as shippers send them.
const BATCH: usize = 100;

/// Users of an API that the product generates, without an attack.
fn users(folder: &Path) -> Vec<String> {
    let rows = (LEARNED + (PHASES + 1) * PHASE).to_string();
    let plan = ["--rows", &rows, "--attack-share", "0", "--gap-secs", GAP_SECS, "--seed", "5", "--out", "users.ndjson"];
    json(folder, &[&["generate", "logs", "--traffic", "users"] as &[&str], &plan].concat());
    let lines = fs::read_to_string(folder.join("users.ndjson")).unwrap();
    lines.lines().map(str::to_owned).collect()
}

/// A server with its traffic, part by part.
struct Stream<'a> {
    folder: &'a Path,
    server: Option<Running>,
    rest: &'a [String],
}

impl<'a> Stream<'a> {
    fn connect(&self) -> Connection {
        self.server.as_ref().unwrap().connect()
    }

    fn start(&mut self) {
        self.server = Some(Running::start(self.folder, &["--only", "logs"]));
    }

    fn stop(&mut self) {
        assert_eq!(self.server.take().unwrap().stop().0, Some(0));
    }

    fn train(&mut self) {
        let body = json!({"training_params": {"contamination": ASKED}, "force": true}).to_string();
        let (status, answer) = self.connect().send("POST", "/logs/train", &body).unwrap();
        assert_eq!(status, 200, "{answer}");
    }

    fn take(&mut self, entries: usize) -> &'a [String] {
        let (next, rest) = self.rest.split_at(entries);
        self.rest = rest;
        next
    }

    fn flagged(&self) -> f64 {
        self.connect().get("/logs/statistics")["anomaly_count"].as_f64().unwrap()
    }

    /// Posts the next entries to the stream, and waits until they are judged; returns the share that is flagged.
    fn ingest(&mut self, entries: usize) -> f64 {
        let mut client = self.connect();
        let before = self.flagged();
        for batch in self.take(entries).chunks(BATCH) {
            let answer = client.exchange("POST", "/logs/ingest", &[], batch.join("\n")).unwrap();
            assert_eq!(answer.status, 202, "{}", answer.body);
        }
        while client.get("/logs/status")["waiting"] != 0 {
            std::thread::yield_now();
        }
        (self.flagged() - before) / entries as f64
    }

    /// Asks for the next entries in batches, which leave no trace; returns the share that is listed.
    fn detect(&self, entries: &[String]) -> f64 {
        let mut client = self.connect();
        let listed = entries.chunks(BATCH).map(|batch| {
            let (status, answer) = client.send("POST", "/logs/detect", &format!("{{\"logs\":[{}]}}", batch.join(","))).unwrap();
            assert_eq!(status, 200, "{answer}");
            answer["anomaly_count"].as_f64().unwrap()
        });
        listed.sum::<f64>() / entries.len() as f64
    }
}

/// The shares of alarms in the five phases.
fn shares(traffic: &[String], folder: &Path, record: &str, most: usize) -> [f64; PHASES] {
    let settings = format!("[detectors.logs]\nrecord = {record:?}\nmax_training_samples = {most}\n");
    fs::write(folder.join("bartizan.toml"), settings).unwrap();
    let mut stream = Stream { folder, server: None, rest: traffic };
    stream.start();
    // There is no model, and they are kept.
    stream.ingest(LEARNED);
    stream.train();
    let warm = stream.ingest(PHASE);
    stream.stop();
    stream.start();
    let restarted = stream.ingest(PHASE);
    stream.server.take().unwrap().kill();
    stream.start();
    let killed = stream.ingest(PHASE);
    stream.train();
    let again = stream.ingest(PHASE);
    stream.stop();
    stream.start();
    [warm, restarted, killed, again, stream.ingest(PHASE)]
}

#[test]
fn a_stream_of_users() {
    for (record, most) in [("all", LEARNED), ("anomalies", 2_000)] {
        let folder = tempfile::tempdir().unwrap();
        let shares = shares(&users(folder.path()), folder.path(), record, most);
        println!("users, {record}: asked for {ASKED}, warm, restarted, killed, trained again, restarted: {shares:?}");
        let mean = shares.iter().sum::<f64>() / PHASES as f64;
        assert!(shares.iter().all(|share| *share <= 2.0 * ASKED), "{record}: {shares:?}");
        assert!((0.5 * ASKED..=1.5 * ASKED).contains(&mean), "{record}: {mean} of {shares:?}");
    }
}

/// A client that only ever trains on what it has and asks for the batches that follow, one after the other, has windows without a past.
#[test]
fn batches_of_users_without_a_stream() {
    let folder = tempfile::tempdir().unwrap();
    let traffic = users(folder.path());
    let mut stream = Stream { folder: folder.path(), server: None, rest: &traffic };
    stream.start();
    let body = format!("{{\"logs\":[{}],\"training_params\":{{\"contamination\":{ASKED}}}}}", stream.take(LEARNED).join(","));
    let (status, answer) = stream.connect().send("POST", "/logs/train", &body).unwrap();
    assert_eq!((status, &answer["training_samples"]), (200, &Value::from(LEARNED)), "{answer}");
    let cold = stream.detect(&stream.rest[..2 * PHASE]);
    let one = stream.detect(&stream.rest[..BATCH]);
    stream.ingest(2 * PHASE);
    let warm = stream.detect(&stream.rest[..PHASE]);
    println!("users, asked for {ASKED}: {cold} in batches without a past (the first: {one}), {warm} with one; training said {answer}");
    assert!(cold <= 2.0 * ASKED && warm <= 2.0 * ASKED, "{cold} without, {warm} with a past");
}
