//! What the logins that a log tells of say of a session: who tries passwords, alone or with others, and who only looks.
//!
//! The six counters of the contract tell a brute force by more than 80 failures in one session. Real ones have fewer: they try slowly, from
//! many addresses, or with one password for many names. The rules here are what people on duty go by. In generated logs (`cargo xtask promise
//! --only U11`) more of the sessions under each rule are of its class than its probability says: real servers have more habits than those.

use super::logins::{Logins, Service};
use super::{AttackType, SessionEvent};
use std::net::IpAddr;

/// Failures that a login that succeeded makes up for: people mistype a password a few times.
const FORGIVEN: u16 = 3;
/// Failures in an hour and in a day, beyond those forgiven, that nobody has by mistake.
const MANY: (u16, u16) = (10, 20);
/// The same for a client that logs in at other times and fails with a single name which has logged in before: a job whose password was changed tries on.
const MANY_OF_A_JOB: (u16, u16) = (60, 400);
/// The same for web logins, where forms answer a mistake in many ways.
const MANY_OF_WEB: (u16, u16) = (20, 60);
/// The same in a day for a client that does not log in at other times.
const SOME: u16 = 5;
/// Names that nobody has logged in with, and failures beyond those forgiven, from which a client guesses names.
const GUESSED_NAMES: u8 = 3;
/// The same of a client that logs in at other times.
const GUESSED_NAMES_OF_KNOWN: u8 = 5;
/// Other clients that fail with the same name, or with any, from which an attack comes from many addresses.
const RIVALS: u8 = 3;
const STRANGERS: u8 = 5;

/// What a session's logins say of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Finding {
    pub(super) attack: AttackType,
    /// Probability of that, from 0.5 on.
    pub(super) probability: f64,
    sign: Sign,
}

/// What it was found by.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sign {
    Nothing,
    ManyFailures,
    ManyNames,
    NoSuccess,
    Distributed,
    NoSuchUser,
    Telnet,
    Honeypot,
    Look,
}

impl Finding {
    fn of(attack: AttackType, probability: f64, sign: Sign) -> Self {
        Self { attack, probability, sign }
    }

    fn normal(probability: f64) -> Self {
        Self::of(AttackType::Normal, probability, Sign::Nothing)
    }

    /// The position of the feature that it has most to do with.
    pub(super) fn feature(&self) -> usize {
        if self.sign == Sign::Look { 1 } else { 0 }
    }
}

/// What the logins of a session say of it; `None` for a session of which no log tells.
pub(super) fn finding(event: &SessionEvent) -> Option<Finding> {
    let logins = event.logins.as_ref()?;
    let found = match logins.service {
        Service::Honeypot => Some(in_honeypot(logins)),
        Service::Web => many(logins, MANY_OF_WEB),
        Service::Ssh | Service::Telnet => in_shell(event, logins),
    };
    Some(found.unwrap_or(Finding::normal(0.98)))
}

fn in_honeypot(logins: &Logins) -> Finding {
    if logins.failed_day > 0 || logins.accepted_day > 0 {
        Finding::of(AttackType::BruteForce, 0.99, Sign::Honeypot)
    } else {
        Finding::of(AttackType::Recon, 0.95, Sign::Honeypot)
    }
}

fn in_shell(event: &SessionEvent, logins: &Logins) -> Option<Finding> {
    let is_stranger = !logins.known && logins.accepted_day == 0;
    let is_job = logins.known && (logins.names, logins.strange_names) == (1, 0);
    let guessed = if is_stranger { GUESSED_NAMES } else { GUESSED_NAMES_OF_KNOWN };
    let is_guessing = logins.strange_names >= guessed && beyond(logins, logins.failed_day) >= u16::from(guessed);
    let is_many_in_day = !logins.known && beyond(logins, logins.failed_day) >= SOME;
    let brute = |is_so: bool, probability, sign| is_so.then(|| Finding::of(AttackType::BruteForce, probability, sign));
    many(logins, if is_job { MANY_OF_A_JOB } else { MANY })
        .or_else(|| brute(is_guessing, 0.95, Sign::ManyNames))
        .or_else(|| brute(is_many_in_day, 0.95, Sign::NoSuccess))
        .or_else(|| by_telnet(event, logins))
        .or_else(|| is_stranger.then(|| of_stranger(event, logins)).flatten())
}

/// More failures in an hour or a day than logins that succeed make up for.
fn many(logins: &Logins, (in_hour, in_day): (u16, u16)) -> Option<Finding> {
    let is_many = beyond(logins, logins.failed_hour) >= in_hour || beyond(logins, logins.failed_day) >= in_day;
    is_many.then(|| Finding::of(AttackType::BruteForce, 0.99, Sign::ManyFailures))
}

/// Failures beyond those that logins which succeed make up for.
fn beyond(logins: &Logins, failed: u16) -> u16 {
    failed.saturating_sub(logins.accepted_day.saturating_mul(FORGIVEN))
}

/// Telnet from outside with a login that fails.
fn by_telnet(event: &SessionEvent, logins: &Logins) -> Option<Finding> {
    let is_foreign = logins.service == Service::Telnet && !logins.known && !is_inside(&event.client);
    (is_foreign && logins.failed_day > 0).then(|| Finding::of(AttackType::BruteForce, 0.95, Sign::Telnet))
}

/// A client that has never logged in.
fn of_stranger(event: &SessionEvent, logins: &Logins) -> Option<Finding> {
    // Where a log has no names, none is known to have logged in.
    let is_name_known = logins.names > 0 && logins.strange_names == 0;
    let brute = |probability, sign| Some(Finding::of(AttackType::BruteForce, probability, sign));
    match logins.failed_day {
        0 => of_look(event, logins),
        _ if logins.rivals >= RIVALS => brute(0.95, Sign::Distributed),
        _ if is_name_known => Some(Finding::normal(0.75)),
        _ if logins.strangers >= STRANGERS => brute(0.9, Sign::Distributed),
        _ if logins.no_such_user => brute(0.8, Sign::NoSuchUser),
        4.. => brute(0.7, Sign::NoSuccess),
        _ => Some(Finding::normal(0.55)),
    }
}

/// A client that connects and never tries to log in.
fn of_look(event: &SessionEvent, logins: &Logins) -> Option<Finding> {
    let is_look = logins.looks > 0 && !logins.is_steady && !is_inside(&event.client);
    let probability = if logins.strangers >= STRANGERS { 0.9 } else { 0.8 };
    is_look.then(|| Finding::of(AttackType::Recon, probability, Sign::Look))
}

/// Whether an address is none of the Internet.
fn is_inside(client: &str) -> bool {
    match client.parse() {
        Ok(IpAddr::V4(ip)) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => false,
    }
}

/// Why a session was found to be an attack.
pub(super) fn sentence(event: &SessionEvent) -> Option<String> {
    let (found, logins) = (finding(event)?, event.logins.as_ref()?);
    let without = if logins.accepted_day == 0 { ", none that succeeded" } else { "" };
    let day = counted(logins.failed_day, "failed login", "failed logins");
    Some(match found.sign {
        Sign::Nothing => return None,
        Sign::ManyFailures => {
            let names = if logins.names > 1 { format!(" with {} names", at_least(logins.names, 16)) } else { String::new() };
            format!(
                "{} in an hour, {} in a day{names}{without}",
                counted(logins.failed_hour, "failed login", "failed logins"),
                logins.failed_day
            )
        }
        Sign::ManyNames => {
            format!("{day} in a day, with {} names that nobody has logged in with before", at_least(logins.strange_names, 16))
        }
        Sign::NoSuccess => format!("{day} in a day{without}, from an address that does not log in at other times"),
        Sign::Distributed if logins.rivals >= RIVALS => {
            format!("{day}{without}, with a name that {} other addresses fail with, too", at_least(logins.rivals, 16))
        }
        Sign::Distributed => {
            let others = at_least(logins.strangers, 32);
            format!("{day}{without}, while {others} other addresses fail that have never logged in, either")
        }
        Sign::NoSuchUser => format!("{day}{without}, with a name that the server does not have, from an address that never logged in"),
        Sign::Telnet => format!("{day} by telnet from the Internet"),
        Sign::Honeypot => "it visited a honeypot".to_owned(),
        Sign::Look => format!("{} in a day without an attempt to log in", counted(logins.looks, "connection", "connections")),
    })
}

fn counted(count: u16, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// A count that ends at a limit.
fn at_least(count: u8, limit: u8) -> String {
    if count < limit { count.to_string() } else { format!("{limit} or more") }
}

#[cfg(test)]
mod tests {
    use super::{finding, sentence};
    use crate::behavior::{AttackType, Logins, Service, SessionEvent};
    use bartizan_core::Timestamp;

    fn session(logins: Logins) -> SessionEvent {
        let mut event = SessionEvent::from_values(Timestamp::from_secs(0), [logins.failed_hour.min(3), 1, 0, 0, 0, 10]);
        (event.client, event.logins) = ("192.0.2.1".to_owned(), Some(logins));
        event
    }

    fn failed(hour: u16, day: u16) -> Logins {
        Logins { failed_hour: hour, failed_day: day, names: 1, strange_names: 1, ..Logins::default() }
    }

    #[test]
    fn sessions_are_told_as_people_on_duty_tell_them() {
        use AttackType::{BruteForce, Normal, Recon};
        let known = |logins: Logins| Logins { known: true, accepted_day: 1, ..logins };
        let familiar = |logins: Logins| Logins { strange_names: 0, ..logins };
        let telnet = Logins { service: Service::Telnet, ..failed(1, 1) };
        let honeypot = Logins { service: Service::Honeypot, ..Logins::default() };
        let look = Logins { looks: 1, ..Logins::default() };
        for (name, logins, expected) in [
            ("a login", Logins { accepted: 1, accepted_day: 1, ..Logins::default() }, Normal),
            ("mistyped thrice", Logins { accepted: 1, accepted_day: 1, ..failed(3, 3) }, Normal),
            ("mistyped and gone", failed(1, 1), Normal),
            ("a name that is none", Logins { no_such_user: true, ..failed(1, 1) }, BruteForce),
            ("a mistyped name", Logins { no_such_user: true, accepted: 1, accepted_day: 1, ..failed(1, 1) }, Normal),
            ("mistyped and gone while others attack", Logins { strangers: 9, ..familiar(failed(2, 2)) }, Normal),
            ("a known client", known(failed(9, 9)), Normal),
            ("a job with an old password", Logins { accepted_day: 0, ..known(familiar(failed(12, 288))) }, Normal),
            ("an office", Logins { accepted_day: 80, names: 9, ..familiar(known(failed(20, 90))) }, Normal),
            ("fast", failed(60, 60), BruteForce),
            ("slow", failed(3, 20), BruteForce),
            ("no success", failed(1, 5), BruteForce),
            ("succeeded in the end", Logins { accepted: 1, accepted_day: 1, ..failed(40, 40) }, BruteForce),
            ("many names", Logins { names: 3, strange_names: 3, ..failed(3, 3) }, BruteForce),
            ("a known client with guessed names", Logins { names: 8, strange_names: 8, ..known(failed(8, 8)) }, BruteForce),
            ("a name that many fail with", Logins { rivals: 3, ..familiar(failed(1, 1)) }, BruteForce),
            ("one of many", Logins { strangers: 5, ..failed(1, 1) }, BruteForce),
            ("telnet", telnet, BruteForce),
            ("a honeypot", honeypot, Recon),
            ("a password in a honeypot", Logins { failed_day: 1, ..honeypot }, BruteForce),
            ("a look", look, Recon),
            ("a health check", Logins { looks: 40, is_steady: true, ..look }, Normal),
            ("a known client that looks", Logins { known: true, ..look }, Normal),
            ("a web form, mistyped", Logins { service: Service::Web, ..failed(9, 9) }, Normal),
            ("a web form, tried", Logins { service: Service::Web, ..failed(20, 20) }, BruteForce),
        ] {
            let event = session(logins);
            let found = finding(&event).unwrap();
            assert_eq!(found.attack, expected, "{name}: {found:?}");
            assert!((0.5..1.0).contains(&found.probability), "{name}");
            assert_eq!(sentence(&event).is_some(), expected.is_attack(), "{name}");
        }
        let mut inside = session(look);
        inside.client = "10.0.0.7".to_owned();
        assert_eq!(finding(&inside).unwrap().attack, Normal, "a look from inside");
        inside.logins = None;
        assert_eq!(finding(&inside), None, "no log tells of it");
    }

    #[test]
    fn sentences_say_what_was_counted() {
        for (logins, expected) in [
            (
                Logins { names: 16, strange_names: 16, ..failed(60, 70) },
                "60 failed logins in an hour, 70 in a day with 16 or more names, none that succeeded",
            ),
            (failed(1, 5), "5 failed logins in a day, none that succeeded, from an address that does not log in at other times"),
            (
                Logins { rivals: 4, ..failed(1, 1) },
                "1 failed login, none that succeeded, with a name that 4 other addresses fail with, too",
            ),
            (Logins { looks: 2, ..Logins::default() }, "2 connections in a day without an attempt to log in"),
        ] {
            assert_eq!(sentence(&session(logins)).as_deref(), Some(expected));
        }
    }
}
