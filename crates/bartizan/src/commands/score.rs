//! `bartizan score`: every event of files judged, the worst listed with their reasons. Nothing is recorded, and memory does
//! not grow with the files.

use crate::config::Config;
use crate::context::{self, Context};
use crate::failure::Problem;
use crate::files;
use crate::kinds::{for_kind, found};
use crate::output::{self, Cell, clean};
use crate::records::{self, Files, Report, Stop};
use anyhow::Context as _;
use bartizan_core::{Record, Timestamp};
use bartizan_domains::kind::Kind;
use bartizan_pipeline::{Explanation, Judgement, Offline, OfflineVerdict, Settings};
use clap::Args;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Events judged together, and how many such chunks may wait between reading and judging.
const CHUNK: usize = 4_096;
const WAITING: usize = 4;

/// Score files and list the worst with their reasons.
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
    /// How many of the worst to list.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    top: u32,
    /// Write every verdict, in the order of the events, as .csv or .ndjson.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the reasons of anomalous events too; takes longer.
    #[arg(long, requires = "out")]
    reasons: bool,
    /// Go on with one plain file as it grows, through rotation and truncation, and print anomalous events at once, one a line, with
    /// --json as JSON; SIGINT (Ctrl-C) and SIGTERM end it.
    #[arg(long)]
    follow: bool,
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
    let stop = records::Stop::default();
    let files = if flags.follow { Files::followed(&flags.files, &stop)? } else { Files::of(&flags.files)? };
    let follow = flags.follow.then(|| Following { json: context.output.json, stop: stop.clone() });
    let (opened, instance) = context::open::<D>(config, settings).await?;
    context::prepare(&instance).await?;
    if flags.follow {
        let signal = super::serve::stop_signal();
        tokio::spawn(async move {
            signal.await;
            stop.set();
        });
    }
    let offline = instance.offline();
    let done = tokio::task::block_in_place(|| {
        let offline = offline?;
        // Not before there is a model: what stands in the file so far would be lost for nothing.
        let out = flags.out.as_deref().map(Out::create).transpose()?;
        score(offline, &flags, &files, follow.as_ref(), out)
    });
    opened.close().await;
    let scored: Scored<D> = done?;
    if follow.is_some() && context.output.json {
        say(&scored.document().to_string())?;
    } else {
        context.output.print(&scored.document(), || scored.text())?;
    }
    flags.format.check_skipped(&scored.read)
}

/// How what is found in a file that grows is told while it is read.
struct Following {
    json: bool,
    stop: Stop,
}

impl Following {
    fn tell<D: Kind>(&self, line: u64, event: &D::Event, judgement: &Judgement, why: Option<&Explanation>) -> std::io::Result<()> {
        if self.json {
            return say(&body::<D>(line, event, judgement, why).to_string());
        }
        let facts = D::facts(event);
        let what = format!("{} {}", facts.action, facts.resource);
        let (client, what, grade) = (clean(&facts.entity, 39), clean(what.trim(), 60), judgement.grade);
        say(&format!("{} {client} {what}: grade {grade:.3}: {}", facts.time, clean(&reasons(why).join("; "), 200)))
    }
}

/// Prints a line, at once.
fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", output::visible_json(line))?;
    out.flush()
}

/// Reads on one thread and judges on the others.
fn score<D: Kind>(
    offline: Offline<D>,
    flags: &Flags,
    files: &Files,
    follow: Option<&Following>,
    out: Option<Out>,
) -> anyhow::Result<Scored<D>> {
    let now = context::clock().now();
    let (sender, receiver) = sync_channel(WAITING);
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || read::<D>(flags, files, now, &sender));
        let judged = judge(offline, flags, files, follow, out, receiver);
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
    offline: Offline<D>,
    flags: &Flags,
    files: &Files,
    follow: Option<&Following>,
    mut out: Option<Out>,
    receiver: Receiver<Vec<Read<D::Event>>>,
) -> anyhow::Result<Scored<D>> {
    let (files, classes) = (files.names(), vec![0; D::CLASSES.len()]);
    let mut scored = Scored { offline, files, classes, judged: 0, anomalous: 0, strange: 0, read: Vec::new(), worst: Vec::new() };
    for chunk in receiver {
        let (read, mut events): (Vec<_>, Vec<_>) = chunk.into_iter().map(|r| ((r.file, r.record.line), r.record.event)).unzip();
        scored.offline.arrive(&mut events);
        let verdicts = scored.offline.judge(&events);
        if let Some(out) = &mut out {
            for (((_, line), event), verdict) in read.iter().zip(&events).zip(&verdicts) {
                let explained = flags.reasons && verdict.judgement.verdict.is_anomalous();
                let explanation = explained.then(|| scored.offline.explain(event, verdict)).flatten();
                out.write::<D>(*line, event, &verdict.judgement, explanation.as_ref())?;
            }
        }
        if let Some(follow) = follow {
            out.as_mut().map_or(Ok(()), Out::flush)?;
            for (((_, line), event), verdict) in read.iter().zip(&events).zip(&verdicts).filter(|(_, v)| v.judgement.verdict.is_anomalous())
            {
                follow.tell::<D>(*line, event, &verdict.judgement, scored.offline.explain(event, verdict).as_ref())?;
            }
        }
        for (((file, line), event), verdict) in read.into_iter().zip(events).zip(verdicts) {
            let rank = D::rank(&found(&verdict.judgement));
            scored.meet(Met { file, line, event, verdict, rank }, flags.top as usize);
        }
    }
    out.map(Out::finish).transpose()?;
    scored.cut(flags.top as usize);
    Ok(scored)
}

/// An event that was judged.
struct Met<E> {
    file: usize,
    line: u64,
    event: E,
    verdict: OfflineVerdict,
    rank: f64,
}

/// What came of it all.
struct Scored<D: Kind> {
    offline: Offline<D>,
    files: Vec<String>,
    judged: u64,
    anomalous: u64,
    /// Events such as the model has not learned from, which it calls no anomalies.
    strange: u64,
    /// What was met in each file.
    read: Vec<Report>,
    /// Events of each class, for kinds that tell classes apart.
    classes: Vec<u64>,
    /// The worst so far, and some more; in order after [`cut`](Self::cut).
    worst: Vec<Met<D::Event>>,
}

impl<D: Kind> Scored<D> {
    fn meet(&mut self, met: Met<D::Event>, top: usize) {
        self.judged += 1;
        self.anomalous += u64::from(met.verdict.judgement.verdict.is_anomalous());
        self.strange += u64::from(!self.offline.covers(&met.event));
        if let Some(class) = met.verdict.judgement.class {
            self.classes[class.index] += 1;
        }
        self.worst.push(met);
        if self.worst.len() >= 2 * top + CHUNK {
            self.cut(top);
        }
    }

    fn cut(&mut self, top: usize) {
        self.worst.sort_by(|a, b| b.rank.total_cmp(&a.rank));
        self.worst.truncate(top);
    }

    fn document(&self) -> Value {
        let worst = self.worst.iter().map(|met| {
            let explanation = self.offline.explain(&met.event, &met.verdict);
            let mut body = body::<D>(met.line, &met.event, &met.verdict.judgement, explanation.as_ref());
            body["file"] = json!(self.files.get(met.file));
            body
        });
        let rejected: u64 = self.read.iter().map(|file| file.summary.rejected).sum();
        let files = records::documents(&self.read);
        let mut document = json!({"scored": self.judged, "anomalous": self.anomalous, "rejected": rejected, "files": files});
        if self.strange > 0 {
            document["unlike_all_learned"] = json!(self.strange);
        }
        if !D::CLASSES.is_empty() {
            document["classes"] =
                D::CLASSES.iter().zip(&self.classes).map(|(class, events)| ((*class).to_owned(), json!(events))).collect();
        }
        document["worst"] = worst.collect();
        document
    }

    fn text(&self) -> String {
        let rows = self.worst.iter().map(|met| self.row(met));
        let head = if D::CLASSES.is_empty() {
            ["line", "grade", "sure", "client", "what", "why"]
        } else {
            ["line", "risk", "grade", "client", "class", "why"]
        };
        format!("{}\n{}", output::table(&head, rows), self.summary())
    }

    /// How many, and what they are. An attack may be an ordinary event among attacks, and an odd one none.
    fn summary(&self) -> String {
        let share = output::percent(self.anomalous as f64 / self.judged.max(1) as f64);
        let met = D::CLASSES.iter().zip(&self.classes).filter(|(_, events)| **events > 0);
        let classes: Vec<String> = met.map(|(class, events)| format!("{events} {class}")).collect();
        if classes.is_empty() {
            return format!("{} events scored, {} anomalous ({share}).", self.judged, self.anomalous);
        }
        let (judged, events, odd) = (self.judged, D::EVENTS, self.anomalous);
        let odd = match self.strange {
            strange if strange > 0 && strange == judged => "It has learned from none like them".to_owned(),
            strange if strange > 0 => {
                format!("{odd} ({share}) are unlike those learned from. It has learned from none like {strange} of them")
            }
            _ => format!("{odd} ({share}) are unlike those learned from"),
        };
        let advice = format!(": `bartizan train {} FILE` with ordinary ones lets it say which are unusual", D::NAME);
        format!("{judged} {events} scored: {}. {odd}{}.", classes.join(", "), if self.strange > 0 { advice.as_str() } else { "" })
    }

    fn row(&self, met: &Met<D::Event>) -> Vec<Cell> {
        let facts = D::facts(&met.event);
        let judgement = &met.verdict.judgement;
        let explanation = self.offline.explain(&met.event, &met.verdict);
        let why = reasons(explanation.as_ref()).into_iter().take(3).map(|text| clean(text, 100)).collect();
        let what = match judgement.class {
            Some(class) => format!("{} ({:.0} %)", class.name, class.probability * 100.0),
            None => clean(format!("{} {}", facts.action, facts.resource).trim(), 60),
        };
        let file = if self.files.len() > 1 { format!("{}:", met.file + 1) } else { String::new() };
        let grade = format!("{:.3}", judgement.grade);
        let [first, second] = match D::risk(&found(judgement)) {
            Some(risk) => [risk.to_string(), grade],
            None => [grade, format!("{:.0} %", judgement.confidence * 100.0)],
        };
        let line = format!("{file}{}", met.line);
        let mut row: Vec<Cell> = [line, first, second, clean(&facts.entity, 39), what].map(Cell::Line).into();
        row.push(Cell::Lines(why));
        row
    }
}

fn reasons(explanation: Option<&Explanation>) -> Vec<&str> {
    explanation.map(|e| e.reasons.iter().map(|reason| reason.text.as_str()).collect()).unwrap_or_default()
}

fn body<D: Kind>(line: u64, event: &D::Event, judgement: &Judgement, explanation: Option<&Explanation>) -> Value {
    let facts = D::facts(event);
    json!({
        "line": line, "event_id": facts.event_id, "time": facts.time.to_string(), "client": facts.entity,
        "action": facts.action, "resource": facts.resource, "score": judgement.score, "grade": judgement.grade,
        "is_anomaly": judgement.verdict.is_anomalous(), "confidence": judgement.confidence,
        "class": judgement.class.map(|class| class.name), "class_probability": judgement.class.map(|class| class.probability), "risk": D::risk(&found(judgement)),
        "model_version": judgement.model_version.as_ref(),
        "reasons": explanation.map(|e| e.reasons.as_slice()).unwrap_or_default(),
    })
}

/// Where verdicts are written, one a line.
struct Out {
    path: PathBuf,
    file: BufWriter<File>,
    csv: bool,
}

impl Out {
    /// What is written there, told from the name.
    fn is_csv(path: &Path) -> anyhow::Result<bool> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Ok(true),
            Some("ndjson" | "jsonl") => Ok(false),
            _ => Err(Problem::usage(format!("--out {} must end in .csv or .ndjson", output::path(path))).into()),
        }
    }

    fn create(path: &Path) -> anyhow::Result<Self> {
        let csv = Self::is_csv(path)?;
        let file = files::create(path).with_context(|| format!("{} cannot be written", output::path(path)))?;
        let mut out = Self { path: path.to_owned(), file: BufWriter::with_capacity(1 << 18, file), csv };
        if csv {
            let head = "line,event_id,time,client,action,resource,score,grade,is_anomaly,confidence,class,risk,reasons";
            let written = writeln!(out.file, "{head}");
            out.said(written)?;
        }
        Ok(out)
    }

    fn write<D: Kind>(&mut self, line: u64, event: &D::Event, judgement: &Judgement, why: Option<&Explanation>) -> anyhow::Result<()> {
        let written = if self.csv {
            csv::<D>(&mut self.file, line, event, judgement, why)
        } else {
            serde_json::to_writer(&mut self.file, &body::<D>(line, event, judgement, why))
                .map_err(std::io::Error::from)
                .and_then(|()| writeln!(self.file))
        };
        self.said(written)
    }

    fn finish(mut self) -> anyhow::Result<()> {
        self.flush()
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let written = self.file.flush();
        self.said(written)
    }

    fn said(&self, written: std::io::Result<()>) -> anyhow::Result<()> {
        written.with_context(|| format!("{} cannot be written", output::path(&self.path)))
    }
}

fn csv<D: Kind>(
    out: &mut impl Write,
    line: u64,
    event: &D::Event,
    judgement: &Judgement,
    why: Option<&Explanation>,
) -> std::io::Result<()> {
    let facts = D::facts(event);
    write!(out, "{line},{},{},", quoted(&facts.event_id), facts.time)?;
    write!(out, "{},{},{},", quoted(&facts.entity), quoted(&facts.action), quoted(&facts.resource))?;
    if let Some(score) = judgement.score {
        write!(out, "{score}")?;
    }
    write!(out, ",{},{},{},", judgement.grade, judgement.verdict.is_anomalous(), judgement.confidence)?;
    let risk = D::risk(&found(judgement)).map(|risk| risk.to_string()).unwrap_or_default();
    writeln!(out, "{},{risk},{}", judgement.class.map_or("", |class| class.name), quoted(&reasons(why).join("; ")))
}

/// A CSV field (RFC 4180). All text is in quotes and no number is, which the `csv` library has no style for; text that a spreadsheet would run as a formula gets a leading quote mark.
fn quoted(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn fields_are_quoted() {
        for (text, expected) in [("a", "\"a\""), ("a\"b", "\"a\"\"b\""), ("=1+1", "\"'=1+1\""), ("", "")] {
            assert_eq!(quoted(text), expected);
        }
    }
}
