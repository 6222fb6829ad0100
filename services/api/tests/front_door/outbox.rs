//! Jobs reach `worker`, also when it was away, of an earlier release, or the process died in between.

use std::{net::TcpListener, time::Duration};

use serde_json::{Value, json};
use stoa_contracts::{ErrorCode, Problem, identity::Role};
use stoa_testing::eventually;
use uuid::Uuid;
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{body_string_contains, path},
};

use crate::{service::Service, worker::Worker};

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_training_is_handed_over_with_its_trace() {
    let worker = Worker::start().await;
    let service = Service::with_worker(&worker.server.uri()).await;
    let training = train(&service).await;
    empty(&service).await;
    let jobs = worker.jobs();
    assert_eq!(jobs.len(), 1);
    assert_eq!((jobs[0].kind.as_str(), jobs[0].version), ("train", 1));
    assert_eq!(jobs[0].payload["training_id"], training["id"]);
    assert_eq!(jobs[0].payload["account_id"], json!(jobs[0].account_id));
    service.stop().await;
}

/// The trace is that of the request, whatever the relay's own is.
#[tokio::test]
async fn each_job_keeps_its_own_trace() {
    let worker = Worker::start().await;
    let service = Service::with_worker(&worker.server.uri()).await;
    let traces = ["aa", "bb"].map(|byte| format!("00-{}-{}-01", byte.repeat(16), byte.repeat(8)));
    for trace in &traces {
        put_in(&service, "train", json!({}), json!({"traceparent": trace})).await;
    }
    empty(&service).await;
    let mut told: Vec<_> = worker
        .jobs()
        .iter()
        .map(|job| job.trace["traceparent"].clone())
        .collect();
    told.sort();
    assert_eq!(told, traces);
}

#[tokio::test]
async fn a_worker_that_is_away_delays_jobs_and_loses_none() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let service = Service::with_worker(&format!("http://{address}")).await;
    let trainings = [train(&service).await, train(&service).await];
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(waiting(&service).await, 2);
    service
        .get("/api/v1/assistants", &service.token(Role::Viewer).await)
        .await
        .ok(200);

    let worker = Worker::on(TcpListener::bind(address).expect("the port is still free")).await;
    worker.takes(|_| None).await;
    empty(&service).await;
    let told = worker
        .jobs()
        .into_iter()
        .map(|job| job.payload["training_id"].clone());
    assert_eq!(
        told.collect::<Vec<_>>(),
        trainings.map(|training| training["id"].clone())
    );
}

#[tokio::test]
async fn a_worker_of_the_release_before_gets_the_jobs_when_it_knows_the_route() {
    let worker = Worker::on(TcpListener::bind("127.0.0.1:0").expect("a free port")).await;
    let service = Service::with_worker(&worker.server.uri()).await;
    train(&service).await;
    eventually(PATIENCE, async || {
        let requests = worker.server.received_requests().await?;
        (requests.len() >= 2).then_some(())
    })
    .await;
    assert_eq!(
        (waiting(&service).await, refused(&service).await),
        (1, vec![])
    );
    worker.takes(|_| None).await;
    empty(&service).await;
    assert_eq!(worker.jobs().len(), 1);
}

/// The answer is lost on its way, as with a crash before the commit.
#[tokio::test]
async fn a_job_that_is_handed_over_twice_is_one_job() {
    let worker = Worker::start().await;
    let service = Service::with_worker(&worker.server.uri()).await;
    train(&service).await;
    empty(&service).await;
    let job = worker.jobs().remove(0);
    let insert = sqlx::query(
        "INSERT INTO outbox (id, account_id, kind, payload, trace, created_at) VALUES ($1, $2, $3, $4, '{}', now())",
    );
    let insert = insert
        .bind(job.id)
        .bind(job.account_id)
        .bind(&job.kind)
        .bind(&job.payload);
    insert.execute(&service.pool).await.unwrap();
    empty(&service).await;
    assert_eq!(worker.jobs(), [job]);
}

#[tokio::test]
async fn a_refused_job_is_parked_with_the_reason_and_holds_nothing_up() {
    let worker = Worker::on(TcpListener::bind("127.0.0.1:0").expect("a free port")).await;
    worker
        .takes(|job| (job.kind == "dance").then_some("There is no job of the kind `dance` here."))
        .await;
    let service = Service::with_worker(&worker.server.uri()).await;
    put(&service, "dance", json!({})).await;
    train(&service).await;
    eventually(PATIENCE, async || {
        (waiting(&service).await == 1).then_some(())
    })
    .await;
    assert_eq!(worker.jobs().len(), 1);
    assert_eq!(
        refused(&service).await,
        ["There is no job of the kind `dance` here."]
    );
    train(&service).await;
    eventually(PATIENCE, async || (worker.jobs().len() == 2).then_some(())).await;

    // The next release knows it.
    worker.server.reset().await;
    worker.takes(|_| None).await;
    service.pass(time::Duration::minutes(2));
    empty(&service).await;
    assert_eq!(worker.jobs().len(), 3);
}

/// A body that is refused as a whole says nothing of the jobs in it but of one.
#[tokio::test]
async fn of_jobs_that_are_too_large_together_the_one_that_it_is_about_is_parked() {
    let worker = Worker::on(TcpListener::bind("127.0.0.1:0").expect("a free port")).await;
    let too_large = Problem::new(ErrorCode::TooLarge, "The body may have at most 1 bytes.");
    Mock::given(path("/internal/v1/jobs"))
        .and(body_string_contains("enormous"))
        .respond_with(ResponseTemplate::new(413).set_body_json(too_large))
        .mount(&worker.server)
        .await;
    let service = Service::with_worker(&worker.server.uri()).await;
    let mut kept = Vec::new();
    for number in 0..7 {
        let size = if number == 3 { "enormous" } else { "small" };
        let id = put(&service, "train", json!({"size": size})).await;
        kept.push((size, id));
    }
    worker.takes(|_| None).await;
    eventually(PATIENCE, async || {
        (waiting(&service).await == 1).then_some(())
    })
    .await;
    assert_eq!(refused(&service).await.len(), 1);
    let small = kept
        .iter()
        .filter(|(size, _)| *size == "small")
        .map(|(_, id)| *id);
    let taken: Vec<_> = worker.jobs().iter().map(|job| job.id).collect();
    assert_eq!(taken, small.collect::<Vec<_>>());
}

/// Starts a training.
async fn train(service: &Service) -> Value {
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    let training = service
        .post(&format!("{path}/trainings"), &token, json!({}))
        .await;
    training.ok(202)
}

/// Puts a job into the outbox that no route puts there.
async fn put(service: &Service, kind: &str, payload: Value) -> Uuid {
    put_in(service, kind, payload, json!({})).await
}

/// The same within a trace.
async fn put_in(service: &Service, kind: &str, payload: Value, trace: Value) -> Uuid {
    let id = Uuid::now_v7();
    let insert = sqlx::query(
        "INSERT INTO outbox (id, account_id, kind, payload, trace, created_at)
         VALUES ($1, $2, $3, $4, $5, now())",
    );
    let insert = insert.bind(id).bind(Uuid::now_v7()).bind(kind);
    let insert = insert.bind(payload).bind(trace).execute(&service.pool);
    insert.await.expect("a job is put");
    id
}

/// Waits until the outbox has handed everything over.
async fn empty(service: &Service) {
    eventually(PATIENCE, async || {
        (waiting(service).await == 0).then_some(())
    })
    .await;
}

async fn waiting(service: &Service) -> i64 {
    let select = sqlx::query_scalar("SELECT count(*) FROM outbox");
    select
        .fetch_one(&service.pool)
        .await
        .expect("the database answers")
}

async fn refused(service: &Service) -> Vec<String> {
    let select = sqlx::query_scalar("SELECT error FROM outbox WHERE refusals > 0 ORDER BY id");
    select
        .fetch_all(&service.pool)
        .await
        .expect("the database answers")
}
