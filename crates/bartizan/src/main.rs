//! Bartizan: anomaly detection for security telemetry, in one binary.

mod against;
mod cli;
mod client;
mod clock;
mod commands;
mod config;
mod context;
mod failure;
mod files;
mod kinds;
mod live;
mod load;
mod logging;
mod measures;
mod output;
mod records;
mod threads;

use clap::Parser as _;
use cli::{Cli, Command};
use context::Context;
use failure::Exit;
use std::process::ExitCode;

/// Measured against the system allocator with `bartizan bench`: see ARCHITECTURE.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    files::keep_to_owner();
    let cli = Cli::parse();
    let json = cli.common.json;
    let detector = cli.command.detector().map(str::to_owned);
    let exit = match run(cli) {
        Ok(()) => Exit::Ok,
        Err(error) if failure::is_broken_pipe(&error) => Exit::Ok,
        Err(error) => failure::report(&error, detector.as_deref(), json),
    };
    ExitCode::from(exit as u8)
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let context = Context::new(cli.common);
    let done = runtime.block_on(dispatch(cli.command, context));
    runtime.shutdown_background();
    done
}

async fn dispatch(command: Command, context: Context) -> anyhow::Result<()> {
    match command {
        Command::Serve(flags) => commands::serve::run(context, flags).await,
        Command::Demo(flags) => commands::demo::run(context, flags).await,
        Command::Import(flags) => commands::import::run(context, flags).await,
        Command::Train(flags) => commands::train::run(context, flags).await,
        Command::Tune(flags) => commands::tune::run(context, flags).await,
        Command::Score(flags) => commands::score::run(context, flags).await,
        Command::Tail(flags) => commands::tail::run(context, flags).await,
        Command::Evaluate(flags) => commands::evaluate::run(context, flags).await,
        Command::Generate(flags) => commands::generate::run(&context, flags),
        Command::Models(flags) => commands::models::run(context, flags).await,
        Command::Label(flags) => commands::label::run(context, flags).await,
        Command::Exclude(flags) => commands::exclude::run(context, flags).await,
        Command::Formats(flags) => commands::formats::run(&context, &flags),
        Command::Config(flags) => commands::config::run(context, flags),
        Command::Completions(flags) => commands::completions::run(flags),
        Command::Bench(flags) => commands::bench::run(context, flags).await,
        Command::Openapi => commands::openapi::run(&context),
    }
}
