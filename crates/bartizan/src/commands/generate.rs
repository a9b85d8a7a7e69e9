//! `bartizan generate`: realistic traffic with attacks in it, as NDJSON.

use crate::cli::Kind;
use crate::context::Context;
use crate::failure::Problem;
use crate::output;
use crate::traffic::{self, Plan};
use anyhow::Context as _;
use bartizan_core::{Seed, Timestamp};
use bartizan_domains::requests::records::Record;
use clap::Args;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// When generated traffic begins, unless told: a Monday, so that the same seed gives the same file on any day.
const START: i64 = 1_767_571_200;

/// Write realistic traffic with attacks in it.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Kind of telemetry.
    kind: Kind,
    /// How many requests.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    rows: usize,
    /// The same seed gives the same requests.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Share of attacks among them.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    attack_share: f64,
    /// Mean seconds between requests.
    #[arg(long, value_name = "S", default_value_t = 3.0)]
    gap_secs: f64,
    /// Say of each request whether it is an attack, in `label`.
    #[arg(long)]
    labels: bool,
    /// The file; - is standard output.
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

/// Writes it.
pub(crate) fn run(context: Context, flags: Flags) -> anyhow::Result<()> {
    let Kind::Requests = flags.kind;
    if !(0.0..=1.0).contains(&flags.attack_share) {
        return Err(Problem::usage(format!("--attack-share must be in [0, 1], got {}", flags.attack_share)).into());
    }
    if !(flags.gap_secs > 0.0 && flags.gap_secs <= 86_400.0) {
        return Err(Problem::usage(format!("--gap-secs must be above 0 and at most 86400, got {}", flags.gap_secs)).into());
    }
    let plan = Plan { rows: flags.rows, attack_share: flags.attack_share, start: Timestamp::from_secs(START), gap_secs: flags.gap_secs };
    let records = traffic::requests(plan, Seed(flags.seed));
    let attacks = records.iter().filter(|record| traffic::is_attack(record)).count();
    if flags.out.as_os_str() == "-" {
        return Ok(write(io::stdout().lock(), &records, flags.labels)?);
    }
    let shown = flags.out.display();
    let file = File::create(&flags.out).with_context(|| format!("{shown} cannot be written; check the folder"))?;
    write(file, &records, flags.labels).with_context(|| format!("{shown} cannot be written"))?;
    let value = json!({"file": flags.out, "rows": records.len(), "attacks": attacks});
    Ok(context.output.print(&value, || format!("{} requests written to {shown}, {attacks} of them attacks.", records.len()))?)
}

fn write(out: impl Write, records: &[Record], labels: bool) -> io::Result<()> {
    let bar = output::progress(records.len() as u64, "writing");
    let mut out = BufWriter::new(out);
    for record in bar.wrap_iter(records.iter()) {
        let mut body = traffic::body(record);
        if let (true, Value::Object(fields)) = (labels, &mut body) {
            fields.insert("label".to_owned(), json!(traffic::is_attack(record)));
        }
        serde_json::to_writer(&mut out, &body)?;
        writeln!(out)?;
    }
    bar.finish_and_clear();
    out.flush()
}
