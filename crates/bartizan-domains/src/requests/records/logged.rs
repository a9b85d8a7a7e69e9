//! Requests as access logs tell of them.

use super::Record;
use crate::access::Entry;
use crate::requests::RequestEvent;
use bartizan_core::Timestamp;

/// The record of an entry. Of its headers a log has only agent and referrer.
pub(super) fn record(entry: &Entry<'_>, line: u64) -> Record {
    let mut headers = Vec::with_capacity(2);
    for (name, value) in [("User-Agent", &entry.agent), ("Referer", &entry.referrer)] {
        if !value.is_empty() {
            headers.push((name.to_owned(), value.clone().into_owned()));
        }
    }
    let event = RequestEvent {
        request_id: String::new(),
        ip_address: entry.told_client().into_owned(),
        endpoint: entry.target.clone().into_owned(),
        http_method: entry.method.clone().into_owned(),
        headers,
        payload: String::new(),
        timestamp: entry.time.unwrap_or(Timestamp::from_secs(0)),
        query_string: None,
        content_type: None,
        status: entry.status,
        has_headers: false,
        client: String::new(),
        cut: Vec::new(),
    };
    Record { event, label: None, label_name: None, line }
}
