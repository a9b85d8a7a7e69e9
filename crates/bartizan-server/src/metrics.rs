//! Counters of the whole server and their Prometheus text. Counters are looked up once, at the start; counting takes no lock.

use bartizan_core::Timestamp;
use bartizan_pipeline::{Detected, LifeCycle};
use hyper::{Method, StatusCode};
use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt::{self, Write},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// Upper bounds of the duration histogram, in microseconds.
const BOUNDS_US: [u64; 15] =
    [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 10_000_000];
/// Statuses that are counted each for itself; others are summed up as `other`.
const STATUSES: [u16; 16] = [200, 202, 204, 400, 401, 403, 404, 405, 408, 409, 413, 415, 421, 422, 500, 503];

/// Requests of one method and route.
pub(crate) struct RouteCounter {
    method: String,
    endpoint: String,
    requests: AtomicU64,
}

impl RouteCounter {
    fn new(method: &str, endpoint: &str) -> Arc<Self> {
        Arc::new(Self { method: method.to_owned(), endpoint: endpoint.to_owned(), requests: AtomicU64::new(0) })
    }

    pub(crate) fn count(&self) {
        self.requests.fetch_add(1, Relaxed);
    }
}

/// The counters of all routes.
#[derive(Default)]
pub(crate) struct Routes(Vec<Arc<RouteCounter>>);

impl Routes {
    pub(crate) fn add(&mut self, method: &Method, endpoint: &str) -> Arc<RouteCounter> {
        let counter = RouteCounter::new(method.as_str(), endpoint);
        self.0.push(Arc::clone(&counter));
        counter
    }
}

/// A number that goes up and down.
#[derive(Default)]
pub(crate) struct Level(AtomicU64);

impl Level {
    /// Raises the level by one until the returned guard is dropped.
    pub(crate) fn enter(&self) -> LevelGuard<'_> {
        self.0.fetch_add(1, Relaxed);
        LevelGuard(self)
    }

    pub(crate) fn now(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Lowers a [`Level`] by one when dropped.
pub(crate) struct LevelGuard<'a>(&'a Level);

impl Drop for LevelGuard<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}

/// The counters of the server.
pub(crate) struct Metrics {
    routes: Routes,
    /// Requests that matched no route.
    pub(crate) unmatched: Arc<RouteCounter>,
    /// Requests being answered.
    pub(crate) in_flight: Level,
    /// Open connections.
    pub(crate) connections: Level,
    /// Connections closed at once because there were too many, all at work.
    pub(crate) connections_refused: AtomicU64,
    /// Idle connections closed to make room for new ones.
    pub(crate) connections_evicted: AtomicU64,
    statuses: [AtomicU64; STATUSES.len() + 1],
    buckets: [AtomicU64; BOUNDS_US.len() + 1],
    duration_ns: AtomicU64,
}

impl Metrics {
    pub(crate) fn new(mut routes: Routes) -> Self {
        let unmatched = RouteCounter::new("ANY", "unmatched");
        routes.0.push(Arc::clone(&unmatched));
        Self {
            routes,
            unmatched,
            in_flight: Level::default(),
            connections: Level::default(),
            connections_refused: AtomicU64::new(0),
            connections_evicted: AtomicU64::new(0),
            statuses: Default::default(),
            buckets: Default::default(),
            duration_ns: AtomicU64::new(0),
        }
    }

    /// Counts one response.
    pub(crate) fn answered(&self, status: StatusCode, took: Duration) {
        let status = STATUSES.iter().position(|known| *known == status.as_u16()).unwrap_or(STATUSES.len());
        self.statuses[status].fetch_add(1, Relaxed);
        let micros = took.as_micros() as u64;
        let bucket = BOUNDS_US.iter().position(|bound| micros <= *bound).unwrap_or(BOUNDS_US.len());
        self.buckets[bucket].fetch_add(1, Relaxed);
        self.duration_ns.fetch_add(took.as_nanos() as u64, Relaxed);
    }

    /// Writes the counters as Prometheus text.
    pub(crate) fn write(&self, text: &mut Text) {
        text.family("api_requests_total", "counter", "Requests by method and route, refused ones included.");
        for route in &self.routes.0 {
            let labels = [("method", route.method.as_str()), ("endpoint", &route.endpoint)];
            text.sample("api_requests_total", &labels, route.requests.load(Relaxed));
        }
        text.family("api_responses_total", "counter", "Answers by status.");
        for (i, count) in self.statuses.iter().enumerate() {
            let status = STATUSES.get(i).map_or_else(|| "other".to_owned(), u16::to_string);
            text.sample("api_responses_total", &[("status", &status)], count.load(Relaxed));
        }
        self.write_durations(text);
        text.single("bartizan_requests_in_flight", "gauge", "Requests being answered.", self.in_flight.now());
        text.single("bartizan_connections", "gauge", "Open connections.", self.connections.now());
        let refused = self.connections_refused.load(Relaxed);
        text.single("bartizan_connections_refused_total", "counter", "Connections closed at once because there were too many.", refused);
        let evicted = self.connections_evicted.load(Relaxed);
        text.single("bartizan_connections_evicted_total", "counter", "Idle connections closed to make room for new ones.", evicted);
    }

    fn write_durations(&self, text: &mut Text) {
        const NAME: &str = "api_request_duration_seconds";
        text.family(NAME, "histogram", "Time from a request's head to its answer.");
        let mut sum = 0;
        for (i, bucket) in self.buckets.iter().enumerate() {
            sum += bucket.load(Relaxed);
            let bound = BOUNDS_US.get(i).map_or_else(|| "+Inf".to_owned(), |us| (*us as f64 / 1e6).to_string());
            text.sample("api_request_duration_seconds_bucket", &[("le", &bound)], sum);
        }
        text.sample("api_request_duration_seconds_sum", &[], self.duration_ns.load(Relaxed) as f64 / 1e9);
        text.sample("api_request_duration_seconds_count", &[], sum);
    }
}

/// Counts of the events that one detector judged anomalous, by class.
#[derive(Default)]
pub(crate) struct Detections(Mutex<DetectionCounts>);

#[derive(Default)]
struct DetectionCounts {
    by_class: BTreeMap<Cow<'static, str>, u64>,
    last: Option<Timestamp>,
}

impl Detections {
    /// Creates the counts and registers them as a listener of the detector.
    pub(crate) fn of(detector: &dyn LifeCycle) -> Arc<Self> {
        let this = Arc::new(Self::default());
        let listener = Arc::clone(&this);
        detector.listen(Box::new(move |detected| listener.add(detected)));
        this
    }

    fn lock(&self) -> MutexGuard<'_, DetectionCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, detected: &Detected) {
        let mut counts = self.lock();
        counts.last = counts.last.max(Some(detected.analyzed_at));
        if let Some(class) = &detected.class {
            *counts.by_class.entry(class.name.clone()).or_default() += 1;
        }
    }

    /// Returns the number of anomalous events of each class.
    pub(crate) fn by_class(&self) -> Vec<(String, u64)> {
        self.lock().by_class.iter().map(|(class, count)| (class.clone().into_owned(), *count)).collect()
    }

    /// Returns when the last anomalous event was judged.
    pub(crate) fn last(&self) -> Option<Timestamp> {
        self.lock().last
    }
}

/// Prometheus text being written.
#[derive(Default)]
pub(crate) struct Text(pub(crate) String);

impl Text {
    pub(crate) fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl fmt::Display) {
        let labels: Vec<String> = labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escape(value))).collect();
        if labels.is_empty() {
            self.line(format_args!("{name} {value}"));
        } else {
            self.line(format_args!("{name}{{{}}} {value}", labels.join(",")));
        }
    }

    pub(crate) fn single(&mut self, name: &str, kind: &str, help: &str, value: impl fmt::Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{line}");
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::{Metrics, Routes, Text};
    use hyper::{Method, StatusCode};
    use std::time::Duration;

    fn text(metrics: &Metrics) -> String {
        let mut text = Text::default();
        metrics.write(&mut text);
        text.0
    }

    #[test]
    fn everything_is_there_at_zero_and_counts() {
        let mut routes = Routes::default();
        let analyze = routes.add(&Method::POST, "/requests/analyze");
        let metrics = Metrics::new(routes);
        let before = text(&metrics);
        for line in [
            "api_requests_total{method=\"POST\",endpoint=\"/requests/analyze\"} 0",
            "api_request_duration_seconds_bucket{le=\"0.0001\"} 0",
            "api_request_duration_seconds_bucket{le=\"+Inf\"} 0",
            "api_request_duration_seconds_count 0",
        ] {
            assert!(before.lines().any(|l| l == line), "{line} is not in\n{before}");
        }
        analyze.count();
        metrics.answered(StatusCode::OK, Duration::from_millis(2));
        metrics.answered(StatusCode::IM_A_TEAPOT, Duration::from_secs(60));
        let after = text(&metrics);
        for line in [
            "api_requests_total{method=\"POST\",endpoint=\"/requests/analyze\"} 1",
            "api_request_duration_seconds_bucket{le=\"0.001\"} 0",
            "api_request_duration_seconds_bucket{le=\"0.0025\"} 1",
            "api_request_duration_seconds_bucket{le=\"+Inf\"} 2",
            "api_responses_total{status=\"200\"} 1",
            "api_responses_total{status=\"other\"} 1",
        ] {
            assert!(after.lines().any(|l| l == line), "{line} is not in\n{after}");
        }
    }
}
