//! A process killed while recording loses nothing that it acknowledged.

use bartizan_storage::{AuditFilter, DetectionKey, DetectionRepository, ModelRepository, NewModel};
use bartizan_storage_sqlite::{SqliteOptions, SqliteStore};
use bartizan_testkit::{detection, model};
use rusqlite::Connection;
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

const KILLS: usize = 20;
/// A detector that is trained on given history, of which each model has as many rows.
const LEARNER: &str = "flows";
const HISTORY: i64 = 1_500;
const FILE: &str = "BARTIZAN_CRASH_TEST_FILE";

/// The recording process: does nothing unless it is started by the test below.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recording_process() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let store = Arc::new(SqliteStore::open(SqliteOptions::new(file)).unwrap());
    // Before the first row, so that at every kill there has been an active model.
    store.store_and_activate(model("v0", 0), Vec::new()).await.unwrap();
    let record = |task: i64| {
        let store = Arc::clone(&store);
        async move {
            for number in task * 1_000_000.. {
                let id = store.record(vec![detection("requests", number)]).await.unwrap()[0];
                writeln!(std::io::stdout(), "recorded {id} {number}").unwrap();
            }
        }
    };
    let tasks: Vec<_> = (0..16).map(|task| tokio::spawn(record(task))).collect();
    for number in 1.. {
        let history = (0..HISTORY).map(|row| detection(LEARNER, row)).collect();
        let learned = NewModel { detector: LEARNER.to_owned(), ..model(&format!("v{}", number % 3), number) };
        store.store_and_activate(learned, history).await.unwrap();
        store.store_and_activate(model(&format!("v{}", number % 3), number), Vec::new()).await.unwrap();
    }
    drop(tasks);
}

/// Starts the recording process, kills it once it has recorded `enough` rows, and returns what was acknowledged: ids and numbers.
#[expect(clippy::unwrap_used, reason = "called by a test")]
fn kill_one(file: &Path, enough: usize) -> Vec<(i64, i64)> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "recording_process", "--nocapture"]).env(FILE, file).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut acknowledged = Vec::new();
    let mut killed = false;
    for line in BufReader::new(child.stdout.take().unwrap()).split(b'\n') {
        let line = String::from_utf8(line.unwrap()).unwrap();
        // The first line may follow what the test harness prints; the last may be cut off, and then says nothing.
        let Some((_, words)) = line.split_once("recorded ") else { continue };
        let numbers: Vec<i64> = words.split(' ').filter_map(|word| word.parse().ok()).collect();
        if let [id, number] = numbers[..] {
            acknowledged.push((id, number));
        }
        if !killed && acknowledged.len() >= enough {
            child.kill().unwrap();
            killed = true;
        }
    }
    child.wait().unwrap();
    assert!(killed, "the recording process ended by itself");
    // Without its end a line may lack digits.
    acknowledged.pop();
    acknowledged
}

#[tokio::test]
async fn killed_processes_lose_nothing_and_leave_one_active_model() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("crash.db");
    let (mut ids, mut cut_off) = (HashSet::new(), 0);
    for kill in 0..KILLS {
        let acknowledged = kill_one(&file, 20 + 67 * kill);
        let parts: i64 = Connection::open(&file).unwrap().query_row("SELECT count(*) FROM unfinished", [], |row| row.get(0)).unwrap();
        cut_off += usize::from(parts > 0);
        let store = SqliteStore::open(SqliteOptions::new(&file)).unwrap();
        for (id, number) in acknowledged {
            assert!(ids.insert(id), "id {id} was given twice");
            let found = store.find("requests", &DetectionKey::Id(id)).await.unwrap();
            let found = found.unwrap_or_else(|| panic!("row {id} was lost by kill {kill}"));
            assert_eq!(found.detection, detection("requests", number));
        }
        let active = store.models("requests").await.unwrap().iter().filter(|record| record.is_active).count();
        assert_eq!(active, 1, "after kill {kill}");
        let everything = AuditFilter { include_unjudged: true, has_label: Some(false), ..AuditFilter::default() };
        let rows = store.audit("requests", &everything, 0, 0).await.unwrap().total;
        assert_eq!(store.stored("requests").await.unwrap(), rows, "the totals are those of the rows");
        assert!(rows >= ids.len() as u64);
        let history = store.audit(LEARNER, &everything, 0, 0).await.unwrap().total;
        assert_eq!(store.stored(LEARNER).await.unwrap(), history, "the totals are those of the rows");
        assert_eq!(history % HISTORY as u64, 0, "the history of a training is there whole or not at all, after kill {kill}");
    }
    assert!(cut_off > 0, "no kill fell between the parts of a history");
}
