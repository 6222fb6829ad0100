//! stoa-telemetry
