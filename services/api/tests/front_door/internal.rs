//! What other services ask.

use serde_json::{Value, json};
use stoa_contracts::identity::Role;
use uuid::Uuid;

use crate::service::{INTERNAL, Service};

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
