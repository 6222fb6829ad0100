//! What can be configured about telemetry.

use std::str::FromStr;

use stoa_config::{Env, Settings};
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object per line, for machines.
    Json,
    /// For a person at a terminal.
    Text,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err("expected `json` or `text`"),
        }
    }
}

/// Configuration of logs and traces.
#[derive(Debug, Clone)]
pub struct TelemetrySettings {
    /// Which events are logged, in the syntax of `tracing_subscriber::EnvFilter`.
    pub log: String,
    /// How log lines look.
    pub format: LogFormat,
    /// Where spans go, by OTLP over http/protobuf; `None` keeps them here.
    pub otlp_endpoint: Option<String>,
    /// Which share of the traces that begin here is recorded, from 0 to 1.
    pub sample_ratio: f64,
}

impl Settings for TelemetrySettings {
    fn read(env: &mut Env) -> Option<Self> {
        let log = env.text("LOG", "which events are logged, such as `info,sqlx=debug`");
        let log = log.default("info").read();
        let format = env
            .parse("LOG_FORMAT", "`json` or `text`")
            .default("json")
            .read();
        let endpoint = env.http_url(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "where traces go (OTLP http/protobuf); unset: nowhere",
        );
        let otlp_endpoint = endpoint.optional();
        let ratio = env.parse::<f64>("TRACE_SAMPLE_RATIO", "share of new traces recorded, 0 to 1");
        let sample_ratio = ratio.default("1").read();
        if sample_ratio.is_some_and(|ratio| !(0.0..=1.0).contains(&ratio)) {
            env.refuse("TRACE_SAMPLE_RATIO", "must be from 0 to 1");
        }
        if let Some(Err(error)) = log.as_ref().map(EnvFilter::try_new) {
            env.refuse("LOG", &error.to_string());
        }
        Some(Self {
            log: log?,
            format: format?,
            otlp_endpoint: otlp_endpoint?,
            sample_ratio: sample_ratio?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(key: &str, value: &str) -> bool {
        let read = Env::from_pairs([(key, value)]).load::<TelemetrySettings>();
        let begins = |problems: stoa_config::Problems| problems.lines()[0].starts_with(key);
        read.err().is_some_and(begins)
    }

    #[test]
    fn a_ratio_that_is_no_share_is_refused_by_name() {
        for ratio in ["-0.1", "1.01", "10", "inf", "NaN"] {
            assert!(refused("TRACE_SAMPLE_RATIO", ratio), "{ratio}");
        }
        for ratio in ["0", "0.25", "1"] {
            assert!(!refused("TRACE_SAMPLE_RATIO", ratio), "{ratio}");
        }
    }

    #[test]
    fn a_place_for_traces_that_is_none_is_refused_by_name() {
        for place in ["collector:4318", "grpc://collector:4317", "http://"] {
            assert!(refused("OTEL_EXPORTER_OTLP_ENDPOINT", place), "{place}");
        }
        let place = "http://collector:4318";
        assert!(!refused("OTEL_EXPORTER_OTLP_ENDPOINT", place));
    }

    #[test]
    fn a_filter_that_is_none_is_refused_by_name() {
        assert!(refused("LOG", "info,stoa=loud"));
        assert!(!refused("LOG", "info,sqlx=debug"));
    }
}
