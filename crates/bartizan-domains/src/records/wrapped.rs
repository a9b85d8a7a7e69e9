//! What collectors put around a line of a log, taken off before anybody asks for the format of the line.
//!
//! [`Unwrapper`] takes off what comes from containers and shippers: the prefixes of Kubernetes' CRI, of `kubectl logs` and of `docker
//! compose`, Docker's JSON, the journal's JSON, Filebeat's and Google's. [`syslog`] takes off the header of RFC 3164 or RFC 5424, and says
//! what stands in it, since logs of logins need it.

use super::syslog::is_time;
use super::{MAX_ROW, mended, syslog};
use crate::raw::{Raw, RawObject};
use bartizan_core::Timestamp;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::net::IpAddr;

/// Most wrappers around one line that are taken off.
const MAX_LAYERS: usize = 4;
/// Docker cuts lines to parts of 16 KiB. Others that write the same JSON leave out the end of a line, but cut none.
const DOCKER_PART: usize = 16 << 10;
/// Longest name of a service that `docker compose` puts in front.
const MAX_SERVICE: usize = 128;

/// Fields of JSON that have a line in them, or what the journal knows of one.
const FIELDS: &[&str] = &[
    "log",
    "stream",
    "time",
    "MESSAGE",
    "SYSLOG_IDENTIFIER",
    "_COMM",
    "SYSLOG_PID",
    "_PID",
    "_HOSTNAME",
    "_SOURCE_REALTIME_TIMESTAMP",
    "__REALTIME_TIMESTAMP",
    "message",
    "textPayload",
    "line",
];

/// A line without what was put around it.
#[derive(Debug, PartialEq)]
pub(crate) struct Unwrapped<'a> {
    pub(crate) text: Cow<'a, [u8]>,
    /// The outermost wrapper; empty without one.
    pub(crate) wrapper: &'static str,
}

/// Takes wrappers off, line by line. A line that a container runtime cut into parts is put together again.
#[derive(Debug, Default)]
pub(crate) struct Unwrapper {
    /// The parts so far of a line of standard output and of one of standard error.
    parts: [Vec<u8>; 2],
    /// How many each of them has.
    held: [u64; 2],
}

/// One wrapper taken off.
enum Layer<'a> {
    None,
    Line(Cow<'a, [u8]>, &'static str),
    /// A part of a line of this stream, and whether it is the last.
    Part {
        stream: usize,
        text: Cow<'a, [u8]>,
        last: bool,
        wrapper: &'static str,
    },
}

impl Unwrapper {
    /// The line within; `None` for a part of one that goes on, and for nothing but blanks and NULs.
    pub(crate) fn take_off<'a>(&mut self, line: &'a [u8]) -> Option<Unwrapped<'a>> {
        // Blanks at the end belong to a part of a line that goes on.
        let line = begun(without_end(line, |byte| matches!(byte, b'\n' | b'\r' | 0)));
        // What clients chose may be no JSON: it must not hide the line.
        let mut text = match line.first() {
            Some(b'{') => bytes_of(mended(line)),
            _ => Cow::Borrowed(line),
        };
        let mut outermost = "";
        for _ in 0..MAX_LAYERS {
            let (inner, wrapper) = match text {
                Cow::Borrowed(text) => self.layer(text)?,
                Cow::Owned(ref text) => {
                    let (inner, wrapper) = self.layer(text)?;
                    (inner.map(|inner| Cow::Owned(inner.into_owned())), wrapper)
                }
            };
            let Some(inner) = inner else { break };
            text = inner;
            if outermost.is_empty() {
                outermost = wrapper;
            }
        }
        match &mut text {
            Cow::Borrowed(text) => *text = without_end(text, blank),
            Cow::Owned(text) => text.truncate(without_end(text, blank).len()),
        }
        if text.is_empty() { None } else { Some(Unwrapped { text, wrapper: outermost }) }
    }

    /// How many parts there are of lines whose last parts have not come.
    pub(crate) fn unfinished(&self) -> u64 {
        self.held.iter().sum()
    }

    /// What is inside of the outermost wrapper, if there is one; `None` for a part of a line that goes on.
    fn layer<'t>(&mut self, text: &'t [u8]) -> Option<(Option<Cow<'t, [u8]>>, &'static str)> {
        match layer(text) {
            Layer::None => Some((None, "")),
            Layer::Line(inner, wrapper) => Some((Some(inner), wrapper)),
            Layer::Part { stream, text, last, wrapper } => {
                let parts = &mut self.parts[stream];
                if parts.is_empty() && last {
                    return Some((Some(text), wrapper));
                }
                // What is longer than any line may be is cut, and refused by its format.
                let room = MAX_ROW.saturating_sub(parts.len());
                parts.extend_from_slice(&text[..text.len().min(room)]);
                self.held[stream] = if last { 0 } else { self.held[stream] + 1 };
                if last { Some((Some(Cow::Owned(std::mem::take(parts))), wrapper)) } else { None }
            }
        }
    }
}

/// A line without blanks and NULs at its ends, and without a byte order mark. Lines of a file that was truncated under its writer begin
/// with NULs.
pub(crate) fn trimmed(line: &[u8]) -> &[u8] {
    begun(without_end(line, blank))
}

/// The same, with what stands at its end.
fn begun(line: &[u8]) -> &[u8] {
    let start = line.iter().position(|byte| !blank(*byte)).unwrap_or(line.len());
    let line = &line[start..];
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
}

fn without_end(line: &[u8], is_end: impl Fn(u8) -> bool) -> &[u8] {
    let end = line.iter().rposition(|byte| !is_end(*byte)).map_or(0, |last| last + 1);
    &line[..end]
}

fn blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0
}

/// Whether a line is nothing but blanks and NULs.
pub(crate) fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| blank(*byte))
}

/// Told by the first byte, since most lines are wrapped in nothing.
fn layer(text: &[u8]) -> Layer<'_> {
    match text.first() {
        Some(b'{') => json(text),
        Some(b'0'..=b'9') => timestamps(text),
        Some(b'[') if text.starts_with(b"[pod/") => after(text, b"] ").map_or(Layer::None, |line| Layer::Line(line.into(), "kubectl logs")),
        Some(byte) if byte.is_ascii_alphanumeric() => compose(text),
        _ => Layer::None,
    }
}

fn after<'t>(text: &'t [u8], mark: &[u8]) -> Option<&'t [u8]> {
    text.windows(mark.len()).position(|found| found == mark).map(|at| &text[at + mark.len()..])
}

/// `2024-03-06T10:00:00.5Z stdout F line` as containerd and CRI-O write it, and `2024-03-06T10:00:00.5Z line` as `kubectl logs
/// --timestamps` and `docker logs --timestamps` print it.
fn timestamps(text: &[u8]) -> Layer<'_> {
    if !is_time(text) {
        return Layer::None;
    }
    let Some(end) = text.iter().position(|byte| *byte == b' ') else { return Layer::None };
    let rest = &text[end + 1..];
    for (stream, name) in [b"stdout ", b"stderr "].iter().enumerate() {
        if let Some(rest) = rest.strip_prefix(*name) {
            let wrapper = "Kubernetes CRI";
            // Tags are joined by colons; the first says whether the line goes on.
            return match (rest.first(), rest.iter().position(|byte| *byte == b' ')) {
                (Some(tag @ (b'F' | b'P')), Some(end)) => Layer::Part { stream, text: rest[end + 1..].into(), last: *tag == b'F', wrapper },
                _ => Layer::None,
            };
        }
    }
    if begins_a_line(rest) { Layer::Line(rest.into(), "timestamps") } else { Layer::None }
}

/// `web-1  | line` as `docker compose logs` prints it.
fn compose(text: &[u8]) -> Layer<'_> {
    let name = text.iter().take(MAX_SERVICE).take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte)).count();
    let blanks = text[name..].iter().take(MAX_SERVICE).take_while(|byte| **byte == b' ').count();
    match text[name + blanks..].strip_prefix(b"| ") {
        Some(line) if blanks > 0 => Layer::Line(line.into(), "docker compose"),
        _ => Layer::None,
    }
}

/// Whether a text begins as lines of access logs do, with an address, or is JSON.
fn begins_a_line(text: &[u8]) -> bool {
    let word = |text: &[u8]| text.split(|byte| *byte == b' ').next().map(<[u8]>::to_vec).unwrap_or_default();
    let is_address = |word: &[u8]| {
        let word = std::str::from_utf8(word).unwrap_or_default().trim_end_matches(',');
        word.parse::<IpAddr>().is_ok() || word.parse::<std::net::SocketAddr>().is_ok()
    };
    let first = word(text);
    // `host:443 address` is how Apache's vhost_combined begins.
    let second = text.get(first.len() + 1..).map(word).unwrap_or_default();
    text.first() == Some(&b'{') || is_address(&first) || (first.contains(&b':') && is_address(&second))
}

fn json(text: &[u8]) -> Layer<'_> {
    let has = |name: &[u8]| memchr::memmem::find(text, name).is_some();
    if ![&b"\"log\""[..], b"\"MESSAGE\"", b"\"message\"", b"\"textPayload\"", b"\"line\""].into_iter().any(has) {
        return Layer::None;
    }
    let Some(object) = Raw::parse(text).ok().and_then(|raw| RawObject::read(raw, FIELDS)) else { return Layer::None };
    let is_there = |name| object.some(name).is_some();
    let line = |name| {
        let text = object.some(name).and_then(Raw::text)?;
        (begins_a_line(text.as_bytes()) || syslog::may_begin(&text)).then(|| owned(text))
    };
    if let Some(log) = object.some("log").and_then(Raw::text).filter(|_| is_there("stream") || is_there("time")) {
        // Docker cuts lines at 16 KiB; the last part ends as the line did.
        let stream = usize::from(object.some("stream").and_then(Raw::text).as_deref() == Some("stderr"));
        let last = log.ends_with('\n') || log.len() < DOCKER_PART;
        return Layer::Part { stream, last, text: owned(log), wrapper: "Docker's JSON" };
    }
    if is_there("MESSAGE") {
        return journal(&object).map_or(Layer::None, |line| Layer::Line(Cow::Owned(line), "the journal"));
    }
    // Filebeat has an object `log` beside.
    let of_shippers = [
        ("log", "JSON of a shipper"),
        ("message", "JSON of a shipper"),
        ("line", "JSON of a shipper"),
        ("textPayload", "Google Cloud's JSON"),
    ];
    let found = of_shippers.into_iter().find_map(|(name, wrapper)| line(name).map(|line| Layer::Line(line, wrapper)));
    found.unwrap_or(Layer::None)
}

fn bytes_of(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// A text without the line break at its end.
fn owned(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(trimmed(text.as_bytes())),
        Cow::Owned(text) => Cow::Owned(trimmed(text.as_bytes()).to_vec()),
    }
}

/// An entry of the journal as the line that it would be in a file: `time host program[process]: message`.
fn journal(object: &RawObject<'_>) -> Option<Vec<u8>> {
    let text = |name: &str| object.some(name).and_then(Raw::text);
    let micros = text("_SOURCE_REALTIME_TIMESTAMP").or_else(|| text("__REALTIME_TIMESTAMP"))?.parse().ok()?;
    let word = |text: Option<Cow<'_, str>>| text.map(|text| text.replace([' ', ':', '[', ']'], "_")).filter(|text| !text.is_empty());
    let program = word(text("SYSLOG_IDENTIFIER").or_else(|| text("_COMM")));
    let host = word(text("_HOSTNAME")).unwrap_or_else(|| "-".to_owned());
    let mut line = format!("{} {host} ", Timestamp::from_micros(micros));
    if let Some(program) = program {
        line.push_str(&program);
        if let Some(process) = word(text("SYSLOG_PID").or_else(|| text("_PID"))) {
            let _ = write!(line, "[{process}]");
        }
        line.push_str(": ");
    }
    let mut line = line.into_bytes();
    let message = object.some("MESSAGE")?;
    match message.text() {
        Some(message) => line.extend_from_slice(message.as_bytes()),
        // What is no UTF-8 comes as a list of bytes.
        None => {
            let _ = message.elements(|_, byte| {
                line.extend(byte.json().parse::<u8>());
                std::ops::ControlFlow::<()>::Continue(())
            });
        }
    }
    // A message may hold line breaks; a line may not.
    line.iter_mut().filter(|byte| matches!(**byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::{MAX_ROW, Unwrapper, trimmed};

    const LINE: &str = "203.0.113.7 - - [06/Mar/2024:10:00:00 +0000] \"GET / HTTP/1.1\" 200 5";

    fn off(lines: &[&str]) -> Option<(String, &'static str)> {
        let mut unwrapper = Unwrapper::default();
        let mut last = None;
        for line in lines {
            last = unwrapper.take_off(line.as_bytes()).map(|off| (String::from_utf8_lossy(&off.text).into_owned(), off.wrapper));
        }
        last
    }

    #[test]
    fn lines_come_out_as_they_went_in() {
        let escaped = LINE.replace('"', "\\\"");
        let vhost = format!("shop.example:443 {LINE}");
        for (name, wrapped, line, wrapper) in [
            ("nothing", LINE.to_owned(), LINE, ""),
            ("NULs", format!("\0\0\0{LINE}\0"), LINE, ""),
            ("mark", format!("\u{feff}{LINE}\r"), LINE, ""),
            ("CRI", format!("2024-03-06T10:00:00.5Z stdout F {LINE}"), LINE, "Kubernetes CRI"),
            ("CRI with an offset", format!("2024-03-06T10:00:00.5+01:00 stderr F:x {LINE}"), LINE, "Kubernetes CRI"),
            ("kubectl --timestamps", format!("2024-03-06T10:00:00.5Z {LINE}"), LINE, "timestamps"),
            ("kubectl --timestamps, vhost", format!("2024-03-06T10:00:00.5Z {vhost}"), &*vhost, "timestamps"),
            ("kubectl --prefix", format!("[pod/web-1/nginx] {LINE}"), LINE, "kubectl logs"),
            ("compose", format!("web-1  | {LINE}"), LINE, "docker compose"),
            ("Docker", format!(r#"{{"log":"{escaped}\n","stream":"stdout","time":"2024-03-06T10:00:00.5Z"}}"#), LINE, "Docker's JSON"),
            (
                "surrogates",
                format!(r#"{{"log":"{escaped}\udce9\n","stream":"stdout","time":"t"}}"#),
                &*format!("{LINE}\u{fffd}"),
                "Docker's JSON",
            ),
            ("Filebeat", format!(r#"{{"@timestamp":"x","message":"{escaped}"}}"#), LINE, "JSON of a shipper"),
            ("Filebeat's own", format!(r#"{{"log":{{"offset":1}},"message":"{escaped}"}}"#), LINE, "JSON of a shipper"),
            ("Fluent Bit", format!(r#"{{"stream":"stdout","log":"{escaped}"}}"#), LINE, "Docker's JSON"),
            ("Google", format!(r#"{{"textPayload":"{escaped}","resource":{{}}}}"#), LINE, "Google Cloud's JSON"),
            ("both", format!("web-1 | 2024-03-06T10:00:00.5Z stdout F {LINE}"), LINE, "docker compose"),
            (
                "no line in it",
                r#"{"message":"New connection","eventid":"x"}"#.to_owned(),
                r#"{"message":"New connection","eventid":"x"}"#,
                "",
            ),
            ("no JSON", r#"{"log":"x"#.to_owned(), r#"{"log":"x"#, ""),
            (
                "a load balancer's",
                "2015-05-13T23:39:43.9Z elb 192.0.2.1:2817 10.0.0.1:80 0.1".to_owned(),
                "2015-05-13T23:39:43.9Z elb 192.0.2.1:2817 10.0.0.1:80 0.1",
                "",
            ),
        ] {
            assert_eq!(off(&[&wrapped]), Some((line.to_owned(), wrapper)), "{name}");
        }
        assert_eq!((off(&["\0\0 \0"]), off(&[""])), (None, None));
    }

    #[test]
    fn entries_of_the_journal_become_lines() {
        let text =
            r#"{"__REALTIME_TIMESTAMP":"1709719200500000","_HOSTNAME":"web1","SYSLOG_IDENTIFIER":"sshd","_PID":"50","MESSAGE":"a\nb"}"#;
        assert_eq!(off(&[text]).unwrap().0, "2024-03-06T10:00:00.5Z web1 sshd[50]: a b");
        let bytes = r#"{"__REALTIME_TIMESTAMP":"1709719200000000","_COMM":"sshd","MESSAGE":[97,255,98]}"#;
        assert_eq!(off(&[bytes]).unwrap().0, "2024-03-06T10:00:00Z - sshd: a\u{fffd}b");
    }

    #[test]
    fn cut_lines_are_put_together_again() {
        let (first, rest) = LINE.split_at(30);
        let cri = [format!("2024-03-06T10:00:00.5Z stdout P {first}"), format!("2024-03-06T10:00:00.5Z stdout F {rest}")];
        assert_eq!(off(&[&cri[0]]), None);
        assert_eq!(off(&[&cri[0], &cri[1]]).unwrap().0, LINE);
        // Another stream between them.
        let other = "2024-03-06T10:00:00.5Z stderr F x";
        assert_eq!(off(&[&cri[0], other]).unwrap().0, "x");
        assert_eq!(off(&[&cri[0], other, &cri[1]]).unwrap().0, LINE);
        let docker = |text: &str| format!(r#"{{"log":{},"stream":"stdout","time":"t"}}"#, serde_json::json!(text));
        let (long, end) = (format!("{first}{}", "x".repeat(16 << 10)), format!("{rest}\n"));
        assert_eq!(off(&[&docker(&long), &docker(&end)]).unwrap().0, format!("{long}{rest}"));
        assert_eq!(off(&[&docker(LINE)]).unwrap().0, LINE, "a line without its end is whole");
        let mut unwrapper = Unwrapper::default();
        cri[..1].iter().chain(&cri[..1]).for_each(|line| assert!(unwrapper.take_off(line.as_bytes()).is_none()));
        assert_eq!(unwrapper.unfinished(), 2);
        // What never ends does not grow without limit.
        let part = format!("2024-03-06T10:00:00.5Z stdout P {}", "x".repeat(MAX_ROW / 2));
        let end = "2024-03-06T10:00:00.5Z stdout F y";
        assert_eq!(off(&[&part, &part, &part, end]).unwrap().0.len(), MAX_ROW);
    }

    #[test]
    fn ends_are_trimmed() {
        assert_eq!(trimmed(b" \0\xef\xbb\xbfa b\0\r\n"), b"a b");
        assert_eq!(trimmed(b"\0 \0"), b"");
    }
}
