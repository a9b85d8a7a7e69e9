//! `bartizan openapi`: the document of the configured detectors, made as the server makes the one at `/openapi.json`.

use crate::context::Context;
use crate::output::Output;

/// Prints it.
pub(crate) fn run(context: &Context) -> anyhow::Result<()> {
    let config = context.config()?;
    Ok(Output { json: true }.print(&config.outline().openapi(&config.server), String::new)?)
}
