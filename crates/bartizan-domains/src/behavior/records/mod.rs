//! Sessions from files.
