//! What holds for trainings.

use stoa_contracts::ErrorCode;
use stoa_contracts::trainings::TrainingStatus::{Failed, Queued, Running, Succeeded};
use uuid::Uuid;
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::platform::{failed, problem, report, succeeded, training_path};
use crate::service::TestService;

/// Sees one training through whose progress `ml` shows.
async fn trains(service: TestService) {
    let train = TestService::training(Uuid::now_v7());
    service.platform.has_training(&train).await;
    let answers = vec![report(Running, 0.5), report(Running, 0.501), succeeded()];
    service.platform.trains(train.training_id, answers).await;

    let job = service.enqueue(&train).await;
    let record = service.ended(&train, job).await;
    assert_eq!(record["status"], "succeeded", "{record}");
    assert_eq!(
        (record["progress"].as_f64(), record["attempts"].as_i64()),
        (Some(1.0), Some(1))
    );
    assert_eq!(record["kind"], "train");
    assert!(record["error"].is_null());

    let told = service.platform.told(train.training_id).await;
    let steps: Vec<_> = told
        .iter()
        .map(|report| (report.status, report.progress))
        .collect();
    assert_eq!(steps, [(Queued, 0.0), (Running, 0.5), (Succeeded, 1.0)]);
    assert_eq!(
        told[2]
            .metrics
            .as_ref()
            .and_then(|metrics| metrics.accuracy),
        Some(0.9)
    );
    let starts = service.platform.starts().await;
    assert_eq!(starts.len(), 1);
    assert_eq!(starts[0]["data"]["examples"][0]["intent"], "ask_price");
    service.end().await;
}

#[tokio::test]
async fn a_training_is_seen_through_over_redis() {
    trains(TestService::start().await).await;
}

#[tokio::test]
async fn a_training_is_seen_through_over_rabbitmq() {
    trains(TestService::start_over_rabbitmq().await).await;
}

#[tokio::test]
async fn a_training_outlives_an_absence_of_ml() {
    let service = TestService::start().await;
    let train = TestService::training(Uuid::now_v7());
    service.platform.has_training(&train).await;
    // More often than the client tries by itself.
    Mock::given(method("PUT"))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(5)
        .mount(&service.platform.ml)
        .await;
    service
        .platform
        .trains(train.training_id, vec![succeeded()])
        .await;

    let job = service.enqueue(&train).await;
    let record = service.ended(&train, job).await;
    assert_eq!(record["status"], "succeeded", "{record}");
    assert!(record["attempts"].as_i64() > Some(1), "{record}");
    let told = service.platform.told(train.training_id).await;
    assert!(
        told.iter().all(|report| report.status != Failed),
        "{told:?}"
    );
    service.end().await;
}

#[tokio::test]
async fn a_training_that_ml_has_forgotten_is_started_again() {
    let service = TestService::start().await;
    let train = TestService::training(Uuid::now_v7());
    service.platform.has_training(&train).await;
    let forgotten = problem(ErrorCode::NotFound, "There is no such training at work.");
    let answers = vec![
        report(Running, 0.3),
        forgotten,
        report(Running, 0.6),
        succeeded(),
    ];
    service.platform.trains(train.training_id, answers).await;

    let job = service.enqueue(&train).await;
    let record = service.ended(&train, job).await;
    assert_eq!(record["status"], "succeeded", "{record}");
    assert_eq!(record["attempts"], 1);
    assert_eq!(service.platform.starts().await.len(), 2);
    service.end().await;
}

#[tokio::test]
async fn wrong_data_fails_at_once_and_api_is_told_why() {
    let service = TestService::start().await;
    let train = TestService::training(Uuid::now_v7());
    service.platform.has_training(&train).await;
    let why = "Two intents at least must have examples.";
    service
        .platform
        .trains(train.training_id, vec![report(Running, 0.1), failed(why)])
        .await;

    let job = service.enqueue(&train).await;
    let record = service.ended(&train, job).await;
    assert_eq!(
        (&record["status"], &record["error"]),
        (&"failed".into(), &why.into())
    );
    assert_eq!(record["attempts"], 1);
    let told = service.platform.told(train.training_id).await;
    let last = told.last().unwrap();
    assert_eq!((last.status, last.error.as_deref()), (Failed, Some(why)));
    service.end().await;
}

#[tokio::test]
async fn a_refusal_by_ml_fails_at_once_and_api_is_told_why() {
    let service = TestService::start().await;
    let train = TestService::training(Uuid::now_v7());
    service.platform.has_training(&train).await;
    let why = "The language `xx` is not known.";
    Mock::given(method("PUT"))
        .respond_with(problem(ErrorCode::Invalid, why))
        .mount(&service.platform.ml)
        .await;

    let job = service.enqueue(&train).await;
    let record = service.ended(&train, job).await;
    assert_eq!(
        (&record["status"], &record["error"]),
        (&"failed".into(), &why.into())
    );
    let told = service.platform.told(train.training_id).await;
    assert_eq!(told.last().unwrap().error.as_deref(), Some(why));
    service.end().await;
}

#[tokio::test]
async fn a_training_that_is_gone_ends_its_job() {
    let service = TestService::start().await;
    let train = TestService::training(Uuid::now_v7());
    Mock::given(path(format!(
        "{}/snapshot",
        training_path(train.training_id)
    )))
    .respond_with(problem(ErrorCode::NotFound, "There is no such training."))
    .mount(&service.platform.api)
    .await;
    Mock::given(method("PUT"))
        .respond_with(problem(ErrorCode::NotFound, "There is no such training."))
        .mount(&service.platform.api)
        .await;

    let job = service.enqueue(&train).await;
    let record = service.ended(&train, job).await;
    assert_eq!(
        record["error"],
        "The training is gone, perhaps with its assistant."
    );
    assert_eq!(record["attempts"], 1);
    service.end().await;
}

/// `api` has heard nothing of it for too long, say.
#[tokio::test]
async fn a_training_that_has_ended_for_api_is_not_worked_on_any_more() {
    let service = TestService::start().await;
    let train = TestService::training(Uuid::now_v7());
    let why = "Nothing was heard of this training for two hours.";
    Mock::given(method("PUT"))
        .and(path(training_path(train.training_id)))
        .respond_with(problem(ErrorCode::Conflict, why))
        .mount(&service.platform.api)
        .await;
    service.platform.has_training(&train).await;
    let for_ever = vec![report(Running, 0.5)];
    service.platform.trains(train.training_id, for_ever).await;

    let job = service.enqueue(&train).await;
    let record = service.ended(&train, job).await;
    assert_eq!(
        (&record["status"], &record["error"], &record["attempts"]),
        (&"failed".into(), &why.into(), &1.into())
    );
    let asked = service.platform.ml.received_requests().await.unwrap();
    let stopped = asked.iter().filter(|asked| asked.method == "DELETE");
    assert_eq!(stopped.count(), 1);
    service.end().await;
}

#[tokio::test]
async fn a_training_is_given_up_in_the_end_and_api_is_told() {
    let service = TestService::start().await;
    let train = TestService::training(Uuid::now_v7());
    service.platform.has_training(&train).await;
    Mock::given(method("PUT"))
        .respond_with(ResponseTemplate::new(503))
        .mount(&service.platform.ml)
        .await;

    let job = service.enqueue(&train).await;
    let record = service.ended(&train, job).await;
    assert_eq!(
        (&record["status"], &record["attempts"]),
        (&"failed".into(), &16.into())
    );
    let told = service.platform.told(train.training_id).await;
    let error = told.last().unwrap().error.clone().unwrap();
    assert!(
        error.starts_with("Given up after 16 attempts: ml answered 503"),
        "{error}"
    );
    service.end().await;
}
