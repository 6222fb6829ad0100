//! Evaluations, with the test in the place of the worker.

use reqwest::{Method, header};
use serde_json::{Value, json};
use stoa_contracts::identity::Role;
use stoa_contracts::trainings::TrainingStatus;
use time::Duration;
use uuid::Uuid;

use crate::service::{Answer, INTERNAL, Service, send};
use crate::trainings::metrics;

const CSV: &str = "text,intent\nhi there,greet\nso long,goodbye\n";

fn internal(evaluation: &Value) -> String {
    let id = evaluation["id"].as_str().expect("an id");
    format!("/internal/v1/evaluations/{id}")
}

fn found() -> Value {
    json!({
        "accuracy": 0.5, "macro_f1": 0.4, "weighted_f1": 0.45, "entity_f1": null, "calibration_error": 0.2,
        "examples": 2, "left_out": 0, "mistakes": 1, "suspects": 0,
        "intents": [{"intent": "greet", "precision": 0.5, "recall": 1.0, "f1": 0.66, "support": 1}],
        "confusion": [{"expected": "goodbye", "predicted": "greet", "count": 1}],
        "entities": [],
        "wrong": [
            {"text": "so long", "expected": "goodbye", "predicted": "greet", "confidence": 0.7, "suspect": false},
        ],
    })
}

async fn report(service: &Service, evaluation: &Value, body: Value) {
    let path = internal(evaluation);
    service
        .put(&path, INTERNAL, "application/json", &body.to_string())
        .await
        .ok(204);
}

async fn end(service: &Service, evaluation: &Value) {
    let status = TrainingStatus::Failed.as_str();
    let body = json!({"status": status, "progress": 0.5, "error": "enough"});
    report(service, evaluation, body).await;
}

/// Creates an assistant with a model and returns its path.
async fn with_model(service: &Service, token: &str) -> String {
    let path = service.trainable(token).await;
    let trainings = format!("{path}/trainings");
    let training = service.post(&trainings, token, json!({})).await.ok(202);
    let id = training["id"].as_str().expect("an id");
    let done = json!({"status": "succeeded", "progress": 1.0, "metrics": metrics()});
    let report = format!("/internal/v1/trainings/{id}");
    service
        .put(&report, INTERNAL, "application/json", &done.to_string())
        .await
        .ok(204);
    path
}

async fn send_set(service: &Service, path: &str, token: &str, kind: &str, body: &str) -> Answer {
    let request = service.request(Method::POST, path, token);
    send(
        request
            .header(header::CONTENT_TYPE, kind)
            .body(body.to_owned()),
    )
    .await
}

#[tokio::test]
async fn a_cross_validation_is_followed_from_its_start_to_what_it_found() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/evaluations", service.trainable(&token).await);
    let answer = service.post(&path, &token, json!({"folds": 3})).await;
    let evaluation = answer.ok(202);
    assert_eq!(
        (
            &evaluation["status"],
            &evaluation["folds"],
            &evaluation["model"]
        ),
        (&json!("queued"), &json!(3), &Value::Null)
    );
    let location = answer.headers["location"].to_str().unwrap();
    let snapshot = format!("{}/snapshot", internal(&evaluation));
    let snapshot = service.get(&snapshot, INTERNAL).await.ok(200);
    assert_eq!(snapshot["method"], json!({"folds": 3}));
    assert_eq!(snapshot["understanding"], json!({}));
    assert_eq!(snapshot["data"]["examples"].as_array().unwrap().len(), 2);

    report(
        &service,
        &evaluation,
        json!({"status": "running", "progress": 0.6}),
    )
    .await;
    report(
        &service,
        &evaluation,
        json!({"status": "running", "progress": 0.4}),
    )
    .await;
    let running = service.get(location, &token).await.ok(200);
    assert_eq!(
        (&running["status"], &running["progress"], &running["result"]),
        (&json!("running"), &json!(0.6), &Value::Null)
    );
    let done = json!({"status": "succeeded", "progress": 1.0, "result": found()});
    report(&service, &evaluation, done.clone()).await;
    report(&service, &evaluation, done).await;
    let late = json!({"status": "failed", "progress": 0.5, "error": "late"}).to_string();
    let path_of_report = internal(&evaluation);
    let late = service.put(&path_of_report, INTERNAL, "application/json", &late);
    late.await.problem(409);
    let done = service.get(location, &token).await.ok(200);
    assert_eq!(
        (&done["status"], &done["result"], &done["error"]),
        (&json!("succeeded"), &found(), &Value::Null)
    );
    let listed = service.get(&path, &token).await.ok(200)["items"][0].clone();
    assert_eq!(listed["summary"]["accuracy"], 0.5);
    assert!(listed["result"].is_null(), "{listed}");
}

#[tokio::test]
async fn the_same_set_is_known_again_in_whatever_order_and_format() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/evaluations", with_model(&service, &token).await);
    let turned = json!({"examples": [
        {"text": "so long", "intent": "goodbye"}, {"text": "hi there", "intent": "greet"},
    ]});
    let sets = [
        ("text/csv", CSV.to_owned()),
        ("application/json", turned.to_string()),
        ("text/csv", format!("{CSV}hi there,greet\n")),
        ("application/json", json!({"folds": 2}).to_string()),
    ];
    let mut digests = Vec::new();
    for (kind, body) in sets {
        let evaluation = send_set(&service, &path, &token, kind, &body).await.ok(202);
        digests.push(evaluation["set_digest"].clone());
        end(&service, &evaluation).await;
    }
    assert!(digests[0].is_string(), "{digests:?}");
    assert_eq!(digests[0], digests[1]);
    assert_ne!(digests[0], digests[2]);
    assert!(digests[3].is_null(), "{digests:?}");
    let listed = service.get(&path, &token).await.ok(200)["items"].clone();
    assert_eq!(listed[2]["set_digest"], digests[1]);
}

#[tokio::test]
async fn an_evaluation_is_told_how_the_assistant_understands() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let assistant = service.trainable(&token).await;
    let settings = json!({"builtin_entities": ["number"], "min_confidence": 0.4});
    let request = service.request(Method::PATCH, &assistant, &token);
    send(request.json(&json!({"understanding": settings})))
        .await
        .ok(200);
    let path = format!("{assistant}/evaluations");
    let evaluation = service.post(&path, &token, json!({})).await.ok(202);
    let snapshot = format!("{}/snapshot", internal(&evaluation));
    let snapshot = service.get(&snapshot, INTERNAL).await.ok(200);
    assert_eq!(snapshot["understanding"], settings);
}

#[tokio::test]
async fn a_labelled_set_is_asked_of_the_active_model_or_of_a_named_one() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/evaluations", with_model(&service, &token).await);
    let set =
        json!({"examples": [{"text": "hi", "intent": "greet"}, {"text": "rain", "intent": null}]});
    let evaluation = service.post(&path, &token, set).await.ok(202);
    assert_eq!(
        (&evaluation["model"], &evaluation["folds"]),
        (&json!(1), &Value::Null)
    );
    let snapshot = format!("{}/snapshot", internal(&evaluation));
    let snapshot = service.get(&snapshot, INTERNAL).await.ok(200);
    assert_eq!(snapshot["method"], json!({"model": 1}));
    assert_eq!(snapshot["data"]["examples"][1]["intent"], Value::Null);
    end(&service, &evaluation).await;

    let named = format!("{path}?model=1");
    let by_csv = send_set(&service, &named, &token, "text/csv", CSV)
        .await
        .ok(202);
    assert_eq!(by_csv["model"], 1);
    end(&service, &by_csv).await;
    let yaml = "version: \"3.1\"\nnlu:\n  - intent: greet\n    examples: |\n      - hi\n";
    let by_yaml = send_set(&service, &path, &token, "application/yaml", yaml)
        .await
        .ok(202);
    end(&service, &by_yaml).await;

    let unknown = format!("{path}?model=7");
    let problem = send_set(&service, &unknown, &token, "text/csv", CSV)
        .await
        .problem(422);
    assert!(
        problem["detail"].as_str().unwrap().contains("version 7"),
        "{problem}"
    );
    send_set(
        &service,
        &format!("{path}?model=0"),
        &token,
        "text/csv",
        CSV,
    )
    .await
    .problem(400);
}

#[tokio::test]
async fn what_is_wrong_is_told_by_its_place() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/evaluations", with_model(&service, &token).await);
    let places = async |kind: &str, body: &str| {
        let problem = send_set(&service, &path, &token, kind, body)
            .await
            .problem(422);
        let errors = problem["errors"].as_array().unwrap().clone();
        let told = errors.iter().map(|error| {
            (
                error["line"].as_u64().unwrap(),
                error["message"].as_str().unwrap().to_owned(),
            )
        });
        told.collect::<Vec<_>>()
    };
    let json = "application/json";
    assert_eq!(
        places(json, "{\"folds\":\n 1}").await,
        [(2, "`folds` is not a whole number from 2 to 20".into())]
    );
    assert_eq!(places(json, "{\"model\": 3}").await.len(), 1);
    assert_eq!(
        places(json, "{\"examples\": []}").await,
        [(1, "the list `examples` is empty".into())]
    );
    let both = "{\"folds\": 3, \"examples\": [{\"text\": \"a\", \"intent\": \"b\"}]}";
    assert_eq!(places(json, both).await.len(), 1);
    let wrong = "{\"examples\": [\n {\"text\": \" \", \"intent\": \"x\"},\n {\"intent\": \"x\"}]}";
    let lines: Vec<u64> = places(json, wrong)
        .await
        .into_iter()
        .map(|place| place.0)
        .collect();
    assert_eq!(lines, [2, 3]);
    assert_eq!(
        places("text/csv", "text,intent\n").await,
        [(1, "there is no utterance in it".into())]
    );
    send_set(&service, &path, &token, json, "{")
        .await
        .problem(400);
    send_set(&service, &path, &token, "text/plain", "x")
        .await
        .problem(415);
    let list = service.get(&path, &token).await.ok(200);
    assert_eq!(list["items"], json!([]));
}

#[tokio::test]
async fn there_must_be_something_to_measure() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/evaluations", service.assistant(&token).await);
    let problem = service
        .post(&path, &token, json!({"folds": 5}))
        .await
        .problem(409);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("no training data")
    );
    let problem = send_set(&service, &path, &token, "text/csv", CSV)
        .await
        .problem(409);
    assert!(problem["detail"].as_str().unwrap().contains("no model"));
}

#[tokio::test]
async fn one_evaluation_of_an_assistant_runs_at_a_time_and_a_silent_one_blocks_none() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/evaluations", service.trainable(&token).await);
    service.post(&path, &token, json!({})).await.ok(202);
    service.post(&path, &token, json!({})).await.problem(409);
    service.pass(Duration::hours(3));
    let token = service.token(Role::Editor).await;
    let next = service.post(&path, &token, json!({})).await.ok(202);
    assert_eq!(next["folds"], 5);
    let list = service.get(&path, &token).await.ok(200);
    let silent = &list["items"][1];
    assert_eq!(silent["status"], "failed");
    let snapshot = format!("{}/snapshot", internal(silent));
    let refusal = service.get(&snapshot, INTERNAL).await.problem(409);
    assert_eq!(refusal["detail"], silent["error"]);
    for (status, answer) in [("running", 409), ("failed", 204)] {
        let late = json!({"status": status, "progress": 0.5}).to_string();
        let path = internal(silent);
        let report = service.put(&path, INTERNAL, "application/json", &late);
        assert_eq!(report.await.status, answer, "{status}");
    }
    let first = service
        .get(&format!("{path}?limit=1"), &token)
        .await
        .ok(200);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = service
        .get(&format!("{path}?limit=1&cursor={cursor}"), &token)
        .await
        .ok(200);
    assert_eq!(second["items"][0]["id"], list["items"][1]["id"]);
}

#[tokio::test]
async fn the_data_of_a_cross_validation_stays_as_it_was_when_it_began() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    let evaluations = format!("{path}/evaluations");
    let evaluation = service.post(&evaluations, &token, json!({})).await.ok(202);
    for _ in 0..25 {
        let other = "text,intent\nother,x\n";
        let data = format!("{path}/training-data");
        service.put(&data, &token, "text/csv", other).await.ok(200);
    }
    let snapshot = format!("{}/snapshot", internal(&evaluation));
    let snapshot = service.get(&snapshot, INTERNAL).await.ok(200);
    assert_eq!(snapshot["data"]["examples"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_large_set_with_an_idempotency_key_is_taken_once() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/evaluations", with_model(&service, &token).await);
    let row = |number: u32| format!("utterance {number} {},greet\n", "word ".repeat(40));
    let csv: String = std::iter::once("text,intent\n".to_owned())
        .chain((0..10_000).map(row))
        .collect();
    assert!(csv.len() > 2 << 20);
    let start = |query: &str| {
        let request = service.request(Method::POST, &format!("{path}{query}"), &token);
        let request = request.header("idempotency-key", "once");
        send(
            request
                .header(header::CONTENT_TYPE, "text/csv")
                .body(csv.clone()),
        )
    };
    let first = start("").await.ok(202);
    assert_eq!(start("").await.ok(202)["id"], first["id"]);
    // The model is a part of what was asked for.
    start("?model=1").await.problem(422);
}

#[tokio::test]
async fn a_viewer_reads_and_a_stranger_sees_nothing() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let viewer = service.token(Role::Viewer).await;
    let stranger = service.stranger().await;
    let path = format!("{}/evaluations", service.trainable(&token).await);
    let evaluation = service.post(&path, &token, json!({})).await.ok(202);
    service.post(&path, &viewer, json!({})).await.problem(403);
    let one = format!("/api/v1/evaluations/{}", evaluation["id"].as_str().unwrap());
    service.get(&one, &viewer).await.ok(200);
    for path in [&path, &one] {
        service.get(path, &stranger).await.problem(404);
    }
    service.post(&path, &stranger, json!({})).await.problem(404);
    let unknown = format!("/internal/v1/evaluations/{}", Uuid::now_v7());
    let report = json!({"status": "running", "progress": 0.1}).to_string();
    service
        .put(&unknown, INTERNAL, "application/json", &report)
        .await
        .problem(404);
}
