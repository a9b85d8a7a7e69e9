//! What a log tells of a session besides its six counters: the logins of its client before it, and those of others.

use serde::{Deserialize, Serialize};

/// What kind of server wrote the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Service {
    /// An SSH server, or another that people log in to by name and password: of mail, of files, Windows.
    #[default]
    Ssh,
    /// Telnet, which nobody uses across the Internet but those who look for devices with known passwords.
    Telnet,
    /// A web server.
    Web,
    /// A honeypot, which has no honest visitors.
    Honeypot,
}

/// The logins of a session's client and of others, up to its end and as far as the log tells. A day is 24 hours up to its end.
///
/// Stored with the event: fields are only ever added at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logins {
    /// The server.
    pub service: Service,
    /// Logins that succeeded in the session.
    pub accepted: u16,
    /// Whether the client had logged in before the session, after no more failures than people have.
    pub known: bool,
    /// Logins of the client that failed in the last hour, those of the session included.
    pub failed_hour: u16,
    /// The same in a day.
    pub failed_day: u16,
    /// Logins of the client that succeeded in a day.
    pub accepted_day: u16,
    /// Names that the client failed with in a day, at most 16.
    pub names: u8,
    /// Those among them that nobody has logged in with.
    pub strange_names: u8,
    /// Whether it failed in a day with a name that the server says it has not.
    pub no_such_user: bool,
    /// Other clients that failed in a day with a name that this client failed with in the session, and never logged in; at most 16.
    pub rivals: u8,
    /// Other clients that failed in a day with any name, and never logged in; at most 32.
    pub strangers: u8,
    /// Connections of the client in a day that ended without trying to log in.
    pub looks: u16,
    /// Whether those connections come at an even pace, as those of a health check do.
    pub is_steady: bool,
}
