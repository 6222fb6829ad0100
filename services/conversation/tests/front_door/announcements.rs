//! A handover is announced to the account's webhooks: by a job that is committed with it.

use crate::service::TestService;
use serde_json::json;
use std::time::Duration;
use stoa_contracts::webhooks::{Announce, HandedToPerson, WebhookEvent};
use stoa_testing::eventually;

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_handover_is_announced_once_and_nothing_else_is() {
    let service = TestService::start().await;
    service.others.take_jobs().await;
    let user = service.user();
    let quiet = user.open().await;
    user.say(&quiet, "report").await;
    let id = user.open().await;
    // The same message twice is heard once, and hands over once.
    let first = user.say_once(&id, "k", "a human").await;
    assert_eq!(user.say_once(&id, "k", "a human").await, first);
    user.say(&id, "are you there?").await;

    eventually(PATIENCE, async || {
        let jobs = service.others.jobs().await;
        (!jobs.is_empty() && service.waiting().await == 0).then_some(())
    })
    .await;
    let jobs = service.others.jobs().await;
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    assert_eq!(
        (jobs[0].kind.as_str(), jobs[0].version, jobs[0].account_id),
        ("announce", 1, service.account)
    );
    let job: Announce = serde_json::from_value(jobs[0].payload.clone()).expect("a payload");
    assert_eq!(
        (job.account_id, job.event),
        (service.account, WebhookEvent::ConversationHandover)
    );
    let data: HandedToPerson = serde_json::from_value(job.data).expect("of the contract");
    let expected = HandedToPerson {
        conversation_id: id.parse().expect("an id"),
        assistant_id: service.assistant,
        sender: None,
    };
    assert_eq!(data, expected);

    // Given back and handed over again, it is another event.
    user.delete(&format!("/api/v1/conversations/{id}/handover"))
        .await;
    user.say(&id, "a human").await;
    eventually(PATIENCE, async || {
        (service.others.jobs().await.len() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_is_away_delays_the_announcement_and_no_answer() {
    let service = TestService::start().await;
    let user = service.user();
    let path = format!("/api/v1/assistants/{}/conversations", service.assistant);
    let (_, started) = user.post(&path, json!({"sender": "ada"})).await;
    let id = started["id"].as_str().expect("an id").to_owned();
    assert_eq!(user.say(&id, "a human").await, ["A colleague takes over."]);
    // Offered, and not taken: the worker of this test knows no route yet.
    eventually(PATIENCE, async || {
        (!service.others.jobs().await.is_empty()).then_some(())
    })
    .await;
    assert_eq!(service.waiting().await, 1);
    service.others.take_jobs().await;
    eventually(PATIENCE, async || {
        (service.waiting().await == 0).then_some(())
    })
    .await;
    let jobs = service.others.jobs().await;
    assert_eq!(
        (jobs.len(), &jobs[0].payload["data"]["sender"]),
        (1, &json!("ada"))
    );
}

#[tokio::test]
async fn a_turn_that_is_not_stored_announces_nothing() {
    let service = TestService::start().await;
    let user = service.user();
    let id = user.open().await;
    service.others.understand_nothing().await;
    let path = format!("/api/v1/conversations/{id}/messages");
    assert_eq!(user.post(&path, json!({"text": "a human"})).await.0, 503);
    assert_eq!(service.waiting().await, 0);
}
