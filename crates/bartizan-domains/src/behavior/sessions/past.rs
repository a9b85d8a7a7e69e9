//! What a log has told of the logins of each client so far, in event time and bounded memory.

use super::Activity;
use super::counts::{Counts, DAY, DAY_SECS, HOUR, Lately, Pace};
use crate::behavior::logins::Logins;
use crate::web::text::hash;
use std::collections::HashMap;

/// Most clients and names remembered; beyond that a tenth is forgotten, those first that never logged in and were not met for longest.
const MAX_CLIENTS: usize = 50_000;
const MAX_NAMES: usize = 20_000;
/// Most names remembered of one client, most clients of one name, and most clients that failed and never logged in.
const MAX_TRIED: usize = 16;
const MAX_RIVALS: usize = 16;
const MAX_STRANGERS: usize = 33;
/// Failures in a day with which a client that logs in does not become one that is known: people have so many too, but are soon back.
const MANY_FAILURES: u16 = 3;

/// One client.
#[derive(Default)]
struct Client {
    last: i64,
    known: bool,
    failed: Counts,
    accepted: Counts,
    looks: Counts,
    /// Names that it failed with.
    tried: Vec<u64>,
    no_such_user: bool,
    last_failure: i64,
    pace: Pace,
}

/// One name.
#[derive(Default)]
struct Name {
    last: i64,
    /// Whether somebody logged in with it.
    known: bool,
    /// Clients that failed with it and never logged in.
    failing: Lately,
}

/// Everything that is remembered.
#[derive(Default)]
pub(super) struct Past {
    clients: HashMap<String, Client>,
    names: HashMap<u64, Name>,
    strangers: Lately,
}

impl Past {
    /// Whether a client has logged in.
    pub(super) fn knows(&self, client: &str) -> bool {
        self.clients.get(client).is_some_and(|client| client.known)
    }

    /// Counts what a line says, and returns what is known of the client then. What is about a session alone is left empty.
    pub(super) fn meet(&mut self, activity: &Activity) -> Logins {
        let (id, time) = (hash(activity.client.as_bytes()), activity.time);
        if !activity.is_about_logins() {
            let told = self.clients.get(&activity.client).map(|client| client.told(time, &self.names)).unwrap_or_default();
            return Logins { strangers: self.strangers.others(id, time).min(32), ..told };
        }
        self.make_room();
        let client = self.clients.entry(activity.client.clone()).or_default();
        client.count(activity);
        let name = activity.name.map(|name| (name, self.names.entry(name).or_default()));
        let mut rivals = 0;
        if let Some((hash, name)) = name {
            name.last = name.last.max(time);
            if activity.accepted > 0 {
                name.known = true;
            } else if activity.tries {
                client.try_name(hash);
                name.failing.meet(id, time, MAX_RIVALS + 1);
                rivals = name.failing.others(id, time);
            }
            if client.known {
                name.failing.forget(id);
            }
        }
        if client.known {
            self.strangers.forget(id);
        } else if activity.tries {
            self.strangers.meet(id, time, MAX_STRANGERS);
        }
        Logins {
            rivals: rivals.min(MAX_RIVALS as u8),
            strangers: self.strangers.others(id, time).min(32),
            ..client.told(time, &self.names)
        }
    }

    /// Forgets a tenth where the limit is reached.
    fn make_room(&mut self) {
        if self.clients.len() >= MAX_CLIENTS {
            let least = tenth(self.clients.values().map(|client| (client.known, client.last)).collect());
            self.clients.retain(|_, client| (client.known, client.last) > least);
        }
        if self.names.len() >= MAX_NAMES {
            let least = tenth(self.names.values().map(|name| (name.known, name.last)).collect());
            self.names.retain(|_, name| (name.known, name.last) > least);
        }
    }
}

/// The key that a tenth of all do not exceed.
fn tenth(mut keys: Vec<(bool, i64)>) -> (bool, i64) {
    let at = keys.len() / 10;
    *keys.select_nth_unstable(at).1
}

impl Client {
    fn count(&mut self, activity: &Activity) {
        let time = activity.time;
        self.last = self.last.max(time);
        if activity.tries {
            if self.last_failure.saturating_add(DAY_SECS) < time {
                self.tried.clear();
                self.no_such_user = false;
            }
            self.no_such_user |= activity.no_such_user;
            self.last_failure = self.last_failure.max(time);
            self.failed.add(time, activity.tried);
        }
        if activity.looks > 0 {
            self.looks.add(time, activity.looks);
            self.pace.meet(time);
        }
        if activity.accepted > 0 {
            // Whoever guessed a password is none that belongs.
            self.known |= self.failed.sum(time, DAY) < MANY_FAILURES;
            self.accepted.add(time, activity.accepted);
        }
    }

    fn try_name(&mut self, name: u64) {
        if self.tried.len() < MAX_TRIED && !self.tried.contains(&name) {
            self.tried.push(name);
        }
    }

    fn told(&self, time: i64, names: &HashMap<u64, Name>) -> Logins {
        let is_strange = |name: &&u64| names.get(name).is_none_or(|name| !name.known);
        let is_recent = self.last_failure.saturating_add(DAY_SECS) >= time;
        let tried = if is_recent { self.tried.as_slice() } else { &[] };
        Logins {
            failed_hour: self.failed.sum(time, HOUR),
            failed_day: self.failed.sum(time, DAY),
            accepted_day: self.accepted.sum(time, DAY),
            names: tried.len() as u8,
            strange_names: tried.iter().filter(is_strange).count() as u8,
            no_such_user: is_recent && self.no_such_user,
            looks: self.looks.sum(time, DAY),
            is_steady: self.pace.is_steady(),
            ..Logins::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Activity, MAX_CLIENTS, Past};
    use crate::behavior::Logins;

    fn failed(client: &str, time: i64, name: u64) -> Activity {
        Activity {
            client: client.to_owned(),
            time,
            requests: 1,
            failed_logins: 1,
            tries: true,
            tried: 1,
            name: Some(name),
            ..Activity::default()
        }
    }

    fn accepted(client: &str, time: i64, name: u64) -> Activity {
        Activity { client: client.to_owned(), time, requests: 1, accepted: 1, name: Some(name), ..Activity::default() }
    }

    #[test]
    fn names_are_strange_until_somebody_logs_in_with_them() {
        let mut past = Past::default();
        past.meet(&accepted("a", 0, 1));
        assert!(past.knows("a") && !past.knows("b"));
        past.meet(&failed("b", 1, 1));
        let told = past.meet(&failed("b", 2, 2));
        assert_eq!((told.names, told.strange_names, told.failed_hour, told.failed_day), (2, 1, 2, 2));
        let later = past.meet(&failed("b", 90_000, 3));
        assert_eq!((later.names, later.failed_day), (1, 1), "a day later");
        past.meet(&accepted("c", 90_001, 3));
        assert_eq!(past.meet(&failed("b", 90_002, 3)).strange_names, 0, "somebody has logged in with it since");
    }

    #[test]
    fn others_that_fail_are_counted_until_they_log_in() {
        let mut past = Past::default();
        for client in 0..4 {
            past.meet(&failed(&client.to_string(), client, 7));
        }
        let told = past.meet(&failed("x", 10, 7));
        assert_eq!((told.rivals, told.strangers), (4, 4));
        past.meet(&accepted("0", 11, 7));
        let told = past.meet(&failed("x", 12, 7));
        assert_eq!((told.rivals, told.strangers), (3, 3));
        let told = past.meet(&failed("x", 12, 8));
        assert_eq!((told.rivals, told.strangers), (0, 3));
        let later = past.meet(&failed("x", 90_000, 7));
        assert_eq!((later.rivals, later.strangers), (0, 0), "a day later");
    }

    #[test]
    fn whoever_guessed_a_password_is_not_known() {
        for (failures, known) in [(0, true), (2, true), (3, false), (50, false)] {
            let mut past = Past::default();
            (0..failures).for_each(|time| _ = past.meet(&failed("a", time, 1)));
            past.meet(&accepted("a", failures, 1));
            assert_eq!(past.knows("a"), known, "{failures}");
        }
    }

    #[test]
    fn an_even_pace_is_told_from_an_uneven_one() {
        let look = |time| Activity { client: "a".to_owned(), time, requests: 1, looks: 1, ..Activity::default() };
        let mut told = Logins::default();
        let mut past = Past::default();
        (0..10).for_each(|i| told = past.meet(&look(60 * i + i % 2)));
        assert_eq!((told.looks, told.is_steady), (10, true));
        told = past.meet(&look(660 + 17));
        assert!(!told.is_steady);
        let mut past = Past::default();
        (0..10).for_each(|i| told = past.meet(&look(400 * i)));
        assert!(!told.is_steady, "checks come more often");
        let mut past = Past::default();
        (0..10).for_each(|i| told = past.meet(&look(60 * i * i)));
        assert!(!told.is_steady);
    }

    #[test]
    fn memory_is_bounded_and_who_logged_in_stays() {
        let mut past = Past::default();
        past.meet(&accepted("ann", 0, 1));
        for i in 0..2 * MAX_CLIENTS as i64 {
            past.meet(&failed(&i.to_string(), i, i as u64 + 10));
            assert!(past.clients.len() <= MAX_CLIENTS && past.names.len() <= super::MAX_NAMES);
        }
        assert!(past.knows("ann"));
    }
}
