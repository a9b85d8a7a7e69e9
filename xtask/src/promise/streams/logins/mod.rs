//! Logs of an SSH server: what its people and jobs write, and what attackers add.

mod attackers;
mod people;

pub(crate) use attackers::Attack;

use super::Draw;
use std::collections::BTreeSet;

/// Seconds of a minute, an hour and a day.
const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A log, and whose doing it is.
pub(crate) struct Log {
    draw: Draw,
    /// Second since the beginning, and the line without its time.
    lines: Vec<(i64, String)>,
    connections: u64,
    attackers: BTreeSet<String>,
}

/// A connection: its process and its port.
#[derive(Clone, Copy)]
struct Connection(u64);

impl Log {
    /// So many days of ordinary use, by people and jobs of every habit. The same people come from the same addresses whatever the seed of
    /// their days is.
    pub(crate) fn ordinary(days: i64, people: u64, seed: u64) -> Self {
        let mut log = Self { draw: Draw::new(seed ^ 0x10c), lines: Vec::new(), connections: 0, attackers: BTreeSet::new() };
        people::live(&mut log, days, people);
        log
    }

    /// The same with attackers of this kind.
    pub(crate) fn attacked(mut self, attack: Attack, days: i64) -> Self {
        attack.run(&mut self, days);
        self
    }

    pub(crate) fn is_attacker(&self, client: &str) -> bool {
        self.attackers.contains(client)
    }

    pub(crate) fn attackers(&self) -> usize {
        self.attackers.len()
    }

    /// The log as a server writes it, from the fourth of March on.
    pub(crate) fn text(&self) -> String {
        let mut order: Vec<&(i64, String)> = self.lines.iter().collect();
        order.sort_by_key(|(at, _)| *at);
        let line = |(at, text): &(i64, String)| {
            let (day, hour, minute, second) = (4 + at / DAY, at % DAY / HOUR, at % HOUR / MINUTE, at % MINUTE);
            format!("Mar {day:2} {hour:02}:{minute:02}:{second:02} web {text}\n")
        };
        order.into_iter().map(line).collect()
    }

    /// An address of the Internet that nobody had before.
    fn attacker(&mut self) -> String {
        let address = loop {
            let address =
                format!("{}.{}.{}.{}", 100 + self.draw.below(20), self.draw.below(256), self.draw.below(256), 1 + self.draw.below(254));
            if !self.attackers.contains(&address) {
                break address;
            }
        };
        self.attackers.insert(address.clone());
        address
    }

    fn say(&mut self, at: i64, connection: Connection, text: &str) {
        self.lines.push((at, format!("sshd[{}]: {text}", 1_000 + connection.0 % 60_000)));
    }

    fn connect(&mut self) -> Connection {
        self.connections += 1;
        Connection(self.connections)
    }

    /// A password that is refused; `exists` says whether the server has the user.
    fn refuse(&mut self, at: i64, on: Connection, user: &str, address: &str, exists: bool) {
        let port = on.port();
        if exists {
            let from = format!("logname= uid=0 euid=0 tty=ssh ruser= rhost={address}  user={user}");
            self.say(at, on, &format!("pam_unix(sshd:auth): authentication failure; {from}"));
            self.say(at + 2, on, &format!("Failed password for {user} from {address} port {port} ssh2"));
        } else {
            self.say(at, on, &format!("Invalid user {user} from {address} port {port}"));
            self.say(at + 2, on, &format!("Failed password for invalid user {user} from {address} port {port} ssh2"));
        }
    }

    /// The end of a connection that did not log in.
    fn give_up(&mut self, at: i64, on: Connection, user: &str, address: &str) {
        self.say(at, on, &format!("Connection closed by authenticating user {user} {address} port {} [preauth]", on.port()));
    }

    /// A login, and its end so many seconds later.
    fn log_in(&mut self, at: i64, on: Connection, (user, address): (&str, &str), method: &str, secs: i64) {
        self.say(at, on, &format!("Accepted {method} for {user} from {address} port {} ssh2", on.port()));
        self.say(at, on, &format!("pam_unix(sshd:session): session opened for user {user}(uid=1000) by (uid=0)"));
        self.say(at + secs, on, &format!("Received disconnect from {address} port {}:11: disconnected by user", on.port()));
        self.say(at + secs, on, &format!("Disconnected from user {user} {address} port {}", on.port()));
        self.say(at + secs, on, &format!("pam_unix(sshd:session): session closed for user {user}"));
    }

    /// A connection that tries nothing.
    fn look(&mut self, at: i64, address: &str) {
        let on = self.connect();
        self.say(at, on, &format!("Connection closed by {address} port {} [preauth]", on.port()));
    }

    /// A command with the rights of another user.
    fn sudo(&mut self, at: i64, user: &str, command: &str) {
        self.lines.push((at, format!("sudo: {user} : TTY=pts/0 ; PWD=/home/{user} ; USER=root ; COMMAND={command}")));
    }
}

impl Connection {
    fn port(self) -> u64 {
        30_000 + self.0 % 30_000
    }
}

#[cfg(test)]
mod tests {
    use super::{Attack, Log};

    #[test]
    fn logs_have_every_habit_and_depend_on_the_seed_alone() {
        let text = Log::ordinary(3, 20, 1).text();
        assert_eq!(text, Log::ordinary(3, 20, 1).text());
        assert_ne!(text, Log::ordinary(3, 20, 2).text());
        for part in
            ["Accepted publickey", "Accepted password", "for git from", "Failed password for", "[preauth]", "sudo:", "Disconnected from"]
        {
            assert!(text.contains(part), "{part}");
        }
        assert!(text.lines().is_sorted_by_key(|line| &line[..15]));
    }

    #[test]
    fn attackers_are_known_by_their_addresses() {
        for attack in Attack::ALL {
            let ordinary = Log::ordinary(2, 10, 1);
            let lines = ordinary.text().lines().count();
            let attacked = ordinary.attacked(attack, 2);
            assert!(attacked.attackers() > 0 && attacked.text().lines().count() > lines, "{}", attack.name());
            assert!(attacked.text().contains(attacked.attackers.first().map_or("none", String::as_str)), "{}", attack.name());
        }
    }
}
