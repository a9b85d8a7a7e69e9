//! The table of features, in the order of the wire contract.

use bartizan_core::Direction::{Both, High};
use bartizan_core::Feature;

/// Smallest and largest value of each feature, both included.
pub const RANGES: [(u16, u16); 6] = [(0, 150), (1, 600), (0, 20), (0, 1), (0, 1), (10, 600)];

/// The names alone, for columns and fields.
pub const NAMES: [&str; 6] = ["failed_logins", "request_rate", "commands_count", "sql_payload", "honeytoken_access", "session_time"];

/// The features in order.
pub(crate) const TABLE: [Feature; 6] = [
    Feature::new(NAMES[0], "logins", High, "Logins that failed in the session.").resolved(1.0),
    Feature::new(NAMES[1], "requests per second", High, "Most requests of the session in one second.").resolved(1.0),
    Feature::new(NAMES[2], "commands", High, "Commands run, or requests sent that change something.").resolved(1.0),
    Feature::new(NAMES[3], "flag", High, "1 when an injection was seen in what the session sent.").resolved(1.0),
    Feature::new(NAMES[4], "flag", High, "1 when the session touched a decoy: a path, file or account that exists for no honest user.")
        .resolved(1.0),
    Feature::new(NAMES[5], "seconds", Both, "How long the session lasted.").resolved(1.0),
];

/// Numbers as they were met, brought into their ranges; and what had to be mended: `failed_logins above 150`.
pub(super) fn into_ranges(values: [i64; 6]) -> ([u16; 6], Vec<String>) {
    let (mut within, mut mended) = ([0; 6], Vec::new());
    for (index, (least, most)) in RANGES.into_iter().enumerate() {
        let value = values[index];
        if value < i64::from(least) {
            mended.push(format!("{} below {least}", NAMES[index]));
        } else if value > i64::from(most) {
            mended.push(format!("{} above {most}", NAMES[index]));
        }
        within[index] = value.clamp(i64::from(least), i64::from(most)) as u16;
    }
    (within, mended)
}

#[cfg(test)]
mod tests {
    use super::{NAMES, RANGES, TABLE, into_ranges};

    #[test]
    fn numbers_outside_are_mended() {
        assert_eq!(into_ranges([0, 1, 20, 1, 0, 600]), ([0, 1, 20, 1, 0, 600], vec![]));
        let (within, mended) = into_ranges([i64::MAX, 0, 20, 1, 0, -9]);
        assert_eq!(within, [150, 1, 20, 1, 0, 10]);
        assert_eq!(mended, ["failed_logins above 150", "request_rate below 1", "session_time below 10"]);
    }

    #[test]
    fn the_tables_agree() {
        for ((feature, name), (least, most)) in TABLE.iter().zip(NAMES).zip(RANGES) {
            assert_eq!(feature.name, name);
            assert!(least < most && feature.description.ends_with('.') && !feature.unit.is_empty());
        }
    }
}
