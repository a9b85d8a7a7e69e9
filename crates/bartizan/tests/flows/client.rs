//! One request, one connection, the whole answer.

use crate::common::{PATIENCE, Running};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Header lines, in lower case.
    head: String,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// A header's value, in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// Status and the sentence of a refusal.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (self.status, self.json()["detail"].as_str().unwrap_or(&self.text).to_owned())
    }

    /// The faults of a 422: type and place of each.
    pub(crate) fn faults(&self) -> Vec<(String, String)> {
        assert_eq!(self.status, 422, "{self:?}");
        let body = self.json();
        let faults = body["detail"].as_array().unwrap();
        assert!(faults.iter().all(|fault| fault["msg"].is_string() && fault.get("input").is_some()), "{body}");
        faults.iter().map(|fault| (fault["type"].as_str().unwrap().to_owned(), fault["loc"].to_string())).collect()
    }
}

/// Sends a request and reads the answer to its end. `headers` are whole lines.
pub(crate) fn ask(server: &Running, method: &str, path: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
    let body = body.as_ref();
    let mut stream = TcpStream::connect_timeout(&server.address, PATIENCE).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    headers.iter().for_each(|line| head += &format!("{line}\r\n"));
    stream.write_all(&[head.as_bytes(), b"\r\n", body].concat()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.strip_prefix("HTTP/1.1 ").unwrap()[..3].parse().unwrap();
    Answer { status, head: head.to_lowercase(), text: body.to_owned() }
}

/// Posts JSON.
pub(crate) fn post(server: &Running, path: &str, body: impl AsRef<[u8]>) -> Answer {
    ask(server, "POST", path, &["content-type: application/json"], body)
}

/// Posts JSON and expects 200.
pub(crate) fn done(server: &Running, path: &str, body: &Value) -> Value {
    let answer = post(server, path, body.to_string());
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()
}

/// Gets.
pub(crate) fn get(server: &Running, path: &str) -> Answer {
    ask(server, "GET", path, &[], "")
}

/// Gets JSON and expects 200.
pub(crate) fn shown(server: &Running, path: &str) -> Value {
    let answer = get(server, path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()
}
