//! Cases about listing detections.

use super::{DETECTOR, Shared, anomalous, change, detection, everything, judged_detection, listed, normal};
use bartizan_core::{Label, Timestamp, Verdict};
use bartizan_storage::{AUDIT_TEXT_BYTES, AuditFilter, DetectionKey, Judged, JudgedClass, NewDetection};

pub(super) async fn newest_come_first_and_pages_do_not_overlap(store: Shared) {
    // Recorded in another order than that of their times: the id decides.
    let mut ids = store.record([5, 1, 4, 2, 3].map(normal).to_vec()).await.expect("the store answers");
    ids.reverse();
    let mut seen = Vec::new();
    for offset in [0, 2, 4] {
        let page = store.audit(DETECTOR, &AuditFilter::default(), offset, 2).await.expect("the store answers");
        assert_eq!(page.total, 5);
        seen.extend(page.rows.into_iter().map(|row| row.id));
    }
    assert_eq!(seen, ids);
    let row = &store.audit(DETECTOR, &AuditFilter::default(), 4, 1).await.expect("the store answers").rows[0].detection;
    let narrow = |d: &bartizan_storage::NewDetection| (d.event_id.clone(), d.entity.clone(), d.resource.clone(), d.judged.clone());
    assert_eq!(narrow(row), narrow(&normal(5)));
    assert_eq!((row.event_time, row.analyzed_at), (Timestamp::from_secs(5), Timestamp::from_secs(5)));
}

pub(super) async fn pages_past_the_end_are_empty_but_know_the_total(store: Shared) {
    store.record(vec![normal(1), normal(2)]).await.expect("the store answers");
    for (offset, limit) in [(2, 10), (1000, 10), (u64::MAX, u64::MAX), (0, 0)] {
        let page = store.audit(DETECTOR, &AuditFilter::default(), offset, limit).await.expect("the store answers");
        assert_eq!((page.total, page.rows.len()), (2, 0), "offset {offset}, limit {limit}");
    }
}

pub(super) async fn every_filter_alone(store: Shared) {
    let rows = vec![
        normal(10),
        anomalous(11),
        judged_detection(DETECTOR, 12, Verdict::Anomalous, 0.25),
        judged_detection(DETECTOR, 13, Verdict::Normal, 1.0),
    ];
    let ids = store.record(rows).await.expect("the store answers");
    store
        .label(DETECTOR, &DetectionKey::Id(ids[2]), change(Label::Legitimate, "ann", 1))
        .await
        .expect("the store answers")
        .expect("the store answers");
    let none = AuditFilter::default;
    let cases: Vec<(&str, AuditFilter, Vec<usize>)> = vec![
        ("none", none(), vec![3, 2, 1, 0]),
        ("entity", AuditFilter { entity: Some("192.0.2.4".to_owned()), ..none() }, vec![1]),
        ("no such entity", AuditFilter { entity: Some("192.0.2".to_owned()), ..none() }, vec![]),
        ("anomalous", AuditFilter { is_anomaly: Some(true), ..none() }, vec![2, 1]),
        ("normal", AuditFilter { is_anomaly: Some(false), ..none() }, vec![3, 0]),
        ("confident", AuditFilter { min_confidence: Some(0.6), ..none() }, vec![3, 0]),
        ("unsure", AuditFilter { max_confidence: Some(0.6), ..none() }, vec![2, 1]),
        ("from", AuditFilter { from: Some(Timestamp::from_secs(12)), ..none() }, vec![3, 2]),
        ("to", AuditFilter { to: Some(Timestamp::from_secs(11)), ..none() }, vec![1, 0]),
        ("labelled", AuditFilter { has_label: Some(true), ..none() }, vec![2]),
        ("unlabelled", AuditFilter { has_label: Some(false), ..none() }, vec![3, 1, 0]),
    ];
    for (name, filter, expected) in cases {
        let expected: Vec<i64> = expected.into_iter().map(|index| ids[index]).collect();
        assert_eq!(listed(&store, &filter).await, (expected.len() as u64, expected), "{name}");
    }
}

pub(super) async fn classes_are_kept_and_filtered_by(store: Shared) {
    let of = |number: i64, name: &'static str| {
        let mut row = if number % 2 == 0 { anomalous(number) } else { normal(number) };
        let class = JudgedClass { name: name.into(), probability: 0.5 + number as f64 / 100.0 };
        row.judged = row.judged.map(|judged| Judged { class: Some(class), ..judged });
        row
    };
    let rows = vec![of(1, "Normal"), of(2, "BruteForce"), of(3, "Normal"), of(4, "Bot"), anomalous(5), detection(DETECTOR, 6)];
    let ids = store.record(rows.clone()).await.expect("the store answers");
    for (class, expected) in [("Normal", vec![2, 0]), ("BruteForce", vec![1]), ("normal", vec![]), ("", vec![])] {
        let filter = AuditFilter { class: Some(class.to_owned()), ..AuditFilter::default() };
        let expected: Vec<i64> = expected.into_iter().map(|at: usize| ids[at]).collect();
        assert_eq!(listed(&store, &filter).await, (expected.len() as u64, expected), "{class:?}");
    }
    let filter = AuditFilter { class: Some("Normal".to_owned()), is_anomaly: Some(true), ..AuditFilter::default() };
    assert_eq!(listed(&store, &filter).await.0, 0);
    let page = store.audit(DETECTOR, &everything(), 0, 9).await.expect("the store answers");
    for (found, row) in page.rows.iter().rev().zip(&rows) {
        assert_eq!(found.detection.judged, row.judged);
        let whole = store.find(DETECTOR, &DetectionKey::Id(found.id)).await.expect("the store answers").expect("it was recorded");
        assert_eq!(&whole.detection, row);
    }
}

pub(super) async fn bounds_are_inclusive(store: Shared) {
    let ids = store.record(vec![normal(1), normal(2), normal(3)]).await.expect("the store answers");
    let at = |secs| Some(Timestamp::from_secs(secs));
    let only = AuditFilter { from: at(2), to: at(2), ..AuditFilter::default() };
    assert_eq!(listed(&store, &only).await, (1, vec![ids[1]]));
    let exact = AuditFilter { min_confidence: Some(0.75), max_confidence: Some(0.75), ..AuditFilter::default() };
    assert_eq!(listed(&store, &exact).await.0, 3);
    let inverted = AuditFilter { from: at(3), to: at(1), ..AuditFilter::default() };
    assert_eq!(listed(&store, &inverted).await, (0, vec![]));
}

pub(super) async fn filters_combine(store: Shared) {
    let ids = store.record((0..20).map(|n| if n % 2 == 0 { anomalous(n) } else { normal(n) }).collect()).await.expect("the store answers");
    for index in [2, 3, 16] {
        store
            .label(DETECTOR, &DetectionKey::Id(ids[index]), change(Label::Legitimate, "ann", 1))
            .await
            .expect("the store answers")
            .expect("the store answers");
    }
    let filter = AuditFilter {
        class: None,
        entity: Some("192.0.2.2".to_owned()),
        is_anomaly: Some(true),
        min_confidence: Some(0.5),
        max_confidence: Some(0.5),
        from: Some(Timestamp::from_secs(1)),
        to: Some(Timestamp::from_secs(16)),
        has_label: Some(true),
        include_unjudged: true,
    };
    assert_eq!(listed(&store, &filter).await, (2, vec![ids[16], ids[2]]));
    let labelled_normal = AuditFilter { is_anomaly: Some(false), has_label: Some(true), ..AuditFilter::default() };
    assert_eq!(listed(&store, &labelled_normal).await, (1, vec![ids[3]]));
}

pub(super) async fn unjudged_rows_are_listed_only_on_request(store: Shared) {
    let ids = store.record(vec![normal(1), detection(DETECTOR, 2), anomalous(3)]).await.expect("the store answers");
    assert_eq!(listed(&store, &AuditFilter::default()).await, (2, vec![ids[2], ids[0]]));
    assert_eq!(listed(&store, &everything()).await, (3, vec![ids[2], ids[1], ids[0]]));
    let page = store.audit(DETECTOR, &everything(), 1, 1).await.expect("the store answers");
    assert_eq!(page.rows[0].detection.judged, None);
    for filter in [
        AuditFilter { is_anomaly: Some(false), ..everything() },
        AuditFilter { min_confidence: Some(0.6), ..everything() },
        AuditFilter { min_confidence: Some(0.0), max_confidence: Some(0.8), is_anomaly: Some(false), ..everything() },
    ] {
        assert_eq!(listed(&store, &filter).await, (1, vec![ids[0]]), "{filter:?}");
    }
    let unlabelled = AuditFilter { has_label: Some(false), ..everything() };
    assert_eq!(listed(&store, &unlabelled).await.0, 3);
}

pub(super) async fn an_unknown_detector_has_nothing(store: Shared) {
    store.record(vec![normal(1)]).await.expect("the store answers");
    let page = store.audit("nobody", &everything(), 0, 10).await.expect("the store answers");
    assert_eq!((page.total, page.rows.len()), (0, 0));
}

pub(super) async fn long_texts_are_cut_in_a_listing(store: Shared) {
    let long = |text: &str| text.repeat(AUDIT_TEXT_BYTES / text.len() + 1000);
    let exact = "x".repeat(AUDIT_TEXT_BYTES);
    let row = NewDetection { entity: long("a"), event_id: exact.clone(), resource: long("/ö"), action: long("€uro"), ..normal(1) };
    let ids = store.record(vec![row.clone(), normal(2)]).await.expect("the store answers");
    let filter = AuditFilter { entity: Some(row.entity.clone()), ..AuditFilter::default() };
    let page = store.audit(DETECTOR, &filter, 0, 10).await.expect("the store answers");
    let listed = &page.rows[0].detection;
    assert_eq!((page.total, page.rows.len(), page.rows[0].id), (1, 1, ids[0]));
    assert_eq!(listed.event_id, exact, "a text that is just short enough is whole");
    for (name, cut, whole) in
        [("entity", &listed.entity, &row.entity), ("resource", &listed.resource, &row.resource), ("action", &listed.action, &row.action)]
    {
        let beginning = cut.strip_suffix('…').unwrap_or_else(|| panic!("{name} is not marked as cut: {cut}"));
        assert!(whole.starts_with(beginning) && AUDIT_TEXT_BYTES - beginning.len() < 4, "{name}: {}", beginning.len());
    }
    let found = store.find(DETECTOR, &DetectionKey::EventId(exact)).await.expect("the store answers");
    assert_eq!(found.map(|found| found.detection), Some(row), "one detection alone is whole");
}
