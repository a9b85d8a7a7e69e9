//! Generated logs.

use super::attacks::ATTACKS;
use super::{LogEvent, Traffic, generate};
use crate::kind::{Plan, is_attack};
use bartizan_core::{Record, Seed, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A Monday.
const START: i64 = 1_767_571_200;

fn plan(rows: usize, attack_share: f64, gap_secs: f64) -> Plan {
    Plan { rows, attack_share, start: Timestamp::from_secs(START), gap_secs, traffic: "" }
}

/// All traffics with their names.
fn each(plan: Plan, seed: u64) -> impl Iterator<Item = (&'static str, Vec<Record<LogEvent>>)> {
    Traffic::ALL.into_iter().map(move |traffic| (traffic.said().0, generate(traffic, plan, Seed(seed))))
}

fn normal(records: &[Record<LogEvent>]) -> impl Iterator<Item = &LogEvent> {
    records.iter().filter(|record| !is_attack(record)).map(|record| &record.event)
}

/// The share of those of which it holds.
fn share<'a>(events: impl Iterator<Item = &'a LogEvent>, holds: impl Fn(&LogEvent) -> bool) -> f64 {
    let (mut all, mut held) = (0.0, 0.0);
    for event in events {
        all += 1.0;
        held += f64::from(u8::from(holds(event)));
    }
    held / f64::max(all, 1.0)
}

#[test]
fn names_are_found_again() {
    for traffic in Traffic::ALL {
        assert_eq!(Traffic::by_name(traffic.said().0), Some(traffic));
    }
    assert_eq!(Traffic::by_name("trains"), None);
}

#[test]
fn every_plan_is_filled_in_order_and_in_its_span() {
    for (name, rows, attack_share, gap_secs) in [
        ("nothing", 0, 0.5, 3.0),
        ("one", 1, 0.0, 3.0),
        ("one attack", 1, 1.0, 3.0),
        ("ten", 10, 0.1, 3.0),
        ("none attacks", 5_000, 0.0, 3.0),
        ("all attack", 5_000, 1.0, 3.0),
        ("few attack", 5_000, 0.01, 3.0),
        ("an hour", 6_000, 0.1, 0.6),
        ("dense", 6_000, 0.1, 0.05),
        ("sparse", 6_000, 0.1, 600.0),
        ("as sparse as can be", 200, 0.2, 86_400.0),
    ] {
        for (traffic, records) in each(plan(rows, attack_share, gap_secs), 3) {
            assert_eq!(records.len(), rows, "{traffic}, {name}");
            let attacks = records.iter().filter(|record| is_attack(record)).count();
            assert_eq!(attacks, (rows as f64 * attack_share).round() as usize, "{traffic}, {name}");
            assert!(records.windows(2).all(|pair| pair[0].event.timestamp <= pair[1].event.timestamp), "{traffic}, {name}");
            let span = rows as f64 * gap_secs;
            for (line, record) in (1..).zip(&records) {
                let at = record.event.timestamp.seconds_since(Timestamp::from_secs(START));
                assert!((0.0..=span).contains(&at) && record.line == line, "{traffic}, {name}: {at} of {span}");
                assert_eq!(record.label_name.is_some(), is_attack(record), "{traffic}, {name}");
            }
            if rows >= 5_000 {
                let last = records[rows - 1].event.timestamp.seconds_since(records[0].event.timestamp);
                assert!(last > 0.9 * span, "{traffic}, {name}: {last} of {span}");
            }
        }
    }
}

#[test]
fn the_same_arguments_give_the_same_log() {
    // Sums of all that is written: they stand for every machine.
    let known = [("users", 4_249_990_722), ("shop", 2_603_740_839), ("machines", 3_055_333_467)];
    let sum = |text: &str| text.bytes().fold(0u32, |sum, byte| sum.rotate_left(5) ^ u32::from(byte).wrapping_mul(0x9e37_79b1));
    let log = |(traffic, records): (&'static str, Vec<Record<LogEvent>>)| (traffic, sum(&format!("{records:?}")));
    for _ in 0..2 {
        let found: Vec<(&str, u32)> = each(plan(3_000, 0.1, 3.0), 5).map(log).collect();
        assert_eq!(found, known);
    }
    for ((traffic, first), (_, other)) in each(plan(500, 0.1, 3.0), 5).zip(each(plan(500, 0.1, 3.0), 6)) {
        assert_ne!(format!("{first:?}"), format!("{other:?}"), "{traffic}");
    }
}

#[test]
fn every_attack_comes_more_than_once() {
    for gap_secs in [0.2, 3.0, 60.0] {
        for (traffic, records) in each(plan(20_000, 0.1, gap_secs), 7) {
            let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
            for name in records.iter().filter_map(|record| record.label_name.as_deref()) {
                *counts.entry(name).or_default() += 1;
            }
            assert_eq!(counts.len(), ATTACKS.len(), "{traffic}: {counts:?}");
            assert!(counts.values().all(|count| (10..700).contains(count)), "{traffic}: {counts:?}");
        }
    }
}

#[test]
fn nothing_impossible_is_written() {
    for (traffic, records) in each(plan(20_000, 0.1, 5.0), 9) {
        for record in &records {
            let event = &record.event;
            let status = event.status_code.unwrap();
            assert!((200..=504).contains(&status), "{traffic}: {event:?}");
            let took = event.response_time.unwrap();
            assert!((0.0..=1_000.0).contains(&took), "{traffic}: {event:?}");
            assert!(event.request_size.unwrap() > 100 && event.response_size.unwrap() <= 2_000_000_000, "{traffic}: {event:?}");
            let address: std::net::Ipv4Addr = event.ip_address.parse().unwrap();
            assert!(!address.is_documentation() && !address.is_loopback() && !address.is_multicast(), "{traffic}: {event:?}");
            assert!(event.endpoint.starts_with('/') && !event.endpoint.contains('*'), "{traffic}: {event:?}");
        }
        // What attacks do, normal traffic does now and then.
        for (what, least, most, holds) in [
            ("errors of the server", 0.0002, 0.02, (|event| event.status_code >= Some(500)) as fn(&LogEvent) -> bool),
            ("denied logins", 0.0005, 0.04, |event| event.status_code == Some(401)),
            ("missing", 0.001, 0.04, |event| event.status_code == Some(404)),
            ("slow", 0.0002, 0.05, |event| event.response_time > Some(5.0)),
            ("at night", 0.01, 0.35, |event| event.timestamp.hour() < 5.0),
        ] {
            let found = share(normal(&records), holds);
            assert!((least..most).contains(&found), "{traffic}, {what}: {found}");
        }
    }
}

#[test]
fn people_keep_their_habits() {
    // Four weeks.
    let records = generate(Traffic::Users, plan(40_000, 0.0, 60.0), Seed(11));
    let mut users: BTreeMap<&str, [BTreeSet<&str>; 2]> = BTreeMap::new();
    let mut hours: BTreeMap<&str, [f64; 24]> = BTreeMap::new();
    for event in normal(&records) {
        let [addresses, agents] = users.entry(&event.user_id).or_default();
        addresses.insert(event.ip_address.split_at(event.ip_address.find('.').unwrap()).0);
        agents.insert(event.user_agent.as_deref().unwrap());
        hours.entry(&event.user_id).or_insert([0.0; 24])[event.timestamp.hour() as usize] += 1.0;
    }
    assert!((120..=150).contains(&users.len()), "{} users", users.len());
    let mean = |of: usize| users.values().map(|sets| sets[of].len() as f64).sum::<f64>() / users.len() as f64;
    assert!((1.5..4.5).contains(&mean(0)) && (1.5..5.0).contains(&mean(1)), "networks {}, agents {}", mean(0), mean(1));
    // Most work in a third of the day.
    let busiest = |of: &[f64; 24]| {
        let window = |first: usize| (first..first + 11).map(|hour| of[hour % 24]).sum::<f64>();
        (0..24).map(window).fold(0.0, f64::max) / of.iter().sum::<f64>()
    };
    let typical = hours.values().map(busiest).sum::<f64>() / hours.len() as f64;
    assert!(typical > 0.8, "{typical}");
}

#[test]
fn the_shop_is_busy_in_the_evening_and_read_by_crawlers() {
    let records = generate(Traffic::Shop, plan(40_000, 0.0, 20.0), Seed(12));
    let all = || normal(&records);
    let evening = share(all(), |event| (17.0..21.0).contains(&event.timestamp.hour()));
    let night = share(all(), |event| (1.0..5.0).contains(&event.timestamp.hour()));
    let anonymous = share(all(), |event| event.user_id.is_empty());
    let crawlers = share(all(), |event| event.user_agent.as_deref().is_some_and(|agent| agent.contains("bot")));
    assert!(evening > 4.0 * night && (0.6..0.95).contains(&anonymous), "{evening} {night} {anonymous}");
    assert!((0.05..0.2).contains(&crawlers), "{crawlers}");
}

#[test]
fn machines_are_regular_and_carry_much_at_night() {
    let records = generate(Traffic::Machines, plan(40_000, 0.0, 20.0), Seed(13));
    let large = |event: &LogEvent| event.request_size.max(event.response_size) > Some(1_000_000);
    let at_night = share(normal(&records).filter(|event| large(event)), |event| (1.0..6.0).contains(&event.timestamp.hour()));
    assert!(at_night > 0.9, "{at_night}");
    assert!((0.01..0.15).contains(&share(normal(&records), large)), "{}", share(normal(&records), large));
    let accounts: BTreeSet<&str> = normal(&records).map(|event| event.user_id.as_str()).collect();
    assert!((25..=36).contains(&accounts.len()), "{accounts:?}");
    // A health check comes at the second.
    let mut last: BTreeMap<&str, f64> = BTreeMap::new();
    let mut gaps: Vec<f64> = Vec::new();
    for event in normal(&records).filter(|event| event.endpoint == "/health") {
        let at = event.timestamp.seconds_since(Timestamp::from_secs(START));
        gaps.extend(last.insert(&event.user_id, at).map(|before| at - before));
    }
    gaps.sort_by(f64::total_cmp);
    let (low, high) = (gaps[gaps.len() / 4], gaps[gaps.len() / 2]);
    assert!(gaps.len() > 50 && high / low < 4.0, "{} {low} {high}", gaps.len());
}
