//! Lines as Apache's and nginx's default formats write them, and what is built upon those:
//! `client identity user [time] "request" status bytes "referrer" "agent"`, and whatever follows.
//!
//! In front of the client may stand the virtual host, the client may be a list as in X-Forwarded-For, and ingress-nginx repeated it in
//! brackets. All names, agents and referrers are the client's own choice and may hold what looks like another field. The time is read
//! before the first quoted text that is followed by a status; where a name holds all of that, quotes included, by the last such text that
//! is not within quotes.

use super::entry::{Entry, is_address, is_internal, number, request_line};
use super::time::bracketed;
use bartizan_core::tail;
use memchr::{memchr, memchr2, memrchr};
use std::borrow::Cow;

const NO_STATUS: &str = "no status after the request";
/// Longest text between time and request.
const MAX_BETWEEN: usize = 256;
/// Quoted texts that are tried as the request, before a line is given up.
const MAX_TRIED: usize = 32;

/// What stands in front of the lines of a file, which a single line may leave open: how many lines began with a host, with a list of
/// addresses, and with the client.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Layout {
    hosts: u32,
    lists: u32,
    clients: u32,
}

/// What a line begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Begins {
    #[default]
    Client,
    Host,
    List,
}

impl Layout {
    fn count(&mut self, begins: Begins) {
        let count = match begins {
            Begins::Client => &mut self.clients,
            Begins::Host => &mut self.hosts,
            Begins::List => &mut self.lists,
        };
        *count = count.saturating_add(1);
    }

    fn mostly_hosts(self) -> bool {
        self.hosts > self.clients.max(self.lists)
    }

    fn mostly_lists(self) -> bool {
        self.lists > self.clients.max(self.hosts)
    }
}

/// Reads a line into an empty entry; gives the name of its format.
pub(super) fn parse<'a>(text: &'a str, layout: &mut Layout, entry: &mut Entry<'a>) -> Result<&'static str, String> {
    // Some exports put the whole line into quotes.
    let text = match text.as_bytes() {
        [b'"', .., b'"'] => &text[1..text.len() - 1],
        _ => text,
    };
    let (mut from, mut why) = (0, "no request in quotes");
    let mut tried = 0;
    while tried < MAX_TRIED {
        let Some(quote) = memchr(b'"', &text.as_bytes()[from..]).map(|at| from + at) else { break };
        // Servers that escape quotes do so in names too.
        if text[..quote].ends_with('\\') {
            from = quote + 1;
            continue;
        }
        tried += 1;
        match before(&text[..quote], *layout, entry) {
            None => why = "no time in brackets, such as [31/Jan/2026:09:30:00 +0000], before the request",
            Some(head) => match after(head, &text[quote + 1..], entry) {
                Ok(name) => {
                    layout.count(head.begins);
                    return Ok(name);
                }
                // What was taken for the request stands in the client's name.
                Err(Unfit::Later(at)) => {
                    from = quote + 1 + at;
                    *entry = Entry::default();
                    continue;
                }
                Err(Unfit::Fault(fault)) => why = fault,
            },
        }
        from = quote + 1;
        *entry = Entry::default();
    }
    Err(why.to_owned())
}

/// What stands before the request besides the entry's fields.
#[derive(Clone, Copy, Default)]
struct Head {
    vhost: bool,
    ingress: bool,
    begins: Begins,
}

/// Client, user and time; the last bracket opens the time.
fn before<'a>(text: &'a str, layout: Layout, entry: &mut Entry<'a>) -> Option<Head> {
    let open = memrchr(b'[', text.as_bytes())?;
    let close = open + memchr(b']', &text.as_bytes()[open..])?;
    let (time, rest) = (&text[open + 1..close], &text[close + 1..]);
    entry.time = Some(bracketed(time)?);
    // Some formats have the host or a duration between time and request.
    if rest.len() > 1 {
        if rest.len() > MAX_BETWEEN || rest.trim().split(' ').count() > 2 {
            return None;
        }
        let is_host = |word: &&str| word.contains('.') && !word.starts_with(|c: char| c.is_ascii_digit());
        entry.host = Cow::Borrowed(rest.trim().split(' ').find(is_host).unwrap_or_default());
    }
    client(text[..open].trim_end(), layout, entry)
}

/// `client identity user`, with what may stand around the client; `None` without one.
fn client<'a>(text: &'a str, layout: Layout, entry: &mut Entry<'a>) -> Option<Head> {
    let mut head = Head::default();
    let end_of = |text: &str| memchr(b' ', text.as_bytes()).unwrap_or(text.len());
    let unquoted = |word: &'a str| word.trim_matches('"');
    let mut start = 0;
    let mut first = &text[..end_of(text)];
    if first.is_empty() {
        return None;
    }
    let mut rest = text[first.len()..].trim_start();
    let second = &rest[..end_of(rest)];
    // `host:port client …`, where the host may itself be an address, and `- client …`.
    if second != "-"
        && is_address(second.trim_end_matches(','))
        && !first.ends_with(',')
        && !is_before_proxy(unquoted(first), second, layout)
    {
        if first != "-" {
            (entry.host, head.vhost) = (Cow::Borrowed(first), true);
            head.begins = if is_address(first) || first.contains(':') { Begins::Client } else { Begins::Host };
        }
        start = text.len() - rest.len();
        (first, rest) = (second, rest[second.len()..].trim_start());
    }
    // `client, proxy, proxy`. In a file of those, a list that a client sent may hold anything before the address that a proxy added.
    if first.ends_with(',') || layout.mostly_lists() {
        let list = &text[start..];
        let end_at = |at: usize| at + 1 + (list[at + 1..].len() - list[at + 1..].trim_start().len());
        let last = memchr::memrchr(b',', list.as_bytes()).map(end_at).map(|at| at + end_of(&list[at..]));
        let end = last.filter(|end| list[..*end].rsplit([',', ' ']).next().is_some_and(is_address));
        if let Some(end) = end {
            (first, rest) = (&list[..end], list[end..].trim_start());
            head.begins = Begins::List;
        } else {
            first = first.trim_end_matches(',');
        }
    }
    let first = unquoted(first);
    entry.client = Cow::Borrowed(first);
    let mut words = rest.splitn(2, ' ');
    let (identity, mut user) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().trim());
    if let Some(after) = user.strip_prefix('[').filter(|_| identity == "-")
        && let Some((address, after)) = after.split_once(']')
        && is_address(address)
    {
        head.ingress = true;
        user = after.trim().strip_prefix("- ").unwrap_or(after.trim());
    }
    if user != "-" {
        entry.user = Cow::Borrowed(user);
    }
    Some(head)
}

/// Whether the first of two words is a client and the second a proxy, and not a host and a client.
fn is_before_proxy(first: &str, second: &str, layout: Layout) -> bool {
    if !is_address(first) {
        return false;
    }
    // With a port it is a host, unless what follows is an address of a server's own network.
    let has_port = first.parse::<std::net::SocketAddr>().is_ok();
    if has_port { is_internal(second) && !is_internal(first) } else { !layout.mostly_hosts() }
}

/// Whether a text ends with a time in brackets.
fn is_time_before(text: &str) -> bool {
    /// Longest time, with its brackets.
    const LONGEST: usize = 64;
    let text = tail(text, LONGEST);
    let time = text.trim_end().strip_suffix(']').and_then(|text| text.rsplit_once('['));
    time.is_some_and(|(_, time)| bracketed(time).is_some())
}

/// Why what follows a quote is no request with what comes after it.
enum Unfit {
    Fault(&'static str),
    /// Another time and request follow, not within quotes: where the latter's quote is.
    Later(usize),
}

/// The request and what follows it.
fn after<'a>(head: Head, text: &'a str, entry: &mut Entry<'a>) -> Result<&'static str, Unfit> {
    let (request, status, mut at) = request(text)?;
    request_line(request, entry);
    entry.status = status;
    let word = text[at..].trim_start();
    let length = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-').len();
    entry.sent = number(&word[..length]);
    at = text.len() - word.len() + length;
    // Quoted texts in their order, and what stands between and after them.
    let mut quoted: [Cow<'a, str>; 3] = Default::default();
    let (mut count, mut upstream, mut millis) = (0, false, false);
    loop {
        let rest = &text[at..];
        let next = memchr(b'"', rest.as_bytes());
        let plain = &rest[..next.unwrap_or(rest.len())];
        if plain.len() > 1 {
            if next.is_some() && plain.ends_with("] ") && is_time_before(&text[..at + plain.len()]) {
                return Err(Unfit::Later(at + plain.len()));
            }
            upstream |= plain.contains('[');
            millis |= plain.ends_with("ms");
            if entry.secs.is_none() {
                entry.secs = plain.split(' ').find_map(seconds);
            }
        }
        let Some(next) = next else { break };
        // The end of a line that was cut off counts as the end of the text.
        let (value, end) = unquoted(&rest[next + 1..]).unwrap_or_else(|| (unescaped(&rest[next + 1..]), rest.len() - next - 1));
        if let Some(place) = quoted.get_mut(count) {
            *place = value;
        }
        count += 1;
        at += next + 1 + end;
    }
    let [referrer, agent, forwarded] = quoted;
    let some = |text: Cow<'a, str>| if text == "-" { Cow::Borrowed("") } else { text };
    (entry.referrer, entry.agent) = (some(referrer), some(agent));
    // What a client sent stands before what a proxy added.
    if count > 2 && forwarded.rsplit(',').next().is_some_and(|last| is_address(last.trim())) {
        entry.forwarded = forwarded;
    }
    let name = match (head.vhost, head.ingress || (upstream && count >= 2), count) {
        (true, ..) => "vhost-combined",
        (_, true, _) => "ingress-nginx",
        (.., 0) => "common",
        _ if millis && count >= 4 => "traefik",
        _ => "combined",
    };
    Ok(name)
}

/// A duration that has a fraction, or says that it is in milliseconds.
fn seconds(word: &str) -> Option<f64> {
    match word.strip_suffix("ms") {
        Some(millis) => millis.parse::<f64>().ok().map(|millis| millis / 1e3),
        None if word.contains('.') => word.parse().ok(),
        None => None,
    }
}

/// The request after its quote, the status after it, and where that ends. A server that does not escape quotes within the request leaves more
/// than one quote that may be its end; the first before a status is.
fn request(text: &str) -> Result<(Cow<'_, str>, Option<u16>, usize), Unfit> {
    let mut from = 0;
    for _ in 0..MAX_TRIED {
        let (quoted, end) =
            unquoted(&text[from..]).ok_or(Unfit::Fault(if from == 0 { "the request's quote is not closed" } else { NO_STATUS }))?;
        from += end;
        let rest = &text[from..];
        let word = rest.trim_start();
        let status = &word[..memchr(b' ', word.as_bytes()).unwrap_or(word.len())];
        let known = match status.as_bytes() {
            b"-" => Some(None),
            [a, b, c] if [a, b, c].iter().all(|byte| byte.is_ascii_digit()) => Some(number(status)),
            _ => None,
        };
        if let Some(known) = known.filter(|_| word.len() < rest.len()) {
            let request = if from == end { quoted } else { Cow::Borrowed(&text[..from - 1]) };
            return Ok((request, known, text.len() - word.len() + status.len()));
        }
        if text[..from - 1].ends_with("] ") && is_time_before(&text[..from - 1]) {
            return Err(Unfit::Later(from - 1));
        }
    }
    Err(Unfit::Fault(NO_STATUS))
}

/// A text after its opening quote, with escapes undone, and where what follows its closing quote begins.
fn unquoted(text: &str) -> Option<(Cow<'_, str>, usize)> {
    let bytes = text.as_bytes();
    let mut at = memchr2(b'"', b'\\', bytes)?;
    if bytes[at] == b'"' {
        return Some((Cow::Borrowed(&text[..at]), at + 1));
    }
    // What an escape stands in front of closes nothing.
    while bytes[at] == b'\\' {
        let from = at + 2;
        at = from + memchr2(b'"', b'\\', bytes.get(from..)?)?;
    }
    Some((unescaped(&text[..at]), at + 1))
}

/// A text with `\"`, `\\`, `\xNN` and the letters of C undone.
pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let Some(first) = memchr(b'\\', bytes) else { return Cow::Borrowed(text) };
    let mut out = bytes[..first].to_vec();
    let mut at = first;
    while let Some(byte) = bytes.get(at) {
        let hex = |from: usize| text.get(from..from + 2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let (byte, length) = match (byte, bytes.get(at + 1)) {
            (b'\\', Some(b'x')) => hex(at + 2).map_or((b'\\', 1), |byte| (byte, 4)),
            (b'\\', Some(escaped @ (b'"' | b'\\'))) => (*escaped, 2),
            (b'\\', Some(b'n')) => (b'\n', 2),
            (b'\\', Some(b'r')) => (b'\r', 2),
            (b'\\', Some(b't')) => (b'\t', 2),
            (other, _) => (*other, 1),
        };
        out.push(byte);
        at += length;
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// Whether a text has a time in brackets before a quote, as lines of access logs do.
pub(super) fn has_request(text: &str) -> bool {
    let mut from = 0;
    while let Some(at) = memchr::memmem::find(&text.as_bytes()[from..], b"] \"") {
        if is_time_before(&text[..from + at + 1]) {
            return true;
        }
        from += at + 3;
    }
    false
}
