//! What other services ask.

use serde_json::{Value, json};
use stoa_contracts::identity::Role;
use uuid::Uuid;

use crate::service::{Answer, INTERNAL, Service};
use crate::trainings::metrics;

#[tokio::test]
async fn internal_routes_take_the_internal_token_only() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let path = format!("/internal/v1/assistants/{}", Uuid::now_v7());
    for token in ["", "wrong", &owner] {
        service.get(&path, token).await.problem(401);
    }
    service.get(&path, INTERNAL).await.problem(404);
}

#[tokio::test]
async fn the_runtime_of_an_assistant_names_its_model_and_flows() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.assistant(&token).await;
    let internal = path.replace("/api/", "/internal/");
    let runtime = service.get(&internal, INTERNAL).await.ok(200);
    assert_eq!(
        (&runtime["active_model"], &runtime["flows_version"]),
        (&Value::Null, &Value::Null)
    );
    service
        .get(&format!("{internal}/flows"), INTERNAL)
        .await
        .problem(404);
    let flows = "responses: {hi: Hello}\nflows: {a: {steps: [say: hi]}}\n";
    service
        .put(&format!("{path}/flows"), &token, "application/yaml", flows)
        .await
        .ok(200);
    let runtime = service.get(&internal, INTERNAL).await.ok(200);
    assert_eq!(runtime["flows_version"], 1);
    let revision = service
        .get(&format!("{internal}/flows"), INTERNAL)
        .await
        .ok(200);
    assert_eq!(revision["version"], 1);
    assert!(revision["flows"]["flows"]["a"].is_object());
}

#[tokio::test]
async fn a_snapshot_stays_as_it_was_when_the_training_began() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    let training = service
        .post(&format!("{path}/trainings"), &token, json!({}))
        .await
        .ok(202);
    for _ in 0..25 {
        let csv = "text,intent\nother,x\n";
        service
            .put(&format!("{path}/training-data"), &token, "text/csv", csv)
            .await
            .ok(200);
    }
    let snapshot = format!(
        "/internal/v1/trainings/{}/snapshot",
        training["id"].as_str().unwrap()
    );
    let snapshot = service.get(&snapshot, INTERNAL).await.ok(200);
    assert_eq!(snapshot["data"]["examples"][0]["text"], "hello");
    assert_eq!(
        (&snapshot["model"], &snapshot["language"]),
        (&json!(1), &json!("en"))
    );
}

#[tokio::test]
async fn reports_that_make_no_sense_are_refused() {
    let service = Service::start().await;
    let path = format!("/internal/v1/trainings/{}", Uuid::now_v7());
    let report = |body: &'static str| service.put(&path, INTERNAL, "application/json", body);
    report(r#"{"status": "running", "progress": 0.5}"#)
        .await
        .problem(404);
    report(r#"{"status": "succeeded", "progress": 1}"#)
        .await
        .problem(422);
    report(r#"{"status": "dancing"}"#).await.problem(422);
}

async fn put(service: &Service, path: &str, body: Value) -> Answer {
    let body = body.to_string();
    service.put(path, INTERNAL, "application/json", &body).await
}

/// A training that has failed: its id, and the path of its assistant.
async fn failed_training(service: &Service, token: &str) -> (String, String) {
    let path = service.trainable(token).await;
    let trainings = format!("{path}/trainings");
    let start = service.post(&trainings, token, json!({})).await.ok(202);
    let id = start["id"].as_str().expect("an id").to_owned();
    let failed = json!({"status": "failed", "progress": 0.4, "error": "no memory"});
    let told = put(service, &format!("/internal/v1/trainings/{id}"), failed).await;
    assert_eq!(told.status, 204);
    (id, path)
}

#[tokio::test]
async fn a_failed_training_begins_anew_with_the_data_of_before() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let (id, path) = failed_training(&service, &token).await;
    let (training, internal) = (
        format!("/api/v1/trainings/{id}"),
        format!("/internal/v1/trainings/{id}"),
    );
    let snapshot = format!("{internal}/snapshot");
    let ended = service.get(&snapshot, INTERNAL).await.problem(409);
    assert_eq!(ended["detail"], "no memory");
    for _ in 0..2 {
        let opened = put(&service, &format!("{internal}/reopening"), json!({})).await;
        assert_eq!(opened.status, 204);
        let found = service.get(&training, &token).await.ok(200);
        assert_eq!(
            (&found["status"], &found["progress"]),
            (&json!("queued"), &json!(0.0))
        );
        assert!(
            found["error"].is_null() && found["finished_at"].is_null(),
            "{found}"
        );
    }
    let seen = service.get(&snapshot, INTERNAL).await.ok(200);
    assert_eq!(
        seen["run"], 2,
        "one that has not ended is not started once more"
    );
    let starts = service
        .post(&format!("{path}/trainings"), &token, json!({}))
        .await;
    starts.problem(409);

    let done = json!({"status": "succeeded", "progress": 1.0, "metrics": metrics()});
    assert_eq!(put(&service, &internal, done).await.status, 204);
    assert_eq!(service.get(&path, &token).await.ok(200)["active_model"], 1);
    put(&service, &format!("{internal}/reopening"), json!({}))
        .await
        .problem(409);
    let unknown = format!("/internal/v1/trainings/{}/reopening", Uuid::now_v7());
    put(&service, &unknown, json!({})).await.problem(404);
}

#[tokio::test]
async fn a_training_begins_anew_only_if_no_other_runs_and_its_data_is_there() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let (id, path) = failed_training(&service, &token).await;
    let reopening = format!("/internal/v1/trainings/{id}/reopening");
    let other = service
        .post(&format!("{path}/trainings"), &token, json!({}))
        .await
        .ok(202);
    let refusal = put(&service, &reopening, json!({})).await.problem(409);
    assert!(
        refusal["detail"].as_str().unwrap().contains("is running"),
        "{refusal}"
    );

    // The later one makes its model first, which goes on to answer.
    let done = json!({"status": "succeeded", "progress": 1.0, "metrics": metrics()});
    let internal = format!("/internal/v1/trainings/{}", other["id"].as_str().unwrap());
    assert_eq!(put(&service, &internal, done.clone()).await.status, 204);
    assert_eq!(put(&service, &reopening, json!({})).await.status, 204);
    assert_eq!(
        put(&service, &format!("/internal/v1/trainings/{id}"), done)
            .await
            .status,
        204
    );
    assert_eq!(service.get(&path, &token).await.ok(200)["active_model"], 2);

    let (id, path) = failed_training(&service, &token).await;
    for _ in 0..25 {
        let csv = "text,intent\nhi,greet\n";
        service
            .put(&format!("{path}/training-data"), &token, "text/csv", csv)
            .await
            .ok(200);
    }
    let reopening = format!("/internal/v1/trainings/{id}/reopening");
    let refusal = put(&service, &reopening, json!({})).await.problem(409);
    assert!(
        refusal["detail"].as_str().unwrap().contains("not kept"),
        "{refusal}"
    );
}

#[tokio::test]
async fn a_training_is_started_under_the_id_that_worker_gives_it() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    let runtime = service
        .get(&path.replace("/api/", "/internal/"), INTERNAL)
        .await
        .ok(200);
    let (id, by) = (Uuid::now_v7(), Uuid::now_v7());
    let start = format!("{}/trainings/{id}", path.replace("/api/", "/internal/"));
    let body = json!({"account_id": runtime["account_id"], "created_by": by, "activate": false});
    let made = put(&service, &start, body.clone()).await.ok(201);
    assert_eq!(
        (&made["id"], &made["status"]),
        (&json!(id), &json!("queued"))
    );
    assert_eq!(
        put(&service, &start, body.clone()).await.ok(200),
        made,
        "twice is the same as once"
    );
    let list = service
        .get(&format!("{path}/trainings"), &token)
        .await
        .ok(200);
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
    let other = start.replace(&id.to_string(), &Uuid::now_v7().to_string());
    put(&service, &other, body).await.problem(409);
    let foreign = json!({"account_id": Uuid::now_v7(), "created_by": by, "activate": true});
    put(&service, &other, foreign).await.problem(404);
}
