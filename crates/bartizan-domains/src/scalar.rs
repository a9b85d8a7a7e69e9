//! Single values: lax in one direction, a text for a number but never a number for a text.

use crate::faults::{Fault, Loc};
use bartizan_core::Timestamp;
use serde_json::{Value, json};

/// Why a value is refused: type, sentence, bound.
pub type Wrong = (&'static str, String, Option<Value>);

/// Bounds of a number, inclusive.
#[derive(Clone, Copy, Default)]
pub struct Bounds<T> {
    /// The least.
    pub ge: Option<T>,
    /// The most.
    pub le: Option<T>,
}

impl<T: PartialOrd + Copy + Into<Value> + std::fmt::Display> Bounds<T> {
    /// Refuses what is outside, and what cannot be compared.
    ///
    /// # Errors
    /// The bound that is not kept.
    pub fn check(self, value: T) -> Result<T, Wrong> {
        #[expect(clippy::neg_cmp_op_on_partial_ord, reason = "NaN must fail both bounds")]
        match self {
            Self { ge: Some(ge), .. } if !(value >= ge) => {
                let text = format!("Input should be greater than or equal to {ge}");
                Err(("greater_than_equal", text, Some(json!({"ge": ge.into()}))))
            }
            Self { le: Some(le), .. } if !(value <= le) => {
                Err(("less_than_equal", format!("Input should be less than or equal to {le}"), Some(json!({"le": le.into()}))))
            }
            _ => Ok(value),
        }
    }
}

/// The fault of a value at a place.
#[must_use]
pub fn fault(wrong: Wrong, loc: Vec<Loc>, input: Value) -> Fault {
    let (kind, msg, ctx) = wrong;
    Fault { ctx, ..Fault::new(kind, loc, msg, input) }
}

const INT_PARSING: &str = "Input should be a valid integer, unable to parse string as an integer";
const INT_FROM_FLOAT: &str = "Input should be a valid integer, got a number with a fractional part";

fn wrong<T>(kind: &'static str, text: &str) -> Result<T, Wrong> {
    Err((kind, text.to_owned(), None))
}

/// A whole number from a text; beyond 64 bits it saturates.
///
/// # Errors
/// When it is none.
pub fn int_of_text(text: &str) -> Result<i64, Wrong> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = digits.split_once('.').map_or(digits, |(whole, rest)| if rest.bytes().all(|b| b == b'0') { whole } else { digits });
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return wrong("int_parsing", INT_PARSING);
    }
    Ok(digits.parse::<i64>().map_or(if sign < 0 { i64::MIN } else { i64::MAX }, |value| sign * value))
}

/// A whole number, also one written as `7.0`, `"7"` or `true`.
///
/// # Errors
/// When it is none.
pub fn int(value: &Value) -> Result<i64, Wrong> {
    match value {
        Value::Bool(flag) => Ok(i64::from(*flag)),
        Value::String(text) => int_of_text(text),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Ok(whole),
            (None, Some(float)) if float.fract() == 0.0 => Ok(float as i64),
            _ => wrong("int_from_float", INT_FROM_FLOAT),
        },
        _ => wrong("int_type", "Input should be a valid integer"),
    }
}

/// A number from a text.
///
/// # Errors
/// When it is none.
pub fn float_of_text(text: &str) -> Result<f64, Wrong> {
    text.trim().parse().or_else(|_| wrong("float_parsing", "Input should be a valid number, unable to parse string as a number"))
}

/// A number, also one written as a text or as `true`.
///
/// # Errors
/// When it is none.
pub fn float(value: &Value) -> Result<f64, Wrong> {
    match value {
        Value::Bool(flag) => Ok(f64::from(u8::from(*flag))),
        Value::String(text) => float_of_text(text),
        Value::Number(number) => number.as_f64().map_or_else(|| wrong("float_type", "Input should be a valid number"), Ok),
        _ => wrong("float_type", "Input should be a valid number"),
    }
}

/// A truth from one of the words for it.
///
/// # Errors
/// When it is none of them.
pub fn bool_of_text(text: &str) -> Result<bool, Wrong> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" | "t" | "y" => Ok(true),
        "false" | "0" | "no" | "off" | "f" | "n" => Ok(false),
        _ => wrong("bool_parsing", "Input should be a valid boolean, unable to interpret input"),
    }
}

/// A truth, also one written as a word, 0 or 1.
///
/// # Errors
/// When it is none.
pub fn boolean(value: &Value) -> Result<bool, Wrong> {
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::String(text) => bool_of_text(text),
        Value::Number(number) => match number.as_f64() {
            Some(1.0) => Ok(true),
            Some(0.0) => Ok(false),
            _ => wrong("bool_parsing", "Input should be a valid boolean, unable to interpret input"),
        },
        _ => wrong("bool_type", "Input should be a valid boolean"),
    }
}

/// A text.
///
/// # Errors
/// When it is none.
pub fn string(value: &Value) -> Result<String, Wrong> {
    value.as_str().map_or_else(|| wrong("string_type", "Input should be a valid string"), |text| Ok(text.to_owned()))
}

/// A time from a query; a `+` that was sent unescaped has become a blank and is understood all the same.
///
/// # Errors
/// When it is no time.
pub fn time_of_text(text: &str) -> Result<Timestamp, Wrong> {
    let mended = || text.rsplit_once(' ').and_then(|(head, zone)| Timestamp::parse(&format!("{head}+{zone}")).ok());
    Timestamp::parse(text)
        .ok()
        .or_else(mended)
        .map_or_else(|| wrong("datetime_parsing", "Input should be a valid datetime, such as 2026-01-31T09:30:00Z"), Ok)
}

#[cfg(test)]
mod tests {
    use super::{Bounds, boolean, float, int, string, time_of_text};
    use serde_json::json;

    #[test]
    fn numbers_are_taken_from_texts_and_not_the_other_way_round() {
        for (value, expected) in [
            (json!(7), Ok(7)),
            (json!("7"), Ok(7)),
            (json!(" -7 "), Ok(-7)),
            (json!(7.0), Ok(7)),
            (json!("7.0"), Ok(7)),
            (json!(true), Ok(1)),
            (json!("99999999999999999999"), Ok(i64::MAX)),
            (json!(7.5), Err("int_from_float")),
            (json!("7.5"), Err("int_parsing")),
            (json!("seven"), Err("int_parsing")),
            (json!(""), Err("int_parsing")),
            (json!([7]), Err("int_type")),
            (json!(null), Err("int_type")),
        ] {
            assert_eq!(int(&value).map_err(|wrong| wrong.0), expected, "{value}");
        }
        assert_eq!(string(&json!(7)).unwrap_err().0, "string_type");
        assert_eq!(float(&json!("0.25")).unwrap(), 0.25);
        assert_eq!(float(&json!("quarter")).unwrap_err().0, "float_parsing");
        assert_eq!(float(&json!({})).unwrap_err().0, "float_type");
    }

    #[test]
    fn booleans_have_many_names() {
        for (value, expected) in [
            (json!("True"), Ok(true)),
            (json!("on"), Ok(true)),
            (json!(0), Ok(false)),
            (json!("no"), Ok(false)),
            (json!("maybe"), Err("bool_parsing")),
            (json!(2), Err("bool_parsing")),
            (json!([]), Err("bool_type")),
        ] {
            assert_eq!(boolean(&value).map_err(|wrong| wrong.0), expected, "{value}");
        }
    }

    #[test]
    fn bounds_are_inclusive_and_refuse_nan() {
        let share = Bounds { ge: Some(0.0), le: Some(1.0) };
        assert!(share.check(0.0).is_ok() && share.check(1.0).is_ok());
        assert_eq!(share.check(1.5).unwrap_err().0, "less_than_equal");
        assert_eq!(share.check(f64::NAN).unwrap_err().0, "greater_than_equal");
    }

    #[test]
    fn unescaped_plus_signs_are_understood() {
        let plain = time_of_text("2026-01-31T09:30:00Z").unwrap();
        assert_eq!(time_of_text("2026-01-31T10:30:00 01:00").unwrap(), plain);
        assert_eq!(time_of_text("2026-01-31 09:30:00").unwrap(), plain);
        assert_eq!(time_of_text("soon").unwrap_err().0, "datetime_parsing");
    }
}
