//! A real access log with the requests of a scanner among them.
//!
//! The scanner was recorded at another site and time. Its requests keep their distances and their address, and are moved to moments within
//! the last part of the log: all of them, or one in ten. The answers to it are those of the other site.

use super::entry::{Entry, Line};
use anyhow::{Context, ensure};
use bartizan_core::Timestamp;
use std::path::Path;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// After which share of the log's lines the first moment is, and over how much of them the moments are spread.
const FIRST: f64 = 0.72;
const SPREAD: f64 = 0.25;
/// What the scanner's requests are called.
const ATTACK: &str = "scanner";
/// One in how many of the scanner's requests are taken, and at how many moments.
const VARIANTS: [(usize, usize); 4] = [(1, 1), (1, 3), (10, 1), (10, 3)];

/// The log with the scanner in each of the variants, in the order of time.
pub(super) fn mixtures(data: &Path) -> anyhow::Result<Vec<(String, Vec<Entry>)>> {
    let read = |name: &str| {
        let path = data.join("access_logs").join(name);
        std::fs::read(&path).with_context(|| path.display().to_string()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    let (site, scan) = (read("elastic_apache_logs")?, read("scan_netsparker.txt")?);
    let (site, scan) = (lines(&site), lines(&scan));
    ensure!(!site.is_empty() && !scan.is_empty(), "no lines of the combined format");
    VARIANTS.iter().map(|(one_in, moments)| Ok((named(*one_in, *moments), mixed(&site, &scan, *one_in, *moments)?))).collect()
}

fn named(one_in: usize, moments: usize) -> String {
    let part = if one_in == 1 { "all".to_owned() } else { format!("1 in {one_in}") };
    format!("{part} of the scan, {}", if moments == 1 { "at once".to_owned() } else { format!("{moments} times") })
}

fn mixed(site: &[Line<'_>], scan: &[Line<'_>], one_in: usize, moments: usize) -> anyhow::Result<Vec<Entry>> {
    let thinned: Vec<&Line<'_>> = scan.iter().step_by(one_in).collect();
    let mut entries = site.iter().map(|line| Entry::of_line(line, None)).collect::<anyhow::Result<Vec<_>>>()?;
    for (moment, part) in thinned.chunks(thinned.len().div_ceil(moments)).enumerate() {
        let share = FIRST + SPREAD * moment as f64 / moments as f64;
        let begin = site[(site.len() as f64 * share) as usize].at;
        for line in part {
            entries.push(Entry::of_line(&Line { at: begin + line.at - part[0].at, ..(*line).clone() }, Some(ATTACK))?);
        }
    }
    entries.sort_by_key(|entry| entry.at);
    Ok(entries)
}

/// The lines of a log in the order of time; those of another format are passed over.
fn lines(text: &str) -> Vec<Line<'_>> {
    let mut lines: Vec<Line<'_>> = text.lines().filter_map(line).collect();
    lines.sort_by_key(|line| line.at);
    lines
}

/// `CLIENT - USER [TIME] "METHOD TARGET PROTOCOL" STATUS BYTES "REFERER" "AGENT"`, perhaps in quotes as a whole.
fn line(text: &str) -> Option<Line<'_>> {
    let text = text.strip_prefix('"').unwrap_or(text);
    let mut quoted = quoted(text);
    let (head, asked, answer, _, _, agent) =
        (quoted.next()?, quoted.next()?, quoted.next()?, quoted.next()?, quoted.next()?, quoted.next()?);
    let at = time(head.split_once('[')?.1.split(']').next()?)?;
    let (mut words, mut answer) = (asked.split(' '), answer.split_whitespace());
    let (method, target) = (words.next()?, words.next()?);
    let (status, size) = (answer.next()?.parse().ok()?, answer.next()?.parse().ok());
    Some(Line { at, client: head.split(' ').next()?, method, target, status, size, agent })
}

/// What stands between the quotes of a line, and before and after them; one behind a backslash is part of it.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let mut ends = (0..=bytes.len()).filter(|at| *at == bytes.len() || (bytes[*at] == b'"' && (*at == 0 || bytes[at - 1] != b'\\')));
    let mut from = 0;
    std::iter::from_fn(move || {
        let to = ends.next()?;
        Some(&text[std::mem::replace(&mut from, to + 1)..to])
    })
}

/// `17/May/2015:10:05:03 +0000` in microseconds since 1970.
fn time(text: &str) -> Option<i64> {
    let (moment, zone) = text.split_once(' ')?;
    let mut parts = moment.splitn(4, ['/', ':']);
    let (day, month, year, clock) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let month = 1 + MONTHS.iter().position(|name| *name == month)?;
    let (hours, minutes) = zone.split_at_checked(3)?;
    let text = format!("{year}-{month:02}-{day}T{clock}{hours}:{minutes}");
    Timestamp::parse(&text).ok().map(Timestamp::micros)
}

#[cfg(test)]
mod tests {
    use super::{Entry, Line, line, lines, mixed};

    const SITE: &str = r#"192.0.2.7 - - [17/May/2015:10:00:00 +0200] "GET /a?b=1 HTTP/1.1" 200 203 "-" "Mozilla/5.0 (X11)""#;

    #[test]
    fn lines_are_read_with_and_without_quotes_around_them() {
        let expected = Line {
            at: 1_431_849_600_000_000,
            client: "192.0.2.7",
            method: "GET",
            target: "/a?b=1",
            status: 200,
            size: Some(203),
            agent: "Mozilla/5.0 (X11)",
        };
        for text in [SITE.to_owned(), format!("\"{SITE}\"")] {
            assert_eq!(line(&text), Some(expected.clone()), "{text}");
        }
        assert_eq!(line(&SITE.replace("b=1", r#"b='\"-->"#)).map(|line| line.target), Some(r#"/a?b='\"-->"#));
        assert_eq!(line(&SITE.replace(" 203 ", " - ")).map(|line| line.size), Some(None));
        assert_eq!(line("no line of a log"), None);
    }

    #[test]
    fn a_scan_is_moved_into_the_last_part() {
        let site: String = (0..5).map(|hour| SITE.replace(":10:", &format!(":1{hour}:")) + "\n").collect();
        let scan: String = (0..9).map(|second| SITE.replace("2015:10:00:00", &format!("2020:10:00:0{second}")) + "\n").collect();
        for (one_in, moments, expected) in [(1, 1, 9), (1, 3, 9), (3, 3, 3), (2, 2, 5)] {
            let all = mixed(&lines(&site), &lines(&scan), one_in, moments).unwrap();
            let attacks: Vec<&Entry> = all.iter().filter(|entry| entry.attack.is_some()).collect();
            assert_eq!((all.len(), attacks.len()), (5 + expected, expected), "1 in {one_in}, {moments} moments");
            let (first, last) = (all[0].at, all[all.len() - 1].at);
            assert!(attacks.iter().all(|entry| (entry.at - first) as f64 > 0.7 * (last - first) as f64));
            assert!(all.is_sorted_by_key(|entry| entry.at));
        }
    }
}
