//! The trace context of a request, stored with its job and taken up again by the relay.

use std::collections::HashMap;

use opentelemetry::global::get_text_map_propagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The W3C headers of the current trace.
pub(crate) fn current() -> HashMap<String, String> {
    let mut carrier = HashMap::new();
    let context = Span::current().context();
    get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut carrier));
    carrier
}

/// Lets `span` continue the trace of `carrier`.
pub(crate) fn resume(span: &Span, carrier: &HashMap<String, String>) {
    let parent = get_text_map_propagator(|propagator| propagator.extract(carrier));
    // Fails only on a span that the filter has switched off: then there is nothing to continue.
    let _ = span.set_parent(parent);
}
