//! The detection repository.

use crate::insert::Added;
use crate::queries::{self, PRUNE_STEP};
use crate::store::SqliteStore;
use crate::writer::Job;
use async_trait::async_trait;
use bartizan_core::Label;
use bartizan_storage::{
    AuditFilter, AuditPage, Detection, DetectionKey, DetectionRepository, HistoryQuery, LabelChange, LabelOutcome, NewDetection, Retention,
    Statistics, StoreError,
};
use std::sync::Arc;

#[async_trait]
impl DetectionRepository for SqliteStore {
    async fn record(&self, detections: Vec<NewDetection>) -> Result<Vec<i64>, StoreError> {
        self.hand_in(|reply| Job::Record(detections, reply)).await
    }

    async fn count(&self, detector: &str, judged: u64, anomalous: u64, confidence_sum: f64) -> Result<(), StoreError> {
        let added = Added { judged, anomalous, confident: judged, confidence_sum, ..Added::default() };
        self.hand_in(|reply| Job::Count(Arc::from(detector), added, reply)).await
    }

    async fn find(&self, detector: &str, key: &DetectionKey) -> Result<Option<Detection>, StoreError> {
        let (detector, key) = (Arc::from(detector), key.clone());
        self.read(move |db| queries::find(db, &detector, &key)).await
    }

    async fn audit(&self, detector: &str, filter: &AuditFilter, offset: u64, limit: u64) -> Result<AuditPage, StoreError> {
        let (detector, filter) = (Arc::from(detector), filter.clone());
        self.read(move |db| queries::audit(db, &detector, &filter, offset, limit)).await
    }

    async fn history(&self, detector: &str, query: HistoryQuery) -> Result<Vec<Detection>, StoreError> {
        let detector = Arc::from(detector);
        self.read(move |db| queries::history(db, &detector, query)).await
    }

    async fn stored(&self, detector: &str) -> Result<u64, StoreError> {
        Ok(self.statistics(detector).await?.stored)
    }

    async fn label(&self, detector: &str, key: &DetectionKey, change: LabelChange) -> Result<Option<LabelOutcome>, StoreError> {
        let (detector, key) = (detector.to_owned(), key.clone());
        self.write(move |db| queries::label(db, &detector, &key, &change)).await
    }

    async fn label_changes(&self, detector: &str, id: i64) -> Result<Vec<(Option<Label>, LabelChange)>, StoreError> {
        let detector = detector.to_owned();
        self.read(move |db| queries::label_changes(db, &detector, id)).await
    }

    async fn statistics(&self, detector: &str) -> Result<Statistics, StoreError> {
        let detector = detector.to_owned();
        self.read(move |db| queries::statistics(db, &detector)).await
    }

    async fn prune(&self, detector: &str, retention: Retention) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            let detector = detector.to_owned();
            let step = self.write(move |db| queries::prune_step(db, &detector, retention)).await?;
            gone += step;
            if step < PRUNE_STEP {
                return Ok(gone);
            }
        }
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.read(|db| db.query_row("SELECT next_id FROM meta", [], |_| Ok(()))).await
    }
}
