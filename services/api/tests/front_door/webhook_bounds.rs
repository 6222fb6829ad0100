//! How many webhooks an account has, and how they go with very many deliveries.

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

const MANY: &str =
    "INSERT INTO webhook_deliveries (id, webhook_id, event, body, status, created_at)
    SELECT gen_random_uuid(), w.id, 'ping', '{}', 'succeeded', now()
    FROM webhooks w, generate_series(1, 2500)";

/// A webhook with very many deliveries; as if a statement that removes more than a part of them took too long.
async fn create_with_many(service: &Service, owner: &str) -> String {
    let (path, _) = create(service, owner).await;
    let inserted = sqlx::query(MANY).execute(&service.pool).await;
    inserted.expect("there are many");
    let bound = "CREATE FUNCTION refuse_many() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF (SELECT count(*) FROM removed) > 1000 THEN
                RAISE EXCEPTION 'too slow' USING ERRCODE = '57014';
            END IF;
            RETURN NULL;
        END $$;
        CREATE TRIGGER bound AFTER DELETE ON webhook_deliveries REFERENCING OLD TABLE AS removed
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_many();";
    let bounded = sqlx::raw_sql(bound).execute(&service.pool).await;
    bounded.expect("there is a bound");
    path
}

async fn is_gone_with_all_deliveries(service: &Service, path: &str, owner: &str) {
    service.get(path, owner).await.problem(404);
    let count = sqlx::query_scalar("SELECT count(*) FROM webhook_deliveries");
    let left: i64 = count.fetch_one(&service.pool).await.expect("a count");
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_webhook_with_very_many_deliveries_is_deleted_in_parts() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let path = create_with_many(&service, &owner).await;
    service.delete(&path, &owner).await.ok(204);
    is_gone_with_all_deliveries(&service, &path, &owner).await;
}

#[tokio::test]
async fn a_webhook_is_deleted_in_parts_also_when_another_removes_the_same_ones() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    let path = create_with_many(&service, &owner).await;
    // Whichever it takes first, they are gone when it comes to them; and very many are left.
    let mut other = service.pool.begin().await.unwrap();
    let part = "DELETE FROM webhook_deliveries WHERE id IN (
         SELECT id FROM webhook_deliveries LIMIT 1000)";
    for statement in [part, part, part, MANY] {
        sqlx::query(statement).execute(&mut *other).await.unwrap();
    }
    let (deleted, ()) = tokio::join!(service.delete(&path, &owner), async {
        waits_for_lock(&service.pool, 1).await;
        other.commit().await.unwrap();
    });
    deleted.ok(204);
    is_gone_with_all_deliveries(&service, &path, &owner).await;
}
