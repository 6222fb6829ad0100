//! What holds for jobs that other services hand over.

use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use stoa_contracts::hand_over::{HandOver, HandedJob, HandedOver};
use stoa_contracts::identity::Role;
use stoa_contracts::jobs::Train;
use stoa_contracts::trainings::TrainingStatus::Running;
use uuid::Uuid;

use crate::platform::{INTERNAL_TOKEN, report, succeeded};
use crate::service::TestService;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn handed(train: &Train) -> HandedJob {
    HandedJob {
        id: Uuid::now_v7(),
        account_id: train.account_id,
        kind: "train".into(),
        version: 1,
        payload: json!(train),
        trace: BTreeMap::from([("traceparent".into(), TRACE.into())]),
    }
}

async fn ask(service: &TestService, token: &str, body: &Value) -> (StatusCode, Value) {
    let url = format!("{}/internal/v1/jobs", service.url());
    let request = reqwest::Client::new().post(url).bearer_auth(token);
    let request = request.json(body).timeout(Duration::from_secs(10));
    let response = request.send().await.expect("the service answers");
    let status = response.status();
    (status, response.json().await.expect("the answer is JSON"))
}

/// Hands jobs over as `api` does.
pub(crate) async fn hand_over(service: &TestService, jobs: Vec<HandedJob>) -> HandedOver {
    let (status, answer) = ask(service, INTERNAL_TOKEN, &json!(HandOver { jobs })).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    serde_json::from_value(answer).expect("the answer is of the contract")
}

/// A training that `ml` is busy with for a while.
async fn training(service: &TestService, account: Uuid) -> Train {
    let train = TestService::training(account);
    service.platform.has_training(&train).await;
    let mut answers = vec![report(Running, 0.5); 20];
    answers.push(succeeded());
    service.platform.trains(train.training_id, answers).await;
    train
}

#[tokio::test]
async fn a_job_that_is_handed_over_is_listed_at_once_and_runs() {
    let service = TestService::start().await;
    let train = training(&service, Uuid::now_v7()).await;
    let job = handed(&train);
    let answer = hand_over(&service, vec![job.clone()]).await;
    assert_eq!((answer.taken, answer.refused), (vec![job.id], vec![]));
    let user = service.user(train.account_id, Role::Viewer);
    let (_, page) = user.get("/api/v1/jobs").await;
    assert_eq!(page["items"][0]["id"], json!(job.id));
    let record = service.ended(&train, job.id).await;
    assert_eq!(
        (&record["status"], &record["attempts"]),
        (&json!("succeeded"), &json!(1))
    );
    service.end().await;
}

#[tokio::test]
async fn a_job_that_is_handed_over_twice_is_one_job() {
    let service = TestService::start_over_rabbitmq().await;
    let account = Uuid::now_v7();
    let train = training(&service, account).await;
    let job = handed(&train);
    for _ in 0..2 {
        let again = hand_over(&service, vec![job.clone(), job.clone()]).await;
        assert_eq!(again.taken, [job.id, job.id]);
    }
    service.ended(&train, job.id).await;
    // Also when the release before has put it on the broker too.
    let how = stoa_queue::Enqueue::for_account(account).with_id(job.id);
    service
        .queue
        .enqueue(&train, how)
        .await
        .expect("the broker takes it");
    let last = training(&service, account).await;
    let id = service.enqueue(&last).await;
    service.ended(&last, id).await;
    let (_, page) = service
        .user(account, Role::Viewer)
        .get("/api/v1/jobs")
        .await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(2), "{page}");
    assert_eq!(service.platform.starts().await.len(), 2);
    service.end().await;
}

#[tokio::test]
async fn a_broker_that_is_wiped_loses_none_of_the_jobs_that_were_taken() {
    let service = TestService::start().await;
    let account = Uuid::now_v7();
    let mut trains = Vec::new();
    for _ in 0..12 {
        let train = training(&service, account).await;
        trains.push((handed(&train), train));
    }
    let jobs = trains.iter().map(|(job, _)| job.clone()).collect();
    assert_eq!(hand_over(&service, jobs).await.taken.len(), trains.len());
    service
        .wait_for(&trains[0].1, trains[0].0.id, "running")
        .await;
    service.wipe_broker().await;
    for (job, train) in &trains {
        let record = service.ended(train, job.id).await;
        assert_eq!(record["status"], "succeeded", "{record}");
    }
    service.end().await;
}

#[tokio::test]
async fn what_cannot_be_a_job_is_refused_with_the_reason_and_the_others_are_taken() {
    let service = TestService::start().await;
    let train = training(&service, Uuid::now_v7()).await;
    let good = handed(&train);
    let other = |change: &dyn Fn(&mut HandedJob)| {
        let mut job = handed(&train);
        change(&mut job);
        job
    };
    let wrong = [
        (
            other(&|job| job.kind = "dance".into()),
            "There is no job of the kind `dance` here; there is: ",
        ),
        (
            other(&|job| job.version = 9),
            "version 9 of `train` is not known here",
        ),
        (
            other(&|job| job.payload = json!({"training_id": 1})),
            "the payload is not what its kind says: ",
        ),
    ];
    let mut jobs: Vec<_> = wrong.iter().map(|(job, _)| job.clone()).collect();
    jobs.push(good.clone());
    let answer = hand_over(&service, jobs).await;
    assert_eq!(answer.taken, [good.id]);
    for (refused, (job, why)) in answer.refused.iter().zip(&wrong) {
        assert_eq!(refused.id, job.id);
        assert!(refused.problem.detail.starts_with(why), "{refused:?}");
    }
    assert_eq!(answer.refused.len(), wrong.len());
    service.ended(&train, good.id).await;
    service.end().await;
}

#[tokio::test]
async fn only_services_hand_jobs_over_and_not_too_many_at_a_time() {
    let service = TestService::start().await;
    let train = TestService::training(Uuid::now_v7());
    let jobs = |count| {
        json!(HandOver {
            jobs: vec![handed(&train); count]
        })
    };
    let (status, problem) = ask(&service, "wrong", &jobs(1)).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (401, &json!("unauthenticated"))
    );
    let (status, problem) = ask(&service, INTERNAL_TOKEN, &jobs(101)).await;
    assert_eq!(
        (status.as_u16(), &problem["code"]),
        (422, &json!("invalid"))
    );
    service.end().await;
}
