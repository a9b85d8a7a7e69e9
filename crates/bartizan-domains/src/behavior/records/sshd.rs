//! What an OpenSSH server says of its clients in `auth.log`, `secure` or the journal's text.
//!
//! Several lines tell of one attempt (`Invalid user`, PAM's failure, `Failed password`), and some only of its process. So
//! lines are counted by connection, that is by process, and an attempt counts once, however many of them tell of it.

use super::time::{address, leading, word};
use crate::behavior::sessions::{Activity, decoy_account, decoy_command, injected, sql_in};
use crate::records::decode;
use crate::requests::text::{hash, hash_on};
use bartizan_core::{Record, Timestamp};
use std::collections::{HashMap, VecDeque};

/// Most connections remembered.
const MAX_CONNECTIONS: usize = 4_096;
/// Most users remembered with the address that they came from.
const MAX_USERS: usize = 10_000;
/// Most bytes of a user's or a host's name that is remembered.
const MAX_NAME: usize = 256;
/// Seconds after which the same process number is another connection.
const REUSED_SECS: i64 = 600;

/// Time, host, program with its process number, message.
fn split(text: &str, now: Timestamp) -> Option<(Timestamp, &str, &str, &str)> {
    let (time, rest) = leading(text, now)?;
    let (host, rest) = word(rest)?;
    let (program, message) = rest.split_once(':')?;
    (!program.contains(' ')).then(|| (time, host, program, message.trim()))
}

/// One connection, as far as its lines have told of it.
#[derive(Default)]
struct Connection {
    client: Option<String>,
    /// Its name, while its address is not known.
    host: Option<String>,
    /// Time and line of its beginning, and the time last met.
    first: (i64, u64),
    last: i64,
    /// Failures by who tells of them; each may tell of all.
    named: u32,
    invalid: u32,
    pam: u32,
    cut_off: u32,
    /// Failures passed on.
    counted: u32,
    /// Whether it did more than connect, and whether it logged in.
    acted: bool,
    accepted: bool,
}

impl Connection {
    fn begin(time: i64, line: u64) -> Self {
        Self { first: (time, line), last: time, ..Self::default() }
    }

    fn failures(&self) -> u32 {
        self.named.max(self.invalid).max(self.pam).max(self.cut_off)
    }

    /// What it has held back: failures of a client of which no line told the address.
    fn end(self) -> Option<Activity> {
        let failed_logins = self.failures() - self.counted;
        let client = self.client.or(self.host).filter(|_| failed_logins > 0)?;
        Some(Activity { client, time: self.first.0, line: self.first.1, requests: 1, failed_logins, ..Activity::default() })
    }
}

/// What a message says, and of which user.
enum Said<'a> {
    Failed(&'a str),
    Invalid(&'a str),
    Pam(u32),
    CutOff,
    Accepted(&'a str),
    Opened,
    Started,
    /// The end of a connection that did not log in, with the name that it gave.
    Closed(&'a str),
    /// The end of one that did. It may come hours later, when nothing else is known of the connection.
    LoggedOut,
    Other,
}

/// The log, as far as it has been read.
#[derive(Default)]
pub(super) struct Log {
    connections: HashMap<u64, Connection>,
    order: VecDeque<u64>,
    users: HashMap<String, String>,
}

impl Log {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// # Errors
    /// When the line is none of a log. Lines of other programs say nothing.
    pub(super) fn line(&mut self, text: &[u8], line: u64, now: Timestamp) -> Result<Record<Vec<Activity>>, String> {
        let (text, _) = decode(text);
        let (time, host, program, message) = split(&text, now).ok_or("a time, a host and a program were expected")?;
        let time = time.secs();
        let name = program.split(['[', '(']).next().unwrap_or_default();
        let event = match name {
            "sshd" | "sshd-session" | "sshd-auth" => {
                let (message, times) = repeated(message);
                let key = match program.contains('[') {
                    true => hash_on(hash(host.as_bytes()), program.as_bytes()),
                    // Without a process number, the address stands for it.
                    false => hash(source(message).unwrap_or_default().as_bytes()),
                };
                let pam = program.contains("pam_unix") || message.contains("pam_unix");
                self.message(key, (time, line), said(message, pam), message, times)
            }
            "sudo" => self.sudo(time, line, message).into_iter().collect(),
            _ => Vec::new(),
        };
        Ok(Record { event, label: None, label_name: None, line })
    }

    /// What was held back to the end.
    pub(super) fn finish(&mut self) -> Vec<Activity> {
        self.order.drain(..).filter_map(|key| self.connections.remove(&key)).filter_map(Connection::end).collect()
    }

    fn message(&mut self, key: u64, (time, line): (i64, u64), said: Said<'_>, message: &str, times: u32) -> Vec<Activity> {
        let source = source(message);
        let mut out = self.make_room(key, time, line, source.as_deref());
        let Some(connection) = self.connections.get_mut(&key) else { return out };
        connection.last = time;
        let is_end = matches!(said, Said::Closed(_) | Said::LoggedOut);
        let said = if is_end && connection.accepted { Said::LoggedOut } else { said };
        match (source, rhost(message)) {
            (Some(source), _) => connection.client = Some(source),
            (None, Some(host)) => connection.host = Some(short(host).to_owned()),
            _ => {}
        }
        let count = |counter: &mut u32, more: u32| *counter = counter.saturating_add(more.saturating_mul(times));
        let mut activity = Activity { time, line, ..Activity::default() };
        let mut user = "";
        match said {
            Said::Failed(name) => (user, ()) = (name, count(&mut connection.named, 1)),
            Said::Invalid(name) => (user, (), activity.no_such_user) = (name, count(&mut connection.invalid, 1), true),
            Said::Pam(more) => (user, ()) = (pam_user(message), count(&mut connection.pam, more)),
            Said::CutOff => connection.cut_off = 1,
            Said::Accepted(name) => {
                (user, activity.requests, activity.accepted, connection.accepted) = (name, 1, 1, true);
                activity.command = Some(key.wrapping_add(connection.first.1));
            }
            Said::Opened => activity.command = Some(key.wrapping_add(connection.first.1)),
            Said::Started => (activity.requests, activity.command) = (1, Some(hash(message.as_bytes()))),
            Said::Closed(name) if !connection.acted => {
                // One that gave a name tried to log in, by a key for instance; one without only looked.
                (user, activity.requests, activity.tries) = (name, 1, !name.is_empty());
                (activity.tried, activity.looks) = if activity.tries { (1, 0) } else { (0, 1) };
            }
            Said::Closed(_) | Said::LoggedOut | Said::Other => {}
        }
        let Some(client) = connection.client.clone() else { return out };
        activity.failed_logins = connection.failures() - connection.counted;
        connection.counted += activity.failed_logins;
        if matches!(said, Said::Failed(_) | Said::Invalid(_) | Said::Pam(_) | Said::CutOff) {
            (activity.tries, activity.tried) = (true, activity.failed_logins);
        }
        activity.name = Some(user).filter(|user| !user.is_empty()).map(|user| hash(user.as_bytes()));
        activity.requests = activity.requests.max(u32::from(activity.failed_logins > 0));
        connection.acted |= activity.requests > 0;
        (activity.injection, activity.decoy) = (injected(user), decoy_account(user));
        let user = short(user);
        if matches!(said, Said::Accepted(_)) && (self.users.len() < MAX_USERS || self.users.contains_key(user)) {
            self.users.insert(user.to_owned(), client.clone());
        }
        activity.client = client;
        out.push(activity);
        out
    }

    /// Sees to it that the key stands for the connection that a line tells of; returns what others had held back.
    fn make_room(&mut self, key: u64, time: i64, line: u64, source: Option<&str>) -> Vec<Activity> {
        let other = |connection: &Connection| {
            let client = connection.client.as_deref();
            (time - connection.last).abs() > REUSED_SECS || (client.is_some() && source.is_some() && client != source)
        };
        let mut out = Vec::new();
        match self.connections.get_mut(&key) {
            Some(connection) if other(connection) => {
                out.extend(std::mem::replace(connection, Connection::begin(time, line)).end());
            }
            Some(_) => {}
            None => {
                self.connections.insert(key, Connection::begin(time, line));
                self.order.push_back(key);
                if self.order.len() > MAX_CONNECTIONS {
                    let oldest = self.order.pop_front().and_then(|oldest| self.connections.remove(&oldest));
                    out.extend(oldest.and_then(Connection::end));
                }
            }
        }
        out
    }

    /// `ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls`: a command of whoever last logged in as `ann`.
    fn sudo(&self, time: i64, line: u64, message: &str) -> Option<Activity> {
        let (user, rest) = message.split_once(" : ")?;
        let (_, command) = rest.split_once("COMMAND=")?;
        let client = self.users.get(short(user.trim()))?.clone();
        let (injection, decoy) = (sql_in(command), decoy_command(command));
        let command = Some(hash(command.as_bytes()));
        Some(Activity { client, time, line, requests: 1, command, injection, decoy, ..Activity::default() })
    }
}

/// `message repeated 5 times: [ Failed password … ]` is that message, five times.
fn repeated(message: &str) -> (&str, u32) {
    let parts = || {
        let (times, rest) = message.strip_prefix("message repeated ")?.split_once(" times: [")?;
        Some((rest.trim().trim_end_matches(']'), times.parse().ok()?))
    };
    parts().unwrap_or((message, 1))
}

fn said(message: &str, pam: bool) -> Said<'_> {
    /// What ends a connection before or after it logged in: before, `[preauth]` follows.
    const ENDED: &[&str] = &["Connection closed", "Connection reset", "Disconnected from", "Received disconnect"];
    const CLOSED: &[&str] = &[
        "Did not receive identification",
        "Bad protocol version",
        "Unable to negotiate",
        "banner exchange",
        "kex_exchange_identification",
    ];
    let message = message.strip_prefix("error: ").or_else(|| message.strip_prefix("fatal: ")).unwrap_or(message);
    let first = |text: &str| message.starts_with(text);
    if first("Failed ") && !first("Failed none") && !first("Failed publickey") {
        Said::Failed(user(message, " for "))
    } else if first("Invalid user ") || first("Illegal user ") {
        Said::Invalid(user(message, " user "))
    } else if let Some(rest) = message.strip_prefix("PAM ").filter(|rest| rest.contains("more authentication failure")) {
        Said::Pam(rest.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(1))
    } else if pam && message.contains("authentication failure;") {
        Said::Pam(1)
    } else if message.contains("maximum authentication attempts exceeded") || message.contains("Too many authentication failures") {
        Said::CutOff
    } else if first("Accepted ") {
        Said::Accepted(user(message, " for "))
    } else if first("Starting session: ") {
        Said::Started
    } else if message.contains("session opened for user") {
        Said::Opened
    } else if CLOSED.iter().any(|text| first(text)) {
        Said::Closed("")
    } else if ENDED.iter().any(|text| first(text)) {
        if message.ends_with("[preauth]") { Said::Closed(closing_user(message)) } else { Said::LoggedOut }
    } else {
        Said::Other
    }
}

/// The user between a word and the last `from`; the name is the client's own choice and may hold anything.
fn user<'a>(message: &'a str, before: &str) -> &'a str {
    let start = message.find(before).map_or(0, |at| at + before.len());
    let rest = message.get(start..).unwrap_or_default();
    let rest = rest.rfind(" from ").map_or(rest, |end| &rest[..end]);
    rest.strip_prefix("invalid user ").or_else(|| rest.strip_prefix("illegal user ")).unwrap_or(rest).trim()
}

/// The name that PAM gives of a user.
fn pam_user(message: &str) -> &str {
    let rest = message.rsplit_once("  user=").or_else(|| message.rsplit_once(" user=")).map_or("", |(_, rest)| rest);
    rest.split(' ').next().unwrap_or_default()
}

/// The user of a connection that ended before it logged in, where it had given a name.
fn closing_user(message: &str) -> &str {
    let rest = [" authenticating user ", " invalid user "].iter().find_map(|before| message.split_once(before));
    rest.map_or("", |(_, rest)| rest.split(' ').next().unwrap_or_default())
}

/// The client's address. Names and parting words are the client's own choice and may hold other addresses, so each
/// message is read where the server writes the address.
fn source(message: &str) -> Option<String> {
    let first_word = |text: &str| address(text.split([' ', ';']).next()?.trim_end_matches([':', ']']));
    if let Some(rest) = message.strip_prefix("Received disconnect from ") {
        return first_word(rest);
    }
    if let Some((_, rest)) = message.rsplit_once("rhost=") {
        return first_word(rest);
    }
    let before_port = || address(message.rsplit_once(" port ")?.0.rsplit(' ').next()?);
    let after_from = || first_word(message.rsplit_once(" from ")?.1);
    let any_word = || message.rsplit(' ').find_map(|text| address(text.trim_matches(['[', ']', ':', ',', ';'])));
    before_port().or_else(after_from).or_else(any_word)
}

/// The beginning of a name, as much of it as is remembered.
fn short(name: &str) -> &str {
    let end = (0..=MAX_NAME.min(name.len())).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    &name[..end]
}

/// The name that PAM gives of a client whose address it does not give.
fn rhost(message: &str) -> Option<&str> {
    let (_, rest) = message.rsplit_once("rhost=")?;
    rest.split(' ').next().filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{repeated, source, user};

    #[test]
    fn addresses_are_read_where_the_server_writes_them() {
        for (message, expected) in [
            ("Failed password for root from 192.0.2.1 port 42 ssh2", Some("192.0.2.1")),
            ("Failed password for invalid user x from 6.6.6.6 port 1 ssh2 from 192.0.2.1 port 42 ssh2", Some("192.0.2.1")),
            ("Invalid user ann from 192.0.2.1", Some("192.0.2.1")),
            ("Invalid user  from 2001:db8::1 port 5", Some("2001:db8::1")),
            ("Connection closed by 192.0.2.1 [preauth]", Some("192.0.2.1")),
            ("Connection closed by invalid user x from 6.6.6.6 192.0.2.1 port 9 [preauth]", Some("192.0.2.1")),
            ("Received disconnect from 192.0.2.1: 11: from 6.6.6.6 [preauth]", Some("192.0.2.1")),
            ("Received disconnect from 192.0.2.1 port 7:11: Bye [preauth]", Some("192.0.2.1")),
            ("reverse mapping checking getaddrinfo for a.example [192.0.2.1] failed - POSSIBLE BREAK-IN ATTEMPT!", Some("192.0.2.1")),
            ("pam_unix(sshd:auth): authentication failure; uid=0 ruser= rhost=192.0.2.1  user=root", Some("192.0.2.1")),
            ("pam_unix(sshd:auth): authentication failure; uid=0 ruser= rhost=a.example  user=6.6.6.6", None),
            ("Server listening on port 22.", None),
            ("", None),
        ] {
            assert_eq!(source(message).as_deref(), expected, "{message}");
        }
    }

    #[test]
    fn users_and_repetitions() {
        assert_eq!(user("Failed password for invalid user a b from 1.2.3.4 from 192.0.2.1 port 42 ssh2", " for "), "a b from 1.2.3.4");
        assert_eq!(user("Invalid user ann from 192.0.2.1", " user "), "ann");
        assert_eq!(repeated("message repeated 5 times: [ Failed password for root]"), ("Failed password for root", 5));
        assert_eq!(repeated("message repeated many times: [ x]"), ("message repeated many times: [ x]", 1));
    }
}
