//! How fields are described in the OpenAPI document that are read more leniently than their type says: a number may come as text,
//! a truth value under several names. What is described is always accepted; of the spellings of one value, the usual ones are listed.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

/// A whole number from `MIN` to `MAX` (`i64::MAX` for no bound), which may come as text or, where it is 0 or 1, as a truth value.
pub(crate) fn whole<const MIN: i64, const MAX: i64>(_: &mut SchemaGenerator) -> Schema {
    whole_of(MIN, MAX, false)
}

/// The same, or null.
pub(crate) fn whole_or_null<const MIN: i64, const MAX: i64>(_: &mut SchemaGenerator) -> Schema {
    whole_of(MIN, MAX, true)
}

fn whole_of(min: i64, max: i64, nullable: bool) -> Schema {
    let mut types = vec!["integer", "string"];
    types.extend((min <= 1).then_some("boolean"));
    types.extend(nullable.then_some("null"));
    let mut schema = json_schema!({ "type": types, "minimum": min, "pattern": digits(min, max) });
    if max < i64::MAX {
        schema.insert("maximum".to_owned(), json!(max));
    }
    if min == 1 {
        schema.insert("not".to_owned(), json!({ "const": false }));
    }
    schema
}

/// Texts that are whole numbers between the two: not all of them, but no others.
fn digits(min: i64, max: i64) -> String {
    let most = max.to_string().len().saturating_sub(1);
    match (min, max) {
        (min, max) if max < 10 => format!("^[{min}-{max}]$"),
        (0, _) => format!("^[0-9]{{1,{most}}}$"),
        (1, _) => format!("^[1-9][0-9]{{0,{}}}$", most.saturating_sub(1)),
        _ => format!("^[1-9][0-9]{{{},{}}}$", min.to_string().len().saturating_sub(1).max(1), most.saturating_sub(1).max(1)),
    }
}

/// A truth value, which may come as 0 or 1 or as a word.
pub(crate) fn truth(_: &mut SchemaGenerator) -> Schema {
    let words: Vec<Value> = [json!(0), json!(1)].into_iter().chain(WORDS.map(Value::from)).collect();
    json_schema!({ "anyOf": [{ "type": "boolean" }, { "enum": words }] })
}

/// Spellings of truth values.
const WORDS: [&str; 14] = ["true", "false", "True", "False", "1", "0", "yes", "no", "on", "off", "t", "f", "y", "n"];

/// A share above 0 and at most one half, which may come as text; or null.
pub(crate) fn contamination(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["number", "string", "null"], "exclusiveMinimum": 0, "maximum": 0.5, "pattern": "^0\\.([1-4][0-9]?|[0-4][1-9]|5)$",
    })
}

/// The name of a model version.
pub(crate) fn version(_: &mut SchemaGenerator) -> Schema {
    version_of(&["string"])
}

/// The name of a model version, or null for the next one.
pub(crate) fn version_or_null(_: &mut SchemaGenerator) -> Schema {
    version_of(&["string", "null"])
}

fn version_of(types: &[&str]) -> Schema {
    let edge = "[^\\s/\\x00-\\x1f\\x7f-\\x9f]";
    let pattern = format!("^{edge}([^/\\x00-\\x1f\\x7f-\\x9f]{{0,62}}{edge})?$");
    json_schema!({
        "type": types, "minLength": 1, "maxLength": 64, "pattern": pattern, "not": { "enum": ["none", "learning"] },
    })
}

/// A time as text, as seconds or milliseconds since 1970, or null for now.
pub(crate) fn time_or_null(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "number", "null"], "format": "date-time" })
}

/// A time as text.
pub(crate) fn time(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "format": "date-time" })
}

/// A time as text, or null for none.
pub(crate) fn text_time_or_null(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "format": "date-time" })
}

/// A number, which may come as text or as a truth value.
pub(crate) fn number() -> Value {
    json!({ "type": ["number", "string", "boolean"], "pattern": "^[+-]?[0-9]{1,15}(\\.[0-9]{1,15})?$" })
}

#[cfg(test)]
mod tests {
    use super::{WORDS, digits};
    use bartizan_domains::scalar;
    use serde_json::json;

    #[test]
    fn the_texts_described_are_within_bounds() {
        for (min, max, expected) in [
            (0, 150, "^[0-9]{1,2}$"),
            (1, 600, "^[1-9][0-9]{0,1}$"),
            (0, 20, "^[0-9]{1,1}$"),
            (0, 1, "^[0-1]$"),
            (10, 600, "^[1-9][0-9]{1,1}$"),
            (1, 10_000, "^[1-9][0-9]{0,3}$"),
            (2, 65_536, "^[1-9][0-9]{1,3}$"),
        ] {
            assert_eq!(digits(min, max), expected, "{min} to {max}");
        }
    }

    #[test]
    fn the_words_described_are_truth_values() {
        for word in WORDS {
            assert!(scalar::bool_of_text(word).is_ok(), "{word}");
        }
        assert!(scalar::boolean(&json!(0)).is_ok() && scalar::boolean(&json!(1)).is_ok());
    }
}
