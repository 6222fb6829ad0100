//! What holds for imports and exports.

use reqwest::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use stoa_contracts::ErrorCode;
use stoa_contracts::identity::Role;
use stoa_contracts::transfers::{ExportTrainingData, ImportTrainingData};
use stoa_testing::eventually;
use uuid::Uuid;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, Request, ResponseTemplate};

use crate::platform::{INTERNAL_TOKEN, problem};
use crate::service::TestService;

const DEADLINE: Duration = Duration::from_secs(20);

fn import() -> ImportTrainingData {
    ImportTrainingData {
        import_id: Uuid::now_v7(),
        assistant_id: Uuid::now_v7(),
        account_id: Uuid::now_v7(),
    }
}

fn path_of(id: Uuid) -> String {
    format!("/internal/v1/transfers/{id}")
}

fn state(status: &str, error: Option<&str>) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"status": status, "error": error}))
}

/// What `api` says of one when it is let go on: the next of `answers` each time, the last one again and again.
async fn goes_on(service: &TestService, id: Uuid, answers: Vec<ResponseTemplate>) {
    let calls = Arc::new(AtomicUsize::new(0));
    Mock::given(method("PUT"))
        .and(path(format!("{}/run", path_of(id))))
        .and(header(
            "authorization",
            format!("Bearer {INTERNAL_TOKEN}").as_str(),
        ))
        .respond_with(move |_: &Request| {
            let call = calls.fetch_add(1, Ordering::Relaxed).min(answers.len() - 1);
            answers[call].clone()
        })
        .mount(&service.platform.api)
        .await;
    takes(service, &path_of(id), ResponseTemplate::new(204)).await;
}

async fn takes(service: &TestService, at: &str, answer: ResponseTemplate) {
    let mock = Mock::given(method("PUT")).and(path(at));
    mock.respond_with(answer).mount(&service.platform.api).await;
}

/// What `api` was sent at a path.
async fn sent(service: &TestService, at: &str) -> Vec<Value> {
    let requests = service.platform.api.received_requests().await;
    let requests = requests.expect("requests are recorded").into_iter();
    let sent = requests.filter(|request| request.url.path() == at);
    sent.map(|request| request.body_json().unwrap_or_default())
        .collect()
}

#[tokio::test]
async fn an_import_is_let_go_on_until_api_has_taken_it_in() {
    let service = TestService::start().await;
    let import = import();
    let away = problem(ErrorCode::Unavailable, "Away.");
    let answers = vec![
        state("running", None),
        away,
        state("running", None),
        state("succeeded", None),
    ];
    goes_on(&service, import.import_id, answers).await;
    let job = service.enqueue_of(import.account_id, &import).await;
    let record = service.ended_of(import.account_id, job).await;
    assert_eq!(
        (&record["status"], &record["kind"], &record["queue"]),
        (&json!("succeeded"), &json!("import"), &json!("imports"))
    );
    assert_eq!(sent(&service, &path_of(import.import_id)).await.len(), 0);
    service.end().await;
}

#[tokio::test]
async fn a_wrong_file_fails_its_job_at_once_with_the_reason() {
    let service = TestService::start().await;
    let import = import();
    let why = "2 things in the document are wrong.";
    goes_on(&service, import.import_id, vec![state("failed", Some(why))]).await;
    let job = service.enqueue_of(import.account_id, &import).await;
    let record = service.ended_of(import.account_id, job).await;
    assert_eq!(
        (&record["status"], &record["error"], &record["attempts"]),
        (&json!("failed"), &json!(why), &json!(1))
    );
    service.end().await;
}

#[tokio::test]
async fn a_cancelled_import_is_told_to_api_whether_it_ran_or_not() {
    let service = TestService::start().await;
    let import = import();
    goes_on(&service, import.import_id, vec![state("running", None)]).await;
    let job = service.enqueue_of(import.account_id, &import).await;
    let run = format!("{}/run", path_of(import.import_id));
    eventually(DEADLINE, || async {
        (!sent(&service, &run).await.is_empty()).then_some(())
    })
    .await;
    let user = service.user(import.account_id, Role::Editor);
    user.post(&format!("/api/v1/jobs/{job}/cancel")).await;
    let record = service.ended_of(import.account_id, job).await;
    assert_eq!(record["status"], "cancelled", "{record}");
    let cancelled = json!({"status": "cancelled", "error": "Its job was cancelled."});
    assert_eq!(
        sent(&service, &path_of(import.import_id)).await,
        [cancelled]
    );
    service.end().await;
}

#[tokio::test]
async fn a_failed_export_starts_anew_if_api_can_and_says_why_it_cannot() {
    let service = TestService::start().await;
    let export = ExportTrainingData {
        export_id: Uuid::now_v7(),
        assistant_id: Uuid::now_v7(),
        account_id: Uuid::now_v7(),
    };
    let answers = vec![state("failed", Some("Broken.")), state("succeeded", None)];
    goes_on(&service, export.export_id, answers).await;
    let job = service.enqueue_of(export.account_id, &export).await;
    let record = service.ended_of(export.account_id, job).await;
    assert_eq!(record["status"], "failed", "{record}");
    let reopening = format!("{}/reopening", path_of(export.export_id));
    let why = "This revision of the training data is not kept any more; start another export.";
    Mock::given(method("PUT"))
        .and(path(&*reopening))
        .respond_with(problem(ErrorCode::Conflict, why))
        .up_to_n_times(1)
        .mount(&service.platform.api)
        .await;
    takes(&service, &reopening, ResponseTemplate::new(204)).await;
    let user = service.user(export.account_id, Role::Editor);
    let retry = format!("/api/v1/jobs/{job}/retry");
    let (status, refusal) = user.post(&retry).await;
    assert_eq!(
        (status, &refusal["detail"]),
        (StatusCode::CONFLICT, &json!(why))
    );
    assert_eq!(user.post(&retry).await.0, StatusCode::OK);
    let record = service.ended_of(export.account_id, job).await;
    assert_eq!(
        (&record["status"], &record["queue"]),
        (&json!("succeeded"), &json!("exports"))
    );
    service.end().await;
}

#[tokio::test]
async fn an_import_that_is_gone_ends_its_job() {
    let service = TestService::start().await;
    let import = import();
    let job = service.enqueue_of(import.account_id, &import).await;
    let record = service.ended_of(import.account_id, job).await;
    assert_eq!(
        record["error"],
        "The import is gone, perhaps with its assistant."
    );
    service.end().await;
}
