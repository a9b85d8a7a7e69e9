//! Readers of files, each format, and the detection of the format.

use super::{Bounds, Target, shape};
use crate::seeds;
use bartizan_core::{How, Parse};
use bartizan_domains::behavior::Behavior;
use bartizan_domains::flows::Flows;
use bartizan_domains::requests::Requests;
use std::ops::ControlFlow;

/// Records of a few bytes become events, one at a time.
const FILES: Bounds = Bounds { held: 12, allocated: 1_500, free: 1 << 20 };

/// Reads a file to its end and keeps nothing.
fn read<D: Parse>(format: &str, bytes: &[u8]) -> u64 {
    let result = D::parse(Box::new(bytes), How::from(format), seeds::now(), &mut |record| {
        drop(record);
        ControlFlow::Continue(())
    });
    match result {
        Ok(summary) => shape([format!("{} {} {}", summary.accepted.min(8), summary.rejected.min(8), summary.repairs.len())]),
        Err(error) => shape([error.to_string().split(|c: char| !c.is_alphabetic()).next().unwrap_or_default()]),
    }
}

fn of<D: Parse>(name: &'static str, words: &'static [&'static str]) -> Target {
    // The part of the name after the kind's.
    let format = name.splitn(3, '-').nth(2).unwrap_or_default();
    Target::new(name, FILES, seeds::files(D::NAME, format), move |bytes| read::<D>(format, bytes)).with_words(words)
}

pub(super) fn targets() -> Vec<Target> {
    let named = super::NAMES.iter().filter(|name| name.starts_with("files-"));
    named
        .map(|name| match name.split('-').nth(1) {
            Some("requests") => of::<Requests>(name, seeds::REQUEST_WORDS),
            Some("flows") => of::<Flows>(name, seeds::FLOW_WORDS),
            Some("behavior") => of::<Behavior>(name, seeds::SESSION_WORDS),
            _ => unreachable!("{name} is of no kind: add its reader here"),
        })
        .collect()
}
