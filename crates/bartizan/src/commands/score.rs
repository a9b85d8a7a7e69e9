//! `bartizan score`: the worst events of files, with their reasons. Nothing is recorded.

use crate::cli::Kind;
use crate::context::{self, Context};
use crate::output::{self, clean};
use crate::records::{self, Loaded};
use anyhow::Context as _;
use bartizan_core::Domain as _;
use bartizan_domains::requests::Requests;
use bartizan_domains::requests::records::Format;
use bartizan_pipeline::{Explanation, Judgement};
use clap::Args;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Score files and list the worst with their reasons.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Kind of telemetry.
    kind: Kind,
    /// Files, plain or .gz, scored in the order of their events.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Their format: auto, ndjson, json, combined, http-params, atrdf [default: seen from the content].
    #[arg(long, value_parser = records::format)]
    format: Option<Format>,
    /// How many of the worst to list.
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Write every score, in the order of the events, as .csv or .ndjson.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

type Scored = (Judgement, Option<Explanation>);

/// Scores them.
pub(crate) async fn run(context: Context, flags: Flags) -> anyhow::Result<()> {
    let Kind::Requests = flags.kind;
    let shape = flags.out.as_deref().map(Shape::of).transpose()?;
    let loaded = records::load(&flags.files, flags.format, context::clock().now())?;
    let (_, opened, instance) = context::open(&context).await?;
    let bar = output::progress(0, "scoring");
    let scored = instance.score_offline(&loaded.events);
    bar.finish_and_clear();
    opened.close().await;
    let scored = scored?;
    if let (Some(path), Some(shape)) = (&flags.out, shape) {
        write(path, shape, &loaded, &scored).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    print(&context, &loaded, &scored, flags.top)
}

/// Positions of the `top` highest scores, worst first.
fn worst(scored: &[Scored], top: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scored.len()).collect();
    let score = |at: &usize| scored[*at].0.score.unwrap_or(f64::NEG_INFINITY);
    order.sort_by(|a, b| score(b).total_cmp(&score(a)));
    order.truncate(top);
    order
}

fn print(context: &Context, loaded: &Loaded, scored: &[Scored], top: usize) -> anyhow::Result<()> {
    let anomalous = scored.iter().filter(|(judgement, _)| judgement.verdict.is_anomalous()).count();
    let worst = worst(scored, top);
    let value = json!({
        "scored": scored.len(), "anomalous": anomalous, "rejected": loaded.rejected,
        "worst": worst.iter().map(|at| body(loaded, scored, *at)).collect::<Vec<_>>(),
    });
    Ok(context.output.print(&value, || {
        let rows = worst.iter().map(|at| row(loaded, scored, *at));
        let table = output::table(&["line", "grade", "sure", "client", "request", "why"], rows);
        let share = output::percent(anomalous as f64 / scored.len().max(1) as f64);
        format!("{table}\n{} events scored, {anomalous} anomalous ({share}).", scored.len())
    })?)
}

fn reasons(explanation: Option<&Explanation>) -> Vec<&str> {
    explanation.map(|e| e.reasons.iter().map(|reason| reason.text.as_str()).collect()).unwrap_or_default()
}

fn row(loaded: &Loaded, scored: &[Scored], at: usize) -> Vec<String> {
    let facts = Requests::facts(&loaded.events[at]);
    let (judgement, explanation) = &scored[at];
    let why = reasons(explanation.as_ref()).into_iter().take(3).map(|text| clean(text, 100)).collect::<Vec<_>>().join("\n");
    vec![
        loaded.lines[at].to_string(),
        format!("{:.3}", judgement.grade),
        format!("{:.0} %", judgement.confidence * 100.0),
        clean(&facts.entity, 39),
        clean(&format!("{} {}", facts.action, facts.resource), 60),
        why,
    ]
}

fn body(loaded: &Loaded, scored: &[Scored], at: usize) -> Value {
    let facts = Requests::facts(&loaded.events[at]);
    let (judgement, explanation) = &scored[at];
    json!({
        "line": loaded.lines[at], "event_id": facts.event_id, "time": facts.time.to_string(), "client": facts.entity,
        "method": facts.action, "endpoint": facts.resource, "score": judgement.score, "grade": judgement.grade,
        "is_anomaly": judgement.verdict.is_anomalous(), "confidence": judgement.confidence,
        "model_version": judgement.model_version.as_ref(),
        "reasons": explanation.as_ref().map(|e| e.reasons.as_slice()).unwrap_or_default(),
    })
}

#[derive(Clone, Copy)]
enum Shape {
    Csv,
    Ndjson,
}

impl Shape {
    fn of(path: &Path) -> anyhow::Result<Self> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Ok(Self::Csv),
            Some("ndjson" | "jsonl") => Ok(Self::Ndjson),
            _ => Err(crate::failure::Problem::usage(format!("--out {} must end in .csv or .ndjson", path.display())).into()),
        }
    }
}

fn write(path: &Path, shape: Shape, loaded: &Loaded, scored: &[Scored]) -> std::io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    if let Shape::Csv = shape {
        writeln!(out, "line,event_id,time,client,method,endpoint,score,grade,is_anomaly,confidence,reasons")?;
    }
    for at in 0..scored.len() {
        match shape {
            Shape::Ndjson => {
                serde_json::to_writer(&mut out, &body(loaded, scored, at))?;
                writeln!(out)?;
            }
            Shape::Csv => writeln!(out, "{}", csv(loaded, scored, at))?,
        }
    }
    out.flush()
}

fn csv(loaded: &Loaded, scored: &[Scored], at: usize) -> String {
    let facts = Requests::facts(&loaded.events[at]);
    let (judgement, explanation) = &scored[at];
    [
        loaded.lines[at].to_string(),
        quoted(&facts.event_id),
        facts.time.to_string(),
        quoted(&facts.entity),
        quoted(&facts.action),
        quoted(&facts.resource),
        judgement.score.map(|score| score.to_string()).unwrap_or_default(),
        judgement.grade.to_string(),
        judgement.verdict.is_anomalous().to_string(),
        judgement.confidence.to_string(),
        quoted(&reasons(explanation.as_ref()).join("; ")),
    ]
    .join(",")
}

/// A CSV field (RFC 4180); text that a spreadsheet would run as a formula gets a leading quote mark.
fn quoted(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn fields_are_quoted() {
        for (text, expected) in [("a", "\"a\""), ("a\"b", "\"a\"\"b\""), ("=1+1", "\"'=1+1\""), ("", "\"\"")] {
            assert_eq!(quoted(text), expected);
        }
    }
}
