//! Logs whose lines tell of logins, by syslog, or of requests, by a web server, or of both: line by line.

use super::years::Years;
use super::{access, syslog};
use crate::access::{Access, Tally};
use crate::behavior::sessions::Activity;
use crate::records::Line;
use bartizan_core::{AUTO, How, ParseError, Record, Timestamp, TrustedProxies};

/// The name of the format of logins.
const SSHD: &str = "sshd";

/// Reads either kind of line.
pub(super) struct Mixed<'h> {
    log: syslog::Log,
    access: Access,
    proxies: &'h TrustedProxies,
    /// Most lines are of logins: what says nothing of those is no fault.
    by_syslog: bool,
    /// A format was named, and is the only one.
    is_named: bool,
    tally: Tally,
}

impl<'h> Mixed<'h> {
    /// A reader of a log that is mostly of one format and begins with `start`.
    ///
    /// # Errors
    /// When one's own format is none.
    pub(super) fn new(format: &str, how: How<'_>, proxies: &'h TrustedProxies, start: &[u8], now: Timestamp) -> Result<Self, ParseError> {
        let (by_syslog, is_named) = (format == SSHD, how.format != AUTO);
        let mut access = Access::new(if by_syslog { How { format: AUTO, ..how } } else { how })?;
        access.look_at(start, now);
        Ok(Self { log: syslog::Log::default(), access, proxies, by_syslog, is_named, tally: Tally::default() })
    }

    /// What a line says; `None` for comments and names of columns.
    pub(super) fn line(&mut self, line: &Line<'_>, years: &Years, now: Timestamp) -> Option<Result<Record<Vec<Activity>>, String>> {
        // In a log of requests a client may have sent what looks like a line of a login; the rest of its own line then follows.
        let is_forged = || !self.by_syslog && Access::has_request(line.text);
        let is_of_logins = line.header.is_some_and(|header| syslog::is_read(header.program)) && !is_forged();
        // A log of logins has lines of other programs too; those have its header.
        let is_of_log = self.by_syslog && (line.header.is_some() || self.is_named);
        if is_of_log || (is_of_logins && !self.is_named) {
            let read = self.log.line(line, years, now);
            if read.is_ok() {
                self.tally.add(SSHD, line.wrapper);
            }
            return Some(read);
        }
        let (proxies, tally) = (self.proxies, &mut self.tally);
        let read = self.access.line(line.text, |entry, name| {
            tally.add(name, line.wrapper);
            access::record(entry, line.number, proxies)
        })?;
        let fault = |why| if self.by_syslog { "a time, a host and a program were expected".to_owned() } else { why };
        Some(read.map_err(fault))
    }

    /// What was held back to the end.
    pub(super) fn finish(&mut self) -> Vec<Activity> {
        self.log.finish()
    }

    /// Lines by format and wrapper.
    pub(super) fn into_tally(self) -> Tally {
        self.tally
    }
}
