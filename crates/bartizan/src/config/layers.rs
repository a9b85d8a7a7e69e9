//! Where settings come from: defaults < file < environment < flags, each value with its origin, all faults at once.

use super::key::{self, Key, Shape};
use crate::kinds::Which;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use toml::de::{DeTable, DeValue};

/// The origin of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The built-in default.
    Default,
    /// The configuration file, at a line.
    File(String, usize),
    /// An environment variable.
    Env(String),
    /// A flag of this command.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            // The file as a whole.
            Self::File(path, 0) => f.write_str(path),
            Self::File(path, line) => write!(f, "{path}:{line}"),
            Self::Env(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A checked value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Text, path or choice.
    Text(String),
    /// Whole number.
    Whole(u64),
    /// Number.
    Number(f64),
    /// Texts.
    List(Vec<String>),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Whole(number) => write!(f, "{number}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::List(texts) => write!(f, "[{}]", texts.join(", ")),
        }
    }
}

/// One fault of the configuration, and where it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fault {
    /// Who said it.
    pub(crate) origin: Origin,
    /// What is wrong and what was expected.
    pub(crate) message: String,
}

/// All faults of the configuration.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub(crate) struct Faults(pub(crate) Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = if self.0.len() == 1 { "" } else { "s" };
        write!(f, "the configuration has {} fault{s}:", self.0.len())?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {}: {}", fault.origin, fault.message))
    }
}

/// All layers of settings, merged.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    /// All settings: those that every configuration has, then those of declared detectors.
    pub(super) keys: Vec<Key>,
    /// Names and kinds of the detectors, those of the kinds first.
    pub(super) detectors: Vec<(String, Which)>,
    values: BTreeMap<String, (Value, Origin)>,
    faults: Vec<Fault>,
    /// Parts of the file that are at fault as a whole.
    pub(super) refused: BTreeSet<String>,
}

impl Layers {
    /// Creates the layer of defaults.
    pub(crate) fn defaults() -> Self {
        let mut layers = Self { detectors: Which::ALL.iter().map(|which| (which.name().to_owned(), *which)).collect(), ..Self::default() };
        layers.add(key::standard());
        layers
    }

    /// Adds settings, at their defaults.
    pub(super) fn add(&mut self, keys: Vec<Key>) {
        for key in &keys {
            if let Some(text) = &key.default {
                self.set_text(key, text, Origin::Default);
            }
        }
        self.keys.extend(keys);
    }

    /// Every setting there is.
    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }

    fn find(&self, path: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.path == path)
    }

    /// Applies a configuration file. Messages refer to it as `name`.
    pub(crate) fn file(&mut self, name: &str, text: &str) {
        match DeTable::parse(text) {
            Ok(table) => {
                self.declare(name, text, table.get_ref());
                self.table(name, text, "", table.get_ref());
            }
            Err(error) => {
                let line = error.span().map_or(1, |span| line_of(text, span.start));
                self.fault(Origin::File(name.to_owned(), line), format!("not TOML: {}", error.message()));
            }
        }
    }

    /// Applies a configuration file on disk.
    pub(crate) fn read_file(&mut self, path: &Path) {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => self.file(&name, &text),
            Err(error) => self.fault(Origin::File(name, 0), format!("the configuration file cannot be read: {error}")),
        }
    }

    fn table(&mut self, name: &str, text: &str, prefix: &str, table: &DeTable<'_>) {
        for (part, value) in table {
            let path = if prefix.is_empty() { part.get_ref().to_string() } else { format!("{prefix}.{}", part.get_ref()) };
            if self.refused.contains(&path) {
                continue;
            }
            let origin = Origin::File(name.to_owned(), line_of(text, part.span().start));
            match (self.find(&path).cloned(), value.get_ref()) {
                (Some(key), value) => match plain(value) {
                    Some(value) => self.set(&key, value, origin),
                    None => self.fault(origin, format!("{path} is a table; expected {}", key.shape.expected())),
                },
                (None, DeValue::Table(inner)) if self.is_section(&path) => self.table(name, text, &path, inner),
                (None, _) => self.fault(origin, self.unknown(&path)),
            }
        }
    }

    /// Applies the environment. Variables that are set but empty count as unset, but for those that keep others out.
    pub(crate) fn environment(&mut self, variables: impl Iterator<Item = (String, String)>) {
        let variables: BTreeMap<String, String> = variables.filter(|(name, value)| !value.is_empty() || self.is_lock(name)).collect();
        for key in self.keys.clone().iter().filter(|key| !key.is_kind()) {
            let own = key.variable();
            let found = std::iter::once(own.as_str()).chain(key.aliases.iter().copied()).find_map(|n| variables.get_key_value(n));
            if let Some((name, value)) = found {
                self.set_text(key, value, Origin::Env(name.clone()));
            }
        }
        for name in variables.keys().filter(|name| looks_ours(name)) {
            let message = match self.keys.iter().find(|key| key.variable() == *name) {
                Some(key) if key.is_kind() => format!("{} can only be said in the configuration file", key.path),
                Some(_) => continue,
                None => "no such setting; `bartizan config show` lists them all".to_owned(),
            };
            self.fault(Origin::Env(name.clone()), message);
        }
    }

    /// Applies one flag.
    pub(crate) fn flag(&mut self, path: &str, value: &str, flag: &'static str) {
        if let Some(key) = self.find(path).cloned() {
            self.set_text(&key, value, Origin::Flag(flag));
        }
    }

    fn set_text(&mut self, key: &Key, text: &str, origin: Origin) {
        self.set(key, Plain::Text(text.to_owned()), origin);
    }

    fn set(&mut self, key: &Key, value: Plain, origin: Origin) {
        let shown = if key.secret { "a secret".to_owned() } else { value.shown() };
        match check(key.shape, value) {
            Some(value) => drop(self.values.insert(key.path.to_string(), (value, origin))),
            None => self.fault(origin, format!("{} must be {}, got {shown}", key.path, key.shape.expected())),
        }
    }

    /// Records a fault.
    pub(crate) fn fault(&mut self, origin: Origin, message: String) {
        self.faults.push(Fault { origin, message });
    }

    /// Returns the value of a setting and its origin.
    pub(crate) fn get(&self, path: &str) -> Option<&(Value, Origin)> {
        self.values.get(path)
    }

    /// Returns a text, path or choice.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        match self.get(path) {
            Some((Value::Text(text), _)) => Some(text),
            _ => None,
        }
    }

    /// Returns a whole number; 0 when unset.
    pub(crate) fn whole(&self, path: &str) -> Option<u64> {
        match self.get(path) {
            Some((Value::Whole(number), _)) => Some(*number),
            _ => None,
        }
    }

    /// A number.
    pub(crate) fn number(&self, path: &str) -> Option<f64> {
        match self.get(path) {
            Some((Value::Number(number), _)) => Some(*number),
            _ => None,
        }
    }

    /// Returns several texts.
    pub(crate) fn list(&self, path: &str) -> Vec<String> {
        match self.get(path) {
            Some((Value::List(texts), _)) => texts.clone(),
            _ => Vec::new(),
        }
    }

    /// Returns the origin of a setting.
    pub(crate) fn origin(&self, path: &str) -> Origin {
        self.get(path).map_or(Origin::Default, |(_, origin)| origin.clone())
    }

    /// Returns all faults so far.
    pub(crate) fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// Returns whether a variable sets a credential: an empty one must not silently disable authentication.
    fn is_lock(&self, name: &str) -> bool {
        let locks = ["server.token", "server.token_file"].into_iter().filter_map(|path| self.find(path));
        locks.into_iter().any(|key| key.variable() == name || key.aliases.contains(&name))
    }

    fn is_section(&self, path: &str) -> bool {
        self.keys.iter().any(|key| key.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
    }

    fn unknown(&self, path: &str) -> String {
        if let Some(elsewhere) = self.elsewhere(path) {
            return format!("no such setting: {path}; {elsewhere}");
        }
        let near = self.keys.iter().map(|key| (strsim::levenshtein(path, &key.path), &key.path)).min().filter(|(steps, _)| *steps <= 3);
        match near {
            Some((_, meant)) => format!("no such setting: {path}; did you mean {meant}?"),
            None => format!("no such setting: {path}; `bartizan config show` lists them all"),
        }
    }
}

/// A value as it was written, not checked yet.
enum Plain {
    Text(String),
    Number(String),
    List(Vec<String>),
    Other(String),
}

impl Plain {
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => format!("{text:?}"),
            Self::Number(text) | Self::Other(text) => text.clone(),
            Self::List(texts) => format!("{texts:?}"),
        }
    }
}

fn plain(value: &DeValue<'_>) -> Option<Plain> {
    Some(match value {
        DeValue::String(text) => Plain::Text(text.to_string()),
        DeValue::Integer(number) => Plain::Number(number.to_string().replace('_', "")),
        DeValue::Float(number) => Plain::Number(number.to_string().replace('_', "")),
        DeValue::Boolean(on) => Plain::Other(on.to_string()),
        DeValue::Datetime(time) => Plain::Other(time.to_string()),
        DeValue::Array(items) => {
            let texts = items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect::<Option<Vec<_>>>();
            texts.map_or_else(|| Plain::Other("an array of other things".to_owned()), Plain::List)
        }
        DeValue::Table(_) => return None,
    })
}

fn check(shape: Shape, value: Plain) -> Option<Value> {
    match (shape, value) {
        (Shape::Text | Shape::Path, Plain::Text(text)) => Some(Value::Text(text)),
        (Shape::Choice(words), Plain::Text(text)) => {
            let lower = text.to_lowercase();
            words.contains(&lower.as_str()).then_some(Value::Text(lower))
        }
        (Shape::Whole(low, high), Plain::Text(text) | Plain::Number(text)) => {
            text.trim().parse().ok().filter(|n| (low..=high).contains(n)).map(Value::Whole)
        }
        (Shape::Share(low, high), Plain::Text(text) | Plain::Number(text)) => {
            text.trim().parse().ok().filter(|n| *n > low && *n <= high).map(Value::Number)
        }
        (Shape::List, Plain::List(texts)) => Some(Value::List(texts)),
        (Shape::List, Plain::Text(text)) => {
            Some(Value::List(text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect()))
        }
        _ => None,
    }
}

pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// Variables that are meant for this program. Orchestrators invent names such as `BARTIZAN_SERVICE_HOST`; those pass.
fn looks_ours(name: &str) -> bool {
    let ours = ["BARTIZAN_SERVER_", "BARTIZAN_STORAGE_", "BARTIZAN_LOG_", "BARTIZAN_DETECTORS_"];
    let invented = name.contains("_SERVICE_") || name.contains("_TCP") || name.contains("_UDP");
    ours.iter().any(|prefix| name.starts_with(prefix)) && !invented
}

#[cfg(test)]
mod tests {
    use super::{Layers, Origin, Value};

    fn env(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn later_layers_win_and_say_so() {
        let mut layers = Layers::defaults();
        assert_eq!(layers.whole("server.port"), Some(8000));
        layers.file("b.toml", "[server]\nhost = \"::1\"\nport = 1\n");
        assert_eq!(layers.get("server.port"), Some(&(Value::Whole(1), Origin::File("b.toml".to_owned(), 3))));
        layers.environment(env(&[("PORT", "2"), ("API_PORT", "3")]).into_iter());
        assert_eq!(layers.get("server.port"), Some(&(Value::Whole(3), Origin::Env("API_PORT".to_owned()))));
        layers.flag("server.port", "4", "--listen");
        assert_eq!(layers.get("server.port"), Some(&(Value::Whole(4), Origin::Flag("--listen"))));
        assert_eq!(layers.text("server.host"), Some("::1"));
        assert_eq!(layers.faults(), []);
    }

    #[test]
    fn every_fault_is_named_with_its_place() {
        let cases = [
            ("port = 70000", "[server]", "server.port must be a whole number from 0 to 65535, got 70000"),
            ("port = 1.5", "[server]", "server.port must be a whole number from 0 to 65535, got 1.5"),
            ("port = -1", "[server]", "server.port must be a whole number from 0 to 65535, got -1"),
            ("prot = 1", "[server]", "no such setting: server.prot; did you mean server.port?"),
            ("port = {}", "[server]", "server.port is a table; expected a whole number from 0 to 65535"),
            ("token = 5", "[server]", "server.token must be text, got a secret"),
            ("only = [1]", "[server]", "server.only must be an array of texts, got an array of other things"),
            ("durability = \"no\"", "[storage]", "storage.durability must be one of process, power, got \"no\""),
            (
                "contamination = 0.7",
                "[detectors.requests]",
                "detectors.requests.contamination must be a number above 0, at most 0.5, got 0.7",
            ),
            ("x = 1", "[nonsense]", "no such setting: nonsense; `bartizan config show` lists them all"),
        ];
        for (line, section, expected) in cases {
            let mut layers = Layers::defaults();
            layers.file("b.toml", &format!("{section}\n{line}\n"));
            let messages: Vec<_> = layers.faults().iter().map(|fault| fault.message.as_str()).collect();
            assert_eq!(messages, [expected], "{line}");
        }
    }

    #[test]
    fn variables_that_are_nearly_ours_are_refused() {
        let mut layers = Layers::defaults();
        layers.environment(env(&[("BARTIZAN_SERVER_PROT", "1"), ("BARTIZAN_SERVICE_HOST", "10.0.0.1"), ("PATH", "x")]).into_iter());
        assert_eq!(layers.faults().len(), 1);
        assert_eq!(layers.faults()[0].origin, Origin::Env("BARTIZAN_SERVER_PROT".to_owned()));
    }
}
