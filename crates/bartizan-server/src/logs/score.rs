//! The score of this kind's clients: from -1 to 0, lower is worse, -0.5 at the learned boundary.

use serde_json::{Value, json};

/// The score nearest to 0 that there is.
const LEAST: f64 = 1e-9;
/// Below these, severities are high and medium.
const HIGH: f64 = -0.8;
const MEDIUM: f64 = -0.65;

/// Of a grade on the scale of the product.
pub(super) fn anomaly_score(grade: f64) -> f64 {
    -grade.clamp(LEAST, 1.0)
}

/// The grade above which scores lie below a threshold.
pub(super) fn grade_above(threshold: f64) -> f64 {
    // Every score is below 0: all grades are above what stands for a threshold of 0 or more.
    if threshold >= 0.0 { -1.0 } else { -threshold }
}

pub(super) fn severity(score: f64) -> &'static str {
    match score {
        score if score < HIGH => "high",
        score if score < MEDIUM => "medium",
        _ => "low",
    }
}

/// An entry as it may come, as the OpenAPI document describes it.
pub(super) fn entry_schema() -> Value {
    let whole = json!({ "type": ["integer", "null"] });
    json!({
        "type": "object",
        "required": ["timestamp", "user_id", "endpoint", "method", "ip_address", "status_code", "response_time"],
        "properties": {
            "timestamp": { "type": "string", "format": "date-time", "description": "RFC 3339, with or without a zone; none is UTC." },
            "user_id": { "type": "string", "description": "Empty when nobody authenticated: the entry is then its address's." },
            "endpoint": { "type": "string", "description": "Path, perhaps with its query." },
            "method": { "type": "string" },
            "ip_address": { "type": "string", "description": "An address, with or without port, or a list as in X-Forwarded-For." },
            "user_agent": { "type": ["string", "null"] },
            "status_code": { "type": "integer" },
            "response_time": { "type": "number", "description": "Seconds; below 0 counts as 0." },
            "request_size": whole,
            "response_size": whole,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::{anomaly_score, grade_above, severity};

    #[test]
    fn scores_are_below_0_and_thresholds_of_0_list_all() {
        for grade in [0.0, 1e-300, 0.2, 0.5, 1.0] {
            let score = anomaly_score(grade);
            assert!((-1.0..0.0).contains(&score), "{grade}: {score}");
            for threshold in [-2.0, -1.0, -0.8, -0.5, -0.2, 0.0, 5.0] {
                assert!(grade_above(threshold) >= grade || score < threshold || threshold <= -1.0, "{grade} {threshold}");
                assert_eq!(grade.max(1e-9) > grade_above(threshold), score < threshold, "{grade} {threshold}");
            }
        }
        let severities = [-1.0, -0.81, -0.8, -0.66, -0.65, -0.5, -0.1].map(severity);
        assert_eq!(severities, ["high", "high", "medium", "medium", "low", "low", "low"]);
    }
}
