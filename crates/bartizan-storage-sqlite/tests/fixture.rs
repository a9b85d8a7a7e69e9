//! Databases of every schema version ever released open and hold what was put in.
//!
//! `BARTIZAN_WRITE_FIXTURE=tests/fixtures/v6.sqlite cargo test -p bartizan-storage-sqlite --test fixture` writes the newest
//! one, once per schema version; those of earlier versions stay as they are.

use bartizan_core::{Label, Timestamp, Verdict};
use bartizan_storage::{
    AuditFilter, DetectionKey, DetectionRepository, Exclusion, ExclusionRepository, InboxRepository, LabelChange, ModelRepository,
    NewBatch, NewExclusion, NewPart, Retention, Statistics, WaitingPart, WindowRepository, WindowsPart,
};
use bartizan_storage_sqlite::{SqliteOptions, SqliteStore};
use bartizan_testkit::{detection, judged_detection, model};
use std::path::Path;

fn part() -> WindowsPart {
    WindowsPart { checkpoint: 1, part: 0, after: 2, blob: b"windows".to_vec() }
}

fn exclusion() -> NewExclusion {
    NewExclusion {
        detector: "requests".to_owned(),
        entity: Some("192.0.2.9".to_owned()),
        from: Some(Timestamp::from_secs(5)),
        to: None,
        note: "a scan".to_owned(),
        created_at: Timestamp::from_secs(9),
    }
}

fn batch() -> NewBatch {
    NewBatch { detector: "requests".into(), parts: vec![NewPart { events: 2, blob: b"events".to_vec() }], key: None }
}

fn change() -> LabelChange {
    LabelChange { label: Label::Legitimate, changed_by: "ann".to_owned(), changed_at: Timestamp::from_secs(9) }
}

#[expect(clippy::unwrap_used, reason = "called by a test")]
async fn write(path: &Path) {
    let store = SqliteStore::open(SqliteOptions::new(path)).unwrap();
    let judged = |number, verdict| judged_detection("requests", number, verdict, 0.75);
    let ids = store.record(vec![judged(1, Verdict::Normal), judged(2, Verdict::Anomalous), detection("requests", 3)]).await.unwrap();
    store.label("requests", &DetectionKey::Id(ids[1]), change()).await.unwrap().unwrap();
    store.store_and_activate(model("v1.0", 1), Vec::new()).await.unwrap();
    store.store_model(model("v1.1", 2), false).await.unwrap();
    store.store_windows("requests", part(), true).await.unwrap();
    store.add_exclusion(exclusion()).await.unwrap();
    store.accept(batch()).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn databases_of_every_version_open_and_hold_what_was_put_in() {
    if let Some(path) = std::env::var_os("BARTIZAN_WRITE_FIXTURE") {
        write(Path::new(&path)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    for version in ["v1", "v2", "v3", "v4", "v5", "v6"] {
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{version}.sqlite"));
        let path = folder.path().join(version);
        std::fs::copy(fixture, &path).unwrap();
        let store = SqliteStore::open(SqliteOptions::new(&path)).unwrap();
        let expected = Statistics {
            judged: 2,
            anomalous: 1,
            average_confidence: 0.75,
            labelled: 1,
            false_positives: 1,
            false_negatives: 0,
            stored: 3,
            // What a release without the count stored is counted when its database is opened.
            stored_bytes: 3 * (7 + 9 + 18 + 4) + 2 * 12 + 3 * 4,
        };
        assert_eq!(store.statistics("requests").await.unwrap(), expected, "{version}");
        let mut labelled = judged_detection("requests", 2, Verdict::Anomalous, 0.75);
        labelled.label = Some(Label::Legitimate);
        let found = store.find("requests", &DetectionKey::EventId("event-2".to_owned())).await.unwrap().unwrap();
        assert_eq!((found.id, &found.detection), (2, &labelled), "{version}");
        assert_eq!(store.label_changes("requests", 2).await.unwrap(), [(None, change())], "{version}");
        assert_eq!(store.audit("requests", &AuditFilter::default(), 0, 9).await.unwrap().total, 2, "{version}");
        assert_eq!(store.active_model("requests").await.unwrap(), Some(model("v1.0", 1)), "{version}");
        assert_eq!(store.record(vec![detection("requests", 4)]).await.unwrap(), [4], "{version}");
        // Checkpoints of before could be there in part: they are dropped.
        let parts = if matches!(version, "v4" | "v5" | "v6") { vec![part()] } else { Vec::new() };
        assert_eq!(store.windows("requests").await.unwrap(), parts, "{version}");
        let kept_out = if matches!(version, "v5" | "v6") { vec![Exclusion { id: 1, exclusion: exclusion() }] } else { Vec::new() };
        assert_eq!(store.exclusions("requests").await.unwrap(), kept_out, "{version}");
        let waiting: Vec<WaitingPart> = store.waiting("requests", 0, 9, 99).await.unwrap();
        let parts = if version == "v6" { batch().parts } else { Vec::new() };
        assert_eq!(waiting.into_iter().map(|waiting| waiting.part).collect::<Vec<_>>(), parts, "{version}");
        store.ping().await.unwrap();
        let most = Retention { max_rows: Some(0), ..Retention::default() };
        assert_eq!(store.prune("requests", most).await.unwrap().removed, 3, "{version}");
        assert_eq!(store.statistics("requests").await.unwrap().stored_bytes, 7 + 9 + 18 + 4 + 12 + 4, "{version}: the labelled row");
    }
}
