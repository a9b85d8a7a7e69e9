//! Cross-origin requests: which web pages may call the server.

use crate::config::ServerConfig;
use hyper::{
    HeaderMap, Method, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
        ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, ORIGIN, VARY,
    },
};
use std::net::IpAddr;

/// The rule for origins.
pub(crate) enum Origins {
    /// Any, without credentials.
    Any,
    /// Pages served from this machine.
    Loopback,
    /// These.
    Listed(Vec<String>),
}

/// The origin of one request, by the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// No web page sent it.
    None,
    /// Allowed: the value to answer with.
    Allowed(HeaderValue),
    /// From a page that may not call.
    Foreign,
}

impl Origins {
    pub(crate) fn new(config: &ServerConfig) -> Self {
        match &config.cors_origins {
            Some(listed) if listed.iter().any(|origin| origin == "*") => Self::Any,
            Some(listed) => Self::Listed(listed.iter().map(|origin| origin.trim_end_matches('/').to_owned()).collect()),
            None if config.is_guarded() => Self::Any,
            None => Self::Loopback,
        }
    }

    pub(crate) fn judge(&self, headers: &HeaderMap) -> Origin {
        let Some(origin) = headers.get(ORIGIN) else { return Origin::None };
        let text = origin.to_str().unwrap_or("");
        match self {
            Self::Any => Origin::Allowed(HeaderValue::from_static("*")),
            Self::Loopback if is_loopback(text) => Origin::Allowed(origin.clone()),
            Self::Listed(listed) if listed.iter().any(|allowed| allowed == text) => Origin::Allowed(origin.clone()),
            _ => Origin::Foreign,
        }
    }
}

impl Origin {
    /// Adds the headers with which a browser lets the page read the response.
    pub(crate) fn add_headers(self, headers: &mut HeaderMap) {
        match self {
            Self::None => {}
            Self::Foreign => drop(headers.append(VARY, HeaderValue::from_static("origin"))),
            Self::Allowed(value) => {
                if value != "*" {
                    headers.append(VARY, HeaderValue::from_static("origin"));
                }
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, value);
                headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("x-request-id, retry-after"));
            }
        }
    }
}

/// Returns whether a request is a CORS preflight.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Returns the response to a preflight; the origin headers are added like those of every response.
pub(crate) fn preflight<B>(request: &HeaderMap, body: B) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE, OPTIONS"));
    let names = request.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.unwrap_or(HeaderValue::from_static("authorization, content-type, x-request-id")));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    headers.append(VARY, HeaderValue::from_static("access-control-request-headers"));
    response
}

fn is_loopback(origin: &str) -> bool {
    let Some((scheme, rest)) = origin.split_once("://") else { return false };
    if !matches!(scheme, "http" | "https") {
        return false;
    }
    let host = match rest.strip_prefix('[') {
        Some(v6) => v6.split_once(']').map_or("", |(host, _)| host),
        None => rest.split(':').next().unwrap_or(""),
    };
    host == "localhost" || host.ends_with(".localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn loopback_origins_are_known_from_others() {
        for yes in ["http://localhost", "http://localhost:3000", "https://app.localhost", "http://127.0.0.1:8000", "http://[::1]:8000"] {
            assert!(is_loopback(yes), "{yes}");
        }
        for no in [
            "null",
            "",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://evil.example",
            "file://localhost",
            "http://[::2]",
        ] {
            assert!(!is_loopback(no), "{no}");
        }
    }
}
