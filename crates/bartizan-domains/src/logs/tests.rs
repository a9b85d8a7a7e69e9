//! Windows, habits and features of log entries together.

use super::features::{F, TABLE};
use super::generator::{Traffic, generate};
use super::windows::{OfUser, RecentLogs};
use super::{LogBaselines, LogEvent, LogRecency, Logs};
use crate::kind::Plan;
use bartizan_core::{Arrival, Domain, Extract, Recency, Seed, Timestamp, Tracking, TrustedProxies};

const MONDAY: i64 = 1_767_571_200; // 2026-01-05, a Monday

fn windows() -> LogRecency {
    Logs::recency(&Tracking::by_address(10_000))
}

fn entry(user: &str, secs: i64) -> LogEvent {
    LogEvent {
        timestamp: Timestamp::from_secs(MONDAY + secs),
        user_id: user.to_owned(),
        endpoint: "/api/items/7".to_owned(),
        method: "GET".to_owned(),
        ip_address: "10.1.2.3".to_owned(),
        user_agent: Some("Mozilla/5.0 (X11; Linux)".to_owned()),
        status_code: Some(200),
        response_time: Some(0.1),
        request_size: Some(100),
        response_size: Some(5_000),
        client: String::new(),
        counted: None,
    }
}

fn with(user: &str, secs: i64, change: impl Fn(&mut LogEvent)) -> LogEvent {
    let mut entry = entry(user, secs);
    change(&mut entry);
    entry
}

fn shown(recent: &RecentLogs) -> String {
    format!("{recent:?}")
}

/// Three weeks of work: ann by day from her network, a job at night, and visitors without a name.
fn history() -> Vec<LogEvent> {
    let mut events = Vec::new();
    for day in 0..24 {
        for i in 0..20 {
            let at = day * 86_400 + 9 * 3_600 + i * 700;
            events.push(with("ann", at, |e| e.endpoint = format!("/api/items/{}", i % 7)));
            events.push(with("bob", at + 60, |e| {
                e.ip_address = format!("10.{}.9.9", day % 12);
                e.endpoint = "/api/orders".to_owned();
            }));
            let night = day * 86_400 + 2 * 3_600 + i * 100;
            events.push(with("job", night, |e| {
                e.endpoint = "/api/export".to_owned();
                e.user_agent = Some("batch/1.0".to_owned());
                e.ip_address = "10.8.8.8".to_owned();
                e.response_size = Some(4_000_000);
                e.response_time = Some(8.0);
            }));
            events.push(with("", at + 30, |e| e.ip_address = format!("172.16.{day}.{i}")));
        }
    }
    events.sort_by_key(|event| event.timestamp);
    events
}

fn row(baselines: &LogBaselines, event: &LogEvent, recent: &RecentLogs) -> Vec<f32> {
    let mut row = vec![f32::NAN; TABLE.len()];
    baselines.extract(event, recent, &mut row);
    row
}

#[test]
fn what_a_user_never_did_stands_out_and_what_it_does_does_not() {
    let history = history();
    let baselines = LogBaselines::fit(history.iter());
    let windows = windows();
    history.iter().for_each(|event| _ = windows.observe(event));
    let after = 24 * 86_400;
    let nine = after + 9 * 3_600;
    type Case = (&'static str, LogEvent, F, bool);
    let cases: [Case; 14] = [
        ("her own network", entry("ann", nine), F::UserNetwork, false),
        ("another network", with("ann", nine, |e| e.ip_address = "198.18.4.4".into()), F::UserNetwork, true),
        ("one who travels", with("bob", nine, |e| e.ip_address = "10.3.9.9".into()), F::UserNetwork, false),
        ("her own hour", entry("ann", nine + 3_600), F::UserHour, false),
        ("the middle of the night", entry("ann", after + 3 * 3_600), F::UserHour, true),
        ("the job's night", with("job", after + 2 * 3_600 + 600, |e| e.ip_address = "10.8.8.8".into()), F::UserHour, false),
        ("her own agent, newer", with("ann", nine, |e| e.user_agent = Some("Mozilla/5.1 (X11; Linux)".into())), F::UserAgent, false),
        ("another agent", with("ann", nine, |e| e.user_agent = Some("curl/8.0".into())), F::UserAgent, true),
        ("another item of hers", with("ann", nine, |e| e.endpoint = "/api/items/6".into()), F::UserEndpoint, false),
        ("another's endpoint", with("ann", nine, |e| e.endpoint = "/api/export".into()), F::UserEndpoint, true),
        ("a name never seen", entry("eve", nine), F::UserRarity, true),
        ("a name often seen", entry("ann", nine), F::UserRarity, false),
        ("a path never seen", with("ann", nine, |e| e.endpoint = "/admin/users".into()), F::EndpointRarity, true),
        ("an export of usual size", with("job", nine, |e| e.endpoint = "/api/export".into()), F::EndpointRarity, false),
    ];
    for (name, event, feature, stands_out) in cases {
        let row = row(&baselines, &event, &windows.peek(&event));
        let value = row[feature as usize];
        assert_eq!(value >= 3.0, stands_out, "{name}: {value}");
        if stands_out {
            let said = baselines.reason(&event, &row, feature as usize);
            assert!(said.as_ref().is_some_and(|said| !said.contains("NaN") && said.len() < 300), "{name}: {said:?}");
        }
    }
    // A visitor whose address is new is one of many.
    let visitor = with("", nine, |e| e.ip_address = "172.16.200.200".into());
    let rarity = row(&baselines, &visitor, &windows.peek(&visitor))[F::UserRarity as usize];
    assert!(rarity < 7.0, "{rarity}");
    let large = with("ann", nine, |e| e.response_size = Some(4_000_000));
    let excess = |event: &LogEvent| row(&baselines, event, &windows.peek(event))[F::ResponseExcess as usize];
    let usual = with("job", nine, |e| (e.endpoint, e.response_size) = ("/api/export".into(), Some(4_000_000)));
    assert!(excess(&large) > 10.0 && excess(&usual) < 1.0, "{} {}", excess(&large), excess(&usual));
}

#[test]
fn a_login_after_failures_and_a_flood_of_them_are_counted() {
    let windows = windows();
    let failed = |user: &str, secs| with(user, secs, |e| e.status_code = Some(401));
    (0..3).for_each(|i| _ = windows.observe(&failed("ann", i)));
    let recent = windows.peek(&entry("ann", 5));
    assert_eq!((recent.user.streak, recent.user.refused, recent.address.refused), (3.0, 3.0, 3.0));
    windows.observe(&entry("ann", 6));
    assert_eq!(windows.peek(&entry("ann", 7)).user.streak, 0.0);
    (0..40).for_each(|i| _ = windows.observe(&failed(&format!("user{i}"), 10 + i)));
    let recent = windows.peek(&entry("user7", 60));
    assert!(recent.address.users > 25.0 && recent.address.streak == 40.0 && recent.user.refused == 1.0, "{}", shown(&recent));
    assert_eq!(windows.peek(&entry("ann", 4_000)).address.streak, 0.0, "an hour later it is no sequence");
}

#[test]
fn entries_judged_apart_leave_no_trace_and_their_order_says_nothing() {
    let windows = windows();
    let plan = Plan { rows: 2_000, attack_share: 0.1, start: Timestamp::from_secs(MONDAY), gap_secs: 1.5, traffic: "" };
    let events: Vec<LogEvent> = generate(Traffic::Shop, plan, Seed(1)).into_iter().map(|record| record.event).collect();
    let (past, batch) = events.split_at(1_000);
    past.iter().for_each(|event| _ = windows.observe(event));
    let before: Vec<String> = batch.iter().map(|event| shown(&windows.peek(event))).collect();
    let foreseen = windows.foresee(batch);
    assert_eq!(batch.iter().map(|event| shown(&windows.peek(event))).collect::<Vec<_>>(), before, "no trace");
    let of = |recents: &[RecentLogs]| recents.iter().map(shown).collect::<Vec<_>>();
    assert_eq!(of(&windows.foresee(batch)), of(&foreseen), "asked twice");
    let backwards: Vec<LogEvent> = batch.iter().rev().cloned().collect();
    let mut again = of(&windows.foresee(&backwards));
    again.reverse();
    assert_eq!(again, of(&foreseen), "in any order");
    // What comes later, or at the same time, has no say.
    let first = &batch[..500];
    assert_eq!(of(&windows.foresee(first)), of(&foreseen[..500]));
    let together = [entry("ann", 0), with("ann", 0, |e| e.status_code = Some(401))];
    assert_eq!(shown(&windows.foresee(&together)[0]), shown(&windows.foresee(&together[..1])[0]));
    // As if they had come one after the other.
    let one_by_one: Vec<String> = batch.iter().map(|event| shown(&windows.observe(event))).collect();
    let same = one_by_one.iter().zip(of(&foreseen)).filter(|(a, b)| **a == *b).count();
    assert!(same > 950, "{same}: but for those of one time");
}

#[test]
fn what_is_forgotten_was_never_counted_and_what_is_saved_comes_back() {
    let (windows, again) = (windows(), windows());
    let plan = Plan { rows: 5_000, attack_share: 0.1, start: Timestamp::from_secs(MONDAY), gap_secs: 2.0, traffic: "" };
    let events: Vec<LogEvent> = generate(Traffic::Users, plan, Seed(2)).into_iter().map(|record| record.event).collect();
    events.iter().for_each(|event| _ = windows.observe(event));
    let last = entry("ann", 20_000);
    windows.observe(&last);
    let counts = |recent: RecentLogs| (recent.user.hour, recent.user.bytes, recent.address.hour, recent.endpoint.hour, recent.endpoint.ten);
    let before = counts(windows.peek(&last));
    windows.observe(&last);
    windows.forget(&last);
    assert_eq!(counts(windows.peek(&last)), before);
    let parts = (0..).map_while(|part| windows.save(part)).map(|part| postcard::to_allocvec(&part).unwrap());
    parts.for_each(|part| again.restore(postcard::from_bytes(&part).unwrap()));
    assert_eq!(again.entities(), windows.entities());
    for event in &events[4_000..] {
        assert_eq!(shown(&again.peek(event)), shown(&windows.peek(event)));
    }
}

#[test]
fn times_out_of_order_and_odd_numbers_are_survived() {
    let windows = windows();
    for (secs, status, time) in [
        (0, Some(0), 0.0),
        (-86_400, Some(999), 1e30),
        (86_400 * 400, None, 1e-30),
        (5, Some(-9), 3.0),
        (i64::from(i32::MAX), Some(200), 0.1),
    ] {
        let odd = with("ann", secs, |e| {
            (e.status_code, e.response_time, e.response_size) = (status, Some(time), Some(u64::MAX));
        });
        let recent = windows.observe(&odd);
        let baselines = LogBaselines::fit(std::iter::once(&odd));
        let row = row(&baselines, &odd, &recent);
        assert!(row.iter().all(|value| !value.is_infinite()), "{row:?}");
        windows.forget(&odd);
    }
    let nobody = with("", 0, |e| (e.ip_address, e.endpoint) = (String::new(), String::new()));
    assert!(windows.observe(&nobody).user.hour.is_nan());
    assert!(std::mem::size_of::<OfUser>() <= 384, "{}", std::mem::size_of::<OfUser>());
}

#[test]
fn a_stored_entry_says_what_the_whole_one_said() {
    let long = "x".repeat(1_000_000);
    let whole = with(&long, 0, |e| {
        e.endpoint = format!("/{long}?q=%27{long}");
        e.user_agent = Some(long.clone());
        e.ip_address.clone_from(&long);
        e.method.clone_from(&long);
    });
    let stored = whole.bounded().into_owned();
    assert!(postcard::to_allocvec(&stored).unwrap().len() < 16_000);
    let baselines = LogBaselines::fit(history().iter());
    let (one, other) = (windows(), windows());
    let rows = [row(&baselines, &whole, &one.observe(&whole)), row(&baselines, &stored, &other.observe(&stored))];
    assert_eq!(format!("{:?}", rows[0]), format!("{:?}", rows[1]));
    assert_eq!(shown(&one.peek(&stored)), shown(&one.peek(&whole)));
}

#[test]
fn attacks_by_what_they_carry_are_known_without_a_model() {
    for (name, event, known) in [
        ("a browser", entry("ann", 0), false),
        ("a tool", with("ann", 0, |e| e.user_agent = Some("sqlmap/1.7".into())), true),
        ("an injection", with("ann", 0, |e| e.endpoint = "/a?id=1%27%20UNION%20SELECT%20password%20FROM%20users--".into()), true),
        ("an apostrophe", with("ann", 0, |e| e.endpoint = "/a?name=O%27Brien".into()), false),
    ] {
        assert_eq!((Logs::known_attack(&event), Logs::known_reason(&event).is_some()), (known, known), "{name}");
    }
}

#[test]
fn what_stands_behind_a_long_beginning_is_seen() {
    let padded = with("ann", 0, |e| e.user_agent = Some(format!("Mozilla/5.0{}sqlmap/1.7", " ".repeat(5_000))));
    assert!(Logs::known_attack(&padded) && Logs::known_attack(&padded.bounded()));
    let padded =
        with("ann", 0, |e| e.endpoint = format!("/a?x={}&id=1%27%20UNION%20SELECT%20password%20FROM%20users--", "x".repeat(9_000)));
    assert!(Logs::known_attack(&padded) && Logs::known_attack(&padded.bounded()));
}

#[test]
fn of_what_was_never_told_nothing_is_said() {
    let untold: Vec<LogEvent> = history()
        .into_iter()
        .map(|event| LogEvent { response_time: None, request_size: None, response_size: None, user_agent: None, ..event })
        .collect();
    let baselines = LogBaselines::fit(untold.iter());
    let told = with("ann", 24 * 86_400 + 9 * 3_600, |e| (e.response_time, e.response_size) = (Some(500.0), Some(1 << 40)));
    let row = row(&baselines, &told, &windows().peek(&told));
    let silent = [F::ResponseTime, F::TimeExcess, F::RequestSize, F::RequestExcess, F::ResponseSize, F::ResponseExcess, F::UserAgent];
    for feature in silent.into_iter().chain([F::BytesHour, F::BytesExcess, F::TimeHour, F::EndpointTime]) {
        assert!(row[feature as usize].is_nan(), "{feature:?}: {}", row[feature as usize]);
    }
}

#[test]
fn a_clock_that_is_ahead_hides_nothing_and_who_tries_a_name_does_not_have_it() {
    let proxies = TrustedProxies::default();
    let now = Timestamp::from_secs(MONDAY);
    let arrive = |mut event: LogEvent, max_ahead_secs: u64| {
        Logs::arrive(&mut event, &Arrival { now, max_ahead_secs, proxies: &proxies });
        event
    };
    for (max_ahead_secs, seen) in [(300, 20.0), (u64::MAX, 0.0)] {
        let windows = windows();
        windows.observe(&arrive(entry("ann", 290), max_ahead_secs));
        (0..20).for_each(|_| _ = windows.observe(&arrive(entry("ann", 0), max_ahead_secs)));
        assert_eq!(windows.peek(&arrive(entry("ann", 0), max_ahead_secs)).user.minute, seen, "{max_ahead_secs}");
    }
    let windows = windows();
    windows.observe(&entry("ann", 0));
    let strange = |status: i64| with("ann", 10, |e| (e.ip_address, e.status_code) = ("198.18.4.4".to_owned(), Some(status)));
    let networks = |windows: &LogRecency| windows.peek(&entry("ann", 20)).user.networks.round();
    windows.observe(&strange(401));
    assert_eq!(networks(&windows), 1.0);
    windows.observe(&strange(200));
    assert_eq!(networks(&windows), 2.0);
}
