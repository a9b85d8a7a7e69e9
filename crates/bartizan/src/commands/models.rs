//! `bartizan models`: the stored versions of a detector.

use crate::config::Detector;
use crate::context::{self, Context, Opened};
use crate::failure::Problem;
use crate::files;
use crate::kinds::Running;
use crate::output::{self, Output};
use anyhow::Context as _;
use bartizan_pipeline::{ImportError, Imported, LifeCycle, LoadError};
use bartizan_storage::ModelRecord;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// List, show, activate, export, import and delete models.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List all versions, newest first.
    List {
        #[command(flatten)]
        of: Of,
    },
    /// Show one version in full [default: the active one].
    Show {
        #[command(flatten)]
        of: Of,
        /// Its version.
        version: Option<String>,
    },
    /// Make a version the active one. A server that is running goes on with its own until `POST /NAME/load-model`.
    Activate {
        #[command(flatten)]
        of: Of,
        /// Its version.
        version: String,
    },
    /// Write a version to a file that another machine can import.
    Export {
        #[command(flatten)]
        of: Of,
        /// Its version.
        version: String,
        /// The file.
        #[arg(long, short, value_name = "FILE")]
        out: PathBuf,
    },
    /// Read a model file, check it and store it. It is not activated. A version that is there is not replaced unless asked for.
    Import {
        #[command(flatten)]
        of: Of,
        /// The file.
        file: PathBuf,
        /// Version to store it as [default: the one it was exported with].
        #[arg(long, value_name = "VERSION")]
        model_version: Option<String>,
        /// Store it in the place of a model of the same version. In the place of the active one it is active; a server that is
        /// running goes on with its own until `POST /NAME/load-model`.
        #[arg(long)]
        replace: bool,
    },
    /// Delete a version that is not active.
    Delete {
        #[command(flatten)]
        of: Of,
        /// Its version.
        version: String,
    },
}

/// The detector whose models are meant.
#[derive(Debug, Args)]
struct Of {
    /// Detector, by name: one of the kinds, or one that the configuration declares.
    #[arg(value_name = "NAME")]
    name: String,
}

impl Flags {
    /// Returns the name of the detector.
    pub(crate) fn detector(&self) -> &str {
        match &self.action {
            Action::List { of }
            | Action::Show { of, .. }
            | Action::Activate { of, .. }
            | Action::Export { of, .. }
            | Action::Import { of, .. }
            | Action::Delete { of, .. } => &of.name,
        }
    }
}

/// Runs the command.
pub(crate) async fn run(context: Context, flags: Flags) -> anyhow::Result<()> {
    let config = context.quiet_config()?;
    let detector = config.detector(flags.detector())?;
    let opened = context::open_store(&config.database, config.survive_power_loss)?;
    let done = act(context.output, detector, &opened, flags.action).await;
    opened.close().await;
    done
}

async fn act(output: Output, detector: &Detector, opened: &Opened, action: Action) -> anyhow::Result<()> {
    let name = detector.name();
    let instance = async || Ok::<_, anyhow::Error>(Running::open(detector.which, detector.settings.clone(), opened).await?.life());
    match action {
        Action::List { .. } => list(&opened.store().models(name).await?, name, output),
        Action::Show { version, .. } => show(&opened.store().models(name).await?, version, output),
        Action::Activate { version, .. } => activate(instance().await?.as_ref(), &version, output).await,
        Action::Export { version, out, .. } => {
            let file = instance().await?.export_model(&version).await?;
            export(&file.ok_or_else(|| unknown(&version))?, &version, &out, output)
        }
        Action::Import { file, model_version, replace, .. } => {
            import(instance().await?.as_ref(), &file, model_version, replace, output).await
        }
        Action::Delete { version, .. } => delete(opened, name, &version, output).await,
    }
}

fn unknown(version: &str) -> anyhow::Error {
    Problem::model(format!("there is no model version {version:?}"))
        .advise("see which there are with `bartizan models list DETECTOR`")
        .into()
}

fn body(record: &ModelRecord) -> Value {
    let model = &record.model;
    let details: Value = serde_json::from_str(&model.details).unwrap_or(Value::Null);
    json!({
        "model_version": model.version, "is_active": record.is_active, "algorithm": model.algorithm,
        "training_date": model.trained_at.to_string(), "training_samples": model.training_samples,
        "n_features": model.n_features, "accuracy": model.accuracy, "size_bytes": record.size_bytes,
        "sha256": model.sha256, "details": details,
    })
}

fn list(models: &[ModelRecord], detector: &str, output: Output) -> anyhow::Result<()> {
    let row = |record: &ModelRecord| {
        let model = &record.model;
        let active = if record.is_active { "active" } else { "" };
        vec![
            model.version.clone(),
            active.to_owned(),
            model.algorithm.clone(),
            model.trained_at.to_string(),
            model.training_samples.to_string(),
            model.accuracy.map(output::percent).unwrap_or_default(),
            record.size_bytes.to_string(),
        ]
    };
    let head = ["version", "", "algorithm", "trained", "samples", "accuracy", "bytes"];
    let value = json!({"models": models.iter().map(body).collect::<Vec<_>>()});
    Ok(output.print(&value, || match models {
        [] => format!("No models yet. Train one with `bartizan train {detector} FILE`."),
        _ => output::table(&head, models.iter().map(row)),
    })?)
}

fn show(models: &[ModelRecord], version: Option<String>, output: Output) -> anyhow::Result<()> {
    let wanted = |record: &&ModelRecord| version.as_ref().map_or(record.is_active, |version| *version == record.model.version);
    let record = models.iter().find(wanted).ok_or_else(|| match &version {
        Some(version) => unknown(version),
        None => Problem::model("no model is active").advise("train one with `bartizan train DETECTOR FILE`").into(),
    })?;
    let value = body(record);
    Ok(output.print(&value, || {
        let rows = value.as_object().into_iter().flatten().map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            vec![name.clone(), text]
        });
        output::table(&["", ""], rows)
    })?)
}

async fn activate(detector: &dyn LifeCycle, version: &str, output: Output) -> anyhow::Result<()> {
    let old = detector.activate(version).await?;
    let old = old.as_deref().unwrap_or("none");
    let value = json!({"success": true, "old_model_version": old, "new_model_version": version});
    Ok(output.print(&value, || {
        format!("{version} is active now (before: {old}). A running server takes it over at `POST /{}/load-model`.", detector.name())
    })?)
}

fn export(file: &[u8], version: &str, out: &Path, output: Output) -> anyhow::Result<()> {
    files::write(out, file).with_context(|| format!("{} cannot be written", output::path(out)))?;
    let value = json!({"model_version": version, "file": out, "size_bytes": file.len()});
    Ok(output.print(&value, || format!("{version} written to {} ({} bytes).", output::path(out), file.len()))?)
}

async fn import(detector: &dyn LifeCycle, file: &Path, version: Option<String>, replace: bool, output: Output) -> anyhow::Result<()> {
    let bytes = std::fs::read(file).map_err(|error| Problem::data(format!("{} cannot be read: {error}", output::path(file))))?;
    let Imported { version, replaced, active } = detector.import_model(&bytes, version, replace).await.map_err(|error| match error {
        ImportError::Load(LoadError::Damaged { .. } | LoadError::Mismatch { .. }) => {
            let problem = Problem::data(format!("{} is not a model that can be used: {error}", output::path(file)));
            anyhow::Error::from(problem.advise("export it again with `bartizan models export DETECTOR VERSION --out FILE`"))
        }
        other => other.into(),
    })?;
    let value = json!({"model_version": version, "is_active": active, "replaced": replaced});
    Ok(output.print(&value, || match (active, replaced) {
        (true, _) => format!(
            "{version} is stored in the place of the active model, and active. A running server takes it over at `POST /{}/load-model`.",
            detector.name()
        ),
        (false, replaced) => {
            let place = if replaced { " in the place of the one before" } else { "" };
            let next = format!("bartizan models activate {} {version}", detector.name());
            format!("{version} is stored{place}. Make it the active one with `{next}`.")
        }
    })?)
}

async fn delete(opened: &Opened, detector: &str, version: &str, output: Output) -> anyhow::Result<()> {
    let store = opened.store();
    let models = store.models(detector).await?;
    let record = models.iter().find(|record| record.model.version == version).ok_or_else(|| unknown(version))?;
    if record.is_active || !store.delete_model(detector, version).await? {
        return Err(Problem::model(format!("{version} is the active model")).advise("activate another version first").into());
    }
    Ok(output.print(&json!({"deleted": version}), || format!("{version} is deleted."))?)
}
