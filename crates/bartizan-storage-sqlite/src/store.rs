//! The store: the repositories over one writer and a pool of readers.

use crate::blocks::Blocks;
use crate::error::{closed, explain};
use crate::options::{Durability, SqliteOptions};
use crate::probe::Probes;
use crate::prune::{Found, PrunePlan};
use crate::queue::{Call, CountedBeside, Job, Queue, Refused, Reply};
use crate::readers::Readers;
use crate::schema::{detector_id, migrate};
use crate::totals::Totals;
use crate::writer::Writer;
use crate::{audit, exclusions, insert, labels, lookup, models, unfinished, windows};
use async_trait::async_trait;
use bartizan_core::{Label, Verdict};
use bartizan_storage::{
    AuditFilter, AuditPage, Counted, Detection, DetectionKey, DetectionRepository, Exclusion, ExclusionRepository, Existing, HistoryEntry,
    HistoryQuery, LabelChange, LabelOutcome, ModelRecord, ModelRepository, NewDetection, NewExclusion, NewModel, Pruned, Replaced,
    Retention, Statistics, StoreError, StoredEvent, WindowRepository, WindowsPart,
};
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot};

/// Pause between tries to leave the rollback journal.
const BETWEEN_TRIES: Duration = Duration::from_millis(2);

/// Parts of batches in the queue at once, one that is being written and one that waits: single events are never far behind them.
const PARTS: usize = 2;

/// An open SQLite database. Dropping it finishes what is queued and closes the file; [`SqliteStore::close`] does the
/// same without blocking the runtime.
pub struct SqliteStore {
    path: Arc<PathBuf>,
    queue: Arc<Queue>,
    max_queued: usize,
    parts: Semaphore,
    /// For queries that read a row or a few.
    pub(crate) quick: Readers,
    /// For queries that may read a whole table.
    scans: Readers,
    query_timeout: Duration,
    probes: Arc<Probes>,
    blocks: Arc<Blocks>,
    writer: Mutex<Option<JoinHandle<()>>>,
    lock_waits: Arc<AtomicU64>,
}

impl SqliteStore {
    /// Opens the database, creates or migrates its tables and starts the writer.
    ///
    /// # Errors
    /// When the file is not a database of Bartizan, is damaged, locked, written by a newer release, or cannot be opened for
    /// writing; the message names the file and what to do.
    pub fn open(options: SqliteOptions) -> Result<Self, StoreError> {
        let path = Arc::new(options.path.clone());
        let sql = |error: rusqlite::Error| explain(&path, &error);
        let mut db = connect(&options)?;
        if let Err(error) = undo_unfinished(&mut db) {
            let path = path.display();
            tracing::error!(%path, %error, "history of a training that was cut off could not be removed; the next start tries it again");
        }
        let copier = connect(&options)?;
        let readers = || Readers::open(Arc::clone(&path), options.readers, options.busy_timeout).map_err(sql);
        let (quick, scans) = (readers()?, readers()?);
        let queue = Arc::new(Queue::new(options.max_queued));
        let writer = Writer::new(db, Arc::clone(&path), options.busy_timeout);
        let (lock_waits, probes) = (writer.lock_waits(), writer.probes());
        let jobs = Arc::clone(&queue);
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || writer.run(&jobs, copier))
            .map_err(|error| StoreError::Other(format!("the thread that writes to {} cannot start: {error}", path.display())))?;
        Ok(Self {
            path,
            queue,
            max_queued: options.max_queued,
            parts: Semaphore::new(PARTS),
            quick,
            scans,
            query_timeout: options.query_timeout,
            probes,
            blocks: Arc::default(),
            writer: Mutex::new(Some(thread)),
            lock_waits,
        })
    }

    /// Finishes what is queued, copies the write-ahead log into the database and closes it. Later calls are
    /// refused.
    pub async fn close(&self) {
        self.queue.close();
        self.quick.close().await;
        self.scans.close().await;
        if let Some(thread) = self.writer_thread() {
            // The thread reports its own troubles; the callers of one that panicked have an error.
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }

    /// Returns how often a wait for another process that writes to the database timed out.
    #[must_use]
    pub fn lock_waits(&self) -> u64 {
        self.lock_waits.load(Ordering::Relaxed)
    }

    fn writer_thread(&self) -> Option<JoinHandle<()>> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn push(&self, job: Job) -> Result<(), StoreError> {
        self.queue.push(job).map_err(|refused| self.not_taken(refused))
    }

    fn not_taken(&self, refused: Refused) -> StoreError {
        match refused {
            Refused::Closed => closed(&self.path),
            Refused::Full => StoreError::Unavailable(format!(
                "{} detections wait to be written to {}, and no more are taken; the disk is too slow for this load",
                self.max_queued,
                self.path.display()
            )),
        }
    }

    async fn call<T>(&self, make: impl FnOnce(Reply<T>) -> Call) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.push(Job::Call(make(reply)))?;
        answer.await.map_err(|_| closed(&self.path))?
    }

    /// Does likewise as soon as the queue has room for it.
    pub(crate) async fn call_when_free<T>(&self, make: impl FnOnce(Reply<T>) -> Call) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.queue.push_when_free(Job::Call(make(reply))).await.map_err(|refused| self.not_taken(refused))?;
        answer.await.map_err(|_| closed(&self.path))?
    }

    /// Runs a query for a detection. By the sender's name for it, this may scan the table.
    async fn by_key<T, F>(&self, key: &DetectionKey, query: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        match key {
            DetectionKey::Id(_) => self.quick.run(query).await,
            DetectionKey::EventId(_) => self.scans.run_within(self.query_timeout, query).await,
        }
    }

    async fn remove(&self, plan: PrunePlan, found: Found) -> Result<u64, StoreError> {
        let mut removed = 0;
        for ids in found.steps {
            removed += self.write(move |db| plan.remove(db, &ids)).await?;
        }
        Ok(removed)
    }

    /// Runs `work` on the writer, in a transaction of its own.
    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (job, answer) = in_transaction(work);
        self.push(job)?;
        answer.await.map_err(|_| closed(&self.path))?
    }

    /// Runs `work` likewise, as soon as the queue has room for it.
    pub(crate) async fn write_when_free<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (job, answer) = in_transaction(work);
        self.queue.push_when_free(job).await.map_err(|refused| self.not_taken(refused))?;
        answer.await.map_err(|_| closed(&self.path))?
    }

    /// Stores a model and its history, most of which is recorded before. When this fails, what was recorded is still there.
    async fn store_in_parts(&self, work: i64, model: NewModel, history: Arc<Vec<NewDetection>>) -> Result<Replaced, StoreError> {
        let rows = history.len();
        for (part, start) in (0..rows).step_by(unfinished::PART).enumerate() {
            let (history, detector, end) = (Arc::clone(&history), model.detector.clone(), rows.min(start + unfinished::PART));
            self.write_when_free(move |db| unfinished::record(db, work, part, &detector, &history[start..end])).await?;
        }
        let store = move |db: &Connection| {
            unfinished::finish(db, work, &history)?;
            models::store(db, &model, true)
        };
        self.write_when_free(store).await
    }

    async fn undo(&self, work: i64) -> Result<(), StoreError> {
        // A transaction that changes nothing would succeed on a full disk, and call it healthy.
        while self.quick.run(move |db| unfinished::is_begun(db, Some(work))).await? {
            self.write_when_free(move |db| unfinished::undo(db, Some(work))).await?;
        }
        Ok(())
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.writer_thread() {
            // The thread reports its own troubles; the callers of one that panicked have an error.
            let _ = thread.join();
        }
    }
}

/// Returns a job that runs `work` in a transaction of its own, and what receives its result.
fn in_transaction<T, F>(work: F) -> (Job, oneshot::Receiver<Result<T, StoreError>>)
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    // A caller that has gone away needs no answer.
    (Job::Task(Box::new(move |writer| drop(reply.send(writer.transaction(work))))), answer)
}

/// Removes history that was recorded for a training whose process ended before the model was stored.
fn undo_unfinished(db: &mut Connection) -> rusqlite::Result<()> {
    // Looks before it takes the lock that another process may hold.
    while unfinished::is_begun(db, None)? {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        unfinished::undo(&transaction, None)?;
        transaction.commit()?;
    }
    Ok(())
}

/// Returns the connection that writes, on a database that is ready.
fn connect(options: &SqliteOptions) -> Result<Connection, StoreError> {
    let sql = |error: rusqlite::Error| explain(&options.path, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(&options.path, flags).map_err(sql)?;
    db.busy_timeout(options.busy_timeout).map_err(sql)?;
    // In one transaction: another process may be making the database at this moment, and its tables must not be seen without its mark.
    let reading = db.transaction().map_err(sql)?;
    crate::schema::check(&reading, &options.path)?;
    drop(reading);
    log_ahead(&db, options.busy_timeout).map_err(sql)?;
    let synchronous = match options.durability {
        Durability::Process => "NORMAL",
        Durability::Power => "FULL",
    };
    db.pragma_update(None, "synchronous", synchronous).map_err(sql)?;
    db.pragma_update(None, "foreign_keys", true).map_err(sql)?;
    db.pragma_update(None, "cache_size", -8192).map_err(sql)?;
    db.pragma_update(None, "journal_size_limit", 64 << 20).map_err(sql)?;
    db.set_prepared_statement_cache_capacity(64);
    migrate(&mut db, &options.path)?;
    Ok(db)
}

/// Turns on the write-ahead log, waiting for others that are opening the same file.
///
/// Leaving the rollback journal takes an exclusive lock. When two connections do it at once, each holding the shared lock
/// that the other waits for, SQLite ends the deadlock by refusing one at once, whatever its busy timeout.
fn log_ahead(db: &Connection, patience: Duration) -> rusqlite::Result<()> {
    let started = Instant::now();
    loop {
        match db.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && started.elapsed() < patience => {
                std::thread::sleep(BETWEEN_TRIES);
            }
            result => return result,
        }
    }
}

/// A number that is not one would be stored as missing and could not be read back.
fn check(detections: &[NewDetection]) -> Result<(), StoreError> {
    let bad = detections.iter().find_map(|detection| {
        let judged = detection.judged.as_ref()?;
        let numbers =
            [("score", judged.score), ("threshold", judged.threshold), ("grade", judged.grade), ("confidence", judged.confidence)];
        let (name, _) = numbers.into_iter().find(|(_, value)| value.is_nan())?;
        Some(StoreError::Other(format!("a detection of {} with a {name} that is not a number cannot be stored", detection.detector)))
    });
    bad.map_or(Ok(()), Err)
}

fn check_sum(detector: &str, counted: Counted) -> Result<(), StoreError> {
    let wrong = || StoreError::Other(format!("a sum of confidences of {detector} is not a number"));
    if counted.confidence_sum.is_nan() { Err(wrong()) } else { Ok(()) }
}

#[async_trait]
impl DetectionRepository for SqliteStore {
    async fn record(&self, detections: Vec<NewDetection>) -> Result<Vec<i64>, StoreError> {
        if detections.is_empty() {
            return Ok(Vec::new());
        }
        check(&detections)?;
        self.call(|reply| Call::Record { detections, counted: None, reply }).await
    }

    async fn record_part(
        &self,
        detections: Vec<NewDetection>,
        detector: &str,
        counted: Counted,
        judged: &[i64],
    ) -> Result<Vec<i64>, StoreError> {
        if detections.is_empty() && counted.judged == 0 && judged.is_empty() {
            return Ok(Vec::new());
        }
        check(&detections)?;
        check_sum(detector, counted)?;
        // Closed by nobody: there is always a turn.
        let _turn = self.parts.acquire().await;
        let counted = Some(CountedBeside { detector: detector.to_owned(), counted, judged: judged.to_vec() });
        self.call_when_free(|reply| Call::Record { detections, counted, reply }).await
    }

    async fn count(&self, detector: &str, judged: u64, anomalous: u64, confidence_sum: f64) -> Result<(), StoreError> {
        let counted = Counted { judged, anomalous, confidence_sum };
        check_sum(detector, counted)?;
        self.call(|reply| Call::Count { detector: detector.to_owned(), counted, reply }).await
    }

    async fn find(&self, detector: &str, key: &DetectionKey) -> Result<Option<Detection>, StoreError> {
        let (detector, wanted) = (detector.to_owned(), key.clone());
        self.by_key(key, move |db| lookup::find(db, &detector, &wanted)).await
    }

    async fn audit(&self, detector: &str, filter: &AuditFilter, offset: u64, limit: u64) -> Result<AuditPage, StoreError> {
        let (detector, filter, blocks) = (detector.to_owned(), filter.clone(), Arc::clone(&self.blocks));
        self.scans.run_within(self.query_timeout, move |db| audit::audit(db, &blocks, &detector, &filter, offset, limit)).await
    }

    async fn history_index(&self, detector: &str, query: HistoryQuery) -> Result<Vec<HistoryEntry>, StoreError> {
        let detector = detector.to_owned();
        self.scans.run(move |db| lookup::history_index(db, &detector, query)).await
    }

    async fn events(&self, detector: &str, ids: &[i64]) -> Result<Vec<StoredEvent>, StoreError> {
        let (detector, ids) = (detector.to_owned(), ids.to_vec());
        self.scans.run(move |db| lookup::events(db, &detector, &ids)).await
    }

    async fn stored(&self, detector: &str) -> Result<u64, StoreError> {
        Ok(self.statistics(detector).await?.stored)
    }

    async fn label(&self, detector: &str, key: &DetectionKey, change: LabelChange) -> Result<Option<LabelOutcome>, StoreError> {
        let (name, wanted) = (detector.to_owned(), key.clone());
        let find = move |db: &Connection| detector_id(db, &name)?.map_or(Ok(None), |number| lookup::resolve(db, number, &wanted));
        let Some(id) = self.by_key(key, find).await? else { return Ok(None) };
        let name = detector.to_owned();
        self.write(move |db| labels::set(db, &name, id, &change)).await
    }

    async fn label_changes(&self, detector: &str, id: i64) -> Result<Vec<(Option<Label>, LabelChange)>, StoreError> {
        let detector = detector.to_owned();
        self.quick.run(move |db| labels::changes(db, &detector, id)).await
    }

    async fn statistics(&self, detector: &str) -> Result<Statistics, StoreError> {
        let detector = detector.to_owned();
        self.quick.run(move |db| Ok(Totals::read(db, &detector)?.statistics())).await
    }

    async fn labelled_verdicts(&self, detector: &str, most: usize) -> Result<Vec<(Verdict, f64, Label)>, StoreError> {
        let detector = detector.to_owned();
        self.quick.run(move |db| lookup::labelled_verdicts(db, &detector, most)).await
    }

    async fn prune(&self, detector: &str, retention: Retention) -> Result<Pruned, StoreError> {
        let name = detector.to_owned();
        let mut pruned = Pruned::default();
        let Some(mut plan) = self.scans.run(move |db| PrunePlan::new(db, &name, retention)).await? else { return Ok(pruned) };
        let mut after = Some(0);
        while let Some(from) = after {
            let found = self.scans.run(move |db| plan.search(db, from)).await?;
            (plan, after) = (plan.less(&found), found.last);
            pruned.removed += self.remove(plan, found).await?;
        }
        if plan.has_spared() {
            pruned.spared = self.scans.run(move |db| plan.spared(db)).await?;
        }
        if let Some(keep) = retention.max_bytes {
            let name = detector.to_owned();
            let mut excess = self.scans.run(move |db| plan.excess(db, &name, keep)).await?;
            let mut after = Some(0);
            while let Some(from) = after.filter(|_| excess > 0) {
                let found = self.scans.run(move |db| plan.oldest(db, from, excess)).await?;
                (after, excess) = (found.last, excess - found.bytes);
                pruned.removed += self.remove(plan, found).await?;
            }
        }
        Ok(pruned)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.probes.ask(&self.queue).await.map_err(|_| closed(&self.path))?
    }
}

#[async_trait]
impl ModelRepository for SqliteStore {
    async fn store_and_activate(&self, model: NewModel, history: Vec<NewDetection>) -> Result<Replaced, StoreError> {
        check(&history)?;
        if let Some(other) = history.iter().find(|detection| *detection.detector != model.detector) {
            let (model, other) = (&model.detector, &other.detector);
            return Err(StoreError::Other(format!("a model of {model} cannot be stored with history of {other}")));
        }
        if history.len() <= unfinished::PART {
            let store = move |db: &Connection| {
                insert::insert_rows(db, &history)?;
                models::store(db, &model, true)
            };
            return self.write_when_free(store).await;
        }
        let work = self.write_when_free(|db| insert::reserve(db, 1)).await?;
        let stored = self.store_in_parts(work, model, Arc::new(history)).await;
        if stored.is_err()
            && let Err(error) = self.undo(work).await
        {
            let path = self.path.display();
            tracing::error!(%path, %error, "history of a training that failed could not be removed; the next start tries it again");
        }
        stored
    }

    async fn store_model(&self, model: NewModel, replace: bool) -> Result<Existing, StoreError> {
        self.write(move |db| models::store_inactive(db, &model, replace)).await
    }

    async fn activate(&self, detector: &str, version: &str) -> Result<Option<Replaced>, StoreError> {
        let (detector, version) = (detector.to_owned(), version.to_owned());
        self.write(move |db| models::activate(db, &detector, &version)).await
    }

    async fn models(&self, detector: &str) -> Result<Vec<ModelRecord>, StoreError> {
        let detector = detector.to_owned();
        self.quick.run(move |db| models::list(db, &detector)).await
    }

    async fn model(&self, detector: &str, version: &str) -> Result<Option<NewModel>, StoreError> {
        let (detector, version) = (detector.to_owned(), version.to_owned());
        self.quick.run(move |db| models::get(db, &detector, Some(&version))).await
    }

    async fn active_model(&self, detector: &str) -> Result<Option<NewModel>, StoreError> {
        let detector = detector.to_owned();
        self.quick.run(move |db| models::get(db, &detector, None)).await
    }

    async fn delete_model(&self, detector: &str, version: &str) -> Result<bool, StoreError> {
        let (detector, version) = (detector.to_owned(), version.to_owned());
        self.write(move |db| models::delete(db, &detector, &version)).await
    }
}

#[async_trait]
impl WindowRepository for SqliteStore {
    async fn store_windows(&self, detector: &str, part: WindowsPart, last: bool) -> Result<(), StoreError> {
        let detector = detector.to_owned();
        self.write(move |db| windows::store(db, &detector, &part, last)).await
    }

    async fn windows(&self, detector: &str) -> Result<Vec<WindowsPart>, StoreError> {
        let detector = detector.to_owned();
        self.scans.run(move |db| windows::list(db, &detector)).await
    }
}

#[async_trait]
impl ExclusionRepository for SqliteStore {
    async fn add_exclusion(&self, exclusion: NewExclusion) -> Result<Option<i64>, StoreError> {
        self.write(move |db| exclusions::add(db, &exclusion)).await
    }

    async fn exclusions(&self, detector: &str) -> Result<Vec<Exclusion>, StoreError> {
        let detector = detector.to_owned();
        self.quick.run(move |db| exclusions::list(db, &detector)).await
    }

    async fn remove_exclusion(&self, detector: &str, id: i64) -> Result<bool, StoreError> {
        let detector = detector.to_owned();
        self.write(move |db| exclusions::remove(db, &detector, id)).await
    }
}

#[cfg(test)]
mod tests {
    use super::SqliteStore;
    use crate::{SqliteOptions, unfinished};
    use bartizan_core::{Label, Timestamp, Verdict};
    use bartizan_storage::{
        AuditFilter, Counted, DetectionKey, DetectionRepository, LabelChange, ModelRepository, NewDetection, StoreError,
    };
    use bartizan_testkit::{detection, judged_detection, model};
    use std::sync::Arc;
    use std::task::{Context, Waker};

    async fn limit(store: &SqliteStore, spare: i64) {
        let set = move |db: &rusqlite::Connection| {
            let pages: i64 = db.query_row("PRAGMA page_count", [], |row| row.get(0))?;
            db.query_row(&format!("PRAGMA max_page_count = {}", pages + spare), [], |_| Ok(()))
        };
        store.write(set).await.unwrap();
    }

    #[tokio::test]
    async fn single_events_are_taken_while_parts_of_batches_wait() {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteOptions { max_queued: 100, ..SqliteOptions::new(folder.path().join("queue.db")) };
        let store = Arc::new(SqliteStore::open(options).unwrap());
        let (go, wait) = std::sync::mpsc::channel::<()>();
        let mut tasks = tokio::task::JoinSet::new();
        let holding = Arc::clone(&store);
        tasks.spawn(async move {
            holding.write(move |_| Ok(wait.recv().is_ok())).await.unwrap();
            0
        });
        for _ in 0..10 {
            let store = Arc::clone(&store);
            let rows = (0..40).map(|number| detection("requests", number)).collect();
            tasks.spawn(async move { store.record_part(rows, "requests", Counted::default(), &[]).await.unwrap().len() });
        }
        tokio::task::yield_now().await;
        let mut single = std::pin::pin!(store.record(vec![detection("requests", 1)]));
        assert!(single.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending(), "taken, not refused");
        go.send(()).unwrap();
        assert_eq!(single.await.unwrap().len(), 1);
        assert_eq!(tasks.join_all().await.into_iter().sum::<usize>(), 400);
    }

    #[tokio::test]
    async fn a_full_disk_is_said_and_recording_goes_on_when_there_is_space() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("full.db");
        let store = SqliteStore::open(SqliteOptions::new(&path)).unwrap();
        store.store_and_activate(model("v1.0", 1), Vec::new()).await.unwrap();
        let mut recorded = store.record(vec![detection("requests", 0)]).await.unwrap().len() as u64;
        limit(&store, 20).await;
        let error = loop {
            match store.record((0..10).map(|number| detection("requests", number)).collect()).await {
                Ok(ids) => recorded += ids.len() as u64,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, StoreError::Full(_)) && error.is_transient(), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()) && error.to_string().contains("make space"), "{error}");
        let mut large = model("v2.0", 2);
        large.blob = vec![0; 1 << 20];
        assert!(matches!(store.store_and_activate(large.clone(), Vec::new()).await, Err(StoreError::Full(_))));
        let history = (0..1_000).map(|number| detection("requests", number)).collect();
        assert!(matches!(store.store_and_activate(large.clone(), history).await, Err(StoreError::Full(_))));
        assert_eq!(store.active_model("requests").await.unwrap(), Some(model("v1.0", 1)));
        assert_eq!(store.stored("requests").await.unwrap(), recorded, "nothing of a call that failed is stored");
        assert!(matches!(store.ping().await, Err(StoreError::Full(_))), "a full disk is not healthy");
        limit(&store, 10_000).await;
        store.ping().await.unwrap();
        store.record(vec![detection("requests", 1), detection("a new one", 2)]).await.unwrap();
        store.store_and_activate(large, Vec::new()).await.unwrap();
        store.close().await;
        let store = SqliteStore::open(SqliteOptions::new(&path)).unwrap();
        let sound: String = store.quick.run(|db| db.query_row("PRAGMA integrity_check", [], |row| row.get(0))).await.unwrap();
        assert_eq!((sound.as_str(), store.stored("requests").await.unwrap()), ("ok", recorded + 1));
    }

    fn history() -> Vec<NewDetection> {
        let judged = judged_detection("requests", 1, Verdict::Anomalous, 0.75);
        let labelled = NewDetection { label: Some(Label::Legitimate), ..judged.clone() };
        (0..300).map(|number| detection("requests", number)).chain([judged, labelled]).collect()
    }

    #[tokio::test]
    async fn history_that_was_cut_off_leaves_nothing_at_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        let options = || SqliteOptions::new(folder.path().join("parts.db"));
        let store = SqliteStore::open(options()).unwrap();
        store.record(vec![detection("requests", 1)]).await.unwrap();
        let before = store.statistics("requests").await.unwrap();
        for (part, rows) in history().chunks(unfinished::PART).map(<[_]>::to_vec).enumerate() {
            store.write(move |db| unfinished::record(db, 1, part, "requests", &rows)).await.unwrap();
        }
        let judged = store.statistics("requests").await.unwrap().stored as i64 - 1;
        let change = LabelChange { label: Label::Anomalous, changed_by: "ann".to_owned(), changed_at: Timestamp::from_secs(9) };
        store.label("requests", &DetectionKey::Id(judged), change).await.unwrap().unwrap();
        let during = store.statistics("requests").await.unwrap();
        assert_eq!((during.stored, during.judged, during.labelled), (303, 2, 2));
        store.close().await;
        let store = SqliteStore::open(options()).unwrap();
        assert_eq!(store.statistics("requests").await.unwrap(), before);
        let left = |db: &rusqlite::Connection| {
            let sql =
                "SELECT (SELECT count(*) FROM detections_1) + (SELECT count(*) FROM payloads_1), (SELECT count(*) FROM label_changes)";
            db.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
        };
        assert_eq!(store.quick.run(left).await.unwrap(), (2, 0));
    }

    #[tokio::test]
    async fn another_process_that_starts_during_a_training_takes_nothing_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let options = || SqliteOptions::new(folder.path().join("shared.db"));
        let store = SqliteStore::open(options()).unwrap();
        let given = history();
        let (first, second) = (given[..unfinished::PART].to_vec(), given[unfinished::PART..].to_vec());
        store.write(move |db| unfinished::record(db, 1, 0, "requests", &first)).await.unwrap();
        SqliteStore::open(options()).unwrap().close().await;
        assert_eq!(store.stored("requests").await.unwrap(), 0, "it cannot know that the other one lives");
        store.write(move |db| unfinished::record(db, 1, 1, "requests", &second)).await.unwrap();
        store.write(move |db| unfinished::finish(db, 1, &given)).await.unwrap();
        SqliteStore::open(options()).unwrap().close().await;
        assert_eq!(store.stored("requests").await.unwrap(), history().len() as u64);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn statistics_and_health_do_not_wait_for_searches() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(SqliteOptions::new(folder.path().join("busy.db"))).unwrap());
        store.record(vec![detection("requests", 0)]).await.unwrap();
        let searches: Vec<_> = (0..100)
            .map(|_| {
                let store = Arc::clone(&store);
                let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
                tokio::spawn(async move { store.scans.run(|db| db.query_row(endless, [], |row| row.get::<_, i64>(0))).await })
            })
            .collect();
        tokio::task::yield_now().await;
        for _ in 0..100 {
            assert_eq!(store.statistics("requests").await.unwrap().stored, 1);
            store.ping().await.unwrap();
        }
        searches.iter().for_each(tokio::task::JoinHandle::abort);
        let all = AuditFilter { include_unjudged: true, ..AuditFilter::default() };
        assert_eq!(store.audit("requests", &all, 0, 9).await.unwrap().total, 1, "searches of callers that have gone end");
    }
}
