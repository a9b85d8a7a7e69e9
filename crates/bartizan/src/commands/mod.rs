//! One command, one file; `score` is a folder.

pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod evaluate;
pub(crate) mod exclude;
pub(crate) mod formats;
pub(crate) mod generate;
pub(crate) mod import;
pub(crate) mod label;
pub(crate) mod models;
pub(crate) mod openapi;
pub(crate) mod score;
pub(crate) mod serve;
pub(crate) mod tail;
pub(crate) mod train;
pub(crate) mod tune;
