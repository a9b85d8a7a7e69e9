//! Files whose beginning is damaged: by rotation, truncation, or a cut.

use crate::fixture::{Checks, ONE, TWO, Trained, combined, log};
use std::collections::BTreeMap;

/// Lines of forty requests after these bytes.
fn after(start: &[u8]) -> Vec<u8> {
    [start, log(combined).as_bytes()].concat()
}

#[test]
fn a_bad_beginning_is_skipped_and_counted() {
    let trained = Trained::generated("requests");
    let mut checks = Checks::default();
    let nuls = vec![0; 8_192];
    let cut = combined("192.0.2.99", 0) + "\n";
    for (name, bytes, skipped) in [
        ("a notice of rotation", after(b"Mar  6 10:00:00 web newsyslog[700]: logfile turned over due to size>100K\n"), 1),
        ("in the words of another", after(b"log rotated by logrotate\n"), 1),
        ("a comment", after(b"# log rotated\n"), 1),
        ("a line cut at both ends", after(&[&cut.as_bytes()[5..30], b"\n"].concat()), 1),
        ("a line cut in its time", after(&cut.as_bytes()[30..]), 1),
        ("a line cut in its request", after(&cut.as_bytes()[60..]), 1),
        ("a line cut in a character", after(b"\xbcrich\" 200 5 \"-\" \"Mozilla/5.0\"\n"), 1),
        ("a line cut within quotes", after(b"7.36\"\n"), 1),
        ("the header of gzip", after(b"\x1f\x8b\x08\x00\n"), 1),
        ("bytes of any kind", after(b"\x7fELF\x02\x01\x01\0\0\xff\xfe\xfd\n"), 1),
        ("NULs", after(&nuls), 0),
        ("a megabyte of them", after(&vec![0; 1 << 20]), 0),
        ("NULs in a line of their own", after(&[&nuls[..], b"\n"].concat()), 0),
        ("NULs and what is left of a line", after(&[&nuls[..], &cut.as_bytes()[40..]].concat()), 1),
        ("NULs half way", [log(combined).as_bytes(), &nuls, b"\n"].concat(), 0),
        ("empty lines", after(b"\n\r\n  \n"), 0),
        ("a byte order mark", after(b"\xef\xbb\xbf"), 0),
        ("a megabyte without a line", after(&[&vec![b'x'; 1 << 20][..], b"\n"].concat()), 1),
        ("lines of another server", after(b"2024/03/06 10:00:00 [error] 7#7: *1 open() failed\n2024/03/06 10:00:00 [notice] 7#7: x\n"), 2),
    ] {
        let scored = trained.score(&bytes, &[]);
        let (read, counted, format) = scored.met();
        checks.equal(name, (scored.code, read, counted, format), (Some(0), 40, skipped, "combined"), &scored.said);
        checks.equal(name, scored.clients(), BTreeMap::from([(ONE, 20), (TWO, 20)]), &scored.said);
        let faults = &scored.document["files"][0]["faults"];
        let line = faults[0]["first"][0]["line"].as_u64();
        checks.equal(name, line.is_some_and(|line| line <= 2), skipped > 0, faults);
    }
    checks.end();
}

#[test]
fn so_is_one_of_a_log_of_logins() {
    let trained = Trained::generated("behavior");
    let mut checks = Checks::default();
    let failed =
        |second: u32| format!("Mar  6 10:00:{second:02} web sshd[{}]: Failed password for root from {TWO} port 40000 ssh2\n", 900 + second);
    let lines: String = (0..50).map(failed).collect();
    let nuls = vec![0; 8_192];
    for (name, start, skipped) in [
        ("nothing", &b""[..], 0),
        ("NULs", &nuls, 0),
        ("a notice of rotation", b"-- rotated --\n", 1),
        ("what is left of a line", b"t from 192.0.2.99 port 40000 ssh2\n", 1),
        ("a line cut in a character", b"\xa9 from 192.0.2.99 port 40000 ssh2\n", 1),
        ("bytes of any kind", b"\x1f\x8b\x08\x00\xff\xfe\n", 1),
    ] {
        let scored = trained.score(&[start, lines.as_bytes()].concat(), &[]);
        checks.equal(name, (scored.code, scored.met()), (Some(0), (1, skipped, "sshd")), &scored.said);
        checks.equal(name, scored.worst(), (TWO, "BruteForce", 50), &scored.document["findings"]);
    }
    checks.end();
}
