//! `bartizan score`: every event of files judged, the worst clients listed, each with its worst events and their reasons. Nothing is
//! recorded, and memory does not grow with the files.

mod finding;
mod findings;
mod follow;
mod met;
mod out;
mod scored;
mod told;

use crate::config::Config;
use crate::context::{self, Context};
use crate::kinds::{for_kind, found};
use crate::output;
use crate::records::{self, Files, Report};
use bartizan_core::{Record, Timestamp};
use bartizan_domains::kind::Kind;
use bartizan_pipeline::{LifeCycle as _, Settings};
use clap::Args;
use findings::{Findings, Limits};
use follow::{Following, say};
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
    /// Files, plain or packed (gz, zst, xz, bz2, zip), patterns in quotes such as 'logs/*.gz', or - for standard input; scored in the
    /// order of their events.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    format: records::Format,
    /// How many of the worst findings to list: one for each client, or for each resource where no client is named.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    top: u32,
    /// List as many of the worst events below the findings.
    #[arg(long)]
    events: bool,
    /// Write every verdict, in the order of the events, as .csv or .ndjson, and the findings beside it: NAME.findings.csv.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the reasons of flagged events too; takes longer.
    #[arg(long, requires = "out")]
    reasons: bool,
    /// Go on with one plain file as it grows, through rotation and truncation, and print flagged events at once, one a line, with
    /// --json as JSON; SIGINT (Ctrl-C) and SIGTERM end it.
    #[arg(long)]
    follow: bool,
    /// How many of the lines that a followed file has are told; the others are the past of what comes. All without it.
    #[arg(skip)]
    last: Option<u64>,
}

impl Flags {
    /// Follows a file, and tells of its last lines and of those that come.
    pub(crate) fn following(name: String, file: PathBuf, format: records::Format, top: u32, last: Option<u64>) -> Self {
        Self { name, files: vec![file], format, top, events: false, out: None, reasons: false, follow: true, last }
    }
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

async fn run_on<D: Kind>(context: &Context, config: &Config, settings: &Settings, mut flags: Flags) -> anyhow::Result<()> {
    flags.format.settle::<D>(config, settings)?;
    flags.out.as_deref().map(Out::is_csv).transpose()?;
    let stop = records::Stop::default();
    let (files, lines) = match flags.follow {
        true => Files::followed(&flags.files, flags.last.is_some(), &stop)?,
        false => (Files::of(&flags.files)?, 0),
    };
    let past = flags.last.map_or(0, |last| lines.saturating_sub(last));
    let follow = flags.follow.then(|| Following { json: context.output.json, stop: stop.clone(), past });
    let (opened, instance) = context::open::<D>(config, settings).await?;
    context::prepare(&instance).await?;
    if flags.follow {
        let signal = super::serve::stop_signal();
        tokio::spawn(async move {
            signal.await;
            stop.set();
        });
    }
    if flags.follow {
        let read = if past > 0 { format!("; its last {past} lines are the past of what comes") } else { String::new() };
        files.names().iter().for_each(|file| output::note(&format!("following {file}{read}; Ctrl-C ends")));
    }
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
            files: files.names(),
            asked,
            judged: 0,
            flagged: 0,
            anomalous: 0,
            strange: 0,
            read: Vec::new(),
            classes: vec![0; D::CLASSES.len()],
            findings: Findings::new(now, Limits::COMMAND),
            kept: if json || flags.events { top } else { 0 },
            worst: Vec::new(),
        };
        let scored = score(scored, &flags, &files, follow.as_ref(), now, out)?;
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
    if follow.is_some() && json {
        say(&document.to_string())?;
    } else {
        context.output.print(&document, || scored.text((&told, all), flags.events))?;
    }
    flags.format.check_skipped(&scored.read)
}

/// Reads on one thread and judges on the others.
fn score<D: Kind>(
    scored: Scored<D>,
    flags: &Flags,
    files: &Files,
    follow: Option<&Following>,
    now: Timestamp,
    out: Option<Out>,
) -> anyhow::Result<Scored<D>> {
    let (sender, receiver) = sync_channel(WAITING);
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || read::<D>(flags, files, now, &sender));
        let judged = judge(scored, flags.reasons, follow, out, receiver);
        if let Some(follow) = follow {
            follow.stop.set();
        }
        let read = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // What went wrong in judging made the reader stop; it is the fault to tell.
        let mut scored = judged?;
        scored.read = read?;
        Ok(scored)
    })
}

fn read<D: Kind>(flags: &Flags, files: &Files, now: Timestamp, sender: &SyncSender<Vec<Read<D::Event>>>) -> anyhow::Result<Vec<Report>> {
    // What is read of a file that grows is judged before more is waited for.
    let most = if flags.follow { 1 } else { CHUNK };
    let mut chunk = Vec::with_capacity(most);
    let reports = records::stream::<D>(files, &flags.format, now, &mut |file, record| {
        chunk.push(Read { file, record });
        if chunk.len() == most && sender.send(std::mem::replace(&mut chunk, Vec::with_capacity(most))).is_err() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    // The receiver is gone only after a fault of its own.
    drop(sender.send(chunk));
    Ok(reports)
}

fn judge<D: Kind>(
    mut scored: Scored<D>,
    with_reasons: bool,
    follow: Option<&Following>,
    mut out: Option<Out>,
    receiver: Receiver<Vec<Read<D::Event>>>,
) -> anyhow::Result<Scored<D>> {
    for chunk in receiver {
        let (read, mut events): (Vec<_>, Vec<_>) = chunk.into_iter().map(|r| ((r.file, r.record.line), r.record.event)).unzip();
        scored.offline.arrive(&mut events);
        let verdicts = scored.offline.judge(&events);
        let met = read.into_iter().zip(events).zip(verdicts).map(|(((file, line), event), verdict)| {
            let rank = D::rank(&found(&verdict.judgement));
            Met { file, line, event, verdict, rank }
        });
        let met: Vec<Met<D::Event>> = met.filter(|met| follow.is_none_or(|follow| follow.is_told(met.line))).collect();
        let explain = |met: &Met<D::Event>| scored.offline.explain(&met.event, &met.verdict);
        if let Some(out) = &mut out {
            for met in &met {
                let explanation = (with_reasons && met.is_flagged()).then(|| explain(met)).flatten();
                out.verdict::<D>(met, explanation.as_ref())?;
            }
        }
        if let Some(follow) = follow {
            out.as_mut().map_or(Ok(()), Out::flush)?;
            met.iter().filter(|met| met.is_flagged()).try_for_each(|met| follow.tell::<D>(met, explain(met).as_ref()))?;
        }
        met.into_iter().for_each(|met| scored.meet(Met { event: bounded::<D>(met.event), ..met }));
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
