//! What a line of an access log says, whatever its format.

use bartizan_core::Timestamp;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// One request, as a log tells of it. Texts are as the client sent them, as far as the log's escapes can be undone; what is not said is
/// empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Entry<'a> {
    /// Who spoke to the server: an address, perhaps with a port, a list as in X-Forwarded-For, or a name.
    pub(crate) client: Cow<'a, str>,
    /// What X-Forwarded-For said beside.
    pub(crate) forwarded: Cow<'a, str>,
    /// The user who authenticated.
    pub(crate) user: Cow<'a, str>,
    /// When.
    pub(crate) time: Option<Timestamp>,
    /// Empty where the request was none, such as the first bytes of TLS.
    pub(crate) method: Cow<'a, str>,
    /// Path and query.
    pub(crate) target: Cow<'a, str>,
    /// None where no answer was sent.
    pub(crate) status: Option<u16>,
    /// Bytes of the answer.
    pub(crate) sent: Option<u64>,
    /// Seconds that it took.
    pub(crate) secs: Option<f64>,
    pub(crate) referrer: Cow<'a, str>,
    pub(crate) agent: Cow<'a, str>,
    /// The host that was asked, perhaps with its port.
    pub(crate) host: Cow<'a, str>,
}

impl Entry<'_> {
    /// The client as events have it. Where a server was reached over its own network, the list that the proxy sent comes first: the client
    /// is chosen from it by the trusted proxies, as in the addresses of bodies.
    pub(crate) fn told_client(&self) -> Cow<'_, str> {
        let client = &*self.client;
        if self.forwarded.is_empty() || (!client.is_empty() && client != "-" && !is_internal(client)) {
            return Cow::Borrowed(if client == "-" { "" } else { client });
        }
        if client.is_empty() || client == "-" || self.forwarded.ends_with(client) {
            return Cow::Borrowed(&self.forwarded);
        }
        Cow::Owned(format!("{}, {client}", self.forwarded))
    }
}

/// Whether a text is an address, with or without a port, brackets and zone.
pub(super) fn is_address(text: &str) -> bool {
    address(text).is_some()
}

fn address(text: &str) -> Option<IpAddr> {
    // Most are plain.
    if let Ok(plain) = text.parse::<Ipv4Addr>() {
        return Some(IpAddr::V4(plain));
    }
    if text.len() < 2 || text.len() > 128 || !text.contains(':') && !text.contains('.') {
        return None;
    }
    let unbracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(inner, _)| inner);
    let without_zone = |text: &str| text.split_once('%').map_or(text, |(address, _)| address).parse::<IpAddr>().ok();
    without_zone(unbracketed.unwrap_or(text)).or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

/// Whether an address is one of a server's own network, where only proxies speak from.
pub(super) fn is_internal(client: &str) -> bool {
    match address(client).map(|ip| ip.to_canonical()) {
        Some(IpAddr::V4(ip)) => {
            let [first, second, ..] = ip.octets();
            ip.is_private() || ip.is_loopback() || ip.is_link_local() || (first == 100 && (64..128).contains(&second))
        }
        Some(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        None => false,
    }
}

/// Takes `GET /path HTTP/1.1` apart; what is no request line (a TLS handshake, `-`) is a target without a method.
pub(super) fn request_line<'a>(request: Cow<'a, str>, entry: &mut Entry<'a>) {
    let parts = |text: &str| -> Option<(usize, usize)> {
        let method = memchr::memchr(b' ', text.as_bytes())?;
        let is_method =
            method > 0 && text.as_bytes()[..method].iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b'-' || *byte == b'_');
        let end = memchr::memrchr(b' ', text.as_bytes()).filter(|at| *at > method && text[at + 1..].starts_with("HTTP/"));
        is_method.then_some((method, end.unwrap_or(text.len())))
    };
    match (parts(&request), request) {
        (Some((method, end)), Cow::Borrowed(text)) => {
            (entry.method, entry.target) = (Cow::Borrowed(&text[..method]), Cow::Borrowed(&text[method + 1..end]));
        }
        (Some((method, end)), Cow::Owned(text)) => {
            (entry.method, entry.target) = (Cow::Owned(text[..method].to_owned()), Cow::Owned(text[method + 1..end].to_owned()));
        }
        (None, text) => entry.target = text,
    }
}

/// A whole number; `None` for `-` and what is none.
pub(super) fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    text.parse().ok()
}
