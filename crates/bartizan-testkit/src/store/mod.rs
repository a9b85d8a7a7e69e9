//! The conformance suite of stores, as named cases.

mod audit;
mod exclusions;
mod history;
mod inbox;
mod labels;
mod models;
mod record;
mod retention;
mod windows;

use bartizan_core::{Label, Timestamp, Verdict};
use bartizan_storage::{AuditFilter, Judged, LabelChange, NewDetection, NewModel, Store};
use std::sync::Arc;

/// The detector that cases use when they need only one.
pub(crate) const DETECTOR: &str = "requests";

/// A store under test.
pub(crate) type Shared = Arc<dyn Store>;

macro_rules! cases {
    ($make:expr; $($module:ident: $($case:ident),+;)+) => {
        $($(
            println!("store case: {}", stringify!($case));
            let store: Shared = $make().await;
            $module::$case(store).await;
        )+)+
    };
}

/// Runs every case on an empty store of its own from `make`. Panics at the first case that fails, after printing
/// the name of the case.
pub async fn store_conformance<S: Store + 'static>(make: impl AsyncFn() -> Arc<S>) {
    cases! { make;
        record: ids_are_positive_and_grow_in_the_order_of_recording, what_is_recorded_is_found_whole,
            extreme_values_survive, nothing_recorded_is_nothing, detectors_are_apart, detections_of_several_detectors_share_a_call,
            event_ids_may_repeat_and_the_newest_is_found, a_call_that_cannot_be_stored_stores_nothing,
            sixty_four_tasks_record_at_once, totals_are_exact, counting_stores_no_rows, parts_of_a_batch_are_stored_and_counted_together, a_store_answers_a_ping;
        audit: newest_come_first_and_pages_do_not_overlap, pages_past_the_end_are_empty_but_know_the_total,
            every_filter_alone, bounds_are_inclusive, filters_combine, unjudged_rows_are_listed_only_on_request,
            classes_are_kept_and_filtered_by, an_unknown_detector_has_nothing, long_texts_are_cut_in_a_listing;
        history: a_listing_has_what_rows_are_chosen_by, a_listing_is_restricted_by_label_time_and_number,
            a_listing_is_restricted_to_the_sample_and_to_what_came_after,
            events_come_in_the_order_asked_for;
        labels: labels_are_kept_with_who_and_when, relabelling_keeps_the_totals_exact, a_label_by_event_id_is_set_on_the_newest_row,
            labels_of_nothing_are_none, imported_labels_count, the_newest_labelled_verdicts_are_told;
        retention: pruning_by_age_keeps_the_bound_and_the_labelled, pruning_by_number_keeps_the_newest,
            pruning_by_bytes_keeps_the_newest, age_removes_a_share_at_once_and_reports_what_it_left,
            ids_are_not_used_again_after_the_newest_is_pruned, totals_survive_pruning, pruning_does_not_touch_neighbours,
            recording_goes_on_while_pruning;
        models: a_stored_model_comes_back, models_are_listed_newest_first_without_blobs, activating_replaces_the_active_one,
            storing_again_replaces_the_version_and_its_activity, a_version_is_replaced_only_when_asked,
            one_of_many_that_store_a_version_at_once_does, an_active_model_is_not_deleted,
            exactly_one_is_active_under_concurrent_changes, a_model_and_its_history_are_stored_together_or_not_at_all;
        exclusions: exclusions_come_back_whole_oldest_first, exclusions_of_detectors_are_apart,
            a_removed_exclusion_is_gone_and_its_id_is_not_used_again, exclusions_that_name_nothing_are_refused,
            there_are_at_most_so_many_exclusions_of_a_detector;
        inbox: what_is_accepted_waits_in_order_and_detectors_are_apart, verdicts_and_what_they_are_on_change_together,
            a_key_counts_once_for_its_time_and_its_detector, of_many_that_send_one_key_at_once_one_is_accepted,
            what_is_discarded_is_gone;
        windows: a_checkpoint_replaces_the_one_before_when_it_is_whole, checkpoints_of_detectors_are_apart;
    }
}

/// Returns an unjudged detection of `detector`; `number` sets its times (seconds since the epoch) and its name (`event-<number>`).
#[must_use]
pub fn detection(detector: &str, number: i64) -> NewDetection {
    NewDetection {
        detector: detector.into(),
        event_id: format!("event-{number}"),
        entity: format!("192.0.2.{}", number.rem_euclid(7)),
        resource: "/api/users/profile".to_owned(),
        action: "POST".to_owned(),
        event_time: Timestamp::from_secs(number),
        analyzed_at: Timestamp::from_secs(number),
        judged: None,
        sample: Vec::new(),
        event: vec![1, 2, 3, number.rem_euclid(251) as u8],
        label: None,
        sampled: true,
    }
}

/// Returns a judged detection; see [`detection`].
#[must_use]
pub fn judged_detection(detector: &str, number: i64, verdict: Verdict, confidence: f64) -> NewDetection {
    let score = if verdict.is_anomalous() { 0.75 } else { 0.25 };
    let judged =
        Judged { score, threshold: 0.5, grade: score, confidence, verdict, model_version: "v1.0".into(), learning: false, class: None };
    NewDetection { judged: Some(judged), sample: vec![0.5, -1.0, number as f32], ..detection(detector, number) }
}

/// Returns a model of the detector `requests`; `number` sets when it was trained.
#[must_use]
pub fn model(version: &str, number: i64) -> NewModel {
    NewModel {
        detector: DETECTOR.to_owned(),
        version: version.to_owned(),
        algorithm: "isolation_forest".to_owned(),
        trained_at: Timestamp::from_secs(number),
        training_samples: 1000,
        n_features: 12,
        accuracy: Some(0.875),
        details: format!(r#"{{"number":{number}}}"#),
        blob: format!("model {version} {number}").into_bytes(),
        sha256: "ab".repeat(32),
    }
}

pub(crate) fn normal(number: i64) -> NewDetection {
    judged_detection(DETECTOR, number, Verdict::Normal, 0.75)
}

pub(crate) fn anomalous(number: i64) -> NewDetection {
    judged_detection(DETECTOR, number, Verdict::Anomalous, 0.5)
}

pub(crate) fn change(label: Label, by: &str, at: i64) -> LabelChange {
    LabelChange { label, changed_by: by.to_owned(), changed_at: Timestamp::from_secs(at) }
}

/// Returns the bytes that a row counts for in `Statistics::stored_bytes`.
pub(crate) fn bytes(row: &NewDetection) -> u64 {
    (row.event_id.len() + row.entity.len() + row.resource.len() + row.action.len() + 4 * row.sample.len() + row.event.len()) as u64
}

/// Returns a filter of all rows, unjudged included, newest first.
pub(crate) fn everything() -> AuditFilter {
    AuditFilter { include_unjudged: true, ..AuditFilter::default() }
}

/// Returns the ids that match a filter, newest first, with the total.
pub(crate) async fn listed(store: &Shared, filter: &AuditFilter) -> (u64, Vec<i64>) {
    let page = store.audit(DETECTOR, filter, 0, 1000).await.expect("listing works");
    (page.total, page.rows.iter().map(|row| row.id).collect())
}
