//! One detector as the routes see it.

use crate::{
    http::body::Limits,
    metrics::{Metrics, Text},
};
use axum::extract::FromRef;
use bartizan_pipeline::{Clock, LifeCycle};
use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// A detector instance with what the server counts of it.
pub(crate) struct Detector {
    pub(crate) life: Arc<dyn LifeCycle>,
    pub(crate) anomalies: AtomicU64,
}

impl Detector {
    pub(crate) fn new(life: Arc<dyn LifeCycle>) -> Arc<Self> {
        Arc::new(Self { life, anomalies: AtomicU64::new(0) })
    }

    /// Counts entries judged anomalous.
    pub(crate) fn saw_anomalies(&self, count: u64) {
        if count > 0 {
            self.anomalies.fetch_add(count, Relaxed);
        }
    }
}

/// What all routes share.
pub(crate) struct Shared {
    pub(crate) version: &'static str,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) limits: Limits,
    /// Most events that one request may have judged.
    pub(crate) max_batch_events: usize,
    pub(crate) detectors: Vec<Arc<Detector>>,
    pub(crate) metrics: OnceLock<Arc<Metrics>>,
    /// The OpenAPI document of each mount prefix; `""` is the whole server's.
    pub(crate) documents: OnceLock<HashMap<String, Bytes>>,
    /// The paths of the whole server.
    pub(crate) paths: OnceLock<Vec<String>>,
}

/// A detector under a path; `""` is the root of the server.
pub(crate) struct Mount {
    pub(crate) prefix: String,
    pub(crate) detector: Arc<Detector>,
    pub(crate) shared: Arc<Shared>,
}

impl Mount {
    pub(crate) fn life(&self) -> &dyn LifeCycle {
        self.detector.life.as_ref()
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
        type Read = fn(&Detector) -> u64;
        let families: [(&str, &str, &str, Read); 5] = [
            ("anomalies_detected_total", "counter", "Events judged anomalous.", |d| d.anomalies.load(Relaxed)),
            ("bartizan_tracked_clients", "gauge", "Clients in the sliding windows.", |d| d.life.tracked_clients().0 as u64),
            ("bartizan_forgotten_clients_total", "counter", "Clients forgotten because there were too many.", |d| {
                d.life.tracked_clients().1
            }),
            (
                "bartizan_events_dated_ahead_total",
                "counter",
                "Events dated too far ahead of the clock, which counted at their arrival.",
                |d| d.life.dated_ahead(),
            ),
            ("bartizan_model_training_samples", "gauge", "Rows that the active model was trained on.", |d| {
                d.life.active().map_or(0, |model| model.training_samples)
            }),
        ];
        for (name, kind, help, read) in families {
            text.family(name, kind, help);
            for detector in &self.detectors {
                text.sample(name, &[("detector", detector.life.name())], read(detector));
            }
        }
        text.family("bartizan_model_info", "gauge", "The active model of each detector.");
        for detector in &self.detectors {
            let Some(model) = detector.life.active() else { continue };
            let labels = [("detector", detector.life.name()), ("version", &model.version), ("algorithm", &model.algorithm)];
            text.sample("bartizan_model_info", &labels, 1);
        }
        text.family("bartizan_model_trained_timestamp_seconds", "gauge", "When the active model was trained.");
        for detector in &self.detectors {
            let Some(model) = detector.life.active() else { continue };
            let labels = [("detector", detector.life.name())];
            text.sample("bartizan_model_trained_timestamp_seconds", &labels, model.trained_at.secs());
        }
    }
}
