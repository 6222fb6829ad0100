//! What has had its time is removed, with the test in the place of `worker`.

use serde_json::{Value, json};
use stoa_contracts::identity::Role;
use time::Duration;
use uuid::Uuid;

use crate::{
    service::{INTERNAL, Service},
    webhooks::{ask, create, deliveries, message, report},
};

/// What `worker` calls by the clock; what came of it.
async fn upkeep(service: &Service) -> Value {
    let removed = service.post("/internal/v1/upkeep", INTERNAL, Value::Null);
    removed.await.ok(200)
}

#[tokio::test]
async fn what_has_had_its_time_is_removed_when_worker_calls() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let (path, _) = create(&service, &owner).await;
    service
        .post(&format!("{path}/test"), &owner, json!({}))
        .await
        .ok(202);
    service.sign_in().await;
    let key = json!({"name": "old", "role": "viewer"});
    let key = service.post("/api/v1/api-keys", &owner, key).await.ok(201);
    let key = format!("/api/v1/api-keys/{}", key["id"].as_str().unwrap());
    service.delete(&key, &owner).await.ok(204);
    assert_eq!(upkeep(&service).await, json!({"removed": 0, "more": false}));

    service.pass(Duration::days(4));
    upkeep(&service).await;
    let owner = service.token(Role::Owner).await;
    assert_eq!(
        deliveries(&service, &path, &owner).await[0]["status"],
        "failed"
    );
    // The delivery, the session and its refresh token; the key stays longer.
    service.pass(Duration::days(29));
    assert_eq!(upkeep(&service).await, json!({"removed": 3, "more": false}));
    service.pass(Duration::days(60));
    assert_eq!(upkeep(&service).await, json!({"removed": 1, "more": false}));
    service
        .post("/internal/v1/upkeep", "wrong", Value::Null)
        .await
        .problem(401);
}

#[tokio::test]
async fn many_expired_sessions_are_removed_in_parts() {
    let service = Service::start().await;
    service.sign_in().await;
    let copies = "INSERT INTO refresh_tokens (token_hash, family, user_id, created_at, expires_at)
         SELECT sha256(n::text::bytea), $1, (SELECT id FROM users), now(), now() - interval '3 days'
         FROM generate_series(1, 1001) AS n";
    let copies = sqlx::query(copies).bind(Uuid::now_v7());
    copies.execute(&service.pool).await.unwrap();
    assert_eq!(
        upkeep(&service).await,
        json!({"removed": 1000, "more": true})
    );
    assert_eq!(upkeep(&service).await, json!({"removed": 1, "more": false}));
}

#[tokio::test]
async fn deliveries_that_wait_for_too_long_are_given_up_in_parts() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let (_, webhook) = create(&service, &owner).await;
    let copies = "INSERT INTO webhook_deliveries (id, webhook_id, event, body, status, created_at)
         SELECT gen_random_uuid(), $1::text::uuid, 'ping', '{}', 'pending', now() - interval '4 days'
         FROM generate_series(1, 1001)";
    let copies = sqlx::query(copies).bind(webhook["id"].as_str());
    copies.execute(&service.pool).await.unwrap();
    for (more, left) in [(true, 1), (false, 0)] {
        assert_eq!(upkeep(&service).await, json!({"removed": 0, "more": more}));
        let pending = "SELECT count(*) FROM webhook_deliveries WHERE status = 'pending'";
        let pending = sqlx::query_scalar::<_, i64>(pending);
        assert_eq!(pending.fetch_one(&service.pool).await.unwrap(), left);
    }
}

#[tokio::test]
async fn an_old_delivery_that_is_to_be_made_after_all_stays() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let (path, _) = create(&service, &owner).await;
    let test = format!("{path}/test");
    let ping = service.post(&test, &owner, json!({})).await.ok(202);
    report(&service, &ping, 1, "failed").await;
    service.pass(Duration::days(31));
    ask(&service, &ping, "reopening").await.ok(204);
    assert_eq!(upkeep(&service).await["more"], false);
    message(&service, &ping).await.ok(200);
    report(&service, &ping, 1, "succeeded").await;
    upkeep(&service).await;
    let owner = service.token(Role::Owner).await;
    assert!(deliveries(&service, &path, &owner).await.is_empty());
}
