//! What a process says about itself reaches those who listen.
//!
//! One test, because telemetry is started once per process.

use std::collections::HashMap;

use stoa_config::Env;
use stoa_telemetry::{Telemetry, TelemetrySettings, metrics, propagation, trace_id};
use stoa_testing::otlp::Collector;
use tracing::info_span;

#[test]
fn a_trace_goes_over_a_border_and_to_the_collector_however_quiet_the_log() {
    let receiver = tokio::runtime::Runtime::new().unwrap();
    let collector = receiver.block_on(Collector::start());
    let endpoint = collector.endpoint();
    let env = Env::from_pairs([
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint),
        ("LOG", "error"),
    ]);
    let settings = env.load::<TelemetrySettings>().unwrap();
    let telemetry = Telemetry::init("kettle", &settings).unwrap();

    let (envelope, id) = info_span!("water.fill", otel.kind = "producer")
        .in_scope(|| (propagation::inject_map(), trace_id().unwrap()));
    let boil = info_span!("water.boil", otel.kind = "consumer");
    propagation::set_parent(&boil, propagation::extract_map(&envelope));
    boil.in_scope(|| assert_eq!(trace_id().as_ref(), Some(&id)));
    drop(boil);
    assert_eq!(trace_id(), None);
    telemetry.shutdown();

    let trees = collector.trees(&id);
    assert_eq!(trees.len(), 1);
    let fill = &trees[0];
    assert_eq!(
        (&*fill.span.name, &*fill.span.service),
        ("water.fill", "kettle")
    );
    assert_eq!(
        (&*fill.children[0].span.name, fill.children[0].span.kind),
        ("water.boil", "consumer")
    );
}

#[test]
fn an_envelope_without_a_trace_starts_a_new_one() {
    let context = propagation::extract_map(&HashMap::new());
    let span = opentelemetry::trace::TraceContextExt::span(&context)
        .span_context()
        .clone();
    assert!(!span.is_valid());
}

#[test]
fn metrics_come_with_help_and_buckets() {
    metrics::install();
    ::metrics::describe_histogram!("kettle_boil_seconds", "Time until it boils");
    ::metrics::histogram!("kettle_boil_seconds").record(0.2);
    let text = metrics::render();
    assert!(
        text.contains("# HELP kettle_boil_seconds Time until it boils"),
        "{text}"
    );
    assert!(
        text.contains(r#"kettle_boil_seconds_bucket{le="0.25"} 1"#),
        "{text}"
    );
}
