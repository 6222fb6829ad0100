//! What happens while somebody signs in or renews a session.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgPool;
use stoa_testing::eventually;

use crate::service::{Answer, EMAIL, PASSWORD, Service};

const PATIENCE: Duration = Duration::from_secs(30);

/// Signs the owner in while this change of the user is being made.
async fn sign_in_during(service: &Service, change: &'static str) -> Answer {
    let body = json!({"email": EMAIL, "password": PASSWORD});
    let changing = service.pool.begin().await;
    let mut changing = changing.expect("the database answers");
    let changed = sqlx::query(change).execute(&mut *changing).await;
    changed.expect("it is changed");
    let (answer, ()) = tokio::join!(service.post("/api/v1/sessions", "", body), async {
        waits_for_lock(&service.pool, 1).await;
        changing.commit().await.expect("it is committed");
    });
    answer
}

#[tokio::test]
async fn who_signs_in_with_a_password_that_is_changed_meanwhile_is_refused() {
    let service = Service::start().await;
    let answer = sign_in_during(&service, "UPDATE users SET password_hash = 'another'").await;
    answer.problem(401);
    let sessions: i64 = sqlx::query_scalar("SELECT count(*) FROM sessions")
        .fetch_one(&service.pool)
        .await
        .unwrap();
    assert_eq!(sessions, 0);
}

#[tokio::test]
async fn who_signs_in_while_the_role_is_changed_has_the_new_one() {
    let service = Service::start().await;
    let answer = sign_in_during(&service, "UPDATE users SET role = 'viewer'").await;
    let session = answer.ok(200);
    let token = session["access_token"].as_str().unwrap();
    let me = service.get("/api/v1/me", token).await.ok(200);
    assert_eq!(me["role"], "viewer");
}

#[tokio::test]
async fn who_signs_in_while_the_user_is_removed_is_refused() {
    let service = Service::start().await;
    let answer = sign_in_during(&service, "DELETE FROM users").await;
    answer.problem(401);
}

#[tokio::test]
async fn three_who_renew_at_once_do_not_end_the_session() {
    let service = Service::start().await;
    let first = service.sign_in().await;
    refresh(&service, &first).await.ok(200);
    // Two who come again wait behind each other.
    let mut held = service.pool.begin().await.unwrap();
    let lock = "SELECT FROM refresh_tokens WHERE used_at IS NULL FOR UPDATE";
    sqlx::query(lock).execute(&mut *held).await.unwrap();
    let (second, third, ()) = tokio::join!(
        refresh(&service, &first),
        refresh(&service, &first),
        async {
            waits_for_lock(&service.pool, 2).await;
            held.commit().await.unwrap();
        }
    );
    let mut good = 0;
    for session in [second.ok(200), third.ok(200)] {
        good += usize::from(refresh(&service, &session).await.status == 200);
    }
    assert!(good <= 1, "{good} branches of one session go on");
}

async fn refresh(service: &Service, session: &Value) -> Answer {
    let body = json!({"refresh_token": session["refresh_token"]});
    service.post("/api/v1/sessions/refresh", "", body).await
}

/// Waits until so many connections of the service wait for a lock.
pub(crate) async fn waits_for_lock(pool: &PgPool, connections: i64) {
    let count = "SELECT count(*) FROM pg_stat_activity
                 WHERE datname = current_database() AND wait_event_type = 'Lock'";
    eventually(PATIENCE, async || {
        let waiting = sqlx::query_scalar(count).fetch_one(pool).await;
        let waiting: i64 = waiting.expect("the database answers");
        (waiting >= connections).then_some(())
    })
    .await;
}
