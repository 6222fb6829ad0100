//! The trace goes along in the envelope, by W3C `traceparent`.

use opentelemetry::global;
use opentelemetry::trace::TraceContextExt as _;
use std::collections::{BTreeMap, HashMap};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The current span as text pairs, in the format that the telemetry kit has set for the process.
pub(crate) fn headers() -> BTreeMap<String, String> {
    let mut headers = HashMap::new();
    let context = Span::current().context();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut headers));
    headers.into_iter().collect()
}

/// Makes `span` a child of the span that wrote `headers`.
pub(crate) fn continue_from(span: &Span, headers: &BTreeMap<String, String>) {
    let headers: HashMap<String, String> = headers.clone().into_iter().collect();
    let parent = global::get_text_map_propagator(|propagator| propagator.extract(&headers));
    // Fails only for a span that no layer records: then there is nothing to continue.
    let _ = span.set_parent(parent);
}

/// The id of the current trace, as people look for it; none if it is not recorded.
pub(crate) fn id() -> Option<String> {
    let context = Span::current().context();
    let span = context.span().span_context().clone();
    span.is_valid().then(|| span.trace_id().to_string())
}
