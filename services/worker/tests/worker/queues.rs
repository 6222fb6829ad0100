//! What holds for the queues as a whole.

use reqwest::StatusCode;
use serde_json::{Value, json};
use stoa_contracts::identity::Role;
use uuid::Uuid;

use crate::platform::succeeded;
use crate::service::TestService;

const QUEUES: &str = "/api/v1/queues";

fn trainings(queues: &Value) -> Value {
    let items = queues["items"].as_array().expect("queues");
    let found = items.iter().find(|queue| queue["name"] == "trainings");
    found
        .cloned()
        .unwrap_or_else(|| panic!("no trainings in {queues}"))
}

#[tokio::test]
async fn a_paused_queue_starts_nothing_until_it_is_resumed() {
    let train = TestService::training(Uuid::now_v7());
    let service = TestService::start_operated_by(train.account_id).await;
    service.platform.has_training(&train).await;
    service
        .platform
        .trains(train.training_id, vec![succeeded()])
        .await;
    let owner = service.user(train.account_id, Role::Owner);
    service.works().await;
    let (status, paused) = owner.post(&format!("{QUEUES}/trainings/pause")).await;
    assert_eq!(status, StatusCode::OK, "{paused}");
    assert!(paused["paused_at"].is_string());

    let job = service.enqueue(&train).await;
    let waiting = service.wait_for(&train, job, "queued").await;
    assert_eq!(waiting["attempts"], 0);
    let queue = trainings(&owner.get(QUEUES).await.1);
    assert_eq!(queue["jobs"]["queued"], 1);
    assert!(queue["oldest_waits_since"].is_string());

    let (_, resumed) = owner.post(&format!("{QUEUES}/trainings/resume")).await;
    assert!(resumed["paused_at"].is_null());
    let ended = service.ended(&train, job).await;
    assert_eq!(ended["status"], "succeeded");
    let queue = trainings(&owner.get(QUEUES).await.1);
    assert_eq!(queue["last_minute"]["succeeded"], 1);
    assert_eq!(
        queue["jobs"],
        json!({"scheduled": 0, "queued": 0, "running": 0, "failed": 0})
    );
    service.end().await;
}

#[tokio::test]
async fn only_who_operates_the_installation_touches_a_queue() {
    let operators = Uuid::now_v7();
    let service = TestService::start_operated_by(operators).await;
    let train = TestService::training(Uuid::now_v7());
    service.platform.has_training(&train).await;
    service
        .platform
        .trains(train.training_id, vec![succeeded()])
        .await;
    let job = service.enqueue(&train).await;
    service.ended(&train, job).await;

    let pause = format!("{QUEUES}/trainings/pause");
    for (account, role) in [(train.account_id, Role::Owner), (operators, Role::Editor)] {
        let (status, refusal) = service.user(account, role).post(&pause).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{refusal}");
    }
    let narrowed = service.user_of_assistant(operators, Role::Owner, Some(Uuid::now_v7()));
    assert_eq!(narrowed.post(&pause).await.0, StatusCode::FORBIDDEN);
    let operator = service.user(operators, Role::Owner);
    assert_eq!(operator.post(&pause).await.0, StatusCode::OK);
    let (status, _) = operator.post(&format!("{QUEUES}/training/pause")).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "a name that was mistyped");

    // Everybody counts the own jobs only, an operator all of them.
    let (_, all) = operator.get(QUEUES).await;
    assert_eq!(
        (&all["scope"], &trainings(&all)["last_minute"]["succeeded"]),
        (&json!("platform"), &json!(1))
    );
    let (_, own) = service
        .user(train.account_id, Role::Owner)
        .get(QUEUES)
        .await;
    assert_eq!(
        (&own["scope"], &trainings(&own)["last_minute"]["succeeded"]),
        (&json!("account"), &json!(1))
    );
    let (_, none) = service.user(Uuid::now_v7(), Role::Owner).get(QUEUES).await;
    assert_eq!(trainings(&none)["last_minute"]["succeeded"], 0);
    service.end().await;
}

#[tokio::test]
async fn limits_are_set_shown_and_taken_away() {
    let operators = Uuid::now_v7();
    let service = TestService::start_operated_by(operators).await;
    let owner = service.user(operators, Role::Owner);
    let path = format!("{QUEUES}/trainings/limits");
    service.works().await;
    let limits = json!({"max_running": 2, "rate": {"jobs": 30, "seconds": 60}});
    let (status, queue) = owner.send("PUT", &path, limits.clone()).await;
    assert_eq!((status, &queue["limits"]), (StatusCode::OK, &limits));
    assert_eq!(trainings(&owner.get(QUEUES).await.1)["limits"], limits);
    let (_, queue) = owner.send("PUT", &path, json!({})).await;
    assert_eq!(queue["limits"], json!({"max_running": null, "rate": null}));
    for (wrong, pointer) in [
        (json!({"max_running": 0}), "/max_running"),
        (json!({"rate": {"jobs": 1, "seconds": 0}}), "/rate/seconds"),
    ] {
        let (status, refusal) = owner.send("PUT", &path, wrong).await;
        assert_eq!(
            (status, &refusal["errors"][0]["pointer"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(pointer))
        );
    }
    service.end().await;
}

#[tokio::test]
async fn nobody_operates_an_installation_that_names_no_account() {
    let service = TestService::start().await;
    service.works().await;
    let owner = service.user(Uuid::now_v7(), Role::Owner);
    let (status, refusal) = owner.post(&format!("{QUEUES}/trainings/pause")).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{refusal}");
    let (status, refusal) = owner.get("/api/v1/jobs?platform=true").await;
    assert_eq!(status, StatusCode::FORBIDDEN, "{refusal}");
    assert_eq!(owner.get(QUEUES).await.1["scope"], "account");
    service.end().await;
}
