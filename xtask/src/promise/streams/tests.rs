//! What the streams claim of themselves.

use super::{ALL, Attacker, CHECKS, INTERNAL, Kind, MOBILE, Request, SERVICES, START, Source, Stream, WEBSITE, mixed, mobile};
use std::collections::{HashMap, HashSet};
use std::path::Path;

const OWN: [Source; 5] = [SERVICES, WEBSITE, CHECKS, MOBILE, INTERNAL];

fn stream(source: Source, seed: u64) -> Stream {
    source.open(Path::new(""), 0, seed).unwrap()
}

fn requests(source: Source, seed: u64, count: usize) -> Vec<Request> {
    stream(source, seed).take(count).collect()
}

fn share(requests: &[Request], of: impl Fn(&Request) -> bool) -> f64 {
    requests.iter().filter(|request| of(request)).count() as f64 / requests.len() as f64
}

/// Requests in each hour of the day, or day of the week.
fn counts(requests: &[Request], unit: i64, units: usize) -> Vec<usize> {
    let mut counts = vec![0; units];
    requests.iter().for_each(|request| counts[(((request.at - START) / unit) as usize) % units] += 1);
    counts
}

#[test]
fn the_same_seed_gives_the_same_in_the_order_of_time() {
    for source in OWN {
        let first = requests(source, 1, 3_000);
        assert_eq!(first, requests(source, 1, 3_000), "{}", source.name);
        assert_ne!(first, requests(source, 2, 3_000), "{}", source.name);
        assert!(first.is_sorted_by_key(|request| request.at), "{}", source.name);
        assert!(first.iter().all(|request| !request.attack && request.at >= START), "{}", source.name);
    }
    let names: HashSet<&str> = ALL.iter().map(|source| source.name).collect();
    assert_eq!(names.len(), ALL.len());
}

#[test]
fn services_are_few_and_repeat_themselves() {
    let all = requests(SERVICES, 1, 5_000);
    let clients: HashSet<&str> = all.iter().map(|request| request.client.as_str()).collect();
    assert!((5..=20).contains(&clients.len()), "{}", clients.len());
    let kinds: HashSet<String> = all.iter().map(|request| format!("{} {} {}", request.method, request.endpoint, request.payload)).collect();
    assert!(kinds.len() < 2_500, "{}", kinds.len());
}

#[test]
fn the_web_site_has_days_and_new_clients() {
    let all = requests(WEBSITE, 1, 40_000);
    let hours = counts(&all, super::HOUR, 24);
    let times = f64::from(u32::try_from(hours[14] + hours[15]).unwrap()) / f64::from(u32::try_from(hours[2] + hours[3]).unwrap());
    assert!((3.5..7.0).contains(&times), "{hours:?}");
    let early: HashSet<&str> = all[..20_000].iter().map(|request| request.client.as_str()).collect();
    let new = share(&all[20_000..], |request| !early.contains(request.client.as_str()));
    assert!((0.2..0.6).contains(&new), "{new}");
    let mut seen = HashMap::new();
    all.iter().for_each(|request| *seen.entry(request.endpoint.as_str()).or_insert(0) += 1);
    let once = seen.values().filter(|count| **count == 1).count() as f64 / all.len() as f64;
    assert!((0.01..0.1).contains(&once), "{once} of all requests are for what nobody else asked for");
}

#[test]
fn health_checks_are_monitors_and_few_people() {
    let all = requests(CHECKS, 1, 17_280);
    let monitors = share(&all, |request| request.client.starts_with("10.9.0."));
    assert!((0.9..1.0).contains(&monitors), "{monitors}");
    let paths: HashSet<&str> = all.iter().map(|request| request.endpoint.as_str()).collect();
    assert_eq!(paths.len(), 5);
}

#[test]
fn a_gateway_has_its_share() {
    let all = requests(MOBILE, 1, 5_000);
    let behind = share(&all, |request| request.client == "198.51.100.10");
    assert!((behind - mobile::BEHIND_GATEWAY).abs() < 0.03, "{behind}");
    assert!(share(&all, |request| !request.payload.is_null()) > 0.4);
}

#[test]
fn an_office_has_weeks_and_jobs() {
    let all: Vec<Request> = stream(INTERNAL, 1).take_while(|request| request.at < START + 14 * super::DAY).collect();
    let days = counts(&all, super::DAY, 7);
    assert!(days[..5].iter().all(|workday| *workday > 5 * days[5].max(days[6])), "{days:?}");
    assert!((8_000..12_000).contains(&(all.len() / 2)), "{days:?}");
    let nights: HashSet<i64> = all
        .iter()
        .filter(|request| request.endpoint.starts_with("/hr/timesheets?"))
        .map(|r| (r.at - START) % super::DAY / super::HOUR)
        .collect();
    assert_eq!(nights, HashSet::from([2]));
}

#[test]
fn attacks_have_the_share_that_was_asked_for() {
    let all: Vec<Request> = mixed(stream(WEBSITE, 1), 0.1, Attacker::new(&Kind::OWN, &[], 1), 1).take(10_000).collect();
    let attacks = share(&all, |request| request.attack);
    assert!((attacks - 0.1).abs() < 0.01, "{attacks}");
    assert!(all.is_sorted_by_key(|request| request.at));
    let benign: Vec<&Request> = all.iter().filter(|request| !request.attack).collect();
    let alone = requests(WEBSITE, 1, benign.len());
    assert!(benign.into_iter().eq(&alone));
}

#[test]
fn payloads_of_a_set_stand_in_a_parameter() {
    let like = requests(WEBSITE, 1, 1).remove(0);
    let attack = Attacker::new(&[], &["1' or <b>".to_owned()], 1).attack(&like);
    assert!(attack.attack && attack.endpoint.ends_with("?id=1%27+or+%3Cb%3E"), "{attack:?}");
    assert_eq!(attack.at, like.at);
}
