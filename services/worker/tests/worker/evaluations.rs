//! What holds for evaluations: what they share with trainings is tested there.

use serde_json::{Value, json};
use std::time::Duration;
use stoa_contracts::ErrorCode;
use stoa_contracts::identity::Role;
use stoa_contracts::jobs::Evaluate;
use stoa_testing::eventually;
use uuid::Uuid;
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::platform::problem;
use crate::service::TestService;

const DEADLINE: Duration = Duration::from_secs(20);

fn evaluation() -> Evaluate {
    Evaluate {
        evaluation_id: Uuid::now_v7(),
        assistant_id: Uuid::now_v7(),
        account_id: Uuid::now_v7(),
    }
}

fn path_of(evaluate: &Evaluate) -> String {
    format!("/internal/v1/evaluations/{}", evaluate.evaluation_id)
}

fn report(status: &str, progress: f64) -> Value {
    json!({"status": status, "progress": progress, "result": null, "error": null})
}

fn succeeded() -> Value {
    let result = json!({
        "accuracy": 0.5, "macro_f1": 0.4, "weighted_f1": 0.5, "entity_f1": null, "calibration_error": 0.1,
        "examples": 2, "left_out": 0, "mistakes": 1, "suspects": 0, "intents": [], "entities": [],
        "confusion": [{"expected": "ask_price", "predicted": null, "count": 1}],
        "wrong": [{"text": "how much", "expected": "ask_price", "predicted": null, "confidence": 0.7, "suspect": false}],
    });
    json!({"status": "succeeded", "progress": 1.0, "result": result})
}

async fn answers(server: &MockServer, verb: &str, path_of: &str, answer: ResponseTemplate) {
    let mock = Mock::given(method(verb)).and(path(path_of));
    mock.respond_with(answer).mount(server).await;
}

/// Lets `api` have the evaluation and take reports, and `ml` take it.
async fn is_there(service: &TestService, evaluate: &Evaluate) {
    let snapshot = json!({
        "evaluation_id": evaluate.evaluation_id, "assistant_id": evaluate.assistant_id,
        "language": "en", "method": {"folds": 5},
        "data": {"examples": [{"text": "what does it cost", "intent": "ask_price"}]},
        "understanding": {"min_confidence": 0.4},
    });
    let of = path_of(evaluate);
    let (api, ml) = (&service.platform.api, &service.platform.ml);
    let given = ResponseTemplate::new(200).set_body_json(snapshot);
    answers(api, "GET", &format!("{of}/snapshot"), given).await;
    answers(api, "PUT", &of, ResponseTemplate::new(204)).await;
    let taken = ResponseTemplate::new(202).set_body_json(report("queued", 0.0));
    answers(ml, "PUT", &of, taken).await;
}

async fn requests(server: &MockServer, verb: &str) -> Vec<Value> {
    let requests = server
        .received_requests()
        .await
        .expect("requests are recorded");
    let sent = requests
        .iter()
        .filter(|request| request.method.as_str() == verb);
    sent.map(|request| request.body_json().unwrap_or_default())
        .collect()
}

#[tokio::test]
async fn an_evaluation_is_seen_through_and_api_is_told_what_it_found() {
    let service = TestService::start().await;
    let evaluate = evaluation();
    is_there(&service, &evaluate).await;
    let done = ResponseTemplate::new(200).set_body_json(succeeded());
    answers(&service.platform.ml, "GET", &path_of(&evaluate), done).await;

    let job = service.enqueue_of(evaluate.account_id, &evaluate).await;
    let record = service.ended_of(evaluate.account_id, job).await;
    assert_eq!(
        (&record["status"], &record["kind"], &record["queue"]),
        (
            &json!("succeeded"),
            &json!("evaluate"),
            &json!("evaluations")
        )
    );
    let told = requests(&service.platform.api, "PUT").await;
    assert_eq!(told.last().unwrap()["result"], succeeded()["result"]);
    let starts = requests(&service.platform.ml, "PUT").await;
    assert_eq!(starts.len(), 1);
    assert_eq!(starts[0]["method"], json!({"folds": 5}));
    assert_eq!(starts[0]["understanding"], json!({"min_confidence": 0.4}));
    service.end().await;
}

#[tokio::test]
async fn a_cancelled_evaluation_is_stopped_in_ml_and_fails_in_api() {
    let service = TestService::start().await;
    let evaluate = evaluation();
    is_there(&service, &evaluate).await;
    let running = ResponseTemplate::new(200).set_body_json(report("running", 0.2));
    let (ml, of) = (&service.platform.ml, path_of(&evaluate));
    answers(ml, "GET", &of, running).await;
    answers(ml, "DELETE", &of, ResponseTemplate::new(204)).await;

    let job = service.enqueue_of(evaluate.account_id, &evaluate).await;
    eventually(DEADLINE, || async {
        (!requests(ml, "GET").await.is_empty()).then_some(())
    })
    .await;
    let user = service.user(evaluate.account_id, Role::Editor);
    user.post(&format!("/api/v1/jobs/{job}/cancel")).await;
    let record = service.ended_of(evaluate.account_id, job).await;
    assert_eq!(record["status"], "cancelled", "{record}");
    assert_eq!(requests(ml, "DELETE").await.len(), 1);
    let told = requests(&service.platform.api, "PUT").await;
    let last = told.last().unwrap();
    assert_eq!(
        (&last["status"], &last["error"]),
        (&json!("failed"), &json!("Its job was cancelled."))
    );
    service.end().await;
}

#[tokio::test]
async fn an_evaluation_of_a_model_that_ml_does_not_have_fails_at_once_with_the_reason() {
    let service = TestService::start().await;
    let evaluate = evaluation();
    let why = "The assistant has no model of this version.";
    let refusal = problem(ErrorCode::NotFound, why);
    answers(&service.platform.ml, "PUT", &path_of(&evaluate), refusal).await;
    is_there(&service, &evaluate).await;

    let job = service.enqueue_of(evaluate.account_id, &evaluate).await;
    let record = service.ended_of(evaluate.account_id, job).await;
    assert_eq!(
        (&record["status"], &record["error"], &record["attempts"]),
        (&json!("failed"), &json!(why), &json!(1))
    );
    let told = requests(&service.platform.api, "PUT").await;
    assert_eq!(told.last().unwrap()["error"], why);
    service.end().await;
}

#[tokio::test]
async fn an_evaluation_that_is_gone_ends_its_job() {
    let service = TestService::start().await;
    let evaluate = evaluation();
    let gone = || problem(ErrorCode::NotFound, "There is no such evaluation.");
    let (api, of) = (&service.platform.api, path_of(&evaluate));
    answers(api, "GET", &format!("{of}/snapshot"), gone()).await;
    answers(api, "PUT", &of, gone()).await;

    let job = service.enqueue_of(evaluate.account_id, &evaluate).await;
    let record = service.ended_of(evaluate.account_id, job).await;
    assert_eq!(
        record["error"],
        "The evaluation is gone, perhaps with its assistant."
    );
    service.end().await;
}
