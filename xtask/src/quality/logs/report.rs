//! The figures as a section of a document.

use super::{Measured, PERCENTILES};
use std::collections::BTreeMap;
use std::fmt::Write;

/// How many per cent fewer false positives than the default rules are aimed at.
const GOAL: f64 = 80.0;

const INTRODUCTION: &str = "\
## Log entries: false alarms beside static rules

The detector of log entries with its default settings, and the static limits of the algorithm `rules`, at equal recall. Written by

    cargo xtask quality --data DIR --logs --document

Either learns from the first 70 % of a log's ordinary entries, without attacks or labels, and judges what comes after; *with attacks* names logs
of which both learned the attacks in that part too, as if they were ordinary. The rules look at the response time, the size of the answer,
requests a minute, failed logins and server errors in a window, and the risk of the agent; their limits are percentiles of the training entries:
99 by default, 99.9 and 95 for comparison. *Same recall* is the detector at the highest threshold that
catches as many attacks as the rules do; *own threshold* is what it flags by itself, with 5 % of ordinary entries announced (`contamination`).
The three generators (`bartizan generate logs --traffic users|shop|machines`) share no code with the features; 5 % of their entries are attacks:
60,000 entries over three weeks, and 30,000 over two days. The access log is a public one of 10,000 lines over four days, taken as ordinary,
with the 7,314 requests of a scanner of web applications, recorded at another site, moved into its last part.
";

/// What the figures do not say by themselves. Look at it again when they change.
const REMARKS: &str = include_str!("remarks.md");

/// A line on the terminal while the rest is being measured.
pub(super) fn progress(measured: &Measured) -> String {
    let Measured { name, variant, learned, judged, attacks, compared, .. } = measured;
    let each: Vec<String> = compared
        .iter()
        .map(|both| {
            let same = both.same_recall.as_ref().map_or(0, |same| same.false_positives);
            format!("{:.3} {} {same} {}", both.rules.recall, both.rules.false_positives, percent(both.fewer()))
        })
        .collect();
    format!("{name}, {variant}: {learned} {judged} {attacks} | {}", each.join(" | "))
}

/// The section without its comments.
pub(super) fn text(all: &[Measured]) -> String {
    let mut text = INTRODUCTION.to_owned();
    let met = |learned: bool| {
        let of = || all.iter().filter(move |measured| measured.with_attacks == learned);
        let met = of().filter(|measured| measured.compared[0].fewer().is_some_and(|fewer| fewer >= GOAL)).count();
        format!("{met} of {} logs", of().count())
    };
    let (goal, with) = (met(false), met(true));
    let said = format!(
        "At least {GOAL} % fewer false positives than rules with default limits: {goal}; with attacks among what is learned, {with}."
    );
    put(&mut text, &format!("\n{said}\n"));
    summary(&mut text, all);
    text.push('\n');
    text.push_str(REMARKS);
    kinds(&mut text, all);
    each(&mut text, all);
    text
}

/// One line a set, over its variants: medians of the percentages, and the lowest.
fn summary(text: &mut String, all: &[Measured]) {
    put(
        text,
        "How many per cent fewer, the median (and the least) of the logs; recall and share of false alarms at the detector's own threshold.\n",
    );
    let heads = PERCENTILES.map(|percentile| format!("fewer than rules at {percentile}")).join(" | ");
    put(text, &format!("| log | logs | {heads} | own recall | own false alarms |\n|---|--:|{}--:|--:|", "--:|".repeat(PERCENTILES.len())));
    for (name, of) in by_name(all) {
        let fewer = |at: usize| {
            let mut values: Vec<f64> = of.iter().filter_map(|measured| measured.compared[at].fewer()).collect();
            values.sort_by(f64::total_cmp);
            format!("{} ({})", percent(values.get(values.len() / 2).copied()), percent(values.first().copied()))
        };
        let cells: Vec<String> = (0..PERCENTILES.len()).map(fewer).collect();
        let mean = |value: &dyn Fn(&Measured) -> f64| of.iter().map(|measured| value(measured)).sum::<f64>() / of.len() as f64;
        let (recall, rate) = (mean(&|m| m.compared[0].own.recall), mean(&|m| rate(m, m.compared[0].own.false_positives)));
        put(text, &format!("| {name} | {} | {} | {recall:.3} | {rate:.2} % |", of.len(), cells.join(" | ")));
    }
}

/// Recall of each kind of attack, the mean over logs that have it.
fn kinds(text: &mut String, all: &[Measured]) {
    put(text, "\n### Recall of each kind of attack\n");
    put(
        text,
        "Mean over the logs that have it: rules at their default limits, the detector at the same recall, the detector at its own threshold.\n",
    );
    put(text, "| log | attack | logs | rules | same recall | own threshold |\n|---|---|--:|--:|--:|--:|");
    for (name, of) in by_name(all) {
        let mut kinds: BTreeMap<&str, Vec<[f64; 3]>> = BTreeMap::new();
        for both in of.iter().map(|measured| &measured.compared[0]) {
            for (kind, rules) in &both.rules.by_kind {
                let of = |figures: Option<&super::figures::Figures>| figures.and_then(|figures| figures.by_kind.get(kind)).copied();
                let recalls = [*rules, of(both.same_recall.as_ref()).unwrap_or(0.0), of(Some(&both.own)).unwrap_or(0.0)];
                kinds.entry(kind).or_default().push(recalls);
            }
        }
        for (kind, recalls) in kinds {
            let mean = |at: usize| recalls.iter().map(|recall| recall[at]).sum::<f64>() / recalls.len() as f64;
            let count = recalls.len();
            put(text, &format!("| {name} | {} | {count} | {:.2} | {:.2} | {:.2} |", kind.replace('_', " "), mean(0), mean(1), mean(2)));
        }
    }
}

fn each(text: &mut String, all: &[Measured]) {
    put(text, "\n### Each log\n\nFalse positives, and their share of the ordinary entries where it is the detector's own threshold.\n");
    let heads = "rules' percentile | recall | rules | same recall | fewer | goal met | own recall | own false positives";
    put(text, &format!("| log | variant | ordinary | attacks | {heads} |\n|---|---|--:|--:|--:|--:|--:|--:|--:|---|--:|--:|"));
    for measured in all {
        for (percentile, both) in PERCENTILES.iter().zip(&measured.compared) {
            let Measured { name, variant, attacks, .. } = measured;
            let (rules, own) = (&both.rules, &both.own);
            let same = both.same_recall.as_ref().map_or(String::new(), |same| same.false_positives.to_string());
            let met = match both.fewer() {
                Some(fewer) if fewer >= GOAL => "yes",
                Some(_) => "**no**",
                None => "",
            };
            let head = format!("| {name} | {variant} | {} | {attacks} | {percentile} | {:.3}", measured.judged - attacks, rules.recall);
            let compared = format!("{} | {same} | {} | {met}", rules.false_positives, percent(both.fewer()));
            let own_rate = rate(measured, own.false_positives);
            put(text, &format!("{head} | {compared} | {:.3} | {} ({own_rate:.1} %) |", own.recall, own.false_positives));
        }
    }
}

/// In the order in which names come first.
fn by_name(all: &[Measured]) -> Vec<(&str, Vec<&Measured>)> {
    let mut found: Vec<(&str, Vec<&Measured>)> = Vec::new();
    for measured in all {
        match found.iter_mut().find(|(name, _)| *name == measured.name) {
            Some((_, of)) => of.push(measured),
            None => found.push((&measured.name, vec![measured])),
        }
    }
    found
}

/// Per cent of the ordinary entries.
fn rate(measured: &Measured, false_positives: usize) -> f64 {
    100.0 * false_positives as f64 / (measured.judged - measured.attacks).max(1) as f64
}

fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| "none to compare".to_owned(), |share| format!("{share:.1} %"))
}

fn put(text: &mut String, line: &str) {
    writeln!(text, "{line}").unwrap_or_else(|e| unreachable!("text grows in memory: {e}"));
}
