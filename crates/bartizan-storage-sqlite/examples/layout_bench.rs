//! What other layouts of the tables would cost: one thread, small transactions, then counting and finding.
//!
//! `cargo run --release -p bartizan-storage-sqlite --example layout_bench -- [ROWS] [ROWS_A_TRANSACTION]`

use rusqlite::Connection;
use std::path::Path;
use std::time::Instant;

const NARROW: &str = "id INTEGER PRIMARY KEY, verdict INTEGER, label INTEGER, learning INTEGER NOT NULL, version INTEGER, confidence REAL, \
     analyzed_at INTEGER NOT NULL, entity TEXT NOT NULL, event_id TEXT NOT NULL, event_time INTEGER NOT NULL, score REAL, threshold REAL, \
     grade REAL, resource TEXT NOT NULL, action TEXT NOT NULL";

struct Layout {
    name: &'static str,
    page_size: u32,
    wide: bool,
    hash: bool,
    extra: &'static str,
}

const LAYOUTS: [Layout; 7] = [
    Layout { name: "two tables (as built)", page_size: 4096, wide: true, hash: false, extra: "" },
    Layout { name: "two tables, 8 KB pages", page_size: 8192, wide: true, hash: false, extra: "" },
    Layout { name: "one table", page_size: 4096, wide: false, hash: false, extra: "" },
    Layout { name: "two, text index", page_size: 4096, wide: true, hash: false, extra: "CREATE INDEX e ON d(event_id)" },
    Layout { name: "two, 64-bit hash index", page_size: 4096, wide: true, hash: true, extra: "CREATE INDEX e ON d(hash)" },
    Layout { name: "two, entity index", page_size: 4096, wide: true, hash: false, extra: "CREATE INDEX e ON d(entity)" },
    Layout { name: "two, time index", page_size: 4096, wide: true, hash: false, extra: "CREATE INDEX e ON d(analyzed_at)" },
];

/// SplitMix64: spreads numbers as hashes and random names are spread.
fn spread(number: i64) -> i64 {
    let mut z = (number as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) as i64
}

fn create(layout: &Layout, file: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open(file)?;
    let payload = if layout.wide { "" } else { ", sample BLOB, event BLOB" };
    let hash = if layout.hash { ", hash INTEGER" } else { "" };
    db.execute_batch(&format!(
        "PRAGMA page_size={}; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-8192; PRAGMA wal_autocheckpoint=4096;
         CREATE TABLE d({NARROW}{payload}{hash}) STRICT; CREATE TABLE p(id INTEGER PRIMARY KEY, sample BLOB, event BLOB) STRICT;
         CREATE INDEX anomalous ON d(id) WHERE verdict = 1; CREATE INDEX labelled ON d(id) WHERE label IS NOT NULL; {}",
        layout.page_size, layout.extra
    ))?;
    Ok(db)
}

fn fill(db: &mut Connection, layout: &Layout, rows: i64, each: i64) -> rusqlite::Result<()> {
    let more = if layout.wide { "" } else { "?8, ?9" };
    let (columns, hash) = if layout.hash { (", hash", ", ?8") } else { ("", "") };
    let insert = if layout.wide {
        format!(
            "INSERT INTO d(id, verdict, learning, version, confidence, analyzed_at, entity, event_id, event_time, score, threshold, grade, \
                 resource, action{columns}) VALUES(?1, ?2, 0, 1, 0.93, ?3, ?4, ?5, ?6, ?7, 0.6, 0.3, '/api/v1/users/profile', 'POST'{hash})"
        )
    } else {
        format!(
            "INSERT INTO d(id, verdict, learning, version, confidence, analyzed_at, entity, event_id, event_time, score, threshold, grade, \
                 resource, action, sample, event) VALUES(?1, ?2, 0, 1, 0.93, ?3, ?4, ?5, ?6, ?7, 0.6, 0.3, '/api/v1/users/profile', 'POST', {more})"
        )
    };
    let (sample, event) = ([7_u8; 160], [9_u8; 500]);
    let mut id = 0;
    while id < rows {
        let transaction = db.transaction()?;
        {
            let mut row = transaction.prepare_cached(&insert)?;
            let mut payload = transaction.prepare_cached("INSERT INTO p VALUES(?1, ?2, ?3)")?;
            for _ in 0..each {
                id += 1;
                let hash = spread(id);
                let event_id = format!("{:016x}-9c1e-0d2f4a6b8c1e", hash as u64);
                let common = (id, id % 50 == 0, 1_750_000_000_000_000 + id * 17, format!("203.0.{}.{}", id % 200, id % 250), event_id);
                row.raw_bind_parameter(1, common.0)?;
                row.raw_bind_parameter(2, common.1)?;
                row.raw_bind_parameter(3, common.2)?;
                row.raw_bind_parameter(4, common.3)?;
                row.raw_bind_parameter(5, common.4)?;
                row.raw_bind_parameter(6, common.2)?;
                row.raw_bind_parameter(7, 0.41)?;
                if layout.hash {
                    row.raw_bind_parameter(8, hash)?;
                }
                if !layout.wide {
                    row.raw_bind_parameter(8, sample)?;
                    row.raw_bind_parameter(9, event)?;
                }
                row.raw_execute()?;
                if layout.wide {
                    payload.execute((id, sample, event))?;
                }
            }
        }
        transaction.commit()?;
    }
    Ok(())
}

fn milliseconds(db: &Connection, sql: &str) -> rusqlite::Result<f64> {
    let began = Instant::now();
    db.query_row(sql, [], |row| row.get::<_, i64>(0))?;
    Ok(began.elapsed().as_secs_f64() * 1e3)
}

fn main() -> rusqlite::Result<()> {
    let number = |at: usize, default| std::env::args().nth(at).and_then(|a| a.parse().ok()).unwrap_or(default);
    let (rows, each) = (number(1, 1_000_000), number(2, 32));
    for layout in &LAYOUTS {
        let file = std::env::temp_dir().join(format!("layout-bench-{}.db", std::process::id()));
        let mut db = create(layout, &file)?;
        let began = Instant::now();
        fill(&mut db, layout, rows, each)?;
        let rate = rows as f64 / began.elapsed().as_secs_f64();
        let entity = milliseconds(&db, "SELECT count(*) FROM d WHERE entity = '203.0.7.7'")?;
        let time = milliseconds(&db, "SELECT count(*) FROM d WHERE analyzed_at >= 1750000008500000 AND analyzed_at <= 1750000009000000")?;
        let missing = milliseconds(&db, "SELECT count(*) FROM d WHERE event_id = 'none'")?;
        println!(
            "{:24} {rate:8.0} rows/s   count by entity {entity:6.1} ms, by time {time:6.1} ms, by event id {missing:6.1} ms",
            layout.name
        );
        drop(db);
        for suffix in ["", "-wal", "-shm"] {
            // The log is gone already when the last connection could fold it in.
            let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
        }
    }
    Ok(())
}
