//! What holds for jobs that start anew.

use reqwest::StatusCode;
use serde_json::{Value, json};
use stoa_contracts::ErrorCode;
use stoa_contracts::identity::Role;
use stoa_contracts::jobs::Train;
use uuid::Uuid;
use wiremock::ResponseTemplate;

use crate::platform::{failed, problem, succeeded};
use crate::service::TestService;

const RETRY: &str = "/api/v1/jobs/retry";

/// A training that has failed; its job.
async fn failed_training(service: &TestService, account: Uuid, why: &str) -> (Train, Uuid) {
    let train = TestService::training(account);
    service.platform.has_training(&train).await;
    // The second time `ml` succeeds: what is retried is worked on.
    let answers = vec![failed(why), succeeded()];
    service.platform.trains(train.training_id, answers).await;
    let job = service.enqueue(&train).await;
    let ended = service.ended(&train, job).await;
    assert_eq!(ended["status"], "failed", "{ended}");
    (train, job)
}

#[tokio::test]
async fn a_failed_training_starts_anew_and_succeeds() {
    let service = TestService::start().await;
    let (train, job) = failed_training(&service, Uuid::now_v7(), "The disk is full.").await;
    service
        .platform
        .reopens(&train, ResponseTemplate::new(204))
        .await;
    let path = format!("/api/v1/jobs/{job}/retry");
    let viewer = service.user(train.account_id, Role::Viewer);
    assert_eq!(viewer.post(&path).await.0, StatusCode::FORBIDDEN);
    let stranger = service.user(Uuid::now_v7(), Role::Owner);
    assert_eq!(stranger.post(&path).await.0, StatusCode::NOT_FOUND);

    let editor = service.user(train.account_id, Role::Editor);
    let (status, anew) = editor.post(&path).await;
    assert_eq!(status, StatusCode::OK, "{anew}");
    assert!(
        anew["error"].is_null() && anew["finished_at"].is_null(),
        "{anew}"
    );
    let ended = service.ended(&train, job).await;
    assert_eq!(
        (&ended["status"], &ended["attempts"]),
        (&json!("succeeded"), &json!(1))
    );
    assert_eq!(service.platform.reopenings(&train).await, 1);

    let (status, refusal) = editor.post(&path).await;
    assert_eq!(
        (status, &refusal["code"]),
        (StatusCode::CONFLICT, &json!("conflict"))
    );
    service.end().await;
}

#[tokio::test]
async fn who_asks_twice_with_one_key_has_a_job_start_anew_once() {
    let service = TestService::start().await;
    let (train, job) = failed_training(&service, Uuid::now_v7(), "The disk is full.").await;
    let again = ResponseTemplate::new(204);
    service.platform.reopens(&train, again).await;
    let editor = service.user(train.account_id, Role::Editor);
    let path = format!("/api/v1/jobs/{job}/retry");
    let (status, first) = editor.post_once(&path, Value::Null, "anew").await;
    assert_eq!(status, StatusCode::OK, "{first}");
    let ended = service.ended(&train, job).await;
    assert_eq!(ended["status"], "succeeded");
    let second = editor.post_once(&path, Value::Null, "anew").await;
    assert_eq!(second, (StatusCode::OK, first));
    assert_eq!(service.platform.reopenings(&train).await, 1);

    let all = json!({"queue": "trainings"});
    let (status, refusal) = editor.post_once(RETRY, all.clone(), "anew").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refusal}");
    // A key is its account's.
    let stranger = service.user(Uuid::now_v7(), Role::Editor);
    let (status, answer) = stranger.post_once(RETRY, all, "anew").await;
    assert_eq!((status, &answer["retried"]), (StatusCode::OK, &json!(0)));
    service.end().await;
}

#[tokio::test]
async fn a_training_that_cannot_begin_anew_leaves_its_job_as_it_is() {
    let service = TestService::start().await;
    let (train, job) = failed_training(&service, Uuid::now_v7(), "The disk is full.").await;
    let busy = "A training of this assistant is running; wait for it to end.";
    service
        .platform
        .reopens(&train, problem(ErrorCode::Conflict, busy))
        .await;
    let editor = service.user(train.account_id, Role::Editor);
    let (status, refusal) = editor.post(&format!("/api/v1/jobs/{job}/retry")).await;
    assert_eq!(
        (status, &refusal["detail"]),
        (StatusCode::CONFLICT, &json!(busy))
    );
    let (_, found) = editor.get(&format!("/api/v1/jobs/{job}")).await;
    assert_eq!(
        (&found["status"], &found["error"]),
        (&json!("failed"), &json!("The disk is full."))
    );
    service.end().await;
}

#[tokio::test]
async fn failed_jobs_start_anew_together_and_say_which_do_not() {
    let service = TestService::start().await;
    let account = Uuid::now_v7();
    let (full, first) = failed_training(&service, account, "The disk is full.").await;
    let (other, second) = failed_training(&service, account, "The Disk is FULL!").await;
    let (_, third) = failed_training(&service, account, "One intent is too few.").await;
    let (_, foreign) = failed_training(&service, Uuid::now_v7(), "The disk is full.").await;
    service
        .platform
        .reopens(&full, ResponseTemplate::new(204))
        .await;
    service
        .platform
        .reopens(
            &other,
            problem(ErrorCode::NotFound, "There is no such training."),
        )
        .await;

    let editor = service.user(account, Role::Editor);
    let wanted = json!({"queue": "trainings", "error": "disk is full", "ids": [first, second, third, foreign]});
    let (status, answer) = editor.send("POST", RETRY, wanted).await;
    assert_eq!(
        (status, &answer["retried"]),
        (StatusCode::OK, &json!(1)),
        "{answer}"
    );
    let skipped = json!([
        {"id": second, "reason": "What it is about is gone, perhaps with its assistant."},
        {"id": third, "reason": "The job is not one of those that the rest of the request asks for."},
        {"id": foreign, "reason": "There is no such job."},
    ]);
    assert_eq!(answer["skipped"], skipped);
    assert!(answer["next_cursor"].is_null());
    assert_eq!(service.ended(&full, first).await["status"], "succeeded");
    let (_, page) = editor.get("/api/v1/jobs?status=failed").await;
    let left: Vec<Value> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["id"].clone())
        .collect();
    assert_eq!(left, [json!(third), json!(second)]);

    // Without a word of them the answer would say that all is well.
    let unknown = Uuid::now_v7();
    let (_, answer) = editor
        .send("POST", RETRY, json!({"ids": [first, unknown]}))
        .await;
    let skipped = json!([
        {"id": first, "reason": "The job has succeeded; there is nothing to retry."},
        {"id": unknown, "reason": "There is no such job."},
    ]);
    assert_eq!(
        (&answer["retried"], &answer["skipped"]),
        (&json!(0), &skipped)
    );
    let (status, refusal) = editor.send("POST", RETRY, json!({"ids": []})).await;
    assert_eq!(
        (status, &refusal["errors"][0]["pointer"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("/ids"))
    );
    service.end().await;
}

#[tokio::test]
async fn a_job_that_waits_for_one_that_failed_is_named_with_the_reason() {
    let service = TestService::start().await;
    let account = Uuid::now_v7();
    let (_, before) = failed_training(&service, account, "The disk is full.").await;
    let (train, after) = failed_training(&service, account, "The disk is full.").await;
    let edge = "INSERT INTO queue_edges (before_id, after_id) VALUES ($1, $2)";
    let edge = sqlx::query(edge).bind(before).bind(after);
    edge.execute(&service.pool().await).await.unwrap();
    service
        .platform
        .reopens(&train, ResponseTemplate::new(204))
        .await;
    let editor = service.user(account, Role::Editor);
    let (_, answer) = editor.send("POST", RETRY, json!({"ids": [after]})).await;
    assert_eq!(
        (&answer["retried"], &answer["skipped"][0]["id"]),
        (&json!(0), &json!(after)),
        "{answer}"
    );
    service.end().await;
}

#[tokio::test]
async fn a_text_that_no_record_holds_is_refused_by_its_name() {
    let service = TestService::start().await;
    let editor = service.user(Uuid::now_v7(), Role::Editor);
    for field in ["error", "queue", "kind"] {
        let mut wanted = json!({});
        wanted[field] = json!("a\u{0}b");
        let (status, refusal) = editor.send("POST", RETRY, wanted).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refusal}");
        let place = format!("/{field}");
        assert_eq!(refusal["errors"][0]["pointer"], place, "{refusal}");
    }
    let (status, refusal) = editor.get("/api/v1/jobs?queue=a%00b").await;
    assert_eq!(
        (status, &refusal["errors"][0]["pointer"]),
        (StatusCode::BAD_REQUEST, &json!("/queue")),
        "{refusal}"
    );
    service.end().await;
}
