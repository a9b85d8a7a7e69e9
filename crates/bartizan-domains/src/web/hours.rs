//! Hours of the day of which a history says something.

/// Days on which an hour of the day must have been seen before rare requests in it say anything.
const LEAST_DAYS: i64 = 3;
/// Share of the events at each end of the history that are left out when it is asked how long it is: their clocks may be wrong.
const TRIMMED: f64 = 0.005;

/// Whether each hour of the day lies whole within the history on enough days.
pub(crate) fn covered_hours(mut secs: Vec<i64>) -> [bool; 24] {
    secs.sort_unstable();
    let cut = (TRIMMED * secs.len() as f64).ceil() as usize;
    let (Some(first), Some(last)) = (secs.get(cut), secs.iter().rev().nth(cut)) else { return [false; 24] };
    // Whole hours since 1970 that lie between the two.
    let (from, until) = (first.div_euclid(3600) + 1, last.div_euclid(3600));
    // Such hours before `end` that are this one of their day.
    let before = |end: i64, hour: i64| (end - hour + 23).div_euclid(24);
    let days = |hour: i64| before(until, hour) - before(from, hour);
    std::array::from_fn(|hour| days(hour as i64) >= LEAST_DAYS)
}

#[cfg(test)]
mod tests {
    use super::covered_hours;

    #[test]
    fn an_hour_is_covered_once_it_was_seen_on_several_days() {
        let hourly = |from: i64, until: i64| (from * 4..until * 4).map(|quarter| quarter * 900).collect::<Vec<_>>();
        let covered = |from, until| covered_hours(hourly(from, until)).map(u8::from);
        assert_eq!(covered_hours(Vec::new()), [false; 24]);
        for (name, from, until, expected) in [
            ("a day and a half", 0, 36, [0; 24]),
            ("three days, of which the first and the last hour are cut", 0, 72, {
                let mut hours = [1; 24];
                (hours[0], hours[23]) = (0, 0);
                hours
            }),
            ("from one evening to the next but two", 20, 20 + 72 + 3, {
                let mut hours = [1; 24];
                (hours[20], hours[21]) = (1, 1);
                hours
            }),
            ("two days and seven hours", 10, 65, {
                let mut hours = [0; 24];
                (11..16).for_each(|hour| hours[hour] = 1);
                hours
            }),
        ] {
            assert_eq!(covered(from, until), expected, "{name}");
        }
        let mut odd = hourly(0, 30);
        odd.extend([i64::MIN / 1_000_000, 86_400 * 365]);
        assert_eq!(covered_hours(odd), [false; 24], "clocks that are wrong make no days");
    }
}
