//! The trace across process borders, by W3C `traceparent`: in HTTP headers and in what is stored or queued.

use std::collections::HashMap;
use std::hash::BuildHasher;

use http::HeaderMap;
use opentelemetry::{
    Context, global,
    propagation::{Extractor, Injector},
};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Writes the current span into the headers of a request that goes out.
pub fn inject(headers: &mut HeaderMap) {
    inject_with(&mut HeaderInjector(headers));
}

/// The context that a request brought along.
pub fn extract(headers: &HeaderMap) -> Context {
    extract_with(&HeaderExtractor(headers))
}

/// The current span as text pairs, for an envelope that is not HTTP.
pub fn inject_map() -> HashMap<String, String> {
    let mut map = HashMap::new();
    inject_with(&mut map);
    map
}

/// The context that an envelope brought along.
pub fn extract_map(map: &HashMap<String, String, impl BuildHasher>) -> Context {
    extract_with(map)
}

/// Makes `span` a child of `parent`.
pub fn set_parent(span: &Span, parent: Context) {
    // Fails only on a span that the filter has switched off: then there is nothing to continue.
    let _ = span.set_parent(parent);
}

fn inject_with(injector: &mut dyn Injector) {
    let context = Span::current().context();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, injector));
}

fn extract_with(extractor: &dyn Extractor) -> Context {
    global::get_text_map_propagator(|propagator| propagator.extract(extractor))
}
