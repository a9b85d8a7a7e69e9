//! U11: real attackers of SSH servers are named, and ordinary logins are not.

use super::report::Row;
use super::streams::{Attack, LoginLog};
use super::{Job, Setup};
use crate::serve::{Folder, succeed};
use anyhow::Context;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const PROMISE: &str = "U11";
/// Share of attackers that are named, at least, and of ordinary sessions that are called an attack or anomalous, at most.
const NAMED: f64 = 0.9;
const ALARMS: f64 = 0.01;
/// After training: one false alarm in so many sessions, which comes to the share above.
const ONE_IN: &str = "200";
/// Seed of the days that are learned from.
const LEARNED: u64 = 100;

/// The class of a session that is no attack.
const NORMAL: &str = "Normal";

/// A line of what `score` writes.
#[derive(Deserialize)]
struct Judged {
    client: String,
    class: String,
    is_anomaly: bool,
}

/// What came of a log: sessions and clients, and how many of them are named an attack.
#[derive(Default)]
struct Count {
    sessions: usize,
    named: usize,
    anomalous: usize,
    /// Each client, and whether one of its sessions is named.
    clients: BTreeMap<String, bool>,
}

impl Count {
    fn meet(&mut self, judged: Judged) {
        let named = judged.class != NORMAL;
        self.sessions += 1;
        self.named += usize::from(named);
        self.anomalous += usize::from(named || judged.is_anomaly);
        *self.clients.entry(judged.client).or_default() |= named;
    }

    fn attackers(&self, stream: &str) -> Vec<Row> {
        let clients = self.clients.values().filter(|named| **named).count() as f64 / self.clients.len().max(1) as f64;
        let sessions = self.named as f64 / self.sessions.max(1) as f64;
        let row = |phase: &str, share: f64, of: usize| {
            Row::new(PROMISE, stream, phase).got(Some(share), of).met(format!(">= {NAMED}"), share >= NAMED)
        };
        vec![row("attackers named", clients, self.clients.len()), row("their sessions named", sessions, self.sessions)]
    }

    fn ordinary(&self, stream: &str, phase: &str) -> Row {
        let share = self.anomalous as f64 / self.sessions.max(1) as f64;
        let row = Row::new(PROMISE, stream, phase).got(Some(share), self.sessions);
        row.met(format!("<= {ALARMS}"), self.sessions > 0 && share <= ALARMS)
    }
}

pub(super) fn jobs(setup: &Setup) -> Vec<Job> {
    let mut jobs = Vec::new();
    for seed in 0..setup.seeds {
        for attack in Attack::ALL {
            let stream = setup.named(attack.name(), seed);
            jobs.push(Job::new(PROMISE, stream.clone(), move |setup| attacked(setup, &stream, attack, seed)));
        }
        let stream = setup.named("ordinary logins", seed);
        jobs.push(Job::new(PROMISE, stream.clone(), move |setup| ordinary(setup, &stream, seed)));
    }
    if let Some(data) = setup.data.clone() {
        jobs.push(Job::new(PROMISE, "honeypot_ssh", move |setup| honeypot(setup, &data.join("honeypot_ssh"))));
    }
    jobs
}

/// A server with attackers of one kind, judged by the built-in model.
fn attacked(setup: &Setup, stream: &str, attack: Attack, seed: u64) -> anyhow::Result<Vec<Row>> {
    let days = setup.size(5, 3);
    let log = LoginLog::ordinary(days, setup.size(60, 30), seed).attacked(attack, days);
    let place = Place::new(&setup.binary)?;
    let (attackers, others) = place.score(&place.write("auth.log", &log.text())?, |client| log.is_attacker(client))?;
    let missed = log.attackers().saturating_sub(attackers.clients.len());
    let mut rows = attackers.attackers(stream);
    rows.push(others.ordinary(stream, "ordinary sessions called an attack"));
    rows.extend((missed > 0).then(|| Row::new(PROMISE, stream, format!("{missed} attackers have no session")).met("none", false)));
    Ok(rows)
}

/// Ordinary days alone: judged by the built-in model, and by one that has learned from other ones.
fn ordinary(setup: &Setup, stream: &str, seed: u64) -> anyhow::Result<Vec<Row>> {
    let (days, people) = (setup.size(7, 3), setup.size(60, 30));
    let place = Place::new(&setup.binary)?;
    let judged = place.write("auth.log", &LoginLog::ordinary(days, people, seed).text())?;
    let learned = place.write("earlier.log", &LoginLog::ordinary(days, people, LEARNED + seed).text())?;
    let (_, before) = place.score(&judged, |_| false)?;
    succeed(&setup.binary, place.folder.path(), &["train", "behavior", &learned, "--one-false-alarm-in", ONE_IN])?;
    let (_, after) = place.score(&judged, |_| false)?;
    Ok(vec![before.ordinary(stream, "built-in model"), after.ordinary(stream, "learned from own sessions")])
}

/// Sessions of a honeypot, and ordinary ones in the same columns.
fn honeypot(setup: &Setup, data: &Path) -> anyhow::Result<Vec<Row>> {
    let place = Place::new(&setup.binary)?;
    let file = |name: &str| std::path::absolute(data.join(name)).map(|path| path.display().to_string());
    let (attackers, _) = place.score(&file("cowrie_sessions_20k.csv")?, |_| true)?;
    let (_, others) = place.score(&file("ssh_legitimate_10k.csv")?, |_| false)?;
    let mut rows = attackers.attackers("honeypot_ssh");
    rows.push(others.ordinary("honeypot_ssh", "ordinary sessions called an attack or anomalous"));
    Ok(rows)
}

/// A detector with data of its own.
struct Place {
    binary: PathBuf,
    folder: Folder,
}

impl Place {
    fn new(binary: &Path) -> anyhow::Result<Self> {
        Ok(Self { binary: binary.to_owned(), folder: Folder::new("promise-logins")? })
    }

    fn write(&self, name: &str, text: &str) -> anyhow::Result<String> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path.display().to_string())
    }

    /// Judges a file; what attackers did, and what others did.
    fn score(&self, file: &str, is_attacker: impl Fn(&str) -> bool) -> anyhow::Result<(Count, Count)> {
        let out = self.folder.path().join("judged.ndjson").display().to_string();
        succeed(&self.binary, self.folder.path(), &["score", "behavior", file, "--top", "0", "--out", &out])?;
        let (mut attackers, mut others) = (Count::default(), Count::default());
        for line in std::fs::read_to_string(&out)?.lines() {
            let judged: Judged = serde_json::from_str(line).with_context(|| line.to_owned())?;
            if is_attacker(&judged.client) { attackers.meet(judged) } else { others.meet(judged) }
        }
        Ok((attackers, others))
    }
}

#[cfg(test)]
mod tests {
    use super::{Count, Judged};

    #[test]
    fn a_client_is_named_by_one_of_its_sessions() {
        let mut count = Count::default();
        for (client, class, is_anomaly) in
            [("a", "Normal", false), ("a", "BruteForce", false), ("b", "Normal", true), ("c", "Normal", false)]
        {
            count.meet(Judged { client: client.to_owned(), class: class.to_owned(), is_anomaly });
        }
        assert_eq!((count.sessions, count.named, count.anomalous), (4, 1, 2));
        assert_eq!(count.clients.values().filter(|named| **named).count(), 1);
    }
}
