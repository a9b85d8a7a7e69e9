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

/// A configuration file with every setting and its manual. Settings are commented out with one #, everything else with two: a
/// file in which every line has lost `# ` is a configuration that means the defaults.
pub(crate) fn example() -> String {
    let mut text = String::from("## Bartizan. Every setting at its default; take the # away to change one.\n");
    let mut current = "";
    for key in KEYS {
        let (section, name) = key.section();
        if section != current {
            text.push_str(&format!("\n[{section}]\n"));
            current = section;
        }
        let (expected, variables) = (key.kind.expected(), variables(key).join(", "));
        text.push_str(&format!("\n## {}\n## Expected: {expected}. Environment: {variables}.\n", key.manual()));
        match key.default {
            Some(default) => text.push_str(&format!("# {name} = {}\n", default_of(key.kind, default))),
            None => text.push_str(&format!("## Not set by default; to set it: {name} = {}\n", some_value(key.kind))),
        }
    }
    text
}

/// Any value that a setting can have.
fn some_value(kind: Kind) -> String {
    match kind {
        Kind::Text | Kind::Path => "\"…\"".to_owned(),
        Kind::Whole(low, _) => low.to_string(),
        Kind::Share(_, high) => high.to_string(),
        Kind::Choice(words) => format!("{:?}", words.first().copied().unwrap_or_default()),
        Kind::List => "[]".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{example, schema};
    use crate::config::{KEYS, Layers};

    #[test]
    fn the_example_with_all_lines_uncommented_loads_and_means_the_defaults() {
        let example = example();
        let ways: [fn(&str) -> &str; 2] = [|line| line.strip_prefix("# ").unwrap_or(line), |line| line.strip_prefix('#').unwrap_or(line)];
        for uncommented in ways {
            let text: String = example.lines().map(|line| format!("{}\n", uncommented(line))).collect();
            let (mut layers, defaults) = (Layers::defaults(), Layers::defaults());
            layers.file("example", &text);
            assert_eq!(layers.faults(), []);
            for key in KEYS {
                let value = |layers: &Layers| layers.get(key.path).map(|(value, _)| value.clone());
                assert_eq!(value(&layers), value(&defaults), "{}", key.path);
                let said = layers.origin(key.path) != crate::config::Origin::Default;
                assert_eq!(said, key.default.is_some(), "{} is at its default only because nothing was said", key.path);
            }
        }
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
