//! Readers of files, each format, and the detection of the format.

use super::{Bounds, Target, shape};
use crate::seeds;
use bartizan_core::{AUTO, Domain as _, How, Parse};
use bartizan_domains::behavior::Behavior;
use bartizan_domains::flows::Flows;
use bartizan_domains::logs::Logs;
use bartizan_domains::requests::Requests;
use std::ops::ControlFlow;
use std::sync::OnceLock;

/// Records of a few bytes become events, one at a time.
const FILES: Bounds = Bounds { held: 12, allocated: 1_500, free: 1 << 20 };

/// Reads a file to its end and keeps nothing.
fn read<D: Parse>(format: &str, bytes: &[u8]) -> u64 {
    let how = How { own: Some(OWN), ..How::from(format) };
    let result = D::parse(Box::new(bytes), how, seeds::now(), &mut |record| {
        drop(record);
        ControlFlow::Continue(())
    });
    match result {
        Ok(summary) => shape([format!("{} {} {}", summary.accepted.min(8), summary.rejected.min(8), summary.repairs.len())]),
        Err(error) => shape([error.to_string().split(|c: char| !c.is_alphabetic()).next().unwrap_or_default()]),
    }
}

/// A format of one's own.
const OWN: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status";

/// A target for each format of each kind: its name, the kind's, the format's. Made once, since names of targets last.
pub(super) fn names() -> &'static [(&'static str, &'static str, &'static str)] {
    static NAMES: OnceLock<Vec<(&'static str, &'static str, &'static str)>> = OnceLock::new();
    NAMES.get_or_init(|| {
        fn of<D: Parse>() -> impl Iterator<Item = (&'static str, &'static str)> {
            std::iter::once(AUTO).chain(D::formats().map(|format| format.name)).map(|format| (D::NAME, format))
        }
        let all = of::<Requests>().chain(of::<Flows>()).chain(of::<Behavior>()).chain(of::<Logs>());
        all.map(|(kind, format)| (&*format!("files-{kind}-{format}").leak(), kind, format)).collect()
    })
}

fn of<D: Parse>(name: &'static str, format: &'static str, words: &'static [&'static str]) -> Target {
    Target::new(name, FILES, seeds::files::<D>(format), move |bytes| read::<D>(format, bytes)).with_words(words)
}

pub(super) fn targets() -> Vec<Target> {
    let named = names().iter();
    named
        .map(|(name, kind, format)| match *kind {
            Requests::NAME => of::<Requests>(name, format, seeds::REQUEST_WORDS),
            Flows::NAME => of::<Flows>(name, format, seeds::FLOW_WORDS),
            Behavior::NAME => of::<Behavior>(name, format, seeds::SESSION_WORDS),
            Logs::NAME => of::<Logs>(name, format, seeds::LOG_WORDS),
            _ => unreachable!("{name} is of no kind: add its reader here"),
        })
        .collect()
}
