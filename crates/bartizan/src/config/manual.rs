//! The manual of the configuration, written from the table of settings: a JSON Schema and a commented file.

use super::key::{KEYS, Key, Kind};
use serde_json::{Value, json};

/// A JSON Schema (2020-12) of the configuration file.
pub(crate) fn schema() -> Value {
    let mut root = object("Configuration of Bartizan");
    for key in KEYS {
        let mut node = &mut root;
        let (section, name) = key.section();
        for part in section.split('.') {
            node = &mut node["properties"][part];
            if node.is_null() {
                *node = object(&format!("Section {part}"));
            }
        }
        node["properties"][name] = property(key);
    }
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root
}

fn object(title: &str) -> Value {
    json!({"title": title, "type": "object", "additionalProperties": false, "properties": {}})
}

fn property(key: &Key) -> Value {
    let mut property = match key.kind {
        Kind::Text | Kind::Path => json!({"type": "string"}),
        Kind::Whole(low, u64::MAX) => json!({"type": "integer", "minimum": low}),
        Kind::Whole(low, high) => json!({"type": "integer", "minimum": low, "maximum": high}),
        Kind::Share(low, high) => json!({"type": "number", "exclusiveMinimum": low, "maximum": high}),
        Kind::Choice(words) => json!({"type": "string", "enum": words}),
        Kind::List => json!({"type": "array", "items": {"type": "string"}}),
    };
    property["description"] = json!(key.manual());
    if let Some(default) = key.default {
        property["default"] = default_of(key.kind, default);
    }
    property["x-environment"] = json!(variables(key));
    property
}

fn default_of(kind: Kind, text: &str) -> Value {
    match kind {
        Kind::Whole(..) => text.parse::<u64>().map_or(Value::Null, Value::from),
        Kind::Share(..) => text.parse::<f64>().map_or(Value::Null, Value::from),
        Kind::List => Value::Array(Vec::new()),
        _ => Value::from(text),
    }
}

fn variables(key: &Key) -> Vec<String> {
    std::iter::once(key.variable()).chain(key.aliases.iter().map(|alias| (*alias).to_owned())).collect()
}

/// A configuration file with every setting, its manual above it, commented out at its default.
pub(crate) fn example() -> String {
    let mut text = String::from("# Bartizan. Every setting at its default; take the # away to change one.\n");
    let mut current = "";
    for key in KEYS {
        let (section, name) = key.section();
        if section != current {
            text.push_str(&format!("\n[{section}]\n"));
            current = section;
        }
        text.push_str(&format!("\n# {}\n# Expected: {}. Environment: {}.\n", key.manual(), key.kind.expected(), variables(key).join(", ")));
        text.push_str(&format!("# {name} = {}\n", shown_default(key)));
    }
    text
}

fn shown_default(key: &Key) -> String {
    match (key.kind, key.default) {
        (Kind::Whole(low, _), None) => low.to_string(),
        (_, None) => "\"\"".to_owned(),
        (kind, Some(default)) => default_of(kind, default).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{example, schema};
    use crate::config::{KEYS, Layers};

    #[test]
    fn the_example_is_a_configuration_once_uncommented() {
        let text: String = example()
            .lines()
            .filter(|line| !line.ends_with("\"\""))
            .map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line).to_owned() + "\n")
            .collect();
        let mut layers = Layers::defaults();
        layers.file("example", &text);
        assert_eq!(layers.faults(), []);
    }

    #[test]
    fn the_schema_knows_every_setting() {
        let schema = schema();
        for key in KEYS {
            let pointer = format!("/properties/{}/description", key.path.replace('.', "/properties/"));
            assert!(schema.pointer(&pointer).is_some(), "{pointer}");
        }
    }
}
