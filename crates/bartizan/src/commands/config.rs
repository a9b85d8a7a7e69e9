//! `bartizan config`: what is set, by whom, and what could be.

use crate::config::{self, Key, Layers};
use crate::context::Context;
use crate::output::{self, Output};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

/// Show, check and describe the configuration.
#[derive(Debug, Args)]
pub(crate) struct Flags {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List every setting, its value, and where the value came from. Secrets are masked.
    Show,
    /// Say everything that is wrong with the configuration, or that nothing is.
    Check,
    /// Print the JSON Schema of the configuration file.
    Schema {
        /// Print a commented configuration file instead.
        #[arg(long)]
        toml: bool,
    },
}

/// Does it.
pub(crate) fn run(context: Context, flags: Flags) -> anyhow::Result<()> {
    match flags.action {
        Action::Show => show(&context.layers(), context.output),
        Action::Check => check(&context),
        Action::Schema { toml: true } => Ok(context.output.print(&json!(config::example()), config::example)?),
        Action::Schema { toml: false } => Ok(Output { json: true }.print(&config::schema(), String::new)?),
    }
}

fn show(layers: &Layers, output: Output) -> anyhow::Result<()> {
    let shown = |key: &Key| match layers.get(&key.path) {
        None => String::new(),
        Some(_) if key.secret => "(hidden)".to_owned(),
        Some((value, _)) => value.to_string(),
    };
    let origin = |key: &Key| if layers.get(&key.path).is_some() { layers.origin(&key.path).to_string() } else { "unset".to_owned() };
    let entries: Vec<Value> = layers
        .keys()
        .iter()
        .map(|key| json!({"setting": key.path, "value": shown(key), "origin": origin(key), "description": key.manual()}))
        .collect();
    output.print(&json!({"settings": entries}), || {
        output::table(&["setting", "value", "from"], layers.keys().iter().map(|key| vec![key.path.to_string(), shown(key), origin(key)]))
    })?;
    if layers.faults().is_empty() { Ok(()) } else { Err(config::Faults(layers.faults().to_vec()).into()) }
}

fn check(context: &Context) -> anyhow::Result<()> {
    let config = context.config()?;
    config.warnings.iter().for_each(|warning| output::note(&format!("warning: {warning}")));
    Ok(context.output.print(&json!({"ok": true}), || "The configuration is right.".to_owned())?)
}
