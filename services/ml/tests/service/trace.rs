//! The trace of a training, as a collector receives it.

use super::TOKEN;
use crate::support::energy_supplier;
use ml::Settings;
use reqwest::Client;
use serde_json::{Value, json};
use std::time::Duration;
use stoa_config::Env;
use stoa_contracts::trainings::TrainingSnapshot;
use stoa_postgres::PostgresSettings;
use stoa_service::{Context, HttpSettings};
use stoa_telemetry::{Telemetry, TelemetrySettings};
use stoa_testing::otlp::Collector;
use tokio::runtime::Runtime;
use uuid::Uuid;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[test]
fn a_training_stays_in_the_trace_of_the_request_that_started_it() {
    let runtime = Runtime::new().unwrap();
    let collector = runtime.block_on(Collector::start());
    let endpoint = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint())];
    let settings: TelemetrySettings = Env::from_pairs(endpoint).load().unwrap();
    let telemetry = Telemetry::init("ml", &settings).unwrap();
    runtime.block_on(train());
    telemetry.shutdown();

    let spans = collector.spans();
    let named = |name: &str| {
        let span = spans
            .iter()
            .find(|span| span.trace_id == TRACE && span.name == name);
        span.unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
    };
    let (training, stored) = (named("model.train"), named("db.query model.insert"));
    let request = named("PUT /internal/v1/trainings/{id}");
    assert_eq!(training.parent_span_id.as_ref(), Some(&request.span_id));
    assert_eq!(stored.parent_span_id.as_ref(), Some(&training.span_id));
    assert!(!training.failed);
}

/// Trains one model in the trace.
async fn train() {
    let database = stoa_testing::postgres::database().await;
    ml::migrate(PostgresSettings::at(&database.url))
        .await
        .expect("the migrations apply");
    let env = [
        ("DATABASE_URL", database.url.as_str()),
        ("INTERNAL_TOKEN", TOKEN),
    ];
    let settings: Settings = Env::from_pairs(env)
        .load()
        .expect("the settings are complete");
    let context = Context::default();
    let app = ml::build(settings, &context)
        .await
        .expect("the settings are good");
    let running = app
        .start(&HttpSettings::loopback(), &context)
        .await
        .expect("it starts");
    let id = Uuid::now_v7();
    let snapshot = TrainingSnapshot {
        training_id: id,
        assistant_id: Uuid::now_v7(),
        model: 1,
        run: 1,
        language: "en".into(),
        data: energy_supplier(),
        is_encoded: false,
    };
    let url = format!("{}/internal/v1/trainings/{id}", running.url());
    let client = Client::new();
    let put = client.put(&url).bearer_auth(TOKEN).json(&snapshot);
    let put = put.header("traceparent", format!("00-{TRACE}-b7ad6b7169203331-01"));
    put.send()
        .await
        .expect("it answers")
        .error_for_status()
        .expect("it is accepted");
    stoa_testing::eventually(Duration::from_secs(30), || async {
        let answer = client
            .get(&url)
            .bearer_auth(TOKEN)
            .send()
            .await
            .expect("it answers");
        let report: Value = answer.json().await.unwrap_or_default();
        (report["status"] == json!("succeeded")).then_some(())
    })
    .await;
    running.stop().await.expect("a clean end");
}
