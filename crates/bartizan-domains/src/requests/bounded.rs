//! A request as it is stored: long texts are cut to their heads, with a note of how long they were and a hash of the rest.

use super::RequestEvent;
use crate::web::text::{hash, hash_on, open_value, shape};
use crate::web::values::count_parameters;
use bartizan_core::head;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Most bytes that are stored of a payload.
pub(crate) const MAX_PAYLOAD: usize = 64 * 1_024;
/// Most bytes that are stored of a path.
pub(crate) const MAX_PATH: usize = 4 * 1_024;
/// Most bytes that are stored of a query.
const MAX_QUERY: usize = 8 * 1_024;
/// Most headers that are stored.
pub(crate) const MAX_HEADERS: usize = 256;
/// Most bytes that are stored of a header's name.
pub(crate) const MAX_HEADER_NAME: usize = 256;
/// Most bytes that are stored of a header's value.
const MAX_HEADER: usize = 4 * 1_024;
/// Most bytes that are stored of all headers together.
const MAX_ALL_HEADERS: usize = 32 * 1_024;
/// Most bytes that are stored of the method, of the address, of the sender's name for the request, and of its content type.
const MAX_OTHER: usize = 1_024;

/// A part of a request that is stored in part, or a number that can no longer be counted for that reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CutPart {
    /// The sender's name for the request, in bytes.
    RequestId,
    /// The address, in bytes.
    IpAddress,
    /// The method, in bytes.
    Method,
    /// The path, in bytes.
    Path,
    /// The query, in bytes.
    Query,
    /// How many parameters the query had.
    Parameters,
    /// How many headers there were.
    Headers,
    /// Name and value of the header at this position, in bytes.
    Header(u32),
    /// The payload, in bytes.
    Payload,
    /// Of the value that the payload's end was cut from, in bytes.
    PayloadValue,
    /// How deep the payload nested.
    PayloadDepth,
    /// How many keys the payload had.
    PayloadKeys,
    /// The content type, in bytes.
    ContentType,
}

/// What an event says of a part that was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// What was cut.
    pub part: CutPart,
    /// How much of it there was.
    pub whole: u64,
    /// A hash of what is not stored, so that repeats can be told; 0 for a number.
    pub rest: u64,
}

impl RequestEvent {
    /// How much there was of a part of which `here` is left.
    pub(crate) fn whole(&self, part: CutPart, here: usize) -> usize {
        let cut = self.cut.iter().find(|cut| cut.part == part);
        cut.map_or(here, |cut| usize::try_from(cut.whole).unwrap_or(usize::MAX).max(here))
    }
}

/// The request as it is stored.
pub(super) fn bounded(event: &RequestEvent) -> Cow<'_, RequestEvent> {
    if fits(event) {
        return Cow::Borrowed(event);
    }
    let mut cuts = Cuts(event.cut.clone());
    let (target, query) = event.endpoint.split_once('?').map_or((event.endpoint.as_str(), None), |(target, query)| (target, Some(query)));
    let mut endpoint = head(target, MAX_PATH).to_owned();
    if endpoint.len() < target.len() {
        cuts.note(CutPart::Path, event.path().len(), hash(&target.as_bytes()[endpoint.len()..]));
    }
    if let Some(query) = query {
        endpoint.push('?');
        endpoint += &cuts.query(query);
    }
    // A query in a field of its own counts where the endpoint has none.
    let own_query = event.query_string.as_deref().filter(|_| query.is_none());
    Cow::Owned(RequestEvent {
        request_id: cuts.text(CutPart::RequestId, &event.request_id, MAX_OTHER),
        ip_address: cuts.text(CutPart::IpAddress, &event.ip_address, MAX_OTHER),
        endpoint,
        http_method: cuts.text(CutPart::Method, &event.http_method, MAX_OTHER),
        headers: cuts.headers(&event.headers),
        payload: cuts.payload(&event.payload),
        timestamp: event.timestamp,
        query_string: own_query.map(|query| cuts.query(query)),
        content_type: event.content_type.as_deref().map(|text| cuts.text(CutPart::ContentType, text, MAX_OTHER)),
        status: event.status,
        has_headers: event.has_headers,
        client: event.client.clone(),
        cut: cuts.0,
    })
}

/// Whether everything is stored.
fn fits(event: &RequestEvent) -> bool {
    let headers = event.headers.iter().map(|(name, value)| (name.len(), value.len()));
    let (target, query) = event.endpoint.split_once('?').unwrap_or((&event.endpoint, ""));
    event.payload.len() <= MAX_PAYLOAD
        && target.len() <= MAX_PATH
        && query.len().max(event.query_string.as_deref().map_or(0, str::len)) <= MAX_QUERY
        && event.headers.len() <= MAX_HEADERS
        && headers.clone().all(|(name, value)| name <= MAX_HEADER_NAME && value <= MAX_HEADER)
        && headers.map(|(name, value)| name + value).sum::<usize>() <= MAX_ALL_HEADERS
        && [&event.request_id, &event.ip_address, &event.http_method].into_iter().all(|text| text.len() <= MAX_OTHER)
        && event.content_type.as_deref().map_or(0, str::len) <= MAX_OTHER
}

/// What was cut so far.
struct Cuts(Vec<Cut>);

impl Cuts {
    /// What was noted when a part was cut before stays: it knows how long the whole was.
    fn note(&mut self, part: CutPart, whole: usize, rest: u64) {
        if !self.0.iter().any(|cut| cut.part == part) {
            self.0.push(Cut { part, whole: whole as u64, rest });
        }
    }

    fn text(&mut self, part: CutPart, text: &str, most: usize) -> String {
        let kept = head(text, most);
        if kept.len() < text.len() {
            self.note(part, text.len(), hash(&text.as_bytes()[kept.len()..]));
        }
        kept.to_owned()
    }

    fn query(&mut self, query: &str) -> String {
        let kept = self.text(CutPart::Query, query, MAX_QUERY);
        if kept.len() < query.len() {
            self.note(CutPart::Parameters, count_parameters(query), 0);
        }
        kept
    }

    fn headers(&mut self, all: &[(String, String)]) -> Vec<(String, String)> {
        let (mut kept, mut left) = (Vec::new(), MAX_ALL_HEADERS);
        for (position, (name, value)) in all.iter().enumerate() {
            if position == MAX_HEADERS || left == 0 {
                break;
            }
            let short = head(name, MAX_HEADER_NAME.min(left));
            left -= short.len();
            let first = head(value, MAX_HEADER.min(left));
            left -= first.len();
            if short.len() + first.len() < name.len() + value.len() {
                let rest = hash_on(hash(&name.as_bytes()[short.len()..]), &value.as_bytes()[first.len()..]);
                self.note(CutPart::Header(position as u32), name.len() + value.len(), rest);
            }
            kept.push((short.to_owned(), first.to_owned()));
        }
        if kept.len() < all.len() {
            let rest = all[kept.len()..].iter().fold(hash(b""), |h, (name, value)| hash_on(hash_on(h, name.as_bytes()), value.as_bytes()));
            self.note(CutPart::Headers, all.len(), rest);
        }
        kept
    }

    fn payload(&mut self, payload: &str) -> String {
        let kept = self.text(CutPart::Payload, payload, MAX_PAYLOAD);
        if kept.len() < payload.len() {
            let whole = shape(payload);
            self.note(CutPart::PayloadDepth, whole.depth, 0);
            self.note(CutPart::PayloadKeys, whole.keys, 0);
            if let Some(length) = open_value(payload, kept.len()) {
                self.note(CutPart::PayloadValue, length, 0);
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::super::generator::{GeneratorConfig, generate};
    use super::{CutPart, MAX_HEADERS, MAX_PATH, MAX_PAYLOAD, bounded};
    use crate::requests::RequestEvent;
    use bartizan_core::Seed;
    use std::borrow::Cow;

    /// Most bytes of a stored event.
    const MOST: usize = 128 * 1_024;

    fn usual() -> RequestEvent {
        generate(&GeneratorConfig::default(), Seed(1)).next().unwrap().0
    }

    #[test]
    fn usual_events_are_stored_whole() {
        for (event, _) in generate(&GeneratorConfig { rows: 200, ..GeneratorConfig::default() }, Seed(2)) {
            assert!(matches!(bounded(&event), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn every_part_of_a_stored_event_is_bounded() {
        let long = "é".repeat(1_000_000);
        type Change = fn(&mut RequestEvent, &str);
        let cases: &[(&str, Change, CutPart, usize)] = &[
            ("request_id", |e, t| e.request_id = t.into(), CutPart::RequestId, 2_000_000),
            ("ip_address", |e, t| e.ip_address = t.into(), CutPart::IpAddress, 2_000_000),
            ("method", |e, t| e.http_method = t.into(), CutPart::Method, 2_000_000),
            ("path", |e, t| e.endpoint = format!("http://host/{t}?a=1"), CutPart::Path, 2_000_001),
            ("query", |e, t| e.endpoint = format!("/a?{t}"), CutPart::Query, 2_000_000),
            ("query_string", |e, t| (e.endpoint, e.query_string) = ("/a".into(), Some(t.into())), CutPart::Query, 2_000_000),
            ("content_type", |e, t| e.content_type = Some(t.into()), CutPart::ContentType, 2_000_000),
            ("header name", |e, t| e.headers = vec![(t.into(), "v".into())], CutPart::Header(0), 2_000_001),
            ("header value", |e, t| e.headers = vec![("n".into(), t.into())], CutPart::Header(0), 2_000_001),
            ("all headers", |e, t| e.headers = vec![("n".into(), t[..4_000].into()); 250], CutPart::Headers, 250),
            ("parameters", |e, _| e.endpoint = format!("/a?{}", "a=1&".repeat(9_999)), CutPart::Parameters, 9_999),
            ("headers", |e, _| e.headers = vec![("n".into(), "v".into()); 9_999], CutPart::Headers, 9_999),
            ("payload", |e, t| e.payload = format!("[\"{t}\"]"), CutPart::Payload, 2_000_004),
            ("a value of it", |e, t| e.payload = format!("[\"{t}\"]"), CutPart::PayloadValue, 2_000_000),
            ("its keys", |e, _| e.payload = format!("{}1", "{\"a\":".repeat(90_000)), CutPart::PayloadKeys, 90_000),
            ("its depth", |e, _| e.payload = format!("{}1", "{\"a\":".repeat(90_000)), CutPart::PayloadDepth, 90_000),
        ];
        for (name, change, part, whole) in cases {
            let mut event = usual();
            change(&mut event, &long);
            let stored = bounded(&event).into_owned();
            assert!(postcard::to_allocvec(&stored).unwrap().len() < MOST, "{name}");
            assert_eq!(stored.whole(*part, 0), *whole, "{name}");
            assert!(
                stored.headers.len() <= MAX_HEADERS && stored.payload.len() <= MAX_PAYLOAD && stored.path().len() <= MAX_PATH,
                "{name}"
            );
            assert!(matches!(bounded(&stored), Cow::Borrowed(_)), "{name}: what is stored is not cut again");
        }
    }

    #[test]
    fn the_largest_event_of_all_is_bounded() {
        let long = "x".repeat(100_000);
        let mut event = usual();
        event.headers = vec![(long.clone(), long.clone()); 1_000];
        event.endpoint = format!("/{long}?{long}");
        (event.request_id, event.ip_address, event.http_method) = (long.clone(), long.clone(), long.clone());
        (event.query_string, event.content_type) = (Some(long.clone()), Some(long.clone()));
        event.payload = format!("\"{long}\"");
        assert!(postcard::to_allocvec(bounded(&event).as_ref()).unwrap().len() < MOST);
        let (mut other, kept) = (event.clone(), bounded(&event).into_owned());
        other.payload.replace_range(99_000..99_001, "y");
        let changed = bounded(&other).into_owned();
        assert_eq!(kept.payload, changed.payload);
        assert_ne!(kept.cut, changed.cut, "a change in the rest is seen");
    }
}
