//! `bartizan completions`: what a shell needs to complete commands and flags.

use crate::cli::Cli;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;
use std::io::Write as _;

/// Print completions for a shell.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    /// The shell.
    shell: Shell,
}

/// Prints the completions.
pub(crate) fn run(flags: Flags) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(flags.shell, &mut Cli::command(), "bartizan", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(())
}
