//! Health and readiness while nothing can be written to the database.

mod support;

use rusqlite::Connection;
use support::{Running, record};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_reports_that_nothing_can_be_written() {
    let server = Running::start().await;
    assert_eq!(server.train("v1.0", 200).await.status, 200);
    let said = async || {
        let (readiness, health, mount) = (server.get("/readyz").await, server.get("/health").await, server.get("/requests/health").await);
        let word = |answer: &support::Answer, field: &str| answer.json()[field].as_str().unwrap().to_owned();
        let words = [word(&readiness, "status"), word(&health, "status"), word(&mount, "status"), word(&mount, "database")];
        ((readiness.status, health.status, mount.status), words)
    };
    let well = ((200, 200, 200), ["ready", "healthy", "healthy", "connected"].map(str::to_owned));
    // On a busy machine the first answers may come too late to say that all is well.
    while said().await != well {}

    let other = Connection::open(server.database()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(said().await, ((503, 200, 200), ["unavailable", "unhealthy", "unhealthy", "unavailable"].map(str::to_owned)));
    let reason = server.get("/readyz").await.json()["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("requests") && !reason.contains("test.db"), "{reason}");
    let statistics = server.get("/requests/statistics").await;
    assert_eq!((statistics.status, statistics.json()["stored_records"].as_u64()), (200, Some(200)), "reading goes on");

    other.execute_batch("COMMIT").unwrap();
    while said().await != well {}
    assert_eq!(server.post("/requests/analyze", &record(7)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_is_at_the_root_whatever_is_mounted_there_and_needs_no_token() {
    let server = Running::start_with(|config| {
        config.root = Some("requests".to_owned());
        config.token = Some("secret".to_owned());
    })
    .await;
    let answer = server.get("/readyz").await;
    // On a busy machine the answer may come too late to say that all is well.
    let (ready, said) = (answer.status == 200, answer.json());
    assert_eq!((said["status"] == "ready", said["reason"].is_null(), ready || answer.status == 503), (ready, ready, true), "{said}");
    assert_eq!(server.get("/requests/readyz").await.status, 401);
}
