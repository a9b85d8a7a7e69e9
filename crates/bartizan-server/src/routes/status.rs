//! `GET /status`: whether it judges, in short.

use crate::{config::Scope, docs, mount::Mount};
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::{Json, extract::State};
use bartizan_pipeline::{Held, Learning as Progress};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Status")]
struct Answer {
    is_trained: bool,
    training_date: Option<String>,
    /// On labelled events that were not learned from; without any, the share of events held back that the model judges normal.
    model_accuracy: Option<f64>,
    /// 0 without a model.
    feature_count: u32,
    model_version: Option<String>,
    /// How the rate of alarms is held; null without a model.
    alarms: Option<Alarms>,
    /// How far learning is that nobody asked for (`cold_start = "learn"`); null where it does not take place, or no more.
    learning: Option<Learning>,
    /// Events that `/ingest` has accepted and that wait to be judged.
    waiting: u64,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SelfLearning")]
struct Learning {
    /// Events in the history.
    events: u64,
    /// How many there must be for the next training.
    needed: u64,
    /// How many seconds of traffic a first model must still wait for, however many events there are.
    seconds_left: u64,
    /// When that will be if events come as they did since the start; null before two have come.
    ready_at: Option<String>,
    /// The smallest share of normal events flagged that the history allows to be promised now.
    allows: f64,
    message: String,
}

impl Learning {
    fn new(Progress { events, needed, secs_left, ready_at, allows }: Progress, is_trained: bool) -> Self {
        let ready_at = ready_at.map(|at| at.to_string());
        let when = ready_at.as_ref().map(|at| format!(", about {at}")).unwrap_or_default();
        let until = match is_trained {
            false => "until then only what carries the marks of an attack is flagged",
            true => "until then the model at work stays",
        };
        let message = match events {
            0 => format!("no event of {needed} has come; {until}"),
            events if events >= needed && secs_left > 0 => {
                format!("{events} events, and {needed} were needed; they must cover {secs_left} seconds more; {until}")
            }
            events if events >= needed => format!("{events} events, and {needed} were needed: a model is being learned; {until}"),
            _ => {
                let share = 100.0 * allows;
                format!("{events} of {needed} events{when}; {until}. The false alarms of a model of these could be kept to {share:.2} %")
            }
        };
        Self { events, needed, seconds_left: secs_left, ready_at, allows, message }
    }
}

#[derive(Serialize, JsonSchema)]
struct Alarms {
    /// Share of normal events that was asked for.
    asked: f64,
    /// Of 1, how much stricter (below 1) or laxer than the model's own the threshold is now.
    threshold: f64,
    /// Share of the latest events that the model's own threshold flags, floods of single clients left out; 0 at the beginning.
    share: f64,
    /// About which share of the latest events are attacks.
    attacks: f64,
    /// Set while the traffic is another one than was learned.
    drift: Option<Drift>,
}

#[derive(Serialize, JsonSchema)]
struct Drift {
    /// Since when, in the time of the events.
    since: String,
    message: String,
}

impl From<Held> for Alarms {
    fn from(Held { asked, tail, share, attacks, drift }: Held) -> Self {
        let message = |share: f64| {
            format!(
                "{:.1} % of the latest events lie beyond the threshold as it was learned, where {:.1} % was asked for: the traffic is another one. \
                 Look at the audit, label what is legitimate, and train",
                100.0 * share,
                100.0 * asked
            )
        };
        let drift = drift.map(|drift| Drift { since: drift.since.to_string(), message: message(drift.share) });
        Self { asked, threshold: tail / asked, share, attacks, drift }
    }
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Mount>> {
    get_with(handler, |op| docs::needs(op, Scope::Read).summary("Whether there is a model, and which"))
}

async fn handler(State(mount): State<Arc<Mount>>) -> Json<Answer> {
    let model = mount.life().active();
    Json(Answer {
        alarms: mount.life().held().map(Alarms::from),
        learning: mount.life().learning().map(|learning| Learning::new(learning, model.is_some())),
        is_trained: model.is_some(),
        training_date: model.as_ref().map(|model| model.trained_at.to_string()),
        model_accuracy: model.as_ref().and_then(|model| model.accuracy.or_else(|| model.held_back_normal())),
        feature_count: model.as_ref().map_or(0, |model| model.n_features),
        model_version: model.map(|model| model.version),
        waiting: mount.life().counters().ingest_waiting,
    })
}
