//! The service through its front door, with a real PostgreSQL.

mod assistants;
mod evaluations;
mod models;
#[path = "../support/mod.rs"]
mod support;
mod trace;

use ml::Settings;
use reqwest::{Client, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::num::NonZeroUsize;
use std::time::Duration;
use stoa_config::InternalToken;
use stoa_contracts::training_data::TrainingData;
use stoa_contracts::trainings::{TrainingReport, TrainingSnapshot, TrainingStatus};
use stoa_postgres::PostgresSettings;
use stoa_service::{Context, HttpSettings, Running};
use stoa_testing::postgres::TestDatabase;
use support::energy_supplier;
use uuid::Uuid;

const TOKEN: &str = "a-token-for-tests-that-is-long-enough";
const LIMIT: Duration = Duration::from_secs(30);

struct Ml {
    running: Running,
    database: TestDatabase,
    client: Client,
}

impl Ml {
    async fn start() -> Self {
        let database = stoa_testing::postgres::database().await;
        ml::migrate(PostgresSettings::at(&database.url))
            .await
            .expect("the migrations apply");
        Self::on(database, 16).await
    }

    async fn on(database: TestDatabase, training_queue: usize) -> Self {
        Self::with(database, training_queue, 64 << 20).await
    }

    /// With so many bytes for models.
    async fn with_cache(database: TestDatabase, bytes: u64) -> Self {
        let bytes = usize::try_from(bytes).expect("memory has as many bytes");
        Self::with(database, 16, bytes).await
    }

    async fn with(database: TestDatabase, training_queue: usize, model_cache: usize) -> Self {
        let settings = Settings {
            database: PostgresSettings::at(&database.url),
            internal: InternalToken::new(TOKEN),
            trainings: NonZeroUsize::MIN,
            training_queue,
            training_threads: None,
            training_body_limit: 64 << 20,
            model_cache,
            encoder: None,
        };
        let context = Context::default();
        let app = ml::build(settings, &context)
            .await
            .expect("the settings are good");
        let running = app
            .start(&HttpSettings::loopback(), &context)
            .await
            .expect("it starts");
        Self {
            running,
            database,
            client: Client::new(),
        }
    }

    /// Waits until the metrics have a line.
    async fn counted(&self, line: &str) {
        let url = format!("{}/metrics", self.running.admin_url());
        stoa_testing::eventually(LIMIT, || async {
            let metrics = self.client.get(&url).send().await.ok()?.text().await.ok()?;
            metrics.lines().any(|found| found == line).then_some(())
        })
        .await;
    }

    /// What a series says now.
    async fn metric(&self, series: &str) -> u64 {
        let url = format!("{}/metrics", self.running.admin_url());
        let metrics = self.client.get(&url).send().await.expect("it answers");
        let metrics = metrics.text().await.expect("metrics are text");
        let value = metrics.lines().find_map(|line| line.strip_prefix(series));
        value
            .and_then(|value| value.parse().ok())
            .expect("the series is there")
    }

    async fn pool(&self) -> PgPool {
        PgPool::connect(&self.database.url)
            .await
            .expect("the test's database answers")
    }

    async fn put(&self, snapshot: &TrainingSnapshot) -> (StatusCode, Value) {
        self.put_run(&path(snapshot.training_id), snapshot).await
    }

    async fn put_run(&self, path: &str, snapshot: &impl Serialize) -> (StatusCode, Value) {
        let request = self
            .client
            .put(format!("{}{path}", self.running.url()))
            .json(snapshot);
        answer(request.bearer_auth(TOKEN)).await
    }

    async fn get(&self, training: Uuid) -> (StatusCode, Value) {
        self.get_run(&path(training)).await
    }

    async fn get_run(&self, path: &str) -> (StatusCode, Value) {
        let url = format!("{}{path}", self.running.url());
        answer(self.client.get(url).bearer_auth(TOKEN)).await
    }

    async fn delete_run(&self, path: &str) -> StatusCode {
        let url = format!("{}{path}", self.running.url());
        answer(self.client.delete(url).bearer_auth(TOKEN)).await.0
    }

    async fn ended(&self, training: Uuid) -> TrainingReport {
        let body = self.ended_run(&path(training)).await;
        serde_json::from_value(body).expect("it is a report")
    }

    async fn ended_run(&self, path: &str) -> Value {
        stoa_testing::eventually(LIMIT, || async {
            let (_, body) = self.get_run(path).await;
            let status = body["status"].as_str().unwrap_or_default();
            ["succeeded", "failed"].contains(&status).then_some(body)
        })
        .await
    }

    async fn train(&self, snapshot: &TrainingSnapshot) -> TrainingReport {
        let (status, body) = self.put(snapshot).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        self.ended(snapshot.training_id).await
    }

    async fn parse(&self, body: impl Into<reqwest::Body>) -> (StatusCode, Value) {
        let request = self
            .client
            .post(format!("{}/internal/v1/parse", self.running.url()));
        let request = request
            .header("content-type", "application/json")
            .body(body);
        answer(request.bearer_auth(TOKEN)).await
    }

    async fn understand(&self, snapshot: &TrainingSnapshot, text: &str) -> (StatusCode, Value) {
        let assistant = snapshot.assistant_id;
        let body =
            json!({"assistant_id": assistant, "model_version": snapshot.model, "text": text});
        self.parse(body.to_string()).await
    }
}

fn path(training: Uuid) -> String {
    format!("/internal/v1/trainings/{training}")
}

async fn answer(request: reqwest::RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.expect("the service answers");
    let status = response.status();
    (status, response.json().await.unwrap_or_default())
}

fn snapshot(data: TrainingData) -> TrainingSnapshot {
    TrainingSnapshot {
        training_id: Uuid::now_v7(),
        assistant_id: Uuid::now_v7(),
        model: 1,
        language: "en".into(),
        data,
        run: 1,
        is_encoded: false,
    }
}

#[tokio::test]
async fn trains_a_model_and_understands_with_it() {
    let ml = Ml::start().await;
    let snapshot = snapshot(energy_supplier());
    let report = ml.train(&snapshot).await;
    let metrics = report.metrics.unwrap();
    assert_eq!((metrics.intents, metrics.entities), (4, 4));
    assert!(metrics.bytes > 0);
    let (status, body) = ml.understand(&snapshot, "our meter shows 5500").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["intent"]["name"], "report_reading");
    assert_eq!(body["entities"][0]["value"], "5500");
    assert_eq!(body["model_version"], 1);
}

#[tokio::test]
async fn a_model_outlives_the_process() {
    let ml = Ml::start().await;
    let snapshot = snapshot(energy_supplier());
    ml.train(&snapshot).await;
    ml.running.stop().await.unwrap();
    let next = Ml::on(ml.database, 16).await;
    let (status, body) = next
        .understand(&snapshot, "what does the tariff cost")
        .await;
    assert_eq!(
        (status, &body["intent"]["name"]),
        (StatusCode::OK, &json!("ask_tariff"))
    );
}

#[tokio::test]
async fn starting_a_training_twice_trains_once() {
    let ml = Ml::start().await;
    let snapshot = snapshot(energy_supplier());
    let (first, second) = tokio::join!(ml.put(&snapshot), ml.put(&snapshot));
    assert_eq!(
        (first.0, second.0),
        (StatusCode::ACCEPTED, StatusCode::ACCEPTED)
    );
    let report = ml.ended(snapshot.training_id).await;
    let (status, body) = ml.put(&snapshot).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(
        serde_json::from_value::<TrainingReport>(body).unwrap(),
        report
    );
    let count = sqlx::query_scalar::<_, i64>("SELECT count(*) FROM models");
    assert_eq!(count.fetch_one(&ml.pool().await).await.unwrap(), 1);
}

#[tokio::test]
async fn takes_over_a_training_whose_process_is_gone() {
    let ml = Ml::start().await;
    let snapshot = snapshot(energy_supplier());
    let lost = "INSERT INTO trainings (id, assistant_id, model, status, attempt, beat_at)
                VALUES ($1, $2, 1, 'running', $1, now() - interval '1 minute')";
    let lost = sqlx::query(lost)
        .bind(snapshot.training_id)
        .bind(snapshot.assistant_id);
    lost.execute(&ml.pool().await).await.unwrap();
    assert_eq!(ml.get(snapshot.training_id).await.0, StatusCode::NOT_FOUND);
    assert_eq!(ml.train(&snapshot).await.status, TrainingStatus::Succeeded);
}

/// Enough to train for longer than a test takes.
fn much_data() -> TrainingData {
    let mut data = energy_supplier();
    for copy in 0..2_000 {
        let mut example = data.examples[copy % 60].clone();
        example.text = format!("{} {copy}", example.text);
        example.intent = Some(format!("intent {}", copy % 500));
        data.examples.push(example);
    }
    data
}

#[tokio::test]
async fn a_training_that_nobody_wants_any_more_ends_without_a_model() {
    let ml = Ml::start().await;
    let snapshot = snapshot(much_data());
    assert_eq!(ml.put(&snapshot).await.0, StatusCode::ACCEPTED);
    let path = path(snapshot.training_id);
    assert_eq!(ml.delete_run(&path).await, StatusCode::NO_CONTENT);
    let report = ml.ended(snapshot.training_id).await;
    assert_eq!(report.status, TrainingStatus::Failed);
    assert_eq!(report.error.as_deref(), Some("It was cancelled."));
    ml.counted(r#"ml_trainings_total{outcome="cancelled"} 1"#)
        .await;
    let (status, _) = ml.understand(&snapshot, "hello").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_stopping_process_gives_its_training_up_at_once() {
    let ml = Ml::start().await;
    let snapshot = snapshot(much_data());
    assert_eq!(ml.put(&snapshot).await.0, StatusCode::ACCEPTED);
    ml.running.stop().await.unwrap();
    let next = Ml::on(ml.database, 16).await;
    assert_eq!(
        next.get(snapshot.training_id).await.0,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn holds_no_more_trainings_than_it_has_places_for() {
    let ml = Ml::start().await;
    let ml = Ml::on(ml.database, 0).await;
    let mut refused = 0;
    for _ in 0..8 {
        let (status, body) = ml.put(&snapshot(energy_supplier())).await;
        refused += usize::from(status == StatusCode::SERVICE_UNAVAILABLE);
        assert!(
            status == StatusCode::ACCEPTED || body["code"] == "unavailable",
            "{body}"
        );
    }
    assert!(refused > 0);
}

#[tokio::test]
async fn data_that_cannot_be_learned_fails_with_what_to_do() {
    let ml = Ml::start().await;
    let report = ml.train(&snapshot(TrainingData::default())).await;
    assert_eq!(report.status, TrainingStatus::Failed);
    assert!(report.error.unwrap().contains("no examples"));
}

#[tokio::test]
async fn meanings_that_nobody_here_can_tell_fail_with_what_to_do() {
    let ml = Ml::start().await;
    let asked = TrainingSnapshot {
        is_encoded: true,
        ..snapshot(energy_supplier())
    };
    let report = ml.train(&asked).await;
    assert_eq!(report.status, TrainingStatus::Failed);
    let error = report.error.unwrap();
    assert!(error.contains("switch `encoder` off"), "{error}");
}

#[tokio::test]
async fn a_failed_training_is_done_again_only_if_it_was_started_anew() {
    let ml = Ml::start().await;
    let failing = snapshot(TrainingData::default());
    assert_eq!(ml.train(&failing).await.status, TrainingStatus::Failed);
    // What `ml` is told does not count here, only whether it looks at it again.
    let mended = TrainingSnapshot {
        data: energy_supplier(),
        ..failing.clone()
    };
    let (_, repeated) = ml.put(&mended).await;
    assert_eq!(
        repeated["status"], "failed",
        "the same start is told how it ended"
    );
    let anew = TrainingSnapshot { run: 2, ..mended };
    assert_eq!(ml.train(&anew).await.status, TrainingStatus::Succeeded);
    // A late copy of an earlier start changes nothing.
    let (_, late) = ml.put(&failing).await;
    assert_eq!(late["status"], "succeeded");
    let (status, _) = ml.understand(&anew, "our meter shows 5500").await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn a_training_has_the_id_of_its_path() {
    let ml = Ml::start().await;
    let body = json!(snapshot(energy_supplier()));
    let url = format!(
        "{}/internal/v1/trainings/{}",
        ml.running.url(),
        Uuid::now_v7()
    );
    let (status, body) = answer(ml.client.put(url).json(&body).bearer_auth(TOKEN)).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("invalid"))
    );
}

#[tokio::test]
async fn an_unknown_model_or_training_is_not_found() {
    let ml = Ml::start().await;
    let (status, body) = ml.understand(&snapshot(energy_supplier()), "hello").await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::NOT_FOUND, &json!("not_found"))
    );
    assert_eq!(ml.get(Uuid::now_v7()).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_damaged_model_is_refused_without_telling_why() {
    let ml = Ml::start().await;
    let snapshot = snapshot(energy_supplier());
    ml.train(&snapshot).await;
    let damage =
        "UPDATE models SET artefact = set_byte(artefact, 1000, 255 - get_byte(artefact, 1000))";
    sqlx::query(damage).execute(&ml.pool().await).await.unwrap();
    let (status, body) = ml.understand(&snapshot, "hello").await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::INTERNAL_SERVER_ERROR, &json!("internal"))
    );
    assert!(!body.to_string().contains("checksum"), "{body}");
}

#[tokio::test]
async fn hostile_utterances_get_a_clear_answer() {
    let ml = Ml::start().await;
    let snapshot = snapshot(energy_supplier());
    ml.train(&snapshot).await;
    let controls: String = ('\u{1}'..' ').collect();
    let long = "my meter 🦀 ".repeat(800);
    for text in [controls.as_str(), "🦀🎉👩‍👩‍👧", &long, "\u{0}"] {
        let (status, body) = ml.understand(&snapshot, text).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }
    for text in ["", &"x".repeat(10_001), &"x".repeat(100_000)] {
        let (status, body) = ml.understand(&snapshot, text).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(body["errors"][0]["pointer"], "/text");
    }
    let (status, _) = ml.parse(b"{\"text\": \"\xff\"}".to_vec()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn dates_are_counted_from_when_and_where_it_was_said() {
    let ml = Ml::start().await;
    let snapshot = snapshot(energy_supplier());
    ml.train(&snapshot).await;
    let mut body = json!({
        "assistant_id": snapshot.assistant_id, "model_version": 1, "text": "compare it tomorrow at 5pm",
        "reference_time": "2026-11-27T23:30:00Z", "time_zone": "Europe/Athens",
    });
    let (_, result) = ml.parse(body.to_string()).await;
    let value = json!({"value": "2026-11-29T17:00:00+02:00", "grain": "hour"});
    assert_eq!(result["entities"][0]["value"], value, "{result}");
    body["time_zone"] = json!("Atlantis/Capital");
    let (status, problem) = ml.parse(body.to_string()).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(problem["errors"][0]["pointer"], "/time_zone");
}

#[tokio::test]
async fn nobody_gets_in_without_the_internal_token() {
    let ml = Ml::start().await;
    let url = format!("{}/internal/v1/parse", ml.running.url());
    let (status, _) = answer(ml.client.post(&url).json(&json!({}))).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, _) = answer(ml.client.post(&url).bearer_auth("guess").json(&json!({}))).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}
