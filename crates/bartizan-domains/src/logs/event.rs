//! One log entry.

use bartizan_core::Timestamp;
use serde::{Deserialize, Serialize};

/// One request to an API, as a log tells of it after it was answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogEvent {
    /// When it happened.
    pub timestamp: Timestamp,
    /// Who; empty when nobody authenticated.
    pub user_id: String,
    /// Path, perhaps with its query.
    pub endpoint: String,
    /// HTTP method.
    pub method: String,
    /// The client's address as the sender tells it; empty when unknown.
    pub ip_address: String,
    /// What the client calls itself.
    pub user_agent: Option<String>,
    /// Status answered; none where no answer was sent or logged.
    pub status_code: Option<i64>,
    /// Seconds until it was answered, 0 or more and finite; none where the log does not tell.
    pub response_time: Option<f64>,
    /// Bytes of the request.
    pub request_size: Option<u64>,
    /// Bytes of the answer.
    pub response_size: Option<u64>,
    /// The client, where it is written otherwise than in `ip_address`; filled in when the event arrives.
    pub client: String,
}
