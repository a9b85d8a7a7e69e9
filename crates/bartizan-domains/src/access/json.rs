//! Access logs in JSON: those of Caddy, Traefik, Envoy, clouds, and what people have nginx and ingress-nginx write.
//!
//! One table of names serves them all. Objects within objects are read under their path (`request.headers.User-Agent`), lists by their first
//! text.

use super::entry::{Entry, number, request_line};
use super::plain;
use super::time::{bracketed, rfc_3339, since_1970};
use crate::raw::{Raw, RawKind};
use std::borrow::Cow;
use std::ops::ControlFlow;

/// Depth to which objects are looked into, fields of a line that are looked at, and the longest path.
const MAX_DEPTH: usize = 4;
const MAX_FIELDS: usize = 512;
const MAX_PATH: usize = 256;

/// Names of each field, in lower case and without `_`, `-` and blanks, the likeliest first.
const CLIENT: &[&str] = &[
    "remoteaddr",
    "clienthost",
    "request.clientip",
    "request.remoteip",
    "httprequest.remoteip",
    "clientip",
    "remoteip",
    "client.ip",
    "source.ip",
    "source.address",
    "client",
    "clientaddr",
    "clientaddress",
    "remoteaddress",
    "cip",
    "ip",
    "ipaddress",
    "downstreamremoteaddress",
    "requestip",
    "request.remoteaddr",
    "remotehost",
    "remote",
    "host.ip",
];
const FORWARDED: &[&str] = &[
    "xforwardedfor",
    "httpxforwardedfor",
    "requestxforwardedfor",
    "forwardedfor",
    "request.headers.xforwardedfor",
    "proxyaddxforwardedfor",
];
const USER: &[&str] = &["remoteuser", "clientusername", "userid", "user", "username", "user.name", "auth"];
const TIME: &[&str] = &[
    "time",
    "timelocal",
    "timeiso8601",
    "startutc",
    "starttime",
    "timestamp",
    "@timestamp",
    "ts",
    "startlocal",
    "edgestarttimestamp",
    "datetime",
    "date",
    "msec",
    "requesttimeepoch",
    "timemsec",
    "eventtime",
];
const REQUEST: &[&str] = &["request", "requestline", "httprequest"];
const METHOD: &[&str] = &[
    "requestmethod",
    "method",
    "request.method",
    "httprequest.requestmethod",
    "http.request.method",
    "clientrequestmethod",
    "verb",
    "httpmethod",
    "csmethod",
];
const TARGET: &[&str] = &[
    "requesturi",
    "uri",
    "requestpath",
    "path",
    "request.uri",
    "url",
    "httprequest.requesturl",
    "url.original",
    "clientrequesturi",
    "xenvoyoriginalpath",
    "requesturl",
    "endpoint",
    "url.path",
    "document",
    "csuristem",
    "request.url",
    "target",
];
const QUERY: &[&str] = &["args", "requestquery", "querystring", "query", "url.query", "csuriquery"];
const STATUS: &[&str] = &[
    "status",
    "downstreamstatus",
    "responsecode",
    "httprequest.status",
    "http.response.statuscode",
    "edgeresponsestatus",
    "statuscode",
    "response",
    "scstatus",
    "resp.status",
    "response.status",
    "code",
    "httpstatus",
    "originstatus",
];
const SENT: &[&str] = &[
    "bodybytessent",
    "bytessent",
    "downstreamcontentsize",
    "size",
    "httprequest.responsesize",
    "edgeresponsebytes",
    "responsesize",
    "bytes",
    "http.response.body.bytes",
    "scbytes",
];
const REFERRER: &[&str] = &[
    "httpreferer",
    "httpreferrer",
    "referer",
    "referrer",
    "requestreferer",
    "request.headers.referer",
    "httprequest.referer",
    "clientrequestreferer",
    "http.request.referrer",
];
const AGENT: &[&str] = &[
    "httpuseragent",
    "useragent",
    "requestuseragent",
    "request.headers.useragent",
    "httprequest.useragent",
    "clientrequestuseragent",
    "agent",
    "useragent.original",
];
const HOST: &[&str] = &[
    "host",
    "httphost",
    "requesthost",
    "request.host",
    "authority",
    "vhost",
    "clientrequesthost",
    "servername",
    "url.domain",
    "requestaddr",
];
const TOOK: &[&str] = &["requesttime", "duration", "latency", "httprequest.latency", "responsetime", "elapsed", "timetaken"];

/// The names by which formats are told apart, of which all must be there.
const FORMATS: &[(&str, &[&str])] = &[
    ("traefik-json", &["DownstreamStatus", "RequestPath"]),
    ("caddy", &["request.uri", "request.method", "status"]),
    ("envoy-json", &["response_code", "path"]),
    ("gcp", &["httpRequest.requestUrl"]),
    ("cloudflare", &["ClientRequestURI"]),
];

/// A line's fields by what they are, each with the place of its name in the list of names.
#[derive(Default)]
struct Found<'a, 'n> {
    fields: [Option<(usize, Raw<'a>)>; 14],
    /// Of each format, the names met.
    formats: [u8; FORMATS.len()],
    seen: usize,
    /// The name that was given for the user; empty for none. What has it comes before the usual names, and no header counts without it:
    /// clients choose what those say.
    named: &'n str,
    user: Option<Raw<'a>>,
}

const LISTS: [&[&str]; 14] = [CLIENT, FORWARDED, USER, TIME, REQUEST, METHOD, TARGET, QUERY, STATUS, SENT, REFERRER, AGENT, HOST, TOOK];

/// Reads a line into an empty entry; gives the name of its format. The field or header whose plain name is `user` says who the user is.
pub(super) fn parse<'a>(line: &'a str, user: &str, entry: &mut Entry<'a>) -> Result<&'static str, String> {
    let raw = Raw::parse(line.as_bytes()).map_err(|error| error.to_string())?;
    let mut found = Found { named: user, ..Found::default() };
    look(raw, "", 0, &mut found);
    let named = found.user;
    let [client, forwarded, user, time, request, method, target, query, status, sent, referrer, agent, host, took] =
        found.fields.map(|field| field.map(|(_, raw)| raw));
    entry.time = time.and_then(moment);
    if let Some(line) = request.and_then(|raw| raw.text()) {
        request_line(line, entry);
    }
    if let Some(target) = target.and_then(first_text) {
        (entry.target, entry.method) = (target, method.and_then(first_text).unwrap_or(std::mem::take(&mut entry.method)));
    } else if entry.method.is_empty() {
        // What is called the request may be no more than its path.
        entry.method = text(method);
    }
    if entry.target.is_empty() {
        return Err("it has no path: a field such as request, uri or path was expected".to_owned());
    }
    let query = text(query);
    if !query.is_empty() && !entry.target.contains('?') {
        entry.target = Cow::Owned(format!("{}?{}", entry.target, query.strip_prefix('?').unwrap_or(&query)));
    }
    if entry.time.is_none() {
        return Err("it has no time: a field such as time or timestamp was expected".to_owned());
    }
    entry.status = status.and_then(whole);
    (entry.client, entry.forwarded, entry.user) = (text(client), text(forwarded), text(named));
    if entry.user.is_empty() {
        entry.user = text(user);
    }
    if entry.status.is_none() && entry.client.is_empty() {
        return Err("it has neither a client nor a status".to_owned());
    }
    entry.sent = sent.and_then(whole);
    (entry.referrer, entry.agent, entry.host) = (text(referrer), text(agent), text(host));
    let format = FORMATS.iter().zip(found.formats).find(|((_, names), met)| names.len() == met.count_ones() as usize);
    let name = format.map_or("nginx-json", |((name, _), _)| *name);
    entry.secs = took.and_then(|raw| seconds(raw, name));
    Ok(name)
}

/// Looks for known names among the fields of an object and of those within.
fn look<'a>(object: Raw<'a>, path: &str, depth: usize, found: &mut Found<'a, '_>) {
    let _ = object.fields(|name, value| {
        found.seen += 1;
        if found.seen > MAX_FIELDS {
            return ControlFlow::Break(());
        }
        let path = if path.is_empty() { name } else { Cow::Owned(format!("{path}.{name}")) };
        if path.len() > MAX_PATH {
            return ControlFlow::Continue(());
        }
        for (met, (_, names)) in found.formats.iter_mut().zip(FORMATS) {
            if let Some(at) = names.iter().position(|known| *known == path) {
                *met |= 1 << at;
            }
        }
        // Whatever headers a client sends: those that count have these names, as servers write them.
        if let Some(name) = header(&path) {
            found.meet_header(name, value);
            if let Some((list, rank)) = HEADERS.iter().find(|(known, ..)| *known == name).map(|(_, list, rank)| (*list, *rank)) {
                found.fields[list] = Some((rank, value));
            }
            return ControlFlow::Continue(());
        }
        if value.kind() == RawKind::Object && path.ends_with("headers") {
            look_at_headers(value, found);
            return ControlFlow::Continue(());
        }
        if value.kind() == RawKind::Object {
            if depth < MAX_DEPTH {
                look(value, &path, depth + 1, found);
            }
            return ControlFlow::Continue(());
        }
        let plain = plain(&path);
        // nginx calls the headers of a request so.
        if !found.named.is_empty() && (plain == found.named || plain.strip_prefix("http").is_some_and(|name| name == found.named)) {
            found.meet_user(value);
        }
        for (field, names) in found.fields.iter_mut().zip(LISTS) {
            if let Some(rank) = names.iter().position(|known| *known == plain)
                && !value.is_null()
                && field.is_none_or(|(before, _)| rank < before)
            {
                *field = Some((rank, value));
            }
        }
        ControlFlow::Continue(())
    });
}

impl<'a> Found<'a, '_> {
    fn meet_user(&mut self, value: Raw<'a>) {
        if self.user.is_none() && !text(Some(value)).is_empty() {
            self.user = Some(value);
        }
    }

    fn meet_header(&mut self, name: &str, value: Raw<'a>) {
        if !self.named.is_empty() && plain(name) == self.named {
            self.meet_user(value);
        }
    }
}

/// The headers that are read, with the places of their fields in [`LISTS`], and a rank behind the fields of a server's own.
const HEADERS: [(&str, usize, usize); 3] = [("X-Forwarded-For", 1, 90), ("Referer", 10, 90), ("User-Agent", 11, 90)];

/// The name of a request's header in a field of Traefik's, which begin with a capital after `request_`.
fn header(path: &str) -> Option<&str> {
    path.strip_prefix("request_").filter(|name| name.starts_with(|first: char| first.is_ascii_uppercase()))
}

/// Caddy has all headers of a request in an object.
fn look_at_headers<'a>(object: Raw<'a>, found: &mut Found<'a, '_>) {
    let _ = object.fields(|name, value| {
        found.meet_header(&name, value);
        if let Some((_, list, rank)) = HEADERS.iter().find(|(known, ..)| *known == name)
            && found.fields[*list].is_none()
        {
            found.fields[*list] = Some((*rank, value));
        }
        ControlFlow::<()>::Continue(())
    });
}

/// A text, a number's digits, or the first text of a list.
fn first_text(raw: Raw<'_>) -> Option<Cow<'_, str>> {
    match raw.kind() {
        RawKind::Text => raw.text(),
        RawKind::Number => Some(Cow::Borrowed(raw.json())),
        RawKind::List => {
            let mut first = None;
            let _ = raw.elements(|_, element| {
                first = element.text();
                ControlFlow::<()>::Break(())
            });
            first
        }
        _ => None,
    }
}

/// A text; empty where there is none.
fn text(raw: Option<Raw<'_>>) -> Cow<'_, str> {
    raw.and_then(first_text).filter(|text| text != "-").unwrap_or_default()
}

fn whole<N: std::str::FromStr>(raw: Raw<'_>) -> Option<N> {
    first_text(raw).and_then(|text| number(&text))
}

/// A text with a time or with the digits of a number, or a number.
fn moment(raw: Raw<'_>) -> Option<bartizan_core::Timestamp> {
    let text = first_text(raw)?;
    let inner = text.trim_start_matches('[').trim_end_matches(']');
    match inner.parse::<f64>() {
        Ok(number) => since_1970(number),
        Err(_) => bracketed(inner).or_else(|| rfc_3339(inner)),
    }
}

/// Traefik counts nanoseconds and Envoy milliseconds; others have seconds, `0.5s` or `12ms`.
fn seconds(raw: Raw<'_>, format: &str) -> Option<f64> {
    let text = first_text(raw)?;
    let number = |text: &str, unit: f64| text.trim().parse::<f64>().ok().map(|number| number / unit).filter(|secs| secs.is_finite());
    if let Some(millis) = text.strip_suffix("ms") {
        return number(millis, 1e3);
    }
    match format {
        "traefik-json" => number(&text, 1e9),
        "envoy-json" => number(&text, 1e3),
        _ => number(text.trim_end_matches('s'), 1.0),
    }
}
