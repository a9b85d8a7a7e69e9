//! Rows a second through `record`, one row a call, beside a bare table of 8 columns with the same group commit.
//!
//! `cargo run --release -p bartizan-storage-sqlite --example insert_bench -- [TASKS] [SECONDS] [power] [FOLDER]`

use bartizan_core::{Timestamp, Verdict};
use bartizan_storage::{AuditFilter, DetectionKey, DetectionRepository, Judged, NewDetection};
use bartizan_storage_sqlite::{Durability, SqliteOptions, SqliteStore};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

struct Row {
    texts: [String; 4],
}

type BareJob = (Row, oneshot::Sender<Row>);

fn bare_writer(file: &Path, jobs: &Receiver<BareJob>, durability: Durability) -> rusqlite::Result<()> {
    let mut db = rusqlite::Connection::open(file)?;
    let synchronous = if durability == Durability::Power { "FULL" } else { "NORMAL" };
    db.execute_batch(&format!(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous}; CREATE TABLE IF NOT EXISTS analysis(id INTEGER PRIMARY KEY, \
         request_id TEXT, ip TEXT, endpoint TEXT, method TEXT, is_anomaly INTEGER, confidence REAL, model_version TEXT)"
    ))?;
    while let Ok(first) = jobs.recv() {
        let batch: Vec<BareJob> = std::iter::once(first).chain(jobs.try_iter().take(4095)).collect();
        let transaction = db.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO analysis(request_id, ip, endpoint, method, is_anomaly, confidence, model_version) VALUES(?,?,?,?,?,?,?)",
            )?;
            for (Row { texts: [a, b, c, d] }, _) in &batch {
                insert.execute((a, b, c, d, false, 0.9, "v1.0"))?;
            }
        }
        transaction.commit()?;
        for (row, done) in batch {
            // Nobody waits after the last second.
            let _ = done.send(row);
        }
    }
    Ok(())
}

fn texts(number: u64) -> [String; 4] {
    [
        format!("{number:08x}-7f3a-4b52-9c1e-0d2f4a6b8c1e"),
        format!("203.0.{}.{}", number % 200, number % 250),
        "/api/v1/users/profile".to_owned(),
        "POST".to_owned(),
    ]
}

fn detection(number: u64, detector: &Arc<str>, version: &Arc<str>) -> NewDetection {
    let [event_id, entity, resource, action] = texts(number);
    let verdict = if number.is_multiple_of(50) { Verdict::Anomalous } else { Verdict::Normal };
    let judged = Judged {
        score: 0.41,
        threshold: 0.6,
        grade: 0.3,
        confidence: 0.93,
        verdict,
        model_version: Arc::clone(version),
        learning: false,
        class: None,
    };
    NewDetection {
        detector: Arc::clone(detector),
        event_id,
        entity,
        resource,
        action,
        event_time: Timestamp::from_secs(1_750_000_000 + number as i64 / 1000),
        analyzed_at: Timestamp::from_micros(1_750_000_000_000_000 + number as i64 * 17),
        judged: Some(judged),
        sample: (0..40).map(|i| i as f32 + number as f32).collect(),
        event: vec![number as u8; 500],
        label: None,
        sampled: true,
    }
}

/// Runs `call` in a loop on many tasks; gives rows a second and all latencies in microseconds, sorted.
async fn drive<F>(tasks: u64, time: Duration, call: impl Fn(u64) -> F + Clone + Send + 'static) -> (f64, Vec<u32>)
where
    F: Future<Output = ()> + Send,
{
    let all = Arc::new(Mutex::new(Vec::new()));
    let next = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let run = || {
        let (all, next, call) = (Arc::clone(&all), Arc::clone(&next), call.clone());
        tokio::spawn(async move {
            let mut mine = Vec::new();
            while start.elapsed() < time {
                let began = Instant::now();
                call(next.fetch_add(1, Ordering::Relaxed)).await;
                mine.push(began.elapsed().as_micros() as u32);
            }
            all.lock().expect("no task panicked").extend(mine);
        })
    };
    let running: Vec<_> = (0..tasks).map(|_| run()).collect();
    for task in running {
        task.await.expect("no task panicked");
    }
    let seconds = start.elapsed().as_secs_f64();
    let mut latencies = std::mem::take(&mut *all.lock().expect("no task panicked"));
    latencies.sort_unstable();
    (latencies.len() as f64 / seconds, latencies)
}

/// Processor time of this process in seconds, where the system tells.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn report(name: &str, rate: f64, latencies: &[u32], cpu: f64) {
    let at = |share: f64| latencies.get((latencies.len() as f64 * share) as usize).copied().unwrap_or(0);
    let each = cpu * 1e6 / latencies.len().max(1) as f64;
    println!(
        "{name:10} {rate:8.0} rows/s   p50 {:6} us   p99 {:6} us   p99.9 {:6} us   max {:7} us   cpu {each:5.1} us/row",
        at(0.5),
        at(0.99),
        at(0.999),
        latencies.last().copied().unwrap_or(0)
    );
}

async fn bare(tasks: u64, time: Duration, durability: Durability, file: PathBuf) {
    let (send, receive): (Sender<BareJob>, _) = channel();
    let thread = std::thread::spawn(move || bare_writer(&file, &receive, durability).expect("the bare table can be written"));
    let began = processor_seconds();
    let call = move |number| {
        let (done, committed) = oneshot::channel();
        let sent = send.send((Row { texts: texts(number) }, done));
        async move {
            sent.expect("the writer runs");
            committed.await.expect("the writer answers");
        }
    };
    let (rate, latencies) = drive(tasks, time, call).await;
    thread.join().expect("the writer ends");
    report("bare", rate, &latencies, processor_seconds() - began);
}

async fn store(tasks: u64, time: Duration, durability: Durability, file: PathBuf) {
    let options = SqliteOptions { durability, ..SqliteOptions::new(&file) };
    let store = Arc::new(SqliteStore::open(options).expect("the store opens"));
    let (detector, version): (Arc<str>, Arc<str>) = ("requests".into(), "v1.0".into());
    let began = processor_seconds();
    let call = {
        let store = Arc::clone(&store);
        move |number| {
            let (store, row) = (Arc::clone(&store), detection(number, &detector, &version));
            async move { drop(store.record(vec![row]).await.expect("the row is stored")) }
        }
    };
    let (rate, latencies) = drive(tasks, time, call).await;
    report("store", rate, &latencies, processor_seconds() - began);
    let wal = std::fs::metadata(file.with_extension("db-wal")).map_or(0, |m| m.len());
    println!("           wal {} MB", wal / 1_000_000);
    queries(&store).await;
    store.close().await;
    println!("           {} bytes a row", std::fs::metadata(&file).map_or(0, |m| m.len()) / latencies.len().max(1) as u64);
}

async fn queries(store: &SqliteStore) {
    let all = AuditFilter::default;
    let cases = [
        ("all", all()),
        ("anomalous", AuditFilter { is_anomaly: Some(true), ..all() }),
        ("normal", AuditFilter { is_anomaly: Some(false), ..all() }),
        ("entity", AuditFilter { entity: Some("203.0.7.7".to_owned()), ..all() }),
        ("confidence", AuditFilter { min_confidence: Some(0.95), ..all() }),
        ("labelled", AuditFilter { has_label: Some(true), ..all() }),
    ];
    for (name, filter) in cases {
        let began = Instant::now();
        let page = store.audit("requests", &filter, 0, 20).await.expect("the audit works");
        println!("           audit {name:10} {:8.2} ms for {} rows", began.elapsed().as_secs_f64() * 1e3, page.total);
    }
    for (name, key) in [("the first", texts(0)[0].clone()), ("a missing", "none".to_owned())] {
        let began = Instant::now();
        let found = store.find("requests", &DetectionKey::EventId(key)).await.expect("the search works");
        println!("           find {name} event id {:8.2} ms ({})", began.elapsed().as_secs_f64() * 1e3, found.is_some());
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default| args.get(at).and_then(|a| a.parse::<u64>().ok()).unwrap_or(default);
    let (tasks, time) = (number(0, 64), Duration::from_secs(number(1, 5)));
    let durability = if args.iter().any(|a| a == "power") { Durability::Power } else { Durability::Process };
    let folder = args.get(3).map_or_else(std::env::temp_dir, PathBuf::from).join(format!("insert-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("the runtime starts");
    for round in 0..2 {
        runtime.block_on(bare(tasks, time, durability, folder.join(format!("bare{round}.db"))));
        runtime.block_on(store(tasks, time, durability, folder.join(format!("store{round}.db"))));
    }
    std::fs::remove_dir_all(&folder).expect("the folder can be removed");
}
