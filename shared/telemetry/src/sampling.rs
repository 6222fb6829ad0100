//! Which traces that begin here are recorded.
//!
//! A span costs as much as the whole way of a request through a proxy, also one that is not recorded. So whoever begins
//! very many traces asks first ([`is_chosen`]), and makes a span ([`chosen`]) only for those that are.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::trace::{SpanKind, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

/// Of 2^32 traces, so many are recorded. One for the process, as its exporter is.
static CHOSEN: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// Whether the next root of this thread has been chosen already.
    static IS_DECIDED: Cell<bool> = const { Cell::new(false) };
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a ratio of 2^32"
)]
pub(crate) fn set_ratio(ratio: f64) {
    let chosen = ratio.clamp(0.0, 1.0) * 2_f64.powi(32);
    CHOSEN.store(chosen as u64, Ordering::Relaxed);
}

/// Whether a trace that begins here is to be recorded; `random` has 32 random bits. Never where spans go nowhere.
pub fn is_chosen(random: u32) -> bool {
    u64::from(random) < CHOSEN.load(Ordering::Relaxed)
}

/// Makes the span of a trace that was chosen: it is recorded, unless its parent is not.
pub fn chosen(make: impl FnOnce() -> tracing::Span) -> tracing::Span {
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;
    IS_DECIDED.set(true);
    let span = make();
    // It is with its first use that the sampler is asked.
    drop(span.context());
    IS_DECIDED.set(false);
    span
}

/// The sampler of roots: what was chosen, and else by the ratio.
#[derive(Debug, Clone)]
pub(crate) struct Roots(pub(crate) f64);

impl ShouldSample for Roots {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[opentelemetry::trace::Link],
    ) -> SamplingResult {
        if IS_DECIDED.get() {
            return SamplingResult {
                decision: SamplingDecision::RecordAndSample,
                attributes: Vec::new(),
                trace_state: TraceState::default(),
            };
        }
        let by_ratio = Sampler::TraceIdRatioBased(self.0);
        by_ratio.should_sample(parent, trace_id, name, kind, attributes, links)
    }
}
