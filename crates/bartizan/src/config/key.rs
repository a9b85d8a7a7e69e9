//! Every setting there is, once: from this table come the reader, `config show`, the schema and the manual.

/// What a setting may hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
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

impl Kind {
    /// What is expected, as a person says it.
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
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// Where it stands in the file: `server.port`.
    pub(crate) path: &'static str,
    /// What it may hold.
    pub(crate) kind: Kind,
    /// What holds when nobody says otherwise; `None` when it is then unset.
    pub(crate) default: Option<&'static str>,
    /// Names in the environment besides `BARTIZAN_…`, strongest first.
    pub(crate) aliases: &'static [&'static str],
    /// Never shown.
    pub(crate) secret: bool,
    /// The manual.
    pub(crate) doc: &'static str,
}

impl Key {
    /// Its name in the environment: `BARTIZAN_SERVER_PORT`.
    pub(crate) fn variable(&self) -> String {
        format!("BARTIZAN_{}", self.path.replace('.', "_").to_uppercase())
    }

    /// Its section and its name in it.
    pub(crate) fn section(&self) -> (&'static str, &'static str) {
        self.path.rsplit_once('.').unwrap_or(("", self.path))
    }

    /// Its manual as running text.
    pub(crate) fn manual(&self) -> &'static str {
        self.doc.trim()
    }
}

/// Finds a setting by its path.
pub(crate) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

macro_rules! keys {
    (@secret secret) => { true };
    (@secret) => { false };
    (@default $default:literal) => { Some($default) };
    (@default unset) => { None };
    ($($(#[doc = $doc:literal])+ $path:literal => $kind:expr, $default:tt, $names:tt $($secret:ident)?;)*) => {
        keys! { $($(#[doc = $doc])+ ($path) => $kind, $default, $names $($secret)?;)* }
    };
    ($($(#[doc = $doc:literal])+ ($path:expr) => $kind:expr, $default:tt, [$($alias:literal),*] $($secret:ident)?;)*) => {
        &[$(Key {
            path: $path,
            kind: $kind,
            default: keys!(@default $default),
            aliases: &[$($alias),*],
            secret: keys!(@secret $($secret)?),
            doc: concat!($($doc),+),
        }),*]
    };
}

/// Settings that every detector has, with what differs: defaults and names in the environment.
macro_rules! detector {
    ($name:literal, algorithm $algorithm:tt, contamination $contamination:tt $contamination_names:tt, trees $tree_names:tt,
     least $least_names:tt, most $most:literal) => {
        keys! {
            /// Estimator trained when a training does not name one.
            (concat!("detectors.", $name, ".algorithm")) => Kind::Choice(bartizan_estimators::Algorithm::NAMES), $algorithm, [];
            /// Expected share of anomalies in training data.
            (concat!("detectors.", $name, ".contamination")) => Kind::Share(0.0, 0.5), $contamination, $contamination_names;
            /// One false alarm in how many normal events; sets the threshold instead of the contamination. Unset: the contamination does.
            (concat!("detectors.", $name, ".one_false_alarm_in")) => Kind::Whole(2, 1_000_000_000), unset, [];
            /// Trees of a forest. Unset: the algorithm's own default.
            (concat!("detectors.", $name, ".n_estimators")) => Kind::Whole(1, 10_000), unset, $tree_names;
            /// Rows drawn for each tree. Unset: the algorithm's own default.
            (concat!("detectors.", $name, ".max_samples")) => Kind::Whole(2, 65_536), unset, [];
            /// Fewest events to train on.
            (concat!("detectors.", $name, ".min_training_samples")) => Kind::Whole(2, 100_000_000), "100", $least_names;
            /// Most unlabelled events to train on, the newest.
            (concat!("detectors.", $name, ".max_training_samples")) => Kind::Whole(2, 100_000_000), $most, [];
            /// Largest share of the unlabelled events to train on that may come from one client (two parts of an equal division where
            /// there are few clients); 1 sets no bound.
            (concat!("detectors.", $name, ".max_client_share")) => Kind::Share(0.0, 1.0), "0.1", [];
            /// Fewest corrected labels to retrain on.
            (concat!("detectors.", $name, ".min_corrected_labels")) => Kind::Whole(1, 1_000_000), "10", [];
            /// Without a model: `refuse` to judge (the event is kept as history), or `learn` (answer normal with
            /// confidence 0 and train by itself once there are `min_training_samples`).
            (concat!("detectors.", $name, ".cold_start")) => Kind::Choice(&["refuse", "learn"]), "refuse", [];
            /// Verdicts that are kept: `all`, or `anomalies` with a sample of the normal ones, the rest being counted.
            (concat!("detectors.", $name, ".record")) => Kind::Choice(&["all", "anomalies"]), "all", [];
            /// Days that unlabelled verdicts are kept; 0 keeps them for ever. At most a tenth of what is stored goes in each hourly round,
            /// so that a clock that is wrong for a while costs little.
            (concat!("detectors.", $name, ".retention_days")) => Kind::Whole(0, 100_000), "90", [];
            /// Most unlabelled verdicts kept, the newest; 0 sets no limit.
            (concat!("detectors.", $name, ".retention_rows")) => Kind::Whole(0, u64::MAX), "10000000", [];
            /// Most bytes of unlabelled verdicts kept (their names, features and events; tables and indices come on top), the newest; 0
            /// sets no limit.
            (concat!("detectors.", $name, ".retention_bytes")) => Kind::Whole(0, u64::MAX), "21474836480", [];
            /// Seed of everything random in training: the same data and seed give the same model.
            (concat!("detectors.", $name, ".seed")) => Kind::Whole(0, u64::MAX), "0", [];
        }
    };
}

const PARTS: [&[Key]; 6] = [SERVICE, REQUESTS, REQUESTS_ONLY, FLOWS, FLOWS_ONLY, BEHAVIOR];
const COUNT: usize = SERVICE.len() + REQUESTS.len() + REQUESTS_ONLY.len() + FLOWS.len() + FLOWS_ONLY.len() + BEHAVIOR.len();

/// All settings, section by section.
pub(crate) const KEYS: &[Key] = &joined();

const fn joined() -> [Key; COUNT] {
    let mut all = [SERVICE[0]; COUNT];
    let (mut part, mut at) = (0, 0);
    while part < PARTS.len() {
        let mut i = 0;
        while i < PARTS[part].len() {
            all[at] = PARTS[part][i];
            at += 1;
            i += 1;
        }
        part += 1;
    }
    all
}

const REQUESTS: &[Key] = detector!("requests", algorithm unset, contamination "0.1" ["DEFAULT_CONTAMINATION"],
    trees ["DEFAULT_N_ESTIMATORS"], least ["MIN_TRAINING_SAMPLES"], most "10000");

const REQUESTS_ONLY: &[Key] = keys! {
    /// Most clients tracked in the sliding windows; the one silent longest is forgotten first.
    "detectors.requests.max_tracked_clients" => Kind::Whole(1, 100_000_000), "100000", [];
};

const FLOWS: &[Key] = detector!("flows", algorithm "one_class_svm", contamination "0.05" [], trees [], least [], most "20000");

const FLOWS_ONLY: &[Key] = keys! {
    /// Upper bound on the share of training rows outside the boundary of the one-class SVM.
    "detectors.flows.nu" => Kind::Share(0.0, 1.0), "0.05", [];
    /// Features learned from: `all`, or `robust` without those that the original CICFlowMeter computes wrongly.
    "detectors.flows.features" => Kind::Choice(&["all", "robust"]), "all", [];
};

const BEHAVIOR: &[Key] = detector!("behavior", algorithm "isolation_forest", contamination "0.1" [], trees [], least [], most "50000");

const SERVICE: &[Key] = keys! {
    /// Host name or address to listen on. Anything but loopback needs a token.
    "server.host" => Kind::Text, "127.0.0.1", ["API_HOST", "HOST"];
    /// Port to listen on; 0 takes a free one, which the log names.
    "server.port" => Kind::Whole(0, 65_535), "8000", ["API_PORT", "PORT"];
    /// Bearer token that clients must send. Unset: no authentication, and only loopback is served. An empty one is refused.
    "server.token" => Kind::Text, unset, ["AUTH_TOKEN"] secret;
    /// File whose first line is the bearer token; an alternative to `server.token`.
    "server.token_file" => Kind::Path, unset, [];
    /// Detectors to serve. Empty: all there are.
    "server.only" => Kind::List, "", [];
    /// Detector that is also mounted at `/`.
    "server.root" => Kind::Text, unset, [];
    /// Largest request body in bytes, after which 413 is answered.
    "server.max_body_bytes" => Kind::Whole(1024, 1_073_741_824), "67108864", [];
    /// Most flows or sessions of one request to `/predict/batch` or `/predict-batch`, after which 413 is answered. Their answer takes
    /// about 200 bytes each; 60 MiB of real flows are about 28,000.
    "server.max_batch_events" => Kind::Whole(1, 10_000_000), "65536", [];
    /// Most memory in bytes for request bodies above 16 KiB and for what is made of them, counted as eight times their size until the work
    /// on them is done; more are answered 503. There is always room for one body of the largest size.
    "server.max_buffered_bytes" => Kind::Whole(1_048_576, 1_099_511_627_776), "1073741824", [];
    /// Requests worked on at once; more are answered 503.
    "server.max_concurrent_requests" => Kind::Whole(1, 1_000_000), "1024", [];
    /// Most connections. Beyond, the one idle for longest is closed to make room, or the new one when all are at work.
    "server.max_connections" => Kind::Whole(1, 10_000_000), "8192", [];
    /// Most connections from one address (IPv6: one /64 network). Beyond, the one of them idle for longest is closed, or the new
    /// one when all are at work. Loopback counts like any other: a gateway that keeps more connections open needs more.
    "server.max_connections_per_address" => Kind::Whole(1, 10_000_000), "1024", [];
    /// Largest request line and headers together in bytes, after which 431 is answered.
    "server.max_header_bytes" => Kind::Whole(8192, 16_777_216), "65536", [];
    /// Seconds after which an unfinished request is given up with 503. Trainings are not cut short.
    "server.request_timeout_secs" => Kind::Whole(1, 86_400), "30", [];
    /// Seconds that a client may take to send a request head.
    "server.header_timeout_secs" => Kind::Whole(1, 86_400), "10", [];
    /// Seconds that a connection may stay open without a request.
    "server.keep_alive_secs" => Kind::Whole(1, 86_400), "75", [];
    /// Seconds after which a client is given up that takes no byte of its answer; one that reads slowly is not.
    "server.write_timeout_secs" => Kind::Whole(1, 86_400), "120", [];
    /// Seconds given to running requests when the server stops.
    "server.shutdown_grace_secs" => Kind::Whole(0, 86_400), "30", [];
    /// Whether the documentation pages are served: `on` or `off`.
    "server.docs" => Kind::Choice(&["on", "off"]), "on", [];
    /// Origins that browsers may call from. Empty: any when a token is set, loopback ones otherwise.
    "server.allowed_origins" => Kind::List, "", [];
    /// Names that clients may call the server by, with or without a port; `*` is any. Without a token, names and addresses of
    /// this machine (localhost, 127.0.0.1, ::1) are answered to as well, and all others refused with 421; with a token, all are
    /// answered to unless some are listed here.
    "server.allowed_hosts" => Kind::List, "", [];
    /// Proxies between clients and the gateway, whose entries in a list of addresses (`X-Forwarded-For`) are believed: addresses and
    /// networks such as `10.0.0.0/8`, or one number of proxies. The client is then the last entry that lies in none of the networks,
    /// or the entry that the outermost of so many proxies added, counted from the right. Empty: the first entry, which clients can
    /// write as they like.
    "server.trusted_proxies" => Kind::List, "", [];
    /// Seconds that an event may be dated ahead of the clock. One dated further ahead counts at its arrival.
    "events.max_ahead_secs" => Kind::Whole(0, 315_360_000), "300", [];
    /// Folder that holds everything stored; made when missing, for its owner alone.
    "storage.data_dir" => Kind::Path, "bartizan-data", [];
    /// What a verdict survives before it is answered: `process` (kill -9, and power loss but for the last instant)
    /// or `power` (power loss at any instant).
    "storage.durability" => Kind::Choice(&["process", "power"]), "process", [];
    /// Database address. This release has SQLite built in: `sqlite:PATH`; unset is `DATA_DIR/bartizan.db`.
    "storage.url" => Kind::Text, unset, ["DATABASE_URL"] secret;
    /// Chooses MySQL on this host (not built into this release: refused at start).
    "storage.mysql_host" => Kind::Text, unset, ["MYSQL_HOST"];
    /// Port of MySQL.
    "storage.mysql_port" => Kind::Whole(1, 65_535), unset, ["MYSQL_PORT"];
    /// User of MySQL.
    "storage.mysql_user" => Kind::Text, unset, ["MYSQL_USER"];
    /// Password of MySQL.
    "storage.mysql_password" => Kind::Text, unset, ["MYSQL_PASSWORD"] secret;
    /// Database in MySQL; chooses MySQL like the host.
    "storage.mysql_database" => Kind::Text, unset, ["MYSQL_DATABASE"];
    /// Longest that one training may take; then it is ended. Lower `max_training_samples` or the trees if it is reached.
    "training.max_secs" => Kind::Whole(1, 86_400), "600", [];
    /// Trainings of different detectors that run at once; each uses all processors. Those of one detector run one after another.
    "training.max_at_once" => Kind::Whole(1, 64), "2", [];
    /// Least important log lines that are written.
    "log.level" => Kind::Choice(&["trace", "debug", "info", "warn", "error", "off"]), "info", ["LOG_LEVEL"];
    /// File for JSON log lines besides standard error; a new one every day, 30 are kept.
    "log.file" => Kind::Path, unset, ["LOG_FILE"];
};
