//! Detectors in the configuration: those that the kinds have, those that a file declares, and the pipeline settings of each.

use super::key::{self, KIND};
use super::layers::{Layers, Origin, line_of};
use crate::kinds::Which;
use bartizan_core::{Contamination, Identity, Seed};
use bartizan_domains::kind::{Range, Sets, Setting};
use bartizan_estimators::RawParams;
use bartizan_estimators::thresholds::FalseAlarmBudget;
use bartizan_pipeline::{ColdStart, RecordPolicy, Settings};
use bartizan_server::{TAKEN, is_mount_name};
use toml::de::{DeTable, DeValue};

/// Most letters that are wrong in a name whose meaning is guessed.
const NEAR: usize = 2;

/// A detector: its kind and its pipeline settings, which include its name.
#[derive(Clone, Debug)]
pub(crate) struct Detector {
    /// Its kind.
    pub(crate) which: Which,
    /// Its settings.
    pub(crate) settings: Settings,
}

impl Detector {
    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }
}

/// Most detectors of one process. Each takes routes, a feed and windows of its own.
const MAX_DETECTORS: usize = 100;

/// A name as it may be printed, shortened.
fn shown(name: &str) -> String {
    let escaped: String = name.escape_debug().take(2 * MAX_SHOWN).collect();
    if name.chars().count() > MAX_SHOWN { escaped.chars().take(MAX_SHOWN).chain("…".chars()).collect() } else { escaped }
}

/// Characters of a name that are printed.
const MAX_SHOWN: usize = 80;

impl Layers {
    /// Adds the detectors that a file declares, so that their settings are known when they are read.
    pub(super) fn declare(&mut self, file: &str, text: &str, table: &DeTable<'_>) {
        let sections = table.iter().find(|(part, _)| part.get_ref() == "detectors").map(|(_, value)| value.get_ref());
        let Some(DeValue::Table(sections)) = sections else { return };
        for (part, value) in sections {
            let DeValue::Table(section) = value.get_ref() else { continue };
            let origin = |offset: usize| Origin::File(file.to_owned(), line_of(text, offset));
            let at = origin(part.span().start);
            let kind = section.iter().find(|(part, _)| part.get_ref() == KIND);
            let kind = kind.map(|(part, value)| (origin(part.span().start), value.get_ref().as_str().map(str::to_lowercase)));
            match Which::named(part.get_ref()) {
                Some(which) => self.declare_again(which, kind),
                None => self.declare_further(part.get_ref(), at, kind),
            }
        }
    }

    /// The detector that has the name of a kind: it is of that kind, whether the file says so or not.
    fn declare_again(&mut self, own: Which, kind: Option<(Origin, Option<String>)>) {
        let Some((at, Some(said))) = kind else { return };
        let own = own.name();
        if said != own && Which::named(&said).is_some() {
            let what = format!("detectors.{own} is the detector of kind {own}; give one of kind {said} a name of its own");
            self.fault(at, what);
            self.refused.insert(format!("detectors.{own}.{KIND}"));
        }
    }

    fn declare_further(&mut self, name: &str, at: Origin, kind: Option<(Origin, Option<String>)>) {
        let path = format!("detectors.{}", shown(name));
        if self.detectors.len() == MAX_DETECTORS {
            let what = format!("{path}: at most {MAX_DETECTORS} detectors run in one process; give the others one of their own");
            self.fault(at, what);
            self.refused.insert(format!("detectors.{name}"));
            return;
        }
        if !is_mount_name(name) {
            let what = format!(
                "{path}: a detector is served under its name, which has 1 to 64 lower-case letters, digits, - and _, a letter or digit first"
            );
            self.fault(at.clone(), what);
        } else if TAKEN.contains(&name) {
            self.fault(at.clone(), format!("{path}: the server has /{name} itself; give the detector another name"));
        }
        let which = match kind {
            Some((_, Some(said))) if Which::named(&said).is_some() => Which::named(&said),
            // Said when the value is read, or here where no section is read.
            Some((at, said)) => {
                let got = said.map_or("something else".to_owned(), |said| format!("{said:?}"));
                self.fault(at, format!("{path}.{KIND} must be one of {}, got {got}", Which::names()));
                None
            }
            None => {
                let near = Which::ALL.iter().find(|which| strsim::levenshtein(name, which.name()) <= NEAR);
                let meant = near.map(|which| format!("; or did you mean detectors.{}?", which.name())).unwrap_or_default();
                self.fault(at.clone(), format!("{path} does not say its kind: set {KIND} to one of {}{meant}", Which::names()));
                None
            }
        };
        let Some(which) = which else {
            self.refused.insert(format!("detectors.{name}"));
            return;
        };
        let keys = key::section(name, which);
        let same = |other: &str| keys.iter().any(|key| key.variable() == other);
        if let Some(other) = self.keys.iter().find(|key| same(&key.variable())) {
            let (section, variable) = (other.section().0.to_owned(), other.variable());
            self.fault(at, format!("{path} has the same names in the environment as {section}, such as {variable}; give it another name"));
        }
        self.detectors.push((name.to_owned(), which));
        self.add(keys);
    }

    /// Suggests what a setting that a detector does not have may be meant for: detectors of other kinds have it.
    pub(super) fn elsewhere(&self, path: &str) -> Option<String> {
        let (name, setting) = path.strip_prefix("detectors.")?.split_once('.')?;
        let (_, which) = self.detectors.iter().find(|(detector, _)| detector == name)?;
        let has = |other: &&Which| other.settings().own.iter().any(|own| own.name == setting);
        let other = Which::ALL.iter().find(has)?;
        Some(format!("a detector of kind {} has one, this one is of kind {}", other.name(), which.name()))
    }

    /// Refuses names of detectors that do not exist.
    pub(super) fn check_names(&mut self) {
        let mut named: Vec<_> = self.list("server.only").into_iter().map(|name| ("server.only", name)).collect();
        named.extend(self.text("server.root").map(|name| ("server.root", name.to_owned())));
        for (path, name) in named {
            if !self.detectors.iter().any(|(detector, _)| *detector == name) {
                let there: Vec<&str> = self.detector_names().collect();
                let what = format!("{path} names {name:?}; there are the detectors {}", there.join(", "));
                self.fault(self.origin(path), what);
            }
        }
    }

    /// Returns the names of all detectors.
    pub(crate) fn detector_names(&self) -> impl Iterator<Item = &str> {
        self.detectors.iter().map(|(name, _)| name.as_str())
    }

    /// Returns all detectors with their settings.
    pub(super) fn all_detectors(&mut self) -> Vec<Detector> {
        let all = self.detectors.clone();
        all.into_iter().map(|(name, which)| Detector { which, settings: self.detector(&name, which) }).collect()
    }

    fn detector(&mut self, detector: &str, which: Which) -> Settings {
        let path = |name: &str| format!("detectors.{detector}.{name}");
        let whole = |name: &str| self.whole(&path(name));
        let size = |name: &str| usize::try_from(whole(name).unwrap_or_default()).unwrap_or(usize::MAX);
        let mut settings = Settings::new(detector);
        let count = |name: &str| whole(name).map(|count| count as f64);
        settings.params = RawParams { algorithm: self.text(&path("algorithm")).map(str::to_owned), ..RawParams::default() }
            .with_any("n_estimators", count("n_estimators"))
            .with_any("max_samples", count("max_samples"));
        if let Some(Ok(share)) = self.number(&path("contamination")).map(Contamination::try_from) {
            settings.contamination = share;
        }
        settings.false_alarms = whole("one_false_alarm_in").and_then(|n| FalseAlarmBudget::try_from(n).ok());
        settings.alarms_per_day = whole("alarms_per_day");
        settings.min_training_samples = size("min_training_samples");
        settings.max_training_samples = size("max_training_samples");
        settings.max_client_share = self.number(&path("max_client_share")).unwrap_or(settings.max_client_share);
        settings.max_training_secs = self.whole("training.max_secs").unwrap_or(600);
        settings.min_corrected_labels = size("min_corrected_labels");
        settings.max_ahead_secs = self.whole("events.max_ahead_secs").unwrap_or_default();
        let waiting = |name: &str, usual: u64| self.whole(&format!("ingest.{name}")).unwrap_or(usual);
        settings.max_waiting_events = waiting("max_waiting_events", settings.max_waiting_events);
        settings.max_waiting_bytes = waiting("max_waiting_bytes", settings.max_waiting_bytes);
        settings.log_format = self.text("files.log_format").map(Into::into);
        settings.user_field = self.text("files.user_field").map(Into::into);
        settings.learn_days = size("learn_days") as u32;
        settings.cold_start = if self.text(&path("cold_start")) == Some("learn") { ColdStart::Learn } else { ColdStart::Refuse };
        settings.record = if self.text(&path("record")) == Some("anomalies") { RecordPolicy::Anomalies } else { RecordPolicy::All };
        settings.retention_days = whole("retention_days").filter(|n| *n > 0).and_then(|n| u32::try_from(n).ok());
        settings.retention_rows = whole("retention_rows").filter(|n| *n > 0);
        settings.retention_bytes = whole("retention_bytes").filter(|n| *n > 0);
        settings.seed = Seed(whole("seed").unwrap_or_default());
        settings.max_tracked_clients = 1;
        settings.feature_set = "all";
        for own in which.settings().own {
            self.set_own(&mut settings, &path(own.name), own);
        }
        self.check_alarms_a_day(&settings, &path("alarms_per_day"), &path("one_false_alarm_in"));
        if settings.min_training_samples > settings.max_training_samples {
            let (least, most) = (settings.min_training_samples, settings.max_training_samples);
            let what = format!("{} ({least}) is above {} ({most})", path("min_training_samples"), path("max_training_samples"));
            self.fault(self.origin(&path("min_training_samples")), what);
        }
        settings
    }

    /// Alarms a day are counted in the history, which must have all events, and are said instead of another budget.
    fn check_alarms_a_day(&mut self, settings: &Settings, path: &str, other: &str) {
        if settings.alarms_per_day.is_none() {
            return;
        }
        if settings.record == RecordPolicy::Anomalies {
            self.fault(self.origin(path), format!("{path} needs record = \"all\": the events of a day are counted in the history"));
        }
        if settings.false_alarms.is_some() {
            self.fault(self.origin(path), format!("{path} and {other} set the same threshold: say one of them"));
        }
    }

    /// Returns a number, whole or not.
    fn any_number(&self, path: &str) -> Option<f64> {
        self.number(path).or_else(|| self.whole(path).map(|count| count as f64))
    }

    /// Applies a setting that only one kind has.
    fn set_own(&mut self, settings: &mut Settings, path: &str, own: &Setting) {
        match own.sets {
            Sets::Parameter => {
                let params = std::mem::take(&mut settings.params);
                settings.params = params.with_any(own.name, self.any_number(path));
            }
            Sets::Limit(feature) => settings.params.limits.extend(self.any_number(path).map(|limit| (feature.to_owned(), limit))),
            Sets::FeatureSet => {
                let Range::Choice(words) = own.range else { return };
                let said = words.iter().find(|word| self.text(path) == Some(**word));
                settings.feature_set = said.copied().unwrap_or(settings.feature_set);
            }
            Sets::MaxTrackedClients => {
                let most = self.whole(path).unwrap_or(1);
                settings.max_tracked_clients = usize::try_from(most).unwrap_or(usize::MAX);
            }
            Sets::Identity => match Identity::parse(&self.list(path)) {
                Ok(identity) => settings.identity = identity,
                Err(error) => self.fault(self.origin(path), format!("{path}: {error}")),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Config, Faults, resolve};
    use super::{Layers, MAX_DETECTORS, Which};
    use bartizan_core::{Identity, Place};
    use bartizan_pipeline::ParamValue;

    fn read(file: &str, variables: &[(&str, &str)]) -> Result<Config, Faults> {
        let mut layers = Layers::defaults();
        layers.file("b.toml", file);
        layers.environment(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        resolve(layers)
    }

    #[test]
    fn several_detectors_of_a_kind_have_settings_of_their_own() {
        let file = "[detectors.edge-1]\nkind = \"requests\"\nseed = 3\n[detectors.lab]\nkind = \"flows\"\nfeatures = \"robust\"\nnu = 0.2\n\
                    [detectors.flows]\nkind = \"flows\"\n";
        let variables = [("BARTIZAN_DETECTORS_EDGE_1_CONTAMINATION", "0.02"), ("DEFAULT_CONTAMINATION", "0.3")];
        let config = read(file, &variables).unwrap();
        let names: Vec<&str> = config.detectors.iter().map(super::Detector::name).collect();
        assert_eq!(&names[names.len() - 2..], ["edge-1", "lab"]);
        let settings = |name: &str| &config.detector(name).unwrap().settings;
        assert_eq!((settings("edge-1").contamination.get(), settings("edge-1").seed.0), (0.02, 3));
        assert_eq!((settings("requests").contamination.get(), settings("requests").seed.0), (0.3, 0), "the other one is not touched");
        assert_eq!((settings("edge-1").max_tracked_clients, settings("lab").max_tracked_clients), (100_000, 1));
        assert_eq!((settings("lab").feature_set, settings("flows").feature_set), ("robust", "all"));
        assert_eq!(settings("lab").params.values["nu"], ParamValue::Number(0.2));
        assert_eq!(settings("lab").params.algorithm, settings("flows").params.algorithm);
        assert!(config.detector("lab2").unwrap_err().to_string().contains("requests, logs, flows, behavior"));
    }

    #[test]
    fn what_tells_clients_apart_is_read_and_refused_with_its_place() {
        let identity = |file: &str, variables: &[(&str, &str)]| {
            let config = read(file, variables).unwrap();
            config.detector("requests").unwrap().settings.identity.clone()
        };
        let usual = identity("", &[]);
        assert_eq!((usual.places().first(), usual.places().last()), (Some(&Place::Header("x-user-id".to_owned())), Some(&Place::Agent)));
        assert_eq!(identity("[detectors.requests]\nidentity = []", &[]), Identity::default());
        let told = identity("", &[("BARTIZAN_DETECTORS_REQUESTS_IDENTITY", "X-Tenant, cookie:Sid")]);
        assert_eq!(told, Identity::parse(&["x-tenant", "cookie:Sid"]).unwrap());
        let faults = read("[detectors.requests]\nidentity = [\"agent\", \"user id\"]", &[]).unwrap_err().to_string();
        assert!(faults.contains("b.toml:2: detectors.requests.identity: \"user id\" is neither the name of a header"), "{faults}");
        let faults = read("[detectors.flows]\nidentity = []", &[]).unwrap_err().to_string();
        assert!(faults.contains("a detector of kind requests has one"), "{faults}");
    }

    #[test]
    fn limits_of_rules_are_read_or_left_to_be_learned() {
        let limits = |file: &str, variables: &[(&str, &str)]| {
            read(file, variables)
                .map(|config| config.detector("requests").unwrap().settings.params.limits.clone().into_iter().collect::<Vec<_>>())
        };
        let one = |name: &str, limit| vec![(name.to_owned(), limit)];
        for (name, file, variables, expected) in [
            ("none", "", &[][..], vec![]),
            ("whole", "[detectors.requests]\nrule_requests_per_minute = 120", &[], one("requests_60s", 120.0)),
            ("broken", "[detectors.requests]\nrule_agent_risk = 1.5", &[], one("agent_risk", 1.5)),
            ("environment", "", &[("BARTIZAN_DETECTORS_REQUESTS_RULE_ERRORS_PER_HOUR", "30")], one("errors_1h", 30.0)),
            ("of another detector", "[detectors.edge]\nkind = \"requests\"\nrule_agent_risk = 1.5", &[], vec![]),
        ] {
            assert_eq!(limits(file, variables).unwrap(), expected, "{name}");
        }
        for bad in ["0", "-1", "nan", "inf", "\"many\""] {
            let faults = limits(&format!("[detectors.requests]\nrule_agent_risk = {bad}"), &[]).unwrap_err().to_string();
            assert!(faults.contains("detectors.requests.rule_agent_risk must be a number above 0, at most 1000000000, got "), "{faults}");
        }
    }

    #[test]
    fn every_fault_of_a_declaration_is_named_with_its_place() {
        let cases: [(&str, &[&str]); 12] = [
            (
                "[detectors.edge]\nseed = 1",
                &["b.toml:1: detectors.edge does not say its kind: set kind to one of requests, logs, flows, behavior"],
            ),
            ("[detectors.flow]\nseed = 1", &["or did you mean detectors.flows?"]),
            (
                "[detectors.edge]\nkind = \"floes\"",
                &["b.toml:2: detectors.edge.kind must be one of requests, logs, flows, behavior", "got \"floes\""],
            ),
            (
                "[detectors.-edge]\nkind = \"flows\"",
                &["b.toml:1: detectors.-edge: a detector is served under its name", "a letter or digit first"],
            ),
            ("[detectors.edge]\nkind = 5", &["b.toml:2: detectors.edge.kind must be one of requests, logs, flows, behavior"]),
            ("[detectors.Edge]\nkind = \"flows\"", &["b.toml:1: detectors.Edge: a detector is served under its name"]),
            ("[detectors.\"a.b\"]\nkind = \"flows\"", &["b.toml:1: detectors.a.b: a detector is served under its name"]),
            ("[detectors.health]\nkind = \"flows\"", &["b.toml:1: detectors.health: the server has /health itself"]),
            (
                "[detectors.flows]\nkind = \"requests\"",
                &["b.toml:2: detectors.flows is the detector of kind flows; give one of kind requests"],
            ),
            ("[detectors.flows]\nkind = \"floes\"", &["b.toml:2: detectors.flows.kind must be one of flows, got \"floes\""]),
            (
                "[detectors.edge]\nkind = \"requests\"\nnu = 0.1",
                &["b.toml:3: no such setting: detectors.edge.nu; a detector of kind flows has one, this one is of kind requests"],
            ),
            (
                "[detectors.a_b]\nkind = \"flows\"\n[detectors.a-b]\nkind = \"flows\"",
                &["has the same names in the environment as detectors.a"],
            ),
        ];
        for (file, expected) in cases {
            let faults = read(file, &[]).unwrap_err();
            assert_eq!(faults.0.len(), 1, "{file}: {faults}");
            assert!(expected.iter().all(|part| faults.to_string().contains(part)), "{file}: {faults}");
        }
    }

    #[test]
    fn faults_of_several_detectors_are_named_at_once() {
        let file = "[server]\nonly = [\"edge\", \"core\"]\n[detectors.Bad]\nkind = \"flows\"\nseed = -1\n[detectors.edge]\nkind = \"requests\"\n\
                    sed = 1\nmin_training_samples = 20000\n";
        let faults = read(file, &[("BARTIZAN_DETECTORS_EDGE_KIND", "flows"), ("BARTIZAN_DETECTORS_CORE_SEED", "1")]).unwrap_err();
        let text = faults.to_string();
        for part in [
            "b.toml:3: detectors.Bad",
            "b.toml:5: detectors.Bad.seed must be a whole number",
            "b.toml:8: no such setting: detectors.edge.sed; did you mean detectors.edge.seed?",
            "environment BARTIZAN_DETECTORS_EDGE_KIND: detectors.edge.kind can only be said in the configuration file",
            "environment BARTIZAN_DETECTORS_CORE_SEED: no such setting",
            "b.toml:2: server.only names \"core\"; there are the detectors requests, logs, flows, behavior",
            "detectors.edge.min_training_samples (20000) is above detectors.edge.max_training_samples (10000)",
        ] {
            assert!(text.contains(part), "{part:?} is missing in {text}");
        }
        assert_eq!(faults.0.len(), 7, "{text}");
    }

    #[test]
    fn there_are_at_most_so_many_detectors_and_no_name_is_printed_as_it_comes() {
        let file: String = (0..150).map(|i| format!("[detectors.d{i}]\nkind = \"flows\"\n")).collect();
        let mut layers = Layers::defaults();
        layers.file("b.toml", &file);
        let messages: Vec<_> = layers.faults().iter().map(|fault| fault.message.clone()).collect();
        assert_eq!(messages.len(), 150 + Which::ALL.len() - MAX_DETECTORS, "{messages:?}");
        assert!(messages.iter().all(|message| message.contains("at most 100 detectors run in one process")), "{messages:?}");
        let mut layers = Layers::defaults();
        layers.file("b.toml", &format!("[detectors.\"{}\\u001b[31m\\n\"]\nkind = \"flows\"\n", "x".repeat(9)));
        layers.file("b.toml", &format!("[detectors.{}]\nkind = \"flows\"\n", "y".repeat(100_000)));
        let messages: Vec<_> = layers.faults().iter().map(|fault| fault.message.clone()).collect();
        assert_eq!(messages.len(), 2, "{messages:?}");
        assert!(messages.iter().all(|message| message.len() < 300 && !message.contains(['\u{1b}', '\n'])), "{messages:?}");
    }
}
