//! Fixtures, clocks and servers for tests, and the conformance suites.
