//! A row of a table of connections: totals from its cells, and flags from their letters.

use super::super::event::Draft;
use super::super::features::F;
use super::super::names::Column;
use super::super::time;
use super::cells::{Oddity, number};
use super::connection::Connection;
use super::connections::Field;
use crate::records::decode;
use bartizan_core::Timestamp;

/// The numbers of a row while its cells come in.
pub(super) struct Row {
    port: f64,
    seconds: f64,
    end: Option<Timestamp>,
    /// The opener's, the other side's, of both, of the only one.
    packets: [f64; 4],
    bytes: [f64; 4],
    /// Cells that should be numbers, and those that are none.
    pub(super) numbers: usize,
    pub(super) wrong: usize,
    /// Its time is none.
    pub(super) bad_time: bool,
}

impl Row {
    pub(super) fn new() -> Self {
        let none = f64::NAN;
        Self { port: none, seconds: none, end: None, packets: [none; 4], bytes: [none; 4], numbers: 0, wrong: 0, bad_time: false }
    }

    pub(super) fn take(&mut self, draft: &mut Draft, field: Field, cell: &[u8]) {
        match field {
            Field::Text(column) => {
                let text = decode(cell).0;
                draft.identify(column, &text);
                self.bad_time |= column == Column::Time && draft.time.is_none() && !text.is_empty();
            }
            Field::Port => self.port = port(cell),
            Field::End => self.end = time::parse(&decode(cell).0),
            Field::Seconds => self.seconds = self.number(cell),
            Field::Packets(of) => self.packets[of as usize] = self.number(cell),
            Field::Bytes(of) => self.bytes[of as usize] = self.number(cell),
            Field::Flags => flags(draft, cell, true),
            Field::State => state(draft, cell),
            Field::Feature(feature, factor) => draft.set(feature as usize, self.number(cell) * factor),
        }
    }

    /// A number, also with the unit that collectors shorten large ones by: `2.1 M`.
    fn number(&mut self, cell: &[u8]) -> f64 {
        self.numbers += 1;
        let (digits, factor) = match cell.split_last() {
            Some((b'K' | b'k', digits)) => (digits, 1e3),
            Some((b'M', digits)) => (digits, 1e6),
            Some((b'G', digits)) => (digits, 1e9),
            _ => (cell, 1.0),
        };
        match number(digits) {
            Ok(number) if number.is_finite() && number >= 0.0 => number * factor,
            Ok(_) | Err(Oddity::Empty) => f64::NAN,
            Err(_) => {
                self.wrong += 1;
                f64::NAN
            }
        }
    }

    /// Sets what follows from the totals.
    pub(super) fn fill(self, draft: &mut Draft) {
        let seconds = match (draft.time, self.end) {
            (Some(start), Some(end)) if self.seconds.is_nan() => end.seconds_since(start).max(0.0),
            _ => self.seconds,
        };
        let icmp = draft.protocol.to_ascii_lowercase().starts_with("icmp");
        let (packets, all_packets) = halves(self.packets);
        let (bytes, all_bytes) = halves(self.bytes);
        // Of a control message the columns of ports hold its type and code.
        let port = if icmp { f64::NAN } else { self.port };
        Connection { port, seconds, packets, bytes, whole: Some([all_packets, all_bytes]) }.fill(draft);
    }
}

/// Both directions, and the two together, from what is known of them.
fn halves([fwd, bwd, both, only]: [f64; 4]) -> ([f64; 2], f64) {
    let fwd = if fwd.is_nan() { only } else { fwd };
    let rest = |known: f64| if both >= known { both - known } else { f64::NAN };
    let (fwd, bwd) = match (fwd.is_nan(), bwd.is_nan()) {
        (false, true) => (fwd, rest(fwd)),
        (true, false) => (rest(bwd), bwd),
        _ => (fwd, bwd),
    };
    let sum = fwd + bwd;
    let known = [sum, both, only].into_iter().find(|total| !total.is_nan()).unwrap_or(f64::NAN);
    ([fwd, bwd], known)
}

/// A port as a number, in hexadecimal digits where it begins with `0x`; a name is none.
fn port(cell: &[u8]) -> f64 {
    let hex = cell.strip_prefix(b"0x").and_then(|digits| std::str::from_utf8(digits).ok());
    let port = match hex {
        Some(digits) => u16::from_str_radix(digits, 16).ok().map(f64::from),
        None => number(cell).ok(),
    };
    port.filter(|port| (0.0..=65_535.0).contains(port) && port.fract() == 0.0).unwrap_or(f64::NAN)
}

/// The flags whose letters are in a text, of all packets and, where the letters are the opener's, of those.
fn flags(draft: &mut Draft, cell: &[u8], opener: bool) {
    let letters = |cell: &[u8]| cell.iter().all(|byte| matches!(byte, b'A'..=b'Z' | b'.' | b' '));
    let number = cell.strip_prefix(b"0x").and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
    if number.is_none() && (cell.is_empty() || !letters(cell)) {
        return;
    }
    for (letter, bit, all, fwd) in [
        (b'F', 0x01, F::Fin, None),
        (b'S', 0x02, F::Syn, None),
        (b'R', 0x04, F::Rst, None),
        (b'P', 0x08, F::Psh, Some(F::FwdPsh)),
        (b'A', 0x10, F::Ack, None),
        (b'U', 0x20, F::Urg, Some(F::FwdUrg)),
        (b'E', 0x40, F::Ece, None),
        (b'C', 0x80, F::Cwe, None),
    ] {
        let seen = number.map_or_else(|| cell.contains(&letter), |bits: u8| bits & bit != 0);
        draft.set(all as usize, f64::from(u8::from(seen)));
        if let Some(fwd) = fwd.filter(|_| opener) {
            draft.set(fwd as usize, f64::from(u8::from(seen)));
        }
    }
}

/// The flags of a state such as `FSPA_FSRPA`; other states are words.
fn state(draft: &mut Draft, cell: &[u8]) {
    let Some(at) = cell.iter().position(|byte| *byte == b'_') else { return };
    let (fwd, bwd) = (&cell[..at], &cell[at + 1..]);
    if !fwd.iter().chain(bwd).all(|letter| b"FSRPAUEC".contains(letter)) {
        return;
    }
    let seen = |side: &[u8], letter: u8| f64::from(u8::from(side.contains(&letter)));
    draft.set(F::FwdPsh as usize, seen(fwd, b'P'));
    draft.set(F::FwdUrg as usize, seen(fwd, b'U'));
    draft.set(F::BwdPsh as usize, seen(bwd, b'P'));
    draft.set(F::BwdUrg as usize, seen(bwd, b'U'));
    let both: Vec<u8> = fwd.iter().chain(bwd).chain(b".").copied().collect();
    flags(draft, &both, false);
}

#[cfg(test)]
mod tests {
    use super::{Draft, F, Row, flags, halves, port, state};

    #[test]
    fn directions_and_totals_follow_from_each_other() {
        const NONE: f64 = f64::NAN;
        for (name, given, expected) in [
            ("both directions", [3.0, 2.0, NONE, NONE], [3.0, 2.0, 5.0]),
            ("one and the total", [3.0, NONE, 5.0, NONE], [3.0, 2.0, 5.0]),
            ("the other and the total", [NONE, 2.0, 5.0, NONE], [3.0, 2.0, 5.0]),
            ("the total", [NONE, NONE, 5.0, NONE], [NONE, NONE, 5.0]),
            ("a total that is too small", [3.0, NONE, 1.0, NONE], [3.0, NONE, 1.0]),
            ("the only direction", [NONE, NONE, NONE, 4.0], [4.0, NONE, 4.0]),
            ("nothing", [NONE; 4], [NONE; 3]),
        ] {
            let ([fwd, bwd], both) = halves(given);
            assert_eq!(format!("{:?}", [fwd, bwd, both]), format!("{expected:?}"), "{name}");
        }
    }

    #[test]
    fn ports_and_numbers_are_read_as_collectors_write_them() {
        for (text, expected) in
            [("443", 443.0), ("0x0035", 53.0), ("8.0", 8.0), ("8.3", f64::NAN), ("domain", f64::NAN), ("70000", f64::NAN), ("", f64::NAN)]
        {
            assert_eq!(format!("{}", port(text.as_bytes())), format!("{expected}"), "{text}");
        }
        let mut row = Row::new();
        for (text, expected) in
            [("12", 12.0), ("2.1 M", 2.1e6), ("3K", 3e3), ("1 G", 1e9), ("-4", f64::NAN), ("x", f64::NAN), ("", f64::NAN)]
        {
            assert_eq!(format!("{}", row.number(text.as_bytes())), format!("{expected}"), "{text}");
        }
        assert_eq!((row.numbers, row.wrong), (7, 1));
    }

    #[test]
    fn flags_are_seen_or_not_or_unknown() {
        let seen = |draft: &Draft| [F::Syn, F::Ack, F::Fin, F::Psh, F::FwdPsh, F::BwdPsh].map(|feature| draft.values[feature as usize]);
        const NONE: f32 = f32::NAN;
        for (text, expected) in [
            ("...AP.SF", [1.0, 1.0, 1.0, 1.0, 1.0, NONE]),
            (".A....", [0.0, 1.0, 0.0, 0.0, 0.0, NONE]),
            ("......", [0.0, 0.0, 0.0, 0.0, 0.0, NONE]),
            ("0x1b", [1.0, 1.0, 1.0, 1.0, 1.0, NONE]),
            ("27", [NONE; 6]),
            ("", [NONE; 6]),
        ] {
            let mut draft = Draft::new();
            flags(&mut draft, text.as_bytes(), true);
            assert_eq!(format!("{:?}", seen(&draft)), format!("{expected:?}"), "{text}");
        }
        for (text, expected) in
            [("FSPA_FSA", [1.0, 1.0, 1.0, 1.0, 1.0, 0.0]), ("S_", [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]), ("CON", [NONE; 6]), ("ECO_x", [NONE; 6])]
        {
            let mut draft = Draft::new();
            state(&mut draft, text.as_bytes());
            assert_eq!(format!("{:?}", seen(&draft)), format!("{expected:?}"), "{text}");
        }
    }
}
