//! What happens while somebody signs in or renews a session.

use std::time::Duration;

use serde_json::{Value, json};
use sqlx::PgPool;
use stoa_contracts::identity::Role;
use stoa_testing::eventually;

use crate::{
    imports::{CSV, parts, upload},
    service::{Answer, EMAIL, INTERNAL, PASSWORD, Service},
    trainings::metrics,
};

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

#[tokio::test]
async fn what_would_refer_to_an_assistant_that_is_deleted_meanwhile_is_refused() {
    let service = Service::start().await;
    let owner = service.token(Role::Owner).await;
    for status in [404, 422] {
        let assistant = service.assistant(&owner).await;
        let imports = format!("{assistant}/imports");
        let id = assistant.rsplit('/').next().unwrap();
        let key = json!({"name": "narrow", "role": "viewer", "assistant_id": id});
        let mut deleting = service.pool.begin().await.unwrap();
        let delete = sqlx::query("DELETE FROM assistants");
        delete.execute(&mut *deleting).await.unwrap();
        let create = async {
            if status == 404 {
                upload(&service, &imports, &owner, "text/csv", CSV).await
            } else {
                service.post("/api/v1/api-keys", &owner, key).await
            }
        };
        let (answer, ()) = tokio::join!(create, async {
            waits_for_lock(&service.pool, 1).await;
            deleting.commit().await.unwrap();
        });
        answer.problem(status);
    }
    assert_eq!(parts(&service).await, 0);
}

#[tokio::test]
async fn a_report_on_a_training_and_the_deletion_of_its_assistant_do_not_lock_each_other() {
    let service = Service::start().await;
    let token = service.token(Role::Editor).await;
    let trainings = format!("{}/trainings", service.trainable(&token).await);
    let training = service.post(&trainings, &token, json!({})).await.ok(202);
    let id = training["id"].as_str().unwrap();
    let path = format!("/internal/v1/trainings/{id}");
    let done = json!({"status": "succeeded", "progress": 1.0, "metrics": metrics()});
    let done = done.to_string();
    // In the order of the route that deletes one.
    let mut deleting = service.pool.begin().await.unwrap();
    let hold = sqlx::query("SELECT FROM assistants FOR UPDATE");
    hold.execute(&mut *deleting).await.unwrap();
    let report = service.put(&path, INTERNAL, "application/json", &done);
    let (answer, ()) = tokio::join!(report, async {
        waits_for_lock(&service.pool, 1).await;
        let delete = sqlx::query("DELETE FROM assistants");
        delete.execute(&mut *deleting).await.unwrap();
        deleting.commit().await.unwrap();
    });
    answer.problem(404);
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
