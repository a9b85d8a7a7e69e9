//! `bartizan exclude`: what is kept out of training.

use crate::context::{self, Context};
use crate::failure::Problem;
use crate::kinds::Running;
use crate::output::{self, Output};
use bartizan_core::Timestamp;
use bartizan_pipeline::{Exclude, ExcludeError, LifeCycle};
use bartizan_storage::Exclusion;
use clap::Args;
use serde_json::{Value, json};

/// Keep events out of training, whether they are stored or given with it, and whatever they are labelled. They stay stored, are judged and
/// count in the windows as before, and are learned from again once the exclusion is removed. Without further flags, list what is kept out.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Detector, by name: one of the kinds, or one that the configuration declares.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Keep out this client, user or service alone, in any spelling that events may have it in.
    #[arg(long, value_name = "WHO")]
    entity: Option<String>,
    /// Keep out what happened at or after this time, such as 2026-01-31T09:30:00Z; UTC where no zone is given.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Timestamp>,
    /// Keep out what happened before this time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<Timestamp>,
    /// Why, in at most 200 characters.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Remove the exclusion of this number.
    #[arg(long, value_name = "ID", conflicts_with_all = ["entity", "from", "to", "note"])]
    remove: Option<i64>,
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|error| error.to_string())
}

impl Flags {
    /// What is to be kept out; `None` where nothing is.
    fn exclude(&self) -> Option<Exclude> {
        let exclude = Exclude { entity: self.entity.clone(), from: self.from, to: self.to, note: self.note.clone().unwrap_or_default() };
        (exclude != Exclude::default() || self.note.is_some()).then_some(exclude)
    }
}

/// Runs the command.
pub(crate) async fn run(context: Context, flags: Flags) -> anyhow::Result<()> {
    let config = context.quiet_config()?;
    let detector = config.detector(&flags.name)?;
    let exclude = flags.exclude();
    // What is wrong with it is said before a store is opened.
    if let Some(fault) = exclude.iter().flat_map(Exclude::faults).next() {
        return Err(ExcludeError::from(fault).into());
    }
    let opened = context::open_store(&config.database, config.survive_power_loss)?;
    let done = async {
        let life = Running::open(detector.which, detector.settings.clone(), &opened).await?.life();
        match (exclude, flags.remove) {
            (Some(exclude), _) => added(context.output, &life.exclude(exclude).await?),
            (None, Some(id)) => remove(context.output, life.as_ref(), id).await,
            (None, None) => list(context.output, &life.exclusions().await?, life.name()),
        }
    };
    let done = done.await;
    opened.close().await;
    done
}

fn body(Exclusion { id, exclusion }: &Exclusion) -> Value {
    json!({
        "id": id, "entity": exclusion.entity, "from": exclusion.from.map(|time| time.to_string()),
        "to": exclusion.to.map(|time| time.to_string()), "note": exclusion.note, "created_at": exclusion.created_at.to_string(),
    })
}

/// Says which events it names: `events of 192.0.2.1 from 2026-01-31T09:30:00Z`.
fn named(Exclusion { exclusion, .. }: &Exclusion) -> String {
    let mut text = "events".to_owned();
    for (word, value) in [
        ("of", exclusion.entity.clone()),
        ("from", exclusion.from.map(|time| time.to_string())),
        ("before", exclusion.to.map(|time| time.to_string())),
    ] {
        text += &value.map(|value| format!(" {word} {value}")).unwrap_or_default();
    }
    text
}

fn added(output: Output, exclusion: &Exclusion) -> anyhow::Result<()> {
    let text = || format!("Exclusion {}: {} are kept out of training, from the next one on.", exclusion.id, named(exclusion));
    Ok(output.print(&body(exclusion), text)?)
}

async fn remove(output: Output, life: &dyn LifeCycle, id: i64) -> anyhow::Result<()> {
    if !life.remove_exclusion(id).await? {
        let problem = Problem::data(format!("there is no exclusion {id}"));
        return Err(problem.advise(format!("see which there are with `bartizan exclude {}`", life.name())).into());
    }
    Ok(output.print(&json!({"removed": id}), || {
        format!("Exclusion {id} is removed; the next training learns from its events again, unless another one names them.")
    })?)
}

fn list(output: Output, exclusions: &[Exclusion], detector: &str) -> anyhow::Result<()> {
    let row = |exclusion: &Exclusion| {
        let Exclusion { id, exclusion } = exclusion;
        let time = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        let entity = exclusion.entity.clone().unwrap_or_default();
        vec![id.to_string(), entity, time(exclusion.from), time(exclusion.to), exclusion.created_at.to_string(), exclusion.note.clone()]
    };
    let value = json!({"exclusions": exclusions.iter().map(body).collect::<Vec<_>>()});
    Ok(output.print(&value, || match exclusions {
        [] => format!("Nothing is kept out. Keep an entity out with `bartizan exclude {detector} --entity WHO`."),
        _ => output::table(&["id", "entity", "from", "to", "made", "note"], exclusions.iter().map(row)),
    })?)
}
