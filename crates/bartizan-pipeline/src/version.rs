//! Names of model versions.

use crate::VersionError;

const MAX_CHARS: usize = 64;
/// What clients are told where there is no model: no model is called so.
const TAKEN: [&str; 2] = ["none", crate::cold_start::LEARNING];

/// A version name that people and paths can carry.
pub(crate) fn check(name: String) -> Result<String, VersionError> {
    let fine = (1..=MAX_CHARS).contains(&name.chars().count()) && name.chars().all(|c| is_shown(c) && c != '/') && name.trim() == name;
    let fine = fine && !TAKEN.contains(&name.as_str());
    if fine { Ok(name) } else { Err(VersionError { got: name.chars().take(MAX_CHARS).collect() }) }
}

/// Whether a character is seen where it stands: no control, and none of those that are not seen or turn the direction of the text.
fn is_shown(c: char) -> bool {
    let hidden = matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    !c.is_control() && !hidden
}

/// The next minor version after the highest `vX.Y` there is; `v1.0` first.
pub(crate) fn next<'a>(existing: impl Iterator<Item = &'a str>) -> String {
    let parsed = existing.filter_map(|v| {
        let (major, minor) = v.strip_prefix('v')?.split_once('.')?;
        Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
    });
    match parsed.max() {
        Some((major, minor)) => format!("v{major}.{}", u64::from(minor) + 1),
        None => "v1.0".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{check, next};

    #[test]
    fn the_next_version_is_a_minor_one_after_the_highest() {
        for (existing, expected) in [
            (&[][..], "v1.0"),
            (&["v1.0"], "v1.1"),
            (&["v1.9", "v1.10", "v1.2"], "v1.11"),
            (&["v2.3", "v1.8", "nightly"], "v2.4"),
            (&["nightly"], "v1.0"),
        ] {
            assert_eq!(next(existing.iter().copied()), expected, "{existing:?}");
        }
    }

    #[test]
    fn names_are_short_and_printable() {
        for good in ["v1.0", "nightly build", "é", "none-2"] {
            assert!(check(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", " ", "a/b", "a\nb", " v1", "none", "learning", "\u{202e}0.1v", "v1.0\u{200b}", "v\u{2067}1"] {
            assert!(check(bad.to_owned()).is_err(), "{bad:?}");
        }
        assert!(check("x".repeat(65)).is_err());
    }
}
