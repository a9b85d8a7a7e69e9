//! One API request.

use super::bounded::{Cut, MAX_HEADERS};
use crate::web::path_of;
use bartizan_core::{Timestamp, head};
use serde::{Deserialize, Serialize};

/// Longest part of an agent that tells it from others.
const MAX_AGENT: usize = 1_024;

/// One API request, as a gateway or a log tells it. No format is imposed on the texts: real gateways send `unknown` or a
/// whole `X-Forwarded-For` list as the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestEvent {
    /// The sender's name for it; empty when it has none.
    pub request_id: String,
    /// The client's address as the sender tells it; empty when unknown.
    pub ip_address: String,
    /// Path, often with its query.
    pub endpoint: String,
    /// HTTP method.
    pub http_method: String,
    /// Header names and values, in the order they came.
    pub headers: Vec<(String, String)>,
    /// The body as JSON text; empty when there is none.
    pub payload: String,
    /// When it happened.
    pub timestamp: Timestamp,
    /// The query, where the sender tells it apart from the path.
    pub query_string: Option<String>,
    /// The content type, where the sender tells it apart from the headers.
    pub content_type: Option<String>,
    /// Status answered, where it is known (access logs).
    pub status: Option<u16>,
    /// Whether header values other than agent and referrer can be known (not so in access logs).
    pub has_headers: bool,
    /// The client, where it is written otherwise than in `ip_address`; filled in when the event arrives.
    pub client: String,
    /// What was cut before the event was stored. Last, as `client` before it, since events of format 1 end before these.
    pub cut: Vec<Cut>,
}

impl RequestEvent {
    /// The first header of this name, in any case, among those that are looked at.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().take(MAX_HEADERS).find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// Path without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        path_of(&self.endpoint)
    }

    /// The query, wherever it is told; empty without one.
    #[must_use]
    pub fn query(&self) -> &str {
        match (self.endpoint.split_once('?'), &self.query_string) {
            (Some((_, query)), _) => query,
            (None, Some(query)) => query.strip_prefix('?').unwrap_or(query),
            (None, None) => "",
        }
    }

    /// The client. Of an event that did not arrive here (format 1), the first of a list.
    #[must_use]
    pub fn client(&self) -> &str {
        if self.client.is_empty() { self.ip_address.split(',').next().unwrap_or_default().trim() } else { &self.client }
    }

    /// The agent, or its beginning; `None` without the header.
    pub(crate) fn agent(&self) -> Option<&str> {
        self.header("user-agent").map(|agent| head(agent, MAX_AGENT))
    }

    /// About how many bytes its texts have. Very many headers weigh by their number alone, which takes no time to count.
    pub(crate) fn weight(&self) -> usize {
        const MANY: usize = 1_024;
        const LEAST: usize = 16;
        let headers = match self.headers.len() {
            ..MANY => self.headers.iter().map(|(name, value)| name.len() + value.len()).sum(),
            count => count * LEAST,
        };
        let query = self.query_string.as_deref().map_or(0, str::len);
        self.ip_address.len() + self.endpoint.len() + self.http_method.len() + self.payload.len() + query + headers
    }
}

#[cfg(test)]
mod tests {
    use super::super::body::parse_event;
    use bartizan_core::Timestamp;

    #[test]
    fn parts_of_the_target() {
        for (endpoint, path, query) in [
            ("/a/b?x=1", "/a/b", "x=1"),
            ("/a/b", "/a/b", "y=2"),
            ("http://host:80/a?x", "/a", "x"),
            ("http://host", "/", "y=2"),
            ("", "", "y=2"),
            ("/redirect?to=http://x/y", "/redirect", "to=http://x/y"),
        ] {
            let body = format!(
                r#"{{"request_id":"1","ip_address":"1.2.3.4, 5.6.7.8","endpoint":"{endpoint}","http_method":"GET","headers":{{}},"query_string":"?y=2"}}"#
            );
            let event = parse_event(body.as_bytes(), Timestamp::from_secs(0)).unwrap();
            assert_eq!((event.path(), event.query(), event.client()), (path, query, "1.2.3.4"), "{endpoint}");
        }
    }
}
