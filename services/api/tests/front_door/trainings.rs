//! Trainings and models, with the test in the place of the worker.

use serde_json::{Value, json};
use stoa_contracts::identity::Role;
use time::Duration;

use crate::service::{INTERNAL, Service};

pub(crate) fn metrics() -> Value {
    json!({"accuracy": 0.9, "examples": 2, "intents": 2, "entities": 0, "seconds": 0.1, "bytes": 10})
}

async fn report(service: &Service, training: &Value, body: Value) -> u16 {
    let path = format!(
        "/internal/v1/trainings/{}",
        training["id"].as_str().expect("an id")
    );
    service
        .put(&path, INTERNAL, "application/json", &body.to_string())
        .await
        .status
        .as_u16()
}

async fn succeed(service: &Service, training: &Value) {
    let report_of_success = json!({"status": "succeeded", "progress": 1.0, "metrics": metrics()});
    assert_eq!(report(service, training, report_of_success).await, 204);
}

#[tokio::test]
async fn a_training_is_followed_from_its_start_to_its_model() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    let answer = service
        .post(&format!("{path}/trainings"), &token, json!({}))
        .await;
    let training = answer.ok(202);
    assert_eq!(
        (&training["status"], &training["model"]),
        (&json!("queued"), &json!(1))
    );
    let location = answer.headers["location"].to_str().unwrap();

    assert_eq!(
        report(
            &service,
            &training,
            json!({"status": "running", "progress": 0.6})
        )
        .await,
        204
    );
    assert_eq!(
        report(
            &service,
            &training,
            json!({"status": "running", "progress": 0.4})
        )
        .await,
        204
    );
    let running = service.get(location, &token).await.ok(200);
    assert_eq!(
        (&running["status"], &running["progress"]),
        (&json!("running"), &json!(0.6))
    );

    succeed(&service, &training).await;
    succeed(&service, &training).await;
    let late = json!({"status": "failed", "progress": 0.1, "error": "late"});
    assert_eq!(report(&service, &training, late).await, 409);
    let done = service.get(location, &token).await.ok(200);
    assert_eq!(
        (&done["status"], &done["metrics"], &done["error"]),
        (&json!("succeeded"), &metrics(), &Value::Null)
    );
    assert!(done["finished_at"].is_string());
    let models = service.get(&format!("{path}/models"), &token).await.ok(200);
    assert_eq!(models["items"].as_array().unwrap().len(), 1);
    assert_eq!(models["items"][0]["active"], true);
    assert_eq!(service.get(&path, &token).await.ok(200)["active_model"], 1);
}

#[tokio::test]
async fn a_training_needs_data() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.assistant(&token).await;
    let problem = service
        .post(&format!("{path}/trainings"), &token, json!({}))
        .await
        .problem(409);
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("no training data")
    );
    service
        .put(
            &format!("{path}/training-data"),
            &token,
            "text/csv",
            "text,intent\n",
        )
        .await
        .ok(200);
    service
        .post(&format!("{path}/trainings"), &token, json!({}))
        .await
        .problem(409);
}

#[tokio::test]
async fn one_training_of_an_assistant_runs_at_a_time() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/trainings", service.trainable(&token).await);
    let starts = (0..5).map(|_| service.post(&path, &token, json!({})));
    let mut statuses = Vec::new();
    for start in starts {
        statuses.push(start.await.status.as_u16());
    }
    assert_eq!(statuses, [202, 409, 409, 409, 409]);
    let list = service.get(&path, &token).await.ok(200);
    let training = &list["items"][0];
    let failed = json!({"status": "failed", "progress": 0.2, "error": "no\u{0} memory"});
    assert_eq!(report(&service, training, failed).await, 204);
    let next = service.post(&path, &token, json!({})).await.ok(202);
    assert_eq!(next["model"], 2);
    let first = service.get(&path, &token).await.ok(200)["items"][1].clone();
    assert_eq!(
        (&first["status"], &first["error"]),
        (&json!("failed"), &json!("no memory"))
    );
}

#[tokio::test]
async fn a_training_that_fell_silent_does_not_block_for_ever() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/trainings", service.trainable(&token).await);
    service.post(&path, &token, json!({})).await.ok(202);
    service.pass(Duration::hours(3));
    let token = service.token(Role::Editor).await;
    service.post(&path, &token, json!({})).await.ok(202);
    let list = service.get(&path, &token).await.ok(200);
    let silent = &list["items"][1];
    assert_eq!(silent["status"], "failed");

    // Whoever works on it after all hears that nobody waits for it, and why.
    for status in ["running", "succeeded"] {
        let late = json!({"status": status, "progress": 1.0, "metrics": metrics()});
        assert_eq!(report(&service, silent, late).await, 409, "{status}");
    }
    let failed = json!({"status": "failed", "progress": 0.5, "error": "late"});
    assert_eq!(report(&service, silent, failed).await, 204);
    let id = silent["id"].as_str().unwrap();
    let snapshot = format!("/internal/v1/trainings/{id}/snapshot");
    let refusal = service.get(&snapshot, INTERNAL).await.problem(409);
    assert_eq!(refusal["detail"], silent["error"]);
}

#[tokio::test]
async fn a_model_can_be_made_without_being_activated_and_activated_later() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    for activate in [true, false] {
        let body = json!({"activate": activate});
        let training = service
            .post(&format!("{path}/trainings"), &token, body)
            .await
            .ok(202);
        succeed(&service, &training).await;
    }
    assert_eq!(service.get(&path, &token).await.ok(200)["active_model"], 1);
    let activate = |version: u32| format!("{path}/models/{version}/activate");
    let model = service.post(&activate(2), &token, json!({})).await.ok(200);
    assert_eq!(
        (&model["version"], &model["active"]),
        (&json!(2), &json!(true))
    );
    assert_eq!(service.get(&path, &token).await.ok(200)["active_model"], 2);
    service
        .post(&activate(7), &token, json!({}))
        .await
        .problem(404);
    let models = service
        .get(&format!("{path}/models?limit=1"), &token)
        .await
        .ok(200);
    assert_eq!(models["items"][0]["version"], 2);
    assert!(models["next_cursor"].is_string());
}

#[tokio::test]
async fn the_body_that_starts_a_training_may_be_left_out() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = format!("{}/trainings", service.trainable(&token).await);
    let bare = service.request(reqwest::Method::POST, &path, &token);
    crate::service::send(bare).await.ok(202);

    let path = format!("{}/trainings", service.trainable(&token).await);
    let nothing = futures_util::stream::empty::<Result<Vec<u8>, std::io::Error>>();
    let chunked = service.request(reqwest::Method::POST, &path, &token);
    let chunked = chunked.body(reqwest::Body::wrap_stream(nothing));
    crate::service::send(chunked).await.ok(202);
}
