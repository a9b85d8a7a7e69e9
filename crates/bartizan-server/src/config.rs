//! Settings of the server.

use std::{fmt, net::SocketAddr};

/// Settings of the HTTP service. Times are in seconds, sizes in bytes.
#[derive(Clone)]
pub struct ServerConfig {
    /// Where to listen. Anything but loopback needs a token.
    pub listen: SocketAddr,
    /// The bearer token with every right; never printed.
    pub token: Option<String>,
    /// Further keys, each with the rights it has.
    pub keys: Vec<ApiKey>,
    /// Largest request body; more is answered 413.
    pub max_body_bytes: usize,
    /// Most flows or sessions that one request may have judged; more are answered 413.
    pub max_batch_events: usize,
    /// Most memory for request bodies above 16 KiB and for what is made of them, counted as eight times their size until the work on them
    /// is done; more are answered 503. There is always room for one body of the largest size.
    pub max_buffered_bytes: usize,
    /// Largest request head (request line and headers); more is answered 431. At least 8192.
    pub max_header_bytes: usize,
    /// Most requests worked on at once; more are answered 503.
    pub max_concurrent_requests: usize,
    /// Most connections; beyond, the one idle for longest is closed, or the new one when none is.
    pub max_connections: usize,
    /// Most connections from one address (IPv6: from one /64 network); beyond, alike among those of the address.
    pub max_connections_per_address: usize,
    /// Longest time to answer one request; then 503. Training is not cut short, but its body must arrive in this time.
    pub request_timeout_secs: u64,
    /// Longest time that a client may take to send a request head.
    pub header_timeout_secs: u64,
    /// Longest time that a connection may stay open without a request.
    pub keep_alive_secs: u64,
    /// Longest time without a byte of an answer being taken by the client.
    pub write_timeout_secs: u64,
    /// Longest time to finish running requests when stopping.
    pub shutdown_grace_secs: u64,
    /// Origins that browsers may call from. `None`: any with a token, loopback ones without.
    pub cors_origins: Option<Vec<String>>,
    /// Names that clients may call the server by, each with or without a port; `*` is any. Without a token those of this machine
    /// are answered to as well; with one, all are unless some are listed.
    pub allowed_hosts: Vec<String>,
    /// Name of the mount that is also served at `/`.
    pub root: Option<String>,
    /// Version to show.
    pub version: &'static str,
    /// Whether to serve the documentation pages.
    pub docs: bool,
}

/// A bearer token with some of the rights.
#[derive(Clone)]
pub struct ApiKey {
    /// Name for the log.
    pub name: String,
    /// The token; never printed.
    pub token: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

/// A right that a key may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Have events judged.
    Judge,
    /// Read results, models and statistics.
    Read,
    /// Train, activate and label.
    Manage,
}

impl ServerConfig {
    /// The defaults, listening on `listen`.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            token: None,
            keys: Vec::new(),
            max_body_bytes: 64 << 20,
            max_batch_events: 65_536,
            max_buffered_bytes: 1 << 30,
            max_header_bytes: 64 << 10,
            max_concurrent_requests: 1024,
            max_connections: 8192,
            max_connections_per_address: 1024,
            request_timeout_secs: 30,
            header_timeout_secs: 10,
            keep_alive_secs: 75,
            write_timeout_secs: 120,
            shutdown_grace_secs: 30,
            cors_origins: None,
            allowed_hosts: Vec::new(),
            root: None,
            version: env!("CARGO_PKG_VERSION"),
            docs: true,
        }
    }

    /// Whether callers must show a token.
    #[must_use]
    pub fn is_guarded(&self) -> bool {
        self.token.is_some() || !self.keys.is_empty()
    }
}

impl fmt::Debug for ServerConfig {
    /// Everything but the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfig")
            .field("listen", &self.listen)
            .field("token", &self.token.as_ref().map(|_| "(hidden)"))
            .field("keys", &self.keys)
            .field("max_body_bytes", &self.max_body_bytes)
            .field("max_batch_events", &self.max_batch_events)
            .field("max_buffered_bytes", &self.max_buffered_bytes)
            .field("max_header_bytes", &self.max_header_bytes)
            .field("max_concurrent_requests", &self.max_concurrent_requests)
            .field("max_connections", &self.max_connections)
            .field("max_connections_per_address", &self.max_connections_per_address)
            .field("request_timeout_secs", &self.request_timeout_secs)
            .field("header_timeout_secs", &self.header_timeout_secs)
            .field("keep_alive_secs", &self.keep_alive_secs)
            .field("write_timeout_secs", &self.write_timeout_secs)
            .field("shutdown_grace_secs", &self.shutdown_grace_secs)
            .field("cors_origins", &self.cors_origins)
            .field("allowed_hosts", &self.allowed_hosts)
            .field("root", &self.root)
            .field("version", &self.version)
            .field("docs", &self.docs)
            .finish()
    }
}

impl fmt::Debug for ApiKey {
    /// Everything but the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("name", &self.name).field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{ApiKey, Scope, ServerConfig};

    #[test]
    fn secrets_are_never_printed() {
        let mut config = ServerConfig::new("127.0.0.1:0".parse().unwrap());
        config.token = Some("open sesame".to_owned());
        config.keys = vec![ApiKey { name: "gateway".to_owned(), token: "open barley".to_owned(), scopes: vec![Scope::Judge] }];
        let printed = format!("{config:?} {config:#?}");
        assert!(printed.contains("gateway") && !printed.contains("open "), "{printed}");
    }
}
