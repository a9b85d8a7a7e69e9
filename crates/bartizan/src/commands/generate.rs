//! `bartizan generate`: realistic traffic with attacks in it, in a format that a detector of the same kind reads.

use crate::context::Context;
use crate::failure::Problem;
use crate::files;
use crate::kinds::for_kind;
use crate::output;
use anyhow::Context as _;
use bartizan_core::{Record, Seed, Timestamp};
use bartizan_domains::kind::{Kind, Plan, is_attack};
use clap::Args;
use serde_json::json;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// Default start of generated traffic: a Monday, so that the same seed gives the same file on any day.
const START: i64 = 1_767_571_200;

/// Write realistic traffic with attacks in it.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// Detector, by name: one of the kinds, or one that the configuration declares.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// How many events.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    rows: usize,
    /// The same seed gives the same events.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Share of attacks among them.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    attack_share: f64,
    /// Mean seconds between events.
    #[arg(long, value_name = "S", default_value_t = 3.0)]
    gap_secs: f64,
    /// Which traffic, for a kind that knows several.
    #[arg(long, value_name = "TRAFFIC")]
    traffic: Option<String>,
    /// Label each event: whether it is an attack, or which.
    #[arg(long)]
    labels: bool,
    /// The file; - is standard output.
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

/// Runs the command.
pub(crate) fn run(context: &Context, flags: Flags) -> anyhow::Result<()> {
    if !(0.0..=1.0).contains(&flags.attack_share) {
        return Err(Problem::usage(format!("--attack-share must be in [0, 1], got {}", flags.attack_share)).into());
    }
    if !(flags.gap_secs > 0.0 && flags.gap_secs <= 86_400.0) {
        return Err(Problem::usage(format!("--gap-secs must be above 0 and at most 86400, got {}", flags.gap_secs)).into());
    }
    let which = context.config()?.detector(&flags.name)?.which;
    for_kind!(which, D => run_on::<D>(context, &flags))
}

fn run_on<D: Kind>(context: &Context, flags: &Flags) -> anyhow::Result<()> {
    let traffic = flags.traffic.as_deref().map_or(Ok(""), |name| traffic(D::NAME, D::TRAFFICS, name))?;
    let start = Timestamp::from_secs(START);
    let plan = Plan { rows: flags.rows, attack_share: flags.attack_share, start, gap_secs: flags.gap_secs, traffic };
    let records = D::generate(plan, Seed(flags.seed));
    let attacks = records.iter().filter(|record| is_attack(record)).count();
    if flags.out.as_os_str() == "-" {
        return Ok(write::<D>(io::stdout().lock(), &records, flags.labels)?);
    }
    let shown = output::path(&flags.out);
    let file = files::create(&flags.out).with_context(|| format!("{shown} cannot be written; check the folder"))?;
    write::<D>(file, &records, flags.labels).with_context(|| format!("{shown} cannot be written"))?;
    let value = json!({"file": flags.out, "rows": records.len(), "attacks": attacks});
    Ok(context.output.print(&value, || format!("{} {} written to {shown}, {attacks} of them attacks.", records.len(), D::EVENTS))?)
}

/// The name among those that the kind knows, each with what it is.
fn traffic(kind: &str, known: &[(&'static str, &str)], name: &str) -> Result<&'static str, Problem> {
    if known.is_empty() {
        return Err(Problem::usage(format!("--traffic: {kind} has one kind of traffic only; leave the flag out")));
    }
    known.iter().map(|(known, _)| *known).find(|known| *known == name).ok_or_else(|| {
        let names: Vec<String> = known.iter().map(|(known, what)| format!("{known} ({what})")).collect();
        Problem::usage(format!("--traffic must be one of {}; got {name:?}", names.join(", ")))
    })
}

fn write<D: Kind>(out: impl Write, records: &[Record<D::Event>], labels: bool) -> io::Result<()> {
    let bar = output::progress(records.len() as u64, "writing");
    let mut out = BufWriter::new(out);
    if let Some(header) = D::header(labels) {
        writeln!(out, "{header}")?;
    }
    for record in bar.wrap_iter(records.iter()) {
        writeln!(out, "{}", D::line(record, labels))?;
    }
    bar.finish_and_clear();
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::traffic;

    #[test]
    fn a_traffic_is_one_that_the_kind_knows() {
        let known = [("users", "people"), ("shop", "visitors")];
        for (name, kinds, expected) in [
            ("users", &known[..], Ok("users")),
            ("shop", &known[..], Ok("shop")),
            ("Shop", &known[..], Err("--traffic must be one of users (people), shop (visitors); got \"Shop\"")),
            ("", &known[..], Err("--traffic must be one of users (people), shop (visitors); got \"\"")),
            ("users", &[][..], Err("--traffic: pulses has one kind of traffic only; leave the flag out")),
        ] {
            let found = traffic("pulses", kinds, name).map_err(|problem| problem.what);
            assert_eq!(found.as_ref().map(|name| *name).map_err(String::as_str), expected, "{name}");
        }
    }
}
