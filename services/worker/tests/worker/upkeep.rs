//! The platform's own jobs: by the clock, once for each time, however many workers there are.

use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use stoa_contracts::upkeep::Removed;
use stoa_testing::eventually;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::platform::INTERNAL_TOKEN;
use crate::service::TestService;

const PATIENCE: Duration = Duration::from_mins(1);

/// A service that has so many parts to remove.
async fn has_parts(server: &MockServer, parts: usize) {
    let calls = AtomicUsize::new(0);
    let answer = move |_: &Request| {
        let more = calls.fetch_add(1, Ordering::Relaxed) + 1 < parts;
        ResponseTemplate::new(200).set_body_json(Removed { removed: 7, more })
    };
    Mock::given(method("POST"))
        .and(path("/internal/v1/upkeep"))
        .and(header("authorization", format!("Bearer {INTERNAL_TOKEN}")))
        .respond_with(answer)
        .mount(server)
        .await;
}

async fn calls(server: &MockServer) -> usize {
    let requests = server.received_requests().await.expect("they are kept");
    requests
        .iter()
        .filter(|request| request.url.path() == "/internal/v1/upkeep")
        .count()
}

#[tokio::test]
async fn a_time_of_the_platform_fires_once_on_all_workers_and_every_part_is_removed() {
    let service = TestService::start().await;
    has_parts(&service.platform.api, 3).await;
    has_parts(&service.platform.conversation, 1).await;
    // Another start finds the schedules and leaves them.
    let other = service.another().await;
    let pool = service.pool().await;
    let schedules: Vec<(String, String)> = sqlx::query_as(
        "SELECT name, cron FROM queue_schedules WHERE name LIKE 'platform.%' ORDER BY name",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    let names = [
        "platform.remove_expired_access",
        "platform.remove_old_conversations",
    ];
    assert_eq!(
        schedules.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        names
    );
    let due = "UPDATE queue_schedules SET next_at = date_trunc('second', clock_timestamp())";
    sqlx::query(due).execute(&pool).await.unwrap();
    let results = eventually(PATIENCE, || async {
        let ended = "SELECT result FROM queue_jobs WHERE queue = 'upkeep' AND state = 'succeeded' ORDER BY kind";
        let ended: Vec<serde_json::Value> = sqlx::query_scalar(ended).fetch_all(&pool).await.ok()?;
        (ended.len() >= 2).then_some(ended)
    })
    .await;
    // Time for a second firing, if there were one.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(results, [json!({"removed": 21}), json!({"removed": 7})]);
    assert_eq!(
        (
            calls(&service.platform.api).await,
            calls(&service.platform.conversation).await
        ),
        (3, 1)
    );
    other.stop().await.expect("it ends well");
    service.end().await;
}
