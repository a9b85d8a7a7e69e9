//! What the names in label columns of flow tables say.

use crate::records::label_from_name;
use bartizan_core::Label;

/// Longest name, by its letters and digits, that is compared with the usual ones.
const MOST: usize = 24;

/// The label that a name stands for; `None` for what tools write where nobody has labelled anything.
pub(super) fn judge(name: &str) -> Option<Label> {
    // What most rows of most tables have.
    if matches!(name, "BENIGN" | "Benign") {
        return Some(Label::Legitimate);
    }
    let mut buffer = [0; MOST];
    match plain(name.as_bytes(), &mut buffer) {
        Some(
            b"" | b"nolabel" | b"needmanuallabel" | b"unlabeled" | b"unlabelled" | b"notlabeled" | b"notlabelled" | b"unknown" | b"na"
            | b"nan" | b"null" | b"empty" | b"undefined",
        ) => None,
        Some(
            b"benign" | b"benigntraffic" | b"benignfinal" | b"normal" | b"normaltraffic" | b"background" | b"backgroundtraffic"
            | b"legitimate" | b"legitimatetraffic",
        ) => Some(Label::Legitimate),
        Some(b"00" | b"000") if name.trim().parse() == Ok(0.0) => Some(Label::Legitimate),
        _ => Some(of_capture(name).unwrap_or_else(|| label_from_name(name))),
    }
}

/// The labels of the CTU captures say who sent the flow: `flow=From-Botnet-V42-TCP-Attempt`, `flow=To-Background-UDP-CVUT-DNS-Server`.
fn of_capture(name: &str) -> Option<Label> {
    fn strip<'n>(name: &'n str, start: &str) -> Option<&'n str> {
        name.get(..start.len()).filter(|head| head.eq_ignore_ascii_case(start)).and_then(|_| name.get(start.len()..))
    }
    let who = strip(name.trim(), "flow=")?;
    let who = strip(who, "From-").or_else(|| strip(who, "To-")).unwrap_or(who);
    let usual = ["Background", "Normal", "Benign"].iter().any(|usual| strip(who, usual).is_some());
    Some(if usual { Label::Legitimate } else { Label::Anomalous })
}

/// The letters and digits of a name in lower case, without the blanks and signs between them; `None` when they are too many.
fn plain<'b>(name: &[u8], buffer: &'b mut [u8; MOST]) -> Option<&'b [u8]> {
    let mut length = 0;
    for byte in name.iter().filter(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii()) {
        *buffer.get_mut(length)? = byte.to_ascii_lowercase();
        length += 1;
    }
    buffer.get(..length)
}

#[cfg(test)]
mod tests {
    use super::judge;
    use bartizan_core::Label;

    #[test]
    fn names_are_placeholders_benign_or_attacks() {
        let (none, benign, attack) = (None, Some(Label::Legitimate), Some(Label::Anomalous));
        for (expected, names) in [
            (none, &["No Label", "NeedManualLabel", "-", "Unknown", "n/a", "N/A", "", "  ", "?", "NaN", "no_label", "(empty)", "--"][..]),
            (benign, &["BENIGN", "Benign", "BenignTraffic", "Benign Traffic", "benign_traffic", "Normal", "normal traffic", "Background"]),
            (benign, &["0", "0.0", "0.00", "none", "False", "norm", "flow=Background-UDP", "flow=From-Normal-V42", "flow=To-Background-X"]),
            (benign, &["flow=Normal-V50", "flow=From-Background", " FLOW=TO-normal "]),
            (
                attack,
                &[
                    "DDoS",
                    "DoS Hulk - Attempted",
                    "Malicious",
                    "1",
                    "1.0",
                    "-1",
                    "flow=From-Botnet-V42-TCP",
                    "Abnormal",
                    "Web Attack – XSS",
                ],
            ),
            (attack, &["flow=", "Unknown attack", "Background scan of a very long name", "攻撃", "benignx", "0.5"]),
        ] {
            for name in names {
                assert_eq!(judge(name), expected, "{name:?}");
            }
        }
    }
}
