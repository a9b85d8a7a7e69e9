//! Bartizan: anomaly detection for security telemetry, in one binary.

fn main() {}
