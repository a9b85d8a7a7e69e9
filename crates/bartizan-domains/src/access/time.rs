//! Times of access logs.

use bartizan_core::Timestamp;

/// `31/Jan/2026:09:30:00 +0100`, also with a fraction of a second or without an offset, and times of RFC 3339. By hand, for every line of
/// a log has one. A leap second is the second before it.
pub(super) fn bracketed(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    match bytes {
        [d1, d2, b'/', _, _, _, b'/', y1, y2, y3, y4, b':', h1, h2, b':', m1, m2, b':', s1, s2, rest @ ..] => {
            let day = two(*d1, *d2)?;
            let month = month([bytes[3], bytes[4], bytes[5]])?;
            let year = 100 * two(*y1, *y2)? + two(*y3, *y4)?;
            let (hour, minute, second) = (two(*h1, *h2)?, two(*m1, *m2)?, two(*s1, *s2)?);
            let (micros, rest) = fraction(rest);
            let secs = seconds([year, month, day, hour, minute, second])? - offset(rest)?;
            Some(Timestamp::from_micros(secs * 1_000_000 + micros))
        }
        // `6/Mar/2024`, as some write the first days of a month.
        [d @ b'1'..=b'9', b'/', rest @ ..] => bracketed(&format!("0{}/{}", char::from(*d), std::str::from_utf8(rest).ok()?)),
        _ => rfc_3339(text),
    }
}

/// A time of RFC 3339, also with a blank instead of `T`, and without an offset, which then is UTC.
pub(super) fn rfc_3339(text: &str) -> Option<Timestamp> {
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    Timestamp::parse(text).ok()
}

/// A number of seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size.
pub(super) fn since_1970(number: f64) -> Option<Timestamp> {
    /// Seconds of the year 5138, and milliseconds of 1973.
    const LIMIT: f64 = 1e11;
    let per_second = [1.0, 1e3, 1e6, 1e9].into_iter().find(|unit| number / unit < LIMIT)?;
    (number > 0.0).then(|| Timestamp::from_micros((number / per_second * 1e6).round() as i64))
}

/// The number of a month by its name, which three letters are enough for; compared as one number.
fn month(name: [u8; 3]) -> Option<u32> {
    Some(match &name.map(|letter| letter.to_ascii_lowercase()) {
        b"jan" => 1,
        b"feb" => 2,
        b"mar" => 3,
        b"apr" => 4,
        b"may" => 5,
        b"jun" => 6,
        b"jul" => 7,
        b"aug" => 8,
        b"sep" => 9,
        b"oct" => 10,
        b"nov" => 11,
        b"dec" => 12,
        _ => return None,
    })
}

fn two(tens: u8, ones: u8) -> Option<u32> {
    let digit = |byte: u8| Some(u32::from(byte.wrapping_sub(b'0'))).filter(|digit| *digit < 10);
    Some(10 * digit(tens)? + digit(ones)?)
}

/// Microseconds after the seconds, and what follows them.
fn fraction(text: &[u8]) -> (i64, &[u8]) {
    let Some(digits) = text.strip_prefix(b".").or_else(|| text.strip_prefix(b",")) else { return (0, text) };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let micros = (0..6).fold(0, |sum, at| 10 * sum + digits[..length].get(at).map_or(0, |byte| i64::from(byte - b'0')));
    (micros, &digits[length..])
}

/// Seconds of an offset such as ` +0100`; nothing is UTC.
fn offset(text: &[u8]) -> Option<i64> {
    match text {
        [] => Some(0),
        [b' ', sign @ (b'+' | b'-'), h1, h2, rest @ ..] => {
            let minutes = match rest {
                [m1, m2] | [b':', m1, m2] => two(*m1, *m2)?,
                _ => return None,
            };
            let secs = i64::from(two(*h1, *h2)? * 3_600 + minutes * 60);
            Some(if *sign == b'-' { -secs } else { secs })
        }
        [b' ', b'Z'] | [b'Z'] => Some(0),
        _ => None,
    }
}

/// Seconds since 1970 of a time in UTC; `None` when there is none such.
fn seconds([year, month, day, hour, minute, second]: [u32; 6]) -> Option<i64> {
    const DAYS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = DAYS[month as usize - 1] + u32::from(month == 2 && leap);
    if day == 0 || day > days || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Days since 1 March of the year 0, in years that begin in March, so that the leap day is the last one.
    let (march_year, march_month) = if month > 2 { (i64::from(year), month - 3) } else { (i64::from(year) - 1, month + 9) };
    let day_of_year = i64::from((153 * march_month + 2) / 5 + day - 1);
    let days = 365 * march_year + march_year.div_euclid(4) - march_year.div_euclid(100) + march_year.div_euclid(400) + day_of_year;
    const UNTIL_1970: i64 = 719_468;
    Some((days - UNTIL_1970) * 86_400 + i64::from(hour * 3_600 + minute * 60 + second.min(59)))
}

#[cfg(test)]
mod tests {
    use super::{bracketed, since_1970};
    use bartizan_core::Timestamp;
    use proptest::prelude::*;

    #[test]
    fn times_in_brackets() {
        for (text, expected) in [
            ("06/Mar/2024:10:00:00 +0000", Some("2024-03-06T10:00:00Z")),
            ("06/mar/2024:10:00:00 -0130", Some("2024-03-06T11:30:00Z")),
            ("6/Mar/2024:10:00:00 +01:00", Some("2024-03-06T09:00:00Z")),
            ("06/Mar/2024:10:00:00.655", Some("2024-03-06T10:00:00.655Z")),
            ("06/Mar/2024:10:00:00.1234567 +0000", Some("2024-03-06T10:00:00.123456Z")),
            ("31/Dec/2016:23:59:60 +0000", Some("2016-12-31T23:59:59Z")),
            ("29/Feb/2024:00:00:00 +0000", Some("2024-02-29T00:00:00Z")),
            ("29/Feb/2100:00:00:00 +0000", None),
            ("00/Feb/2024:00:00:00 +0000", None),
            ("01/Feb/2024:24:00:00 +0000", None),
            ("01/Foo/2024:00:00:00 +0000", None),
            ("01/Feb/2024:00:00:00 +00", None),
            ("2024-03-06T10:00:00+01:00", Some("2024-03-06T09:00:00Z")),
            ("2024-03-06 10:00:00", Some("2024-03-06T10:00:00Z")),
            ("", None),
            ("x", None),
            ("6/", None),
        ] {
            assert_eq!(bracketed(text).map(|time| time.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn numbers_are_of_the_unit_that_fits() {
        for number in [1_709_719_200.0, 1_709_719_200_000.0, 1_709_719_200_000_000.0, 1_709_719_200_000_000_000.0] {
            assert_eq!(since_1970(number).unwrap().to_string(), "2024-03-06T10:00:00Z", "{number}");
        }
        assert_eq!((since_1970(-1.0), since_1970(f64::NAN), since_1970(1e30)), (None, None, None));
    }

    proptest! {
        #[test]
        fn times_agree_with_those_of_the_library(secs in 0_i64..4_102_444_800) {
            let time = jiff::Timestamp::from_second(secs).unwrap();
            let text = time.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
            prop_assert_eq!(bracketed(&text), Some(Timestamp::from_secs(secs)));
        }

        #[test]
        fn any_text_is_harmless(text in ".{0,40}") {
            let _ = bracketed(&text);
        }
    }
}
