//! Several detectors, some of one kind, each under a name of its own.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use bartizan_core::Timestamp;
use bartizan_domains::{flows::Flows, requests::Requests};
use bartizan_pipeline::{Clock, Instance, Settings};
use bartizan_server::{BindError, Mounts, Outline, Server, is_mount_name};
use bartizan_storage::Store;
use bartizan_storage_sqlite::{SqliteOptions, SqliteStore};
use std::{collections::BTreeSet, sync::Arc};

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_770_000_000)
    }
}

/// Binds a server with a detector of flows and these of requests.
async fn bind(names: &[&str], root: Option<&str>) -> Result<Server, BindError> {
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(SqliteOptions::new(folder.path().join("test.db"))).unwrap());
    let mut mounts = Mounts::default();
    mounts.add(Instance::<Flows>::open(Settings::new("flows"), Arc::clone(&store), Arc::new(Still)).await.unwrap());
    for name in names {
        mounts.add(Instance::<Requests>::open(Settings::new(name), Arc::clone(&store), Arc::new(Still)).await.unwrap());
    }
    let mut config = support::loopback();
    config.root = root.map(str::to_owned);
    Server::bind(config, mounts, Arc::new(Still)).await
}

#[tokio::test]
async fn names_that_cannot_be_paths_or_are_taken_are_refused() {
    for (names, root) in [(&["requests", "edge-1", "edge_2"] as &[&str], None), (&["requests", "edge"], Some("edge"))] {
        assert!(bind(names, root).await.is_ok(), "{names:?} {root:?}");
    }
    let long = "a".repeat(65);
    for names in [&["flows"] as &[&str], &["edge", "edge"], &["metrics"], &["Edge"], &["a/b"], &[""], &[&long]] {
        assert!(matches!(bind(names, None).await.err(), Some(BindError::MountName(_))), "{names:?}");
    }
    assert!(is_mount_name(&long[1..]) && !is_mount_name(&long));
}

#[tokio::test]
async fn a_name_that_is_a_path_of_the_mount_at_the_root_is_refused() {
    assert!(bind(&["models", "predict"], None).await.is_ok(), "without a root there is no such path");
    for (name, root) in [("models", "flows"), ("predict", "flows"), ("audit", "requests")] {
        let error = bind(&["requests", name], Some(root)).await.err().unwrap();
        assert!(matches!(&error, BindError::RootPath { .. }), "{error}");
        assert!(error.to_string().contains(&format!("/{name}")), "{error}");
    }
}

#[test]
fn each_has_all_paths_of_its_kind_in_the_document() {
    let mut outline = Outline::default();
    outline.add::<Requests>("requests");
    outline.add::<Requests>("edge");
    let document = outline.openapi(&support::loopback());
    let below = |name: &str| -> BTreeSet<String> {
        let paths = document["paths"].as_object().unwrap().keys();
        paths.filter_map(|path| path.strip_prefix(&format!("/{name}"))).map(str::to_owned).collect()
    };
    assert!(below("requests").contains("/analyze") && below("requests") == below("edge"), "{:?}", below("edge"));
    let tags: Vec<&str> = document["tags"].as_array().unwrap().iter().map(|tag| tag["description"].as_str().unwrap()).collect();
    assert_eq!(tags[1..], ["Detector `requests`, of kind requests", "Detector `edge`, of kind requests"]);
    assert_eq!(document["paths"]["/edge/analyze"]["post"]["tags"][0], "edge");
}
