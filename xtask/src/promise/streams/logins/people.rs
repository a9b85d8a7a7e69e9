//! People and jobs that belong on a server, each with habits of their own.

use super::{DAY, Draw, HOUR, Log, MINUTE};

/// Shares of logins with a password that are mistyped once, and until the connection is closed.
const MISTYPED_ONCE: f64 = 0.06;
const MISTYPED_THRICE: f64 = 0.01;
/// Of a mistake with a password, the share in which it is the name that is wrong.
const WRONG_NAME: f64 = 0.1;
/// Share of days on which a password has been forgotten.
const FORGOTTEN: f64 = 0.004;

/// Somebody, with the addresses used most.
struct Person {
    name: String,
    home: String,
    office: String,
}

impl Person {
    fn new(draw: &mut Draw) -> Self {
        let address = |draw: &mut Draw| format!("{}.{}.{}.{}", 20 + draw.below(60), draw.below(256), draw.below(256), 1 + draw.below(254));
        Self { name: draw.word(), home: address(draw), office: address(draw) }
    }

    /// Where somebody is: on the way one has an address that nobody has seen.
    fn place(&self, draw: &mut Draw) -> String {
        match draw.below(20) {
            0..10 => self.home.clone(),
            10..19 => self.office.clone(),
            _ => format!("84.{}.{}.{}", draw.below(256), draw.below(256), 1 + draw.below(254)),
        }
    }
}

/// Everybody lives for so many days.
pub(super) fn live(log: &mut Log, days: i64, people: u64) {
    // Who they are does not depend on the seed of their days.
    let mut draw = Draw::new(0xbe0);
    for number in 0..people {
        let person = Person::new(&mut draw);
        for day in 0..days {
            match number % 5 {
                0 => shells(log, &person, day * DAY),
                1 => types(log, &person, day * DAY),
                2 => pushes(log, &person, day * DAY),
                3 => keeps_passwords(log, &person, day * DAY),
                _ => copies(log, &person, day * DAY),
            }
        }
    }
    let staff: Vec<Person> = (0..people / 2).map(|_| Person::new(&mut draw)).collect();
    (0..days).for_each(|day| office(log, &staff, day * DAY));
    jobs(log, days);
}

/// A moment of a working day.
fn at_work(log: &mut Log, day: i64) -> i64 {
    let hours = 13.0 + 3.0 * log.draw.normal();
    day + (hours.clamp(0.5, 23.0) * HOUR as f64) as i64
}

/// A shell by key, left open for minutes or hours, with some commands as root.
fn shells(log: &mut Log, person: &Person, day: i64) {
    for _ in 0..1 + log.draw.below(5) {
        let (at, place, on) = (at_work(log, day), person.place(&mut log.draw), log.connect());
        let secs = (log.draw.lognormal(6.5, 1.5) as i64).clamp(5, 8 * HOUR);
        log.log_in(at, on, (&person.name, &place), "publickey", secs);
        for _ in 0..log.draw.below(4) {
            let then = at + log.draw.below(secs.unsigned_abs()) as i64;
            let command =
                (*log.draw.pick(&["/usr/bin/apt update", "/usr/bin/systemctl restart web", "/usr/bin/tail /var/log/syslog"])).to_owned();
            log.sudo(then, &person.name, &command);
        }
    }
}

/// A password that is typed, well or not.
fn types(log: &mut Log, person: &Person, day: i64) {
    for _ in 0..1 + log.draw.below(4) {
        let (at, place) = (at_work(log, day), person.place(&mut log.draw));
        type_password(log, &person.name, &place, at);
    }
    if log.draw.chance(FORGOTTEN) {
        let (at, place) = (at_work(log, day), person.place(&mut log.draw));
        forget(log, &person.name, &place, at);
    }
}

fn type_password(log: &mut Log, name: &str, place: &str, mut at: i64) {
    let secs = (log.draw.lognormal(6.0, 1.5) as i64).clamp(5, 8 * HOUR);
    let mut on = log.connect();
    let mistakes = match log.draw.unit() {
        share if share < MISTYPED_THRICE => 3,
        share if share < MISTYPED_THRICE + MISTYPED_ONCE => 1,
        _ => 0,
    };
    let is_name_wrong = mistakes > 0 && log.draw.chance(WRONG_NAME);
    let typed = if is_name_wrong { format!("{name}{}", name.chars().last().unwrap_or('x')) } else { name.to_owned() };
    for _ in 0..mistakes {
        log.refuse(at, on, &typed, place, !is_name_wrong);
        at += 4 + log.draw.below(8) as i64;
    }
    if mistakes == 3 || is_name_wrong {
        log.give_up(at, on, &typed, place);
        (at, on) = (at + 5 + log.draw.below(60) as i64, log.connect());
    }
    log.log_in(at, on, (name, place), "password", secs);
}

/// Tries, goes away, and comes back with the right password.
fn forget(log: &mut Log, name: &str, place: &str, mut at: i64) {
    let on = log.connect();
    for _ in 0..2 + log.draw.below(3) {
        log.refuse(at, on, name, place, true);
        at += 10 + log.draw.below(20) as i64;
    }
    log.give_up(at, on, name, place);
    let on = log.connect();
    log.log_in(at + 20 * MINUTE, on, (name, place), "password", 5 * MINUTE);
}

/// Several pushes and fetches, each a connection of a second or two.
fn pushes(log: &mut Log, person: &Person, day: i64) {
    for _ in 0..log.draw.below(8) {
        let (mut at, place) = (at_work(log, day), person.place(&mut log.draw));
        for _ in 0..1 + log.draw.below(6) {
            let on = log.connect();
            log.log_in(at, on, ("git", &place), "publickey", 1);
            at += 2 + log.draw.below(40) as i64;
        }
    }
}

/// A password manager: no mistakes, from many places.
fn keeps_passwords(log: &mut Log, person: &Person, day: i64) {
    for _ in 0..1 + log.draw.below(3) {
        let (at, place, on) = (at_work(log, day), person.place(&mut log.draw), log.connect());
        let secs = (log.draw.lognormal(6.0, 1.2) as i64).clamp(5, 4 * HOUR);
        log.log_in(at, on, (&person.name, &place), "keyboard-interactive/pam", secs);
    }
}

/// Many files, one connection each.
fn copies(log: &mut Log, person: &Person, day: i64) {
    let (mut at, place) = (at_work(log, day), person.place(&mut log.draw));
    for _ in 0..5 + log.draw.below(60) {
        let on = log.connect();
        log.log_in(at, on, (&person.name, &place), "password", 1);
        at += 1 + log.draw.below(5) as i64;
    }
}

/// Many people behind one address, who type their passwords.
fn office(log: &mut Log, staff: &[Person], day: i64) {
    for person in staff {
        for _ in 0..log.draw.below(4) {
            let at = at_work(log, day);
            type_password(log, &person.name, "198.51.100.1", at);
        }
    }
}

/// What runs by itself: backups by key, a health check, a job that goes on with a password which was changed.
fn jobs(log: &mut Log, days: i64) {
    for (address, name, every) in
        [("192.0.2.10", "backup", HOUR), ("192.0.2.11", "deploy", 5 * MINUTE), ("10.0.0.8", "metrics", 15 * MINUTE)]
    {
        for at in (0..days * DAY).step_by(every as usize) {
            let on = log.connect();
            log.log_in(at + 7, on, (name, address), "publickey", 2);
        }
    }
    (0..days * DAY).step_by(MINUTE as usize).for_each(|at| log.look(at + 31, "192.0.2.20"));
    for at in (0..days * DAY).step_by((10 * MINUTE) as usize) {
        let on = log.connect();
        // On the second day the password was changed, and nobody saw to the job until the evening.
        if (DAY + 9 * HOUR..DAY + 18 * HOUR).contains(&at) {
            log.refuse(at + 3, on, "report", "192.0.2.12", true);
            log.give_up(at + 5, on, "report", "192.0.2.12");
        } else {
            log.log_in(at + 3, on, ("report", "192.0.2.12"), "password", 2);
        }
    }
}
