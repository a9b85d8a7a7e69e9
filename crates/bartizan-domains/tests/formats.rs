//! Every format in the tables of the kinds: its sample is read by its name, and recognised without it.

use bartizan_core::{AUTO, Format, How, Parse, Summary, Timestamp};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// What somebody would set `files.log_format` to.
const OWN: &str = "$remote_addr [$time_local] \"$request\" $status";
const OWN_LINE: &str = "203.0.113.7 [06/Mar/2024:10:00:00 +0000] \"GET /cart HTTP/1.1\" 200";
/// A name for all access logs together.
const ANY: &str = "access-log";

fn read<D: Parse>(text: &str, name: &str) -> Summary {
    let how = How { own: Some(OWN), ..How::from(name) };
    let now = Timestamp::from_secs(1_800_000_000);
    D::parse(Box::new(text.as_bytes()), how, now, &mut |_| ControlFlow::Continue(())).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn check<D: Parse>() {
    let mut names = BTreeSet::new();
    for Format { name, what, sample } in D::formats() {
        let text = if sample.is_empty() { OWN_LINE } else { sample };
        assert!(names.insert(name) && !what.is_empty(), "{} {name}", D::NAME);
        for how in [name, AUTO] {
            let summary = read::<D>(text, how);
            assert_eq!((summary.accepted > 0, summary.rejected), (true, 0), "{} {name} as {how}: {summary:?}", D::NAME);
            let chosen = summary.format.unwrap_or_else(|| panic!("{name} as {how}: no format"));
            assert!(chosen.name == *name || *name == ANY, "{} {name} as {how}: {chosen:?}", D::NAME);
            assert!(chosen.sure > 0.99, "{} {name} as {how}: {chosen:?}", D::NAME);
        }
    }
}

macro_rules! check_each {
    ($($(#[$attribute:meta])* $module:ident: $Kind:ident;)*) => {
        $(
            $(#[$attribute])*
            #[test]
            fn $module() {
                check::<bartizan_domains::$module::$Kind>();
            }
        )*
    };
}

bartizan_domains::for_each_kind!(check_each);
