//! One detector as the routes see it.

use crate::{
    docs::Documents,
    http::body::Limits,
    metrics::{Detections, Metrics, Text},
};
use axum::extract::FromRef;
use bartizan_pipeline::{Clock, Counters, Held, LifeCycle};
use std::sync::{Arc, OnceLock};

/// What all routes share.
pub(crate) struct Shared {
    pub(crate) version: &'static str,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
    /// Most events that one request may have judged.
    pub(crate) max_batch_events: usize,
    pub(crate) detectors: Vec<Arc<dyn LifeCycle>>,
    /// What each of them detected, in their order.
    pub(crate) detected: Vec<Arc<Detections>>,
    pub(crate) metrics: OnceLock<Arc<Metrics>>,
    pub(crate) documents: OnceLock<Documents>,
    /// The paths of the whole server.
    pub(crate) paths: OnceLock<Vec<String>>,
}

/// A detector under a path; `""` is the root of the server.
pub(crate) struct Mount {
    pub(crate) prefix: String,
    pub(crate) detector: Arc<dyn LifeCycle>,
    pub(crate) shared: Arc<Shared>,
}

impl Mount {
    pub(crate) fn life(&self) -> &dyn LifeCycle {
        self.detector.as_ref()
    }
}

impl FromRef<Arc<Mount>> for Limits {
    fn from_ref(mount: &Arc<Mount>) -> Self {
        mount.shared.limits.clone()
    }
}

impl Shared {
    /// The whole server as Prometheus text.
    pub(crate) fn metrics_text(&self) -> String {
        let mut text = Text::default();
        if let Some(metrics) = self.metrics.get() {
            metrics.write(&mut text);
        }
        self.write_detectors(&mut text);
        text.0
    }

    fn write_detectors(&self, text: &mut Text) {
        type Read = fn(Counters) -> u64;
        let families: [(&str, &str, &str, Read); 9] = [
            ("bartizan_verdicts_total", "counter", "Verdicts recorded.", |c| c.judged),
            ("anomalies_detected_total", "counter", "Events judged anomalous.", |c| c.anomalous),
            ("bartizan_tracked_clients", "gauge", "Clients in the sliding windows.", |c| c.tracked_clients as u64),
            ("bartizan_forgotten_clients_total", "counter", "Clients forgotten because there were too many.", |c| c.forgotten_clients),
            (
                "bartizan_events_dated_ahead_total",
                "counter",
                "Events dated too far ahead of the clock, which counted at their arrival.",
                |c| c.dated_ahead,
            ),
            ("bartizan_detections_missed_total", "counter", "Detections that a listener was too slow for.", |c| c.missed_by_listeners),
            ("bartizan_ingested_events_total", "counter", "Events accepted to be judged in the background.", |c| c.ingested),
            ("bartizan_ingest_rejected_total", "counter", "Records that came with such events and could not be read.", |c| {
                c.ingest_rejected
            }),
            ("bartizan_ingest_waiting_events", "gauge", "Accepted events that wait to be judged.", |c| c.ingest_waiting),
        ];
        let counters: Vec<Counters> = self.detectors.iter().map(|detector| detector.counters()).collect();
        for (name, kind, help, read) in families {
            text.family(name, kind, help);
            for (detector, counters) in self.detectors.iter().zip(&counters) {
                text.sample(name, &[("detector", detector.name())], read(*counters));
            }
        }
        self.write_detected(text);
        self.write_models(text);
        self.write_held(text);
    }

    fn write_held(&self, text: &mut Text) {
        type Read = fn(Held) -> f64;
        let families: [(&str, &str, Read); 4] = [
            ("bartizan_alarm_share_asked", "Share of normal events that may be flagged.", |held| held.asked),
            ("bartizan_alarm_share", "Share of the latest events that the model's own threshold flags.", |held| held.share),
            ("bartizan_threshold_tail", "Share of the events learned from that the threshold of now would flag.", |held| held.tail),
            ("bartizan_drift", "1 while the traffic is another one than was learned.", |held| f64::from(u8::from(held.drift.is_some()))),
        ];
        let held: Vec<_> = self.detectors.iter().filter_map(|detector| Some((detector.name(), detector.held()?))).collect();
        for (name, help, read) in families {
            text.family(name, "gauge", help);
            held.iter().for_each(|(detector, held)| text.sample(name, &[("detector", detector)], read(*held)));
        }
    }

    fn write_detected(&self, text: &mut Text) {
        let each = || self.detectors.iter().map(|detector| detector.name()).zip(&self.detected);
        text.family("bartizan_detections_total", "counter", "Anomalous events by class, of detectors that tell classes apart.");
        for (detector, detected) in each() {
            for (class, count) in detected.by_class() {
                text.sample("bartizan_detections_total", &[("detector", detector), ("class", &class)], count);
            }
        }
        let name = "bartizan_last_detection_timestamp_seconds";
        text.family(name, "gauge", "When an event was last judged anomalous, since the start.");
        for (detector, last) in each().filter_map(|(detector, detected)| Some((detector, detected.last()?))) {
            text.sample(name, &[("detector", detector)], last.secs());
        }
    }

    fn write_models(&self, text: &mut Text) {
        let models: Vec<_> = self.detectors.iter().filter_map(|detector| Some((detector.name(), detector.active()?))).collect();
        text.family("bartizan_model_training_samples", "gauge", "Rows that the active model was trained on; 0 without one.");
        for detector in &self.detectors {
            let samples = detector.active().map_or(0, |model| model.training_samples);
            text.sample("bartizan_model_training_samples", &[("detector", detector.name())], samples);
        }
        text.family("bartizan_model_info", "gauge", "The active model of each detector.");
        for (detector, model) in &models {
            let labels = [("detector", *detector), ("version", &model.version), ("algorithm", &model.algorithm)];
            text.sample("bartizan_model_info", &labels, 1);
        }
        text.family("bartizan_model_trained_timestamp_seconds", "gauge", "When the active model was trained.");
        for (detector, model) in &models {
            text.sample("bartizan_model_trained_timestamp_seconds", &[("detector", detector)], model.trained_at.secs());
        }
    }
}
