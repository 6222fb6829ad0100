//! The trace goes along, by W3C `traceparent`.

use http::HeaderMap;
use opentelemetry_http::HeaderInjector;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The headers that make the other side's span a child of the current one. The format is the
/// one that the telemetry kit has set for the process.
pub(crate) fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let context = tracing::Span::current().context();
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&context, &mut HeaderInjector(&mut headers));
    });
    headers
}
