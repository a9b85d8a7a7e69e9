//! `cargo xtask fuzz`: a long campaign, in a release build.

use crate::workspace;
use std::path::{Path, PathBuf};

/// What is tried.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Plan {
    /// Inputs over all targets [default: 1,200,000].
    #[arg(long)]
    inputs: Option<u64>,
    /// Only these targets; a wrong name lists them.
    #[arg(long)]
    target: Vec<String>,
    /// The same seed makes the same inputs.
    #[arg(long)]
    seed: Option<u64>,
    /// Tries one input of a target again.
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
}

/// Builds and runs it; true when nothing failed.
pub(crate) fn run(root: &Path, plan: &Plan) -> anyhow::Result<bool> {
    let mut command = workspace::cargo(root);
    command.args(["run", "--release", "--quiet", "-p", "bartizan-fuzz", "--"]);
    for (name, number) in [("--inputs", plan.inputs), ("--seed", plan.seed)] {
        if let Some(number) = number {
            command.args([name, &number.to_string()]);
        }
    }
    plan.target.iter().for_each(|target| {
        command.args(["--target", target]);
    });
    if let Some(file) = &plan.replay {
        command.arg("--replay").arg(std::path::absolute(file)?);
    }
    Ok(command.status()?.success())
}
