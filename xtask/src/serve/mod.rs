//! Servers that are measured: started on data of their own in a temporary folder, asked over HTTP, ended by their id.

mod connection;
mod folder;
mod server;

pub(crate) use connection::Connection;
pub(crate) use folder::Folder;
pub(crate) use server::{Server, binary_or_built, command, release_binary, size_of, succeed};
