//! The HTTP service: routes, authentication, limits and documentation pages.
//!
//! [`Listening::serve`] puts the routers of all mounts together and reads from their OpenAPI document which paths exist, what
//! right each needs and under which name it is counted. A request passes `http::guard`, which decides everything that is
//! decided before a body is read, then either the router or, where every microsecond counts, a route's direct handler.
//! A further kind of detector is one more folder beside `requests`, and one more field of [`Mounts`].

mod behavior;
mod config;
mod docs;
mod flows;
mod here;
mod http;
mod input;
mod metrics;
mod mount;
mod mounts;
mod requests;
mod routes;
mod server;

pub use config::{ApiKey, Scope, ServerConfig};
pub use mounts::{Mounts, openapi};
pub use server::{BindError, Listening, Server};
