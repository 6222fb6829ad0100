//! What holds for the record of jobs.

use reqwest::StatusCode;
use serde_json::{Value, json};
use stoa_contracts::identity::Role;
use stoa_contracts::jobs::Train;
use stoa_contracts::trainings::TrainingStatus;
use uuid::Uuid;
use wiremock::matchers::any;
use wiremock::{Mock, ResponseTemplate};

use crate::platform::{failed, report, succeeded};
use crate::service::{TestService, User};

const JOBS: &str = "/api/v1/jobs";

/// Runs `count` trainings of an account to their end; their job ids, oldest first.
async fn run(service: &TestService, account: Uuid, count: usize, good: bool) -> Vec<Value> {
    let mut jobs = Vec::new();
    for _ in 0..count {
        let train = TestService::training(account);
        service.platform.has_training(&train).await;
        let answer = if good {
            succeeded()
        } else {
            failed("It cannot be done.")
        };
        service
            .platform
            .trains(train.training_id, vec![answer])
            .await;
        let job = service.enqueue(&train).await;
        service.ended(&train, job).await;
        jobs.push(json!(job));
    }
    jobs
}

fn ids(page: &Value) -> Vec<Value> {
    let items = page["items"].as_array().expect("a page has items");
    items.iter().map(|job| job["id"].clone()).collect()
}

async fn problem(user: User<'_>, path: &str) -> (StatusCode, Value) {
    let (status, problem) = user.get(path).await;
    (status, problem["code"].clone())
}

#[tokio::test]
async fn the_list_has_every_job_once_newest_first() {
    let service = TestService::start().await;
    let account = Uuid::now_v7();
    let mut jobs = run(&service, account, 3, true).await;
    jobs.reverse();
    let user = service.user(account, Role::Viewer);
    let (_, first) = user.get(&format!("{JOBS}?limit=2")).await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, second) = user.get(&format!("{JOBS}?limit=2&cursor={cursor}")).await;
    assert_eq!([ids(&first), ids(&second)].concat(), jobs);
    assert!(second["next_cursor"].is_null());
    service.end().await;
}

#[tokio::test]
async fn the_list_is_filtered_by_status_and_kind() {
    let service = TestService::start().await;
    let account = Uuid::now_v7();
    let good = run(&service, account, 1, true).await;
    let bad = run(&service, account, 1, false).await;
    let user = service.user(account, Role::Viewer);
    for (query, expected) in [
        ("status=succeeded", good.clone()),
        ("status=failed&kind=train", bad.clone()),
        ("status=running", Vec::new()),
        ("kind=evaluate", Vec::new()),
    ] {
        let (status, page) = user.get(&format!("{JOBS}?{query}")).await;
        assert_eq!((status, ids(&page)), (StatusCode::OK, expected), "{query}");
    }
    service.end().await;
}

#[tokio::test]
async fn another_account_does_not_see_a_job() {
    let service = TestService::start().await;
    let jobs = run(&service, Uuid::now_v7(), 1, true).await;
    let stranger = service.user(Uuid::now_v7(), Role::Owner);
    let path = format!("{JOBS}/{}", jobs[0].as_str().unwrap());
    assert_eq!(
        stranger.get(JOBS).await.1,
        json!({"items": [], "next_cursor": null})
    );
    assert_eq!(
        problem(stranger, &path).await,
        (StatusCode::NOT_FOUND, "not_found".into())
    );
    service.end().await;
}

#[tokio::test]
async fn requests_that_do_not_fit_are_refused() {
    let service = TestService::start().await;
    let account = Uuid::now_v7();
    for query in [
        "status=lost",
        "limit=0",
        "limit=101",
        "cursor=abc",
        "kind=",
        "kind=%00",
    ] {
        let user = service.user(account, Role::Viewer);
        let answer = problem(user, &format!("{JOBS}?{query}")).await;
        assert_eq!(
            answer,
            (StatusCode::BAD_REQUEST, "invalid".into()),
            "{query}"
        );
    }
    let user = service.user(account, Role::Viewer);
    let unknown = format!("{JOBS}/{}", Uuid::now_v7());
    assert_eq!(problem(user, &unknown).await.0, StatusCode::NOT_FOUND);
    let answer = problem(service.stranger(), JOBS).await;
    assert_eq!(answer, (StatusCode::UNAUTHORIZED, "unauthenticated".into()));
    let narrowed = service.user_of_assistant(account, Role::Owner, Some(Uuid::now_v7()));
    assert_eq!(
        problem(narrowed, JOBS).await,
        (StatusCode::FORBIDDEN, "forbidden".into())
    );
    service.end().await;
}

#[tokio::test]
async fn a_job_that_runs_is_cancelled_and_its_training_ends() {
    let service = TestService::start().await;
    let train = TestService::training(Uuid::now_v7());
    service.platform.has_training(&train).await;
    let for_ever = vec![report(TrainingStatus::Running, 0.5)];
    service.platform.trains(train.training_id, for_ever).await;
    let job = service.enqueue(&train).await;
    service.wait_for(&train, job, "running").await;
    let path = format!("{JOBS}/{job}/cancel");
    let viewer = service.user(train.account_id, Role::Viewer);
    assert_eq!(viewer.post(&path).await.0, StatusCode::FORBIDDEN);
    let editor = service.user(train.account_id, Role::Editor);
    let (status, answer) = editor.post(&path).await;
    assert_eq!(
        (status, &answer["cancel_requested"]),
        (StatusCode::OK, &json!(true))
    );
    let ended = service.ended(&train, job).await;
    assert_eq!(
        (&ended["status"], &ended["cancel_requested"]),
        (&json!("cancelled"), &json!(false))
    );
    assert_eq!(ended["history"][0]["outcome"], "cancelled");
    let told = service.platform.told(train.training_id).await;
    let last = told.last().expect("api was told");
    assert_eq!(last.status, TrainingStatus::Failed);
    assert_eq!(last.error.as_deref(), Some("Its job was cancelled."));
    let (status, problem) = editor.post(&path).await;
    assert_eq!(
        (status, &problem["code"]),
        (StatusCode::CONFLICT, &json!("conflict"))
    );
    service.end().await;
}

#[tokio::test]
async fn a_job_that_waits_for_its_next_attempt_is_cancelled_at_once() {
    let service = TestService::start().await;
    let train = TestService::training(Uuid::now_v7());
    service.platform.has_training(&train).await;
    let away = vec![ResponseTemplate::new(503)];
    service.platform.trains(train.training_id, away).await;
    let job = service.enqueue(&train).await;
    let waiting = service.wait_for(&train, job, "retrying").await;
    assert_eq!(waiting["history"][0]["outcome"], "retried");
    let editor = service.user(train.account_id, Role::Editor);
    let (_, _) = editor.post(&format!("{JOBS}/{job}/cancel")).await;
    let ended = service.ended(&train, job).await;
    assert_eq!(ended["status"], "cancelled");
    // The first attempt may have left it there.
    let asked = service.platform.ml.received_requests().await;
    let asked = asked.expect("requests are recorded");
    assert_eq!(
        asked
            .iter()
            .filter(|asked| asked.method == "DELETE")
            .count(),
        1
    );
    let stranger = service.user(Uuid::now_v7(), Role::Owner);
    let (status, _) = stranger.post(&format!("{JOBS}/{job}/cancel")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    service.end().await;
}

/// A training whose job waits for its next attempt, for long.
async fn waiting_training(service: &TestService) -> (Train, Uuid) {
    let train = TestService::training(Uuid::now_v7());
    service.platform.has_training(&train).await;
    let away = vec![ResponseTemplate::new(503)];
    service.platform.trains(train.training_id, away).await;
    let job = service.enqueue(&train).await;
    service.wait_for(&train, job, "retrying").await;
    (train, job)
}

const PATIENT: [(&str, &str); 2] = [("JOB_BACKOFF", "1h"), ("JOB_BACKOFF_LIMIT", "1h")];

#[tokio::test]
async fn a_job_that_is_cancelled_again_ends_its_training_that_has_not_heard_of_it() {
    let service = TestService::start_with(&PATIENT).await;
    let (train, job) = waiting_training(&service).await;
    let editor = service.user(train.account_id, Role::Editor);
    let path = format!("{JOBS}/{job}/cancel");
    service.platform.api.reset().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(503))
        .mount(&service.platform.api)
        .await;
    let (status, cancelled) = editor.post(&path).await;
    assert_eq!(
        (status, &cancelled["status"]),
        (StatusCode::OK, &json!("cancelled"))
    );

    service.platform.forget().await;
    service.platform.takes_reports(train.training_id).await;
    assert_eq!(editor.post(&path).await.0, StatusCode::CONFLICT);
    let told = service.platform.told(train.training_id).await;
    assert_eq!(told.len(), 1);
    let last = told.last().expect("api was told");
    assert_eq!(last.error.as_deref(), Some("Its job was cancelled."));
    service.end().await;
}

#[tokio::test]
async fn news_of_a_cancellation_that_a_retry_overtakes_leave_its_training_begun_anew() {
    let service = TestService::start_with(&PATIENT).await;
    let (train, job) = waiting_training(&service).await;
    let answer = ResponseTemplate::new(204);
    service.platform.reopens(&train, answer).await;
    let overtaking = "CREATE FUNCTION overtake() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             UPDATE queue_jobs SET state = 'queued', attempts = 0, cancel_requested = false, finished_at = NULL
             WHERE id = NEW.id;
             RETURN NULL;
         END $$;
         CREATE TRIGGER overtake AFTER UPDATE OF state ON queue_jobs
             FOR EACH ROW WHEN (NEW.state = 'cancelled') EXECUTE FUNCTION overtake()";
    let pool = service.pool().await;
    sqlx::raw_sql(overtaking).execute(&pool).await.unwrap();
    let editor = service.user(train.account_id, Role::Editor);
    let (status, answer) = editor.post(&format!("{JOBS}/{job}/cancel")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(service.platform.reopenings(&train).await, 1);
    service.end().await;
}
