//! What can be configured about telemetry.

use std::str::FromStr;

use stoa_config::{Env, Settings};

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
        let endpoint = env.text(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "where traces go (OTLP http/protobuf); unset: nowhere",
        );
        let otlp_endpoint = endpoint.optional();
        let ratio = env.parse::<f64>("TRACE_SAMPLE_RATIO", "share of new traces recorded, 0 to 1");
        let sample_ratio = ratio.default("1").read();
        Some(Self {
            log: log?,
            format: format?,
            otlp_endpoint: otlp_endpoint?,
            sample_ratio: sample_ratio?,
        })
    }
}
