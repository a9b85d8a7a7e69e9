//! `bartizan openapi`: the document that the server serves at `/openapi.json`.

use crate::config::DETECTORS;
use crate::output::Output;

/// Prints it.
pub(crate) fn run() -> anyhow::Result<()> {
    let document = bartizan_server::openapi(DETECTORS, env!("CARGO_PKG_VERSION"));
    Ok(Output { json: true }.print(&document, String::new)?)
}
