//! A detector against another algorithm on the same labelled events: false positives of both at the same recall.

use crate::output::{self, percent};
use crate::records::Loaded;
use bartizan_core::Domain;
use bartizan_pipeline::Judgement;
use serde::Serialize;

/// What two algorithms made of the same labelled events.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Against {
    /// The other algorithm.
    pub(crate) algorithm: String,
    /// The other one at its own threshold.
    pub(crate) other: Figures,
    /// The detector at its own threshold.
    pub(crate) own: Figures,
    /// The detector at the highest threshold that catches at least as many; nothing where the other one catches nothing.
    pub(crate) same_recall: Option<Figures>,
    /// How many per cent fewer false positives the detector gives at that threshold, negative where it gives more; nothing where the other
    /// one catches nothing, or gives none.
    pub(crate) fewer_false_positives_percent: Option<f64>,
}

/// Verdicts at one threshold against labels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Figures {
    /// Share of the anomalous events that is flagged.
    pub(crate) recall: f64,
    /// Legitimate events that are flagged.
    pub(crate) false_positives: usize,
    /// Their share of the legitimate events.
    pub(crate) false_positive_rate: f64,
    /// Share of the flagged events that is anomalous; nothing where none is flagged.
    pub(crate) precision: Option<f64>,
}

/// One labelled event as both judged it.
#[derive(Clone, Copy, Debug)]
struct Judged {
    anomalous: bool,
    /// The detector's score and verdict.
    score: f64,
    flagged: bool,
    /// The verdict of the other one.
    other_flagged: bool,
}

impl Against {
    /// Compares judgements of the labelled events in `loaded`: the detector's and those of another algorithm.
    pub(crate) fn of<D: Domain>(algorithm: &str, loaded: &Loaded<D>, judged: &[Judgement], other: &[Judgement]) -> Self {
        let both = loaded.labels.iter().zip(judged.iter().zip(other));
        let labelled = both.filter_map(|(label, (judged, other))| {
            Some(Judged {
                anomalous: label.as_ref()?.is_anomalous(),
                score: judged.score.unwrap_or_default(),
                flagged: judged.verdict.is_anomalous(),
                other_flagged: other.verdict.is_anomalous(),
            })
        });
        Self::compare(algorithm, &labelled.collect::<Vec<_>>())
    }

    fn compare(algorithm: &str, judged: &[Judged]) -> Self {
        let other = Figures::of(judged, |event| event.other_flagged);
        let caught = judged.iter().filter(|event| event.anomalous && event.other_flagged).count();
        let mut scores: Vec<f64> = judged.iter().filter(|event| event.anomalous).map(|event| event.score).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        // The score of the last one that must be caught; others of the same score are flagged with it.
        let least = caught.checked_sub(1).and_then(|last| scores.get(last).copied());
        let same_recall = least.map(|least| Figures::of(judged, |event| event.score >= least));
        let fewer = |same: Figures| {
            let (of, here) = (other.false_positives as f64, same.false_positives as f64);
            (of > 0.0).then(|| 100.0 * (of - here) / of)
        };
        Self {
            algorithm: algorithm.to_owned(),
            other,
            own: Figures::of(judged, |event| event.flagged),
            same_recall,
            fewer_false_positives_percent: same_recall.and_then(fewer),
        }
    }

    /// The comparison as text, with the name of the detector.
    pub(crate) fn text(&self, detector: &str) -> String {
        let at = |name: &str, figures: Figures| {
            let precision = figures.precision.map_or_else(|| "none flagged".to_owned(), percent);
            let rate = format!("{:.2} %", 100.0 * figures.false_positive_rate);
            vec![name.to_owned(), percent(figures.recall), figures.false_positives.to_string(), rate, precision]
        };
        let algorithm = &self.algorithm;
        let mut rows = vec![at(&format!("{algorithm}, own threshold"), self.other)];
        rows.extend(self.same_recall.map(|same| at(&format!("{detector}, same recall"), same)));
        rows.push(at(&format!("{detector}, own threshold"), self.own));
        let table = output::table(&["at", "recall", "false positives", "false positive rate", "precision"], rows);
        format!("{table}\n{}", self.conclusion(detector))
    }

    fn conclusion(&self, detector: &str) -> String {
        let algorithm = &self.algorithm;
        let Some(same) = self.same_recall else {
            return format!("{algorithm} catches none of the anomalous events, so that there is no recall to compare at");
        };
        match self.fewer_false_positives_percent {
            Some(fewer) if fewer >= 0.0 => format!("fewer false positives: {fewer:.0} %"),
            Some(fewer) => format!("more false positives: {:.0} %", -fewer),
            None => format!("{algorithm} gives no false positives; {detector} gives {} at the same recall", same.false_positives),
        }
    }
}

impl Figures {
    fn of(judged: &[Judged], flagged: impl Fn(&Judged) -> bool) -> Self {
        let (anomalous, legitimate): (Vec<&Judged>, Vec<&Judged>) = judged.iter().partition(|event| event.anomalous);
        let count = |events: &[&Judged]| events.iter().filter(|event| flagged(event)).count();
        let (caught, false_positives) = (count(&anomalous), count(&legitimate));
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        Self {
            recall: share(caught, anomalous.len()),
            false_positives,
            false_positive_rate: share(false_positives, legitimate.len()),
            precision: (caught + false_positives > 0).then(|| share(caught, caught + false_positives)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Against, Judged};

    /// Anomalous events score 10, 9, … 1 and legitimate ones half as much more; the detector flags what is above 8. The other one flags the
    /// first so many of either.
    fn compared(caught: usize, false_positives: usize, score: impl Fn(bool, usize) -> f64) -> Against {
        let of = |anomalous: bool, flagged: usize| {
            let score = &score;
            (0..10).map(move |i| {
                let score = score(anomalous, i);
                Judged { anomalous, score, flagged: score > 8.0, other_flagged: i < flagged }
            })
        };
        Against::compare("rules", &of(true, caught).chain(of(false, false_positives)).collect::<Vec<_>>())
    }

    #[test]
    fn false_positives_are_compared_at_the_same_recall() {
        let falling = |anomalous: bool, i: usize| 10.0 - i as f64 - if anomalous { 0.0 } else { 4.5 };
        let equal = |_: bool, _: usize| 1.0;
        for (name, against, same, fewer, said) in [
            ("nothing caught", compared(0, 5, falling), None, None, "rules catches none of the anomalous events"),
            ("far fewer", compared(5, 4, falling), Some((0.5, 0)), Some(100.0), "fewer false positives: 100 %"),
            ("some fewer", compared(7, 8, falling), Some((0.7, 2)), Some(75.0), "fewer false positives: 75 %"),
            ("as many", compared(7, 2, falling), Some((0.7, 2)), Some(0.0), "fewer false positives: 0 %"),
            ("more", compared(7, 1, falling), Some((0.7, 2)), Some(-100.0), "more false positives: 100 %"),
            ("all caught", compared(10, 10, falling), Some((1.0, 5)), Some(50.0), "fewer false positives: 50 %"),
            ("none given", compared(7, 0, falling), Some((0.7, 2)), None, "rules gives no false positives; requests gives 2 at"),
            ("ties are flagged together", compared(3, 5, equal), Some((1.0, 10)), Some(-100.0), "more false positives: 100 %"),
        ] {
            assert_eq!(against.same_recall.map(|same| (same.recall, same.false_positives)), same, "{name}");
            assert_eq!(against.fewer_false_positives_percent, fewer, "{name}");
            let text = against.text("requests");
            assert!(text.contains(said), "{name}: {text}");
        }
    }

    #[test]
    fn figures_are_those_of_the_verdicts() {
        let against = compared(4, 1, |anomalous, i| if anomalous { 10.0 - i as f64 } else { 0.0 });
        assert_eq!((against.other.recall, against.other.false_positives, against.other.precision), (0.4, 1, Some(0.8)));
        assert_eq!((against.own.recall, against.own.false_positive_rate, against.own.precision), (0.2, 0.0, Some(1.0)));
        let nothing = compared(0, 0, |_, _| 0.0);
        assert_eq!((nothing.other.precision, nothing.own.precision), (None, None));
        assert!(nothing.text("requests").contains("none flagged"));
    }
}
