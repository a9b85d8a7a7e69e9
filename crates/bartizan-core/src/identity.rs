//! Where an event says who its client is, for addresses that many clients share.

use crate::head;
use std::sync::Arc;
use thiserror::Error;

/// Most places of a list.
const MAX_PLACES: usize = 64;
/// Longest name of a header or cookie, in bytes.
const MAX_NAME: usize = 256;
/// The place that is the agent.
const AGENT: &str = "agent";
/// What names of cookies begin with.
const COOKIE: &str = "cookie:";

/// A place in an event that names its client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The value of the header of this name, in lower case.
    Header(String),
    /// The value of the cookie of this name.
    Cookie(String),
    /// What the client calls itself.
    Agent,
}

/// The places that are looked at, the most specific first. Without any, a client is its address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity(Arc<[Place]>);

/// What the sliding windows track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracking {
    /// Most clients, addresses and identities within them together.
    pub max_entities: usize,
    /// What tells clients of one address apart.
    pub identity: Identity,
}

impl Tracking {
    /// Tracks so many clients, each by its address.
    #[must_use]
    pub fn by_address(max_entities: usize) -> Self {
        Self { max_entities, identity: Identity::default() }
    }
}

/// A text names no place.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// It is none of what is understood.
    #[error("{text:?} is neither the name of a header such as x-user-id, nor cookie:NAME, nor the word {AGENT}")]
    Unknown {
        /// The text, shortened.
        text: String,
    },
    /// It names a header that has a word of its own, or is not one value.
    #[error("{text:?} is not looked at as a header; write {instead} instead")]
    Instead {
        /// The text.
        text: String,
        /// What is meant.
        instead: &'static str,
    },
    /// It was said before.
    #[error("{text:?} is listed twice")]
    Twice {
        /// The text, shortened.
        text: String,
    },
    /// The list is too long.
    #[error("{count} places are listed; at most {MAX_PLACES} are looked at")]
    TooMany {
        /// How many there are.
        count: usize,
    },
}

impl Identity {
    /// From names of headers, `cookie:NAME`, and `agent`, the most specific first.
    ///
    /// # Errors
    /// Names the first entry that is none of them or stands there twice, and a list that is too long.
    pub fn parse<T: AsRef<str>>(entries: &[T]) -> Result<Self, IdentityError> {
        if entries.len() > MAX_PLACES {
            return Err(IdentityError::TooMany { count: entries.len() });
        }
        let mut places = Vec::with_capacity(entries.len());
        for entry in entries {
            let text = entry.as_ref().trim();
            let place = place(text)?;
            if places.contains(&place) {
                return Err(IdentityError::Twice { text: head(text, MAX_NAME).to_owned() });
            }
            places.push(place);
        }
        Ok(Self(places.into()))
    }

    /// The places.
    #[must_use]
    pub fn places(&self) -> &[Place] {
        &self.0
    }
}

fn place(text: &str) -> Result<Place, IdentityError> {
    // Cookies have the names that headers may have, but for the case.
    let is_name = |name: &str| !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(is_token);
    let lower = text.to_ascii_lowercase();
    let instead = |instead| Err(IdentityError::Instead { text: lower.clone(), instead });
    match (lower.as_str(), text.get(..COOKIE.len()).filter(|start| start.eq_ignore_ascii_case(COOKIE))) {
        (AGENT, _) => Ok(Place::Agent),
        ("user-agent", _) => instead(AGENT),
        ("cookie", _) => instead("cookie:NAME with the name of the session's cookie"),
        (_, Some(_)) if is_name(&text[COOKIE.len()..]) => Ok(Place::Cookie(text[COOKIE.len()..].to_owned())),
        (name, None) if is_name(name) => Ok(Place::Header(lower)),
        _ => Err(IdentityError::Unknown { text: head(text, MAX_NAME).to_owned() }),
    }
}

/// Whether a byte may be in the name of a header (RFC 9110).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::{Identity, IdentityError, MAX_PLACES, Place};

    #[test]
    fn places_are_headers_cookies_and_the_agent() {
        let places = Identity::parse(&[" X-User-Id ", "Cookie:JSESSIONID", "cookie:connect.sid", "AGENT"]).unwrap();
        let cookie = |name: &str| Place::Cookie(name.to_owned());
        assert_eq!(places.places(), [Place::Header("x-user-id".to_owned()), cookie("JSESSIONID"), cookie("connect.sid"), Place::Agent]);
        assert_eq!(Identity::parse::<&str>(&[]), Ok(Identity::default()));
        let refused = |list: &[&str]| Identity::parse(list).unwrap_err().to_string();
        for (list, said) in [
            (&["user id"][..], "\"user id\" is neither the name of a header such as x-user-id, nor cookie:NAME, nor the word agent"),
            (&[""], "\"\" is neither"),
            (&["cookie:"], "\"cookie:\" is neither"),
            (&["cookies:sid"], "\"cookies:sid\" is neither"),
            (&["ü"], "\"ü\" is neither"),
            (&["User-Agent"], "write agent instead"),
            (&["cookie"], "write cookie:NAME with the name of the session's cookie instead"),
            (&["x-key", "agent", "X-Key"], "\"X-Key\" is listed twice"),
        ] {
            assert!(refused(list).contains(said), "{list:?}: {}", refused(list));
        }
        let many: Vec<String> = (0..=MAX_PLACES).map(|i| format!("x-{i}")).collect();
        assert_eq!(Identity::parse(&many), Err(IdentityError::TooMany { count: MAX_PLACES + 1 }));
        assert!(refused(&[&"x".repeat(10_000)]).len() < 500, "what is quoted is bounded");
    }
}
