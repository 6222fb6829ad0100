//! Trainings reach the queue, also when it was away or the process died in between.

use std::time::Duration;

use serde_json::json;
use stoa_contracts::{
    identity::Role,
    jobs::{Payload as _, Train},
};
use stoa_queue::{Queue, QueueSettings};
use stoa_testing::eventually;

use crate::service::Service;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_training_is_handed_on_to_the_queue() {
    let redis = stoa_testing::redis::database().await;
    let service = Service::with_queue(&redis.url, "stoa").await;
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    service
        .post(&format!("{path}/trainings"), &token, json!({}))
        .await
        .ok(202);
    let settings = QueueSettings {
        url: redis.url.clone().into(),
        namespace: "stoa".to_owned(),
    };
    let queue = Queue::connect(&settings).await.unwrap();
    eventually(PATIENCE, async || {
        let depth = queue.depth(Train::QUEUE).await.ok()?;
        (depth.ready == 1).then_some(())
    })
    .await;
    eventually(PATIENCE, async || {
        (waiting(&service).await == 0).then_some(())
    })
    .await;
    service.stop().await;
}

#[tokio::test]
async fn a_queue_that_is_away_delays_a_training_and_loses_none() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let path = service.trainable(&token).await;
    service
        .post(&format!("{path}/trainings"), &token, json!({}))
        .await
        .ok(202);
    assert_eq!(waiting(&service).await, 1);
    service.get("/api/v1/assistants", &token).await.ok(200);
}

async fn waiting(service: &Service) -> i64 {
    let select = sqlx::query_scalar("SELECT count(*) FROM outbox");
    select
        .fetch_one(&service.pool)
        .await
        .expect("the database answers")
}
