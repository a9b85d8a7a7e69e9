//! A connection that is kept open for many requests, one after the other.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long an answer is waited for; trainings are answered when they are done.
const PATIENCE: Duration = Duration::from_secs(300);

/// An open connection.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    line: String,
    body: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), line: String::new(), body: Vec::new() })
    }

    /// Sends a request with a JSON body, or without one, and returns the status and the body of the answer.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: &[u8]) -> Result<(u16, &[u8])> {
        let kind = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
        let head = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n{kind}content-length: {}\r\n\r\n", body.len());
        // In one piece: two writes are two packets, and the server wakes for each.
        self.stream.get_mut().write_all(&[head.as_bytes(), body].concat())?;
        let status = self.read_line()?.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(malformed)?;
        let mut length = 0;
        while let Some((name, value)) = self.read_line()?.split_once(':') {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(|_| malformed())?;
            }
        }
        self.body.resize(length, 0);
        self.stream.read_exact(&mut self.body)?;
        Ok((status, &self.body))
    }

    fn read_line(&mut self) -> Result<&str> {
        self.line.clear();
        if self.stream.read_line(&mut self.line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(self.line.trim_end())
    }
}

fn malformed() -> Error {
    Error::new(ErrorKind::InvalidData, "the answer is not HTTP")
}
