//! The table of all settings, from which are made the reader, `config show`, the schema and the manual. Settings that only detectors of
//! one kind have are declared by the kind.

use crate::kinds::Which;
use bartizan_domains::kind::Range;
use std::borrow::Cow;

/// The type and range of a setting.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    /// Any text.
    Text,
    /// A path of a file or folder.
    Path,
    /// A whole number between two bounds, both included.
    Whole(u64, u64),
    /// A number above the first bound and up to the second.
    Share(f64, f64),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Several texts: a TOML array, or separated by commas.
    List,
}

impl Shape {
    /// Describes the expected values, for messages.
    pub(crate) fn expected(self) -> String {
        match self {
            Self::Text => "text".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Whole(low, u64::MAX) => format!("a whole number of at least {low}"),
            Self::Whole(low, high) => format!("a whole number from {low} to {high}"),
            Self::Share(low, high) => format!("a number above {low}, at most {high}"),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
            Self::List => "an array of texts".to_owned(),
        }
    }
}

/// One setting.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// Its path in the file: `server.port`.
    pub(crate) path: Cow<'static, str>,
    /// Its type and range.
    pub(crate) shape: Shape,
    /// Default value; `None` leaves it unset.
    pub(crate) default: Option<Cow<'static, str>>,
    /// Names in the environment besides `BARTIZAN_…`, strongest first.
    pub(crate) aliases: &'static [&'static str],
    /// Never shown.
    pub(crate) secret: bool,
    /// The manual.
    pub(crate) doc: &'static str,
}

impl Key {
    /// Returns its name in the environment: `BARTIZAN_SERVER_PORT`.
    pub(crate) fn variable(&self) -> String {
        format!("BARTIZAN_{}", self.path.replace(['.', '-'], "_").to_uppercase())
    }

    /// Returns its section and its name in it.
    pub(crate) fn section(&self) -> (&str, &str) {
        self.path.rsplit_once('.').unwrap_or(("", &self.path))
    }

    /// Returns whether it is the kind of a detector, which only the configuration file can set.
    pub(crate) fn is_kind(&self) -> bool {
        self.path.starts_with("detectors.") && self.section().1 == KIND
    }

    /// Returns its manual as running text.
    pub(crate) fn manual(&self) -> &'static str {
        self.doc.trim()
    }
}

/// The setting for the kind of a detector.
pub(crate) const KIND: &str = "kind";

/// Returns the settings of a configuration that declares no detectors, section by section.
pub(crate) fn standard() -> Vec<Key> {
    SERVICE.iter().cloned().chain(Which::ALL.iter().flat_map(|which| section(which.name(), *which))).collect()
}

/// Returns the settings of a detector of this name and kind.
pub(crate) fn section(name: &str, which: Which) -> Vec<Key> {
    let kind = which.settings();
    let is_first = name == which.name();
    let path = |setting: &str| Cow::Owned(format!("detectors.{name}.{setting}"));
    let own = kind.own.iter().map(|setting| {
        let (shape, default) = (Shape::from(setting.range), Some(setting.default).filter(|text| !text.is_empty()).map(Cow::from));
        Key { path: path(setting.name), shape, default, aliases: &[], secret: false, doc: setting.doc }
    });
    let common = DETECTOR.iter().map(|key| {
        let setting: &str = &key.path;
        let aliases = kind.aliases.iter().find(|(aliased, _)| is_first && *aliased == setting).map_or(&[] as &[&str], |(_, names)| names);
        let default = match setting {
            KIND => is_first.then(|| which.name().into()),
            "algorithm" => kind.algorithm.map(Cow::Borrowed),
            "contamination" => Some(kind.contamination.to_string().into()),
            "max_training_samples" => Some(kind.max_training_samples.to_string().into()),
            _ => key.default.clone(),
        };
        let shape = if setting == KIND { Shape::Choice(which.only_name()) } else { key.shape };
        Key { path: path(setting), shape, default, aliases, ..key.clone() }
    });
    common.chain(own).collect()
}

impl From<Range> for Shape {
    fn from(range: Range) -> Self {
        match range {
            Range::Whole(low, high) => Self::Whole(low, high),
            Range::Share(low, high) => Self::Share(low, high),
            Range::Choice(words) => Self::Choice(words),
            Range::List => Self::List,
        }
    }
}

macro_rules! keys {
    (@secret secret) => { true };
    (@secret) => { false };
    (@default $default:literal) => { Some(Cow::Borrowed($default)) };
    (@default unset) => { None };
    ($($(#[doc = $doc:literal])+ $path:literal => $shape:expr, $default:tt, [$($alias:literal),*] $($secret:ident)?;)*) => {
        &[$(Key {
            path: Cow::Borrowed($path),
            shape: $shape,
            default: keys!(@default $default),
            aliases: &[$($alias),*],
            secret: keys!(@secret $($secret)?),
            doc: concat!($($doc),+),
        }),*]
    };
}

/// Settings that every detector has, without their section. Defaults of some are the kind's.
const DETECTOR: &[Key] = keys! {
    /// Kind of the detector. One that has the name of a kind is of that kind; every other one must say it, in the file. What is stored
    /// under a name belongs to its kind: another kind takes another name.
    "kind" => Shape::Choice(&[]), unset, [];
    /// Estimator trained when a training does not name one.
    "algorithm" => Shape::Choice(bartizan_estimators::Algorithm::NAMES), unset, [];
    /// Expected share of anomalies in training data.
    "contamination" => Shape::Share(0.0, 0.5), unset, [];
    /// One false alarm in how many normal events; sets the threshold instead of the contamination. Unset: the contamination does.
    "one_false_alarm_in" => Shape::Whole(2, 1_000_000_000), unset, [];
    /// False alarms in a day; sets the threshold instead of both, by how many events of the history came in a day.
    "alarms_per_day" => Shape::Whole(1, 1_000_000_000), unset, [];
    /// Trees of a forest. Unset: the algorithm's own default.
    "n_estimators" => Shape::Whole(1, 10_000), unset, [];
    /// Rows drawn for each tree. Unset: the algorithm's own default.
    "max_samples" => Shape::Whole(2, 65_536), unset, [];
    /// Fewest events to train on.
    "min_training_samples" => Shape::Whole(2, 100_000_000), "100", [];
    /// Most unlabelled events to train on, the newest.
    "max_training_samples" => Shape::Whole(2, 100_000_000), unset, [];
    /// Largest share of the unlabelled events to train on that may come from one client (two parts of an equal division where
    /// there are few clients); 1 sets no bound.
    "max_client_share" => Shape::Share(0.0, 1.0), "0.1", [];
    /// Fewest corrected labels to retrain on.
    "min_corrected_labels" => Shape::Whole(1, 1_000_000), "10", [];
    /// Without a model: `refuse` to judge (the event is kept as history), or `learn`: answer normal with confidence 0, but to what is an
    /// attack by what it carries, and train without being asked when there is history for 20 alarms of the share that is asked for
    /// (`min_training_samples` at least, ten times these at most). `/status` says how far it is.
    "cold_start" => Shape::Choice(&["refuse", "learn"]), "refuse", [];
    /// With `cold_start = "learn"`: it is learned again each time that the history has doubled, until it covers so many days or a training
    /// is asked for; 0 leaves it at the first model.
    "learn_days" => Shape::Whole(0, 3_650), "7", [];
    /// Verdicts that are kept: `all`, or `anomalies` with a sample of the normal ones, the rest being counted.
    "record" => Shape::Choice(&["all", "anomalies"]), "all", [];
    /// Days that unlabelled verdicts are kept; 0 keeps them for ever. At most a tenth of what is stored goes in each hourly round,
    /// so that a clock that is wrong for a while costs little.
    "retention_days" => Shape::Whole(0, 100_000), "90", [];
    /// Most unlabelled verdicts kept, the newest; 0 sets no limit.
    "retention_rows" => Shape::Whole(0, u64::MAX), "10000000", [];
    /// Most bytes of unlabelled verdicts kept (their names, features and events; tables and indices come on top), the newest; 0
    /// sets no limit.
    "retention_bytes" => Shape::Whole(0, u64::MAX), "21474836480", [];
    /// Seed of everything random in training: the same data and seed give the same model.
    "seed" => Shape::Whole(0, u64::MAX), "0", [];
};

const SERVICE: &[Key] = keys! {
    /// Host name or address to listen on. Anything but loopback needs a token.
    "server.host" => Shape::Text, "127.0.0.1", ["API_HOST", "HOST"];
    /// Port to listen on; 0 takes a free one, which the log names.
    "server.port" => Shape::Whole(0, 65_535), "8000", ["API_PORT", "PORT"];
    /// Bearer token that clients must send. Unset: no authentication, and only loopback is served. An empty one is refused.
    "server.token" => Shape::Text, unset, ["AUTH_TOKEN"] secret;
    /// File whose first line is the bearer token; an alternative to `server.token`.
    "server.token_file" => Shape::Path, unset, [];
    /// Detectors to serve, by name. Empty: all there are.
    "server.only" => Shape::List, "", [];
    /// Detector that is also mounted at `/`.
    "server.root" => Shape::Text, unset, [];
    /// Largest request body in bytes, after which 413 is answered.
    "server.max_body_bytes" => Shape::Whole(1024, 1_073_741_824), "67108864", [];
    /// Most flows or sessions of one request to `/predict/batch` or `/predict-batch`, after which 413 is answered. Their answer takes
    /// about 200 bytes each; 60 MiB of real flows are about 28,000.
    "server.max_batch_events" => Shape::Whole(1, 10_000_000), "65536", [];
    /// Most memory in bytes for request bodies above 16 KiB and for what is made of them, counted as eight times their size until the work
    /// on them is done; more are answered 503. There is always room for one body of the largest size.
    "server.max_buffered_bytes" => Shape::Whole(1_048_576, 1_099_511_627_776), "1073741824", [];
    /// Requests worked on at once; more are answered 503.
    "server.max_concurrent_requests" => Shape::Whole(1, 1_000_000), "1024", [];
    /// Most connections. Beyond, the one idle for longest is closed to make room, or the new one when all are at work.
    "server.max_connections" => Shape::Whole(1, 10_000_000), "8192", [];
    /// Most connections from one address (IPv6: one /64 network). Beyond, the one of them idle for longest is closed, or the new
    /// one when all are at work. Loopback counts like any other: a gateway that keeps more connections open needs more.
    "server.max_connections_per_address" => Shape::Whole(1, 10_000_000), "1024", [];
    /// Largest request line and headers together in bytes, after which 431 is answered.
    "server.max_header_bytes" => Shape::Whole(8192, 16_777_216), "65536", [];
    /// Seconds after which an unfinished request is given up with 503. Trainings are not cut short.
    "server.request_timeout_secs" => Shape::Whole(1, 86_400), "30", [];
    /// Seconds that a client may take to send a request head.
    "server.header_timeout_secs" => Shape::Whole(1, 86_400), "10", [];
    /// Seconds that a connection may stay open without a request.
    "server.keep_alive_secs" => Shape::Whole(1, 86_400), "75", [];
    /// Seconds after which a client is given up that takes no byte of its answer; one that reads slowly is not.
    "server.write_timeout_secs" => Shape::Whole(1, 86_400), "120", [];
    /// Seconds given to running requests when the server stops.
    "server.shutdown_grace_secs" => Shape::Whole(0, 86_400), "30", [];
    /// Whether the documentation pages are served: `on` or `off`.
    "server.docs" => Shape::Choice(&["on", "off"]), "on", [];
    /// Origins that browsers may call from. Empty: any when a token is set, loopback ones otherwise.
    "server.allowed_origins" => Shape::List, "", [];
    /// Names that clients may call the server by, with or without a port; `*` is any. Without a token, names and addresses of
    /// this machine (localhost, 127.0.0.1, ::1) are answered to as well, and all others refused with 421; with a token, all are
    /// answered to unless some are listed here.
    "server.allowed_hosts" => Shape::List, "", [];
    /// Proxies between clients and the gateway, whose entries in a list of addresses (`X-Forwarded-For`) are believed: addresses and
    /// networks such as `10.0.0.0/8`, or one number of proxies. The client is then the last entry that lies in none of the networks,
    /// or the entry that the outermost of so many proxies added, counted from the right. Empty: the first entry, which clients can
    /// write as they like.
    "server.trusted_proxies" => Shape::List, "", [];
    /// Seconds that an event may be dated ahead of the clock. One dated further ahead counts at its arrival.
    "events.max_ahead_secs" => Shape::Whole(0, 315_360_000), "300", [];
    /// Events of one detector that `/ingest` has accepted and that may wait to be judged, after which 429 is answered. A request is always
    /// taken while none wait.
    "ingest.max_waiting_events" => Shape::Whole(1, 1_000_000_000), "1000000", [];
    /// Bytes of such events, as they are stored, after which 429 is answered likewise.
    "ingest.max_waiting_bytes" => Shape::Whole(1024, 1_099_511_627_776), "1073741824", [];
    /// Folder that holds everything stored; made when missing, for its owner alone.
    "storage.data_dir" => Shape::Path, "bartizan-data", [];
    /// What a verdict survives before it is answered: `process` (kill -9, and power loss but for the last instant)
    /// or `power` (power loss at any instant).
    "storage.durability" => Shape::Choice(&["process", "power"]), "process", [];
    /// Database address. This release has SQLite built in: `sqlite:PATH`; unset is `DATA_DIR/bartizan.db`.
    "storage.url" => Shape::Text, unset, ["DATABASE_URL"] secret;
    /// Chooses MySQL on this host (not built into this release: refused at start).
    "storage.mysql_host" => Shape::Text, unset, ["MYSQL_HOST"];
    /// Port of MySQL.
    "storage.mysql_port" => Shape::Whole(1, 65_535), unset, ["MYSQL_PORT"];
    /// User of MySQL.
    "storage.mysql_user" => Shape::Text, unset, ["MYSQL_USER"];
    /// Password of MySQL.
    "storage.mysql_password" => Shape::Text, unset, ["MYSQL_PASSWORD"] secret;
    /// Database in MySQL; chooses MySQL like the host.
    "storage.mysql_database" => Shape::Text, unset, ["MYSQL_DATABASE"];
    /// Longest that one training may take; then it is ended. Lower `max_training_samples` or the trees if it is reached.
    "training.max_secs" => Shape::Whole(1, 86_400), "600", [];
    /// Trainings of different detectors that run at once; each uses all processors. Those of one detector run one after another.
    "training.max_at_once" => Shape::Whole(1, 64), "2", [];
    /// Least important log lines that are written.
    "log.level" => Shape::Choice(&["trace", "debug", "info", "warn", "error", "off"]), "info", ["LOG_LEVEL"];
    /// File for JSON log lines besides standard error; a new one every day, 30 are kept.
    "log.file" => Shape::Path, unset, ["LOG_FILE"];
    /// A format of access logs of one's own, in the words of nginx's `log_format` or Apache's `LogFormat`: the words alone, or the whole
    /// directive, pasted. Lines are then tried as this format first; `--format own` reads no other.
    "files.log_format" => Shape::Text, unset, [];
    /// Field of JSON lines, or header of requests, such as `X-User-Id`, that says who the user of a line of an access log is; compared without
    /// case, `_` and `-`. It comes before what the server itself calls the user; a header counts only where the log has it: in an object
    /// `headers`, or as a variable of `log_format`. No header says who the user is unless it is named here, since clients send
    /// whatever they like: name one that your gateway sets itself, and that it takes from no client.
    "files.user_field" => Shape::Text, unset, [];
};
