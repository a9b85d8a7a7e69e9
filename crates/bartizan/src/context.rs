//! Context that commands share: the configuration, the store, the detector.

use crate::cli::{Common, Training};
use crate::clock::SystemClock;
use crate::config::{self, Config, Faults, Layers};
use crate::files;
use crate::output::{self, Output};
use anyhow::Context as _;
use bartizan_core::{Domain, Record};
use bartizan_domains::kind::Kind;
use bartizan_pipeline::{Clock, Instance, Lesson, LifeCycle as _, ReloadError, Settings, TrainRequest};
use bartizan_storage::{Store, StoreError};
use bartizan_storage_sqlite::{Durability, SqliteOptions, SqliteStore};
use std::path::Path;
use std::sync::Arc;

/// The common flags, and those of the command that are settings.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    common: Common,
    flags: Vec<(&'static str, String, &'static str)>,
    /// How to print.
    pub(crate) output: Output,
}

impl Context {
    /// Creates the context from the flags that every command takes.
    pub(crate) fn new(common: Common) -> Self {
        let mut context = Self { output: Output { json: common.json }, flags: Vec::new(), common };
        context.set("storage.data_dir", context.common.data_dir.clone(), "--data-dir");
        context.set("log.level", context.common.log_level.clone(), "--log-level");
        context
    }

    /// Adds a flag of this command that is a setting.
    pub(crate) fn set(&mut self, path: &'static str, value: Option<String>, flag: &'static str) {
        self.flags.extend(value.map(|value| (path, value, flag)));
    }

    /// Returns whether a data folder was named on the command line.
    pub(crate) fn names_data_dir(&self) -> bool {
        self.common.data_dir.is_some()
    }

    /// Returns the settings with their origins.
    pub(crate) fn layers(&self) -> Layers {
        config::load(self.common.config.as_deref(), &self.flags)
    }

    /// Returns the checked configuration.
    pub(crate) fn config(&self) -> Result<Config, Faults> {
        config::resolve(self.layers())
    }

    /// Returns the configuration for a command that runs and ends: only warnings are logged unless `log.level` is set.
    pub(crate) fn quiet_config(&self) -> anyhow::Result<Config> {
        let layers = self.layers();
        let is_level_set = layers.origin("log.level") != config::Origin::Default;
        let mut config = config::resolve(layers)?;
        if !is_level_set {
            "warn".clone_into(&mut config.log_level);
        }
        config.log_file = None;
        crate::logging::start(&config)?;
        Ok(config)
    }
}

/// Returns the machine's clock for the pipeline.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

/// An open store, to be closed at the end so that everything queued is on disk.
#[derive(Clone)]
pub(crate) struct Opened {
    store: Arc<SqliteStore>,
}

impl Opened {
    /// Returns the store for the pipeline.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    /// Writes out what is queued and closes the file.
    pub(crate) async fn close(self) {
        self.store.close().await;
    }
}

/// Opens the database, creating folder and file when missing, for their owner alone.
pub(crate) fn open_store(database: &Path, survive_power_loss: bool) -> anyhow::Result<Opened> {
    let folder = database.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .map_err(|error| StoreError::Other(format!("the folder {} cannot be made: {error}", output::path(folder))))?;
    files::tighten_database(database);
    let mut options = SqliteOptions::new(database);
    options.durability = if survive_power_loss { Durability::Power } else { Durability::Process };
    let store = SqliteStore::open(options).with_context(|| format!("the database {} cannot be used", output::path(database)))?;
    Ok(Opened { store: Arc::new(store) })
}

/// Opens a detector over a store.
pub(crate) async fn open_detector<D: Domain>(settings: Settings, opened: &Opened) -> anyhow::Result<Arc<Instance<D>>> {
    let name = settings.name.clone();
    Instance::open(settings, opened.store(), clock()).await.with_context(|| format!("the detector {name} cannot start"))
}

/// Trains a detector that has no model and whose kind has built-in training data. A stored model that cannot be used
/// stays the active one: it must not be replaced without the user's knowledge.
pub(crate) async fn prepare<D: Kind>(instance: &Arc<Instance<D>>) -> anyhow::Result<()> {
    if instance.active().is_some() || !matches!(instance.reload().await, Err(ReloadError::NothingStored)) {
        return Ok(());
    }
    if let Some(lesson) = first_lesson::<D>() {
        let report = instance.learn(Lesson::BuiltIn(lesson), TrainRequest { use_labels: true, ..TrainRequest::default() }, ()).await?;
        let (version, samples) = (report.version, report.samples);
        tracing::info!(detector = %instance.name(), %version, samples, "there was no model: learned from generated {}", D::EVENTS);
    }
    Ok(())
}

/// Returns the built-in training data of a kind, if it has some.
pub(crate) fn first_lesson<D: Kind>() -> Option<Vec<Record<D::Event>>> {
    Some(D::first_lesson()?.into_iter().map(|event| Record::new(event, None)).collect())
}

/// Opens store and detector for a command that runs and ends.
pub(crate) async fn open<D: Kind>(config: &Config, settings: &Settings) -> anyhow::Result<(Opened, Arc<Instance<D>>)> {
    let opened = open_store(&config.database, config.survive_power_loss)?;
    let instance = open_detector(settings.clone(), &opened).await?;
    Ok((opened, instance))
}

/// Returns the training that the flags describe, checked before any file is read or store opened.
pub(crate) fn checked_request(
    flags: &Training,
    version: Option<String>,
    use_labels: bool,
    settings: &Settings,
) -> anyhow::Result<TrainRequest> {
    let request = train_request(flags, version, use_labels);
    match request.faults(settings).into_iter().next() {
        Some(fault) => Err(fault.into()),
        None => Ok(request),
    }
}

fn train_request(flags: &Training, version: Option<String>, use_labels: bool) -> TrainRequest {
    TrainRequest {
        force: false,
        version,
        use_labels,
        contamination: flags.contamination,
        one_false_alarm_in: flags.one_false_alarm_in,
        alarms_per_day: flags.alarms_per_day,
        params: flags.params(),
    }
}
