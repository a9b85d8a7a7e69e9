//! `bartizan score`: every event of files judged, the worst clients listed, each with its worst events and their reasons. Nothing is
//! recorded, and memory does not grow with the files.

mod finding;
mod findings;
mod met;
mod out;
mod scored;
mod told;

use crate::config::Config;
use crate::context::{self, Context};
use crate::kinds::{for_kind, found};
use crate::records;
use bartizan_core::{Record, Timestamp};
use bartizan_domains::kind::Kind;
use bartizan_pipeline::{LifeCycle as _, Settings};
use clap::Args;
use findings::{Findings, Limits};
use met::Met;
use out::Out;
use scored::Scored;
use serde_json::Value;
use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Events judged together, and how many such chunks may wait between reading and judging.
const CHUNK: usize = 4_096;
const WAITING: usize = 4;

/// Score files and list who was flagged, with the worst events and their reasons.
#[derive(Clone, Debug, Args)]
pub(crate) struct Flags {
    /// Detector, by name: one of the kinds, or one that the configuration declares.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// Files, plain or .gz, scored in the order of their events.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    format: records::Format,
    /// How many of the worst findings to list: one for each client, or for each resource where no client is named.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    top: u32,
    /// List as many of the worst events below the findings.
    #[arg(long)]
    events: bool,
    /// Write every verdict, in the order of the events, as .csv or .ndjson, and the findings beside it: NAME.findings.csv.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the reasons of anomalous events too; takes longer.
    #[arg(long, requires = "out")]
    reasons: bool,
}

/// An event with the file it came from.
struct Read<E> {
    file: usize,
    record: Record<E>,
}

/// Scores them.
pub(crate) async fn run(context: Context, flags: Flags) -> anyhow::Result<()> {
    let config = context.quiet_config()?;
    let detector = config.detector(&flags.name)?;
    for_kind!(detector.which, D => run_on::<D>(&context, &config, &detector.settings, flags).await)
}

async fn run_on<D: Kind>(context: &Context, config: &Config, settings: &Settings, flags: Flags) -> anyhow::Result<()> {
    flags.format.check::<D>()?;
    flags.out.as_deref().map(Out::is_csv).transpose()?;
    let (opened, instance) = context::open::<D>(config, settings).await?;
    context::prepare(&instance).await?;
    let asked = instance.held().map_or(0.0, |held| held.asked);
    let (offline, top, json) = (instance.offline(), flags.top as usize, context.output.json);
    let done = tokio::task::block_in_place(|| {
        let offline = offline?;
        // Not before there is a model: what stands in the files so far would be lost for nothing.
        let out = flags.out.as_deref().map(Out::verdicts).transpose()?;
        let beside = flags.out.as_deref().map(Out::findings).transpose()?;
        let now = context::clock().now();
        let scored = Scored {
            offline,
            name: flags.name.clone(),
            files: flags.files.clone(),
            asked,
            judged: 0,
            flagged: 0,
            anomalous: 0,
            strange: 0,
            rejected: 0,
            classes: vec![0; D::CLASSES.len()],
            findings: Findings::new(now, Limits::COMMAND),
            kept: if json || flags.events { top } else { 0 },
            worst: Vec::new(),
        };
        let scored = score(scored, &flags, now, out)?;
        Ok::<_, anyhow::Error>((scored, beside))
    });
    opened.close().await;
    let (scored, beside): (Scored<D>, _) = done?;
    let (told, all) = scored.told(top);
    if let Some(mut beside) = beside {
        told.iter().try_for_each(|told| beside.finding(told, |met| scored.file(met)))?;
        beside.finish()?;
    }
    let document = if json { scored.document((&told, all)) } else { Value::Null };
    Ok(context.output.print(&document, || scored.text((&told, all), flags.events))?)
}

/// Reads on one thread and judges on the others.
fn score<D: Kind>(scored: Scored<D>, flags: &Flags, now: Timestamp, out: Option<Out>) -> anyhow::Result<Scored<D>> {
    let (sender, receiver) = sync_channel(WAITING);
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || read::<D>(flags, now, &sender));
        let judged = judge(scored, flags.reasons, out, receiver);
        let rejected = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // What went wrong in judging made the reader stop; it is the fault to tell.
        let mut scored = judged?;
        scored.rejected = rejected?;
        Ok(scored)
    })
}

fn read<D: Kind>(flags: &Flags, now: Timestamp, sender: &SyncSender<Vec<Read<D::Event>>>) -> anyhow::Result<u64> {
    let mut chunk = Vec::with_capacity(CHUNK);
    let rejected = records::stream::<D>(&flags.files, &flags.format, now, &mut |file, record| {
        chunk.push(Read { file, record });
        if chunk.len() == CHUNK && sender.send(std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK))).is_err() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    // The receiver is gone only after a fault of its own.
    drop(sender.send(chunk));
    Ok(rejected)
}

fn judge<D: Kind>(
    mut scored: Scored<D>,
    with_reasons: bool,
    mut out: Option<Out>,
    receiver: Receiver<Vec<Read<D::Event>>>,
) -> anyhow::Result<Scored<D>> {
    for chunk in receiver {
        let (read, mut events): (Vec<_>, Vec<_>) = chunk.into_iter().map(|r| ((r.file, r.record.line), r.record.event)).unzip();
        scored.offline.arrive(&mut events);
        let verdicts = scored.offline.judge(&events);
        if let Some(out) = &mut out {
            for (((_, line), event), verdict) in read.iter().zip(&events).zip(&verdicts) {
                let explained = with_reasons && verdict.judgement.verdict.is_anomalous();
                let explanation = explained.then(|| scored.offline.explain(event, verdict)).flatten();
                out.verdict::<D>(*line, event, &verdict.judgement, explanation.as_ref())?;
            }
        }
        for (((file, line), event), verdict) in read.into_iter().zip(events).zip(verdicts) {
            let rank = D::rank(&found(&verdict.judgement));
            scored.meet(Met { file, line, event: bounded::<D>(event), verdict, rank });
        }
    }
    out.map(Out::finish).transpose()?;
    scored.cut();
    Ok(scored)
}

/// An event with its long texts cut, since some are held until the end.
fn bounded<D: Kind>(event: D::Event) -> D::Event {
    match D::bounded(&event) {
        Cow::Owned(cut) => cut,
        Cow::Borrowed(_) => event,
    }
}
