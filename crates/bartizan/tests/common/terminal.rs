//! A terminal to print on.

use super::bartizan;
use rustix::pty::{OpenptFlags, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// What a command prints on a terminal of so many columns.
pub(crate) fn on_terminal(folder: &Path, columns: u16, arguments: &[&str]) -> String {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    let slave = OpenOptions::new().read(true).write(true).open(std::ffi::OsStr::from_bytes(name.as_bytes())).unwrap();
    tcsetwinsize(&slave, Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let reader = std::thread::spawn(move || {
        let (mut terminal, mut said, mut part) = (File::from(master), Vec::new(), [0; 4096]);
        // A terminal that nobody has open any more is an error to read from.
        while let Ok(length @ 1..) = terminal.read(&mut part) {
            said.extend_from_slice(&part[..length]);
        }
        String::from_utf8(said).unwrap()
    });
    let mut command = bartizan(folder, arguments);
    let status = command.stdout(slave).status().unwrap();
    // It holds the terminal open.
    drop(command);
    assert_eq!(status.code(), Some(0), "{arguments:?}");
    reader.join().unwrap().replace("\r\n", "\n")
}
