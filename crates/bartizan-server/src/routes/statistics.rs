//! `GET /statistics`: exact totals.

use crate::{config::Scope, docs, http::refusal::Refusal, mount::Mount, routes::activate::NONE};
use aide::axum::routing::{ApiMethodRouter, get_with};
use axum::{Json, extract::State};
use bartizan_pipeline::{Reliability, StatisticsReport};
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Statistics")]
struct Answer {
    total_requests_analyzed: u64,
    anomaly_count: u64,
    legitimate_count: u64,
    /// Share of the judged, 0 to 1.
    anomaly_rate: f64,
    active_model: ActiveModel,
    label_corrections: Corrections,
    /// How many of the verdicts that people labelled were right, by verdict and confidence: those with the newest labels, alarms first.
    reliability: Vec<Range>,
    average_confidence: f64,
    uptime_hours: f64,
    /// Rows held now, unjudged ones included.
    stored_records: u64,
}

#[derive(Serialize, JsonSchema)]
struct ActiveModel {
    /// `none` when there is none.
    version: String,
    training_date: Option<String>,
    training_samples: u64,
    accuracy_score: Option<f64>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReliabilityRange")]
struct Range {
    /// `anomalous` or `normal`.
    verdict: &'static str,
    /// Range of confidence.
    from: f64,
    to: f64,
    /// Labelled verdicts in it.
    events: u64,
    /// Their mean confidence.
    confidence: f64,
    /// The share of them that was right.
    right: f64,
}

impl From<Reliability> for Range {
    fn from(Reliability { verdict, from, to, events, confidence, right }: Reliability) -> Self {
        Self { verdict, from, to, events, confidence, right }
    }
}

#[derive(Serialize, JsonSchema)]
struct Corrections {
    /// Rows with a label.
    total_corrections: u64,
    false_positives_corrected: u64,
    false_negatives_corrected: u64,
}

pub(crate) fn route() -> ApiMethodRouter<Arc<Mount>> {
    get_with(handler, |op| docs::needs(op, Scope::Read).summary("Exact totals since the first verdict"))
}

async fn handler(State(mount): State<Arc<Mount>>) -> Result<Json<Answer>, Refusal> {
    Ok(Json(mount.life().statistics().await?.into()))
}

impl From<StatisticsReport> for Answer {
    fn from(StatisticsReport { totals, reliability, active, uptime_hours }: StatisticsReport) -> Self {
        Self {
            total_requests_analyzed: totals.judged,
            anomaly_count: totals.anomalous,
            legitimate_count: totals.judged.saturating_sub(totals.anomalous),
            anomaly_rate: if totals.judged == 0 { 0.0 } else { totals.anomalous as f64 / totals.judged as f64 },
            active_model: ActiveModel {
                training_date: active.as_ref().map(|model| model.trained_at.to_string()),
                training_samples: active.as_ref().map_or(0, |model| model.training_samples),
                accuracy_score: active.as_ref().and_then(|model| model.accuracy),
                version: active.map_or_else(|| NONE.to_owned(), |model| model.version),
            },
            label_corrections: Corrections {
                total_corrections: totals.labelled,
                false_positives_corrected: totals.false_positives,
                false_negatives_corrected: totals.false_negatives,
            },
            reliability: reliability.into_iter().map(Range::from).collect(),
            average_confidence: totals.average_confidence,
            uptime_hours,
            stored_records: totals.stored,
        }
    }
}
