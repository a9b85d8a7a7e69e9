//! A log of syslog as far as it is about logins: each line is read as the program that wrote it says it.

use super::connections::Connections;
use super::told::{Peer, Said, Told};
use super::years::Years;
use super::{ftp, local, mail, pam, sshd};
use crate::behavior::sessions::{Activity, decoy_command, sql_in};
use crate::records::Line;
use crate::web::text::{hash, hash_on};
use bartizan_core::{Record, Timestamp};
use std::collections::HashMap;

/// Most users remembered with the address that they came from.
const MAX_USERS: usize = 10_000;
/// Most hosts of which the last line is remembered, and most bytes of it.
const MAX_HOSTS: usize = 64;
const MAX_REPEATED: usize = 4_096;
/// Most bytes of a user's or a host's name that is remembered.
const MAX_NAME: usize = 256;

/// A program whose lines are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    Ssh { by_module: bool },
    Dropbear,
    Sudo,
    Local,
    Dovecot,
    Postfix,
    Vsftpd,
    Proftpd,
    Other,
}

impl Program {
    fn of(name: &str) -> Self {
        match name.split('(').next().unwrap_or_default() {
            "sshd" | "sshd-session" | "sshd-auth" => Self::Ssh { by_module: name.contains("(pam_") },
            "dropbear" => Self::Dropbear,
            "sudo" => Self::Sudo,
            "su" | "login" | "doas" => Self::Local,
            "dovecot" => Self::Dovecot,
            "vsftpd" => Self::Vsftpd,
            "proftpd" => Self::Proftpd,
            name if name.starts_with("postfix") && name.ends_with("/smtpd") => Self::Postfix,
            _ => Self::Other,
        }
    }
}

/// Whether lines of a program are read.
pub(super) fn is_read(program: &str) -> bool {
    Program::of(program) != Program::Other
}

/// The last line of a host, which a later one may repeat.
struct Last {
    program: String,
    process: String,
    message: String,
}

/// The log, as far as it has been read.
#[derive(Default)]
pub(super) struct Log {
    connections: Connections,
    users: HashMap<String, String>,
    last: HashMap<String, Last>,
    /// Stands in for a time that a line does not say.
    time: Option<i64>,
}

/// A line without its header.
#[derive(Clone, Copy)]
struct Message<'a> {
    host: &'a str,
    program: &'a str,
    process: &'a str,
    message: &'a str,
    at: (i64, u64),
    times: u32,
}

impl Log {
    /// # Errors
    /// When the line has no header of syslog. Lines of other programs say nothing.
    pub(super) fn line(&mut self, line: &Line<'_>, years: &Years, now: Timestamp) -> Result<Record<Vec<Activity>>, String> {
        let header = line.header.ok_or("a time, a host and a program were expected")?;
        let time = match header.time {
            Some(time) if header.without_year => years.place(time, now),
            Some(time) => time.secs(),
            None => self.time.unwrap_or(now.secs()),
        };
        self.time = Some(time);
        let at = (time, line.number);
        let event = if let Some(times) = repeats_last(header.program, line.text) {
            match self.last.remove(header.host) {
                Some(Last { program, process, message }) => {
                    let said = Message { host: header.host, program: &program, process: &process, message: &message, at, times };
                    self.read(said)
                }
                None => Vec::new(),
            }
        } else {
            let (message, times) = repeated(line.text);
            let said = Message { host: header.host, program: header.program, process: header.process, message, at, times };
            let event = self.read(said);
            self.remember(said);
            event
        };
        Ok(Record { event, label: None, label_name: None, line: line.number })
    }

    /// # Errors
    /// When the line is none of vsftpd's own log.
    pub(super) fn line_of_vsftpd(&mut self, line: &Line<'_>) -> Result<Record<Vec<Activity>>, String> {
        let (time, message) = ftp::line(line.text).ok_or("a time and a process were expected")?;
        let (host, program, process, at, times) = ("", "vsftpd", "", (time, line.number), 1);
        let event = self.read(Message { host, program, process, message, at, times });
        Ok(Record { event, label: None, label_name: None, line: line.number })
    }

    /// What was held back to the end.
    pub(super) fn finish(&mut self) -> Vec<Activity> {
        self.connections.finish()
    }

    fn remember(&mut self, said: Message<'_>) {
        if said.message.len() > MAX_REPEATED || said.host.len() > MAX_NAME || Program::of(said.program) == Program::Other {
            self.last.remove(said.host);
            return;
        }
        if self.last.len() >= MAX_HOSTS && !self.last.contains_key(said.host) {
            return;
        }
        let [program, process, message] = [said.program, said.process, said.message].map(str::to_owned);
        self.last.insert(said.host.to_owned(), Last { program, process, message });
    }

    fn read(&mut self, said: Message<'_>) -> Vec<Activity> {
        let message = said.message;
        match Program::of(said.program) {
            Program::Ssh { by_module } => self.ssh(said, by_module),
            Program::Dropbear => self.of_process(said, sshd::dropbear(message)),
            Program::Sudo => self.sudo(said),
            Program::Local => self.local(said, local::told(message)),
            Program::Dovecot => mail::dovecot(message).map_or_else(Vec::new, |told| self.of_client("dovecot", said, told)),
            Program::Postfix => mail::postfix(message).map_or_else(Vec::new, |told| self.of_client("postfix", said, told)),
            Program::Vsftpd => match ftp::vsftpd(message) {
                Some(told) => self.of_client("vsftpd", said, told),
                None => self.by_module(said),
            },
            Program::Proftpd => match ftp::proftpd(message) {
                Some(told) => self.of_client("proftpd", said, told),
                None => self.by_module(said),
            },
            Program::Other => self.by_module(said),
        }
    }

    fn ssh(&mut self, said: Message<'_>, by_module: bool) -> Vec<Activity> {
        let told = sshd::told(said.message, by_module);
        let started = sshd::is_start(said.message);
        let command = started.then(|| hash(said.message.as_bytes()));
        let told = if started { Told { said: Said::Started, ..told } } else { told };
        self.tell(process_of(said, &told), said, &told, command)
    }

    fn of_process(&mut self, said: Message<'_>, told: Told<'_>) -> Vec<Activity> {
        self.tell(process_of(said, &told), said, &told, None)
    }

    /// Where one process serves many clients, or many processes one.
    fn of_client(&mut self, kind: &str, said: Message<'_>, told: Told<'_>) -> Vec<Activity> {
        match told.peer.name() {
            Some(client) => self.tell(hash_on(hash(kind.as_bytes()), client.as_bytes()), said, &told, None),
            None => Vec::new(),
        }
    }

    /// Failures that PAM tells of for a program of any name.
    fn by_module(&mut self, said: Message<'_>) -> Vec<Activity> {
        let Some(line) = pam::Line::of(said.message).filter(|line| !line.service.is_empty()) else { return Vec::new() };
        let told = line.told();
        match (told.said, &told.peer) {
            (Said::Failed(..), Peer::Unknown) => self.local(said, Some((line.asker(), told))),
            (Said::Failed(..), _) => self.of_client(line.service, said, told),
            _ => Vec::new(),
        }
    }

    /// What a user does who is logged in: the client is where the user came from, or else the user at this host.
    fn local(&mut self, said: Message<'_>, told: Option<(&str, Told<'_>)>) -> Vec<Activity> {
        let Some((asker, told)) = told else { return self.by_module_of_local(said) };
        let asker = short(asker);
        if asker.is_empty() && told.peer == Peer::Unknown {
            return Vec::new();
        }
        let known = || self.users.get(asker).cloned().unwrap_or_else(|| format!("{asker}@{}", short(said.host)));
        let told = if told.peer == Peer::Unknown { Told { peer: Peer::Name(known()), ..told } } else { told };
        let program = said.program.split('(').next().unwrap_or_default();
        self.of_client(program, said, told)
    }

    fn by_module_of_local(&mut self, said: Message<'_>) -> Vec<Activity> {
        let Some(line) = pam::Line::of(said.message) else { return Vec::new() };
        let told = line.told();
        if matches!(told.said, Said::Failed(..)) { self.local(said, Some((line.asker(), told))) } else { Vec::new() }
    }

    /// `ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls`: a command of whoever last logged in as `ann`.
    fn sudo(&mut self, said: Message<'_>) -> Vec<Activity> {
        if let Some(told) = local::sudo(said.message) {
            return self.local(said, Some(told));
        }
        let run = || {
            let (user, rest) = said.message.split_once(" : ")?;
            let (_, command) = rest.split_once("COMMAND=")?;
            Some((self.users.get(short(user.trim()))?.clone(), command))
        };
        let Some((client, command)) = run() else { return self.by_module_of_local(said) };
        let (time, line) = said.at;
        let (injection, decoy) = (sql_in(command), decoy_command(command));
        let command = Some(hash(command.as_bytes()));
        vec![Activity { client, time, line, requests: 1, command, injection, decoy, ..Activity::default() }]
    }

    fn tell(&mut self, key: u64, said: Message<'_>, told: &Told<'_>, command: Option<u64>) -> Vec<Activity> {
        let out = self.connections.tell(key, said.at, told, said.times, command);
        if let (Said::Accepted, Some(activity)) = (told.said, out.last()) {
            let user = short(&told.user);
            if self.users.len() < MAX_USERS || self.users.contains_key(user) {
                self.users.insert(user.to_owned(), activity.client.clone());
            }
        }
        out
    }
}

/// The process at its host; without a number, the client stands for it. What is about no process of its own stands for itself.
fn process_of(said: Message<'_>, told: &Told<'_>) -> u64 {
    let start = hash(said.host.as_bytes());
    match (told.said, said.process) {
        (Said::Dropped, _) | (_, "") => hash_on(start, told.peer.name().unwrap_or_default().as_bytes()),
        (_, process) => hash_on(hash_on(start, b"["), process.as_bytes()),
    }
}

/// `message repeated 5 times: [ Failed password … ]` is that message, five times.
fn repeated(message: &str) -> (&str, u32) {
    let parts = || {
        let (times, rest) = message.strip_prefix("message repeated ")?.split_once(" times: [")?;
        let rest = rest.trim();
        Some((rest.strip_suffix(']').unwrap_or(rest).trim(), times.parse().ok()?))
    };
    parts().unwrap_or((message, 1))
}

/// `last message repeated 3 times`, of no program: the last line of this host, so many more times.
fn repeats_last(program: &str, message: &str) -> Option<u32> {
    let rest = message.trim_matches(['-', ' ']).strip_prefix("last message repeated ")?;
    let (times, _) = rest.split_once(" time")?;
    times.parse().ok().filter(|_| program.is_empty() || program == "syslogd")
}

/// The beginning of a name, as much of it as is remembered.
fn short(name: &str) -> &str {
    let end = (0..=MAX_NAME.min(name.len())).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    &name[..end]
}
