//! Who sends a request from an address, as a number: nothing of a credential is kept but its hash.

use super::RequestEvent;
use super::bounded::MAX_HEADERS;
use crate::web::text::{hash, hash_on};
use bartizan_core::{Identity, Place, head};

/// Of those who tell nothing.
const NOBODY: u64 = 0;
/// Longest part of a value that tells it from others, in bytes.
const MAX_VALUE: usize = 1_024;
/// Longest part of a header with cookies that is looked at, in bytes: as much as is stored of it.
const MAX_COOKIES: usize = 4_096;

/// Who sends a request, as told by the first place of the list that tells anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) hash: u64,
    /// The agent, where something more specific tells who it is, and the agent would.
    pub(super) agent: Option<u64>,
}

/// The places that are looked at, each with the hash of its name.
pub(super) struct Places(Vec<(Place, u64)>);

impl Places {
    pub(super) fn new(identity: &Identity) -> Self {
        let start = |place: &Place| match place {
            Place::Header(name) => hash_on(hash(b"header "), name.as_bytes()),
            Place::Cookie(name) => hash_on(hash(b"cookie "), name.as_bytes()),
            Place::Agent => hash(b"agent"),
        };
        Self(identity.places().iter().map(|place| (place.clone(), hash_on(start(place), b"\0"))).collect())
    }

    /// Whether clients are told apart by their addresses alone.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who it is; all who tell nothing are one.
    pub(super) fn who(&self, event: &RequestEvent) -> Who {
        let agent = self.0.iter().position(|(place, _)| *place == Place::Agent);
        let agent = agent.zip(event.agent().filter(|agent| !agent.is_empty()));
        let mut found = agent.unwrap_or((self.0.len(), ""));
        let mut left = MAX_COOKIES;
        for (name, value) in event.headers.iter().take(MAX_HEADERS) {
            if name.eq_ignore_ascii_case("cookie") {
                let cookies = head(value, left);
                left -= cookies.len();
                cookies.split(';').filter_map(|pair| pair.split_once('=')).for_each(|(name, value)| {
                    self.consider(&mut found, value, |place| matches!(place, Place::Cookie(cookie) if cookie == name.trim()));
                });
            } else {
                self.consider(&mut found, value, |place| matches!(place, Place::Header(header) if header.eq_ignore_ascii_case(name)));
            }
        }
        let hashed = |(rank, value)| self.0.get(rank).map_or(NOBODY, |(_, start)| hash_on(*start, head(value, MAX_VALUE).as_bytes()));
        Who { hash: hashed(found), agent: agent.filter(|agent| found.0 < agent.0).map(hashed) }
    }

    /// Takes a value that a place before the one found so far tells.
    fn consider<'e>(&self, found: &mut (usize, &'e str), value: &'e str, fits: impl Fn(&Place) -> bool) {
        let value = value.trim();
        let rank = self.0[..found.0].iter().position(|(place, _)| fits(place));
        if let Some(rank) = rank.filter(|_| !value.is_empty()) {
            *found = (rank, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NOBODY, Places};
    use crate::requests::RequestEvent;
    use crate::requests::generator::{GeneratorConfig, generate};
    use bartizan_core::{Identity, Seed};

    const LIST: &[&str] = &["x-user-id", "cookie:sid", "authorization", "agent"];

    fn event(headers: &[(&str, &str)]) -> RequestEvent {
        let (mut event, _) = generate(&GeneratorConfig::default(), Seed(1)).next().unwrap();
        event.headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        event
    }

    #[test]
    fn the_most_specific_place_that_tells_anything_counts() {
        let places = Places::new(&Identity::parse(LIST).unwrap());
        let who = |headers: &[(&str, &str)]| places.who(&event(headers));
        let (user, agent) = (who(&[("x-user-id", "7")]).hash, who(&[("user-agent", "curl")]));
        assert_eq!(agent.agent, None, "the agent itself is who it is");
        let session = who(&[("Cookie", "sid=s-1")]).hash;
        for (name, headers, expected) in [
            ("case", &[("X-User-ID", " 7 "), ("User-Agent", "curl")][..], user),
            (
                "order of the list, not of the headers",
                &[("authorization", "Bearer t"), ("cookie", "a=b; sid=s-1"), ("x-user-id", "7")],
                user,
            ),
            ("empty", &[("x-user-id", " "), ("authorization", ""), ("cookie", "lang=en; sid=s-1; b"), ("authorization", "t")], session),
            ("several cookie headers", &[("cookie", "a=b"), ("cookie", "sid=s-1"), ("cookie", "sid=s-2")], session),
            ("the case of a cookie", &[("cookie", "SID=s-1"), ("user-agent", "curl")], agent.hash),
            ("the first of two", &[("x-user-id", "7"), ("x-user-id", "8")], user),
            ("nothing", &[("accept", "*/*"), ("user-agent", "")], NOBODY),
        ] {
            assert_eq!(who(headers).hash, expected, "{name}");
        }
        assert_eq!(who(&[("x-user-id", "7"), ("user-agent", "curl")]).agent, Some(agent.hash));
        assert_ne!(user, who(&[("authorization", "7")]).hash, "the same value elsewhere is somebody else");
    }

    #[test]
    fn what_is_looked_at_is_bounded() {
        let places = Places::new(&Identity::parse(LIST).unwrap());
        let long = "x".repeat(2_000);
        assert_eq!(places.who(&event(&[("x-user-id", &long)])), places.who(&event(&[("x-user-id", &(long.clone() + "y"))])));
        let padded = "a=b;".repeat(1_024) + "sid=1";
        assert_eq!(places.who(&event(&[("cookie", &padded)])).hash, NOBODY);
        let many: Vec<(&str, &str)> = (0..300).map(|_| ("x-other", "1")).chain([("x-user-id", "7")]).collect();
        assert_eq!(places.who(&event(&many)).hash, NOBODY);
    }
}
