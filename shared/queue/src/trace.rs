//! The trace goes along in the envelope, by W3C `traceparent`.

use opentelemetry::global;
use opentelemetry::propagation::{Extractor, Injector};
use opentelemetry::trace::TraceContextExt as _;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";

/// A place in a trace, by the headers of W3C Trace Context. An empty one is not there: most traces have no state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceHeaders {
    /// The span, and whether it is recorded.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub traceparent: String,
    /// What systems on the way have added.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tracestate: String,
}

impl TraceHeaders {
    /// The current span, as the propagator that the telemetry kit has set for the process tells of it.
    pub(crate) fn current() -> Self {
        let mut headers = Self::default();
        let context = Span::current().context();
        global::get_text_map_propagator(|propagator| {
            propagator.inject_context(&context, &mut headers);
        });
        headers
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<BTreeMap<String, String>> for TraceHeaders {
    fn from(mut headers: BTreeMap<String, String>) -> Self {
        let mut taken = |key| headers.remove(key).unwrap_or_default();
        Self {
            traceparent: taken(PARENT),
            tracestate: taken(STATE),
        }
    }
}

impl Injector for TraceHeaders {
    fn set(&mut self, key: &str, value: String) {
        match key {
            PARENT => self.traceparent = value,
            STATE => self.tracestate = value,
            _ => {}
        }
    }
}

impl Extractor for TraceHeaders {
    fn get(&self, key: &str) -> Option<&str> {
        let value = match key {
            PARENT => &self.traceparent,
            STATE => &self.tracestate,
            _ => return None,
        };
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    fn keys(&self) -> Vec<&str> {
        let keys = [PARENT, STATE].into_iter();
        keys.filter(|key| self.get(key).is_some()).collect()
    }
}

/// Makes `span` a child of the span that wrote `headers`.
pub(crate) fn continue_from(span: &Span, headers: &TraceHeaders) {
    let parent = global::get_text_map_propagator(|propagator| propagator.extract(headers));
    // Fails only for a span that no layer records: then there is nothing to continue.
    let _ = span.set_parent(parent);
}

/// The id of the current trace, as people look for it; none if it is not recorded.
pub(crate) fn id() -> Option<String> {
    let context = Span::current().context();
    let span = context.span().span_context().clone();
    span.is_valid().then(|| span.trace_id().to_string())
}
