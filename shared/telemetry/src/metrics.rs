//! The Prometheus registry of this process.
//!
//! Describe every metric once, at start (`metrics::describe_counter!`): `promtool check metrics`
//! refuses one without help text.

use std::sync::OnceLock;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Buckets of every `*_seconds` histogram: 1 ms is a cache hit, 10 s the default request limit.
const SECONDS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// How often samples are folded: 50,000 a second are a megabyte.
const UPKEEP: std::time::Duration = std::time::Duration::from_secs(1);

/// The registry is global by design of the `metrics` facade, so its handle is too.
static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the registry; a second call changes nothing.
pub fn install() {
    handle();
}

/// Every metric in the text format of Prometheus.
pub fn render() -> String {
    handle().render()
}

/// Folds recorded samples into their histograms, for ever: until then each of them takes up memory, however busy or
/// little scraped the process is.
pub async fn keep_up() {
    let mut tick = tokio::time::interval(UPKEEP);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        handle().run_upkeep();
    }
}

fn handle() -> &'static PrometheusHandle {
    HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
            .expect("the list of buckets is not empty")
            .build_recorder();
        let handle = recorder.handle();
        // Another recorder can only have been set by a test that wants its own.
        let _ = metrics::set_global_recorder(recorder);
        handle
    })
}
