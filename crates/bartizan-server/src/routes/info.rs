//! `GET /` of a mount: what it is and what it offers.

use crate::{mount::Mount, routes::at};
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::{Json, extract::State};
use schemars::JsonSchema;
use serde::Serialize;
use std::{collections::BTreeMap, sync::Arc};

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DetectorInfo")]
struct Answer {
    service: &'static str,
    detector: String,
    kind: &'static str,
    status: &'static str,
    version: &'static str,
    documentation: String,
    /// Paths by name.
    endpoints: BTreeMap<String, String>,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Mount>> {
    get_with(handler, |op| op.summary("The detector and its paths"))
}

async fn handler(State(mount): State<Arc<Mount>>) -> Json<Answer> {
    Json(Answer {
        service: "Bartizan",
        detector: mount.life().name().to_owned(),
        kind: mount.life().kind(),
        status: "running",
        version: mount.shared.version,
        documentation: "/docs".to_owned(),
        endpoints: endpoints(&mount),
    })
}

/// The paths as the document has them: `/models/{version}/activate` is called `models_activate`.
fn endpoints(mount: &Mount) -> BTreeMap<String, String> {
    let own = format!("/{}", mount.life().name());
    let paths = mount.shared.paths.get().map_or(&[][..], Vec::as_slice);
    let below = paths.iter().filter_map(|path| Some((path, path.strip_prefix(&own)?)));
    below
        .map(|(_, rest)| {
            let words = rest.split('/').filter(|step| !step.is_empty() && !step.starts_with('{'));
            let name = words.collect::<Vec<_>>().join("_").replace(['-', '.'], "_");
            (if name.is_empty() { "root".to_owned() } else { name }, at(&mount.prefix, if rest.is_empty() { "/" } else { rest }))
        })
        .collect()
}
