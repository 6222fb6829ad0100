//! What holds for the job that fills the inbox.

use serde_json::{Value, json};
use stoa_contracts::ErrorCode;
use stoa_contracts::hand_over::{HandOver, HandedJob, HandedOver};
use stoa_contracts::inbox::{CollectInbox, InboxTaken, UncertainUtterance};
use stoa_contracts::parse::RankedIntent;
use time::OffsetDateTime;
use uuid::Uuid;
use wiremock::matchers::{header, method, path_regex};
use wiremock::{Mock, Request, ResponseTemplate};

use crate::platform::{INTERNAL_TOKEN, problem};
use crate::service::TestService;

fn batch() -> CollectInbox {
    let at = OffsetDateTime::UNIX_EPOCH;
    CollectInbox {
        assistant_id: Uuid::now_v7(),
        account_id: Uuid::now_v7(),
        utterances: vec![UncertainUtterance {
            text: "where is my parcel".into(),
            times: 3,
            first_at: at,
            last_at: at,
            model_version: 2,
            guesses: vec![RankedIntent {
                name: "order_status".into(),
                confidence: 0.4,
            }],
        }],
    }
}

/// Hands the job over as `nlu` does; its id.
async fn hand_over(service: &TestService, job: &CollectInbox) -> Uuid {
    let handed = HandedJob {
        id: Uuid::now_v7(),
        account_id: job.account_id,
        kind: "collect_inbox".into(),
        version: 1,
        payload: json!(job),
        trace: std::collections::BTreeMap::new(),
    };
    let id = handed.id;
    let url = format!("{}/internal/v1/jobs", service.url());
    let jobs = HandOver { jobs: vec![handed] };
    let request = reqwest::Client::new().post(url).bearer_auth(INTERNAL_TOKEN);
    let answer = request.json(&jobs).send().await.expect("it answers");
    let answer: HandedOver = answer.json().await.expect("the answer is of the contract");
    assert_eq!((answer.taken, answer.refused), (vec![id], vec![]));
    id
}

/// Lets `api` answer batches of an assistant, the first one perhaps in its own way.
async fn takes(service: &TestService, job: &CollectInbox, first: Option<ResponseTemplate>) {
    let pattern = format!("^/internal/v1/assistants/{}/inbox/", job.assistant_id);
    let put = || {
        Mock::given(method("PUT"))
            .and(path_regex(pattern.clone()))
            .and(header("authorization", format!("Bearer {INTERNAL_TOKEN}")))
    };
    if let Some(first) = first {
        let first = put().respond_with(first).up_to_n_times(1);
        first.mount(&service.platform.api).await;
    }
    let taken = ResponseTemplate::new(200).set_body_json(InboxTaken { taken: 1 });
    put().respond_with(taken).mount(&service.platform.api).await;
}

/// The batches that `api` was told: path and body.
async fn told(service: &TestService) -> Vec<(String, Value)> {
    let requests = service.platform.api.received_requests().await;
    let requests = requests.expect("requests are recorded");
    let puts = requests.iter().filter(|request| request.method == "PUT");
    let told = |request: &Request| {
        let body = request.body_json().expect("it is JSON");
        (request.url.path().to_owned(), body)
    };
    puts.map(told).collect()
}

#[tokio::test]
async fn a_batch_is_brought_to_api_under_the_id_of_its_job() {
    let service = TestService::start().await;
    let job = batch();
    takes(&service, &job, None).await;
    let id = hand_over(&service, &job).await;
    let record = service.ended_of(job.account_id, id).await;
    assert_eq!(
        (&record["status"], &record["result"]),
        (&json!("succeeded"), &json!({"taken": 1}))
    );
    let path = format!("/internal/v1/assistants/{}/inbox/{id}", job.assistant_id);
    assert_eq!(
        told(&service).await,
        [(path, json!({"utterances": job.utterances}))]
    );
    service.end().await;
}

#[tokio::test]
async fn the_same_batch_comes_again_while_api_is_away_or_too_old_to_know_the_route() {
    let service = TestService::start().await;
    let away = batch();
    let unavailable = problem(ErrorCode::Unavailable, "api is away");
    takes(&service, &away, Some(unavailable)).await;
    let old = batch();
    let unknown = problem(ErrorCode::NotFound, "There is no such route.");
    takes(&service, &old, Some(unknown)).await;
    service
        .platform
        .has_assistant(old.account_id, old.assistant_id)
        .await;
    for job in [away, old] {
        let id = hand_over(&service, &job).await;
        let record = service.ended_of(job.account_id, id).await;
        assert_eq!(record["status"], "succeeded", "{record}");
        let path = format!("/internal/v1/assistants/{}/inbox/{id}", job.assistant_id);
        let told = told(&service).await;
        let tries = told.iter().filter(|(told, _)| *told == path).count();
        assert!(tries >= 2, "{told:?}");
    }
    service.end().await;
}

#[tokio::test]
async fn what_api_refuses_fails_at_once_with_the_reason() {
    let service = TestService::start().await;
    let job = batch();
    let refusal = problem(ErrorCode::Invalid, "An utterance has no NUL.");
    takes(&service, &job, Some(refusal)).await;
    let id = hand_over(&service, &job).await;
    let record = service.ended_of(job.account_id, id).await;
    assert_eq!(
        (&record["status"], &record["attempts"]),
        (&json!("failed"), &json!(1))
    );
    let error = record["error"].as_str().expect("a reason");
    assert!(error.contains("An utterance has no NUL."), "{record}");
    service.end().await;
}

#[tokio::test]
async fn of_an_assistant_that_is_gone_nothing_is_brought() {
    let service = TestService::start().await;
    let job = batch();
    let id = hand_over(&service, &job).await;
    let record = service.ended_of(job.account_id, id).await;
    assert_eq!(
        (&record["status"], &record["result"]),
        (&json!("succeeded"), &json!({"taken": 0}))
    );
    service.end().await;
}
