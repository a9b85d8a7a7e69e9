//! Sessions from hand-written activity.

use super::{Activity, Closed, MAX_CLIENT, MAX_OPEN, Sessions};

fn at(client: &str, time: i64) -> Activity {
    Activity { client: client.to_owned(), time, line: 1 + time.unsigned_abs(), requests: 1, ..Activity::default() }
}

fn fold(activities: impl IntoIterator<Item = Activity>) -> Vec<Closed> {
    let mut sessions = Sessions::new();
    let mut closed: Vec<Closed> = activities.into_iter().flat_map(|activity| sessions.add(activity)).collect();
    closed.extend(sessions.finish());
    closed
}

/// Start and values of each session.
fn shapes(closed: &[Closed]) -> Vec<(i64, [u16; 6])> {
    closed.iter().map(|session| (session.event.time.secs(), session.event.values())).collect()
}

#[test]
fn silence_and_length_end_a_session() {
    for (name, times, expected) in [
        ("one moment", vec![0], vec![(0, 10)]),
        ("a silence of five minutes", vec![0, 300, 600], vec![(0, 600)]),
        ("a longer silence", vec![0, 301], vec![(0, 10), (301, 10)]),
        ("longer than ten minutes", vec![0, 200, 400, 600, 601, 800], vec![(0, 600), (601, 199)]),
        ("a little out of order", vec![100, 80, 120, 70], vec![(70, 50)]),
        ("far out of order", vec![1_000, 0, 20], vec![(1_000, 10), (0, 20)]),
        ("at the ends of time", vec![i64::MIN, i64::MAX, i64::MIN], vec![(i64::MIN, 10), (i64::MAX, 10), (i64::MIN, 10)]),
    ] {
        let found: Vec<(i64, u16)> = fold(times.iter().map(|time| at("a", *time)))
            .iter()
            .map(|session| (session.event.time.secs(), session.event.session_time))
            .collect();
        let clamp = |secs| bartizan_core::Timestamp::from_secs(secs).secs();
        let expected: Vec<(i64, u16)> = expected.into_iter().map(|(start, length)| (clamp(start), length)).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn numbers_are_summed_and_the_busiest_second_is_the_rate() {
    let failed = |time| Activity { failed_logins: 1, ..at("a", time) };
    let command = |time, hash| Activity { command: Some(hash), ..at("a", time) };
    let closed = fold([
        failed(0),
        failed(0),
        Activity { failed_logins: 5, ..at("a", 1) },
        command(2, 7),
        command(2, 7),
        command(2, 8),
        Activity { changes: 2, injection: true, ..at("a", 3) },
        Activity { decoy: true, ..at("a", 40) },
        Activity { requests: 0, ..at("a", 90) },
        at("b", 5),
    ]);
    assert_eq!(shapes(&closed), [(0, [7, 3, 4, 1, 1, 90]), (5, [0, 1, 0, 0, 0, 10])]);
    assert_eq!((closed[0].line, closed[1].event.client.as_str()), (1, "b"));
    assert_eq!(closed[0].mended, Vec::<String>::new());
    assert_eq!(closed[1].mended, ["session_time below 10"]);
}

#[test]
fn what_is_beyond_the_ranges_is_clamped_and_said() {
    let closed = fold([Activity { failed_logins: u32::MAX, requests: 5_000, changes: u32::MAX, span: i64::MAX, ..at("a", 0) }, at("a", 1)]);
    assert_eq!(shapes(&closed), [(0, [150, 600, 20, 0, 0, 600])]);
    assert_eq!(closed[0].mended, ["failed_logins above 150", "request_rate above 600", "commands_count above 20"]);
    let many = (0..100).map(|hash| Activity { command: Some(hash), ..at("a", hash as i64) });
    assert_eq!(fold(many)[0].mended, ["commands_count above 20"]);
}

#[test]
fn lines_that_only_go_on_begin_nothing() {
    let touch = |time| Activity { requests: 0, ..at("a", time) };
    assert_eq!(shapes(&fold([touch(0), at("a", 10), touch(30), touch(900)])), [(10, [0, 1, 0, 0, 0, 20])]);
}

#[test]
fn what_fell_silent_is_closed_while_others_go_on() {
    // How many have ended by each line, of one that is over at 0 and of others.
    for (name, times, expected) in [
        ("too soon", vec![300, 600], vec![0, 0]),
        ("a second line says how late it is", vec![601, 601], vec![0, 1]),
        ("all of them, each once", vec![700, 700, 1_400, 1_400], vec![0, 1, 1, 3]),
        ("not before its time for a clock that was wrong", vec![9_000, 10, 9_001, 20], vec![0, 0, 0, 0]),
        ("nothing goes on", vec![-9_000, -9_000], vec![0, 0]),
    ] {
        let mut sessions = Sessions::new();
        let mut ended = sessions.add(at("quiet", 0)).len();
        let found: Vec<usize> = (1..)
            .zip(times)
            .map(|(client, time)| {
                ended += sessions.add(at(&client.to_string(), time)).len();
                ended
            })
            .collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn sessions_are_the_same_whenever_they_are_closed() {
    // Clients that come and go for four hours, each line up to 300 seconds late; and each client's lines alone.
    let is_away = |i: &i64| (i / 300 + i * i % 37) % 3 == 0;
    let lines = (0..6_000_i64).filter(|i| !is_away(i)).map(|i| at(&(i * i % 37).to_string(), i * 12 / 5 - i * 7_919 % 300));
    let lines: Vec<Activity> = lines.collect();
    let sorted = |mut closed: Vec<Closed>| {
        closed.sort_by_key(|session| (session.event.client.clone(), session.event.time.secs(), session.line));
        closed
    };
    let alone = (0..37).flat_map(|client| fold(lines.iter().filter(|line| line.client == client.to_string()).cloned())).collect();
    assert_eq!(sorted(fold(lines.clone())), sorted(alone));
}

#[test]
fn memory_is_bounded() {
    let mut sessions = Sessions::new();
    let mut closed = 0;
    for client in 0..3 * MAX_OPEN {
        closed += sessions.add(at(&client.to_string(), 0)).len();
        assert!(sessions.open.len() <= MAX_OPEN);
    }
    assert_eq!(closed + sessions.finish().len(), 3 * MAX_OPEN);
    let mut sessions = Sessions::new();
    (0..100_000).for_each(|second| drop(sessions.add(at(&second.to_string(), second))));
    assert!(sessions.open.len() < 2_000, "those that fell silent are closed: {}", sessions.open.len());
    let long = fold([at(&"é".repeat(MAX_CLIENT), 0)]);
    assert_eq!(long[0].event.client.len(), MAX_CLIENT);
}
