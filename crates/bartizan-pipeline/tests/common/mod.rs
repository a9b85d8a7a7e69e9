//! What the tests share: a detector on a real database in a folder of its own.

use bartizan_core::{Domain, Label, Record, Seed, Timestamp};
use bartizan_domains::behavior::{self, Behavior, SessionEvent};
use bartizan_domains::requests::Requests;
use bartizan_pipeline::{Clock, Instance, Lesson, LifeCycle as _, Settings, TrainRequest};
use bartizan_storage::{Detection, DetectionKey, LabelChange, Store};
use bartizan_storage_sqlite::{SqliteOptions, SqliteStore};
use std::sync::Arc;

pub(crate) struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_770_000_000)
    }
}

/// A kind with the algorithm that its detector uses.
pub(crate) trait Kind: Domain {
    const ALGORITHM: &'static str;
}

impl Kind for Behavior {
    const ALGORITHM: &'static str = "isolation_forest";
}

impl Kind for Requests {
    const ALGORITHM: &'static str = "ensemble";
}

/// A data directory with its store and a detector; the directory is removed when it is dropped.
pub(crate) struct Setup<D: Kind> {
    store: Arc<SqliteStore>,
    pub(crate) instance: Arc<Instance<D>>,
    _dir: tempfile::TempDir,
}

impl<D: Kind> Setup<D> {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut SqliteOptions)) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut options = SqliteOptions::new(dir.path().join("t.db"));
        change(&mut options);
        let store = Arc::new(SqliteStore::open(options).expect("a store"));
        let instance = open(&store, |_| {}).await;
        Self { store, instance, _dir: dir }
    }

    /// Returns a setup trained on these events, which are not part of its history.
    pub(crate) async fn trained(lesson: Vec<D::Event>) -> Self {
        Self::trained_in(SqliteOptions::new("").max_queued, lesson).await
    }

    /// Like [`trained`](Self::trained), with at most `max_queued` detections waiting to be written.
    pub(crate) async fn trained_in(max_queued: usize, lesson: Vec<D::Event>) -> Self {
        let setup = Self::with(|options| options.max_queued = max_queued).await;
        setup.instance.learn(Lesson::BuiltIn(unlabelled(lesson)), request(), ()).await.expect("a model");
        setup
    }

    /// Opens another detector on the same store.
    pub(crate) async fn open(&self, change: impl FnOnce(&mut Settings)) -> Arc<Instance<D>> {
        open(&self.store, change).await
    }

    pub(crate) async fn row(&self, id: Option<i64>) -> Detection {
        let key = DetectionKey::Id(id.expect("a recorded verdict"));
        self.instance.find(&key).await.expect("an answer").expect("a row")
    }
}

async fn open<D: Kind>(store: &Arc<SqliteStore>, change: impl FnOnce(&mut Settings)) -> Arc<Instance<D>> {
    let mut settings = Settings::new(D::NAME);
    settings.params.algorithm = Some(D::ALGORITHM.to_owned());
    settings.max_training_samples = 50_000;
    change(&mut settings);
    let store: Arc<dyn Store> = Arc::clone(store) as Arc<dyn Store>;
    Instance::open(settings, store, Arc::new(Fixed)).await.expect("an instance")
}

pub(crate) fn request() -> TrainRequest {
    TrainRequest { use_labels: true, ..TrainRequest::default() }
}

pub(crate) fn label_change(label: Label) -> LabelChange {
    LabelChange { label, changed_by: "ann".to_owned(), changed_at: Fixed.now() }
}

pub(crate) fn unlabelled<E>(events: Vec<E>) -> Vec<Record<E>> {
    events.into_iter().map(|event| Record::new(event, None)).collect()
}

pub(crate) fn sessions(rows: usize, seed: u64) -> Vec<SessionEvent> {
    behavior::generator::generate(rows, Seed(seed))
}
