//! The manual of the configuration, written from the table of settings: a JSON Schema and a commented file.

use super::key::{self, KIND, Key, Shape};
use crate::kinds::Which;
use serde_json::{Value, json};

/// Returns a JSON Schema (2020-12) of the configuration file.
pub(crate) fn schema() -> Value {
    let mut root = object("Configuration of Bartizan");
    for key in &key::standard() {
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
    let detectors = &mut root["properties"]["detectors"];
    detectors["propertyNames"] = json!({"pattern": "^[a-z0-9_-]{1,64}$"});
    detectors["additionalProperties"] = json!({"oneOf": Which::ALL.iter().map(|which| further(*which)).collect::<Vec<_>>()});
    root["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    root
}

/// A detector that has a name of its own.
fn further(which: Which) -> Value {
    let mut node = object(&format!("A further detector of kind {}", which.name()));
    for key in key::section("NAME", which) {
        let name = key.section().1;
        node["properties"][name] = property(&key);
    }
    node["required"] = json!([KIND]);
    node
}

fn object(title: &str) -> Value {
    json!({"title": title, "type": "object", "additionalProperties": false, "properties": {}})
}

fn property(key: &Key) -> Value {
    let mut property = match key.shape {
        Shape::Text | Shape::Path => json!({"type": "string"}),
        Shape::Whole(low, u64::MAX) => json!({"type": "integer", "minimum": low}),
        Shape::Whole(low, high) => json!({"type": "integer", "minimum": low, "maximum": high}),
        Shape::Share(low, high) => json!({"type": "number", "exclusiveMinimum": low, "maximum": high}),
        Shape::Choice(words) => json!({"type": "string", "enum": words}),
        Shape::List => json!({"type": "array", "items": {"type": "string"}}),
    };
    property["description"] = json!(key.manual());
    if let Some(default) = &key.default {
        property["default"] = default_of(key.shape, default);
    }
    let variables = variables(key);
    if !variables.is_empty() {
        property["x-environment"] = json!(variables);
    }
    property
}

fn default_of(shape: Shape, text: &str) -> Value {
    match shape {
        Shape::Whole(..) => text.parse::<u64>().map_or(Value::Null, Value::from),
        Shape::Share(..) => text.parse::<f64>().map_or(Value::Null, Value::from),
        Shape::List => text.split(',').filter(|text| !text.is_empty()).collect(),
        _ => Value::from(text),
    }
}

fn variables(key: &Key) -> Vec<String> {
    if key.is_kind() {
        return Vec::new();
    }
    std::iter::once(key.variable()).chain(key.aliases.iter().map(|alias| (*alias).to_owned())).collect()
}

/// Returns a configuration file with every setting and its manual. Settings are commented out with one #, everything else with two: a
/// file in which every line has lost `# ` is a configuration that means the defaults.
pub(crate) fn example() -> String {
    let mut text = String::from("## Bartizan. Every setting at its default; take the # away to change one.\n");
    let (keys, mut current) = (key::standard(), "");
    for key in &keys {
        let (section, name) = key.section();
        if section != current {
            text.push_str(&format!("\n[{section}]\n"));
            current = section;
        }
        let (expected, variables) = (key.shape.expected(), variables(key).join(", "));
        let variables = if variables.is_empty() { variables } else { format!(" Environment: {variables}.") };
        text.push_str(&format!("\n## {}\n## Expected: {expected}.{variables}\n", key.manual()));
        match &key.default {
            Some(default) => text.push_str(&format!("# {name} = {}\n", default_of(key.shape, default))),
            None => text.push_str(&format!("## Not set by default; to set it: {name} = {}\n", some_value(key.shape))),
        }
    }
    text + FURTHER
}

/// How a detector is declared that has a name of its own.
const FURTHER: &str = r#"
## Several detectors of a kind have names of their own, and every setting of their kind. This one is served at /edge, and its
## contamination is BARTIZAN_DETECTORS_EDGE_CONTAMINATION in the environment, where - in a name is written as _.
##
## [detectors.edge]
## kind = "requests"
## contamination = 0.02
"#;

/// Any value that a setting can have.
fn some_value(shape: Shape) -> String {
    match shape {
        Shape::Text | Shape::Path => "\"…\"".to_owned(),
        Shape::Whole(low, _) => low.to_string(),
        Shape::Share(_, high) => high.to_string(),
        Shape::Choice(words) => format!("{:?}", words.first().copied().unwrap_or_default()),
        Shape::List => "[]".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{example, schema};
    use crate::config::{Layers, key};

    #[test]
    fn the_example_with_all_lines_uncommented_loads_and_means_the_defaults() {
        let example = example();
        let ways: [fn(&str) -> &str; 2] = [|line| line.strip_prefix("# ").unwrap_or(line), |line| line.strip_prefix('#').unwrap_or(line)];
        for uncommented in ways {
            let text: String = example.lines().map(|line| format!("{}\n", uncommented(line))).collect();
            let (mut layers, defaults) = (Layers::defaults(), Layers::defaults());
            layers.file("example", &text);
            assert_eq!(layers.faults(), []);
            for key in key::standard() {
                let value = |layers: &Layers| layers.get(&key.path).map(|(value, _)| value.clone());
                assert_eq!(value(&layers), value(&defaults), "{}", key.path);
                let said = layers.origin(&key.path) != crate::config::Origin::Default;
                assert_eq!(said, key.default.is_some(), "{} is at its default only because nothing was said", key.path);
            }
        }
    }

    #[test]
    fn the_schema_knows_every_setting() {
        let schema = schema();
        for key in key::standard() {
            let pointer = format!("/properties/{}/description", key.path.replace('.', "/properties/"));
            assert!(schema.pointer(&pointer).is_some(), "{pointer}");
        }
    }
}
