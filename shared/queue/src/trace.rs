//! The trace goes along in the envelope, by W3C `traceparent`.

use opentelemetry::global;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::TraceContextExt as _;
use std::collections::BTreeMap;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The current span as text pairs, in the format that the telemetry kit has set for the process.
pub(crate) fn headers() -> BTreeMap<String, String> {
    let mut headers = Injected(BTreeMap::new());
    let context = Span::current().context();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut headers));
    headers.0
}

/// Headers as the propagator writes them.
struct Injected(BTreeMap<String, String>);

impl Injector for Injected {
    fn set(&mut self, key: &str, value: String) {
        // Without a state, as most traces are, it would be an empty one.
        if !value.is_empty() {
            self.0.insert(key.to_owned(), value);
        }
    }
}

/// Headers as the propagator reads them.
struct Headers<'a>(&'a BTreeMap<String, String>);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

/// Makes `span` a child of the span that wrote `headers`.
pub(crate) fn continue_from(span: &Span, headers: &BTreeMap<String, String>) {
    let parent =
        global::get_text_map_propagator(|propagator| propagator.extract(&Headers(headers)));
    // Fails only for a span that no layer records: then there is nothing to continue.
    let _ = span.set_parent(parent);
}

/// The id of the current trace, as people look for it; none if it is not recorded.
pub(crate) fn id() -> Option<String> {
    let context = Span::current().context();
    let span = context.span().span_context().clone();
    span.is_valid().then(|| span.trace_id().to_string())
}
