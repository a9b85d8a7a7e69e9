//! What CI runs: format, lints, layer check, tidy, generated files, documentation and tests.
//!
//! `cargo xtask ci` runs all of it in CI's order; each check is a command of its own too.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod ci;
mod csv_file;
mod fuzz;
mod generate;
mod hostile;
mod layers;
mod promise;
mod quality;
mod serve;
mod tidy;
mod workspace;

/// Everything that guards the workspace, in one command.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run all that CI runs, in CI's order. The tests come last, so that their summary ends the output.
    Ci,
    /// Format every Rust file, also those of modules that a macro declares.
    Fmt,
    /// Check every dependency between the crates against the table of allowed ones.
    Layers {
        /// Print the table of allowed dependencies with their reasons instead.
        #[arg(long)]
        list: bool,
    },
    /// Check what no other tool checks: lengths, opening comments, left-over notes, paths in ARCHITECTURE.md.
    Tidy,
    /// Write the files that are made by running the binary.
    Generate {
        /// Write nothing; fail if a file differs from what would be written.
        #[arg(long)]
        check: bool,
    },
    /// Measure how well the algorithms tell anomalies on public sets and write docs/QUALITY.md.
    Quality(quality::Plan),
    /// Try a million mutated inputs on every parser of outside bytes. What fails is saved in target/fuzz.
    Fuzz(fuzz::Plan),
    /// Measure, over HTTP and in the order of time, whether alarm rates, labels, cold start, hygiene and confidence hold.
    Promise(promise::Plan),
    /// Measure what hostile requests, files and models cost, beside what is promised.
    Hostile(hostile::Plan),
}

fn main() -> ExitCode {
    match run(&Cli::parse().command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> anyhow::Result<bool> {
    let root = workspace::root()?;
    match command {
        Command::Ci => ci::run(&root),
        Command::Fmt => ci::format(&root, false),
        Command::Layers { list: true } => {
            layers::list();
            Ok(true)
        }
        Command::Layers { list: false } => report("layers", &layers::check(&root)?),
        Command::Tidy => report("tidy", &tidy::check(&root)?),
        Command::Generate { check } => report("generate", &generate::run(&root, *check)?),
        Command::Fuzz(plan) => fuzz::run(&root, plan),
        Command::Hostile(plan) => hostile::run(&root, plan),
        Command::Promise(plan) => promise::run(&root, plan),
        Command::Quality(plan) => quality::run(&root, plan).map(|()| true),
    }
}

/// Prints what a check found; true when it found nothing.
fn report(check: &str, faults: &[String]) -> anyhow::Result<bool> {
    for fault in faults {
        eprintln!("{check}: {fault}");
    }
    match faults.len() {
        0 => println!("{check}: clean"),
        n => eprintln!("{check}: {n} fault{}", if n == 1 { "" } else { "s" }),
    }
    Ok(faults.is_empty())
}
