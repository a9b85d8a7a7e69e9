//! Inputs that people meet: the forms of files, bodies and terminals that go wrong elsewhere, each with others of its kind, over the real
//! binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

#[path = "../common/mod.rs"]
mod common;

mod access;
mod beginnings;
mod bodies;
mod fixture;
mod flow_files;
mod logins;
mod packed;
mod repeated;
mod terminal;
