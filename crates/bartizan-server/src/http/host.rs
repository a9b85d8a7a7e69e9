//! Checks the `Host` of requests. A page on any web site may have its own name resolve to 127.0.0.1 (DNS rebinding) and
//! would then read what a server without a token shows; but its name is in the request.

use crate::{config::ServerConfig, http::refusal::Refusal};
use hyper::{
    Request, StatusCode, Version,
    header::{HOST, HeaderValue},
};
use std::{net::IpAddr, sync::OnceLock};

/// Longest part of a name that is repeated to the client.
const MAX_SHOWN: usize = 80;

/// The host names that are accepted.
pub(crate) struct Hosts {
    /// `name`, or `name:port` for that port alone; lower case.
    listed: Vec<String>,
    rule: Rule,
    /// The first `Host` header that was accepted, as it was sent: nearly all requests have the same.
    usual: OnceLock<Box<[u8]>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Any host, because a token is required.
    Any,
    /// Only the listed names.
    Listed,
    /// The listed names, and names and addresses of this machine.
    ListedAndLoopback,
}

impl Hosts {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        let listed: Vec<String> = config.allowed_hosts.iter().map(|host| normal(host)).collect();
        let rule = match (config.is_guarded(), listed.is_empty()) {
            _ if listed.iter().any(|host| host == "*") => Rule::Any,
            (false, _) => Rule::ListedAndLoopback,
            (true, true) => Rule::Any,
            (true, false) => Rule::Listed,
        };
        Self { listed, rule, usual: OnceLock::new() }
    }

    /// Refuses a request that names no host, several, or one that is not accepted.
    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<(), Refusal> {
        let bad = |text: &'static str| Err(Refusal::text(StatusCode::BAD_REQUEST, text));
        let mut given = request.headers().get_all(HOST).iter();
        let header = given.next();
        if given.next().is_some() {
            return bad("The request has more than one Host header");
        }
        let is_path = request.uri().authority().is_none();
        if is_path && header.is_some() && header.map(HeaderValue::as_bytes) == self.usual.get().map(AsRef::as_ref) {
            return Ok(());
        }
        if header.is_none() && request.version() >= Version::HTTP_11 {
            return bad("The request has no Host header, which HTTP/1.1 requires");
        }
        let header = match header.map(|value| value.to_str().ok().and_then(split)) {
            None => None,
            Some(Some(host)) => Some(host),
            Some(None) => return bad("The Host header is not a host name with an optional port"),
        };
        // A target that is a whole address counts instead of the header (RFC 9112, 3.2.2).
        let host = match request.uri().authority() {
            None => header,
            Some(authority) => match split(authority.as_str().rsplit('@').next().unwrap_or_default()) {
                Some(host) => Some(host),
                None => return bad("The request target does not name a host"),
            },
        };
        match host {
            Some((name, port)) if !self.accepts(name, port) => Err(self.misdirected(name)),
            _ => {
                if let Some(header) = request.headers().get(HOST).filter(|_| is_path) {
                    self.usual.get_or_init(|| header.as_bytes().into());
                }
                Ok(())
            }
        }
    }

    fn accepts(&self, name: &str, port: &str) -> bool {
        let loopback = self.rule == Rule::ListedAndLoopback && is_loopback(name);
        self.rule == Rule::Any || loopback || {
            let name = normal(name);
            self.listed
                .iter()
                .any(|listed| *listed == name || listed.strip_prefix(&name).and_then(|rest| rest.strip_prefix(':')) == Some(port))
        }
    }

    fn misdirected(&self, name: &str) -> Refusal {
        let shown: String = name.chars().take(MAX_SHOWN).collect();
        let rest = if shown.len() < name.len() { "…" } else { "" };
        let why = match self.rule {
            Rule::Listed => "it is not listed in server.allowed_hosts",
            _ => "without a token only names of this machine are, and those listed in server.allowed_hosts",
        };
        Refusal::text(StatusCode::MISDIRECTED_REQUEST, format!("The host {shown}{rest} is not answered to: {why}"))
    }
}

fn normal(name: &str) -> String {
    name.trim().trim_end_matches('.').to_ascii_lowercase()
}

/// Splits a host into name and port; `None` when it is malformed. The port is empty when it is left out.
fn split(host: &str) -> Option<(&str, &str)> {
    let (name, rest) = match host.strip_prefix('[').and_then(|v6| v6.find(']')) {
        Some(end) => host.split_at(end + 2),
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let port = if rest.is_empty() { "" } else { rest.strip_prefix(':')? };
    let is_name = match name.strip_prefix('[').and_then(|v6| v6.strip_suffix(']')) {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&b)),
    };
    (is_name && port.bytes().all(|b| b.is_ascii_digit())).then_some((name, port))
}

/// Returns whether a name is `localhost` or a loopback address.
pub(crate) fn is_loopback(name: &str) -> bool {
    let address = name.strip_prefix('[').and_then(|v6| v6.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::Hosts;
    use crate::config::ServerConfig;
    use hyper::{Request, Version, header::HOST};

    fn status(token: Option<&str>, allowed: &[&str], uri: &str, hosts: &[&str], version: Version) -> u16 {
        let mut config = ServerConfig::new("127.0.0.1:0".parse().unwrap());
        config.token = token.map(str::to_owned);
        config.allowed_hosts = allowed.iter().map(|host| (*host).to_owned()).collect();
        let mut request = Request::builder().uri(uri).version(version);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        let checked = Hosts::new(&config).check(&request.body(()).unwrap());
        checked.map_or_else(|refusal| refusal.answer::<http_body_util::Full<bytes::Bytes>>().status().as_u16(), |()| 200)
    }

    #[test]
    fn names_of_this_machine_and_listed_ones_are_accepted() {
        for (host, open, listed, guarded) in [
            ("localhost", 200, 200, 200),
            ("LocalHost:8000", 200, 200, 200),
            ("127.0.0.1:8000", 200, 200, 200),
            ("127.9.9.9", 200, 200, 200),
            ("[::1]:8000", 200, 200, 200),
            ("[::ffff:127.0.0.1]", 200, 200, 200),
            ("evil.example", 421, 421, 200),
            ("evil.example:8000", 421, 421, 200),
            ("localhost.evil.example", 421, 421, 200),
            ("127.0.0.1.evil.example", 421, 421, 200),
            ("10.0.0.1", 421, 421, 200),
            ("[::2]", 421, 421, 200),
            ("api.example", 421, 200, 200),
            ("API.example.:443", 421, 200, 200),
            ("box.example:8443", 421, 200, 200),
            ("box.example:80", 421, 421, 200),
            ("box.example", 421, 421, 200),
            ("a b", 400, 400, 400),
            ("", 400, 400, 400),
            ("user@localhost", 400, 400, 400),
            ("localhost:http", 400, 400, 400),
            ("[::1", 400, 400, 400),
            ("[localhost]", 400, 400, 400),
        ] {
            let allowed = ["api.example", "Box.Example:8443"];
            let got = [
                status(None, &[], "/", &[host], Version::HTTP_11),
                status(None, &allowed, "/", &[host], Version::HTTP_11),
                status(Some("secret"), &[], "/", &[host], Version::HTTP_11),
            ];
            assert_eq!(got, [open, listed, guarded], "{host:?}");
        }
        assert_eq!(status(Some("secret"), &["api.example"], "/", &["evil.example"], Version::HTTP_11), 421);
        assert_eq!(status(Some("secret"), &["api.example"], "/", &["localhost"], Version::HTTP_11), 421);
        assert_eq!(status(None, &["*"], "/", &["evil.example"], Version::HTTP_11), 200);
    }

    #[test]
    fn one_host_is_named_and_the_target_counts_more_than_the_header() {
        for (uri, hosts, version, expected) in [
            ("/", &[][..], Version::HTTP_11, 400),
            ("/", &[], Version::HTTP_10, 200),
            ("/", &["localhost", "localhost"], Version::HTTP_11, 400),
            ("/", &["localhost", "evil.example"], Version::HTTP_10, 400),
            ("/", &["evil.example"], Version::HTTP_10, 421),
            ("http://evil.example/", &["localhost"], Version::HTTP_11, 421),
            ("http://localhost@evil.example/", &["localhost"], Version::HTTP_11, 421),
            ("http://evil.example/", &[], Version::HTTP_10, 421),
            ("http://localhost:8000/", &["localhost"], Version::HTTP_11, 200),
            ("http://localhost:8000/", &["evil.example"], Version::HTTP_11, 200),
        ] {
            assert_eq!(status(None, &[], uri, hosts, version), expected, "{uri} {hosts:?} {version:?}");
        }
    }
}
