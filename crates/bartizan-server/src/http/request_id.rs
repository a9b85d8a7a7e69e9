//! Request ids, to find a request in the log.

use bartizan_core::{Seed, Timestamp};
use hyper::{HeaderMap, header::HeaderValue};
use std::sync::atomic::{AtomicU64, Ordering};

pub(crate) const REQUEST_ID: &str = "x-request-id";
const LONGEST: usize = 128;

/// Generates ids that differ between requests and between runs.
pub(crate) struct RequestIds {
    run: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new(started: Timestamp) -> Self {
        Self { run: started.micros().cast_unsigned(), next: AtomicU64::new(0) }
    }

    /// Returns the id that the caller sent, if it is short and printable, or a new one.
    pub(crate) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        match headers.get(REQUEST_ID) {
            Some(given) if is_printable(given) => given.clone(),
            _ => self.fresh(),
        }
    }

    fn fresh(&self) -> HeaderValue {
        let mixed = Seed(self.run).derive(self.next.fetch_add(1, Ordering::Relaxed)).0;
        HeaderValue::try_from(format!("{mixed:016x}")).unwrap_or_else(|_| HeaderValue::from_static("0"))
    }
}

fn is_printable(value: &HeaderValue) -> bool {
    (1..=LONGEST).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::{REQUEST_ID, RequestIds};
    use bartizan_core::Timestamp;
    use hyper::HeaderMap;

    #[test]
    fn ids_differ_and_given_ones_are_kept() {
        let ids = RequestIds::new(Timestamp::from_secs(1));
        let mut headers = HeaderMap::new();
        let (a, b) = (ids.of(&headers), ids.of(&headers));
        assert!(a != b && a.len() == 16);
        headers.insert(REQUEST_ID, "trace-7".parse().unwrap());
        assert_eq!(ids.of(&headers), "trace-7");
        for refused in ["two words", "", &"x".repeat(129)] {
            headers.insert(REQUEST_ID, refused.parse().unwrap());
            assert_eq!(ids.of(&headers).len(), 16);
        }
    }
}
