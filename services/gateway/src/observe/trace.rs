//! The trace of a request, which begins here unless the client brings one.
//!
//! Most traces are not recorded. They have ids all the same, for logs and services, but no span.

use crate::lines;
use http::header::{HeaderMap, HeaderName};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use stoa_telemetry::{propagation, sampling};
use tracing::Span;

/// The header that brings a trace.
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// What tells of a trace: its ids, and what else those say who took part in it.
static NAMES: [HeaderName; 2] = [TRACEPARENT, HeaderName::from_static("tracestate")];

/// The trace of one request.
pub(crate) enum Trace {
    /// It is recorded, by a span that the closure makes.
    Recorded(Span),
    /// It is not.
    Carried(SpanContext),
}

impl Trace {
    /// Continues what these headers bring, or begins anew. `span` makes the span of one that is recorded.
    pub(crate) fn of(headers: Option<&HeaderMap>, span: impl FnOnce() -> Span) -> Self {
        let brought = headers.map(propagation::extract);
        let brought = brought.filter(|context| context.span().span_context().is_valid());
        let Some(parent) = brought else {
            return if sampling::is_chosen(rand::random()) {
                Self::Recorded(sampling::chosen(span))
            } else {
                let id = TraceId::from(rand::random::<u128>());
                Self::Carried(unrecorded(id, TraceState::default()))
            };
        };
        let theirs = parent.span().span_context().clone();
        if theirs.is_sampled() {
            let span = span();
            propagation::set_parent(&span, parent);
            Self::Recorded(span)
        } else {
            Self::Carried(unrecorded(theirs.trace_id(), theirs.trace_state().clone()))
        }
    }

    /// Does `work` as a part of the trace: what is logged there bears its id.
    pub(crate) fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        match self {
            Self::Recorded(span) => span.in_scope(work),
            Self::Carried(context) => {
                let context =
                    opentelemetry::Context::new().with_remote_span_context(context.clone());
                let _attached = context.attach();
                work()
            }
        }
    }

    /// Tells a service of the trace, and of the span that one calls this in. The client's own headers of the names that
    /// this gives are not to follow.
    pub(crate) fn tell(&self, lines: &mut Vec<u8>) -> &'static [HeaderName] {
        let Self::Carried(context) = self else {
            let mut headers = HeaderMap::new();
            propagation::inject(&mut headers);
            for (name, value) in &headers {
                lines::put(lines, name, value);
            }
            return if headers.is_empty() { &[] } else { &NAMES };
        };
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        write_hex(&mut text[3..35], &context.trace_id().to_bytes());
        write_hex(&mut text[36..52], &context.span_id().to_bytes());
        lines::put(lines, TRACEPARENT, text);
        if context.trace_state() == &TraceState::default() {
            &NAMES
        } else {
            &NAMES[..1]
        }
    }

    /// The id, as 16 bytes.
    pub(crate) fn id(&self) -> [u8; 16] {
        let current = || {
            opentelemetry::Context::current()
                .span()
                .span_context()
                .trace_id()
        };
        match self {
            Self::Recorded(span) => span.in_scope(current).to_bytes(),
            Self::Carried(context) => context.trace_id().to_bytes(),
        }
    }
}

fn unrecorded(id: TraceId, state: TraceState) -> SpanContext {
    let span = SpanId::from(rand::random::<u64>());
    SpanContext::new(id, span, TraceFlags::default(), false, state)
}

/// The two digits of each byte.
static DIGITS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut all = [[0; 2]; 256];
    let mut byte = 0;
    while byte < all.len() {
        all[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    all
};

/// Writes two digits for each byte.
pub(crate) fn write_hex(target: &mut [u8], bytes: &[u8]) {
    let (pairs, _) = target.as_chunks_mut::<2>();
    for (pair, byte) in pairs.iter_mut().zip(bytes) {
        *pair = DIGITS[usize::from(*byte)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    /// What a service is told of a request with these headers, and which of its own are not to follow.
    fn told(headers: &[(&'static str, &'static str)]) -> (String, &'static [HeaderName]) {
        opentelemetry::global::set_text_map_propagator(
            opentelemetry_sdk::propagation::TraceContextPropagator::new(),
        );
        let pairs = headers.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        let mut lines = Vec::new();
        let replaced = Trace::of(Some(&pairs.collect()), Span::none).tell(&mut lines);
        (String::from_utf8(lines).unwrap(), replaced)
    }

    #[test]
    fn a_trace_that_is_not_recorded_goes_on_with_its_id_and_says_so() {
        let brought = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
        let (told, replaced) = told(&[("traceparent", brought)]);
        let is_it = told.starts_with("traceparent: 00-0af7651916cd43dd8448eb211c80319c-");
        assert!(is_it && told.ends_with("-00\r\n"), "{told}");
        assert!(!told.contains("b7ad6b7169203331"), "{told}");
        assert_eq!(replaced, &NAMES);
    }

    #[test]
    fn what_others_say_of_a_trace_goes_on_with_it() {
        let brought = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
        let (_, replaced) = told(&[("traceparent", brought), ("tracestate", "a=1")]);
        assert_eq!(replaced, [TRACEPARENT]);
    }

    #[test]
    fn each_byte_is_written_as_its_two_digits() {
        let bytes: Vec<u8> = (0..=255).collect();
        let mut written = [0; 512];
        write_hex(&mut written, &bytes);
        for (pair, byte) in written.chunks_exact(2).zip(bytes) {
            assert_eq!(pair, format!("{byte:02x}").as_bytes());
        }
    }

    #[test]
    fn where_none_is_brought_one_begins() {
        let (told, replaced) = told(&[("traceparent", "00-zz"), ("tracestate", "a=1")]);
        let length = "traceparent: \r\n".len() + 55;
        assert!(
            told.len() == length && !told.contains("00-0000000000"),
            "{told}"
        );
        assert_eq!(replaced, &NAMES);
    }
}
