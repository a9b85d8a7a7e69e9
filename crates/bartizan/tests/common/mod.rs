//! What the tests share: the real binary, a running server, a small HTTP client.
#![expect(dead_code, reason = "every test file is a program of its own and uses a part of this")]

pub(crate) mod life;
pub(crate) mod sessions;
pub(crate) mod terminal;

use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The binary in `folder`, with an environment that no setting comes from.
pub(crate) fn bartizan(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bartizan"));
    command.args(arguments).current_dir(folder).env_clear();
    command
}

/// Runs it to its end.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    bartizan(folder, arguments).output().unwrap()
}

/// Runs it to its end, expects success and JSON on standard output.
pub(crate) fn json(folder: &Path, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--json"]].concat();
    let output = run(folder, &arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Runs it to its end, expects this exit code, and returns its standard error.
pub(crate) fn fails(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
    stderr(&output)
}

/// Standard error as text.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Asks again until there is an answer, for as long as is waited for anything.
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let last = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < last, "it did not come: {what}");
        std::thread::yield_now();
    }
}

/// A generated file of `rows` requests with labels.
pub(crate) fn generate(folder: &Path, name: &str, rows: u32, seed: u32) {
    let (rows, seed) = (rows.to_string(), seed.to_string());
    json(folder, &["generate", "requests", "--rows", &rows, "--seed", &seed, "--labels", "--out", name]);
}

/// A running server and its address. Killed when dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    log: std::thread::JoinHandle<String>,
}

impl Running {
    /// Starts `serve` on a free port and waits for the line that names it.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"], arguments].concat();
        Self::spawn(bartizan(folder, &arguments))
    }

    /// Starts a command that serves.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let from = said.len();
            assert_ne!(lines.read_line(&mut said).unwrap(), 0, "ended without listening: {said}");
            if let Some((_, rest)) = said[from..].split_once("listening on http://") {
                break rest.split_whitespace().next().unwrap().parse().unwrap();
            }
        };
        let log = std::thread::spawn(move || {
            lines.read_to_string(&mut said).ok();
            said
        });
        Self { child, address, log }
    }

    /// A connection to it.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// Kills it the hard way and waits for its end.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Stops it with SIGTERM and returns its exit code and its log.
    pub(crate) fn stop(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let code = self.child.wait().unwrap().code();
        let log = std::mem::replace(&mut self.log, std::thread::spawn(String::new));
        (code, log.join().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A whole answer; header lines are in lower case.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<String>,
    pub(crate) body: String,
}

/// A kept-alive HTTP connection.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// Sends a request and returns status and body; an error when the server goes away before the whole answer is there.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: &str) -> std::io::Result<(u16, Value)> {
        let answer = self.exchange(method, path, &[], body)?;
        Ok((answer.status, serde_json::from_str(&answer.body).unwrap_or(Value::Null)))
    }

    /// Sends a request with these header lines and returns the whole answer.
    pub(crate) fn exchange(&mut self, method: &str, path: &str, headers: &[&str], body: impl AsRef<[u8]>) -> std::io::Result<Answer> {
        let body = body.as_ref();
        let length = body.len();
        let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        self.stream.get_mut().write_all([head.as_bytes(), body].concat().as_slice())?;
        let (mut answer, mut expected) = (Answer::default(), 0);
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end().to_lowercase();
            if let Some(code) = line.strip_prefix("http/1.1 ") {
                answer.status = code[..3].parse().unwrap();
            } else if let Some(length) = line.strip_prefix("content-length: ") {
                expected = length.parse().unwrap();
            } else if line.is_empty() {
                break;
            }
            answer.headers.push(line);
        }
        let mut body = vec![0; expected];
        self.stream.read_exact(&mut body)?;
        answer.body = String::from_utf8(body).unwrap();
        Ok(answer)
    }

    /// Gets JSON.
    pub(crate) fn get(&mut self, path: &str) -> Value {
        let (status, body) = self.send("GET", path, "").unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

/// The body of a request as a browser sends it.
pub(crate) fn browser(id: &str) -> String {
    serde_json::json!({
        "request_id": id, "ip_address": "203.0.113.7", "endpoint": "/api/users/profile", "http_method": "POST",
        "headers": {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "accept": "application/json"},
        "payload": {"name": "Ada"},
    })
    .to_string()
}

/// The body of an attack.
pub(crate) fn attack(id: &str) -> String {
    serde_json::json!({
        "request_id": id, "ip_address": "198.51.100.9", "endpoint": "/api/admin/delete", "http_method": "DELETE",
        "headers": {"User-Agent": "BadBot/1.0"}, "payload": {"table": "users"},
    })
    .to_string()
}
