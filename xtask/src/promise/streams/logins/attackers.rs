//! Attackers of an SSH server.

use super::{DAY, HOUR, Log, MINUTE};

/// Names that attackers try.
const NAMES: [&str; 24] = [
    "admin",
    "test",
    "ubuntu",
    "oracle",
    "postgres",
    "user",
    "guest",
    "ftp",
    "pi",
    "mysql",
    "www",
    "dev",
    "hadoop",
    "jenkins",
    "nagios",
    "tomcat",
    "support",
    "minecraft",
    "steam",
    "es",
    "deployer",
    "demo",
    "web",
    "zabbix",
];

/// What attackers do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attack {
    /// Hundreds of passwords in minutes.
    Fast,
    /// One password a minute for a day.
    Slow,
    /// One password in ten minutes for a day.
    Slower,
    /// Hundreds of addresses, one to four passwords each, with many names.
    Distributed,
    /// The same with one name that a job of the server logs in with.
    OneName,
    /// A password is guessed, and used.
    Guessed,
    /// One password with many names, hours apart.
    Sprayed,
    /// Connections that try nothing.
    Scan,
}

impl Attack {
    pub(crate) const ALL: [Self; 8] =
        [Self::Fast, Self::Slow, Self::Slower, Self::Distributed, Self::OneName, Self::Guessed, Self::Sprayed, Self::Scan];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Slow => "one a minute",
            Self::Slower => "one in ten minutes",
            Self::Distributed => "from many addresses",
            Self::OneName => "from many addresses, one name",
            Self::Guessed => "a password is guessed",
            Self::Sprayed => "many names",
            Self::Scan => "scans",
        }
    }

    /// Adds attackers to a log of so many days, after the first half day.
    pub(super) fn run(self, log: &mut Log, days: i64) {
        match self {
            Self::Fast => several(log, days, 10, |log, at| paced(log, at, 100, 900, 3)),
            Self::Slow => several(log, days, 4, |log, at| paced(log, at, 1_000, 1_440, MINUTE)),
            Self::Slower => several(log, days, 4, |log, at| paced(log, at, 100, 144, 10 * MINUTE)),
            Self::Distributed => several(log, days, 300, |log, at| few(log, at, None)),
            Self::OneName => several(log, days, 300, |log, at| few(log, at, Some("backup"))),
            Self::Guessed => several(log, days, 10, guess),
            Self::Sprayed => several(log, days, 10, spray),
            Self::Scan => several(log, days, 60, scan),
        }
    }
}

fn several(log: &mut Log, days: i64, attackers: usize, attack: impl Fn(&mut Log, i64)) {
    for _ in 0..attackers {
        let at = DAY / 2 + log.draw.below((days * DAY - DAY / 2).unsigned_abs()) as i64;
        attack(log, at);
    }
}

/// One name or another, most often that of root.
fn name(log: &mut Log) -> (&'static str, bool) {
    if log.draw.chance(0.4) { ("root", true) } else { (*log.draw.pick::<&str>(&NAMES), false) }
}

fn fail(log: &mut Log, at: i64, address: &str, (name, exists): (&str, bool)) {
    let on = log.connect();
    log.refuse(at, on, name, address, exists);
    log.give_up(at + 3, on, name, address);
}

/// So many passwords, so many seconds apart.
fn paced(log: &mut Log, mut at: i64, least: u64, most: u64, gap: i64) {
    let address = log.attacker();
    for _ in 0..least + log.draw.below(most - least) {
        let name = name(log);
        fail(log, at, &address, name);
        at += 1 + log.draw.below(2 * gap.unsigned_abs()) as i64;
    }
}

/// One to four passwords within minutes.
fn few(log: &mut Log, mut at: i64, of: Option<&'static str>) {
    let address = log.attacker();
    for _ in 0..1 + log.draw.below(4) {
        let name = of.map_or_else(|| name(log), |name| (name, true));
        fail(log, at, &address, name);
        at += 5 + log.draw.below(60) as i64;
    }
}

/// Passwords until one is right; then a shell.
fn guess(log: &mut Log, mut at: i64) {
    let address = log.attacker();
    for _ in 0..20 + log.draw.below(80) {
        fail(log, at, &address, ("metrics", true));
        at += 2 + log.draw.below(20) as i64;
    }
    let on = log.connect();
    log.log_in(at, on, ("metrics", &address), "password", 10 * MINUTE);
}

/// A name, an hour or less later the next.
fn spray(log: &mut Log, mut at: i64) {
    let address = log.attacker();
    for _ in 0..15 {
        let name = *log.draw.pick(&NAMES);
        fail(log, at, &address, (name, false));
        at += 5 * MINUTE + log.draw.below(HOUR as u64 / 2) as i64;
    }
}

/// One connection or a few.
fn scan(log: &mut Log, mut at: i64) {
    let address = log.attacker();
    for _ in 0..1 + log.draw.below(3) {
        log.look(at, &address);
        at += 1 + log.draw.below(HOUR as u64) as i64;
    }
}
