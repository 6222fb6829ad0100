//! How many webhooks an account has.

use serde_json::json;
use stoa_contracts::identity::Role;

use crate::{races::waits_for_lock, service::Service, webhooks::create};

#[tokio::test]
async fn two_who_make_the_last_webhook_at_once_do_not_pass_the_bound() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    for _ in 0..19 {
        create(&service, &owner).await;
    }
    let mut other = service.pool.begin().await.unwrap();
    let lock = sqlx::query("SELECT FROM accounts FOR NO KEY UPDATE");
    lock.execute(&mut *other).await.unwrap();
    let copy = "INSERT INTO webhooks (id, account_id, url, events, secret, is_enabled, created_at, updated_at)
         SELECT gen_random_uuid(), account_id, url, events, secret, is_enabled, created_at, updated_at
         FROM webhooks LIMIT 1";
    sqlx::query(copy).execute(&mut *other).await.unwrap();
    let body = json!({"url": "https://example.org/", "events": ["training.failed"]});
    let (answer, ()) = tokio::join!(service.post("/api/v1/webhooks", &owner, body), async {
        waits_for_lock(&service.pool, 1).await;
        other.commit().await.unwrap();
    });
    answer.problem(409);
}
