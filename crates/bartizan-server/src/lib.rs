//! The HTTP service: routes, authentication, limits and documentation pages.
