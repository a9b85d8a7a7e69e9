//! Files that results are written to: a verdict a line, and a finding a line in a file beside it.

use super::met::{Met, body, reasons};
use super::told::Told;
use crate::failure::Problem;
use crate::kinds::found;
use crate::{files, output};
use anyhow::Context as _;
use bartizan_domains::kind::Kind;
use bartizan_pipeline::{Explanation, Judgement};
use serde_json::Value;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

const VERDICTS: &str = "line,event_id,time,client,action,resource,score,grade,is_anomaly,confidence,class,risk,reasons,flagged";
const FINDINGS: &str = "client,resource,events,flagged,from,to,kinds,features,resources,file,line,grade,confidence,class,risk,what,reasons";

/// A file with one result a line.
pub(super) struct Out {
    path: PathBuf,
    file: BufWriter<File>,
    csv: bool,
}

impl Out {
    /// What is written there, told from the name.
    pub(super) fn is_csv(path: &Path) -> anyhow::Result<bool> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("csv") => Ok(true),
            Some("ndjson" | "jsonl") => Ok(false),
            _ => Err(Problem::usage(format!("--out {} must end in .csv or .ndjson", output::path(path))).into()),
        }
    }

    /// A file of verdicts.
    pub(super) fn verdicts(path: &Path) -> anyhow::Result<Self> {
        Self::create(path, VERDICTS)
    }

    /// The file of findings beside that: `today.csv` has `today.findings.csv`.
    pub(super) fn findings(path: &Path) -> anyhow::Result<Self> {
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        Self::create(&path.with_extension(format!("findings.{extension}")), FINDINGS)
    }

    fn create(path: &Path, head: &str) -> anyhow::Result<Self> {
        let csv = Self::is_csv(path)?;
        let file = files::create(path).with_context(|| format!("{} cannot be written", output::path(path)))?;
        let mut out = Self { path: path.to_owned(), file: BufWriter::with_capacity(1 << 18, file), csv };
        if csv {
            let written = writeln!(out.file, "{head}");
            out.said(written)?;
        }
        Ok(out)
    }

    /// Writes a verdict.
    pub(super) fn verdict<D: Kind>(&mut self, met: &Met<D::Event>, why: Option<&Explanation>) -> anyhow::Result<()> {
        if self.csv {
            let written = verdict_csv::<D>(&mut self.file, met, why);
            self.said(written)
        } else {
            self.json(&body::<D>(met, why))
        }
    }

    /// Writes a finding.
    pub(super) fn finding<D: Kind>(&mut self, told: &Told<'_, D>, file: impl Fn(&Met<D::Event>) -> Value) -> anyhow::Result<()> {
        if self.csv {
            let written = finding_csv(&mut self.file, told, file);
            self.said(written)
        } else {
            self.json(&told.document(file))
        }
    }

    fn json(&mut self, value: &Value) -> anyhow::Result<()> {
        let written = serde_json::to_writer(&mut self.file, value).map_err(std::io::Error::from);
        let written = written.and_then(|()| writeln!(self.file));
        self.said(written)
    }

    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        self.flush()
    }

    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        let written = self.file.flush();
        self.said(written)
    }

    fn said(&self, written: std::io::Result<()>) -> anyhow::Result<()> {
        written.with_context(|| format!("{} cannot be written", output::path(&self.path)))
    }
}

fn verdict_csv<D: Kind>(out: &mut impl Write, met: &Met<D::Event>, why: Option<&Explanation>) -> std::io::Result<()> {
    let (facts, judgement) = (D::facts(&met.event), met.judgement());
    write!(out, "{},{},{},", met.line, quoted(&facts.event_id), facts.time)?;
    write!(out, "{},{},{},", quoted(&facts.entity), quoted(&facts.action), quoted(&facts.resource))?;
    if let Some(score) = judgement.score {
        write!(out, "{score}")?;
    }
    write!(out, ",{},{},{},", judgement.grade, judgement.verdict.is_anomalous(), judgement.confidence)?;
    let reasons = quoted(&reasons(why).join("; "));
    writeln!(out, "{},{},{reasons},{}", class(judgement), risk::<D>(judgement), met.is_flagged())
}

fn finding_csv<D: Kind>(out: &mut impl Write, told: &Told<'_, D>, file: impl Fn(&Met<D::Event>) -> Value) -> std::io::Result<()> {
    let ((client, resource), finding) = (told.names(), told.finding);
    write!(out, "{},{},", quoted(client.unwrap_or_default()), quoted(resource.unwrap_or_default()))?;
    let [from, to] = told.span().unwrap_or_default();
    write!(out, "{},{},{from},{to},", finding.events, finding.flagged)?;
    let listed = |counts: Vec<(&str, u64)>| counts.iter().map(|(name, events)| format!("{name} ({events})")).collect::<Vec<_>>().join("; ");
    let resources = finding.resources.most().0.into_iter().take(3).collect();
    write!(out, "{},{},{},", quoted(&listed(told.kinds())), quoted(&told.features().join("; ")), quoted(&listed(resources)))?;
    let Some((met, _)) = told.worst() else { return writeln!(out, ",,,,,,,") };
    let (judgement, facts) = (met.judgement(), D::facts(&met.event));
    write!(out, "{},{},", quoted(file(met).as_str().unwrap_or_default()), met.line)?;
    write!(out, "{},{},{},{},", judgement.grade, judgement.confidence, class(judgement), risk::<D>(judgement))?;
    let what = format!("{} {}", facts.action, facts.resource);
    writeln!(out, "{},{}", quoted(what.trim()), quoted(&told.joined_reasons()))
}

fn class(judgement: &Judgement) -> &str {
    judgement.class.map_or("", |class| class.name)
}

fn risk<D: Kind>(judgement: &Judgement) -> String {
    D::risk(&found(judgement)).map(|risk| risk.to_string()).unwrap_or_default()
}

/// A CSV field (RFC 4180). All text is in quotes and no number is, which the `csv` library has no style for; text that a spreadsheet would run as a formula gets a leading quote mark.
fn quoted(text: &str) -> String {
    if text.is_empty() {
        return String::new();
    }
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { "'" } else { "" };
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
