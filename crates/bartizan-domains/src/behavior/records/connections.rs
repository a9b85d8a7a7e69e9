//! Attempts to log in, counted once however many lines tell of each.
//!
//! Lines are counted by connection: by the process that serves it, or by the client where one process serves all. What a module of PAM
//! says alone is held back for a while: another module may let the user in.

use super::told::{MODULES, Peer, Said, TELLERS, Teller, Told};
use crate::behavior::sessions::{Activity, decoy_account, injected};
use crate::web::text::hash;
use std::collections::{HashMap, VecDeque};

/// Most connections remembered.
const MAX_CONNECTIONS: usize = 4_096;
/// Seconds after which the same process number is another connection.
const REUSED_SECS: i64 = 600;
/// Seconds for which failures are held back of which only PAM tells, or whose client has a name and no address yet.
const HELD_SECS: i64 = 30;

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
    told: [u32; TELLERS],
    /// The same by module of PAM, how many of them are taken for failures of the user, and whom they are about.
    modules: [u32; MODULES],
    settled: u32,
    module_user: u64,
    /// When it began to wait for more lines, if it does, and the line.
    waits: Option<(i64, u64)>,
    /// Failures passed on.
    counted: u32,
    /// Whether a connection without an attempt was passed on, and whether an attempt was.
    looked: bool,
    tried: bool,
    accepted: bool,
    no_such_user: bool,
    /// Whether a line said that it ended, and none where its client is.
    ended: bool,
}

impl Connection {
    fn begin((time, line): (i64, u64)) -> Self {
        Self { first: (time, line), last: time, ..Self::default() }
    }

    fn failures(&self) -> u32 {
        self.told.iter().copied().max().unwrap_or_default().max(self.settled)
    }

    fn settle(&mut self) {
        self.settled = self.settled.max(self.modules.iter().copied().max().unwrap_or_default());
    }

    /// Counts what a line tells.
    fn count(&mut self, said: Said, user: u64, times: u32) {
        let add = |counter: &mut u32, more: u32| *counter = counter.saturating_add(more.saturating_mul(times));
        match said {
            Said::Failed(Teller::Module(module), more) => {
                // One success does not make up for failures of somebody else.
                if self.module_user != user {
                    self.settle();
                }
                add(&mut self.modules[module as usize], more);
                self.module_user = user;
                if more > 1 {
                    // Told at the end of a connection, of all but the first of its failures.
                    self.settle();
                }
            }
            Said::Failed(teller, more) => add(&mut self.told[index(teller)], more),
            Said::FailedOnce(teller) => self.told[index(teller)] = self.told[index(teller)].max(1),
            Said::Accepted | Said::Admitted if user == self.module_user => self.modules = [self.settled; MODULES],
            Said::Accepted | Said::Admitted | Said::Closed => self.settle(),
            _ => {}
        }
    }

    /// What it has held back: failures of which no other line told, or of a client of which none told the address.
    fn rest(&mut self) -> Option<Activity> {
        self.settle();
        let (time, line) = self.waits.take().unwrap_or(self.first);
        let failed_logins = self.failures() - self.counted;
        if failed_logins == 0 {
            return None;
        }
        let client = self.client.clone().or_else(|| self.host.clone())?;
        self.client = Some(client.clone());
        self.counted += failed_logins;
        let no_such_user = self.no_such_user;
        let name = (self.module_user != 0).then_some(self.module_user);
        Some(Activity {
            client,
            time,
            line,
            requests: 1,
            failed_logins,
            tries: true,
            tried: failed_logins,
            name,
            no_such_user,
            ..Activity::default()
        })
    }
}

fn index(teller: Teller) -> usize {
    match teller {
        Teller::Server => 0,
        Teller::NoUser => 1,
        Teller::Refusal => 2,
        Teller::Pam => 3,
        Teller::CutOff | Teller::Module(_) => 4,
    }
}

/// The connections of a log, as far as it has been read.
#[derive(Default)]
pub(super) struct Connections {
    known: HashMap<u64, Connection>,
    order: VecDeque<u64>,
    /// Those that wait, since when.
    waiting: VecDeque<(i64, u64)>,
}

impl Connections {
    /// Takes what a line tells of the connection `key`, `times` times over; returns what is known by then, most of it of this line.
    pub(super) fn tell(&mut self, key: u64, at: (i64, u64), told: &Told<'_>, times: u32, command: Option<u64>) -> Vec<Activity> {
        let mut out = self.passed(at.0);
        let (address, host) = match &told.peer {
            Peer::Address(client) | Peer::Name(client) => (Some(client.as_str()), None),
            Peer::Host(host) => (None, Some(*host)),
            Peer::Unknown => (None, None),
        };
        out.extend(self.make_room(key, at, address));
        let Some(connection) = self.known.get_mut(&key) else { return out };
        connection.last = at.0;
        connection.no_such_user |= told.no_such_user;
        if let Some(address) = address {
            connection.client = Some(address.to_owned());
        } else if let Some(host) = host {
            connection.host = Some(host.to_owned());
        }
        out.extend(connection.line(key, at, told, times, command));
        let unknown = connection.client.is_none() && connection.host.is_some() && connection.failures() > connection.counted;
        if connection.waits.is_none() && (unknown || connection.modules.iter().any(|told| *told > connection.counted)) {
            connection.waits = Some(at);
            self.waiting.push_back((at.0, key));
        }
        out
    }

    /// What has waited long enough.
    fn passed(&mut self, time: i64) -> Vec<Activity> {
        let mut out = Vec::new();
        while let Some((since, key)) = self.waiting.front().copied() {
            // A log that jumps in time has nothing more to say of what was before.
            if (time - since).abs() <= HELD_SECS && self.waiting.len() <= MAX_CONNECTIONS {
                break;
            }
            self.waiting.pop_front();
            let connection = self.known.get_mut(&key).filter(|connection| connection.waits.is_some_and(|(at, _)| at == since));
            out.extend(connection.and_then(Connection::rest));
        }
        out
    }

    /// Sees to it that the key stands for the connection that a line tells of; returns what others had held back.
    fn make_room(&mut self, key: u64, at: (i64, u64), source: Option<&str>) -> Option<Activity> {
        let other = |connection: &Connection| {
            let client = connection.client.as_deref();
            (at.0 - connection.last).abs() > REUSED_SECS || (client.is_some() && source.is_some() && client != source)
        };
        match self.known.get_mut(&key) {
            Some(connection) if other(connection) => std::mem::replace(connection, Connection::begin(at)).rest(),
            Some(_) => None,
            None => {
                self.known.insert(key, Connection::begin(at));
                self.order.push_back(key);
                let oldest = if self.order.len() > MAX_CONNECTIONS { self.order.pop_front() } else { None };
                oldest.and_then(|oldest| self.known.remove(&oldest)).and_then(|mut connection| connection.rest())
            }
        }
    }

    /// What was held back to the end.
    pub(super) fn finish(&mut self) -> Vec<Activity> {
        let known = &mut self.known;
        let mut rest: Vec<Activity> =
            self.order.drain(..).filter_map(|key| known.remove(&key)).filter_map(|mut connection| connection.rest()).collect();
        rest.sort_by_key(|activity| (activity.time, activity.line));
        rest
    }
}

impl Connection {
    /// What a line tells of it, as far as its client is known.
    fn line(&mut self, key: u64, (time, line): (i64, u64), told: &Told<'_>, times: u32, command: Option<u64>) -> Option<Activity> {
        let ends = matches!(told.said, Said::Closed | Said::LoggedOut);
        let said = match told.said {
            _ if ends && self.accepted => Said::LoggedOut,
            Said::LoggedOut | Said::Other if self.ended => Said::Closed,
            said => said,
        };
        let user = told.user.as_ref();
        let name = (!user.is_empty()).then(|| hash(user.as_bytes()));
        self.count(said, name.unwrap_or_default(), times);
        self.ended = said == Said::Closed && self.client.is_none();
        let client = self.client.clone()?;
        let mut activity = Activity { client, time, line, name, command, ..Activity::default() };
        activity.failed_logins = self.failures() - self.counted;
        self.counted += activity.failed_logins;
        match said {
            Said::Accepted => {
                (activity.requests, activity.accepted, self.accepted) = (1, times, true);
                activity.command = Some(key.wrapping_add(self.first.1));
            }
            Said::Admitted => (activity.requests, activity.accepted) = (1, times),
            Said::Opened => activity.command = Some(key.wrapping_add(self.first.1)),
            Said::Started => activity.requests = 1,
            // One that gave a name tried to log in, by a key for instance; one without only looked.
            Said::Closed if name.is_some() && self.counted == 0 && !self.tried => {
                (activity.requests, activity.tries, activity.tried) = (u32::from(!self.looked), true, 1);
            }
            Said::Closed if name.is_none() && self.counted == 0 && !self.tried && !self.looked => {
                (activity.requests, activity.looks, self.looked) = (1, 1, true);
            }
            Said::Dropped => (activity.requests, activity.looks) = (1, times),
            Said::Failed(..) | Said::FailedOnce(_) => (activity.tries, activity.tried) = (true, activity.failed_logins),
            _ => {}
        }
        if activity.failed_logins > 0 {
            (activity.tries, activity.tried) = (true, activity.failed_logins);
            activity.requests = activity.requests.max(1);
        }
        if self.counted > 0 && self.modules.iter().all(|told| *told <= self.counted) {
            self.waits = None;
        }
        self.tried |= activity.tries;
        activity.no_such_user = activity.tries && self.no_such_user;
        (activity.injection, activity.decoy) = (injected(user), decoy_account(user));
        Some(activity)
    }
}
