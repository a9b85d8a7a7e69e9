//! One log entry.

use bartizan_core::{Timestamp, head, tail};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Most bytes that are stored of an endpoint, of an agent, and of the user, the method and the address each.
const MAX_ENDPOINT: usize = 4_096;
const MAX_AGENT: usize = 1_024;
/// Bytes at the end of an endpoint and of an agent that are kept of a long one: what is behind a long beginning is seen, too.
const MAX_TAIL: usize = 512;
pub(super) const MAX_OTHER: usize = 512;

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
    /// When it counts in the windows, where that is not its own time; filled in when the event arrives.
    pub counted: Option<Timestamp>,
}

impl LogEvent {
    /// The client's address.
    #[must_use]
    pub fn client(&self) -> &str {
        if self.client.is_empty() { &self.ip_address } else { &self.client }
    }

    /// Who it is: the user, or the client's address where nobody authenticated.
    #[must_use]
    pub fn entity(&self) -> &str {
        if self.user_id.is_empty() { self.client() } else { &self.user_id }
    }

    /// What tells the user from others, as much as is stored of it.
    pub(super) fn user(&self) -> &[u8] {
        head(&self.user_id, MAX_OTHER).as_bytes()
    }

    /// The endpoint as it is stored: of a long one, beginning and end.
    pub(super) fn seen_endpoint(&self) -> Cow<'_, str> {
        both_ends(&self.endpoint, MAX_ENDPOINT)
    }

    /// The agent as it is stored.
    pub(super) fn seen_agent(&self) -> Option<Cow<'_, str>> {
        self.user_agent.as_deref().map(|agent| both_ends(agent, MAX_AGENT))
    }

    /// About how many bytes its texts have.
    pub(super) fn weight(&self) -> usize {
        self.endpoint.len() + self.user_id.len() + self.ip_address.len() + self.user_agent.as_ref().map_or(0, String::len)
    }

    /// The entry as it is stored. Features and windows look at no more of it.
    pub(super) fn bounded(&self) -> Cow<'_, Self> {
        let agent = self.user_agent.as_deref().unwrap_or_default();
        let (endpoint, of_agent, other) = (MAX_ENDPOINT, MAX_AGENT, MAX_OTHER);
        let others = [&self.user_id, &self.method, &self.ip_address, &self.client];
        if self.endpoint.len() <= endpoint && agent.len() <= of_agent && others.iter().all(|text| text.len() <= other) {
            return Cow::Borrowed(self);
        }
        let cut = |text: &str, most: usize| head(text, most).to_owned();
        Cow::Owned(Self {
            user_id: cut(&self.user_id, other),
            endpoint: self.seen_endpoint().into_owned(),
            method: cut(&self.method, other),
            ip_address: cut(&self.ip_address, other),
            user_agent: self.seen_agent().map(Cow::into_owned),
            client: cut(&self.client, other),
            ..*self
        })
    }
}

/// The beginning and the end of a text that has more bytes than this.
fn both_ends(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    Cow::Owned([head(text, most - MAX_TAIL), tail(text, MAX_TAIL)].concat())
}
