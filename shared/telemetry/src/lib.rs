//! What one process says about itself: log lines, traces and metrics.
//!
//! [`Telemetry::init`] comes before the async runtime and [`Telemetry::shutdown`] after it: the
//! exporter of traces has a thread of its own with a blocking client, which must not live inside
//! a runtime. Log lines are JSON on stdout, each with the `trace_id` of the span it stands in.

mod export;
mod logs;
pub mod metrics;
pub mod propagation;
pub mod sampling;
mod settings;

use opentelemetry::trace::{TraceContextExt as _, TracerProvider as _};
use opentelemetry_sdk::{propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt as _, Targets, filter_fn};
use tracing_subscriber::{Layer as _, layer::SubscriberExt as _};

pub use settings::{LogFormat, TelemetrySettings};

/// Why telemetry could not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// `LOG` is not a filter.
    #[error("LOG is not a valid filter")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The exporter of traces could not be built.
    #[error("the exporter of traces could not be built")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Something else in this process has set a subscriber already.
    #[error("telemetry was already started in this process")]
    Started(#[from] tracing::subscriber::SetGlobalDefaultError),
}

/// The telemetry of this process; keep it until the end and shut it down.
#[derive(Debug)]
#[must_use = "spans that are still queued are lost unless it is shut down"]
pub struct Telemetry {
    provider: SdkTracerProvider,
}

impl Telemetry {
    /// Starts logs, traces and metrics under the name of `service`.
    ///
    /// Must be called outside an async runtime.
    pub fn init(
        service: &'static str,
        settings: &TelemetrySettings,
    ) -> Result<Self, TelemetryError> {
        metrics::install();
        let provider = export::provider(service, settings)?;
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        // Spans do not depend on the level of the logs: a quiet log must not cut the traces.
        let traces = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(service))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(span_filter().and(filter_fn(is_for_traces)));
        let subscriber = tracing_subscriber::registry()
            .with(traces)
            .with(logs::layer(service, settings)?);
        tracing::subscriber::set_global_default(subscriber)?;
        Ok(Self { provider })
    }

    /// Sends what is still queued. Must be called after the async runtime has ended.
    pub fn shutdown(self) {
        if let Err(error) = self.provider.shutdown() {
            tracing::warn!(%error, "the last spans could not be exported");
        }
    }
}

/// Our spans from INFO up; of the libraries only warnings, as events of our spans.
fn span_filter() -> Targets {
    Targets::new().with_default(Level::INFO).with_targets(
        ["sqlx", "hyper", "h2", "reqwest", "opentelemetry", "lapin"].map(|t| (t, Level::WARN)),
    )
}

/// What went well is a log line with the id of its trace; in the trace itself the span says it.
fn is_for_traces(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() || *metadata.level() <= Level::WARN
}

/// The id of the trace that the caller is in, as 32 hexadecimal digits.
pub fn trace_id() -> Option<String> {
    let context = opentelemetry::Context::current();
    let span = context.span().span_context().clone();
    span.is_valid().then(|| span.trace_id().to_string())
}
