//! Configuration, resolved: what the rest of the binary reads.

mod detectors;
mod key;
mod layers;
mod manual;

pub(crate) use detectors::Detector;
pub(crate) use key::Key;
pub(crate) use layers::{Faults, Layers, Origin};
pub(crate) use manual::{example, schema};

use crate::failure::Problem;
use crate::kinds::{Which, for_kind};
use crate::{files, output};
use bartizan_core::TrustedProxies;
use bartizan_pipeline::Workers;
use bartizan_server::{Outline, ServerConfig};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The checked configuration.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Host to listen on.
    pub(crate) host: String,
    /// Port to listen on.
    pub(crate) port: u16,
    /// Detectors to serve; empty for all.
    pub(crate) only: Vec<String>,
    /// All other settings of the server; `listen` is filled in once the host name is looked up.
    pub(crate) server: ServerConfig,
    /// Folder of everything stored.
    pub(crate) data_dir: PathBuf,
    /// The database.
    pub(crate) database: PathBuf,
    /// Whether verdicts survive power loss.
    pub(crate) survive_power_loss: bool,
    /// Least important log lines.
    pub(crate) log_level: String,
    /// File for JSON log lines.
    pub(crate) log_file: Option<PathBuf>,
    /// The format of access logs of one's own, in words.
    pub(crate) log_format: Option<String>,
    /// The field or header that says who the user of a line of a log is.
    pub(crate) user_field: Option<String>,
    /// Warnings: what is not a fault but should be known.
    pub(crate) warnings: Vec<String>,
    /// All detectors: one of each kind under the kind's name, then those that the file declares.
    pub(crate) detectors: Vec<Detector>,
}

impl Config {
    /// Returns the detector with this name.
    pub(crate) fn detector(&self, name: &str) -> Result<&Detector, Problem> {
        self.detectors.iter().find(|detector| detector.name() == name).ok_or_else(|| {
            let there: Vec<&str> = self.detectors.iter().map(Detector::name).collect();
            let kinds = Which::names().replace(", ", "|");
            Problem::usage(format!("there is no detector {name:?}; there are {}", there.join(", ")))
                .advise(format!("a further one is declared in the configuration file: [detectors.NAME] with kind = \"{kinds}\""))
        })
    }

    /// Returns the outline of what is served, without instances.
    pub(crate) fn outline(&self) -> Outline {
        let mut outline = Outline::default();
        for detector in self.detectors.iter().filter(|detector| self.is_served(detector.name())) {
            for_kind!(detector.which, D => outline.add::<D>(detector.name()));
        }
        outline
    }

    /// Returns whether a detector is to be served.
    pub(crate) fn is_served(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}

/// Reads a configuration file and the environment, then applies flags.
pub(crate) fn load(file: Option<&Path>, flags: &[(&'static str, String, &'static str)]) -> Layers {
    let mut layers = Layers::defaults();
    let named = file.map(Path::to_owned).or_else(|| std::env::var_os("BARTIZAN_CONFIG").map(PathBuf::from));
    let usual = Path::new("bartizan.toml");
    match named {
        Some(path) => layers.read_file(&path),
        None if usual.exists() => layers.read_file(usual),
        None => {}
    }
    layers.environment(std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))));
    for (path, value, flag) in flags {
        layers.flag(path, value, flag);
    }
    layers
}

/// Converts layers to a configuration, or returns all their faults.
pub(crate) fn resolve(mut layers: Layers) -> Result<Config, Faults> {
    let token = token(&mut layers);
    let database = database(&mut layers);
    layers.check_names();
    let at_once = usize::try_from(layers.whole("training.max_at_once").unwrap_or(1)).unwrap_or(1);
    let workers = Workers::new(at_once, crate::threads::give_way);
    let proxies = trusted_proxies(&mut layers);
    let mut detectors = layers.all_detectors();
    for detector in &mut detectors {
        detector.settings.workers = Arc::clone(&workers);
        detector.settings.trusted_proxies = Arc::clone(&proxies);
    }
    let text = |path: &str| layers.text(path).map(str::to_owned);
    let config = Config {
        host: text("server.host").unwrap_or_default(),
        port: u16::try_from(layers.whole("server.port").unwrap_or_default()).unwrap_or_default(),
        only: layers.list("server.only"),
        server: server(&layers, token),
        data_dir: data_dir(&layers),
        database,
        survive_power_loss: text("storage.durability").as_deref() == Some("power"),
        log_level: text("log.level").unwrap_or_default(),
        log_file: text("log.file").map(PathBuf::from),
        log_format: text("files.log_format"),
        user_field: text("files.user_field"),
        warnings: warnings(&layers),
        detectors,
    };
    if let Some(Err(error)) = config.log_format.as_deref().map(bartizan_domains::check_log_format) {
        let origin = layers.origin("files.log_format");
        layers.fault(origin, format!("files.log_format: {error}"));
    }
    if config.user_field.as_deref().is_some_and(|name| !name.chars().any(char::is_alphanumeric)) {
        let origin = layers.origin("files.user_field");
        layers.fault(origin, "files.user_field: it is no name of a field or header".to_owned());
    }
    if layers.faults().is_empty()
        && let Err(error) = config.outline().check(&config.server)
    {
        let origin = layers.origin("server.root");
        layers.fault(origin, error.to_string());
    }
    if layers.faults().is_empty() { Ok(config) } else { Err(Faults(layers.faults().to_vec())) }
}

fn server(layers: &Layers, token: Option<String>) -> ServerConfig {
    let whole = |name: &str| layers.whole(&format!("server.{name}")).unwrap_or_default();
    let size = |name: &str| usize::try_from(whole(name)).unwrap_or(usize::MAX);
    let mut server = ServerConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)));
    server.token = token;
    server.max_body_bytes = size("max_body_bytes");
    server.max_batch_events = size("max_batch_events");
    server.max_buffered_bytes = size("max_buffered_bytes");
    server.max_header_bytes = size("max_header_bytes");
    server.max_concurrent_requests = size("max_concurrent_requests");
    server.max_connections = size("max_connections");
    server.max_connections_per_address = size("max_connections_per_address");
    server.request_timeout_secs = whole("request_timeout_secs");
    server.header_timeout_secs = whole("header_timeout_secs");
    server.keep_alive_secs = whole("keep_alive_secs");
    server.write_timeout_secs = whole("write_timeout_secs");
    server.shutdown_grace_secs = whole("shutdown_grace_secs");
    server.cors_origins = Some(layers.list("server.allowed_origins")).filter(|origins| !origins.is_empty());
    server.allowed_hosts = layers.list("server.allowed_hosts");
    server.root = layers.text("server.root").map(str::to_owned);
    server.version = env!("CARGO_PKG_VERSION");
    server.docs = layers.text("server.docs") != Some("off");
    server
}

fn data_dir(layers: &Layers) -> PathBuf {
    PathBuf::from(layers.text("storage.data_dir").unwrap_or("bartizan-data"))
}

/// Returns the token, which must not be empty whatever its origin.
fn token(layers: &mut Layers) -> Option<String> {
    let Some(path) = layers.text("server.token_file").map(str::to_owned) else {
        let token = layers.text("server.token")?.trim().to_owned();
        let origin = layers.origin("server.token");
        if token.is_empty() {
            layers.fault(origin, "the token is empty, which would let anybody in: set a secret, or unset it altogether".to_owned());
        } else if token.chars().any(char::is_control) {
            layers.fault(origin, "the token holds a control character, which no client can send".to_owned());
        }
        return Some(token);
    };
    let (origin, shown) = (layers.origin("server.token_file"), output::path(Path::new(&path)));
    match std::fs::read_to_string(&path) {
        Ok(text) => match text.lines().next().map(str::trim).filter(|line| !line.is_empty()) {
            Some(line) => return Some(line.to_owned()),
            None => layers.fault(origin, format!("the token file {shown} is empty; its first line must be the token")),
        },
        Err(error) => layers.fault(origin, format!("the token file {shown} cannot be read: {error}")),
    }
    None
}

/// Returns the files that hold the token and that others on this machine can read.
fn warnings(layers: &Layers) -> Vec<String> {
    let file = layers.text("server.token_file").map(str::to_owned);
    let in_configuration = match layers.origin("server.token") {
        Origin::File(path, _) if layers.get("server.token").is_some() => Some(path),
        _ => None,
    };
    let open = file.into_iter().chain(in_configuration).filter_map(|path| Some((files::open_to_others(Path::new(&path))?, path)));
    let warning = |(mode, path): (u32, String)| {
        let shown = output::path(Path::new(&path));
        format!("others on this machine can read the token in {shown} (mode {mode:04o}); to keep it to yourself: chmod 600 {shown}")
    };
    open.map(warning).collect()
}

fn trusted_proxies(layers: &mut Layers) -> Arc<TrustedProxies> {
    let parsed = TrustedProxies::parse(&layers.list("server.trusted_proxies"));
    Arc::new(parsed.unwrap_or_else(|error| {
        let origin = layers.origin("server.trusted_proxies");
        layers.fault(origin, format!("server.trusted_proxies: {error}"));
        TrustedProxies::default()
    }))
}

/// Returns the file of the database. Other engines than SQLite are refused here, before anything is opened.
fn database(layers: &mut Layers) -> PathBuf {
    for path in ["storage.mysql_host", "storage.mysql_database"] {
        if layers.get(path).is_some() {
            let origin = layers.origin(path);
            layers.fault(
                origin,
                format!("{path} chooses MySQL, which this release does not have built in; unset it to use SQLite in storage.data_dir"),
            );
            break;
        }
    }
    let default = data_dir(layers).join("bartizan.db");
    let Some(url) = layers.text("storage.url").map(str::to_owned) else { return default };
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme).to_lowercase();
    if scheme == "sqlite" {
        let path = url.split_once(':').map_or("", |(_, rest)| rest);
        return PathBuf::from(path.strip_prefix("//").unwrap_or(path));
    }
    let origin = layers.origin("storage.url");
    let engine = match scheme.as_str() {
        "mysql" | "mariadb" => "MySQL",
        "postgres" | "postgresql" => "PostgreSQL",
        _ => "an unknown engine",
    };
    layers
        .fault(origin, format!("storage.url chooses {engine}, which this release does not have built in; expected sqlite:PATH, or unset"));
    default
}

#[cfg(test)]
mod tests {
    use super::{Layers, resolve};

    #[test]
    fn the_defaults_hold() {
        let config = resolve(Layers::defaults()).unwrap();
        assert_eq!((config.host.as_str(), config.port), ("127.0.0.1", 8000));
        assert_eq!(config.detector("requests").unwrap().settings.max_training_samples, 10_000);
        assert!(config.database.ends_with("bartizan-data/bartizan.db"));
    }

    #[test]
    fn other_engines_are_refused_with_a_sentence() {
        for (path, value, named) in [
            ("storage.mysql_host", "db", "MySQL"),
            ("storage.url", "mysql://u:p@db/x", "MySQL"),
            ("storage.url", "postgres://db/x", "PostgreSQL"),
            ("storage.url", "nonsense", "unknown engine"),
        ] {
            let mut layers = Layers::defaults();
            layers.flag(path, value, "--test");
            let text = resolve(layers).unwrap_err().to_string();
            assert!(text.contains(named) && text.contains("not have built in") && !text.contains("u:p"), "{text}");
        }
    }

    #[test]
    fn proxies_are_networks_or_a_number() {
        for (value, fault) in [("10.0.0.0/8, ::1", None), ("2", None), ("10.0.0.0/8,gateway", Some("\"gateway\"")), ("2,3", Some("\"2\""))]
        {
            let mut layers = Layers::defaults();
            layers.flag("server.trusted_proxies", value, "--test");
            let said = resolve(layers).err().map(|faults| faults.to_string());
            assert_eq!(said.is_some(), fault.is_some(), "{value}: {said:?}");
            assert!(fault.is_none_or(|fault| said.unwrap().contains(fault)), "{value}");
        }
    }

    #[test]
    fn a_sqlite_address_names_the_file() {
        let mut layers = Layers::defaults();
        layers.flag("storage.url", "sqlite:///tmp/x.db", "--test");
        assert_eq!(resolve(layers).unwrap().database.to_str(), Some("/tmp/x.db"));
    }

    #[test]
    fn an_empty_token_is_refused_wherever_it_comes_from() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty").display().to_string();
        std::fs::write(&empty, "\nsecret\n").unwrap();
        let env = |name: &str, value: &str| std::iter::once((name.to_owned(), value.to_owned()));
        type Set<'a> = &'a dyn Fn(&mut Layers);
        let cases: [(&str, Set<'_>); 8] = [
            ("environment AUTH_TOKEN", &|layers| layers.environment(env("AUTH_TOKEN", ""))),
            ("environment AUTH_TOKEN", &|layers| layers.environment(env("AUTH_TOKEN", " \t"))),
            ("environment BARTIZAN_SERVER_TOKEN", &|layers| layers.environment(env("BARTIZAN_SERVER_TOKEN", ""))),
            ("environment BARTIZAN_SERVER_TOKEN_FILE", &|layers| layers.environment(env("BARTIZAN_SERVER_TOKEN_FILE", ""))),
            ("b.toml:2", &|layers| layers.file("b.toml", "[server]\ntoken = \"\"\n")),
            ("b.toml:2", &|layers| layers.file("b.toml", "[server]\ntoken_file = \"\"\n")),
            ("flag --token-file", &|layers| layers.flag("server.token_file", &empty, "--token-file")),
            ("flag --test", &|layers| layers.flag("server.token", "a\u{7}b", "--test")),
        ];
        for (origin, set) in cases {
            let mut layers = Layers::defaults();
            set(&mut layers);
            let faults = resolve(layers).unwrap_err().0;
            assert_eq!(faults.len(), 1, "{origin}: {faults:?}");
            assert!(faults[0].origin.to_string() == origin && faults[0].message.contains("token"), "{faults:?}");
        }
        let mut layers = Layers::defaults();
        layers.environment(env("AUTH_TOKEN", " secret\n"));
        assert_eq!(resolve(layers).unwrap().server.token.as_deref(), Some("secret"));
        let mut layers = Layers::defaults();
        layers.environment(env("MYSQL_HOST", ""));
        assert!(resolve(layers).is_ok(), "other variables that are empty count as unset");
    }

    #[test]
    fn a_root_that_is_not_served_or_has_the_path_of_another_is_refused_before_anything_is_opened() {
        for (only, root, part) in [("requests", "flows", "the root mount \"flows\" does not exist"), ("", "flows", "a path /models itself")]
        {
            let mut layers = Layers::defaults();
            layers.file("b.toml", "[detectors.models]\nkind = \"requests\"\n");
            layers.flag("server.only", only, "--only");
            layers.flag("server.root", root, "--root");
            let text = resolve(layers).unwrap_err().to_string();
            assert!(text.contains("flag --root: ") && text.contains(part), "{text}");
        }
    }

    #[test]
    fn names_of_detectors_and_bounds_are_checked_together() {
        let mut layers = Layers::defaults();
        layers.flag("server.only", "requests,floes", "--only");
        layers.flag("server.root", "no-detector", "--root");
        layers.flag("detectors.requests.min_training_samples", "20000", "--test");
        assert_eq!(resolve(layers).unwrap_err().0.len(), 3);
    }
}
