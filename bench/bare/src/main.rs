//! The ceiling of one durable verdict a request: parses `POST /analyze`, has a row of eight columns committed, answers.
//!
//! Nothing is extracted and nothing is scored. One thread writes; it commits whatever has queued up while its last
//! transaction ran, and no request is answered before the transaction with its row has been committed.
//!
//! Usage: `bare PORT DATABASE`, or `bare PORT` to parse and answer without writing.

use std::sync::mpsc;
use std::thread;

use anyhow::Context;
use axum::Router;
use axum::extract::{Json, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::oneshot;

/// The most rows of one transaction.
const MAX_ROWS: usize = 4096;

const SCHEMA: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    CREATE TABLE IF NOT EXISTS verdict (id INTEGER PRIMARY KEY, request_id TEXT NOT NULL, address TEXT NOT NULL,
        endpoint TEXT NOT NULL, method TEXT NOT NULL, anomalous INTEGER NOT NULL, score REAL NOT NULL, model TEXT NOT NULL)";
const INSERT: &str = "INSERT INTO verdict (request_id, address, endpoint, method, anomalous, score, model) VALUES (?, ?, ?, ?, ?, ?, ?)";

/// The body of `/analyze`. Headers and payload are parsed like the rest and then dropped.
#[derive(Debug, Deserialize)]
struct Request {
    request_id: String,
    ip_address: String,
    endpoint: String,
    http_method: String,
    #[serde(rename = "headers")]
    _headers: Map<String, Value>,
    #[serde(rename = "payload", default)]
    _payload: Value,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
struct Answer {
    request_id: String,
    #[serde(rename = "isAnomaly")]
    is_anomaly: bool,
    confidence: f64,
    model_version: &'static str,
    analyzed_at: &'static str,
}

/// A row on its way to the disk, and who waits for it.
struct Job {
    request: Request,
    committed: oneshot::Sender<Request>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let port: u16 = arguments.next().and_then(|p| p.parse().ok()).context("usage: bare PORT [DATABASE]")?;
    let writer = arguments.next().map(|file| start_writer(&file)).transpose()?;
    let router = Router::new().route("/analyze", post(analyze)).route("/health", get(|| async { "{}" })).with_state(writer);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, router).await?;
    Ok(())
}

async fn analyze(State(writer): State<Option<mpsc::Sender<Job>>>, Json(request): Json<Request>) -> Result<Json<Answer>, StatusCode> {
    let request = match writer {
        Some(writer) => commit(&writer, request).await.ok_or(StatusCode::SERVICE_UNAVAILABLE)?,
        None => request,
    };
    Ok(Json(Answer {
        request_id: request.request_id,
        is_anomaly: false,
        confidence: 0.5,
        model_version: "v1.0",
        analyzed_at: "2026-01-01T00:00:00Z",
    }))
}

async fn commit(writer: &mpsc::Sender<Job>, request: Request) -> Option<Request> {
    let (committed, done) = oneshot::channel();
    writer.send(Job { request, committed }).ok()?;
    done.await.ok()
}

fn start_writer(file: &str) -> anyhow::Result<mpsc::Sender<Job>> {
    let database = Connection::open(file)?;
    database.execute_batch(SCHEMA)?;
    let (sender, jobs) = mpsc::channel();
    thread::spawn(move || {
        if let Err(error) = write(database, &jobs) {
            eprintln!("the writer stopped: {error}");
        }
    });
    Ok(sender)
}

fn write(mut database: Connection, jobs: &mpsc::Receiver<Job>) -> rusqlite::Result<()> {
    while let Ok(first) = jobs.recv() {
        let batch: Vec<Job> = std::iter::once(first).chain(jobs.try_iter().take(MAX_ROWS - 1)).collect();
        let transaction = database.transaction()?;
        {
            let mut insert = transaction.prepare_cached(INSERT)?;
            for Job { request: r, .. } in &batch {
                insert.execute(params![r.request_id, r.ip_address, r.endpoint, r.http_method, false, 0.5, "v1.0"])?;
            }
        }
        transaction.commit()?;
        for job in batch {
            // Whoever asked may have gone away; the row is on disk all the same.
            drop(job.committed.send(job.request));
        }
    }
    Ok(())
}
