//! A real server on a free port over a temporary database, and a client that sends exactly the given bytes.

#![expect(dead_code, reason = "each test binary uses a part of it")]
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use bartizan_core::Timestamp;
use bartizan_domains::{behavior::Behavior, flows::Flows, requests::Requests};
use bartizan_pipeline::{Clock, Instance, Settings};
use bartizan_server::{Mounts, Server, ServerConfig};
use bartizan_storage::Store;
use bartizan_storage_sqlite::{SqliteOptions, SqliteStore};
use serde_json::{Value, json};
use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
    task::JoinHandle,
};

/// A clock that advances by a second whenever it is read.
pub(crate) struct Ticking(AtomicI64);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// A running server.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    ended: Option<JoinHandle<io::Result<()>>>,
    folder: TempDir,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

pub(crate) fn loopback() -> ServerConfig {
    ServerConfig::new("127.0.0.1:0".parse().unwrap())
}

impl Running {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(configure: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::start_at(Arc::new(Ticking(AtomicI64::new(1_770_000_000))), configure).await
    }

    pub(crate) async fn start_at(clock: Arc<dyn Clock>, configure: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::start_one(Settings::new("requests"), clock, configure).await.0
    }

    /// Starts a server with a detector of these settings, and gives both.
    pub(crate) async fn start_detector(settings: Settings, configure: impl FnOnce(&mut ServerConfig)) -> (Self, Arc<Instance<Requests>>) {
        Self::start_one(settings, Arc::new(Ticking(AtomicI64::new(1_770_000_000))), configure).await
    }

    async fn start_one(
        settings: Settings,
        clock: Arc<dyn Clock>,
        configure: impl FnOnce(&mut ServerConfig),
    ) -> (Self, Arc<Instance<Requests>>) {
        let mut config = loopback();
        configure(&mut config);
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(SqliteStore::open(SqliteOptions::new(folder.path().join("test.db"))).unwrap());
        let instance: Arc<Instance<Requests>> = Instance::open(settings, store, Arc::clone(&clock)).await.unwrap();
        (Self::serve(config, folder, Mounts::default().with(Arc::clone(&instance)), clock).await, instance)
    }

    /// Starts a server with a detector of each kind, without models.
    pub(crate) async fn start_all(configure: impl FnOnce(&mut ServerConfig)) -> Self {
        let mut config = loopback();
        configure(&mut config);
        let clock: Arc<dyn Clock> = Arc::new(Ticking(AtomicI64::new(1_770_000_000)));
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(SqliteOptions::new(folder.path().join("test.db"))).unwrap());
        let mut mounts = Mounts::default();
        mounts.add(Instance::<Requests>::open(Settings::new("requests"), Arc::clone(&store), Arc::clone(&clock)).await.unwrap());
        mounts.add(Instance::<Flows>::open(Settings::new("flows"), Arc::clone(&store), Arc::clone(&clock)).await.unwrap());
        mounts.add(Instance::<Behavior>::open(Settings::new("behavior"), store, Arc::clone(&clock)).await.unwrap());
        Self::serve(config, folder, mounts, clock).await
    }

    async fn serve(config: ServerConfig, folder: TempDir, mounts: Mounts, clock: Arc<dyn Clock>) -> Self {
        let server = Server::bind(config, mounts, clock).await.unwrap();
        let address = server.local_addr();
        let (stop, stopped) = oneshot::channel::<()>();
        let ended = tokio::spawn(server.run(async move {
            let _ = stopped.await;
        }));
        Self { address, stop: Some(stop), ended: Some(ended), folder }
    }

    /// Returns the path of its database, for tests that open it from outside.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("test.db")
    }

    /// Stops the server and returns the result of `run`.
    pub(crate) fn stop(&mut self) -> JoinHandle<io::Result<()>> {
        let _ = self.stop.take().unwrap().send(());
        self.ended.take().unwrap()
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes as they are and reads until the server closes.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Answer {
        let (mut read, mut write) = self.connect().await.into_split();
        let bytes = bytes.to_vec();
        let sending = tokio::spawn(async move {
            let _ = write.write_all(&bytes).await;
            write
        });
        let mut answer = Vec::new();
        let _ = read.read_to_end(&mut answer).await;
        drop(sending.await.unwrap());
        parse(&answer)
    }

    pub(crate) async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.raw(&request(method, path, headers, body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"").await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[], body.to_string().as_bytes()).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, &[], body.to_string().as_bytes()).await
    }

    /// Imports history and trains on it.
    pub(crate) async fn train(&self, version: &str, count: usize) -> Answer {
        let records: Vec<Value> = (0..count).map(record).collect();
        self.post("/requests/train", &json!({"model_version": version, "requests": records})).await
    }
}

/// Returns the bytes of one request; the connection is closed after the answer.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    text.push_str("\r\n");
    [text.as_bytes(), body].concat()
}

/// Returns the `i`-th of many ordinary records.
pub(crate) fn record(i: usize) -> Value {
    let endpoint = ["/api/users/profile", "/api/orders", "/api/items", "/api/search"][i % 4];
    json!({
        "request_id": format!("r-{i}"),
        "ip_address": format!("10.0.{}.{}", i / 200 % 50, i % 200 + 1),
        "endpoint": endpoint,
        "http_method": if i.is_multiple_of(4) { "POST" } else { "GET" },
        "headers": {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)", "Accept": "application/json"},
        "payload": if i.is_multiple_of(4) { json!({"name": format!("user {i}")}) } else { Value::Null },
        "timestamp": format!("2026-01-{:02}T{:02}:{:02}:00Z", i / 400 % 20 + 1, i / 20 % 24, i % 60),
    })
}

pub(crate) fn parse(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok()).unwrap_or(0);
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    Answer { status, headers: headers.collect(), body: body.to_owned() }
}
