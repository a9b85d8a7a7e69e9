//! `bartizan openapi`: the document of the configured detectors, made as the server makes the one at `/openapi.json`.

use crate::context::Context;
use crate::kinds::for_kind;
use crate::output::Output;
use bartizan_server::Outline;

/// Prints it.
pub(crate) fn run(context: &Context) -> anyhow::Result<()> {
    let config = context.config()?;
    let mut outline = Outline::default();
    for detector in config.detectors.iter().filter(|detector| config.is_served(detector.name())) {
        for_kind!(detector.which, D => outline.add::<D>(detector.name()));
    }
    Ok(Output { json: true }.print(&outline.openapi(&config.server), String::new)?)
}
