//! One folder per kind of telemetry: event, parser, features, generator.
