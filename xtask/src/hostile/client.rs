//! A minimal HTTP client that sends bytes as they are, also malformed ones.

use super::PATIENCE;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Interval between requests to `/health`.
const EVERY: Duration = Duration::from_millis(20);
/// How long a read waits before it looks at the clock.
const SLICE: Duration = Duration::from_millis(50);

/// A POST of JSON.
pub(super) fn post(path: &str, body: &[u8]) -> Vec<u8> {
    request("POST", path, "content-type: application/json\r\n", body)
}

/// A GET.
pub(super) fn get(path: &str) -> Vec<u8> {
    request("GET", path, "", b"")
}

pub(super) fn request(method: &str, path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    let head = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n{headers}{length}\r\n");
    [head.as_bytes(), body].concat()
}

fn connect(port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), PATIENCE)?;
    stream.set_read_timeout(Some(SLICE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends the same request on several connections at once; returns the distinct statuses of the responses and the size of one.
pub(super) fn send_many(port: u16, request: &[u8], copies: usize) -> String {
    let answers: Vec<(String, u64)> = std::thread::scope(|scope| {
        let sent: Vec<_> = (0..copies).map(|_| scope.spawn(|| send(port, request))).collect();
        sent.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    let mut statuses: Vec<&str> = answers.iter().map(|(status, _)| status.as_str()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let largest = answers.iter().map(|(_, bytes)| *bytes).max().unwrap_or_default();
    let size = if largest > 1 << 20 { format!(", {} MiB of answer", largest >> 20) } else { String::new() };
    format!("{}{size}", statuses.join(" and "))
}

fn send(port: u16, request: &[u8]) -> (String, u64) {
    let began = Instant::now();
    let Ok(mut stream) = connect(port) else { return ("no connection".to_owned(), 0) };
    // A server may refuse before it has read all.
    let _ = stream.write_all(request);
    let (mut start, mut bytes, mut buffer) = (Vec::new(), 0_u64, vec![0; 1 << 16]);
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                bytes += length as u64;
                if start.len() < 16 {
                    start.extend_from_slice(&buffer[..length.min(16)]);
                }
            }
            Err(error) if waits(&error) && began.elapsed() < PATIENCE => {}
            Err(error) if waits(&error) => return (format!("none after {} s", PATIENCE.as_secs()), bytes),
            Err(_) => break,
        }
    }
    let status = String::from_utf8_lossy(&start).split(' ').nth(1).unwrap_or("closed").to_owned();
    (status, bytes)
}

fn waits(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted)
}

/// Requests a path again and again until `stop` is set. Returns the longest time that a response took, in milliseconds.
pub(super) fn request_until(port: u16, path: &str, stop: &AtomicBool) -> f64 {
    let text = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
    let (mut slowest, mut connection) = (0.0_f64, None);
    while !stop.load(Relaxed) {
        let sent = Instant::now();
        let answered = match connection.take().map_or_else(|| connect(port), Ok) {
            Ok(mut stream) => ask(&mut stream, &text, stop).then_some(stream),
            Err(_) => None,
        };
        slowest = slowest.max(sent.elapsed().as_secs_f64() * 1e3);
        connection = answered;
        std::thread::sleep(EVERY);
    }
    slowest
}

/// One question on a connection that is kept; false when it is broken or no longer waited for.
fn ask(stream: &mut TcpStream, text: &str, stop: &AtomicBool) -> bool {
    let mut buffer = [0; 1 << 14];
    if stream.write_all(text.as_bytes()).is_err() {
        return false;
    }
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(_) => return true,
            Err(error) if waits(&error) && !stop.load(Relaxed) => {}
            Err(_) => return false,
        }
    }
}

/// Opens connections and sends nothing.
pub(super) fn hold(port: u16, sockets: usize) -> Vec<TcpStream> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    (0..sockets).map_while(|_| TcpStream::connect_timeout(&address, Duration::from_secs(2)).ok()).collect()
}
