//! Configuration and exit codes of the real binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod common;

use common::{bartizan, fails, generate, json, run, stderr};
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

fn setting(shown: &Value, name: &str) -> (String, String) {
    let settings = shown["settings"].as_array().unwrap();
    let found = settings.iter().find(|setting| setting["setting"] == name).unwrap();
    (found["value"].as_str().unwrap().to_owned(), found["origin"].as_str().unwrap().to_owned())
}

fn show(folder: &Path, variables: &[(&str, &str)], flags: &[&str]) -> Value {
    let mut command = bartizan(folder, &[&["config", "show", "--json"], flags].concat());
    let output = command.envs(variables.iter().copied()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn flags_beat_the_environment_beats_the_file_beats_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let port = |variables: &[(&str, &str)]| setting(&show(folder.path(), variables, &[]), "server.port");
    assert_eq!(port(&[]), ("8000".into(), "default".into()));
    fs::write(folder.path().join("bartizan.toml"), "[server]\nport = 8100\n[storage]\ndata_dir = \"from-file\"\n").unwrap();
    assert_eq!(port(&[]), ("8100".into(), "bartizan.toml:2".into()));
    assert_eq!(port(&[("PORT", "8200")]), ("8200".into(), "environment PORT".into()));
    assert_eq!(port(&[("PORT", "8200"), ("API_PORT", "8300")]), ("8300".into(), "environment API_PORT".into()));
    assert_eq!(port(&[("BARTIZAN_SERVER_PORT", "8400"), ("API_PORT", "8300")]), ("8400".into(), "environment BARTIZAN_SERVER_PORT".into()));
    let shown = show(folder.path(), &[("BARTIZAN_STORAGE_DATA_DIR", "from-env")], &["--data-dir", "from-flag"]);
    assert_eq!(setting(&shown, "storage.data_dir"), ("from-flag".into(), "flag --data-dir".into()));
}

#[test]
fn every_contracted_variable_is_a_setting() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("API_HOST", "::1", "server.host"),
        ("HOST", "::1", "server.host"),
        ("API_PORT", "1", "server.port"),
        ("DEFAULT_CONTAMINATION", "0.2", "detectors.requests.contamination"),
        ("DEFAULT_N_ESTIMATORS", "50", "detectors.requests.n_estimators"),
        ("MIN_TRAINING_SAMPLES", "200", "detectors.requests.min_training_samples"),
        ("LOG_LEVEL", "debug", "log.level"),
        ("LOG_FILE", "x.log", "log.file"),
        ("MYSQL_PORT", "3306", "storage.mysql_port"),
    ];
    for (variable, value, name) in cases {
        let shown = show(folder.path(), &[(variable, value)], &[]);
        assert_eq!(setting(&shown, name), (value.into(), format!("environment {variable}")));
    }
}

#[test]
fn secrets_are_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let secrets = [("AUTH_TOKEN", "open-sesame"), ("MYSQL_PASSWORD", "open-sesame"), ("DATABASE_URL", "sqlite:open-sesame")];
    let text = show(folder.path(), &secrets, &[]).to_string();
    assert!(!text.contains("open-sesame") && text.contains("(hidden)"), "{text}");
}

#[test]
fn all_faults_are_named_at_once_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = "[server]\nport = 70000\nprot = 1\n\n[detectors.requests]\ncontamination = 0.7\n";
    fs::write(folder.path().join("b.toml"), file).unwrap();
    let output = bartizan(folder.path(), &["config", "check", "--config", "b.toml"]).env("MIN_TRAINING_SAMPLES", "many").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    for part in [
        "4 faults",
        "b.toml:2: server.port must be a whole number from 0 to 65535, got 70000",
        "b.toml:3: no such setting: server.prot; did you mean server.port?",
        "b.toml:6: detectors.requests.contamination must be a number above 0, at most 0.5, got 0.7",
        "environment MIN_TRAINING_SAMPLES: detectors.requests.min_training_samples must be",
    ] {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
}

#[test]
fn the_commented_file_and_the_schema_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["config", "schema", "--toml"]);
    fs::write(folder.path().join("bartizan.toml"), &output.stdout).unwrap();
    assert_eq!(json(folder.path(), &["config", "check"])["ok"], true);
    assert_eq!(json(folder.path(), &["config", "schema"])["properties"]["server"]["properties"]["port"]["maximum"], 65_535);
}

#[test]
fn wrong_use_has_code_2() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, expected) in [
        (&["frobnicate"] as &[&str], "unrecognized subcommand"),
        (&["serve", "--listen", "nonsense"], "expected HOST:PORT"),
        (&["serve", "--listen", "0.0.0.0:0"], "AUTH_TOKEN"),
        (&["serve", "--listen", "127.0.0.1:0", "--root", "nothing"], "there are the detectors requests, logs, flows, behavior"),
        (&["serve", "--listen", "127.0.0.1:0", "--durability", "maybe"], "one of process, power"),
        (&["serve", "--listen", "127.0.0.1:0", "--token-file", "none"], "the token file none cannot be read"),
        (&["score", "requests", "x", "--out", "x.txt"], ".csv or .ndjson"),
        (&["label", "requests", "1", "--by", "me"], "<--anomalous|--legitimate>"),
        (&["label", "requests", "1", "--by", "me", "--anomalous", "--legitimate"], "cannot be used with"),
        (&["train", "requests", "none", "--contamination", "0.1", "--one-false-alarm-in", "100"], "cannot be used with"),
        (&["config", "check", "--config", "none.toml"], "none.toml"),
    ] {
        let text = fails(folder.path(), arguments, 2);
        assert!(text.contains(expected), "{arguments:?}: {text}");
    }
}

#[test]
fn parameters_are_checked_before_a_file_is_read_or_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    for command in [&["train", "requests", "none"] as &[&str], &["evaluate", "flows", "none", "--split", "0.5"]] {
        for (flags, expected) in [
            (&["--contamination", "0.7"] as &[&str], "0.7"),
            (&["--one-false-alarm-in", "1"], "1"),
            (&["--algorithm", "nonsense"], "nonsense"),
            (&["--algorithm", "isolation_forest", "--n-estimators", "0"], "n_estimators"),
            (&["--algorithm", "isolation_forest", "--param", "nonsense=1"], "nonsense"),
            (&["--format", "nonsense"], "nonsense"),
        ] {
            let text = fails(folder.path(), &[command, flags].concat(), 2);
            assert!(text.contains(expected) && !text.contains("cannot be opened"), "{command:?} {flags:?}: {text}");
        }
    }
    for command in [&["score", "requests", "none", "--format", "x"] as &[&str], &["tune", "flows", "none", "--format", "x"]] {
        assert!(fails(folder.path(), command, 2).contains("--format"), "{command:?}");
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn a_taken_port_is_said_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = other.local_addr().unwrap().to_string();
    let mut command = bartizan(folder.path(), &["serve", "--listen", &address]);
    let output = command.env("LOG_FILE", "logs/bartizan.log").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("in use"), "{}", stderr(&output));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
}

#[test]
fn an_empty_token_does_not_open_the_server() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value) in [("AUTH_TOKEN", ""), ("AUTH_TOKEN", "  "), ("BARTIZAN_SERVER_TOKEN", ""), ("BARTIZAN_SERVER_TOKEN_FILE", "")] {
        let mut command = bartizan(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.env(name, value).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut text = String::new();
        for line in BufReader::new(child.stderr.take().unwrap()).lines() {
            text += &line.unwrap();
            if text.contains("listening on") {
                child.kill().unwrap();
            }
        }
        assert_eq!(child.wait().unwrap().code(), Some(2), "{name}={value:?}: {text}");
        assert!(text.contains(name) && text.contains("token"), "{text}");
    }
}

#[test]
fn nothing_from_outside_steers_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let deceptive = "v\u{1b}[31m\u{202e}\u{9b}1";
    let clean = |text: &str| !text.chars().any(|c| matches!(c, '\u{1b}' | '\u{202e}' | '\u{9b}'));
    for arguments in [
        &["models", "show", "requests", deceptive] as &[&str],
        &["models", "activate", "requests", deceptive],
        &["models", "import", "requests", deceptive],
        &["train", "requests", deceptive],
        &["score", "requests", deceptive, "--out", deceptive],
        &["config", "check", "--config", deceptive],
        &["models", "show", "requests", deceptive, "--json"],
    ] {
        let output = run(folder.path(), arguments);
        let (out, err) = (String::from_utf8(output.stdout.clone()).unwrap(), stderr(&output));
        assert!(clean(&out) && clean(&err) && !err.is_empty(), "{arguments:?}: {out:?} {err:?}");
    }
    // Names of labels in a file, as `evaluate` lists them.
    let header = "Destination Port,Flow Duration,Total Fwd Packets,Label";
    let label = |i: usize| if i.is_multiple_of(10) { "Bad\u{1b}[31m\u{202e}\u{9b}" } else { "BENIGN" };
    let rows: String = (1..=300).map(|i| format!("80,{i},{i},{}\n", label(i))).collect();
    fs::write(folder.path().join("flows.csv"), format!("{header}\n{rows}")).unwrap();
    for flags in [&["--by", "random"] as &[&str], &["--by", "random", "--json"]] {
        let output = run(folder.path(), &[&["evaluate", "flows", "flows.csv", "--split", "0.5"], flags].concat());
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(text.contains("Bad") && clean(&text), "{text:?}");
    }
    // Clients and paths of requests, as `score` lists them.
    generate(folder.path(), "requests.ndjson", 200, 1);
    json(folder.path(), &["train", "requests", "requests.ndjson"]);
    let text = fs::read_to_string(folder.path().join("requests.ndjson")).unwrap();
    let mut odd: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    for field in ["request_id", "ip_address", "endpoint", "http_method"] {
        odd[field] = format!("{deceptive}-{field}").into();
    }
    fs::write(folder.path().join("odd.ndjson"), odd.to_string()).unwrap();
    for flags in [&[] as &[&str], &["--json"]] {
        let output = run(folder.path(), &[&["score", "requests", "odd.ndjson"], flags].concat());
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        assert!(text.contains("-endpoint") && clean(&text) && clean(&stderr(&output)), "{flags:?}: {text:?}");
    }
}

#[test]
fn other_engines_are_refused_at_start() {
    let folder = tempfile::tempdir().unwrap();
    for (variable, value) in [("MYSQL_HOST", "db"), ("DATABASE_URL", "postgres://db/x"), ("DATABASE_URL", "mysql://u:secret@db/x")] {
        let output = bartizan(folder.path(), &["serve", "--listen", "127.0.0.1:0"]).env(variable, value).output().unwrap();
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("does not have built in") && !text.contains("secret"), "{text}");
    }
}

#[test]
fn a_file_that_is_no_database_has_code_5_and_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("d")).unwrap();
    let file = folder.path().join("d/bartizan.db");
    let content = "this is a shopping list, and a long one ".repeat(200);
    fs::write(&file, &content).unwrap();
    for arguments in
        [&["models", "list", "requests", "--data-dir", "d"] as &[&str], &["serve", "--listen", "127.0.0.1:0", "--data-dir", "d"]]
    {
        let text = fails(folder.path(), arguments, 5);
        assert!(text.contains("not a database") && text.contains("help:"), "{text}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), content);
}

#[test]
fn a_data_folder_that_cannot_be_made_has_code_5() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let text = fails(folder.path(), &["models", "list", "requests", "--data-dir", "file/d"], 5);
    assert!(text.contains("cannot be made"), "{text}");
}

#[test]
fn errors_are_json_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let text = fails(folder.path(), &["models", "show", "requests", "v9", "--json"], 4);
    let body: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(body["exit_code"], 4);
    assert!(body["error"].as_str().unwrap().contains("v9"));
}

#[test]
fn completions_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(folder.path(), &["completions", shell]).stdout.len() > 1000, "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = bartizan(folder.path(), &["config", "schema"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""));
}
